"""Functions that test_multiprocessing.py runs in other processes."""
from __future__ import annotations

import os
import signal

import tinygrad_c
from tinygrad_c import nn


def train(i, net, x, y, steps):
    optimizer = tinygrad_c.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x[i::2]), y[i::2]).backward()
        optimizer.step()


def add(i, total):
    total[i] += i + 1


def echo(inbox, outbox):
    import tinygrad_c.multiprocessing  # noqa: F401
    while (x := inbox.get()) is not None:
        x.mul_(2)
        outbox.put(x)


def fail(i):
    if i == 1:
        raise ValueError("the second one fails")
    if i == 2:
        os.kill(os.getpid(), signal.SIGKILL)
