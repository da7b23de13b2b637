"""The net and training step of the MLP estimators: scikit-learn's computation with this package's kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_c import Tensor, compile, float32, float64, from_numpy, nn, no_grad, optim
from tinygrad_c.nn import functional as F
from tinygrad_c.tables.concurrent import own_stream

ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "selu": nn.SELU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "mish": nn.Mish,
}
# Multiplications of a step (about 50 microseconds) up to which it pays to replay it as a program.
SMALL_STEP = 1_000_000
NUMPY = {"identity": lambda h: h, "tanh": np.tanh, "relu": lambda h: np.maximum(h, 0, out=h)}
# Loss functions of outputs and targets, with a value for each row. The first two are scikit-learn's.
QUANTITIES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared_error": lambda out, y: ((out - y) ** 2).mean(1) / 2,
    "poisson": lambda out, y: (out.exp() - y * out).mean(1),  # the outputs are the logarithm of the rate
    "absolute_error": lambda out, y: (out - y).abs().mean(1),
    "huber": lambda out, y: F.huber_loss(out, y, reduction="none").mean(1),
    "smooth_l1": lambda out, y: F.smooth_l1_loss(out, y, reduction="none").mean(1),
}


def rows_loss(loss: str | Callable, kind: str, out: Tensor, y: Tensor) -> Tensor:
    """The loss of each row; the result of a user's loss is not checked."""
    if callable(loss):
        return loss(out, y)
    if kind == "softmax":
        return F.cross_entropy(out, y, reduction="none")
    if kind == "logistic":
        return F.binary_cross_entropy_with_logits(out, y, reduction="none").sum(1)
    return QUANTITIES[loss](out, y)


def mean_loss(loss: str | Callable, kind: str, out: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
    """The mean loss of the rows, weighted by weight [rows] where it is not None."""
    if weight is None:
        if kind == "softmax" and not callable(loss):
            return F.cross_entropy(out, y)
        if loss == "squared_error":
            return F.mse_loss(out, y) * 0.5
        losses = rows_loss(loss, kind, out, y)
        return losses.mean() if losses.ndim else losses
    losses = rows_loss(loss, kind, out, y)
    if not losses.ndim:
        raise ValueError("a loss that gives one number for a batch cannot be weighted: let it give one for each row")
    losses = losses if losses.ndim == 1 else losses.reshape(len(losses), -1).mean(1)
    return (losses * weight).sum() / weight.sum()


def update(
    net: nn.Module, optimizer: optim.Optimizer, loss: str | Callable, kind: str, X: Tensor, y: Tensor, weight: Tensor | None
) -> Tensor:
    """One step of the optimizer by a batch; the mean loss before it."""
    value = mean_loss(loss, kind, net(X), y, weight)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value


class Core:
    """One net with its optimizer and loss. `step` is one update, `outputs` gives raw outputs.

    kind: "softmax" (answers are numbers of classes), "logistic" (0 and 1 for each output) or "quantity".
    """

    def __init__(
        self,
        coefs: list[np.ndarray],
        intercepts: list[np.ndarray],
        activation: str,
        kind: str,
        loss: str | Callable,
        dropout: float,
        alpha: float,
        solver: str,
        settings: dict[str, Any],
    ) -> None:
        self.activation, self.kind, self.loss, self.dropout, self.alpha = activation, kind, loss, dropout, alpha
        self.solver, self.settings = solver, settings
        self.dtype = coefs[0].dtype
        self.steps = 0
        self.decays: dict[float, float] = {}
        self._build(coefs, intercepts)

    def _build(self, coefs: list[np.ndarray], intercepts: list[np.ndarray]) -> None:
        layers: list[nn.Module] = []
        dtype = float32 if coefs[0].dtype == np.float32 else float64
        with own_stream(0):     # the weights that these draw are not used
            self.linear = [nn.Linear(*w.shape, dtype=dtype) for w in coefs]
        for i, (layer, w, b) in enumerate(zip(self.linear, coefs, intercepts)):
            with no_grad():
                layer.weight.copy_(from_numpy(np.ascontiguousarray(w.T)))
                layer.bias.copy_(from_numpy(np.ascontiguousarray(b)))
            layers.append(layer)
            if i < len(coefs) - 1:
                layers.append(ACTIVATIONS[self.activation]())
                if self.dropout:
                    layers.append(nn.Dropout(self.dropout))
        self.net = nn.Sequential(*layers)
        self.compiled = compile(update)
        self.size = sum(w.size for w in coefs)
        self.views = [x.weight.detach().numpy().ravel() for x in self.linear]  # the same memory, for the penalty
        weights, biases = [x.weight for x in self.linear], [x.bias for x in self.linear]
        self.groups = [{"params": weights}, {"params": biases}]
        s = self.settings
        if self.solver == "sgd":
            nesterov = bool(s["nesterov"] and s["momentum"] > 0)
            self.optimizer = optim.SGD(self.groups, lr=s["lr"], momentum=s["momentum"], nesterov=nesterov)
        else:
            self.optimizer = optim.Adam(self.groups, lr=s["lr"], betas=s["betas"], eps=s["eps"])

    def set_lr(self, lr: float) -> None:
        """Set the learning rate. scikit-learn's velocity contains the learning rate, and does not change with it."""
        before = self.optimizer.param_groups[0]["lr"]
        if lr == before:
            return
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        if self.solver == "sgd" and self.settings["momentum"]:
            with no_grad():
                for kept in self.optimizer.state.values():
                    if kept.get("momentum_buffer") is not None:
                        kept["momentum_buffer"].mul_(before / lr)

    def step(self, X: Tensor, y: Tensor, weight: Tensor | None, total: float, often: bool) -> float:
        """One update with a batch; returns the batch's loss before the update, without the penalty.

        The penalty, alpha / 2 of the squared weights, is shared by `total` rows: its gradient is added in the optimizer.
        often: batches of this size come in each iteration. Small steps are then replayed as a program where they can be: a
        loss of ours, without weights or dropout.
        """
        decay = self.decays.get(total)
        if decay is None:  # the same object for the same total: a program holds as long as it is this one
            if len(self.decays) > 100:
                self.decays.clear()
            decay = self.decays[total] = self.alpha / total
        self.optimizer.param_groups[0]["weight_decay"] = decay
        if self.solver == "adam":  # scikit-learn adds epsilon to the root before the bias correction
            self.steps += 1
            eps = self.settings["eps"] / max(1e-300, math.sqrt(1 - self.settings["betas"][1] ** self.steps))
            for group in self.optimizer.param_groups:
                group["eps"] = eps
        replay = often and weight is None and not self.dropout and not callable(self.loss)
        step = self.compiled if replay and 3 * len(X) * self.size < SMALL_STEP else update
        return step(self.net, self.optimizer, self.loss, self.kind, X, y, weight).item()

    def penalty(self) -> float:
        """alpha / 2 * sum(w^2)."""
        return 0.5 * self.alpha * sum([float(w.dot(w)) for w in self.views]) if self.alpha else 0.0

    def loss_and_gradient(self, X: Tensor, y: Tensor, weight: Tensor | None) -> tuple[float, np.ndarray]:
        """For L-BFGS: the penalised loss of all rows and its gradient, weights before biases."""
        total = len(X) if weight is None else float(weight.sum())
        loss = mean_loss(self.loss, self.kind, self.net(X), y, weight)
        self.optimizer.zero_grad()
        loss.backward()
        decay = self.alpha / total
        parts = [x.weight.grad.numpy() + decay * x.weight.detach().numpy() for x in self.linear]
        parts += [x.bias.grad.numpy() for x in self.linear]
        return loss.item() + self.penalty() / total, np.concatenate([p.ravel() for p in parts]).astype(np.float64)

    def vector(self) -> np.ndarray:
        parts = [x.weight for x in self.linear] + [x.bias for x in self.linear]
        return np.concatenate([p.detach().numpy().ravel() for p in parts]).astype(np.float64)

    def set_vector(self, vector: np.ndarray) -> None:
        at = 0
        with no_grad():
            for p in [x.weight for x in self.linear] + [x.bias for x in self.linear]:
                size = p.numel()
                p.copy_(from_numpy(np.ascontiguousarray(vector[at : at + size].reshape(p.shape).astype(self.dtype))))
                at += size

    def weights(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """coefs_ and intercepts_ in scikit-learn's shapes."""
        return (
            [np.ascontiguousarray(x.weight.detach().numpy().T) for x in self.linear],
            [x.bias.detach().numpy().copy() for x in self.linear],
        )

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Raw outputs of rows, in evaluation mode."""
        if self.dropout:
            self.net.eval()
        try:
            with no_grad():
                return self.net(from_numpy(np.ascontiguousarray(X))).numpy()
        finally:
            if self.dropout:
                self.net.train()

    # ---- Pickling: arrays and plain data only

    def __getstate__(self) -> dict[str, Any]:
        rebuilt = ("net", "linear", "groups", "optimizer", "views", "compiled")
        state = {k: v for k, v in self.__dict__.items() if k not in rebuilt}
        state["weights"] = self.weights()
        kept = self.optimizer.state_dict()["state"]
        state["kept"] = {
            i: {n: v.detach().numpy().copy() if isinstance(v, Tensor) else v for n, v in s.items()} for i, s in kept.items()
        }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights, kept = state.pop("weights"), state.pop("kept")
        self.__dict__.update(state)
        self._build(*weights)
        kept = {
            i: {n: from_numpy(np.array(v)) if isinstance(v, np.ndarray) else v for n, v in s.items()} for i, s in kept.items()
        }
        self.optimizer.load_state_dict({"state": kept, "param_groups": self.optimizer.state_dict()["param_groups"]})


def forward(X: np.ndarray, coefs: list[np.ndarray], intercepts: list[np.ndarray], activation: str) -> np.ndarray:
    """The net's raw outputs computed with NumPy, which is fastest for few rows."""
    h = X
    last = len(coefs) - 1
    function = NUMPY.get(activation)
    for i, (w, b) in enumerate(zip(coefs, intercepts)):
        h = h.dot(w)  # a microsecond faster than @ for a row
        h += b
        if i < last:
            h = function(h) if function is not None else _by_tensor(h, activation)
    return h


def _by_tensor(h: np.ndarray, activation: str) -> np.ndarray:
    with no_grad():
        return ACTIVATIONS[activation]()(from_numpy(h)).numpy()
