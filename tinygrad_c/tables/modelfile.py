"""The model file: .safetensors with the encoder and a checksum in its metadata. A changed bit is an error."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_c.serialization.tensorfile import checksum, in_order
from tinygrad_c.tables import legacy
from tinygrad_c.tables.encoder import Encoder
from tinygrad_c.tables.errors import UserError, need
from tinygrad_c.tables.files import read_file
from tinygrad_c.tables.fit import Fitting
from tinygrad_c.tables.model import Group, TableModel

FORMAT = "tinygrad_c table 2"
TRAINING = "tinygrad_c training 2"
TRAINING_OF_0_1_0 = "tinygrad_c training 1"         # written by version 0.1.0, whose training no longer exists
CHECKPOINT = "checkpoint.safetensors"
REMEDY = "train it again or restore the file"


def dump(model: TableModel) -> bytes:
    """The model file's bytes."""
    data = {name: getattr(model, name) for name in ("task", "targets", "classes", "mean", "std", "low", "high", "temperature",
                                                    "facts")}
    data["features"] = model.encoder.to_json()
    data["groups"] = [{"kind": g.kind, "activation": g.activation, "shares": g.shares, "fold": g.fold} for g in model.groups]
    arrays = {f"{i}.{name}": np.ascontiguousarray(a) for i, g in enumerate(model.groups) for name, a in g.arrays.items()}
    return seal(arrays, FORMAT, data)


def load(path: str | Path) -> TableModel | legacy.Model:
    """The model of a file, also of the first format. Raises UserError if it is not a model file, or damaged."""
    arrays, data = unseal(str(path), (FORMAT, legacy.FORMAT), "a model", REMEDY)
    try:
        if "recipe" in data:
            return legacy.build(arrays, data)
        groups = [Group(g["kind"], g["activation"], {}, g["shares"], g["fold"]) for g in data.pop("groups")]
        for key, array in arrays.items():
            i, _, name = key.partition(".")
            groups[int(i)].arrays[name] = array
        return TableModel(encoder=Encoder.from_json(data.pop("features")), groups=groups, **data)
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, AttributeError) as error:
        raise UserError(f"is damaged: {error}", str(path)) from None


def dump_training(fitting: Fitting) -> bytes:
    """A checkpoint: the state of each stage."""
    arrays, stages = {}, []
    for i, trainer in enumerate(fitting.trainers):
        part, data = trainer.dump()
        arrays |= {f"{i}.{name}": np.ascontiguousarray(a) for name, a in part.items()}
        stages.append(data)
    return seal(arrays, TRAINING, {"identity": fitting.identity(), "stages": stages,
                                   "step": sum(s["step"] for s in stages)})


def load_training(fitting: Fitting, path: str | Path) -> int:
    """Restore a checkpoint; returns the steps done. Raises UserError, with nothing changed, if it does not fit."""
    arrays, data = unseal(str(path), (TRAINING, TRAINING_OF_0_1_0), "a checkpoint", "leave out --resume to train anew")
    if "stages" not in data:
        raise UserError("was written by version 0.1.0, which trained another net: leave out --resume to train anew", str(path))
    identity = json.loads(json.dumps(fitting.identity()))
    for name in identity:
        if data["identity"].get(name) != identity[name]:
            raise UserError(f"is of a training with another {name} ({data['identity'].get(name)}, and now "
                            f"{identity[name]}): give what was given then, or leave out --resume", str(path))
    for i, stage in enumerate(data["stages"]):
        prefix = f"{i}."
        trainer = fitting.stage(i)
        if stage["step"] > trainer.plan.steps:
            raise UserError(f"has come to step {stage['step']:,}, and now {trainer.plan.steps:,} are asked for: give --epochs "
                            "as many as then or more", str(path))
        trainer.load({name[len(prefix):]: a for name, a in arrays.items() if name.startswith(prefix)}, stage)
    return int(data["step"])


def seal(arrays: dict[str, np.ndarray], kind: str, data: dict[str, Any]) -> bytes:
    """The bytes of a .safetensors file of arrays and plain data, with a checksum of both."""
    text = json.dumps(data, sort_keys=True)
    metadata = {"format": kind, "model": text, "sha256": checksum(arrays, text)}
    return in_order(need("safetensors.numpy").save(arrays, metadata))


def unseal(path: str, kinds: tuple[str, ...], name: str, remedy: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and data of a file that seal wrote. Raises UserError if it is of another kind or damaged."""
    safetensors = need("safetensors")
    read_file(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"is not {name}, or broken: {error}", path) from None
    if metadata.get("format") not in kinds:
        raise UserError(f"is a .safetensors file, and not {name} that `tinygrad_c train` wrote", path)
    if metadata.get("sha256") != checksum(arrays, metadata.get("model", "")):
        raise UserError(f"is damaged: its checksum does not match; {remedy}", path)
    return arrays, json.loads(metadata["model"])


__all__ = ["CHECKPOINT", "FORMAT", "TRAINING", "dump", "dump_training", "load", "load_training", "seal", "unseal"]
