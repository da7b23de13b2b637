"""explain over the samples of every operation: its gradients are those of backward(), its formulas give them."""
from __future__ import annotations

import json
import re

import numpy as np
import pytest
from samples.comparing import OURS
from samples.op_samples import OPS
from samples.paths import ROOT

import tinygrad_c as torch
from tinygrad_c.explain import explain, graph, rules
from tinygrad_c.explain.explanation import Explanation
from tinygrad_c.explain.values import compute

# Rules that show their name and their gradients, but no formula.
NO_FORMULA = {"IncompleteGammaBackward", "SpecialI1EBackward0", "SpecialI1Backward0", "SpecialI0EBackward0", "I0Backward0"}


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
        missing = {step["rule"] for step in one["steps"] if step["formula"] is None}
        assert missing <= NO_FORMULA
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


@pytest.mark.skipif(not (ROOT / "tinygrad_c").exists(), reason="needs the compiled modules' sources")
def test_every_rule_of_the_compiled_modules_has_a_formula():
    """Whatever name a node has: explain also looks up the rule itself. The rows of the table have formulas of their own."""
    found = {name for path in (ROOT / "tinygrad_c").rglob("*.p*x*") if "generated" not in path.parts
             for name in re.findall(r'Rule\(b"(\w+)"', path.read_text())}
    assert {"MmBackward0", "ViewBackward0", "SumBackward0"} <= found
    # a function's gradient is written in Python; the third raises; the last has the names MseLoss, L1Loss, ..
    found -= {"Function", "FunctionOutput", "NotImplemented", "PairLoss"}
    assert {name for name in found if not any(rules.of("", name, n) for n in (1, 2, 3))} == set()


def test_the_formula_of_an_inverse_gives_its_gradient():
    w = torch.tensor([[2.0, 1.0], [0.0, 4.0]], requires_grad=True)
    y, g = torch.linalg.inv(w), torch.tensor([[1.0, -2.0], [3.0, 0.5]])
    formula, = rules.of("LinalgInvExBackward0", "Function", 1)
    y.backward(g)
    np.testing.assert_allclose(compute(formula.derivatives[0], {"y": y.detach(), "g": g}).numpy(), w.grad.numpy(), rtol=1e-6)
