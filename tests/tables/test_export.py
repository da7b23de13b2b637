"""Exported files answer as the model does, to 1e-5: compiled C, ONNX in onnxruntime, the NumPy module; gaps and unseen levels too."""
import shutil

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
datasets = pytest.importorskip("sklearn.datasets")

from tinygrad_c.tables import Options, UserError, fit, from_frame  # noqa: E402
from tinygrad_c.tables.export.c import header, identifier, quoted  # noqa: E402
from tinygrad_c.tables.export.check import check_c, check_onnx, check_py  # noqa: E402
from tinygrad_c.tables.export.onnx import onnx_bytes  # noqa: E402
from tinygrad_c.tables.export.py import module  # noqa: E402
from tinygrad_c.tables.export.rows import as_read, example_rows  # noqa: E402

COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]


def mixed(n=200, seed=0):
    """Every kind of column: numbers, gaps, long tails, two values, text, codes, many levels, dates, prices."""
    rng = np.random.default_rng(seed)
    f = pandas.DataFrame({
        "area in m²": rng.uniform(20, 200, n), "city": rng.choice(["Oslo", "Rome", 'Zürich "x"??=', None], n),
        "code": rng.choice([f"{i:03d}" for i in range(12)], n), "heavy": np.exp(rng.normal(0, 3, n)), "int": rng.integers(0, 2, n),
        "when": pandas.date_range("2020-01-01", periods=n, freq="7h"), "many": [f"level {i}" for i in rng.integers(0, 30, n)],
        "price": [f"${v:,.2f}" for v in rng.uniform(1, 9999, n)], "huge": rng.normal(1e12, 1e3, n)})
    f.loc[::7, "area in m²"] = np.nan
    f["y"] = f["area in m²"].fillna(50) * 2 + (f.city == "Oslo") * 50 + np.log(f.heavy)
    f["k"] = np.where(f.y > 250, "big", np.where(f.y > 150, "mid", "small"))
    return f


def table_of(name):
    if name.startswith("mixed"):
        f = mixed()
        target = name.partition(" ")[2]
        return f.drop(columns={"y": "k", "k": "y"}[target]), target
    return getattr(datasets, f"load_{name}")(as_frame=True).frame, "target"


MODELS = {}


def model_of(name, effort="quick"):
    """Trained once for all tests."""
    if (name, effort) not in MODELS:
        frame, target = table_of(name)
        MODELS[name, effort] = fit(from_frame(frame), target, Options(effort=effort, epochs=15, threads=1))[0], frame
    return MODELS[name, effort]


CASES = [("mixed y", "quick"), ("mixed k", "quick"), ("mixed y", "best"), ("mixed k", "best"), ("iris", "default"),
         ("diabetes", "default"), ("breast_cancer", "quick"), ("wine", "quick")]


@pytest.mark.parametrize(("name", "effort"), CASES)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_c(name, effort, compiler):
    model, frame = model_of(name, effort)
    made = header(model, "net")
    assert check_c(model, made, [compiler]) < 1e-5
    assert check_c(model, made, [compiler], frame=frame) < 1e-5


@pytest.mark.parametrize(("name", "effort"), CASES)
def test_onnx(name, effort):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    model, frame = model_of(name, effort)
    data = onnx_bytes(model)
    assert check_onnx(model, data) < 1e-5
    assert check_onnx(model, data, frame) < 1e-5


@pytest.mark.parametrize(("name", "effort"), CASES)
def test_py(name, effort):
    model, frame = model_of(name, effort)
    assert check_py(model, module(model)) < 1e-9
    assert check_py(model, module(model), frame) < 1e-9


@pytest.mark.parametrize(("compiler", "machine"), [("aarch64-linux-gnu-gcc", "qemu-aarch64"), ("arm-linux-gnueabihf-gcc", "qemu-arm")])
def test_c_on_arm(compiler, machine):
    if not (shutil.which(compiler) and shutil.which(machine)):
        pytest.skip("no ARM compiler and qemu")
    model, frame = model_of("mixed k")
    assert check_c(model, header(model, "net"), [compiler, "-static"], [machine]) < 1e-5
    assert check_c(model, header(model, "net"), [compiler, "-static"], [machine], frame=frame) < 1e-5


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
def test_int8_is_smaller_and_near():
    model, _ = model_of("mixed k")
    small, large = header(model, "net", int8=True), header(model, "net")
    assert small.rom < 0.4 * large.rom
    assert check_c(model, small) < 0.1


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
def test_a_changed_weight_fails_the_self_test():
    """So that the self-test can fail."""
    model, _ = model_of("iris", "default")
    made = header(model, "net")
    start = made.text.index("net_b0_0_2[")
    at = made.text.index("{", start) + 1
    made.text = made.text[:at] + "9.0f + " + made.text[at:]
    with pytest.raises(UserError, match="fails its self-test"):
        check_c(model, made)


def test_names_in_c():
    taken = set()
    assert [identifier(t, taken) for t in ("area in m²", "area_in_m", "3d", "int", "²", "")] == [
        "area_in_m", "area_in_m_2", "c_3d", "c_int", "column", "column_2"]
    assert quoted('a"b\\c??=é\n') == '"a\\042b\\134c\\077\\077=\\303\\251\\012"'


def test_example_rows_hold_gaps_unseen_levels_and_far_values():
    model, _ = model_of("mixed y")
    rows = example_rows(model.encoder, 300)
    assert rows["city"].isna().any()
    assert "a level that no row has" in set(rows["city"].dropna())
    notes = "\n".join(model.encoder.remarks(from_frame(as_read(model.encoder, rows))))
    assert "far outside" in notes
    assert "do not have" in notes


@pytest.mark.parametrize("to", ["c", "onnx", "py"])
def test_the_command(tmp_path, monkeypatch, capfd, to):
    for library in ("safetensors", "onnx"):
        pytest.importorskip(library)
    from tinygrad_c.cli import main
    from tinygrad_c.tables import modelfile
    monkeypatch.chdir(tmp_path)
    model, frame = model_of("iris", "default")
    (tmp_path / "m.safetensors").write_bytes(modelfile.dump(model))
    frame.to_csv("rows.csv", index=False)
    assert main.main(["export", "m.safetensors", "--to", to, "--rows", "rows.csv"]) == 0
    out = capfd.readouterr().out
    assert "compared with the model on 150 rows" in out
    assert "the largest difference is" in out
    assert (tmp_path / f"m.{'h' if to == 'c' else to}").stat().st_size > 5000
    if to == "c":
        assert "bytes of constants" in out
        assert main.main(["export", "m.safetensors", "--int8", "--out", "small.h"]) == 0
        assert "int8 weights" in capfd.readouterr().out
