"""torch.autograd.graph's names: the nodes of the graph that a tensor came from, and what is kept in them."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tinygrad_c._base.missing import public_names
from tinygrad_c.core import tape
from tinygrad_c.core.hooks import AccumulateGrad, RemovableHandle
from tinygrad_c.core.tape import Node, TensorBase

__all__ = ["AccumulateGrad", "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks",
           "get_gradient_edge", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks"]
__getattr__, __dir__ = public_names(globals())

_refused: list[str] = []        # what to say to saved_tensors_hooks inside disable_saved_tensors_hooks


class GradientEdge(NamedTuple):
    """Where a tensor's gradient arrives: a node, and which of its outputs. grad() and backward() take it for the tensor.

    >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
    >>> tinygrad_c.autograd.grad((w * 3).sum(), get_gradient_edge(w))
    (tensor([3., 3.]),)
    """

    node: Node | AccumulateGrad
    output_nr: int


def get_gradient_edge(tensor: TensorBase) -> GradientEdge:
    """The edge of a tensor that requires grad.

    RuntimeError for one that requires none.

    >>> get_gradient_edge(tinygrad_c.ones(1, requires_grad=True) * 2).output_nr
    0
    """
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    if tensor.grad_fn is not None:
        return GradientEdge(tensor.grad_fn, 0)
    return GradientEdge(tensor.view_as(tensor).grad_fn.next_functions[0][0], 0)


class saved_tensors_hooks:
    """Inside the block, what operations save for backward goes through pack_hook, and through unpack_hook when it is needed.

    pack_hook(tensor) gives anything; unpack_hook of that gives a tensor of the same shape and dtype. Leaves that require grad
    (parameters) are kept as they are.

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
    """Inside the block, what an operation has saved may be written to in place: copies are kept.

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
    """Inside the block, operations save copies: the CPU is where everything is already.

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
    """Inside the block, saved_tensors_hooks raises a RuntimeError with this message.

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
    """remove() takes several hooks off."""

    def __init__(self, handles: list[RemovableHandle]) -> None:
        self.handles = handles

    def remove(self) -> None:
        """Take the hooks off."""
        for each in self.handles:
            each.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[TensorBase], fn: Callable[[Any], None], *, mode: str = "all") -> _Handles:
    """Call fn with the list of the gradients of these tensors (None where there is none) at the end of each backward pass that
    computes one of them; with mode="any", with the first gradient as soon as that is computed.

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
