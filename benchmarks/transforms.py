"""Function transforms against torch.func: per-sample gradients, ensembles, Jacobians, Hessians. One source for both engines.

    python benchmarks/transforms.py [--threads 2] [--rounds 7] [--only hessian ensemble] [--loop]

In one process, in turn, verified equal before they are timed. --loop also times a Python loop over the batch here.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import pairwise
from timeit import Timer

import harness


def mlp(t, widths):
    """Linear layers with ReLU between them, with the same weights in both engines."""
    import numpy as np
    rng = np.random.default_rng(0)
    layers = [layer for i, o in pairwise(widths) for layer in (t.nn.Linear(i, o), t.nn.ReLU())]
    return filled(t, t.nn.Sequential(*layers[:-1]), rng)


def filled(t, net, rng):
    with t.no_grad():
        for p in net.parameters():
            p.copy_(numbers(t, rng, *p.shape) / max(p.shape[-1], 1) ** 0.5)
    return net


def numbers(t, rng, *shape):
    return t.tensor(rng.normal(size=shape).astype("float32"))


def per_sample(t, rng, net, shape: tuple, classes: int, size: int) -> Callable:
    """The gradient of each sample's loss."""
    func, F = t.func, t.nn.functional
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    x, y = numbers(t, rng, size, *shape), t.tensor(rng.integers(0, classes, size))

    def loss(parameters, x, y):
        return F.cross_entropy(func.functional_call(net, parameters, (x.unsqueeze(0),)), y.unsqueeze(0))
    gradients = func.vmap(func.grad(loss), in_dims=(None, 0, 0))
    return (lambda: [*gradients(parameters, x, y).values()]), lambda: [
        func.grad(loss)(parameters, x[i], y[i]) for i in range(size)]


def ensemble(t, rng, widths: tuple, nets: int, rows: int) -> Callable:
    """Nets of one structure on the same rows."""
    func = t.func
    models = [filled(t, mlp(t, widths), rng) for _ in range(nets)]
    parameters, buffers = func.stack_module_state(models)
    x = numbers(t, rng, rows, widths[0])
    run = func.vmap(lambda p, b, x: func.functional_call(models[0], (p, b), (x,)), in_dims=(0, 0, None))
    return (lambda: [run(parameters, buffers, x)]), lambda: [model(x) for model in models]


def ensemble_step(t, rng, widths: tuple, nets: int, rows: int) -> Callable:
    """The same, and the gradients of all their parameters."""
    func, F = t.func, t.nn.functional
    models = [filled(t, mlp(t, widths), rng) for _ in range(nets)]
    parameters, buffers = func.stack_module_state(models)
    parameters = {name: p.detach() for name, p in parameters.items()}
    x, y = numbers(t, rng, rows, widths[0]), t.tensor(rng.integers(0, widths[-1], rows))

    def loss(p, b):
        return F.cross_entropy(func.functional_call(models[0], (p, b), (x,)), y)
    gradients = func.vmap(func.grad(loss))
    return (lambda: [*gradients(parameters, buffers).values()]), lambda: [
        t.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters())) for model in models]


def layers_of(t, rng, d: int, h: int) -> tuple:
    return numbers(t, rng, h, d) / d ** 0.5, numbers(t, rng, h, h) / h ** 0.5, numbers(t, rng, h)


def hessian(t, rng, d: int, h: int, size: int = 0) -> Callable:
    """The Hessian of a net of one hidden layer with respect to its input, or of each of `size` inputs."""
    w, _, v = layers_of(t, rng, d, h)
    x = numbers(t, rng, size, d) if size else numbers(t, rng, d)
    one = t.func.hessian(lambda x: (t.tanh(w @ x) * v).sum())
    run = t.func.vmap(one) if size else one
    return (lambda: [run(x)]), (lambda: [one(row) for row in x]) if size else None


def jacobian(t, rng, d: int, h: int, forward: bool) -> Callable:
    w, u, _ = layers_of(t, rng, d, h)
    x = numbers(t, rng, d)
    run = (t.func.jacfwd if forward else t.func.jacrev)(lambda x: u @ t.tanh(w @ x))
    return (lambda: [run(x)]), None


def rows(t, rng, size: int, n: int) -> Callable:
    """vmap of a scalar product."""
    a, b = numbers(t, rng, size, n), numbers(t, rng, size, n)
    run = t.func.vmap(lambda a, b: (a * b).sum())
    return (lambda: [run(a, b)]), lambda: [(x * y).sum() for x, y in zip(a, b)]


def conv_net(t):
    return t.nn.Sequential(t.nn.Conv2d(1, 8, 3), t.nn.ReLU(), t.nn.MaxPool2d(2), t.nn.Flatten(), t.nn.Linear(8 * 9, 10))


def make_conv(t, rng, size: int) -> Callable:
    import numpy as np
    return per_sample(t, rng, filled(t, conv_net(t), np.random.default_rng(1)), (1, 8, 8), 10, size)


CASES = {
    "per-sample gradients, 2-16-2, 32 samples": lambda t, r: per_sample(t, r, mlp(t, (2, 16, 2)), (2,), 2, 32),
    "per-sample gradients, 64-64-10, 32": lambda t, r: per_sample(t, r, mlp(t, (64, 64, 10)), (64,), 10, 32),
    "per-sample gradients, 64-64-10, 256": lambda t, r: per_sample(t, r, mlp(t, (64, 64, 10)), (64,), 10, 256),
    "per-sample gradients, 784-128-10, 64": lambda t, r: per_sample(t, r, mlp(t, (784, 128, 10)), (784,), 10, 64),
    "per-sample gradients, conv net, 32": lambda t, r: make_conv(t, r, 32),
    "ensemble of 100, 2-16-2, 8 rows": lambda t, r: ensemble(t, r, (2, 16, 2), 100, 8),
    "ensemble of 10, 64-64-10, 32 rows": lambda t, r: ensemble(t, r, (64, 64, 10), 10, 32),
    "ensemble of 5, 784-128-10, 64 rows": lambda t, r: ensemble(t, r, (784, 128, 10), 5, 64),
    "ensemble of 10, 64-64-10, 32 rows, gradients": lambda t, r: ensemble_step(t, r, (64, 64, 10), 10, 32),
    "Hessian, 3 inputs": lambda t, r: hessian(t, r, 3, 8),
    "Hessian, 10 inputs": lambda t, r: hessian(t, r, 10, 20),
    "Hessian, 100 inputs": lambda t, r: hessian(t, r, 100, 64),
    "Hessian, 500 inputs": lambda t, r: hessian(t, r, 500, 128),
    "Hessians of 16 samples, 10 inputs": lambda t, r: hessian(t, r, 10, 20, 16),
    "jacrev, 5 to 3": lambda t, r: jacobian(t, r, 5, 3, False),
    "jacrev, 50 to 50": lambda t, r: jacobian(t, r, 50, 50, False),
    "jacrev, 500 to 200": lambda t, r: jacobian(t, r, 500, 200, False),
    "jacfwd, 50 to 50": lambda t, r: jacobian(t, r, 50, 50, True),
    "vmap of a scalar product, 64 rows": lambda t, r: rows(t, r, 64, 100),
    "vmap of a scalar product, 10000 rows": lambda t, r: rows(t, r, 10_000, 100),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.02, help="per burst")
    parser.add_argument("--only", nargs="*", default=[], help="cases with one of these words in their names")
    parser.add_argument("--loop", action="store_true", help="also a Python loop over the batch")
    harness.clock_option(parser)
    args = parser.parse_args()
    harness.pin(args.threads)
    import numpy as np
    import torch

    import tinygrad_c
    torch.set_num_threads(args.threads)
    tinygrad_c.set_num_threads(args.threads)
    print(f"{harness.processor()}; {args.threads} thread(s); torch {torch.__version__}; microseconds\n")
    lines = []
    for name, make in CASES.items():
        if args.only and not any(word in name for word in args.only):
            continue
        (ours, loop), (theirs, _) = (make(t, np.random.default_rng(0)) for t in (tinygrad_c, torch))
        for a, b in zip(ours(), theirs(), strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-3, atol=2e-4, err_msg=name)
        timers = {"ours": Timer(ours), "torch": Timer(theirs)}
        if args.loop and loop is not None:
            timers["loop"] = Timer(loop)
        times = harness.in_turn(timers, args.rounds, args.seconds, args.clock)
        shown = {key: f"{value * 1e6:,.0f}" for key, value in times.items()}
        lines.append([name, shown["ours"], shown["torch"], f"{times['torch'] / times['ours']:.1f}",
                      *([shown.get("loop", "")] * args.loop)])
    print(harness.table(["", "tinygrad_c", "torch.func", "torch / ours", *(["loop, here"] * args.loop)], lines))


if __name__ == "__main__":
    main()
