"""Import paths of torch that have no file here: torch.nn.modules.conv, torch.distributions.normal, torch.optim.adamw.

Importing one gives a module that finds the names in our modules. Importing a part of torch that is not supported raises an
error with the reason.
"""
from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from tinygrad_c._base.lazy import load
from tinygrad_c._base.missing import sentence, unknown

PACKAGE = __name__.partition(".")[0]
# torch's module: our modules with its names, tried in this order, and `: names` if it has only these. A name that ends in a dot
# means all modules in it.
TORCH_MODULES = {
    "nn.modules": "nn", "nn.modules.": "nn", "nn.modules.batchnorm": "nn nn.norm", "nn.modules.conv": "nn nn.conv",
    "nn.modules.loss": "nn nn.loss", "nn.modules.module": "nn nn.module nn.state nn.global_hooks",
    "nn.modules.utils": "torch_compat.import_aliases",
    "nn.modules.rnn": "nn nn.recurrent", "nn.modules.lazy": "nn nn.lazy",
    "nn.modules.activation": "nn nn.attention", "nn.modules.instancenorm": "nn nn.norm",
    "nn.utils.clip_grad": "nn.utils", "nn.utils.convert_parameters": "nn.utils", "nn.utils.weight_norm": "nn.utils",
    "nn.utils.spectral_norm": "nn.utils", "optim.adamw": "optim", "optim.nadam": "optim", "optim.radam": "optim",
    "optim.asgd": "optim", "utils.data._utils": "utils.data", "utils.data._utils.collate": "utils.data",
    "autograd.grad_mode": "autograd: enable_grad inference_mode no_grad set_grad_enabled",
    "autograd.variable": "autograd: Variable", "autograd.gradcheck": "autograd", "distributions.": "distributions",
    "distributions.relaxed_bernoulli": "distributions distributions.relaxed",
    "distributions.relaxed_categorical": "distributions distributions.relaxed",
    "types": "", "amp.autocast_mode": "amp", "amp.grad_scaler": "amp",
}
# Folder: the public paths of its modules, and those of version 0.1.0. `old=new`: the name changed too.
MOVED = {
    "_base": "version devices=device notices=warn absent=missing ops.doors=public",
    "kernels.runtime": "kernels.dispatch kernels.memory kernels.threads",
    "kernels.portable": "kernels.generic kernels.integers kernels.gather kernels.philox kernels.window=unfold",
    "kernels.matmul": "kernels.gemm",
    "core": "array tape slots=type_slots",
    "ops.elementwise": "ops.operators ops.blend=composed ops.logic ops.parts",
    "ops.matmul": "ops.products=composed ops.einsum",
    "ops.reduce": "ops.softmax ops.scan ops.statistics ops.gradient",
    "ops.sorting": "ops.order ops.histogram",
    "ops.shape": "ops.view ops.join ops.rearrange ops.diagonals ops.reshape_inplace",
    "ops.indexing": "ops.index ops.write ops.batch=index",
    "ops.create": "ops.create_rare=rare ops.kinds=dtypes",
    "ops.random": "ops.draws=numpy_samplers",
    "ops.conv": "ops.window=unfold",
    "ops.optim_steps": "ops.update",
    "_tensor": "tensor printing methods.convert methods.index methods.interchange methods.matrix methods.pointwise "
               "methods.random methods.reduce methods.shape methods.rare=lazy_methods",
    "": "methods=_tensor",
    "tables": "cli.checkpoint=modelfile cli.encode=encoder cli.model=modelfile cli.plan cli.score=scores cli.table=read",
    "torch_compat": "compat=switches places=import_aliases amp jit testing random config backends cuda accelerator compiler "
                    "multiprocessing",
    "torch_compat.backends": "backends.cudnn",
    "torch_compat.cuda": "cuda.amp",
}
ALIASES = {old: f"{folder}.{new or old.rpartition('.')[2]}".lstrip(".") for folder, names in MOVED.items()
           for old, _, new in (name.partition("=") for name in names.split())}
# Public functions that moved to another module since then. Pickles import them by the old path.
MOVED_FUNCTIONS = {"ops.index": {"one_hot": "ops.create.create.one_hot"}, "compat": {"compile": "programs.compiler.compile"}}
PARTS_OF_NN = frozenset((
    "activation", "adaptive", "batchnorm", "channelshuffle", "container", "conv", "distance", "dropout", "flatten", "fold",
    "instancenorm", "lazy", "linear", "loss", "module", "normalization", "padding", "pixelshuffle", "pooling", "rnn", "sparse",
    "transformer", "upsampling", "utils"))
FUNCTIONS = ("weight_norm", "spectral_norm", "gradcheck")
OTHER_NAMES = {"_ConvNd": "_Conv", "_ConvTransposeNd": "_ConvTranspose", "_NormBase": "_Running", "Device": "device"}


class AliasModule(ModuleType):
    """A module that looks up its names in other modules. It is callable if torch has a function of its name (gradcheck)."""

    def __getattr__(self, name: str) -> Any:
        if name == self.__name__.rpartition(".")[2] and self._function is not None:
            return self._function
        if not name.startswith("__"):
            for where in self._where:
                module = import_module(where)
                for each in (name, OTHER_NAMES.get(name, name)):
                    try:
                        return getattr(module, each)
                    except AttributeError:
                        pass
        raise unknown(self.__name__, name, vars(import_module(self._where[0])))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)


def _is_part(folder: str, name: str) -> bool:
    """Whether torch has a module `name` in nn.modules or distributions, where modules have the names of classes."""
    if folder == "nn.modules":
        return name in PARTS_OF_NN
    if folder != "distributions":
        return False
    classes = {each.lower() for each in import_module(f"{PACKAGE}.distributions").__all__}
    return name.replace("_", "").lower() in classes


class MovedFinder:
    """First on sys.meta_path: importing an old path gives the module at its new path, the same object."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, old = name.partition(".")
        return ModuleSpec(name, MovedFinder) if package == PACKAGE and old in ALIASES else None

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        return None

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        old = module.__name__.partition(".")[2]
        moved = sys.modules[module.__name__] = import_module(f"{PACKAGE}.{ALIASES[old]}")
        for name, home in MOVED_FUNCTIONS.get(old, {}).items():
            setattr(moved, name, load(home.rpartition(".")[0], name))


class Finder:
    """Last on sys.meta_path: torch's import paths that have no file here."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, inner = name.partition(".")
        if package != PACKAGE or not inner:
            return None
        where = TORCH_MODULES.get(inner)
        if where is None and _is_part(*inner.rpartition(".")[::2]):
            where = TORCH_MODULES[inner.rpartition(".")[0] + "."]
        if where is not None:
            spec = ModuleSpec(name, Finder, is_package=True)
            modules, _, names = where.partition(": ")
            spec.loader_state = [f"{PACKAGE}.{each}" if each else PACKAGE for each in modules.split(" ")], names.split()
            return spec
        words = sentence(inner.split(".")[-1]) or sentence(inner.split(".")[0])
        if words and not inner.startswith("kernels."):
            raise ModuleNotFoundError(f"No module named {name!r}: {words}", name=name)
        return None

    @staticmethod
    def create_module(spec: ModuleSpec) -> AliasModule:
        where, names = spec.loader_state
        alias = AliasModule(spec.name, f"The names of torch's module, from {' and '.join(where)}.")
        outer, _, own = spec.name.rpartition(".")
        alias._where = where
        if names:
            alias.__all__ = names
            alias.__dir__ = lambda: sorted(names)
        # The import binds this module to its name in the parent: keep the function that was there.
        alias._function = getattr(import_module(outer), own) if own in FUNCTIONS else None
        return alias

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        pass


def _ntuple(n: int) -> Any:
    """A function that repeats a number n times, and converts an iterable to a tuple."""
    return lambda x: tuple(x) if hasattr(x, "__iter__") else (x,) * n


_single, _pair, _triple, _quadruple = (_ntuple(n) for n in (1, 2, 3, 4))


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Remove the prefix from the names in a state dict that begin with it, in place: "module." of DataParallel's files.

    >>> state = {"module.weight": 1, "step": 2}
    >>> consume_prefix_in_state_dict_if_present(state, "module.")
    >>> state
    {'step': 2, 'weight': 1}
    """
    for name in [name for name in state_dict if name.startswith(prefix)]:
        state_dict[name[len(prefix):]] = state_dict.pop(name)
    versions = getattr(state_dict, "_metadata", {})
    for name in list(versions):
        if name and (name.startswith(prefix) or name == prefix.replace(".", "")):
            versions[name[len(prefix):]] = versions.pop(name)


def install() -> None:
    """Add the finders to sys.meta_path, once."""
    if not any(getattr(each, "__name__", "") == "Finder" and each.__module__ == __name__ for each in sys.meta_path):
        sys.meta_path.append(Finder)
        sys.meta_path.insert(0, MovedFinder)
        sys.modules[f"{PACKAGE}.tensor"] = sys.modules[f"{PACKAGE}._tensor.tensor"]   # as attribute: the function
