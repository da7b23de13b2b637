"""Hooks of a Module: functions called before or after its forward, or during its backward pass.

A module without hooks pays nothing for them. Registering the first hook sets `forward` in the instance to one that calls
the hooks around the class's forward. Removing the last hook deletes it again.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import Function

BEFORE, AFTER, BACKWARD_BEFORE, BACKWARD = "_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks"
KINDS = (BEFORE, AFTER, BACKWARD_BEFORE, BACKWARD)
EVERYWHERE: dict[str, dict[RemovableHandle, Callable[..., Any]]] = {kind: {} for kind in KINDS}    # see global_hooks.py


class RemovableHandle:
    """The handle of a registered hook. remove() removes the hook; a `with` block removes it at its end."""

    def __init__(self, module: Any, kind: str, with_kwargs: bool, always_call: bool = False) -> None:
        self.module, self.kind, self.with_kwargs, self.always_call = module, kind, with_kwargs, always_call

    def remove(self) -> None:
        attributes = self.module.__dict__
        attributes.get(self.kind, {}).pop(self, None)
        if not any(attributes.get(kind) for kind in KINDS):
            hooked = attributes.pop("forward", None)
            if isinstance(hooked, HookedForward) and hooked.replaced is not None:
                attributes["forward"] = hooked.replaced

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class HookedForward:
    """The forward of a module with hooks. It calls the hooks around the original forward."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.forward = module.forward
        self.replaced = module.__dict__.get("forward")     # a forward that the user had set on the instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        called: set[RemovableHandle] = set()
        try:
            return self._run(called, args, kwargs)
        except Exception:
            for handle, hook in list(self._of(AFTER).items()):
                if handle.always_call and handle not in called:
                    _call(handle, hook, self.module, args, kwargs, None)
            raise

    def _of(self, kind: str) -> dict[RemovableHandle, Callable[..., Any]]:
        own = self.module.__dict__.get(kind, {})
        return {**EVERYWHERE[kind], **own} if EVERYWHERE[kind] else own

    def _run(self, called: set[RemovableHandle], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        module = self.module
        for handle, hook in list(self._of(BEFORE).items()):
            if handle.with_kwargs:
                result = hook(module, args, kwargs)
                if result is not None:
                    args, kwargs = result
            else:
                result = hook(module, args)
                if result is not None:
                    args = result if isinstance(result, tuple) else (result,)
        watch = BackwardHook(self) if self._of(BACKWARD) or self._of(BACKWARD_BEFORE) else None
        if watch is not None:
            args = watch.inputs(args)
        output = self.forward(*args, **kwargs)
        for handle, hook in list(self._of(AFTER).items()):
            called.add(handle)
            result = _call(handle, hook, module, args, kwargs, output)
            if result is not None:
                output = result
        return output if watch is None else watch.outputs(output)


def _call(handle: RemovableHandle, hook: Callable[..., Any], module: Any, args: Any, kwargs: Any, output: Any) -> Any:
    return hook(module, args, kwargs, output) if handle.with_kwargs else hook(module, args, output)


# ---- Backward hooks

class BackwardHookFunction(Function):
    """The identity. In the backward pass, notify(gradients) returns the gradients to pass on."""

    @staticmethod
    def forward(ctx: Any, notify: Callable[[tuple[Any, ...]], tuple[Any, ...]], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.notify = notify
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        return None, *ctx.notify(gradients)


class BackwardHook:
    """One call of a module with backward hooks: a BackwardHookFunction on its inputs and one on its outputs."""

    def __init__(self, hooked: HookedForward) -> None:
        self.hooked = hooked
        self.indices: list[int] | None = None    # indices of the arguments that require gradients
        self.count = 0
        self.of_output: tuple[Any, ...] = ()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.count = len(args)
        self.indices = [i for i, each in enumerate(args) if isinstance(each, Tensor) and each.requires_grad]
        if not self.indices:
            return args
        passed = list(args)
        for i, tensor in zip(self.indices, _apply(self._backward, [args[i] for i in self.indices])):
            passed[i] = tensor
        return tuple(passed)

    def outputs(self, output: Any) -> Any:
        several = isinstance(output, (tuple, list))
        results = list(output) if several else [output]
        indices = [i for i, each in enumerate(results) if isinstance(each, Tensor) and each.requires_grad]
        if not indices:
            return output
        for i, tensor in zip(indices, _apply(self._backward_before, [results[i] for i in indices])):
            results[i] = tensor
        return type(output)(results) if several else results[0]

    def _backward_before(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run the pre-hooks with the gradients of the outputs."""
        for hook in list(self.hooked._of(BACKWARD_BEFORE).values()):
            result = hook(self.hooked.module, gradients)
            if result is not None:
                gradients = result if isinstance(result, tuple) else (result,)
        self.of_output = gradients
        if not self.indices:         # no input requires a gradient, so _backward will not be called
            self._run_hooks((None,) * self.count)
        return gradients

    def _backward(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run the hooks with the gradients of the inputs."""
        known = dict(zip(self.indices or (), gradients))
        results = self._run_hooks(tuple(known.get(i) for i in range(self.count)))
        return tuple(results[i] for i in self.indices or ())

    def _run_hooks(self, of_inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in list(self.hooked._of(BACKWARD).values()):
            result = hook(self.hooked.module, of_inputs, self.of_output)
            if result is not None:
                result = result if isinstance(result, tuple) else (result,)
                if len(result) != len(of_inputs):
                    raise RuntimeError("Backward hook returned an invalid number of grad_input, got "
                                       f"{len(result)}, but expected {len(of_inputs)}")
                of_inputs = result
        return of_inputs


def _apply(notify: Callable[[tuple[Any, ...]], tuple[Any, ...]], tensors: list[Tensor]) -> tuple[Tensor, ...]:
    result = BackwardHookFunction.apply(notify, *tensors)
    return result if isinstance(result, tuple) else (result,)


def register(module: Any, kind: str, hook: Callable[..., Any], prepend: bool, with_kwargs: bool = False,
             always_call: bool = False) -> RemovableHandle:
    """Register a hook of one of the KINDS."""
    handle = RemovableHandle(module, kind, with_kwargs, always_call)
    attributes = module.__dict__
    hooks = attributes.get(kind, {})
    attributes[kind] = {handle: hook, **hooks} if prepend else {**hooks, handle: hook}
    if not isinstance(attributes.get("forward"), HookedForward):
        attributes["forward"] = HookedForward(module)
    return handle
