"""Wrong derivatives on purpose: for every one of them a test must fail.

    python tests/jobs/mutation.py

First the table: in each row's derivative each operator, comparison, sign and constant is changed in turn, and the result is
held against the difference quotients that tests/ops/test_properties.py holds the kernels against. Then the rules: for every rule
of the tape and each of its inputs, the gradient that it hands back is negated, and made 1% larger, in a copy of the package
whose tape can do that; the samples of test_ops.py that use the rule are then held against their recorded gradients or
difference quotients, as that test does. What survives is printed; exit status 1 if anything does that is not listed below.
"""
from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from jobs import batches

TESTS = Path(__file__).resolve().parent.parent
# Changes that change nothing.
EQUIVALENT = ("0 / g", "/ sign(", "/ copysign(1.0", "0.01 * g")
G = 1.7         # the gradient that comes in


# ---- The table

SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Gt: ast.LtE, ast.Lt: ast.GtE,
         ast.GtE: ast.Lt, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}


def mutants(expression: str) -> list[str]:
    """The expression with one thing changed, for each thing that there is."""
    found = []
    count = sum(1 for _ in ast.walk(ast.parse(expression, mode="eval")))
    for number in range(count):
        tree = ast.parse(expression, mode="eval")
        node = list(ast.walk(tree))[number]
        if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
            node.op = SWAPS[type(node.op)]()
        elif isinstance(node, ast.Compare):
            node.ops = [SWAPS[type(node.ops[0])]()]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            node.op = ast.UAdd()
        elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            node.value = node.value * 1.01 if node.value else 0.01
        else:
            continue
        found.append(ast.unparse(ast.fix_missing_locations(tree)))
    return [f"-({expression})", *found]


def table() -> tuple[int, list[str]]:
    """How many mutants there are, and those that no quotient tells from the row."""
    from ops.test_properties import EDGES, POINTWISE, ROWS, Functions, probes, value
    tried, survivors = 0, []
    for name in ROWS:
        row = POINTWISE[name]
        if not any(row.derivatives):
            continue
        inputs, quotients = probes(name)
        places = [(inputs, row.sample, quotients)]
        places += [([np.array(x) for x in xs], numbers, np.array(expected)) for edge, xs, numbers, expected in EDGES if edge == name]
        for k, derivative in enumerate(row.derivatives):
            if derivative is None or derivative == "0 * g":
                continue

            def right(text: str, name=name, row=row, places=places, k=k) -> bool:
                for inputs, numbers, expected in places:
                    names = Functions(zip(row.inputs, inputs)) | dict(zip(row.params, numbers))
                    names |= {"y": value(name, inputs, numbers), "g": np.full(len(inputs[-1]), G)}
                    with np.errstate(all="ignore"):
                        found = np.broadcast_to(eval(text, {"__builtins__": {}}, Functions(names)), len(inputs[-1]))
                    known = ~np.isnan(expected[k])
                    if not np.allclose(found[known], G * expected[k][known], 4e-6, 4e-6):
                        return False
                return True

            try:
                if not right(derivative):
                    survivors.append(f"{name}: {derivative} is not the derivative of {row.y}")
            except NameError:
                continue        # a function that NumPy has not: test_ops.py holds it against torch
            for text in mutants(derivative):
                if any(same in text for same in EQUIVALENT):
                    continue
                tried += 1
                if right(text):
                    survivors.append(f"{name}: {text} for {derivative}")
    return tried, survivors


# ---- The rules

def layers() -> dict:
    """What rows of the table of samples do not use: the layers with kernels of their own, as functions of all that they hold."""
    from samples.sampling import S, X, op

    from tinygrad_c.nn import functional as F
    calls = {
        "conv2d": (lambda m, x, w, b: F.conv2d(x, w, b, padding=1), X(2, 2, 4, 4), X(3, 2, 2, 2), X(3)),
        "unfold": (lambda m, x: F.unfold(x, 2), X(1, 2, 3, 4)),
        "fold": (lambda m, x: F.fold(x, (3, 4), 2), X(1, 8, 6)),
        "max_pool2d": (lambda m, x: F.max_pool2d(x, 2), X(1, 2, 4, 4)),
        "batch_norm": (lambda m, x, w, b: F.batch_norm(x, None, None, w, b, True), X(6, 3), X(3), X(3)),
        "layer_norm": (lambda m, x, w, b: F.layer_norm(x, (5,), w, b), X(4, 5), X(5), X(5)),
        "group_norm": (lambda m, x, w, b: F.group_norm(x, 2, w, b), X(2, 4, 3), X(4), X(4)),
        "l1_loss": (lambda m, x, y: F.l1_loss(x, y), X(5), X(5)),
        "nll_loss of planes": (lambda m, x, t: F.nll_loss(x.log_softmax(1), t), X(2, 3, 2, 2), X(2, 2, 2, low=0, high=3, dtype="int64")),
        "as_strided": (lambda m, x: x.as_strided((3, 2), (1, 1)), X(4)),
    }
    return {f"layer {name}": op(name, S(*inputs), call=call) for name, (call, *inputs) in calls.items()}


HOOK = """
cdef object mutation = None


def mutate(function) -> None:
    global mutation
    mutation = function

"""


def mutable_package(folder: Path) -> None:
    """A copy of the sources whose tape hands every gradient to a function first; only the tape is built anew."""
    source = TESTS.parent
    shutil.copytree(source / "tinygrad_c", folder / "tinygrad_c", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(source / name, folder)
    if (source / "build").exists():
        shutil.copytree(source / "build", folder / "build")
    path = folder / "tinygrad_c/core/tape_backward.pxi"
    text = path.read_text()
    send = "        if not self.needs(node, i):\n            return 0\n        if self.held_grads"
    in_place = "        if self.create_graph or target is None or "
    assert text.count(send) == text.count(in_place) == 1, "tape_backward.pxi has changed: look at send_grad and accumulator"
    text = text.replace(send, "        if mutation is not None and self.needs(node, i):\n"
                              "            g = mutation(node.rule.name.decode(), i, g)\n" + send)
    klass = text.index("\n@cython.final\ncdef class BackwardPass")
    text = text[:klass] + HOOK + text[klass:]
    # No kernel adds into a gradient behind send_grad's back.
    text = text.replace(in_place, "        if True or self.create_graph or target is None or ")
    path.write_text(text)
    batches.build(folder)


def rules() -> tuple[int, list[str]]:
    """How many mutants there are of the rules that samples use, and those that no sample tells. Runs in the copy."""
    from golden.record import GOLDEN, recorded
    from samples.comparing import OURS, array, gradients, numeric_gradient, ours, weighed
    from samples.op_samples import CASES, OPS

    import tinygrad_c
    from tinygrad_c.core import tape
    OPS = {**OPS, **layers()}
    users: dict[tuple[str, int], list] = {}
    current: list = []
    rules_seen: set[str] = set()

    def note(rule: str, i: int, g):
        rules_seen.add(rule)
        if current[0] not in users.get((rule, i), ()) and np.any(array(g)):      # -0 and 1.01 * 0 are 0
            users.setdefault((rule, i), []).append(current[0])
        return g

    def right(name: str, i: int) -> bool:
        op = OPS[name]
        arrays = op.inputs(i, "float64")
        found = gradients(OURS, ours, op, i, arrays)
        if f"{name}/{i}" in GOLDEN:
            expected = recorded(f"{name}/{i}")[1]
        else:
            def total(xs):
                with tinygrad_c.no_grad():
                    return weighed(op.run(OURS, i, [ours(x) for x in xs]), ours).item()
            expected = numeric_gradient(total, arrays, op.wanted(i))
        return all(b is None or np.allclose(np.zeros_like(b) if a is None else array(a), b, 1e-6, 1e-7)
                   for a, b in zip(found, expected))

    cases = [(name, i) for name, i in [*CASES, *((name, 0) for name in layers())] if OPS[name].differentiable
             and 0 < sum(x.size for x in OPS[name].inputs(i, "float64")) <= 300]
    tape.mutate(note)
    for case in cases:
        current[:] = [case]
        gradients(OURS, ours, OPS[case[0]], case[1], OPS[case[0]].inputs(case[1], "float64"))
    tape.mutate(None)
    tried, survivors = 0, [f"{name} as it is: its gradient is not the difference quotient's" for name in layers() if not right(name, 0)]
    for (rule, i), found in sorted(users.items()):
        for factor in (-1.0, 1.01):
            tried += 1

            def change(r, k, g, factor=factor, rule=rule, i=i):
                if (r, k) != (rule, i):
                    return g
                tape.mutate(None)
                changed = g * factor
                tape.mutate(change)
                return changed

            tape.mutate(change)
            killed = False
            for case in found[:12]:
                try:
                    if not right(*case):
                        killed = True
                        break
                except Exception:
                    killed = True
                    break
            tape.mutate(None)
            if not killed:
                survivors.append(f"{rule}, input {i}, times {factor}: {found[:3]}")
    tape.mutate(None)
    print(f"rules: {len(rules_seen)}")
    print(f"zeros: {len(rules_seen - {r for r, _ in users})}")
    text = "".join(path.read_text() for path in Path(tinygrad_c.__file__).parent.rglob("*.p[yx][xi]"))
    named = set(re.findall(r'Rule\(b"(\w+)"', text))
    print(f"unseen: {' '.join(sorted(named - rules_seen)) or 'none'}")
    return tried, survivors


def main() -> None:
    if sys.argv[1:] == ["rules"]:
        tried, survivors = rules()
        print(f"tried: {tried}")
        for line in survivors:
            print(f"SURVIVOR {line}")
        return
    start = time.monotonic()
    tried, survivors = table()
    print(f"table: {tried} mutants, {len(survivors)} survived")
    with tempfile.TemporaryDirectory() as folder:
        mutable_package(Path(folder))
        done = subprocess.run([sys.executable, "-W", "ignore", __file__, "rules"], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": os.pathsep.join([folder, str(TESTS)])})
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
    lines = done.stdout.splitlines()
    number = {line.split(": ")[0]: line.split(": ")[1] for line in lines if line.startswith(("rules", "tried", "zeros", "unseen"))}
    found = [line for line in lines if line.startswith("SURVIVOR")]
    print(f"rules: {number['rules']}, {number['zeros']} of which hand back zeros; {number['tried']} mutants, {len(found)} survived; "
          f"{time.monotonic() - start:.0f} s")
    print(f"rules in the sources that no sample uses: {number['unseen']}")
    for line in [*survivors, *found]:
        print(line)
    if survivors or found:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
