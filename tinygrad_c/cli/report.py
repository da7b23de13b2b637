"""What a training says: the table it found, the held-out score, and the effect of the settings."""
from __future__ import annotations

import numpy as np

from tinygrad_c.cli.encode import CLASSIFICATION, Recipe
from tinygrad_c.cli.score import confusion, macro_f1, score
from tinygrad_c.cli.table import Table

MAX_SHOWN = 12      # classes in the confusion table


def print_table(table: Table, recipe: Recipe, rows: tuple[np.ndarray, ...], notes: list[str]) -> None:
    """What was found in the file, and what was done with it."""
    if recipe.task == CLASSIFICATION:
        found = f"{len(recipe.classes)} classes ({_some(recipe.classes)})"
    else:
        found = f"a quantity (mean {recipe.mean:.6g}, standard deviation {recipe.std:.6g})"
    print(f"{table.path}: {len(table):,} rows, {len(table.names)} columns; target {recipe.target!r}, {recipe.task}: {found}")
    categories = [f for f in recipe.features if f.kind == "category"]
    encoded = f"; {len(categories)} of categories, as {sum(len(f.levels) for f in categories)} columns of 0 and 1"
    print(f"features: {len(recipe.features) - len(categories)} of numbers, standardised{encoded if categories else ''}")
    reasons: dict[str, list[str]] = {}
    for name, why in recipe.dropped.items():
        reasons.setdefault(why, []).append(repr(name))
    for why, names in reasons.items():
        print(f"note: dropped {_some(names)}: {why}")
    for note in notes:
        print(f"note: {note}")
    print("rows: {:,} to train on, {:,} to choose the best epoch by, {:,} held out".format(*map(len, rows)), flush=True)


def print_result(recipe: Recipe, outputs: np.ndarray, answers: np.ndarray) -> None:
    """The score on the held-out rows."""
    held_out = score(recipe, outputs, answers)
    if recipe.task != CLASSIFICATION:
        error = (outputs - answers).astype(np.float64) * recipe.std
        print(f"held-out {held_out}, RMSE {np.sqrt(np.mean(error ** 2)):.6g}, mean absolute error {np.abs(error).mean():.6g} "
              f"(in units of {recipe.target!r})")
        return
    table = confusion(outputs, answers)
    print(f"held-out {held_out} ({table.trace():,} of {len(answers):,} rows), macro F1 {macro_f1(table):.1%}; "
          f"the commonest class alone would give {table.sum(axis=1).max() / len(answers):.1%}")
    if len(recipe.classes) <= MAX_SHOWN:
        width = max(4, *(len(name) + 1 for name in recipe.classes), len(str(table.max())) + 1)
        width = min(width, 14)
        label = f"{'is':>{width}} \\ taken for"
        print(f"{label}" + "".join(f"{name[:width - 1]:>{width}}" for name in recipe.classes))
        for name, counts in zip(recipe.classes, table):
            print(f"{name[:width - 1]:>{len(label)}}" + "".join(f"{count or '.':>{width}}" for count in counts))


def print_effects(lines: list[tuple[str, str, str, str]]) -> None:
    """The settings as columns: name, value, who chose it, what it did."""
    lines = [("setting", "value", "chosen by", "effect"), *lines]
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    for line in lines:
        print("  ".join(f"{text:<{width}}" for text, width in zip(line, widths)) + "  " + line[3])


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f", .. ({len(names)} in all)" if len(names) > 8 else "")
