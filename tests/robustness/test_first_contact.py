"""What somebody meets first: an import from the folder of the sources, the command line's model, dir()."""
import inspect
import pydoc
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from samples.comparing import torch

import tinygrad_c

PACKAGE = Path(tinygrad_c.__file__).parent


def imported_from(folder):
    done = subprocess.run([sys.executable, "-c", "import tinygrad_c"], cwd=folder, capture_output=True, text=True,
                          env={"PATH": "", "PYTHONPATH": ""}, check=False)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


def test_an_import_in_the_folder_of_the_sources(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "tinygrad_c", ignore=shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__"))
    (tmp_path / "setup.py").touch()
    words = imported_from(tmp_path)
    assert words.startswith("ImportError: tinygrad_c was imported from the folder of its sources")
    assert "python setup.py build_ext --inplace" in words
    assert "start Python in another folder" in words
    (tmp_path / "tinygrad_c" / "core" / "array.cpython-35-none.so").touch()
    assert "was built for another Python (array.cpython-35-none.so)" in imported_from(tmp_path)
    (tmp_path / "setup.py").unlink()
    assert "Install it again" in imported_from(tmp_path)


@pytest.mark.parametrize("module", ["nn", "optim", "autograd", "linalg", "special", "distributions", "utils.data", "nn.functional",
                                    "nn.init", "nn.utils", "optim.lr_scheduler", "func", "cuda", "amp"])
def test_dir_holds_public_names_alone(module):
    place = tinygrad_c
    for name in module.split("."):
        place = getattr(place, name)
    shown = [name for name in dir(place) if not name.startswith("__")]
    assert shown
    assert set(shown) <= set(place.__all__)
    assert all(hasattr(place, name) for name in shown)


# ---- help() and misspelt keywords

@pytest.mark.parametrize("module", ["", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler", "autograd",
                                    "utils.data", "linalg", "distributions", "func"])
def test_signatures_show_types_not_quoted_strings(module):
    place = tinygrad_c
    for name in filter(None, module.split(".")):
        place = getattr(place, name)
    seen = 0
    for name in dir(place):
        each = getattr(place, name)
        if name.startswith("_") or not callable(each) or inspect.ismodule(each):
            continue
        try:
            signature = inspect.signature(each)
        except (TypeError, ValueError):         # a C function without one
            continue
        seen += "->" in str(signature)
        assert not re.search(r"(: |-> )'", str(signature)), f"{name}{signature}"
    assert seen or module == "linalg"


@pytest.mark.parametrize(("cls", "line"), [
    ("nn.Linear", "Linear(in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None"),
    ("nn.Linear", "forward(self, input: Tensor) -> Tensor"),
    ("nn.Linear", "load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False)"),
    ("nn.Conv2d", "kernel_size: Any"),
    ("optim.SGD", "lr: float = 0.001"),
    ("utils.data.DataLoader", "batch_size: int | None = 1")])
def test_help_shows_types(cls, line):
    place = tinygrad_c
    for name in cls.split("."):
        place = getattr(place, name)
    spaces = re.compile(r"[\s|]+")          # help() has | in its margin, and CPython 3.13 breaks long signatures into lines
    assert spaces.sub("", line) in spaces.sub("", pydoc.plain(pydoc.render_doc(place)))


@pytest.mark.parametrize(("call", "near"), [
    (lambda t: t.nn.Linear(2, 3, bais=True), "bias"), (lambda t: t.nn.Linear(in_feature=2, out_features=3), "in_features"),
    (lambda t: t.nn.Linear(2, units=3), "out_features"), (lambda t: t.nn.Conv2d(1, 2, kernel=3), "kernel_size"),
    (lambda t: t.nn.Conv2d(1, 2, 3, strides=2), "stride"), (lambda t: t.nn.Conv2d(1, filters=2, kernel_size=3), "out_channels"),
    (lambda t: t.nn.Dropout(rate=0.5), "p"), (lambda t: t.nn.LSTM(2, 3, num_layer=2), "num_layers"),
    (lambda t: t.nn.Embedding(vocab_size=3, embedding_dim=2), "num_embeddings"), (lambda t: t.nn.Softmax(axis=1), "dim"),
    (lambda t: t.nn.BatchNorm1d(3, momentun=0.1), "momentum"), (lambda t: t.nn.LayerNorm(3, epsilon=1e-3), "eps"),
    (lambda t: t.nn.CrossEntropyLoss(label_smooth=0.1), "label_smoothing"),
    (lambda t: t.nn.MultiheadAttention(4, heads=2), "num_heads"),
    (lambda t: t.optim.SGD([t.ones(1, requires_grad=True)], learning_rate=0.1), "lr"),
    (lambda t: t.optim.SGD([t.ones(1, requires_grad=True)], 0.1, momentun=0.9), "momentum"),
    (lambda t: t.optim.Adam([t.ones(1, requires_grad=True)], beta=(0.9, 0.99)), "betas"),
    (lambda t: t.optim.Adam([t.ones(1, requires_grad=True)], decay=0.1), "weight_decay"),
    (lambda t: t.optim.AdamW(parameters=[t.ones(1, requires_grad=True)]), "params"),
    (lambda t: t.optim.lr_scheduler.StepLR(t.optim.SGD([t.ones(1, requires_grad=True)]), stepsize=2), "step_size"),
    (lambda t: t.utils.data.DataLoader([1], batchsize=2), "batch_size"),
    (lambda t: t.utils.data.DataLoader([1], shufle=True), "shuffle"),
    (lambda t: t.nn.functional.conv1d(t.ones(1, 1, 3), t.ones(1, 1, 2), strid=1), "stride"),
    (lambda t: t.nn.functional.leaky_relu(t.ones(1), slope=0.1), "negative_slope"),
    (lambda t: t.distributions.Normal(loc=0., scal=1.), "scale"),
    (lambda t: t.nn.init.xavier_uniform_(t.ones(2, 2), gian=2.), "gain"),
    (lambda t: t.nn.utils.clip_grad_norm_([], maxnorm=1.), "max_norm")])
def test_a_misspelt_keyword_names_the_nearest(call, near):
    with pytest.raises(TypeError, match=rf"got an unexpected keyword argument '\w+'\. Did you mean '{near}'\?$"):
        call(tinygrad_c)
    if torch is not None:
        with pytest.raises(TypeError):
            call(torch)


def test_a_keyword_that_is_near_to_none_is_reported_as_it_is():
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'zzz'$"):
        tinygrad_c.nn.Linear(2, 3, zzz=1)

    class Net(tinygrad_c.nn.Linear):
        def __init__(self, hidden):
            super().__init__(hidden, hidden)

    with pytest.raises(TypeError, match="unexpected keyword argument 'hiden'"):
        Net(hiden=3)
    assert Net(hidden=3).weight.shape == (3, 3)
