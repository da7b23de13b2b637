"""Subclasses of Tensor that operations keep, and __torch_function__, with which a subclass decides what an operation does.

When a user's program defines the first subclass, the compiled operations begin to look at their arguments, as they do while a
vmap runs (core/batched.pyx). Before, and in programs without a subclass, nothing costs more. Functions that are composed of
operations arrive at __torch_function__ as these operations.
"""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.core import batched as watching
from tinygrad_c.core.type_slots import retype
from tinygrad_c.func.batched import operator
from tinygrad_c.func.mapping import watch
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.matmul.products import matmul

BINARY = {"add": ops.add, "sub": ops.sub, "mul": ops.mul, "truediv": ops.div, "mod": ops.remainder,
          "floordiv": ops.floor_divide, "pow": ops.pow, "matmul": matmul,
          "and": ops.bitwise_and, "or": ops.bitwise_or, "xor": ops.bitwise_xor}
UNARY = {"neg": ops.neg, "abs": ops.abs, "invert": ops.bitwise_not}
COMPARISONS = {name: getattr(ops, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}


# Methods that do not consist of watched operations alone: computed by NumPy, or without an operation.
METHODS = """cholesky_inverse det detach diag_embed diagflat frexp geqrf histc i0 inverse isreal logdet lu mode new new_empty
    new_full new_ones new_zeros pinverse qr slogdet svd unique unique_consecutive"""


kept: set[type] = set()


def method(function: Callable) -> Callable:
    """A method of a subclass that calls one of Tensor."""
    return lambda self, *args, **kwargs: dispatched(function, (self, *args), kwargs)


def view(of: Any) -> property:
    """A property of a subclass that calls one of Tensor."""
    return property(lambda self: dispatched(of.__get__, (self,), {}))


class Running(threading.local):
    """Whether this thread is inside the default __torch_function__: operations then run as for plain tensors."""

    plain = False


running = Running()


def keep(cls: type) -> None:
    """Called when a user defines a subclass. Those of Parameter make plain tensors, unless they have a __torch_function__."""
    overridden = cls.__torch_function__.__func__ is not Tensor.__torch_function__.__func__      # type: ignore[attr-defined]
    if cls._makes_plain_tensors and not overridden:
        return
    kept.add(cls)
    own = {name for each in cls.__mro__[:cls.__mro__.index(Tensor)] for name in vars(each)}

    def define(name: str, value: Any) -> None:
        if name not in own:
            setattr(cls, name, value)

    for name, function in (*BINARY.items(), *COMPARISONS.items()):
        define(f"__{name}__", operator(f"__{name}__", function))
        if name in BINARY:
            define(f"__r{name}__", operator(f"__r{name}__", function, True))
        if name in BINARY and name != "matmul":
            define(f"__i{name}__", operator(f"__i{name}__", getattr(ops, f"{function.__name__}_")))
    for name, function in UNARY.items():
        define(f"__{name}__", lambda self, function=function: function(self))
    define("__getitem__", lambda self, key: dispatched(Tensor.__getitem__, (self, key), {}))
    define("__setitem__", lambda self, key, value: dispatched(Tensor.__setitem__, (self, key, value), {}))
    define("__hash__", Tensor.__hash__)
    for name in METHODS.split():
        define(name, method(getattr(Tensor, name)))
    define("data", property(lambda self: dispatched(Tensor.data.__get__, (self,), {}), Tensor.data.__set__))
    for name in ("T", "mT", "H", "mH", "real"):
        define(name, view(getattr(Tensor, name)))
    watch()
    watching.keep(cls, dispatched)


def overloaded(args: Any, found: list[Any]) -> list[Any]:
    """The arguments of a user's subclass, one of each class, subclasses before their base classes, in lists and tuples too."""
    for each in args:
        if isinstance(each, (list, tuple)):
            overloaded(each, found)
        elif type(each) in kept and all(type(each) is not type(other) for other in found):
            at = next((i for i, other in enumerate(found) if issubclass(type(each), type(other))), len(found))
            found.insert(at, each)
    return found


def dispatched(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Call a function with an instance of a subclass among its arguments."""
    if running.plain:
        return original(function, args, kwargs)
    relevant = overloaded((*args, *kwargs.values()), [])
    types = tuple(type(each) for each in relevant)
    for each in relevant:
        result = type(each).__torch_function__(function, types, args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(f"Multiple dispatch failed for {function.__name__!r}; all __torch_function__ handlers returned "
                    f"NotImplemented: {', '.join(kind.__name__ for kind in types)}")


def original(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Call the function as for plain tensors."""
    return watching.call_original(function, args, kwargs) if watching.is_watched(function) else function(*args, **kwargs)


def torch_function(cls: type, func: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
    """The default: call the operation as for plain tensors, and make instances of cls of its results."""
    if not all(issubclass(cls, each) for each in types):
        return NotImplemented
    before, running.plain = running.plain, True
    try:
        result = original(func, args, kwargs)
    finally:
        running.plain = before
    given = {id(each) for each in (*args, *kwargs.values())}
    return converted(cls, result, given) if cls is not Tensor else result


def converted(cls: type, result: Any, given: set[int]) -> Any:
    """The result with its new plain tensors as instances of cls."""
    if type(result) is Tensor:
        return result if id(result) in given else retype(result, cls)
    if isinstance(result, (tuple, list)):
        for each in result:     # retype changes the objects themselves
            converted(cls, each, given)
    return result
