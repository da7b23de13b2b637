"""`info MODEL`: a model's inputs and outputs, and how it was trained."""

from __future__ import annotations

import argparse
import json
from typing import Any

from tinygrad_c.cli.report import plain
from tinygrad_c.tables import legacy, modelfile
from tinygrad_c.tables.errors import some
from tinygrad_c.tables.features import Category, Date
from tinygrad_c.tables.model import TableModel


def info(args: argparse.Namespace) -> int:
    """The command."""
    model = modelfile.load(args.model)
    if args.json:
        print(json.dumps(plain(describe(model)), indent=1))
        return 0
    for line in lines(args.model, model):
        print(line)
    return 0


def describe(model: TableModel | legacy.Model) -> dict[str, Any]:
    """A description of a model as plain data."""
    if isinstance(model, legacy.Model):
        return {
            "format": legacy.FORMAT,
            "task": model.task,
            "target": model.targets[0],
            "classes": model.classes,
            "columns": {f["name"]: f["kind"] for f in model.recipe["features"]},
            "facts": model.facts,
        }
    return {
        "format": modelfile.FORMAT,
        "task": model.task,
        "targets": model.targets,
        "classes": model.classes,
        "columns": {f.name: f.kind for f in model.encoder.features},
        "nets": sum(len(g.shares) for g in model.groups),
        "weights": model.weights,
        "facts": model.facts,
    }


def lines(path: str, model: TableModel | legacy.Model) -> list[str]:
    data = describe(model)
    found = [
        f"{path}: answers {', '.join(map(repr, model.targets))}, {model.task}"
        + (f": {len(model.classes)} classes ({some(model.classes)})" if model.classes else ""),
        "wants the columns:",
    ]
    if isinstance(model, legacy.Model):
        return found + [f"  {name}: {kind}" for name, kind in data["columns"].items()]
    for f in model.encoder.features:
        if isinstance(f, Category):
            what = f"category, {len(f.levels)} levels ({some(f.levels, 5)})"
        elif isinstance(f, Date):
            what = f"date ({f.order})" + (f", day {f.scale.low:g} to {f.scale.high:g} since 1970-01-01" if f.scale else "")
        else:
            unit = f.notation.unit and f", in {f.notation.unit}"
            what = f"number{unit}" + (
                f", {f.scale.low:g} to {f.scale.high:g}, missing: {f.scale.median:g}"
                if f.scale
                else ", only whether it is there"
            )
        found.append(f"  {f.name}: {what}")
    facts = model.facts
    found.append(
        f"trained on {facts['rows_used']:,} of {facts['rows']:,} rows" + (f" of {facts['file']}" if "file" in facts else "")
    )
    scores = ", ".join(f"{name} {value:.4g}" for name, value in facts["cross_validated"].items())
    found.append(f"{'cross-validated' if facts['folds'] > 1 else 'validation'}: {scores}")
    found += [f"left out {name!r}: {why}" for name, why in list(facts["dropped"].items())[:20]]
    settings = facts["settings"]
    found.append(
        f"{data['nets']} nets, {data['weights']:,} weights in all; "
        + ", ".join(f"{k} {settings[k]}" for k in ("effort", "hidden", "epochs", "batch_size", "lr", "optimizer", "seed"))
    )
    return found
