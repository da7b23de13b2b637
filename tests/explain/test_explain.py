"""explain: the numbers of the tutorials by hand, names and places, trouble, the page, and that nothing is changed."""
from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_c as torch
from tinygrad_c import nn
from tinygrad_c.explain import explain, recording
from tinygrad_c.explain.explanation import Explanation
from tinygrad_c.explain.words import WORDS


def only(e: Explanation) -> dict:
    assert len(e.passes) == 1
    return e.passes[0]


def value(one: dict, name: str) -> dict:
    return next(each for each in one["values"] if each["name"] == name)


def data(one: dict, name: str):
    return value(one, name)["numbers"]["data"]


def landed(one: dict) -> dict:
    """By name: what the pass brings for each leaf."""
    return {one["values"][leaf["value"]]["name"]: leaf["total"]["data"] for leaf in one["leaves"]}


def gives(one: dict, output: str) -> dict:
    """By the name of the input: what the step that made `output` gives to it in the backward pass."""
    step = next(each for each in one["steps"] if one["values"][each["output"]]["name"] == output)
    back = next(each for each in one["backward"] if each["step"] == step["id"])
    return {one["values"][give["to"]]["name"]: give for give in back["gives"]}


# ---- The tutorials: numbers by hand

def chef(lr: float) -> Explanation:
    """The first tutorial: (w x + b - y)^2, three steps by hand."""
    with recording() as e:
        w = torch.tensor(2.0, requires_grad=True)
        b = torch.tensor(1.0, requires_grad=True)
        x = torch.tensor(3.0)
        y_true = torch.tensor(8.0)
        for _ in range(3):
            y_pred = w * x + b
            loss = (y_pred - y_true) ** 2
            loss.backward()
            with torch.no_grad():
                w -= lr * w.grad
                b -= lr * b.grad
            w.grad.zero_()
            b.grad.zero_()
    return e


def test_the_first_tutorial_at_its_learning_rate_never_learns():
    e = chef(0.1)
    assert [data(one, "y_pred") for one in e.passes] == pytest.approx([7, 9, 7], abs=1e-5)
    assert [data(one, "loss") for one in e.passes] == pytest.approx([1, 1, 1], abs=1e-5)
    assert [landed(one)["w"] for one in e.passes] == pytest.approx([-6, 6, -6], abs=1e-4)
    assert [landed(one)["b"] for one in e.passes] == pytest.approx([-2, 2, -2], abs=1e-4)
    first = gives(e.passes[0], "t1")["w"]
    assert (first["formula"], first["numbers"], first["equals"]) == ("g * x", "(-2) * 3", -6)
    assert gives(e.passes[0], "loss")["t2"]["numbers"] == "2 * 1 * (-1)"
    kinds = [(each["kind"], each["name"]) for each in e.passes[1]["between"]]
    assert kinds == [("updated", "w"), ("zeroed", "w"), ("updated", "b"), ("zeroed", "b")]


def test_the_first_tutorial_with_a_smaller_step_learns():
    assert [data(one, "loss") for one in chef(0.02).passes] == pytest.approx([1, 0.36, 0.1296], rel=1e-4)


def test_only_what_asks_gets_a_gradient():
    w = torch.tensor(2.0, requires_grad=True)
    x = torch.tensor(3.0)
    y = w * x
    loss = (y - 8) ** 2
    one = only(explain(loss))
    assert landed(one) == {"w": -12}            # 2 (6 - 8) 3; the tutorial prints -6
    assert value(one, "x")["kind"] == "data"
    assert "w.grad:  before None,  after backward() -12" in str(explain(loss))


@pytest.mark.parametrize(("zero", "after"), [(False, [6, 12]), (True, [6, 6])])
def test_gradients_add_up_unless_they_are_zeroed(zero, after):
    with recording() as e:
        w = torch.tensor(2.0, requires_grad=True)
        for _ in range(2):
            if zero and w.grad is not None:
                w.grad.zero_()
            loss = (w * 3 - 5) ** 2
            loss.backward()
    assert [one["leaves"][0]["after"]["data"] for one in e.passes] == after
    assert [one["leaves"][0]["total"]["data"] for one in e.passes] == [6, 6]
    assert ("zero_grad()" in str(e)) == (not zero)


def house():
    x = torch.tensor(3.0)
    w1, b1, w2, b2 = (torch.tensor(v, requires_grad=True) for v in (2.0, -1.0, 1.5, 0.5))
    y_true = torch.tensor(2.5)
    z1 = w1 * x + b1
    a1 = torch.sigmoid(z1)
    y_pred = w2 * a1 + b2
    loss = (y_true - y_pred) ** 2
    return explain(loss), loss


def test_the_price_of_a_house():
    one = only(house()[0])
    near = lambda x: pytest.approx(x, abs=1e-6)
    assert data(one, "z1") == 5
    assert data(one, "a1") == near(0.993307)
    assert data(one, "y_pred") == near(1.989961)
    assert data(one, "loss") == near(0.260140)
    assert landed(one) == {"w1": near(-0.030517), "b1": near(-0.010172), "w2": near(-1.013251), "b2": near(-1.020079)}
    assert gives(one, "y_pred")["b2"]["gradient"]["data"] == near(-1.020079)
    assert gives(one, "t2")["a1"]["gradient"]["data"] == near(-1.530118)
    slope = gives(one, "a1")["z1"]
    assert slope["formula"] == "g * a1 * (1 - a1)"
    assert slope["numbers"] == "(-1.53012) * 0.993307 * (1 - 0.993307)"
    lines = [one["lines"][step["line"]]["text"] for step in one["steps"]]
    assert lines == ["z1 = w1 * x + b1"] * 2 + ["a1 = torch.sigmoid(z1)"] + ["y_pred = w2 * a1 + b2"] * 2 + [
        "loss = (y_true - y_pred) ** 2"] * 2


def test_every_gradient_of_two_layers():
    torch.manual_seed(0)
    x = torch.unsqueeze(torch.linspace(-1, 1, 10), dim=1)
    y = 2 * x + 3 + 0.1 * torch.randn(x.size())
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    criterion = nn.MSELoss()
    y_pred = model(x)
    loss = criterion(y_pred, y)
    one = only(explain(loss))
    w1, b1, w2, b2 = (p.detach().numpy().astype("float64") for p in model.parameters())
    X, Y = x.numpy().astype("float64"), y.numpy().astype("float64")
    z = X @ w1.T + b1
    h = np.maximum(z, 0)
    g = 2 * (h @ w2.T + b2 - Y) / 10
    gz = (g @ w2) * (z > 0)
    expected = {"model.0.weight": gz.T @ X, "model.0.bias": gz.sum(0), "model.2.weight": g.T @ h, "model.2.bias": g.sum(0)}
    assert list(landed(one)) == list(expected)
    for name, by_hand in expected.items():
        np.testing.assert_allclose(landed(one)[name], by_hand, rtol=1e-5)
    assert [step["module"] for step in one["steps"]] == ["model.0", "model.1", "model.2", None]
    assert [step["formula"] for step in one["steps"]] == [
        "x @ model.0.weight.T + model.0.bias", "maximum(t1, 0)", "t2 @ model.2.weight.T + model.2.bias",
        "((y_pred - y) ** 2).mean()"]
    assert gives(one, "loss")["y_pred"]["formula"] == "g * 2 * (y_pred - y) / 10"
    assert gives(one, "y_pred")["model.2.weight"]["formula"] == "g.T @ t2"


def test_a_line_by_hand():
    """The last tutorial: dL/dw = sum(2 (y_pred - y) / n * x)."""
    torch.manual_seed(0)
    x = torch.linspace(0, 1, 100).unsqueeze(1)
    y = 2.0 * x + 1.0 + 0.1 * torch.randn_like(x)
    model = nn.Linear(1, 1)
    loss = nn.MSELoss()(model(x), y)
    one = only(explain(loss))
    difference = model(x).detach() - y
    assert landed(one)["model.weight"][0][0] == pytest.approx((2 * difference / 100 * x).sum().item(), rel=1e-5)
    assert landed(one)["model.bias"][0] == pytest.approx((2 * difference / 100).sum().item(), rel=1e-5)
    assert value(one, "x")["numbers"]["min"] == 0
    assert "100" in gives(one, "loss")["t1"]["formula"]


class Digits(nn.Module):
    """The second tutorial's net."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.hidden1 = nn.Linear(784, 128)
        self.hidden2 = nn.Linear(128, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        x = self.flatten(x)
        x = self.hidden1(x)
        x = torch.relu(x)
        x = self.hidden2(x)
        x = torch.sigmoid(x)
        x = self.out(x)
        return x


def test_the_digits_net_line_by_line():
    torch.manual_seed(0)
    model = Digits()
    with recording() as e:
        loss = nn.MSELoss()(model(torch.rand(64, 1, 28, 28)), torch.rand(64, 10))
        loss.backward()
    one = only(e)
    assert [one["lines"][step["line"]]["text"] for step in one["steps"]] == [
        "x = self.hidden1(x)", "x = torch.relu(x)", "x = self.hidden2(x)", "x = torch.sigmoid(x)", "x = self.out(x)",
        "loss = nn.MSELoss()(model(torch.rand(64, 1, 28, 28)), torch.rand(64, 10))"]
    assert [step["module"] for step in one["steps"]] == ["model.hidden1", "model", "model.hidden2", "model", "model.out", None]
    for leaf, p in zip(one["leaves"], [model.hidden1.weight, model.hidden1.bias, model.hidden2.weight, model.hidden2.bias,
                                       model.out.weight, model.out.bias]):
        assert leaf["total"]["shape"] == list(p.shape)
        assert leaf["total"]["largest"] == pytest.approx(p.grad.abs().max().item(), rel=1e-5)
    relu = one["values"][one["steps"][1]["output"]]
    assert 0.2 < relu["numbers"]["zeros"] < 0.8
    assert len(e.html()) < 300_000


# ---- It looks, and changes nothing

def test_nothing_is_changed():
    called = []
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    w.grad = torch.tensor([5.0, 5.0])
    w.register_hook(lambda g: called.append("leaf"))
    w.register_post_accumulate_grad_hook(lambda g: called.append("after"))
    y = w * 3
    y.retain_grad()
    y.register_hook(lambda g: called.append("y") or 10 * g)
    y.grad_fn.register_hook(lambda i, o: called.append("rule"))
    y.grad_fn.register_prehook(lambda o: called.append("before the rule"))
    y.grad_fn.metadata["mine"] = 1
    loss = (y * y).sum()
    before = w._version, y._version
    one = only(explain(loss))
    assert called == []
    assert [note["kind"] for note in one["notes"]] == ["hooks"]
    assert w.grad.tolist() == [5, 5]
    assert y.grad is None
    assert (w._version, y._version) == before
    assert y.grad_fn.metadata == {"mine": 1}
    assert landed(one)["w"] == [18, 36]         # without the hook that makes it ten times as much
    loss.backward()
    assert called == ["y", "before the rule", "rule", "leaf", "after"]
    assert w.grad.tolist() == [185, 365]
    assert y.grad.tolist() == [60, 120]


def test_hooks_stay_when_the_pass_fails():
    called = []
    w = torch.tensor([1.0, 4.0], requires_grad=True)
    w.register_hook(lambda g: called.append(1))
    y = w.exp()
    loss = (y * 2).sum()
    with torch.no_grad():
        y.zero_()
    one = only(explain(loss))
    assert [note["kind"] for note in one["notes"]] == ["hooks", "error"]
    assert "modified by an inplace operation" in one["notes"][1]["text"]
    w.sum().backward()
    assert called == [1]


def test_hooks_of_a_function_with_two_outputs_stay_as_they_were():
    class Split(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            return a * 2 + b * 3

    w = torch.tensor(1.0, requires_grad=True)
    first, second = Split.apply(w)
    first.retain_grad()
    called = []
    first.grad_fn.register_hook(lambda inputs, outputs: called.append("after"))      # of the function: both outputs share it
    second.grad_fn.register_prehook(lambda outputs: called.append("before"))
    loss = first * second
    for _ in range(2):
        one = only(explain(loss))
        assert [note["kind"] for note in one["notes"]] == ["hooks"]
        assert landed(one) == {"w": 12.0}
    assert called == []
    assert first.grad is None
    loss.backward()
    assert called == ["before", "after"]
    assert (w.grad.item(), first.grad.item()) == (12.0, 3.0)


def test_a_function_composed_of_operations_has_the_formula_of_its_last_operation():
    """Its node has a name that explain has no formula for, and a rule that it has one for."""
    w = torch.tensor([[2.0, 1.0], [0.0, 4.0]], requires_grad=True)
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    v = torch.tensor([1.0, -1.0])
    y = torch.addmv(v, w, v)
    one = only(explain(y.sum()))
    assert all(step["formula"] for step in one["steps"])
    assert only(explain((w @ a).sum()))["steps"][0]["formula"] == "w @ a"


def test_the_mode_of_recording_is_kept():
    w = torch.tensor(2.0, requires_grad=True)
    loss = w * w
    explain(loss)
    assert torch.is_grad_enabled()
    with torch.no_grad():
        explain(loss)
        assert not torch.is_grad_enabled()


def test_nothing_is_left_of_a_recording():
    from tinygrad_c import autograd
    from tinygrad_c.core import tape
    before = torch.Tensor.__dict__.get("backward"), autograd.backward
    def fail():
        w = torch.tensor(2.0, requires_grad=True)
        (w * w).backward()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), recording() as e:
        fail()
    assert (torch.Tensor.__dict__.get("backward"), autograd.backward) == before
    assert tape._set_observer(None) is None
    assert len(e.passes) == 1
    with recording() as again:
        pass
    assert again.passes == []


def test_anomaly_mode_and_recording_do_not_disturb_each_other():
    with torch.autograd.detect_anomaly(), recording() as e:
        w = torch.tensor(2.0, requires_grad=True)
        (w * w).backward()
        assert torch.autograd.anomaly_mode.is_anomaly_enabled()
    assert len(e.passes) == 1
    w = torch.tensor(0.0, requires_grad=True)
    with recording(), torch.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="nan"):
        (w.sqrt() * 0).backward()


def test_it_is_loaded_only_when_it_is_used():
    program = "import sys, tinygrad_c; print(any('explain' in name for name in sys.modules)); tinygrad_c.explain; " \
              "print('tinygrad_c.explain' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_it_takes_a_tensor():
    with pytest.raises(TypeError, match=r"explain\(\) takes a Tensor"):
        torch.explain(3.0)
    with pytest.raises(ValueError, match="lang must be one of"):
        torch.explain(torch.ones(1), lang="fr")


# ---- After backward()

def test_after_backward_it_is_computed_again():
    w = torch.tensor(2.0, requires_grad=True)
    x = torch.tensor(3.0)
    y = w * x
    loss = (y - 8) ** 2
    loss.backward()
    one = only(explain(loss))
    assert [note["kind"] for note in one["notes"]] == ["replayed"]
    assert landed(one) == {"w": -12}
    assert gives(one, "y")["w"]["numbers"] == "(-4) * 3"
    assert one["leaves"][0]["before"] is None
    assert w.grad.item() == -12


def test_after_backward_of_a_net():
    torch.manual_seed(0)
    x, y = torch.rand(10, 1), torch.rand(10, 1)
    model = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1))
    criterion = nn.MSELoss()
    out = model(x)
    loss = criterion(out, y)
    loss.backward()
    one = only(explain(loss))
    assert [note["kind"] for note in one["notes"]] == ["replayed"]
    for leaf, p in zip(one["leaves"], model.parameters()):
        np.testing.assert_allclose(leaf["total"]["data"], p.grad.tolist(), rtol=1e-4, atol=1e-7)


def test_after_backward_and_a_step_it_does_not_pretend():
    w = torch.tensor(2.0, requires_grad=True)
    x = torch.tensor(3.0)
    loss = (w * x - 8) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    one = only(explain(loss))
    assert [note["kind"] for note in one["notes"]] == ["freed"]
    assert one["backward"] == []
    assert "before backward()" in str(explain(loss))


# ---- Names and places

def test_a_value_that_is_used_twice():
    x = torch.tensor(3.0, requires_grad=True)
    h = x * 2
    loss = h * h + h
    text = str(explain(loss))
    assert "h was used 3 times; the gradients are added: 1 + 6 + 6" in text
    assert landed(only(explain(loss))) == {"x": 26}


def test_what_was_broadcast_is_summed():
    b = torch.tensor([1.0, 2.0], requires_grad=True)
    x = torch.ones(3, 2)
    loss = (x * b).sum()
    give = gives(only(explain(loss)), "t1")["b"]
    assert give["summed"] == [0]
    assert give["gradient"]["data"] == [3, 3]
    assert give["each"]["shape"] == [3, 2]
    assert "b was broadcast from [2]: the gradient is summed over dim [0]" in str(explain(loss))


def test_a_name_that_is_given_again_is_counted():
    x = torch.tensor(2.0, requires_grad=True)
    h = x * 2
    h = h * 3
    h = torch.exp(h)
    one = only(explain(h))
    assert [one["values"][step["output"]]["name"] for step in one["steps"]] == ["h", "h#2", "h#3"]
    assert [one["lines"][step["line"]]["text"] for step in one["steps"]] == ["h = x * 2", "h = h * 3", "h = torch.exp(h)"]


def test_an_expression_as_argument():
    w = torch.tensor(2.0, requires_grad=True)
    one = only(torch.explain((w * 3 - 5) ** 2))
    assert [step["code"] for step in one["steps"]] == ["w * 3", "w * 3 - 5", "(w * 3 - 5) ** 2"]
    assert landed(one) == {"w": 6}


def test_without_the_text_of_the_program():
    program = "import tinygrad_c as torch\nw = torch.tensor(2.0, requires_grad=True)\nprint(torch.explain(w * 3 + 1))\n" \
              "print(torch.explain(torch.tensor(4.0, requires_grad=True) * 2))"
    untold = f"exec(compile({program!r}, 'untold', 'exec'))"      # CPython 3.13 knows the text of -c itself
    done = subprocess.run([sys.executable, "-c", untold], capture_output=True, text=True, check=True)
    assert "line not known" in done.stdout
    assert "t1 = w * 3  =  2 * 3  =  6" in done.stdout
    assert "t1 = tensor(4) * 2  =  4 * 2  =  8" in done.stdout


def test_matrices_and_their_transposes():
    w = torch.tensor([[1.0, 2.0]], requires_grad=True)
    x = torch.tensor([[3.0, 4.0], [5.0, 6.0]])
    loss = (x @ w.T).sum()
    one = only(explain(loss))
    assert [step["code"] for step in one["steps"]] == ["w.T", "x @ w.T", "(x @ w.T).sum()"]
    assert data(one, "t2") == [[11], [17]]
    assert gives(one, "t2")["t1"]["formula"] == "x.T @ g"
    assert landed(one) == {"w": [[8, 10]]}


def test_cross_entropy_has_its_formula():
    scores = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)     # one element has the largest gradient
    labels = torch.tensor([0, 1])
    loss = nn.functional.cross_entropy(scores, labels)
    give = gives(only(explain(loss)), "loss")["scores"]
    assert give["formula"] == "g * (softmax(scores, 1) - one_hot(labels)) / 2"
    assert give["numbers"] == "1 * (0.244728 - 1) / 2"
    assert give["equals"] == pytest.approx((0.24472847 - 1) / 2)


def test_a_function_of_ones_own():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = torch.tensor(3.0, requires_grad=True)
    y = Double.apply(x)
    loss = y * y
    one = only(explain(loss))
    assert landed(one) == {"x": 24}
    assert "Double" in one["steps"][0]["rule"]


def test_a_tensor_alone_and_one_that_is_no_scalar():
    x = torch.tensor([1.0, 2.0])
    assert "x  float32[2] = [1, 2]" in str(explain(x))
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    h = w * 2
    one = only(explain(h))
    assert one["backward"] == []
    assert "is not a scalar" in str(explain(h))
    assert landed(only(explain(h, torch.tensor([1.0, 10.0])))) == {"w": [2, 20]}


def test_a_recording_without_backward_is_a_forward_pass():
    with recording() as e:
        w = torch.tensor(2.0, requires_grad=True)
        y = w * 3 + 1
    one = only(e)
    assert one["backward"] == []
    assert data(one, "y") == y.item() == 7


def test_a_recording_knows_in_place_operations():
    with recording() as e:
        w = torch.tensor([1.0, -2.0], requires_grad=True)
        h = w * 3
        h.relu_()
        loss = h.sum()
        loss.backward()
    one = only(e)
    assert landed(one) == {"w": [3, 0]}
    assert [step["numbers"] for step in one["steps"]][:2] == ["1 * 3", "maximum(3, 0)"]


def test_an_optimizer_between_passes():
    with recording() as e:
        torch.manual_seed(0)
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            loss = model(torch.ones(1, 2)).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    changes = [(each["kind"], each["name"]) for each in e.passes[1]["between"]]
    assert changes == [("updated", "model.weight"), ("zeroed", "model.weight"), ("updated", "model.bias"), ("zeroed", "model.bias")]


# ---- Trouble

def kinds(e: Explanation) -> list[tuple[str, str]]:
    return [(each["kind"], each["where"]) for each in only(e)["problems"]]


def test_where_nan_begins():
    a = torch.tensor([-1.0, 4.0], requires_grad=True)
    loss = (a.sqrt() * 2).sum()
    e = explain(loss)
    assert kinds(e) == [("nan", "forward"), ("nan", "backward")]
    assert "NaN begins here: t1 = a.sqrt()" in str(e)
    json.dumps(e.to_dict(), allow_nan=False)
    assert data(only(e), "t1") == ["nan", 2]


def test_where_infinity_begins():
    a = torch.tensor([0.0, 4.0], requires_grad=True)
    e = explain((a.sqrt() * 2).sum())
    assert kinds(e) == [("infinite", "backward")]


def test_where_gradients_stop_and_vanish():
    x = torch.tensor([-3.0, -1.0], requires_grad=True)
    assert kinds(explain((torch.relu(x) * 2).sum())) == [("zero", "backward")]
    x = torch.tensor(40.0, requires_grad=True)
    assert ("vanishing", "backward") in kinds(explain(torch.sigmoid(-x)))
    x = torch.tensor(1e-3, requires_grad=True)
    assert kinds(explain(1 / x)) == [("exploding", "backward")]
    x = torch.tensor(1.0, requires_grad=True)
    assert kinds(explain(x * 2)) == []


# ---- Large graphs

def test_ten_thousand_steps():
    x = w = torch.tensor(1.0, requires_grad=True)
    for _ in range(10_000):
        x = x * 1.0001
    e = explain(x)
    assert len(only(e)["steps"]) == len(only(e)["backward"]) == 10_000
    assert landed(only(e))["w"] == pytest.approx(w.item() * 1.0001 ** 10_000, rel=1e-3)
    assert len(str(e).splitlines()) < 10_000


# ---- The page

def test_the_page_stands_alone():
    text = house()[0].html()
    assert len(text.encode()) < 300_000
    for outside in ("http:", "https:", "src=", "url(", "import ", "fetch(", "@import"):
        assert outside not in text.replace("http://www.w3.org/2000/svg", "").replace("url(#arrow", ""), outside
    assert text.count("</script>") == 2
    assert "<noscript>" in text


def test_what_the_program_says_cannot_leave_the_data():
    names = {"</script><b>": torch.tensor(2.0, requires_grad=True)}
    text = explain(names["</script><b>"] * 2, names=names).html()
    assert text.count("</script>") == 2
    assert "<b>" not in text


def test_the_page_is_saved_and_shown_in_a_notebook(tmp_path):
    e = house()[0]
    e.save(tmp_path / "graph.html")
    assert (tmp_path / "graph.html").read_text(encoding="utf-8") == e.html()
    e.save(tmp_path / "zh.html", lang="zh")
    assert '<html lang="zh-CN">' in (tmp_path / "zh.html").read_text(encoding="utf-8")
    assert e._repr_html_().startswith("<iframe srcdoc=")


def test_both_languages_say_the_same():
    for key, (english, chinese) in WORDS.items():
        assert sorted(re.findall(r"{(\w+)}", english)) == sorted(re.findall(r"{(\w+)}", chinese)), key
        assert english
        assert chinese


def test_the_words_that_the_page_asks_for_are_there():
    from tinygrad_c.explain.page import BODY, SCRIPTS, asset
    asked = set(re.findall(r'\bsay\("([\w ]+)"', "".join(map(asset, SCRIPTS)))) | set(
        re.findall(r'data-(?:say|label|title)="([\w ]+)"', BODY))
    assert len(asked) > 30
    assert asked <= set(WORDS)
