"""The calls of 2018, with the factor before the tensors: add_(-0.1, x), addcmul_(0.5, a, b), addmm(beta, alpha, a, b).

They work, with one warning for each function, as in PyTorch. Only a call that has failed, or that has more arguments than the
function, is looked at.
"""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.warn import warn_once

SUMS, PRODUCTS = ("add", "sub"), ("addcmul", "addcdiv")
MATRICES = ("addmm", "addmv", "addr", "baddbmm", "addbmm")
# Functions and methods in which a failed call is looked at. For those of SUMS, which are fast, see core/type_slots.pyx.
NAMES = frozenset(name + end for name in (*PRODUCTS, *MATRICES) for end in ("", "_"))


def translated(name: str, args: tuple) -> tuple[tuple, dict] | None:
    """The arguments of today for an old call; None if it is not one."""
    name = name.rstrip("_")
    numbers = [a for a in args if isinstance(a, (int, float))]
    tensors = tuple(a for a in args if hasattr(a, "grad_fn"))
    if len(numbers) + len(tensors) != len(args) or not numbers or args[-1] is numbers[-1]:
        return None
    if name in SUMS and (len(tensors), len(numbers)) == (2, 1):
        return tensors, {"alpha": numbers[0]}
    if name in PRODUCTS and (len(tensors), len(numbers)) == (3, 1):
        return tensors, {"value": numbers[0]}
    if name in MATRICES and len(tensors) == 3 and len(numbers) <= 2:
        return tensors, dict(zip(("beta", "alpha"), numbers))
    return None


def call(function: Any, args: tuple, kwargs: dict) -> tuple | None:
    """(result,) of an old call, None if it is not one."""
    name = function.__name__
    found = translated(name, args)
    if found is None or not found[1].keys().isdisjoint(kwargs):
        return None
    tensors, named = found
    text = ", ".join(f"{key}={value}" for key, value in named.items())
    warn_once(("old call", name), f"This overload of {name} is deprecated, with the number before the tensor: write "
              f"{name}(..., {text})")
    return (function(*tensors, **named, **kwargs),)


def call_or_raise(function: Any, args: tuple, kwargs: dict) -> Any:
    """The result of an old call, or the error of this one."""
    found = call(function, args, kwargs)
    if found is None:
        raise TypeError(f"{function.__name__}() takes 2 positional arguments but {len(args)} were given")
    return found[0]


def explain(function: Any, args: tuple, kwargs: dict, error: Exception) -> tuple | None:
    """Called when one of NAMES has raised `error`: (result,) of an old call, None if the error is the right one."""
    return call(function, args, kwargs) if isinstance(error, TypeError) else None
