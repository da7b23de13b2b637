"""public: the mark at the definition of a public function that says what ops/guard.py checks when a call of it fails."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Public:
    """What `public` was given."""

    __slots__ = ("axis", "node", "tensors")

    def __init__(self, tensors: str = "", node: str | None = None, axis: bool = False) -> None:
        self.tensors, self.node, self.axis = tensors, node, axis


FIRST = Public()


def public(tensors: Any = "", *, node: str | None = None, axis: bool = False) -> Callable:
    """Mark a function: `tensors` names the parameters that must be Tensors, "input weight bias? other#" (?: or None; #: or a
    number or None); by default the first. `node` is what PyTorch calls grad_fn's node, where the function is one operation
    there and made of several here. With `axis`, NumPy's axis= and keepdims= stand for dim= and keepdim=.

    The function stays as it is, and calls within the package cost nothing; a namespace that shows it shows guard(function).
    """
    if not isinstance(tensors, str):        # @public without arguments
        tensors._public = FIRST
        return tensors
    mark = Public(tensors, node, axis)

    def decorate(function: Callable) -> Callable:
        function._public = mark      # type: ignore[attr-defined]
        return function
    return decorate
