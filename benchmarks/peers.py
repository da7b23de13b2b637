"""One training step, written as is fastest for each peer. A peer is a class; its VARIANTS are settings to try, by label.

    trainer = Peer(net, weights, x, y, threads, **Peer.VARIANTS[label]); trainer.reset(); losses = trainer.run(steps)

reset() restores the initial weights; run() takes steps, and waits until they are done. `weights` is a list of (weight, bias),
with weight of shape (out, in); all arrays have the net's dtype.
"""
from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

SGD_LR, ADAM_LR, BETAS, EPS = 0.01, 1e-3, (0.9, 0.999), 1e-8


@dataclass(frozen=True)
class Net:
    """A fully connected net and how it is trained."""

    name: str
    widths: tuple[int, ...]
    batch: int
    activation: str = "relu"            # or tanh
    loss: str = "cross_entropy"         # or mse
    optimizer: str = "sgd"              # or adam
    dtype: str = "float32"

    def __str__(self) -> str:
        return f"{self.name}: {'-'.join(map(str, self.widths))}, {self.batch}"

    def arrays(self):
        """Initial weights (uniform within 1 / sqrt(inputs), as Linear's), x and y; the same for every peer."""
        rng = np.random.default_rng(7)
        weights = []
        for inputs, outputs in zip(self.widths, self.widths[1:]):
            bound = inputs ** -0.5
            weights.append((rng.uniform(-bound, bound, (outputs, inputs)).astype(self.dtype),
                            rng.uniform(-bound, bound, outputs).astype(self.dtype)))
        x = rng.standard_normal((self.batch, self.widths[0])).astype(self.dtype)
        if self.loss == "mse":
            y = np.tanh(x @ rng.standard_normal((self.widths[0], self.widths[-1]))).astype(self.dtype)
        else:
            y = rng.integers(0, self.widths[-1], self.batch)
            y[:self.widths[-1]] = np.arange(self.widths[-1])[:self.batch]       # every class occurs: scikit-learn needs it
        return weights, x, y

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> Net:
        return cls(**{**data, "widths": tuple(data["widths"])})


class NumPy:
    """NumPy by hand: the formulas, computed into preallocated buffers."""

    VARIANTS: ClassVar = {"": {}}

    def __init__(self, net, weights, x, y, threads):
        self.net, self.start, self.x, self.y = net, weights, x, y
        shapes = [(net.batch, width) for width in net.widths[1:]]
        self.values = [np.empty(shape, x.dtype) for shape in shapes]
        self.deltas = [np.empty(shape, x.dtype) for shape in shapes]
        self.grads = [(np.empty_like(w), np.empty_like(b)) for w, b in weights]
        self.rows = np.arange(net.batch)

    def reset(self):
        self.weights = [(w.copy(), b.copy()) for w, b in self.start]
        self.moments = [[np.zeros_like(p) for p in pair for _ in range(2)] for pair in self.weights]
        self.t = 0

    def run(self, steps):
        return [self.step() for _ in range(steps)]

    def step(self):
        net, last = self.net, len(self.weights) - 1
        value = self.x
        for i, (w, b) in enumerate(self.weights):
            value = np.matmul(value, w.T, out=self.values[i])
            value += b
            if i < last:
                np.tanh(value, out=value) if net.activation == "tanh" else np.maximum(value, 0, out=value)
        delta = self.deltas[last]
        if net.loss == "mse":
            np.subtract(value, self.y, out=delta)
            loss = np.vdot(delta, delta) / delta.size
            delta *= 2 / delta.size
        else:
            np.subtract(value, value.max(1, keepdims=True), out=delta)
            picked = delta[self.rows, self.y]
            np.exp(delta, out=delta)
            sums = delta.sum(1)
            loss = (np.log(sums) - picked).mean()
            delta /= sums[:, None] * net.batch
            delta[self.rows, self.y] -= 1 / net.batch
        for i in range(last, -1, -1):
            below = self.values[i - 1] if i else self.x
            np.matmul(delta.T, below, out=self.grads[i][0])
            delta.sum(0, out=self.grads[i][1])
            if i:
                delta = np.matmul(delta, self.weights[i][0], out=self.deltas[i - 1])
                if net.activation == "tanh":
                    np.multiply(below, below, out=below)
                    np.subtract(1, below, out=below)
                    delta *= below
                else:
                    delta *= below > 0
        self.update()
        return float(loss)

    def update(self):
        if self.net.optimizer == "sgd":
            for pair, grads in zip(self.weights, self.grads):
                for p, g in zip(pair, grads):
                    g *= SGD_LR
                    p -= g
            return
        self.t += 1
        (b1, b2), t = BETAS, self.t
        for pair, grads, (mw, vw, mb, vb) in zip(self.weights, self.grads, self.moments):
            for p, g, m, v in zip(pair, grads, (mw, mb), (vw, vb)):
                m *= b1
                m += (1 - b1) * g
                v *= b2
                g *= g
                g *= 1 - b2
                v += g
                np.sqrt(v, out=g)
                g /= (1 - b2 ** t) ** 0.5
                g += EPS
                np.divide(m, g, out=g)
                g *= ADAM_LR / (1 - b1 ** t)
                p -= g


class Torch:
    """PyTorch, eager, and the base of Ours."""

    VARIANTS: ClassVar = {"": {}, "foreach": {"foreach": True}, "fused": {"fused": True}}
    engine = "torch"

    def __init__(self, net, weights, x, y, threads, **optimizer_options):
        self.net, self.optimizer_options = net, optimizer_options
        torch = self.torch = importlib.import_module(self.engine)
        nn = importlib.import_module(self.engine + ".nn")
        if hasattr(torch, "set_num_threads"):
            torch.set_num_threads(threads)
        layers = []
        for inputs, outputs in zip(net.widths, net.widths[1:]):
            layers += [nn.Linear(inputs, outputs), nn.Tanh() if net.activation == "tanh" else nn.ReLU()]
        self.model = nn.Sequential(*layers[:-1]).to(getattr(torch, net.dtype))
        self.loss = nn.MSELoss() if net.loss == "mse" else nn.CrossEntropyLoss()
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.start = [torch.from_numpy(p) for pair in weights for p in pair]

    def reset(self):
        optim = importlib.import_module(self.engine + ".optim")
        with self.torch.no_grad():
            for p, start in zip(self.model.parameters(), self.start):
                p.copy_(start)
        if self.net.optimizer == "sgd":
            self.optimizer = optim.SGD(self.model.parameters(), lr=SGD_LR, **self.optimizer_options)
        else:
            self.optimizer = optim.Adam(self.model.parameters(), lr=ADAM_LR, **self.optimizer_options)

    def run(self, steps):
        model, loss_fn, optimizer, x, y = self.model, self.loss, self.optimizer, self.x, self.y
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses


class Ours(Torch):
    """This package, with the same code as PyTorch."""

    VARIANTS: ClassVar = {"": {}}
    engine = "tinygrad_c"


class TorchCompile(Torch):
    """torch.compile of the forward pass and the loss; its backward is compiled with it."""

    def __init__(self, net, weights, x, y, threads, **optimizer_options):
        super().__init__(net, weights, x, y, threads, **optimizer_options)
        model, loss_fn = self.model, self.loss
        self.torch.compiler.reset()     # drops the code of earlier nets, whose guards would be checked first at each call
        self.forward = self.torch.compile(lambda x, y: loss_fn(model(x), y), dynamic=False, fullgraph=True)

    def run(self, steps):
        forward, optimizer, x, y = self.forward, self.optimizer, self.x, self.y
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = forward(x, y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses


class Jax:
    """jax.jit of the whole step, its buffers donated."""

    VARIANTS: ClassVar = {"": {}, "synchronous": {"asynchronous": False}, "one-hot": {"one_hot": True},
                          "one-hot, synchronous": {"one_hot": True, "asynchronous": False}}

    def __init__(self, net, weights, x, y, threads, one_hot=False, asynchronous=True):
        import jax
        import jax.numpy as jnp
        jax.config.update("jax_enable_x64", net.dtype == "float64")
        jax.config.update("jax_cpu_enable_async_dispatch", asynchronous)
        self.jax, self.jnp, self.net = jax, jnp, net
        self.weights = [(w.T.copy(), b) for w, b in weights]        # (in, out): no transpose in the forward pass
        self.x = jnp.asarray(x)
        one_hot = one_hot and net.loss != "mse"
        self.y = jnp.asarray(np.eye(net.widths[-1], dtype=x.dtype)[y] if one_hot else y)
        activation = jnp.tanh if net.activation == "tanh" else jax.nn.relu

        def loss_of(weights, x, y):
            for w, b in weights[:-1]:
                x = activation(x @ w + b)
            x = x @ weights[-1][0] + weights[-1][1]
            if net.loss == "mse":
                return jnp.mean((x - y) ** 2)
            logp = jax.nn.log_softmax(x)
            return -jnp.mean((logp * y).sum(1)) if one_hot else -jnp.mean(jnp.take_along_axis(logp, y[:, None], 1))

        def sgd(state, x, y):
            loss, grads = jax.value_and_grad(loss_of)(state, x, y)
            return jax.tree.map(lambda p, g: p - SGD_LR * g, state, grads), loss

        def adam(state, x, y):
            weights, m, v, t = state
            loss, grads = jax.value_and_grad(loss_of)(weights, x, y)
            (b1, b2), t = BETAS, t + 1
            m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, grads)
            v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, grads)
            rate, root = ADAM_LR / (1 - b1 ** t), jnp.sqrt(1 - b2 ** t)
            weights = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + EPS), weights, m, v)
            return (weights, m, v, t), loss

        self.update = sgd if net.optimizer == "sgd" else adam
        self.step = jax.jit(self.update, donate_argnums=0)

    def reset(self):
        tree, jnp = self.jax.tree, self.jnp
        def fresh():
            return tree.map(lambda p: jnp.array(p, copy=True), self.weights)
        def zeros():
            return tree.map(jnp.zeros_like, self.weights)
        self.state = fresh() if self.net.optimizer == "sgd" else (fresh(), zeros(), zeros(), jnp.zeros((), self.x.dtype))

    def run(self, steps):
        state, step, x, y = self.state, self.step, self.x, self.y
        losses = []
        for _ in range(steps):
            state, loss = step(state, x, y)
            losses.append(loss)
        self.state = self.jax.block_until_ready(state)
        return losses


class TensorFlow:
    """tf.function of the whole step, with XLA and without."""

    VARIANTS: ClassVar = {"": {}, "XLA": {"xla": True}}

    def __init__(self, net, weights, x, y, threads, xla=False):
        import tensorflow as tf
        self.net, self.start = net, [p for w, b in weights for p in (w.T.copy(), b)]
        self.x, self.y = tf.constant(x), tf.constant(y)
        self.weights = [tf.Variable(p) for p in self.start]
        self.m = [tf.Variable(np.zeros_like(p)) for p in self.start]
        self.v = [tf.Variable(np.zeros_like(p)) for p in self.start]
        self.t = tf.Variable(np.zeros((), x.dtype))
        activation = tf.tanh if net.activation == "tanh" else tf.nn.relu

        def step(x, y):
            with tf.GradientTape() as tape:
                for i in range(0, len(self.weights) - 2, 2):
                    x = activation(x @ self.weights[i] + self.weights[i + 1])
                x = x @ self.weights[-2] + self.weights[-1]
                loss = (tf.reduce_mean((x - y) ** 2) if net.loss == "mse" else
                        tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x)))
            grads = tape.gradient(loss, self.weights)
            if net.optimizer == "sgd":
                for p, g in zip(self.weights, grads):
                    p.assign_sub(SGD_LR * g)
                return loss
            (b1, b2), t = BETAS, self.t.assign_add(1)
            for p, g, m, v in zip(self.weights, grads, self.m, self.v):
                m.assign(b1 * m + (1 - b1) * g)
                v.assign(b2 * v + (1 - b2) * g * g)
                p.assign_sub(ADAM_LR / (1 - b1 ** t) * m / (tf.sqrt(v) / tf.sqrt(1 - b2 ** t) + EPS))
            return loss

        self.step = tf.function(step, jit_compile=xla)

    def reset(self):
        for p, start in zip(self.weights, self.start):
            p.assign(start)
        for zero in (*self.m, *self.v, self.t):
            zero.assign(np.zeros(zero.shape, zero.dtype.as_numpy_dtype))

    def run(self, steps):
        step, x, y = self.step, self.x, self.y
        losses = [step(x, y) for _ in range(steps)]
        losses[-1].numpy()
        return losses


class ScikitLearn:
    """MLPClassifier or MLPRegressor, one partial_fit a step."""

    VARIANTS: ClassVar = {"": {}}

    def __init__(self, net, weights, x, y, threads):
        if net.loss != "mse" and net.widths[-1] == 2:
            raise NotImplementedError("for two classes scikit-learn has one output, so the net differs")
        if net.loss != "mse" and net.batch < net.widths[-1]:
            raise NotImplementedError("scikit-learn needs every class in the batch, or another first call")
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        self.net, self.start, self.x, self.y = net, weights, x, y
        kind = MLPRegressor if net.loss == "mse" else MLPClassifier
        self.model = kind(
            hidden_layer_sizes=net.widths[1:-1], activation=net.activation, solver=net.optimizer, alpha=0, batch_size=net.batch,
            learning_rate_init=SGD_LR if net.optimizer == "sgd" else ADAM_LR, shuffle=False, momentum=0,
            nesterovs_momentum=False)

    def reset(self):
        from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
        model = self.model
        model.partial_fit(self.x, self.y, **({} if self.net.loss == "mse" else {"classes": np.arange(self.net.widths[-1])}))
        model.coefs_ = [w.T.copy() for w, _ in self.start]
        model.intercepts_ = [b.copy() for _, b in self.start]
        parameters = model.coefs_ + model.intercepts_
        sgd = self.net.optimizer == "sgd"
        model._optimizer = SGDOptimizer(parameters, SGD_LR, "constant", 0, False) if sgd else AdamOptimizer(parameters, ADAM_LR)

    def run(self, steps):
        scale = 2 if self.net.loss == "mse" else 1          # scikit-learn's loss is half the mean squared error
        losses = []
        for _ in range(steps):
            self.model.partial_fit(self.x, self.y)
            losses.append(scale * self.model.loss_)
        return losses


PEERS = {
    "tinygrad_c": (Ours, "tinygrad_c"),
    "torch eager": (Torch, "torch"),
    "torch.compile": (TorchCompile, "torch"),
    "jax.jit": (Jax, "jax"),
    "TensorFlow": (TensorFlow, "tensorflow"),
    "NumPy by hand": (NumPy, "numpy"),
    "scikit-learn": (ScikitLearn, "sklearn"),
}


def installed() -> list[str]:
    """The peers that can be imported here, in the order of PEERS."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return [name for name, (_, module) in PEERS.items() if importlib.util.find_spec(module)]
