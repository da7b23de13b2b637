"""Nets of nn.Sequential as C headers and ONNX files: compiled, run, and compared with the net."""
import re
import shutil
import subprocess

import numpy as np
import pytest

import tinygrad_c as torch
from tinygrad_c import nn
from tinygrad_c.export import check
from tinygrad_c.export.c import EXPRESSIONS, header
from tinygrad_c.export.onnx import POINTWISE, onnx_bytes
from tinygrad_c.export.steps import POINTWISE as NAMES

COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]
ARM = {"aarch64": (["aarch64-linux-gnu-gcc", "-static"], ["qemu-aarch64"]), "arm": (["arm-linux-gnueabihf-gcc", "-static"], ["qemu-arm"])}


def image():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2),
        nn.Sequential(nn.Conv2d(4, 6, (3, 2), stride=(2, 1), groups=2, dilation=(1, 2), bias=False), nn.PReLU(6)),
        nn.AvgPool2d(2, 1, padding=1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(90, 5), nn.Softmax(1)), (2, 11, 13)


def series():
    return nn.Sequential(nn.Conv1d(3, 8, 5, stride=2, padding=2), nn.BatchNorm1d(8), nn.SiLU(), nn.MaxPool1d(3, 2, 1, ceil_mode=True),
                         nn.Conv1d(8, 4, 4, padding="same"), nn.PReLU(), nn.AvgPool1d(2, padding=1, count_include_pad=False),
                         nn.AdaptiveMaxPool1d(3), nn.Flatten(), nn.LogSoftmax(-1)), (3, 25)


def words():
    return nn.Sequential(nn.Embedding(20, 6), nn.LayerNorm(6), nn.Linear(6, 4), nn.Tanh(), nn.Flatten(), nn.Linear(28, 3, bias=False)), (7,)


def dense():
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.3),
                         nn.Sequential(nn.Linear(9, 7, bias=False), nn.LayerNorm(7), nn.GELU()), nn.Linear(7, 3), nn.Softmax(dim=1)), (2, 3)


def pooled():
    return nn.Sequential(nn.Unflatten(1, (2, 5, 7)), nn.AdaptiveAvgPool2d((2, 3)), nn.Conv2d(2, 3, 1), nn.ReLU(inplace=True), nn.LayerNorm((2, 3)),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten()), (70,)


def activations_alone():
    return nn.Sequential(nn.Tanh(), nn.Softmax(1), nn.Sigmoid()), (4, 3)


NETS = {f.__name__: f for f in (image, series, words, dense, pooled, activations_alone)}
MADE = {}


def made(name):
    """The net, with running statistics of its own, and 50 rows."""
    if name not in MADE:
        torch.manual_seed(0)
        net, shape = NETS[name]()
        rows = torch.randint(0, 20, (50, *shape)) if name == "words" else torch.randn(50, *shape) * 2 + 1
        for _ in range(5):
            net(rows)
        MADE[name] = net, rows
    return MADE[name]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_c(name, compiler):
    net, rows = made(name)
    found = header(net, rows, "my net")
    assert net.training
    assert check.difference(check.run_c(found, rows.numpy(), [compiler]), found.expected) < 1e-5
    np.testing.assert_array_equal(found.expected, net.eval()(rows).detach().numpy().reshape(50, -1))
    net.train()


@pytest.mark.parametrize("name", NETS)
def test_onnx(name):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net, rows = made(name)
    data, expected = onnx_bytes(net, rows)
    assert check.difference(check.run_onnx(data, rows.numpy()), expected) < 1e-5
    assert check.difference(check.run_onnx(data, rows[:1].numpy()), expected[:1]) < 1e-5


@pytest.mark.parametrize("machine", ARM)
@pytest.mark.parametrize("int8", [False, True])
def test_c_on_arm(machine, int8):
    cc, run = ARM[machine]
    if not (shutil.which(cc[0]) and shutil.which(run[0])):
        pytest.skip("no ARM compiler and qemu")
    net, rows = made("image")
    found = header(net, rows, "net", int8)
    assert check.difference(check.run_c(found, rows.numpy(), cc, run), found.expected) < (0.05 if int8 else 1e-5)


SETTINGS = {"LeakyReLU": [0.2], "ELU": [0.7], "CELU": [0.6], "GELU": ["tanh"], "Softplus": [2.0, 3.0], "Hardtanh": [-0.5, 1.5], "Hardshrink": [0.8],
            "Softshrink": [0.7], "Threshold": [0.3, -0.2]}


@pytest.mark.parametrize(("name", "settings"), [(name, []) for name in NAMES if name != "Threshold"] + list(SETTINGS.items()), ids=str)
def test_activations(name, settings):
    """Where they bend, near zero, and far out."""
    net = nn.Sequential(getattr(nn, name)(*settings))
    rows = torch.cat([torch.linspace(-8, 8, 161), torch.tensor([-90.0, 90.0, 1e-6, -1e-6, 30.0, -30.0])]).reshape(-1, 1)
    if COMPILERS:
        found = header(net, rows)
        assert check.difference(check.run_c(found, rows.numpy(), [COMPILERS[0]]), found.expected) < 1e-6
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    data, expected = onnx_bytes(net, rows)
    assert check.difference(check.run_onnx(data, rows.numpy()), expected) < 1e-6


def test_every_activation_has_both():
    assert set(NAMES) == set(EXPRESSIONS) | {"GELU"} == set(POINTWISE)


def test_costs():
    found = header(*made("dense"))
    weights = [6 * 9, 9, 9, 9, 9 * 7, 7, 7, 7, 7 * 3, 3]
    assert found.rom == 4 * sum(weights)
    assert found.operations == 6 * 9 + 9 + 9 * 7 + 3 * 7 + 7 * 3
    assert found.ram == 4 * (9 + 7)
    small = header(*made("dense"), int8=True)
    assert small.rom == 6 * 9 + 9 * 7 + 7 * 3 + 4 * (9 + 7 + 3) + 4 * (9 + 9 + 9 + 7 + 7 + 7 + 3)


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
def test_int8_is_near():
    net, rows = made("image")
    found = header(net, rows, int8=True)
    assert found.rom < 0.4 * header(net, rows).rom
    assert 1e-5 < check.difference(check.run_c(found, rows.numpy(), [COMPILERS[0]]), found.expected) < 0.05


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
def test_a_changed_weight_fails_the_self_test():
    """So that the self-test can fail."""
    net, rows = made("dense")
    found = header(net, rows)
    found.text = re.sub(r"(static const float net_0\[9\] = \{\s*)", r"\g<1>9.0f + ", found.text)
    with pytest.raises(ValueError, match="fails its self-test"):
        check.run_c(found, rows.numpy(), [COMPILERS[0]])


def test_export_writes_and_tells(tmp_path):
    net, rows = made("image")
    told = net.export(tmp_path / "digits.h", rows)
    text = (tmp_path / "digits.h").read_text()
    assert f"{told.rom:,} bytes of constants, {told.ram:,} bytes of stack, {told.operations:,} multiplications" in str(told)
    assert "digits_run(const float *x, float *y)" in text
    assert told.operations == 4 * 2 * 9 * 11 * 13 + 4 * 11 * 13 + 6 * 2 * 6 * 2 * 4 + 90 * 5
    if COMPILERS:
        assert told.difference < 1e-5
        assert "compared with the net" in str(told)
    pytest.importorskip("onnx")
    told = torch.export(net, tmp_path / "digits.onnx", rows)
    assert told.bytes == (tmp_path / "digits.onnx").stat().st_size
    assert told.rom is None


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
def test_nothing_is_written_where_answers_differ(tmp_path, monkeypatch):
    net, rows = nn.Sequential(nn.Linear(6, 3), nn.ReLU()), torch.randn(50, 6) * 3
    monkeypatch.setitem(EXPRESSIONS, "ReLU", "v < 0.0f ? 0.0f : v * 1.00005f")
    with pytest.raises(RuntimeError, match="nothing was written"):
        net.export(tmp_path / "net.h", rows)
    assert not list(tmp_path.iterdir())


class Own(nn.Module):
    def forward(self, x):
        return x


def test_what_is_not_exported(tmp_path):
    rows = torch.rand(3, 2)
    hooked = nn.Linear(2, 2)
    hooked.register_forward_hook(lambda module, args, out: out * 2)
    broken = nn.Linear(2, 2)
    with torch.no_grad():
        broken.weight.fill_(float("inf"))
    for net, words in [(nn.Sequential(nn.Linear(2, 2), Own()), "layer '1', Own, cannot be exported; these can: .*Conv2d.*ReLU"),
                       (nn.Sequential(nn.Sequential(nn.RReLU())), "layer '0.0', RReLU"), (nn.Sequential(hooked), "forward hooks"),
                       (nn.Sequential(broken), "not finite"), (nn.Sequential(nn.Softmax(0)), "over the rows"),
                       (nn.Sequential(nn.BatchNorm1d(2, track_running_stats=False)), "running statistics"),
                       (nn.Sequential(nn.Unflatten(1, (1, 2)), nn.Conv1d(1, 1, 1, padding_mode="circular")), "padding_mode"),
                       (nn.Sequential(nn.Unflatten(1, (1, 2)), nn.AvgPool1d(2, ceil_mode=True)), "ceil_mode"), (nn.Flatten(0), "row for each row")]:
        with pytest.raises(ValueError, match=words):
            torch.export(net, tmp_path / "net.h", rows)
        assert all(module.training for module in net.modules())
    good = nn.Sequential(nn.Linear(2, 2))
    for path, example, error, words in [("net.txt", rows, ValueError, r"\.h .*\.onnx"), ("net.h", [[1.0, 2.0]], TypeError, "a Tensor"),
                                        ("net.h", rows[0], ValueError, "dimension of rows"), ("net.h", torch.rand(3, 5), RuntimeError, "shapes")]:
        with pytest.raises(error, match=words):
            good.export(tmp_path / path, example)
    with pytest.raises(ValueError, match="begin with an Embedding"):
        header(nn.Sequential(nn.Flatten()), torch.ones(2, 2, dtype=torch.int64))
    with pytest.raises(ValueError, match="int8 weights are for C"):
        good.export(tmp_path / "net.onnx", rows, int8=True)
    with pytest.raises(TypeError, match="takes a Module"):
        torch.export(torch.relu, tmp_path / "net.h", rows)
    assert not list(tmp_path.iterdir())


def test_the_example_and_the_net_stay_as_they_were():
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Dropout(0.5))
    net[1].eval()
    rows = -torch.ones(2, 2)
    header(net, rows)
    assert (rows == -1).all()
    assert net.training
    assert net[0].training
    assert not net[1].training


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
def test_two_nets_in_one_program(tmp_path):
    texts = []
    for name in ("dense", "image"):
        found = header(*made(name), name)
        (tmp_path / f"{name}.h").write_text(found.text)
        texts.append(f'#include "{name}.h"\n')
    (tmp_path / "main.c").write_text("".join(texts * 2) + "int main(void) { return dense_selftest() + image_selftest(); }\n")
    subprocess.run([COMPILERS[0], "-std=c99", "-Wall", "-Wextra", "-Werror", "-o", "main", "main.c", "-lm"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "main"], check=True)
