"""Costs around a training step: import, the first steps, the data loader, memory, page faults, denormal numbers, and a second
core that another process keeps busy.

    python benchmarks/around.py [--only import loader ...]
"""
from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from statistics import median

import harness

NET = """
import importlib, os, resource, sys, time
t = importlib.import_module(sys.argv[1])
nn = t.nn
t.set_num_threads(1)
t.manual_seed(0)

def step_of(widths, batch, lr=0.01):
    layers = [layer for a, b in zip(widths, widths[1:]) for layer in (nn.Linear(a, b), nn.ReLU())][:-1]
    net, loss = nn.Sequential(*layers), nn.CrossEntropyLoss()
    optimizer = t.optim.SGD(net.parameters(), lr=lr)
    x, y = t.randn(batch, widths[0]), t.randint(0, widths[-1], (batch,))
    def step(x=x, y=y):
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()
    return step, net

def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""
PEAK = NET + """
step, net = step_of((1024, 2048, 2048, 10), 512)
before = memory()
for _ in range(10):
    step()
print(memory(), before)
"""
FIRST = NET + """
step, net = step_of((64, 64, 10), 32)
times = []
for _ in range(10):
    start = time.perf_counter()
    step()
    times.append(time.perf_counter() - start)
print(times[0], times[9])
"""
FAULTS = NET + """
step, net = step_of((784, 512, 512, 10), 256)
for _ in range(10):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
LOADER = NET + """
from tinygrad_c.utils.data import DataLoader, TensorDataset
step, net = step_of((2, 16, 16, 2), 32)
data = DataLoader(TensorDataset(t.randn(20_000, 2), t.randint(0, 2, (20_000,))), batch_size=32, shuffle=True)
def epoch(train):
    start = time.perf_counter()
    for x, y in data:
        if train:
            step(x, y)
    return time.perf_counter() - start
epoch(True)
rounds = [(epoch(False), epoch(True)) for _ in range(7)]
print(*(sorted(column)[3] for column in zip(*rounds)))
"""
# Weights that shrink by a constant factor in each step pass through the denormal range: 0.7^290 is below 2^-149.
DENORMALS = NET + """
import numpy as np
net = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
optimizer = t.optim.SGD(net.parameters(), lr=1.0, weight_decay=0.3)
x = t.rand(128, 784)
times = []
for epoch in range(35):
    start = time.perf_counter()
    for _ in range(10):
        optimizer.zero_grad()
        net(x).sum().mul(1e-38).backward()
        optimizer.step()
    times.append(time.perf_counter() - start)
tiny = np.float32(1e-38) * np.float32(0.1)
print(min(times[1:4]), max(times[20:]), float(tiny) > 0)
"""
NEIGHBOUR = NET + """
os.sched_setaffinity(0, {cores})
for widths, batch in {nets}:
    step, net = step_of(widths, batch, 1e-4)
    for threads in (1, 2):
        t.set_num_threads(threads)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            steps = 0
            while time.perf_counter() - start < 0.2:
                step()
                steps += 1
            times.append((time.perf_counter() - start) / steps)
        print(sorted(times)[2])
"""
NEIGHBOURED = {"mnist_s": ((784, 128, 64, 10), 32), "mnist_m": ((784, 256, 128, 10), 128),
               "mnist_l": ((784, 512, 512, 10), 256), "odd, large": ((1111, 1777, 999, 20), 300)}
CORES = harness.cores()[:2]


def run(program: str, module: str = "tinygrad_c") -> list[float]:
    """Runs the program in a process of its own; returns the numbers that it prints."""
    done = subprocess.run([sys.executable, "-c", program, module], capture_output=True, text=True, env={
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        **harness.thread_settings(1)})
    if done.returncode:
        raise SystemExit(done.stderr)
    return [float(word) if word not in ("True", "False") else word == "True" for word in done.stdout.split()]


def imports() -> str:
    def seconds(code: str) -> float:
        start = time.perf_counter()
        run(code)
        return time.perf_counter() - start
    both = [(seconds("import numpy"), seconds("import numpy, tinygrad_c")) for _ in range(15)][1:]
    numpy, ours = (median(column) for column in zip(*both))
    return f"import numpy: {numpy * 1e3:.0f} ms; tinygrad_c on top of it: {(ours - numpy) * 1e3:.0f} ms"


def first() -> str:
    steps = [run(FIRST) for _ in range(7)]
    return "digits, first step {:.0f} us, tenth {:.0f} us".format(*(median(column) * 1e6 for column in zip(*steps)))


def loader() -> str:
    alone, training = run(LOADER)
    return (f"an epoch of the tiny net: {training * 1e3:.1f} ms, of which the loader takes {alone * 1e3:.2f}: "
            f"{alone / training:.0%}")


def memory() -> str:
    names = ["tinygrad_c", *(["torch"] if importlib.util.find_spec("torch") else [])]
    peaks = {name: run(PEAK, name) for name in names}
    return "big net, peak memory and what was there before the first step: " + "; ".join(
        f"{name} {peak:,.0f} MB, {before:,.0f}" for name, (peak, before) in peaks.items())


def faults() -> str:
    return f"page faults in 100 steps of mnist_l: {run(FAULTS)[0]:.0f}"


def denormals() -> str:
    early, late, kept = run(DENORMALS)
    return (f"epoch while numbers are usual: {early * 1e3:.2f} ms, slowest of the epochs in which weights and gradients "
            f"vanish: {late * 1e3:.2f} ms ({late / early:.2f}); NumPy's denormals after it: {'there' if kept else 'GONE'}")


def neighbour() -> str:
    if len(CORES) < 2 or not hasattr(os, "sched_setaffinity"):
        return "needs two cores, and a system that says which"
    loop = f"import os; os.sched_setaffinity(0, {{{CORES[1]}}})\nwhile True: pass"
    busy = subprocess.Popen([sys.executable, "-c", loop])
    try:
        times = run(NEIGHBOUR.format(cores=CORES, nets=list(NEIGHBOURED.values())))
    finally:
        busy.kill()
    return "a step on one thread, on two, us, while another process has the second core: " + "; ".join(
        f"{name} {one * 1e6:,.0f}, {two * 1e6:,.0f}" for name, one, two in zip(NEIGHBOURED, times[::2], times[1::2]))


PARTS = {"import": imports, "first": first, "loader": loader, "memory": memory, "faults": faults, "denormals": denormals,
         "neighbour": neighbour}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    args = parser.parse_args()
    print(f"{harness.processor()}; one thread\n")
    harness.pin(1)
    for name in args.only:
        print(f"{name}: {PARTS[name]()}", flush=True)


if __name__ == "__main__":
    main()
