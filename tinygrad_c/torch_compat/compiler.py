"""torch.compiler: nothing is compiled while a program runs, so its questions have one answer and its marks no effect."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c._base.lazy import lazy_names, load
from tinygrad_c._base.public import guard_all

__all__ = ["allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable", "is_compiling",
           "is_dynamo_compiling", "is_exporting", "reset", "set_stance"]
__getattr__, __dir__ = lazy_names(globals())


def compile(model: Any = None, **options: Any) -> Any:
    """tinygrad_c.compile.

    >>> tinygrad_c.compiler.compile(Linear(1, 1))(tensor([[1.]])).shape
    torch.Size([1, 1])
    """
    return load("programs.compiler", "compile")(model, **options)


def is_compiling() -> bool:
    """False.

    >>> tinygrad_c.compiler.is_compiling()
    False
    """
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(fn: Callable | None = None, recursive: bool = True, *, reason: str | None = None) -> Callable:
    """Return the function unchanged. May also be written with arguments: @disable(recursive=False).

    >>> @tinygrad_c.compiler.disable
    ... def double(x):
    ...     return 2 * x
    >>> double(3)
    6
    """
    return (lambda function: function) if fn is None else fn


def allow_in_graph(fn: Callable) -> Callable:
    """Return the function unchanged.

    >>> tinygrad_c.compiler.allow_in_graph(len) is len
    True
    """
    return fn


assume_constant_result = allow_in_graph


def reset() -> None:
    """Does nothing.

    >>> tinygrad_c.compiler.reset()
    """


cudagraph_mark_step_begin = reset


def set_stance(stance: str = "default", **options: Any) -> None:
    """Does nothing.

    >>> tinygrad_c.compiler.set_stance("force_eager")
    """


guard_all(globals())
