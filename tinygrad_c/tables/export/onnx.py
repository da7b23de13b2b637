"""Exports a model as one ONNX file: number columns are double inputs [rows, 1], categories string inputs [rows, 1].

Outputs: `label` (strings [rows]) and `probabilities` (float [rows, classes]), or `answers` (double [rows, targets]). Levels are
looked up by LabelEncoder. The preprocessing is in double, the nets in float.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_c.export.onnx_graph import Graph
from tinygrad_c.tables.errors import need
from tinygrad_c.tables.export.rows import inputs_of
from tinygrad_c.tables.features import EMBEDDING, Category, Scale
from tinygrad_c.tables.model import Group, TableModel
from tinygrad_c.tables.target import CLASSIFICATION


def onnx_bytes(model: TableModel) -> bytes:
    """The file's bytes. Raises UserError if the package onnx is not installed."""
    return _Writer(model).build()


class _Writer(Graph):
    def __init__(self, model: TableModel) -> None:
        need("onnx", "export")
        super().__init__()
        self.model, self.encoder = model, model.encoder

    def number(self, kind: str, value: str, other: float) -> str:
        return self.op(kind, value, self.constant(other))

    # ---- Columns

    def scale(self, s: Scale, x: str, gap: str, out: dict[str, list[str]]) -> None:
        if s.pair is not None:
            above = self.op(
                "Where", self.number("Greater", x, (s.pair[0] + s.pair[1]) / 2), self.constant(1.0), self.constant(-1.0)
            )
            out["plain"].append(self.op("Where", gap, self.constant(0.0), above))
            return
        v = self.op("Where", gap, self.constant(s.median), x)
        t = v
        if s.unit is not None:
            a = self.number("Div", self.op("Abs", v), s.unit)
            t = self.op("Mul", self.op("Sign", v), self.op("Log", self.number("Add", a, 1.0)))
        z = self.number("Mul", self.number("Sub", t, s.centre), s.factor)
        z = self.op("Clip", z, self.constant(-1e18), self.constant(1e18))
        third = self.number("Div", z, 3.0)
        out["z"].append(self.op("Div", z, self.op("Sqrt", self.number("Add", self.op("Mul", third, third), 1.0))))
        if s.linear is not None:
            line = self.number("Div", self.number("Sub", v, s.linear[0]), s.linear[1])
            line = self.op("Clip", line, self.constant(-30.0), self.constant(30.0))
            out["plain"].append(self.op("Where", gap, self.constant(0.0), line))
        if s.edges:
            a = np.array(s.edges[:-1])
            width = np.array([1 / (b - a) for a, b in zip(s.edges, s.edges[1:])])
            t = self.op("Mul", self.op("Sub", v, self.constant(a)), self.constant(width))
            t = self.op("Clip", t, self.constant(0.0), self.constant(1.0))
            out["bins"].append(self.op("Where", gap, self.constant(0.5), t))

    def columns(self) -> tuple[str, list[str]]:
        """Nodes that encode the columns: the matrix of inputs (float [rows, width]) and codes (int64 [rows, 1] each)."""
        out: dict[str, list[str]] = {"z": [], "plain": [], "bins": []}
        codes = []
        made: set[str] = set()
        for column, text, f in self.inputs_of():
            if column not in made:
                self.input(column, "STRING" if text else "DOUBLE", ["rows", 1])
                made.add(column)
            if isinstance(f, Category):
                self.category(column, f, out, codes)
                continue
            x = column
            gap = self.op("Or", self.op("IsNaN", x), self.op("Not", self.number("Less", self.op("Abs", x), float("inf"))))
            if getattr(f, "missing_code", None) is not None:
                gap = self.op("Or", gap, self.number("Equal", x, f.missing_code))
            if f.scale is not None:
                self.scale(f.scale, x, gap, out)
            for length in getattr(f, "cycles", []):
                turns = self.number("Div", self.op("Where", gap, self.constant(0.0), x), length)
                angle = self.number("Mul", self.op("Sub", turns, self.op("Floor", turns)), 2 * np.pi)
                angle = self.cast(angle, "FLOAT")
                for wave in ("Sin", "Cos"):
                    out["plain"].append(self.op("Where", gap, self.constant(0.0), self.cast(self.op(wave, angle), "DOUBLE")))
            if f.gaps:
                out["plain"].append(self.cast(gap, "DOUBLE"))
        parts = [*out["z"], *out["plain"], *out["bins"]]
        if not parts:
            return "", codes
        joined = parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=1)
        return self.cast(joined, "FLOAT"), codes

    def inputs_of(self) -> list[tuple[str, bool, Any]]:
        return inputs_of(self.encoder)

    def category(self, column: str, f: Category, out: dict[str, list[str]], codes: list[str]) -> None:
        if f.levels:
            index = self.op(
                "LabelEncoder",
                column,
                domain="ai.onnx.ml",
                keys_strings=f.levels,
                values_int64s=list(range(len(f.levels))),
                default_int64=-1,
            )
            if f.embedded:
                codes.append(self.op("Add", index, self.constant(1, np.int64)))
            elif len(f.levels) == 2:
                sign = self.op("Sub", self.op("Mul", index, self.constant(2, np.int64)), self.constant(1, np.int64))
                known = self.op("Less", index, self.constant(0, np.int64))
                out["plain"].append(self.op("Where", known, self.constant(0.0), self.cast(sign, "DOUBLE")))
            else:
                out["plain"].append(
                    self.cast(self.op("Equal", index, self.constant(np.arange(len(f.levels)), np.int64)), "DOUBLE")
                )
        if f.gaps:
            empty = self.op("LabelEncoder", column, domain="ai.onnx.ml", keys_strings=[""], values_int64s=[1], default_int64=0)
            out["plain"].append(self.cast(empty, "DOUBLE"))

    # ---- Nets

    def activation(self, h: str, kind: str) -> str:
        if kind == "relu":
            return self.op("Relu", h)
        if kind == "selu":
            return self.op("Selu", h)
        return self.op("Mul", h, self.op("Tanh", self.op("Softplus", h)))

    def net(self, group: Group, k: int, X: str, codes: list[str]) -> str:
        e = self.encoder
        w = {name: a[k] for name, a in group.arrays.items()}
        parts = []
        if group.kind == "bins":
            parts += [X] if X else []
        elif X:
            static = e.z + e.plain
            parts += (
                [
                    self.op(
                        "Slice",
                        X,
                        self.constant([0], np.int64),
                        self.constant([static], np.int64),
                        self.constant([1], np.int64),
                    )
                ]
                if static
                else []
            )
            if e.z and group.kind == "periodic":
                z = self.op(
                    "Slice", X, self.constant([0], np.int64), self.constant([e.z], np.int64), self.constant([1], np.int64)
                )
                z = self.op("Unsqueeze", self.op("Transpose", z, perm=[1, 0]), self.constant([2], np.int64))  # z, rows, 1
                waves = self.op(
                    "Cos",
                    self.op(
                        "Add",
                        self.op("Mul", z, self.constant(w["frequency"], np.float32)),
                        self.constant(w["phase"], np.float32),
                    ),
                )
                mixed = self.op(
                    "Add",
                    self.op("MatMul", waves, self.constant(w["mix"], np.float32)),
                    self.constant(w["mix_bias"], np.float32),
                )
                mixed = self.op("Transpose", mixed, perm=[1, 0, 2])
                parts.append(self.op("Reshape", mixed, self.constant([0, -1], np.int64)))
        starts = np.cumsum([0, *e.sizes])
        for begin, size, code in zip(starts, e.sizes, codes):
            table = self.constant(w["embedding"][begin : begin + size], np.float32)
            row = self.op("Gather", table, code)  # rows, 1, width
            parts.append(self.op("Reshape", row, self.constant([-1, EMBEDDING], np.int64)))
        h = parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=1)
        for i in range(group.depth):
            if i:
                h = self.activation(h, group.activation)
            h = self.op("Gemm", h, self.constant(w[f"weight{i}"], np.float32), self.constant(w[f"bias{i}"].ravel(), np.float32))
        return h

    def build(self) -> bytes:
        m = self.model
        X, codes = self.columns()
        total = ""
        for group in m.groups:
            for k, share in enumerate(group.shares):
                h = self.net(group, k, X, codes)
                if m.task == CLASSIFICATION:
                    answer = self.op("Mul", self.op("Softmax", h, axis=1), self.constant(share, np.float32))
                else:
                    h = self.cast(h, "DOUBLE")
                    h = self.op("Max", self.op("Min", h, self.constant(m.high)), self.constant(m.low))
                    answer = self.number("Mul", h, share)
                total = answer if not total else self.op("Add", total, answer)
        if m.task == CLASSIFICATION:
            if m.temperature != 1:
                logs = self.op(
                    "Div",
                    self.op("Log", self.op("Max", total, self.constant(1e-30, np.float32))),
                    self.constant(m.temperature, np.float32),
                )
                total = self.op("Softmax", logs, axis=1)
            best = self.op("ArgMax", total, axis=1, keepdims=0)
            label = self.op("Gather", self.constant(np.array(m.classes, dtype=object), object), best)
            self.output(label, "label", "STRING", ["rows"])
            self.output(total, "probabilities", "FLOAT", ["rows", m.outputs])
        else:
            total = self.op("Add", self.op("Mul", total, self.constant(m.std)), self.constant(m.mean))
            self.output(total, "answers", "DOUBLE", ["rows", m.outputs])
        return self.made()
