"""What commit 46f10f6 was for its users is still here: its modules, names, signatures, files, pickles, models and checkpoints.

record.py made paths.json and recorded.zip.xz with that commit, and says what is in them. Each test lists all that is gone.
"""
from __future__ import annotations

import copy
import csv
import importlib
import importlib.util
import io
import json
import lzma
import os
import pickle
import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))       # recorded_nets, which pickles name

import describing  # noqa: E402
import record  # noqa: E402

import tinygrad_c as torch  # noqa: E402

PATHS = json.loads((HERE / "paths.json").read_text())
NOT_FOUND = object()
pytestmark = pytest.mark.filterwarnings("ignore")


# Import paths of torch that had other names than torch has there: none, or all of the distributions. Since 0.2.0 they are as in
# torch, or fail.
OTHER_NAMES = {*(f"distributions.{each}" for each in (
    "constraint_registry", "exp_family", "fishersnedecor", "half_cauchy", "inverse_gamma", "kumaraswamy", "lkj_cholesky",
    "logistic_normal", "lowrank_multivariate_normal", "negative_binomial", "pareto", "relaxed_bernoulli", "relaxed_categorical",
    "utils", "von_mises", "weibull", "wishart")), "nn.modules._functions", "nn.modules.embedding"}


# Signatures that became torch's in 0.2.0: of a class that is a base class there, and of a parameter with another name there.
AS_TORCH = {"tinygrad_c.distributions.constraints.Constraint": "()",
            "tinygrad_c.distributions.constraints.independent": "(base_constraint, reinterpreted_batch_ndims)"}


@cache
def archive() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(lzma.decompress((HERE / "recorded.zip.xz").read_bytes())))


def table(name: str) -> dict:
    return json.loads(archive().read(name))


def here() -> dict[str, dict]:
    """The recorded modules that this machine and installation can import: no other processor's, none whose packages are missing."""
    levels = torch.show_config().split("supports")[1].split(";")[0]
    found = {}
    for name, row in PATHS["modules"].items():
        if name.startswith("kernels.isa.") and name.split(".")[-1].split("_")[0] not in levels:
            continue
        if any(importlib.util.find_spec(each) is None for each in row.get("needs", "").split()):
            continue
        found[name] = row
    return found


def resolve(path: str):
    """The object at a dotted path, or NOT_FOUND."""
    module, _, name = path.rpartition(".")
    for _ in range(2):      # a name in a module, or in a class that is in one
        try:
            owner = importlib.import_module(module)
        except ImportError:
            module, _, last = module.rpartition(".")
            name = f"{last}.{name}"
            continue
        for each in name.split("."):
            owner = getattr(owner, each, NOT_FOUND)
        return owner
    return NOT_FOUND


def differences(expected, found, at: str = "") -> list[str]:
    """Where two descriptions differ."""
    if type(expected) is type(found) and isinstance(expected, dict) and list(expected) == list(found):
        return [each for key in expected for each in differences(expected[key], found[key], f"{at}/{key}")]
    if type(expected) is type(found) and isinstance(expected, list) and len(expected) == len(found):
        return [each for i, pair in enumerate(zip(expected, found)) for each in differences(*pair, f"{at}/{i}")]
    return [] if expected == found else [f"{at}: {expected!r} was recorded, {found!r} is found"]


def described(obj):
    return json.loads(json.dumps(describing.describe(obj)))


# ---- Modules and names

def test_modules():
    """Internal ones too: old pickles name them."""
    gone = []
    for name in [*here(), *(PATHS["aliases"].keys() - OTHER_NAMES)]:
        try:
            importlib.import_module(record.full(name))
        except ImportError as error:
            gone.append(f"{record.full(name)}: {error}")
    assert not gone, "\n".join(gone)


def test_names():
    """Of the public modules. Internal modules keep their import path, not their names."""
    gone = [f"{record.full(name)}.{n}" for name, row in here().items() if row["public"] for n in row["names"]
            if not record.has(importlib.import_module(record.full(name)), n)]
    assert not gone, "\n".join(gone)


def test_dir_and_all_show_the_public_names():
    """What could be listed can be listed: dir() and `from module import *`."""
    gone = []
    for name, row in here().items():
        if row["public"]:
            module = importlib.import_module(record.full(name))
            listed = {*dir(module), *getattr(module, "__all__", []), *row.get("unlisted", [])}
            gone += [f"{record.full(name)}.{n}" for n in row["names"] if n not in listed]
    assert not gone, "\n".join(gone)


def test_aliases():
    gone = []
    for name, row in PATHS["aliases"].items():
        if name in OTHER_NAMES:
            continue
        module = importlib.import_module(record.full(name))
        names = PATHS["modules"][row["names_of"]]["names"] if row["names_of"] is not None else []
        gone += [f"{record.full(name)}.{n}" for n in [*names, *row["also"]]
                 if not n.startswith("__") and not record.has(module, n)]
    assert not gone, "\n".join(gone)


def test_attributes():
    gone = [f"{path}.{n}" for path, names in PATHS["attributes"].items() for n in ["__name__", *names] if not record.has(resolve(path), n)]
    assert not gone, "\n".join(gone)



def test_signatures():
    """But those of functions that stand behind a module of their name, once that was imported (nn.utils.weight_norm)."""
    changed = []
    for path, text in table("signatures.json").items():
        value = resolve(path)
        found, text = record.signature(value), AS_TORCH.get(path, text)
        if path == "tinygrad_c.compile" and found:
            found = re.sub(r", verify=[^,)]+", "", found)      # of compiled training steps: new
        if path.removeprefix("tinygrad_c.") in ("addcdiv", "addcmul", "lerp", "nan_to_num") and found:
            found = found.replace(", *, out=None", "").replace(", out=None", "")       # a decorator took it
        if found != text and text != "(*args, **kwargs)" and not (isinstance(value, ModuleType) and callable(value)):
            changed.append(f"{path}: {text} was recorded, {found} is found")
    assert not changed, "\n".join(changed)


# ---- Pickles and files

def test_functions_and_classes_by_reference():
    """An old pickle of a function, class or method is what stands at its public path today."""
    gone = []
    for path, (data, same) in table("references.json").items():
        try:
            loaded, today = pickle.loads(data.encode("latin-1")), resolve(path)
        except (ImportError, AttributeError) as error:
            gone.append(f"{path}: {error}")
            continue
        if path == "tinygrad_c.Tensor.bfloat16":        # both raised the same error, and were one method
            continue
        if not (loaded is today if same else loaded == today):
            gone.append(f"{path}: {today!r}, the pickle gives {loaded!r}")
    assert not gone, "\n".join(gone)


# The pickles were written with NumPy 2. Its arrays at protocol 5 name numpy._core.numeric, which NumPy 1.26 does not have.
NUMPY_2 = np.lib.NumpyVersion(np.__version__) >= "2.0.0"


def test_pickles():
    expected, wrong = table("expected.json"), []
    for name in archive().namelist():
        if name.startswith("pickles/") and "layer_LazyLinear" not in name and (NUMPY_2 or name.endswith(".2")):   # test_lazy_layers
            try:
                found = described(pickle.loads(archive().read(name)))
            except Exception as error:
                wrong.append(f"{name}: {type(error).__name__}: {error}")
                continue
            wrong += differences(expected[name.rpartition(".")[0]], found, name)
    assert not wrong, "\n".join(wrong)


def test_lazy_layers():
    """Their parameters exist before the first input now, without a size."""
    for name in archive().namelist():
        if "pickles/layer_LazyLinear" in name:
            layer = pickle.loads(archive().read(name))
            assert [type(p).__name__ for p in layer.parameters()] == ["UninitializedParameter"] * 2
            assert layer(torch.ones(2, 3)).shape[0] == 2
            assert layer.in_features == 3


def test_copies_of_what_was_pickled():
    """A deep copy, and another way through a pickle, of each loaded object."""
    expected, wrong = table("expected.json"), []
    for name in archive().namelist():
        if name.startswith("pickles/") and name.endswith(".2") and "layer_LazyLinear" not in name:
            name = name[8:-2]
            obj = pickle.loads(archive().read(f"pickles/{name}.2"))
            first = expected[f"pickles/{name}"]
            if f"copies/{name}" in expected:
                row = expected[f"copies/{name}"]
                wrong += differences(first if row == "same" else row, described(copy.deepcopy(obj)), f"deepcopy of {name}")
            wrong += differences(first, described(pickle.loads(pickle.dumps(obj))), f"pickle of {name}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(not NUMPY_2, reason="written by NumPy 2")
def test_a_pickle_with_its_memory_beside_it():
    data, buffer = (archive().read(f"pickles_out_of_band/{name}") for name in ("tensor", "buffer"))
    assert pickle.loads(data, buffers=[bytearray(buffer)]).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_loaded_modules_compute():
    """Within a tolerance, since instruction sets differ."""
    given, wrong = table("outputs.json"), []
    for name, expected in given["outputs"].items():
        module = pickle.loads(archive().read(f"pickles/layer_{name}.2"))
        inputs, dtype = given["inputs"][name]
        whole = [torch.tensor(each) for each in inputs]
        inputs = tuple(x.to(getattr(torch, dtype.rpartition(".")[2])) if x.is_floating_point() else x for x in whole)
        found = record.outputs(module, inputs)
        if len(found) != len(expected) or not np.allclose(found, expected, 1e-4, 1e-5):
            wrong.append(f"{name}: {expected} was recorded, {found} is found")
    assert len(given["outputs"]) > 40
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_pickles_load_before_anything_is_imported(tmp_path):
    """pickle alone brings in what it needs, each in a fork of a new process."""
    for name in archive().namelist():
        if name.startswith("pickles/") and name.endswith(".5" if NUMPY_2 else ".2"):
            (tmp_path / name[8:]).write_bytes(archive().read(name))
    program = (f"import os, pickle, sys\nsys.path.insert(0, {str(HERE)!r})\nfor name in sorted(os.listdir({str(tmp_path)!r}))[::20]:\n"
               f"    child = os.fork()\n    if not child:\n        pickle.load(open(os.path.join({str(tmp_path)!r}, name), 'rb'))\n        os._exit(0)\n"
               "    assert os.waitpid(child, 0)[1] == 0, name\n")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_saved_files(tmp_path):
    expected, wrong = table("expected.json"), []
    for name in archive().namelist():
        if name.startswith("saved/") and (not name.endswith(".safetensors") or importlib.util.find_spec("safetensors")):
            data = archive().read(name)
            wrong += differences(expected[name], described(torch.load(io.BytesIO(data))), name)
            path = tmp_path / name[6:]
            torch.save(torch.load(io.BytesIO(data)), path)
            wrong += differences(expected[name], described(torch.load(path)), f"{name}, saved again")
    assert not wrong, "\n".join(wrong)


def test_the_bundled_digits():
    assert not differences(table("expected.json")["digits"], described(torch.datasets.digits()))


# ---- The command line

@pytest.fixture
def folder(tmp_path, monkeypatch):
    for library in ("pandas", "tqdm", "matplotlib", "safetensors"):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    for name in archive().namelist():
        if name.startswith("cli/"):
            (tmp_path / name[4:]).write_bytes(archive().read(name))
    return tmp_path


def command(capfd, *argv) -> str:
    from tinygrad_c.cli import main
    status = main.main([str(each) for each in argv])
    out, err = capfd.readouterr()
    assert status == 0, err
    return out


@pytest.mark.parametrize(("net", "rows", "predicted"), [("model", "new", "predicted"), ("kinds", "kinds", "kinds_predicted")])
def test_a_recorded_model_predicts(folder, capfd, net, rows, predicted):
    found = list(csv.reader(command(capfd, "predict", f"{net}.safetensors", f"{rows}.csv").splitlines()))
    expected = list(csv.reader((folder / f"{predicted}.csv").read_text().splitlines()))
    assert found[0] == expected[0]
    assert len(found) == len(expected) > 10
    for a, b in zip(found[1:], expected[1:]):
        for x, y in zip(a, b, strict=True):
            assert x == y or float(x) == pytest.approx(float(y), rel=1e-4)


def test_a_recorded_checkpoint_is_refused_with_the_reason(folder, capfd):
    """The command line trains other nets than version 0.1.0: its models still answer, its trainings cannot go on."""
    from tinygrad_c.cli import main
    (folder / "out").mkdir()
    checkpoint = (folder / "checkpoint.safetensors").rename(folder / "out/checkpoint.safetensors")
    before = checkpoint.read_bytes()
    train = [*json.loads((folder / "train.json").read_text()), "--resume", "--out", "out"]
    assert main.main([str(each) for each in train]) == 2
    assert "was written by version 0.1.0, which trained another net: leave out --resume" in capfd.readouterr().err
    assert checkpoint.read_bytes() == before
