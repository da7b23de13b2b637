"""`train`: a table becomes a net that answers for rows it has not seen."""
from __future__ import annotations

import argparse
import contextlib
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinygrad_c import Generator, datasets, from_numpy, get_num_threads, manual_seed, nn, optim, randperm, set_num_threads
from tinygrad_c.cli import encode, model, report
from tinygrad_c.cli.errors import need
from tinygrad_c.cli.files import check_writable, write_file
from tinygrad_c.cli.plan import Plan, effects, make_plan
from tinygrad_c.cli.score import Score, score
from tinygrad_c.cli.table import read_table
from tinygrad_c.utils.data import DataLoader, TensorDataset

CURVE_ROWS = 2000         # of the training rows, at most, on which their curve is drawn
SAVE_EVERY = 2.0          # seconds, at most: a long training that is killed leaves its best net behind
FILES = ["model.safetensors", "curves.png"]
INTERRUPTED = 130         # the exit status of a program that Ctrl-C ended


@dataclass
class Training:
    """What a training has come to: the best weights so far by the validation rows, and a pair of scores for each epoch."""

    history: list[tuple[Score, Score]] = field(default_factory=list)   # on training rows, on validation rows
    best: dict[str, np.ndarray] | None = None
    best_epoch: int = 0
    samples: int = 0
    seconds: float = 0.0      # in training steps
    stopped: str = ""         # why it ended before its last epoch

    @property
    def best_score(self) -> Score:
        return self.history[self.best_epoch - 1][1]


def train(args: argparse.Namespace) -> int:
    """The command. All that can be wrong with the input is found out before anything is written."""
    for library in ("pandas", "tqdm", "safetensors", "matplotlib"):
        need(library)
    path = args.file or str(datasets.digits_path())
    table = read_table(path)
    table.path = args.file or "the bundled digits"
    target = args.target or table.names[-1]
    task, answers = encode.read_target(table, target, args.task)
    seed = args.seed or 0
    rows = encode.split(answers, randperm(len(table), generator=Generator().manual_seed(seed)).numpy())
    recipe, notes = encode.fit(table, target, task, answers, rows[0])
    X, filled = recipe.encode(table)
    y = recipe.encode_target(answers)
    notes += filled + encode.rare_classes(recipe, y[rows[0]])
    out = Path(args.out or Path("runs") / Path(path).name.partition(".")[0])
    check_writable(out, FILES)

    if args.threads is not None:
        set_num_threads(args.threads)
    plan = make_plan(args, task, len(rows[0]), get_num_threads())
    report.print_table(table, recipe, rows, notes)
    manual_seed(seed)
    widths = [X.shape[1], *plan.hidden, recipe.outputs]
    net = model.network(widths, plan.dropout)

    def facts(training: Training) -> dict:
        return {"rows": len(table), "best_epoch": training.best_epoch, "validation": str(training.best_score),
                "settings": {name: value for name, value, *_ in effects(plan, widths, 0, 0, "")}}

    def save(training: Training) -> None:
        write_file(out / FILES[0], model.dump(training.best, recipe, facts(training)))

    part = [(X[i], y[i]) for i in rows]
    training = fit(net, recipe, plan, part[0], part[1], save)
    if training.best is None:
        print(f"tinygrad_c: {training.stopped}; nothing is saved", file=sys.stderr)
        return INTERRUPTED if training.stopped == "interrupted" else 1
    with undisturbed():
        net.load_state_dict({name: from_numpy(w) for name, w in training.best.items()})
        save(training)
        write_file(out / FILES[1], report.curves(training.history, training.best_epoch))
        report.print_result(recipe, model.run(net, part[2][0]), part[2][1])
        print(f"speed: {training.samples / max(training.seconds, 1e-9):,.0f} samples per second "
              f"({training.samples:,} in {training.seconds:.2f} s)")
        report.print_effects(effects(plan, widths, training.best_epoch, len(training.history), gain(training)))
        print(f"wrote {out / FILES[0]} and {out / FILES[1]}")
    if training.stopped:
        print(f"tinygrad_c: {training.stopped}; the best net so far (epoch {training.best_epoch}) is saved in {out / FILES[0]}",
              file=sys.stderr)
        return INTERRUPTED if training.stopped == "interrupted" else 1
    return 0


def fit(net: nn.Module, recipe: encode.Recipe, plan: Plan, train_part: tuple, validation: tuple,
        save: Callable[[Training], None]) -> Training:
    """Train by the plan; Ctrl-C or a loss that is no number ends it, with what it has come to so far."""
    X, y = map(from_numpy, train_part)
    every = math.ceil(len(X) / CURVE_ROWS)      # the rows are sorted by their answer
    sample = tuple(np.ascontiguousarray(part[::every]) for part in train_part)
    order = Generator().manual_seed(plan.seed)
    loader = DataLoader(TensorDataset(X, y), batch_size=plan.batch_size, shuffle=True, generator=order)
    loss_of = nn.MSELoss() if recipe.task == encode.REGRESSION else nn.CrossEntropyLoss(label_smoothing=plan.smoothing)
    optimizer = make_optimizer(plan, net)
    training = Training()
    step, saved, saved_at = 0, 0, time.monotonic()
    bar = need("tqdm").tqdm(total=plan.epochs, desc="training", unit="epoch", file=sys.stderr)
    try:
        for epoch in range(1, plan.epochs + 1):
            net.train()
            start = time.perf_counter()
            for inputs, targets in loader:
                for group in optimizer.param_groups:
                    group["lr"] = plan.lr_at(step)
                optimizer.zero_grad()
                loss = loss_of(net(inputs), targets)
                loss.backward()
                optimizer.step()
                step += 1
                if not math.isfinite(loss.item()):
                    training.stopped = (f"epoch {epoch}, step {step}: the loss is {loss.item():g}; "
                                        f"a lower --lr than {plan.lr:g} may help")
                    return training
            training.seconds += time.perf_counter() - start
            training.samples += len(X)
            scores = tuple(score(recipe, model.run(net, x), t) for x, t in (sample, validation))
            training.history.append(scores)
            if math.isfinite(scores[1].loss) and (training.best is None or scores[1].rank >= training.best_score.rank):
                training.best, training.best_epoch = model.weights(net), epoch
            if training.best_epoch > saved and time.monotonic() - saved_at > SAVE_EVERY:
                save(training)
                saved, saved_at = training.best_epoch, time.monotonic()
            bar.set_postfix_str(f"validation {scores[1]}", refresh=False)
            bar.update()
        if training.best is None:
            training.stopped = "the loss on the validation rows was never finite; a lower --lr may help"
    except KeyboardInterrupt:
        training.stopped = "interrupted"
    finally:
        bar.close()
    return training


def make_optimizer(plan: Plan, net: nn.Module) -> optim.Optimizer:
    """The optimizer that the plan names, with the settings that plan.OPTIMIZERS tells."""
    parameters = net.parameters()
    if plan.optimizer == "sgd":
        return optim.SGD(parameters, lr=plan.lr, momentum=0.9, nesterov=True)
    return {"adamw": optim.AdamW, "adam": optim.Adam, "rmsprop": optim.RMSprop, "adagrad": optim.Adagrad}[plan.optimizer](
        parameters, lr=plan.lr)


def gain(training: Training) -> str:
    """What the epochs brought on the validation rows, from the first to the one that is kept."""
    first, kept = training.history[0][1], training.best_score
    return f"validation {kept.name} {str(first).split()[1]} -> {str(kept).split()[1]}"


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits until what has been learned is on disk."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:      # not in the main thread, where Ctrl-C does not arrive anyway
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

