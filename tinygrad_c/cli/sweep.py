"""`sweep`: many trainings with other settings, in several processes; a table, a picture, and the best model."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tinygrad_c import get_num_threads
from tinygrad_c.cli import report
from tinygrad_c.cli.errors import DONE, INTERRUPTED, UserError, need
from tinygrad_c.cli.files import check_writable, write_file
from tinygrad_c.cli.pictures import trials_png
from tinygrad_c.cli.train import last_column, options
from tinygrad_c.tables import modelfile
from tinygrad_c.tables.fit import Fitting, Options
from tinygrad_c.tables.read import read_table
from tinygrad_c.tables.scores import METRICS
from tinygrad_c.tables.sweep import Sweep, Trial, begin, best_of, options_of, search, trials_of

JOURNAL, TABLE, PICTURE, MODEL, RESULT = "trials.journal", "trials.csv", "trials.png", "model.safetensors", "metrics.json"
# Of the options: what the command that trains the best nets again has to repeat.
GIVEN = ["task", "lr", "batch_size", "dropout", "epochs", "folds", "metric", "optimizer", "class_weight"]
KINDS = ["number", "category", "date", "drop", "keep"]
SHOWN = 10  # trials in the table on the terminal
SQLITE = "sqlite:///"


def from_anywhere(storage: str) -> str:
    """A storage with its whole path.

    joblib keeps its processes, each with the folder in which it began, for later commands of the same Python.

    >>> from_anywhere("mysql://host/trials")
    'mysql://host/trials'
    """
    if storage.startswith(SQLITE):
        return SQLITE + os.path.abspath(storage.removeprefix(SQLITE))
    return storage if "://" in storage else os.path.abspath(storage)


def sweep(args: argparse.Namespace) -> int:
    """The command. All that can be wrong with the input is found out before anything is written."""
    for library in ("pandas", "tqdm", "safetensors", "matplotlib"):
        need(library)
    for library in ("joblib", "optuna"):
        need(library, "sweep")
    if args.file == "-":
        raise UserError("each process of a sweep reads the table: write standard input to a file first")
    table = read_table(args.file, text=args.category, bar=not args.quiet)
    target = args.target or last_column(table)
    out = Path(args.out) if args.out else Path("runs") / f"{Path(args.file).name.partition('.')[0] or 'table'}-sweep"
    jobs = args.jobs or _cores()
    wanted = Sweep(
        os.path.abspath(args.file),
        target,
        replace(options(args), threads=args.threads or max(1, get_num_threads() // jobs)),
        from_anywhere(args.storage or str(out / JOURNAL)),
        args.trials,
        not args.no_pruning,
    )
    Fitting(table, target, wanted.options)  # UserError for what cannot be trained, before anything is written
    check_writable(out, [TABLE, PICTURE, MODEL, RESULT])
    there = (out / JOURNAL).exists()
    if there and not args.resume and not args.storage:
        raise UserError("has the trials of a sweep: --resume goes on with it; or give another --out", str(out))
    wanted, recipe = begin(wanted, table)
    metric = str(wanted.options.metric)
    if not args.quiet:
        print(
            f"{args.file}: {len(table):,} rows; target {target!r}, {recipe.task}; {args.trials} trials in "
            f"{jobs} process{'es' if jobs > 1 else ''} of {wanted.options.threads} thread"
            f"{'s' if wanted.options.threads != 1 else ''}; {metric} cross-validated over {recipe.plan.nets} nets"
        )
    interrupted = False
    try:
        _run(wanted, jobs, metric, args.quiet)
    except KeyboardInterrupt:
        interrupted = True
    trials = trials_of(wanted)
    best = best_of(trials, metric)
    write_file(out / TABLE, _csv(trials, metric).encode())
    write_file(out / PICTURE, trials_png(trials, metric, args.file))
    written = [out / TABLE, out / PICTURE]
    if best is None:
        print("tinygrad_c: no trial has come to its end" + ("; --resume goes on" if interrupted else ""), file=sys.stderr)
        return INTERRUPTED if interrupted else 1
    if not args.quiet:
        _print(trials, metric)
    if interrupted:
        print(f"tinygrad_c: interrupted after {len(trials)} trials; --resume goes on", file=sys.stderr)
        return INTERRUPTED
    written += _best_model(wanted, table, best, metric, out, args)
    if not args.quiet:
        print(f"wrote {', '.join(map(str, written[:-1]))} and {written[-1]}")
    return DONE


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run(wanted: Sweep, jobs: int, metric: str, quiet: bool) -> None:
    """All trials, with a bar."""
    done = sum(t.state not in ("lost", "running") for t in trials_of(wanted))
    bar = (
        None
        if quiet
        else need("tqdm").tqdm(
            total=wanted.trials,
            initial=min(done, wanted.trials),
            unit="trial",
            file=sys.stderr,
            desc="sweep",
            mininterval=0.1 if sys.stderr.isatty() else 20.0,
        )
    )
    show, rank = METRICS[metric].show, METRICS[metric].rank
    best: Trial | None = best_of(trials_of(wanted), metric)
    pruned = sum(t.state == "pruned" for t in trials_of(wanted))
    try:
        for trial in search(wanted, jobs):
            pruned += trial.state == "pruned"
            if trial.score is not None and (best is None or rank(trial.score) > rank(best.score)):
                best = trial
            if bar is not None:
                bar.set_postfix_str(
                    (f"best {show(best.score)} (trial {best.number})" if best else "no score yet")
                    + f", {pruned} stopped early",
                    refresh=False,
                )
                bar.update()
    finally:
        if bar is not None:
            bar.close()


def _best_model(wanted: Sweep, table: Any, best: Trial, metric: str, out: Path, args: argparse.Namespace) -> list[Path]:
    """Train the best trial's nets again, which gives the same bits; what they score on the rows that no trial saw."""
    chosen = options_of(best.settings, wanted.options)
    fitting = Fitting(table, wanted.target, chosen)
    fitting.run()
    if not fitting.found:
        raise UserError(fitting.stopped or "nothing was learned", args.file)
    model = fitting.model()
    metrics = report.measure(fitting, model, None)
    show = METRICS[metric].show
    words = f"best: trial {best.number}, {_words(best.settings)}: cross-validated {show(best.score)}"
    if "held_out" in metrics:
        words += f", held-out {show(metrics['held_out'][metric])} (no trial has seen those {len(fitting.held_out):,} rows)"
    print(words)
    metrics["sweep"] = {"trials": wanted.trials, "best": best.number, "settings": best.settings, "metric": metric}
    if not args.quiet:
        print(f"the same nets: {_command(wanted.target, chosen, args)}")
    model.facts["file"] = Path(args.file).name
    write_file(out / MODEL, modelfile.dump(model))
    write_file(out / RESULT, (json.dumps(report.plain(metrics), indent=1) + "\n").encode())
    return [out / MODEL, out / RESULT]


def _command(target: str, chosen: Options, args: argparse.Namespace) -> str:
    """The command that trains the nets of these options."""
    words = ["tinygrad_c", "train", args.file, "--target", target]
    words += ["--holdout", f"{chosen.holdout:g}", "--seed", str(chosen.seed)]
    if chosen.hidden is not None:
        words += ["--hidden", ",".join(map(str, chosen.hidden)) or "0"]
    for name in GIVEN:
        if (value := getattr(chosen, name)) is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    for kind in KINDS:
        for column in getattr(args, kind):
            words += [f"--{kind}", column]
    return shlex.join(words + ["--quick"] * args.quick)


def _words(settings: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in settings.items()
    )


def _csv(trials: list[Trial], metric: str) -> str:
    names = list(dict.fromkeys(name for t in trials for name in t.settings))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["trial", "state", metric, "seconds", *names, "note"])
    for t in trials:
        writer.writerow(
            [
                t.number,
                t.state,
                "" if t.score is None else repr(t.score),
                "" if math.isnan(t.seconds) else f"{t.seconds:.3f}",
                *(t.settings.get(n, "") for n in names),
                t.note,
            ]
        )
    return file.getvalue()


def _print(trials: list[Trial], metric: str) -> None:
    """The best trials, and how many came to what."""
    rank, show = METRICS[metric].rank, METRICS[metric].show
    done = sorted((t for t in trials if t.state == "complete"), key=lambda t: (-rank(t.score), t.number))
    names = list(dict.fromkeys(name for t in done for name in t.settings))
    rows = [["trial", metric, "seconds", *names]]
    for t in done[:SHOWN]:
        rows.append(
            [
                str(t.number) + (" (the recipe)" if t.number == 0 else ""),
                show(t.score),
                f"{t.seconds:.1f}",
                *(f"{v:.3g}" if isinstance(v := t.settings.get(n, ""), float) else str(v) for n in names),
            ]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    counts = {state: sum(t.state == state for t in trials) for state in ("complete", "pruned", "failed", "lost", "running")}
    words = {
        "complete": "complete",
        "pruned": "stopped early",
        "failed": "failed",
        "lost": "lost with their process",
        "running": "running elsewhere",
    }
    print("trials: " + ", ".join(f"{n} {words[state]}" for state, n in counts.items() if n))
