"""Forward hooks of a Module: functions called before or after its forward.

A module without hooks pays nothing for them: registering the first one puts a `forward` of its own into the instance,
which calls the hooks around the class's forward; removing the last one takes it away again.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

BEFORE, AFTER = "_forward_pre_hooks", "_forward_hooks"


class RemovableHandle:
    """What registering a hook returns: remove() takes the hook away; as a context manager it does so at the end."""

    def __init__(self, module: Any, kind: str, with_kwargs: bool) -> None:
        self.module, self.kind, self.with_kwargs = module, kind, with_kwargs

    def remove(self) -> None:
        attributes = self.module.__dict__
        attributes.get(self.kind, {}).pop(self, None)
        if not attributes.get(BEFORE) and not attributes.get(AFTER):
            hooked = attributes.pop("forward", None)
            if isinstance(hooked, HookedForward) and hooked.replaced is not None:
                attributes["forward"] = hooked.replaced

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class HookedForward:
    """The forward of a module that has hooks, around the one that it had before."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.forward = module.forward
        self.replaced = module.__dict__.get("forward")     # one that the user had put into the instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        module = self.module
        for handle, hook in list(module.__dict__.get(BEFORE, {}).items()):
            if handle.with_kwargs:
                result = hook(module, args, kwargs)
                if result is not None:
                    args, kwargs = result
            else:
                result = hook(module, args)
                if result is not None:
                    args = result if isinstance(result, tuple) else (result,)
        output = self.forward(*args, **kwargs)
        for handle, hook in list(module.__dict__.get(AFTER, {}).items()):
            result = hook(module, args, kwargs, output) if handle.with_kwargs else hook(module, args, output)
            if result is not None:
                output = result
        return output


def register(module: Any, kind: str, hook: Callable[..., Any], prepend: bool, with_kwargs: bool) -> RemovableHandle:
    """Add a hook of one kind (BEFORE or AFTER) to the module."""
    handle = RemovableHandle(module, kind, with_kwargs)
    attributes = module.__dict__
    hooks = attributes.get(kind, {})
    attributes[kind] = {handle: hook, **hooks} if prepend else {**hooks, handle: hook}
    if not isinstance(attributes.get("forward"), HookedForward):
        attributes["forward"] = HookedForward(module)
    return handle
