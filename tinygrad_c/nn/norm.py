"""Normalisation layers: BatchNorm over the batch, LayerNorm and RMSNorm over each sample, GroupNorm, InstanceNorm."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_c._base.docstrings import continued
from tinygrad_c._tensor.tensor import Tensor, int64
from tinygrad_c.nn import functional as F
from tinygrad_c.nn import init
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.create.create import empty_ as empty
from tinygrad_c.ops.create.create import ones, tensor, zeros_


class _Affine(Module):
    """Base class: optional weight, initialized to 1, and bias, initialized to 0."""

    def _make_parameters(self, shape: Sequence[int], weight: bool, bias: bool, dtype: Any) -> None:
        for name, wanted in (("weight", weight), ("bias", bias)):
            self.register_parameter(name, Parameter(empty(*shape, dtype=dtype)) if wanted else None)

    def reset_parameters(self) -> None:
        """weight = 1, bias = 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if getattr(self, "bias", None) is not None:
            init.zeros_(self.bias)


class LayerNorm(_Affine):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var over the last dimensions of each sample: Ba et al. 2016.

    x is (*, normalized_shape); weight and bias have the shape normalized_shape.

    >>> LayerNorm(4)
    LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)
    """

    def __init__(self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._make_parameters(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")


class RMSNorm(_Affine):
    """y = x / sqrt(mean(x^2) + eps) * weight, the mean over the last dimensions of each sample: Zhang & Sennrich 2019.

    >>> RMSNorm(2)(tensor([[3., 4.]]))
    tensor([[0.8485, 1.1314]], grad_fn=<MulBackward0>)
    """

    def __init__(self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.register_parameter("weight", Parameter(empty(*self.normalized_shape, dtype=dtype)) if elementwise_affine else None)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var for each sample and group of channels: Wu & He 2018.

    x is (N, C, *); weight and bias are (C).
    ValueError if num_channels is not divisible by num_groups.

    >>> GroupNorm(2, 4)(tensor([[1., 3., 10., 30.]]))
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]], grad_fn=<NativeGroupNormBackward0>)
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
                 dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._make_parameters((num_channels,), affine, affine and bias, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class _Running(_Affine):
    """Base class of batch and instance norm: running means and variances, one per channel."""

    _version = 2                # 1: without num_batches_tracked
    _dims: tuple[int, ...]      # the allowed numbers of dimensions of the input

    def __init__(self, num_features: int, eps: float, momentum: float | None, affine: bool, track_running_stats: bool,
                 dtype: Any, bias: bool) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._make_parameters((num_features,), affine, affine and bias, dtype)
        tracked = (("running_mean", zeros_(num_features, dtype=dtype)), ("running_var", ones(num_features, dtype=dtype)),
                   ("num_batches_tracked", tensor(0, dtype=int64)))
        for name, start in tracked:
            self.register_buffer(name, start if track_running_stats else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Reset the running statistics: mean 0, variance 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Reset weight to 1, bias to 0, and the running statistics."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self._dims:
            wanted = " or ".join(f"{n}D" for n in self._dims)
            raise ValueError(f"expected {wanted} input (got {input.ndim}D input)")

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class _BatchNorm(_Running):
    """y = (x - mean) / sqrt(var + eps) * weight + bias for each channel, mean and var over the batch: Ioffe & Szegedy 2015.

    In training, mean and var are those of the batch, and update running_mean and running_var with `momentum` (None: the
    cumulative average). In evaluation they are running_mean and running_var.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1 / self.num_batches_tracked.item()
        follow = self.track_running_stats or not self.training
        return F.batch_norm(input, self.running_mean if follow else None, self.running_var if follow else None,
                                    self.weight, self.bias, self.training or self.running_mean is None,
                                    0.0 if momentum is None else momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    __doc__ = continued(_BatchNorm.__doc__, """
    x is (N, C) or (N, C, L).

    >>> BatchNorm1d(1)(tensor([[1.], [3.]]))
    tensor([[-1.0000],
            [ 1.0000]], grad_fn=<NativeBatchNormBackward0>)
    """)
    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = continued(_BatchNorm.__doc__, """
    x is (N, C, H, W).

    >>> BatchNorm2d(3)(tinygrad_c.randn(4, 3, 5, 5)).std((0, 2, 3), correction=0)
    tensor([1.0000, 1.0000, 1.0000], grad_fn=<StdBackward0>)
    """)
    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    __doc__ = continued(_BatchNorm.__doc__, """
    x is (N, C, D, H, W).

    >>> BatchNorm3d(2)(tinygrad_c.randn(4, 2, 3, 3, 3)).std((0, 2, 3, 4), correction=0)
    tensor([1.0000, 1.0000], grad_fn=<StdBackward0>)
    """)
    _dims = (5,)


class _InstanceNorm(_Running):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var for each sample and channel: Ulyanov et al. 2016.

    affine=True adds weight and bias. track_running_stats=True adds running statistics, used in evaluation.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        single = input.ndim == self._dims[0]        # one sample without a batch dimension
        channels = input.shape[0 if single else 1]
        if channels != self.num_features and self.affine:
            raise ValueError(f"expected input's size at dim={0 if single else 1} to match num_features ({self.num_features}), "
                             f"but got: {channels}.")
        y = F.instance_norm(input.unsqueeze(0) if single else input, self.running_mean, self.running_var, self.weight,
                                    self.bias, self.training or not self.track_running_stats,
                                    0.0 if self.momentum is None else self.momentum, self.eps)
        return y.squeeze(0) if single else y


class InstanceNorm1d(_InstanceNorm):
    __doc__ = continued(_InstanceNorm.__doc__, """
    x is (N, C, L) or (C, L).

    >>> InstanceNorm1d(1)(tensor([[1., 3.]]))
    tensor([[-1.0000,  1.0000]])
    """)
    _dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    __doc__ = continued(_InstanceNorm.__doc__, """
    x is (N, C, H, W) or (C, H, W).

    >>> InstanceNorm2d(3)(tinygrad_c.randn(1, 3, 5, 5)).std((2, 3), correction=0)
    tensor([[1.0000, 1.0000, 1.0000]])
    """)
    _dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    __doc__ = continued(_InstanceNorm.__doc__, """
    x is (N, C, D, H, W) or (C, D, H, W).

    >>> InstanceNorm3d(2)(tinygrad_c.randn(1, 2, 3, 3, 3)).std((2, 3, 4), correction=0)
    tensor([[1.0000, 1.0000]])
    """)
    _dims = (4, 5)


class LocalResponseNorm(Module):
    """x / (k + alpha * mean of x^2 over `size` neighbouring channels)^beta: Krizhevsky et al. 2012.

    >>> LocalResponseNorm(2, alpha=2., beta=1.)(tensor([[[1.], [2.]]])).flatten()
    tensor([0.5000, 0.3333])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
