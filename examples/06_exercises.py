"""Four exercises on the house price net: two hidden units, ReLU instead of sigmoid, a training loop, the learning rate."""
from __future__ import annotations

from itertools import pairwise
from math import isfinite
from pathlib import Path

from pictures import out_folder, save_panels

import tinygrad_c as torch
import tinygrad_c.nn as nn

X, TARGET = 3.0, 2.5


def two_units() -> dict:
    """Exercise 1: w1 and b1 of shape (2,), z1 = w1 x + b1, prediction = w2 . a1 + b2, by hand and by backward()."""
    w1 = torch.tensor([2.0, -0.5], requires_grad=True)
    b1 = torch.tensor([-1.0, 0.5], requires_grad=True)
    w2 = torch.tensor([1.5, 1.0], requires_grad=True)
    b2 = torch.tensor(0.5, requires_grad=True)

    a1 = torch.sigmoid(w1 * X + b1)
    prediction = (w2 * a1).sum() + b2
    loss = (prediction - TARGET) ** 2
    loss.backward()

    with torch.no_grad():                         # the chain rule of one unit, applied to vectors
        dpred = 2 * (prediction - TARGET)
        dz1 = dpred * w2 * a1 * (1 - a1)
        by_hand = {"w1": dz1 * X, "b1": dz1, "w2": dpred * a1, "b2": dpred}
    recorded = {"w1": w1.grad, "b1": b1.grad, "w2": w2.grad, "b2": b2.grad}
    return {"prediction": prediction.item(), "loss": loss.item(),
            "by_hand": {name: value.tolist() for name, value in by_hand.items()},
            "recorded": {name: value.tolist() for name, value in recorded.items()}}


def train_house(activation, lr: float, steps: int) -> dict:
    """Exercise 2: the house price net with another activation. Returns the loss before each step, and the final values."""
    w1, b1, w2, b2 = (torch.tensor(value, requires_grad=True) for value in (2.0, -1.0, 1.5, 0.5))
    losses = []
    for _ in range(steps):
        a1 = activation(w1 * X + b1)
        prediction = w2 * a1 + b2
        loss = (prediction - TARGET) ** 2
        losses.append(loss.item())
        loss.backward()
        with torch.no_grad():
            for parameter in (w1, b1, w2, b2):
                parameter -= lr * parameter.grad
                parameter.grad = None
    return {"losses": losses, "prediction": prediction.item(), "a1": a1.item(), "w1": w1.item(), "b1": b1.item()}


def relu(z):
    """max(0, z), with derivative 1 where z > 0, else 0."""
    return torch.where(z > 0, z, 0.0)


def make_data():
    """x from 0 to 1 and y = 2x + 1 with noise of 0.1, both of shape (100, 1)."""
    x = torch.linspace(0, 1, 100).unsqueeze(1)
    return x, 2 * x + 1 + 0.1 * torch.randn_like(x)


def small_net():
    """Linear(1, 2), Tanh, Linear(2, 1) with fixed weights, so that runs differ only in the learning rate."""
    net = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1))
    with torch.no_grad():
        net[0].weight[:] = torch.tensor([[1.0], [-0.5]])
        net[0].bias[:] = torch.tensor([0.0, 0.5])
        net[2].weight[:] = torch.tensor([[0.5, -0.5]])
        net[2].bias.zero_()
    return net


def train(net, x, y, lr: float, epochs: int, every: int = 0) -> list[float]:
    """Exercise 3: the training loop. Returns the loss of each epoch, and prints it every `every` epochs."""
    loss_fn = nn.MSELoss()
    losses = []
    for epoch in range(epochs):
        loss = loss_fn(net(x), y)
        losses.append(loss.item())
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= lr * parameter.grad
        if every and epoch % every == 0:
            print(f"  epoch {epoch:3}: loss {losses[-1]:.5f}")
    return losses


def rounded(value: float | list[float]) -> float | list[float]:
    return [rounded(v) for v in value] if isinstance(value, list) else round(value, 6)


def verdict(losses: list[float]) -> str:
    """A description of a loss curve."""
    if not isfinite(losses[-1]) or losses[-1] > losses[0]:
        return "diverges"
    rises = sum(later > earlier for earlier, later in pairwise(losses))
    return f"ends at {losses[-1]:.4f}, increased {rises} times"


def main(out: Path = Path(".")) -> dict:
    # prediction 2.258902, loss 0.058128; dw1 [-0.014425, -0.284416], db1 [-0.004808, -0.094805],
    # dw2 [-0.478969, -0.129682], db2 -0.482196
    units = two_units()
    print(f"1. two units: prediction {units['prediction']:.6f}, loss {units['loss']:.6f}")
    for name, value in units["recorded"].items():
        print(f"   d{name} {rounded(value)}, by hand {rounded(units['by_hand'][name])}")

    # At z1 = 5 ReLU gives 5, but the sigmoid gives 0.993: the prediction is 8, the loss 30.25, dw1 49.5, db1 16.5.
    # At lr = 0.1 this step moves w1 to -2.95 and b1 to -2.65. Then z1 < 0 and a1 = 0, so the unit is dead: w1 and b1 get no
    # gradient any more, and only b2 fits the target. At lr = 0.01 the unit stays active and the loss goes to 0.
    houses = {"sigmoid, lr 0.1": train_house(torch.sigmoid, 0.1, 50), "relu, lr 0.1": train_house(relu, 0.1, 50),
              "relu, lr 0.01": train_house(relu, 0.01, 50)}
    for name, run in houses.items():
        print(f"2. {name}: first losses {', '.join(f'{v:.4f}' for v in run['losses'][:3])}; after 50 steps "
              f"a1 {run['a1']:.4f}, w1 {run['w1']:.4f}, prediction {run['prediction']:.4f}")

    torch.manual_seed(0)
    x, y = make_data()
    print("3. a training loop at lr 0.1")              # decreases in every epoch, toward the noise: 0.1^2 = 0.01
    loop = train(small_net(), x, y, lr=0.1, epochs=300, every=50)

    # 0.01 is slow, 0.1 converges, 0.5 oscillates around the minimum, 1.0 diverges.
    rates = {lr: train(small_net(), x, y, lr, epochs=200) for lr in (0.01, 0.1, 0.5, 1.0)}
    for lr, losses in rates.items():
        print(f"4. lr {lr}: {verdict(losses)}")

    save_panels(
        out / "06_exercises.png",
        {"title": "activations", "xlabel": "step", "ylabel": "loss", "log": True,
         "lines": {name: (range(50), run["losses"]) for name, run in houses.items()}},
        {"title": "learning rates", "xlabel": "epoch", "ylabel": "loss", "log": True,
         "lines": {f"lr = {lr}": (range(30), losses[:30]) for lr, losses in rates.items()}})
    return {"units": units, "houses": houses, "loop": loop, "rates": rates}


if __name__ == "__main__":
    main(out_folder(__doc__))
