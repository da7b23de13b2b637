"""Runs an exported file and compares its predictions with the model's."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_c.export.check import compiler, run_program
from tinygrad_c.tables.errors import UserError
from tinygrad_c.tables.export.c import Header
from tinygrad_c.tables.export.rows import as_read, example_rows, plain_columns
from tinygrad_c.tables.model import TableModel
from tinygrad_c.tables.target import CLASSIFICATION

ROWS = 200


def compared(model: TableModel, frame: Any = None, rows: int = ROWS) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns for an exported model, and the model's predictions for them."""
    table = as_read(model.encoder, example_rows(model.encoder, rows)) if frame is None else frame
    return plain_columns(model.encoder, table), model.answers(model.encode(table))


def difference(model: TableModel, got: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference: of probabilities, or of quantities in standard deviations of the target."""
    scale = 1.0 if model.task == CLASSIFICATION else np.array(model.std)
    return float(np.max(np.abs(got - expected) / scale)) if got.size else 0.0


def check_c(
    model: TableModel, header: Header, cc: list[str] | None = None, run: list[str] | None = None, frame: Any = None
) -> float | None:
    """The largest difference between predictions of the compiled header and the model; None without a compiler.

    cc: a compiler command with options; run: a command that runs the program (qemu). Raises UserError if the header does not
    compile without warnings or fails its self-test.
    """
    cc = cc or compiler()
    if cc is None:
        return None
    columns, expected = compared(model, frame)
    try:
        out = run_program(
            header.text, driver(header, model.task == CLASSIFICATION), header.name, wire(header, columns), cc, run
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    got = np.array([[float(v) for v in line.split()] for line in out.decode().splitlines()])
    return difference(model, got.reshape(expected.shape), expected)


def wire(header: Header, columns: dict[str, np.ndarray]) -> bytes:
    """Rows as input of `driver`, a line for each field: a number in hexadecimal, or a text's length (-1: missing) and text."""
    lines = []
    for r in range(len(next(iter(columns.values())))):
        for column, _, text in header.fields:
            v = columns[column][r]
            if not text:
                lines.append((float(v).hex() if np.isfinite(v) else "nan").encode())
            elif v is None:
                lines.append(b"-1")
            else:
                data = str(v).encode()
                lines.append(f"{len(data)} ".encode() + data)
    return b"\n".join(lines) + b"\n"


def driver(header: Header, classes: bool) -> str:
    """A C program that prints a line of predictions for each row of `wire`."""
    reads = []
    for i, (_, member, text) in enumerate(header.fields):
        if text:
            reads.append(
                f'        if (scanf("%d", &length) != 1) return ok ? 0 : 1;\n        row.{member} = NULL;\n'
                f"        if (length >= 0) {{ getchar(); "
                f"if (fread(text[{i}], 1, (size_t)length, stdin) != (size_t)length) return 99; "
                f"text[{i}][length] = 0; row.{member} = text[{i}]; }}"
            )
        else:
            reads.append(
                f'        if (scanf("%63s", word) != 1) return ok ? 0 : 1;\n        row.{member} = strtod(word, NULL);'
            )
    kind = "float" if classes else "double"
    return f"""#include <stdio.h>
#include <stdlib.h>
#include "{header.name}.h"
static char text[{len(header.fields)}][4096];
int main(void) {{
    {header.name}_row row; {kind} p[{header.name.upper()}_OUTPUTS]; char word[64]; int length = 0, i, ok = 1;
    int failed = {header.name}_selftest();
    (void)length; (void)word; (void)text;
    if (failed) return failed;
    for (;;) {{
{chr(10).join(reads)}
        {header.name}_answers(&row, p);
        (void){header.name}_predict(&row);
        for (i = 0; i < {header.name.upper()}_OUTPUTS; i++) printf("%.17g ", (double)p[i]);
        printf("\\n");
    }}
}}
"""


def check_onnx(model: TableModel, data: bytes, frame: Any = None) -> float:
    """The largest difference between predictions of onnxruntime and the model."""
    from tinygrad_c.tables.errors import need

    runtime = need("onnxruntime", "export")
    columns, expected = compared(model, frame)
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    feeds = {}
    for node in session.get_inputs():
        values = columns[node.name]
        if values.dtype == object:
            values = np.array(["" if v is None else str(v) for v in values], dtype=object)
        feeds[node.name] = values.reshape(-1, 1)
    outputs = dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds)))
    got = outputs["probabilities"] if model.task == CLASSIFICATION else outputs["answers"]
    if model.task == CLASSIFICATION:
        labels = np.array(model.classes, dtype=object)[expected.argmax(axis=1)]
        top = np.sort(expected, axis=1)
        clear = top[:, -1] - (top[:, -2] if top.shape[1] > 1 else 0) > 1e-4
        if (labels != outputs["label"])[clear].any():
            raise UserError("the ONNX file gives another label")
    return difference(model, np.asarray(got, dtype=np.float64), expected)


def check_py(model: TableModel, text: str, frame: Any = None) -> float:
    """The largest difference between predictions of the NumPy module and the model."""
    columns, expected = compared(model, frame)
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text, "exported.py", "exec"), names)
    return difference(model, names["answers"](columns), expected)
