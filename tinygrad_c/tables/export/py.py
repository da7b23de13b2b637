"""Exports a model as one Python module that needs only NumPy."""

from __future__ import annotations

import base64
import io
import json

import numpy as np

from tinygrad_c.tables.export.rows import CODE, doubles
from tinygrad_c.tables.features import to_json
from tinygrad_c.tables.model import TableModel


def module(model: TableModel) -> str:
    """The module's text. `answers(columns)`, `predict(columns)`: a dict of columns, or a list of rows that are dicts."""
    arrays = {f"{i}.{name}": a for i, g in enumerate(model.groups) for name, a in g.arrays.items()}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    data = {
        "task": model.task,
        "targets": model.targets,
        "classes": model.classes,
        "mean": model.mean,
        "std": model.std,
        "low": model.low,
        "high": model.high,
        "temperature": model.temperature,
        "features": [to_json(f) for f in model.encoder.features],
        "sizes": model.encoder.sizes,
        "code": CODE,
        "doubles": sorted(doubles(model.encoder)),
        "groups": [{"kind": g.kind, "activation": g.activation, "shares": g.shares} for g in model.groups],
    }
    text = base64.b64encode(file.getvalue()).decode()
    lines = "\n".join(text[i : i + 120] for i in range(0, len(text), 120))
    return (
        TEMPLATE.replace("@TARGETS@", ", ".join(model.targets).encode("ascii", "backslashreplace").decode().replace('"', "'"))
        .replace("@MODEL@", repr(json.dumps(data)))
        .replace("@ARRAYS@", lines)
    )


TEMPLATE = '''"""Answers @TARGETS@. Made by tinygrad_c export; needs NumPy alone.

answers(columns): columns is a dict of equally long lists, or a list of rows that are dicts. Numbers as numbers (None or nan:
missing), texts as texts, dates as days since 1970-01-01 or as datetime64. Probabilities in the order of CLASSES, or quantities.
"""
import base64
import io
import json

import numpy as np

MODEL = json.loads(@MODEL@)
CLASSES = MODEL["classes"]
ARRAYS = """
@ARRAYS@
"""
_FILE = np.load(io.BytesIO(base64.b64decode(ARRAYS)))
_W = {name: _FILE[name].astype(np.float64) for name in _FILE.files}


def _numbers(values):
    values = np.asarray(values)
    if values.dtype.kind == "M":
        days = values.astype("datetime64[us]").astype(np.int64) / 86400e6
        return np.where(np.isnat(values), np.nan, days)
    x = np.array([np.nan if v is None else v for v in values.tolist()], dtype=np.float64)
    return np.where(np.isfinite(x), x, np.nan)


def _scale(s, x, z, plain, bins):
    known = ~np.isnan(x)
    if s["pair"] is not None:
        plain.append(np.where(known, np.where(x > (s["pair"][0] + s["pair"][1]) / 2, 1.0, -1.0), 0.0))
        return
    v = np.where(known, x, s["median"])
    with np.errstate(over="ignore"):
        t = v if s["unit"] is None else np.sign(v) * np.log1p(np.abs(v) / s["unit"])
    c = ((t - s["centre"]) * s["factor"]).clip(-1e18, 1e18)
    z.append(c / np.sqrt(1 + (c / 3.0) ** 2))
    if s["linear"] is not None:
        plain.append(np.where(known, ((v - s["linear"][0]) / s["linear"][1]).clip(-30, 30), 0.0))
    for a, b in zip(s["edges"], s["edges"][1:]):
        bins.append(np.where(known, ((v - a) * (1 / (b - a))).clip(0, 1), 0.5))


def encode(columns):
    """The inputs of the nets: columns z, plain, bins, and the codes of embedded levels."""
    if not isinstance(columns, dict):
        columns = {name: [row.get(name) for row in columns] for name in dict.fromkeys(n for row in columns for n in row)}
    z, plain, bins, codes = [], [], [], []
    for f in MODEL["features"]:
        name = f["name"]
        if f["kind"] == "category":
            code = name + MODEL["code"]
            values = columns[code] if name in MODEL["doubles"] and code in columns else columns[name]
            place = {level: i for i, level in enumerate(f["levels"])}
            missing = np.array([v is None or v != v or v == "" for v in values], dtype=bool)
            k = np.array([-1 if m else place.get(str(v).strip(), -1) for v, m in zip(values, missing)], dtype=np.int64)
            if len(f["levels"]) > 8:
                codes.append(k + 1)
            elif len(f["levels"]) == 2:
                plain.append(np.where(k < 0, 0.0, 2.0 * k - 1))
            else:
                plain += [(k == i).astype(np.float64) for i in range(len(f["levels"]))]
        else:
            x = _numbers(columns[name])
            if f.get("missing_code") is not None:
                x = np.where(x == f["missing_code"], np.nan, x)
            missing = np.isnan(x)
            if f["scale"] is not None:
                _scale(f["scale"], x, z, plain, bins)
            for length in f.get("cycles", []):
                angle = 2 * np.pi * (x / length - np.floor(x / length))
                plain += [np.where(missing, 0.0, np.sin(angle)), np.where(missing, 0.0, np.cos(angle))]
        if f["gaps"]:
            plain.append(missing.astype(np.float64))
    rows = len(next(iter(columns.values())))
    X = np.stack([*z, *plain, *bins], axis=1) if z or plain or bins else np.zeros((rows, 0))
    return X.astype(np.float32).astype(np.float64), len(z), len(plain), codes


def _activate(h, kind):
    if kind == "relu":
        return np.maximum(h, 0)
    if kind == "selu":
        return 1.0507009873554805 * np.where(h > 0, h, 1.6732632423543772 * np.expm1(np.minimum(h, 0)))
    return h * np.tanh(np.logaddexp(0, h))


def answers(columns):
    """Probabilities [rows, classes], or quantities [rows, targets]."""
    X, z, plain, codes = encode(columns)
    total = 0.0
    starts = np.cumsum([0, *MODEL["sizes"]])
    for g, group in enumerate(MODEL["groups"]):
        w = {name.partition(".")[2]: a for name, a in _W.items() if name.startswith(f"{g}.")}
        depth = sum(name.startswith("weight") for name in w)
        for k, share in enumerate(group["shares"]):
            parts = [X if group["kind"] == "bins" else X[:, :z + plain]]
            if group["kind"] == "periodic" and z:
                waves = np.cos(X[:, :z].T[:, :, None] * w["frequency"][k] + w["phase"][k])
                parts.append((waves @ w["mix"][k] + w["mix_bias"][k]).transpose(1, 0, 2).reshape(len(X), -1))
            parts += [w["embedding"][k][begin + code] for begin, code in zip(starts, codes)]
            h = np.concatenate(parts, axis=1) @ w["weight0"][k] + w["bias0"][k]
            for i in range(1, depth):
                h = _activate(h, group["activation"]) @ w[f"weight{i}"][k] + w[f"bias{i}"][k]
            if CLASSES:
                odds = np.exp(h - h.max(axis=1, keepdims=True))
                total = total + share * odds / odds.sum(axis=1, keepdims=True)
            else:
                total = total + share * h.clip(MODEL["low"], MODEL["high"])
    if not CLASSES:
        return total * MODEL["std"] + np.array(MODEL["mean"])
    logs = np.log(np.maximum(total, 1e-30)) / MODEL["temperature"]
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def predict(columns):
    """The name of each row's class, or its quantity."""
    found = answers(columns)
    if CLASSES:
        return [CLASSES[i] for i in found.argmax(axis=1)]
    return found[:, 0].tolist() if found.shape[1] == 1 else found.tolist()
'''
