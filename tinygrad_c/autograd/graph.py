"""The names of torch.autograd.graph: nodes of the graph and hooks on saved tensors."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.core import tape
from tinygrad_c.core.hooks import AccumulateGrad, RemovableHandle
from tinygrad_c.core.tape import Node, TensorBase

__all__ = ["AccumulateGrad", "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks",
           "get_gradient_edge", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks"]
__getattr__, __dir__ = lazy_names(globals())

_refused: list[str] = []        # the messages of the active disable_saved_tensors_hooks


class GradientEdge(NamedTuple):
    """The edge of the graph that receives a tensor's gradient: a node and an output index. grad() and backward() accept it.

    >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
    >>> tinygrad_c.autograd.grad((w * 3).sum(), get_gradient_edge(w))
    (tensor([3., 3.]),)
    """

    node: Node | AccumulateGrad
    output_nr: int


def get_gradient_edge(tensor: TensorBase) -> GradientEdge:
    """The gradient edge of a tensor.

    RuntimeError if the tensor does not require grad.

    >>> get_gradient_edge(tinygrad_c.ones(1, requires_grad=True) * 2).output_nr
    0
    """
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    if tensor.grad_fn is not None:
        return GradientEdge(tensor.grad_fn, 0)
    return GradientEdge(tensor.view_as(tensor).grad_fn.next_functions[0][0], 0)


class saved_tensors_hooks:
    """In the `with` block, tensors saved for backward are packed by pack_hook, and unpacked by unpack_hook when used.

    pack_hook(tensor) returns any object, from which unpack_hook returns a tensor with the same shape and dtype. Leaves that
    require grad (parameters) are not packed.

    >>> x = tensor([1., 2.], requires_grad=True)
    >>> with saved_tensors_hooks(lambda t: t.numpy().copy(), tinygrad_c.from_numpy):
    ...     y = x.exp()
    >>> y.sum().backward()
    """

    def __init__(self, pack_hook: Callable[[TensorBase], Any], unpack_hook: Callable[[Any], TensorBase]) -> None:
        self.pair = pack_hook, unpack_hook
        self.before: list = []

    def __enter__(self) -> None:
        if _refused:
            raise RuntimeError(_refused[-1])
        self.before.append(tape._set_packing(self.pair))

    def __exit__(self, *exception: object) -> None:
        tape._set_packing(self.before.pop())


class allow_mutation_on_saved_tensors(saved_tensors_hooks):
    """In the `with` block, saved tensors may be modified in place, because copies are saved.

    >>> x = tensor([1., 2.], requires_grad=True)
    >>> with allow_mutation_on_saved_tensors():
    ...     b = x.clone()
    ...     y = b ** 2
    ...     b = b.sin_()
    ...     y.sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(self) -> None:
        super().__init__(lambda t: t.clone(), lambda kept: kept)


class save_on_cpu(allow_mutation_on_saved_tensors):
    """In the `with` block, operations save copies. All tensors are on the CPU already.

    >>> w = tinygrad_c.tensor(3., requires_grad=True)
    >>> with save_on_cpu():
    ...     y = w * w
    >>> y.backward()
    >>> w.grad
    tensor(6.)
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__()


class disable_saved_tensors_hooks:
    """In the `with` block, saved_tensors_hooks raises a RuntimeError with this message.

    >>> with disable_saved_tensors_hooks("not here"), saved_tensors_hooks(abs, abs):
    ...     pass
    Traceback (most recent call last):
    RuntimeError: not here
    """

    def __init__(self, error_message: str) -> None:
        self.error_message = error_message

    def __enter__(self) -> None:
        _refused.append(self.error_message)

    def __exit__(self, *exception: object) -> None:
        _refused.pop()


class _Handles:
    """A handle of several hooks. remove() removes them all."""

    def __init__(self, handles: list[RemovableHandle]) -> None:
        self.handles = handles

    def remove(self) -> None:
        """Remove the hooks."""
        for each in self.handles:
            each.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[TensorBase], fn: Callable[[Any], None], *, mode: str = "all") -> _Handles:
    """Call fn with the list of the gradients of these tensors after each backward pass that computes one of them.

    Tensors without a gradient have None. With mode="any", fn is called with the first gradient as soon as it is computed.

    >>> a, b = (tinygrad_c.ones(2, requires_grad=True) for _ in range(2))
    >>> handle = register_multi_grad_hook((a, b), lambda grads: print(grads))
    >>> (a * 2).sum().backward()
    [tensor([2., 2.]), None]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    seen: dict[int, Any] = {}

    def at_the_end(failed: bool) -> None:
        grads = [seen.get(i) for i in range(len(tensors))]
        seen.clear()
        if mode == "all" and not failed:
            fn(grads)

    def hook_of(i: int) -> Callable[[Any], None]:
        def hook(gradient: Any) -> None:
            if not seen:
                tape._when_pass_ends(at_the_end)
                if mode == "any":
                    fn(gradient)
            seen[i] = gradient
        return hook
    return _Handles([each.register_hook(hook_of(i)) for i, each in enumerate(tensors)])
