"""Rules of vmap: shapes, views, joining and splitting."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c.core.tape import TensorBase
from tinygrad_c.func.batched import DATA_DEPENDENT, Level, NoRule, batch_of, element, is_at, lowered, table, wrap, wrap_all
from tinygrad_c.func.rules import bound, padded, plain, shifted
from tinygrad_c.ops.shape import shape as shapes
from tinygrad_c.ops.shape.shape import expand, permute, reshape, squeeze, transpose, unsqueeze


def sizes_of(given: tuple) -> tuple:
    """The sizes of reshape(x, 2, 3) and of reshape(x, (2, 3))."""
    return tuple(given[0]) if len(given) == 1 and not isinstance(given[0], int) else given


def reshape_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, *sizes = args
    sizes = sizes_of(kwargs.get("shape", kwargs.get("size")) if kwargs else tuple(sizes))
    if -1 in sizes and not x.batch.numel():             # the batch may be what is empty
        sizes = reshape(shapes.expand(x.new_zeros(()).batch[:1].reshape(()), x.shape) if level.size else x, sizes).shape
    return wrap(function(x.batch, (level.size, *sizes)), level)


def flatten_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    x, start, end = given["input"], given.get("start_dim", 0), given.get("end_dim", -1)
    if not x.ndim:
        return wrap(reshape(x.batch, (level.size, 1)), level)
    return wrap(function(x.batch, shifted(start, x.ndim), shifted(end, x.ndim)), level)


def squeeze_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    x, dim = given["input"], given.get("dim")
    if dim is None:
        return wrap(reshape(x.batch, (level.size, *[n for n in x.shape if n != 1])), level)
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    dims = tuple([shifted(d, max(x.ndim, 1)) for d in dims])
    return x if not x.ndim else wrap(squeeze(x.batch, dims), level)


def unsqueeze_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    x = given["input"]
    return wrap(unsqueeze(x.batch, shifted(given["dim"], x.ndim + 1)), level)


def t_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, = args
    if x.ndim > 2:
        raise RuntimeError("t() takes at most 2 dimensions")
    return wrap(transpose(x.batch, 1, 2), level) if x.ndim == 2 else x


def transpose_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, first, second = bound(function, args, kwargs).values()
    if not x.ndim:
        shifted(first, 1), shifted(second, 1)
        return x
    return wrap(transpose(x.batch, shifted(first, x.ndim), shifted(second, x.ndim)), level)


def permute_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, *order = args
    order = sizes_of(tuple(order) or tuple(kwargs["dims"]))
    if len(order) != x.ndim:
        raise RuntimeError("permute: one dimension per dimension")
    return wrap(permute(x.batch, (0, *[shifted(d, x.ndim) % (x.ndim + 1) for d in order])), level)


def expand_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, *sizes = args
    sizes = sizes_of(tuple(sizes))
    return wrap(expand(padded(x, level, len(sizes)), (level.size, *sizes)), level)


def join_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """cat and stack."""
    given = bound(function, args, kwargs)
    tensors, dim = list(given["tensors"]), given.get("dim", 0)
    sized = [each for each in tensors if each.ndim != 1 or each.shape[0]]         # cat accepts empty ones of any shape
    ndim = (sized or tensors)[0].ndim
    if function.__name__ == "cat":
        tensors = sized or tensors
    elif len({tuple(each.shape) for each in tensors}) > 1:
        raise RuntimeError("stack expects each tensor to be equal size")
    return wrap(function([batch_of(each, level) for each in tensors],
                         shifted(dim, ndim + (function.__name__ == "stack"))), level)


def named(*names: str) -> Callable:
    """The rule of a view, with dimensions in the parameters `names`."""
    def rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
        given = bound(function, args, kwargs)
        x = next(iter(given.values()))
        for name in names:
            given[name] = shifted(given.get(name, DEFAULTS.get((function.__name__, name), 0)), x.ndim)
        given = {name: element(value, level, 0) if name in ("index", "start") else lowered(value, level)
                 for name, value in given.items()}
        if any(is_at(each, level) and each is not x for each in (*args, *kwargs.values())):
            raise NoRule
        return wrap_all(function(**given), level)
    return rule


DEFAULTS = {("diagonal", "dim2"): 1}


def split_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    x = given.pop("input")
    return wrap_all(function(x.batch, *list(given.values())[:1], shifted(given.get("dim", 0), x.ndim)), level)


def as_strided_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    batch = given["input"].batch
    size, stride = (level.size, *given["size"]), (batch.stride(0), *given["stride"])
    return wrap(function(batch, size, stride, given.get("storage_offset")), level)


def zero_pad_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, before, after = args
    return wrap(function(x.batch, (0, *before), (0, *after)), level)


def triangle_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    if args[0].ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    return plain(function, level, args, kwargs)


def one_hot_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    if given.get("num_classes", -1) == -1:
        raise RuntimeError("vmap: one_hot needs num_classes: the largest class differs between the elements of the batch")
    return plain(function, level, args, kwargs)


def tensor_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """tensor(x) and as_tensor(x) of a tensor."""
    x, dtype = args[0], kwargs.get("dtype")
    if not isinstance(x, TensorBase):
        raise RuntimeError(DATA_DEPENDENT)      # of a list of batched tensors
    x = x if function.__name__ == "as_tensor" else x.detach().clone()
    return x if dtype is None else x.to(dtype)


table |= {
    "reshape": reshape_rule, "view": reshape_rule, "flatten": flatten_rule, "squeeze": squeeze_rule,
    "unsqueeze": unsqueeze_rule,
    "t": t_rule, "transpose": transpose_rule, "permute": permute_rule, "expand": expand_rule, "cat": join_rule,
    "stack": join_rule, "narrow": named("dim"), "select": named("dim"), "unbind": named("dim"),
    "diagonal": named("dim1", "dim2"),
    "unfold": named("dimension"), "split": split_rule, "chunk": split_rule, "as_strided": as_strided_rule,
    "zero_pad": zero_pad_rule, "triangle": triangle_rule, "one_hot": one_hot_rule, "tensor": tensor_rule,
    "as_tensor": tensor_rule,
}
