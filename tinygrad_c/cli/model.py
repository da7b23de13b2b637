"""The net, and its file: a .safetensors whose metadata holds the recipe and a checksum, so that a changed bit is an error."""
from __future__ import annotations

import json
from itertools import pairwise

import numpy as np

from tinygrad_c import from_numpy, nn
from tinygrad_c.cli.encode import Recipe
from tinygrad_c.cli.errors import UserError, need
from tinygrad_c.cli.files import read_file
from tinygrad_c.serialization.tensorfile import checksum, in_order
from tinygrad_c.utils import predict

FORMAT = "tinygrad_c mlp 1"
ROWS_AT_ONCE = 8192


def network(widths: list[int], dropout: float = 0.0) -> nn.Sequential:
    """Linear layers widths[0] -> widths[1] -> .., with ReLU and dropout between them."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths[:-1]):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def run(net: nn.Module, X: np.ndarray) -> np.ndarray:
    """The net's output for all rows, float32 [rows, outputs], in its evaluation mode."""
    return predict(net, from_numpy(X), batch_size=ROWS_AT_ONCE).numpy()


def weights(net: nn.Module) -> dict[str, np.ndarray]:
    """A copy of the net's parameters."""
    return {name: p.detach().numpy().copy() for name, p in net.state_dict().items()}


def dump(arrays: dict[str, np.ndarray], recipe: Recipe, facts: dict) -> bytes:
    """The model file's bytes; `facts` (the score, the settings) are kept for whoever looks into it."""
    return seal(arrays, FORMAT, {"recipe": recipe.to_json(), "facts": facts})


def load(path: str) -> tuple[nn.Module, Recipe, dict]:
    """The net in evaluation mode, its recipe and facts; UserError when the file is not one of ours, whole and unchanged."""
    arrays, data = unseal(path, FORMAT, "a model", "train it again or restore the file")
    try:
        recipe = Recipe.from_json(data["recipe"])
        linear = sorted((name for name in arrays if name.endswith(".weight")), key=lambda name: int(name.partition(".")[0]))
        net = network([arrays[linear[0]].shape[1], *(len(arrays[name]) for name in linear)])
        net.load_state_dict({name: from_numpy(w.copy()) for name, w in arrays.items()})
        return net.eval(), recipe, data["facts"]
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise UserError(f"is damaged: {error}", path) from None


def seal(arrays: dict[str, np.ndarray], kind: str, data: dict) -> bytes:
    """A .safetensors of arrays and plain data, with a checksum over both."""
    text = json.dumps(data, sort_keys=True)
    metadata = {"format": kind, "model": text, "sha256": checksum(arrays, text)}
    return in_order(need("safetensors.numpy").save(arrays, metadata))


def unseal(path: str, kind: str, name: str, remedy: str) -> tuple[dict[str, np.ndarray], dict]:
    """What seal made; UserError when the file is of another kind, broken, or changed in any bit."""
    safetensors = need("safetensors")
    read_file(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"is not {name}, or broken: {error}", path) from None
    if metadata.get("format") != kind:
        raise UserError(f"is a .safetensors file, and not {name} that `tinygrad_c train` wrote", path)
    if metadata.get("sha256") != checksum(arrays, metadata.get("model", "")):
        raise UserError(f"is damaged: its checksum does not match; {remedy}", path)
    return arrays, json.loads(metadata["model"])
