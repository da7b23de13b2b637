"""One training epoch, written as is fastest for each peer: every step gathers its batch from rows in memory by a permutation.

    trainer = Peer(net, weights, x, y, threads, **Peer.VARIANTS[label]); trainer.reset(); losses = trainer.epoch(order)

x and y hold all rows of the epoch, `order` is a permutation of them. epoch() trains on len(order) // net.batch batches,
starting with the weights after reset() or the epoch before, and waits until it is done. peers.py defines the steps.
"""
from __future__ import annotations

import importlib.util
from itertools import product
from typing import ClassVar

import numpy as np
import peers

ORDER_SEED = 8


class NumPy(peers.NumPy):
    """NumPy by hand; batches are gathered into preallocated buffers."""

    def __init__(self, net, weights, x, y, threads):
        super().__init__(net, weights, x, y, threads)
        self.all_x, self.all_y = x, y
        self.x = np.empty((net.batch, *x.shape[1:]), x.dtype)
        self.y = np.empty((net.batch, *y.shape[1:]), y.dtype)

    def epoch(self, order):
        losses = []
        for rows in order.reshape(-1, self.net.batch):
            np.take(self.all_x, rows, 0, out=self.x, mode="clip")
            np.take(self.all_y, rows, 0, out=self.y, mode="clip")
            losses.append(self.step())
        return losses


class Torch(peers.Torch):
    """PyTorch, eager, and the base of Ours. The rows are gathered batch by batch, or all at the start of the epoch."""

    VARIANTS: ClassVar = {f"{optimizer or 'plain'}, gathered {when}": {"before": when == "before", **options}
                          for optimizer, options in peers.Torch.VARIANTS.items() for when in ("a step", "before")}

    def __init__(self, net, weights, x, y, threads, before=False, **optimizer_options):
        super().__init__(net, weights, x, y, threads, **optimizer_options)
        self.before = before

    def loss_of(self, x, y):
        return self.loss(self.model(x), y)

    def batches(self, order):
        order = self.torch.from_numpy(order)
        if self.before:
            return zip(self.x[order].split(self.net.batch), self.y[order].split(self.net.batch))
        return ((self.x[rows], self.y[rows]) for rows in order.split(self.net.batch))

    def epoch(self, order):
        optimizer, losses = self.optimizer, []
        for x, y in self.batches(order):
            optimizer.zero_grad()
            loss = self.loss_of(x, y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses


class Eager(Torch):
    """This package, eager, with the same code as PyTorch."""

    VARIANTS: ClassVar = {"gathered a step": {}, "gathered before": {"before": True}}
    engine = "tinygrad_c"


class Ours(Eager):
    """This package's step.epochs(). It draws a permutation for each epoch, the first of which is `order`."""

    VARIANTS: ClassVar = {"": {}}

    def reset(self):
        super().reset()
        model, loss_fn, optimizer = self.model, self.loss, self.optimizer
        self.generator = self.torch.Generator().manual_seed(ORDER_SEED)

        @self.torch.compile
        def step(x, y):
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            return loss
        self.compiled_step = step

    def epoch(self, order):
        return self.compiled_step.epochs(self.x, self.y, batch_size=self.net.batch, shuffle=True, generator=self.generator)[0]


class TorchCompile(Torch):
    """torch.compile of the forward pass and the loss; its backward is compiled with it."""

    def __init__(self, net, weights, x, y, threads, **options):
        super().__init__(net, weights, x, y, threads, **options)
        model, loss_fn = self.model, self.loss
        self.torch.compiler.reset()
        self.loss_of = self.torch.compile(lambda x, y: loss_fn(model(x), y), dynamic=False, fullgraph=True)


class Jax(peers.Jax):
    """jax.jit of the whole step, called once a step; each batch is gathered inside it, or all before the first."""

    VARIANTS: ClassVar = {f"{label or 'labels'}, gathered {when}": {"before": when == "before", **options}
                          for label, options in peers.Jax.VARIANTS.items() for when in ("inside", "before")}

    def __init__(self, net, weights, x, y, threads, before=False, **options):
        super().__init__(net, weights, x, y, threads, **options)
        update, jax = self.update, self.jax
        self.before = before
        self.gather = jax.jit(lambda x, rows: x[rows])
        self.step_on = jax.jit(lambda state, x, y, rows: update(state, x[rows], y[rows]), donate_argnums=0)

    def epoch(self, order):
        state, losses = self.state, []
        rows = self.jnp.asarray(order.reshape(-1, self.net.batch))
        if self.before:
            for x, y in zip(self.gather(self.x, rows), self.gather(self.y, rows)):
                state, loss = self.step(state, x, y)
                losses.append(loss)
        else:
            for batch in rows:
                state, loss = self.step_on(state, self.x, self.y, batch)
                losses.append(loss)
        self.state = self.jax.block_until_ready(state)
        return losses


class JaxScan(peers.Jax):
    """jax.lax.scan over the steps of the epoch, inside one jit."""

    VARIANTS: ClassVar = {
        f"{'one-hot' if one_hot else 'labels'}, gathered {'before' if before else 'inside'}, unroll {unroll}":
            {"one_hot": one_hot, "before": before, "unroll": unroll}
        for one_hot, before, unroll in product((False, True), (False, True), (1, 4))}

    def __init__(self, net, weights, x, y, threads, one_hot=False, before=False, unroll=1):
        super().__init__(net, weights, x, y, threads, one_hot=one_hot)
        update, scan = self.update, self.jax.lax.scan

        def inside(state, x, y, rows):
            return scan(lambda state, batch: update(state, x[batch], y[batch]), state, rows, unroll=unroll)

        def gathered(state, x, y, rows):
            return scan(lambda state, batch: update(state, *batch), state, (x[rows], y[rows]), unroll=unroll)

        self.run_epoch = self.jax.jit(gathered if before else inside, donate_argnums=0)

    def epoch(self, order):
        rows = self.jnp.asarray(order.reshape(-1, self.net.batch))
        self.state, losses = self.jax.block_until_ready(self.run_epoch(self.state, self.x, self.y, rows))
        return np.asarray(losses)


PEERS = {
    "tinygrad_c": (Ours, "tinygrad_c"),
    "tinygrad_c eager": (Eager, "tinygrad_c"),
    "torch eager": (Torch, "torch"),
    "torch.compile": (TorchCompile, "torch"),
    "jax.jit a step": (Jax, "jax"),
    "jax.lax.scan": (JaxScan, "jax"),
    "NumPy by hand": (NumPy, "numpy"),
}


def installed() -> list[str]:
    """The peers that can be imported here, in the order of PEERS."""
    return [name for name, (_, module) in PEERS.items() if importlib.util.find_spec(module)]
