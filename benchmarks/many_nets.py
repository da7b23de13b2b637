"""Many small nets trained at once, against the peers that are installed: nanoseconds a net and step, whole epochs in one call.

    python benchmarks/many_nets.py [--threads 2] [--nets 64] [--optimizer adam] [--peers "jax vmap in scan"]

All nets learn from the same batches, gathered by a permutation, from weights of their own. Each peer runs in a process of its
own; the losses of each net's first steps are checked against a float64 computation before anything is timed.
"""
from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import median
from typing import ClassVar

import harness
import numpy as np
import peers
from peers import ADAM_LR, SGD_LR, Net
from train_step import SETTLE, TOLERANCE, agree

TINY = Net("tiny", (2, 16, 16, 2), 32)
STEPS = 64              # of an epoch
CHECKED_STEPS = 12      # more than train_many() runs before the first replay


def start(net: Net, nets: int):
    """(the weights of each net, x, y) of an epoch."""
    rng = np.random.default_rng(7)
    bounds = [(i, o, i ** -0.5) for i, o in zip(net.widths, net.widths[1:])]
    weights = [[(rng.uniform(-b, b, (o, i)).astype(net.dtype), rng.uniform(-b, b, o).astype(net.dtype)) for i, o, b in bounds]
               for _ in range(nets)]
    return weights, *replace(net, batch=net.batch * STEPS).arrays()[1:]


def order_of(net: Net) -> np.ndarray:
    """The permutation of the first epoch, as train_many() draws it."""
    import tinygrad_c
    return tinygrad_c.randperm(net.batch * STEPS, generator=tinygrad_c.Generator().manual_seed(8)).numpy()


class TrainMany:
    """train_many() of as many modules; it draws a permutation for each epoch."""

    VARIANTS: ClassVar = {"": {}}

    def __init__(self, net, weights, x, y, threads):
        import tinygrad_c
        self.T, self.net, self.start, self.threads = tinygrad_c, net, weights, threads
        self.x, self.y = tinygrad_c.from_numpy(x), tinygrad_c.from_numpy(y)

    def reset(self):
        T, nn = self.T, self.T.nn
        self.generator, self.steps = T.Generator().manual_seed(8), []
        for weights in self.start:
            layers = []
            for w, b in weights:
                layers += [nn.Linear(w.shape[1], w.shape[0]), nn.ReLU()]
                with T.no_grad():
                    layers[-2].weight.copy_(T.from_numpy(w))
                    layers[-2].bias.copy_(T.from_numpy(b))
            self.steps.append(self.step_of(nn.Sequential(*layers[:-1])))

    def step_of(self, model):
        T, loss_fn = self.T, self.T.nn.CrossEntropyLoss()
        sgd = self.net.optimizer == "sgd"
        optimizer = T.optim.SGD(model.parameters(), lr=SGD_LR) if sgd else T.optim.Adam(model.parameters(), lr=ADAM_LR)

        @T.compile
        def step(x, y):
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            return loss
        return step

    def epoch(self, order):
        losses = self.T.train_many(self.steps, self.x, self.y, batch_size=self.net.batch, shuffle=True,
                                   generator=self.generator, num_threads=self.threads)
        return self.T.stack(losses)[:, 0].t().numpy()


class OneAfterTheOther(TrainMany):
    """step.epochs() of each net."""

    def epoch(self, order):
        state, found = self.generator.get_state(), []
        for step in self.steps:
            self.generator.set_state(state)
            found.append(step.epochs(self.x, self.y, batch_size=self.net.batch, shuffle=True, generator=self.generator))
        return self.T.stack(found)[:, 0].t().numpy()


class Stacked:
    """PyTorch's way by hand: the weights of all nets in one tensor, a batched product for each layer."""

    VARIANTS: ClassVar = {"": {}}
    engine = "torch"

    def __init__(self, net, weights, x, y, threads):
        T = self.T = importlib.import_module(self.engine)
        T.set_num_threads(threads)
        self.net, self.nets = net, len(weights)
        self.x, self.y = T.from_numpy(x), T.from_numpy(y)
        self.start = [T.from_numpy(np.stack(ps)) for layer in zip(*weights) for ps in
                      ([w.T for w, _ in layer], [b[None] for _, b in layer])]

    def reset(self):
        self.parameters = [p.clone().requires_grad_() for p in self.start]
        optim = importlib.import_module(self.engine + ".optim")
        sgd = self.net.optimizer == "sgd"
        self.optimizer = optim.SGD(self.parameters, lr=SGD_LR) if sgd else optim.Adam(self.parameters, lr=ADAM_LR)

    def losses_of(self, x, y):
        T, h, ps = self.T, x.expand(self.nets, *x.shape), self.parameters
        for w, b in zip(ps[:-2:2], ps[1:-2:2]):
            h = T.baddbmm(b, h, w).relu()
        out = T.baddbmm(ps[-1], h, ps[-2])
        every = T.nn.functional.cross_entropy(out.reshape(-1, out.shape[2]), y.repeat(self.nets), reduction="none")
        return every.view(self.nets, -1).mean(1)

    def epoch(self, order):
        found = []
        for rows in self.T.from_numpy(order).split(self.net.batch):
            self.optimizer.zero_grad()
            losses = self.losses_of(self.x[rows], self.y[rows])
            losses.sum().backward()
            self.optimizer.step()
            found.append(losses.detach())
        return self.T.stack(found).numpy()


class OursStacked(Stacked):
    """The same with this package."""

    engine = "tinygrad_c"


class TorchVmap(Stacked):
    """torch.func: vmap of the gradient of one net."""

    def reset(self):
        super().reset()
        F, func = self.T.nn.functional, self.T.func

        def loss_of(parameters, x, y):
            h = x
            for w, b in zip(parameters[:-2:2], parameters[1:-2:2]):
                h = (h @ w + b).relu()
            return F.cross_entropy(h @ parameters[-2] + parameters[-1], y)
        self.gradients = func.vmap(func.grad_and_value(loss_of), in_dims=(0, None, None))

    def epoch(self, order):
        found = []
        parameters = [p.detach() for p in self.parameters]
        for rows in self.T.from_numpy(order).split(self.net.batch):
            grads, losses = self.gradients(parameters, self.x[rows], self.y[rows])
            for p, g in zip(self.parameters, grads):
                p.grad = g
            self.optimizer.step()
            found.append(losses)
        return self.T.stack(found).numpy()


class JaxVmap(peers.Jax):
    """jax.vmap of a step, in jax.lax.scan over the epoch, in one jit."""

    VARIANTS: ClassVar = {f"{'one-hot' if one_hot else 'labels'}, gathered {'before' if before else 'inside'}, unroll {unroll}":
                          {"one_hot": one_hot, "before": before, "unroll": unroll}
                          for one_hot, before, unroll in product((False, True), (False, True), (1, 4))}

    def __init__(self, net, weights, x, y, threads, one_hot, before, unroll):
        super().__init__(net, weights[0], x, y, threads, one_hot=one_hot)
        self.weights = [(np.stack([w.T for w, _ in layer]), np.stack([b for _, b in layer])) for layer in zip(*weights)]
        self.nets = len(weights)
        update, scan = self.jax.vmap(self.update, in_axes=(0, None, None)), self.jax.lax.scan

        def inside(state, x, y, rows):
            return scan(lambda state, batch: update(state, x[batch], y[batch]), state, rows, unroll=unroll)

        def gathered(state, x, y, rows):
            return scan(lambda state, batch: update(state, *batch), state, (x[rows], y[rows]), unroll=unroll)
        self.run_epoch = self.jax.jit(gathered if before else inside, donate_argnums=0)

    def reset(self):
        super().reset()
        if self.net.optimizer != "sgd":
            self.state = (*self.state[:3], self.jnp.zeros(self.nets, self.x.dtype))

    def epoch(self, order):
        rows = self.jnp.asarray(order.reshape(-1, self.net.batch))
        self.state, losses = self.jax.block_until_ready(self.run_epoch(self.state, self.x, self.y, rows))
        return np.asarray(losses)


PEERS = {
    "tinygrad_c train_many": (TrainMany, "tinygrad_c"),
    "tinygrad_c epochs, in turn": (OneAfterTheOther, "tinygrad_c"),
    "tinygrad_c baddbmm": (OursStacked, "tinygrad_c"),
    "jax vmap in scan": (JaxVmap, "jax"),
    "torch baddbmm": (Stacked, "torch"),
    "torch vmap(grad)": (TorchVmap, "torch"),
}


def reference(net: Net, nets: int) -> list[float]:
    """The losses of the first steps of each net, in float64."""
    weights, x, y = start(net, nets)
    found, order = [], order_of(net).reshape(-1, net.batch)[:CHECKED_STEPS]
    for each in weights:
        trainer = peers.NumPy(replace(net, dtype="float64"), [(w.astype("float64"), b.astype("float64")) for w, b in each],
                              x[:net.batch].astype("float64"), y[:net.batch], 1)
        trainer.reset()
        for rows in order:
            trainer.x, trainer.y = x[rows].astype("float64"), y[rows]
            found.append(trainer.step())
    return found


class Trainer:
    """Runs the benchmark of one peer, in the peer's process."""

    def __init__(self, peer: str, threads: int) -> None:
        self.kind, self.threads = PEERS[peer][0], threads

    def prepare(self, net: dict, nets: int, seconds: float) -> dict:
        net, best = Net.from_json(net), None
        self.order = order_of(net)
        for label, options in self.kind.VARIANTS.items():
            trainer = self.kind(net, *start(net, nets), self.threads, **options)
            trainer.reset()
            losses = np.asarray(trainer.epoch(self.order))[:CHECKED_STEPS].T.ravel().tolist()
            trainer.epoch(self.order)
            taken = min(self.once(trainer) for _ in range(3))
            if best is None or taken < best[0]:
                best = taken, label, losses, trainer
        self.seconds, label, losses, self.trainer = best
        return {"losses": losses, "variant": label}

    def once(self, trainer) -> float:
        begin = time.perf_counter()
        trainer.epoch(self.order)
        return time.perf_counter() - begin

    def time(self, seconds: float) -> float:
        return median(self.once(self.trainer) for _ in range(max(2, round(seconds / self.seconds))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="threads, and cores to run on (default: 1)")
    parser.add_argument("--nets", type=int, default=64, help="how many (default: 64)")
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="sgd")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help=f"of {', '.join(PEERS)} (default: all installed)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.1, help="of one peer's burst in a round (default: 0.1)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    harness.pin(args.threads)
    if args.worker:
        trainer = Trainer(args.worker, args.threads)
        harness.serve({"prepare": trainer.prepare, "time": trainer.time})
        return

    net = replace(TINY, optimizer=args.optimizer)
    names = [name for name, (_, module) in PEERS.items()
             if importlib.util.find_spec(module) and (not args.peers or name in args.peers or name == "tinygrad_c train_many")]
    print(f"{harness.processor()}; {args.threads} thread(s), {args.nets} nets {net}, {args.optimizer}; nanoseconds a net and "
          f"step, median of {args.rounds} rounds\n", flush=True)
    expected, ready = reference(net, args.nets), {}
    for name in names:
        worker = harness.Worker(Path(__file__), name, args.threads)
        try:
            answer = worker.ask(do="prepare", net=net.to_json(), nets=args.nets, seconds=args.seconds)
        except RuntimeError as error:
            print(f"  left out: {error}", file=sys.stderr)
            continue
        if agree(answer["losses"], expected, TOLERANCE[net.dtype]):
            ready[name] = worker, answer["variant"]
        else:
            print(f"  left out: {name} disagrees", file=sys.stderr)
    bursts = {name: [] for name in ready}
    for _ in range(args.rounds):
        for name, (worker, _) in ready.items():
            time.sleep(SETTLE)
            bursts[name].append(worker.ask(do="time", seconds=args.seconds) / STEPS / args.nets)
    for worker, _ in ready.values():
        worker.close()
    times = {name: median(each) for name, each in bursts.items()}
    ours = times["tinygrad_c train_many"]
    print(harness.table([f"{args.nets} nets at once", "ns a net and step", "/ train_many", "fastest variant"],
                        [[name, harness.digits(taken, 1e-9), f"{taken / ours:.2f}", ready[name][1]]
                         for name, taken in times.items()]))


if __name__ == "__main__":
    main()
