"""What few programs call: methods that are functions of other rooms, numbers that are always real, names that are left out."""
from __future__ import annotations

import math

import numpy as np
import pytest
from samples.comparing import torch, with_torch

import tinygrad_c as tg

VALUES = [[0.4, -1.7, 0.2], [3.1, 0.9, -0.3]]
IN_PLACE = ["x.abs().add(1).mvlgamma_(2)", "x.abs().polygamma_(1)", "x.renorm_(2, 0, 0.5)", "x.abs().igamma_(y)", "x.abs().igammac_(y)",
            "x.i0_()", "x.as_strided_((2, 2), (1, 2))", "x.hardshrink(0.5)", "x.map_(y, lambda a, b: a + 2 * b)",
            "x.apply_(lambda a: a * a)", "x.index_reduce_(0, i, y, 'amin')"]


@with_torch
@pytest.mark.parametrize("text", IN_PLACE)
def test_in_place_beside_torch(text):
    found = []
    for m in (tg, torch):
        names = {"x": m.tensor(VALUES, dtype=m.float64), "y": m.tensor(VALUES, dtype=m.float64).abs() + 0.5, "i": m.tensor([1, 1])}
        found.append(eval(text, {}, names))
    np.testing.assert_allclose(found[0].numpy(), found[1].numpy(), 1e-7 if "polygamma" in text else 1e-10)      # torch's has nine digits


def test_answers_about_a_tensor():
    x = tg.tensor(VALUES)
    assert x.real is x
    assert tg.real(x) is x
    assert x.resolve_neg() is x
    assert not (x.is_conj())
    assert not (x.is_neg())
    assert not (x.is_inference())
    assert not (x.is_shared())
    assert x.is_set_to(x.view(2, 3))
    assert not x.is_set_to(x.clone())
    assert x.t().dim_order() == (1, 0)
    for wrong in (lambda: tg.imag(x), lambda: x.imag):
        with pytest.raises(RuntimeError, match="imag is not implemented for tensors with non-complex dtypes"):
            wrong()

    class Mine(tg.Tensor):
        pass
    assert type(x.as_subclass(Mine)) is Mine
    assert x.as_subclass(Mine).tolist() == x.tolist()


@pytest.mark.parametrize(("name", "words"), [("to_sparse", "sparse tensors are left out"), ("conj", "complex numbers are left out"),
                                             ("chalf", "complex numbers are left out"), ("storage", "there are no storage objects")])
def test_left_out_says_why(name, words):
    with pytest.raises(AttributeError, match=words):
        getattr(tg.ones(1), name)
    assert not hasattr(tg.ones(1), name)


def test_bessel_functions_solve_their_equation():
    x = tg.tensor([0.3, 2.0, 29.0, 31.0, -5.0], dtype=tg.float64, requires_grad=True)
    y = tg.i0(x)
    first, = tg.autograd.grad(y.sum(), x, create_graph=True)
    second, = tg.autograd.grad(first.sum(), x)
    np.testing.assert_allclose(x.detach() * x.detach() * second + x.detach() * first.detach(), x.detach() ** 2 * y.detach(), 1e-10)
    assert tg.special.i1(tg.tensor([0.0])).tolist() == [0.0]
    assert tg.special.i0e(tg.tensor([math.inf])).tolist() == [0.0]


def test_incomplete_gamma_of_whole_numbers():
    x = tg.tensor([0.0, 0.5, 3.0, 40.0, math.inf], dtype=tg.float64)
    np.testing.assert_allclose(tg.igammac(tg.tensor(3.0, dtype=tg.float64), x)[:4], (np.exp(-x) * (1 + x + x * x / 2))[:4], 1e-13)
    assert tg.igamma(tg.tensor(3.0, dtype=tg.float64), x)[4].item() == 1
    a = tg.tensor([2.0], requires_grad=True)
    with pytest.raises(NotImplementedError, match="igamma: input"):
        tg.igamma(a, tg.ones(1)).backward()


def test_a_singular_matrix_is_told_by_info():
    a = tg.tensor([[[1.0, 2.0], [2.0, 4.0]], [[2.0, 0.0], [0.0, 4.0]]])
    inverse, info = tg.linalg.inv_ex(a)
    assert info.tolist() == [2, 0]
    assert inverse[1].tolist() == [[0.5, 0.0], [0.0, 0.25]]
    assert inverse[0].isnan().all()
    assert tg.linalg.cholesky_ex(tg.tensor([[1.0, 2.0], [2.0, 1.0]])).info.item() == 2
    with pytest.raises(tg.linalg.LinAlgError, match="singular"):
        tg.linalg.inv_ex(a, check_errors=True)


def test_low_rank():
    tg.manual_seed(0)
    a = tg.randn(8, 3, dtype=tg.float64) @ tg.randn(3, 6, dtype=tg.float64)
    u, s, v = tg.svd_lowrank(a, 3)
    np.testing.assert_allclose((u * s @ v.mT).numpy(), a.numpy(), atol=1e-10)
    assert tg.pca_lowrank(a, 2).__len__() == 3
    assert tg.pca_lowrank(a, 2)[2].shape == (6, 2)


def test_empty_permuted():
    x = tg.empty_permuted((2, 3, 4), (2, 0, 1))
    assert (x.shape, x.stride()) == ((2, 3, 4), (3, 1, 6))
    with pytest.raises(RuntimeError, match="does not match the length of the physical_layout"):
        tg.empty_permuted((2, 3), (0,))
