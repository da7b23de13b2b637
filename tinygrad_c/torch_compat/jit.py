"""The decorators of torch.jit. They return the function or module unchanged: operations are already compiled."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tinygrad_c._base.lazy import lazy_names

__all__ = ["Final", "export", "freeze", "ignore", "is_scripting", "is_tracing", "optimize_for_inference", "script", "trace",
           "unused"]
_find, __dir__ = lazy_names(globals())


def script(obj: Any, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> Any:
    """Return the function, class or module unchanged.

    >>> @tinygrad_c.jit.script
    ... def double(x):
    ...     return 2 * x
    >>> double(3)
    6
    """
    return obj


def trace(func: Callable, example_inputs: Any = None, **options: Any) -> Callable:
    """Return the function or module unchanged. The example inputs are not used.

    >>> trace(Linear(1, 1), tensor([[1.]]))
    Linear(in_features=1, out_features=1, bias=True)
    """
    return func


def freeze(mod: Any, *args: Any, **options: Any) -> Any:
    """Return the module unchanged.

    >>> freeze(Linear(1, 1))
    Linear(in_features=1, out_features=1, bias=True)
    """
    return mod


optimize_for_inference = freeze


def export(fn: Any) -> Any:
    """Return the function unchanged.

    >>> export(len) is len
    True
    """
    return fn


def ignore(drop: Any = False, **options: Any) -> Any:
    """Return the function unchanged. May also be written with arguments: @ignore(drop=True).

    >>> ignore(len) is len
    True
    """
    return drop if callable(drop) else export


unused = export


def is_scripting() -> bool:
    """False.

    >>> is_scripting()
    False
    """
    return False


is_tracing = is_scripting


def __getattr__(name: str) -> Any:
    if name in ("save", "load"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: programs are not written to files here; "
                             "save(model.state_dict(), path) keeps the weights, and model.load_state_dict(load(path)) takes "
                             "them back")
    return _find(name)
