"""See what a forward and a backward pass do: explain(loss), and recording() for whole pieces of a program.

The module can be called: tinygrad_c.explain(loss) is tinygrad_c.explain.explain(loss).
"""
from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.explain.explanation import Explanation, explain
from tinygrad_c.explain.recording import recording

__all__ = ["Explanation", "explain", "recording"]
__getattr__, __dir__ = lazy_names(globals())


class _Callable(ModuleType):
    def __call__(self, tensor: Any, gradient: Any = None, *, lang: str = "en",
                 names: dict[str, Any] | None = None) -> Explanation:
        return explain(tensor, gradient, lang=lang, names=names)


sys.modules[__name__].__class__ = _Callable
