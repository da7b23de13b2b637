"""Rows of op_samples.py: shapes, joining, splitting, diagonals."""
from __future__ import annotations

from samples.sampling import BAD_DIM, NARROW, E, S, X, op

ROWS = [
    # ops/shape/rearrange.py
    op("ravel", S(X(2, 3)), S(X()), S(X(0, 2)), integers=True),
    op("unflatten", S(X(6), 0, (2, 3)), S(X(2, 6), 1, (-1, 2)), S(X(2, 6, 2), -2, (3, 1, 2)), S(X(0, 3), 0, (2, 0)), integers=True,
       errors=[E(RuntimeError, "don't multiply up to the size of dim 0 (6)", lambda m: m.unflatten(m.ones(6), 0, (4, 2))),
               E(RuntimeError, "only one dimension can be inferred", lambda m: m.unflatten(m.ones(6), 0, (-1, -1))),
               E(IndexError, BAD_DIM, lambda m: m.unflatten(m.ones(6), 1, (2, 3)))]),
    op("movedim", S(X(2, 3, 4), 0, -1), S(X(2, 3, 4), (0, 1), (2, 0)), S(X(2, 3), 1, 1), integers=True, errors=[
        E(RuntimeError, "movedim: Invalid source or destination dims", lambda m: m.movedim(m.ones(2, 3), (0, 1), (0,))),
        E(RuntimeError, "movedim: repeated dim in `source`", lambda m: m.movedim(m.ones(2, 3), (0, 0), (0, 1)))]),
    op("adjoint", S(X(2, 3)), S(X(2, 3, 4)), integers=True, errors=[
        E(RuntimeError, "only supported on matrices", lambda m: m.adjoint(m.ones(2)))]),
    op("H", S(X(2, 3)), method=None, call=lambda m, x: x.H, integers=True),
    op("mH", S(X(2, 3, 4)), method=None, call=lambda m, x: x.mH, integers=True),
    op("broadcast_to", S(X(3, 1), (2, 3, 4)), S(X(), (2,)), S(X(3), (3,)), integers=True, errors=[
        E(RuntimeError, "must match the existing size", lambda m: m.broadcast_to(m.ones(3), (2,)))]),
    op("broadcast_tensors", S(X(3, 1), X(2, 1, 4)), S(X(), X(2)), S(X(2)), method=None, integers=True, errors=[
        E(RuntimeError, "The size of tensor a (3) must match the size of tensor b (2)",
          lambda m: m.broadcast_tensors(m.ones(3), m.ones(2)))]),
    op("broadcast_shapes", S(), method=None, call=lambda m: [
        m.zeros(m.broadcast_shapes(*each)) for each in [((2, 1), (3,)), (3, (2, 3)), ((), (0, 1)), ((5,),)]],
       errors=[E(RuntimeError, "Shape mismatch: objects cannot be broadcast to a single shape",
                 lambda m: m.broadcast_shapes((2,), (3,)))], **NARROW),
    op("flip", S(X(2, 3), (0,)), S(X(2, 3, 4), (0, -1)), S(X(3), (0,)), S(X(2, 2), ()), integers=True, errors=[
        E(RuntimeError, "appears multiple times in the list of dims", lambda m: m.flip(m.ones(2, 3), (0, 0))),
        E(IndexError, BAD_DIM, lambda m: m.flip(m.ones(2), (1,)))]),
    op("fliplr", S(X(2, 3)), S(X(2, 3, 2)), integers=True, errors=[
        E(RuntimeError, "Input must be >= 2-d.", lambda m: m.fliplr(m.ones(2)))]),
    op("flipud", S(X(2, 3)), S(X(4)), integers=True, errors=[
        E(RuntimeError, "Input must be >= 1-d.", lambda m: m.flipud(m.tensor(1.)))]),
    op("roll", S(X(5), 2), S(X(2, 3), 1), S(X(2, 3), (1, -1), (0, 1)), S(X(2, 3), -4, 1), S(X(0, 2), 1, 0), S(X(3), 0, 0), S(X(), 1),
       integers=True, errors=[
        E(RuntimeError, "shifts and dimensions must align", lambda m: m.roll(m.ones(2, 3), (1, 2), (0,))),
        E(RuntimeError, "`shifts` required", lambda m: m.roll(m.ones(2, 3), ()))]),
    op("rot90", *[S(X(2, 3), k) for k in (0, 1, 2, 3, -1)], S(X(2, 3, 4), 1, (2, 0)), integers=True, errors=[
        E(RuntimeError, "expected rotation dims to be different", lambda m: m.rot90(m.ones(2, 3), 1, (0, 0))),
        E(RuntimeError, "expected total rotation dims == 2", lambda m: m.rot90(m.ones(2, 3), 1, (0,))),
        E(RuntimeError, "expected total dims >= 2", lambda m: m.rot90(m.ones(2)))]),
    op("sum_to_size", S(X(3, 4), 1, 4), S(X(2, 3), (3,)), S(X(2, 3), 2, 3), call=lambda m, x, *size: x.sum_to_size(*size),
       integers=True, not_for=("int32", "uint8", "bool"), errors=[
           E(RuntimeError, "not expandable", lambda m: m.ones(2, 3).sum_to_size(2, 2))]),
    # ops/shape/join.py
    op("repeat", S(X(2, 3), 2, 3), S(X(2), 2, 1, 3), S(X(), 2), S(X(2, 3), 1, 1), S(X(2), 0), call=lambda m, x, *n: x.repeat(*n),
       integers=True, errors=[
           E(RuntimeError, "can not be smaller than number of dimensions", lambda m: m.ones(2, 3).repeat(2)),
           E(RuntimeError, "negative dimension", lambda m: m.ones(2).repeat(-1))]),
    op("tile", S(X(2, 3), (2,)), S(X(2), (2, 2)), S(X(2, 3), (1, 2)), S(X(2), ()), integers=True),
    op("repeat_interleave", S(X(2, 3), 2), S(X(2, 3), 2, 1), S(X(3), 0), integers=True, errors=[
        E(RuntimeError, "repeats must have the same size as input along dim",
          lambda m: m.repeat_interleave(m.ones(3), m.tensor([1, 2]), 0)),
        E(RuntimeError, "repeats can not be negative", lambda m: m.repeat_interleave(m.ones(3), -1))]),
    op("repeat_interleave_counts", S(X(3, 2), 0), S(X(2, 3), -1), method=None, integers=True,
       call=lambda m, x, d: m.repeat_interleave(x, m.tensor([1, 0, 2]), d)),
    op("repeat_interleave_numbers", S(), method=None, call=lambda m: m.repeat_interleave(m.tensor([1, 0, 2])), **NARROW),
    op("atleast_1d", S(X()), S(X(2)), S([X(), X(3)]), method=None, integers=True),
    op("atleast_2d", S(X()), S(X(2)), S(X(2, 3)), S([X(), X(3)]), method=None, integers=True),
    op("atleast_3d", S(X()), S(X(2)), S(X(2, 3)), S(X(1, 2, 3)), S(X(), X(3)), method=None, integers=True),
    op("hstack", S([X(2), X(3)]), S([X(2, 1), X(2, 3)]), S([X(), X()]), method=None, integers=True, errors=[
        E(RuntimeError, "Sizes of tensors must match except in dimension 1", lambda m: m.hstack([m.ones(2, 1), m.ones(3, 1)])),
        E(RuntimeError, "non-empty TensorList", lambda m: m.hstack([]))]),
    op("vstack", S([X(2), X(2)]), S([X(1, 3), X(2, 3)]), S([X(), X()]), method=None, integers=True, errors=[
        E(RuntimeError, "Sizes of tensors must match except in dimension 0", lambda m: m.vstack([m.ones(2), m.ones(3)]))]),
    op("dstack", S([X(2), X(2)]), S([X(2, 3), X(2, 3)]), S([X(1, 2, 1), X(1, 2, 3)]), method=None, integers=True),
    op("column_stack", S([X(2), X(2, 3)]), S([X(), X()]), method=None, integers=True),
    op("block_diag", S(X(2, 3), X(1, 1)), S(X(2), X(), X(2, 2)), S(X(0, 2), X(1, 1)), method=None, integers=True, errors=[
        E(RuntimeError, "2 or fewer dimensions", lambda m: m.block_diag(m.ones(1, 1, 1)))]),
    op("meshgrid", S(X(2), X(3), indexing="ij"), S(X(2), X(3), X(2), indexing="xy"), S([X(2), X()], indexing="ij"),
       S(X(2), indexing="xy"), method=None, integers=True, errors=[
           E(RuntimeError, 'indexing must be one of "xy" or "ij"', lambda m: m.meshgrid(m.ones(2), indexing="x")),
           E(RuntimeError, "Expected 0D or 1D tensor", lambda m: m.meshgrid(m.ones(2, 2), indexing="ij")),
           E(RuntimeError, "same dtype", lambda m: m.meshgrid(m.ones(2), m.tensor([1]), indexing="ij"))]),
    op("cartesian_prod", S(X(2), X(3)), S(X(2)), S(X(2), X(1), X(2)), method=None, integers=True, errors=[
        E(RuntimeError, "Expect a 1D vector", lambda m: m.cartesian_prod(m.ones(2, 2)))]),
    op("combinations", S(X(4)), S(X(4), 3), S(X(3), 2, True), S(X(2), 3), method=None, integers=True, errors=[
        E(RuntimeError, "Expect a 1D vector", lambda m: m.combinations(m.ones(2, 2)))]),
    op("tensor_split", S(X(7, 2), 3), S(X(2, 5), (1, 3), 1), S(X(5), (3, 1, 9)), S(X(5), (-2,)), S(X(2), 4), integers=True, errors=[
        E(RuntimeError, "number of sections must be larger than 0", lambda m: m.tensor_split(m.ones(3), 0)),
        E(RuntimeError, "at least a 1-dimensional tensor", lambda m: m.tensor_split(m.tensor(1.), 1))]),
    op("hsplit", S(X(2, 4), 2), S(X(4), (1, 3)), integers=True, errors=[
        E(RuntimeError, "not divisible by the split_size 2", lambda m: m.hsplit(m.ones(3), 2))]),
    op("vsplit", S(X(4, 2), 2), S(X(3, 2), (1,)), integers=True, errors=[
        E(RuntimeError, "at least 2 dimension", lambda m: m.vsplit(m.ones(3), 3))]),
    op("dsplit", S(X(1, 2, 4), 2), integers=True, errors=[
        E(RuntimeError, "at least 3 dimension", lambda m: m.dsplit(m.ones(3, 3), 3))]),
    op("split_with_sizes", S(X(5, 2), [2, 3]), S(X(2, 3), [1, 0, 2], 1), integers=True),
    # ops/shape/strided.pxi
    op("diagonal", S(X(3, 3)), S(X(3, 4), 1), S(X(4, 3), -1), S(X(2, 3, 4), 0, 1, 2), S(X(2, 3, 4), 1, -1, 0), S(X(2, 3), 5),
       integers=True, errors=[
           E(RuntimeError, "diagonal dimensions cannot be identical", lambda m: m.diagonal(m.ones(2, 2), 0, 1, 1)),
           E(IndexError, BAD_DIM, lambda m: m.diagonal(m.ones(2)))]),
    op("unfold", S(X(5), 0, 2, 1), S(X(2, 7), 1, 3, 2), S(X(3, 2), 0, 3, 1), S(X(4), 0, 2, 3), call=lambda m, x, *a: x.unfold(*a),
       integers=True, errors=[
           E(RuntimeError, "maximum size for tensor at dimension 0 is 3 but size is 5", lambda m: m.ones(3).unfold(0, 5, 1)),
           E(RuntimeError, "step is 0 but must be > 0", lambda m: m.ones(3).unfold(0, 1, 0))]),
    # ops/shape/diagonals.py
    op("diag", S(X(3)), S(X(2), 1), S(X(2), -2), S(X(3, 4)), S(X(3, 4), -1), integers=True, errors=[
        E(RuntimeError, "Supports 1D or 2D tensors", lambda m: m.diag(m.ones(1, 1, 1)))]),
    op("diagflat", S(X(2, 2)), S(X(), 1), integers=True),
    op("diag_embed", S(X(2, 3)), S(X(2, 3), 1), S(X(2, 3), -1, 0, 2), S(X(3), 0, 1, 0), integers=True, errors=[
        E(RuntimeError, "diagonal dimensions cannot be identical", lambda m: m.diag_embed(m.ones(2), 0, 1, 1))]),
    op("trace", S(X(3, 3)), S(X(2, 4)), integers=True, errors=[
        E(RuntimeError, "expected a matrix", lambda m: m.trace(m.ones(2)))]),
    op("tril", S(X(3, 3)), S(X(3, 4), 1), S(X(2, 4, 3), -1), S(X(2, 2), 9), inplace="tril_", integers=True, errors=[
        E(RuntimeError, "must have at least 2 dimensions", lambda m: m.tril(m.ones(2)))]),
    op("triu", S(X(3, 3)), S(X(3, 4), 1), S(X(2, 4, 3), -1), S(X(2, 2), 9), inplace="triu_", integers=True, errors=[
        E(RuntimeError, "must have at least 2 dimensions", lambda m: m.triu(m.ones(2)))]),
    op("tril_indices", S(3, 3), S(2, 4, 1), S(4, 2, -1), S(0, 2), method=None, **NARROW),
    op("triu_indices", S(3, 3), S(2, 4, 1), S(4, 2, -1), S(0, 2), method=None, **NARROW),
    op("select_scatter", S(X(2, 3), X(3), 0, 1), S(X(2, 3), X(2), -1, -1), integers=True, errors=[
        E(RuntimeError, "expected src to have a size equal to the slice of self",
          lambda m: m.select_scatter(m.ones(2, 3), m.ones(2), 0, 1))]),
    op("slice_scatter", S(X(5), X(2), 0, 1, 3), S(X(2, 5), X(2, 3), 1, 0, 5, 2), S(X(3), X(3)), integers=True),
    op("diagonal_scatter", S(X(3, 3), X(3)), S(X(3, 4), X(3), 1), integers=True),
    op("narrow_copy", S(X(5, 2), 0, 1, 3), call=lambda m, x, *a: x.narrow_copy(*a), integers=True, differentiable=False),
    op("gradient", S(X(5)), S(X(3, 4)), S(X(3, 4), dim=1, spacing=None), S(X(5), spacing=0.5, edge_order=2), S(X(3, 4), spacing=(2.0, 0.5)),
       S(X(2)), S(X(3), edge_order=2), method=None, errors=[
           E(RuntimeError, "only supports edge_order=1 and edge_order=2", lambda m: m.gradient(m.ones(3), edge_order=3)),
           E(RuntimeError, "at least edge_order+1", lambda m: m.gradient(m.ones(1)))]),
    op("gradient_places", S(X(4), X(4, low=0.5, high=1.0, fixed=True)), S(X(4), X(4, low=0.5, high=1.0, fixed=True), 2), method=None,
       call=lambda m, x, steps, order=1: m.gradient(x, spacing=(steps.cumsum(0),), edge_order=order)),
    op("vander", S(X(3)), S(X(3), 2), S(X(2), 4, True), S(X(2), 0), method=None, integers=True, errors=[
        E(RuntimeError, "one-dimensional", lambda m: m.vander(m.ones(2, 2)))], **NARROW),      # torch's gradient fails
]
