"""Hooks of state_dict and load_state_dict: to rename what older checkpoints hold, or to add to what is saved."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

SAVE_BEFORE, SAVE_AFTER = "_state_dict_pre_hooks", "_state_dict_hooks"
LOAD_BEFORE, LOAD_AFTER = "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"


class StateHandle:
    """What registering returns: remove() takes the hook away; as a context manager it does so at the end."""

    def __init__(self, module: Any, kind: str) -> None:
        self.module, self.kind = module, kind

    def remove(self) -> None:
        self.module.__dict__.get(self.kind, {}).pop(self, None)

    def __enter__(self) -> StateHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register(module: Any, kind: str, hook: Callable[..., Any], with_module: bool = True) -> StateHandle:
    """Keep hook, with whether it gets the module as its first argument, in the module."""
    handle = StateHandle(module, kind)
    module.__dict__.setdefault(kind, OrderedDict())[handle] = hook, with_module
    return handle


def call(module: Any, kind: str, *args: Any) -> list[Any]:
    """What each of the module's hooks of that kind returns."""
    return [hook(module, *args) if with_module else hook(*args)
            for hook, with_module in list(module.__dict__.get(kind, {}).values())]
