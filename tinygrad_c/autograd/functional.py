"""Derivatives of functions: Jacobians, Hessians, and their products with vectors."""
from __future__ import annotations

from collections.abc import Callable

from tinygrad_c import autograd
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.autograd import enable_grad
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.create.create import full
from tinygrad_c.ops.shape.shape import stack

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
__getattr__, __dir__ = lazy_names(globals())

ONE_INPUT = "the input to the user-provided function is a single Tensor with a single element"


def vjp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), v J): the vector-Jacobian product of func with v, for each input.

    >>> vjp(lambda x: x * x, tensor([1., 2.]), tensor([1., 1.]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        many_in, inputs = _inputs(inputs, create_graph, "vjp")
        many_out, outputs = _outputs(func(*inputs), "vjp")
        v = _vector(v, outputs, "the user-provided function returns a single Tensor with a single element")
        result = _grad(outputs, inputs, v, create_graph, strict)
    return _finish(many_out, outputs, create_graph), _finish(many_in, result, create_graph)


def jvp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), J v): the directional derivative of func's outputs along v.

    Computed with two backward passes: u J is linear in u, and the gradient of (u J) v with respect to u is J v.

    >>> jvp(lambda x: x * x, tensor([1., 2.]), tensor([1., 0.]))
    (tensor([1., 4.]), tensor([2., 0.]))
    """
    with enable_grad():
        _, inputs = _inputs(inputs, create_graph, "jvp")
        v = _vector(v, inputs, ONE_INPUT)
        many, outputs = _outputs(func(*inputs), "jvp")
        u = tuple([full(out.shape, 0.0, dtype=out.dtype).requires_grad_() for out in outputs])
        weighed = _grad(outputs, inputs, u, True, strict)
        result = _grad(weighed, u, v, create_graph, strict)
    return _finish(many, outputs, create_graph), _finish(many, result, create_graph)


def jacobian(func: Callable, inputs, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
             strategy: str = "reverse-mode"):
    """d out[i...] / d in[j...], of shape out.shape + in.shape. Several inputs or outputs give tuples, outputs first.

    It takes one backward pass per element of the outputs. `vectorize` and `strategy` are accepted and ignored.

    >>> jacobian(lambda x: x * x, tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    with enable_grad():
        many_in, inputs = _inputs(inputs, create_graph, "jacobian")
        many_out, outputs = _outputs(func(*inputs), "jacobian")
        found = []
        for out in outputs:
            rows = [_grad((each,), inputs, (full((), 1.0, dtype=out.dtype),), create_graph, strict, True)
                    for each in out.reshape(-1).unbind(0)] if out.numel() else []
            found.append(tuple(stack_rows(rows, out, inputs)))
    found = [_finish(many_in, row, create_graph) for row in found]
    return tuple(found) if many_out else found[0]


def hessian(func: Callable, inputs, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
            outer_jacobian_strategy: str = "reverse-mode"):
    """The second derivatives of a scalar func: for each pair of inputs, of shape in1.shape + in2.shape.

    >>> hessian(lambda x: (x ** 3).sum(), tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    many = isinstance(inputs, (tuple, list))

    def gradients(*args):
        _, out = _outputs(func(*args), "hessian")
        if len(out) != 1:
            raise RuntimeError("The function given to hessian should return a single Tensor")
        if out[0].numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hessian should contain a single element")
        result = _grad((out[0].reshape(()),), args, None, True, strict)
        return result if many else result[0]
    return jacobian(gradients, inputs, create_graph=create_graph, strict=strict)


def vhp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), v H), without computing the Hessian H.

    >>> vhp(lambda x: (x ** 3).sum(), tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([1., 1.]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "vhp")


def hvp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(inputs), H v), without computing the Hessian H. H is symmetric, so this equals vhp.

    >>> hvp(lambda x: (x ** 3).sum(), tensor([1., 2.]), tensor([1., 1.]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "hvp")


def _hessian_product(func: Callable, inputs, v, create_graph: bool, strict: bool, name: str):
    with enable_grad():
        many, inputs = _inputs(inputs, create_graph, name)
        v = _vector(v, inputs, ONE_INPUT)
        many_out, outputs = _outputs(func(*inputs), name)
        if many_out:
            raise RuntimeError(f"The function given to {name} should return a single Tensor")
        if outputs[0].numel() != 1:
            raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")
        first = _grad((outputs[0].reshape(()),), inputs, None, True, strict)
        result = _grad(first, inputs, v, create_graph, strict)
    return _finish(False, outputs, create_graph), _finish(many, result, create_graph)


# ---- Helpers

def _inputs(inputs, create_graph: bool, name: str) -> tuple[bool, tuple]:
    """The inputs as a tuple of tensors to differentiate with respect to. With create_graph they stay in the caller's graph."""
    many, inputs = _tensors(inputs, f"The inputs given to {name}")
    return many, tuple([x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in inputs])


def _outputs(outputs, name: str) -> tuple[bool, tuple]:
    return _tensors(outputs, f"The outputs of the user-provided function given to {name}")


def _tensors(given, what: str) -> tuple[bool, tuple]:
    """(whether a tuple was given, the tensors as a tuple)."""
    many = isinstance(given, (tuple, list))
    tensors = tuple(given) if many else (given,)
    for i, x in enumerate(tensors):
        if not isinstance(x, TensorBase):
            raise TypeError(f"{what} must be either a Tensor or a tuple of Tensors but the value at index {i} has type "
                            f"{type(x)}.")
    return many, tensors


def _vector(v, like: tuple, without_v: str) -> tuple:
    """v as a tuple of tensors with the shapes of `like`. It may be omitted, and is then 1, if `like` has one element."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if {without_v}.")
        return (full(like[0].shape, 1.0, dtype=like[0].dtype),)
    v = tuple(v) if isinstance(v, (tuple, list)) else (v,)
    if len(v) != len(like) and len(like) == 1:
        raise RuntimeError("The given v should contain a single Tensor.")
    if len(v) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
    for i, (a, b) in enumerate(zip(v, like)):
        if tuple(a.shape) != tuple(b.shape):
            raise RuntimeError(f"v has invalid size: should be {b.shape} but got {a.shape} (at index {i}).")
    return tuple([each.detach() if not each.requires_grad else each for each in v])


def _grad(outputs: tuple, inputs: tuple, v: tuple | None, create_graph: bool, strict: bool, retain: bool = False) -> tuple:
    """The gradients of the outputs. An input that no output depends on gets zeros, or with `strict` raises an error."""
    ends = [i for i, out in enumerate(outputs) if out.requires_grad]
    weights = None if v is None else [v[i] for i in ends]
    found = autograd.grad([outputs[i] for i in ends], inputs, weights, retain_graph=True if retain else None,
                          create_graph=create_graph, allow_unused=True) if ends else (None,) * len(inputs)
    if strict:
        for i, g in enumerate(found):
            if g is None:
                raise RuntimeError(f"The output of the user-provided function is independent of input {i}. This is not allowed "
                                   "in strict mode.")
    return tuple([full(x.shape, 0.0, dtype=x.dtype) if g is None else g for x, g in zip(inputs, found)])


def stack_rows(rows: list, out: TensorBase, inputs) -> list:
    """d out / d input for each input, of shape out.shape + input.shape. `rows` has the gradients of each element of out."""
    return [(stack([row[k] for row in rows]) if rows else full((0, *x.shape), 0.0, dtype=x.dtype)).reshape(
        (*out.shape, *x.shape)) for k, x in enumerate(inputs)]


def _finish(many: bool, tensors: tuple, create_graph: bool):
    tensors = tuple(tensors) if create_graph else tuple([t.detach() for t in tensors])
    return tensors if many else tensors[0]
