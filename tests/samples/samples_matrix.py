"""Rows of op_samples.py: matrix products and linear algebra."""
from __future__ import annotations

from samples.sampling import E, S, X, op

EINSUMS = [
    ("ij,jk->ik", X(2, 3), X(3, 4)), ("ij,jk", X(2, 3), X(3, 4)), ("ij->ji", X(2, 3)), ("ba", X(2, 3)), ("ii->i", X(3, 3)),
    ("ii", X(3, 3)), ("ij->", X(2, 3)), ("ij->j", X(2, 3)), ("i,i", X(3), X(3)), ("i,i->i", X(3), X(3)), ("i,j->ij", X(2), X(3)),
    ("i,j->ji", X(2), X(3)), ("bij,bjk->bik", X(2, 3, 4), X(2, 4, 2)), ("bij,bkj->bik", X(2, 3, 4), X(2, 2, 4)),
    ("bhqd,bhkd->bhqk", X(2, 2, 3, 4), X(2, 2, 5, 4)), ("...ij,...jk->...ik", X(2, 1, 2, 3), X(3, 3, 2)),
    ("...ij->...ji", X(2, 3, 4)), ("i...->...", X(2, 3)), ("...->", X(2, 3)), ("...", X(2, 3)), ("ij...,jk...->ik...", X(2, 3, 2), X(3, 2, 2)),
    ("bn,anm,bm->ba", X(2, 3), X(4, 3, 2), X(2, 2)), ("ij,kl->", X(2, 3), X(2, 2)), (" i j , j k -> i k ", X(2, 3), X(3, 2)),
    ("iij->j", X(2, 2, 3)), ("iji,j->i", X(2, 3, 2), X(3)), ("ij,ij->ij", X(2, 3), X(1, 3)), ("ij,jk->ik", X(2, 1), X(3, 4)),
    (",i->i", X(), X(3)), ("->", X()), ("aB,Bc", X(2, 3), X(3, 2)), ("ij,jk,kl,lm->im", X(2, 3), X(3, 2), X(2, 3), X(3, 2)),
    ("ij,jk->ik", X(2, 0), X(0, 3)), ("ij,jk->ik", X(0, 2), X(2, 3)), ("...i,...i->...", X(2, 3), X(2, 3)), ("b...,b...->b...", X(2, 3), X(2, 3)),
]

ROWS = [
    # ops/matmul/products.pyx
    op("matmul", *[S(X(*a), X(*b)) for a, b in (
        ((3, 4), (4, 5)), ((4,), (4,)), ((4,), (4, 3)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)),
        ((2, 1, 3, 4), (5, 4, 2)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3)), ((3, 4), (2, 4, 5)), ((1, 1), (1, 1)),
        ((0, 4), (4, 3)),
        ((3, 0), (0, 2)), ((2, 0, 4), (4, 3)), ((0, 3, 4), (0, 4, 2)), ((17, 33), (33, 18)),
        ((2, 2, 2, 3, 2), (2, 1, 2, 2, 4)))],
       integers=True, errors=[
           E(RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)",
             lambda m: m.matmul(m.ones(2, 3), m.ones(2, 3))),
           E(RuntimeError, "both arguments to matmul need to be at least 1D", lambda m: m.matmul(m.ones(2, 3), m.tensor(1.))),
           E(RuntimeError, "expected m1 and m2 to have the same dtype",
             lambda m: m.matmul(m.ones(2, 2), m.ones(2, 2).double())),
           E(RuntimeError, "same dtype", lambda m: m.matmul(m.ones(2), m.ones(2).double())),
           E(RuntimeError, "", lambda m: m.matmul(m.ones(2, 3, 4), m.ones(3, 4, 5))),
           E(RuntimeError, "size mismatch", lambda m: m.matmul(m.ones(2, 3), m.ones(4))),
           E(RuntimeError, "inconsistent tensor size", lambda m: m.matmul(m.ones(3), m.ones(4)))]),
    op("linear", S(X(3, 4), X(5, 4), X(5)), S(X(3, 4), X(5, 4)), S(X(4), X(5, 4), X(5)), S(X(2, 3, 4), X(5, 4), X(5)),
       S(X(0, 4), X(5, 4), X(5)), S(X(1, 1), X(1, 1), X(1)), method=None, errors=[
           E(RuntimeError, "mat1 and mat2 shapes cannot be multiplied",
             lambda m: m.linear(m.ones(5, 3), m.ones(2, 4), m.ones(2))),
           E(RuntimeError, "mat1 and mat2 must have the same dtype",
             lambda m: m.linear(m.ones(5, 4).double(), m.ones(2, 4), m.ones(2))),
           E(RuntimeError, "", lambda m: m.linear(m.ones(5, 4), m.ones(2, 4), m.ones(3)))]),
    op("addmm", S(X(5), X(3, 4), X(4, 5)), S(X(3, 5), X(3, 4), X(4, 5)), S(X(3, 1), X(3, 4), X(4, 5), beta=0.5, alpha=2),
       S(X(5, low=1, high=2, fixed=True), X(3, 4), X(4, 5), beta=0), S(X(0, 5), X(0, 4), X(4, 5)), inplace="addmm_",
       errors=[
           E(RuntimeError, "mat1 and mat2 shapes cannot be multiplied",
             lambda m: m.addmm(m.ones(2), m.ones(2, 3), m.ones(2, 3))),
           E(RuntimeError, "mat2 must be a matrix", lambda m: m.addmm(m.ones(2, 2), m.ones(2, 3), m.ones(3))),
           E(RuntimeError, "must match the existing size", lambda m: m.addmm(m.ones(3, 2), m.ones(2, 3), m.ones(3, 2))),
           E(RuntimeError, "", lambda m: m.addmm(m.ones(1, 2, 2), m.ones(2, 3), m.ones(3, 2)))]),
    op("mm", S(X(2, 3), X(3, 4)), S(X(0, 3), X(3, 2)), S(X(2, 0), X(0, 3)), integers=True, not_for=("bool",), errors=[
        E(RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", lambda m: m.mm(m.ones(2, 3), m.ones(2, 3))),
        E(RuntimeError, "mat2 must be a matrix", lambda m: m.mm(m.ones(2, 3), m.ones(3))),
        E(RuntimeError, "self must be a matrix", lambda m: m.mm(m.ones(2, 2, 3), m.ones(3, 2))),
        E(RuntimeError, "expected m1 and m2 to have the same dtype", lambda m: m.mm(m.ones(2, 3), m.ones(3, 2).double())),
        E(TypeError, "must be Tensor", lambda m: m.mm(m.ones(2, 2), [2.0]))]),
    op("bmm", S(X(2, 3, 4), X(2, 4, 2)), S(X(0, 3, 4), X(0, 4, 2)), S(X(2, 3, 0), X(2, 0, 2)), integers=True, not_for=("bool",),
       errors=[
           E(RuntimeError, "batch1 must be a 3D tensor", lambda m: m.bmm(m.ones(2, 3), m.ones(2, 3, 2))),
           E(RuntimeError, "batch2 must be a 3D tensor", lambda m: m.bmm(m.ones(2, 3, 2), m.ones(2, 3))),
           E(RuntimeError, "Expected size for first two dimensions of batch2 tensor to be: [1, 3] but got: [2, 3].",
             lambda m: m.bmm(m.ones(1, 2, 3), m.ones(2, 3, 3)))]),
    op("mv", S(X(2, 3), X(3)), S(X(0, 3), X(3)), S(X(2, 0), X(0)), integers=True, not_for=("bool",), errors=[
        E(RuntimeError, "vector + matrix @ vector expected, got 1, 2, 2", lambda m: m.mv(m.ones(2, 3), m.ones(3, 1))),
        E(RuntimeError, "size mismatch, got input (2), mat (2x3), vec (2)", lambda m: m.mv(m.ones(2, 3), m.ones(2))),
        E(RuntimeError, "same dtype", lambda m: m.mv(m.ones(2, 3), m.ones(3).double()))]),
    op("dot", S(X(4), X(4)), S(X(0), X(0)), integers=True, not_for=("bool",), errors=[
        E(RuntimeError, "1D tensors expected, but got 2D and 1D tensors", lambda m: m.dot(m.ones(2, 3), m.ones(3))),
        E(RuntimeError, "inconsistent tensor size", lambda m: m.dot(m.ones(3), m.ones(4))),
        E(RuntimeError, "dot : expected both vectors to have same dtype, but found Float and Double",
          lambda m: m.dot(m.ones(3), m.ones(3).double()))]),
    op("addmm_of_integers", S(X(5), X(3, 4), X(4, 5)), S(X(3, 1), X(3, 4), X(4, 5), beta=2, alpha=3), method="addmm", inplace=None,
       call=lambda m, *a, **k: m.addmm(*a, **k), integers=True, not_for=("bool",)),
    op("addmv_of_integers", S(X(2), X(2, 3), X(3), beta=0.6, alpha=2.6), method=None, integers=True, not_for=("bool",),
       call=lambda m, x, a, v, **k: m.addmv(x.long(), a.long(), v.long(), **k), differentiable=False),
    # ops/matmul/composed.py
    op("vdot", S(X(4), X(4)), integers=True, not_for=("bool",), errors=[
        E(RuntimeError, "1D tensors expected", lambda m: m.vdot(m.ones(2, 3), m.ones(3)))]),
    op("inner", S(X(4), X(4)), S(X(2, 4), X(3, 4)), S(X(2, 4), X(4)), S(X(), X(2, 3)), S(X(2, 0), X(3, 0)), S(X(2, 1, 3), X(2, 3)),
       integers=True, not_for=("bool",), errors=[
           E(RuntimeError, "the last dimension must match on both input tensors but got shapes [3] and [2]",
             lambda m: m.inner(m.ones(3), m.ones(2)))]),
    op("outer", S(X(2), X(3)), S(X(0), X(3)), integers=True, errors=[
        E(RuntimeError, "outer: Expected 1-D argument self, but got 2-D", lambda m: m.outer(m.ones(2, 3), m.ones(2)))]),
    op("kron", S(X(2, 3), X(2, 2)), S(X(2), X(3)), S(X(2, 3), X(2)), S(X(), X(2)), integers=True),
    op("cross", S(X(3), X(3), 0), S(X(2, 3), X(2, 3), 1), S(X(3, 3), X(3, 3), 1), S(X(3, 2, 3), X(1, 2, 3), -1), integers=True, not_for=("bool",),
       errors=[
           E(RuntimeError, "must have length 3. Got 4 and 4", lambda m: m.cross(m.ones(2, 4), m.ones(2, 4), 1)),
           E(RuntimeError, "no dimension of size 3", lambda m: m.cross(m.ones(2), m.ones(2))),
           E(RuntimeError, "same number of dimensions", lambda m: m.cross(m.ones(3), m.ones(2, 3)))]),
    op("tensordot", S(X(2, 3), X(3, 4), 1), S(X(2, 3, 4), X(3, 4, 2)), S(X(2), X(3), 0), S(X(2, 3, 4), X(4, 5, 2), ([2, 0], [0, 2])),
       S(X(2, 3), X(3, 2), ([-1], [0])), S(X(1, 2), X(2, 3), ([0], [1])), S(X(2, 3), X(2, 1), ([1], [1])), method=None, integers=True, not_for=("bool",), errors=[
           E(RuntimeError, "contracted dimensions need to match", lambda m: m.tensordot(m.ones(2, 3), m.ones(2, 3), 1)),
           E(RuntimeError, "tensordot expects dims < ndim_a or ndim_b", lambda m: m.tensordot(m.ones(2, 3), m.ones(2, 3), 3)),
           E(RuntimeError, "tensordot expects dims >= 0", lambda m: m.tensordot(m.ones(2, 3), m.ones(2, 3), -1)),
           E(RuntimeError, "same length", lambda m: m.tensordot(m.ones(2, 3), m.ones(2, 3), ([0], [0, 1])))]),
    op("bilinear", S(X(2, 3), X(2, 4), X(5, 3, 4), X(5)), S(X(2, 2, 3), X(2, 2, 4), X(2, 3, 4)), S(X(3), X(4), X(5, 3, 4)), method=None,
       call=lambda m, x, y, w, b=None: m.bilinear(x, y, w, b), errors=[
           E(RuntimeError, "input1 size does not match weight size: got 3 but expected 4",
             lambda m: m.bilinear(m.ones(2, 3), m.ones(2, 4), m.ones(5, 4, 3), None)),
           E(RuntimeError, "batch dimensions do not match at dim 0: got 2 and 3",
             lambda m: m.bilinear(m.ones(2, 3), m.ones(3, 4), m.ones(5, 3, 4), None))]),
    op("addmv", S(X(2), X(2, 3), X(3)), S(X(), X(2, 3), X(3), beta=2, alpha=0.5), inplace="addmv_", errors=[
        E(RuntimeError, "must match the existing size", lambda m: m.addmv(m.ones(3), m.ones(2, 3), m.ones(3)), False),
        E(RuntimeError, "size mismatch", lambda m: m.addmv(m.ones(3), m.ones(2, 3), m.ones(3, 1)[:2, 0]))]),
    op("addr", S(X(2, 3), X(2), X(3)), S(X(3), X(2), X(3), beta=2, alpha=0.5), inplace="addr_", errors=[
        E(RuntimeError, "addr: Expected 1-D argument vec1, but got 2-D", lambda m: m.addr(m.ones(2, 2), m.ones(2, 3), m.ones(1))),
        E(RuntimeError, "must match the existing size", lambda m: m.addr(m.ones(2, 2), m.ones(2), m.ones(3)))]),
    op("baddbmm", S(X(2, 3, 2), X(2, 3, 4), X(2, 4, 2)), S(X(2), X(2, 3, 4), X(2, 4, 2), beta=2, alpha=0.5), inplace="baddbmm_", errors=[
        E(RuntimeError, "Expected size for first two dimensions of batch2",
          lambda m: m.baddbmm(m.ones(1, 2, 2), m.ones(1, 2, 3), m.ones(2, 3, 2)))]),
    op("addbmm", S(X(3, 2), X(2, 3, 4), X(2, 4, 2)), S(X(2), X(2, 3, 4), X(2, 4, 2), beta=2, alpha=0.5), inplace="addbmm_", errors=[
        E(RuntimeError, "", lambda m: m.addbmm(m.ones(2, 2), m.ones(1, 2, 3), m.ones(2, 3, 2)))]),
    # ops/matmul/einsum.py
    op("einsum", *[S(*each) for each in EINSUMS], method=None, integers=True, not_for=("bool",), errors=[
        E(error, words, lambda m, equation=equation, shapes=shapes: m.einsum(equation, *[m.ones(*shape) for shape in shapes]))
        for error, words, equation, *shapes in (
            (RuntimeError, "subscript j has size 4 for operand 1 which does not broadcast", "ij,jk->ik", (2, 3), (4, 2)),
            (RuntimeError, "output subscript l does not appear", "ij,jk->il", (2, 3), (3, 2)),
            (RuntimeError, "output subscript i appears more than once", "ij->ii", (2, 3)),
            (RuntimeError, "more operands were provided than specified", "ij", (2, 3), (3, 2)),
            (RuntimeError, "fewer operands were provided than specified", "ij,jk", (2, 3)),
            (RuntimeError, "number of subscripts in the equation (3) does not match the number of dimensions (2)", "ijk", (2, 3)),
            (RuntimeError, "and no ellipsis was given", "i", (2, 3)),
            (RuntimeError, "is more than the number of dimensions", "ijk...", (2, 3)),
            (RuntimeError, "invalid subscript given at index 1", "i1", (2, 3)),
            (RuntimeError, "not part of any ellipsis", "i..", (2, 3)),
            (RuntimeError, "already found", "......", (2, 3)),
            (RuntimeError, "", "ii", (2, 3)),
            (ValueError, "at least one operand", ""))]),
    op("einsum_sublists", S(X(2, 3), X(3, 4)), method=None, integers=True, not_for=("bool",), call=lambda m, x, y: [
        m.einsum(x, [0, 1], y, [1, 2], [2, 0]), m.einsum(x, [0, ...], [..., 0]), m.einsum(x, [51, 1])], errors=[
            E(ValueError, "within the valid range [0, 52)", lambda m: m.einsum(m.ones(2), [52]))]),
]
