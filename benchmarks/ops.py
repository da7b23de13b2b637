"""Single operations against PyTorch and NumPy: in one process, in turn, verified equal before they are timed.

    python benchmarks/ops.py [--threads 2] [--only matmul elementwise small optimizer] [--out FOLDER]
"""
from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import harness

ENGINES = ("ours", "torch", "numpy")
MATMUL = [          # m, k, n, and which operand is a transposed view
    (4, 4, 4, ""), (16, 16, 16, ""), (64, 64, 64, ""), (96, 96, 96, ""), (97, 97, 97, ""), (32, 784, 128, ""),
    (32, 784, 128, "b"), (128, 32, 784, "a"), (256, 512, 512, ""), (256, 512, 512, "a"), (256, 512, 512, "b"),
    (1024, 1024, 1024, ""), (1024, 1024, 1024, "b"), (2048, 2048, 2048, ""),
]
# label: the expression in torch's words (t is the engine, F its nn.functional), and in NumPy's; x is (1000, 1000) and requires
# grad, w alike, row is (1000,), labels are int64
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
SMALL = {           # a, b are (4,), A is (4, 4), s, u, v are scalars; all but NumPy's record for backward
    "a + b": "a + b",
    "a * b": "a * b",
    "2 * a": "2 * a",
    "a * a": "a * a",
    "A @ A": "A @ A",
    "relu(a)": "t.relu(a)",
    "a.sum()": "a.sum()",
    "(s * u + v - 8)**2, backward": "((s * u + v - 8) ** 2).backward()",
    "200 ops, backward": "chain(a)",
}


def chain(a):
    """200 operations on a small tensor, and back."""
    y = a
    for _ in range(100):
        y = y * 1.01
        y = y + a
    y.sum().backward()


def matmuls(names: dict, rounds: int) -> tuple[list[str], list[list[str]], dict]:
    np, engines = names["np"], names["engines"]
    limit = harness.fma_limit()
    if limit:
        limit *= names["threads"]
        print(f"FMA limit, {names['threads']} x one core in registers: {limit:.0f} GFLOP/s\n")
    rows, picture = [], {engine: [] for engine in engines}
    rng = np.random.default_rng(0)
    for m, k, n, transposed in MATMUL:
        a = rng.standard_normal((k, m) if transposed == "a" else (m, k)).astype("float32")
        b = rng.standard_normal((n, k) if transposed == "b" else (k, n)).astype("float32")
        env = {}
        for engine in engines:
            make = {"ours": names["ours"].from_numpy, "torch": getattr(names["torch"], "from_numpy", None), "numpy": lambda z: z}
            ea, eb = make[engine](a), make[engine](b)
            env["a_" + engine], env["b_" + engine] = ea.T if transposed == "a" else ea, eb.T if transposed == "b" else eb
        exact = env["a_numpy"].astype("float64") @ env["b_numpy"].astype("float64")
        for engine in engines:
            got = np.asarray(env["a_" + engine] @ env["b_" + engine])
            assert abs(got - exact).max() <= 1e-6 * k ** 0.5 * 8, (engine, m, k, n)
        times = harness.in_turn({e: f"a_{e} @ b_{e}" for e in engines}, env, rounds)
        rates = {engine: 2e-9 * m * k * n / times[engine] for engine in engines}
        for engine in engines:
            picture[engine].append(rates[engine])
        rows.append([f"{m} x {k} x {n}" + (f", {transposed}.T" if transposed else ""),
                     *(f"{rates[e]:.1f}" for e in engines), f"{rates['ours'] / limit:.0%}" if limit else "",
                     f"{rates['ours'] / max(r for e, r in rates.items() if e != 'ours'):.2f}"])
    return ["matmul, GFLOP/s", *engines, "of the limit", "ours / best peer"], rows, picture


def elementwise(names: dict, rounds: int) -> tuple[list[str], list[list[str]], dict]:
    np, engines = names["np"], names["engines"]
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal((1000, 1000)).astype("float32") for _ in range(2))
    row, labels = rng.standard_normal(1000).astype("float32"), rng.integers(0, 1000, 1000)
    envs = {"numpy": {"np": np, "x": x, "w": w, "row": row}}
    for engine in engines:
        if engine != "numpy":
            t = names[engine]
            F = importlib.import_module(t.__name__ + ".nn.functional")
            xt = t.from_numpy(x.copy()).requires_grad_()
            gradients = {label: t.from_numpy(rng.standard_normal(np.shape(np.asarray(eval(
                code, {"t": t, "F": F, "x": xt.detach(), "w": t.from_numpy(w), "row": t.from_numpy(row),
                       "labels": t.from_numpy(labels)})))).astype("float32")) for label, (code, _) in ELEMENTWISE.items()}
            envs[engine] = {"t": t, "F": F, "x": xt, "w": t.from_numpy(w), "row": t.from_numpy(row),
                            "labels": t.from_numpy(labels), "gradients": gradients}

    def forward(engine, code):
        return lambda: eval(code, envs[engine])

    def backward(engine, code, label):
        env = envs[engine]
        gradient = env["gradients"][label]
        compiled = compile(code, label, "eval")
        def both():
            env["x"].grad = None
            eval(compiled, env).backward(gradient)
        return both

    rows, picture = [], {engine: [] for engine in engines}
    copy = harness.in_turn({"copy": "np.copyto(w, x)"}, {"np": np, "x": x, "w": w.copy()}, rounds)["copy"]
    for label, (code, numpy_code) in ELEMENTWISE.items():
        codes = {e: compile(c, label, "eval") for e in engines if (c := numpy_code if e == "numpy" else code)}
        values = {e: np.asarray(v.detach() if hasattr(v := forward(e, c)(), "detach") else v) for e, c in codes.items()}
        for engine, value in values.items():
            np.testing.assert_allclose(value, values["ours"], rtol=1e-4, atol=1e-4, err_msg=engine)
        times = harness.in_turn({e: "f_" + e + "()" for e in codes}, {"f_" + e: forward(e, c) for e, c in codes.items()}, rounds)
        differentiable = [e for e in engines if e != "numpy"]
        both = harness.in_turn({e: f"f_{e}()" for e in differentiable},
                               {"f_" + e: backward(e, code, label) for e in differentiable}, rounds)
        for engine in engines:
            picture[engine].append(1e6 * times[engine] if engine in times else None)
        peers = [seconds for engine, seconds in times.items() if engine != "ours"]
        rows.append([label, *(harness.digits(times.get(e)) for e in engines), f"{min(peers) / times['ours']:.2f}" if peers else "",
                     *(harness.digits(both.get(e)) for e in differentiable),
                     f"{both['torch'] / both['ours']:.2f}" if "torch" in both else ""])
    rows.append(["(a copy, by NumPy)", *["" for _ in engines[:-1]], harness.digits(copy), *[""] * (2 + len(differentiable))])
    head = ["a million float32, us", *engines, "best peer / ours", *(f"{e}, with backward" for e in differentiable), "torch / ours"]
    return head, rows, picture


def small(names: dict, rounds: int) -> tuple[list[str], list[list[str]], dict]:
    np, engines = names["np"], names["engines"]
    rows, picture = [], {engine: [] for engine in engines}
    for label, code in SMALL.items():
        times = {}
        statements, env = {}, {}
        for engine in engines:
            if engine == "numpy":
                if "backward" in label or label == "relu(a)":
                    continue
                values = {"a": np.ones(4, "float32"), "b": np.ones(4, "float32"), "A": np.ones((4, 4), "float32")}
            else:
                t = names[engine]
                values = {"a": t.ones(4, requires_grad=True), "b": t.ones(4), "A": t.ones(4, 4, requires_grad=True),
                          "s": t.tensor(2.0, requires_grad=True), "u": t.tensor(3.0), "v": t.tensor(1.0, requires_grad=True)}
            scope = {**values, "t": names.get(engine), "chain": chain}
            statements[engine], env[engine] = code, scope
        times = harness.in_turn({e: statements[e] for e in statements}, env, rounds, seconds=0.01, scopes=True)
        for engine in engines:
            picture[engine].append(1e9 * times[engine] if engine in times else None)
        rows.append([label, *(harness.digits(times.get(e), 1e-9) for e in engines),
                     f"{times['torch'] / times['ours']:.1f}" if "torch" in times else ""])
    return ["small tensors, ns", *engines, "torch / ours"], rows, picture


def optimizers(names: dict, rounds: int) -> tuple[list[str], list[list[str]], dict]:
    np, engines = names["np"], [e for e in names["engines"] if e != "numpy"]
    rows, picture = [], {engine: [] for engine in engines}
    sizes = {"a million": [(1000, 1000)], "tiny net": [(16, 2), (16,), (16, 16), (16,), (2, 16), (2,)]}
    settings = {"SGD": ("SGD", {"lr": 1e-3}), "SGD, momentum": ("SGD", {"lr": 1e-3, "momentum": 0.9}), "Adam": ("Adam", {}),
                "AdamW": ("AdamW", {})}
    for label, (kind, options) in settings.items():
        for size, shapes in sizes.items():
            steps = {}
            for engine in engines:
                t = names[engine]
                for how, more in {"": {}, "foreach": {"foreach": True}, "fused": {"fused": True}}.items():
                    if engine == "ours" and how:
                        continue
                    parameters = [t.ones(*shape, requires_grad=True) for shape in shapes]
                    for p in parameters:
                        p.grad = t.ones_like(p)
                    steps[f"{engine} {how}".strip()] = getattr(t.optim, kind)(parameters, **options, **more).step
            times = harness.in_turn({s: f"{s.replace(' ', '_')}()" for s in steps},
                                    {s.replace(" ", "_"): step for s, step in steps.items()}, rounds)
            best = min((s for s in times if s != "ours"), key=times.get, default=None)
            picture["ours"].append(1e6 * times["ours"])
            if best:
                picture["torch"].append(1e6 * times[best])
            rows.append([f"{label}, {size}", harness.digits(times["ours"]), harness.digits(times[best]) if best else "",
                         best or "", f"{times[best] / times['ours']:.2f}" if best else ""])
    return ["optimizer.step(), us", "ours", "torch", "its best", "torch / ours"], rows, picture


GROUPS = {"matmul": matmuls, "elementwise": elementwise, "small": small, "optimizer": optimizers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="threads, and cores to run on (default: 1)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("runs"), metavar="FOLDER", help="for the pictures (default: runs)")
    args = parser.parse_args()
    machine = harness.processor()
    harness.pin(args.threads)
    import numpy as np

    import tinygrad_c as ours
    names = {"np": np, "ours": ours, "torch": None, "threads": args.threads}
    if importlib.util.find_spec("torch"):
        import torch
        torch.set_num_threads(args.threads)
        names["torch"] = torch
    names["engines"] = [e for e in ENGINES if e != "torch" or names["torch"]]
    print(f"{machine}; {args.threads} thread{'s' if args.threads > 1 else ''}; medians of {args.rounds} rounds\n")
    for group in args.only:
        head, rows, picture = GROUPS[group](names, args.rounds)
        print(harness.table(head, rows) + "\n", flush=True)
        harness.bars(args.out / f"ops_{group}_{args.threads}.png", group, head[0].split(", ")[-1], [row[0] for row in rows][
            :len(next(iter(picture.values())))], picture)


if __name__ == "__main__":
    main()
