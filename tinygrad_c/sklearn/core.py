"""The net of an MLP estimator and its steps: what scikit-learn's computes, by this package's kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_c import Tensor, float32, float64, from_numpy, nn, no_grad, optim
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
NUMPY = {"identity": lambda h: h, "tanh": np.tanh, "relu": lambda h: np.maximum(h, 0, out=h)}
# Losses by name: of outputs and answers, a value for each row. The first two are scikit-learn's.
QUANTITIES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared_error": lambda out, y: ((out - y) ** 2).mean(1) / 2,
    "poisson": lambda out, y: (out.exp() - y * out).mean(1),  # the outputs are logarithms
    "absolute_error": lambda out, y: (out - y).abs().mean(1),
    "huber": lambda out, y: F.huber_loss(out, y, reduction="none").mean(1),
    "smooth_l1": lambda out, y: F.smooth_l1_loss(out, y, reduction="none").mean(1),
}


class Core:
    """Weights, optimizer and loss of one net. `step` is one update, `outputs` the net's raw outputs.

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
        self.views = [x.weight.detach().numpy() for x in self.linear]       # the same memory, for the penalty
        weights, biases = [x.weight for x in self.linear], [x.bias for x in self.linear]
        self.groups = [{"params": weights}, {"params": biases}]
        s = self.settings
        if self.solver == "sgd":
            nesterov = bool(s["nesterov"] and s["momentum"] > 0)
            self.optimizer = optim.SGD(self.groups, lr=s["lr"], momentum=s["momentum"], nesterov=nesterov)
        else:
            self.optimizer = optim.Adam(self.groups, lr=s["lr"], betas=s["betas"], eps=s["eps"])

    def set_lr(self, lr: float) -> None:
        """From the next step on. scikit-learn's velocity holds the learning rate, and stays as it is when that changes."""
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

    def set_decay(self, total: float) -> None:
        """alpha / 2 of the squared weights, shared by `total` rows: its gradient is added in the optimizer."""
        self.optimizer.param_groups[0]["weight_decay"] = self.alpha / total

    def rows_loss(self, out: Tensor, y: Tensor) -> Tensor:
        """The loss of each row; of the user's loss whatever it gives."""
        if callable(self.loss):
            return self.loss(out, y)
        if self.kind == "softmax":
            return F.cross_entropy(out, y, reduction="none")
        if self.kind == "logistic":
            return F.binary_cross_entropy_with_logits(out, y, reduction="none").sum(1)
        return QUANTITIES[self.loss](out, y)

    def mean_loss(self, out: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
        if weight is None:
            if self.kind == "softmax" and not callable(self.loss):
                return F.cross_entropy(out, y)
            if self.loss == "squared_error":
                return F.mse_loss(out, y) * 0.5
            loss = self.rows_loss(out, y)
            return loss.mean() if loss.ndim else loss
        loss = self.rows_loss(out, y)
        if not loss.ndim:
            raise ValueError("a loss that gives one number for a batch cannot be weighted: let it give one for each row")
        loss = loss if loss.ndim == 1 else loss.reshape(len(loss), -1).mean(1)
        return (loss * weight).sum() / weight.sum()

    def step(self, X: Tensor, y: Tensor, weight: Tensor | None) -> float:
        """One update by a batch; its loss before it, without the penalty."""
        loss = self.mean_loss(self.net(X), y, weight)
        self.optimizer.zero_grad()
        loss.backward()
        if self.solver == "adam":  # scikit-learn adds epsilon to the root before it is corrected for the first steps
            self.steps += 1
            eps = self.settings["eps"] / max(1e-300, math.sqrt(1 - self.settings["betas"][1] ** self.steps))
            for group in self.optimizer.param_groups:
                group["eps"] = eps
        self.optimizer.step()
        return loss.item()

    def penalty(self) -> float:
        """alpha / 2 of the squared weights."""
        return 0.5 * self.alpha * sum(float(np.vdot(w, w)) for w in self.views) if self.alpha else 0.0

    def loss_and_gradient(self, X: Tensor, y: Tensor, weight: Tensor | None) -> tuple[float, np.ndarray]:
        """For L-BFGS: the loss of all rows with the penalty, and its gradient, weights first."""
        total = len(X) if weight is None else float(weight.sum())
        loss = self.mean_loss(self.net(X), y, weight)
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
        """coefs_ and intercepts_ as scikit-learn has them."""
        return (
            [np.ascontiguousarray(x.weight.detach().numpy().T) for x in self.linear],
            [x.bias.detach().numpy().copy() for x in self.linear],
        )

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Raw outputs of rows, in evaluation mode."""
        self.net.eval()
        try:
            with no_grad():
                return self.net(from_numpy(np.ascontiguousarray(X))).numpy()
        finally:
            self.net.train()

    # Pickle: arrays and plain data only

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in self.__dict__.items() if k not in ("net", "linear", "groups", "optimizer", "views")}
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
    """The net's raw outputs by NumPy: for few rows there is nothing faster."""
    h = X
    last = len(coefs) - 1
    function = NUMPY.get(activation)
    for i, (w, b) in enumerate(zip(coefs, intercepts)):
        h = h @ w
        h += b
        if i < last:
            h = function(h) if function is not None else _by_tensor(h, activation)
    return h


def _by_tensor(h: np.ndarray, activation: str) -> np.ndarray:
    with no_grad():
        return ACTIVATIONS[activation]()(from_numpy(h)).numpy()
