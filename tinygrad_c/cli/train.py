"""`train`: trains nets on a table and saves them."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_c import datasets, set_num_threads
from tinygrad_c.cli import pictures, report
from tinygrad_c.cli.errors import DONE, FAILED, INTERRUPTED, USER_ERROR, UserError, need
from tinygrad_c.cli.files import check_writable, write_elsewhere, write_file
from tinygrad_c.cli.progress import Progress
from tinygrad_c.tables import modelfile
from tinygrad_c.tables.columns import as_column
from tinygrad_c.tables.decide import Choices
from tinygrad_c.tables.exchange import Exchange, started_by_mpirun
from tinygrad_c.tables.fit import Fitting, Options
from tinygrad_c.tables.model import TableModel
from tinygrad_c.tables.read import Table, read_table
from tinygrad_c.tables.target import CLASSIFICATION, Target, class_names
from tinygrad_c.tables.training import INTERRUPTED as INTERRUPTED_BY_USER
from tinygrad_c.tables.training import Trainer

MODEL, CURVES, ANSWERS, METRICS = "model.safetensors", "curves.png", "answers.png", "metrics.json"
FILES = [MODEL, CURVES, ANSWERS, METRICS, modelfile.CHECKPOINT]
ROOM = 15 * 4  # bytes per weight: models, old and new checkpoint (weights, best weights of four cycles, moments)
SMALL_FILES = 1 << 20  # bytes for pictures and text
DIGITS_HOLDOUT = 0.2


def train(args: argparse.Namespace) -> int:
    """The command. Errors in the input are raised before anything is written."""
    if not started_by_mpirun():
        return _train(args, None)
    need("mpi4py", "distributed")
    exchange = Exchange()
    if exchange.rank == 0:
        return _train(args, exchange)
    try:        # only the first process prints and writes
        return _train_quietly(args, exchange)
    except UserError:
        return USER_ERROR


def _train_quietly(args: argparse.Namespace, exchange: Exchange) -> int:
    """The same training in the other processes, without output."""
    if args.threads is not None:
        set_num_threads(args.threads)
    path = args.file or str(datasets.digits_path())
    table = read_table(path, text=args.category)
    if not args.file:
        table.path = "the bundled digits"
    fitting = Fitting(table, args.target or last_column(table), options(args), exchange=exchange)
    _check_exchange(fitting, args)
    if args.test is not None:
        read_test(args.test, fitting)
    fitting.run()
    return _status(fitting)


def _check_exchange(fitting: Fitting, args: argparse.Namespace) -> None:
    size = fitting.exchange.size
    if args.resume:
        raise UserError("--resume is not for several processes: there are no checkpoints")
    if fitting.plan.batch_size < size:
        raise UserError(f"a step of {fitting.plan.batch_size} rows cannot be divided among {size} processes")


def _train(args: argparse.Namespace, exchange: Exchange | None) -> int:
    for library in ("pandas", "tqdm", "safetensors", "matplotlib"):
        need(library)
    if args.threads is not None:
        set_num_threads(args.threads)
    path = args.file or str(datasets.digits_path())
    table = read_table(path, text=args.category, bar=not args.quiet)
    if not args.file:
        table.path = "the bundled digits"
    fitting = Fitting(table, args.target or last_column(table), options(args), exchange=exchange)
    if exchange is not None:
        _check_exchange(fitting, args)
    test = None if args.test is None else read_test(args.test, fitting)
    out, told = folder(args, path)
    net = fitting.stage(0).nets
    large = sum(kind != "linear" for kind in fitting.kinds)  # linear nets are small beside them
    check_writable(out, FILES, ROOM * net.size * net.nets * large + SMALL_FILES)
    if args.resume and (out / modelfile.CHECKPOINT).exists():
        step = modelfile.load_training(fitting, out / modelfile.CHECKPOINT)
        told.append(f"going on from step {step:,}, in {out / modelfile.CHECKPOINT}")
    elif args.resume:
        told.append(f"nothing to go on with in {out}: from the beginning")
    if exchange is not None:
        told.append(f"each step's rows are divided among {exchange.size} processes")
    say = _silent if args.quiet or args.json else print
    report.print_table(fitting, told, say)
    run(fitting, args, out)
    with undisturbed():
        if not fitting.interrupted:  # else --resume can continue from it
            (out / modelfile.CHECKPOINT).unlink(missing_ok=True)
        else:
            _write(out / modelfile.CHECKPOINT, modelfile.dump_training(fitting))
        if not fitting.found:
            resume = "; --resume goes on" if fitting.interrupted and fitting.trainers[0].training.step else ""
            print(f"tinygrad_c: {fitting.stopped}; nothing is saved{resume}", file=sys.stderr)
            return _status(fitting)
        model = fitting.model()
        metrics = report.measure(fitting, model, test)
        _identify(model, args, path)
        places = [
            _write(out / MODEL, modelfile.dump(model)),
            _write(out / CURVES, pictures.curves(fitting, model, metrics)),
            _write(out / ANSWERS, pictures.answers(fitting, model, metrics)),
            _write(out / METRICS, (json.dumps(report.plain(metrics), indent=1) + "\n").encode()),
        ]
        if args.json:
            print(json.dumps(report.plain(metrics)))
        else:
            report.print_result(fitting, metrics, print)
            report.print_settings(fitting, model, metrics, say)
            say(f"wrote {', '.join(map(str, places[:-1]))} and {places[-1]}")
    if fitting.stopped:
        kept = max(model.facts["kept_epochs"])
        print(
            f"tinygrad_c: {fitting.stopped}; the best net so far (epoch {kept}) is saved in {places[0]}"
            + ("; --resume goes on" if (out / modelfile.CHECKPOINT).exists() else ""),
            file=sys.stderr,
        )
    return _status(fitting)


def options(args: argparse.Namespace) -> Options:
    """The settings of a training from the command line."""
    holdout = args.holdout
    if holdout is None:
        holdout = DIGITS_HOLDOUT if not args.file and args.test is None else 0.0
    return Options(
        task=args.task,
        effort="quick" if args.quick else "best" if args.best else "default",
        folds=args.folds,
        holdout=holdout,
        metric=args.metric,
        class_weight=args.class_weight,
        choices=Choices(args.number, args.category, args.date, args.drop, args.keep),
        hidden=args.hidden,
        epochs=args.epochs,
        batch_size=args.batch_size,
        lr=args.lr,
        optimizer=args.optimizer,
        dropout=args.dropout,
        seed=args.seed or 0,
        threads=args.threads,
    )


def last_column(table: Table) -> str:
    """The last column that is not empty."""
    return next((name for name in reversed(table.names) if not table.frame[name].isna().all()), table.names[-1])


def read_test(path: str, fitting: Fitting) -> tuple[Table, Target]:
    """The table of --test, and its targets."""
    table = read_table(path, text=fitting.encoder.text_columns)
    for name in fitting.encoder.columns:
        table.require(name)
    table.require(fitting.names[0])
    return table, known_answers(table, fitting.names[0], fitting.task)


def known_answers(table: Table, name: str, task: str) -> Target:
    """The targets of a table to be scored; few rows or classes are allowed."""
    column = as_column(table.frame[name])
    if task == CLASSIFICATION:
        names = class_names(column)
        known = np.array([n is not None for n in names], dtype=bool)
        classes = sorted(set(names[known]))
        index = {c: i for i, c in enumerate(classes)}
        y = np.array([index[n] for n in names[known]], dtype=np.int64)
        return Target(name, task, np.flatnonzero(known), y, classes)
    values, _, _ = column.parsed(comma=table.comma)
    known = np.isfinite(values)
    return Target(name, task, np.flatnonzero(known), values[known])


def folder(args: argparse.Namespace, path: str) -> tuple[Path, list[str]]:
    """The folder for results. Without --out: runs/NAME, with a number if that folder has the model of another file."""
    if args.out:
        return Path(args.out), []
    stem = "digits" if not args.file else "stdin" if path == "-" else Path(path).name.partition(".")[0] or "table"
    first = Path("runs") / stem
    for number in range(1, 1000):
        place = first if number == 1 else Path(f"{first}-{number}")
        source = _source_of(place)
        if source is None or source == _source(args, path):
            notes = [f"{first} has the model of another file: this one goes to {place}"] if number > 1 else []
            return place, notes
    raise UserError("has models of 999 other files; give --out another folder", str(first))


def _source(args: argparse.Namespace, path: str) -> str:
    """A digest of the file's path, to tell files with the same name apart."""
    where = "digits" if not args.file else "-" if path == "-" else os.path.abspath(path)
    return hashlib.sha256(where.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _source_of(place: Path) -> str | None:
    try:
        return str(getattr(modelfile.load(place / MODEL), "facts", {}).get("source", ""))
    except UserError:
        return None if not (place / MODEL).exists() else ""


def _identify(model: TableModel, args: argparse.Namespace, path: str) -> None:
    model.facts["source"] = _source(args, path)
    model.facts["file"] = "the bundled digits" if not args.file else Path(path).name


def run(fitting: Fitting, args: argparse.Namespace, out: Path) -> None:
    """Train, with a progress bar and checkpoints."""
    done = sum(len(t.training.history) for t in fitting.trainers)
    total = sum(fitting.stage(0).plan.epochs for _ in range(fitting.stages))
    progress = Progress(total, done, args.quiet)
    state = {"saved": time.monotonic(), "wait": args.checkpoint_every, "refused": "", "trainer": fitting.trainers[0]}

    def save() -> None:
        write_file(out / modelfile.CHECKPOINT, modelfile.dump_training(fitting))
        if fitting.found:
            model = fitting.model()
            path = args.file or str(datasets.digits_path())
            _identify(model, args, path)
            write_file(out / MODEL, modelfile.dump(model))

    exchange = fitting.exchange     # with other processes: no checkpoints

    def before_step() -> None:
        if stopping:
            raise KeyboardInterrupt
        begin = time.monotonic()
        if exchange is not None or begin - state["saved"] <= state["wait"]:
            return
        try:
            save()
        except UserError as error:
            if (reason := str(error)) != state["refused"]:
                print(f"tinygrad_c: {reason}; training goes on without a new checkpoint", file=sys.stderr)
            state["refused"] = reason
        state["saved"] = time.monotonic()
        if args.checkpoint_every:  # writing takes at most a tenth of the time
            state["wait"] = max(args.checkpoint_every, 9 * (state["saved"] - begin))

    def before_stage(_: int, trainer: Trainer) -> None:
        state["trainer"] = trainer

    def after_epoch() -> None:
        value = state["trainer"].training.history[-1][2]
        progress.update(f"validation {fitting.metric.show(value)}")

    stopping: list[bool] = []
    with _between_steps(stopping):
        try:
            fitting.run(before_step, after_epoch, before_stage)
        except KeyboardInterrupt:
            fitting.stopped = INTERRUPTED_BY_USER
        finally:
            progress.close()


@contextlib.contextmanager
def _between_steps(stopping: list[bool]) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM sets `stopping`, so that training ends between two steps; the second one interrupts."""

    def note(*_: Any) -> None:
        if stopping:
            raise KeyboardInterrupt
        stopping.append(True)

    with handled(note):
        yield


def _silent(*words: Any, **more: Any) -> None:
    pass


def _write(path: Path, data: bytes) -> Path:
    """Write a file, to a temporary folder if it cannot be written there; returns the path."""
    try:
        write_file(path, data)
    except UserError as error:
        return write_elsewhere(path, data, error)
    return path


def _status(fitting: Fitting) -> int:
    if fitting.interrupted:
        return INTERRUPTED
    return FAILED if fitting.stopped else DONE


def undisturbed() -> contextlib.AbstractContextManager[None]:
    """Delay Ctrl-C and SIGTERM until the results are on disk."""
    return handled(signal.SIG_IGN)


@contextlib.contextmanager
def handled(handler: Any) -> Iterator[None]:
    """Install a handler for Ctrl-C and SIGTERM inside the block."""
    signals = [signal.SIGINT, signal.SIGTERM]
    try:
        before = [signal.signal(each, handler) for each in signals]
    except ValueError:  # signals arrive only in the main thread
        yield
        return
    try:
        yield
    finally:
        for each, handler in zip(signals, before):
            signal.signal(each, handler)
