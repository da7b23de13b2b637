"""Convolutions. Each window of the input is copied to a column (ops.window), then one matrix product computes the result.

Transposed convolutions do the reverse: a matrix product computes the columns, which are summed back into the output.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.core.tape import _graphed
from tinygrad_c.ops.arguments import C_WORDS
from tinygrad_c.ops.conv.unfold import Geometry, columns, convolution
from tinygrad_c.ops.conv.unfold import fold as fold_columns
from tinygrad_c.ops.create import create
from tinygrad_c.ops.shape.shape import as_strided
from tinygrad_c.ops.shape.view import zero_pad


def tuple_of(value: Any, n: int, name: str) -> tuple[int, ...]:
    """A tuple of n ints, from one int or from a sequence of n."""
    if isinstance(value, int):
        return (value,) * n
    value = tuple(value)
    if len(value) == 1:
        return value * n
    if len(value) != n:
        raise RuntimeError(f"expected {name} to be a single integer value or a list of {n} values to match the convolution "
                           f"dimensions, but got {name}={list(value)}")
    return value


# ---- Columns for one, two or three dimensions

def columns_of(x: Tensor, kernel: Sequence[int], stride: Sequence[int], before: Sequence[int], after: Sequence[int],
               dilation: Sequence[int], counts: Sequence[int]) -> Tensor:
    """x (N, C, *) to (N, C * kernel elements, windows), with zero padding before and after."""
    if len(kernel) == 3:
        x = zero_pad(x, (0, 0, *before), (0, 0, *after))
        n, c, *_ = x.shape
        steps = x.stride()
        windows = as_strided(x, (n, c, *kernel, *counts),
                             (*steps[:2], *(s * d for s, d in zip(steps[2:], dilation)),
                              *(s * t for s, t in zip(steps[2:], stride))))
        size = kernel[0] * kernel[1] * kernel[2]
        return windows.reshape(n, c * size, counts[0] * counts[1] * counts[2])
    if len(kernel) == 1:
        x = x.unsqueeze(2)
    return columns(x, geometry_of(x.shape[2:], kernel, stride, before, dilation, counts))


def geometry_of(size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], before: Sequence[int],
                dilation: Sequence[int], counts: Sequence[int]) -> Geometry:
    """The geometry of the window. A one-dimensional window gets one row."""
    if len(kernel) == 1:
        return Geometry((1, size[-1]), (1, *kernel), (1, *stride), (0, *before), (1, *dilation), (1, *counts))
    return Geometry(size, kernel, stride, before, dilation, counts)


# ---- Convolution

@public("input weight bias?", node="ConvolutionBackward0")
def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Tensor:
    """y[n, o, t] = b[o] + sum over c, k of w[o, c, k] * x[n, c, t * stride - padding + k * dilation].

    input is (N, C, L) or (C, L), weight (O, C / groups, K), bias (O). padding: an int, 'same' or 'valid'.

    >>> conv1d(tinygrad_c.tensor([[1.0, 2.0, 3.0]]), tinygrad_c.tensor([[[1.0, -1.0]]]))
    tensor([[-1., -1.]])
    """
    return _convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@public("input weight bias")
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """conv1d of input (L, N, C), weight (K, C, O), bias (O) to (L + 2 pad - K + 1, N, O).

    >>> conv_tbc(tensor([[[1.]], [[2.]], [[3.]]]), tensor([[[1.]], [[-1.]]]), tensor([0.])).flatten()
    tensor([-1., -1.])
    """
    return conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad).permute(2, 0, 1)


@public("input weight bias?", node="ConvolutionBackward0")
def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Tensor:
    """Convolution over windows of two dimensions, as in conv1d: (N, C, H, W) or (C, H, W) with weight (O, C / groups, kH, kW).

    >>> conv2d(tinygrad_c.arange(9.).view(1, 3, 3), tinygrad_c.ones(1, 1, 2, 2))
    tensor([[[ 8., 12.],
             [20., 24.]]])
    """
    return _convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@public("input weight bias?", node="ConvolutionBackward0")
def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1) -> Tensor:
    """Convolution over three dimensions, as in conv1d: (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, kD, kH, kW).

    >>> conv3d(tinygrad_c.ones(1, 2, 2, 3), tinygrad_c.ones(1, 1, 2, 2, 2))
    tensor([[[[8., 8.]]]])
    """
    return _convolution("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def _convolution(name: str, n: int, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any,
                 groups: int) -> Tensor:
    _check(name, n, x, weight, bias)
    stride, dilation = tuple_of(stride, n, "stride"), tuple_of(dilation, n, "dilation")
    kernel = tuple(weight.shape[2:])
    before, after = _paddings(padding, n, kernel, stride, dilation)
    if min(stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(dilation) <= 0:
        raise RuntimeError("dilation should be greater than zero")
    if min(before) < 0:
        raise RuntimeError("negative padding is not supported")
    batched = x.ndim == n + 2
    x = x if batched else x.unsqueeze(0)
    out_channels = weight.shape[0]
    if groups <= 0:
        raise RuntimeError(f"non-positive groups is not supported: groups={groups}")
    if out_channels < groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of "
                           f"size {list(weight.shape)} instead")
    if x.shape[1] != weight.shape[1] * groups:
        raise RuntimeError(f"Given groups={groups}, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have "
                           f"{weight.shape[1] * groups} channels, but got {x.shape[1]} channels instead")
    if out_channels % groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got "
                           f"weight of size {list(weight.shape)} instead")
    padded = [size + b + a for size, b, a in zip(x.shape[2:], before, after)]
    counts = [(size - d * (k - 1) - 1) // s + 1 for size, k, s, d in zip(padded, kernel, stride, dilation)]
    if any(size < d * (k - 1) + 1 for size, k, d in zip(padded, kernel, dilation)):
        raise RuntimeError(f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel size: "
                           f"({' x '.join(map(str, kernel))}). Kernel size can't be greater than actual input size")
    if n < 3:
        flat = weight.unsqueeze(2) if n == 1 else weight
        x = x.unsqueeze(2) if n == 1 else x
        y = convolution(x, flat, bias, geometry_of(x.shape[2:], kernel, stride, before, dilation, counts), groups)
        y = y.squeeze(2) if n == 1 else y
        return y if batched else y.squeeze(0)
    cols = columns_of(x, kernel, stride, before, after, dilation, counts)
    if groups == 1:
        y = _graphed(weight.reshape(out_channels, -1) @ cols)
    else:
        cols = cols.reshape(x.shape[0], groups, cols.shape[1] // groups, cols.shape[2])
        y = _graphed(weight.reshape(groups, out_channels // groups, -1) @ cols)
    return _finished(y.reshape(x.shape[0], out_channels, *counts), bias, batched)


def _finished(y: Tensor, bias: Tensor | None, batched: bool) -> Tensor:
    if bias is not None:
        y, product = y + bias.reshape([bias.shape[0]] + [1] * (y.ndim - 2)), y
        y = _graphed(y) if product.requires_grad else y
    return y if batched else y.squeeze(0)


def _check(name: str, n: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    for word, value in (("input", x), ("weight", weight)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): argument '{word}' must be Tensor, not {type(value).__name__}")
    if weight.ndim != n + 2:
        raise RuntimeError(f"weight should have at least three dimensions: expected {n + 2}-dimensional weight for {name}, but "
                           f"got weight of shape {list(weight.shape)}. Expected {weight.ndim}-dimensional input for "
                           f"{weight.ndim}-dimensional weight {list(weight.shape)}, but got input of size: {list(x.shape)}")
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: "
                           f"{list(x.shape)}")
    if x.dtype != weight.dtype:
        raise RuntimeError(f"Input type ({x.type()}) and weight type ({weight.type()}) should be the same; NumPy's "
                           "default is float64: write input.float()")
    if bias is not None and bias.dtype != x.dtype:
        kinds = [C_WORDS[each.dtype.name] for each in (x, bias)]
        raise RuntimeError(f"Input type ({kinds[0]}) and bias type ({kinds[1]}) should be the same")
    channels = weight.shape[0] if "transpose" not in name else None
    if bias is not None and (bias.ndim != 1 or (channels is not None and bias.shape[0] != channels)):
        raise RuntimeError(f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with "
                           f"{weight.shape[0]} elements, but got bias of size {list(bias.shape)} instead")


def _paddings(padding: Any, n: int, kernel: Sequence[int], stride: Sequence[int],
              dilation: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The number of zeros before and after each dimension."""
    if padding == "valid":
        return (0,) * n, (0,) * n
    if padding == "same":
        if any(step != 1 for step in stride):
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        total = [d * (k - 1) for d, k in zip(dilation, kernel)]
        return tuple(each // 2 for each in total), tuple(each - each // 2 for each in total)
    if isinstance(padding, str):
        raise RuntimeError(f"Invalid padding string: '{padding}'; use 'same', 'valid' or ints")
    padding = tuple_of(padding, n, "padding")
    return padding, padding


# ---- Transposed convolution

@public("input weight bias?", node="ConvolutionBackward0")
def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    """Gradient of conv1d with respect to its input: each element of x (N, C, L) adds x * w (C, O / groups, K) to y.

    y is (N, O, (L - 1) * stride - 2 * padding + dilation * (K - 1) + output_padding + 1).

    >>> conv_transpose1d(tensor([[1., 2.]]), tensor([[[1., 10.]]]), stride=2)
    tensor([[ 1., 10.,  2., 20.]])
    """
    return _transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@public("input weight bias?", node="ConvolutionBackward0")
def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    """conv_transpose1d in two dimensions: x (N, C, H, W), w (C, O / groups, kH, kW).

    >>> conv_transpose2d(tensor([[[1., 2.]]]), tinygrad_c.ones(1, 1, 2, 2))
    tensor([[[1., 3., 2.],
             [1., 3., 2.]]])
    """
    return _transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@public("input weight bias?", node="ConvolutionBackward0")
def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    """conv_transpose1d in three dimensions: x (N, C, D, H, W), w (C, O / groups, kD, kH, kW).

    >>> conv_transpose3d(tensor([[[[1., 2.]]]]), tinygrad_c.ones(1, 1, 1, 1, 2))
    tensor([[[[1., 3., 2.]]]])
    """
    return _transposed("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _folded(cols: Tensor, size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int],
            dilation: Sequence[int], counts: Sequence[int]) -> Tensor:
    """Sum columns (N, O * kernel elements, windows) into (N, O, *size)."""
    if len(kernel) < 3:
        return fold_columns(cols, geometry_of(size, kernel, stride, padding, dilation, counts))
    n, depth, area = cols.shape[0], counts[0], kernel[1] * kernel[2]
    flat = geometry_of(size[1:], kernel[1:], stride[1:], padding[1:], dilation[1:], counts[1:])
    cols = cols.reshape(n, -1, kernel[0], area, depth, counts[1] * counts[2])
    channels = cols.shape[1]
    total = None
    for k in range(kernel[0]):      # each depth of the kernel gives planes, added at their depths of the output
        planes = cols[:, :, k].permute(0, 3, 1, 2, 4).reshape(n * depth, channels * area, counts[1] * counts[2])
        planes = fold_columns(planes, flat).reshape(n, depth, channels, size[1] * size[2]).permute(0, 2, 1, 3)
        goes = [[float(z == d * stride[0] - padding[0] + k * dilation[0]) for d in range(depth)] for z in range(size[0])]
        part = create.tensor(goes, dtype=cols.dtype) @ planes
        total = part if total is None else total + part
    return total


def _transposed(name: str, n: int, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any,
                output_padding: Any, groups: int, dilation: Any) -> Tensor:
    _check(name, n, x, weight, bias)
    if not x.is_floating_point():       # float64 is exact up to 2^53
        y = _transposed(name, n, x.double(), weight.double(), None if bias is None else bias.double(), stride, padding,
                        output_padding, groups, dilation)
        return y.to(x.dtype)
    stride, dilation = tuple_of(stride, n, "stride"), tuple_of(dilation, n, "dilation")
    padding, extra = tuple_of(padding, n, "padding"), tuple_of(output_padding, n, "output_padding")
    kernel = tuple(weight.shape[2:])
    if min(stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if any(e >= max(s, d) or e < 0 for e, s, d in zip(extra, stride, dilation)):
        raise RuntimeError("output padding must be smaller than either stride or dilation, but got output_padding: "
                           f"{list(extra)} stride: {list(stride)} dilation: {list(dilation)}")
    batched = x.ndim == n + 2
    x = x if batched else x.unsqueeze(0)
    batch, channels, *counts = x.shape
    if channels != weight.shape[0] or channels % groups:
        raise RuntimeError(f"Given transposed=1, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have "
                           f"{weight.shape[0]} channels, but got {channels} channels instead")
    out_channels = weight.shape[1] * groups
    if bias is not None and bias.shape[0] != out_channels:
        raise RuntimeError(f"Given transposed=1, weight of size {list(weight.shape)}, expected bias to be 1-dimensional with "
                           f"{out_channels} elements, but got bias of size {list(bias.shape)} instead")
    size = [(p - 1) * s - 2 * q + d * (k - 1) + e + 1
            for p, s, q, d, k, e in zip(counts, stride, padding, dilation, kernel, extra)]
    if min(size) <= 0:
        raise RuntimeError(f"Given input size per channel: {counts}. Calculated output size per channel: {size}. Output size "
                           "is too small")
    flat = x.reshape(batch, groups, channels // groups, -1)
    cols = _graphed(weight.reshape(groups, channels // groups, -1).transpose(1, 2) @ flat)
    cols = cols.reshape(batch, -1, flat.shape[-1])
    y = _folded(cols, size, kernel, stride, padding, dilation, counts)
    return _finished(y.reshape(batch, out_channels, *size), bias, batched)


# ---- Columns

@public
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Copy each window to a column: (N, C, H, W) to (N, C * kH * kW, L), L the number of windows.

    >>> unfold(tinygrad_c.arange(6.).view(1, 1, 2, 3), 2)
    tensor([[[0., 1.],
             [1., 2.],
             [3., 4.],
             [4., 5.]]])
    """
    if input.ndim not in (3, 4):
        raise RuntimeError("Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
                           f"for input, but got: {list(input.shape)}")
    x = input if input.ndim == 4 else input.unsqueeze(0)
    kernel, dilation, padding, stride = _pairs(kernel_size, dilation, padding, stride)
    counts = _window_counts(x.shape[2:], kernel, dilation, padding, stride)
    if min(counts) < 1:
        raise RuntimeError(f"Given input with spatial size {tuple(x.shape[2:])}, kernel_size={kernel}, dilation={dilation}, "
                           f"padding={padding}, calculated shape of the array of sliding blocks as {counts}, but its "
                           "components must be at least one.")
    wide = x if x.element_size() > 2 else x.int()
    y = columns(wide, Geometry(x.shape[2:], kernel, stride, padding, dilation, counts)).to(x.dtype)
    return y if input.ndim == 4 else y.squeeze(0)


@public
def fold(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The reverse of unfold: sum the columns into the windows. (N, C * kH * kW, L) to (N, C, *output_size).

    >>> fold(tinygrad_c.ones(1, 4, 2), (2, 3), 2)
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """
    if input.ndim not in (2, 3):
        raise RuntimeError(f"Expected 2D or 3D (batch mode) tensor for input, but got: {list(input.shape)}")
    x = input if input.ndim == 3 else input.unsqueeze(0)
    size = tuple_of(output_size, 2, "output_size")
    kernel, dilation, padding, stride = _pairs(kernel_size, dilation, padding, stride)
    counts = _window_counts(size, kernel, dilation, padding, stride)
    if x.shape[1] % (kernel[0] * kernel[1]):
        raise RuntimeError("Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
                           f"input.size(1)={x.shape[1]} and kernel_size={kernel}.")
    if x.shape[2] != counts[0] * counts[1]:
        raise RuntimeError(f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={padding}, "
                           f"stride={stride}, expected size of input's dimension 2 to match the calculated number of sliding "
                           f"blocks {counts[0]} * {counts[1]} = {counts[0] * counts[1]}, but got input.size(2)={x.shape[2]}.")
    y = fold_columns(x, Geometry(size, kernel, stride, padding, dilation, counts))
    return y if input.ndim == 3 else y.squeeze(0)


def _pairs(*values: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple_of(value, 2, "argument") for value in values)


def _window_counts(size: Sequence[int], kernel: Sequence[int], dilation: Sequence[int], padding: Sequence[int],
            stride: Sequence[int]) -> tuple[int, ...]:
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in zip(size, kernel, dilation, padding, stride))
