"""Records what a version is for its users: modules, names, signatures, files and pickles. test_compatibility.py asks for them again.

    python tests/compatibility/record.py        with the version to be recorded installed, from a folder other than the sources

paths.json and recorded.zip.xz are of commit 46f10f6 (Python 3.11, x86-64, NumPy 2.4): they stay as they are, so that later
versions are held to them. Record anew only what is added on purpose, and never to make a test pass.

    paths.json      modules: every module that can be imported, public or internal (a user is not promised the internal ones:
                        they are there for old pickles and for the curious), with its names; for public modules those of __all__
                        or dir(), and the documented ones of torch's that it has; for internal ones those that are defined there
                    aliases: torch's modules that import_aliases finds here, and the modules whose names each must have
                    attributes: of public classes, without those of their public bases
    recorded.zip.xz signatures.json, references.json (functions, classes, methods: a public path and its pickle),
                    saved/ (files of save()), pickles/NAME.PROTOCOL, tensors as base, expected.json (describing.describe of each),
                    cli/ (a model, a checkpoint, its table and what came of them)
"""
from __future__ import annotations

import copy
import importlib
import inspect
import io
import json
import lzma
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import recorded_nets  # noqa: E402
from describing import describe  # noqa: E402

import tinygrad_c as torch  # noqa: E402
from tinygrad_c import nn, optim  # noqa: E402

COMMIT = "46f10f6"
OPTIMIZERS = "adadelta adafactor adagrad adam adamax lbfgs optimizer rmsprop rprop sgd"
DTYPES = "float32 float64 int64 int32 uint8 bool"
NN_MODULES = ("activation adaptive batchnorm channelshuffle container conv distance dropout embedding flatten fold instancenorm lazy linear loss "
              "module normalization padding pixelshuffle pooling rnn sparse transformer upsampling utils _functions")
DISTRIBUTIONS = ("bernoulli beta binomial categorical cauchy chi2 dirichlet exp_family exponential fishersnedecor gamma geometric gumbel half_cauchy "
                 "half_normal independent inverse_gamma kumaraswamy laplace lkj_cholesky log_normal logistic_normal lowrank_multivariate_normal "
                 "mixture_same_family multinomial multivariate_normal negative_binomial normal one_hot_categorical pareto poisson relaxed_bernoulli "
                 "relaxed_categorical studentT transformed_distribution uniform utils von_mises weibull wishart constraint_registry")
# Without __all__, and public all the same: torch has modules of these names.
PUBLIC = {"", "version", "nn.parameter", "utils.data.dataset", "utils.data.dataloader", "utils.data.sampler", "cli.main",
          *(f"optim.{name}" for name in OPTIMIZERS.split())}
# With __all__, and internal: torch has none of these.
INTERNAL = {"autograd.checks", "distributions.continuous", "distributions.discrete", "distributions.mixture", "distributions.multivariate",
            "distributions.transformed", "linalg.torch_names", "nn.functional.embeddings", "nn.functional.linear"}
NEEDS = {"cli": "pandas matplotlib safetensors tqdm", "utils.tensorboard": "matplotlib"}
# torch's modules that are no files here. nn.modules.* and distributions.* are patterns: these are torch's own.
ALIASES = {
    "nn.modules": "nn", **{f"nn.modules.{name}": "nn" for name in NN_MODULES.split()},
    "nn.utils.clip_grad": "nn.utils", "nn.utils.convert_parameters": "nn.utils", "nn.utils.weight_norm": "nn.utils",
    "nn.utils.spectral_norm": "nn.utils", "optim.adamw": "optim", "optim.nadam": "optim", "optim.radam": "optim", "optim.asgd": "optim",
    "utils.data._utils": "utils.data", "utils.data._utils.collate": "utils.data", "autograd.variable": "autograd",
    "autograd.gradcheck": "autograd", "types": "",
    **{f"distributions.{name}": "distributions" for name in DISTRIBUTIONS.split()},
}
PRIVATE = {"nn.modules.batchnorm": "_BatchNorm _NormBase", "nn.modules.conv": "_ConvNd _ConvTransposeNd", "nn.modules.loss": "_Loss _WeightedLoss",
           "nn.modules.utils": "_single _pair _triple _quadruple _ntuple", "optim.lr_scheduler": "_LRScheduler", "types": "Device",
           "nn.modules.module": "_IncompatibleKeys", "nn.modules.instancenorm": "_InstanceNorm", "nn.modules.dropout": "_DropoutNd",
           "nn.modules.pooling": "_MaxPoolNd", "nn.modules.activation": "MultiheadAttention"}


# Of public classes, without an underscore, and not torch's: the tape's and the modes' own.
NOT_PROMISED = {"tinygrad_c.autograd.function.FunctionCtx": "called release run", "tinygrad_c.dtype": "code",
                **dict.fromkeys((f"tinygrad_c.{name}" for name in ("enable_grad", "no_grad", "set_grad_enabled", "inference_mode")), "mode switch")}


def full(module: str) -> str:
    return f"tinygrad_c.{module}" if module else "tinygrad_c"


# ---- Modules, names, signatures

def files() -> dict[str, bool]:
    """module: is it compiled, from what is installed."""
    root, found = Path(torch.__file__).parent, {}
    for path in root.rglob("*"):
        if path.suffix in (".py", ".so") and "__pycache__" not in path.parts:
            name = ".".join([*path.relative_to(root).parts[:-1], path.name.partition(".")[0]])
            found[name.removesuffix("__init__").removesuffix(".")] = path.suffix == ".so"
    return dict(sorted(found.items()))


def documented() -> dict[str, list[str]]:
    """The names of torch's documentation, by module, from docs/torch_names.txt."""
    found, space = {}, ""
    for line in (HERE.parent.parent / "docs/torch_names.txt").read_text().splitlines():
        if line.startswith("["):
            space = line.strip("[]")
        elif line and not line.startswith("#"):
            found.setdefault("" if space == "torch" else space, []).extend(line.split())
    return found


def has(owner: object, name: str) -> bool:
    try:
        getattr(owner, name)
    except (AttributeError, ImportError):
        return False
    return True


def modules() -> tuple[dict, dict]:
    rows, signatures = {}, {}
    known = documented()
    for name, compiled in files().items():
        if name.endswith("__main__"):
            continue
        module = importlib.import_module(full(name))
        public = (hasattr(module, "__all__") or name in PUBLIC) and name not in INTERNAL
        if public and (hasattr(module, "__all__") or name == ""):
            names = {n for n in [*dir(module), *known.get(name, [])] if not n.startswith("_") and has(module, n)}
            if not ("__dir__" in vars(module) or name == ""):
                names = set(module.__all__) | {n for n in known.get(name, []) if has(module, n)}
        else:
            names = {n for n, value in vars(module).items() if not n.startswith("_") and n not in ("annotations", "TYPE_CHECKING")
                     and (getattr(value, "__module__", None) == full(name)
                          or isinstance(value, (int, float, str, tuple, list, dict, set, frozenset)))}
        if name in ("", "version"):
            names.add("__version__")
        listed = {*dir(module), *getattr(module, "__all__", [])} if name == "" or hasattr(module, "__all__") else set()
        rows[name] = {"public": public, **({"compiled": True} if compiled else {}), "names": sorted(names)}
        if public and names - listed:
            rows[name]["unlisted"] = sorted(names - listed)     # found by name only
        for key in ("cli", "utils.tensorboard"):
            if name == key or name.startswith(key + "."):
                rows[name]["needs"] = NEEDS[key]
        if public:
            for n in sorted(names):
                text = signature(getattr(module, n))
                if text:
                    signatures[f"{full(name)}.{n}"] = text
    return rows, signatures


def signature(value: object) -> str | None:
    """Parameters and defaults, without annotations."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    text = str(found.replace(parameters=[p.replace(annotation=p.empty) for p in found.parameters.values()], return_annotation=found.empty))
    return text if " at 0x" not in text else None


def classes(rows: dict) -> dict[str, type]:
    """Public classes by a public path, each once."""
    found, seen = {}, set()
    for name, row in sorted(rows.items(), key=lambda item: item[0].count(".")):
        if row["public"]:
            for n in row["names"]:
                value = getattr(importlib.import_module(full(name)), n)
                if isinstance(value, type) and value.__module__.startswith("tinygrad_c") and value not in seen:
                    seen.add(value)
                    found[f"{full(name)}.{n}"] = value
    return found


def attributes(found: dict[str, type]) -> dict[str, list[str]]:
    public = set(found.values())
    rows = {}
    for path, cls in found.items():
        bases = [base for base in cls.__mro__[1:] if base in public or not base.__module__.startswith("tinygrad_c")]
        theirs = {n for base in bases for n in dir(base)}
        own = {n for n in dir(cls) if not n.startswith("_") and n not in theirs}
        own |= {n for n in dir(cls) if n.startswith("__") and n.endswith("__") and n not in theirs
                and n not in ("__dict__", "__weakref__", "__module__", "__slots__", "__annotations__", "__abstractmethods__", "__parameters__",
                              "__orig_bases__", "__pyx_vtable__", "__setstate_cython__", "__reduce_cython__")}
        rows[path] = sorted(own - set(NOT_PROMISED.get(path, "").split()))
    return {**rows, "tinygrad_c.Tensor": sorted({*rows["tinygrad_c.Tensor"], *(n for n in documented()["Tensor"] if has(torch.Tensor, n))})}


def aliases(rows: dict) -> dict:
    found = {}
    for name, where in ALIASES.items():
        if name in rows:
            continue
        module = importlib.import_module(full(name))
        if name == "nn.modules.utils":      # torch's helpers, no layers
            where = None
        missing = [n for n in rows[where]["names"] if not (n.startswith("__") or has(module, n))] if where is not None else []
        assert not missing, (name, missing)
        found[name] = {"names_of": where, "also": [n for n in PRIVATE.get(name, "").split() if has(module, n)]}
    return found


def references(rows: dict, found: dict[str, type]) -> dict[str, list]:
    """public path: its pickle at protocol 2 (4 for methods), as text, and whether loading it gives the very object."""
    table = {}

    def add(path, value, protocol):
        try:
            data = pickle.dumps(value, protocol)
            same = pickle.loads(data) is value
        except (pickle.PicklingError, TypeError, AttributeError):
            return
        if same or protocol == 4:
            table[path] = [data.decode("latin-1"), same]
    for name, row in rows.items():
        if row["public"]:
            for n in row["names"]:
                value = getattr(importlib.import_module(full(name)), n)
                if callable(value):
                    add(f"{full(name)}.{n}", value, 2)
    for path in ("tinygrad_c.Tensor", "tinygrad_c.nn.Module", "tinygrad_c.optim.Optimizer"):
        for n in dir(found[path]):
            if not n.startswith("_") and callable(getattr(found[path], n)):
                add(f"{path}.{n}", getattr(found[path], n), 4)
    return table


# ---- Objects

def trained(net, loss_of, optimizer, steps=3):
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(net).backward()
        optimizer.step()
    return net


def layers() -> dict:
    """name: (module, input); the output is recorded too."""
    x, images, words = torch.randn(4, 6), torch.randn(2, 4, 6, 6), torch.randint(0, 7, (3, 5))
    series = torch.randn(2, 4, 9)
    rows = {
        "Linear": (nn.Linear(6, 3), x), "Bilinear": (nn.Bilinear(6, 6, 2), (x, x)), "Conv1d": (nn.Conv1d(4, 3, 3, padding="same"), series),
        "Conv2d": (nn.Conv2d(4, 6, (3, 2), stride=2, groups=2), images), "Conv3d": (nn.Conv3d(1, 2, 2), torch.randn(1, 1, 3, 3, 3)),
        "ConvTranspose2d": (nn.ConvTranspose2d(4, 2, 3, stride=2), images), "BatchNorm1d": (nn.BatchNorm1d(6), x),
        "BatchNorm2d": (nn.BatchNorm2d(4), images), "LayerNorm": (nn.LayerNorm(6), x), "GroupNorm": (nn.GroupNorm(2, 4), images),
        "RMSNorm": (nn.RMSNorm(6), x), "InstanceNorm2d": (nn.InstanceNorm2d(4, affine=True, track_running_stats=True), images),
        "LocalResponseNorm": (nn.LocalResponseNorm(2), images), "Embedding": (nn.Embedding(7, 3, max_norm=1.0), words),
        "EmbeddingBag": (nn.EmbeddingBag(7, 3, mode="sum"), words), "RNN": (nn.RNN(6, 4, batch_first=True), x[None]),
        "LSTM": (nn.LSTM(6, 4, num_layers=2, bidirectional=True), x[None]), "GRU": (nn.GRU(6, 4, dropout=0.1, num_layers=2), x[None]),
        "LSTMCell": (nn.LSTMCell(6, 4), x), "GRUCell": (nn.GRUCell(6, 4), x), "RNNCell": (nn.RNNCell(6, 4), x),
        "MultiheadAttention": (nn.MultiheadAttention(6, 2), (x, x, x)), "PReLU": (nn.PReLU(4), images), "Softmax": (nn.Softmax(1), x),
        "TransformerEncoderLayer": (nn.TransformerEncoderLayer(6, 2, 8, batch_first=True), x[None]),
        "TransformerEncoder": (nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 8), 2), x[None]),
        "TransformerDecoderLayer": (nn.TransformerDecoderLayer(6, 2, 8), (x[None], x[None])), "Dropout": (nn.Dropout(0.4), x),
        "Flatten": (nn.Flatten(), images), "Unflatten": (nn.Unflatten(1, (2, 3)), x), "Upsample": (nn.Upsample(scale_factor=2), images),
        "AvgPool2d": (nn.AvgPool2d(2), images), "AdaptiveAvgPool2d": (nn.AdaptiveAvgPool2d((2, 3)), images), "Fold": (nn.Fold((4, 4), 2), torch.randn(1, 4, 9)),
        "PixelShuffle": (nn.PixelShuffle(2), images), "ReflectionPad2d": (nn.ReflectionPad2d(1), images), "Softplus": (nn.Softplus(2.0), x),
        "CosineSimilarity": (nn.CosineSimilarity(), (x, x + 1)), "Identity": (nn.Identity(), x), "LazyLinear": (nn.LazyLinear(2), None),
        "Sequential": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Dropout(0.1), nn.Linear(5, 2)), x),
        "Sequential_of_Linear_ReLU": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 2)), x),
        "ModuleList": (nn.ModuleList([nn.Linear(2, 2), nn.GELU()]), None), "ModuleDict": (nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.ELU()}), None),
        "ParameterList": (nn.ParameterList([nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(1))]), None),
        "ParameterDict": (nn.ParameterDict({"w": nn.Parameter(torch.ones(2))}), None),
        "double": (nn.Linear(6, 3).double(), x.double()),
        "frozen": (nn.Linear(6, 3).requires_grad_(False), x), "Classifier": (recorded_nets.Classifier(), torch.randn(3, 1, 4, 4)),
        "Words": (recorded_nets.Words(), words), "CrossEntropyLoss": (nn.CrossEntropyLoss(weight=torch.rand(6), label_smoothing=0.1), (x, torch.tensor([0, 1, 5, 2]))),
        "MSELoss": (nn.MSELoss(reduction="sum"), (x, x * 2)), "HuberLoss": (nn.HuberLoss(delta=0.3), (x, x * 2)),
        "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss(pos_weight=torch.rand(6)), (x, x.sigmoid())), "TripletMarginLoss": (nn.TripletMarginLoss(), (x, x + 1, x * 2)),
    }
    for i, name in enumerate(("BatchNorm1d", "Sequential", "Classifier")):
        net, given = rows[name]
        trained(net, lambda net: net(given).square().sum(), optim.SGD(net.parameters(), lr=0.01 * (i + 1)))
    for name, (module, _) in rows.items():
        if name not in ("Dropout", "Linear"):       # two that are left training
            module.eval()
    return rows


def outputs(module, given):
    """Numbers of an output, to be compared within a tolerance: the bits depend on the processor."""
    given = given if isinstance(given, tuple) else (given,)
    result = module(*given)
    while isinstance(result, tuple):
        result = result[0]
    return result.detach().double().flatten()[:64].tolist()


def optimizers() -> dict:
    made = {}
    for name, options in {"SGD": {"momentum": 0.9, "nesterov": True}, "Adam": {"amsgrad": True}, "AdamW": {}, "Adamax": {}, "NAdam": {}, "RAdam": {},
                          "Adagrad": {}, "Adadelta": {}, "ASGD": {}, "RMSprop": {"centered": True, "momentum": 0.1}, "Rprop": {}, "Adafactor": {},
                          "LBFGS": {}, "Muon": {}}.items():
        net = nn.Linear(3, 2, bias=name != "Muon")
        x = torch.randn(5, 3)
        opt = getattr(optim, name)(net.parameters(), lr=0.05, **options)

        def closure():
            opt.zero_grad()
            loss = net(x).square().sum()
            loss.backward()
            return loss
        for _ in range(3):
            opt.step(closure)
        made[name] = opt
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    made["groups"] = optim.AdamW([{"params": net[0].parameters(), "lr": 0.1}, {"params": net[1].parameters(), "weight_decay": 0.0}], lr=0.01)
    return made


def schedulers() -> dict:
    S, made = optim.lr_scheduler, {}
    for name, make in {
            "StepLR": lambda o: S.StepLR(o, 2), "MultiStepLR": lambda o: S.MultiStepLR(o, [1, 3]), "ExponentialLR": lambda o: S.ExponentialLR(o, 0.9),
            "CosineAnnealingLR": lambda o: S.CosineAnnealingLR(o, 7), "CosineAnnealingWarmRestarts": lambda o: S.CosineAnnealingWarmRestarts(o, 3),
            "LinearLR": lambda o: S.LinearLR(o), "ConstantLR": lambda o: S.ConstantLR(o), "PolynomialLR": lambda o: S.PolynomialLR(o),
            "OneCycleLR": lambda o: S.OneCycleLR(o, 0.5, 20), "CyclicLR": lambda o: S.CyclicLR(o, 0.01, 0.1), "ReduceLROnPlateau": lambda o: S.ReduceLROnPlateau(o),
            "LambdaLR": lambda o: S.LambdaLR(o, recorded_nets.halve), "MultiplicativeLR": lambda o: S.MultiplicativeLR(o, recorded_nets.halve),
            "SequentialLR": lambda o: S.SequentialLR(o, [S.ConstantLR(o), S.ExponentialLR(o, 0.9)], [2]),
            "ChainedScheduler": lambda o: S.ChainedScheduler([S.ConstantLR(o), S.ExponentialLR(o, 0.9)])}.items():
        net = nn.Linear(2, 1)
        net(torch.ones(3, 2)).sum().backward()
        opt = optim.SGD(net.parameters(), lr=0.1, momentum=0.5)
        scheduler = make(opt)
        for _ in range(4):
            opt.step()
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
        made[name] = scheduler
    return made


def objects() -> dict:
    """What is pickled, beside layers."""
    torch.manual_seed(3)
    D, data = torch.distributions, torch.utils.data
    whole = torch.arange(12.0).reshape(3, 4)
    leaf = torch.tensor([1.0, 2.0], requires_grad=True)
    (leaf * leaf).sum().backward()
    set_ = data.TensorDataset(torch.arange(6.0).reshape(3, 2), torch.tensor([1, 0, 2]))
    made = {f"tensor_{dtype}": torch.tensor([[0, 1, 2], [3, 4, 5]], dtype=getattr(torch, dtype)) for dtype in DTYPES.split()}
    made |= {
        "tensor_0d": torch.tensor(2.5), "tensor_empty": torch.zeros(2, 0, 3), "tensor_view": whole[1:, ::2], "tensor_transposed": whole.t(),
        "tensor_expanded": torch.ones(1, 3).expand(2, 3), "tensor_leaf_with_grad": leaf, "tensor_requires_grad": torch.ones(2, requires_grad=True),
        "tensor_large": torch.randn(500), "tensor_subclass": torch.ones(2).as_subclass(recorded_nets.Marked),
        "tensors_shared": {"whole": whole, "row": whole[0], "again": whole}, "parameter": nn.Parameter(torch.ones(3)),
        "parameter_frozen": nn.Parameter(torch.ones(3), requires_grad=False), "buffer": nn.Buffer(torch.ones(2)), "size": whole.shape,
        "dtypes": [torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool], "device": torch.device("cpu"),
        "formats": [torch.preserve_format, torch.contiguous_format, torch.channels_last, torch.strided], "infos": [torch.finfo(torch.float32), torch.iinfo(torch.int64)],
        "generator_state": [torch.Generator().manual_seed(4).get_state(), torch.get_rng_state()], "sorted": whole.sort(0), "maximum": whole.max(1),
        "unique": whole.unique(return_counts=True), "svd": torch.linalg.qr(whole), "packed": nn.utils.rnn.pack_padded_sequence(whole[:, :, None], [4, 2, 1], batch_first=True),
        "state_dict": nn.BatchNorm1d(3).state_dict(), "nested": {"a": [torch.ones(1), (torch.zeros(1), {"b": torch.Size([3])})]},
        "TensorDataset": set_, "Subset": data.Subset(set_, [2, 0]), "ConcatDataset": data.ConcatDataset([set_, set_]), "Rows": recorded_nets.Rows(),
        "DataLoader": data.DataLoader(set_, batch_size=2), "DataLoader_shuffled": data.DataLoader(recorded_nets.Rows(), batch_size=2, shuffle=True),
        "AveragedModel": optim.swa_utils.AveragedModel(nn.Linear(2, 1)),
        "GradScaler": torch.amp.GradScaler("cpu", enabled=False).state_dict(),
    }
    made |= {f"distribution_{name}": make() for name, make in {
        "Normal": lambda: D.Normal(torch.zeros(2), torch.ones(2)), "Categorical": lambda: D.Categorical(logits=torch.tensor([0.1, 0.5, 0.2])),
        "Bernoulli": lambda: D.Bernoulli(torch.tensor([0.3])), "Beta": lambda: D.Beta(torch.ones(2), torch.ones(2) * 2), "Gamma": lambda: D.Gamma(torch.ones(2), torch.ones(2)),
        "Uniform": lambda: D.Uniform(torch.zeros(1), torch.ones(1)), "Independent": lambda: D.Independent(D.Normal(torch.zeros(2), torch.ones(2)), 1),
        "MultivariateNormal": lambda: D.MultivariateNormal(torch.zeros(2), torch.eye(2)), "Dirichlet": lambda: D.Dirichlet(torch.ones(3)),
        "LogNormal": lambda: D.LogNormal(torch.zeros(1), torch.ones(1)), "Poisson": lambda: D.Poisson(torch.ones(2)), "StudentT": lambda: D.StudentT(torch.ones(2) * 3),
        "Mixture": lambda: D.MixtureSameFamily(D.Categorical(torch.ones(2)), D.Normal(torch.zeros(2), torch.ones(2))),
    }.items()}
    made |= {f"optimizer_{name}": opt for name, opt in optimizers().items()}
    made |= {f"optimizer_state_{name}": opt.state_dict() for name, opt in optimizers().items()}
    made |= {f"scheduler_{name}": each for name, each in schedulers().items()}
    made |= {f"scheduler_state_{name}": each.state_dict() for name, each in schedulers().items()}
    return made


def saved(made: dict) -> dict:
    """What save() writes: name of the file, object."""
    net = recorded_nets.Classifier()
    whole = torch.arange(12.0).reshape(3, 4)
    return {
        "state_dict.pt": net.state_dict(), "checkpoint.pt": {"model": net.state_dict(), "optimizer": optimizers()["Adam"].state_dict(), "epoch": 3, "loss": 0.125,
                                                            "scheduler": schedulers()["StepLR"].state_dict(), "rng": torch.get_rng_state()},
        "plain.pt": {"int": 3, "large": 2**80, "float": 0.1, "none": None, "flags": [True, False], "text": "wörter", "bytes": b"\0\xff", "tuple": (1, (2,)), "set": {5}},
        "tensors.pt": [made[name] for name in made if name.startswith("tensor_") and name not in ("tensor_subclass", "tensor_leaf_with_grad")],
        "shared.pt": {"whole": whole, "row": whole[1], "turned": whole.t(), "odd": whole[:, 1::2]}, "parameter.pt": nn.Parameter(torch.ones(2)),
        "words.pt": {"size": whole.shape, "dtype": torch.float64, "device": torch.device("cpu")},
        "state_dict.safetensors": net.state_dict(), "dtypes.safetensors": {name[7:]: made[name] for name in made if name.startswith("tensor_") and made[name].ndim == 2
                                                                          and made[name].numel() == 6 and made[name].is_contiguous()},
        **{f"optimizer_{name}.pt": opt.state_dict() for name, opt in optimizers().items()},
    }


def command_line(folder: Path) -> dict[str, bytes | str]:
    """A model and predictions of it; a checkpoint of a training that was killed, and the model that it would have come to."""
    rng = np.random.default_rng(0)
    rows = ["area,city,rooms,price"]
    for _ in range(60):
        area, city = rng.uniform(20, 200), rng.choice(["Oslo", "Rome"])
        rows.append(f"{area:.2f},{city},{rng.integers(1, 6)},{1000 * area + 50000 * (city == 'Oslo') + rng.normal(0, 500):.2f}")
    (folder / "homes.csv").write_text("\n".join(rows) + "\n")
    command = [sys.executable, "-m", "tinygrad_c"]
    train = [*command, "train", "homes.csv", "--hidden", "8", "--epochs", "40", "--threads", "1", "--checkpoint-every", "0"]

    def run(*argv):
        return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout
    run(*train, "--out", "whole")
    process = subprocess.Popen([*train, "--out", "stopped"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (folder / "stopped/checkpoint.safetensors").exists():
        time.sleep(0.002)
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    new = "\n".join(row.rpartition(",")[0] for row in rows[:12]) + "\n"
    (folder / "new.csv").write_text(new)
    rng = np.random.default_rng(1)
    classes = ["x,y,kind"] + [f"{rng.normal(3 * (i % 2)):.3f},{rng.normal():.3f},{'ab'[i % 2]}" for i in range(40)]
    (folder / "kinds.csv").write_text("\n".join(classes) + "\n")
    run(*command, "train", "kinds.csv", "--hidden", "4", "--epochs", "20", "--threads", "1", "--out", "kinds")
    return {
        "homes.csv": (folder / "homes.csv").read_bytes(), "new.csv": new.encode(), "kinds.csv": (folder / "kinds.csv").read_bytes(),
        "model.safetensors": (folder / "whole/model.safetensors").read_bytes(), "checkpoint.safetensors": (folder / "stopped/checkpoint.safetensors").read_bytes(),
        "kinds.safetensors": (folder / "kinds/model.safetensors").read_bytes(),
        "predicted.csv": run(*command, "predict", "whole/model.safetensors", "new.csv").encode(),
        "kinds_predicted.csv": run(*command, "predict", "kinds/model.safetensors", "kinds.csv").encode(),
        "train.json": json.dumps(train[3:]).encode(),
    }


def main() -> None:
    found, signatures = modules()
    public = classes(found)
    table = {"commit": COMMIT, "modules": found, "aliases": aliases(found), "attributes": attributes(public)}
    (HERE / "paths.json").write_text(json.dumps(table, indent=0, separators=(",", ":"), sort_keys=True).replace(",\n\"", ",\"") + "\n")
    torch.manual_seed(2)
    expected, results, members = {}, {}, {"signatures.json": json.dumps(signatures), "references.json": json.dumps(references(found, public))}
    made = objects()
    modules_made = layers()
    inputs = {}
    for name, (module, given) in modules_made.items():
        made[f"layer_{name}"] = module
        if given is not None and name != "Dropout":
            inputs[name] = [t.tolist() for t in (given if isinstance(given, tuple) else (given,))], str(given[0].dtype if isinstance(given, tuple) else given.dtype)
            results[name] = outputs(module, given)
    left_out = []
    for name, obj in made.items():
        last = None
        for protocol in (2, 3, 4, 5):
            try:
                data = pickle.dumps(obj, protocol)
            except Exception as error:
                left_out.append(f"{name}: {error}")
                break
            if protocol in (2, 5) or not name.startswith(("layer_", "scheduler_", "optimizer_", "distribution_")):
                members[f"pickles/{name}.{protocol}"] = data
            if last is None:
                expected[f"pickles/{name}"] = last = describe(pickle.loads(data))
            assert json.dumps(describe(pickle.loads(data))) == json.dumps(last), name
    buffers: list = []
    members["pickles_out_of_band/tensor"] = pickle.dumps(torch.arange(5.0), 5, buffer_callback=buffers.append)
    members["pickles_out_of_band/buffer"] = bytes(buffers[0].raw())
    for name, obj in saved(made).items():
        file = Path(tempfile.gettempdir()) / name
        torch.save(obj, file)
        members[f"saved/{name}"] = file.read_bytes()
        expected[f"saved/{name}"] = describe(torch.load(io.BytesIO(file.read_bytes())))
        os.remove(file)
    for name in made:
        if f"pickles/{name}" in expected:
            try:
                expected[f"copies/{name}"] = describe(copy.deepcopy(pickle.loads(members[f"pickles/{name}.2"])))
            except Exception as error:
                left_out.append(f"deepcopy of {name}: {error}")
                continue
            if expected[f"copies/{name}"] == expected[f"pickles/{name}"]:
                expected[f"copies/{name}"] = "same"
    expected["digits"] = describe(torch.datasets.digits())
    members |= {"expected.json": json.dumps(expected), "outputs.json": json.dumps({"inputs": inputs, "outputs": results})}
    with tempfile.TemporaryDirectory() as folder:
        members |= {f"cli/{name}": data for name, data in command_line(Path(folder)).items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(members.items(), key=lambda item: (item[0].rpartition(".")[2], item[0])):     # like beside like
            archive.writestr(zipfile.ZipInfo(name), data)
    (HERE / "recorded.zip.xz").write_bytes(lzma.compress(file.getvalue(), preset=9 | lzma.PRESET_EXTREME))      # all in one: a quarter
    print(f"{len(found)} modules, {sum(len(row['names']) for row in found.values())} names, {len(table['aliases'])} aliases, {len(signatures)} signatures, "
          f"{len(made)} objects, {len(members)} members, {(HERE / 'recorded.zip.xz').stat().st_size} + {(HERE / 'paths.json').stat().st_size} bytes")
    print("left out:", *left_out, sep="\n  ")


if __name__ == "__main__":
    main()
