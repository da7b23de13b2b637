"""`predict`: predictions of a saved model, a line for each row of a file."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from tinygrad_c.cli.errors import UserError, nearest, need
from tinygrad_c.cli.files import write_file
from tinygrad_c.cli.report import plain
from tinygrad_c.cli.train import known_answers
from tinygrad_c.tables import modelfile
from tinygrad_c.tables.read import Table, read_table
from tinygrad_c.tables.scores import METRICS, confusion, macro_f1
from tinygrad_c.tables.target import CLASSIFICATION


def predict(args: argparse.Namespace) -> int:
    """The command: predictions go to --out or standard output; notes, and scores if the file has the target, to stderr."""
    model = modelfile.load(args.model)
    table = read_table(args.file, text=model.encoder.text_columns, keep_blank=True, bar=bool(args.out) and not args.quiet)
    answers = model.answers(model.encode(table))
    notes = model.encoder.remarks(table)
    blank = table.blank if table.blank is not None else np.zeros(len(table), dtype=bool)
    if blank.any():
        notes.append(f"{int(blank.sum())} blank line{'s' if blank.sum() > 1 else ''}: answered by a blank line")
    columns = answer_columns(model, answers, args.proba)
    kept = _kept(args.keep, table, columns, written=not args.json)
    text = _json(kept, columns, blank) if args.json else _csv(kept, columns, blank)
    if model.targets[0] in table.names:
        notes.append(compare(model, answers, table))
    if args.out:
        write_file(args.out, text.encode())
        notes.append(f"wrote {args.out}")
    else:
        sys.stdout.write(text)
    for note in [] if args.quiet else [*table.notes, *notes]:
        print(f"{table.path}: {note}", file=sys.stderr)
    return 0


def answer_columns(model: Any, answers: np.ndarray, proba: bool = False) -> dict[str, Any]:
    """The columns to write: the target, and for classes its probability, or all probabilities."""
    if model.task != CLASSIFICATION:
        return {name: answers[:, i] for i, name in enumerate(model.targets)}
    columns: dict[str, Any] = {
        model.targets[0]: np.array(model.classes, dtype=object)[answers.argmax(axis=1)],
        "probability": answers.max(axis=1),
    }
    if proba:
        columns |= {f"p({name})": answers[:, i] for i, name in enumerate(model.classes)}
    return columns


def _kept(keep: list[str], table: Table, columns: dict[str, Any], written: bool) -> dict[str, Any]:
    names = table.names if "*" in keep else keep
    for name in names:
        if name not in table.frame.columns:
            raise UserError(f"no such column{nearest(name, table.names)}: --keep", table.path, None, name)
    names = list(dict.fromkeys(names))
    kept = dict((table.as_written(names) if written and names else table.frame[names]).items())
    renamed = {f"predicted {name}" if name in kept else name: values for name, values in columns.items()}
    columns.clear()
    columns.update(renamed)
    return kept


def _frame(kept: dict[str, Any], columns: dict[str, Any], blank: np.ndarray) -> Any:
    pandas = need("pandas")
    shown = dict(kept)
    for name, values in columns.items():
        values = np.asarray(values, dtype=object)
        values[blank] = None
        shown[name] = values
    return pandas.DataFrame(shown)


def _csv(kept: dict[str, Any], columns: dict[str, Any], blank: np.ndarray) -> str:
    texts = {}
    for name, values in columns.items():
        if np.asarray(values).dtype.kind == "f":
            form = "{:.4f}" if name == "probability" or name.startswith("p(") else "{:.7g}"
            values = np.array([form.format(v) for v in values], dtype=object)
        texts[name] = values
    frame = _frame(kept, texts, blank)
    return frame.to_csv(index=False, lineterminator="\n")


def _json(kept: dict[str, Any], columns: dict[str, Any], blank: np.ndarray) -> str:
    frame = _frame(kept, columns, blank).astype(object)
    frame = frame.where(frame.notna(), None)
    return json.dumps(plain(frame.to_dict(orient="records"))) + "\n"


def compare(model: Any, answers: np.ndarray, table: Table) -> str:
    """Scores of the predictions against the target in the file; rows without a target are ignored."""
    name = model.targets[0]
    target = known_answers(table, name, model.task)
    if not len(target.rows):
        return f"the target {name!r} is empty: no score"
    answers = answers[target.rows]
    if model.task != CLASSIFICATION:
        y = target.y.reshape(-1, 1)
        return (
            f"RMSE {METRICS['rmse'].value(answers[:, :1], y):.6g}, R2 {METRICS['r2'].value(answers[:, :1], y):.4f} against the "
            f"target {name!r} of {len(y):,} rows"
        )
    index = {c: i for i, c in enumerate(model.classes)}
    y = np.array([index.get(target.classes[i], -1) for i in target.y], dtype=np.int64)
    hits = confusion(answers, y)
    known = y >= 0
    loss = f", log loss {METRICS['logloss'].value(answers[known], y[known]):.4f}" if known.any() else ""
    return (
        f"accuracy {hits.trace() / len(y):.1%}, macro F1 {macro_f1(hits):.1%}{loss} against the target {name!r} of "
        f"{len(y):,} rows"
    )
