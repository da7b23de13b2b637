"""Every operation, layer, loss, optimizer and conversion against PyTorch: one source for both engines, results compared first.

    python benchmarks/breadth.py [--threads 2] [--only order linalg] [--sizes 2] [--out FILE.md]

Each case is an expression of breadth_cases.py at one size: forward (f), and forward with backward (fb) where it has a gradient.
The two engines are timed in turn in one process. The table is sorted by ratio, PyTorch's time over ours, worst first; the last
line has the counts. A case whose results differ, or that one engine refuses, is listed as such and not timed.
"""
from __future__ import annotations

import argparse
import copy
import importlib
import math
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from timeit import Timer
from typing import Any

import harness
from breadth_cases import CASES

RANDOM = ("rand", "dropout", "bernoulli", "normal", "uniform", "poisson", "multinomial", "gumbel", "rrelu", "sample",
          "exponential", "Dropout", "empty", "deepcopy", "step()", "parameters", "modules", "state_dict", "repr",
          "str(", "pickle", "iter(",
          "apply")
LEVEL, SLOW = 0.95, 0.8


def set_(target: Any, key: Any) -> Any:
    target[key] = 0.0
    return target


class Scope:
    """The names that expressions use, for one engine: equal values in both. Layers and optimizers are made once."""

    def __init__(self, t: Any, group: str, n: int, grads: bool) -> None:
        import numpy as np
        rng = np.random.default_rng(n)
        normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
        self.t, self.group, self.grads, self.leaves = t, group, grads, []
        scope: dict[str, Any] = {
            "t": t, "np": np, "copy": copy, "pickle": pickle, "set_": set_, "n": n, "min": min, "len": len,
            "identity": lambda m: None,
            **{name: importlib.import_module(f"{t.__name__}.{module}") for name, module in
               (("F", "nn.functional"), ("nn", "nn"), ("L", "linalg"), ("S", "special"))}}
        importlib.import_module(f"{t.__name__}.distributions")
        importlib.import_module(f"{t.__name__}.utils.data")
        if group == "layers":
            arrays = {"img": normal(n, 3, 16, 16), "feat": normal(n, 16, 8, 8), "seq": normal(n, 12, 16), "row": normal(n, 32)}
            scope |= {name: self.leaf(array) for name, array in arrays.items()}
            scope["ids"] = t.from_numpy(rng.integers(0, 50, (n, 12)))
            scope["nn"] = Cached(scope["nn"], t)
        elif group == "modules":
            nn = scope["nn"]
            t.manual_seed(0)
            hidden = [layer for _ in range(n) for layer in (nn.Linear(16, 16), nn.ReLU())]
            scope["net"] = nn.Sequential(*hidden, nn.Linear(16, 2))
            scope["net"](t.ones(4, 16)).sum().backward()
            scope["state"] = scope["net"].state_dict()
            scope["with_grads"] = list(scope["net"].parameters())
            kept: dict[str, Any] = {}
            scope["optimizer"] = lambda name: kept.get(name) or kept.setdefault(
                name, getattr(t.optim, name)(scope["net"].parameters(), lr=1e-5))
        else:
            square = {name: normal(n, n) for name in "xyw"}
            scope |= {name: self.leaf(array) for name, array in square.items()}
            scope |= {"v": self.leaf(normal(n)), "a": square["y"], "c": t.from_numpy(square["x"].copy()),
                      "rows": [normal(n) for _ in range(16)]}
            positive = np.abs(normal(n, n)) + 0.5
            plain = {"r": normal(n), "f": normal(n, 1), "p": positive, "u": rng.uniform(0.05, 0.95, (n, n)).astype(np.float32),
                     "i": rng.integers(0, n, (n, n)), "k": rng.integers(0, n, n), "b": rng.random((n, n)) < 0.5,
                     "m": rng.integers(-9, 9, (n, n)), "z": np.sort(normal(n)), "h": rng.standard_normal((n, n)),
                     "e": np.where(rng.random((n, n)) < 0.5, 1, -1).astype(np.float32)}
            scope |= {name: t.from_numpy(array) for name, array in plain.items()}
            if group == "linalg":
                x = square["x"]
                scope["A"] = self.leaf((x @ x.T / n + 2 * np.eye(n)).astype(np.float32))
        self.names = scope

    def leaf(self, array: Any) -> Any:
        tensor = self.t.from_numpy(array.copy())
        if self.grads:
            tensor.requires_grad_()
            self.leaves.append(tensor)
        return tensor

    def compiled(self, code: str, backward: bool) -> Callable[[], Any]:
        value = eval(f"lambda: {code}", self.names)
        if not backward:
            return value
        result = value()
        if not getattr(result, "requires_grad", False):
            raise LookupError("no gradient")
        gradient, leaves = self.t.ones_like(result.detach()), self.leaves

        def both() -> list[Any]:
            for leaf in leaves:
                leaf.grad = None
            value().backward(gradient)
            return leaves
        return both


class Cached:
    """nn, whose layers are made once: nn.Linear(2, 3) in a loop gives the same layer. Weights are equal in both engines."""

    def __init__(self, nn: Any, t: Any) -> None:
        self._nn, self._t, self._made = nn, t, {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def make(*args: Any, **options: Any) -> Any:
            key = name, *(id(each) if hasattr(each, "parameters") else repr(each) for each in args), *sorted(options.items())
            if key not in self._made:
                import numpy as np
                layer = getattr(self._nn, name)(*args, **options)
                rng = np.random.default_rng(1)
                with self._t.no_grad():
                    for parameter in layer.parameters():
                        parameter.copy_(self._t.from_numpy(rng.uniform(-0.2, 0.2, tuple(parameter.shape)).astype(np.float32)))
                self._made[key] = layer
            return self._made[key]
        return make


def plain(value: Any) -> Any:
    """A result as NumPy arrays and lists, for the comparison."""
    import numpy as np
    if hasattr(value, "detach"):
        return value.detach().numpy()
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return np.asarray(value) if isinstance(value, (bool, int, float, np.ndarray)) else None


def same(mine: Any, theirs: Any) -> bool:
    import numpy as np
    if isinstance(mine, list):
        return isinstance(theirs, list) and len(mine) == len(theirs) and all(map(same, mine, theirs))
    if mine is None or theirs is None:
        return True
    if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
        return False
    if mine.dtype.kind != "f":
        return bool((mine == theirs).all())
    scale = float(np.abs(theirs[np.isfinite(theirs)]).max(initial=1))
    return bool(np.allclose(mine, theirs, rtol=2e-3, atol=2e-4 * scale, equal_nan=True))


class Case:
    """One expression at one size, forward or with backward, for both engines."""

    def __init__(self, group: str, code: str, n: int, backward: bool, scopes: dict[str, Scope]) -> None:
        self.label = group, code, n, "fb" if backward else "f"
        self.functions = {name: scope.compiled(code, backward) for name, scope in scopes.items()}
        self.ratio = math.nan

    def compare(self) -> None:
        """AssertionError if the two results differ."""
        results = {}
        for name, function in self.functions.items():
            value = function()
            leaves = self.label[3] == "fb"
            results[name] = [plain(leaf.grad) for leaf in value if leaf.grad is not None] if leaves else plain(value)
        if not any(word in self.label[1] for word in (*RANDOM, "c.", "set_", "(c, ")):
            assert same(results["tinygrad_c"], results["torch"]), "results differ"

    def time(self, rounds: int, seconds: float) -> None:
        timers = {name: Timer("f()", globals={"f": function}) for name, function in self.functions.items()}
        self.times = harness.in_turn(timers, rounds, seconds)
        self.ratio = self.times["torch"] / self.times["tinygrad_c"]


def cases(engines: dict[str, Any], only: list[str], sizes: int) -> tuple[list[Case], list[tuple[str, str]]]:
    """The cases that both engines run with equal results, and those left out with the reason."""
    found, left_out = [], []
    for group in only:
        all_sizes, codes = CASES[group]
        for n in all_sizes[:sizes]:
            for backward in (False, True):
                if backward and group in ("in place", "random", "modules", "conversions", "integers"):
                    continue
                scopes = {name: Scope(t, group, n, backward) for name, t in engines.items()}
                for code in dict.fromkeys(codes):
                    try:
                        case = Case(group, code, n, backward, scopes)
                        case.compare()
                        found.append(case)
                    except LookupError as error:
                        if str(error) != "no gradient":
                            left_out.append((f"{group}: {code} at {n}", f"{type(error).__name__}: {error}"))
                    except Exception as error:
                        left_out.append((f"{group}: {code} at {n}{', backward' * backward}",
                                         f"{type(error).__name__}: {str(error).splitlines()[0][:90] if str(error) else ''}"))
    return found, left_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--sizes", type=int, default=3, help="the first so many sizes (default: 3)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.004, help="of each measurement (default: 0.004)")
    parser.add_argument("--worst", type=int, default=80, metavar="N", help="rows of the table (default: 80; 0: all)")
    parser.add_argument("--out", type=Path, help="write the whole table to this file")
    args = parser.parse_args()
    machine = harness.processor()
    harness.pin(args.threads)
    warnings.simplefilter("ignore")
    engines = {name: importlib.import_module(name) for name in ("tinygrad_c", "torch")}
    for engine in engines.values():
        engine.set_num_threads(args.threads)
    measured, left_out = cases(engines, args.only, args.sizes)
    for number, case in enumerate(measured):
        case.time(args.rounds, args.seconds)
        if number % 100 == 0 and sys.stderr.isatty():
            print(f"\r{number} of {len(measured)}", end="", file=sys.stderr)
    measured.sort(key=lambda case: case.ratio)
    rows = [[f"{case.label[0]}: `{case.label[1]}`", str(case.label[2]), case.label[3],
             *(harness.digits(case.times[name]) for name in engines), f"{case.ratio:.2f}"] for case in measured]
    head = ["case", "n", "", "tinygrad_c, us", "torch, us", "torch / ours"]
    print(f"{machine}; {args.threads} thread(s); medians of {args.rounds} rounds\n")
    print(harness.table(head, rows[:args.worst or None]))
    if args.out:
        args.out.write_text(harness.table(head, rows) + "\n")
    print("\nleft out:" if left_out else "")
    for case, reason in left_out:
        print(f"- {case}: {reason}")
    print()
    groups = []
    for group in [*args.only, "all"]:
        part = [case.ratio for case in measured if group in ("all", case.label[0])]
        if part:
            mean = math.exp(sum(map(math.log, part)) / len(part))
            groups.append([group, str(len(part)), f"{sum(r >= LEVEL for r in part) / len(part):.1%}",
                           str(sum(r < SLOW for r in part)), f"{min(part):.2f}", f"{mean:.2f}"])
    print(harness.table(["group", "cases", f"at least {LEVEL}", f"below {SLOW}", "worst", "geometric mean"], groups))


if __name__ == "__main__":
    main()
