"""gradcheck: compare the gradients of a function with finite differences."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy

from tinygrad_c import autograd
from tinygrad_c._base.warn import warn
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.create.create import full, tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """The gradients do not match the function."""


def gradcheck(func: Callable, inputs: TensorBase | Sequence, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
              raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
              check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_batched_forward_grad: bool = False,
              check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False,
              masked: bool | None = None) -> bool:
    """Whether the gradients of func(*inputs) equal (f(x + eps) - f(x - eps)) / 2 eps, within atol + rtol |numerical|.

    The inputs with requires_grad are checked. They should be float64. A mismatch raises GradcheckError, a RuntimeError,
    unless raise_exception is False. fast_mode and the batched and forward checks are accepted and ignored.

    >>> x = tensor([0.5, 2.0], dtype=tinygrad_c.float64, requires_grad=True)
    >>> gradcheck(lambda x: x.sin() * x, x)
    True
    """
    try:
        return _check(func, _tuple(inputs), eps, atol, rtol, nondet_tol, check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False


def gradgradcheck(func: Callable, inputs: TensorBase | Sequence, grad_outputs: TensorBase | Sequence | None = None, *,
                  eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False,
                  raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
                  check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_fwd_over_rev: bool = False,
                  check_rev_over_rev: bool = True, fast_mode: bool = False, masked: bool = False) -> bool:
    """gradcheck of the gradients, with respect to the inputs and to grad_outputs, which are random unless given.

    >>> x = tensor([0.5, 2.0], dtype=tinygrad_c.float64, requires_grad=True)
    >>> gradgradcheck(lambda x: x.sin() * x, x)
    True
    """
    inputs = _tuple(inputs)
    if grad_outputs is None:
        rng = numpy.random.default_rng(0)
        outputs = [out for out in _tuple(func(*inputs)) if isinstance(out, TensorBase) and out.requires_grad]
        given = [tensor(rng.standard_normal(tuple(out.shape)), dtype=out.dtype, requires_grad=True) for out in outputs]
    else:
        given = [g.detach().requires_grad_() for g in _tuple(grad_outputs)]
    wanted = [i for i, x in enumerate(inputs) if _requires_check(x)]

    def gradients(*args):
        args, grads = args[:len(inputs)], args[len(inputs):]
        outputs = [out for out in _tuple(func(*args)) if isinstance(out, TensorBase) and out.requires_grad]
        found = autograd.grad(outputs, [args[i] for i in wanted], grads, create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])
    return gradcheck(gradients, (*inputs, *given), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
                     nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad)


def _tuple(given) -> tuple:
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)


def _requires_check(x) -> bool:
    return isinstance(x, TensorBase) and x.requires_grad


def _check(func: Callable, inputs: tuple, eps: float, atol: float, rtol: float, nondet_tol: float, undefined: bool) -> bool:
    wanted = [i for i, x in enumerate(inputs) if _requires_check(x)]
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of the them have "
                         "requires_grad=True.")
    for i in wanted:
        if inputs[i].dtype.name != "float64":
            warn(f"Input #{i} requires gradient and is not a double precision floating point or complex. This check will "
                 "likely fail if all the inputs are not of double precision floating point or complex. ")
    outputs = [out for out in _tuple(func(*inputs)) if isinstance(out, TensorBase) and out.is_floating_point()]
    if not any(out.requires_grad for out in outputs):
        return _no_gradient(func, inputs, wanted, eps)
    numerical = _numerical(func, inputs, wanted, eps)
    for o, out in enumerate(outputs):
        if not out.requires_grad:
            continue
        analytical = _analytical(out, [inputs[i] for i in wanted])
        again = _analytical(out, [inputs[i] for i in wanted])
        for k, i in enumerate(wanted):
            a, n = analytical[k], numerical[k][o]
            if not numpy.allclose(a, n, rtol, atol, equal_nan=True):
                raise GradcheckError(f"Jacobian mismatch for output {o} with respect to input {i},\nnumerical:{n}\n"
                                     f"analytical:{a}\nThe largest difference is {numpy.abs(a - n).max():g}. Rows are elements "
                                     "of the input, columns of the output.")
            if not numpy.allclose(a, again[k], 0.0, nondet_tol, equal_nan=True):
                raise GradcheckError("Backward is not reentrant, i.e., running backward with same input and grad_output "
                                     "multiple times gives different values, although analytical gradient matches numerical "
                                     "gradient.")
    return True


def _no_gradient(func: Callable, inputs: tuple, wanted: list[int], eps: float) -> bool:
    """Check the case that no output requires a gradient: correct if no output depends on the inputs."""
    if any(numpy.any(column != 0) for columns in _numerical(func, inputs, wanted, eps) for column in columns):
        raise GradcheckError("Numerical gradient for function expected to be zero: no output requires a gradient, but the "
                             "outputs depend on the inputs")
    return True


def _analytical(out: TensorBase, inputs: list[TensorBase]) -> list[numpy.ndarray]:
    """The Jacobian [elements of the input, elements of out] for each input, with one backward pass per element of out."""
    jacobians = [numpy.zeros((x.numel(), out.numel())) for x in inputs]
    for j in range(out.numel()):
        one = full((out.numel(),), 0.0, dtype=out.dtype)
        one[j] = 1.0
        for x, g, jacobian in zip(inputs, autograd.grad(out, inputs, one.reshape(out.shape), retain_graph=True,
                                                        allow_unused=True), jacobians):
            if g is None:
                continue
            if tuple(g.shape) != tuple(x.shape) or g.dtype != x.dtype:
                raise GradcheckError("Analytical gradient has incorrect size or type")
            jacobian[:, j] = g.detach().numpy().reshape(-1)
    return jacobians


def _numerical(func: Callable, inputs: tuple, wanted: list[int], eps: float) -> list[list[numpy.ndarray]]:
    """The Jacobians [input][output] by central differences. The inputs are changed in place while func runs, then restored."""
    def values() -> list[numpy.ndarray]:
        outs = _tuple(func(*inputs))
        return [out.detach().numpy().astype(float).reshape(-1).copy() for out in outs
                if isinstance(out, TensorBase) and out.is_floating_point()]
    found = []
    for i in wanted:
        x = inputs[i].detach().numpy()
        columns = []
        for at in numpy.ndindex(x.shape):
            kept = x[at].copy()
            x[at] = kept + eps
            above = values()
            x[at] = kept - eps
            below = values()
            x[at] = kept
            columns.append([(a - b) / (2 * eps) for a, b in zip(above, below)])
        n_outputs = len(values()) if not columns else len(columns[0])
        found.append([numpy.array([column[o] for column in columns]) if columns else numpy.zeros((0, values()[o].size))
                      for o in range(n_outputs)])
    return found


