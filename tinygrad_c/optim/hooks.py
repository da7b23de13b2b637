"""Hooks of optimizers: called around step, state_dict and load_state_dict.

An optimizer without hooks pays nothing for those of its step: the first hook sets `step` in the instance.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

STEP_BEFORE, STEP_AFTER = "_step_pre_hooks", "_step_post_hooks"
STATE_BEFORE, STATE_AFTER = "_state_dict_pre_hooks", "_state_dict_post_hooks"
LOAD_BEFORE, LOAD_AFTER = "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"
KINDS = (STEP_BEFORE, STEP_AFTER, STATE_BEFORE, STATE_AFTER, LOAD_BEFORE, LOAD_AFTER)

_of_all: dict[str, list[StepHook]] = {STEP_BEFORE: [], STEP_AFTER: []}      # called by every optimizer
_optimizers: WeakSet[Any] = WeakSet()


class StepHook:
    """The handle of a registered hook. remove() removes the hook; so does leaving a `with` block."""

    def __init__(self, optimizer: Any, hook: Callable[..., Any], kind: str) -> None:
        self.optimizer, self.hook, self.kind = optimizer, hook, kind
        self.hooks = _of_all[kind] if optimizer is None else optimizer.__dict__.setdefault(kind, [])
        self.hooks.append(self)
        self._watch_steps()

    def prepended(self, first: bool = True) -> StepHook:
        """The hook, called before all others if first."""
        if first:
            self.hooks.insert(0, self.hooks.pop(self.hooks.index(self)))
        return self

    def _watch_steps(self) -> None:
        if self.kind in _of_all:
            for each in list(_optimizers) if self.optimizer is None else [self.optimizer]:
                _watch_step(each)

    def remove(self) -> None:
        """Remove the hook."""
        if self in self.hooks:
            self.hooks.remove(self)
            self._watch_steps()

    def __enter__(self) -> StepHook:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class _HookedStep:
    """The step of an optimizer with hooks."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.step = optimizer, optimizer.step

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        own = self.optimizer.__dict__
        args = (self.optimizer, *args)
        for each in [*_of_all[STEP_BEFORE], *own.get(STEP_BEFORE, ())]:
            result = each.hook(self.optimizer, args, kwargs)
            if result is not None:
                if not isinstance(result, tuple) or len(result) != 2:
                    raise RuntimeError(f"{each.hook} must return None or a tuple of (new_args, new_kwargs), but got {result}.")
                args, kwargs = result
        value = self.step(*args[1:], **kwargs)
        for each in [*own.get(STEP_AFTER, ()), *_of_all[STEP_AFTER]]:
            each.hook(self.optimizer, args, kwargs)
        return value


def _watch_step(optimizer: Any) -> None:
    """Set the step of an optimizer with hooks, or take it away."""
    attributes = optimizer.__dict__
    hooked = any(_of_all[kind] or attributes.get(kind) for kind in _of_all)
    if isinstance(attributes.get("step"), _HookedStep) != hooked:
        if hooked:
            attributes["step"] = _HookedStep(optimizer)
        else:
            del attributes["step"]


def created(optimizer: Any) -> None:
    """Call when an optimizer has been made: the hooks of all optimizers are its hooks too."""
    _optimizers.add(optimizer)
    if any(_of_all.values()):
        _watch_step(optimizer)


def without(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes without the hooks: a copy of an optimizer has none, as in PyTorch."""
    return {name: value for name, value in attributes.items() if name not in KINDS and not isinstance(value, _HookedStep)}


def call(optimizer: Any, kind: str) -> None:
    """Call hook(optimizer) for each hook of this kind."""
    for each in list(optimizer.__dict__.get(kind, ())):
        each.hook(optimizer)


def call_on(optimizer: Any, kind: str, state_dict: dict[str, Any]) -> dict[str, Any]:
    """Call hook(optimizer, state_dict) for each hook of this kind. A dict that it returns replaces state_dict."""
    for each in list(optimizer.__dict__.get(kind, ())):
        result = each.hook(optimizer, state_dict)
        if result is not None:
            state_dict = result
    return state_dict


class Hooks:
    """The methods of Optimizer that register hooks. Each returns a handle, whose remove() removes the hook."""

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> StepHook:
        """Call hook(optimizer, args, kwargs) before each step; args[0] is the optimizer. If it returns a pair (args, kwargs),
        that replaces them.

        >>> w = tensor([1.], requires_grad=True)
        >>> optimizer = tinygrad_c.optim.SGD([w], lr=0.1)
        >>> handle = optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: print("before"))
        >>> w.sum().backward()
        >>> optimizer.step()
        before
        """
        return StepHook(self, hook, STEP_BEFORE)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> StepHook:
        """Call hook(optimizer, args, kwargs) after each step.

        >>> w = tensor([1.], requires_grad=True)
        >>> optimizer = tinygrad_c.optim.SGD([w], lr=0.1)
        >>> handle = optimizer.register_step_post_hook(lambda optimizer, args, kwargs: print("after"))
        >>> w.sum().backward()
        >>> optimizer.step()
        after
        """
        return StepHook(self, hook, STEP_AFTER)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> StepHook:
        """Call hook(optimizer) before state_dict.

        >>> optimizer = tinygrad_c.optim.SGD([tensor([1.], requires_grad=True)])
        >>> handle = optimizer.register_state_dict_pre_hook(lambda optimizer: print("saving"))
        >>> _ = optimizer.state_dict()
        saving
        """
        return StepHook(self, hook, STATE_BEFORE).prepended(prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> StepHook:
        """Call hook(optimizer, state_dict) with the result of state_dict. A dict that it returns replaces the result.

        >>> optimizer = tinygrad_c.optim.SGD([tensor([1.], requires_grad=True)])
        >>> handle = optimizer.register_state_dict_post_hook(lambda optimizer, state_dict: {**state_dict, "epoch": 3})
        >>> optimizer.state_dict()["epoch"]
        3
        """
        return StepHook(self, hook, STATE_AFTER).prepended(prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> StepHook:
        """Call hook(optimizer, state_dict) before load_state_dict, with a shallow copy. A dict that it returns is loaded.

        >>> optimizer = tinygrad_c.optim.SGD([tensor([1.], requires_grad=True)])
        >>> handle = optimizer.register_load_state_dict_pre_hook(lambda optimizer, state_dict: print(*state_dict))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        state param_groups
        """
        return StepHook(self, hook, LOAD_BEFORE).prepended(prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> StepHook:
        """Call hook(optimizer) after load_state_dict.

        >>> optimizer = tinygrad_c.optim.SGD([tensor([1.], requires_grad=True)])
        >>> handle = optimizer.register_load_state_dict_post_hook(lambda optimizer: print("loaded"))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        loaded
        """
        return StepHook(self, hook, LOAD_AFTER).prepended(prepend)


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> StepHook:
    """register_step_pre_hook for all optimizers. These hooks are called before an optimizer's own.

    >>> handle = register_optimizer_step_pre_hook(lambda optimizer, args, kwargs: print(type(optimizer).__name__))
    >>> tinygrad_c.optim.SGD([tinygrad_c.ones(1, requires_grad=True)]).step()
    SGD
    >>> handle.remove()
    """
    return StepHook(None, hook, STEP_BEFORE)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> StepHook:
    """register_step_post_hook for all optimizers. These hooks are called after an optimizer's own.

    >>> handle = register_optimizer_step_post_hook(lambda optimizer, args, kwargs: print("done"))
    >>> tinygrad_c.optim.SGD([tinygrad_c.ones(1, requires_grad=True)]).step()
    done
    >>> handle.remove()
    """
    return StepHook(None, hook, STEP_AFTER)
