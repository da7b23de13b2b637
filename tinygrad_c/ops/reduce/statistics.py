"""Statistics composed of reductions: var_mean and the like, medians, mode, quantiles, covariance, distances."""
from __future__ import annotations

from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.core.tape import TensorBase, _named
from tinygrad_c.ops.arguments import array_of, results, takes_out, tensor_arg
from tinygrad_c.ops.create.create import clone, from_numpy
from tinygrad_c.ops.create.create import tensor as new_tensor
from tinygrad_c.ops.elementwise.elementwise import clamp, isnan, sqrt, where
from tinygrad_c.ops.indexing.index import gather, masked_fill
from tinygrad_c.ops.reduce.reduce import amax, amin, mean, norm, std, sum, var
from tinygrad_c.ops.shape.shape import flatten, permute, reshape, squeeze, transpose, unsqueeze, wrapped
from tinygrad_c.ops.sorting.order import at_rank, order_of

aminmax_result = results("aminmax", "min", "max")
median_result = results("median", "values", "indices")
nanmedian_result = results("nanmedian", "values", "indices")
mode_result = results("mode", "values", "indices")


@public(node="StdMeanBackward0")
@takes_out
def std_mean(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=None):
    """(std, mean) of all elements or over the dimensions in `dim`.

    >>> tinygrad_c.std_mean(tinygrad_c.tensor([1., 2., 3.]))
    (tensor(1.), tensor(2.))
    """
    return std(input, dim, unbiased, keepdim, correction=correction), _mean(input, dim, keepdim)


@public(node="VarMeanBackward0")
@takes_out
def var_mean(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=None):
    """(var, mean) of all elements or over the dimensions in `dim`.

    >>> tinygrad_c.var_mean(tinygrad_c.tensor([1., 2., 3.]))
    (tensor(1.), tensor(2.))
    """
    return var(input, dim, unbiased, keepdim, correction=correction), _mean(input, dim, keepdim)


def _mean(input, dim, keepdim: bool):
    """The mean. `dim` may be a bool: std(input, False) means unbiased=False."""
    return mean(input, None if isinstance(dim, bool) else dim, keepdim)


@public(node="AminmaxBackward0")
@takes_out
def aminmax(input, *, dim: int | None = None, keepdim: bool = False):
    """(min, max) of all elements or along dim; ties share the gradient.

    >>> tinygrad_c.aminmax(tinygrad_c.tensor([1., 3., 2.])).max
    tensor(3.)
    """
    x = tensor_arg(input, "aminmax")
    if x.numel() == 0 and (dim is None or x.shape[wrapped(dim, x.ndim)] == 0):
        if dim is not None:
            raise IndexError(f"aminmax: Expected reduction dim {wrapped(dim, x.ndim)} to have non-zero size.")
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.")
    dims = () if dim is None else dim
    return aminmax_result((amin(x, dims, keepdim), amax(x, dims, keepdim)))


@public
@takes_out
def count_nonzero(input, dim=None):
    """The number of nonzero elements.

    >>> tinygrad_c.count_nonzero(tinygrad_c.tensor([0., 5., 6.]))
    tensor(2)
    """
    return sum(tensor_arg(input, "count_nonzero") != 0, dim)


@public(node="NansumBackward0")
@takes_out
def nansum(input, dim=None, keepdim: bool = False, *, dtype=None):
    """The sum, with NaN as 0.

    >>> tinygrad_c.nansum(tinygrad_c.tensor([1., float("nan")]))
    tensor(1.)
    """
    x = tensor_arg(input, "nansum")
    return sum(masked_fill(x, isnan(x), 0) if x.is_floating_point() else x, dim, keepdim, dtype=dtype)


@public
@takes_out
def nanmean(input, dim=None, keepdim: bool = False, *, dtype=None):
    """The mean of the elements that are not NaN.

    >>> tinygrad_c.nanmean(tinygrad_c.tensor([1., float("nan"), 3.]))
    tensor(2.)
    """
    x = tensor_arg(input, "nanmean")
    if not x.is_floating_point():
        raise RuntimeError("nanmean(): expected input to have floating point or complex dtype but got "
                           f"{x.dtype}: call .float()")
    return nansum(x, dim, keepdim, dtype=dtype) / sum(~isnan(x), dim, keepdim).detach()


# ---- Medians

@public
@takes_out
@unbatched
def median(input, dim: int | None = None, keepdim: bool = False):
    """The median, the lower of the two middle elements; NaN if any is NaN. Along dim: (values, indices).

    >>> tinygrad_c.median(tinygrad_c.tensor([3., 1., 2., 9.]))
    tensor(2.)
    """
    return middle(tensor_arg(input, "median"), dim, keepdim, False, median_result, "Median")


@public
@takes_out
@unbatched
def nanmedian(input, dim: int | None = None, keepdim: bool = False):
    """The median of the elements that are not NaN. Along dim: (values, indices).

    >>> tinygrad_c.nanmedian(tinygrad_c.tensor([3., float("nan"), 2.]))
    tensor(2.)
    """
    return middle(tensor_arg(input, "nanmedian"), dim, keepdim, True, nanmedian_result, "Nanmedian")


def middle(x, dim, keepdim: bool, skip_nan: bool, result, op: str):
    if dim is None:
        if x.numel() == 0:
            return x.new_full((), float("nan") if x.is_floating_point() else -2 ** (8 * x.element_size() - 1))
        flat = flatten(x)
        value = middle(flat, 0, False, skip_nan, result, op)[0]
        if value.requires_grad:     # ties share the gradient, as in amax
            value = flat[isnan(flat)].mean() if isnan(value).item() else amax(flat[flat == value])
        return _named(value, f"{op}Backward0")
    d = wrapped(dim, x.ndim)
    n = x.shape[d] if x.ndim else 1
    if n == 0:
        raise IndexError(f"{result.__name__}(): Expected reduction dim {dim} to have non-zero size.")
    if not (x.is_floating_point() and x.isnan().any().item()):
        values, index = at_rank(x, d, (n - 1) // 2, keepdim)
        return result((_named(values, f"{op}Backward1"), index))
    import numpy
    lost = numpy.isnan(array_of(x)).sum(d, keepdims=True) if x.ndim else numpy.isnan(array_of(x))
    order = order_of(x, d)                          # NaN are sorted last
    rank = (n - numpy.where(lost == n, 0, lost) - 1) // 2 if skip_nan else numpy.where(lost > 0, n - lost, (n - 1) // 2)
    index = from_numpy(numpy.take_along_axis(order, rank, d).astype(numpy.int64))
    values = gather(x, d, index)
    values, index = (values, index) if keepdim else (squeeze(values, d), squeeze(index, d))
    return result((_named(values, f"{op}Backward1"), index))


@public(node="ModeBackward0")
@takes_out
@unbatched
def mode(input, dim: int = -1, keepdim: bool = False):
    """The most frequent element along dim, the smallest of ties, and its last index: (values, indices).

    >>> tinygrad_c.mode(tinygrad_c.tensor([1, 2, 2, 3])).values
    tensor(2)
    """
    import numpy
    x = tensor_arg(input, "mode")
    d = wrapped(dim, x.ndim)
    if x.ndim == 0:
        return mode_result((clone(x), new_tensor(0)))
    n = x.shape[d]
    if n == 0:
        raise IndexError(f"mode(): Expected reduction dim {dim} to have non-zero size.")
    order = numpy.moveaxis(order_of(x, d), d, -1)
    ranked = numpy.take_along_axis(numpy.moveaxis(array_of(x), d, -1), order, -1)
    new = numpy.ones(ranked.shape, bool)
    new[..., 1:] = ranked[..., 1:] != ranked[..., :-1]
    places = numpy.arange(n)
    run = places - numpy.maximum.accumulate(numpy.where(new, places, 0), -1)       # the number of equal elements before
    index = numpy.moveaxis(numpy.take_along_axis(order, run.argmax(-1)[..., None], -1), -1, d)
    index = from_numpy(numpy.array(index, numpy.int64, order="C"))
    values = gather(x, d, index)
    return mode_result((values, index) if keepdim else (squeeze(values, d), squeeze(index, d)))


# ---- Quantiles

@public
@takes_out
@unbatched
def quantile(input, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"):
    """The q-quantile, interpolated between two elements; NaN if any is NaN.

    q: a number in [0, 1], or a vector of them, which is the first dimension of the result.
    interpolation: "linear", "lower", "higher", "midpoint" or "nearest".

    >>> tinygrad_c.quantile(tinygrad_c.tensor([1., 2., 4.]), 0.75)
    tensor(3.)
    """
    return ranked(tensor_arg(input, "quantile"), q, dim, keepdim, interpolation, False)


@public
@takes_out
@unbatched
def nanquantile(input, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"):
    """quantile of the elements that are not NaN.

    >>> tinygrad_c.nanquantile(tinygrad_c.tensor([1., float("nan"), 4.]), 0.5)
    tensor(2.5000)
    """
    return ranked(tensor_arg(input, "nanquantile"), q, dim, keepdim, interpolation, True)


def ranked(x, q, dim, keepdim: bool, interpolation: str, skip_nan: bool):
    if not x.is_floating_point():
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    shares = q if isinstance(q, TensorBase) else new_tensor(q, dtype=x.dtype)
    if shares.dtype is not x.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if shares.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError("quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
                           f"{interpolation}")
    wrong = [each for each in flatten(shares).tolist() if not 0 <= each <= 1]
    if wrong:
        raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {wrong[0]:g}")
    if x.numel() == 0:
        raise RuntimeError("quantile() input tensor must be non-empty")
    import numpy
    kept = [1] * x.ndim
    if dim is None:
        rows = flatten(x)
    else:
        d = wrapped(dim, x.ndim)
        kept = [1 if k == d else n for k, n in enumerate(x.shape)]
        rows = transpose(unsqueeze(x, -1), d, -1) if x.ndim else flatten(x)       # dim is the last dimension now
    n = rows.shape[-1]
    order = order_of(rows, rows.ndim - 1)
    lost = numpy.isnan(array_of(rows)).sum(-1, keepdims=True)
    share = array_of(flatten(shares))
    rank = share * (numpy.maximum(n - lost - 1, 0) if skip_nan else n - 1)
    if not skip_nan:
        rank = numpy.where(lost > 0, n - 1, rank)               # NaN are last
    rank = rank.astype(share.dtype)
    below, above = numpy.floor(rank), numpy.ceil(rank)
    if interpolation in ("lower", "higher", "nearest"):
        below = above = {"lower": below, "higher": above, "nearest": numpy.round(rank)}[interpolation]
    weight = from_numpy(numpy.asarray(numpy.full_like(rank, 0.5) if interpolation == "midpoint" else rank - below, share.dtype))
    if shares.requires_grad and interpolation == "linear":          # d(weight)/dq is the number of steps
        steps = from_numpy(numpy.where(share > 0, rank / numpy.where(share > 0, share, 1), 0).astype(share.dtype))
        weight = weight + (flatten(shares) - flatten(shares).detach()) * steps

    def at(place):
        index = numpy.take_along_axis(order, place.astype(numpy.int64), -1)
        return gather(rows, rows.ndim - 1, from_numpy(index.astype(numpy.int64)))

    low = at(below)
    out = low if below is above else low + (at(above) - low) * weight
    out = permute(out, (out.ndim - 1, *range(out.ndim - 1)))                        # q is the first dimension
    if keepdim:
        out = reshape(out, (shares.numel(), *kept))
    elif dim is None or x.ndim == 0:
        out = reshape(out, shares.numel())
    else:
        out = squeeze(out, d + 1)
    return squeeze(out, 0) if shares.ndim == 0 else out


# ---- Covariance

@public
@unbatched
def cov(input, *, correction: int = 1, fweights=None, aweights=None):
    """The covariances of the rows of a matrix (variables), whose columns are observations.

    fweights: how often each observation occurs; aweights: its weight. The divisor is the total weight - correction.

    >>> tinygrad_c.cov(tinygrad_c.tensor([[1., 2., 3.], [3., 2., 1.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    x = tensor_arg(input, "cov")
    if x.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {x.ndim} dimensions")
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        if w.ndim > 1:
            raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
                               f"{w.ndim} dimensions")
        if w.is_floating_point() == (name == "fweights"):
            raise RuntimeError(f"cov(): expected {name} to have {'integral' if name == 'fweights' else 'floating point'} dtype "
                               f"but got {name} with {w.dtype} dtype")
        if w.numel() != (x.shape[-1] if x.ndim else 1):
            raise RuntimeError(f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                               f"{w.numel()} != {x.shape[-1] if x.ndim else 1}")
        if w.numel() and w.min().item() < 0:
            raise RuntimeError(f"cov(): {name} cannot be negative")
    rows = reshape(x, 1, -1) if x.ndim < 2 else x
    rows = rows if rows.is_floating_point() else rows.float()
    weights = fweights
    if aweights is not None:
        weights = aweights if fweights is None else aweights * fweights
    if weights is None:
        total, centre = rows.shape[1], mean(rows, 1, True)
    else:
        total = sum(weights)
        centre = sum(rows * weights, 1, True) / total
    freedom = total - correction
    if aweights is not None and correction:
        freedom = total - correction * sum(weights * aweights) / total
    centred = rows - centre
    out = (centred if weights is None else centred * weights) @ transpose(centred, 0, 1)
    out = out / (clamp(freedom, min=0) if isinstance(freedom, TensorBase) else max(freedom, 0))
    return squeeze(out) if x.ndim < 2 or x.shape[0] == 1 else out


@public
def corrcoef(input):
    """The correlations of the rows of a matrix (variables), whose columns are observations; between -1 and 1.

    >>> tinygrad_c.corrcoef(tinygrad_c.tensor([[1., 2., 3.], [6., 4., 2.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(input)
    if c.ndim == 0:
        return c / c
    scale = sqrt(c.diagonal())
    return clamp(c / unsqueeze(scale, 1) / unsqueeze(scale, 0), -1, 1)


# ---- Distances

@public("input other", node="DistBackward0")
def dist(input, other, p: float = 2):
    """The p-norm of the difference.

    >>> tinygrad_c.dist(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([4., 6.]))
    tensor(5.)
    """
    return norm(tensor_arg(input, "dist") - other, p)


@public("x1 x2", node="CdistBackward0")
def cdist(x1, x2, p: float = 2.0, compute_mode: str | None = None):
    """The p-norm of the difference of each pair of rows of x1 (..., n, d) and x2 (..., m, d): (..., n, m).

    >>> tinygrad_c.cdist(tinygrad_c.tensor([[0., 0.]]), tinygrad_c.tensor([[3., 4.], [0., 1.]]))
    tensor([[5., 1.]])
    """
    for name, x in (("X1", x1), ("X2", x2)):
        if tensor_arg(x, "cdist", name.lower()).ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    mode = compute_mode or "use_mm_for_euclid_dist_if_necessary"
    if mode not in CDIST_MODES:
        raise ValueError(f"{mode} is not a valid value for compute_mode: choose one of {', '.join(CDIST_MODES)}")
    by_product = mode == CDIST_MODES[1] or (mode == CDIST_MODES[0] and max(x1.shape[-2], x2.shape[-2]) > 25)
    if p == 2 and by_product and x1.is_floating_point():
        return euclidean(x1, x2)
    return norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1)


CDIST_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


def euclidean(x1, x2):
    """sqrt(|a|^2 + |b|^2 - 2 a b) of rows: one matrix product; distances that are small against |a| and |b| lose accuracy."""
    squares = sum(x1 * x1, -1, True) + unsqueeze(sum(x2 * x2, -1), -2) - 2 * (x1 @ transpose(x2, -2, -1))
    apart = squares > 0
    return where(apart, sqrt(where(apart, squares, 1)), 0)


@public(node="RenormBackward0", axis=True)
@takes_out
def renorm(input, p: float, dim: int, maxnorm: float):
    """Scale each slice along dim whose p-norm is larger than maxnorm down to maxnorm.

    >>> tinygrad_c.renorm(tinygrad_c.tensor([[3., 4.], [0., 1.]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.0000, 1.0000]])
    """
    x = tensor_arg(input, "renorm")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    if x.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {x.ndim} dimensions")
    d = wrapped(dim, x.ndim)
    size = norm(x, p, tuple([k for k in range(x.ndim) if k != d]), True)
    return x * where(size > maxnorm, maxnorm / (size + 1e-7), 1)
