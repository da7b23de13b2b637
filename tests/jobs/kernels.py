"""The table of samples, forward and backward, and training steps that are recorded and replayed, for valgrind (make valgrind):
without pytest, which is slow there.

Arguments n and k: every n-th sample, from the k-th on.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from samples.comparing import OURS, ours, weighed
from samples.op_samples import CASES, OPS

import tinygrad_c
from tinygrad_c import nn, optim


def run(name: str, i: int, dtype: str) -> None:
    op = OPS[name]
    inputs = [ours(x, k in op.wanted(i)) for k, x in enumerate(op.inputs(i, dtype))]
    total = weighed(op.run(OURS, i, inputs), ours)
    if op.differentiable and total is not None and total.requires_grad:
        total.backward()


def train(optimizer: type, loss: str, widths: tuple[int, ...], dtype: tinygrad_c.dtype) -> None:
    """A few whole epochs of two nets, most of their steps replayed."""
    x, y = tinygrad_c.randn(50, widths[0], dtype=dtype), tinygrad_c.randint(0, widths[-1], (50,))
    if loss != "cross_entropy":
        y = tinygrad_c.randn(50, widths[-1], dtype=dtype)
    steps = []
    for _ in range(2):
        layers = [layer for i, o in pairwise(widths) for layer in (nn.Linear(i, o), nn.Tanh())]
        net = nn.Sequential(*layers[:-1]).to(dtype)
        steps.append(tinygrad_c.compile(step_of(net, optimizer(net.parameters(), lr=0.01), getattr(nn.functional, loss))))
    tinygrad_c.train_many(steps, x, y, batch_size=8, shuffle=True, epochs=2, num_threads=2)
    steps[0].epochs(x, y, batch_size=8, epochs=2)
    for i in range(3):
        steps[0](x[8 * i:8 * i + 8], y[8 * i:8 * i + 8])
    if not all(step.ready for step in steps):
        raise AssertionError(f"not recorded: {steps}")


def train_module(make: Callable, dtype: tinygrad_c.dtype) -> None:
    """A compiled module in steps that stay eager, in inference, and after a pass that is run again."""
    inner = nn.Sequential(nn.Linear(5, 17), nn.BatchNorm1d(17), nn.Dropout(0.2), nn.GELU(), nn.Linear(17, 3)).to(dtype)
    model, y = tinygrad_c.compile(inner), tinygrad_c.randint(0, 3, (8,))
    step = step_of(model, make(model.parameters()), nn.functional.cross_entropy)
    for _ in range(10):
        step(tinygrad_c.randn(8, 5, dtype=dtype), y)
        with tinygrad_c.no_grad():
            model(tinygrad_c.randn(8, 5, dtype=dtype))
    if not model.forward.ready or not model.forward.inference.ready:
        raise AssertionError(f"not recorded: {model.forward}")
    loss = nn.functional.cross_entropy(model(tinygrad_c.randn(8, 5, dtype=dtype)), y)
    loss.backward(retain_graph=True)
    loss.backward()
    model(tinygrad_c.randn(8, 5, dtype=dtype))          # never differentiated


def step_of(net: nn.Module, optimizer: Any, loss: Callable) -> Callable:
    def step(x, y):
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value
    return step


def main() -> None:
    done, failed = 0, []
    every, first = (int(text) for text in sys.argv[1:])
    for name, i in CASES[first::every]:
        for dtype in ("float32", "float64", "int64") if OPS[name].integers else ("float32", "float64"):
            try:
                run(name, i, dtype)
            except Exception as error:
                failed.append(f"{name}/{i} of {dtype}: {error!r}")
            done += 1
    for m, k, n in ((1, 1, 1), (3, 17, 33), (16, 64, 48), (33, 5, 100), (130, 70, 1)):
        for dtype in (tinygrad_c.float32, tinygrad_c.float64):
            a, b = tinygrad_c.randn(m, k, dtype=dtype).requires_grad_(), tinygrad_c.randn(k, n, dtype=dtype).requires_grad_()
            (a @ b).sum().backward()
            (b.t() @ a.t()).sum().backward()
            done += 2
    for k, case in enumerate(product((optim.SGD, optim.Adam), ("cross_entropy", "mse_loss"), ((3, 2), (5, 17, 3)),
                                     (tinygrad_c.float32, tinygrad_c.float64))):
        if k % every == first % every:
            train(*case)
            done += 1
    makers = [lambda p, name=name: getattr(optim, name)(p) for name in ("Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD")]
    for k, case in enumerate(product(makers, (tinygrad_c.float32, tinygrad_c.float64))):
        if k % every == first % every:
            train_module(*case)
            done += 1
    print(*failed, f"{done} samples, {len(failed)} failed", sep="\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
