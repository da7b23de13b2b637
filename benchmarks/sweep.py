"""Products of n = 1..300: does any size take longer than the next multiple of 16 above it?

    python benchmarks/sweep.py [--threads 2] [--rounds 9]

Prints, for each family of products, how many sizes take over 1.1 times the time of that multiple, and the worst.
"""
from __future__ import annotations

import argparse
from statistics import median
from timeit import Timer

import harness

# m, k, n for a size, and whether b is a transposed view
FAMILIES = {
    "n x n x n": lambda n: (n, n, n, False),
    "128 x 256 x n": lambda n: (128, 256, n, False),
    "n x 256 x 128": lambda n: (n, 256, 128, False),
    "64 x n x 64": lambda n: (64, n, 64, False),
    "64 x n x n, b.T": lambda n: (64, n, n, True),
}
LAST = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    print(f"{harness.processor()}; {args.threads} thread(s)\n")
    harness.pin(args.threads)
    import tinygrad_c as t
    t.set_num_threads(args.threads)
    rows = []
    for label, shape in FAMILIES.items():
        timers, counts, times = {}, {}, {}
        for size in range(1, (LAST + 15) // 16 * 16 + 1):
            m, k, n, transposed = shape(size)
            b = t.randn(n, k).T if transposed else t.randn(k, n)
            timers[size] = Timer("a @ b", globals={"a": t.randn(m, k), "b": b})
            counts[size], times[size] = max(1, round(2e-4 / min(timers[size].repeat(3, 10)) * 10)), []
        for _ in range(args.rounds):
            for size, timer in timers.items():
                times[size].append(timer.timeit(counts[size]) / counts[size])
        taken = {size: median(rounds) for size, rounds in times.items()}
        ratios = {size: taken[size] / taken[(size + 15) // 16 * 16] for size in range(1, LAST + 1)}
        worst = sorted(ratios, key=ratios.get, reverse=True)[:3]
        rows.append([label, str(sum(ratio > 1.1 for ratio in ratios.values())),
                     ", ".join(f"{ratios[size]:.2f} at {size}" for size in worst)])
    print(harness.table(["product", "sizes over 1.1", "the worst"], rows))


if __name__ == "__main__":
    main()
