"""Histograms, unravel_index and nonzero_static."""
from __future__ import annotations

import math

from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.ops.arguments import array_of, results, takes_out, tensor_arg
from tinygrad_c.ops.create.create import from_numpy
from tinygrad_c.ops.elementwise.elementwise import floor_divide, remainder
from tinygrad_c.ops.indexing.index import nonzero
from tinygrad_c.ops.shape.shape import cat, narrow

histogram_result = results("histogram", "hist", "bin_edges")
histogramdd_result = results("histogramdd", "hist", "bin_edges")


@public("input weight?")
@takes_out
@unbatched
def histogram(input, bins, *, range=None, weight=None, density: bool = False):
    """(hist, bin_edges): the number of elements in each of `bins` equal bins of range (default: input's minimum and maximum),
    or between the increasing edges in a tensor `bins`. weight: of each element; density: normalised to an integral of 1. The
    last bin includes its right edge.

    >>> tinygrad_c.histogram(tinygrad_c.tensor([1., 2., 1.]), 4, range=(0., 3.)).hist
    tensor([0., 2., 1., 0.])
    """
    import numpy
    x = array_of(tensor_arg(input, "histogram")).reshape(-1)
    edges = _edges(bins, x, range, input.dtype.name)
    weights = None if weight is None else array_of(weight).reshape(-1)
    hist, _ = numpy.histogram(x, edges.astype(float), weights=weights, density=density)
    return histogram_result((from_numpy(hist.astype(x.dtype)), from_numpy(edges)))


def _edges(bins, x, range, dtype: str):
    import numpy
    if hasattr(bins, "ndim"):
        if bins.ndim != 1:
            raise RuntimeError(f"torch.histogram(): bins tensor should have one dimension, but got {bins.ndim} dimensions")
        edges = array_of(bins).copy()
        if (edges[1:] < edges[:-1]).any():
            raise RuntimeError("torch.histogram(): the bin edges must be increasing: write bins.sort().values")
        return edges
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins}")
    low, high = range if range is not None else (x.min(), x.max()) if x.size else (0.0, 1.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.histogram(): range of [{low}, {high}] is not finite")
    if high < low:
        raise RuntimeError(f"torch.histogram(): min should not exceed max, but got min {low} max {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return numpy.linspace(low, high, bins + 1, dtype=dtype)


@public("input weight?")
@unbatched
def histogramdd(input, bins, *, range=None, weight=None, density: bool = False):
    """(hist, bin_edges) of points (N, D). bins: a number, one for each dimension, or D tensors of edges.

    >>> tinygrad_c.histogramdd(tinygrad_c.tensor([[0., 1.], [1., 0.], [1., 1.]]), [2, 2]).hist
    tensor([[0., 1.],
            [1., 1.]])
    """
    import numpy
    x = array_of(tensor_arg(input, "histogramdd"))
    if x.ndim < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    x = x.reshape(-1, x.shape[-1])
    dims = x.shape[1]
    bins = [bins] * dims if isinstance(bins, int) else list(bins)
    if len(bins) != dims:
        raise RuntimeError("torch.histogramdd: The size of bins must be equal to the innermost dimension of the input. "
                           f"Expected {dims} bin counts or sequences of bin edges, but got {len(bins)}")
    edges = [_edges(b, x[:, d], None if range is None else (range[2 * d], range[2 * d + 1]), input.dtype.name)
             for d, b in enumerate(bins)]
    weights = None if weight is None else array_of(weight).reshape(-1)
    hist, _ = numpy.histogramdd(x, [each.astype(float) for each in edges], weights=weights, density=density)
    return histogramdd_result((from_numpy(hist.astype(x.dtype)), [from_numpy(each) for each in edges]))


@public
def unravel_index(indices, shape) -> tuple:
    """The coordinates of flat indices into a tensor of the given shape: a tensor for each dimension.

    >>> tinygrad_c.unravel_index(tinygrad_c.tensor([0, 5]), (2, 3))
    (tensor([0, 1]), tensor([0, 2]))
    """
    tensor_arg(indices, "unravel_index", "indices")
    if indices.is_floating_point() or indices.dtype.name == "bool":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    indices = indices.long()
    shape = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {shape}")
    found = []
    for n in reversed(shape):
        found.append(remainder(indices, n))
        indices = floor_divide(indices, n)
    return tuple(reversed(found))


@public
@unbatched
def nonzero_static(input, *, size: int, fill_value: int = -1):
    """nonzero with exactly `size` rows: truncated, or padded with fill_value.

    >>> tinygrad_c.nonzero_static(tinygrad_c.tensor([0, 7]), size=2)
    tensor([[ 1],
            [-1]])
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = nonzero(input)
    missing = size - found.shape[0]
    return narrow(found, 0, 0, size) if missing <= 0 else cat([found, found.new_full((missing, found.shape[1]), fill_value)])
