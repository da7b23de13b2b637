"""Rows of op_samples.py: less common functions."""
from __future__ import annotations

from samples.sampling import NARROW, E, S, X, op


def places(*shape: int, n: int) -> X:
    return X(*shape, low=0, high=n, dtype="int64")


ROWS = [
    # ops/elementwise/parts.py
    op("frexp", S(X(3, 4)), S(X()), S(X(0, 2)), errors=[
        E(RuntimeError, "only supports floating-point dtypes", lambda m: m.frexp(m.tensor([1])))]),
    op("angle", S(X(3, 4)), S(X())),
    op("isreal", S(X(3, 4)), integers=True, **NARROW),
    op("fill", S(X(3, 4), 2.5), S(X(2), X(low=1, high=2)), method=None),
    # special/bessel.py
    op("i0", S(X(3, 5)), S(X(3, low=5, high=8)), S(X()), inplace="i0_"),
    *[op(f"special_{name}", S(X(3, 5)), S(X(4, low=25, high=35)), S(X(2, low=-35, high=-25)), method=None,
         call=lambda m, x, name=name: getattr(m.special, name)(x)) for name in ("i0e", "i1", "i1e")],
    *[op(name, S(X(3, 4, low=0.5, high=3, fixed=True), X(3, 4, low=0.2, high=6)), S(X(5, low=4, high=9, fixed=True), X(low=3, high=5)),
         inplace=None, errors=[E(TypeError, "must be Tensor", lambda m, name=name: getattr(m, name)(m.ones(1), 1.0))])
      for name in ("igamma", "igammac")],
    # special/polynomials.py
    *[op(f"special_{name}", *[S(X(3, 4, low=-0.9, high=0.9), n) for n in (0, 1, 2, 5)], S(X(3, 1, low=-1, high=1), places(4, n=5)),
         method=None, differentiable=False, call=lambda m, x, n, name=name: getattr(m.special, name)(x.detach(), n))
      for name in ("chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w",
                   "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
                   "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_w")],
    # ops/sorting/histogram.py
    op("histogram", S(X(20), 5), S(X(4, 5), 4, range=(-1.0, 1.5)), S(X(3), 2, density=True), errors=[
        E(RuntimeError, "bins must be > 0", lambda m: m.histogram(m.ones(2), 0)),
        E(RuntimeError, "min should not exceed max", lambda m: m.histogram(m.ones(2), 2, range=(2.0, 1.0)))], **NARROW),
    op("histogramdd", S(X(20, 2), [3, 4]), method=None, call=lambda m, x, b: [m.histogramdd(x, b)[0], *m.histogramdd(x, b)[1]], **NARROW),
    op("unravel_index", S(places(5, n=12), (3, 4)), S(places(2, 2, n=7), (7,)), method=None, errors=[
        E(TypeError, "expected 'indices' to be integer", lambda m: m.unravel_index(m.ones(2), (2,)))], **NARROW),
    op("nonzero_static", S(places(3, 4, n=2), size=4), S(places(3, n=2), size=9, fill_value=7), **NARROW),
    # copies with a part replaced
    *[op(f"index_reduce_{how}", S(X(4, 3, low=0.5, high=2), 0, places(5, n=4), X(5, 3, low=0.5, high=2)),
         S(X(2, 3, low=0.5, high=2), 1, places(4, n=3), X(2, 4, low=0.5, high=2)), method=None,
         call=lambda m, x, d, i, s, how=how: m.index_reduce(x, d, i, s, how, include_self=d == 0)) for how in ("prod", "mean", "amax", "amin")],
    op("index_reduce", S(X(4, 3), 0, places(5, n=4), X(5, 3), "amax"), inplace="index_reduce_", errors=[
        E(RuntimeError, "Expected reduce to be one of", lambda m: m.index_reduce(m.ones(2), 0, m.tensor([0]), m.ones(1), "sum"))]),
    op("as_strided_scatter", S(X(6, fixed=True), X(2), (2,), (2,), 1), S(X(2, 3, fixed=True), X(3), (3,), (1,))),
    op("unsafe_chunk", S(X(5, 2), 2), S(X(3, 4), 3, 1)),
    op("unsafe_split", S(X(5, 2), 2), S(X(3, 4), 3, 1)),
]
