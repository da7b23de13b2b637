"""A net that solves a differential equation: u'' + u = 0 with u(0) = 1, u'(0) = 0. The solution is cos t.

    u(t) = 1 + (1 - e^-t)^2 net(t)        satisfies the conditions at t = 0 for any net
    loss = mean over t of (u''(t) + u(t))^2

u'' is the second derivative of the net's output with respect to its input, so the gradient of the loss is a third derivative.
Each autograd.grad is recorded (create_graph=True), so that it can be differentiated again.
"""
from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from pictures import out_folder, save_panels

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.optim as optim

STEPS, POINTS, WIDTH, END = 5000, 40, 24, 6.0


def make_net():
    """1 -> 24 -> 24 -> 1 with tanh, in float64, with fixed weights."""
    net = nn.Sequential(nn.Linear(1, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1)).double()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.tensor(rng.normal(0.0, 1 / math.sqrt(p.shape[-1]), tuple(p.shape))))
    return net


def solution(net, t):
    return 1 + (1 - (-t).exp()) ** 2 * net(t / END)


def residual(net, t):
    """u'' + u at the times t, of shape (points, 1)."""
    u = solution(net, t)
    ones = torch.ones_like(u)
    (du,) = torch.autograd.grad(u, t, ones, create_graph=True)
    (d2u,) = torch.autograd.grad(du, t, ones, create_graph=True)
    return d2u + u


def train(net, steps: int) -> list[float]:
    t = torch.linspace(0, END, POINTS, dtype=torch.float64).unsqueeze(1).requires_grad_()
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.999)

    @torch.compile                              # recorded, then replayed without Python: a third of the time
    def step():
        optimizer.zero_grad()
        loss = (residual(net, t) ** 2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
        return loss
    return [step().item() for _ in range(steps)]


def main(steps: int = STEPS) -> dict:
    net = make_net()
    losses = train(net, steps)
    with torch.no_grad():
        t = torch.linspace(0, END, 7, dtype=torch.float64).unsqueeze(1)
        u = solution(net, t)
        fine = torch.linspace(0, END, 121, dtype=torch.float64).unsqueeze(1)
        curve = solution(net, fine).flatten().tolist()
    print(f"mean of (u'' + u)^2 over {POINTS} points: {losses[0]:.4g} at first, {losses[-1]:.4g} after {steps} steps of Adam")
    for time, value in zip(t.flatten().tolist(), u.flatten().tolist()):
        print(f"  t = {time:.0f}   u = {value:+.4f}   cos t = {math.cos(time):+.4f}")
    return {"times": fine.flatten().tolist(), "curve": curve, "losses": losses,
            "u": u.flatten().tolist(), "error": (u - t.cos()).abs().max().item()}


def draw(found: dict, out: Path) -> None:
    """The net's solution and the exact one, and the loss."""
    times, losses = found["times"], found["losses"]
    save_panels(out / "13_physics_informed_net.png", {
        "title": "u'' + u = 0", "xlabel": "t", "ylabel": "u", "lines": {
            "cos t": (times, [math.cos(t) for t in times]), "the net": (times, found["curve"])}},
        {"title": "mean of (u'' + u)^2", "xlabel": "step", "ylabel": "loss", "log": True, "whole": True,
         "lines": {"loss": (range(1, len(losses) + 1), losses)}})


if __name__ == "__main__":
    folder = out_folder(__doc__)
    draw(main(), folder)
