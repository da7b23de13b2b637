"""Hooks of a Module: functions called before or after its forward, or when gradients come through it.

A module without hooks pays nothing for them: registering the first one puts a `forward` of its own into the instance,
which calls the hooks around the class's forward; removing the last one takes it away again.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import Function

BEFORE, AFTER, BACKWARD_BEFORE, BACKWARD = "_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks"
KINDS = (BEFORE, AFTER, BACKWARD_BEFORE, BACKWARD)


class RemovableHandle:
    """What registering a hook returns: remove() takes the hook away; as a context manager it does so at the end."""

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
    """The forward of a module that has hooks, around the one that it had before."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.forward = module.forward
        self.replaced = module.__dict__.get("forward")     # one that the user had put into the instance

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
        return self.module.__dict__.get(kind, {})

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
        watch = Watch(self) if self._of(BACKWARD) or self._of(BACKWARD_BEFORE) else None
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


# ---- Gradients on their way through the module

class Gate(Function):
    """Tensors as they are; in the backward pass notify(gradients) says which gradients go on."""

    @staticmethod
    def forward(ctx: Any, notify: Callable[[tuple[Any, ...]], tuple[Any, ...]], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.notify = notify
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        return None, *ctx.notify(gradients)


class Watch:
    """One call of a module with backward hooks: a gate before it and a gate behind it."""

    def __init__(self, hooked: HookedForward) -> None:
        self.hooked = hooked
        self.places: list[int] | None = None     # which of the arguments went through the first gate
        self.count = 0
        self.of_output: tuple[Any, ...] = ()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.count = len(args)
        self.places = [i for i, each in enumerate(args) if isinstance(each, Tensor) and each.requires_grad]
        if not self.places:
            return args
        passed = list(args)
        for i, tensor in zip(self.places, _through(self._backward, [args[i] for i in self.places])):
            passed[i] = tensor
        return tuple(passed)

    def outputs(self, output: Any) -> Any:
        several = isinstance(output, (tuple, list))
        results = list(output) if several else [output]
        places = [i for i, each in enumerate(results) if isinstance(each, Tensor) and each.requires_grad]
        if not places:
            return output
        for i, tensor in zip(places, _through(self._backward_before, [results[i] for i in places])):
            results[i] = tensor
        return type(output)(results) if several else results[0]

    def _backward_before(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients of the outputs came in."""
        for hook in list(self.hooked._of(BACKWARD_BEFORE).values()):
            result = hook(self.hooked.module, gradients)
            if result is not None:
                gradients = result if isinstance(result, tuple) else (result,)
        self.of_output = gradients
        if not self.places:         # no gradient goes on from the inputs: this is all that the hooks will hear
            self._tell((None,) * self.count)
        return gradients

    def _backward(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients of the inputs are there."""
        known = dict(zip(self.places or (), gradients))
        told = self._tell(tuple(known.get(i) for i in range(self.count)))
        return tuple(told[i] for i in self.places or ())

    def _tell(self, of_inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in list(self.hooked._of(BACKWARD).values()):
            result = hook(self.hooked.module, of_inputs, self.of_output)
            if result is not None:
                result = result if isinstance(result, tuple) else (result,)
                if len(result) != len(of_inputs):
                    raise RuntimeError("Backward hook returned an invalid number of grad_input, got "
                                       f"{len(result)}, but expected {len(of_inputs)}")
                of_inputs = result
        return of_inputs


def _through(notify: Callable[[tuple[Any, ...]], tuple[Any, ...]], tensors: list[Tensor]) -> tuple[Tensor, ...]:
    passed = Gate.apply(notify, *tensors)
    return passed if isinstance(passed, tuple) else (passed,)


def register(module: Any, kind: str, hook: Callable[..., Any], prepend: bool, with_kwargs: bool = False,
             always_call: bool = False) -> RemovableHandle:
    """Add a hook of one of the KINDS to the module."""
    handle = RemovableHandle(module, kind, with_kwargs, always_call)
    attributes = module.__dict__
    hooks = attributes.get(kind, {})
    attributes[kind] = {handle: hook, **hooks} if prepend else {**hooks, handle: hook}
    if not isinstance(attributes.get("forward"), HookedForward):
        attributes["forward"] = HookedForward(module)
    return handle
