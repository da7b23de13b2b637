"""The programs of examples/: each runs by itself, its numbers are the true ones, and PyTorch running the same text agrees."""
from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from samples.paths import ROOT

EXAMPLES = ROOT / "examples"
PROGRAMS = sorted(path.stem for path in EXAMPLES.glob("[0-9]*.py"))


def load(name: str, engine: str = "tinygrad_c") -> ModuleType:
    """The program as a module; with engine="torch", its text with the import changed."""
    path = EXAMPLES / f"{name}.py"
    text = path.read_text()
    if engine == "torch":
        text = re.sub(r"import tinygrad_c\b( as torch)?", "import torch", text)
        text = re.sub(r"^ *@torch.compile\b.*\n", "", text, flags=re.MULTILINE)       # it has no derivatives of derivatives
        assert "tinygrad_c" not in text
    module = ModuleType(f"{name}_{engine}")
    exec(compile(text, str(path), "exec"), module.__dict__)
    return module


@pytest.fixture(autouse=True)
def beside_the_examples(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)


@pytest.fixture
def both():
    """both(name): the program on this package and on PyTorch."""
    pytest.importorskip("torch")
    return lambda name: (load(name), load(name, "torch"))


def in_torch(*tensors):
    import torch
    return tuple(torch.tensor(t.tolist()) for t in tensors)


def copy_weights(source, target) -> None:
    import torch
    with torch.no_grad():
        for mine, its in zip(source.parameters(), target.parameters(), strict=True):
            its.copy_(torch.tensor(mine.tolist()))


@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_by_itself(name, tmp_path):
    draws = "from pictures import" in (EXAMPLES / f"{name}.py").read_text()
    run = subprocess.run([sys.executable, EXAMPLES / f"{name}.py", *(["--out", "made"] if draws else [])], cwd=tmp_path,
                         capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert run.returncode == 0, run.stderr
    assert run.stdout
    assert not run.stderr
    if draws and importlib.util.find_spec("matplotlib"):
        picture = (tmp_path / "made" / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")


def test_a_picture_without_matplotlib_is_a_hint(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    load("01_forward_and_backward").main(tmp_path)
    assert "pip install matplotlib" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_forward_and_backward(tmp_path):
    found = load("01_forward_and_backward").main(tmp_path)
    columns = {name: [step[name] for step in found["runs"][0.1]] for name in ("prediction", "loss", "dw", "db")}
    assert columns["prediction"] == pytest.approx([7, 9, 7], abs=1e-5)
    assert columns["loss"] == pytest.approx([1, 1, 1], abs=1e-5)
    assert columns["dw"] == pytest.approx([-6, 6, -6], abs=1e-5)
    assert columns["db"] == pytest.approx([-2, 2, -2], abs=1e-5)
    assert [step["loss"] for step in found["runs"][0.02]] == pytest.approx([1, 0.36, 0.1296], abs=1e-5)
    assert "does not require grad and does not have a grad_fn" in found["message"]
    assert (found["dw"], found["dx"]) == (-12, None)
    assert (found["kept"], found["zeroed"]) == ([6, 12], [6, 6])


def test_mnist_shaped_net(tmp_path):
    found = load("02_mnist_shaped_net").main(tmp_path)
    assert len(found["slow"]) == 100
    assert found["slow"][-1] < found["slow"][0]
    assert found["slow"][-1] == pytest.approx(0.09, abs=0.005)
    assert found["fast"][-1] < 0.01
    assert found["right"] == 1


def test_mnist_shaped_net_as_torch(both):
    ours, its = both("02_mnist_shaped_net")
    pictures, wanted = ours.make_pictures(20)
    model, reference = ours.PictureNet(), its.PictureNet()
    copy_weights(model, reference)
    assert repr(model) == repr(reference)
    expected = its.train(reference, *in_torch(pictures, wanted), lr=0.01, epochs=100)
    assert ours.train(model, pictures, wanted, lr=0.01, epochs=100) == pytest.approx(expected, rel=1e-5)


def test_house_price():
    found = load("03_house_price").main()
    assert found["before"] == pytest.approx({"z1": 5, "a1": 0.993307, "prediction": 1.989961, "loss": 0.260140}, abs=6e-7)
    by_hand = {"dpred": -1.020079, "dw2": -1.013251, "db2": -1.020079, "da1": -1.530118, "slope": 0.006648,
               "dw1": -0.030517, "db1": -0.010172}
    assert found["by_hand"] == pytest.approx(by_hand, abs=6e-7)
    assert found["loss"] == pytest.approx(0.260140, abs=2e-6)
    assert found["recorded"] == pytest.approx({name: by_hand[name] for name in ("dw1", "db1", "dw2", "db2")}, abs=2e-6)
    assert found["moved"] == pytest.approx({"w1": 2.003052, "b1": -0.998983, "w2": 1.601325, "b2": 0.602008}, abs=6e-7)
    assert found["after"]["prediction"] == pytest.approx(2.192723, abs=6e-7)
    assert found["after"]["loss"] == pytest.approx(0.094419, abs=6e-7)
    assert found["change"] == pytest.approx(-0.165721, abs=6e-7)


def test_every_gradient():
    found = load("04_every_gradient").main()
    assert {name: tuple(grad.shape) for name, grad in found["gradients"].items()} == {
        "0.weight": (2, 1), "0.bias": (2,), "2.weight": (1, 2), "2.bias": (1,)}
    assert found["gradients"]["2.bias"].item() == pytest.approx(found["error"], rel=1e-5)
    assert found["nudged"] == pytest.approx(found["error"], rel=1e-2)
    assert found["after"] < found["loss"]


def test_every_gradient_as_torch(both):
    ours, its = both("04_every_gradient")
    x, y = ours.make_data()
    model = ours.nn.Sequential(ours.nn.Linear(1, 2), ours.nn.ReLU(), ours.nn.Linear(2, 1))
    reference = its.nn.Sequential(its.nn.Linear(1, 2), its.nn.ReLU(), its.nn.Linear(2, 1))
    copy_weights(model, reference)
    loss, found = ours.gradients(model, x, y)
    expected_loss, expected = its.gradients(reference, *in_torch(x, y))
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert list(found) == list(expected)
    for name in found:
        np.testing.assert_allclose(found[name].tolist(), expected[name].tolist(), rtol=1e-5, atol=1e-6)


def descent(x: np.ndarray, y: np.ndarray, lr: float, epochs: int) -> tuple[float, float]:
    """w and b after gradient descent on the mean squared error from 0, in float64."""
    w = b = 0.0
    for _ in range(epochs):
        error = w * x + b - y
        w, b = w - lr * (2 * error * x).mean(), b - lr * (2 * error).mean()
    return w, b


def test_line_fit(tmp_path):
    program = load("05_line_fit")
    found = program.main(tmp_path)
    program.torch.manual_seed(0)
    x, y = (np.array(t.flatten().tolist()) for t in program.make_data())
    assert found["best"] == pytest.approx(tuple(np.polyfit(x, y, 1)), abs=1e-4)
    for epochs in (50, 300):
        expected = descent(x, y, 0.1, epochs)
        for way in ("by hand", "backward()"):
            fit = found["fits"][way, epochs]
            assert (fit["w"], fit["b"]) == pytest.approx(expected, abs=1e-4), (way, epochs)
    assert abs(found["fits"]["backward()", 50]["w"] - found["best"][0]) > 0.3      # 50 epochs are too few, as its text says
    assert abs(found["fits"]["backward()", 300]["w"] - found["best"][0]) < 0.05
    assert found["fits"]["Adam", 300]["w"] == pytest.approx(found["best"][0], abs=2e-3)


def test_line_fit_as_torch(both):
    ours, its = both("05_line_fit")
    x, y = ours.make_data()
    for way in ours.WAYS:
        expected = its.WAYS[way](its.start(), *in_torch(x, y), 50)
        assert ours.WAYS[way](ours.start(), x, y, 50) == pytest.approx(expected, rel=1e-5), way


def test_exercises(tmp_path):
    found = load("06_exercises").main(tmp_path)
    units = found["units"]
    assert units["prediction"] == pytest.approx(2.258902, abs=2e-6)
    assert units["loss"] == pytest.approx(0.058128, abs=2e-6)
    for gradients in (units["recorded"], units["by_hand"]):
        assert gradients["w1"] == pytest.approx([-0.014425, -0.284416], abs=2e-6)
        assert gradients["b1"] == pytest.approx([-0.004808, -0.094805], abs=2e-6)
        assert gradients["w2"] == pytest.approx([-0.478969, -0.129682], abs=2e-6)
        assert gradients["b2"] == pytest.approx(-0.482196, abs=2e-6)

    sigmoid, dead, alive = (found["houses"][name] for name in ("sigmoid, lr 0.1", "relu, lr 0.1", "relu, lr 0.01"))
    assert sigmoid["losses"][:2] == pytest.approx([0.260140, 0.094419], abs=2e-6)
    assert dead["losses"][:2] == pytest.approx([30.25, 9.61], rel=1e-5)
    assert (dead["a1"], dead["w1"], dead["b1"]) == pytest.approx((0, -2.95, -2.65), abs=1e-5)
    assert alive["a1"] > 0
    assert alive["prediction"] == pytest.approx(2.5, abs=1e-3)

    assert (np.diff(found["loop"]) < 0).all()
    assert found["loop"][-1] < 0.02
    creeps, arrives, swings, climbs = found["rates"].values()
    assert creeps[-1] > 2 * arrives[-1]
    assert np.sum(np.diff(swings) > 0) > 10
    assert swings[-1] < swings[0]
    assert not climbs[-1] < climbs[0]


def test_exercises_as_torch(both):
    ours, its = both("06_exercises")
    x, y = ours.make_data()
    expected = its.train(its.small_net(), *in_torch(x, y), lr=0.1, epochs=100)
    assert ours.train(ours.small_net(), x, y, lr=0.1, epochs=100) == pytest.approx(expected, rel=1e-5)
    for lr in (0.1, 0.01):
        found, expected = ours.train_house(ours.relu, lr, 50), its.train_house(its.relu, lr, 50)
        assert found.pop("losses") == pytest.approx(expected.pop("losses"), rel=1e-4, abs=1e-9)
        assert found == pytest.approx(expected, rel=1e-5)


# ---- Gradients of gradients: the numbers recorded from PyTorch 2.13, and PyTorch itself beside us

FEW = {     # program: (arguments of main, {key: last values})
    "13_physics_informed_net": ((20,), {"losses": [0.14840940378913967, 0.12199282538218492, 0.10789749806036072],
                                        "u": [-0.1892556631814759, -0.23538934890914698, -0.248404594508155]}),
    "14_gan_with_gradient_penalty": ((6,), {"critic": [-0.2036391544305146, -0.24980614222290137, -0.1260510038442938],
                                            "norm": [1.0075238031625176, 0.9935700631602342, 0.957553852508782],
                                            "generator": [0.41932186761121915, 0.4458070785967947, 0.25398006713072163]}),
    "15_hessian_vector_products": ((), {"hv": [-2.0277499054261607, 2.4337666946603917, -3.4835495278685906],
                                        "losses": [0.06324524085707166, 0.05841737069230584, 0.054097631894946305]}),
    "16_maml_sine_waves": ((15,), {"losses": [4.237665893871987, 4.922956929091074, 2.255034984708528]}),
}


@pytest.mark.parametrize("name", FEW)
def test_gradients_of_gradients_give_the_recorded_numbers(name):
    arguments, expected = FEW[name]
    found = load(name).main(*arguments)
    for key, values in expected.items():
        assert found[key][-3:] == pytest.approx(values, rel=1e-7), key


@pytest.mark.parametrize("name", FEW)
def test_gradients_of_gradients_beside_pytorch(name, both):
    import torch
    ours, theirs = both(name)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        expected = theirs.main(*FEW[name][0])
    finally:
        torch.set_num_threads(threads)
    found = ours.main(*FEW[name][0])
    for key in FEW[name][1]:
        assert found[key] == pytest.approx(expected[key], rel=1e-7), key


def test_gradients_of_gradients_learn():
    found = load("13_physics_informed_net").main()
    assert found["error"] < 0.03
    found = load("14_gan_with_gradient_penalty").main()
    assert 1.6 < found["radius"] < 2.2
    spots = 2 * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], 1)
    distances = np.linalg.norm(np.array(found["made"])[:, None] - spots, axis=2)
    assert np.median(distances.min(1)) < 0.4                    # 0.72 after 300 steps
    assert all((distances.argmin(1) == spot).sum() > 20 for spot in range(8))
    assert 0.9 < np.mean(found["norm"][-50:]) < 1.1
    found = load("15_hessian_vector_products").main()
    assert found["hvp"] < 1e-12
    assert found["hessian"] < 1e-12
    assert found["difference"] < 1e-6
    assert found["losses"][-1] < 0.06
    found = load("16_maml_sine_waves").main()
    assert found["after"] < 0.6 * found["before"]


# ---- Nets: the same weights and data in both engines

def weights_into(source, target) -> None:
    """All parameters and buffers."""
    import torch
    target.load_state_dict({name: torch.tensor(value.tolist()) for name, value in source.state_dict().items()})


def test_convnet_on_digits():
    found = load("07_convnet_on_digits").main()
    assert found["parameters"] == 12 * 9 + 12 + 24 + 24 * 12 * 9 + 24 + 48 + 96 * 10 + 10
    assert found["losses"] == pytest.approx([0.8682, 0.1326, 0.0717, 0.0286], rel=0.05)
    assert found["accuracy"] == pytest.approx(0.950, abs=0.02)


def test_convnet_on_digits_as_torch(both):
    ours, its = both("07_convnet_on_digits")
    (x, y), (unseen, labels) = ours.make_data()
    model, reference = ours.ConvNet(), its.ConvNet()
    weights_into(model, reference)
    assert repr(model) == repr(reference)
    expected = its.train(reference, *in_torch(x[:300], y[:300]), epochs=2)
    assert ours.train(model, x[:300], y[:300], epochs=2) == pytest.approx(expected, rel=2e-4)
    weights_into(model, reference)      # the last bits differ by now
    assert ours.accuracy(model, unseen, labels) == pytest.approx(its.accuracy(reference, *in_torch(unseen, labels)), abs=1e-6)


def test_char_lstm():
    found = load("08_char_lstm").main()
    assert found["losses"][0] == pytest.approx(2.6071, abs=1e-3)
    assert found["losses"][-1] == pytest.approx(0.2862, rel=0.1)
    assert "the rat and the" in found["text"]


def test_char_lstm_as_torch(both):
    ours, its = both("08_char_lstm")
    x, y = ours.make_data()
    model, reference = ours.CharLSTM(len(ours.LETTERS)), its.CharLSTM(len(its.LETTERS))
    weights_into(model, reference)
    assert repr(model) == repr(reference)
    expected = its.train(reference, *in_torch(x, y), steps=12)
    assert ours.train(model, x, y, steps=12) == pytest.approx(expected, rel=2e-4)
    assert ours.write(model, "the ", 10) == its.write(reference, "the ", 10)


def test_attention_block():
    found = load("09_attention_block").main()
    assert found["losses"][0] == pytest.approx(2.2400, abs=1e-3)
    assert found["losses"][-1] < 0.01
    assert found["right"] > 0.99
    assert found["look"] == [1, 2, 3, 4, 5]


def test_attention_block_as_torch(both):
    ours, its = both("09_attention_block")
    batches = [ours.make_data() for _ in range(12)]
    model, reference = ours.Repeater(), its.Repeater()
    weights_into(model, reference)
    assert repr(model) == repr(reference)
    expected = its.train(reference, in_torch(*batches))
    assert ours.train(model, batches) == pytest.approx(expected, rel=2e-4)


def test_vae():
    found = load("10_vae").main()
    assert found["losses"][0] == pytest.approx((44.73, 0.08), abs=0.01)
    assert found["losses"][-1] == pytest.approx((21.14, 2.75), rel=0.03)
    assert found["invented"].shape == (1, 64)


def test_vae_as_torch(both):
    ours, its = both("10_vae")
    x = ours.torch.tensor(ours.digits()[0])
    noise = ours.torch.randn(30, 100, ours.LATENT)
    model, reference = ours.VAE(), its.VAE()
    weights_into(model, reference)
    expected = its.train(reference, *in_torch(x, noise))
    np.testing.assert_allclose(ours.train(model, x, noise), expected, rtol=2e-4)


def test_policy_gradient():
    lengths = load("11_policy_gradient").main()["lengths"]
    assert np.mean(lengths[:20]) < 40
    assert np.mean(lengths[-40:]) > 90


def test_policy_gradient_as_torch(both):
    ours, its = both("11_policy_gradient")
    policy, reference = ours.make_policy(), its.make_policy()
    weights_into(policy, reference)
    starts, draws = ours.torch.rand(15, 4) * 0.1 - 0.05, ours.torch.rand(15, ours.LIMIT)
    assert ours.train(policy, starts, draws) == its.train(reference, *in_torch(starts, draws))
    for mine, theirs in zip(policy.parameters(), reference.parameters(), strict=True):
        np.testing.assert_allclose(mine.tolist(), theirs.tolist(), rtol=1e-3, atol=1e-4)


def test_autoencoder():
    found = load("12_autoencoder").main()
    x = np.array(load("12_autoencoder").digits()[0])
    variances = np.linalg.eigvalsh(np.cov(x.T, bias=True))
    assert found["linear"] == pytest.approx(variances[:-3].sum() / 64, abs=1e-4)     # what three main directions leave over
    assert found["error"] == pytest.approx(0.0344, abs=0.001)
    assert found["losses"][0] == pytest.approx(0.1126, abs=0.001)


def test_autoencoder_as_torch(both):
    ours, its = both("12_autoencoder")
    x = ours.torch.tensor(ours.digits()[0])[:500]
    model, reference = ours.Autoencoder(), its.Autoencoder()
    weights_into(model, reference)
    assert repr(model) == repr(reference)
    expected = its.train(reference, *in_torch(x), epochs=5)
    assert ours.train(model, x, epochs=5) == pytest.approx(expected, rel=2e-4)
