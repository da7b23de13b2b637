"""@reads_values marks a function whose Python code reads the values of its arguments, as a function that calls NumPy does.

Inside func.vmap a tensor stands for every element of a batch and has no values. func sets `handler`, which looks for a rule, or
calls the function for each element.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

handler: Any = None         # handler(function, args, kwargs), set when func.vmap runs for the first time
of_function: Any = None     # of_function(Function, args, kwargs): (the result of its apply,), or None outside vmap


def reads_values(function: Callable) -> Callable:
    """Decorator: inside func.vmap, `handler` decides how the function is called."""
    @wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs) if handler is None else handler(function, args, kwargs)
    return call
