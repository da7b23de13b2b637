"""Random training steps, eager and compiled side by side for 20 calls: the same bits, or a refusal.

    python tests/jobs/compiled_steps.py [--steps 10000] [--seed 1] [--only 17]

Each case is a random net, loss, optimizer and way to write the step; between the calls things change: the batch, its shape, the
learning rate, the mode, what is frozen, a parameter's memory, its gradient, a hook. After each call the parameters, their gradients and
versions, the optimizer's state and the result are compared. Then whole epochs follow: step.epochs() or, with two more nets,
train_many(), beside a loop over DataLoader. Of a quarter of the cases
only the net is compiled, in a step that stays eager. Prints how many cases were replayed and how many stayed eager; --only prints why.
"""
from __future__ import annotations

import random
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from jobs import batches

import tinygrad_c as T
from tinygrad_c import nn, optim
from tinygrad_c.utils.data import DataLoader, TensorDataset

F = nn.functional
CALLS, EPOCHS = 20, 3
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
    flags = {"maximize": True, "lr": 0.001} if r.random() < 0.3 else {"lr": r.choice((0.01, 0.05))}
    decay = {"weight_decay": 0.1} if r.random() < 0.3 else {}
    if decay and r.random() < 0.5:
        decay["decoupled_weight_decay"] = True
    kind = r.choice(("SGD", "SGD", "momentum", "Adam", "Adam", "AdamW", "amsgrad", "maximize", "RMSprop", "centered", "Adagrad", "Signed",
                     "NAdam", "RAdam", "Adamax", "Adadelta", "Rprop", "ASGD", "Adafactor"))
    if kind in ("NAdam", "RAdam"):
        return getattr(optim, kind)(params, **flags, **decay)
    if kind in ("Adamax", "Adadelta", "Rprop", "ASGD"):
        decay.pop("decoupled_weight_decay", None)
        return getattr(optim, kind)(params, **flags, **(decay if kind != "Rprop" else {}), foreach=r.choice((None, True)))
    return {"SGD": lambda: optim.SGD(params, lr=0.05), "Adam": lambda: optim.Adam(params, lr=0.01),
            "momentum": lambda: optim.SGD(params, lr=0.05, momentum=0.9, nesterov=r.random() < 0.5, weight_decay=0.01),
            "AdamW": lambda: optim.AdamW(params, lr=0.01), "amsgrad": lambda: optim.Adam(params, lr=0.01, amsgrad=True, weight_decay=0.1),
            "maximize": lambda: optim.SGD(params, lr=0.001, maximize=True), "RMSprop": lambda: optim.RMSprop(params, lr=0.01),
            "centered": lambda: optim.RMSprop(params, lr=0.01, momentum=0.5, centered=True, weight_decay=0.01),
            "Adagrad": lambda: optim.Adagrad(params, lr=0.01, lr_decay=0.1), "Adafactor": lambda: optim.Adafactor(params, lr=0.01), "Signed": lambda: Signed(net.parameters(), 0.01)}[kind]()


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
             "sorted": lambda o, y: (o.sort(1).values - y.sort(1).values).square().mean(),
             "topk": lambda o, y: (o - y).square().topk(1, 1).values.mean(), "kth": lambda o, y: (o - y).abs().kthvalue(1, 0).values.sum(),
             "max": lambda o, y: (o - y).abs().max(), "range": lambda o, y: F.binary_cross_entropy(o.sigmoid(), y.sigmoid())}
    if r.random() < 0.5:
        return labelled[r.choice(("ce", "ce", "ce", *labelled))], True
    return pairs[r.choice(("mse", "mse", "mse", *pairs))], False


class Case:
    """One side: net, optimizer, step."""

    def __init__(self, seed, compiled):
        """compiled: False, True, or "model": only the passes of the net, in a step that stays eager."""
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
        self.returns = returns
        if compiled == "model":
            net = T.compile(net)
            self.module = net.forward
        self.kept, self.count, r_norm = [], 0, r.choice((2.0, 2.0, float("inf"), 1.0))
        self.settings = settings = r.choice(SETTINGS)()
        decays, rounds = r.random() < 0.15, 2 if r.random() < 0.08 else 1

        def once(x, y):
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
            if decays:
                value = value + settings.weight * sum(p.square().sum() for p in net.parameters())
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

        def step(x, y):
            for _ in range(rounds):
                result = once(x, y)
            return result
        self.inner_scheduler = scheduler
        self.step = T.compile(step) if compiled is True else step
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
        elif what == "setting":
            holder = self.settings if hasattr(self.settings, "__slots__") or r.random() < 0.5 else type(self.settings)
            holder.weight = r.choice((0.0, 0.1))
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


def plain_settings():
    """An instance of a class of its own, whose attribute is the class's."""
    return type("Settings", (), {"weight": 0.05})()


def slotted_settings():
    cls = type("Slotted", (), {"__slots__": ("weight",)})
    settings = cls()
    settings.weight = 0.05
    return settings


SETTINGS = (plain_settings, plain_settings, slotted_settings)
SCHEDULERS = (lambda o: optim.lr_scheduler.StepLR(o, 3, 0.5), lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 10),
              lambda o: optim.lr_scheduler.OneCycleLR(o, 0.02, 100, cycle_momentum="momentum" in o.defaults or "betas" in o.defaults))
CHANGES = ("lr", "lr", "lr", "freeze", "data", "in place", "mode", "hook", "module hook", "no grad", "hold", "hold view", "grad", "reload",
           "attribute", "layer", "settings", "setting", "nothing", "nothing", "nothing")


def values(each):
    if isinstance(each, T.Tensor):
        return each.dtype, tuple(each.shape), each.detach().numpy().tobytes()
    if isinstance(each, dict):
        return {key: values(value) for key, value in each.items()}
    if isinstance(each, (tuple, list)):
        return [values(value) for value in each]
    return each


def rows_for(case, rows, r):
    """A batch, or the rows of an epoch."""
    x = T.randn(rows, case.inputs, dtype=case.dtype)
    if not case.labelled:
        return x, T.randn(rows, case.outputs, dtype=case.dtype)
    y = T.randint(0, case.outputs, (rows,))
    if rows and r.random() < 0.05:
        y[r.randrange(rows)] = -100
    return x, y


def compare(results, where, step):
    for (name, mine), (_, other) in zip(*results):
        if mine != other:
            raise AssertionError(f"{where}: {name} differs: {mine!r:.200}, {other!r:.200}; {step!r}")


def run(seed, calls=CALLS):
    """(the compiled step or module, whether it was replayed, what kind of epochs followed), after all was compared with eager mode."""
    of_model = random.Random(seed + 2).random() < 0.25
    eager, compiled = Case(seed, False), Case(seed, "model" if of_model else True)
    step = compiled.module if of_model else compiled.step
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
        x, y = rows_for(eager, rows, r)
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
        replays += sum(program.verified >= 2 for program in step.ready) > 0
        compare(results, f"call {call} after {what!r}", step)
    if of_model:
        return step, replays, "module"
    whole = compiled.returns == "loss" and isinstance(result, T.Tensor)
    epochs = run_epochs(seed, r, eager, compiled) if whole and r.random() < 0.6 else ""
    return step, replays + sum(program.verified >= 2 for program in step.ready), epochs


def run_epochs(seed, r, eager, compiled):
    """Whole epochs of these, or of these and two more."""
    T.manual_seed(seed)
    x, y = rows_for(eager, r.choice((1, 40, 100)), r)
    size, shuffle, drop_last = r.choice((4, 8, 40)), r.random() < 0.5, r.random() < 0.3
    many = r.random() < 0.4
    sides = [(eager, compiled)]
    if many:
        others = [each for each in range(seed + 1_000_000, seed + 1_000_020) if alike(Case(each, False), eager)][:2]
        sides += [(Case(each, False), Case(each, True)) for each in others]
    expected = [dataloader(side, x, y, size, shuffle, drop_last) for side, _ in sides]
    options = {"batch_size": size, "shuffle": shuffle, "drop_last": drop_last, "epochs": EPOCHS}
    T.manual_seed(7)
    try:
        if many:
            losses = T.train_many([side.step for _, side in sides], x, y, num_threads=2, generator=T.Generator().manual_seed(5), **options)
        else:
            losses = [compiled.step.epochs(x, y, generator=T.Generator().manual_seed(5), **options)]
    except Exception as error:
        if f"{type(error).__name__}: {error}" not in expected:
            raise AssertionError(f"whole epochs raise {type(error).__name__}: {error}; {compiled.step!r}") from error
        if not many:
            compare([eager.state(None), compiled.state(None)], "after an error in an epoch", compiled.step)
        return "ended by an error"
    for (mine, other), loss, each in zip(sides, losses, expected):
        if isinstance(each, str):
            raise AssertionError(f"whole epochs do not raise {each}")
        compare([[("losses", each), *mine.state(None)], [("losses", values(loss)), *other.state(None)]],
                f"{'train_many()' if many else 'epochs()'}, {x.shape[0]} rows, {options}", other.step)
    return "many" if many else "epochs"


def alike(case, other):
    """Whether both can be trained on the same rows, and return losses."""
    return case.returns == other.returns and (case.inputs, case.outputs, case.dtype, case.labelled) == (other.inputs, other.outputs, other.dtype, other.labelled)


def dataloader(side, x, y, size, shuffle, drop_last):
    """The losses, or the error."""
    T.manual_seed(7)
    loader = DataLoader(TensorDataset(x, y), size, shuffle=shuffle, drop_last=drop_last, generator=T.Generator().manual_seed(5))
    try:
        losses = []
        for _ in range(EPOCHS):
            for batch in loader:
                losses.append(side.step(*batch).detach())
        return values(T.stack(losses).reshape(EPOCHS, -1) if losses else T.zeros(EPOCHS, 0))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


COUNTS = ("replayed", "refused", "no training step", "not recorded", "module", "epochs", "many", "ended by an error")


def work(seed, numbers):
    counts = dict.fromkeys(COUNTS, 0)
    for number in numbers:
        print(number, file=sys.stderr)
        try:
            step, replays, epochs = run(seed * 100_000_000 + number)
        except AssertionError as error:
            print(f"FAULT {number}: {error}".replace("\n", " "))
            continue
        if len(numbers) == 1:
            print(f"{step!r}; {epochs}")
        counts["refused" if step.reason else "replayed" if replays else "no training step" if step.eager else "not recorded"] += 1
        if epochs:
            counts[epochs] += 1
    for name, number in counts.items():
        print(f"{name}: {number}")


def main(argv=None):
    warnings.simplefilter("ignore")
    T.set_num_threads(2)
    batches.main(argv, __doc__, __file__, work, COUNTS, 200, steps=10_000)


if __name__ == "__main__":
    main()
