"""Nested dicts, lists and tuples of tensors."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def flatten(tree: Any) -> list:
    """The leaves of a tree of dicts, lists and tuples, in order."""
    if isinstance(tree, dict):
        return [leaf for each in tree.values() for leaf in flatten(each)]
    if isinstance(tree, (list, tuple)):
        return [leaf for each in tree for leaf in flatten(each)]
    return [tree]


def rebuild(tree: Any, leaves: list) -> Any:
    """The same tree with other leaves."""
    return _build(tree, iter(leaves))


def _build(tree: Any, leaves: Iterator) -> Any:
    if isinstance(tree, dict):
        return type(tree)((key, _build(value, leaves)) for key, value in tree.items())
    if isinstance(tree, (list, tuple)):
        items = [_build(value, leaves) for value in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return next(leaves)


def tree_map(f: Callable, tree: Any) -> Any:
    """The same tree with f applied to each leaf."""
    return rebuild(tree, [f(leaf) for leaf in flatten(tree)])
