"""A generative adversarial net on a ring of eight clusters (WGAN-GP: Gulrajani et al. 2017, arXiv 1704.00028).

    critic:     mean D(fake) - mean D(real) + 10 mean (|dD/dx at points between them| - 1)^2
    generator:  -mean D(fake)

The penalty contains the gradient of the critic with respect to its input, so training the critic differentiates a gradient.
"""
from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
from pictures import out_folder, save_panels

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.optim as optim

STEPS, CRITIC_STEPS, BATCH, WIDTH, PENALTY = 1000, 5, 64, 32, 10.0


def make_net(sizes: list[int], rng) -> nn.Sequential:
    layers: list = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.LeakyReLU(0.2)]
    net = nn.Sequential(*layers[:-1]).double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.tensor(rng.normal(0.0, 1 / math.sqrt(p.shape[-1]), tuple(p.shape))))
    return net


def real_points(rng):
    """Points near eight centres on a circle of radius 2."""
    angle = rng.integers(0, 8, BATCH) * (2 * math.pi / 8)
    return torch.tensor(np.stack([2 * np.cos(angle), 2 * np.sin(angle)], 1) + rng.normal(0, 0.05, (BATCH, 2)))


def penalty(critic, real, fake, rng):
    """(mean of (|gradient| - 1)^2, mean of |gradient|) at random points between real and fake ones."""
    share = torch.tensor(rng.random((BATCH, 1)))
    between = (share * real + (1 - share) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norm = gradient.norm(2, dim=1)
    return ((norm - 1) ** 2).mean(), norm.mean().item()


def main(steps: int = STEPS) -> dict:
    rng = np.random.default_rng(0)
    critic, generator = make_net([2, WIDTH, WIDTH, 1], rng), make_net([2, WIDTH, WIDTH, 2], rng)
    critic_optimizer = optim.Adam(critic.parameters(), lr=0.003, betas=(0.5, 0.9))
    generator_optimizer = optim.Adam(generator.parameters(), lr=0.001, betas=(0.5, 0.9))
    found: dict = {"critic": [], "norm": [], "generator": []}
    for step in range(steps):
        for _ in range(CRITIC_STEPS):
            real = real_points(rng)
            fake = generator(torch.tensor(rng.normal(size=(BATCH, 2)))).detach()
            extra, norm = penalty(critic, real, fake, rng)
            loss = critic(fake).mean() - critic(real).mean() + PENALTY * extra
            critic_optimizer.zero_grad()
            loss.backward()
            critic_optimizer.step()
        fooled = -critic(generator(torch.tensor(rng.normal(size=(BATCH, 2))))).mean()
        generator_optimizer.zero_grad()
        fooled.backward()
        generator_optimizer.step()
        found["critic"].append(loss.item())
        found["norm"].append(norm)
        found["generator"].append(fooled.item())
        if step % 200 == 0 or step == steps - 1:
            print(f"step {step:4d}   critic {loss.item():+.4f}   |gradient| {norm:.3f}   generator {fooled.item():+.4f}")
    with torch.no_grad():
        made = generator(torch.tensor(rng.normal(size=(500, 2))))
    found["made"], found["real"] = made.tolist(), real_points(rng).tolist()
    found["radius"] = made.norm(2, dim=1).mean().item()
    print(f"the generated points are {found['radius']:.3f} from the centre on average; real points: 2")
    return found


def draw(found: dict, out: Path) -> None:
    """Real and generated points, and the losses of the critic and the generator."""
    def points(pairs: list) -> tuple:
        return [x for x, _ in pairs], [y for _, y in pairs], "."

    steps = range(1, len(found["critic"]) + 1)
    save_panels(out / "14_gan_with_gradient_penalty.png", {
        "title": "a ring of eight spots", "xlabel": "x", "ylabel": "y", "equal": True,
        "lines": {"generated": points(found["made"]), "real": points(found["real"])}},
        {"title": "losses", "xlabel": "step", "ylabel": "loss", "whole": True,
         "lines": {"critic": (steps, found["critic"]), "generator": (steps, found["generator"])}})


if __name__ == "__main__":
    folder = out_folder(__doc__)
    draw(main(), folder)
