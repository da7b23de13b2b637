"""The classes and functions of the user's that load may call, and what a pickle of a NumPy array calls.

A NumPy array is data: its pickle calls `_reconstruct` and `dtype`, which are checked here so that no object and no code is
created from a file.
"""
from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy

_allowed: dict[str, Any] = {}       # full name: class or function
PLAIN = re.compile(r"[<>|=]?[?biufcSUB]\d*")        # dtypes without objects and fields


def _named(each: Any) -> tuple[str, Any]:
    if isinstance(each, tuple):
        if len(each) != 2 or not callable(each[0]) or not isinstance(each[1], str):
            raise ValueError(f"Expected a class or function, or a tuple of it and its full name, but got {each}")
        return each[1], each[0]
    if not callable(each):
        raise TypeError(f"safe globals are classes and functions, not {type(each).__name__}")
    return f"{each.__module__}.{each.__qualname__}", each


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Allow save and load to use these classes and functions; a tuple (class, "module.name") allows it by another name.

    Whoever wrote the file chooses the arguments and attributes: allow only what is harmless for any of them.

    >>> from tinygrad_c.serialization import add_safe_globals, clear_safe_globals, get_safe_globals
    >>> from fractions import Fraction
    >>> add_safe_globals([Fraction])
    >>> get_safe_globals()
    [<class 'fractions.Fraction'>]
    >>> clear_safe_globals()
    """
    _allowed.update([_named(each) for each in safe_globals])


def get_safe_globals() -> list[Any]:
    """The allowed classes and functions; see add_safe_globals.

    >>> tinygrad_c.serialization.get_safe_globals()
    []
    """
    return [each if f"{each.__module__}.{each.__qualname__}" == name else (each, name) for name, each in _allowed.items()]


def clear_safe_globals() -> None:
    """Allow no classes and functions any more.

    >>> tinygrad_c.serialization.clear_safe_globals()
    """
    _allowed.clear()


class safe_globals:
    """A `with` block in which these classes and functions are allowed; see add_safe_globals.

    >>> from fractions import Fraction
    >>> with tinygrad_c.serialization.safe_globals([Fraction]):
    ...     tinygrad_c.serialization.get_safe_globals()
    [<class 'fractions.Fraction'>]
    """

    def __init__(self, safe_globals: Iterable[Any]):
        self.added = list(safe_globals)

    def __enter__(self) -> safe_globals:
        self.before = dict(_allowed)
        add_safe_globals(self.added)
        return self

    def __exit__(self, *exc: object) -> None:
        _allowed.clear()
        _allowed.update(self.before)


def allowed(module: str, name: str) -> Any:
    """The class or function of this name, or None."""
    return _allowed.get(f"{module}.{name}")


def is_allowed(cls: type) -> bool:
    """Whether objects of this class may be saved."""
    return cls in _allowed.values()


def reduced(obj: Any) -> tuple | None:
    """(class or function, arguments, whether it is created by __new__, state) of an object of an allowed class, as pickle has
    them. None if it also has items, as subclasses of list have.
    """
    reduction = obj.__reduce_ex__(2)
    if not isinstance(reduction, tuple) or any(part is not None for part in reduction[3:]):
        return None
    function, args, state = (*reduction, None)[:3]
    if getattr(function, "__name__", None) == "__newobj__":
        return args[0], args[1:], True, state
    return function, args, False, state


# ---- NumPy

def make_dtype(text: Any, align: Any = False, copy: Any = False) -> numpy.dtype:
    """A dtype of numbers or text: a new object, because the file sets its byte order afterwards."""
    if type(text) is not str or not PLAIN.fullmatch(text):
        raise pickle.UnpicklingError(f"a NumPy array of dtype {text!r}, which is not data")
    return numpy.dtype(text, False, True)


def make_array(kind: Any, shape: Any, letter: Any) -> numpy.ndarray:
    """numpy's _reconstruct: an array without elements, which set_array then fills."""
    return numpy.empty(0, numpy.uint8)


def make_scalar(kind: Any, data: Any) -> Any:
    """numpy's scalar, from its bytes."""
    if not isinstance(kind, numpy.dtype) or not isinstance(data, bytes) or len(data) != kind.itemsize:
        raise pickle.UnpicklingError("a damaged NumPy number")
    return numpy.frombuffer(data, kind)[0]


def set_dtype(kind: numpy.dtype, state: Any) -> None:
    """The byte order of a dtype, and the size of a text."""
    if (type(state) is not tuple or len(state) != 8 or state[1] not in ("<", ">", "|", "=") or state[2:5] != (None, None, None)
            or type(state[5]) is not int or state[5] not in (-1, kind.itemsize) or state[6:7] not in ((-1,), (1,), (4,))):
        raise pickle.UnpicklingError("a NumPy dtype that is not data")
    kind.__setstate__(state)


def set_array(array: numpy.ndarray, state: Any) -> None:
    """Shape, dtype and elements of an array."""
    version, shape, kind, fortran, data = state
    if (version != 1 or type(shape) is not tuple or any(type(n) is not int or n < 0 for n in shape)
            or not isinstance(kind, numpy.dtype) or kind.hasobject or type(data) is not bytes):
        raise pickle.UnpicklingError("a damaged NumPy array")
    count = 1
    for n in shape:
        count *= n
    if len(data) != count * kind.itemsize:
        raise pickle.UnpicklingError(f"a NumPy array of shape {shape} with {len(data)} bytes")
    array.__setstate__((1, shape, kind, fortran is True, data))


def no_bytes(*args: Any) -> bytes:
    """How protocol 2 writes b""."""
    if args:
        raise pickle.UnpicklingError("it calls bytes with arguments")
    return b""


NUMPY: dict[tuple[str, str], Callable | None] = {
    ("__builtin__", "bytes"): no_bytes, ("numpy", "ndarray"): None, ("numpy", "dtype"): make_dtype,
    **{(f"numpy.{core}.multiarray", name): make for core in ("_core", "core")
       for name, make in (("_reconstruct", make_array), ("scalar", make_scalar))},
}
