"""Exported files: sizes, and the time of a row in C (each compiler that is there, -O2), in onnxruntime, and here.

    python benchmarks/exported.py

Needs a C compiler, scikit-learn, pandas, and for the ONNX columns onnx and onnxruntime. Minimum of 7 rounds, one thread.
"""

from __future__ import annotations

import shutil
import time

import numpy as np
from sklearn import datasets

import tinygrad_c as T
from tinygrad_c import nn, tables
from tinygrad_c.export import check
from tinygrad_c.export.c import header
from tinygrad_c.export.onnx import onnx_bytes
from tinygrad_c.tables import export as table_export
from tinygrad_c.tables.export.rows import plain_columns

CALLS = """#include <stdio.h>
#include <time.h>
#include "NAME.h"
int main(void) {
    PREPARE
    double best = 1e9; int round; long i, calls = 1;
    if (NAME_selftest()) return 1;
    for (round = 0; round < 10; round++) {
        clock_t begin = clock(); double seconds;
        for (i = 0; i < calls; i++) CALL;
        seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
        if (seconds < 0.02) { calls *= 4; round = -1; best = 1e9; continue; }
        if (seconds / (double)calls < best) best = seconds / (double)calls;
    }
    printf("%g %g", best * 1e6, (double)sum);
    return 0;
}
"""


def c_time(text: str, name: str, prepare: str, call: str, compiler: str) -> float:
    """Microseconds of a call."""
    main = CALLS.replace("PREPARE", prepare).replace("CALL", call).replace("NAME", name)
    return float(check.run_program(text, main, name, b"", [compiler]).split()[0])


def best_of(function, seconds: float = 0.1, rounds: int = 7) -> float:
    """Microseconds of processor time of a call in Python."""
    calls, found = 1, []
    while len(found) < rounds:
        begin = time.process_time()
        for _ in range(calls):
            function()
        spent = time.process_time() - begin
        if spent < seconds / rounds:
            calls *= 4
            continue
        found.append(spent / calls * 1e6)
    return min(found)


def onnx_time(data: bytes, feeds: dict) -> float:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return best_of(lambda: session.run(None, feeds))


def nets() -> list[tuple[str, nn.Sequential, T.Tensor]]:
    T.manual_seed(0)
    return [
        ("digits: 64-64-10", nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), T.rand(20, 64)),
        (
            "mnist: 2 convolutions",
            nn.Sequential(
                nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                nn.Flatten(), nn.Linear(400, 10), nn.Softmax(1),
            ),
            T.rand(20, 1, 28, 28),
        ),
        (
            "words: embedding, layer norm",
            nn.Sequential(
                nn.Embedding(1000, 16), nn.LayerNorm(16), nn.Flatten(), nn.Linear(320, 32), nn.GELU(), nn.Linear(32, 2)
            ),
            T.randint(0, 1000, (20, 20)),
        ),
    ]  # fmt: skip


def main() -> None:
    T.set_num_threads(1)
    compilers = [c for c in ("gcc", "clang") if shutil.which(c)]
    names = ["net", "constants, B", "stack, B", "multiplications", *(f"{c}, us" for c in compilers)]
    names += ["ONNX, B", "onnxruntime, us", "here, us"]
    print(f"| {' | '.join(names)} |")
    print("|" + " --- |" + " ---: |" * (6 + len(compilers)))

    def row(name: str, made, times: list[float], onnx: bytes, runtime: float, here: float) -> None:
        print(
            f"| {name} | {made.rom:,} | {made.ram:,} | {made.operations:,} | {' | '.join(f'{t:.2f}' for t in times)} | "
            f"{len(onnx):,} | {runtime:.1f} | {here:.1f} |",
            flush=True,
        )

    for name, net, rows in nets():
        net.eval()
        for int8 in (False, True):
            made = header(net, rows, "net", int8)
            kind = "int" if made.integers else "float"
            values = ", ".join(map(str, rows.numpy()[0].ravel().tolist()))
            prepare = f"static {kind} x[NET_INPUTS] = {{{values}}}; float y[NET_OUTPUTS], sum = 0.0f;"
            times = [c_time(made.text, "net", prepare, "{ net_run(x, y); sum += y[0]; }", c) for c in compilers]
            data = onnx_bytes(net, rows)[0]
            one = rows[:1]
            row(
                name + (", int8" if int8 else ""),
                made,
                times,
                data,
                onnx_time(data, {"x": one.numpy()}),
                best_of(lambda net=net, one=one: T.utils.predict(net, one)),
            )
    for name, loader in (("table: iris", datasets.load_iris), ("table: breast_cancer", datasets.load_breast_cancer)):
        frame = loader(as_frame=True).frame
        for effort in ("quick", "default"):
            model, _ = tables.fit(tables.from_frame(frame), "target", tables.Options(effort=effort, threads=1))
            made = table_export.header(model, "net")
            columns = plain_columns(model.encoder, frame.iloc[:1])
            values = ", ".join(f".{member} = {float(columns[column][0])!r}" for column, member, _ in made.fields)
            prepare = f"static net_row row = {{{values}}}; float p[NET_OUTPUTS], sum = 0.0f;"
            times = [c_time(made.text, "net", prepare, "{ net_answers(&row, p); sum += p[0]; }", c) for c in compilers]
            data = table_export.onnx_bytes(model)
            feeds = {column: columns[column].reshape(-1, 1) for column, _, _ in made.fields}
            one = frame.iloc[:1]
            row(
                f"{name}, {effort}",
                made,
                times,
                data,
                onnx_time(data, feeds),
                best_of(lambda model=model, one=one: model.predict(one)),
            )


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
