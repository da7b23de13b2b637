"""Rules of vmap: random numbers, and gradients inside vmap."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c.core.batched import call_original
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.func.batched import IN_PLACE, Level, batch_of, element, is_at, running, table, wrap
from tinygrad_c.func.rules import RANDOM
from tinygrad_c.ops.create.create import ones_like
from tinygrad_c.ops.shape.shape import stack

ERROR = ("vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness "
         "flags on vmap or perform the randomness operation out of vmap")
TAKES_SIZES = {"rand", "randn"}


def random_rule(function: Callable, level: Level | None, args: tuple, kwargs: dict) -> Any:
    """Draw for each element of the innermost vmap, or once for all of them, as its `randomness` says."""
    if not running.levels or (function.__name__ == "dropout" and not drops(*args, **kwargs)):
        return through(function, level, args, kwargs)
    level = running.levels[-1]
    if level.randomness == "error":
        raise RuntimeError(ERROR)
    first = args[0] if args and isinstance(args[0], TensorBase) else None
    own = function.__name__[-1] == "_"
    if own and not is_at(first, level):
        raise RuntimeError(IN_PLACE.format(op=function.__name__))
    running.levels.pop()
    try:
        if level.randomness == "same":
            return same(function, level, args, kwargs, first, own)
        return different(function, level, args, kwargs, first, own)
    finally:
        running.levels.append(level)


def drops(input: Any, p: float = 0.5, training: bool = True, generator: Any = None) -> bool:
    """Whether dropout(..) draws random numbers."""
    return training and p > 0


def through(function: Callable, level: Level | None, args: tuple, kwargs: dict) -> Any:
    """Without random numbers: dropout in evaluation."""
    if level is None:
        return call_original(function, args, kwargs)
    return args[0]


def different(function: Callable, level: Level, args: tuple, kwargs: dict, first: Any, own: bool) -> Any:
    name, n = function.__name__, level.size
    if first is not None:
        if name == "multinomial" and first.ndim != 1:
            raise RuntimeError("vmap: multinomial of a matrix inside vmap is not supported")
        out = function(batch_of(first, level), *[lowered_to(each, level) for each in args[1:]],
                       **{k: lowered_to(v, level) for k, v in kwargs.items()})
        return args[0] if own else wrap(out, level)
    if name in TAKES_SIZES:
        sizes = args if not args or isinstance(args[0], int) else tuple(args[0])
        return wrap(function(n, *sizes, **kwargs), level)
    if name == "randint":
        low, high, size = randint_of(args, kwargs)
        rest = {k: v for k, v in kwargs.items() if k not in ("low", "high", "size")}
        return wrap(function(low, high, (n, *size), **rest), level)
    if name == "normal" and ("size" in kwargs or len(args) > 2):
        size = kwargs.pop("size") if "size" in kwargs else args[2]
        return wrap(function(*args[:2], size=(n, *size), **kwargs), level)
    return wrap(stack([function(*args, **kwargs) for _ in range(n)]), level)       # randperm


def randint_of(args: tuple, kwargs: dict) -> tuple:
    given = dict(zip(("low", "high", "size"), args)) | {k: v for k, v in kwargs.items() if k in ("low", "high", "size")}
    if isinstance(given.get("high"), (tuple, list)):
        given["high"], given["size"] = None, given["high"]
    if given.get("high") is None:
        given["low"], given["high"] = 0, given["low"]
    return given["low"], given["high"], given["size"]


def lowered_to(x: Any, level: Level) -> Any:
    return x.batch if is_at(x, level) else x


def same(function: Callable, level: Level, args: tuple, kwargs: dict, first: Any, own: bool) -> Any:
    """One draw for all elements: what the function gives for a tensor of an element's shape."""
    if first is None or not is_at(first, level):
        return function(*args, **kwargs)
    if function.__name__ == "dropout":
        mask = function(ones_like(first.batch[0]), *args[1:], **kwargs)
        return wrap(first.batch * mask, level)
    if function.__name__ in ("rand_like", "randn_like", "randint_like"):
        return function(first.batch[0], *args[1:], **kwargs)
    if own:
        first.batch.copy_(function(first.batch[0].clone(), *args[1:], **kwargs))
        return first
    raise RuntimeError(f"vmap: {function.__name__} of a batched tensor is not supported with randomness 'same'")


def grad_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """The gradients of each element's outputs: those of the sum over the batch, since no element depends on another."""
    outputs, inputs, gradients, *rest = args
    if not any(is_at(each, level) for each in (*outputs, *inputs)):         # vmap over the v of v J: a pass for each
        rows = [function(outputs, inputs, tuple([element(g, level, i) for g in gradients]), True, *rest[1:])
                for i in range(level.size)]
        return [None if column[0] is None else wrap(stack(list(column)), level) for column in zip(*rows)]
    if not all(is_at(each, level) for each in inputs):
        raise RuntimeError("inside vmap, differentiate with respect to tensors that are batched: use func.grad")
    for out, g in zip(outputs, gradients):
        if g is None and out.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs, but this one has shape "
                               f"{list(out.shape)}")
    batches = tuple([batch_of(out, level) for out in outputs])
    gradients = tuple([ones_like(batch) if g is None else batch_of(g, level) for batch, g in zip(batches, gradients)])
    found = function(batches, tuple([each.batch for each in inputs]), gradients, *rest)
    return [None if each is None else wrap(each, level) for each in found]


table |= dict.fromkeys(RANDOM, random_rule)
table["grad"] = grad_rule
