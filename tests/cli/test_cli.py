"""The command line: two jobs that work, and every kind of input that does not."""
import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("pandas")
pytest.importorskip("tqdm")
pytest.importorskip("matplotlib")
safetensors_numpy = pytest.importorskip("safetensors.numpy")

from samples.comparing import snapshot  # noqa: E402

from tinygrad_c.cli import files, main  # noqa: E402
from tinygrad_c.cli.errors import UserError  # noqa: E402
from tinygrad_c.tables import plan  # noqa: E402


def write(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def flowers(n=60, seed=0):
    """Two classes that two numbers and a colour tell apart."""
    rng = np.random.default_rng(seed)
    rows = [["length", "width", "colour", "kind"]]
    for i in range(n):
        kind = i % 2
        length, width = rng.normal(kind * 3, 0.5), rng.normal(-kind, 0.5)
        rows.append([f"{length:.3f}", f"{width:.3f}", "red" if kind else "blue", "ab"[kind]])
    return rows


def prices(n=80, seed=0):
    rng = np.random.default_rng(seed)
    area, city = rng.uniform(20, 200, n), rng.choice(["Oslo", "Rome"], n)
    return [["area", "city", "price"],
            *([f"{a:.2f}", c, f"{1000 * a + 50_000 * (c == 'Oslo') + rng.normal(0, 500):.2f}"] for a, c in zip(area, city))]


# What works


WRITTEN = ["answers.png", "curves.png", "metrics.json", "model.safetensors"]


def test_digits_reach_98_percent(run, here):
    status, out, err = run("train")
    assert status == 0, err
    assert "training: 100%" in err
    assert float(out.split("held-out accuracy ")[1].split("%")[0]) >= 98
    assert "samples per second" in out
    for setting in ("hidden", "epochs", "batch-size", "lr", "optimizer", "seed", "threads"):
        assert f"\n{setting} " in out
    assert sorted(p.name for p in (here / "runs/digits").iterdir()) == WRITTEN
    for picture in ("curves.png", "answers.png"):
        assert (here / "runs/digits" / picture).read_bytes().startswith(b"\x89PNG")


def test_a_table_of_classes(run, here):
    write("flowers.csv", flowers())
    status, out, err = run("train", "flowers.csv", "--target", "kind", "--epochs", 20)
    assert status == 0, err
    assert "cross-validated accuracy 100.0% (60 of 60 rows) +- 0.0% over 5 folds, macro F1 100.0%" in out
    write("new.csv", [row[:3] for row in flowers(10, seed=1)])
    status, out, err = run("predict", "runs/flowers/model.safetensors", "new.csv")
    assert (status, err) == (0, "")
    rows = list(csv.reader(out.splitlines()))
    assert rows[0] == ["kind", "probability"]
    assert [kind for kind, _ in rows[1:]] == ["a", "b"] * 5
    assert all(0.5 <= float(p) <= 1 for _, p in rows[1:])


def test_a_table_of_quantities(run, here):
    write("prices.csv", prices(400))
    status, out, err = run("train", "prices.csv", "--target", "price", "--out", "p")
    assert status == 0, err
    assert float(out.split("cross-validated R2 ")[1].split(" ")[0]) > 0.98
    assert float(out.split("RMSE ")[1].split(",")[0]) < 8000
    write("new.csv", prices(50, seed=1))
    status, out, err = run("predict", "p/model.safetensors", "new.csv", "--out", "answers.csv")
    assert (status, out) == (0, "")
    assert "RMSE" in err
    assert "wrote answers.csv" in err
    answers = np.loadtxt("answers.csv", skiprows=1)
    truth = np.array([float(row[2]) for row in prices(50, seed=1)[1:]])
    assert np.sqrt(np.mean((answers - truth) ** 2)) < 8000


def test_the_digits_are_a_table_too(run, here):
    assert run("train", "--epochs", 20)[0] == 0
    from tinygrad_c import datasets
    status, out, err = run("predict", "runs/digits/model.safetensors", datasets.digits_path())
    assert status == 0
    assert len(out.splitlines()) == 1798
    assert "accuracy 9" in err


@pytest.mark.parametrize("threads", [1, 3])
def test_the_same_seed_gives_the_same_file(run, here, threads):
    write("t.csv", flowers())
    for out in "ab":
        count = 2 if out == "a" else threads
        assert run("train", "t.csv", "--epochs", 3, "--seed", 5, "--threads", count, "--out", out)[0] == 0
    assert run("train", "t.csv", "--epochs", 3, "--seed", 6, "--out", "c")[0] == 0
    a, b, c = (safetensors_numpy.load((here / d / "model.safetensors").read_bytes()) for d in "abc")
    assert all(np.array_equal(a[k], b[k]) for k in a)
    assert not all(np.array_equal(a[k], c[k]) for k in a)


@pytest.mark.parametrize("optimizer", plan.OPTIMIZERS)
def test_settings_are_obeyed_and_shown(run, here, optimizer):
    write("t.csv", flowers())
    status, out, err = run("train", "t.csv", "--hidden", "7,5", "--epochs", 6, "--batch-size", 9, "--lr", "0.002",
                           "--optimizer", optimizer, "--seed", 3, "--threads", 1, "--out", "x/y")
    assert status == 0, err
    assert " -> 7 -> 5 -> 2)" in out
    settings = {line.split()[0]: line.split()[1:3] for line in out.splitlines() if " --" in line}
    assert settings == {"hidden": ["7,5", "--hidden"], "epochs": ["6", "--epochs"], "batch-size": ["9", "--batch-size"],
                        "lr": ["0.002", "--lr"], "optimizer": [optimizer, "--optimizer"], "seed": ["3", "--seed"],
                        "threads": ["1", "--threads"]}
    arrays = safetensors_numpy.load((here / "x/y/model.safetensors").read_bytes())
    assert [arrays[f"0.weight{i}"].shape[2] for i in range(3)] == [7, 5, 2]


def test_no_hidden_layer_and_another_task(run, here):
    write("t.csv", [["x", "y"], *([i, 2 * i + 1] for i in range(40))])
    status, out, _ = run("train", "t.csv", "--hidden", "0", "--epochs", 2)
    assert status == 0
    assert " -> 1)" in out
    assert "regression" in out
    write("t.csv", [["x", "y"], *([i, i % 3] for i in range(40))])
    assert "classification: 3 classes" in run("train", "t.csv", "--epochs", 2)[1]
    assert "regression" in run("train", "t.csv", "--epochs", 2, "--task", "regression")[1]


def test_notes_on_columns_that_are_left_out_or_mended(run, here):
    rows = flowers()
    rows[0] += ["id", "same", "name", "sky", "petals"]
    for i, row in enumerate(rows[1:]):
        row += [i, "x", f"n{i}", ["clear", "grey", ""][i % 3], ["3", "4", "5+"][i % 3]]
    rows[4][0] = ""
    write("t.csv", rows)
    status, out, err = run("train", "t.csv", "--target", "kind", "--epochs", 5, "--out", "m")
    assert status == 0, err
    assert "dropped 'same': constant" in out
    assert "dropped 'name'" in out
    assert "dropped 'id': a row number" in out
    assert "column 'length': 1 missing value filled with the median" in out
    assert "column 'petals': '5+' in row 3 (line 4) is not a number, so its 3 values are categories" in out
    new = [["sky", "colour", "width", "length", "petals"], ["green", "red", "-1", "3", "4"], ["", "pink", "", "0", "5+"]]
    write("new.csv", new)
    status, out, err = run("predict", "m/model.safetensors", "new.csv")
    assert status == 0
    assert len(out.splitlines()) == 3
    assert "column 'sky': 1 value that the training rows do not have ('green')" in err
    assert "column 'width': 1 missing value" in err


# What is refused


def test_refused_files(refused, here):
    assert "none.csv: no such file" in refused("train", "none.csv")
    (here / "folder.csv").mkdir()
    assert "folder.csv: is a folder" in refused("train", "folder.csv")
    for text, words in [
        ("", "empty"), (" \n\n", "empty"), ("a,b,y\n", "a header and no rows"),
        ("a,b,y\n1,2,3\n\n1,2,3,4\n", "line 4 has 4 fields, and the header names 3 columns"),
        ("1,2,3\n4,5,6\n", "has 2 rows"),
        ('a,b,y\n1,"2,3\n', "a quote is opened and never closed"),
    ]:
        (here / "t.csv").write_text(text)
        assert words in refused("train", "t.csv")
    for junk in (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"a,b\n1,\0\n", b"\x1f\x8bnot gzip"):
        (here / "t.csv").write_bytes(junk)
        assert "t.csv: " in refused("train", "t.csv")


def spoiled(rows, row, column, value):
    rows = [list(r) for r in rows]
    rows[row][column] = value
    return rows


def test_refused_targets(refused, here):
    write("t.csv", flowers())
    assert "t.csv, column 'kin': no such column (did you mean 'kind'?)" in refused("train", "t.csv", "--target", "kin")
    for rows, words in [
        ([flowers()[0], *([*r[:3], "a"] for r in flowers()[1:])], "column 'kind': there is one class only ('a')"),
        (flowers(6), "t.csv: has 6 rows"),
        ([["y"], *([i % 2] for i in range(20))], "no column is left to learn from"),
        ([["a", "y"], *([i, f"name {i}"] for i in range(20))], "too many classes"),
    ]:
        write("t.csv", rows)
        assert words in refused("train", "t.csv")
    write("t.csv", flowers())
    assert "row 1 (line 2), column 'kind': 'a' is not a number" in refused("train", "t.csv", "--task", "regression")
    write("t.csv", [["a", "y"], *([i, 5.5] for i in range(20))])
    assert "column 'y': " in refused("train", "t.csv")


@pytest.mark.parametrize(("table", "row", "column", "value", "words"), [
    ("prices", 7, 2, "dear", "1 row left out: the target 'price' is not a number in some rows, such as 'dear' in row 7 (line 8)"),
    ("prices", 7, 2, "", "1 row left out: the target 'price' is missing (the first is row 7 (line 8))"),
    ("prices", 7, 2, "inf", "1 row left out: the target 'price' is infinite in some rows, such as row 7 (line 8)"),
    ("flowers", 3, 3, "", "1 row left out: the target 'kind' is missing (the first is row 3 (line 4))"),
    ("prices", 7, 0, "inf", "column 'area': the value is infinite in 1 row, such as row 7 (line 8): taken as missing"),
    ("prices", 9, 0, "big", "column 'area': 1 text among the numbers, such as 'big' in row 9 (line 10), is not a number"),
])
def test_what_was_refused_is_told_and_mended(run, here, table, row, column, value, words):
    """A row without an answer no longer refuses the file, nor does a text among numbers: both are said."""
    write("t.csv", spoiled({"prices": prices, "flowers": flowers}[table](), row, column, value))
    status, out, err = run("train", "t.csv", "--epochs", 2)
    assert status == 0, err
    assert words in out


def test_refused_folders(refused, here):
    write("t.csv", flowers())
    (here / "file").write_text("mine")
    assert "file: is not a folder" in refused("train", "t.csv", "--out", "file")
    assert "is not a folder" in refused("train", "t.csv", "--out", "file/deeper")
    assert "nothing can be written there" in refused("train", "t.csv", "--out", "/proc/self/none")
    (here / "out/model.safetensors").mkdir(parents=True)
    assert "is a folder, where a file is to be written" in refused("train", "t.csv", "--out", "out")


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write anywhere")
def test_refused_read_only_folder(refused, here):
    write("t.csv", flowers())
    (here / "locked").mkdir(mode=0o555)
    assert "permission denied" in refused("train", "t.csv", "--out", "locked")


@pytest.mark.parametrize("argv", [
    ["train", "--epochs", "0"], ["train", "--epochs", "many"], ["train", "--lr", "-1"], ["train", "--lr", "nan"],
    ["train", "--hidden", "8,0"], ["train", "--hidden", "x"],
    ["train", "--optimizer", "adm"], ["train", "--seed", "-1"], ["train", "--threads", "0"],
    ["train", "--batch-size", "0"], ["train", "--colour", "red"], ["predict"], ["dance"], ["train", "--holdout", "1"],
    ["train", "--folds", "1"], ["train", "--quick", "--best"], ["train", "--metric", "luck"],
])
def test_refused_options(refused, argv):
    assert "--help" in refused(*argv)


def test_refused_predictions(run, refused, here):
    write("t.csv", prices())
    assert run("train", "t.csv", "--epochs", 1, "--out", "m")[0] == 0
    good = (here / "m/model.safetensors").read_bytes()
    model = here / "model.safetensors"
    assert "none: no such file" in refused("predict", "none", "t.csv")
    assert "none.csv: no such file" in refused("predict", "m/model.safetensors", "none.csv")
    for data in (b"", b"junk", good[:-9], good[:100], bytes(8) + good[8:]):
        model.write_bytes(data)
        assert "model.safetensors: is not a model, or broken" in refused("predict", model, "t.csv")
    model.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert "model.safetensors: is damaged: its checksum" in refused("predict", model, "t.csv")
    model.write_bytes(safetensors_numpy.save({"a": np.zeros(3, "f4")}))
    assert "not a model that" in refused("predict", model, "t.csv")
    for rows, words in [
        ([["arae", "city"], [1, "Oslo"]], "column 'area': no such column (did you mean 'arae'?)"),
        ([["area", "city"]], "a header and no rows"),
    ]:
        write("new.csv", rows)
        assert words in refused("predict", "m/model.safetensors", "new.csv", "--out", "answers.csv")
    write("new.csv", [["area", "city"], [50, "Oslo"]])
    assert "cannot be written" in refused("predict", "m/model.safetensors", "new.csv", "--out", "no/such/folder.csv")


def test_a_missing_library_is_named(refused, monkeypatch):
    for library in ("pandas", "tqdm", "safetensors", "matplotlib"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, library, None)
            assert f"this needs {library}" in (line := refused("train"))
            assert line.endswith("pip install 'tinygrad_c[cli]'\n")


# What ends early


def test_a_loss_that_is_no_number_stops_training(run, here):
    write("t.csv", prices())
    status, _, err = run("train", "t.csv", "--lr", "1e30", "--optimizer", "sgd", "--epochs", 5, "--out", "x")
    assert status == 1
    assert "the loss is" in (last := err.splitlines()[-1])
    assert "a lower --lr" in last
    assert "saved" in last


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_ctrl_c_saves_the_best_net(here):
    process = subprocess.Popen([sys.executable, "-m", "tinygrad_c", "train", "--epochs", "1000000", "--out", "x"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (here / "x/model.safetensors").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "interrupted; the best net so far (epoch " in err
    assert "held-out accuracy" in out
    assert "--resume goes on" in err
    assert sorted(p.name for p in (here / "x").iterdir()) == sorted([*WRITTEN, "checkpoint.safetensors"])
    assert main.main(["predict", "x/model.safetensors", str(table_of_digits())]) == 0


def table_of_digits():
    from tinygrad_c import datasets
    return datasets.digits_path()


def test_files_are_written_whole_or_not_at_all(here, monkeypatch):
    files.write_file("f", b"old")
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(UserError, match="no space left on device"):
        files.write_file("f", b"new")
    assert snapshot(here) == {here / "f": b"old"}


def test_info_and_help(run):
    status, out, _ = run("info")
    assert status == 0
    assert "SIMD" in out
    with pytest.raises(SystemExit) as stop:
        main.main(["--help"])
    assert stop.value.code == 0


def test_the_model_file_tells_what_it_is(run, here):
    from safetensors import safe_open
    write("t.csv", flowers())
    assert run("train", "t.csv", "--epochs", 2, "--out", "m")[0] == 0
    with safe_open("m/model.safetensors", "numpy") as file:
        data = json.loads(file.metadata()["model"])
    assert data["classes"] == ["a", "b"]
    assert data["facts"]["settings"]["epochs"] == 2


def test_pictures_with_chinese_names_need_a_font(monkeypatch, capsys):
    """The font is looked for among those that are installed now; without one it is said, once, and the picture is made."""
    fonts = pytest.importorskip("matplotlib.font_manager")
    from matplotlib.figure import Figure

    from tinygrad_c.cli import pictures

    def made(words):
        figure = Figure()
        figure.subplots().set_title(words)
        return pictures._png(figure, words)

    monkeypatch.setattr(fonts, "findSystemFonts", lambda: [])
    monkeypatch.setattr(fonts.fontManager, "ttflist", [font for font in fonts.fontManager.ttflist if font.name == "DejaVu Sans"])
    pictures._chinese_font.cache_clear()
    try:
        assert made("area").startswith(b"\x89PNG")
        assert capsys.readouterr().err == ""
        assert made("面积").startswith(b"\x89PNG")
        assert made("租金").startswith(b"\x89PNG")
        assert capsys.readouterr().err.count("no font here has them") == 1
    finally:
        pictures._chinese_font.cache_clear()
