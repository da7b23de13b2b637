"""Rows of op_samples.py: sorting, counting, cumulative operations and statistics, writing by index."""
from __future__ import annotations

from samples.sampling import BAD_DIM, NARROW, E, S, X, op


def places(*shape, n: int) -> X:
    return X(*shape, low=0, high=n, dtype="int64")


ROWS = [
    # ops/sorting/order.py
    op("sort", S(X(5)), S(X(3, 4), 0), S(X(3, 4), -1, True), S(X(2, 3, 2), 1), S(X()), S(X(0, 2), 0), integers=True, errors=[
        E(IndexError, BAD_DIM, lambda m: m.sort(m.ones(2), 1))]),
    op("sort_ties", S(X(20, low=0, high=3), 0), S(X(20, low=0, high=3), 0, True), method=None, integers=True,
       call=lambda m, x, *a: m.sort(x.long(), stable=True, dim=a[0], descending=len(a) > 1)[1], **NARROW),
    op("argsort", S(X(5)), S(X(3, 4), 0), S(X(3, 4), -1, True), integers=False, **NARROW),
    op("msort", S(X(5)), S(X(3, 4)), integers=True),
    op("topk", S(X(5), 2), S(X(3, 4), 4, 0 - 1), S(X(3, 4), 2, 0), S(X(3, 4), 2, 1, False), S(X(70), 3), S(X(2, 70), 3), S(X(70, 2), 0, 0),
       S(X(), 1), errors=[
           E(RuntimeError, "selected index k out of range", lambda m: m.topk(m.ones(3), 4))]),
    op("kthvalue", S(X(5), 2), S(X(3, 4), 4), S(X(3, 4), 1, 0, True), S(X(), 1), errors=[
        E(RuntimeError, "kthvalue(): selected number k out of range", lambda m: m.kthvalue(m.ones(3), 0))]),
    op("searchsorted", S(X(4), X(2, 3)), S(X(2, 4), X(2, 3), right=True), S(X(4), 0.5), S(X(4), X(3), side="right", out_int32=True),
       method=None, call=lambda m, s, x, **k: m.searchsorted(m.sort(s)[0], x, **k), errors=[
           E(RuntimeError, "side can only be 'left' or 'right'", lambda m: m.searchsorted(m.ones(2), m.ones(2), side="x")),
           E(RuntimeError, "side and right can't be set to opposites",
             lambda m: m.searchsorted(m.ones(2), m.ones(2), side="left", right=True)),
           E(RuntimeError, "boundaries tensor should be 1 dimension", lambda m: m.searchsorted(m.ones(2, 3), m.ones(2)))], **NARROW),
    op("bucketize", S(X(2, 3), X(4)), S(X(2, 3), X(4), right=True), S(0.5, X(4)), method=None,
       call=lambda m, x, s, **k: m.bucketize(x, m.sort(s)[0], **k), errors=[
           E(RuntimeError, "boundaries tensor must be 1 dimension", lambda m: m.bucketize(m.ones(1), m.ones(1, 1)))], **NARROW),
    op("isin", S(places(2, 5, n=6), places(3, n=6)), S(places(5, n=3), 2), S(2, places(3, n=3)), S(places(5, n=4), places(2, n=4), invert=True),
       method=None, **NARROW),
    op("unique", S(places(9, n=4)), S(places(3, 4, n=5), return_inverse=True, return_counts=True), S(places(6, 2, n=2), dim=0),
       S(places(2, 6, n=2), dim=1, return_inverse=True, return_counts=True), S(X(4)), S(X(0)), S(places(n=3)), **NARROW),
    op("unique_consecutive", S(places(9, n=2)), S(X()), S(places(1, n=2), dim=0), S(places(3, 4, n=2), return_inverse=True, return_counts=True), S(places(6, 2, n=2), dim=0),
       S(places(2, 9, n=2), dim=1, return_inverse=True, return_counts=True), **NARROW),
    op("bincount", S(places(9, n=5)), S(places(9, n=5), None, 8), S(places(0, n=5)), S(places(9, n=4), X(9)), errors=[
        E(NotImplementedError, "not implemented for", lambda m: m.bincount(m.ones(2))),
        E(RuntimeError, "1-d non-negative integral inputs", lambda m: m.bincount(m.tensor([-1]))),
        E(RuntimeError, "1-d non-negative integral inputs", lambda m: m.bincount(m.tensor([[1]]))),
        E(RuntimeError, "minlength should be >= 0", lambda m: m.bincount(m.tensor([1]), minlength=-1)),
        E(RuntimeError, "weights should be 1-d and have the same length", lambda m: m.bincount(m.tensor([1]), m.ones(2)))], **NARROW),
    op("histc", S(X(20), 5), S(X(20), 4, -1, 1), S(X(3), 2, 5, 6), S(X(1), 4), errors=[
        E(RuntimeError, "bins must be > 0", lambda m: m.histc(m.ones(2), 0)),
        E(RuntimeError, "max must be larger than min", lambda m: m.histc(m.ones(2), 5, 3, 1)),
        E(NotImplementedError, "not implemented for", lambda m: m.histc(m.tensor([1])))], **NARROW),
    # ops/reduce/scan.py
    op("cumprod", S(X(5), 0), S(X(2, 3, 4), 1), S(X(2, 3), -1), S(X(), 0), S(X(0, 2), 0), integers=True, errors=[
        E(IndexError, BAD_DIM, lambda m: m.cumprod(m.ones(2), 1))]),
    op("logcumsumexp", S(X(5), 0), S(X(2, 3, 4), 1), S(X(), 0), errors=[
        E(NotImplementedError, "not implemented for", lambda m: m.logcumsumexp(m.tensor([1]), 0))]),
    op("cummax", S(X(6), 0), S(X(2, 5), 1), S(X(5, 2), 0), S(X(), 0), integers=True),
    op("cummin", S(X(6), 0), S(X(2, 5), 1), S(X(5, 2), 0), S(X(), 0), integers=True),
    op("diff", S(X(5)), S(X(3, 4), 2), S(X(3, 4), 1, 0), S(X(2, 3), 1, 1, X(2, 1), X(2, 2)), S(X(2), 5), S(X(3), 0), S(X(3), 0, 0, X(1, fixed=True)), integers=True, errors=[
        E(RuntimeError, "at least one-dimensional", lambda m: m.diff(m.tensor(1.))),
        E(RuntimeError, "order must be non-negative", lambda m: m.diff(m.ones(2), -1))]),
    op("trapezoid", S(X(5)), S(X(2, 5), dx=2.0), S(X(2, 5), X(5)), S(X(5, 2), X(5), dim=0), S(X(3, 4), X(3, 4), dim=0), S(X(1)), method=None),
    op("cumulative_trapezoid", S(X(5)), S(X(2, 5), dx=2.0), S(X(2, 5), X(5)), S(X(5, 2), X(5), dim=0), method=None),
    # ops/reduce/statistics.py
    op("std_mean", S(X(3, 4)), S(X(3, 4), 1), S(X(2, 3, 4), (0, 2), keepdim=True), S(X(3, 4), 0, unbiased=False), S(X(5), False), method=None),
    op("var_mean", S(X(3, 4)), S(X(3, 4), 1), S(X(2, 3, 4), (0, 2), keepdim=True), S(X(3, 4), dim=0, correction=2), method=None),
    op("aminmax", S(X(3, 4)), S(X(3, 4), dim=1), S(X(3, 4), dim=0, keepdim=True), S(X()), integers=True, errors=[
        E(RuntimeError, "cannot compute aminmax over an empty dimension", lambda m: m.aminmax(m.ones(0)))]),
    op("count_nonzero", S(X(3, 4)), S(places(3, 4, n=2)), S(places(3, 4, n=2), 1), S(places(3, 4, n=2), (0, 1)), integers=True, **NARROW),
    op("nansum", S(X(3, 4)), S(X(3, 4), 1), S(X(3, 4), (0, 1), True), integers=True),
    op("nanmean", S(X(3, 4)), S(X(3, 4), 1), S(X(3, 4), (0, 1), True), errors=[
        E(RuntimeError, "expected input to have floating point", lambda m: m.nanmean(m.tensor([1])))]),
    op("median", S(X(5)), S(X(4)), S(X(3, 4)), S(X(3, 4), 1), S(X(3, 4), 0, True), S(X()), S(X(), 0), errors=[
        E(IndexError, "Expected reduction dim 0 to have non-zero size", lambda m: m.median(m.ones(0, 2), 0))]),
    op("nanmedian", S(X(5)), S(X(4)), S(X(3, 4), 1), S(X(3, 4), 0, True)),
    op("mode", S(X(3, 9, low=0, high=3)), S(X(9, 3, low=0, high=3), 0, True), S(X()), integers=True, not_for=("bool",), errors=[
        E(IndexError, "to have non-zero size", lambda m: m.mode(m.ones(0)))]),
    *[op(name, *[S(X(7), q) for q in (0.0, 0.3, 1.0)], S(X(3, 4), 0.4), S(X(3, 4), 0.4, 1), S(X(3, 4), 0.4, 0, True), S(X(3, 4), 0.4, keepdim=True),
         *[S(X(3, 4), 0.4, 1, interpolation=i) for i in ("lower", "higher", "midpoint", "nearest")], S(X(), 0.5),
         S(X(3, 4), X(3, low=0, high=1, fixed=True), 1), S(X(3, 4), X(3, low=0, high=1, fixed=True), 0, True),
         S(X(3, 4), X(3, low=0, high=1, fixed=True)), S(X(5), X(2, low=0.05, high=0.2)), S(X(3, 4), X(low=0.4, high=0.6), 1), errors=[
             E(RuntimeError, "q must be in the range [0, 1] but got 1.5", lambda m: m.quantile(m.ones(2), 1.5)),
             E(RuntimeError, "must be either float or double dtype", lambda m: m.quantile(m.tensor([1]), 0.5)),
             E(RuntimeError, "must be same dtype", lambda m: m.quantile(m.ones(2), m.tensor(0.5).double())),
             E(RuntimeError, "interpolation must be one of", lambda m: m.quantile(m.ones(2), 0.5, interpolation="x")),
             E(RuntimeError, "must be non-empty", lambda m: m.quantile(m.ones(0), 0.5)),
             E(RuntimeError, "scalar or 1D tensor", lambda m: m.quantile(m.ones(2), m.tensor([[0.5]])))])
      for name in ("quantile", "nanquantile")],
    op("cov", S(X(3, 5)), S(X(5)), S(X(3, 5), correction=0), errors=[
        E(RuntimeError, "expected input to have two or fewer dimensions", lambda m: m.cov(m.ones(2, 2, 2)))]),
    op("cov_weights", S(X(3, 5), places(5, n=4)), S(X(3, 5), places(5, n=4), X(5, low=0.1, high=1, fixed=True)), method=None,
       call=lambda m, x, f, a=None: m.cov(x, fweights=f + 1, aweights=a)),
    op("corrcoef", S(X(3, 5)), S(X(5))),
    op("dist", S(X(3, 4), X(3, 4)), S(X(3, 4), X(4), 1), S(X(3), X(3), 3.0), S(X(3), X(3), float("inf"))),
    op("cdist", S(X(3, 2), X(4, 2)), S(X(2, 3, 2), X(1, 4, 2), 1.0), S(X(3, 2), X(4, 2), 3.0), S(X(3, 2), X(4, 2), float("inf")),
       S(X(0, 2), X(4, 2)), method=None, errors=[
           E(RuntimeError, "must have the same number of columns", lambda m: m.cdist(m.ones(2, 3), m.ones(2, 2))),
           E(RuntimeError, "at least 2D tensors", lambda m: m.cdist(m.ones(3), m.ones(2, 3))),
           E(RuntimeError, "non-negative p", lambda m: m.cdist(m.ones(2, 3), m.ones(2, 3), -1.0))]),
    op("renorm", S(X(3, 4), 2, 0, 1.0), S(X(2, 3, 4), 1, 1, 3.0), S(X(3, 4), 3, -1, 50.0), errors=[
        E(RuntimeError, "non-positive-norm", lambda m: m.renorm(m.ones(2, 2), -1, 0, 1.0)),
        E(RuntimeError, "at least 2 dimensions", lambda m: m.renorm(m.ones(2), 2, 0, 1.0)),
        E(RuntimeError, "maxnorm to be >= 0", lambda m: m.renorm(m.ones(2, 2), 2, 0, -1.0))]),
    # ops/indexing/write.py
    op("index_add", S(X(3, 4), 0, places(5, n=3), X(5, 4)), S(X(3, 4), 1, places(2, n=4), X(3, 2), alpha=2), S(X(3), 0, places(n=3), X(1)),
       inplace="index_add_", integers=True, not_for=("bool",), errors=[
           E(RuntimeError, "Number of indices (2) should be equal to source.size(dim)",
             lambda m: m.ones(3, 2).index_add(0, m.tensor([0, 1]), m.ones(3, 2))),
           E(RuntimeError, "must match self tensor shape", lambda m: m.ones(3, 2).index_add(0, m.tensor([0]), m.ones(1, 3))),
           E(IndexError, "Index is supposed to be a vector", lambda m: m.ones(3, 2).index_add(0, m.tensor([[0]]), m.ones(1, 2))),
           E(RuntimeError, "same scalar type", lambda m: m.ones(3, 2).index_add(0, m.tensor([0]), m.ones(1, 2).double())),
           E(RuntimeError, "out of bounds", lambda m: m.ones(3, 2).index_add(0, m.tensor([3]), m.ones(1, 2)))]),
    op("index_copy", S(X(3, 4), 0, X(1, low=0, high=3, dtype="int64"), X(1, 4)), S(X(3, 4), 1, places(n=4), X(3, 1)), inplace="index_copy_", integers=True, errors=[
           E(IndexError, "Number of indices (2) should be equal to source.size(dim)",
             lambda m: m.ones(3, 2).index_copy(0, m.tensor([0, 1]), m.ones(3, 2))),
           E(IndexError, "out of bounds", lambda m: m.ones(3, 2).index_copy(0, m.tensor([3]), m.ones(1, 2)))]),
    op("index_fill", S(X(3, 4), 0, places(2, n=3), 0.5), S(X(3, 4), 1, places(2, n=4), 2), S(X(3, 4), 1, places(2, n=4), X()),
       inplace="index_fill_", integers=False, errors=[
           E(RuntimeError, "0-dimensional value tensor", lambda m: m.ones(3, 2).index_fill(0, m.tensor([0]), m.ones(2))),
           E(IndexError, "out of bounds", lambda m: m.ones(3, 2).index_fill(0, m.tensor([3]), 1.0))]),
    op("index_put", S(X(3, 4), (places(2, n=3),), X(4), True), S(X(3, 4), (places(5, n=3), places(5, n=4)), X(5), True),
       S(X(3, 4), (X(3, 4, dtype="bool"),), X(1), True), inplace="index_put_", integers=True, not_for=("bool",), errors=[
           E(RuntimeError, "shape mismatch", lambda m: m.ones(3).index_put((m.tensor([0]),), m.ones(2))),
           E(RuntimeError, "shape mismatch", lambda m: m.ones(3).index_put((m.tensor([0]),), m.ones(2), True)),
           E(IndexError, "out of bounds", lambda m: m.ones(3).index_put((m.tensor([3]),), m.ones(1))),
           E(IndexError, "too many indices", lambda m: m.ones(3).index_put((m.tensor([0]), m.tensor([0])), m.ones(1), True)),
           E(RuntimeError, "source and destination dtypes match", lambda m: m.ones(3).index_put((m.tensor([0]),), m.ones(1).double()))]),
    op("index_put_", S(X(3, 4), places(5, n=3), X(4)), method=None, integers=True, not_for=("bool",),
       call=lambda m, x, i, v: m.index_put_(x.clone(), (i,), v, True)),
    op("index_put_once", S(X(3, 4), X(2, 4)), method=None, call=lambda m, x, v: m.index_put(x, (m.tensor([2, 0]),), v), integers=True),
    op("argwhere", S(places(3, 4, n=2)), S(X()), method="argwhere", **NARROW),
    op("take", S(X(3, 4), places(2, 5, n=12)), S(X(3), X(4, low=-3, high=3, dtype="int64")), S(X(), places(2, n=1)), integers=True, errors=[
        E(IndexError, "out of range: tried to access index 3 on a tensor of 3 elements", lambda m: m.ones(3).take(m.tensor([3]))),
        E(RuntimeError, "Expected a long tensor for index", lambda m: m.ones(3).take(m.tensor([0.])))]),
    op("put", S(X(3, 4), places(5, n=12), X(5), True), inplace="put_", integers=True, not_for=("bool",), errors=[
        E(IndexError, "same number of elements", lambda m: m.ones(3).put(m.tensor([0]), m.ones(2))),
        E(IndexError, "out of range", lambda m: m.ones(3).put(m.tensor([3]), m.ones(1))),
        E(RuntimeError, "dtype", lambda m: m.ones(3).put(m.tensor([0]), m.ones(1).double()), False)]),
    op("put_once", S(X(3, 4), X(2)), method=None, call=lambda m, x, v: m.put(x, m.tensor([7, -1]), v), integers=True),
    op("masked_scatter", S(X(3, 4), X(3, 4, dtype="bool"), X(14)), S(X(3, 4), X(4, dtype="bool"), X(3, 4)), inplace="masked_scatter_",
       integers=True, errors=[
           E(RuntimeError, "Number of elements of source < number of ones in mask",
             lambda m: m.ones(3).masked_scatter(m.tensor([True, True, False]), m.ones(1))),
           E(RuntimeError, "only supports boolean masks", lambda m: m.ones(3).masked_scatter(m.tensor([1, 1, 0]), m.ones(2))),
           E(RuntimeError, "expected", lambda m: m.ones(3).masked_scatter(m.tensor([True, True, False]), m.ones(2).double()))]),
    *[op(f"scatter_reduce_{reduce}", *[S(X(3, 4), 0, places(5, 4, n=3), X(5, 4), reduce, include_self=keep) for keep in (True, False)],
         S(X(3, 4), 1, places(3, 6, n=4), X(3, 6), reduce), method="scatter_reduce",
         call=lambda m, *a, **k: m.scatter_reduce(*a, **k), inplace="scatter_reduce_", integers=reduce != "mean", not_for=("bool",))
      for reduce in ("sum", "prod", "mean", "amax", "amin")],
    op("scatter_reduce", S(X(3), 0, places(5, n=3), X(5), "sum"), errors=[
        E(RuntimeError, "reduce argument must be either sum, prod, mean, amax or amin",
          lambda m: m.ones(3).scatter_reduce(0, m.tensor([0]), m.ones(1), "x")),
        E(RuntimeError, "out of bounds", lambda m: m.ones(3).scatter_reduce(0, m.tensor([3]), m.ones(1), "amax"))]),
    op("scatter_add_number", S(X(3, 4), 0, places(5, 4, n=3)), method=None, integers=False,
       call=lambda m, x, d, i: [x.scatter(d, i, 2.0, reduce="add"), x.scatter(d, i[:1], value=2.0), x.scatter(d, i, 2.0, reduce="multiply")], **NARROW),
    op("scatter_multiply", S(X(3, 4), 0, places(5, 4, n=3), X(5, 4)), method=None, inplace=None, differentiable=False,
       call=lambda m, x, d, i, s: x.scatter(d, i, s, reduce="multiply"), errors=[
           E(RuntimeError, "reduce argument must be either add or multiply",
             lambda m: m.ones(3).scatter(0, m.tensor([0]), m.ones(1), reduce="x"))]),
]
