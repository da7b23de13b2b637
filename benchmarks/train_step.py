"""Training-step times of small and large nets, against the peers that are installed.

    python benchmarks/train_step.py [--threads 2] [--optimizer adam] [--dtype float64] [--nets tiny digits] [--out FOLDER]
    python benchmarks/train_step.py --epoch      # whole epochs: batches gathered by a permutation, jax.lax.scan among the peers

A step is zero_grad, forward, loss, backward, optimizer, on a batch that stays in memory. Each peer runs in a process of its
own, all on the same cores; their first losses are checked against a float64 computation before anything is timed, then they
are timed in turn, round after round. The table gives medians.
"""
from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import epoch_peers
import harness
import numpy as np
import peers
from peers import Net

NETS = [
    Net("tiny", (2, 16, 16, 2), 32),
    Net("digits", (64, 64, 10), 32),
    Net("one row", (64, 64, 10), 1),
    Net("odd", (29, 100, 50, 5), 17),
    Net("mnist_s", (784, 128, 64, 10), 32),
    Net("mnist_s, one row", (784, 128, 64, 10), 1),
    Net("mnist_m", (784, 256, 128, 10), 128),
    Net("mnist_l", (784, 512, 512, 10), 256),
    Net("odd, large", (1111, 1777, 999, 20), 300),
    Net("big", (1024, 2048, 2048, 10), 512),
    Net("tanh rows", (4, 32, 16, 4), 10_000, activation="tanh", loss="mse", optimizer="adam"),
]
EPOCH_NETS = ("tiny", "digits", "one row", "odd", "mnist_s", "mnist_s, one row", "tanh rows")
CHECKED_STEPS = 4
CHECKED_EPOCH_STEPS = 12        # more than step.epochs() runs before the first replay
SETTLE = 0.2        # seconds before a turn, until the spinning threads of the peer before it (OpenBLAS: 0.1 s) go to sleep
TOLERANCE = {"float32": 1e-4, "float64": 1e-6}      # of the loss, relative


class Trainer:
    """Runs the benchmark of one peer, in the peer's process."""

    KINDS = peers.PEERS

    def __init__(self, peer: str, threads: int) -> None:
        self.kind = self.KINDS[peer][0]
        self.threads = threads

    def prepare(self, net: dict, seconds: float) -> dict:
        """Finds the fastest variant, whose seconds per step it keeps; returns its first losses and its label."""
        net = Net.from_json(net)
        best = None
        for label, options in self.kind.VARIANTS.items():
            trainer = self.make(net, options)
            trainer.reset()
            losses = self.first_losses(trainer)
            self.run(trainer, 3)
            steps = max(2, round(seconds / 4 / self.burst(trainer, 2)[0]))
            taken = min(self.burst(trainer, steps)[0] for _ in range(3))
            if best is None or taken < best[0]:
                best = taken, label, losses, trainer
        self.seconds, label, losses, self.trainer = best
        return {"losses": losses, "variant": label}

    def time(self, seconds: float) -> tuple[float, float]:
        self.trainer.reset()
        self.run(self.trainer, 2)
        return self.burst(self.trainer, max(2, round(seconds / self.seconds)))

    def burst(self, trainer, steps: int) -> tuple[float, float]:
        """Wall-clock and processor seconds per step."""
        cpu, wall = time.process_time(), time.perf_counter()
        done = self.run(trainer, steps)
        return (time.perf_counter() - wall) / done, (time.process_time() - cpu) / done

    # ---- Steps on one batch

    def make(self, net: Net, options: dict):
        return self.kind(net, *net.arrays(), self.threads, **options)

    def first_losses(self, trainer) -> list[float]:
        return [float(trainer.run(1)[-1]) for _ in range(CHECKED_STEPS)]

    def run(self, trainer, steps: int) -> int:
        """Take that many steps; returns how many were taken."""
        trainer.run(steps)
        return steps


class EpochTrainer(Trainer):
    """The same for whole epochs."""

    KINDS = epoch_peers.PEERS

    def make(self, net: Net, options: dict):
        self.steps, self.order = epoch_steps(net), order_of(net)
        return self.kind(net, *rows_of(net), self.threads, **options)

    def first_losses(self, trainer) -> list[float]:
        return [float(loss) for loss in trainer.epoch(self.order)[:CHECKED_EPOCH_STEPS]]

    def run(self, trainer, steps: int) -> int:
        epochs = max(1, round(steps / self.steps))
        for _ in range(epochs):
            trainer.epoch(self.order)
        return epochs * self.steps


def epoch_steps(net: Net) -> int:
    """Steps of an epoch: 64, fewer where 64 batches are over a million numbers."""
    return max(4, min(64, 1_000_000 // (net.batch * net.widths[0])))


def rows_of(net: Net) -> tuple:
    """The weights of `net`, and the rows of an epoch."""
    return replace(net, batch=net.batch * epoch_steps(net)).arrays()


def order_of(net: Net) -> np.ndarray:
    """The permutation of the first epoch's rows, as step.epochs() draws it."""
    import tinygrad_c
    return tinygrad_c.randperm(net.batch * epoch_steps(net),
                               generator=tinygrad_c.Generator().manual_seed(epoch_peers.ORDER_SEED)).numpy()


def reference(net: Net, epoch: bool) -> list[float]:
    """The losses of the first steps, computed in float64 from the weights that all start from."""
    weights, x, y = rows_of(net) if epoch else net.arrays()
    exact = replace(net, dtype="float64")
    weights = [(w.astype("float64"), b.astype("float64")) for w, b in weights]
    arrays = weights, x.astype("float64"), y if net.loss != "mse" else y.astype("float64")
    if epoch:
        trainer = epoch_peers.NumPy(exact, *arrays, 1)
        trainer.reset()
        return trainer.epoch(order_of(net))[:CHECKED_EPOCH_STEPS]
    trainer = peers.NumPy(exact, *arrays, 1)
    trainer.reset()
    return trainer.run(CHECKED_STEPS)


def agree(losses: list[float], expected: list[float], tolerance: float) -> bool:
    return all(abs(a - b) <= tolerance * abs(b) for a, b in zip(losses, expected))


def measure(net: Net, workers: list[harness.Worker], rounds: int, seconds: float,
            epoch: bool = False) -> dict[str, tuple[float, float]]:
    """(wall, processor) seconds per step of each peer that agrees with the reference. Prints why a peer is left out."""
    expected = reference(net, epoch)
    ready = []
    for worker in workers:
        try:
            answer = worker.ask(do="prepare", net=net.to_json(), seconds=seconds)
        except RuntimeError as error:
            print(f"  {net.name}: left out: {error}", file=sys.stderr)
            continue
        if not agree(answer["losses"], expected, TOLERANCE[net.dtype]):
            print(f"  {net.name}: left out: {worker.peer} disagrees: {answer['losses']}, expected {expected}", file=sys.stderr)
            continue
        ready.append(worker)
    bursts = {worker.peer: [] for worker in ready}
    for _ in range(rounds):
        for worker in ready:
            time.sleep(SETTLE)
            bursts[worker.peer].append(worker.ask(do="time", seconds=seconds))
    return {peer: tuple(median(column) for column in zip(*times)) for peer, times in bursts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="threads, and cores to run on (default: 1)")
    parser.add_argument("--optimizer", choices=("sgd", "adam"), help="for all nets (default: as each net says)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--nets", nargs="+", metavar="NAME", help=f"of {', '.join(net.name for net in NETS)} (default: all)")
    parser.add_argument("--epoch", action="store_true", help="whole epochs, a step of them")
    parser.add_argument("--peers", nargs="+", metavar="NAME",
                        help=f"of {', '.join(peers.PEERS)}; of epochs {', '.join(epoch_peers.PEERS)} (default: all installed)")
    harness.clock_option(parser)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.05, help="of one peer's burst in a round (default: 0.05)")
    parser.add_argument("--out", type=Path, default=Path("runs"), metavar="FOLDER", help="for the picture (default: runs)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    machine = harness.processor()
    harness.pin(args.threads)
    if args.worker:
        trainer = (EpochTrainer if args.epoch else Trainer)(args.worker, args.threads)
        harness.serve({"prepare": trainer.prepare, "time": trainer.time})
        return

    nets = [replace(net, dtype=args.dtype, optimizer=args.optimizer or net.optimizer) for net in NETS
            if (net.name in args.nets if args.nets else not args.epoch or net.name in EPOCH_NETS)]
    names = [peer for peer in (epoch_peers if args.epoch else peers).installed()
             if not args.peers or peer in args.peers or peer == "tinygrad_c"]
    print(f"{machine}; {args.threads} thread(s), {args.dtype}{', ' + args.optimizer if args.optimizer else ''}; "
          f"microseconds ({args.clock}) a step, median of {args.rounds} rounds\n", flush=True)
    workers = [harness.Worker(Path(__file__), peer, args.threads, ["--epoch"] * args.epoch) for peer in names]
    results, busy = {}, {}
    for net in nets:
        found = measure(net, workers, args.rounds, args.seconds, args.epoch)
        results[net] = {peer: cpu if args.clock == "cpu" else wall for peer, (wall, cpu) in found.items()}
        busy[net] = {peer: cpu / wall for peer, (wall, cpu) in found.items()}
        print(f"  {net}: " + ", ".join(f"{p} {harness.digits(t)}" for p, t in results[net].items()), file=sys.stderr)
    for worker in workers:
        worker.close()

    rows = []
    for net, times in results.items():
        ours = times.get("tinygrad_c")
        others = {peer: taken for peer, taken in times.items() if not peer.startswith("tinygrad_c")}
        best = min(others, key=others.get, default=None)
        rows.append([str(net), *(harness.digits(times.get(peer)) for peer in names),
                     f"{others['torch eager'] / ours:.1f}" if ours and "torch eager" in others else "",
                     f"{others[best] / ours:.2f} ({best})" if ours and best else "",
                     f"{busy[net]['tinygrad_c']:.2f}" if ours else ""])
    print(harness.table(["net, batch", *names, "torch / ours", "best peer / ours", "our cpu / wall"], rows))
    kind = "epoch" if args.epoch else "train_step"
    harness.bars(args.out / f"{kind}_{args.dtype}_{args.threads}.png", f"one training step, {args.threads} thread(s)", "us",
                 [net.name for net in results],
                 {peer: [1e6 * times[peer] if peer in times else None for times in results.values()] for peer in names})


if __name__ == "__main__":
    main()
