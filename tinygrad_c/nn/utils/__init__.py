"""Helpers for all parameters at once: clip gradients, flatten to one vector. The names of torch.nn.utils."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard, guard_all
from tinygrad_c._base.warn import typename
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.ops.create.create import in_program, is_wrong, tensor
from tinygrad_c.ops.elementwise.elementwise import where
from tinygrad_c.ops.elementwise.logic import logical_not
from tinygrad_c.ops.shape.shape import cat, stack

LAZY_NAMES = {       # imported on first access
    "fusion": "fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights",
    "norms": "weight_norm remove_weight_norm spectral_norm remove_spectral_norm",
    "": "rnn parametrize parametrizations prune stateless",
}
__all__ = [*(name for names in LAZY_NAMES.values() for name in names.split()),
           "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_",
           "convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format", "get_total_norm",
           "parameters_to_vector", "skip_init", "vector_to_parameters"]
__getattr__, __dir__ = lazy_names(globals(), LAZY_NAMES, guard)


def get_total_norm(tensors: Iterable[Tensor] | Tensor, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """The norm of the elements of all tensors: (sum |x|^p)^(1/p), p = norm_type, or max |x| for inf.

    error_if_nonfinite: RuntimeError if the norm is NaN or infinite.

    >>> get_total_norm([tensor([3.]), tensor([[4.]])])
    tensor(5.)
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return tensor(0.0)
    with no_grad():
        if norm_type == float("inf"):
            total = stack([x.abs().max() for x in tensors]).max()
        elif norm_type == 2.0:
            total = stack([(x * x).sum() for x in tensors]).sum().sqrt()
        else:
            total = stack([(x.abs() ** norm_type).sum() for x in tensors]).sum() ** (1 / norm_type)
    if error_if_nonfinite and is_wrong(logical_not(abs(total) < float("inf"))):
        raise RuntimeError(f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot "
                           "be clipped. To disable this error and scale the gradients by the non-finite norm anyway, "
                           "set `error_if_nonfinite=False`")
    return total


def clip_grad_norm_(parameters: Iterable[Tensor] | Tensor, max_norm: float, norm_type: float = 2.0,
                    error_if_nonfinite: bool = False, foreach: bool | None = None) -> Tensor:
    """Scale all gradients by one factor so that their total norm is at most max_norm. Returns the norm before scaling.

    >>> p = tinygrad_c.zeros(2, requires_grad=True)
    >>> p.grad = tensor([3., 4.])
    >>> clip_grad_norm_([p], 1.), p.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    gradients = _gradients(parameters)
    total = get_total_norm(gradients, norm_type, error_if_nonfinite)
    _scale(gradients, max_norm, total)
    return total


def clip_grads_with_norm_(parameters: Iterable[Tensor] | Tensor, max_norm: float, total_norm: Tensor,
                          foreach: bool | None = None) -> None:
    """Scale all gradients by max_norm / total_norm, if that is below 1: the second half of clip_grad_norm_.

    >>> p = tinygrad_c.zeros(2, requires_grad=True)
    >>> p.grad = tensor([3., 4.])
    >>> clip_grads_with_norm_([p], 2.5, get_total_norm([p.grad]))
    >>> p.grad
    tensor([1.5000, 2.0000])
    """
    _scale(_gradients(parameters), max_norm, total_norm)


def skip_init(module_cls: type, *args: Any, **kwargs: Any) -> Any:
    """Create a module of this class. Unlike in torch, its parameters are initialized: this takes little time.

    >>> skip_init(tinygrad_c.nn.Linear, 2, 1)
    Linear(in_features=2, out_features=1, bias=True)
    """
    return module_cls(*args, **{name: value for name, value in kwargs.items() if name != "device"})


def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float, foreach: bool | None = None) -> None:
    """Clamp every element of every gradient to [-clip_value, clip_value].

    >>> p = tinygrad_c.zeros(2, requires_grad=True)
    >>> p.grad = tensor([3., 4.])
    >>> clip_grad_value_([p], 3.5)
    >>> p.grad
    tensor([3.0000, 3.5000])
    """
    with no_grad():
        for gradient in _gradients(parameters):
            gradient.clamp_(-float(clip_value), float(clip_value))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Flatten all parameters and concatenate them to one vector.

    >>> parameters_to_vector([tensor([[1., 2.]]), tensor([3.])])
    tensor([1., 2., 3.])
    """
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the elements of a flat vector into the parameters.

    >>> layer = tinygrad_c.nn.Linear(2, 1)
    >>> vector_to_parameters(tensor([1., 2., 3.]), layer.parameters())
    >>> layer.weight.data, layer.bias.data
    (tensor([[1., 2.]]), tensor([3.]))
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    start = 0
    with no_grad():
        for parameter in parameters:
            parameter.copy_(vec[start:start + parameter.numel()].reshape(parameter.shape))
            start += parameter.numel()


def _scale(gradients: list[Tensor], max_norm: float, total_norm: Tensor) -> None:
    if in_program():
        _scale_recorded(gradients, float(max_norm), total_norm)
        return
    factor = float(max_norm) / (float(total_norm) + 1e-6)
    if not factor >= 1:     # true for NaN too, as in PyTorch
        with no_grad():
            for gradient in gradients:
                gradient.mul_(factor)


def _scale_recorded(gradients: list[Tensor], max_norm: float, total_norm: Tensor) -> None:
    """The same, to the bit, without reading the norm."""
    with no_grad():
        factor = max_norm / (total_norm.double() + 1e-6)
        for gradient in gradients:
            gradient.copy_(where(factor >= 1, gradient, gradient * factor.to(gradient.dtype)))


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[Tensor]:
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """Return the module unchanged: weights are always contiguous, in any memory format.

    >>> convert_conv2d_weight_memory_format(tinygrad_c.nn.Identity(), tinygrad_c.channels_last)
    Identity()
    """
    return module


clip_grad_norm = clip_grad_norm_
convert_conv3d_weight_memory_format = convert_conv2d_weight_memory_format


guard_all(globals(), keywords=True)
