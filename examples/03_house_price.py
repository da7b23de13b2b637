"""A house price from its area with one hidden unit: the chain rule by hand, then the same gradients from backward().

    z1 = w1 x + b1,  a1 = sigmoid(z1),  prediction = w2 a1 + b2,  loss = (target - prediction)^2
"""
from __future__ import annotations

from math import exp

import tinygrad_c as torch

X, TARGET, LR = 3.0, 2.5, 0.1
START = {"w1": 2.0, "b1": -1.0, "w2": 1.5, "b2": 0.5}


def sigmoid(z: float) -> float:
    return 1 / (1 + exp(-z))


def forward(w1: float, b1: float, w2: float, b2: float) -> dict[str, float]:
    """All intermediate values, in plain Python."""
    z1 = w1 * X + b1
    a1 = sigmoid(z1)
    prediction = w2 * a1 + b2
    return {"z1": z1, "a1": a1, "prediction": prediction, "loss": (TARGET - prediction) ** 2}


def backward(values: dict[str, float], w2: float) -> dict[str, float]:
    """All derivatives of the loss, from the loss back to w1. Each is the previous one times one local derivative."""
    dpred = -2 * (TARGET - values["prediction"])
    da1 = dpred * w2
    slope = values["a1"] * (1 - values["a1"])     # the sigmoid's derivative at z1: small at 5, so w1 and b1 learn slowly
    return {"dpred": dpred, "dw2": dpred * values["a1"], "db2": dpred, "da1": da1, "slope": slope,
            "dw1": da1 * slope * X, "db1": da1 * slope}


def recorded() -> tuple[float, dict[str, float]]:
    """The loss and the four parameters' gradients, from the recorded computation."""
    w1, b1, w2, b2 = (torch.tensor(value, requires_grad=True) for value in START.values())
    prediction = w2 * torch.sigmoid(w1 * X + b1) + b2
    loss = (TARGET - prediction) ** 2
    loss.backward()
    return loss.item(), {"dw1": w1.grad.item(), "db1": b1.grad.item(), "dw2": w2.grad.item(), "db2": b2.grad.item()}


def show(title: str, values: dict[str, float]) -> None:
    print(title + ": " + ", ".join(f"{name} {value:.6f}" for name, value in values.items()))


def main() -> dict:
    before = forward(**START)                     # z1 5, a1 0.993307, prediction 1.989961, loss 0.260140
    show("forward", before)
    # dpred -1.020079, dw2 -1.013251, db2 -1.020079, da1 -1.530118, slope 0.006648, dw1 -0.030517, db1 -0.010172
    by_hand = backward(before, START["w2"])
    show("backward, by hand", by_hand)
    loss, by_record = recorded()                  # the same to float32's seven digits
    show("backward(), recorded", by_record)

    # A negative gradient means that the loss decreases as the parameter increases, so the step increases it:
    # w1 2.003052, b1 -0.998983, w2 1.601325, b2 0.602008
    moved = {name: value - LR * by_hand["d" + name] for name, value in START.items()}
    show("after one step", moved)
    after = forward(**moved)                      # prediction 2.192723, loss 0.094419
    change = after["loss"] - before["loss"]       # -0.165721
    print(f"prediction {after['prediction']:.6f}, loss {after['loss']:.6f}, change {change:.6f}")
    return {"before": before, "by_hand": by_hand, "loss": loss, "recorded": by_record, "moved": moved, "after": after,
            "change": change}


if __name__ == "__main__":
    main()
