"""linalg beside torch: values, gradients, dtypes, errors; and beside finite differences, first and second gradients."""
from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from samples.comparing import torch
from samples.paths import environment

import tinygrad_c as tg
from tinygrad_c.autograd import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)


def general(*shape):
    """Matrices that are far from singular, with distinct singular values."""
    m, n = shape[-2:]
    return RNG.standard_normal(shape) + np.arange(1, m + 1)[:, None] * 2 * np.eye(m, n)


def symmetric(*shape):
    a = general(*shape)
    return a + np.swapaxes(a, -1, -2)


def definite(*shape):
    a = RNG.standard_normal(shape)
    return a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])


def signless(m, vectors):
    """What the signs of vectors, which are not determined, do not change."""
    return vectors * vectors


# (what, function of the module and the inputs, the inputs)
CASES = [
    ("inv", lambda m, a: m.linalg.inv(a), general(3, 3)),
    ("inv batch", lambda m, a: m.linalg.inv(a), general(2, 2, 3, 3)),
    ("inverse", lambda m, a: m.inverse(a), general(3, 3)),
    ("inverse method", lambda m, a: a.inverse(), general(3, 3)),
    ("det", lambda m, a: m.linalg.det(a), general(3, 3)),
    ("det batch", lambda m, a: m.det(a), general(2, 3, 3)),
    ("det method", lambda m, a: a.det(), general(1, 1)),
    ("slogdet", lambda m, a: list(m.linalg.slogdet(a)), general(2, 3, 3)),
    ("slogdet names", lambda m, a: m.slogdet(a).logabsdet, general(3, 3)),
    ("slogdet method", lambda m, a: list(a.slogdet()), -general(3, 3)),
    ("logdet", lambda m, a: m.logdet(a), definite(3, 3)),
    ("logdet method", lambda m, a: a.logdet(), definite(2, 3, 3)),
    ("solve", lambda m, a, b: m.linalg.solve(a, b), general(3, 3), RNG.standard_normal((3, 2))),
    ("solve vector", lambda m, a, b: m.linalg.solve(a, b), general(3, 3), RNG.standard_normal(3)),
    ("solve batch", lambda m, a, b: m.linalg.solve(a, b), general(2, 3, 3), RNG.standard_normal((2, 3, 2))),
    ("solve vectors", lambda m, a, b: m.linalg.solve(a, b), general(2, 3, 3), RNG.standard_normal((2, 3))),
    ("solve broadcast", lambda m, a, b: m.linalg.solve(a, b), general(3, 3), RNG.standard_normal((2, 3, 2))),
    ("solve right", lambda m, a, b: m.linalg.solve(a, b, left=False), general(3, 3), RNG.standard_normal((2, 3))),
    ("solve_triangular", lambda m, a, b: m.linalg.solve_triangular(a, b, upper=True), general(3, 3), RNG.standard_normal((3, 2))),
    ("solve_triangular unit", lambda m, a, b: m.linalg.solve_triangular(a, b, upper=False, unitriangular=True), general(3, 3),
     RNG.standard_normal((3, 2))),
    ("tensorsolve", lambda m, a, b: m.linalg.tensorsolve(a.reshape(2, 3, 6), b.reshape(2, 3)), general(6, 6), general(1, 6)),
    ("tensorsolve dims", lambda m, a, b: m.linalg.tensorsolve(a.reshape(6, 2, 3), b.reshape(2, 3), dims=(0,)), general(6, 6), general(1, 6)),
    ("tensorsolve two dims", lambda m, a, b: m.linalg.tensorsolve(a.reshape(2, 6, 3), b.reshape(6), dims=(0, 2)), general(6, 6), general(1, 6)),
    ("tensorinv", lambda m, a: m.linalg.tensorinv(a.reshape(2, 3, 6)), general(6, 6)),
    ("solve by cholesky", lambda m, b, a: [m.cholesky_solve(b, a.tril()), m.cholesky_solve(b, a.triu(), upper=True)], general(3, 2),
     general(3, 3)),
    ("inverse by cholesky", lambda m, a: [m.cholesky_inverse(a.tril()), m.cholesky_inverse(a.triu(), True)], general(3, 3)),
    ("pinv wide", lambda m, a: m.linalg.pinv(a), general(2, 4)),
    ("pinv tall", lambda m, a: m.pinverse(a), general(4, 2)),
    ("pinv method", lambda m, a: a.pinverse(), general(2, 3, 2)),
    ("lstsq", lambda m, a, b: list(m.linalg.lstsq(a, b))[:3], general(5, 2), RNG.standard_normal((5, 3))),
    ("lstsq residuals", lambda m, a, b: list(m.linalg.lstsq(a, b, driver="gelsd")), general(5, 2), RNG.standard_normal((5, 3))),
    ("matrix_rank", lambda m, a: m.linalg.matrix_rank(a), np.outer([1.0, 2], [3.0, 4])),
    ("cholesky", lambda m, a: m.linalg.cholesky(a), definite(3, 3)),
    ("cholesky upper", lambda m, a: m.linalg.cholesky(a, upper=True), definite(2, 3, 3)),
    ("cholesky method", lambda m, a: a.cholesky(), definite(3, 3)),
    ("cholesky top", lambda m, a: m.cholesky(a, upper=True), definite(3, 3)),
    ("qr square", lambda m, a: [signless(m, x) for x in m.linalg.qr(a)], general(3, 3)),
    ("qr tall", lambda m, a: [signless(m, x) for x in m.linalg.qr(a)], general(4, 2)),
    ("qr wide", lambda m, a: [signless(m, x) for x in m.linalg.qr(a)], general(2, 4)),
    ("qr batch", lambda m, a: [signless(m, x) for x in m.qr(a)], general(2, 4, 3)),
    ("qr method", lambda m, a: signless(m, a.qr().R), general(3, 3)),
    ("eigh", lambda m, a: [m.linalg.eigh(a + a.mT)[0], signless(m, m.linalg.eigh(a + a.mT)[1])], general(3, 3)),
    ("eigh upper", lambda m, a: [m.linalg.eigh(a, UPLO="U")[0], signless(m, m.linalg.eigh(a, "U")[1])], symmetric(2, 3, 3)),
    ("eigvalsh", lambda m, a: m.linalg.eigvalsh(a), symmetric(3, 3)),
    ("svd square", lambda m, a: [signless(m, x) for x in m.linalg.svd(a)], general(3, 3)),
    ("svd tall", lambda m, a: [signless(m, x) for x in m.linalg.svd(a, full_matrices=False)], general(4, 2)),
    ("svd wide", lambda m, a: [signless(m, x) for x in m.linalg.svd(a, False)], general(2, 4)),
    ("svd batch", lambda m, a: [signless(m, x) for x in m.svd(a)], general(2, 3, 2)),
    ("svd method", lambda m, a: signless(m, a.svd().V), general(3, 3)),
    ("svd values", lambda m, a: m.linalg.svd(a)[1], general(4, 2)),
    ("svdvals", lambda m, a: m.linalg.svdvals(a), general(4, 2)),
    ("matrix_exp", lambda m, a: m.linalg.matrix_exp(a), general(3, 3)),
    ("matrix_exp small", lambda m, a: m.matrix_exp(a), 0.01 * general(2, 3, 3)),
    *[(f"matrix_power {n}", lambda m, a, n=n: m.linalg.matrix_power(a, n), general(3, 3)) for n in (0, 1, 2, 5, -1, -3)],
    ("matrix_power method", lambda m, a: a.matrix_power(3), general(2, 2, 2)),
    ("multi_dot", lambda m, a, b, c: m.linalg.multi_dot([a, b, c]), general(2, 5), general(5, 3), general(3, 2)),
    ("multi_dot vectors", lambda m, a, b, c: m.linalg.multi_dot([a, b, c]), general(1, 5)[0], general(5, 3), general(1, 3)[0]),
    ("chain_matmul", lambda m, a, b: m.chain_matmul(a, b), general(2, 5), general(5, 3)),
    ("vecdot", lambda m, a, b: m.linalg.vecdot(a, b), general(2, 3), general(2, 3)),
    ("vecdot dim", lambda m, a, b: m.linalg.vecdot(a, b, dim=0), general(2, 3), general(2, 3)),
    ("cross", lambda m, a, b: m.linalg.cross(a, b), general(2, 3), general(2, 3)),
    ("diagonal", lambda m, a: m.linalg.diagonal(a, offset=1), general(2, 3, 4)),
    ("vander", lambda m, a: m.linalg.vander(a.detach()), general(1, 3)[0]),
    ("matmul", lambda m, a, b: m.linalg.matmul(a, b), general(2, 3), general(3, 2)),
    ("cond", lambda m, a: m.linalg.cond(a), general(3, 3)),
    ("cond 1", lambda m, a: m.linalg.cond(a.detach(), 1), general(3, 3)),
    ("cond -2", lambda m, a: m.linalg.cond(a, -2), general(3, 3)),
    *[(f"vector_norm {p}", lambda m, a, p=p: [m.linalg.vector_norm(a, p), m.linalg.vector_norm(a, p, 1),
                                              m.linalg.vector_norm(a, p, (0, 1), True)], general(3, 4))
      for p in (2, 1, 3, 0.5, -1, float("inf"), -float("inf"))],
    ("vector_norm 0", lambda m, a: m.linalg.vector_norm(a, 0, dim=1).detach(), np.array([[0.0, 1, 2], [0, 0, 3]])),
    *[(f"matrix_norm {p}", lambda m, a, p=p: [m.linalg.matrix_norm(a, p), m.linalg.matrix_norm(a, p, (0, 1)),
                                              m.linalg.matrix_norm(a, p, (-1, 0), keepdim=True)], general(3, 3, 4))
      for p in ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf"))],
    *[(f"norm {p} {dim}", lambda m, a, p=p, dim=dim: m.linalg.norm(a, p, dim), general(3, 4))
      for p, dim in ((None, None), (None, 1), ("fro", None), ("nuc", None), (2, None), (1, 0), (1, (0, 1)), (float("inf"), None), (3, 1))],
    *[(f"vector_norm {p} of zeros", lambda m, a, p=p: m.linalg.vector_norm(a * 0, p, 1), general(2, 3)) for p in (0.5, 1, 1.5, 2, 3)],
    ("vander batch", lambda m, a: m.linalg.vander(a.detach(), N=2), general(2, 3)),
    ("matrix_rank tolerances", lambda m, a: [m.linalg.matrix_rank(a.detach(), atol=1.0), m.linalg.matrix_rank(a.detach(), 1.0),
                                             m.linalg.matrix_rank(a.detach(), rtol=m.tensor([0.9, 0.1], dtype=a.dtype))],
     general(2, 3, 3)),
    *[(f"lu {shape}", lambda m, a: list(m.linalg.lu(a)), general(*shape)) for shape in ((3, 3), (2, 4, 4), (4, 2), (2, 4))],
    ("lu_factor", lambda m, a: [m.linalg.lu_factor(a)[0], m.lu(a, get_infos=True)[0]], general(2, 3, 3)),
    ("lu_solve", lambda m, a, b: [m.linalg.lu_solve(*m.linalg.lu_factor(a), b), m.lu_solve(b, *a.lu()),
                                  m.linalg.lu_solve(*m.linalg.lu_factor(a), b.mT, left=False),
                                  m.linalg.lu_solve(*m.linalg.lu_factor(a), b, adjoint=True)], general(3, 3), general(3, 2)),
    ("lu_unpack", lambda m, a: list(m.lu_unpack(*m.linalg.lu_factor(a)))[1:], general(4, 3)),
    ("inv_ex", lambda m, a: m.linalg.inv_ex(a)[0], general(2, 3, 3)),
    ("solve_ex", lambda m, a, b: m.linalg.solve_ex(a, b).result, general(3, 3), general(3, 2)),
    ("cholesky_ex", lambda m, a: m.linalg.cholesky_ex(a).L, definite(2, 3, 3)),
    ("householder_product", lambda m, a, t: m.linalg.householder_product(a, t[0]), general(4, 3), general(1, 3)),
    ("ormqr", lambda m, a, t, b: [m.ormqr(a, t[0], b), m.ormqr(a, t[0], b.mT, left=False, transpose=True)], general(4, 3),
     general(1, 3), general(4, 2)),
    ("triangular_solve", lambda m, a, b: m.triangular_solve(b, a, transpose=True)[0], general(3, 3), general(3, 2)),
    ("norm nuc", lambda m, a: m.norm(a, "nuc"), general(3, 4)),
    ("norm of a vector", lambda m, a: m.linalg.norm(a, 3), general(1, 4)[0]),
]
IDS = [case[0] for case in CASES]


def listed(out):
    return list(out) if isinstance(out, (tuple, list)) else [out]


def total(out, module):
    """A scalar of the results that are floats: with weights that differ."""
    parts = [(x * module.arange(1, x.numel() + 1, dtype=x.dtype).reshape(x.shape).sin()).sum() for x in listed(out)
             if x.is_floating_point()]
    return sum(parts[1:], parts[0]) if parts else None


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_beside_torch(case, dtype):
    _, function, *arrays = case
    arrays = [np.asarray(a, dtype) for a in arrays]
    ours, theirs = [tg.tensor(a, requires_grad=True) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    actual, expected = listed(function(tg, *ours)), listed(function(torch, *theirs))
    tolerance = {"float32": 2e-4, "float64": 1e-10}[dtype]
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected):
        assert str(a.dtype) == str(b.dtype)
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), tolerance, tolerance)
    if total(expected, torch) is None or not total(expected, torch).requires_grad:
        return
    if not total(actual, tg).requires_grad:         # A to the power of 0
        assert "power 0" in case[0]
        return
    total(actual, tg).backward()
    total(expected, torch).backward()
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), 20 * tolerance, 20 * tolerance * max(1, float(b.grad.abs().max())))


@pytest.mark.parametrize("case", [c for c in CASES if "rank" not in c[0] and "vander" not in c[0] and "norm 0" not in c[0]
                                  and "sign" not in c[0] and "power 0" not in c[0] and "cond 1" not in c[0] and "zeros" not in c[0]],
                         ids=lambda c: c[0])
def test_gradients_of_two_orders(case):
    what, function, *arrays = case
    inputs = [tg.tensor(a, requires_grad=True) for a in arrays]

    def floats(*xs):
        return tuple([x for x in listed(function(tg, *xs)) if x.is_floating_point() and x.requires_grad])

    # of symmetric A only a triangle is looked at: differences are taken of A + A^T
    if what.startswith(("cholesky", "eigh upper", "eigvalsh")):
        assert gradcheck(lambda a: floats((a + a.mT) / 2), inputs)
        return
    assert gradcheck(floats, inputs)
    assert gradgradcheck(floats, inputs)


def test_factors_multiply_to_the_matrix():
    for m, n in ((3, 3), (5, 2), (2, 5), (0, 3), (3, 0)):
        a = tg.tensor(general(2, m, n))
        q, r = tg.linalg.qr(a)
        u, s, vh = tg.linalg.svd(a, full_matrices=False)
        full = tg.linalg.svd(a)
        assert full.U.shape == (2, m, m)
        assert full.Vh.shape == (2, n, n)
        for product in (q @ r, u * s.unsqueeze(-2) @ vh):
            np.testing.assert_allclose(product.numpy(), a.numpy(), atol=1e-12)
        np.testing.assert_allclose((full.U.mT @ full.U).numpy(), np.broadcast_to(np.eye(m), (2, m, m)), atol=1e-12)
    a = tg.tensor(symmetric(4, 4))
    w, v = tg.linalg.eigh(a)
    np.testing.assert_allclose((v * w @ v.T).numpy(), a.numpy(), atol=1e-12)
    lower = tg.linalg.cholesky(tg.tensor(definite(4, 4)))
    assert (lower.triu(1) == 0).all()


def test_the_determinant_of_a_singular_matrix_has_a_gradient():
    for array in (np.outer([1.0, 2, 3], [1.0, 0, 2]) + np.outer([0, 1, 0], [1, 1, 1.0]), np.zeros((2, 2)), np.zeros((1, 1))):
        a = tg.tensor(array, requires_grad=True)
        tg.linalg.det(a).backward()
        n = len(array)
        cofactors = np.array([[(-1) ** (i + j) * (np.linalg.det(np.delete(np.delete(array, i, 0), j, 1)) if n > 1 else 1)
                               for j in range(n)] for i in range(n)])
        np.testing.assert_allclose(a.grad.numpy(), cofactors, atol=1e-12)


ERRORS = [
    ("linalg.inv: A must be batches of square matrices, but they are 2 by 3 matrices", lambda m: m.linalg.inv(m.ones(2, 3))),
    ("The input tensor A must have at least 2 dimensions", lambda m: m.linalg.inv(m.ones(2))),
    ("Expected a floating point or complex tensor as input", lambda m: m.linalg.inv(m.tensor([[1, 2], [3, 4]]))),
    ("Incompatible shapes of A and B for the equation AX = B (2x2 and 3x1)", lambda m: m.linalg.solve(m.eye(2), m.ones(3))),
    ("Incompatible shapes of A and B for the equation AX = B (2x2 and 3x2)", lambda m: m.linalg.solve(m.eye(2), m.ones(3, 2))),
    ("same dtype", lambda m: m.linalg.solve(m.eye(2), m.ones(2).double())),
    ("they are 3 by 2 matrices", lambda m: m.linalg.cholesky(m.ones(3, 2))),
    ("they are 3 by 2 matrices", lambda m: m.linalg.eigh(m.ones(3, 2))),
    ("at least 2 dimensions", lambda m: m.linalg.svd(m.ones(3))),
    ("qr received unrecognized mode 'x'", lambda m: m.linalg.qr(m.ones(3, 2), mode="x")),
    ("at least 2 dimensions", lambda m: m.linalg.det(m.ones(3))),
    ("input.size(-2) should match other.size(-2)", lambda m: m.linalg.lstsq(m.ones(3, 2), m.ones(2, 1))),
    ("multi_dot(): expected at least 2 tensors but got 1", lambda m: m.linalg.multi_dot([m.ones(2, 3)])),
    ("multi_dot(): tensors 0 and 1 with shapes [2, 3] and [2, 3] cannot be multiplied",
     lambda m: m.linalg.multi_dot([m.ones(2, 3), m.ones(2, 3)])),
    ("multi_dot(): tensor 1 must be 2D but got 3D", lambda m: m.linalg.multi_dot([m.ones(2, 3), m.ones(3, 2, 1), m.ones(2)])),
    ("they are 2 by 3 matrices", lambda m: m.linalg.matrix_power(m.ones(2, 3), 2)),
    ("Order x not supported", lambda m: m.linalg.matrix_norm(m.ones(2, 3), "x")),
    ("dims must be different", lambda m: m.linalg.matrix_norm(m.ones(2, 3), "fro", (0, 0))),
    ("the input must be 1D or 2D", lambda m: m.linalg.norm(m.ones(2, 3, 2), 2)),
    ("UPLO", lambda m: m.linalg.eigh(m.eye(2), "X")),
    ("must have length 3", lambda m: m.linalg.cross(m.ones(2), m.ones(2))),
]


@pytest.mark.parametrize(("words", "call"), ERRORS, ids=range(len(ERRORS)))
def test_errors(words, call):
    with pytest.raises(RuntimeError) as raised:
        call(tg)
    assert words in str(raised.value)
    if torch is not None:
        with pytest.raises(RuntimeError) as raised:
            call(torch)
        assert words in str(raised.value)


def test_singular_matrices():
    for call in (lambda: tg.linalg.inv(tg.ones(2, 2)), lambda: tg.linalg.solve(tg.ones(2, 2), tg.ones(2)),
                 lambda: tg.linalg.cholesky(-tg.eye(2)), lambda: tg.linalg.matrix_power(tg.zeros(2, 2), -1)):
        with pytest.raises(tg.linalg.LinAlgError, match="singular|not positive-definite"):
            call()


def test_unknown_names():
    with pytest.raises(AttributeError, match="did you mean 'solve'"):
        tg.linalg.solv  # noqa: B018
    with pytest.raises(AttributeError, match="complex numbers are left out"):
        tg.linalg.eig  # noqa: B018


INFINITE = """
import tinygrad_c as t
inf, nan = float("inf"), float("nan")
rows = [[-1.58, 2.65, -0.72, 2.4], [-inf, 2.0, -1.6, 2.8], [-1.97, -0.67, 0.84, -0.5], [1.1, 0.4, -1.05, -1.47]]
x = t.tensor(rows)
for f in (t.linalg.svdvals, t.linalg.pinv, t.linalg.cond, lambda x: t.linalg.svd(x).U, lambda x: t.linalg.norm(x, 2),
          lambda x: t.linalg.norm(x, "nuc"), lambda x: t.linalg.lstsq(x, x).solution, lambda x: t.linalg.matrix_norm(x, -2)):
    assert f(x).isnan().all()
    both = t.linalg.svdvals(t.stack([x, t.eye(4)]))
    assert both[0].isnan().all() and both[1].tolist() == [1, 1, 1, 1]
    try:
        f(x.masked_fill(x.isinf(), nan))
    except t.linalg.LinAlgError as error:
        assert "because the input matrix contained non-finite values" in str(error)
    else:
        raise AssertionError("no error")
assert t.linalg.matrix_rank(x).item() == 0
"""


def test_singular_values_of_infinite_matrices_come_to_an_end():
    """LAPACK's may not."""
    subprocess.run([sys.executable, "-c", INFINITE], check=True, timeout=60, env=environment())
