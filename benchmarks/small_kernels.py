"""The kernels of small training steps: nanoseconds of each part of a recorded step, and of its whole replay.

    python benchmarks/small_kernels.py [--rounds 15] [--nets tiny digits] [--calls]
    python benchmarks/small_kernels.py --json FILE       # and write the figures
    python benchmarks/small_kernels.py --before FILE     # and print them beside those of FILE

A step is recorded by tinygrad_c.compile(), then each of its kernels is run alone some hundred times in a row, in turn with the
whole program. The figures are the least of the rounds: a kernel is never faster than it is, but is often disturbed.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import harness
from peers import Net

NETS = [
    Net("tiny", (2, 16, 16, 2), 32),
    Net("one row", (64, 64, 10), 1),
    Net("digits", (64, 64, 10), 32),
    Net("odd", (29, 100, 50, 5), 17),
    Net("mnist_s", (784, 128, 64, 10), 32),
    Net("tanh rows", (4, 32, 16, 4), 500, activation="tanh", loss="mse"),
]
PARTS = ["forward", "loss", "gradient of W", "gradient of b", "gradient of x", "activation", "update", "other"]


def program_of(net: Net, optimizer: str):
    """The recorded program of a step of the net."""
    import tinygrad_c
    from tinygrad_c import nn
    weights, x, y = net.arrays()
    layers = []
    for w, b in weights:
        layer = nn.Linear(w.shape[1], w.shape[0])
        layer.weight.data, layer.bias.data = tinygrad_c.tensor(w), tinygrad_c.tensor(b)
        layers += [layer, nn.Tanh() if net.activation == "tanh" else nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    make = tinygrad_c.optim.SGD if optimizer == "sgd" else tinygrad_c.optim.Adam
    optim = make(model.parameters(), lr=0.001)
    loss_of = nn.functional.mse_loss if net.loss == "mse" else nn.functional.cross_entropy

    @tinygrad_c.compile
    def step(x, y):
        optim.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optim.step()
        return loss

    x, y = tinygrad_c.tensor(x), tinygrad_c.tensor(y)
    for _ in range(8):
        step(x, y)
    return step.ready[0]


def parts_of(calls: list, net: Net) -> list[str]:
    """The part of the step that each Call (name, shape, ..) belongs to."""
    found, at_loss = [], False
    layers = {(out, inputs) for inputs, out in zip(net.widths, net.widths[1:])}
    for name, shape, _ in calls:
        if "cross_entropy" in name or "loss" in name or name == "total" or name == "constant":
            found.append("loss")
            at_loss = True
        elif name in ("SGD", "Adam"):
            found.append("update")
        elif name.startswith("matmul"):
            if not at_loss:
                found.append("forward")
            else:
                small = (shape[1], shape[2]) in layers or (shape[2], shape[1]) in layers
                found.append("gradient of W" if small and shape[3] == net.batch else "gradient of x")
        elif name == "sum":
            found.append("gradient of b")
        elif name == "elementwise":
            found.append("activation")
        else:
            found.append("other")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", nargs="+", metavar="NAME", help=f"of {', '.join(net.name for net in NETS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="sgd")
    parser.add_argument("--calls", action="store_true", help="print each Call too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--before", type=Path, metavar="FILE", help="print these beside the figures of FILE")
    args = parser.parse_args()
    machine = harness.processor()
    harness.pin(1)
    from tinygrad_c.programs.program import measure

    from tinygrad_c import set_num_threads
    set_num_threads(1)
    nets = [net for net in NETS if not args.nets or net.name in args.nets]
    programs = {net.name: program_of(net, args.optimizer) for net in nets}
    # Bursts of half a millisecond: a longer one is disturbed more often.
    repeats = {name: max(10, round(5e5 / sum(work for *_, work in program.lines()))) for name, program in programs.items()}
    wholes, each = {}, {}
    for _ in range(args.rounds):
        for net in nets:
            whole, times = measure(programs[net.name], repeats[net.name])
            wholes.setdefault(net.name, []).append(whole)
            each.setdefault(net.name, []).append(times)
    figures = {}
    for net in nets:
        least = [min(column) for column in zip(*each[net.name])]
        calls = programs[net.name].lines()
        parts = parts_of(calls, net)
        figures[net.name] = {part: sum(t for t, p in zip(least, parts) if p == part) for part in PARTS if part in parts}
        figures[net.name]["whole replay"] = min(wholes[net.name])
        if args.calls:
            print(f"{net}, {args.optimizer}")
            for (name, shape, work), part, t in zip(calls, parts, least):
                print(f"    {name:24} {' x '.join(map(str, shape)):20} {part:20} {t:10.0f} ns  (estimate {work})")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    before = json.loads(args.before.read_text()) if args.before else {}
    print(f"\n{machine}; {args.optimizer}, float32, one thread; nanoseconds{', before -> after' if before else ''}\n")
    rows = []
    for part in [*PARTS, "whole replay"]:
        cells = []
        for net in nets:
            now, then = figures[net.name].get(part), before.get(net.name, {}).get(part)
            cells.append((f"{then:,.0f} -> " if then is not None else "") + (f"{now:,.0f}" if now is not None else ""))
        if any(cells):
            rows.append([part, *cells])
    print(harness.table(["part", *(str(net) for net in nets)], rows))


if __name__ == "__main__":
    main()
