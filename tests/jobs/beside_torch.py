"""One call made in torch and here: torch's arguments turned into ours, its function found here, and the answers compared."""
from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import tinygrad_c
from tinygrad_c._base import missing

DTYPES = {getattr(torch, name): getattr(tinygrad_c, name)
          for name in ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")}
SENTENCES = tuple(words for _, words in missing.LEFT_OUT)
OBJECTS = {torch.strided: tinygrad_c.strided, torch.contiguous_format: tinygrad_c.contiguous_format,
           torch.preserve_format: tinygrad_c.preserve_format}


class LeftOut(Exception):
    """The call asks for what is left out on purpose: complex numbers, half precision, sparse tensors."""


class Differ(Exception):
    """The answers are not the same."""


def refused(error: BaseException) -> bool:
    """Whether the error is one of the clear sentences about what is left out on purpose."""
    return isinstance(error, LeftOut) or any(words in str(error) for words in SENTENCES)


class Ours:
    """Torch's arguments as ours. The same tensor twice is the same tensor here; `pairs` has those that want a gradient."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple] = {}
        self.memory: dict[int, tinygrad_c.Tensor] = {}
        self.pairs: list[tuple[torch.Tensor, tinygrad_c.Tensor]] = []

    def __call__(self, x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            if id(x) not in self.seen:
                self.seen[id(x)] = (x, self.tensor(x))
            return self.seen[id(x)][1]
        if isinstance(x, torch.dtype):
            if x not in DTYPES:
                raise LeftOut(str(x))
            return DTYPES[x]
        if isinstance(x, (torch.layout, torch.memory_format)):
            if x not in OBJECTS:
                raise LeftOut(str(x))
            return OBJECTS[x]
        if isinstance(x, torch.device):
            return str(x)
        if isinstance(x, torch.nn.Module):
            return module(x)
        if isinstance(x, types.FunctionType) and (x.__module__ or "").startswith("torch"):
            return function_here(x) or x
        if isinstance(x, types.BuiltinFunctionType) and getattr(torch, x.__name__, None) is x:
            return getattr(tinygrad_c, x.__name__)
        if isinstance(x, types.BuiltinFunctionType) and getattr(torch.nn.functional, x.__name__, None) is x:
            return getattr(tinygrad_c.nn.functional, x.__name__)
        if isinstance(x, torch.Size):
            return tuple(x)
        if isinstance(x, (list, tuple)):
            return type(x)(map(self, x)) if type(x) in (list, tuple) else type(x)(*map(self, x))
        if isinstance(x, dict):
            return {key: self(value) for key, value in x.items()}
        if isinstance(x, slice):
            return slice(self(x.start), self(x.stop), self(x.step))
        if isinstance(x, (complex, np.complexfloating)):
            raise LeftOut("complex")
        return x

    def tensor(self, x: torch.Tensor) -> tinygrad_c.Tensor:
        if x.dtype not in DTYPES or x.layout is not torch.strided or x.device.type != "cpu":
            raise LeftOut(f"{x.dtype} {x.layout}")
        if x.is_neg() or x._is_zerotensor():
            x = x.resolve_neg().clone()
        a = x.detach()
        if a.is_contiguous() and a.untyped_storage().nbytes() == a.nbytes:
            made = tinygrad_c.from_numpy(a.clone().numpy())
        else:       # a view: the same strides in a copy of the memory behind it; two views of one memory stay that
            key = a.untyped_storage().data_ptr()
            if key not in self.memory:
                whole = torch.empty(0, dtype=a.dtype).set_(a.untyped_storage())
                self.memory[key] = tinygrad_c.from_numpy(whole.clone().numpy())
            made = self.memory[key].as_strided(tuple(a.shape), a.stride(), a.storage_offset())
        if x.requires_grad:
            made.requires_grad_()
            self.pairs.append((x, made))
        return made


def module(x: torch.nn.Module) -> tinygrad_c.nn.Module:
    """A module that is an argument of another: a layer that a stack of them copies, a distance."""
    kind = getattr(tinygrad_c.nn, type(x).__name__)
    if not hasattr(x, "self_attn"):
        return kind()
    made = kind(x.self_attn.embed_dim, x.self_attn.num_heads, x.linear1.out_features, x.dropout.p,
                getattr(x.activation, "__name__", "relu"), x.norm1.eps, x.self_attn.batch_first, x.norm_first,
                bias=x.linear1.bias is not None)
    return made.train(x.training)


def with_ours(f: Any) -> Any:
    """A function of torch's test suite, with this package under the name torch."""
    ours = {**f.__globals__, "torch": tinygrad_c, "F": tinygrad_c.nn.functional, "np": np}
    made = types.FunctionType(f.__code__, ours, f.__name__, f.__defaults__, f.__closure__ and tuple(
        types.CellType(function_here(c.cell_contents) if torchs(c.cell_contents) else c.cell_contents) for c in f.__closure__))
    made.__kwdefaults__ = f.__kwdefaults__
    return made


def torchs(x: Any) -> bool:
    """Whether x is a function of torch's."""
    return isinstance(x, (types.FunctionType, types.BuiltinFunctionType)) and (
        (x.__module__ or "").startswith("torch") or getattr(torch, x.__name__, None) is x)


def by_name(name: str) -> Callable | None:
    """`name` in this package, as torch has it: nn.functional.relu, linalg.det, add; or the method."""
    owner: Any = tinygrad_c
    try:
        for part in name.split("."):
            owner = getattr(owner, part)
    except AttributeError:
        owner = getattr(tinygrad_c.Tensor, name, None)
    return owner if callable(owner) else None


def function_here(f: Any, name: str = "") -> Callable | None:
    """What stands here for the function f of torch's, called `name` there; None if there is none."""
    module = getattr(f, "__module__", None) or ""
    if isinstance(f, types.FunctionType) and "testing" in module:
        return with_ours(f)
    if not name:
        space = module.removeprefix("torch").lstrip(".").replace("_C._", "").replace("functional", "") if (
            module != "torch.nn.functional") else "nn.functional"
        name = f"{space}.{f.__name__}".lstrip(".")
    return by_name(name)


def flat(x: Any) -> list:
    """The leaves of nested lists and tuples."""
    if isinstance(x, dict):
        x = [x[key] for key in sorted(x)]
    return [y for z in x for y in flat(z)] if isinstance(x, (list, tuple)) else [x]


def array(x: Any) -> np.ndarray:
    if isinstance(x, torch.Tensor):
        x = x.detach().resolve_neg()
        x = x.clone() if x._is_zerotensor() else x
    return x.detach().numpy()


def dtype_name(x: Any) -> str:
    return str(x).split(".")[-1]


def same(ours: Any, theirs: Any, what: str = "", values: bool = True, loose: float = 1) -> None:
    """Raises Differ unless the answers are the same: structure, names of fields, dtype, shape, value."""
    fields = [k for k, v in vars(type(theirs)).items() if isinstance(v, types.MemberDescriptorType)] if (
        type(theirs).__module__ == "torch.return_types") else []
    if missing := [k for k in fields if not hasattr(ours, k)]:
        raise Differ(f"{what}: {type(ours).__name__} has no {missing}")
    mine, its = flat(ours), flat(theirs)
    if len(mine) != len(its):
        raise Differ(f"{what}: {len(mine)} results, torch {len(its)}")
    for a, b in zip(mine, its, strict=True):
        if isinstance(b, torch.Tensor) and (b.dtype not in DTYPES or b.layout is not torch.strided):
            raise LeftOut(str(b.dtype))
        if isinstance(b, torch.Tensor) != isinstance(a, tinygrad_c.Tensor):
            raise Differ(f"{what}: {type(a).__name__}, torch {type(b).__name__}")
        if not isinstance(b, torch.Tensor):
            if isinstance(b, torch.dtype):
                a, b = dtype_name(a), dtype_name(b)
            near = a == b or (a != a and b != b) or (isinstance(b, float) and abs(a - b) < 1e-6)
            if values and not (near and (type(a) is type(b) or isinstance(b, torch.Size))):
                raise Differ(f"{what}: {a!r}, torch {b!r}")
            continue
        if DTYPES[b.dtype] is not a.dtype:
            raise Differ(f"{what}: dtype {dtype_name(a.dtype)}, torch {dtype_name(b.dtype)}")
        if tuple(a.shape) != tuple(b.shape):
            raise Differ(f"{what}: shape {tuple(a.shape)}, torch {tuple(b.shape)}")
        if values:
            close(array(a), array(b), what, loose)


def close(a: np.ndarray, b: np.ndarray, what: str, loose: float = 1) -> None:
    if b.dtype.kind != "f":
        good = a == b
    else:
        relative, absolute = (1e-5, 1e-5) if b.dtype == np.float32 else (1e-7, 1e-8)
        with np.errstate(all="ignore"):
            good = (a == b) | (np.abs(a - b) <= loose * (absolute + relative * np.abs(b))) | (np.isnan(a) & np.isnan(b))
            if not good.all() and np.isfinite(b).all():     # sums of large numbers of both signs: by the largest
                good = np.abs(a - b) <= loose * 0.1 * relative * np.abs(b).max()
    if not good.all():
        at = tuple(int(i) for i in np.argwhere(~good)[0])
        raise Differ(f"{what}: {(~good).sum()} of {b.size} differ, at {at} {a[at]!r}, torch {b[at]!r}")


def gradients_agree(ours: Any, theirs: Any, pairs: list, second: bool) -> None:
    """First gradients, and the gradients of those, of all results by all inputs, with the same factors on both sides."""
    results = [(a, b) for a, b in zip(flat(ours), flat(theirs), strict=True)
               if isinstance(b, torch.Tensor) and b.requires_grad and b.numel()]
    if not results or not pairs:
        return
    factors = [torch.linspace(0.5, 1.5, max(b.numel(), 1), dtype=b.dtype)[:b.numel()].reshape(b.shape) for _, b in results]
    ours_of = Ours()
    theirs_v = [f.clone().requires_grad_(second) for f in factors]
    ours_v = [ours_of(v) for v in theirs_v]
    try:
        its = torch.autograd.grad([b for _, b in results], [b for b, _ in pairs], theirs_v, allow_unused=True,
                                  create_graph=second, retain_graph=True)
    except RuntimeError as error:
        if "derivative for" in str(error):      # torch has no gradient of it
            return
        raise
    if lacking := [i for i, (a, _) in enumerate(results) if not a.requires_grad]:
        raise Differ(f"gradient: result {lacking[0]} does not require grad")
    mine = tinygrad_c.autograd.grad([a for a, _ in results], [a for _, a in pairs], ours_v, allow_unused=True,
                                    create_graph=second)
    gradients_same(mine, its, "gradient", 10)
    if not second:
        return
    again = [(a, b) for a, b in zip(mine, its, strict=True) if b is not None and b.requires_grad]
    for a, b in again[:]:
        if a is None or not a.requires_grad:
            of_it = torch.autograd.grad(b, [b for b, _ in pairs] + theirs_v, torch.ones_like(b), allow_unused=True,
                                        retain_graph=True)
            if any(g is not None and array(g).any() for g in of_it):
                raise Differ("second gradient: the gradient does not require grad")
            again.remove((a, b))
    if again:
        weights = [torch.linspace(1.2, 0.4, max(b.numel(), 1), dtype=b.dtype)[:b.numel()].reshape(b.shape) for _, b in again]
        try:
            its = torch.autograd.grad([b for _, b in again], [b for b, _ in pairs] + theirs_v, weights, allow_unused=True)
        except RuntimeError as error:
            if "derivative for" in str(error):      # torch has no second gradient of it
                return
            raise
        mine = tinygrad_c.autograd.grad([a for a, _ in again], [a for _, a in pairs] + ours_v, [Ours()(w) for w in weights],
                                        allow_unused=True)
        gradients_same(mine, its, "second gradient", 100)


def gradients_same(mine: Any, its: Any, what: str, loose: float) -> None:
    """As same(); no gradient and a gradient of zeros are one."""
    for i, (a, b) in enumerate(zip(mine, its, strict=True)):
        if a is None and b is None:
            continue
        if a is None or b is None:
            one = array(b if a is None else a)
            if one.any():
                raise Differ(f"{what} {i}: {'none here' if a is None else 'none in torch'}")
            continue
        same(a, b, f"{what} {i}", loose=loose)
