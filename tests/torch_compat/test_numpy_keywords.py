"""axis= for dim= and keepdims= for keepdim=, which torch takes too; and the numbers that grad_fn's names end in."""
from __future__ import annotations

import numpy as np
import pytest
from samples.comparing import torch

import tinygrad_c

A = np.array([[[0.5, -1.0, 2.0], [3.0, 0.1, -0.7]], [[1.5, 1.0, 0.0], [-2.0, 4.0, 0.3]]], dtype=np.float32)
KEEP = ["sum", "mean", "prod", "std", "var", "amax", "amin", "argmax", "argmin", "all", "any", "max", "min", "norm", "logsumexp",
        "median", "nansum", "nanmean", "nanmedian", "mode", "std_mean", "var_mean"]
ALONG = ["cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "softmax", "log_softmax", "sort", "argsort", "diff",
         "count_nonzero", "unbind", "squeeze", "unsqueeze", "trapezoid", "gradient"]
PARTS = {"topk": (2,), "kthvalue": (2,), "chunk": (2,), "tensor_split": (2,), "repeat_interleave": (2,)}


def parts(result) -> list:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def forms(m, name):
    """The function and, if there is one, the method."""
    x = m.tensor(A)
    found = []
    if hasattr(m, name):
        found.append(lambda *args, **kinds: getattr(m, name)(x, *args, **kinds))
    if hasattr(m.Tensor, name):
        found.append(lambda *args, **kinds: getattr(x, name)(*args, **kinds))
    return found


def same(results: list, expected: list) -> None:
    for a, b in zip(results, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-5, 1e-6)


@pytest.mark.parametrize("name", KEEP + ALONG + list(PARTS))
def test_words(name):
    first = PARTS.get(name, ())
    for form in forms(tinygrad_c, name):
        same(parts(form(*first, axis=1)), parts(form(*first, dim=1)))
        if name in KEEP:
            same(parts(form(axis=-1, keepdims=True)), parts(form(dim=-1, keepdim=True)))
            same(parts(form(dim=0, keepdims=True)), parts(form(dim=0, keepdim=True)))
    if torch is not None and name not in ("norm", "logsumexp"):       # of which torch 2.13 refuses a word
        for form, other in zip(forms(tinygrad_c, name), forms(torch, name)):
            same(parts(form(*first, axis=1)), parts(other(*first, axis=1)))
            if name in KEEP:
                same(parts(form(axis=1, keepdims=True)), parts(other(axis=1, keepdims=True)))


def test_joining():
    x = tinygrad_c.tensor(A)
    for axis in (0, 1, -1):
        np.testing.assert_array_equal(tinygrad_c.cat([x, x], axis=axis).numpy(), np.concatenate([A, A], axis=axis))
        np.testing.assert_array_equal(tinygrad_c.stack([x, x], axis=axis).numpy(), np.stack([A, A], axis=axis))


def test_both_or_none():
    x = tinygrad_c.tensor(A)
    with pytest.raises(TypeError, match="both dim and axis"):
        x.sum(1, axis=1)
    for call in (x.unsqueeze, x.cumsum, x.softmax, x.log_softmax):
        with pytest.raises(TypeError, match=r"missing 1 required positional arguments: \"dim\""):
            call()


NAMES = {
    "sum": lambda x: x.sum(), "sum along": lambda x: x.sum(0), "sum kept": lambda x: x.sum(1, keepdim=True), "mean": lambda x: x.mean(),
    "mean along": lambda x: x.mean(-1), "prod": lambda x: x.prod(), "prod along": lambda x: x.prod(0), "square": lambda x: x ** 2,
    "power": lambda x: x ** 3, "powers": lambda x: x ** x, "exponent": lambda x: 2 ** x, "from": lambda x: 1 - x, "add": lambda x: x + 1,
    "mul": lambda x: x * x, "div": lambda x: x / 2, "neg": lambda x: -x, "max": lambda x: x.max(), "max along": lambda x: x.max(0)[0],
    "relu": lambda x: x.relu(), "view": lambda x: x.view(-1), "mm": lambda x: x[0] @ x[1].transpose(0, 1), "select": lambda x: x[0],
}


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_names_of_nodes(name):
    ours, theirs = (NAMES[name](m.tensor(A, requires_grad=True)).grad_fn.name() for m in (tinygrad_c, torch))
    assert ours == theirs


def test_where_of_a_condition_alone():
    """torch.where(mask), as routers of experts write it: the indices along each dimension."""
    mask = A > 0.2
    found = tinygrad_c.where(tinygrad_c.tensor(mask))
    assert [each.tolist() for each in found] == [each.tolist() for each in np.where(mask)]
    if torch is not None:
        assert [each.tolist() for each in found] == [each.tolist() for each in torch.where(torch.tensor(mask))]
    with pytest.raises(TypeError, match="only one of input and other"):
        tinygrad_c.where(tinygrad_c.tensor(mask), 1.0)
