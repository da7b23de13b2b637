"""explain over the samples of every operation: its gradients are those of backward(), its formulas give them."""
from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from samples.comparing import OURS
from samples.op_samples import OPS
from samples.paths import ROOT

import tinygrad_c as torch
from tinygrad_c import nn
from tinygrad_c.explain import explain, graph, rules
from tinygrad_c.explain.explanation import Explanation
from tinygrad_c.explain.values import compute


def every_formula(one) -> None:
    """Each step has its formulas. The gradients' have numbers; the value's too, where all inputs are known."""
    values = one["values"]
    for step in one["steps"]:
        assert step["formula"] is not None, step["rule"]
        known = None not in step["inputs"] and all(
            values[i]["numbers"] is not None and 0 not in values[i]["shape"] for i in [*step["inputs"], step["output"]])
        if known and not step["formula"].startswith(("cross_entropy", "det")):
            assert step["numbers"] is not None, (step["rule"], step["formula"])
    for back in one["backward"]:
        for give in back["gives"]:
            assert give["formula"] is not None, one["steps"][back["step"]]["rule"]
            if give["formula"] == "0" or (give["gradient"].get("largest") or 0) < 1e-12:        # nothing to compute, or it cancels
                continue
            if 0 not in [*give["gradient"]["shape"], *back["gradient"]["shape"]]:
                assert give["numbers"] is not None, (one["steps"][back["step"]]["rule"], give["formula"])


def loss_of(op, i: int):
    """A scalar that depends on every differentiable result of a sample, or None."""
    tensors = [torch.tensor(a) for a in op.inputs(i, "float64")]
    for k in op.wanted(i):
        tensors[k].requires_grad_()
    results = [each for each in op.run(OURS, i, tensors) if each.requires_grad]
    return sum((each * (k + 2)).sum() for k, each in enumerate(results)) if results else None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", [op for op in OPS.values() if op.differentiable], ids=lambda op: op.name)
def test_gradients_are_those_of_backward(op):
    for i in sorted({0, len(op.samples) // 2, len(op.samples) - 1}):
        loss = loss_of(op, i)
        if loss is None:
            continue
        e = explain(loss)
        one = e.passes[0]
        assert [note for note in one["notes"] if note["kind"] == "error"] == []
        json.dumps(e.to_dict(), allow_nan=False)
        assert "Backward pass" in str(e)
        assert "反向传播" in str(Explanation(e.passes, "zh"))
        every_formula(one)
        seen = graph.read(loss)
        graph.run_backward(seen)
        loss.backward()
        for leaf in seen.leaves:
            if leaf.gradient is not None:
                np.testing.assert_allclose(leaf.gradient.numpy(), leaf.tensor.grad.numpy(), rtol=1e-9, atol=1e-12)
        for back in one["backward"]:
            for give in back["gives"]:
                if give["equals"] is not None and give["at"] is None and not give["summed"]:
                    found = np.asarray(give["gradient"]["data"], dtype=float).reshape(-1)
                    assert float(give["equals"]) == pytest.approx(found[0], rel=1e-6, nan_ok=True)


A, F, L = (lambda *shape: torch.randn(*shape).requires_grad_()), nn.functional, torch.linalg


def definite():
    a = torch.randn(3, 3)
    return (a @ a.T + 3 * torch.eye(3)).requires_grad_()


STRUCTURAL = {
    "inv": lambda: L.inv(definite()), "det": lambda: L.det(definite()), "slogdet": lambda: L.slogdet(definite())[1],
    "solve": lambda: L.solve(definite(), A(3, 2)), "cholesky": lambda: L.cholesky(definite()), "qr": lambda: L.qr(A(3, 2)),
    "svd": lambda: L.svd(A(3, 2), False), "svdvals": lambda: L.svdvals(A(3, 2)), "eigh": lambda: L.eigh(definite()),
    "pinv": lambda: L.pinv(A(3, 2)), "lu": lambda: L.lu(definite()), "lu_factor": lambda: L.lu_factor(A(3, 3))[0],
    "lstsq": lambda: L.lstsq(A(4, 2), A(4, 1)).solution, "matrix_exp": lambda: torch.matrix_exp(A(2, 2)),
    "cholesky_solve": lambda: torch.cholesky_solve(A(3, 1), definite()), "i0": lambda: torch.special.i0(A(3)),
    "i1e": lambda: torch.special.i1e(A(3)), "gammainc": lambda: torch.special.gammainc(torch.ones(3), A(3).exp()),
    "conv2d": lambda: F.conv2d(torch.rand(1, 2, 4, 4), A(3, 2, 3, 3), A(3)), "conv1d": lambda: F.conv1d(A(1, 2, 6), A(3, 2, 3)),
    "conv_transpose2d": lambda: F.conv_transpose2d(A(1, 2, 3, 3), A(2, 3, 2, 2), A(3)),
    "max_pool2d": lambda: F.max_pool2d(A(1, 1, 4, 4), 2), "avg_pool2d": lambda: F.avg_pool2d(A(1, 1, 4, 4), 2),
    "batch_norm": lambda: nn.BatchNorm2d(2)(A(2, 2, 2, 2)), "layer_norm": lambda: nn.LayerNorm(3)(A(4, 3)),
    "group_norm": lambda: nn.GroupNorm(2, 4)(A(2, 4, 3)), "rms_norm": lambda: nn.RMSNorm(3)(A(4, 3)),
    "embedding": lambda: nn.Embedding(5, 3)(torch.tensor([1, 2, 1])), "dropout": lambda: F.dropout(A(3, 4)),
    "lstm": lambda: nn.LSTM(2, 3)(A(4, 1, 2))[0], "attention": lambda: nn.MultiheadAttention(4, 2)(*[A(3, 1, 4)] * 3)[0],
    "interpolate": lambda: F.interpolate(A(1, 1, 3, 3), scale_factor=2, mode="bilinear"), "pad": lambda: F.pad(A(2, 2), (1, 1)),
    "cross_entropy": lambda: F.cross_entropy(A(3, 4), torch.tensor([0, 2, 1])),
    "weighted": lambda: F.cross_entropy(A(3, 4), torch.tensor([0, 2, 1]), torch.rand(4), label_smoothing=0.1),
    "huber": lambda: F.huber_loss(A(4), A(4)), "smooth_l1": lambda: F.smooth_l1_loss(A(4), A(4), reduction="sum"),
    "l1": lambda: F.l1_loss(A(4), A(4), reduction="none"), "bce": lambda: F.binary_cross_entropy(A(3).sigmoid(), torch.ones(3)),
}


@pytest.mark.parametrize("name", STRUCTURAL)
def test_structural_operations_have_formulas_with_numbers(name):
    torch.manual_seed(0)
    made = STRUCTURAL[name]()
    results = [each for each in ([made] if isinstance(made, torch.Tensor) else made) if each.requires_grad]
    loss = sum((each * each).sum() for each in results)
    one = explain(loss).passes[0]
    every_formula(one)
    loss.backward()
    for leaf, tensor in zip(one["leaves"], graph.read(loss).leaves):
        if "data" in leaf["total"]:
            np.testing.assert_allclose(leaf["total"]["data"], tensor.tensor.grad.numpy(), rtol=1e-4, atol=1e-5)
        if len(leaf["parts"]) > 1 and all("data" in part["gradient"] for part in leaf["parts"]):
            parts = sum(np.asarray(part["gradient"]["data"]) for part in leaf["parts"])
            np.testing.assert_allclose(parts, leaf["total"]["data"], rtol=1e-4, atol=1e-5)


def test_values_that_nothing_keeps_are_found_from_the_gradients_rule():
    """A slice, a convolution and a product of two values without names: explain finds their values."""
    torch.manual_seed(0)
    w, x = A(2, 1, 2, 2), torch.rand(1, 1, 3, 3)
    loss = (F.conv2d(x, w)[0, :, 1:] @ A(2, 2)[:, :1]).sum()
    one = explain(loss).passes[0]
    numbers = {step["rule"]: one["values"][step["output"]]["numbers"] for step in one["steps"]}
    np.testing.assert_allclose(numbers["ConvolutionBackward0"]["data"], F.conv2d(x, w).detach().numpy(), rtol=1e-5)
    assert all(each is not None for each in numbers.values())


def test_an_element_of_a_gradient_tells_which_elements_it_came_from():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x[[0, 0, 1]].T
    one = explain((y * torch.tensor([1.0, 10.0, 100.0])).sum()).passes[0]
    picked = next(back for back in one["backward"] if one["steps"][back["step"]]["rule"] == "IndexBackward0")["gives"][0]
    assert (picked["at"], picked["numbers"], picked["equals"]) == ([1, 0], "g[2, 0]", 100)
    moved = next(step for step in one["steps"] if step["rule"] == "PermuteBackward0")
    assert moved["numbers"] == "t1[0, 0]"


@pytest.mark.skipif(not (ROOT / "tinygrad_c").exists(), reason="needs the compiled modules' sources")
def test_every_rule_of_the_compiled_modules_has_a_formula():
    """Whatever name a node has: explain also looks up the rule itself. The rows of the table have formulas of their own."""
    found = {name for path in (ROOT / "tinygrad_c").rglob("*.p*x*") if "generated" not in path.parts
             for name in re.findall(r'Rule\(b"(\w+)"', path.read_text())}
    assert {"MmBackward0", "ViewBackward0", "SumBackward0"} <= found
    # a function's gradient is written in Python; the third raises; the last has the names MseLoss, L1Loss, ..
    found -= {"Function", "FunctionOutput", "NotImplemented", "PairLoss"}
    assert {name for name in found if not rules.of("", name)} == set()


def test_every_function_of_the_package_has_a_formula():
    found = {name: module for module in ("linalg/factor", "linalg/systems", "linalg/elimination", "special/bessel", "nn/recurrent")
             for name in re.findall(r"class (\w+)\(Function\)", (Path(torch.__file__).parent / f"{module}.py").read_text())}
    assert {"Svd", "Eigh", "Inverse", "Bessel"} <= set(found)
    assert set(found) <= set(rules.FUNCTIONS)


def test_the_formula_of_an_inverse_gives_its_gradient():
    w = torch.tensor([[2.0, 1.0], [0.0, 4.0]], requires_grad=True)
    y, g = torch.linalg.inv(w), torch.tensor([[1.0, -2.0], [3.0, 0.5]])
    formula, = rules.of("LinalgInvExBackward0", "Function", "Inverse")
    y.backward(g)
    np.testing.assert_allclose(compute(formula.derivatives[0], {"y": y.detach(), "g": g}).numpy(), w.grad.numpy(), rtol=1e-6)
