"""Every sample of every operation, forward and backward, while finalisers change its inputs in the middle of it.

    python tests/jobs/finalisers.py [--trials 3] [--every 1] [--seed 1]

The collector runs at each allocation of Python's; what it finds has a __del__ that gives an input other memory, of another shape
mostly, and leaves the next such object. Whatever comes of the operation, the process must not end by it: each operation runs in
a child of its own, and a crash is told with its name. A build with AddressSanitizer finds more (TINYGRAD_C_SANITIZE, setup.py).
"""
from __future__ import annotations

import argparse
import contextlib
import gc
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from samples.comparing import OURS, ours, weighed
from samples.op_samples import CASES, OPS

import tinygrad_c

SECONDS = 300           # that all samples of an operation may take


def other_size(shape: tuple[int, ...], rng: random.Random) -> tuple[int, ...]:
    return rng.choice([shape, (1,) * len(shape), (7,) * len(shape), tuple(n + 3 for n in shape),
                       tuple(max(n - 1, 0) for n in shape)])


def trial(name: str, i: int, rng: random.Random) -> None:
    op = OPS[name]
    inputs = [ours(x, k in op.wanted(i)) for k, x in enumerate(op.inputs(i, "float32"))]
    tensors = [x for x in inputs if isinstance(x, tinygrad_c.Tensor)]

    class Last:
        def __init__(self, more: int) -> None:
            self.me, self.more = self, more

        def __del__(self) -> None:
            with contextlib.suppress(Exception):
                x = rng.choice(tensors)
                x.data = tinygrad_c.ones(other_size(tuple(x.shape), rng), dtype=x.dtype)
            if self.more:
                Last(self.more - 1)

    gc.set_threshold(1)
    Last(rng.randrange(12))
    with contextlib.suppress(Exception):
        total = weighed(op.run(OURS, i, inputs), ours)
        Last(rng.randrange(8))
        if op.differentiable and total is not None and total.requires_grad:
            total.backward()
    gc.set_threshold(700)


def ends_well(name: str, samples: list[int], args: argparse.Namespace) -> bool:
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        for i in samples:
            for number in range(args.trials):
                trial(name, i, random.Random(f"{args.seed}/{name}/{i}/{number}"))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, default in (("trials", 3), ("every", 1), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    start, samples = time.monotonic(), {}
    for name, i in CASES[::args.every]:
        if OPS[name].inputs(i, "float32"):
            samples.setdefault(name, []).append(i)
    faults = [name for name, numbers in samples.items() if not ends_well(name, numbers, args)]
    print(f"{sum(map(len, samples.values())) * args.trials} trials of {len(samples)} operations: {len(faults)} faults; "
          f"{time.monotonic() - start:.0f} s", *faults, sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
