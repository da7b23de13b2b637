"""A line through 100 noisy points of y = 2x + 1, three ways: gradients by hand, by backward(), and with Adam.

    loss = mean((w x + b - y)^2),  dloss/dw = mean(2 (w x + b - y) x),  dloss/db = mean(2 (w x + b - y))
"""
from __future__ import annotations

from pathlib import Path

from pictures import out_folder, save_panels

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.optim as optim

TRUE_W, TRUE_B, LR = 2.0, 1.0, 0.1


def make_data():
    """x from 0 to 1 and y = 2x + 1 with noise of 0.1, both of shape (100, 1)."""
    x = torch.linspace(0, 1, 100).unsqueeze(1)
    return x, TRUE_W * x + TRUE_B + 0.1 * torch.randn_like(x)


def start():
    """Linear(1, 1) with w = b = 0, so that all three ways have the same start."""
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    return model


def fit_by_hand(model, x, y, epochs: int) -> list[float]:
    losses = []
    for _ in range(epochs):
        with torch.no_grad():                     # not recorded: the gradients are the formulas below
            prediction = model(x)
            losses.append(((prediction - y) ** 2).mean().item())
            grad_prediction = 2 * (prediction - y) / y.size(0)
            grad_w = (grad_prediction * x).sum()
            grad_b = grad_prediction.sum()
            model.weight -= LR * grad_w
            model.bias -= LR * grad_b
    return losses


def fit_by_backward(model, x, y, epochs: int) -> list[float]:
    loss_fn = nn.MSELoss()
    losses = []
    for _ in range(epochs):
        loss = loss_fn(model(x), y)
        losses.append(loss.item())
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= LR * parameter.grad
    return losses


def fit_by_adam(model, x, y, epochs: int) -> list[float]:
    loss_fn = nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=LR)
    losses = []
    for _ in range(epochs):
        loss = loss_fn(model(x), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


WAYS = {"by hand": fit_by_hand, "backward()": fit_by_backward, "Adam": fit_by_adam}


def least_squares(x, y) -> tuple[float, float]:
    """The optimal w and b: w = cov(x, y) / var(x), b = mean(y) - w mean(x)."""
    dx = x - x.mean()
    w = ((dx * y).sum() / (dx * dx).sum()).item()
    return w, y.mean().item() - w * x.mean().item()


def main(out: Path = Path(".")) -> dict:
    torch.manual_seed(0)
    x, y = make_data()
    best = least_squares(x, y)
    print(f"true w {TRUE_W}, b {TRUE_B}; least squares on these points w {best[0]:.4f}, b {best[1]:.4f}")

    # Why w is still wrong after 50 epochs: the loss has two curvatures, 2.54 and 0.13, the eigenvalues of
    # 2 [[1/3, 1/2], [1/2, 1]]. A step multiplies the error by 1 - 0.254 along the first direction, but by 1 - 0.013 along the
    # second: there, half of the error remains after 52 steps, 1/50 after 300. Adam, which scales the step of each parameter,
    # is only a little closer after 50 steps (w 1.52 instead of 1.43), but has converged after 300.
    fits = {}
    for epochs in (50, 300):
        for way, fit in WAYS.items():
            model = start()
            losses = fit(model, x, y, epochs)
            fits[way, epochs] = {"w": model.weight.item(), "b": model.bias.item(), "losses": losses}
            print(f"{epochs:3} epochs, {way:10}: w {model.weight.item():.4f}, b {model.bias.item():.4f}, loss {losses[-1]:.5f}")

    points = x.flatten().tolist()
    ends = {way: fits[way, 50] for way in ("backward()", "Adam")}
    lines = {f"{way}, 50 epochs": ((0, 1), (end["b"], end["w"] + end["b"])) for way, end in ends.items()}
    end = fits["backward()", 300]
    lines["backward(), 300 epochs"] = (0, 1), (end["b"], end["w"] + end["b"])
    save_panels(
        out / "05_line_fit.png",
        {"title": "loss", "xlabel": "epoch", "ylabel": "mean squared error", "log": True,
         "lines": {way: (range(300), fits[way, 300]["losses"]) for way in ("backward()", "Adam")}},
        {"title": "y = 2x + 1 + noise", "xlabel": "x", "lines": {"points": (points, y.flatten().tolist(), "."), **lines}})
    return {"best": best, "fits": fits}


if __name__ == "__main__":
    main(out_folder(__doc__))
