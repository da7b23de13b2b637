"""Image functions: resizing, pixel shuffling, sampling along a grid."""
from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from tinygrad_c._base.public import public
from tinygrad_c._base.warn import warn_once
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.core.tape import _graphed, _linked, _named
from tinygrad_c.nn.functional.pooling import _adaptive_avg
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.indexing.index import gather, index_select

# ---- Resizing

LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4}     # the number of dimensions of x
UPSAMPLED = {"nearest": "Nearest", "nearest-exact": "NearestExact", "linear": "Linear", "bilinear": "Bilinear",
             "trilinear": "Trilinear", "bicubic": "Bicubic"}


@public
def interpolate(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Tensor:
    """Resize x (N, C, *) to size or by scale_factor.

    mode: 'nearest', 'nearest-exact', 'linear' (3D x), 'bilinear' and 'bicubic' (4D), 'trilinear' (5D), 'area' (means).

    align_corners: align the centres of the corner elements; else their outer corners.

    >>> interpolate(tinygrad_c.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    if antialias:
        raise NotImplementedError("interpolate: antialias=True is not supported; smooth the input first, or use mode='area'")
    n = input.ndim - 2
    if not 1 <= n <= 3:
        raise NotImplementedError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: "
                                  f"nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got {mode})")
    if mode in ("nearest", "nearest-exact", "area"):
        if align_corners is not None:
            raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                             "trilinear")
    elif LINEAR.get(mode) != input.ndim:
        raise NotImplementedError("Input Error: Only 3D, 4D and 5D input Tensors supported (got "
                                  f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | "
                                  f"nearest-exact (got {mode})")
    sizes, scales = _target(input, n, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        return _adaptive_avg(input, sizes, n)
    is_uint8 = mode not in ("nearest", "nearest-exact") and not input.is_floating_point()
    for d in reversed(range(n)) if is_uint8 else range(n):      # uint8 is rounded after each dimension, as in torch
        taps = _taps(mode, input.shape[d + 2], sizes[d], scales[d], bool(align_corners))
        parts = []
        for positions, shares in taps:
            part = index_select(input, d + 2, create.tensor(positions.tolist()))
            if shares is not None:
                part = part * create.tensor(shares.tolist(), dtype=None if is_uint8 else input.dtype).reshape(
                    [-1] + [1] * (n - 1 - d))
            parts.append(part)
        made = parts[0]
        for part in parts[1:]:
            made = made + part
        input = ops.floor(made + 0.5).clamp(0, 255).to(input.dtype) if is_uint8 else made
    return _named(input, f"Upsample{UPSAMPLED[mode]}{n}DBackward0")


upsample = interpolate


@public
def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate with mode='nearest'.

    >>> upsample_nearest(tensor([[[0., 4.]]]), scale_factor=2)
    tensor([[[0., 0., 4., 4.]]])
    """
    return interpolate(input, size, scale_factor)


@public
def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate with mode='bilinear' and align_corners=True.

    >>> upsample_bilinear(tensor([[[[0., 4.]]]]), size=(1, 3))
    tensor([[[[0., 2., 4.]]]])
    """
    return interpolate(input, size, scale_factor, "bilinear", True)


def _target(x: Tensor, n: int, size: Any, scale_factor: Any, recompute: bool | None) -> tuple[list[int], list[float | None]]:
    """The output sizes, and the scale factors that are used as given (None: computed from the sizes)."""
    if (size is None) == (scale_factor is None):
        raise ValueError("either size or scale_factor should be defined" if size is None else
                         "only one of size or scale_factor should be defined")
    given = size if size is not None else scale_factor
    given = [given] * n if isinstance(given, (int, float)) else list(given)
    if len(given) != n:
        raise ValueError(f"Input and output must have the same number of spatial dimensions, but got input with spatial "
                         f"dimensions of {list(x.shape[2:])} and {'output size' if size is not None else 'scale_factor'} of "
                         f"{given}. Please provide it in (N, C, d1, d2, ...,dK) format.")
    if size is not None:
        sizes, scales = [int(each) for each in given], [None] * n
    else:
        sizes = [math.floor(x.shape[d + 2] * given[d]) for d in range(n)]
        scales = [None] * n if recompute else given
    if 0 in x.shape[2:] or min(sizes) < 1:
        raise RuntimeError(f"Input and output sizes should be greater than 0, but got input (size: {list(x.shape[2:])}) and "
                           f"output (size: {sizes})")
    return sizes, scales


def _taps(mode: str, size: int, wanted: int, scale: float | None, align: bool) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """For one dimension: the input indices of each output element, and their weights (None: weight 1)."""
    at = np.arange(wanted)
    if mode.startswith("nearest"):      # in single precision, as in PyTorch, to round ties the same way
        step = np.float32(1 / scale if scale else size / wanted)
        shift = np.float32(0.5 if mode == "nearest-exact" else 0)
        return [(np.minimum(np.floor((at.astype(np.float32) + shift) * step), size - 1).astype(int), None)]
    if align:
        source = at * ((size - 1) / (wanted - 1) if wanted > 1 else 0.0)
    else:
        source = (at + 0.5) * (1 / scale if scale else size / wanted) - 0.5
    if mode == "bicubic":
        first = np.floor(source).astype(int)
        return [(np.clip(first + k, 0, size - 1), _cubic(np.abs(source - first - k))) for k in (-1, 0, 1, 2)]
    source = np.maximum(source, 0)
    first = np.minimum(source.astype(int), size - 1)
    share = np.clip(source - first, 0, 1)
    return [(first, 1 - share), (np.minimum(first + 1, size - 1), share)]


def _cubic(distance: Any, a: float = -0.75) -> Any:
    """The cubic convolution kernel of Keys 1981, for an array or a tensor."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    where = ops.where if isinstance(distance, Tensor) else np.where
    return where(distance <= 1, near, where(distance < 2, far, 0))


# ---- Pixel and channel shuffles

@public(node="PixelShuffleBackward0")
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(*, C r^2, H, W) to (*, C, H r, W r): Shi et al. 2016.

    >>> pixel_shuffle(tinygrad_c.arange(4.).view(1, 4, 1, 1), 2)
    tensor([[[[0., 1.],
              [2., 3.]]]])
    """
    r = upscale_factor
    if input.ndim < 3:
        raise RuntimeError("pixel_shuffle expects input to have at least 3 dimensions, but got input with "
                           f"{input.ndim} dimension(s)")
    *lead, channels, height, width = input.shape
    if r <= 0 or channels % (r * r):
        raise RuntimeError("pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                           f"upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}")
    k = len(lead)
    parts = input.reshape(*lead, channels // (r * r), r, r, height, width)
    return parts.permute(*range(k + 1), k + 3, k + 1, k + 4, k + 2).reshape(*lead, channels // (r * r), height * r, width * r)


@public(node="PixelUnshuffleBackward0")
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(*, C, H r, W r) to (*, C r^2, H, W): the reverse of pixel_shuffle.

    >>> pixel_unshuffle(tinygrad_c.arange(4.).view(1, 1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError("pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
                           f"{input.ndim} dimension(s)")
    *lead, channels, height, width = input.shape
    if r <= 0 or height % r or width % r:
        raise RuntimeError("pixel_unshuffle expects height and width to be divisible by downscale_factor, but input is "
                           f"{height} x {width} and downscale_factor={r}")
    k = len(lead)
    parts = input.reshape(*lead, channels, height // r, r, width // r, r)
    return parts.permute(*range(k + 1), k + 2, k + 4, k + 1, k + 3).reshape(*lead, channels * r * r, height // r, width // r)


@public(node="ChannelShuffleBackward0")
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Move channel g * n + i to i * groups + g, n the number of channels of a group: Zhang et al. 2018.

    >>> channel_shuffle(tinygrad_c.arange(4.).view(1, 4, 1, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    channels = input.shape[1]
    if groups <= 0 or channels % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups.")
    parts = input.reshape(input.shape[0], groups, channels // groups, *input.shape[2:])
    return parts.transpose(1, 2).reshape(input.shape)


native_channel_shuffle = channel_shuffle

# ---- Sampling along a grid

@public
def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The grid with which grid_sample applies affine transforms theta (N, 2, 3) to images of `size` (N, C, H, W).

    The grid is (N, H, W, 2). theta (N, 3, 4) and size (N, C, D, H, W) give (N, D, H, W, 3).

    >>> affine_grid(tensor([[[1., 0., 0.], [0., 1., 0.]]]), (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    k = len(size) - 2
    if k not in (2, 3):
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
                                  f"Got size {tuple(size)}.")
    if theta.ndim != 3 or tuple(theta.shape[1:]) != (k, k + 1):
        raise ValueError(f"Expected a batch of {k}D affine matrices of shape Nx{k}x{k + 1} for size {tuple(size)}. Got "
                         f"{theta.shape}.")
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {tuple(size)}")
    along = np.meshgrid(*[_centres(count, bool(align_corners)) for count in size[2:]], indexing="ij")
    base = np.stack([*reversed(along), np.ones(tuple(size[2:]))], -1).reshape(1, -1, k + 1)
    return (create.tensor(base, dtype=theta.dtype) @ theta.transpose(1, 2)).reshape(size[0], *size[2:], k)


def _centres(count: int, align: bool) -> np.ndarray:
    centres = np.linspace(-1, 1, count) if count > 1 else np.zeros(1)
    return centres if align else centres * (count - 1) / count


@public("input grid", node="GridSampler2DBackward0")
def grid_sample(input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Tensor:
    """y[n, c, i, j] = x[n, c] interpolated at grid[n, i, j] = (column, row), each from -1 to 1.

    x is (N, C, H, W), grid (N, h, w, 2), y (N, C, h, w); or x (N, C, D, H, W), grid (N, d, h, w, 3). mode: 'bilinear',
    'nearest' or, in two dimensions, 'bicubic'; padding_mode, for points outside: 'zeros', 'border' or 'reflection'.

    >>> grid_sample(tensor([[[[1., 3.]]]]), tensor([[[[-0.5, 0.], [0., 0.]]]]), align_corners=False)
    tensor([[[[1., 2.]]]])
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError("nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: "
                         f"'{mode}'")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but "
                         f"got: '{padding_mode}'")
    k = input.ndim - 2
    if k not in (2, 3) or grid.ndim != input.ndim or grid.shape[-1] != k or grid.shape[0] != input.shape[0]:
        raise RuntimeError("grid_sampler(): expected 4D or 5D input and grid with same number of dimensions and same batch "
                           "size, and grid with 2 or 3 elements in the last dimension, but got input with sizes "
                           f"{list(input.shape)} and grid with sizes {list(grid.shape)}")
    if mode == "bicubic" and k == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if align_corners is None:
        warn_once("grid_sample", "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
                  "Please specify align_corners=True if the old behavior is desired.")
    n, channels, *sizes = input.shape
    align = bool(align_corners)
    flat = input.reshape(n, channels, -1)
    at = [_unnormalised(grid[..., k - 1 - d], size, align) for d, size in enumerate(sizes)]
    if mode != "bicubic":
        at = [_within(x, size, align, padding_mode) for x, size in zip(at, sizes)]

    def sample(positions: list[Tensor], share: Tensor | None) -> Tensor:
        inside, place = None, None
        for x, size in zip(positions, sizes):
            fits = (x >= 0) & (x <= size - 1)
            inside = fits if inside is None else inside & fits
            place = x.clamp(0, size - 1) if place is None else place * size + x.clamp(0, size - 1)
        values = gather(flat, 2, place.long().reshape(n, 1, -1).expand(n, channels, -1)).reshape(n, channels, *grid.shape[1:-1])
        weight = inside.to(input.dtype) if share is None else ops.where(inside, share, 0)
        return values * weight.unsqueeze(1)

    if mode == "nearest":
        return _linked(_graphed(sample([ops.round_half_even(x.detach()) for x in at], None)), grid)
    low = [ops.floor(x.detach()) for x in at]
    past = [x - start for x, start in zip(at, low)]
    steps = (-1, 0, 1, 2) if mode == "bicubic" else (0, 1)
    total: Any = 0
    for corner in product(steps, repeat=k):
        positions = [start + step for start, step in zip(low, corner)]
        shares = [_cubic(abs(t - step)) if mode == "bicubic" else t if step else 1 - t for t, step in zip(past, corner)]
        if mode == "bicubic":
            positions = [_within(x, size, align, padding_mode) for x, size in zip(positions, sizes)]
            positions = [ops.round_half_even(x) for x in positions]
        total = total + sample(positions, math.prod(shares[1:], start=shares[0]))
    return _graphed(total)


def _unnormalised(x: Tensor, size: int, align: bool) -> Tensor:
    return (x + 1) * ((size - 1) / 2) if align else ((x + 1) * size - 1) / 2


def _within(x: Tensor, size: int, align: bool, padding_mode: str) -> Tensor:
    """Move positions outside of x to those that padding_mode reads."""
    if padding_mode == "zeros":
        return x
    if padding_mode == "reflection":        # reflect between the centres, or the outer edges, of the first and last elements
        low, span = (0.0, size - 1) if align else (-0.5, size)
        if span == 0:
            return x * 0
        away = (x - low).abs()
        turns = ops.floor(away.detach() / span)
        rest = away - turns * span
        x = ops.where(turns - ops.floor(turns / 2) * 2 == 0, rest + low, span - rest + low)
    return x.clamp(0, size - 1)
