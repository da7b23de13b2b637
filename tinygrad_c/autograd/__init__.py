"""backward, grad, and the grad modes, which turn recording on and off."""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard, guard_all
from tinygrad_c._base.warn import warn
from tinygrad_c.core import tape
from tinygrad_c.core.tape import as_tuple, is_grad_enabled, is_inference_mode_enabled, tensors_of
from tinygrad_c.ops.shape.shape import stack

LAZY_NAMES = {       # imported on first access
    "function": "Function", "anomaly_mode": "detect_anomaly set_detect_anomaly", "checks": "gradcheck gradgradcheck",
    "": "anomaly_mode function functional grad_mode graph variable",
}
__all__ = [*(name for names in LAZY_NAMES.values() for name in names.split()),
           "Variable", "backward", "enable_grad", "grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled",
           "no_grad", "set_grad_enabled", "set_multithreading_enabled"]
__getattr__, __dir__ = lazy_names(globals(), LAZY_NAMES, guard)


def backward(tensors, grad_tensors=None, retain_graph: bool | None = None, create_graph: bool = False, inputs=None) -> None:
    """Compute the gradients of the tensors and add them to the .grad of the leaves.

    `grad_tensors` are the gradients of the tensors, one per tensor; the default for a scalar is 1. With `inputs`, only these
    leaves get gradients. RuntimeError if no tensor requires grad, or if the graph was already freed.

    >>> w = tinygrad_c.tensor(3., requires_grad=True)
    >>> backward([w * w])
    >>> w.grad
    tensor(6.)
    """
    tensors = tensors_of(tensors, "tensors")
    gradients = as_tuple(grad_tensors) if grad_tensors is not None else (None,) * len(tensors)
    if len(gradients) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(gradients)} gradients")
    tape.backward(tensors, gradients, retain_graph, create_graph, inputs, 1)


def grad(outputs, inputs, grad_outputs=None, retain_graph: bool | None = None, create_graph: bool = False,
         only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False,
         materialize_grads: bool = False) -> tuple:
    """The gradients of the sum of the outputs with respect to each input, as a tuple. .grad does not change.

    With `create_graph` the gradients are recorded, so they can be differentiated again. With `is_grads_batched`, grad_outputs
    have an additional first dimension, and so do the gradients. Each index of it takes one backward pass.

    >>> x = tinygrad_c.tensor(3., requires_grad=True)
    >>> (dx,) = grad(x ** 3, x, create_graph=True)
    >>> dx.item(), grad(dx, x)[0].item()
    (27.0, 18.0)
    """
    outputs, inputs = tensors_of(outputs, "outputs"), tensors_of(inputs, "inputs")
    if not only_inputs:         # deprecated in torch; GAN programs pass the default
        warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for other parts "
             "of the graph, please use torch.autograd.backward.", FutureWarning)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                         "allow_unused=False.")
    if is_grads_batched:
        rows = [grad(outputs, inputs, each, True, create_graph, True, allow_unused, False, materialize_grads)
                for each in zip(*[g.unbind(0) for g in as_tuple(grad_outputs)])]
        return tuple([None if column[0] is None else stack(list(column)) for column in zip(*rows)])
    if grad_outputs is not None and len(as_tuple(grad_outputs)) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(as_tuple(grad_outputs))} gradients")
    gradients = as_tuple(grad_outputs) if grad_outputs is not None else (None,) * len(outputs)
    retain = create_graph if retain_graph is None else retain_graph
    results = tape.grad(outputs, inputs, gradients, retain, create_graph, 1)
    for i, (each, result) in enumerate(zip(inputs, results)):
        if result is None:
            if materialize_grads:
                results[i] = each.detach() * 0
            elif not allow_unused:
                raise RuntimeError(f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                                   "allow_unused=True if this is the desired behavior.")
    return tuple(results)


class _SignatureOfMode:
    """inspect.signature finds none in a compiled class."""

    def __get__(self, instance: Any, owner: Any) -> Any:
        from inspect import Parameter, Signature
        return Signature([Parameter("mode", Parameter.POSITIONAL_OR_KEYWORD)])


class set_grad_enabled(tape.GradModeAtOnce):
    """Turn recording on or off: from this call on, in a `with` block, or, as a decorator, in a function.

    >>> with tinygrad_c.set_grad_enabled(False):
    ...     print((tinygrad_c.ones(1, requires_grad=True) * 2).requires_grad)
    False
    """

    __signature__ = _SignatureOfMode()


class no_grad(tape.GradMode):
    """Turn recording off, for evaluation and for manual parameter updates.

    >>> w = tinygrad_c.ones(2, requires_grad=True)
    >>> with no_grad():
    ...     w -= 0.1
    >>> w
    tensor([0.9000, 0.9000], requires_grad=True)
    """

    def __init__(self, function: Any = None) -> None:
        super().__init__(False, None, function)


class enable_grad(tape.GradMode):
    """Turn recording on, also inside no_grad().

    >>> with tinygrad_c.no_grad(), tinygrad_c.enable_grad():
    ...     print((tinygrad_c.ones(1, requires_grad=True) * 2).requires_grad)
    True
    """

    def __init__(self, function: Any = None) -> None:
        super().__init__(True, None, function)


class inference_mode(tape.GradMode):
    """no_grad() that also marks the tensors created inside as inference tensors.

    An inference tensor cannot be saved for backward, and cannot be modified in place outside: both raise a RuntimeError.
    .clone() gives a normal tensor.

    >>> with inference_mode():
    ...     y = tinygrad_c.ones(2) * 2
    >>> y.is_inference(), (y + 1).is_inference()
    (True, False)
    """

    def __init__(self, mode: Any = True) -> None:
        on = callable(mode) or bool(mode)
        super().__init__(not on, on, mode if callable(mode) else None)


class set_multithreading_enabled:
    """Accepted and ignored: one thread runs the backward pass.

    >>> with set_multithreading_enabled(False):
    ...     tinygrad_c.ones(1, requires_grad=True).sum().backward()
    """

    def __init__(self, mode: bool):
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception) -> None:
        pass


def Variable(data, requires_grad: bool = False, volatile: bool = False):
    """Return data with requires_grad set, for old programs.

    >>> Variable(tinygrad_c.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """
    return data.requires_grad_() if requires_grad else data


guard_all(globals(), keywords=True)
