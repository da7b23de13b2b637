"""The table of vmap: the name of an operation -> its rule, rule(function, level, args, kwargs).

A rule calls `function` on the batches of its arguments, and wraps the result. Most operations belong to one of these families;
the others have a rule in rules_matmul, rules_shape, rules_index, rules_loss, rules_conv or rules_random.

    pointwise   the elements broadcast: pad the elements' shapes, so that the batch stays in front
    in_place    the same, into the first argument
    along       one tensor, with a dimension as argument: one to the right in the batch
    together    several tensors and a dimension: each becomes a batch
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from math import prod
from typing import Any

from tinygrad_c._base.public import parameters
from tinygrad_c.core import batched as watching
from tinygrad_c.core import tape
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.formulas import POINTWISE
from tinygrad_c.func.batched import IN_PLACE, BatchedTensor, Level, NoRule, batch_of, is_at, lowered, table, wrap, wrap_all
from tinygrad_c.ops.create.create import empty_, to
from tinygrad_c.ops.elementwise.elementwise import maximum, minimum, result_dtype_of
from tinygrad_c.ops.reduce.reduce import amax, amin
from tinygrad_c.ops.shape.shape import reshape, unsqueeze

# ---- Elementwise

def padded(x: Any, level: Level, ndim: int) -> Any:
    """x's batch with ones after the batch dimension, so that an element has ndim dimensions; other values as they are."""
    if type(x) is not BatchedTensor or x.level is not level:
        return x
    batch = x.batch
    missing = ndim + 1 - batch.ndim
    return batch if missing <= 0 else reshape(batch, (level.size, *(1,) * missing, *batch.shape[1:]))


def pointwise(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """A function of elements that broadcast."""
    values = (*args, *kwargs.values())
    tensors = [each for each in values if isinstance(each, TensorBase)]
    if kwargs.get("out") is not None:
        raise RuntimeError(f"Batching rule not implemented for {function.__name__}.out; the fallback path doesn't work on out= "
                           "or view ops: assign the result")
    if len(tensors) > 1:
        ndim = max([each.ndim for each in tensors])
        if len({each.dtype for each in tensors}) > 1 and min([each.ndim for each in tensors]) == 0:
            values = promoted(values, tensors, ndim)
        values = [padded(each, level, ndim) for each in values]
    else:
        values = [lowered(each, level) for each in values]
    if kwargs:
        return wrap_all(function(*values[:len(args)], **dict(zip(kwargs, values[len(args):]))), level)
    return wrap_all(function(*values), level)


def promoted(values: Any, tensors: list, ndim: int) -> list:
    """An element without dimensions is a number for dtype promotion, though its batch has one: convert it first."""
    seen = _example(tensors[0].dtype, tensors[0].ndim)
    for each in tensors[1:]:
        dtype = result_dtype_of(seen, _example(each.dtype, each.ndim))
        seen = _example(dtype, max(seen.ndim, each.ndim))
    return [to(each, dtype) if isinstance(each, TensorBase) and each.ndim == 0 and each.dtype.name not in (dtype.name, "bool")
            else each for each in values]


def _example(dtype: Any, ndim: int) -> Any:
    """An ordinary tensor that takes part in dtype promotion like one of this dtype and number of dimensions."""
    return empty_((1,) * min(ndim, 1), dtype=dtype)


def in_place(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """Write into the first argument, which must be batched."""
    x, name = args[0], function.__name__
    if not is_at(x, level):
        raise RuntimeError(IN_PLACE.format(op="inplace arithmetic" if name[:-1] in ARITHMETIC else name))
    for each in (*args[1:], *kwargs.values()):
        if isinstance(each, TensorBase) and each.ndim > x.ndim:
            raise RuntimeError(f"output with shape {list(x.shape)} doesn't match the broadcast shape {list(each.shape)}")
    function(x.batch, *[padded(each, level, x.ndim) for each in args[1:]],
             **{name: padded(each, level, x.ndim) for name, each in kwargs.items()})
    return x


# ---- One tensor and a dimension

def shifted(dim: int, ndim: int) -> int:
    """A dimension of an element as one of the batch; IndexError if there is none."""
    if not -ndim <= dim < ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")
    return dim + 1 if dim >= 0 else dim


def bound(function: Callable, args: tuple, kwargs: dict) -> dict:
    """The arguments by parameter name; NumPy's axis and keepdims as dim and keepdim."""
    given = dict(zip(names_of(function), args))
    for name, value in kwargs.items():
        if name not in ALIASES:
            given[name] = value
        elif value is not None:
            given[ALIASES[name]] = value
    return given


ALIASES = {"axis": "dim", "keepdims": "keepdim"}
_names: dict[Callable, tuple[str, ...]] = {}


def names_of(function: Callable) -> tuple[str, ...]:
    if function not in _names:
        _names[function] = parameters(function)
    return _names[function]


def along(default: Any = None, of_all: str | None = None) -> Callable:
    """The rule of a function of one tensor along `dim`, by default `default`: over all elements where it is None, for which
    another function, `of_all`, may be the one to call."""
    def rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
        given = bound(function, args, kwargs)
        name = names_of(function)[0]
        x = given.pop(name)
        if not is_at(x, level):
            if name == "input" and is_at(given.get("dim"), level):          # max(x, other)
                return pointwise({"max": maximum, "min": minimum}[function.__name__], level, (x, given["dim"]), {})
            raise NoRule
        dim = given.pop("dim", default)
        if isinstance(dim, bool):           # var(x, False)
            given["unbiased"], dim = dim, default
        if isinstance(dim, TensorBase):     # max(x, other)
            return pointwise({"max": maximum, "min": minimum}[function.__name__], level, (x, dim), {})
        batch, shape = x.batch, x.shape
        if dim is None or (isinstance(dim, (tuple, list)) and not dim):
            keep = given.pop("keepdim", False)
            batch = reshape(batch, (level.size, prod(shape)))
            out = (function if of_all is None else OF_ALL[of_all])(batch, dim=1, **given)
            return wrap_all(reshape(out, (level.size, *(1,) * len(shape))) if keep else out, level)
        if shape:
            dim = [shifted(d, len(shape)) for d in dim] if isinstance(dim, (tuple, list)) else shifted(dim, len(shape))
            return wrap_all(function(batch, dim=dim, **given), level)
        for d in dim if isinstance(dim, (tuple, list)) else (dim,):
            shifted(d, 1)
        out = wrap_all(function(unsqueeze(batch, 1), dim=1, **given), level)
        return type(out)([without_ones(each, level) for each in out]) if isinstance(out, tuple) else without_ones(out, level)
    return rule


def without_ones(x: Any, level: Level) -> Any:
    return wrap(reshape(x.batch, (level.size,)), level)


def softmax_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    if given.get("dim") is None:            # as softmax itself chooses it
        given["dim"] = 0 if given["input"].ndim in (0, 1, 3) else 1
    return along()(function, level, (given.pop("input"),), given)


def together(*dims: str) -> Callable:
    """The rule of a function of several tensors of the same number of dimensions, along the parameters `dims`."""
    def rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
        given = bound(function, args, kwargs)
        first = next(iter(given.values()))
        ndim = first.ndim
        scalar = ndim == 0
        for name in dims:
            if given.get(name) is not None:
                given[name] = shifted(given[name], max(ndim, 1))
        if function.__name__[-1] == "_" and not is_at(first, level):
            raise RuntimeError(IN_PLACE.format(op=function.__name__))
        for name, value in given.items():
            if isinstance(value, TensorBase):
                value = batch_of(value, level)
                given[name] = unsqueeze(value, 1) if value.ndim == 1 else value
        out = function(*given.values()) if not kwargs else function(**given)
        if function.__name__[-1] == "_":
            return first
        return without_ones(wrap(out, level), level) if scalar else wrap_all(out, level)
    return rule


def plain(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """Call the function on the batches: its arguments name no dimension of the elements, or count them from the last."""
    named = {name: lowered(value, level) for name, value in kwargs.items()}
    return wrap_all(function(*[lowered(each, level) for each in args], **named), level)


def getattr_rule(read: Callable) -> Callable:
    """The rule of a function that reads an attribute, which a batched tensor has."""
    return lambda function, level, args, kwargs: read(*args)


# ---- The table

OF_ALL = {"amax": amax, "amin": amin}
ARITHMETIC = {"add", "sub", "mul", "div", "pow", "remainder", "fmod", "floor_divide"}
REDUCTIONS = "sum mean prod all any var std norm argmax argmin logsumexp"
FUNCTIONS = """add sub mul div pow maximum minimum where clamp leaky_relu hardtanh elu gelu softplus softplus1 eq ne lt le gt ge
    floor_divide fmod remainder bitwise_not polygamma masked_fill clone_op clone to logical_and logical_or logical_xor
    logical_not _where _log _normal_cdf isclose nan_to_num"""
IN_PLACE_FUNCTIONS = """add_ sub_ mul_ div_ pow_ clamp_ floor_divide_ fmod_ remainder_ bitwise_not_ masked_fill_ copy_ fill_
    write nan_to_num_"""

for _name in (*POINTWISE, *FUNCTIONS.split()):
    table[_name] = pointwise
for _name in (*(f"{each}_" for each in POINTWISE), *IN_PLACE_FUNCTIONS.split()):
    table[_name] = in_place
for _name in REDUCTIONS.split():
    table[_name] = along()
for _name in ("amax", "amin"):
    table[_name] = along(())
table |= {
    "max": along(None, "amax"), "min": along(None, "amin"),
    "cumsum": along(), "cumprod": along(), "cumulative_extreme": along(),
    "softmax": softmax_rule, "log_softmax": softmax_rule,
    "gather": together("dim"), "scatter": together("dim"), "scatter_": together("dim"), "scatter_add": together("dim"),
    "scatter_add_": together("dim"),
    "make_contiguous": plain, "empty_like_": plain, "zeros_like": plain, "ones_like": plain, "full_like": plain,
}

# Functions that read an array's shape and dtype, which a batched tensor has.
READ = "sizes dimensions numel dtype_of is_contiguous_tensor strides"
NOT_OPERATIONS = {"wrapped", "result_dtype_of", "category_of", "implicit_dim"}
for _name in READ.split():
    table[_name] = getattr_rule(getattr(watching, _name))

RANDOM = {"rand", "randn", "rand_like", "randn_like", "uniform_", "normal_", "normal", "randint", "randint_like", "random_",
          "randperm", "bernoulli", "bernoulli_", "multinomial", "dropout"}


def operations() -> list[Callable]:
    """The compiled operations: functions of ops, and the methods that are made of one."""
    for name in ("conv.unfold", "norm.norm"):           # imported at first use
        import_module(f"tinygrad_c.ops.{name}")
    compiled = type(reshape)
    found = {tape.grad: None}
    spaces = [vars(module) for name, module in [*sys.modules.items()] if name.startswith("tinygrad_c.ops.")]
    spaces += [vars(each) for each in BatchedTensor.__mro__ if each.__module__.startswith("tinygrad_c._tensor.")]
    for space in spaces:
        for each in space.values():
            each = each.__wrapped__ if type(each) is tape.Guarded else each
            if type(each) is compiled and not hasattr(each, "__wrapped__") and each.__name__ not in NOT_OPERATIONS and (
                    each.__module__ or "").startswith("tinygrad_c.ops."):
                found[each] = None
    return list(found)


def load_rules() -> None:
    """Import the modules that fill the table."""
    for name in ("python", "matmul", "shape", "index", "loss", "conv", "random"):
        import_module(f"tinygrad_c.func.rules_{name}")
