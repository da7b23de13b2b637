"""Meta-learning (MAML: Finn, Abbeel, Levine 2017, arXiv 1703.03400): initial weights from which one step fits a sine wave.

    a task:   y = amplitude sin(x + phase), seen at ten points
    inner:    w' = w - 0.02 d loss(w)/dw                  on ten points of the task
    outer:    the loss of w' on ten other points, differentiated with respect to w: through the step and its gradient
"""
from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
from pictures import out_folder, save_panels

import tinygrad_c as torch
import tinygrad_c.optim as optim

STEPS, TASKS, POINTS, WIDTH, INNER_LR = 1500, 4, 10, 32, 0.02


def make_weights(rng) -> list:
    sizes = [1, WIDTH, WIDTH, 1]
    weights = []
    for fan_in, fan_out in pairwise(sizes):
        weights += [torch.tensor(rng.normal(0, 1 / math.sqrt(fan_in), (fan_out, fan_in)), requires_grad=True),
                    torch.zeros(fan_out, dtype=torch.float64, requires_grad=True)]
    return weights


def net(weights: list, x):
    for matrix, bias in zip(weights[:-2:2], weights[1:-2:2]):
        x = torch.nn.functional.linear(x, matrix, bias).relu()
    return torch.nn.functional.linear(x, weights[-2], weights[-1])


def loss_of(weights: list, x, y):
    return torch.nn.functional.mse_loss(net(weights, x), y)


def adapted(weights: list, x, y, create_graph: bool = True) -> list:
    """The weights after one step of gradient descent on (x, y), as functions of the initial weights."""
    gradients = torch.autograd.grad(loss_of(weights, x, y), weights, create_graph=create_graph)
    return [w - INNER_LR * g for w, g in zip(weights, gradients)]


def task(rng):
    """(x, y) for the inner step and (x, y) for the outer loss."""
    amplitude, phase = rng.uniform(0.1, 5.0), rng.uniform(0, math.pi)
    x = rng.uniform(-5, 5, (2, POINTS, 1))
    y = amplitude * np.sin(x + phase)
    return torch.tensor(x[0]), torch.tensor(y[0]), torch.tensor(x[1]), torch.tensor(y[1])


def curves(weights: list, wave: tuple) -> dict:
    """A wave's ten training and ten test points, and the net's prediction before and after one step."""
    x, y, x_test, y_test = wave
    grid = torch.linspace(-5, 5, 101, dtype=torch.float64).unsqueeze(1)
    after = adapted(weights, x, y, False)
    with torch.no_grad():
        predicted = {"before the step": net(weights, grid), "after the step": net(after, grid)}
    flat = lambda tensor: tensor.flatten().tolist()
    return {"training": (flat(x), flat(y)), "test": (flat(x_test), flat(y_test)),
            **{name: (flat(grid), flat(line)) for name, line in predicted.items()}}


def main(steps: int = STEPS) -> dict:
    rng = np.random.default_rng(0)
    weights = make_weights(rng)
    optimizer = optim.Adam(weights, lr=0.003)
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        total = 0.0
        for _ in range(TASKS):
            x, y, x_test, y_test = task(rng)
            loss = loss_of(adapted(weights, x, y), x_test, y_test) / TASKS
            loss.backward()
            total += loss.item()
        optimizer.step()
        losses.append(total)
        if step % 300 == 0 or step == steps - 1:
            print(f"step {step:3d}   loss after one step on a new task {total:.4f}")
    tried = [task(rng) for _ in range(50)]
    before = sum(loss_of(weights, x, y).item() for _, _, x, y in tried) / len(tried)
    after = sum(loss_of(adapted(weights, a, b, False), x, y).item() for a, b, x, y in tried) / len(tried)
    print(f"50 new waves: {before:.4f} before the step, {after:.4f} after it")
    return {"losses": losses, "before": before, "after": after, "waves": [curves(weights, each) for each in tried[:2]]}


def draw(found: dict, out: Path) -> None:
    """Two new waves: their points, and the net's prediction before and after one step."""
    save_panels(out / "16_maml_sine_waves.png", *[{
        "title": f"new wave {i + 1}", "xlabel": "x", "ylabel": "y", "lines": {
            "before the step": wave["before the step"], "after the step": wave["after the step"],
            "training points": (*wave["training"], "o"), "test points": (*wave["test"], "x")}}
        for i, wave in enumerate(found["waves"])])


if __name__ == "__main__":
    folder = out_folder(__doc__)
    draw(main(), folder)
