"""Small trainings whose every bit is recorded: weights, optimizer's state and losses after some 20 steps, as sha256.

    python tests/jobs/bits.py                       # the hashes, at each instruction set that this processor has
    python tests/jobs/bits.py --record FILE         # and write them as JSON
    python tests/jobs/bits.py --check               # compare with bits.json (or FILE); status 1 and names if one differs
    python tests/jobs/bits.py --only "conv*" --levels avx2 --python OTHER/bin/python --path FOLDER

For a change that may change no result: a move, a renaming, a refactoring. Each instruction set runs in a process of its own with
1 and with 2 threads, which must agree to the bit. Public names only, so that it runs before and after. The hashes belong to
the instruction set, the compiler and the C library that made the package (bits.json says which): build both sides alike. What
is hashed: dtype, shape and bytes of each tensor, in the order that is written here, so no order of dicts or hashes counts.
"""
from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import platform
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

RECORDED = Path(__file__).with_suffix(".json")
LEVELS = ("baseline", "avx2", "avx512")
STEPS = 20
TRAININGS = {}      # name: function of the package that yields what is hashed


def training(f):
    TRAININGS[f.__name__] = f
    return f


def several(names):
    """One training for each name: f(T, name)."""
    def add(f):
        for name in names:
            TRAININGS[f"{f.__name__}_{name}"] = lambda T, name=name: f(T, name)
        return f
    return add


class Hash:
    """sha256 of nested tensors, numbers and text."""

    def __init__(self, T):
        self.Tensor, self.sha, self.finite = T.Tensor, hashlib.sha256(), True

    def add(self, obj):
        if isinstance(obj, self.Tensor):
            array = obj.detach().contiguous().numpy()
            self.finite &= bool((array == array).all())
            self.put(f"tensor {array.dtype} {array.shape} {obj.requires_grad}".encode() + array.tobytes())
        elif isinstance(obj, dict):
            self.put(f"dict {len(obj)}".encode())
            for key, value in obj.items():
                self.add(key)
                self.add(value)
        elif isinstance(obj, (list, tuple)):
            self.put(f"list {len(obj)}".encode())
            for each in obj:
                self.add(each)
        elif isinstance(obj, float):
            self.put(b"float" + struct.pack("<d", obj))
        elif obj is None or isinstance(obj, (bool, int, str)):
            self.put(f"{type(obj).__name__} {obj}".encode())
        else:
            raise TypeError(f"cannot hash {type(obj)}")

    def put(self, data):
        self.sha.update(struct.pack("<q", len(data)) + data)


def fit(T, net, optimizer, loss_of, steps=STEPS, scheduler=None, before_step=None):
    """Train; then all there is: losses, weights and buffers, gradients, optimizer's and scheduler's state."""
    losses = []
    for i in range(steps):
        def closure():
            optimizer.zero_grad()
            loss = loss_of(net, i)
            loss.backward()
            if before_step is not None:
                losses.append(before_step())
            return loss
        if isinstance(optimizer, T.optim.LBFGS):
            loss = optimizer.step(closure)
        else:
            loss = closure()
            optimizer.step()
        if scheduler is not None:
            scheduler.step()
        losses.append(loss)
    return [losses, net.state_dict(), [p.grad for p in net.parameters()], optimizer.state_dict(),
            scheduler.state_dict() if scheduler is not None else None]


def mlp(T, *widths, activation=None, dtype=None):
    layers = []
    for i, o in pairwise(widths):
        layers += [T.nn.Linear(i, o, dtype=dtype), (activation or T.nn.ReLU)()]
    return T.nn.Sequential(*layers[:-1])


def classes(T, rows, inputs, outputs):
    """A batch, and the loss on it."""
    x, y = T.randn(rows, inputs), T.randint(0, outputs, (rows,))
    return lambda net, i: T.nn.functional.cross_entropy(net(x), y)


# ---- The nets of benchmarks/train_step.py

@several(["sgd", "adam"])
def tiny(T, which):
    net = mlp(T, 2, 16, 16, 2)
    return fit(T, net, optimizer(T, net, which), classes(T, 32, 2, 2))


@several(["sgd", "adam"])
def digits(T, which):
    net = mlp(T, 64, 64, 10)
    return fit(T, net, optimizer(T, net, which), classes(T, 32, 64, 10))


@several(["sgd", "adam"])
def one_row(T, which):
    net = mlp(T, 64, 64, 10)
    return fit(T, net, optimizer(T, net, which), classes(T, 1, 64, 10))


def optimizer(T, net, which):
    return T.optim.SGD(net.parameters(), lr=0.1) if which == "sgd" else T.optim.Adam(net.parameters(), lr=0.01)


@training
def odd_widths(T):
    net = mlp(T, 29, 100, 50, 5)
    return fit(T, net, optimizer(T, net, "adam"), classes(T, 17, 29, 5))


@training
def wide(T):
    """Products, sums, softmax and updates that two threads share."""
    net = mlp(T, 784, 512, 256, 10, activation=T.nn.Tanh)
    return fit(T, net, optimizer(T, net, "adam"), classes(T, 256, 784, 10), steps=8)


@training
def many_rows_mse(T):
    net = mlp(T, 4, 32, 16, 4, activation=T.nn.Tanh)
    x = T.randn(5000, 4)
    y = T.tanh(x @ T.randn(4, 4))
    return fit(T, net, optimizer(T, net, "adam"), lambda net, i: T.nn.functional.mse_loss(net(x), y), steps=10)


@training
def double(T):
    net = mlp(T, 5, 33, 3, activation=T.nn.GELU, dtype=T.float64)
    x, y = T.randn(40, 5, dtype=T.float64), T.randn(40, 3, dtype=T.float64)
    return fit(T, net, T.optim.AdamW(net.parameters(), lr=0.01), lambda net, i: T.nn.functional.smooth_l1_loss(net(x), y))


# ---- Every optimizer

OPTIMIZERS = {
    "SGD_momentum": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3}),
    "SGD_dampening": ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.1, "maximize": True}),
    "Adam": ("Adam", {"lr": 0.01, "amsgrad": True, "weight_decay": 1e-3}), "AdamW": ("AdamW", {"lr": 0.01}),
    "Adamax": ("Adamax", {"lr": 0.01}), "NAdam": ("NAdam", {"lr": 0.01}), "RAdam": ("RAdam", {"lr": 0.01}),
    "Adagrad": ("Adagrad", {"lr": 0.05, "lr_decay": 0.01}), "Adadelta": ("Adadelta", {"lr": 1.0}), "ASGD": ("ASGD", {"lr": 0.05}),
    "RMSprop": ("RMSprop", {"lr": 0.01}), "RMSprop_centered": ("RMSprop", {"lr": 0.01, "momentum": 0.5, "centered": True}),
    "Rprop": ("Rprop", {"lr": 0.01}), "Adafactor": ("Adafactor", {"lr": 0.05}),
    "LBFGS": ("LBFGS", {"lr": 0.5, "max_iter": 5, "line_search_fn": "strong_wolfe"}), "Muon": ("Muon", {"lr": 0.02}),
}


@several(OPTIMIZERS)
def optim(T, name):
    kind, options = OPTIMIZERS[name]
    net = mlp(T, 6, 20, 3)
    if kind == "Muon":      # which takes matrices only
        net = T.nn.Sequential(T.nn.Linear(6, 20, bias=False), T.nn.Tanh(), T.nn.Linear(20, 3, bias=False))
    return fit(T, net, getattr(T.optim, kind)(net.parameters(), **options), classes(T, 24, 6, 3), steps=6 if kind == "LBFGS" else STEPS)


@several(["StepLR", "CosineAnnealingLR", "OneCycleLR", "SequentialLR"])
def schedule(T, name):
    net = mlp(T, 6, 20, 3)
    opt, S = T.optim.SGD(net.parameters(), lr=0.1, momentum=0.9), T.optim.lr_scheduler
    if name == "SequentialLR":
        scheduler = S.SequentialLR(opt, [S.LinearLR(opt, 0.1, total_iters=5), S.ExponentialLR(opt, 0.9)], [5])
        return fit(T, net, opt, classes(T, 24, 6, 3), scheduler=scheduler)[:-1]     # whose state holds the others' objects
    options = {"StepLR": {"step_size": 4, "gamma": 0.5}, "CosineAnnealingLR": {"T_max": 15}, "OneCycleLR": {"max_lr": 0.3, "total_steps": 25}}
    return fit(T, net, opt, classes(T, 24, 6, 3), scheduler=getattr(S, name)(opt, **options[name]))


# ---- Layers

@several(["plain", "strided", "transposed"])
def conv(T, name):
    nn = T.nn
    first = {"plain": [nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.AvgPool2d(2)],
             "strided": [nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.LeakyReLU(), nn.Conv2d(4, 8, 2, groups=2)],
             "transposed": [nn.Conv2d(1, 4, 3, dilation=2), nn.SiLU(), nn.ConvTranspose2d(4, 2, 3, stride=2, output_padding=1)]}[name]
    x, y = T.randn(8, 1, 10, 10), T.randint(0, 4, (8,))
    body = nn.Sequential(*first, nn.Flatten())
    net = nn.Sequential(body, nn.Linear(body(x[:1]).shape[1], 4))
    return fit(T, net, optimizer(T, net, "adam"), lambda net, i: T.nn.functional.cross_entropy(net(x), y))


@training
def conv1d(T):
    net = T.nn.Sequential(T.nn.Conv1d(3, 5, 4, padding=2), T.nn.ELU(), T.nn.AdaptiveAvgPool1d(3), T.nn.Flatten(), T.nn.Linear(15, 2))
    x, y = T.randn(6, 3, 20), T.randn(6, 2)
    return fit(T, net, optimizer(T, net, "sgd"), lambda net, i: T.nn.functional.huber_loss(net(x), y))


@several(["LSTM", "GRU", "RNN"])
def recurrent(T, name):
    class Net(T.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = T.nn.Embedding(11, 6, padding_idx=0)
            self.cells = getattr(T.nn, name)(6, 12, num_layers=2, batch_first=True, bidirectional=name == "LSTM")
            self.head = T.nn.Linear(24 if name == "LSTM" else 12, 11)

        def forward(self, x):
            return self.head(self.cells(self.embedding(x))[0])
    x = T.randint(0, 11, (5, 9))
    net = Net()
    return fit(T, net, optimizer(T, net, "adam"), lambda net, i: T.nn.functional.cross_entropy(net(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()))


@several(["encoder", "scaled"])
def attention(T, name):
    class Net(T.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = T.nn.Embedding(13, 16)
            self.places = T.nn.Parameter(T.zeros(10, 16))
            if name == "encoder":
                self.block = T.nn.TransformerEncoderLayer(16, 4, 32, dropout=0.1, batch_first=True)
            else:
                self.qkv = T.nn.Linear(16, 48)
            self.head = T.nn.Linear(16, 13)

        def forward(self, x):
            h = self.embedding(x) + self.places[:x.shape[1]]
            if name == "encoder":
                return self.head(self.block(h))
            q, k, v = self.qkv(h).unflatten(2, (4, 12)).transpose(1, 2).chunk(3, -1)
            return self.head(T.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2) + h)
    x = T.randint(0, 13, (4, 10))
    net = Net()
    return fit(T, net, T.optim.AdamW(net.parameters(), lr=0.01),
               lambda net, i: T.nn.functional.cross_entropy(net(x).transpose(1, 2), x.roll(1, 1), label_smoothing=0.1))


@several(["batch", "layer", "group", "rms", "instance"])
def norm(T, name):
    nn = T.nn
    layer = {"batch": lambda: nn.BatchNorm1d(12), "layer": lambda: nn.LayerNorm(12), "group": lambda: nn.GroupNorm(3, 12),
             "rms": lambda: nn.RMSNorm(12), "instance": lambda: nn.Sequential(nn.Unflatten(1, (3, 4)), nn.InstanceNorm1d(3, affine=True), nn.Flatten())}
    net = nn.Sequential(nn.Linear(7, 12), layer[name](), nn.Softplus(), nn.Linear(12, 3))
    return fit(T, net, optimizer(T, net, "adam"), classes(T, 20, 7, 3))


@training
def dropout(T):
    net = T.nn.Sequential(T.nn.Linear(20, 64), T.nn.Dropout(0.3), T.nn.PReLU(), T.nn.Linear(64, 64), T.nn.AlphaDropout(0.1), T.nn.Linear(64, 4))
    return fit(T, net, optimizer(T, net, "adam"), classes(T, 50, 20, 4))


ACTIVATIONS = ("Sigmoid", "Tanh", "ReLU6", "Hardswish", "Mish", "SELU", "Softsign", "LogSigmoid", "CELU", "Hardtanh", "Softmin")


@training
def activations(T):
    layers = []
    for name in ACTIVATIONS:
        layers += [T.nn.Linear(9, 9), getattr(T.nn, name)(**({"dim": 1} if name == "Softmin" else {}))]
    net = T.nn.Sequential(*layers)
    x, y = T.randn(15, 9), T.randn(15, 9)
    return fit(T, net, optimizer(T, net, "adam"), lambda net, i: T.nn.functional.mse_loss(net(x), y))


# ---- Losses, derivatives, and what programs do with tensors

@training
def losses(T):
    F = T.nn.functional
    net = mlp(T, 5, 16, 4)
    x, y, labels, signs = T.randn(12, 5), T.rand(12, 4), T.randint(0, 4, (12,)), T.randint(0, 2, (12, 4)) * 2.0 - 1
    several = [lambda h: F.binary_cross_entropy_with_logits(h, y), lambda h: F.binary_cross_entropy(h.sigmoid(), y), lambda h: F.l1_loss(h, y),
               lambda h: F.nll_loss(h.log_softmax(1), labels), lambda h: F.kl_div(h.log_softmax(1), y.softmax(1), reduction="batchmean"),
               lambda h: F.poisson_nll_loss(h, y), lambda h: F.soft_margin_loss(h, signs), lambda h: F.multi_margin_loss(h, labels),
               lambda h: F.gaussian_nll_loss(h, y, h.exp()), lambda h: F.hinge_embedding_loss(h, signs),
               lambda h: F.triplet_margin_loss(h, y, signs), lambda h: F.cosine_embedding_loss(h, y, signs[:, 0])]
    return fit(T, net, optimizer(T, net, "adam"), lambda net, i: several[i % len(several)](net(x)), steps=2 * len(several))


@training
def gradient_of_gradient(T):
    """A penalty on the gradient, as WGAN-GP's and a physics-informed net's."""
    net = mlp(T, 3, 24, 1, activation=T.nn.Tanh)
    x = T.randn(16, 3, requires_grad=True)

    def loss(net, i):
        out = net(x)
        slope, = T.autograd.grad(out.sum(), x, create_graph=True)
        curve, = T.autograd.grad(slope[:, 0].sum(), x, create_graph=True)
        return ((slope.norm(dim=1) - 1) ** 2).mean() + (curve[:, 0] + out[:, 0].sin()).square().mean()
    return fit(T, net, optimizer(T, net, "adam"), loss)


@training
def clipped(T):
    net = mlp(T, 6, 20, 3)
    opt = T.optim.SGD(net.parameters(), lr=1.0, momentum=0.9)
    return fit(T, net, opt, classes(T, 24, 6, 3), before_step=lambda: T.nn.utils.clip_grad_norm_(net.parameters(), 0.1))


@training
def clipped_by_value(T):
    net = mlp(T, 6, 20, 3)
    opt = T.optim.SGD(net.parameters(), lr=1.0)
    return fit(T, net, opt, classes(T, 24, 6, 3), before_step=lambda: T.nn.utils.clip_grad_value_(net.parameters(), 0.01))


@training
def in_place(T):
    w, out = T.randn(6, 6).requires_grad_(), []
    for i in range(STEPS):
        h = w * 1.0
        h += w
        h[i % 6] = w[0] * 2
        h[:, 1:3].mul_(0.5)
        h.clamp_(-3, 3).sub_(0.1)
        h[h > 1] = 0.5
        h.t().add_(w.detach(), alpha=0.1)
        loss = (h ** 2).mean()
        loss.backward()
        with T.no_grad():
            w -= 0.5 * w.grad
            w.grad.zero_()
        out.append(loss)
    return [out, w]


@training
def indexing(T):
    w, out = T.randn(10, 7).requires_grad_(), []
    rows, columns = T.randint(0, 10, (15,)), T.randint(0, 7, (15,))
    for _ in range(STEPS):
        picked = (w[rows, columns].sum() + w[rows].tanh().mean() + w[2:8:2, -3:].exp().sum() + w.gather(1, columns[:10, None]).square().sum()
                  + T.zeros(10, 7).index_add(0, rows, w[rows]).square().mean() + w.scatter(1, columns[:10, None], 0.5).sum() * 0.1
                  + w.masked_fill(w > 0, 0).abs().sum() + T.where(w > 0.5, w, 2 * w).mean() + w.index_select(1, columns).std())
        picked.backward()
        with T.no_grad():
            w -= 0.02 * w.grad
        out += [picked.detach(), w.grad]
        w.grad = None
    return [out, w]


@training
def shapes_and_sums(T):
    w, out = T.randn(4, 6, 5).requires_grad_(), []
    for _ in range(STEPS):
        parts = T.cat([w.permute(2, 0, 1).reshape(5, -1), T.stack([w[:, 0], w[:, 1]], 2).flatten(1).sum(0).expand(5, -1)], 1)
        loss = (parts.std(1).sum() + w.amax(2).sum() + w.prod(0).mean() + w.logsumexp(1).mean() + w.cumsum(1).mean() + w.var((0, 2)).sum()
                + T.einsum("ijk,ilk->ijl", w, w).square().mean() + w.sort(1).values[:, 0].sum() + w.topk(2, 2).values.mean()
                + w.median(1).values.sum() + w.flip(0).roll(1, 1).mul(w).sum() + T.bmm(w, w.transpose(1, 2)).mean() + w.norm())
        loss.backward()
        with T.no_grad():
            w -= 0.01 * w.grad
        out += [loss.detach(), w.grad]
        w.grad = None
    return [out, w]


@training
def pointwise(T):
    names = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh", "exp", "exp2", "expm1", "log",
             "log2", "log10", "log1p", "sqrt", "rsqrt", "square", "abs", "neg", "reciprocal", "sigmoid", "erf",
             "erfc", "erfinv", "lgamma", "digamma", "floor", "round", "sign", "relu"]
    w = T.linspace(0.05, 0.9, 101).requires_grad_()
    out = []
    for name in names:
        y = getattr(w, name)()
        y.sum().backward()
        out += [name, y.detach(), w.grad]
        w.grad = None
    for name in ("pow", "atan2", "hypot", "fmod", "remainder", "maximum", "minimum", "logaddexp", "xlogy", "div"):
        y = getattr(T, name)(w, 1.2 - w)
        y.sum().backward()
        out += [name, y.detach(), w.grad]
        w.grad = None
    return out


@training
def draws(T):
    out = [T.rand(1001), T.randn(1001), T.randint(-5, 99, (301,)), T.randperm(77), T.bernoulli(T.full((200,), 0.3)),
           T.multinomial(T.rand(3, 9), 4), T.empty(55).exponential_(), T.normal(T.zeros(44), T.ones(44)), T.poisson(T.full((33,), 3.0)),
           T.randn(50, dtype=T.float64), T.get_rng_state()]
    for init in ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "trunc_normal_"):
        out.append(getattr(T.nn.init, init)(T.empty(9, 7)))
    return out


@training
def loader(T):
    D = T.utils.data
    data = D.TensorDataset(T.randn(50, 4), T.randint(0, 3, (50,)))
    train, _ = D.random_split(data, [40, 10], generator=T.Generator().manual_seed(3))
    batches = [batch for _ in range(4) for batch in D.DataLoader(train, batch_size=8, shuffle=True, generator=T.Generator().manual_seed(7))]
    net = mlp(T, 4, 16, 3)
    return fit(T, net, optimizer(T, net, "adam"), lambda net, i: T.nn.functional.cross_entropy(net(batches[i][0]), batches[i][1]))


@training
def averaged(T):
    net = mlp(T, 6, 12, 3)
    average = T.optim.swa_utils.AveragedModel(net)
    found = fit(T, net, optimizer(T, net, "sgd"), classes(T, 20, 6, 3), before_step=lambda: average.update_parameters(net))
    return [[each for each in found[0] if each is not None], *found[1:], average.state_dict()]


# ---- Running them

def inside(only):
    import tinygrad_c as T
    found = {}
    for name, f in TRAININGS.items():
        if fnmatch.fnmatch(name, only):
            T.manual_seed(1)
            state = Hash(T)
            try:
                state.add(f(T))
            except Exception as error:
                raise RuntimeError(f"{name}: {error}") from error
            assert state.finite, f"{name} came to nan"
            found[name] = state.sha.hexdigest()
    print(json.dumps(found))


def run(python, path, level, threads, only):
    """name: hash, in a process of its own."""
    env = {**os.environ, "TINYGRAD_C_SIMD": level, "TINYGRAD_C_NUM_THREADS": str(threads)}
    if path:
        env["PYTHONPATH"] = str(path)
    done = subprocess.run([python, str(Path(__file__).resolve()), "--inside", "--only", only],
                          env=env, capture_output=True, text=True, cwd=os.sep)
    if done.returncode:
        sys.exit(f"{level}, {threads} thread(s):\n{done.stderr}")
    return json.loads(done.stdout)


def supported(python, path):
    env = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    text = subprocess.run([python, "-c", "import tinygrad_c; print(tinygrad_c.show_config(), tinygrad_c.__file__)"], env=env,
                          capture_output=True, text=True, check=True, cwd=os.sep).stdout
    print(text.split()[-1], file=sys.stderr)
    return [level for level in LEVELS if level in text.split("supports")[1].split(";")[0].replace(",", " ").split()]


def machine():
    """What else the bits depend on."""
    version = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    return f"{platform.machine()}, {'-'.join(platform.libc_ver())}, gcc {version}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the hashes as JSON")
    parser.add_argument("--check", type=Path, nargs="?", const=RECORDED, metavar="FILE", help=f"compare (default: {RECORDED.name})")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="trainings whose names match (default: all)")
    parser.add_argument("--levels", nargs="+", choices=LEVELS, help="instruction sets (default: all that the processor has)")
    parser.add_argument("--python", default=sys.executable, help="interpreter to run (default: this one)")
    parser.add_argument("--path", type=Path, help="folder for PYTHONPATH, if the package is not installed")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        inside(args.only)
        return 0
    path = args.path and args.path.resolve()
    hashes, wrong = {}, []
    for level in args.levels or supported(args.python, path):
        hashes[level], two = (run(args.python, path, level, threads, args.only) for threads in (1, 2))
        wrong += [f"{level}: {name} differs between 1 and 2 threads" for name in two if two[name] != hashes[level][name]]
    if args.record:
        args.record.write_text(json.dumps({"machine": machine(), "hashes": hashes}, indent=1) + "\n")
    if args.check:
        recorded = json.loads(args.check.read_text())
        if recorded["machine"] != machine():
            print(f"recorded on {recorded['machine']}, this is {machine()}: differences may come from there")
        compared = 0
        for level, found in hashes.items():
            expected = {name: h for name, h in recorded["hashes"].get(level, {}).items() if fnmatch.fnmatch(name, args.only)}
            wrong += [f"{level}: {name} is missing" for name in expected if name not in found]
            wrong += [f"{level}: {name} is not recorded" for name in found if name not in expected]
            wrong += [f"{level}: {name} differs" for name, h in expected.items() if found.get(name, h) != h]
            compared += len(expected)
        print(f"{compared} hashes compared, {len(wrong)} wrong")
    else:
        for name in next(iter(hashes.values())):
            print(f"{name:28}", *(f"{level} {found[name][:16]}" for level, found in hashes.items()))
    print("\n".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
