"""An exported file is run, and its answers are compared with the net's."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_c.export.c import Header


def compiler() -> list[str] | None:
    """A C compiler, if there is one."""
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    return None


def run_program(text: str, main: str, name: str, data: bytes, cc: list[str], run: list[str] | None = None) -> bytes:
    """What main.c, which includes NAME.h, writes for `data` on standard input.

    cc: the command of a compiler and its options; run: a command that runs what it has made (qemu). ValueError where it does
    not compile without a warning, or ends with another status than 0.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / f"{name}.h").write_text(text)
        (place / "main.c").write_text(main)
        made = subprocess.run(
            [*cc, "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(place / "main"), str(place / "main.c"), "-lm"],
            capture_output=True,
            text=True,
        )
        if made.returncode:
            words = made.stderr.strip().splitlines()
            raise ValueError(f"the header does not compile: {words[0] if words else cc}")
        done = subprocess.run([*(run or []), str(place / "main")], input=data, capture_output=True)
        if done.returncode:
            raise ValueError(f"the compiled header fails its self-test (row {done.returncode})")
        return done.stdout


def run_c(header: Header, rows: np.ndarray, cc: list[str] | None = None, run: list[str] | None = None) -> np.ndarray:
    """The answers of the compiled header for rows [n, ..], as [n, outputs]; see run_program."""
    kind = "int" if header.integers else "float"
    main = f"""#include <stdio.h>
#include "{header.name}.h"
int main(void) {{
    {kind} x[{header.inputs}]; float y[{header.outputs}];
    int failed = {header.name}_selftest();
    if (failed) return failed;
    while (fread(x, sizeof({kind}), {header.inputs}, stdin) == {header.inputs}) {{
        {header.name}_run(x, y);
        fwrite(y, sizeof(float), {header.outputs}, stdout);
    }}
    return 0;
}}
"""
    command = cc or compiler()
    if command is None:
        raise ValueError("there is no C compiler: tried cc, gcc and clang")
    data = np.ascontiguousarray(rows, dtype=np.int32 if header.integers else np.float32).tobytes()
    out = run_program(header.text, main, header.name, data, command, run)
    return np.frombuffer(out, dtype=np.float32).reshape(len(rows), header.outputs)


def run_onnx(data: bytes, rows: np.ndarray) -> np.ndarray:
    """What onnxruntime answers for rows [n, ..]. ImportError where it is not there."""
    import onnxruntime

    session: Any = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": rows if rows.dtype.kind in "iu" else rows.astype(np.float32)})[0]


def difference(got: np.ndarray, expected: np.ndarray) -> float:
    """The largest |got - expected| / (1 + |expected|)."""
    expected = expected.astype(np.float64)
    apart = np.abs(got.reshape(expected.shape) - expected) / (1 + np.abs(expected))
    return float(apart.max()) if apart.size else 0.0
