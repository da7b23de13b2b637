"""Depth and length: a million operations on a small stack, a hundred thousand steps, a thousand trainings in one process.

    python tests/jobs/endurance.py [--ops 1000000] [--steps 100000] [--trainings 1000]

Each part in a process of its own. Linux: memory, threads and open files are read from /proc.
"""
from __future__ import annotations

import argparse
import gc
import os
import resource
import subprocess
import sys
import threading
import time

import numpy as np

import tinygrad_c
from tinygrad_c import nn, optim
from tinygrad_c.utils.data import DataLoader, TensorDataset


def resident() -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def depth(n: int) -> str:
    """A chain of n ops is built, differentiated and freed on a stack of 256 KB (set before this process began)."""
    assert resource.getrlimit(resource.RLIMIT_STACK)[0] == 256 * 1024
    for name, step in {"y + x": lambda y, x: y + x, "y * 1.0": lambda y, x: y * 1.0, "y.tanh()": lambda y, x: y.tanh(),
                       "y.view(1)": lambda y, x: y.view(1), "y.add_(x)": lambda y, x: y.add_(x),
                       "y[0:1]": lambda y, x: y[0:1]}.items():
        x = tinygrad_c.ones(1, requires_grad=True)
        y = x * 1
        for _ in range(n):
            y = step(y, x)
        y.sum().backward()
        assert x.grad is not None, name
        y = x * 1
        for _ in range(n):      # freed unused, too
            y = step(y, x)
        del y
        gc.collect()
    x = tinygrad_c.ones(1, requires_grad=True)
    y = x
    for _ in range(n // 10):
        y = y * x
    (g,) = tinygrad_c.autograd.grad(y.sum(), x, create_graph=True)
    g.sum().backward()
    return f"chains of {n:,} ops of 6 kinds, and a second derivative through {n // 10:,}, on a stack of 256 KB"


def length(n: int) -> str:
    """n training steps with the garbage collector off."""
    net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 2))
    opt = optim.Adam(net.parameters())
    x, t = tinygrad_c.randn(32, 8), tinygrad_c.randint(0, 2, (32,))
    gc.collect()
    gc.disable()

    def train(steps: int) -> tuple:
        for _ in range(steps):
            opt.zero_grad()
            nn.functional.cross_entropy(net(x), t).backward()
            opt.step()
        return len(gc.get_objects()), tinygrad_c.memory_stats(), resident()

    before, after = train(max(100, n // 10)), train(n)
    assert after[0] - before[0] < 20, (before, after)
    assert after[1] == before[1], (before, after)
    assert after[2] - before[2] < 1 << 20, (before, after)
    return (f"{n:,} steps without the garbage collector: objects {after[0] - before[0]:+d}, tensor bytes "
            f"{after[1]['in_use'] - before[1]['in_use']:+d}, process {(after[2] - before[2]) / 1024:+.0f} KB")


def trainings(n: int) -> str:
    """n nets are made, trained with a loader, and dropped."""
    def state() -> tuple:
        gc.collect()
        return (len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), tinygrad_c.memory_stats()["in_use"],
                threading.active_count(), resident())

    def train(k: int) -> None:
        g = np.random.default_rng(k)
        data = TensorDataset(tinygrad_c.from_numpy(g.normal(size=(64, 5)).astype("f4")),
                             tinygrad_c.from_numpy(g.normal(size=(64, 1)).astype("f4")))
        net = nn.Sequential(nn.Linear(5, 8 + k % 9), nn.ReLU(), nn.Linear(8 + k % 9, 1))
        opt = [optim.SGD, optim.Adam, optim.RMSprop][k % 3](net.parameters(), lr=0.01)
        for x, y in DataLoader(data, batch_size=16, shuffle=True, num_workers=k % 2):
            opt.zero_grad()
            nn.functional.mse_loss(net(x), y).backward()
            opt.step()
        tinygrad_c.ones(300, 300) @ tinygrad_c.ones(300, 300)       # with threads

    for k in range(max(20, n // 10)):
        train(k)
    before = state()
    for k in range(n):
        train(k)
    after = state()
    assert after[:4] == before[:4], (before, after)
    assert after[4] - before[4] < 4 << 20, (before, after)
    return (f"{n:,} trainings in one process: open files {before[0]} -> {after[0]}, threads {before[1]} -> {after[1]}, tensor bytes "
            f"{after[2] - before[2]:+d}, process {(after[4] - before[4]) / 1024:+.0f} KB")


def cache(_: int) -> str:
    """What tensors leave is kept up to a bound, and given back when asked."""
    big = [tinygrad_c.empty(1 << 24) for _ in range(20)]
    assert tinygrad_c.memory_stats()["in_use"] >= 20 << 26
    del big
    kept = tinygrad_c.memory_stats()["cached"]
    assert 1 << 26 <= kept <= 1 << 29, kept
    tinygrad_c.empty_cache()
    big = [tinygrad_c.ones(1 << 22) for _ in range(8)]
    del big
    before = resident()
    tinygrad_c.empty_cache()
    assert tinygrad_c.memory_stats()["cached"] == 0
    assert before - resident() > 100 << 20
    return f"1.3 GB of tensors left {kept >> 20} MB in the cache, and empty_cache() none"


PARTS = {"depth": depth, "length": length, "trainings": trainings, "cache": cache}


def small_stack() -> None:
    resource.setrlimit(resource.RLIMIT_STACK, (256 * 1024, 256 * 1024))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, default in (("ops", 1_000_000), ("steps", 100_000), ("trainings", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args(argv)
    for part, number in (("depth", args.ops), ("length", args.steps), ("trainings", args.trainings), ("cache", 0)):
        start = time.monotonic()
        done = subprocess.run([sys.executable, __file__, part, str(number)], capture_output=True, text=True,
                              preexec_fn=small_stack if part == "depth" else None)
        if done.returncode:
            raise SystemExit(f"{part}: status {done.returncode}\n{done.stderr[-3000:]}")
        print(f"{done.stdout.strip()}; {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in PARTS:
        print(PARTS[sys.argv[1]](int(sys.argv[2])))
    else:
        main()
