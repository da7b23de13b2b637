"""The command line on tables: what is told, written and kept; what it does when it is ended, and where it writes."""
import csv
import io
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

for library in ("pandas", "tqdm", "matplotlib", "safetensors"):
    pytest.importorskip(library)

from test_cli import flowers, prices, write  # noqa: E402

import tinygrad_c  # noqa: E402
from tinygrad_c.cli import main  # noqa: E402
from tinygrad_c.tables import modelfile  # noqa: E402


def scores(path="m"):
    with open(f"{path}/metrics.json") as file:
        return json.load(file)


def test_version_and_help_alone(capfd):
    with pytest.raises(SystemExit) as stop:
        main.main(["--version"])
    assert stop.value.code == 0
    assert tinygrad_c.__version__ in capfd.readouterr().out
    assert main.main([]) == 0
    assert "train | sweep | predict | play | info | export" in capfd.readouterr().out


def test_metrics_are_written(run, here):
    write("t.csv", flowers())
    status, out, err = run("train", "t.csv", "--epochs", 10, "--out", "m", "--json", "--quiet")
    assert status == 0, err
    assert json.loads(out) == scores()
    assert err == ""
    found = scores()
    assert found["cross_validated"]["rows"] == 60
    assert np.array(found["cross_validated"]["confusion"]).sum() == 60
    assert {"accuracy", "f1", "auc", "logloss"} <= set(found["cross_validated"])
    assert found["columns"]["used"] == {"length": "number", "width": "number", "colour": "category"}
    assert found["settings"]["epochs"] == 10
    assert set(found["importance"]) == {"length", "width", "colour"}


def test_held_out_rows_and_a_test_file(run, here):
    write("t.csv", flowers(100))
    write("new.csv", flowers(20, seed=5))
    status, out, _ = run("train", "t.csv", "--epochs", 10, "--out", "m", "--holdout", 0.2, "--test", "new.csv")
    assert status == 0
    assert "80 in 5 folds" in out
    assert "20 held out" in out
    assert "held-out accuracy" in out
    assert "test (new.csv) accuracy" in out
    assert scores()["held_out"]["rows"] == 20
    assert scores()["test"]["rows"] == 20


@pytest.mark.parametrize(("metric", "words"), [("f1", "cross-validated macro F1"), ("auc", "cross-validated AUC"),
                                               ("logloss", "cross-validated log loss"), ("accuracy", "cross-validated accuracy")])
def test_metrics_of_classes(run, here, metric, words):
    write("t.csv", flowers())
    status, out, err = run("train", "t.csv", "--epochs", 4, "--out", "m", "--metric", metric, "--class-weight", "balanced")
    assert status == 0, err
    assert words in out


@pytest.mark.parametrize(("metric", "words"), [("rmse", "cross-validated RMSE"), ("mae", "cross-validated mean absolute error")])
def test_metrics_of_quantities(run, refused, here, metric, words):
    write("t.csv", prices())
    status, out, err = run("train", "t.csv", "--epochs", 4, "--out", "m", "--metric", metric)
    assert status == 0, err
    assert words in out
    assert "--metric auc is not for regression: there are r2, rmse, mae" in refused("train", "t.csv", "--metric", "auc")


def test_quick_best_and_folds(run, here):
    write("t.csv", flowers())
    nets = {}
    for option in ("--quick", "--folds=3", "--best"):
        assert run("train", "t.csv", "--epochs", 4, "--hidden", 8, "--out", "m", option)[0] == 0
        model = modelfile.load("m/model.safetensors")
        nets[option] = {(g.kind, f) for g in model.groups for f in g.fold}
    assert nets["--quick"] == {("bins", 0)}
    # After 4 epochs the linear nets are better: they answer too.
    assert nets["--folds=3"] == {(kind, i) for kind in ("bins", "linear") for i in range(3)}
    assert nets["--best"] - {("linear", i) for i in range(5)} == {(kind, i) for kind in ("bins", "periodic") for i in range(5)}


def test_answers_row_by_row(run, here):
    write("t.csv", flowers())
    assert run("train", "t.csv", "--epochs", 10, "--out", "m")[0] == 0
    rows = flowers(6, seed=1)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*rows[:3], [], *rows[3:]])
    (here / "new.csv").write_text(text.getvalue())
    status, out, err = run("predict", "m/model.safetensors", "new.csv", "--proba", "--keep", "length")
    assert status == 0
    lines = list(csv.reader(out.splitlines()))
    assert lines[0] == ["length", "kind", "probability", "p(a)", "p(b)"]
    assert len(lines) == 8
    assert lines[3] == ["", "", "", "", ""]
    assert lines[1][0] == rows[1][0]
    assert "1 blank line: answered by a blank line" in err
    out = run("predict", "m/model.safetensors", "new.csv", "--keep")[1]
    assert out.splitlines()[0] == "length,width,colour,kind,predicted kind,probability"
    answers = json.loads(run("predict", "m/model.safetensors", "new.csv", "--json", "--quiet")[1])
    assert [a["kind"] for a in answers] == ["a", "b", None, "a", "b", "a", "b"]


def test_what_is_odd_at_predict_is_told(run, here):
    write("t.csv", prices(200))
    assert run("train", "t.csv", "--epochs", 20, "--out", "m")[0] == 0
    write("new.csv", [["city", "area"], ["Oslo", "1e9"], ["Paris", ""], ["Rome", "big"]])
    status, out, err = run("predict", "m/model.safetensors", "new.csv")
    assert status == 0
    assert "column 'area': 1 value far outside the training rows'" in err
    assert "('Paris'), taken as none of the known" in err
    assert "'big' in row 3 (line 4): taken as missing" in err
    truth = [float(row[2]) for row in prices(200)[1:]]
    assert all(min(truth) <= float(v) <= max(truth) for v in out.split()[1:])


def test_info_of_a_model(run, here):
    write("t.csv", prices())
    assert run("train", "t.csv", "--epochs", 4, "--out", "m", "--drop", "city")[0] == 0
    status, out, _ = run("info", "m/model.safetensors")
    assert status == 0
    assert "answers 'price', regression" in out
    assert "  area: number, " in out
    assert "left out 'city': as --drop says" in out
    told = json.loads(run("info", "m/model.safetensors", "--json")[1])
    assert told["columns"] == {"area": "number"}


def test_the_model_file_is_read_by_load(run, here):
    write("t.csv", prices())
    assert run("train", "t.csv", "--epochs", 2, "--out", "m")[0] == 0
    tensors = tinygrad_c.load("m/model.safetensors")
    assert tensors["0.weight1"].shape[1:] == (64, 64)


def test_two_files_of_one_name(run, here):
    (here / "other").mkdir()
    write("t.csv", prices())
    write("other/t.csv", flowers())
    assert run("train", "t.csv", "--epochs", 2)[0] == 0
    first = (here / "runs/t/model.safetensors").read_bytes()
    status, out, _ = run("train", "other/t.csv", "--epochs", 2)
    assert status == 0
    assert "has the model of another file: this one goes to runs/t-2" in out
    assert (here / "runs/t/model.safetensors").read_bytes() == first
    assert run("train", "t.csv", "--epochs", 3)[0] == 0
    assert sorted(p.name for p in (here / "runs").iterdir()) == ["t", "t-2"]


def test_a_log_file_has_plain_lines(run, here):
    write("t.csv", prices())
    err = run("train", "t.csv", "--epochs", 5)[2]
    assert "\r" not in err
    assert err.startswith("training: 100% (10 of 10 epochs), validation R2")  # 5 of the nets, 5 of the linear ones


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_ended_at_once_and_gone_on_with_more_epochs(run, here, name):
    """SIGTERM in the first two seconds left nothing; --resume with more epochs was refused."""
    write("t.csv", prices())
    process = subprocess.Popen([sys.executable, "-u", "-m", "tinygrad_c", "train", "t.csv", "--epochs", "1000000", "--out", "x",
                                "--checkpoint-every", "1000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("rows: "):
            break
    time.sleep(1.0)
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume goes on" in err
    assert (here / "x/model.safetensors").exists()
    step = json.loads(modelfile_text("x/checkpoint.safetensors"))["step"]
    assert step > 0
    status, out, err = run("train", "t.csv", "--epochs", step + 5, "--out", "x", "--resume")
    assert status == 0, err
    assert f"going on from step {step:,}" in out


def modelfile_text(path):
    from safetensors import safe_open
    with safe_open(path, "numpy") as file:
        return file.metadata()["model"]
