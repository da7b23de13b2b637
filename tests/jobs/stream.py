"""Memory and speed of tables.stream on a table that is larger than it: made here, read twice (to scale, and an epoch), removed.

    python tests/jobs/stream.py --gigabytes 5
"""
from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time

import numpy as np

from tinygrad_c.tables.stream import TableStream


def make(path: str, gigabytes: float) -> int:
    """A CSV of 20 columns of random numbers, one of texts and a target; the number of its rows."""
    random = np.random.default_rng(0)
    rows = 0
    blocks = []
    for _ in range(16):
        X = random.normal(size=(5000, 20))
        y = X[:, :3].sum(1)
        blocks.append("".join(",".join(f"{v:.6f}" for v in row) + f",{'abc'[i % 3]},{t:.6f}\n"
                              for i, (row, t) in enumerate(zip(X, y))).encode())
    with open(path, "wb") as file:
        file.write((",".join(f"x{i}" for i in range(20)) + ",kind,y\n").encode())
        while file.tell() < gigabytes * 1e9:
            file.write(blocks[rows // 5000 % 16])
            rows += 5000
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=5.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "big.csv")
        rows = make(path, args.gigabytes)
        begin = time.perf_counter()
        stream = TableStream(path, "y", batch_size=1024)
        scanned = time.perf_counter()
        seen = sum(len(y) for _, y in stream)
        end = time.perf_counter()
    assert seen == rows, (seen, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{args.gigabytes:g} GB, {rows:,} rows: first pass {scanned - begin:.0f} s, epoch {end - scanned:.0f} s, peak of memory "
          f"{peak:.0f} MB")


if __name__ == "__main__":
    main()
