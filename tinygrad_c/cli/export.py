"""`export MODEL --to c|onnx|py`: writes one file with the preprocessing, compared with the model first if possible."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygrad_c.cli.errors import UserError
from tinygrad_c.cli.files import write_file
from tinygrad_c.tables import legacy, modelfile
from tinygrad_c.tables.errors import many
from tinygrad_c.tables.export import check_c, check_onnx, check_py, header, module, onnx_bytes
from tinygrad_c.tables.export.check import ROWS, compiler
from tinygrad_c.tables.read import read_table

SUFFIX = {"c": ".h", "onnx": ".onnx", "py": ".py"}
ROOM = 1e-5  # of probabilities, and of quantities in standard deviations


def export(args: argparse.Namespace) -> int:
    """The command. Raises UserError if the exported file's predictions differ from the model's."""
    model = modelfile.load(args.model)
    if isinstance(model, legacy.Model):
        raise UserError("is of the first format, which is not exported: train it again", args.model)
    if args.int8 and args.to != "c":
        raise UserError("--int8 is for --to c")
    frame = None if args.rows is None else read_table(args.rows, text=model.encoder.text_columns)
    place = Path(args.out) if args.out else Path(args.model).with_suffix(SUFFIX[args.to])
    rows = len(frame) if frame is not None else ROWS
    if args.to == "c":
        made = header(model, place.stem, args.int8)
        apart = check_c(model, made, frame=frame)
        words = (
            f"{made.rom:,} bytes of constants, {made.ram:,} bytes of stack, {made.operations:,} multiplications a row; "
            f"{'int8' if args.int8 else 'float32'} weights"
        )
        data = made.text.encode()
    elif args.to == "onnx":
        data = onnx_bytes(model)
        try:
            apart = check_onnx(model, data, frame)
        except UserError as error:
            if "onnxruntime" not in str(error):
                raise
            apart = None
        words = f"{len(data):,} bytes"
    else:
        data = module(model).encode()
        apart = check_py(model, data.decode(), frame)
        words = f"{len(data):,} bytes"
    if apart is not None and apart > ROOM and not args.int8:
        raise UserError(
            f"the exported file's predictions differ from the model's by up to {apart:.2g}: nothing is written", args.model
        )
    write_file(place, data)
    by = {"c": (compiler() or [""])[0], "onnx": "onnxruntime", "py": "NumPy"}[args.to]
    told = (
        f"compared with the model on {many(rows, 'row')} ({by}): the largest difference is {apart:.2g}"
        if apart is not None
        else "not compared: there is no " + ("C compiler here" if args.to == "c" else "onnxruntime here")
    )
    print(f"wrote {place}: {words}\n{told}")
    return 0
