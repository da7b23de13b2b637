"""What an object holds, as plain data of Python's that can be compared: tensors by their bytes, modules by their weights."""
from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict

import numpy as np

import tinygrad_c as torch

SHORT = 48      # bytes that are written out; more are hashed


def data_of(array: np.ndarray) -> str:
    data = np.ascontiguousarray(array).tobytes()
    return data.hex() if len(data) <= SHORT else "sha256 " + base64.b64encode(hashlib.sha256(data).digest()).decode()


def describe(obj):
    """Public things only: no attribute that begins with an underscore is looked at."""
    if isinstance(obj, torch.Tensor):
        return {"tensor": type(obj).__name__, "dtype": str(obj.dtype), "shape": list(obj.shape), "stride": list(obj.stride()),
                "requires_grad": obj.requires_grad, "data": data_of(obj.detach().numpy()),
                **({"grad": describe(obj.grad)} if obj.is_leaf and obj.grad is not None else {})}
    if isinstance(obj, torch.nn.Module):
        return {"module": type(obj).__name__, "repr": repr(obj), "state": describe(dict(obj.state_dict())),
                "training": [m.training for m in obj.modules()], "names": [name for name, _ in obj.named_modules()],
                "parameters": {name: p.requires_grad for name, p in obj.named_parameters()},
                "shared": len(list(obj.parameters())), "buffers": [name for name, _ in obj.named_buffers()]}
    if isinstance(obj, torch.optim.Optimizer):
        return {"optimizer": type(obj).__name__, "repr": repr(obj), "state": describe(obj.state_dict()),
                "parameters": [describe(p) for group in obj.param_groups for p in group["params"]]}
    if isinstance(obj, torch.optim.lr_scheduler.LRScheduler):
        return {"scheduler": type(obj).__name__, "lr": obj.get_last_lr(), "epoch": getattr(obj, "last_epoch", None),     # ChainedScheduler has none
                "optimizer": describe(getattr(obj, "optimizer", None))}
    if isinstance(obj, torch.distributions.Distribution):
        return {"distribution": type(obj).__name__, "batch": list(obj.batch_shape), "event": list(obj.event_shape),
                "parameters": {name: describe(getattr(obj, name)) for name in sorted(obj.arg_constraints) if name in vars(obj)}}
    if isinstance(obj, torch.utils.data.DataLoader):
        torch.manual_seed(5)
        return {"loader": len(obj), "batches": describe(list(obj))}
    if isinstance(obj, torch.utils.data.Dataset):
        return {"dataset": type(obj).__name__, "items": [describe(obj[i]) for i in range(len(obj))]}
    if isinstance(obj, np.ndarray):
        return {"array": str(obj.dtype), "shape": list(obj.shape), "data": data_of(obj)}
    if isinstance(obj, np.generic):
        return {"number": str(obj.dtype), "value": obj.item().hex() if isinstance(obj.item(), float) else obj.item()}
    if isinstance(obj, float):
        return {"float": obj.hex()}
    if obj is None or isinstance(obj, (bool, int, str)):
        return obj
    if isinstance(obj, bytes):
        return {"bytes": obj.hex()}
    if isinstance(obj, dict):
        return {"dict" if not isinstance(obj, OrderedDict) else "OrderedDict": [[describe(k), describe(v)] for k, v in obj.items()]}
    if isinstance(obj, (set, frozenset)):
        return {type(obj).__name__: sorted(map(str, obj))}
    if isinstance(obj, (list, tuple)):
        return {type(obj).__name__: [describe(each) for each in obj]}
    return {"other": type(obj).__name__, "repr": repr(obj)}
