"""The product of the Hessian of a net's loss with a vector, without computing the Hessian: H v = d/dw (dL/dw . v).

It takes two backward passes. Power iteration with it finds the largest curvature c; gradient descent diverges for learning
rates above 2 / c. Conjugate gradients with it solve (H + damping) s = -dL/dw, which is Newton's step; they stop at negative
curvature.
"""
from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

import tinygrad_c as torch

SIZES = [3, 8, 1]
ROWS, DAMPING = 50, 0.3


def make_problem():
    """(weights as one vector, inputs, targets), in float64."""
    rng = np.random.default_rng(1)
    parts = []
    for fan_in, fan_out in pairwise(SIZES):
        parts += [rng.normal(0, 1 / math.sqrt(fan_in), fan_in * fan_out), np.zeros(fan_out)]
    x = rng.normal(size=(ROWS, SIZES[0]))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2]
    return torch.tensor(np.concatenate(parts)), torch.tensor(x), torch.tensor(y)


def loss_of(w, x, y):
    """The mean squared error of a tanh net. w has all its weights."""
    at = 0
    for k, (fan_in, fan_out) in enumerate(pairwise(SIZES)):
        matrix = w[at:at + fan_in * fan_out].reshape(fan_out, fan_in)
        at += fan_in * fan_out
        x = x @ matrix.t() + w[at:at + fan_out]
        at += fan_out
        x = x.tanh() if k < len(SIZES) - 2 else x
    return ((x.squeeze(1) - y) ** 2).mean()


def product(w, x, y, v):
    """H v, by differentiating the product of the gradient with v."""
    w = w.detach().requires_grad_()
    (g,) = torch.autograd.grad(loss_of(w, x, y), w, create_graph=True)
    return torch.autograd.grad((g * v).sum(), w)[0]


def gradient(w, x, y):
    w = w.detach().requires_grad_()
    return torch.autograd.grad(loss_of(w, x, y), w)[0]


def largest_curvature(w, x, y, steps: int = 60) -> float:
    """The eigenvalue of H with the largest magnitude, by power iteration."""
    v = torch.ones_like(w)
    for _ in range(steps):
        v = v / v.norm()
        v, before = product(w, x, y, v), v
    return (v * before).sum().item()


def newton_step(w, x, y, steps: int = 40):
    """s with (H + damping) s = -gradient, by conjugate gradients."""
    s = torch.zeros_like(w)
    r = -gradient(w, x, y)
    p, size = r, (r * r).sum()
    for _ in range(steps):
        if size.item() < 1e-20:
            break
        curved = product(w, x, y, p) + DAMPING * p
        bend = (p * curved).sum()
        if bend.item() <= 0:
            break
        length = size / bend
        s, r = s + length * p, r - length * curved
        p, size = r + (r * r).sum() / size * p, (r * r).sum()
    return s


def main() -> dict:
    w, x, y = make_problem()
    v = torch.tensor(np.cos(np.arange(len(w))))
    hv = product(w, x, y, v)
    same = torch.autograd.functional.hvp(lambda w: loss_of(w, x, y), w, v)[1]
    full = torch.autograd.functional.hessian(lambda w: loss_of(w, x, y), w)
    steps = 1e-5
    slope = (gradient(w + steps * v, x, y) - gradient(w - steps * v, x, y)) / (2 * steps)
    found = {"hv": hv.tolist(), "hvp": (hv - same).abs().max().item(), "hessian": (hv - full @ v).abs().max().item(),
             "difference": (hv - slope).abs().max().item(), "curvature": largest_curvature(w, x, y), "losses": []}
    print(f"H v for {len(w)} weights: {hv[0].item():+.6f} {hv[1].item():+.6f} {hv[2].item():+.6f} ...")
    print(f"  differs from the whole Hessian times v by {found['hessian']:.1e}, from finite differences by "
          f"{found['difference']:.1e}")
    print(f"largest curvature {found['curvature']:.6f}: gradient descent diverges above lr = {2 / found['curvature']:.4f}")
    for step in range(8):
        found["losses"].append(loss_of(w, x, y).item())
        print(f"  Newton step {step}: loss {found['losses'][-1]:.6f}")
        s = newton_step(w, x, y)
        while loss_of(w + s, x, y).item() > found["losses"][-1]:
            s = s / 2
        w = w + s
    return found


if __name__ == "__main__":
    main()
