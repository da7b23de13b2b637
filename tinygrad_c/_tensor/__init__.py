"""The methods of Tensor, a class a topic; tensor.py puts them together."""
from __future__ import annotations

from typing import Any


def take_examples(tensor: type, functions: dict[str, Any]) -> None:
    """A method whose docstring has no example gets that of the function of its name; add_, the example of add."""
    lacking = [(name, method) for mixin in tensor.__mro__ for name, method in vars(mixin).items()
               if name[0] != "_" and hasattr(method, "__code__") and method.__doc__ and ">>>" not in method.__doc__]
    for name, method in lacking:
        function = functions.get(name)
        if hasattr(function, "__name__"):
            method.__doc__ = function.__doc__
    for name, method in lacking:
        function = getattr(tensor, name[:-1], None) if name[-1] == "_" and ">>>" not in method.__doc__ else None
        if hasattr(function, "__code__"):
            _, start, example = (function.__doc__ or "").partition("\n    >>> ")
            method.__doc__ += "\n" + (start + example).replace(name[:-1] + "(", name + "(")
