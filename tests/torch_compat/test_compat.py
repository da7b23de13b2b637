"""What programs written for torch say beside the mathematics: devices, switches, names that are not here."""
from __future__ import annotations

import copy
import importlib
import pickle
import re
import subprocess
import sys
import warnings

import pytest
from samples.comparing import torch
from samples.public_modules import PUBLIC

import tinygrad_c
from tinygrad_c import nn, optim, utils
from tinygrad_c._base import missing
from tinygrad_c.nn import functional, init
from tinygrad_c.optim import lr_scheduler

MODULES = [tinygrad_c, nn, functional, init, optim, lr_scheduler, utils, utils.data, tinygrad_c.autograd, tinygrad_c.cuda,
           tinygrad_c.backends]


def test_a_tutorials_opening():
    """Runs, and leaves everything on the CPU."""
    torch = tinygrad_c
    device = torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
    torch.manual_seed(0)
    torch.cuda.manual_seed_all(0)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("high")
    torch.set_default_device(device)
    model = torch.compile(torch.nn.Linear(2, 1).to(device))
    scaler = torch.cuda.amp.GradScaler(enabled=device.type == "cuda")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.autocast(device_type=device.type, enabled=False):
        loss = model(torch.ones(1, 2, device=device)).sum()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert loss.device == device == torch.device("cpu")
    assert str(loss.device) == loss.device.type == "cpu"
    torch.cuda.empty_cache()


@pytest.mark.parametrize("given", [("cpu",), ("cuda",), ("cuda:1",), ("cuda", 1), ("cpu", 0), ("mps",)])
def test_devices(given):
    ours = tinygrad_c.device(*given)
    assert copy.deepcopy(ours) == ours == pickle.loads(pickle.dumps(ours))
    assert hash(ours) == hash(tinygrad_c.device(str(ours)))
    if torch is not None:
        theirs = torch.device(*given)
        assert (ours.type, ours.index, repr(ours), str(ours)) == (theirs.type, theirs.index, repr(theirs), str(theirs))


def test_devices_that_are_not_there():
    with pytest.raises(RuntimeError, match="Expected one of cpu, cuda"):
        tinygrad_c.device("gpu")
    with pytest.raises(RuntimeError, match="Cannot access accelerator device when none is available"):
        tinygrad_c.device(0)
    with pytest.raises(RuntimeError, match="Invalid device string"):
        tinygrad_c.device("cuda:x")
    with pytest.raises(RuntimeError, match="must not include an index"):
        tinygrad_c.device("cuda:1", 1)
    x = tinygrad_c.ones(2)
    for use in (x.cuda, lambda: x.to("cuda"), lambda: x.to(tinygrad_c.device("cuda:0")), tinygrad_c.cuda.current_device,
                lambda: tinygrad_c.zeros(2, device="cuda"), lambda: tinygrad_c.randn(2, device="cuda:1"),
                lambda: tinygrad_c.tensor(1.0, device=tinygrad_c.device("cuda")), nn.Linear(1, 1).cuda,
                lambda: nn.Linear(1, 1).to("cuda")):
        with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled.*only the CPU"):
            use()
    with pytest.raises(RuntimeError, match="only the CPU"):
        x.to("mps")
    with tinygrad_c.device("cpu"):
        assert x.to("cpu") is x is x.cpu() is x.pin_memory()
    assert not (x.is_cuda)
    assert not (x.is_sparse)
    assert not (x.is_quantized)
    assert not (x.is_complex())


def public_path(module) -> str:
    """The path that programs import it by."""
    return module.__name__.replace(".torch_compat", "")


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_unknown_names(module):
    with pytest.raises(AttributeError, match=f"module '{public_path(module)}' has no attribute 'qwertz'"):
        module.qwertz  # noqa: B018
    assert not hasattr(module, "__wrapped__")


@pytest.mark.parametrize("room", PUBLIC)
def test_the_nearest_name_is_said_in_every_room(room):
    """Of each public name, with two letters in the middle swapped: it, or another one that is there."""
    module = importlib.import_module(f"tinygrad_c.{room}".rstrip("."))
    names = [name for name in dir(module) if len(name) > 5 and not name.startswith("_")]
    assert names
    said = 0
    for name in names:
        k = len(name) // 2
        wrong = name[:k - 1] + name[k] + name[k - 1] + name[k + 1:]
        if wrong in dir(module) or missing.sentence(wrong):
            said += 1       # another name, or one that is left out
            continue
        with pytest.raises(AttributeError) as raised:
            getattr(module, wrong)
        words = re.fullmatch(rf"module '{re.escape(public_path(module))}' has no attribute '{wrong}': did you mean '(\w+)'\?",
                             str(raised.value))
        assert words, raised.value
        assert hasattr(module, words[1])
        said += words[1] == name
    assert said >= 0.9 * len(names)


@pytest.mark.parametrize(("module", "name", "meant"), [
    (tinygrad_c, "matmull", "matmul"), (nn, "Linaer", "Linear"), (nn, "relu", "ReLU"), (functional, "softmaks", "softmax"),
    (functional, "crossentropy", "cross_entropy"), (optim, "Adm", "Adam"), (optim, "adamax_", "Adamax"), (init, "xavier_unifrom_",
    "xavier_uniform_"), (lr_scheduler, "StepLr", "StepLR"), (utils.data, "Dataloader", "DataLoader"),
    (tinygrad_c.autograd, "Functions", "Function"), (tinygrad_c, "compil", "compile")])
def test_the_nearest_name_is_said(module, name, meant):
    with pytest.raises(AttributeError, match=f"did you mean '{meant}'"):
        getattr(module, name)


@pytest.mark.parametrize(("name", "words"), [
    ("float8_e5m2", "8 bits"), ("uint4", "8 bits"), ("complex64", "complex"), ("fft", "complex"), ("char", "int8"),
    ("sparse_coo_tensor", "sparse"), ("quantize_per_tensor", "quantised"), ("fx", "compile"), ("rpc", "distributed has"),
    ("xpu", "only the CPU")])
def test_what_is_left_out_says_so(name, words):
    with pytest.raises(AttributeError, match=words) as raised:
        getattr(tinygrad_c, name)
    assert str(raised.value).count(".") <= 3    # one sentence
    assert missing.sentence(name)


def test_tensors_suggest_a_name():
    """Python itself does, in the traceback: Tensor has no __getattr__, which would slow every method down."""
    for wrong, meant in (("tinygrad_c.ones(2).softmaxx(0)", "softmax"), ("tinygrad_c.nn.Linear(1, 1).wieght", "weight"),
                         ("tinygrad_c.optim.SGD([tinygrad_c.ones(1)]).zero_gard()", "zero_grad")):
        program = f"import tinygrad_c; {wrong}"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert f"Did you mean: '{meant}'" in done.stderr


def test_what_is_said_once_can_be_said_every_time():
    def mistake():
        nn.functional.cross_entropy(tinygrad_c.ones(2, 3, requires_grad=True).softmax(1), tinygrad_c.tensor([0, 1]))
    tinygrad_c.set_warn_always(True)
    try:
        assert tinygrad_c.is_warn_always_enabled()
        for _ in range(2):
            with pytest.warns(UserWarning, match="softmax"):
                mistake()
    finally:
        tinygrad_c.set_warn_always(False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mistake()
    for wrong in (1, "yes", None):
        with pytest.raises(RuntimeError, match="setWarnOnlyOnce expects a bool, but got"):
            tinygrad_c.set_warn_always(wrong)


def test_memory_formats():
    """Accepted; the elements lie in C order. channels_last is asked of the strides, as in torch."""
    def program(m):
        x = m.ones(2, 3, 4, 5)
        last = m.ones(2, 4, 5, 3).permute(0, 3, 1, 2)
        kinds = (m.contiguous_format, m.channels_last)
        shapes = [x.contiguous(memory_format=kind).shape for kind in (*kinds, m.preserve_format)[:2]]
        return [*shapes, x.clone(memory_format=m.contiguous_format).stride(), m.clone(x, memory_format=m.preserve_format).stride(),
                x.to(memory_format=m.preserve_format).shape, *[each.is_contiguous(memory_format=kind) for each in (x, last)
                                                               for kind in kinds],
                m.ones(2, 4, 5, 6, 3).permute(0, 4, 1, 2, 3).is_contiguous(memory_format=m.channels_last_3d),
                m.ones(2, 3).T.is_contiguous(memory_format=m.contiguous_format)]
    ours = program(tinygrad_c)
    assert ours[5:] == [True, False, False, True, True, False]
    if torch is not None:
        assert ours == program(torch)


def test_switches_of_what_is_always_so():
    for mode in (0, 1, 2, "default", "warn", "error"):
        tinygrad_c.set_deterministic_debug_mode(mode)
    with pytest.raises(RuntimeError, match="invalid value of debug_mode"):
        tinygrad_c.set_deterministic_debug_mode(3)
    tinygrad_c.init_num_threads()
    assert not tinygrad_c.is_conj(tinygrad_c.ones(1))
    assert tinygrad_c.cuda.OutOfMemoryError is tinygrad_c.OutOfMemoryError


def test_compile_takes_pytorchs_arguments():
    def f(x):
        return x + 1
    model = nn.Linear(1, 1)
    assert tinygrad_c.compile(model, mode="reduce-overhead")._orig_mod is model
    for compiled in (tinygrad_c.compile(f), tinygrad_c.compile(fullgraph=True)(f)):
        assert [compiled(x) for x in range(5)] == [1, 2, 3, 4, 5]
        assert compiled.__name__ == "f"


@pytest.mark.parametrize("name", ["FloatTensor", "DoubleTensor", "LongTensor", "IntTensor", "ByteTensor", "BoolTensor"])
def test_old_constructors(name):
    ours = getattr(tinygrad_c, name)
    made = ours([[1, 0], [1, 1]])
    assert made.type() == f"torch.{name}"
    assert isinstance(made, ours)
    assert not isinstance(made.to(tinygrad_c.float32 if name != "FloatTensor" else tinygrad_c.float64), ours)
    with pytest.raises(TypeError):
        ours(3, 1.5)
    if torch is not None:
        assert made.tolist() == getattr(torch, name)([[1, 0], [1, 1]]).tolist()


def test_default_tensor_type():
    try:
        tinygrad_c.set_default_tensor_type(tinygrad_c.DoubleTensor)
        assert tinygrad_c.tensor(1.0).dtype == tinygrad_c.float64
    finally:
        tinygrad_c.set_default_tensor_type("torch.FloatTensor")
    assert tinygrad_c.tensor(1.0).dtype == tinygrad_c.float32


def test_questions():
    x = tinygrad_c.ones(1)
    assert tinygrad_c.is_floating_point(x)
    assert not tinygrad_c.is_complex(x)
    assert tinygrad_c.is_nonzero(x)
    assert tinygrad_c.typename(x) == "torch.FloatTensor"
    assert tinygrad_c.are_deterministic_algorithms_enabled()
    assert tinygrad_c.get_float32_matmul_precision() == "highest"
    assert tinygrad_c.get_default_device() == tinygrad_c.device("cpu")
    assert tinygrad_c.get_num_interop_threads() == 1
    assert tinygrad_c.set_flush_denormal(True)
    assert tinygrad_c.version.cuda is None
    with pytest.raises(ValueError, match="highest"):
        tinygrad_c.set_float32_matmul_precision("low")


def test_fork_rng():
    tinygrad_c.manual_seed(3)
    with tinygrad_c.random.fork_rng():
        inside = tinygrad_c.rand(4)
    assert tinygrad_c.rand(4).tolist() == inside.tolist()


def test_the_old_constructors_take_sizes():
    """Parameter(Tensor(out, in)), as layers were written before empty() was. Their numbers are 0 here, anything in torch."""
    tinygrad_c._base.warn.forget()
    for make, dtype in ((tinygrad_c.Tensor, "float32"), (tinygrad_c.FloatTensor, "float32"), (tinygrad_c.DoubleTensor, "float64"),
                        (tinygrad_c.LongTensor, "int64")):
        made = make(2, 3)
        assert made.shape == (2, 3)
        assert str(made.dtype) == f"torch.{dtype}"
        assert make(tinygrad_c.Size([4, 1])).shape == (4, 1)
        assert make([2, 3]).tolist() == [2, 3]
        assert make(2, 0).numel() == 0
    tinygrad_c._base.warn.forget()
    with pytest.warns(UserWarning, match=r"Tensor\(3\) makes 3 numbers, not the number 3"):
        made = tinygrad_c.Tensor(3)
    assert tinygrad_c.nn.Parameter(made).shape == (3,)
    with pytest.raises(TypeError):
        tinygrad_c.Tensor(3, 1.5)


def test_tensors_of_other_sequences():
    """What has a length and elements by number is a sequence, as in torch; a dict or a generator is none."""
    from array import array
    from collections import deque
    assert tinygrad_c.tensor(range(3)).tolist() == [0, 1, 2]
    assert tinygrad_c.tensor(range(3)).dtype == tinygrad_c.int64
    assert tinygrad_c.LongTensor(range(2, 5)).tolist() == [2, 3, 4]
    assert tinygrad_c.tensor([range(2), range(2, 4)]).tolist() == [[0, 1], [2, 3]]
    assert tinygrad_c.tensor(deque([1.5, 2.5])).tolist() == [1.5, 2.5]
    assert tinygrad_c.tensor(range(0)).shape == (0,)
    assert tinygrad_c.tensor(array("d", [1.0, 2.0])).tolist() == [1, 2]
    for none in ({1: 2}, (i for i in range(2)), "ab", {1, 2}, None):
        with pytest.raises((RuntimeError, TypeError)):
            tinygrad_c.tensor(none)


def test_groups_of_an_optimizer_stand_apart():
    """As torch prints them: an empty line between two groups."""
    groups = [{"params": [tinygrad_c.zeros(1, requires_grad=True)]}, {"params": [tinygrad_c.zeros(1, requires_grad=True)], "lr": 1.0}]
    assert "\n\nParameter Group 1\n" in repr(tinygrad_c.optim.SGD(groups, lr=0.1))
