"""Training that survives: it goes on from its last checkpoint to the same bits; full disks and numbers that are none are told."""
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

for library in ("pandas", "tqdm", "matplotlib", "safetensors"):
    pytest.importorskip(library)

from test_cli import prices, write  # noqa: E402

from tinygrad_c.cli import checkpoint, files, model, train  # noqa: E402
from tinygrad_c.cli.errors import UserError  # noqa: E402

CASES = [
    ("regression", [1, 20], ["--epochs", 6]),
    ("classification", [7, 20], ["--epochs", 6, "--hidden", "16,8"]),
    ("regression", [9], ["--epochs", 9, "--optimizer", "sgd", "--batch-size", 20]),
    ("classification", [11], ["--epochs", 5, "--optimizer", "rmsprop"]),
    ("regression", [12], ["--epochs", 5, "--optimizer", "adagrad", "--hidden", 0]),
]


class Stopped(BaseException):
    """What a kill looks like from inside: nothing after it is done."""


@pytest.fixture
def killed(run, monkeypatch, capfd):
    """Run a command that dies after writing its so many-th checkpoint."""
    def call(saves, *command):
        written = 0

        def write_file(path, data):
            nonlocal written
            files.write_file(path, data)
            written += Path(path).name == checkpoint.FILE
            if written == saves:
                raise Stopped

        with monkeypatch.context() as patch:
            patch.setattr(train, "write_file", write_file)
            with pytest.raises(Stopped):
                run(*command)
        capfd.readouterr()
    return call


@pytest.mark.parametrize(("task", "checkpoints", "settings"), CASES)
def test_a_resumed_training_comes_to_the_same_bits(run, killed, here, task, checkpoints, settings):
    rows = prices()
    if task == "classification":
        rows = [rows[0], *([*row[:-1], "dear" if float(row[-1]) > np.median([float(r[-1]) for r in rows[1:]]) else "cheap"]
                           for row in rows[1:])]
    write("t.csv", rows)
    command = ["train", "t.csv", *settings, "--checkpoint-every", 0]
    assert run(*command, "--out", "whole")[0] == 0
    expected = (here / "whole/model.safetensors").read_bytes()
    for saves in checkpoints:
        killed(saves, *command, "--out", "out")
        status, out, _ = run(*command, "--resume", "--out", "out")
        assert status == 0
        assert f"going on from step {saves}," in out
        assert (here / "out/model.safetensors").read_bytes() == expected
        assert sorted(p.name for p in (here / "out").iterdir()) == ["curves.png", "model.safetensors"]
        shutil.rmtree("out")


def test_kills_at_random_moments(here):
    from jobs import kill
    kill.main(["--kills", "2", "--seed", "5"])


def test_nothing_to_resume_starts_anew(run, here):
    write("t.csv", prices())
    assert run("train", "t.csv", "--epochs", 2, "--out", "a")[0] == 0
    status, out, _ = run("train", "t.csv", "--epochs", 2, "--out", "b", "--resume")
    assert status == 0
    assert "nothing to go on with in b" in out
    assert (here / "a/model.safetensors").read_bytes() == (here / "b/model.safetensors").read_bytes()


def test_another_training_is_not_resumed(run, killed, refused, here):
    write("t.csv", prices())
    command = ["train", "t.csv", "--epochs", 4, "--checkpoint-every", 0, "--out", "out"]
    killed(5, *command)
    assert "another lr (0.003, and now 0.1)" in refused(*command, "--resume", "--lr", 0.1)
    assert "another seed (0, and now 3)" in refused(*command, "--resume", "--seed", 3)
    write("t.csv", prices()[:-1])
    assert "another table" in refused(*command, "--resume")
    write("t.csv", prices())
    path = here / "out" / checkpoint.FILE
    good = path.read_bytes()
    for data, words in ((b"", "broken"), (good[:-7], "broken"), (good[:-1] + bytes([good[-1] ^ 1]), "its checksum"),
                        (good.replace(b'\\"step\\": 5', b'\\"step\\": 6'), "its checksum"),
                        ((here / "out/model.safetensors").read_bytes() if (here / "out/model.safetensors").exists()
                         else model.seal({}, model.FORMAT, {}), "not a checkpoint")):
        path.write_bytes(data)
        assert words in refused(*command, "--resume")
    path.write_bytes(good)
    assert run(*command, "--resume", "--threads", 1)[0] == 0


def limited(size, argv, folder):
    """The command where no file may grow beyond size bytes: what a full disk looks like."""
    return subprocess.run([sys.executable, "-m", "tinygrad_c", *map(str, argv)], cwd=folder, capture_output=True, text=True,
                          timeout=120, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))


def test_a_disk_without_room_is_told_before_training(here):
    write("t.csv", prices())
    done = limited(500_000, ["train", "t.csv", "--out", "out"], here)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "nothing of 1." in done.stderr
    assert "can be written there: file too large; give --out another folder" in done.stderr
    assert list((here / "out").iterdir()) == []


def test_a_disk_that_fills_up_does_not_lose_the_net(run, here, monkeypatch):
    """Checkpoints are refused and said once; the model goes to another folder."""
    write("t.csv", prices())
    monkeypatch.setenv("TMPDIR", str(here / "spare"))
    (here / "spare").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    real = files.write_file

    def full(path, data):
        if "spare" not in str(path):
            raise UserError("cannot be written: no space left on device", str(path))
        real(path, data)

    monkeypatch.setattr(train, "write_file", full)
    status, out, err = run("train", "t.csv", "--epochs", 3, "--checkpoint-every", 0, "--out", "out")
    assert status == 0
    assert err.count("training goes on without a new checkpoint") == 1
    assert "no space left on device; it is saved as" in err
    saved = next((here / "spare").rglob("model.safetensors"))
    assert str(saved) in out
    model.load(str(saved))


def test_a_loss_that_is_no_number_names_step_layer_and_value(run, here):
    write("t.csv", prices())
    status, _, err = run("train", "t.csv", "--lr", "1e30", "--optimizer", "sgd", "--epochs", 5, "--out", "x")
    assert status == 1
    last = err.splitlines()[-1]
    assert "step " in last
    assert "from layer 4 (Linear(in_features=64, out_features=64, bias=True)), whose output holds inf" in last
    assert "holds " in last
    assert not (here / "x" / checkpoint.FILE).exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount")
def test_a_full_file_system(here):
    """The same on a real one, where this may be mounted."""
    (here / "small").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", "small"], capture_output=True).returncode:
        pytest.skip("mounting is refused")
    try:
        write("t.csv", prices())
        done = subprocess.run([sys.executable, "-m", "tinygrad_c", "train", "t.csv", "--out", "small"], capture_output=True,
                              text=True)
        assert done.returncode == 2
        assert "no space left on device" in done.stderr
    finally:
        subprocess.run(["umount", "small"], check=True)


def test_a_checkpoint_tells_its_training(killed, here):
    write("t.csv", prices())
    killed(3, "train", "t.csv", "--epochs", 4, "--checkpoint-every", 0, "--out", "out")
    arrays, data = model.unseal(str(here / "out" / checkpoint.FILE), checkpoint.FORMAT, "a checkpoint", "")
    assert data["step"] == 3
    assert data["identity"]["optimizer"] == "adamw"
    assert {"net.0.weight", "optimizer.0.exp_avg", "order", "stream"} <= set(arrays)
    assert json.dumps(data)
