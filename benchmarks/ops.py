"""Single operations against PyTorch and NumPy: in one process, in turn, verified equal before they are timed.

    python benchmarks/ops.py [--threads 2] [--only matmul elementwise small optimizer] [--out FOLDER]
"""
from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from timeit import Timer

import harness

MATMUL = [          # m, k, n, and which operand is a view: a transposed one, or every other column of a matrix (::2)
    (4, 4, 4, ""), (16, 16, 16, ""), (64, 64, 64, ""), (96, 96, 96, ""), (97, 97, 97, ""), (32, 784, 128, ""),
    (32, 784, 128, "b"), (128, 32, 784, "a"), (256, 512, 512, ""), (256, 512, 512, "a"), (256, 512, 512, "b"),
    (256, 512, 512, "a::2"), (256, 512, 512, "b::2"),
    (1024, 1024, 1024, ""), (1024, 1024, 1024, "a"), (1024, 1024, 1024, "b"), (1024, 1024, 1024, "a::2"),
    (1024, 1024, 1024, "b::2"), (2048, 2048, 2048, ""), (2048, 2048, 2048, "a"), (2048, 2048, 2048, "b"),
]
# PyTorch code (t: the engine, F: its nn.functional), and NumPy code where that is one expression. x and w are (1000, 1000), x
# requires grad; row is (1000,), labels are int64.
ELEMENTWISE = {
    "exp": ("t.exp(x)", "np.exp(x)"),
    "tanh": ("t.tanh(x)", "np.tanh(x)"),
    "sigmoid": ("t.sigmoid(x)", "1 / (1 + np.exp(-x))"),
    "gelu": ("F.gelu(x)", None),
    "relu": ("t.relu(x)", "np.maximum(x, 0)"),
    "x + w": ("x + w", "x + w"),
    "x * row": ("x * row", "x * row"),
    "sum(0)": ("x.sum(0)", "x.sum(0)"),
    "sum(1)": ("x.sum(1)", "x.sum(1)"),
    "sum()": ("x.sum()", "x.sum()"),
    "softmax(1)": ("t.softmax(x, 1)", "(e := np.exp(x - x.max(1, keepdims=True))) / e.sum(1, keepdims=True)"),
    "cross_entropy": ("F.cross_entropy(x, labels)", None),
}
# a and b are (4,), A is (4, 4), w, x, b0 and y scalars; a, A, w and b0 require grad: all engines but NumPy record a graph.
SMALL = {
    "a + b": ("a + b", "a + b"),
    "a * b": ("a * b", "a * b"),
    "2 * a": ("2 * a", "2 * a"),
    "a * a": ("a * a", "a * a"),
    "A @ A": ("A @ A", "A @ A"),
    "relu": ("t.relu(a)", "np.maximum(a, 0)"),
    "sum": ("a.sum()", "a.sum()"),
    "(w * x + b - y)**2, backward": ("((w * x + b0 - y) ** 2).backward()", None),
    "200 ops, backward": ("chain(a)", None),
}
OPTIMIZERS = {"SGD": ("SGD", {"lr": 1e-3}), "SGD, momentum": ("SGD", {"lr": 1e-3, "momentum": 0.9}), "Adam": ("Adam", {}),
              "AdamW": ("AdamW", {})}
PARAMETERS = {"a million": [(1000, 1000)], "tiny net": [(16, 2), (16,), (16, 16), (16,), (2, 16), (2,)]}
FASTER = {"": {}, "foreach": {"foreach": True}, "fused": {"fused": True}}      # PyTorch's implementations of step()


def chain(a):
    """200 operations on a small tensor, then backward."""
    y = a
    for _ in range(100):
        y = y * 1.01
        y = y + a
    y.sum().backward()


class Group:
    """A table of results: rows of (label, time or rate of each engine, notes)."""

    def __init__(self, engines: dict, threads: int, rounds: int, clock: str) -> None:
        import numpy as np
        self.np, self.rng = np, np.random.default_rng(0)
        self.engines, self.threads, self.rounds, self.clock = engines, threads, rounds, clock
        self.tensors = {name: t for name, t in engines.items() if name != "NumPy"}
        self.labels: list[str] = []
        self.rows: list[list[str]] = []
        self.measured: dict[str, list[float | None]] = {name: [] for name in engines}

    def timed(self, timers: dict[str, Timer]) -> dict[str, float]:
        return harness.in_turn(timers, self.rounds, clock=self.clock)

    def normal(self, *shape: int):
        return self.rng.standard_normal(shape).astype("float32")

    def add(self, label: str, values: dict[str, float], cells: list[str]) -> None:
        for name, measured in self.measured.items():
            measured.append(values.get(name))
        self.labels.append(label)
        self.rows.append([label, *cells])


def ratio(times: dict[str, float], decimals: int = 2, mine: str = "tinygrad_c") -> str:
    """The best peer's time over ours."""
    peers = [seconds for name, seconds in times.items() if name != mine]
    return f"{min(peers) / times[mine]:.{decimals}f}" if peers else ""


def matmul(group: Group) -> list[str]:
    """GFLOP/s of float32 products, and their limit: multiply-adds in registers, on one core, times the number of threads."""
    np = group.np
    fma = harness.fma()
    for m, k, n, view in MATMUL:
        a = group.normal(k, m).T if view == "a" else group.normal(m, 2 * k)[:, ::2] if view == "a::2" else group.normal(m, k)
        b = group.normal(n, k).T if view == "b" else group.normal(k, 2 * n)[:, ::2] if view == "b::2" else group.normal(k, n)
        exact = a.astype("float64") @ b.astype("float64")
        timers = {}
        for name, engine in group.engines.items():
            def convert(array, engine=engine, name=name):
                return array if name == "NumPy" else engine.from_numpy(array)       # keeps the strides
            operands = {"a": convert(a), "b": convert(b)}
            error = abs(np.asarray(operands["a"] @ operands["b"]) - exact).max()
            assert error <= 4e-6 * k ** 0.5, (name, m, k, n, view, error)
            timers[name] = Timer("a @ b", globals=operands)
        if fma:
            timers["limit"] = Timer("fma(100_000)", globals={"fma": fma})
        times = group.timed(timers)
        limit = group.threads * 1e-9 * fma(100_000) / times.pop("limit") if fma else None
        rates = {name: 2e-9 * m * k * n / seconds for name, seconds in times.items()}
        name = {"": "", "a": ", a.T", "b": ", b.T", "a::2": ", a[:, ::2]", "b::2": ", b[:, ::2]"}[view]
        group.add(f"{m} x {k} x {n}{name}", rates,
                  [*(f"{rate:.1f}" for rate in rates.values()),
                   *([f"{limit:.0f}", f"{rates['tinygrad_c'] / limit:.0%}"] if fma else ["", ""]), ratio(times)])
    return ["float32 product, GFLOP/s", *group.engines, "limit", "of it", "ours / best peer"]


def elementwise(group: Group) -> list[str]:
    """Microseconds for a million elements, forward, and forward with backward."""
    np = group.np
    x, w, row = group.normal(1000, 1000), group.normal(1000, 1000), group.normal(1000)
    labels = group.rng.integers(0, 1000, 1000)
    for label, (code, numpy_code) in ELEMENTWISE.items():
        forward, both, values = {}, {}, {}
        for name, engine in group.engines.items():
            if name == "NumPy":
                scope, statement = {"np": np, "x": x, "w": w, "row": row}, numpy_code
            else:
                arrays = {"w": w, "row": row, "labels": labels}
                scope = {"t": engine, "F": importlib.import_module(engine.__name__ + ".nn.functional"),
                         "x": engine.from_numpy(x.copy()).requires_grad_(),
                         **{key: engine.from_numpy(array) for key, array in arrays.items()}}
                statement = code
            if statement is None:
                continue
            value = eval(statement, scope)
            forward[name] = Timer(statement, globals=scope)
            if name != "NumPy":
                value = value.detach()
                scope["gradient"] = engine.ones_like(value)
                both[name] = Timer(f"x.grad = None; ({statement}).backward(gradient)", globals=scope)
            values[name] = np.asarray(value)
            np.testing.assert_allclose(values[name], values["tinygrad_c"], rtol=1e-4, atol=2e-3 if "sum" in label else 1e-6,
                                       err_msg=f"{label}, {name}")
        times, with_backward = group.timed(forward), group.timed(both)
        group.add(label, times, [
            *(harness.digits(times.get(name)) for name in group.engines), ratio(times),
            *(harness.digits(with_backward[name]) for name in group.tensors), ratio(with_backward)])
    copy = group.timed({"NumPy": Timer("np.copyto(w, x)", globals={"np": np, "x": x, "w": w.copy()})})
    group.add("a copy", copy, [*(harness.digits(copy.get(name)) for name in group.engines), *[""] * (2 + len(group.tensors))])
    return ["a million float32, us", *group.engines, "best peer / ours", *(f"{name}, with backward" for name in group.tensors),
            "torch / ours"]


def small(group: Group) -> list[str]:
    """Nanoseconds for operations on a few elements, with the graph recorded."""
    np = group.np
    for label, (code, numpy_code) in SMALL.items():
        timers = {}
        for name, t in group.engines.items():
            if name == "NumPy":
                scope = {"np": np, "a": np.ones(4, "float32"), "b": np.ones(4, "float32"), "A": np.ones((4, 4), "float32")}
            else:
                scope = {"t": t, "chain": chain, "a": t.ones(4, requires_grad=True), "b": t.ones(4),
                         "A": t.ones(4, 4, requires_grad=True), "w": t.tensor(2.0, requires_grad=True), "x": t.tensor(3.0),
                         "b0": t.tensor(1.0, requires_grad=True), "y": t.tensor(8.0)}
            statement = numpy_code if name == "NumPy" else code
            if statement:
                timers[name] = Timer(statement, globals=scope)
        times = group.timed(timers)
        group.add(label, times, [*(harness.digits(times.get(name), 1e-9) for name in group.engines), ratio(times, 1)])
    return ["small tensors, ns", *group.engines, "best peer / ours"]


def optimizer(group: Group) -> list[str]:
    """Microseconds for optimizer.step(); for PyTorch the fastest of plain, foreach and fused."""
    group.measured.pop("NumPy")
    for label, (kind, options) in OPTIMIZERS.items():
        for size, shapes in PARAMETERS.items():
            timers = {}
            for name, t in group.tensors.items():
                for how, more in FASTER.items() if name == "torch" else [("", {})]:
                    parameters = [t.ones(*shape, requires_grad=True) for shape in shapes]
                    for parameter in parameters:
                        parameter.grad = t.ones_like(parameter)
                    timers[f"{name} {how}".strip()] = Timer(getattr(t.optim, kind)(parameters, **options, **more).step)
            times = group.timed(timers)
            best = min((name for name in times if name != "tinygrad_c"), key=times.get, default=None)
            values = {"tinygrad_c": times["tinygrad_c"], **({"torch": times[best]} if best else {})}
            group.add(f"{label}, {size}", values, [*map(harness.digits, values.values()), best or "", ratio(times)])
    return ["optimizer.step(), us", *group.tensors, "torch's best", "torch / ours"]


GROUPS: dict[str, Callable[[Group], list[str]]] = {
    "matmul": matmul, "elementwise": elementwise, "small": small, "optimizer": optimizer}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="threads, and cores to run on (default: 1)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    harness.clock_option(parser)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("runs"), metavar="FOLDER", help="for the pictures (default: runs)")
    args = parser.parse_args()
    machine = harness.processor()
    harness.pin(args.threads)
    engines = {name: importlib.import_module(module) for name, module in
               {"tinygrad_c": "tinygrad_c", "torch": "torch", "NumPy": "numpy"}.items() if importlib.util.find_spec(module)}
    for engine in engines.values():
        if hasattr(engine, "set_num_threads"):
            engine.set_num_threads(args.threads)
    print(f"{machine}; {args.threads} thread(s); {args.clock} time, medians of {args.rounds} rounds\n")
    for name in args.only:
        group = Group(engines, args.threads, args.rounds, args.clock)
        head = GROUPS[name](group)
        print(harness.table(head, group.rows) + "\n", flush=True)
        scale = {"matmul": 1, "small": 1e9}.get(name, 1e6)
        harness.bars(args.out / f"ops_{name}_{args.threads}.png", head[0], head[0].split(", ")[1], group.labels,
                     {engine: [v and v * scale for v in values] for engine, values in group.measured.items()})
        print()


if __name__ == "__main__":
    main()
