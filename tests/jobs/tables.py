"""Random tables through train, predict, export and reload: no traceback, equal answers, one line where one is refused.

    python tests/jobs/tables.py [--tables 2000] [--seed 1] [--only NUMBER]

A generator draws columns (numbers of many scales and notations, gaps and their marks, text, categories, dates, keys, constant and
duplicate columns, unicode), the way the file is written (delimiter, encoding, quotes, comments, compression), and a target. Each
table is trained on for a few epochs; then the file is answered for, the model is read back and must answer the same to the bit, and
the exported NumPy module (each time), C header and ONNX file (each tenth) must answer the same to 1e-5.
"""
from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import io
import os
import random
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

from tinygrad_c.cli import main as cli
from tinygrad_c.tables import modelfile, read_table
from tinygrad_c.tables.errors import need
from tinygrad_c.tables.export import check_c, check_onnx, check_py, header, module, onnx_bytes
from tinygrad_c.tables.export.check import compiler

WORDS = ["red", "blue", "Grün", "naïve", "東京", "🙂", "a,b", 'quo"te', "semi;colon", "None", "unknown", "x" * 60, "O'Hara", "-", "1st", "50%",
         "new\nline", " padded ", "#hash", "=1+1", "true", "TRUE", "nan", "12", "007", "0", "3 kg", "level 1", "\ttab"]


def column(draw: random.Random, n: int) -> tuple[str, list[str]]:
    """A kind, and n texts as they stand in a file."""
    kind = draw.choice(["normal", "wide", "huge", "tiny", "counts", "two", "money", "percent", "grouped", "unit", "brackets", "mixed",
                        "category", "many", "unique text", "constant", "empty", "dates", "times", "us dates", "key", "row", "zips", "bools",
                        "BOOLS", "clock", "euros", "written dates",
                        "code for missing", "infinite", "words", "bad dates", "far", "exponents"])
    r = draw.random
    make = {
        "normal": lambda i: f"{draw.gauss(0, 1):.4f}", "wide": lambda i: f"{np.exp(draw.gauss(0, 4)):.6g}",
        "huge": lambda i: f"{draw.gauss(0, 1) * 1e15:.17g}", "tiny": lambda i: f"{draw.gauss(0, 1) * 1e-20:.6g}",
        "counts": lambda i: str(int(draw.expovariate(0.5))), "two": lambda i: draw.choice(["0", "1"]),
        "money": lambda i: f"${draw.uniform(0, 1e5):,.2f}", "percent": lambda i: f"{draw.uniform(0, 100):.1f}%",
        "grouped": lambda i: f"{draw.randrange(10**6):,}", "unit": lambda i: f"{draw.uniform(0, 9):.1f} kg",
        "brackets": lambda i: draw.choice([f"({draw.uniform(0, 9):.2f})", f"{draw.uniform(0, 9):.2f}"]),
        "mixed": lambda i: draw.choice(["1", "2.5", "three", "4 kg", ""]), "category": lambda i: draw.choice(WORDS[:6]),
        "many": lambda i: f"level {int(draw.expovariate(0.05))}", "unique text": lambda i: f"{i} {draw.choice(WORDS)}",
        "constant": lambda i: "same", "empty": lambda i: "", "words": lambda i: draw.choice(WORDS),
        "dates": lambda i: f"{2000 + draw.randrange(20)}-{1 + draw.randrange(12):02d}-{1 + draw.randrange(28):02d}",
        "times": lambda i: f"2020-01-{1 + draw.randrange(28):02d} {draw.randrange(24):02d}:{draw.randrange(60):02d}",
        "us dates": lambda i: f"{1 + draw.randrange(12)}/{1 + draw.randrange(28)}/{1990 + draw.randrange(40)}",
        "bad dates": lambda i: draw.choice(["2020-13-45", "0000-00-00", "2020-02-30", "2020-01-01"]),
        "key": lambda i: str(100_000 + 7 * i), "row": lambda i: str(i + 1), "zips": lambda i: f"{draw.choice([501, 1234, 90210, 7])!s:0>5}",
        "bools": lambda i: draw.choice(["True", "False"]), "BOOLS": lambda i: draw.choice(["TRUE", "FALSE"]),
        "clock": lambda i: f"{draw.randrange(24)}:{draw.randrange(60):02d}", "euros": lambda i: f"{draw.randrange(1000)}.{draw.randrange(1000):03d},50 €",
        "written dates": lambda i: f"{1 + draw.randrange(28)} {draw.choice(['Jan', 'June', 'Sep'])} {1990 + draw.randrange(40)}",
        "code for missing": lambda i: "-999" if r() < 0.1 else str(draw.randrange(50)),
        "infinite": lambda i: draw.choice(["inf", "-inf", "1", "2", "3.5"]), "far": lambda i: "1e300" if r() < 0.02 else f"{r():.3f}",
        "exponents": lambda i: f"{draw.gauss(0, 1):.3e}",
    }[kind]
    values = [make(i) for i in range(n)]
    share = draw.choice([0, 0, 0, 0.02, 0.3, 0.9])
    mark = draw.choice(["", "", "NA", "?", "-", "null", "n/a", "missing"])
    return kind, [mark if r() < share else v for v in values]


def table(draw: random.Random) -> tuple[list[str], list[list[str]], int]:
    """Names, columns, and which one is the target."""
    n = draw.choice([1, 9, 10, 11, 12, 20, 30, 60, 60, 100, 100, 250])
    count = draw.choice([1, 2, 3, 3, 5, 5, 8, 15])
    columns = [column(draw, n)[1] for _ in range(count)]
    names = [draw.choice(["x", "y", "name", "id", "Größe", "a b", "größe (m²)", "int", "x", "#", "target", "1", ""]) + str(i) * draw.choice([0, 1, 1, 1])
             for i in range(count)]
    if count > 1 and draw.random() < 0.2:
        columns[0] = list(columns[-1])
    kind = draw.choice(["any", "class", "quantity", "price", "numbers of classes"])
    target = draw.randrange(count)
    if kind != "any" and count > 1:
        columns[target] = [{"class": draw.choice("abc"), "quantity": f"{draw.gauss(5, 2):.3f}", "price": f"${draw.uniform(1, 9999):,.2f}",
                            "numbers of classes": str(draw.randrange(4))}[kind] if draw.random() < 0.97 else "" for _ in range(n)]
    return names, columns, target


def written(draw: random.Random, names: list[str], columns: list[list[str]]) -> bytes:
    file = io.StringIO()
    delimiter = draw.choice([",", ",", ",", ";", "\t", "|"])
    if draw.random() < 0.1:
        file.write("# a comment\n")
    lines = csv.writer(file, delimiter=delimiter, quoting=draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
                       lineterminator=draw.choice(["\n", "\n", "\r\n"]))
    lines.writerow(names)
    lines.writerows(zip(*columns))
    data = file.getvalue().encode(draw.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"]), "replace")
    return gzip.compress(data) if draw.random() < 0.1 else data


def try_one(seed: int, number: int, folder: Path) -> tuple[str, str]:
    """"refused", "trained", .. and what is wrong, or ""."""
    draw = random.Random(f"{seed}/{number}")
    names, columns, target = table(draw)
    path = folder / "t.csv"
    path.write_bytes(written(draw, names, columns))
    argv = ["train", str(path), "--out", str(folder / "m"), "--epochs", "3", "--threads", "1", "--seed", str(number),
            draw.choice(["--quick", "--quick", "--folds=3", "--best"]), *draw.choice([[], ["--holdout", "0.2"], ["--class-weight", "balanced"]])]
    try:
        wanted = read_table(path).names
        argv += ["--target", wanted[min(target, len(wanted) - 1)]]
    except Exception:
        pass
    status, out, err = run(argv)
    if status == 2:
        wrong = "" if err.count("\n") == 1 and err.startswith("tinygrad_c: ") else f"not one line: {err!r}"
        return "refused", wrong
    if status != 0:
        return "failed", "" if status == 1 and "a lower --lr" in err else f"status {status}: {err!r}"
    place = folder / "m" / "model.safetensors"
    model = modelfile.load(place)
    read = read_table(path, text=model.encoder.text_columns, keep_blank=True)
    answers = model.answers(model.encode(read))
    if not np.isfinite(answers).all() or len(answers) != len(read):
        return "trained", f"answers that are none: {answers[:3]}"
    trained = read_table(path)
    if trained.names == read.names and len(trained) == len(read):
        seen, again = model.encode(trained), model.encode(read)
        if not (np.array_equal(seen.X, again.X) and np.array_equal(seen.codes, again.codes)):
            return "trained", "the rows read to train are encoded otherwise than those read to answer"
    status, out, err = run(["predict", str(place), str(path), "--proba", "--quiet"])
    if status != 0:
        return "trained", f"predict: status {status}: {err!r}"
    rows = len(need("pandas").read_csv(io.StringIO(out), skip_blank_lines=False))
    if rows != len(read):
        return "trained", f"{rows} answers for {len(read)} rows"
    if modelfile.dump(modelfile.load(place)) != place.read_bytes():
        return "trained", "the model read and written again is another"
    again = modelfile.load(place)
    if not np.array_equal(again.answers(again.encode(read)), answers):
        return "trained", "the model read again answers otherwise"
    apart = [check_py(model, module(model)), check_py(model, module(model), read)]
    if number % 10 == 0:
        if compiler():
            apart += [check_c(model, header(model, "net")), check_c(model, header(model, "net"), frame=read)]
        with contextlib.suppress(ImportError):
            import onnxruntime  # noqa: F401
            data = onnx_bytes(model)
            apart += [check_onnx(model, data), check_onnx(model, data, read)]
    return "trained", "" if max(apart) < 1e-5 else f"exported files answer otherwise: {apart}"


def run(argv: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main(argv)
    return status, out.getvalue(), err.getvalue()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    args = parser.parse_args(argv)
    warnings.simplefilter("error", RuntimeWarning)
    counts: dict[str, int] = {}
    faults = 0
    began = time.monotonic()
    for number in range(args.tables) if args.only is None else [args.only]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                kind, wrong = try_one(args.seed, number, Path(folder))
            except Exception as error:
                kind, wrong = "raised", f"{type(error).__name__}: {error} at {traceback.extract_tb(error.__traceback__)[-1]}"
        counts[kind] = counts.get(kind, 0) + 1
        if number % 100 == 99:
            print(f"{number + 1} tables: {counts}; {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        if wrong:
            faults += 1
            print(f"FAULT {number} ({kind}): {wrong}".replace("\n", " ")[:500], flush=True)
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())) + f"; {faults} faults; "
          f"{time.monotonic() - began:.0f} s")
    if faults:
        sys.exit(1)


if __name__ == "__main__":
    os.environ.setdefault("TINYGRAD_C_NUM_THREADS", "1")
    main()
