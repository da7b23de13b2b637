"""What is no tensor, given to every public function where a tensor must be: TypeError in torch's words, never AttributeError."""
from __future__ import annotations

import inspect
import pickle
import re
import types
import warnings

import numpy as np
import pytest
from samples.comparing import torch

import tinygrad_c
from tinygrad_c._base.public import guard, parameters

SPACES = ["", "nn.functional", "linalg", "special"]
# They set something for the whole process, take functions or files, or anything at all; torch.embedding(weight, input) and
# embedding_bag are not those of nn.functional.
OTHERS = {"load", "save", "compile", "seed", "manual_seed", "test", "check_probability", "from_dlpack", "embedding", "embedding_bag"}
RUBBISH = {"int": 3, "float": 2.5, "list": [1.0, 2.0], "None": None, "str": "a", "array": np.ones(2)}
# The functions of a training step, whose kernels check their arguments: not marked @public.
IN_A_STEP = {"binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "gelu", "l1_loss", "log_softmax",
             "mse_loss", "nll_loss", "relu", "smooth_l1_loss", "softmax"}
PLACES = ["r", "r1", "rx", "xr", "xrr", "xxr"]      # r: rubbish, x: a tensor
WORDS = re.compile(r"argument '\w+' \(position \d+\) must be Tensor, not ([\w.]+)")


def space(m, name):
    for part in filter(None, name.split(".")):
        m = getattr(m, part)
    return m


def functions():
    for where in SPACES:
        here = space(tinygrad_c, where)
        for name in dir(here):
            f = getattr(here, name)
            if name[0] != "_" and name not in OTHERS and callable(f) and not isinstance(f, (type, types.ModuleType)) and (
                    not name.startswith(("set_", "use_"))):
                yield where, name


def in_python(f):
    return hasattr(f, "guarded") and isinstance(inspect.unwrap(f), types.FunctionType)


FUNCTIONS = list(functions())


def test_every_function_of_a_tensor_is_guarded():
    """Those in Python whose first parameter is a tensor by its name or annotation, but those of a step, and those that are no more
    than a compiled function."""
    missing = []
    for where, name in FUNCTIONS:
        f = getattr(space(tinygrad_c, where), name)
        inner = inspect.unwrap(f)
        if isinstance(inner, types.FunctionType) and name not in IN_A_STEP and not in_python(f):
            first = next(iter(inspect.signature(inner).parameters.values()), None)
            if first is not None and (first.name in ("input", "A", "x") or first.annotation == "Tensor"):
                missing.append(f"{where}.{name}")
    assert not missing, f"write @public at the definition of {missing}"


def test_a_mark_names_parameters_that_there_are():
    for where, name in FUNCTIONS:
        f = getattr(space(tinygrad_c, where), name)
        if hasattr(f, "guarded") and hasattr(f, "_public") and f._public.tensors:
            assert {each.rstrip("?#") for each in f._public.tensors.split(" ")} <= {*parameters(f)}, name


def outcome(f, m, places, rubbish):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            f(*[{"r": rubbish, "1": 1, "x": m.ones(2, 2)}[place] for place in places])
        except Exception as error:
            return error
    return None


@pytest.mark.parametrize(("where", "name"), FUNCTIONS, ids=[f"{where}.{name}".lstrip(".") for where, name in FUNCTIONS])
def test_words(where, name):
    f = getattr(space(tinygrad_c, where), name)
    theirs = getattr(space(torch, where), name, None) if torch is not None else None
    for kind, rubbish in RUBBISH.items():
        for places in PLACES:
            error = outcome(f, tinygrad_c, places, rubbish)
            assert not isinstance(error, AttributeError), (kind, places, error)
            if error is None or theirs is None or (isinstance(rubbish, (int, float)) and not in_python(f)):
                continue        # numbers are tensors without dimensions here, wherever that makes sense
            wanted = outcome(theirs, torch, places, rubbish)
            if isinstance(error, IndexError) and isinstance(rubbish, (int, float)):
                continue
            if isinstance(wanted, TypeError) and (words := WORDS.search(str(wanted))):
                if name not in IN_A_STEP or places[0] == "r":
                    assert isinstance(error, TypeError), (kind, places, error)
                if in_python(f) and "positional argument" not in str(error):
                    said = WORDS.search(str(error))
                    assert said is not None, (places, error)
                    assert said[1] == words[1], (places, error)


@pytest.mark.parametrize(("text", "words"), [
    ("F.conv2d(3, 4)", "conv2d(): argument 'input' (position 1) must be Tensor, not int"),
    ("F.conv2d(x, [3.0])", "conv2d(): argument 'weight' (position 2) must be Tensor, not list"),
    ("F.conv2d(x, x, [2.0])", "conv2d(): argument 'bias' (position 3) must be Tensor, not list"),
    ("F.layer_norm(input=None, normalized_shape=(2,))", "layer_norm(): argument 'input' (position 1) must be Tensor, not NoneType"),
    ("F.dropout('a')", "dropout(): argument 'input' (position 1) must be Tensor, not str"),
    ("F.max_pool2d(array, 2)", "max_pool2d(): argument 'input' (position 1) must be Tensor, not numpy.ndarray"),
    ("m.linalg.inv(3)", "linalg_inv(): argument 'A' (position 1) must be Tensor, not int"),
    ("m.special.entr('a')", "special_entr(): argument 'input' (position 1) must be Tensor, not str"),
    ("m.tril(None)", "tril(): argument 'input' (position 1) must be Tensor, not NoneType"),
    ("m.allclose(x, [2.0])", "allclose(): argument 'other' (position 2) must be Tensor, not list"),
    ("m.can_cast(3, m.int64)", "can_cast(): argument 'from_' (position 1) must be torch.dtype, not int"),
    ("m.promote_types(m.int64, 3)", "promote_types(): argument 'type2' (position 2) must be torch.dtype, not int"),
    ("m.linalg.eigh(x[0, 0], 3)", "linalg_eigh(): argument 'UPLO' (position 2) must be str, not int"),
])
def test_by_name(text, words):
    for m in filter(None, (tinygrad_c, torch)):
        with pytest.raises(TypeError, match=re.escape(words) + ("|received an invalid combination" if m is torch else "")):
            eval(text, {"m": m, "F": m.nn.functional, "x": m.ones(1, 1, 2, 2), "array": np.ones((1, 1, 2, 2))})


def test_a_number_is_no_row_of_probabilities():
    for x in (3, 2.5, True):        # once read as if they were tensors
        with pytest.raises(RuntimeError, match="multinomial only supports floating|prob_dist must be 1 or 2 dim"):
            tinygrad_c.multinomial(x, 1)


def test_other_errors_stay():
    with pytest.raises(RuntimeError, match="index 5 is out of bounds for dimension 0 with size 2"):
        tinygrad_c.ones(2).scatter_(0, tinygrad_c.tensor([5]), 1.0)      # a number may stand for src
    with pytest.raises(RuntimeError, match="weight should have at least three dimensions"):
        tinygrad_c.nn.functional.conv1d(tinygrad_c.ones(1, 1, 3), tinygrad_c.ones(1, 1))
    with pytest.raises(RuntimeError, match="the bin edges must be increasing"):       # weight may be None
        tinygrad_c.histogramdd(tinygrad_c.ones(2, 1), [tinygrad_c.tensor([1.0, 0.0])], weight=None)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        tinygrad_c.nn.functional.conv1d(tinygrad_c.ones(1, 1, 3))


def test_doors_look_like_what_is_behind_them():
    F = tinygrad_c.nn.functional
    assert str(inspect.signature(F.pad)).startswith("(input: Tensor, pad: Sequence[int], mode: str = 'constant'")
    assert (F.pad.__name__, F.pad.__doc__, F.pad.__module__) == ("pad", F.pad.__wrapped__.__doc__, "tinygrad_c.nn.functional")
    for f in (F.pad, F.dropout, tinygrad_c.logit, tinygrad_c.conv1d, tinygrad_c.linalg.inv, tinygrad_c.special.entr,
              F.max_pool2d_with_indices):
        assert f.guarded is f
        assert pickle.loads(pickle.dumps(f)) is f
    assert tinygrad_c.conv1d is F.conv1d
    assert guard(F.pad, "elsewhere") is F.pad


NUMPYS_WORDS = [
    "m.gather(x, axis=0, index=i)", "x.gather(axis=0, index=i)", "m.index_select(x, axis=0, index=v)",
    "x.index_select(axis=0, index=v)", "x.scatter(axis=0, index=i, src=x)", "x.scatter_add(axis=0, index=i, src=x)",
    "m.take_along_dim(x, i, axis=0)", "x.index_add(axis=0, index=v, source=x[:1])", "x.index_copy(axis=0, index=v, source=x[:1])",
    "x.index_fill(axis=0, index=v, value=1.0)", "x.select(axis=0, index=0)", "x.narrow(axis=0, start=0, length=1)",
    "x.renorm(2, axis=0, maxnorm=1.0)", "x.scatter_reduce(axis=0, index=i, src=x, reduce='sum')",
    "F.cosine_similarity(x, x, axis=0)", "F.pairwise_distance(x, x, keepdims=True)", "m.split_with_sizes(x, [1, 1], axis=1)",
    "m.cross(m.eye(3), m.eye(3) * 2, axis=1)", "m.linalg.vecdot(x, x, axis=0)",
]


@pytest.mark.parametrize("text", NUMPYS_WORDS)
def test_axis_and_keepdims(text):
    found = [eval(text, {"m": m, "F": m.nn.functional, "x": m.tensor([[1.0, 2.0], [3.0, 5.0]]), "i": m.tensor([[1, 0]]),
                         "v": m.tensor([1])}) for m in filter(None, (tinygrad_c, torch))]
    as_dim = eval(text.replace("axis", "dim").replace("keepdims", "keepdim"), {
        "m": tinygrad_c, "F": tinygrad_c.nn.functional, "x": tinygrad_c.tensor([[1.0, 2.0], [3.0, 5.0]]),
        "i": tinygrad_c.tensor([[1, 0]]), "v": tinygrad_c.tensor([1])})
    for each in [as_dim, *found[1:]]:
        for a, b in zip(found[0], each, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


@pytest.mark.parametrize("text", ["F.normalize(x, axis=0)", "F.softmax(x, axis=0)", "x.unflatten(axis=0, sizes=(1, 2))"])
def test_where_torch_takes_no_axis(text):
    for m in filter(None, (tinygrad_c, torch)):
        with pytest.raises(TypeError, match="axis"):
            eval(text, {"F": m.nn.functional, "x": m.ones(2, 2)})
