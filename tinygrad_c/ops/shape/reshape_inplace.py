"""Shape changes in place: the tensor itself gets another shape and strides on its storage."""
from __future__ import annotations

import math

from tinygrad_c.ops.arguments import unpacked
from tinygrad_c.ops.create.create import empty_, sizes
from tinygrad_c.ops.shape.shape import as_strided, reshape, squeeze, t, transpose, unsqueeze
from tinygrad_c.ops.shape.view import check_may_change, take_view


def in_place_view(function):
    """The in-place version of a function that returns a view: the tensor itself takes the view's shape and strides."""
    def inplace(input, *args, **kwargs):
        check_may_change(input)
        return take_view(input, function(input, *args, **kwargs))
    inplace.__name__ = inplace.__qualname__ = function.__name__ + "_"
    inplace.__doc__ = function.__name__ + " in place: the tensor itself takes the new shape, and is returned."
    return inplace


squeeze_, unsqueeze_, transpose_, t_, as_strided_ = map(in_place_view, (squeeze, unsqueeze, transpose, t, as_strided))


def resize_(input, *shape):
    """Resize the tensor in place: its elements keep their order in memory, extra ones are dropped, new ones uninitialised.

    RuntimeError for a tensor that requires grad.

    >>> x = tinygrad_c.tensor([1, 2, 3, 4])
    >>> x.resize_(2, 1)
    tensor([[1],
            [2]])
    """
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad: slice it, or append to it with tinygrad_c.cat")
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
    if total:       # in memory order, as in torch
        larger[:total] = as_strided(input.detach(), (total,), (1,), input.storage_offset())
    input.data = reshape(larger, tuple(shape))
    return input


def resize_as_(input, the_template):
    """resize_ to another tensor's shape.

    >>> tinygrad_c.tensor([1, 2, 3]).resize_as_(tinygrad_c.ones(2))
    tensor([1, 2])
    """
    return resize_(input, *sizes(the_template))
