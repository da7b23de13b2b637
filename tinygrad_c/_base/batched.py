"""@unbatched marks a function whose code cannot run on the batched tensors of func.vmap: it reads values, as one that calls
NumPy does, or writes to a temporary tensor that may be the same for all elements of the batch.

func sets `handler`, which looks for a rule, or calls the function for each element.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

handler: Any = None         # handler(function, args, kwargs), set when func is imported
of_function: Any = None     # of_function(Function, args, kwargs): (the result of its apply,), or None outside vmap


def unbatched(function: Callable) -> Callable:
    """Decorator: inside func.vmap, `handler` decides how the function is called."""
    @wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs) if handler is None else handler(call, args, kwargs)
    return call
