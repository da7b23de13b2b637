"""Instructions per call of small operations, per training step and per import, counted by callgrind: a table, or before and after.

    python tests/jobs/instructions.py                           # a table
    python tests/jobs/instructions.py --record FILE             # and write it as JSON
    python tests/jobs/instructions.py --check FILE              # before, after, percent; status 1 if one rose by more than --most
    python tests/jobs/instructions.py --check FILE --first "T.explain(T.ones(1, requires_grad=True) * 2)"    # what it leaves behind
    python tests/jobs/instructions.py --only "tiny*" --python OTHER/bin/python --path FOLDER

Counts, not times: the same command on a busy machine gives the same counts. Another build, path or --only moves addresses, on
which the collisions in Python's cache of attributes depend: up to 20 instructions a call (0.4%) are noise. Valgrind knows no AVX-512, so TINYGRAD_C_SIMD is avx2 (or what
--level says); one thread, PYTHONHASHSEED=0, no garbage collection while counting. One process under valgrind imports the
package; each case runs in a fork of it, warms up, and is counted for N and for 3N repetitions: the count is their difference
over 2N, so what is paid once falls out. The boundaries are valgrind's client requests (x86-64 only). The recorded counts
(instructions.json) are of one compiler and one Python: compare only what was built alike.
"""
from __future__ import annotations

import argparse
import ctypes
import fnmatch
import gc
import json
import mmap
import os
import re
import subprocess
import sys
import tempfile
import traceback
from itertools import pairwise
from pathlib import Path

RECORDED = Path(__file__).with_suffix(".json")
ROUNDS = {"op": 200, "step": 25}      # N
WIDTHS = {"tiny": ((2, 16, 16, 2), 32), "digits": ((64, 64, 10), 32), "one row": ((64, 64, 10), 1)}     # as benchmarks/train_step.py

# The operators of tests/architecture/test_overhead.py and their like: a, b (4,) and m (4, 4) require gradients.
OPERATIONS = {
    "a+b": "a + b", "a-b": "a - b", "a*b": "a * b", "a*a": "a * a", "a/b": "a / b", "2*a": "2 * a", "a*2": "a * 2", "a+1": "a + 1",
    "1-a": "1 - a", "a**2": "a ** 2", "-a": "-a", "m@m": "m @ m", "m@a": "m @ a", "tanh(a)": "T.tanh(a)", "a.tanh()": "a.tanh()",
    "a.exp()": "a.exp()", "relu(a)": "T.relu(a)", "a.sum()": "a.sum()", "a.mean()": "a.mean()", "m.sum(0)": "m.sum(0)",
    "a.detach()": "a.detach()", "m.t()": "m.t()", "m.reshape(16)": "m.reshape(16)", "m[1]": "m[1]", "m[:, 1:3]": "m[:, 1:3]",
    "cat": "T.cat([a, b])", "softmax": "F.softmax(m, 1)", "linear": "F.linear(m, m, a)", "mse_loss": "F.mse_loss(a, b)",
    "cross_entropy": "F.cross_entropy(m, labels)",
}
NOT_BACKWARD = ("a.detach()",)
ALSO_PLAIN = ("a+b", "2*a", "m@m", "a.sum()")        # the same on tensors without gradients


def chosen(name, only):
    """Whether the case is wanted: by a pattern, or by names with ; between."""
    return name in only.split(";") if ";" in only else fnmatch.fnmatch(name, only)


def cases(T):
    """name: (kind, what makes the function to be counted)."""
    nn, F, optim = T.nn, T.nn.functional, T.optim

    def operands(requires_grad=True):
        values = T.arange(16.0).reshape(4, 4) / 16 + 0.5
        return {"T": T, "F": F, "a": T.tensor([0.5, 1.0, 1.5, 2.0], requires_grad=requires_grad),
                "b": T.tensor([1.0, 3.0, 0.5, 2.0], requires_grad=requires_grad), "m": values.requires_grad_(requires_grad),
                "labels": T.tensor([0, 3, 1, 2])}

    def operation(text, requires_grad=True):
        return lambda: eval(f"lambda: {text}", operands(requires_grad))

    def with_backward(text):
        def make():
            names = operands()
            names["g"] = T.ones_like(eval(text, names).detach())
            return eval(f"lambda: ({text}).backward(g)", names)
        return make

    def step(widths, rows, optimizer):
        def make():
            T.manual_seed(0)
            layers = []
            for i, o in pairwise(widths):
                layers += [nn.Linear(i, o), nn.ReLU()]
            net = nn.Sequential(*layers[:-1])
            x, y = T.randn(rows, widths[0]), T.randint(0, widths[-1], (rows,))
            opt = optim.SGD(net.parameters(), lr=0.01) if optimizer == "SGD" else optim.Adam(net.parameters())

            def run():
                opt.zero_grad()
                F.cross_entropy(net(x), y).backward()
                opt.step()
            return run
        return make

    found = {}
    for name, text in OPERATIONS.items():
        if name in ALSO_PLAIN:
            found[f"{name}, plain"] = "op", operation(text, False)
        found[name] = "op", operation(text)
        if name not in NOT_BACKWARD:
            found[f"{name}, backward"] = "op", with_backward(text)
    for net, (widths, rows) in WIDTHS.items():
        for optimizer in ("SGD", "Adam"):
            found[f"{net}, {optimizer}"] = "step", step(widths, rows, optimizer)
    return found


# ---- Inside valgrind

def requester():
    """A function that has callgrind write what it counted so far under a name, and begin at 0 again."""
    code = bytes.fromhex("4889f8"                                   # mov rax, rdi: the request
                         "31d2"                                     # xor edx, edx: the default answer
                         "48c1c703" "48c1c70d" "48c1c73d" "48c1c733" "4887db"       # valgrind's mark: rotations that undo each other
                         "4889d0" "c3")                             # the answer
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    call = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
    dump_at = ord("C") << 24 | ord("T") << 16 | 3

    def request(name):
        text = ctypes.c_char_p(name.encode())
        words = (ctypes.c_ulong * 6)(dump_at, ctypes.cast(text, ctypes.c_void_p).value, 0, 0, 0, 0)
        call(ctypes.addressof(words))
    request.memory = memory
    return request


def inside(only, first=""):
    import tinygrad_c
    exec(first, {"T": tinygrad_c})
    dump = requester()
    for name, (kind, make) in cases(tinygrad_c).items():
        if not chosen(name, only):
            continue
        child = os.fork()
        if child:
            if os.waitpid(child, 0)[1]:
                sys.exit(f"{name} failed")
            continue
        try:
            count(dump, name, make(), ROUNDS[kind])
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)


def count(dump, name, f, n):
    gc.collect()
    gc.freeze()
    gc.disable()
    for _ in range(n):
        f()
    dump("warm")
    for _ in range(n):
        f()
    dump(f"{name}={n}")
    for _ in range(3 * n):
        f()
    dump(f"{name}={3 * n}")


# ---- Outside

def measure(python, path, level, only, first=""):
    """Instructions by case."""
    env = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "TINYGRAD_C_SIMD": level, "TINYGRAD_C_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if path:
        env["PYTHONPATH"] = str(path)
    with tempfile.TemporaryDirectory() as folder:
        def valgrind(name, *program):
            """What a program wrote under callgrind: the text of its log."""
            log = Path(folder, f"{name}.log")
            done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out.%p", f"--log-file={log}",
                                   python, *program], cwd=folder, env=env)
            if done.returncode:
                sys.exit(f"valgrind ended with {done.returncode}:\n{log.read_text()[-2000:]}")
            return log.read_text()

        where = subprocess.run([python, "-c", "import tinygrad_c; print(tinygrad_c.__file__)"], cwd=folder, env=env, check=True,
                               capture_output=True, text=True).stdout.strip()      # also writes the .pyc files
        print(where, file=sys.stderr)
        counts = {}
        if chosen("import, after numpy", only):
            numpy, both = (int(re.search(r"Collected : (\d+)", valgrind("import", "-c", f"import {modules}"))[1])
                           for modules in ("numpy", "numpy, tinygrad_c"))
            counts["import, after numpy"] = both - numpy
        valgrind("cases", str(Path(__file__).resolve()), "--inside", "--only", only, "--first", first)
        totals = {}
        for file in Path(folder).glob("out.*"):
            found = re.search(r"^desc: Trigger: Client Request: (.+)=(\d+)$(?s:.*?)^(?:summary|totals): (\d+)$", file.read_text(), re.M)
            if found:
                totals.setdefault(found[1], {})[int(found[2])] = int(found[3])
    for name, by_repeats in totals.items():
        least, most = min(by_repeats), max(by_repeats)
        counts[name] = round((by_repeats[most] - by_repeats[least]) / (most - least))
    return dict(sorted(counts.items(), key=lambda item: (item[0].startswith("import"), item[0].split(", ")[0] in WIDTHS, item[0])))


def compare(before, after, most):
    """Print before, after and percent; the names of those that rose by more than `most` percent or are missing."""
    bad = []
    print(f"{'':34}{'before':>14}{'after':>14}{'percent':>9}")
    for name in [*before, *(name for name in after if name not in before)]:
        b, a = before.get(name), after.get(name)
        if a is None or b is None:
            print(f"{name:34}{'-' if b is None else b:>14}{'-' if a is None else a:>14}")
            bad += [name] if a is None else []
            continue
        percent = 100 * (a - b) / b
        print(f"{name:34}{b:>14,}{a:>14,}{percent:>+9.2f}")
        bad += [name] if percent > most else []
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the counts as JSON")
    parser.add_argument("--check", type=Path, nargs="?", const=RECORDED, metavar="FILE", help=f"compare (default: {RECORDED.name})")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="cases whose names match; or names, with ; between (default: all)")
    parser.add_argument("--most", type=float, default=1.0, help="percent that a count may rise by (default: 1)")
    parser.add_argument("--python", default=sys.executable, help="interpreter to run (default: this one)")
    parser.add_argument("--path", type=Path, help="folder for PYTHONPATH, if the package is not installed")
    parser.add_argument("--level", default="avx2", choices=("baseline", "avx2"), help="instruction set (default: avx2)")
    parser.add_argument("--first", default="", metavar="CODE", help="run this before counting; T is the package")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        inside(args.only, args.first)
        return 0
    counts = measure(args.python, args.path and args.path.resolve(), args.level, args.only, args.first)
    if args.record:
        args.record.write_text(json.dumps({"level": args.level, "counts": counts}, indent=1) + "\n")
    if args.check:
        recorded = json.loads(args.check.read_text())
        if recorded["level"] != args.level:
            sys.exit(f"{args.check} was recorded at {recorded['level']}")
        before = {name: n for name, n in recorded["counts"].items() if chosen(name, args.only)}
        bad = compare(before, counts, args.most)
        if bad:
            print(f"\nmore than {args.most}% or missing: {', '.join(bad)}")
        return bool(bad)
    for name, n in counts.items():
        print(f"{name:34}{n:>14,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
