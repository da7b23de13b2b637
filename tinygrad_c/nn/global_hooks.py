"""Hooks of all modules: register_module_forward_hook and its kind, the names of torch.nn.modules.module.

While there is one, Module has a __call__ that runs the hooks; without one it has none, so that calls cost nothing more.
"""
from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from tinygrad_c.nn.hooks import AFTER, BACKWARD, BACKWARD_BEFORE, BEFORE, EVERYWHERE, HookedForward, RemovableHandle
from tinygrad_c.nn.module import REGISTRATION, Module

_unlinked: weakref.WeakSet[Any] = weakref.WeakSet()       # Sequentials that call each child for itself, for its hooks


class GlobalHandle(RemovableHandle):
    """The handle of a hook of all modules."""

    def __init__(self, kind: str, with_kwargs: bool = False, always_call: bool = False) -> None:
        super().__init__(None, kind, with_kwargs, always_call)

    def remove(self) -> None:
        (REGISTRATION if self.kind in REGISTRATION else EVERYWHERE)[self.kind].pop(self, None)
        if not any(EVERYWHERE.values()) and "__call__" in vars(Module):
            del Module.__call__
            for each in list(_unlinked):
                each._link()
            _unlinked.clear()


def _call_with_hooks(self: Any, *args: Any, **kwargs: Any) -> Any:
    if "_chain" in self.__dict__ and self not in _unlinked:
        self.__dict__["_chain"] = tuple(self._modules.values())
        _unlinked.add(self)
    forward = self.__dict__.get("forward")
    return (forward if isinstance(forward, HookedForward) else HookedForward(self))(*args, **kwargs)


def _register(kind: str, hook: Callable[..., Any], with_kwargs: bool = False, always_call: bool = False) -> GlobalHandle:
    handle = GlobalHandle(kind, with_kwargs, always_call)
    if kind in REGISTRATION:
        REGISTRATION[kind][handle] = hook
    else:
        EVERYWHERE[kind][handle] = hook
        Module.__call__ = _call_with_hooks      # type: ignore[method-assign]
    return handle


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, args) before the forward of every module. A result that is not None replaces the arguments.

    >>> with register_module_forward_pre_hook(lambda module, args: print(type(module).__name__)):
    ...     _ = Linear(2, 1)(tinygrad_c.ones(2))
    Linear
    """
    return _register(BEFORE, hook)


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False,
                                 always_call: bool = False) -> RemovableHandle:
    """Call hook(module, args, output) after the forward of every module. A result that is not None replaces the output.

    >>> with register_module_forward_hook(lambda module, args, output: print(output.shape)):
    ...     _ = Linear(2, 1)(tinygrad_c.ones(2))
    torch.Size([1])
    """
    return _register(AFTER, hook, with_kwargs, always_call)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, grad_output) in the backward pass before every module's. A result replaces grad_output.

    >>> with register_module_full_backward_pre_hook(lambda module, grad_output: print(grad_output)):
    ...     Linear(2, 1)(tinygrad_c.ones(2)).backward()
    (tensor([1.]),)
    """
    return _register(BACKWARD_BEFORE, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, grad_input, grad_output) in the backward pass of every module. A result replaces grad_input.

    >>> with register_module_full_backward_hook(lambda module, grad_input, grad_output: print(grad_output)):
    ...     Linear(2, 1)(tinygrad_c.ones(2)).backward()
    (tensor([1.]),)
    """
    return _register(BACKWARD, hook)


register_module_backward_hook = register_module_full_backward_hook


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, name, parameter) whenever a module gets a parameter. A result that is not None replaces it.

    >>> with register_module_parameter_registration_hook(lambda module, name, parameter: print(name)):
    ...     _ = Linear(2, 1)
    weight
    bias
    """
    return _register("parameter", hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, name, buffer) whenever a module registers a buffer. A result that is not None replaces it.

    >>> with register_module_buffer_registration_hook(lambda module, name, buffer: print(name)):
    ...     Linear(2, 1).register_buffer("seen", tinygrad_c.zeros(1))
    seen
    """
    return _register("buffer", hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, name, child) whenever a module gets a child module. A result that is not None replaces it.

    >>> with register_module_module_registration_hook(lambda module, name, child: print(name, child)):
    ...     _ = tinygrad_c.nn.Sequential(tinygrad_c.nn.ReLU())
    0 ReLU()
    """
    return _register("module", hook)
