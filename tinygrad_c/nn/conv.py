"""Convolution layers: the same kernel applied to every window of a sequence, an image or a volume."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn import functional as F
from tinygrad_c.nn import init
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.create.create import empty_ as empty


class _Conv(Module):
    """Base class: the settings, the parameters and their initialization."""

    _dims: int
    _transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
                 output_padding: Any, groups: int, bias: bool, padding_mode: str, dtype: Any) -> None:
        super().__init__()
        n = self._dims
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError("padding_mode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but got "
                             f"padding_mode='{padding_mode}'")
        stride = _tuple(stride, n)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string '{padding}', should be one of {{'valid', 'same'}}")
            if padding == "same" and any(step != 1 for step in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _tuple(kernel_size, n)
        self.stride = stride
        self.padding = padding if isinstance(padding, str) else _tuple(padding, n)
        self.dilation = _tuple(dilation, n)
        self.transposed = self._transposed
        self.output_padding = _tuple(output_padding, n)
        self.groups = groups
        self.padding_mode = padding_mode
        channels = (in_channels, out_channels // groups) if self._transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(empty(*channels, *self.kernel_size, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_channels, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Re-initialize the weights: uniform in +-1/sqrt(fan_in), fan_in = in_channels / groups * kernel elements."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        fan_in = self.weight.shape[1] * math.prod(self.kernel_size)
        if self.bias is not None and fan_in:
            bound = 1 / math.sqrt(fan_in)
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        shown = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        n = self._dims
        for name, usual in (("padding", (0,) * n), ("dilation", (1,) * n), ("output_padding", (0,) * n), ("groups", 1)):
            if getattr(self, name) != usual:
                shown += f", {name}={getattr(self, name)}"
        if self.bias is None:
            shown += ", bias=False"
        return shown + ("" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode}")


def _tuple(value: Any, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


class _Convolution(_Conv):
    """Base class of Conv1d, Conv2d and Conv3d."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode,
                         dtype)

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._pad_sizes(), self.padding_mode)
            padding = 0
        function = (F.conv1d, F.conv2d, F.conv3d)[self._dims - 1]
        return function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _pad_sizes(self) -> list[int]:
        """The padding in the order that F.pad takes."""
        if self.padding == "valid":
            return [0, 0] * self._dims
        if self.padding == "same":
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            return [each for t in reversed(total) for each in (t // 2, t - t // 2)]
        return [each for p in reversed(self.padding) for each in (p, p)]


class Conv1d(_Convolution):
    """y[n, o, t] = bias[o] + sum over c, k of weight[o, c, k] * x[n, c, t * stride - padding + k * dilation].

    x is (N, C, L) or (C, L), weight (out_channels, in_channels / groups, K). padding: an int, 'same' or 'valid'.

    >>> Conv1d(1, 4, 3, padding=1)
    Conv1d(1, 4, kernel_size=(3,), stride=(1,), padding=(1,))
    """

    _dims = 1


class Conv2d(_Convolution):
    """Convolution over windows of two dimensions, as in Conv1d: x (N, C, H, W) or (C, H, W).

    >>> Conv2d(1, 4, 3)(tinygrad_c.ones(2, 1, 8, 8)).shape
    torch.Size([2, 4, 6, 6])
    """

    _dims = 2


class Conv3d(_Convolution):
    """Convolution over windows of three dimensions, as in Conv1d: x (N, C, D, H, W) or (C, D, H, W).

    >>> Conv3d(1, 4, 3)(tinygrad_c.ones(2, 1, 8, 8, 8)).shape
    torch.Size([2, 4, 6, 6, 6])
    """

    _dims = 3


class _ConvTranspose(_Conv):
    """Base class of the transposed convolutions."""

    _transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
                 device: Any = None, dtype: Any = None) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
                         padding_mode, dtype)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self._dims - 1]
        return function(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output_padding that gives results of output_size."""
        n = self._dims
        wanted = list(output_size)[-n:]
        least = [(size - 1) * s - 2 * p + d * (k - 1) + 1 for size, s, p, d, k in
                 zip(input.shape[-n:], self.stride, self.padding, self.dilation, self.kernel_size)]
        most = [size + s - 1 for size, s in zip(least, self.stride)]
        if any(not a <= size <= b for a, size, b in zip(least, wanted, most)):
            raise ValueError(f"requested an output size of {wanted}, but valid sizes range from {least} to {most} (for an "
                             f"input of {list(input.shape[-n:])})")
        return tuple(size - a for size, a in zip(wanted, least))


class ConvTranspose1d(_ConvTranspose):
    """Gradient of Conv1d with respect to its input: (N, C, L) to (N, O, (L - 1) * stride - 2 * padding + K + output_padding).

    >>> ConvTranspose1d(4, 1, 2, stride=2)(tinygrad_c.ones(2, 4, 8)).shape
    torch.Size([2, 1, 16])
    """

    _dims = 1


class ConvTranspose2d(_ConvTranspose):
    """Gradient of Conv2d with respect to its input, as a layer: stride enlarges the image.

    >>> ConvTranspose2d(4, 1, 2, stride=2)(tinygrad_c.ones(2, 4, 8, 8)).shape
    torch.Size([2, 1, 16, 16])
    """

    _dims = 2


class ConvTranspose3d(_ConvTranspose):
    """Gradient of Conv3d with respect to its input, as a layer: stride enlarges the volume.

    >>> ConvTranspose3d(4, 1, 2, stride=2)(tinygrad_c.ones(2, 4, 3, 3, 3)).shape
    torch.Size([2, 1, 6, 6, 6])
    """

    _dims = 3
