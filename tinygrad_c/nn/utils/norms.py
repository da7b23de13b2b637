"""weight_norm and spectral_norm as forward pre-hooks, which recompute the weight before each forward."""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.nn.functional.norm import normalize
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.random import random
from tinygrad_c.ops.reduce import reduce


class _Recomputed:
    """A forward pre-hook that sets module.name to a computed tensor."""

    def __init__(self, name: str) -> None:
        self.name = name

    def compute(self, module: Module) -> Tensor:
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute(module))


def _lengths(v: Tensor, dim: int | None) -> Tensor:
    """|v| over all dimensions except dim."""
    dims = tuple(d for d in range(v.ndim) if dim is None or d != dim % v.ndim)
    return reduce.norm(v, 2, dims, True)


class _WeightNorm(_Recomputed):
    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def compute(self, module: Module) -> Tensor:
        v = getattr(module, self.name + "_v")
        return v * (getattr(module, self.name + "_g") / _lengths(v, self.dim))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """w = g * v / |v|. The parameters are the norm g (weight_g) and the direction v (weight_v): Salimans & Kingma 2016.

    dim: the dimension with one norm per index. None: one norm for the whole weight.

    >>> layer = weight_norm(Linear(2, 3))
    >>> layer.weight_g.shape, layer.weight_v.shape
    (torch.Size([3, 1]), torch.Size([3, 2]))
    """
    weight = getattr(module, name)
    hook = _WeightNorm(name, dim)
    delattr(module, name)
    length = _lengths(weight.detach(), dim)
    module.register_parameter(name + "_g", Parameter(length if dim is not None else length.reshape(())))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute(module))
    _install(module, name, hook)
    return module


class _SpectralNorm(_Recomputed):
    def __init__(self, name: str, n_power_iterations: int, eps: float, dim: int) -> None:
        super().__init__(name)
        self.n_power_iterations, self.eps, self.dim = n_power_iterations, eps, dim

    def matrix(self, weight: Tensor) -> Tensor:
        weight = weight.transpose(0, self.dim) if self.dim else weight
        return weight.reshape(weight.shape[0], -1)

    def compute(self, module: Module) -> Tensor:
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        matrix = self.matrix(weight)
        if module.training:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(matrix.t() @ u, dim=0, eps=self.eps))
                    u.copy_(normalize(matrix @ v, dim=0, eps=self.eps))
        u, v = u.clone(), v.clone()     # the next power iteration writes into them
        return weight / (u @ (matrix @ v))


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """w = w_orig / sigma, sigma the largest singular value of w_orig: Miyato et al. 2018.

    Each forward in training does n_power_iterations steps of power iteration to estimate sigma.

    >>> layer = spectral_norm(Linear(2, 3), n_power_iterations=20)
    >>> _ = layer(tinygrad_c.ones(1, 2))
    >>> round(tinygrad_c.linalg.matrix_norm(layer.weight, 2).item(), 4)
    1.0
    """
    if n_power_iterations <= 0:
        raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
    weight = getattr(module, name)
    hook = _SpectralNorm(name, n_power_iterations, eps, (1 if "ConvTranspose" in type(module).__name__ else 0)
                         if dim is None else dim)
    rows, columns = hook.matrix(weight.detach()).shape
    delattr(module, name)
    module.register_parameter(name + "_orig", Parameter(weight.detach()))
    setattr(module, name, weight.detach())
    module.register_buffer(name + "_u", normalize(random.randn(rows, dtype=weight.dtype), dim=0, eps=eps))
    module.register_buffer(name + "_v", normalize(random.randn(columns, dtype=weight.dtype), dim=0, eps=eps))
    _install(module, name, hook)
    return module


def _install(module: Module, name: str, hook: _Recomputed) -> None:
    handle = module.register_forward_pre_hook(hook)
    module.__dict__.setdefault("_recomputed", {})[name, type(hook)] = handle, hook


def _remove(module: Module, name: str, kind: type[_Recomputed], word: str, ends: tuple[str, ...]) -> Module:
    found = module.__dict__.get("_recomputed", {}).pop((name, kind), None)
    if found is None:
        raise ValueError(f"{word} of '{name}' not found in {module}")
    handle, hook = found
    handle.remove()
    with no_grad():
        value = hook.compute(module).detach()
    for end in ("", *ends):
        delattr(module, name + end)
    module.register_parameter(name, Parameter(value))
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Replace the computed weight by a plain parameter with its present value.

    ValueError if there is none.

    >>> layer = remove_weight_norm(weight_norm(Linear(2, 3)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    return _remove(module, name, _WeightNorm, "weight_norm", ("_g", "_v"))


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Replace the computed weight by a plain parameter with its present value.

    ValueError if there is none.

    >>> layer = remove_spectral_norm(spectral_norm(Linear(2, 3)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    return _remove(module, name, _SpectralNorm, "spectral_norm", ("_orig", "_u", "_v"))
