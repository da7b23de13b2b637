"""REINFORCE on a balancing pole: push the cart left or right, and learn from the length of each episode."""
from __future__ import annotations

import math

import tinygrad_c as torch
import tinygrad_c.nn as nn

LIMIT = 100         # steps of a full episode


class Pole:
    """A pole on a cart, in steps of 0.02 s: Barto, Sutton & Anderson 1983. State: position, speed, angle, angular speed."""

    def __init__(self, start: list[float]):
        self.state = list(start)

    def step(self, action: int) -> bool:
        """Push left (0) or right (1). Returns whether the pole is still up."""
        place, speed, angle, turning = self.state
        force = 10.0 if action else -10.0
        sine, cosine = math.sin(angle), math.cos(angle)
        push = (force + 0.05 * turning**2 * sine) / 1.1
        turn = (9.8 * sine - cosine * push) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
        pull = push - 0.05 * turn * cosine / 1.1
        self.state = [place + 0.02 * speed, speed + 0.02 * pull, angle + 0.02 * turning, turning + 0.02 * turn]
        return abs(self.state[0]) < 2.4 and abs(self.state[2]) < 0.2095


def make_policy():
    """The state to the logits of the two actions."""
    return nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))


def episode(policy, start, draws):
    """log P(action) of each step of one episode. draws: a random number from 0 to 1 for each step."""
    pole, chosen = Pole(start), []
    for draw in draws:
        log_probabilities = torch.log_softmax(policy(torch.tensor(pole.state)), dim=-1)
        action = int(draw > log_probabilities[0].exp().item())
        chosen.append(log_probabilities[action])
        if not pole.step(action):
            break
    return torch.stack(chosen)


def train(policy, starts, draws) -> list[int]:
    """Returns the length of each episode. starts is (n, 4), draws is (n, LIMIT)."""
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
    lengths = []
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, len(starts))     # keeps what was learned
    for start, each in zip(starts.tolist(), draws.tolist()):
        chosen = episode(policy, start, each)
        n = len(chosen)
        returns = torch.tensor([(1 - 0.97 ** (n - t)) / 0.03 for t in range(n)])      # discounted, with a reward of 1 per step
        returns = (returns - returns.mean()) / (returns.std() + 1e-6)
        loss = -(chosen * returns).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        lengths.append(n)
    return lengths


def main() -> dict:
    torch.manual_seed(0)
    policy = make_policy()
    lengths = train(policy, torch.rand(300, 4) * 0.1 - 0.05, torch.rand(300, LIMIT))
    for i in range(0, 300, 20):
        print(f"episodes {i:3} to {i + 19:3}: the pole stood for {sum(lengths[i:i + 20]) / 20:5.1f} steps")
    return {"lengths": lengths}


if __name__ == "__main__":
    main()
