"""Shapes changed in place: the tensor itself gets another shape of the memory that it has."""
from __future__ import annotations

import math

from tinygrad_c.ops.arguments import unpacked
from tinygrad_c.ops.create.create import empty_, sizes
from tinygrad_c.ops.shape.shape import as_strided, reshape, squeeze, t, transpose, unsqueeze
from tinygrad_c.ops.shape.view import check_may_change, take_view


def in_place_view(function):
    """The twin of a function that gives a view: the tensor itself becomes that view."""
    def twin(input, *args, **kwargs):
        check_may_change(input)
        return take_view(input, function(input, *args, **kwargs))
    twin.__name__ = twin.__qualname__ = function.__name__ + "_"
    twin.__doc__ = function.__name__ + " in place: the tensor itself takes the new shape, and is returned."
    return twin


squeeze_, unsqueeze_, transpose_, t_, as_strided_ = map(in_place_view, (squeeze, unsqueeze, transpose, t, as_strided))


def resize_(input, *shape):
    """The tensor itself in another shape: its elements as the memory has them, cut off, or followed by whatever it holds.

    RuntimeError for a tensor that requires grad.

    >>> x = tinygrad_c.tensor([1, 2, 3, 4])
    >>> x.resize_(2, 1)
    tensor([[1],
            [2]])
    """
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad: take a part of it, or tinygrad_c.cat more to it")
    check_may_change(input)
    shape = unpacked(shape)
    count = math.prod(shape)
    if sizes(input) == tuple(shape):
        return input
    total = math.prod(sizes(input))
    if count <= total:
        steps = [math.prod(shape[d + 1:]) for d in range(len(shape))]
        return take_view(input, as_strided(input.detach(), tuple(shape), tuple(steps), input.storage_offset()))
    larger = empty_(count, dtype=input.dtype)
    if total:       # in the order of the memory, as torch has it
        larger[:total] = as_strided(input.detach(), (total,), (1,), input.storage_offset())
    input.data = reshape(larger, tuple(shape))
    return input


def resize_as_(input, the_template):
    """resize_ to another tensor's shape.

    >>> tinygrad_c.tensor([1, 2, 3]).resize_as_(tinygrad_c.ones(2))
    tensor([1, 2])
    """
    return resize_(input, *sizes(the_template))
