"""`predict`: a saved net answers for the rows of a file."""
from __future__ import annotations

import argparse
import csv
import io
import sys

import numpy as np

from tinygrad_c.cli import encode, model
from tinygrad_c.cli.files import write_file
from tinygrad_c.cli.score import confusion, macro_f1
from tinygrad_c.cli.table import read_table


def predict(args: argparse.Namespace) -> int:
    """The command: a CSV line a row, to --out or standard output; notes, and the score if the target is there, to stderr."""
    net, recipe, _ = model.load(args.model)
    table = read_table(args.file)
    X, notes = recipe.encode(table)
    outputs = model.run(net, X)
    text = answer(recipe, outputs)
    if recipe.target in table.names:
        notes.append(compare(recipe, outputs, table))
    if args.out:
        write_file(args.out, text.encode())
        notes.append(f"wrote {args.out}")
    else:
        sys.stdout.write(text)
    for note in notes:
        print(f"{table.path}: {note}", file=sys.stderr)
    return 0


def answer(recipe: encode.Recipe, outputs: np.ndarray) -> str:
    """A CSV: the predicted target, and for classes the probability that the net gives to it."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    if recipe.task == encode.REGRESSION:
        lines.writerow([recipe.target])
        lines.writerows([f"{v:.7g}"] for v in outputs[:, 0].astype(np.float64) * recipe.std + recipe.mean)
    else:
        odds = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        lines.writerow([recipe.target, "probability"])
        chances = odds.max(axis=1) / odds.sum(axis=1)
        lines.writerows([recipe.classes[i], f"{p:.4f}"] for i, p in zip(outputs.argmax(axis=1), chances))
    return text.getvalue()


def compare(recipe: encode.Recipe, outputs: np.ndarray, table: encode.Table) -> str:
    """How the answers compare with the target that the file has; rows where it is missing are left out."""
    known = table.text(recipe.target) != ""
    if not known.any():
        return f"the target {recipe.target!r} is empty: no score"
    if recipe.task == encode.REGRESSION:
        answers = encode.finite_numbers(table, recipe.target)[known]
        error = outputs[known, 0].astype(np.float64) * recipe.std + recipe.mean - answers
        return f"RMSE {np.sqrt(np.mean(error ** 2)):.6g} against the target {recipe.target!r} of {known.sum():,} rows"
    answers = recipe.encode_target(encode.class_names(table, recipe.target)[known])
    hits = confusion(outputs[known], answers)
    return (f"accuracy {hits.trace() / known.sum():.1%}, macro F1 {macro_f1(hits):.1%} against the target {recipe.target!r} "
            f"of {known.sum():,} rows")
