"""What several processes gain: the time of an all-reduce by size, and of training steps on one rank and on all.

    mpirun -n 2 python benchmarks/scaling.py            # a table; rank 0 prints

A step is zero_grad, forward, cross-entropy, backward, Adam on `rows` rows in all; with N ranks each computes rows / N of them,
and DistributedDataParallel averages the gradients. "every 8" averages the weights every 8 steps (PeriodicModelAverager).
"one rank" computes while the others wait. Each process computes in one thread. Times are the least of seven, in microseconds.
"""
from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import tinygrad_c as torch
import tinygrad_c.distributed as dist
from tinygrad_c import nn, optim
from tinygrad_c.distributed.algorithms.model_averaging.averagers import PeriodicModelAverager

NETS = [((64, 64, 10), 32), ((64, 64, 10), 1024), ((784, 128, 64, 10), 32), ((784, 128, 64, 10), 512),
        ((784, 256, 128, 10), 2048), ((784, 512, 512, 10), 256), ((784, 512, 512, 10), 2048)]
SIZES = [1, 1024, 16384, 262144, 1048576]


def least(run: Callable[[], object], seconds: float = 0.3, together: bool = True) -> float:
    """Microseconds of a call: the least mean of seven series, which the ranks begin together."""
    barrier = dist.barrier if together else lambda: None
    run()
    barrier()
    begin = time.perf_counter()
    for _ in range(3):
        run()
    once = torch.tensor((time.perf_counter() - begin) / 3, dtype=torch.float64)
    if together:
        dist.all_reduce(once, dist.ReduceOp.MAX)
    count = max(1, int(seconds / 7 / once.item()))
    found = []
    for _ in range(7):
        barrier()
        begin = time.perf_counter()
        for _ in range(count):
            run()
        found.append((time.perf_counter() - begin) / count)
    return 1e6 * min(found)


def step(widths: tuple[int, ...], rows: int, parallel: str) -> Callable[[], None]:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for i, o in pairwise(widths):
        layers += [nn.Linear(i, o), nn.ReLU()]
    net: nn.Module = nn.Sequential(*layers[:-1])
    x, y = torch.randn(rows, widths[0]), torch.randint(0, widths[-1], (rows,))
    if parallel == "gradients":
        net = nn.parallel.DistributedDataParallel(net)
    optimizer = optim.Adam(net.parameters())
    averager = PeriodicModelAverager(8) if parallel == "weights" else None

    def run() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
        if averager is not None:
            averager.average_parameters(net.parameters())
    return run


def main() -> None:
    torch.set_num_threads(1)
    dist.init_process_group("mpi")
    rank, size = dist.get_rank(), dist.get_world_size()
    if rank == 0:
        print(f"{size} ranks\n\n| all-reduce of | microseconds |\n| --- | ---: |")
    for n in SIZES:
        x = torch.zeros(n)
        t = least(lambda x=x: dist.all_reduce(x))
        if rank == 0:
            print(f"| {4 * n:,} bytes | {t:,.0f} |", flush=True)
    if rank == 0:
        print(f"\n| layer sizes | rows | weights | one rank | {size} ranks | gain | every 8 | gain |\n"
              "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for widths, rows in NETS:
        alone = least(step(widths, rows, ""), together=False) if rank == 0 else 0.0
        dist.barrier()
        each = least(step(widths, rows // size, "gradients"))
        seldom = least(step(widths, rows // size, "weights"))
        weights = sum(i * o + o for i, o in pairwise(widths))
        if rank == 0:
            print(f"| {'-'.join(map(str, widths))} | {rows:,} | {weights:,} | {alone:,.0f} | {each:,.0f} | "
                  f"{alone / each:.2f} | {seldom:,.0f} | {alone / seldom:.2f} |", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
