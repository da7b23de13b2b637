"""Pooling layers: the maximum, the mean or the p-norm of each window."""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.docstrings import continued
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn import functional as F
from tinygrad_c.nn.module import Module


class _Pool(Module):
    """Base class: the kernel size and the stride, each an int or a tuple."""

    _shown: tuple[str, ...]

    def __init__(self, kernel_size: Any, stride: Any) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._shown)


class _MaxPool(_Pool):
    """The maximum of each window. Of equal elements the first gets the gradient. return_indices also gives its index.

    stride defaults to kernel_size. ceil_mode includes windows that reach beyond the end.
    """

    _shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 return_indices: bool = False, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size, stride)
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def _pooled(self, function: Any, input: Tensor) -> Any:
        return function(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)


class MaxPool1d(_MaxPool):
    __doc__ = continued(_MaxPool.__doc__, """
    x is (N, C, L) or (C, L).

    >>> MaxPool1d(2)(tensor([[1., 3., 2., 0.]]))
    tensor([[3., 2.]])
    """)

    def forward(self, input: Tensor) -> Any:
        return self._pooled(F.max_pool1d, input)


class MaxPool2d(_MaxPool):
    __doc__ = continued(_MaxPool.__doc__, """
    x is (N, C, H, W) or (C, H, W).

    >>> MaxPool2d(2)(tinygrad_c.arange(16.).view(1, 4, 4))
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """)

    def forward(self, input: Tensor) -> Any:
        return self._pooled(F.max_pool2d, input)


class MaxPool3d(_MaxPool):
    __doc__ = continued(_MaxPool.__doc__, """
    x is (N, C, D, H, W) or (C, D, H, W).

    >>> MaxPool3d(2)(tinygrad_c.arange(8.).view(1, 2, 2, 2))
    tensor([[[[7.]]]])
    """)

    def forward(self, input: Tensor) -> Any:
        return self._pooled(F.max_pool3d, input)


class AvgPool1d(_Pool):
    """The mean of each window of x (N, C, L) or (C, L). count_include_pad: the mean includes the padding zeros.

    >>> AvgPool1d(2)(tensor([[1., 3., 2., 0.]]))
    tensor([[2., 1.]])
    """

    _shown = ("kernel_size", "stride", "padding")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True) -> None:
        kernel_size = (kernel_size,) if isinstance(kernel_size, int) else tuple(kernel_size)
        stride = (stride,) if isinstance(stride, int) else stride
        super().__init__(kernel_size, stride)
        self.padding = (padding,) if isinstance(padding, int) else tuple(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class AvgPool2d(_Pool):
    """The mean of each window of x (N, C, H, W) or (C, H, W). divisor_override: divide the sum by this instead.

    >>> AvgPool2d(2)(tinygrad_c.arange(16.).view(1, 4, 4))
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """

    _shown = ("kernel_size", "stride", "padding")
    _function = staticmethod(F.avg_pool2d)

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: int | None = None) -> None:
        super().__init__(kernel_size, stride)
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
                              self.divisor_override)


class AvgPool3d(AvgPool2d):
    """The mean of each window of x (N, C, D, H, W) or (C, D, H, W).

    >>> AvgPool3d(2)(tinygrad_c.arange(8.).view(1, 2, 2, 2))
    tensor([[[[3.5000]]]])
    """

    _function = staticmethod(F.avg_pool3d)


class _LPPool(_Pool):
    """(sum of x^norm_type)^(1 / norm_type) over each window."""

    _shown = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size, stride)
        self.stride = stride
        self.norm_type = norm_type
        self.ceil_mode = ceil_mode


class LPPool1d(_LPPool):
    __doc__ = continued(_LPPool.__doc__, """ x is (N, C, L) or (C, L).

    >>> LPPool1d(2, 2)(tensor([[3., 4., 6., 8.]]))
    tensor([[ 5., 10.]])
    """)

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    __doc__ = continued(_LPPool.__doc__, """ x is (N, C, H, W) or (C, H, W).

    >>> LPPool2d(2, 2)(tinygrad_c.ones(1, 2, 4))
    tensor([[[2., 2.]]])
    """)

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool3d(_LPPool):
    __doc__ = continued(_LPPool.__doc__, """ x is (N, C, D, H, W) or (C, D, H, W).

    >>> LPPool3d(1, 2)(tinygrad_c.ones(1, 2, 2, 4))
    tensor([[[[8., 8.]]]])
    """)

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class _Adaptive(Module):
    """Pooling to a given output_size. Window i is floor(i L / n) to ceil((i + 1) L / n)."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """The mean of each of output_size windows of x (*, L).

    >>> AdaptiveAvgPool1d(2)(tensor([[1., 2., 3., 4., 5.]]))
    tensor([[2., 4.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_Adaptive):
    """The mean of each of output_size windows of x (*, H, W). output_size: an int or (rows, columns); None keeps the size.

    >>> AdaptiveAvgPool2d((1, 2))(tinygrad_c.arange(8.).view(1, 2, 4))
    tensor([[[2.5000, 4.5000]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_Adaptive):
    """The mean of each of output_size windows of x (*, D, H, W).

    >>> AdaptiveAvgPool3d(1)(tinygrad_c.arange(8.).view(1, 2, 2, 2))
    tensor([[[[3.5000]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool3d(input, self.output_size)


class AdaptiveMaxPool1d(_Adaptive):
    """The maximum of each of output_size windows of x (*, L).

    >>> AdaptiveMaxPool1d(2)(tensor([[1., 2., 3., 4., 5.]]))
    tensor([[3., 5.]])
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(AdaptiveMaxPool1d):
    """The maximum of each of output_size windows of x (*, H, W).

    >>> AdaptiveMaxPool2d((1, 2))(tinygrad_c.arange(8.).view(1, 2, 4))
    tensor([[[5., 7.]]])
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(AdaptiveMaxPool1d):
    """The maximum of each of output_size windows of x (*, D, H, W).

    >>> AdaptiveMaxPool3d(1)(tinygrad_c.arange(8.).view(1, 2, 2, 2))
    tensor([[[[7.]]]])
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)


class FractionalMaxPool2d(Module):
    """The maximum of windows at pseudo-random positions: Graham 2015.

    x is (N, C, H, W) or (C, H, W). The result has output_size rows and columns, or output_ratio times those of x.
    ValueError unless exactly one of output_size and output_ratio is given.

    >>> FractionalMaxPool2d(2, output_ratio=0.5)(tinygrad_c.ones(1, 6, 8)).shape
    torch.Size([1, 3, 4])
    """

    _dims = 2

    def __init__(self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
                 _random_samples: Tensor | None = None) -> None:
        super().__init__()
        if (output_size is None) == (output_ratio is None):
            raise ValueError(f"{type(self).__name__} requires specifying either an output size, or a pooling ratio" if
                             output_size is None else "only one of output_size and output_ratio may be specified")
        several = (lambda value: (value,) * self._dims if isinstance(value, (int, float)) else value)
        self.kernel_size, self.return_indices = several(kernel_size), return_indices
        self.output_size, self.output_ratio = several(output_size), several(output_ratio)
        self.register_buffer("_random_samples", _random_samples)
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        pool = F.fractional_max_pool2d if self._dims == 2 else F.fractional_max_pool3d
        return pool(input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples)


class FractionalMaxPool3d(FractionalMaxPool2d):
    """FractionalMaxPool2d for x (N, C, D, H, W).

    >>> FractionalMaxPool3d(2, output_size=3)(tinygrad_c.ones(1, 8, 8, 8)).shape
    torch.Size([1, 3, 3, 3])
    """

    _dims = 3


class _MaxUnpool(_Pool):
    """The reverse of max pooling: each element at its index, zeros elsewhere."""

    _shown = ("kernel_size", "stride", "padding")
    _dims: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        n = self._dims
        kernel_size, padding = (value if not isinstance(value, int) else (value,) * n for value in (kernel_size, padding))
        super().__init__(kernel_size, (stride,) * n if isinstance(stride, int) else stride)
        self.padding = padding


class MaxUnpool1d(_MaxUnpool):
    """The reverse of MaxPool1d: each element at its index, zeros elsewhere.

    >>> MaxUnpool1d(2)(tensor([[3., 2.]]), tensor([[1, 2]]))
    tensor([[0., 3., 2., 0.]])
    """

    _dims = 1

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(_MaxUnpool):
    """The reverse of MaxPool2d: each element at its index, zeros elsewhere.

    >>> MaxUnpool2d(2)(tensor([[[3.]]]), tensor([[[2]]]))
    tensor([[[0., 0.],
             [3., 0.]]])
    """

    _dims = 2

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool3d(_MaxUnpool):
    """The reverse of MaxPool3d: each element at its index, zeros elsewhere.

    >>> MaxUnpool3d(2)(tensor([[[[3.]]]]), tensor([[[[5]]]])).flatten()
    tensor([0., 0., 0., 0., 0., 3., 0., 0.])
    """

    _dims = 3

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
