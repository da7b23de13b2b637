"""One training that is looked at: the net, its optimizer, and what the page shows of them."""
from __future__ import annotations

from typing import Any

from tinygrad_c import linspace, manual_seed, meshgrid, nn, no_grad, optim, softmax, stack
from tinygrad_c.explain.explanation import explain
from tinygrad_c.explain.numbers import nested, picture, plain
from tinygrad_c.play.data import Problem, ends

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "leaky_relu": nn.LeakyReLU}
OPTIMIZERS = {"sgd": optim.SGD, "adam": optim.Adam}
WIDEST, DEEPEST, MOST_STEPS = 128, 6, 500
GRID, CURVE = 40, 120           # cells of the plane in each direction; points of the curve
EXPLAINED = 8                   # rows that a step is explained on


class Refused(ValueError):
    """A setting that cannot be; `what` is its name, by which the page has the sentence in the reader's language."""

    def __init__(self, why: str, what: str = "") -> None:
        super().__init__(why)
        self.what = what


class Session:
    """The settings are checked here: the page is not trusted."""

    def __init__(self, problem: Problem, settings: dict[str, Any] | None = None) -> None:
        self.problem = problem
        self.setup(settings or {})

    def setup(self, settings: dict[str, Any]) -> None:
        """A new net with these settings: hidden, activation, optimizer, lr, seed."""
        hidden = settings.get("hidden", [8, 8])
        if not isinstance(hidden, list) or len(hidden) > DEEPEST or not all(
                type(width) is int and 1 <= width <= WIDEST for width in hidden):
            raise Refused(f"hidden is a list of at most {DEEPEST} widths from 1 to {WIDEST}", "hidden")
        self.hidden = hidden
        self.activation = chosen(settings, "activation", ACTIVATIONS, "tanh")
        self.optimizer_name = chosen(settings, "optimizer", OPTIMIZERS, "adam")
        self.seed = settings.get("seed", 0)
        if type(self.seed) is not int or not 0 <= self.seed < 2**31:
            raise Refused("seed is a whole number from 0", "seed")
        manual_seed(self.seed)
        widths = [self.problem.inputs.shape[1], *hidden, self.problem.classes or 1]
        layers: list[Any] = []
        for i in range(len(widths) - 1):
            layers.append(nn.Linear(widths[i], widths[i + 1]))
            if i < len(widths) - 2:
                layers.append(ACTIVATIONS[self.activation]())
        self.model = nn.Sequential(*layers)
        self.loss_fn = nn.CrossEntropyLoss() if self.problem.classes else nn.MSELoss()
        self.lr = 0.01
        self.optimizer: Any = OPTIMIZERS[self.optimizer_name](self.model.parameters(), lr=0.01)
        self.set_lr(settings.get("lr", 0.03))
        self.step_number, self.losses = 0, []

    def set_lr(self, lr: Any) -> None:
        """The learning rate, for all parameters, from now on."""
        if isinstance(lr, bool) or not isinstance(lr, (int, float)) or not 0 < lr <= 100:
            raise Refused("the learning rate is a number above 0, at most 100", "lr")
        self.lr = float(lr)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr

    def train(self, steps: Any) -> None:
        """Steps on all rows."""
        if type(steps) is not int or not 1 <= steps <= MOST_STEPS:
            raise Refused(f"steps is a whole number from 1 to {MOST_STEPS}")
        for _ in range(steps):
            loss = self.loss_fn(self.model(self.problem.inputs), self.problem.targets)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step_number += 1
            self.losses.append(loss.item())

    def explain(self, lang: str) -> str:
        """The page of explain for the forward and the backward pass of the next step, on a few rows."""
        model, loss_fn = self.model, self.loss_fn
        x, y = self.problem.inputs[:EXPLAINED], self.problem.targets[:EXPLAINED]
        loss = loss_fn(model(x), y)
        return explain(loss, names={"model": model, "x": x, "y": y, "loss": loss}).html(lang)

    # ---- What the page shows

    def state(self) -> dict[str, Any]:
        """Everything that changes: the loss, the boundary or the curve, weights and gradients of each layer."""
        with no_grad():
            outputs = self.model(self.problem.inputs)
            out: dict[str, Any] = {
                "step": self.step_number, "loss": plain(self.loss_fn(outputs, self.problem.targets).item()), "lr": self.lr,
                "losses": thinned(self.losses), "layers": self.layers(), "program": self.program()}
            if self.problem.classes:
                right = (outputs.argmax(1) == self.problem.targets).float().mean().item()
                out["accuracy"] = right
                out["plane"] = self.plane()
            else:
                out["curve"] = self.curve()
        return out

    def fixed(self) -> dict[str, Any]:
        """What stays: the data."""
        problem, n = self.problem, min(len(self.problem.inputs), 600)
        every = max(1, len(problem.inputs) // n)
        return {"name": problem.name, "classes": problem.classes, "axes": list(problem.axes),
                "class_names": list(problem.class_names),
                "scales": [list(each) for each in problem.scales],
                "ends": [list(each) for each in self.ends()],
                "points": nested(problem.inputs[::every].tolist()), "targets": problem.targets[::every].reshape(-1).tolist(),
                "hidden": self.hidden, "activation": self.activation, "optimizer": self.optimizer_name, "seed": self.seed}

    def ends(self) -> list[tuple[float, float]]:
        inputs = self.problem.inputs
        found = [ends(inputs[:, i]) for i in range(inputs.shape[1])]
        return found if self.problem.classes else [*found, ends(self.problem.targets)]

    def plane(self) -> list[list[Any]]:
        """The most likely class at each place and how sure the net is of it: class + probability, from the top row down."""
        limits = self.ends()
        if len(limits) == 1:
            limits = [*limits, (-1.0, 1.0)]
        first, second = (linspace(low, high, GRID) for low, high in limits)
        rows, columns = meshgrid(second.flip(0), first, indexing="ij")
        places = stack([columns.reshape(-1), rows.reshape(-1)], 1)[:, :self.problem.inputs.shape[1]]
        sure = softmax(self.model(places), 1)
        best = sure.argmax(1)
        top = sure.max(1)[0].clamp(0, 0.999)
        return nested([[float(f"{x:.4g}") for x in row] for row in (best + top).reshape(GRID, GRID).tolist()])

    def curve(self) -> list[list[Any]]:
        """(x, prediction) along the axis."""
        x = linspace(*self.ends()[0], CURVE).reshape(CURVE, 1)
        return nested([[a, b] for a, b in zip(x.reshape(-1).tolist(), self.model(x).reshape(-1).tolist())])

    def layers(self) -> list[dict[str, Any]]:
        found = []
        for name, parameter in self.model.named_parameters():
            value, gradient = parameter.detach(), parameter.grad
            found.append({"name": name, "shape": list(value.shape), "value": picture(value),
                          "gradient": None if gradient is None else picture(gradient.detach()),
                          "largest": plain(value.abs().max().item()),
                          "slope": None if gradient is None else plain(gradient.abs().max().item())})
        return found

    def program(self) -> str:
        """A program in PyTorch's words that does the same."""
        widths = [self.problem.inputs.shape[1], *self.hidden, self.problem.classes or 1]
        act = ACTIVATIONS[self.activation].__name__
        lines = []
        for i in range(len(widths) - 1):
            lines.append(f"    nn.Linear({widths[i]}, {widths[i + 1]}),")
            if i < len(widths) - 2:
                lines.append(f"    nn.{act}(),")
        name = OPTIMIZERS[self.optimizer_name].__name__
        return "\n".join([
            "import tinygrad_c as torch        # or: import torch", "from tinygrad_c import nn", "", self.problem.code, "",
            f"torch.manual_seed({self.seed})", "model = nn.Sequential(", *lines, ")",
            f"loss_fn = nn.{type(self.loss_fn).__name__}()",
            f"optimizer = torch.optim.{name}(model.parameters(), lr={self.lr:g})",
            f"for step in range({max(self.step_number, 200)}):", "    loss = loss_fn(model(X), y)", "    optimizer.zero_grad()",
            "    loss.backward()", "    optimizer.step()", "print(loss.item())", ""])


def chosen(settings: dict[str, Any], key: str, among: dict[str, Any], default: str) -> str:
    value = settings.get(key, default)
    if not isinstance(value, str) or value not in among:
        raise Refused(f"{key} is one of {', '.join(among)}")
    return value


def thinned(losses: list[float], most: int = 300) -> list[list[Any]]:
    """(step, loss) at no more than `most` steps, the last among them."""
    every = max(1, -(-len(losses) // most))
    found = [[i + 1, plain(losses[i])] for i in range(0, len(losses), every)]
    return found if not losses or found[-1][0] == len(losses) else [*found, [len(losses), plain(losses[-1])]]
