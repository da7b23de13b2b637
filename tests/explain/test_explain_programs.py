"""explain on programs as learners write them: functions, in-place operations, Functions of their own, losses of several parts."""
from __future__ import annotations

import sys

import pytest

import tinygrad_c as torch
from tinygrad_c import nn
from tinygrad_c.explain import explain, recording
from tinygrad_c.utils.checkpoint import checkpoint


def formulas(e) -> list[str]:
    """name = formula, step by step."""
    one, = e.passes
    return [f"{one['values'][step['output']]['name']} = {step['formula']}" for step in one["steps"]]


def given(e, output: str) -> dict[str, str]:
    """By the input's name: the formula of the gradient that the step of `output` gives to it."""
    one, = e.passes
    values = one["values"]
    back = next(each for each in one["backward"] if values[one["steps"][each["step"]]["output"]]["name"] == output)
    return {values[give["to"]]["name"]: give["formula"] for give in back["gives"]}


def test_constants_inside_functions_have_their_names():
    def forward(x, w, b):
        h = x @ w
        return h + b

    def loss_of(p, y):
        return ((p - y) ** 2).mean()

    data, target = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0], [0.0]])
    w, b = torch.tensor([[0.5], [-0.5]], requires_grad=True), torch.zeros(1, requires_grad=True)
    pred = forward(data, w, b)
    loss = loss_of(pred, target)
    e = explain(loss)
    assert formulas(e) == ["t1 = data @ w", "pred = t1 + b", "t2 = pred - target", "t3 = t2 * t2", "loss = t3.mean()"]
    assert e.passes[0]["steps"][-1]["numbers"] == "(2.25 + 0.25) / 2"


def test_in_place_operations_are_on_their_own_lines():
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = w * 2
    y += 1
    y.mul_(2)
    z = torch.zeros(3)
    z[1] = y[0] * 5
    loss = z.sum() + y.sum()
    e = explain(loss)
    one, = e.passes
    assert formulas(e)[:3] == ["y = w * 2", "y#2 = y + 1", "y#3 = y#2 * 2"]
    assert "z = z[1] = t3" in formulas(e)
    texts = [one["lines"][step["line"]]["text"] for step in one["steps"]]
    assert texts[:4] == ["y = w * 2", "y += 1", "y.mul_(2)", "z[1] = y[0] * 5"]
    assert given(e, "z") == {"t3": "g[1]"}


def test_functions_of_ones_own_are_told_in_their_own_words():
    class Clip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x.clamp(-1, 1) * w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g * w * (x.abs() < 1), (g * x.clamp(-1, 1)).sum()

    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            return a * 2 + b * 3

    x, w = torch.tensor([0.5, 2.0], requires_grad=True), torch.tensor(3.0, requires_grad=True)
    y = Clip.apply(x, w)
    a, b = Two.apply(y)
    loss = (a * b).sum()
    e = explain(loss)
    assert formulas(e)[:3] == ["y = x.clamp(-1, 1) * w", "a = x * 2", "b = x * 3"]
    assert e.passes[0]["steps"][0]["call"] == "Clip(x, w)"
    assert given(e, "y") == {"x": "g * w * (x.abs() < 1)", "w": "(g * x.clamp(-1, 1)).sum()"}
    assert given(e, "a") == {"y": "a * 2 + b * 3"}      # for both outputs, once
    assert given(e, "b") == {}
    assert "takes the gradients of all its outputs at once: see a" in str(e)
    loss.backward()
    assert e.passes[0]["leaves"][0]["total"]["data"] == x.grad.tolist()


def test_a_composed_function_does_not_give_away_its_arguments_names():
    """nll_loss ends with a division: its operands are not nll_loss's arguments."""
    scores, labels = torch.tensor([[1.0, 2.0], [0.0, 1.0]], requires_grad=True), torch.tensor([0, 1])
    out = torch.log_softmax(scores, 1)
    loss = nn.functional.nll_loss(out, labels)
    e = explain(loss)
    assert formulas(e)[0] == "out = log_softmax(scores, 1)"
    assert not any("labels" in text for text in formulas(e))
    names = [value["name"] for value in e.passes[0]["values"]]
    assert names.count("out") == 1
    assert "out#2" not in names


def test_checkpoints_graphs_of_gradients_and_several_passes():
    layer, x = nn.Linear(2, 2), torch.ones(1, 2, requires_grad=True)
    y = checkpoint(lambda v: torch.relu(layer(v)), x, use_reentrant=False)
    assert "y = function(x)" in formulas(explain(y.sum()))
    v = torch.tensor(2.0, requires_grad=True)
    slope, = torch.autograd.grad(v ** 3, v, create_graph=True)
    penalty = (slope - 1) ** 2
    assert explain(penalty).passes[0]["leaves"][0]["total"]["data"] == 2 * 11 * 6 * 2
    cube = v ** 3
    cube.backward(retain_graph=True)
    assert [explain(cube).passes[0]["leaves"][0][key]["data"] for key in ("before", "total", "after")] == [12, 12, 24]


def test_what_stands_between_the_layers_of_a_module_is_of_the_module():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.pool, self.fc = nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Linear(8, 3)

        def forward(self, x):
            return self.fc(self.pool(torch.relu(self.conv(x))).flatten(1))

    net, x, labels = Net(), torch.rand(2, 1, 6, 6), torch.tensor([0, 2])
    loss = nn.functional.cross_entropy(torch.tanh(net(x)), labels)
    one, = explain(loss).passes
    assert [step["module"] for step in one["steps"]] == ["net.conv", "net", "net", "net", "net.fc", None, None]
    layer, h = nn.Linear(3, 3), torch.zeros(1, 3)
    for _ in range(2):
        h = torch.tanh(layer(h))
    assert [step["module"] for step in explain(h.sum()).passes[0]["steps"]] == ["layer", None, "layer", None, None]


def test_cells_of_a_notebook_are_one_program():
    """A name may have been assigned in any cell that has run; magics are not Python."""
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    for cell in ("import tinygrad_c as torch\n%time None", "w = torch.tensor(2.0, requires_grad=True)\nx = torch.tensor(3.0)",
                 "y = w * x\nloss = (y - 8) ** 2", "1 +", "e = torch.explain(loss)"):
        shell.run_cell(cell, store_history=True, silent=False)
    one, = shell.user_ns["e"].passes
    assert [(each["file"], each["line"], each["text"]) for each in one["lines"]] == [
        ("cell 3", 1, "y = w * x"), ("cell 3", 2, "loss = (y - 8) ** 2")]
    assert "cell 3, line 1:  y = w * x" in str(shell.user_ns["e"])


def test_two_losses_and_a_detached_part():
    torch.manual_seed(0)
    G, D = nn.Linear(1, 2), nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    z, bce = torch.randn(3, 1), nn.BCELoss()
    with recording() as e:
        fake = G(z)
        bce(D(fake.detach()), torch.zeros(3, 1)).backward()
        bce(D(fake), torch.ones(3, 1)).backward()
    first, second = ({one["values"][leaf["value"]]["name"]: leaf for leaf in one["leaves"]} for one in e.passes)
    assert set(first) == {"D.0.weight", "D.0.bias"}
    assert set(second) == {"D.0.weight", "D.0.bias", "G.weight", "G.bias"}
    assert second["D.0.bias"]["after"]["data"] == pytest.approx(D[0].bias.grad.tolist())
    assert second["D.0.bias"]["before"]["data"] == first["D.0.bias"]["after"]["data"]


def test_a_compiled_step_and_a_block_in_which_nothing_happens():
    model, x = nn.Linear(2, 1), torch.ones(4, 2)

    @torch.compile
    def step(x):
        model.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    for _ in range(4):
        step(x)
    with recording() as e:
        step(x)
    assert [one["values"][one["result"]]["name"] for one in e.passes] == ["loss"]
    with recording() as nothing:
        torch.ones(2) + 1
    assert "nothing was recorded" in str(nothing)
    assert "没有记录到" in nothing.text("zh")


def test_a_variable_called_g_is_not_taken_for_the_gradient():
    x = torch.tensor(2.0, requires_grad=True)
    g = x * 3
    e = explain(g * g)
    assert given(e, "t1") == {"g#2": "g * g#2"}


def test_constants_written_in_place():
    """A copy of a constant was shown as a copy of what it overwrites: `t2 = t1`, the value 10 for 5, dL/dt1 = g for 0."""
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def program():
        c = a * 10
        c[0] = 5.0
        return (c * c).sum()

    for text in (str(explain(program())), recorded(program)):
        assert ".copy_(...)" in text
        assert "= 0 * g  =  0 * 10  =  0" in text
        assert "float32[3]  =  [5, 20, 30]" in text
        assert "10  =  5" not in text
    if sys.version_info >= (3, 11):         # 3.10 does not tell the column of an operation
        assert "t2 = t1.copy_(...)   float32  =  5" in recorded(program)
    d = a * 10
    d.zero_()
    d.mul_(a)
    text = str(explain(d.sum()))
    assert "at [0]: 10 = 0" not in text
    e = torch.zeros(3)
    e.copy_(a)
    assert "= a   float32[3]  =  [1, 2, 3]" in str(explain(e.sum()))


def recorded(program):
    with recording() as e:
        program().backward()
    return str(e)
