"""Shared by public functions written in Python: argument checks, out=, NumPy's keywords, named results."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from operator import itemgetter
from typing import Any

TensorBase: Any = None          # the compiled base class of Tensor, and
into_out: Any = None            # into_out(result, out): set by ops/arguments.py, because nothing is imported here


def register(tensor_class: type, write: Callable) -> None:
    """Set what the functions below need from the compiled modules."""
    global TensorBase, into_out
    TensorBase, into_out = tensor_class, write


def tensor_arg(x, function: str, name: str = "input", position: int = 1):
    """x if it is a tensor; else raise torch's TypeError."""
    if isinstance(x, TensorBase):
        return x
    raise not_a_tensor(x, function, name, position)


def not_a_tensor(x, function: str, name: str, position: int) -> TypeError:
    """torch's TypeError for an argument that must be a tensor."""
    kind = type(x)
    what = f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__
    return TypeError(f"{function}(): argument '{name}' (position {position}) must be Tensor, not {what}: "
                     "write tensor(...) around it")


def tensors_arg(tensors, function: str, name: str = "tensors") -> list:
    """A list of the tensors in a tuple or list; TypeError otherwise."""
    if isinstance(tensors, TensorBase) or not isinstance(tensors, (tuple, list)):
        raise TypeError(f"{function}(): argument '{name}' (position 1) must be tuple of Tensors, not {type(tensors).__name__}")
    for i, each in enumerate(tensors):
        if not isinstance(each, TensorBase):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(each).__name__}")
    return list(tensors)


def unpacked(args: tuple, named=None) -> tuple:
    """(2, 3) from f(2, 3), f((2, 3)) or f(dims=(2, 3)); `named` is the value of the keyword."""
    if named is not None:
        return (named,) if isinstance(named, int) else tuple(named)
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list)) else args


# NumPy's names of arguments, which torch accepts too.
NUMPY = {"axis": "dim", "keepdims": "keepdim"}


def numpy_words(function):
    """Decorator: accept axis= for dim= and keepdims= for keepdim=."""
    @wraps(function)
    def renamed(*args, **kwargs):
        return function(*args, **in_our_words(kwargs)) if kwargs else function(*args)
    return renamed


def in_our_words(kwargs: dict) -> dict:
    return {NUMPY.get(name, name): value for name, value in kwargs.items()}


def takes_out(function):
    """Decorator: add out=, into which the result or results are written (see elementwise.into_out), and NumPy's names."""
    @wraps(function)
    def with_out(*args, out=None, **kwargs):
        result = function(*args, **in_our_words(kwargs)) if kwargs else function(*args)
        return result if out is None else into_out(result, out)
    return with_out


class Results(tuple):
    """A tuple of named results, as torch.return_types are: r[0] is also r.values."""

    __slots__ = ()
    names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        inside = ",\n".join([f"{name}={value!r}" for name, value in zip(self.names, self)])
        return f"torch.return_types.{type(self).__name__}(\n{inside})"

    def __reduce__(self):
        return tuple, (tuple(self),)


def results(function: str, *names: str) -> type:
    """The class of a function's results: results("sort", "values", "indices")((a, b)).indices is b."""
    members: dict = {name: property(itemgetter(i)) for i, name in enumerate(names)}
    return type(function, (Results,), {"__slots__": (), "names": names, "__doc__": f"The results of {function}.", **members})


def array_of(x):
    """A NumPy array that shares the tensor's memory."""
    return x.detach().numpy()
