"""What functions make of whole numbers and of bools, where the rule is not that of floats: values and dtypes, written down and
beside torch."""
from __future__ import annotations

import pytest
from samples.comparing import torch

import tinygrad_c

ROWS = [
    ("F.avg_pool1d(m.arange(9).reshape(1, 9) - 4, 2)", [[-3, -1, 0, 2]], "int64"),
    ("F.avg_pool1d(m.arange(9).reshape(1, 9) - 4, 2, padding=1)", [[-2, -2, 0, 1, 3]], "int64"),
    ("F.pad(m.tensor([True]), (1, 0), value=1.0)", [True, True], "bool"),
    ("F.conv_transpose1d(m.tensor([[[1, 2]]]), m.tensor([[[1, 3]]]))", [[[1, 5, 6]]], "int64"),
    ("F.unfold(m.ones(1, 1, 2, 1, dtype=m.bool), (1, 1))", [[[True, True]]], "bool"),
    ("F.interpolate(m.tensor([[[[0, 9], [4, 7]]]], dtype=m.uint8), size=(1, 3), mode='bilinear', align_corners=True)",
     [[[[0, 5, 9]]]], "uint8"),
    ("F.bilinear(m.ones(1, 2).int(), m.ones(1, 2).int(), m.ones(1, 2, 2).int())", [[4]], "int32"),
    ("m.addbmm(m.ones(1, 1).int(), m.ones(2, 1, 1).int(), m.ones(2, 1, 1).int())", [[3]], "int32"),
    ("m.addr(m.tensor([[False]]), m.tensor([True]), m.tensor([True]), beta=3, alpha=2)", [[True]], "bool"),
    ("m.all(m.tensor([2, 0], dtype=m.uint8))", 0, "uint8"),
    ("m.any(m.tensor([[2, 0]], dtype=m.uint8), 1)", [1], "uint8"),
    ("m.tensor([0, 5], dtype=m.int32).clamp(min=1)", [1, 5], "int32"),
    ("m.tensor([0, 5], dtype=m.int32).clamp(max=1)", [0, 1], "int32"),
    ("m.tensor([0, 5], dtype=m.int64).clamp(min=1)", [1, 5], "int64"),
    ("m.tensor([0, 5], dtype=m.uint8).clamp(max=1)", [0, 1], "uint8"),
    ("m.tensor([10, 7], dtype=m.int32).scatter_reduce(0, m.tensor([0, 0]), m.tensor([-5, -6], dtype=m.int32), 'mean', "
     "include_self=False)", [-6, 7], "int32"),
    ("m.any(m.tensor([2, 0]))", True, "bool"),
    ("m.tensor([3], dtype=m.uint8).sum_to_size(())", 3, "int64"),
]


@pytest.mark.parametrize(("text", "value", "dtype"), ROWS)
@pytest.mark.parametrize("m", [tinygrad_c, pytest.param(torch, marks=pytest.mark.skipif(torch is None, reason="beside torch"))],
                         ids=["here", "torch"])
def test_value_and_dtype(m, text, value, dtype):
    found = eval(text, {"m": m, "F": m.nn.functional})
    assert found.tolist() == value
    assert str(found.dtype) == f"torch.{dtype}"
