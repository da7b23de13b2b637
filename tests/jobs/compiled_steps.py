"""Random training steps, eager and compiled side by side: the same bits, or a refusal.

    python tests/jobs/compiled_steps.py [--steps 500] [--seed 0] [--calls 20]

Each case is a random net, loss, optimizer and way to write the step; between the calls things change: the batch, its shape, the
learning rate, the mode, what is frozen, a parameter's memory, its gradient, a hook. After each call the parameters, their gradients and
versions, the optimizer's state and the result are compared. Prints how many cases were replayed and why others stayed eager.
"""
from __future__ import annotations

import argparse
import collections
import random
import sys
import warnings

import tinygrad_c as T
from tinygrad_c import nn, optim

F = nn.functional
ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.Softplus, nn.Identity)
RARE_LAYERS = (lambda n: nn.Dropout(0.3), nn.BatchNorm1d, nn.LayerNorm, nn.RMSNorm, lambda n: nn.GroupNorm(1, n), lambda n: nn.PReLU(),
               lambda n: nn.AlphaDropout(0.2), lambda n: nn.Softmax(1), lambda n: Folded(nn.Conv1d(1, 3, 3, padding=1)),
               lambda n: Folded(nn.LSTM(1, 3, batch_first=True)), lambda n: Folded(nn.GRU(1, 3, batch_first=True)), lambda n: Noise(),
               lambda n: Lookup(n), lambda n: nn.utils.weight_norm(nn.Linear(n, n)))


class Residual(nn.Module):
    def __init__(self, width, act):
        super().__init__()
        self.inner, self.act, self.scale = nn.Linear(width, width), act(), nn.Parameter(T.ones(width))
        self.factor = 0.5

    def forward(self, x):
        return x + self.factor * self.act(self.inner(x)) * self.scale


class Shared(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, x):
        return self.layer(T.tanh(self.layer(x)))


class Folded(nn.Module):
    """A layer of sequences, on the columns."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        if isinstance(self.inner, nn.Conv1d):
            return self.inner(x.unsqueeze(1)).mean(1)
        return self.inner(x.unsqueeze(2))[0].mean(2)


class Noise(nn.Module):
    def forward(self, x):
        return x + 0.1 * T.randn_like(x) + 0.1 * T.rand(x.shape[1], dtype=x.dtype) if self.training else x


class Lookup(nn.Module):
    """Rows of a table, at positions computed from x."""

    def __init__(self, width):
        super().__init__()
        self.table = nn.Embedding(4, width)

    def forward(self, x):
        return x + self.table(x.argmax(1) % 4)


class Sliced(nn.Module):
    def forward(self, x):
        half = x.shape[1] // 2
        return T.cat([x[:, half:], x[:, :half]], 1) if x.shape[1] > 1 else x


class Signed(optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @T.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p -= group["lr"] * p.grad.sign()


def make_net(r, inputs, outputs):
    layers, width = [], inputs
    for _ in range(r.randint(0, 3)):
        new = r.choice((1, 2, 3, 8, 16, 31, 40))
        layers.append(nn.Linear(width, new, bias=r.random() < 0.8))
        width = new
        if r.random() < 0.85:
            layers.append(r.choice(ACTIVATIONS)())
        if r.random() < 0.15:
            layers.append(Residual(width, r.choice(ACTIVATIONS[:5])))
        if r.random() < 0.1:
            layers.append(Shared(width))
        if r.random() < 0.05:
            layers.append(Sliced())
        if r.random() < 0.25:
            layers.append(r.choice(RARE_LAYERS)(width))
    layers.append(nn.Linear(width, outputs))
    return nn.Sequential(*layers)


def make_optimizer(r, net):
    params = list(net.parameters())
    if len(params) > 2 and r.random() < 0.25:
        params = [{"params": params[:2], "lr": 0.02}, {"params": params[2:], "weight_decay": 0.1}]
    kind = r.choice(("SGD", "SGD", "momentum", "Adam", "Adam", "AdamW", "amsgrad", "maximize", "RMSprop", "centered", "Adagrad", "Signed",
                     "NAdam"))
    return {"SGD": lambda: optim.SGD(params, lr=0.05), "Adam": lambda: optim.Adam(params, lr=0.01),
            "momentum": lambda: optim.SGD(params, lr=0.05, momentum=0.9, nesterov=r.random() < 0.5, weight_decay=0.01),
            "AdamW": lambda: optim.AdamW(params, lr=0.01), "amsgrad": lambda: optim.Adam(params, lr=0.01, amsgrad=True, weight_decay=0.1),
            "maximize": lambda: optim.SGD(params, lr=0.001, maximize=True), "RMSprop": lambda: optim.RMSprop(params, lr=0.01),
            "centered": lambda: optim.RMSprop(params, lr=0.01, momentum=0.5, centered=True, weight_decay=0.01),
            "Adagrad": lambda: optim.Adagrad(params, lr=0.01, lr_decay=0.1), "NAdam": lambda: optim.NAdam(params, lr=0.01), "Signed": lambda: Signed(net.parameters(), 0.01)}[kind]()


def make_loss(r, outputs, dtype):
    """(the loss of a net's output and a target, whether the targets are labels)."""
    weight = T.ones(outputs, dtype=dtype) / 2
    reduction = r.choice(("mean", "mean", "mean", "sum"))
    labelled = {"ce": lambda o, y: F.cross_entropy(o, y, reduction=reduction),
                "smooth": lambda o, y: F.cross_entropy(o, y, label_smoothing=0.1),
                "weights": lambda o, y: F.cross_entropy(o, y, weight=weight), "nll": lambda o, y: F.nll_loss(F.log_softmax(o, 1), y),
                "ignore": lambda o, y: F.cross_entropy(o, y, ignore_index=0, weight=weight, label_smoothing=0.1),
                "nll weights": lambda o, y: F.nll_loss(F.log_softmax(o, 1), y, weight=weight, ignore_index=0, reduction=reduction),
                "range": lambda o, y: -F.log_softmax(o, 1)[T.arange(len(y)), y].mean(),
                "gather": lambda o, y: -F.log_softmax(o, 1).gather(1, y.unsqueeze(1)).mean(),
                "one_hot": lambda o, y: F.mse_loss(o, F.one_hot(y, outputs).to(dtype)), "margin": lambda o, y: F.multi_margin_loss(o, y),
                "rows": lambda o, y: F.cross_entropy(o[T.randperm(len(y))], (y + 1) % outputs)}
    pairs = {"mse": lambda o, y: F.mse_loss(o, y, reduction=reduction), "l1": lambda o, y: F.l1_loss(o, y),
             "smooth_l1": lambda o, y: F.smooth_l1_loss(o, y), "huber": lambda o, y: F.huber_loss(o, y),
             "bce": lambda o, y: F.binary_cross_entropy_with_logits(o, y.sigmoid()), "own": lambda o, y: ((o - y) ** 2).mean(),
             "rows": lambda o, y: ((o - y) ** 2).sum(1).mean(), "soft": lambda o, y: F.cross_entropy(o, y.softmax(1)),
             "kl": lambda o, y: F.kl_div(F.log_softmax(o, 1), y.softmax(1)), "gaussian": lambda o, y: F.gaussian_nll_loss(o, y, T.exp(y)),
             "hinge": lambda o, y: F.hinge_embedding_loss(o, y.sign()), "largest": lambda o, y: (o - y).square().max(1).values.mean(),
             "noise": lambda o, y: F.mse_loss(o + T.randn_like(o), y), "masked": lambda o, y: (o * (y > 0)).sum() / len(y),
             "max": lambda o, y: (o - y).abs().max(), "range": lambda o, y: F.binary_cross_entropy(o.sigmoid(), y.sigmoid())}
    if r.random() < 0.5:
        return labelled[r.choice(("ce", "ce", "ce", *labelled))], True
    return pairs[r.choice(("mse", "mse", "mse", *pairs))], False


class Case:
    """One side: net, optimizer, step."""

    def __init__(self, seed, compiled):
        r = random.Random(seed)
        T.manual_seed(seed)
        self.inputs, self.outputs = r.choice((1, 2, 5, 17)), r.choice((1, 2, 3, 10))
        self.dtype = r.choice((T.float32, T.float32, T.float32, T.float64))
        self.net = net = make_net(r, self.inputs, self.outputs).to(self.dtype)
        self.optimizer = optimizer = make_optimizer(r, net)
        self.loss, self.labelled = make_loss(r, self.outputs, self.dtype)
        loss = self.loss
        self.scheduler = r.choice(SCHEDULERS)(optimizer) if r.random() < 0.25 else None
        scheduler = self.scheduler if r.random() < 0.5 else None
        where, clip = r.choice(("first", "first", "first", "before backward", "last", "keep memory", "never")), r.random()
        pieces, slope = r.random() < 0.08, r.random() < 0.08
        returns, odd = r.choice(("loss", "loss", "both", "dict", "none")), r.random()
        self.kept, self.count, r_norm = [], 0, r.choice((2.0, 2.0, float("inf"), 1.0))

        def step(x, y):
            if where == "first":
                optimizer.zero_grad()
            if where == "keep memory":
                optimizer.zero_grad(set_to_none=False)
            if pieces and len(x) > 3:           # micro-batches
                for part in (slice(0, 2), slice(2, None)):
                    out = net(x[part])
                    value = loss(out, y[part])
                    (value / 2).backward()
            out = net(x)
            value = loss(out, y)
            if slope:                           # of the net, as in a gradient penalty
                given = x.clone().requires_grad_(True)
                value = value + 0.1 * T.autograd.grad(net(given).sum(), given, create_graph=True)[0].square().mean()
            if odd < 0.05:
                value = value + 0.01 * sum((p ** 2).sum() for p in net.parameters())
            if where == "before backward":
                optimizer.zero_grad()
            if 0.05 < odd < 0.1:
                (value / 2).backward(retain_graph=True)
                (value / 2).backward()
            else:
                value.backward()
            if clip < 0.12:
                nn.utils.clip_grad_norm_(net.parameters(), 0.5, r_norm)
            elif clip < 0.16:
                nn.utils.clip_grad_value_(net.parameters(), 0.1)
            if 0.1 < odd < 0.13 and value.item() > 1:
                return value
            if 0.13 < odd < 0.16:
                self.kept.append(value)
            if 0.16 < odd < 0.19:
                self.count += 1
                for group in optimizer.param_groups:
                    group["lr"] = 0.01 / self.count
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            if where == "last":
                optimizer.zero_grad()
            if 0.19 < odd < 0.22:
                self.kept.append(x)
            return {"loss": value, "both": (value, out), "dict": {"loss": value, "out": out.detach()}, "none": None}[returns]
        self.inner_scheduler = scheduler
        self.step = T.compile(step) if compiled else step
        self.held = []

    def change(self, r):
        """Something that may happen between two calls; the same for the same r."""
        params = list(self.net.parameters())
        p = r.choice(params)
        what = r.choice(CHANGES)
        if what == "lr":
            for group in self.optimizer.param_groups:
                group["lr"] = r.choice((0.01, 0.02, 1))
        elif what == "freeze":
            p.requires_grad_(not p.requires_grad)
        elif what == "data":
            p.data = p.data.clone() * 0.5
        elif what == "in place":
            with T.no_grad():
                p.mul_(0.9)
        elif what == "mode":
            self.net.train(not self.net.training)
        elif what == "hook":
            self.held.append(p.register_hook(lambda g: g * 2) if p.requires_grad else None)
        elif what == "module hook":
            self.held.append(self.net[0].register_forward_hook(lambda module, args, out: out * 1.5))
        elif what == "no grad":
            self.optimizer.zero_grad()
        elif what == "hold":
            self.held.append(p.grad)
        elif what == "hold view":
            self.held.append(None if p.grad is None else p.grad.reshape(-1))
        elif what == "grad":
            p.grad = T.ones_like(p)
        elif what == "reload":
            self.optimizer.load_state_dict(self.optimizer.state_dict())
        elif what == "attribute":
            for module in self.net.modules():
                if isinstance(module, Residual):
                    module.factor = r.random()
        elif what == "layer":
            old = self.net[-1]
            self.net[-1] = nn.Linear(old.in_features, old.out_features).to(self.dtype)
            with T.no_grad():
                for mine, theirs in zip(self.net[-1].parameters(), old.parameters()):
                    mine.copy_(theirs)
        elif what == "settings":
            for group in self.optimizer.param_groups:
                group["weight_decay"] = 0.05
        return what

    def state(self, result):
        """All that a call leaves, to be compared."""
        found = [("result", values(result))]
        for i, p in enumerate(self.net.parameters()):
            found += [(f"parameter {i}", values(p.detach())), (f"version {i}", p._version), (f"gradient {i}", values(p.grad))]
        found += [(f"buffer {i}", values(b)) for i, b in enumerate(self.net.buffers())]
        found += [(f"state {key}", [(name, values(each)) for name, each in entry.items()])
                  for key, entry in self.optimizer.state_dict()["state"].items()]
        found += [("held", [values(each) for each in self.held if isinstance(each, T.Tensor)])]
        found += [("stream", values(T.get_rng_state())), ("rates", [group["lr"] for group in self.optimizer.param_groups])]
        found += [("kept", [values(each) for each in self.kept]), ("steps", getattr(self.optimizer, "_step_count", None))]
        return found


SCHEDULERS = (lambda o: optim.lr_scheduler.StepLR(o, 3, 0.5), lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 10),
              lambda o: optim.lr_scheduler.OneCycleLR(o, 0.02, 100, cycle_momentum="momentum" in o.defaults or "betas" in o.defaults))
CHANGES = ("lr", "lr", "lr", "freeze", "data", "in place", "mode", "hook", "module hook", "no grad", "hold", "hold view", "grad", "reload",
           "attribute", "layer", "settings", "nothing", "nothing", "nothing")


def values(each):
    if isinstance(each, T.Tensor):
        return each.dtype, tuple(each.shape), each.detach().contiguous().numpy().tobytes()
    if isinstance(each, dict):
        return {key: values(value) for key, value in each.items()}
    if isinstance(each, (tuple, list)):
        return [values(value) for value in each]
    return each


def run(seed, calls):
    """The compiled step, after its calls were compared with eager ones."""
    eager, compiled = Case(seed, False), Case(seed, True)
    r = random.Random(seed + 1)
    often = r.choice((0, 0, 0.1, 0.3))
    shapes = r.choice(((8,), (32,), (1,), (16, 5), (200,)))
    replays = 0
    for call in range(calls):
        what = None
        if call > r.choice((3, 6, 8)) and r.random() < often:
            change = r.random()
            what, _ = (side.change(random.Random(change)) for side in (eager, compiled))
        rows = r.choice(shapes)
        T.manual_seed(seed * 100 + call)
        x = T.randn(rows, eager.inputs, dtype=eager.dtype)
        if eager.labelled:
            y = T.randint(0, eager.outputs, (rows,))
            if r.random() < 0.05:
                y[0] = -100
        else:
            y = T.randn(rows, eager.outputs, dtype=eager.dtype)
        results = []
        for side in (eager, compiled):
            T.manual_seed(call)
            try:
                result = side.step(x, y)
            except Exception as error:
                result = f"{type(error).__name__}: {error}"
            results.append(side.state(result))
            if side.scheduler is not None and side.inner_scheduler is None:
                side.scheduler.step()
        replays += sum(program.verified >= 2 for program in compiled.step.ready) > 0
        for (name, mine), (_, other) in zip(*results):
            if mine != other:
                raise AssertionError(f"seed {seed}, call {call} after {what!r}: {name} differs\n{mine!r:.200}\n{other!r:.200}\n{compiled.step}")
    return compiled.step, replays


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500, help="random steps (default: 500)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calls", type=int, default=20, help="of each (default: 20)")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    states: collections.Counter[str] = collections.Counter()
    failed = 0
    for seed in range(args.seed, args.seed + args.steps):
        try:
            step, replays = run(seed, args.calls)
        except AssertionError as error:
            print(error)
            failed += 1
            continue
        states[step.reason or ("replayed" if replays else "eager, no training step" if step.eager else "not recorded within the calls")] += 1
    for state, n in states.most_common():
        print(f"{n:6}  {state}")
    print(f"{args.steps} steps, {failed} differ")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
