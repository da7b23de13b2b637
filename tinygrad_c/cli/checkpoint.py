"""A training that was stopped anywhere goes on from its checkpoint: one file with all that the next step depends on.

That is the weights, the optimizer's state, the position of both random streams, the step (with it the learning rate and the
place in the epoch), the scores so far and the best net. `identity` tells the training from any other: its rows and settings.
"""
from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from tinygrad_c import Generator, Tensor, from_numpy, get_rng_state, nn, optim, set_rng_state
from tinygrad_c.cli import encode, model
from tinygrad_c.cli.errors import UserError
from tinygrad_c.cli.plan import Plan
from tinygrad_c.cli.score import Score

FILE = "checkpoint.safetensors"
FORMAT = "tinygrad_c training 1"


@dataclass
class Training:
    """What a training has come to: the best weights so far by the validation rows, and a pair of scores for each epoch."""

    step: int = 0             # steps done
    history: list[tuple[Score, Score]] = field(default_factory=list)   # on training rows, on validation rows
    best: dict[str, np.ndarray] | None = None
    best_epoch: int = 0
    samples: int = 0
    seconds: float = 0.0      # in training steps
    stopped: str = ""         # why it ended before its last epoch

    @property
    def best_score(self) -> Score:
        return self.history[self.best_epoch - 1][1]


@dataclass
class State:
    """What steps change."""

    net: nn.Module
    optimizer: optim.Optimizer
    order: Generator          # of the rows; as it was when the epoch began, since an epoch draws its order at once
    training: Training

    def dump(self, identity: dict, order: np.ndarray) -> bytes:
        """The checkpoint's bytes; `order` is the state of the generator of that name when the epoch began."""
        t = self.training
        arrays = {f"net.{name}": w for name, w in model.weights(self.net).items()}
        arrays |= {f"best.{name}": w for name, w in (t.best or {}).items()}
        arrays |= {"order": order, "stream": get_rng_state().numpy().copy()}
        numbers = {}
        for i, kept in self.optimizer.state_dict()["state"].items():
            for name, value in kept.items():
                if isinstance(value, Tensor):
                    arrays[f"optimizer.{i}.{name}"] = value.detach().numpy().copy()
                else:
                    numbers[f"{i}.{name}"] = value
        return model.seal(arrays, FORMAT, {
            "identity": identity, "optimizer": numbers, "step": t.step, "best_epoch": t.best_epoch, "samples": t.samples,
            "seconds": t.seconds, "history": [[asdict(score) for score in pair] for pair in t.history]})

    def load(self, path: Path, identity: dict) -> None:
        """Go back to the checkpoint. UserError, and nothing changed, when it is damaged or of another training."""
        arrays, data = model.unseal(str(path), FORMAT, "a checkpoint", "leave out --resume to train anew")
        for name in identity:
            if data["identity"].get(name) != identity[name]:
                raise UserError(f"is of a training with another {name} ({data['identity'].get(name)}, and now "
                                f"{identity[name]}): give what was given then, or leave out --resume", str(path))
        kept: dict[int, dict] = {}
        for key, value in data["optimizer"].items():
            i, _, name = key.partition(".")
            kept.setdefault(int(i), {})[name] = value
        for key, array in arrays.items():
            kind, _, name = key.partition(".")
            if kind == "optimizer":
                i, _, name = name.partition(".")
                kept.setdefault(int(i), {})[name] = from_numpy(array.copy())
        self.net.load_state_dict({name: from_numpy(w) for name, w in _part(arrays, "net").items()})
        self.optimizer.load_state_dict({"state": kept, "param_groups": self.optimizer.state_dict()["param_groups"]})
        self.order.set_state(from_numpy(arrays["order"].copy()))
        set_rng_state(from_numpy(arrays["stream"].copy()))
        t = self.training
        t.history = [tuple(Score(**score) for score in pair) for pair in data["history"]]
        t.best = _part(arrays, "best") or None
        t.step, t.best_epoch, t.samples, t.seconds = (data[name] for name in ("step", "best_epoch", "samples", "seconds"))


def identity(plan: Plan, recipe: encode.Recipe, parts: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """What two trainings must have in common to come to the same net. Threads only make it faster."""
    digest = hashlib.sha256(repr(recipe.to_json()).encode())
    for part in parts:
        for array in part:
            digest.update(np.ascontiguousarray(array).tobytes())
    settings = {name.replace("_", "-"): value for name, value in asdict(plan).items() if name not in ("threads", "given")}
    return settings | {"table": digest.hexdigest()[:16]}


def _part(arrays: dict[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    return {name.partition(".")[2]: array.copy() for name, array in arrays.items() if name.startswith(f"{kind}.")}
