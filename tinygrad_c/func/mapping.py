"""vmap: a function of one element becomes a function of a batch, in which each operation runs once for the whole batch."""
from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tinygrad_c.core import batched as watching
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.func import rules
from tinygrad_c.func.batched import BatchedTensor, Level, batch_of, handle, running, wrap
from tinygrad_c.func.trees import flatten, rebuild
from tinygrad_c.ops.shape.rearrange import movedim
from tinygrad_c.ops.shape.shape import cat


def vmap(func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable:
    """A function that maps func over a batch: func sees one element, but runs once, on operations for the whole batch.

    in_dims is the batch dimension of each argument, out_dims the batch dimension of the results: an int, or a structure like
    the arguments or results. None, and keyword arguments, are passed whole. If func uses random numbers, `randomness` must be
    "different" (for each element) or "same". chunk_size limits the elements that are computed at once. An operation without a
    rule for batches is called for each element, with a warning.

    ValueError for in_dims or out_dims that do not match, for batch sizes that differ, and for results that are not tensors.
    RuntimeError where func's control flow depends on a value (.item(), if), and for writing in place to a tensor that is the
    same for all elements.

    >>> vmap(lambda x, w: (x * w).sum(), in_dims=(0, None))(tensor([[1., 2.], [3., 4.]]), tensor([1., 10.]))
    tensor([21., 43.])
    >>> one = tinygrad_c.func.grad(lambda w, x: (w * x).square().sum())
    >>> vmap(one, in_dims=(None, 0))(tensor(1.), tensor([1., 2.]))          # a gradient for each sample
    tensor([2., 8.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = getattr(func, "__name__", type(func).__name__)

    @functools.wraps(func)
    def batched(*args, **kwargs):
        leaves, dims = parsed(name, in_dims, args)
        sizes = [leaf.shape[dim] for leaf, dim in zip(leaves, dims) if dim is not None]
        if not sizes:
            raise ValueError("vmap: Expected at least one Tensor to vmap over")
        if len(set(sizes)) > 1:
            raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for "
                             "the mapped dimension")
        size = sizes[0]
        leaves = [leaf if dim is None else leaf if dim == 0 else movedim(leaf, dim, 0) for leaf, dim in zip(leaves, dims)]
        if chunk_size is None or size <= chunk_size:
            return mapped(name, func, args, kwargs, leaves, dims, size, out_dims, randomness)
        starts = range(0, size, chunk_size)
        parts = [mapped(name, func, args, kwargs, [leaf if dim is None else leaf[start:start + chunk_size]
                                                   for leaf, dim in zip(leaves, dims)],
                        dims, min(chunk_size, size - start), out_dims, randomness) for start in starts]
        where = expanded(out_dims, parts[0], "")
        return rebuild(parts[0], [column[0] if dim is None else cat(list(column), dim)
                                  for column, dim in zip(zip(*map(flatten, parts)), where)])
    return batched


def parsed(name: str, in_dims: Any, args: tuple) -> tuple[list, list]:
    """The leaves of the arguments, and for each its batch dimension or None; ValueError if they do not fit."""
    if not args:
        raise ValueError(f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap "
                         "over a function with no inputs. The latter is unsupported.")
    called = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple, list)):
        raise ValueError(f"{called}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of "
                         f"inputs, got: {type(in_dims)}.")
    given = [in_dims] * len(args) if isinstance(in_dims, int) else in_dims
    leaves = [leaf for arg in args for leaf in flatten(arg)]
    dims = expanded(tuple(given), args, f"{called}: in_dims is not compatible with the structure of `inputs`: there are "
                    f"{len(args)} arguments")
    for leaf, dim in zip(leaves, dims):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(f"{called}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None.")
        if not isinstance(leaf, TensorBase):
            raise ValueError(f"{called}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We cannot "
                             "vmap over non-Tensor arguments, please use None as the respective in_dim")
        if not -leaf.ndim <= dim < leaf.ndim:
            raise ValueError(f"{called}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality "
                             f"{leaf.ndim} so expected in_dim to satisfy -{leaf.ndim} <= in_dim < {leaf.ndim}.")
    return leaves, dims


def mapped(name: str, func: Callable, args: tuple, kwargs: dict, leaves: list, dims: list, size: int, out_dims: Any,
           randomness: str) -> Any:
    """Call func on batched tensors; its results with the batch dimension at out_dims."""
    with level_of(size, randomness) as level:
        here = rebuild(args, [leaf if dim is None else wrap(leaf, level) for leaf, dim in zip(leaves, dims)])
        result = func(*here, **kwargs)
        where = expanded(out_dims, result, f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with "
                         "the structure of `outputs`")
        return rebuild(result, [unwrapped(name, leaf, dim, level) for leaf, dim in zip(flatten(result), where)])


@contextmanager
def level_of(size: int, randomness: str = "error", loops: bool = True) -> Iterator[Level]:
    """A new innermost level while the block runs; not `loops`: an operation without a rule raises."""
    watch()
    level = Level(size, randomness, len(running.levels), loops)
    running.levels.append(level)
    watching.activate(1)
    try:
        yield level
    finally:
        watching.activate(-1)
        running.levels.remove(level)


def unwrapped(name: str, leaf: Any, dim: int | None, level: Level) -> Any:
    """A result of func as the caller of vmap gets it."""
    if not isinstance(leaf, TensorBase):
        if dim is None:
            return leaf
        raise ValueError(f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(leaf)}. Did you mean to set "
                         "out_dims= to None for output?")
    if dim is None:
        if type(leaf) is BatchedTensor and leaf.level is level:
            raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None")
        return leaf
    out = batch_of(leaf, level)
    return out if dim == 0 else movedim(out, 0, dim)


def expanded(dims: Any, tree: Any, wrong: str) -> list:
    """One dim per leaf of the tree. An int or None applies to its whole subtree. ValueError(wrong) if the structures differ."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(flatten(tree))
    if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        return [d for key in tree for d in expanded(dims[key], tree[key], wrong)]
    if isinstance(dims, (tuple, list)) and isinstance(tree, (tuple, list)) and len(dims) == len(tree):
        return [d for each, part in zip(dims, tree) for d in expanded(each, part, wrong)]
    if not isinstance(dims, (dict, tuple, list)) and not isinstance(tree, (dict, tuple, list)):
        return [dims]
    raise ValueError(wrong)


@functools.cache
def watch() -> None:
    """Have the compiled operations look at their arguments while a vmap runs. Once."""
    rules.load_rules()
    functions = rules.operations()
    watching.intercept(functions, {each for each in functions if each.__name__ in rules.RANDOM}, BatchedTensor, handle)
