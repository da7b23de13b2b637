"""Training on rows in memory, whole epochs in one call: step.epochs() and train_many().

Batches are those of DataLoader. run_many() runs the batches for which a program is valid; all others, among them the first
ones of each step, are run by Python.
"""
from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence, Set
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.kernels.runtime.threads import get_num_threads
from tinygrad_c.ops.create import create
from tinygrad_c.ops.random import random as draws
from tinygrad_c.optim.lr_scheduler.plateau import ReduceLROnPlateau
from tinygrad_c.programs.program import Step, fits_rows, memory_used, memory_written, run_many
from tinygrad_c.programs.walk import TooMany, Walk


class Run:
    """The training of one step."""

    def __init__(self, number: int, step: Any, data: Sequence[Tensor], batch_size: int, drop_last: bool, epochs: int) -> None:
        self.number, self.step, self.batch_size = number, step, batch_size
        self.sources = [each.contiguous() for each in data]
        self.rows = data[0].shape[0]
        self.whole = self.rows // batch_size
        self.steps = self.whole if drop_last else -(-self.rows // batch_size)
        self.losses = create.zeros_(epochs, self.steps)
        self.epoch = self.at = 0
        self.order: Tensor = create.arange(self.rows)
        self.stream: Any = None         # the default generator's state after this training's last draw; None: it is not shared

    def begin(self, epoch: int, order: Tensor) -> None:
        self.epoch, self.at, self.order = epoch, 0, order

    def batches(self) -> tuple[Any, ...] | None:
        """The next batches of one shape as an item for run_many(), or None if no program is valid for them."""
        first = self.at * self.batch_size
        rows = min(self.batch_size, self.rows - first)
        for program in reversed(self.step.ready):
            if fits_rows(program, rows, self.sources):
                return (program, rows, self.sources, self.order, first, max(self.whole - self.at, 1), self.losses,
                        self.epoch * self.steps + self.at)
        return None

    def python_step(self) -> None:
        """The next batch."""
        first = self.at * self.batch_size
        rows = self.order[first:first + self.batch_size]
        loss = self.step(*[each[rows] for each in self.sources])
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise TypeError("whole epochs need a step that returns its loss, one number, but it returned "
                            f"{f'a tensor of shape {list(loss.shape)}' if isinstance(loss, Tensor) else type(loss).__name__}")
        if loss.dtype != self.losses.dtype:
            self.losses = self.losses.to(loss.dtype)
        with no_grad():
            self.losses[self.epoch, self.at] = loss.detach().reshape(())
        self.at += 1


class Streams:
    """Gives each training its own copy of the default generator's state, so that it draws the numbers it would draw alone."""

    def __init__(self, runs: list[Run]) -> None:
        self.shared = len(runs) > 1
        self.orders: dict[bytes, tuple[Tensor, Tensor]] = {}        # permutations, by the generator's state before
        for run in runs if self.shared else []:
            run.stream = draws.default_generator.get_state()

    def order(self, run: Run) -> Tensor:
        """A permutation of the rows."""
        if not self.shared:
            return draws.randperm(run.rows)
        key = run.rows.to_bytes(8, "little") + run.stream.numpy().tobytes()
        if key not in self.orders:
            draws.default_generator.set_state(run.stream)
            order = draws.randperm(run.rows)
            self.orders[key] = order, draws.default_generator.get_state()
        order, run.stream = self.orders[key]
        return order

    @contextlib.contextmanager
    def of(self, run: Run) -> Iterator[None]:
        """Inside the block the default generator has this training's state."""
        if not self.shared:
            yield
            return
        draws.default_generator.set_state(run.stream)
        try:
            yield
        finally:
            run.stream = draws.default_generator.get_state()


class Owners:
    """Checks that no training uses memory that another one writes."""

    def __init__(self) -> None:
        self.writer: dict[int, int] = {}
        self.user: dict[int, int] = {}          # the last user
        self.seen: dict[int, Any] = {}

    def add_step(self, number: int, step: Any) -> None:
        """A step without a program is assumed to write every tensor that requires a gradient."""
        for program in step.ready:
            self.add_program(number, program)
        if not step.ready:
            with contextlib.suppress(TooMany):          # such a step stays eager
                leaves = memory_used(Walk((step.function,)).guards, True)
                self.add(number, leaves.keys(), leaves)

    def add_program(self, number: int, program: Any) -> None:
        if id(program) not in self.seen:
            self.seen[id(program)] = program
            self.add(number, memory_written(program), memory_used(program.guards, False))

    def add(self, number: int, written: Set[int], used: dict[int, list[int]]) -> None:
        """Storages by their id; `used` has the shape of a tensor of each."""
        for which, owner in ((used.keys() & self.writer.keys(), self.writer), (written & self.user.keys(), self.user)):
            for storage in which:
                if owner[storage] != number:
                    one, other = sorted((number, owner[storage]))
                    raise ValueError(f"train_many(): steps {one} and {other} use a tensor of shape {used.get(storage, [])} "
                                     "that one of them trains: each needs a net and an optimizer of its own")
        self.writer.update(dict.fromkeys(written, number))
        self.user.update(dict.fromkeys(used, number))


def train_epoch(runs: list[Run], streams: Streams, owners: Owners, threads: int) -> None:
    pending = [run for run in runs if run.at < run.steps]
    while pending:
        found = [(run, item) for run in pending if (item := run.batches()) is not None]
        if len(runs) > 1:
            for run, item in found:
                owners.add_program(run.number, item[0])
        waiting = set(map(id, pending))
        alone = [(run, item) for run, item in found if streams.shared and item[0].draws()]     # one after the other
        together = [(run, item) for run, item in found if not (streams.shared and item[0].draws())]
        done = list(zip(together, run_many([item for _, item in together], threads)))
        for run, item in alone:
            with streams.of(run):
                done.append(((run, item), run_many([item], threads)[0]))
        for (run, _), steps in done:
            run.at += steps
            if steps:
                waiting.discard(id(run))
        for run in pending:
            if id(run) in waiting:
                with streams.of(run):
                    run.python_step()
        pending = [run for run in pending if run.at < run.steps]


def train(steps: list[Any], data: list[list[Tensor]], batch_size: int, shuffle: bool, drop_last: bool, epochs: int,
          generators: list[Any], schedulers: list[Any], after_epoch: Any, threads: int) -> list[Tensor]:
    """Train each step on its data. after_epoch(epoch, losses of each step) returns for each step whether it is finished."""
    for name, value, least in (("batch_size", batch_size, 1), ("epochs", epochs, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            kind = "positive" if least else "non-negative"
            raise ValueError(f"{name} should be a {kind} integer value, but got {name}={value}")
    runs = [Run(i, step, each, batch_size, drop_last, epochs) for i, (step, each) in enumerate(zip(steps, data))]
    lengths = [epochs] * len(runs)
    streams, owners = Streams(runs), Owners()
    for i, step in enumerate(steps if len(steps) > 1 else []):
        owners.add_step(i, step)
    active = list(range(len(runs)))
    try:
        for epoch in range(epochs):
            drawn: dict[tuple[int, int], Tensor] = {}       # by generator and rows: a shared generator draws once per epoch
            for i in active:
                run, key = runs[i], (id(generators[i]), runs[i].rows)
                if shuffle and generators[i] is None:
                    run.begin(epoch, streams.order(run))
                elif shuffle:
                    if key not in drawn:
                        drawn[key] = draws.randperm(run.rows, generator=generators[i])
                    run.begin(epoch, drawn[key])
                else:
                    run.begin(epoch, run.order)
            streams.orders.clear()
            train_epoch([runs[i] for i in active], streams, owners, threads)
            for i in active:
                if isinstance(schedulers[i], ReduceLROnPlateau):
                    schedulers[i].step(runs[i].losses[epoch].mean().item())
                elif schedulers[i] is not None:
                    schedulers[i].step()
            if after_epoch is not None:
                ends = after_epoch(epoch, [run.losses[epoch] for run in runs])
                for i in [i for i in active if ends[i]]:
                    lengths[i] = epoch + 1
                    active.remove(i)
            if not active:
                break
    finally:
        if streams.shared:
            draws.default_generator.set_state(runs[-1].stream)
    return [run.losses[:length] for run, length in zip(runs, lengths)]


def tensors_of(data: Sequence[Any], who: str) -> list[Tensor]:
    """Checked, and without history."""
    if not data or not all(isinstance(each, Tensor) and each.ndim > 0 for each in data):
        raise TypeError(f"{who} needs tensors with a row for each sample, but got "
                        f"{', '.join(type(each).__name__ for each in data) or 'none'}")
    if any(each.shape[0] != data[0].shape[0] for each in data):
        raise ValueError(f"Size mismatch between tensors: they have {[each.shape[0] for each in data]} rows")
    if any(each.requires_grad for each in data):
        raise ValueError(f"{who} takes rows that do not require gradients: pass X.detach()")
    return [each.detach() for each in data]


def one_for_each(given: Any, n: int, name: str) -> list[Any]:
    """A list of n values unchanged; any other value n times."""
    if not isinstance(given, (list, tuple)):
        return [given] * n
    if len(given) != n:
        raise ValueError(f"train_many(): {name} is a list of {len(given)}, for {n} steps")
    return list(given)


def train_many(steps: Sequence[Any], *data: Any, batch_size: int = 1, shuffle: bool = False, drop_last: bool = False,
               epochs: int = 1, generator: Any = None, scheduler: Any = None, on_epoch: Any = None,
               num_threads: int | None = None) -> list[Tensor]:
    """Train many nets at once: each compiled step on all rows of the tensors `data`, as steps[i].epochs(*data, ...) does. Gives
    a tensor of losses for each step, a row for each epoch.

    The nets are ordinary modules of any shapes, each with an optimizer of its own. They take turns of some hundred steps, on
    num_threads threads (default: get_num_threads()); each net uses one thread. The bits are those of training each net alone,
    from the same states of the generators.

    Instead of a tensor of `data`, of the generator and the scheduler there may be a list with one for each step. A generator
    that several steps share draws one permutation an epoch for all of them. on_epoch(epoch, losses), with a tensor for
    each step, ends the training when it returns True; a list of bools ends that of these steps. Ctrl-C takes effect when each
    net is after a whole step.

    TypeError for steps that are not compiled or return no loss, ValueError for steps that train the same tensors and for lists
    of another length.

    >>> def make(lr):
    ...     w = tinygrad_c.zeros(1, requires_grad=True)
    ...     optimizer = tinygrad_c.optim.SGD([w], lr=lr)
    ...     @tinygrad_c.compile
    ...     def step(x, y):
    ...         optimizer.zero_grad()
    ...         loss = ((x * w - y) ** 2).mean()
    ...         loss.backward()
    ...         optimizer.step()
    ...         return loss
    ...     return step
    >>> x = tinygrad_c.arange(8.) / 8
    >>> losses = tinygrad_c.train_many([make(0.1), make(0.2)], x, 2 * x, batch_size=4, epochs=100)
    >>> [each.shape for each in losses]
    [torch.Size([100, 2]), torch.Size([100, 2])]
    """
    steps = list(steps)
    n = len(steps)
    for step in steps:
        if not isinstance(step, Step):
            raise TypeError(f"train_many() needs compiled steps, but got {type(step).__name__}: pass "
                            "[tinygrad_c.compile(step) for step in steps]")
    columns = [one_for_each(each, n, f"data {i}") for i, each in enumerate(data)]
    rows = [tensors_of([column[i] for column in columns], "train_many()") for i in range(n)]
    if num_threads is not None and (not isinstance(num_threads, int) or num_threads < 1):
        raise ValueError(f"train_many(): num_threads should be a positive integer value, but got num_threads={num_threads}")

    def after_epoch(epoch: int, losses: list[Tensor]) -> list[bool]:
        ends = on_epoch(epoch, losses)
        return one_for_each(ends, n, "what on_epoch returned")
    return train(steps, rows, batch_size, shuffle, drop_last, epochs, one_for_each(generator, n, "generator"),
                 one_for_each(scheduler, n, "scheduler"), after_epoch if on_epoch is not None else None,
                 num_threads or get_num_threads())


