"""Imports as programs write them: torch's inner modules, and the parts of torch that are left out."""
from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from samples.comparing import torch

import tinygrad_c

# module: a name in it
FOUND = {
    "nn.modules": "Module", "nn.modules.module": "Module", "nn.modules.loss": "_Loss", "nn.modules.utils": "_pair",
    "nn.modules.batchnorm": "_BatchNorm", "nn.modules.conv": "_ConvNd", "nn.modules.rnn": "LSTM", "nn.modules.container": "Sequential",
    "nn.modules.activation": "MultiheadAttention", "nn.modules.linear": "Linear", "nn.modules.normalization": "LayerNorm",
    "nn.utils.clip_grad": "clip_grad_norm_", "nn.utils.convert_parameters": "parameters_to_vector",
    "nn.utils.weight_norm": "weight_norm", "nn.utils.spectral_norm": "spectral_norm", "optim.adam": "Adam", "optim.adamw": "AdamW",
    "optim.sgd": "SGD", "optim.optimizer": "Optimizer", "optim.lr_scheduler": "_LRScheduler", "optim.swa_utils": "AveragedModel",
    "utils.data.dataset": "Dataset", "utils.data.dataloader": "DataLoader", "utils.data.sampler": "Sampler",
    "utils.data._utils.collate": "default_collate", "utils.data": "get_worker_info", "autograd.function": "Function",
    "autograd.variable": "Variable", "autograd.gradcheck": "gradcheck", "distributions.normal": "Normal",
    "distributions.categorical": "Categorical", "distributions.kl": "kl_divergence", "distributions.transforms": "TanhTransform",
    "distributions.multivariate_normal": "MultivariateNormal", "distributions.independent": "Independent", "types": "Device",
    "amp": "custom_fwd", "cuda.amp": "autocast", "jit": "script", "testing": "assert_close", "utils.benchmark": "Timer",
}


@pytest.mark.parametrize("module", FOUND)
def test_a_name_is_found_where_torch_has_it(module):
    for package in ["tinygrad_c", *(["torch"] if torch else [])]:
        assert getattr(importlib.import_module(f"{package}.{module}"), FOUND[module]) is not None
    ours = getattr(importlib.import_module(f"tinygrad_c.{module}"), FOUND[module])
    assert module in ("types", "nn.modules.utils") or (getattr(ours, "__module__", None) or "tinygrad_c").startswith("tinygrad_c")


def test_a_place_does_not_hide_the_function_of_its_name():
    """`import torch.nn.utils.weight_norm` binds nn.utils.weight_norm to the module: it can be called all the same."""
    for name in ("nn.utils.weight_norm", "nn.utils.spectral_norm", "autograd.gradcheck"):
        importlib.import_module(f"tinygrad_c.{name}")
    x = tinygrad_c.ones(2, dtype=tinygrad_c.float64, requires_grad=True)
    assert tinygrad_c.autograd.gradcheck(lambda x: x * x, x)
    assert hasattr(tinygrad_c.nn.utils.weight_norm(tinygrad_c.nn.Linear(2, 2)), "weight_g")


def test_isinstance_with_the_private_bases():
    from tinygrad_c.nn.modules.batchnorm import _BatchNorm
    from tinygrad_c.nn.modules.conv import _ConvNd
    from tinygrad_c.nn.modules.utils import _pair, _triple
    assert isinstance(tinygrad_c.nn.BatchNorm2d(2), _BatchNorm)
    assert isinstance(tinygrad_c.nn.ConvTranspose2d(1, 1, 1), _ConvNd)
    assert not isinstance(tinygrad_c.nn.Linear(1, 1), _ConvNd)
    assert isinstance(tinygrad_c.nn.modules.Linear(1, 1), tinygrad_c.nn.modules.linear.Linear)
    assert (_pair(3), _pair([1, 2]), _triple(0)) == ((3, 3), (1, 2), (0, 0, 0))


@pytest.mark.parametrize(("module", "words"), [("fft", "complex numbers"), ("sparse", "sparse tensors"),
                                               ("onnx", "left out"), ("profiler", "Timer"),
                                               ("quantization", "quantised"), ("autograd.forward_ad", "forward-mode")])
def test_an_import_of_what_is_left_out_says_so(module, words):
    with pytest.raises(ModuleNotFoundError, match=words):
        importlib.import_module(f"tinygrad_c.{module}")


def test_an_import_of_what_never_was():
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'tinygrad_c.nothing'$"):
        importlib.import_module("tinygrad_c.nothing")
    with pytest.raises(ImportError, match="Nothing"):
        from tinygrad_c.nn.modules.conv import Nothing  # noqa: F401


def test_no_place_is_loaded_before_it_is_asked_for():
    program = ("import sys, tinygrad_c\n"
               "print([m for m in sys.modules if m.startswith('tinygrad_c.') and m.split('.')[1] in ("
               "'distributions', 'jit', 'testing')], sum(getattr(f, '__name__', '') == 'Finder' for f in sys.meta_path))")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[] 1"
