"""The methods of Tensor, one base class per topic. tensor.py combines them."""
from __future__ import annotations

from typing import Any


def take_examples(tensor: type, functions: dict[str, Any]) -> None:
    """Copy examples to methods without one: from the function of the same name, for add_ from add."""
    lacking = [(name, method) for mixin in tensor.__mro__ for name, method in vars(mixin).items()
               if name[0] != "_" and hasattr(method, "__code__") and method.__doc__ and ">>>" not in method.__doc__]
    for name, method in lacking:
        function = functions.get(name)
        if hasattr(function, "__name__"):
            method.__doc__ = function.__doc__
    for name, method in lacking:
        function = getattr(tensor, name[:-1], None) if name[-1] == "_" and ">>>" not in method.__doc__ else None
        if hasattr(function, "__code__"):
            before, start, example = (function.__doc__ or "").partition(">>> ")
            indentation = before.rpartition("\n")[2]        # none in Python functions from CPython 3.13 on
            method.__doc__ += "\n\n" + indentation + (start + example).replace(name[:-1] + "(", name + "(")
