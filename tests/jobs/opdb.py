"""Torch's own sample inputs, of its table of ops, of modules and of optimizers, given to torch and to this package.

    python tests/jobs/opdb.py [--only add,nn.functional.pad] [--what ops,modules,optimizers] [--verbose]

Each sample of each op, in every dtype that is here: value, dtype, shape, names of fields; as method, in place, with out=, under
its other names; gradient and gradient of the gradient in float64; and the inputs that must raise: class and words. Prints a
row an op that does not agree wholly, and the totals; status 1 if anything differs that is not in KNOWN.
"""
from __future__ import annotations

import argparse
import collections
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
KINDS = ["agree", "differ", "known", "left out", "not here"]

# What differs on purpose: op (a * stands for any end), part of the message, and why.
KNOWN: list[tuple[str, str, str]] = [
    ("*", "torch TypeError: ", "numbers are taken where torch wants tensors"),
    ("*", "some elements of the input tensor and the written-to", "out= may be an input: the result is computed first"),
    ("histogramdd", "the bin edges must be increasing", "torch counts in edges without order, whatever that means"),
    ("cholesky_inverse", "gradient", "torch's does not stop at the triangle that is read"),
    ("cholesky_solve", "gradient", "torch's does not stop at the triangle that is read"),
    ("as_strided_scatter", "gradient 0", "torch's is that of what was replaced; here it is 0, as differences say"),
    ("as_strided*", "as_strided of a tensor that requires grad: it must be contiguous", "views of views of memory outside the tensor"),
    ("as_strided", "in place as_strided_", "clone() of a strided tensor is contiguous here"),
    ("nn.functional.normalize", "in out", "torch writes the norm into out=, then gives another tensor"),
    ("nextafter", "gradient", "torch 2.13 gives the first argument's, of a function of steps"),
    ("polygamma*", "value", "at a pole; and float32 beside the pole, where torch loses digits"),
    ("special.polygamma*", "value", "the same"),
    ("arange", "step must be nonzero", "torch raises another class with out= than without"),
    ("*", "is out of bounds for dimension", "an index out of bounds is an IndexError here, everywhere"),
    ("*", "Expected out tensor to have dtype", "out= of a wider dtype is filled"),
    ("am*", "error: ", "of empty tensors and out= of another dtype: another class and words"),
    ("*", "cannot be interpreted as an integer", "Python's own words for 1.0 where an int must be"),
    ("?split", "not supported between instances", "the same, for a string"),
    ("nn.functional.adaptive_max_pool*", "internal error", "torch's words are no use"),
    ("nn.functional.batch_norm", "tuple index out of range", "a batch of no dimension but one, of size 0"),
    ("nn.functional.local_response_norm", "int64", "torch rounds between the steps"),
    ("linalg.norm*", "gradient", "at 0, where torch gives NaN for a second derivative, or 0 for a pole"),
    ("linalg.matrix_power", "does not require grad", "the power 0 is constant"),
    ("nn.functional.multi_head_attention_forward", "static_k and static_v are left out", "left out"),
    ("mean", "Optional dtype must be", "torch names the dtype in its inner words"),
    ("__r*", "torch AttributeError", "numbers are taken where torch wants tensors"),
    ("nn.functional.multi_head_attention_forward", "torch np.float32(", "weights of softmax from scores of 1,000: their last digits"),
    ("nn.CrossEntropyLoss", "torch np.float64(nan)", "no label counts: the gradient is 0, and so is its own, where torch's is NaN"),
    ("multinomial", "number of categories cannot exceed", "there is no such bound here"),
    ("nn.functional.soft_margin_loss", "must match the size of tensor", "the sizes in the other order"),
    ("trap*", "uint8", "torch's sums of bytes overflow"),
    ("cumulative_trapezoid", "uint8", "the same"),
    ("round", "alias special.round", "torch's other name does not take whole numbers"),
    ("nn.functional.interpolate*", "uint8", "one in the last place of bytes: torch's fixed point has 15 bits"),
    ("linalg.det", "second gradient 0: none in torch", "the second gradient of a 1 x 1 matrix is zeros here"),
    ("matrix_exp", "float32", "in the last digits"),
    ("nn.functional.embedding*", "sparse gradients are left out", "left out"),
    ("Adam*", "params argument given to the optimizer", "settings of kernels for GPUs, with parameters that are None"),
]


def known(name: str, message: str) -> str | None:
    for op, part, why in KNOWN:
        if part in message and fnmatch(name.split(":")[0], op):
            return why
    return None


def work(what: str, first: int, last: int, only: set[str]) -> None:
    """Numbers first .. last - 1 of a table, in this process: a line of JSON each on stdout."""
    warnings.simplefilter("ignore")
    import torch
    torch.set_num_threads(1)
    from jobs import opdb_tables
    table = opdb_tables.TABLES[what]()
    for number in range(first, min(last, len(table))):
        name = opdb_tables.label(table[number])
        if only and name not in only and name.split(":")[0] not in only:
            continue
        print(json.dumps({"begin": number, "name": name}), flush=True)
        counts: collections.Counter = collections.Counter()
        messages: collections.Counter = collections.Counter()
        try:
            for kind, message in opdb_tables.RUN[what](table[number]):
                if kind == "differ" and known(name, message):
                    kind = "known"
                counts[kind] += 1
                if kind in ("differ", "not here"):
                    messages[message] += 1
        except Exception as error:
            counts["differ"] += 1
            messages[f"the job: {type(error).__name__}: {error}"[:300]] += 1
        print(json.dumps({"end": number, "name": name, "counts": counts, "messages": messages.most_common(200)}), flush=True)
    print(json.dumps({"size": len(table)}), flush=True)


def run(what: str, only: str, size: int, timeout: float) -> Iterator[dict]:
    """The whole table in processes of `size` ops; a process that dies is begun anew behind the op that it died of."""
    number, total = 0, size
    while number < total:
        command = [sys.executable, "-X", "faulthandler", __file__, "--worker", what, "--first", str(number), "--last",
                   str(number + size), "--only", only]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, errors="replace")
            out, status, said = done.stdout, done.returncode, done.stderr
        except subprocess.TimeoutExpired as error:
            out, status, said = (error.stdout or b"").decode(errors="replace"), -1, f"nothing for {timeout} seconds"
        lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        yield from (line for line in lines if "end" in line)
        total = next((line["size"] for line in lines if "size" in line), total)
        if status == 0:
            number += size
            continue
        begun = [line for line in lines if "begin" in line]
        name = begun[-1]["name"] if begun else f"number {number}"
        yield {"name": name, "counts": {"differ": 1}, "messages": [[f"CRASH, status {status}: {said.strip()[-600:]}", 1]]}
        if not begun:
            break
        number = begun[-1]["begin"] + 1
        total = max(total, number + 1)


def report(what: str, rows: Iterable[dict], verbose: bool) -> int:
    """Prints the table; returns how many samples differ."""
    sums, began = collections.Counter(), time.monotonic()
    print(f"\n{what}: {' | '.join(KINDS)}")
    for row in rows:
        counts = row["counts"]
        sums.update(counts)
        sums["entries"] += 1
        sums["whole"] += bool(counts) and not counts.get("differ") and not counts.get("not here")
        if verbose or counts.get("differ") or counts.get("not here"):
            print(f"{row['name']}: {' | '.join(str(counts.get(kind, 0)) for kind in KINDS)}", flush=True)
            for message, times in row["messages"][:200 if verbose else 4]:
                print(f"    {times} x {message}")
    print(f"{what}: {sums['entries']} entries, {sums['whole']} of them agree wholly; samples: "
          + ", ".join(f"{sums[kind]} {kind}" for kind in KINDS) + f"; {time.monotonic() - began:.0f} s", flush=True)
    return sums["differ"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="names of ops, with commas between")
    parser.add_argument("--what", default="ops,modules,optimizers")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--size", type=int, default=40, help="ops to a process")
    parser.add_argument("--timeout", type=float, default=1500, help="seconds for a process")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--last", type=int, default=10 ** 9, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work(options.worker, options.first, options.last, {name for name in options.only.split(",") if name})
    differ = 0
    for what in options.what.split(","):
        rows = run(what, options.only, options.size if not options.only else 10 ** 6, options.timeout)
        differ += report(what, rows, options.verbose)
    if differ:
        raise SystemExit(f"{differ} samples differ")


if __name__ == "__main__":
    main()
