"""The pictures of train: titles, labels, whole epochs, and colours that can be told apart with any kind of colour vision."""
from __future__ import annotations

import importlib.util
import re
from itertools import combinations

import numpy as np
import pytest
from samples.paths import ROOT

pytest.importorskip("matplotlib")

from tinygrad_c.cli import pictures
from tinygrad_c.cli.main import main


@pytest.fixture
def figures(monkeypatch):
    """Every figure that is saved, in order."""
    found = []
    make = pictures._png
    monkeypatch.setattr(pictures, "_png", lambda figure, words: found.append(figure) or make(figure, words))
    return found


@pytest.mark.parametrize(("target", "loss", "score", "axes"), [
    ("kind", "cross-entropy", r"held-out accuracy \d+\.\d%", ("predicted kind", "true kind")),
    ("size", "mean squared error, standardized", r"held-out R2 -?\d\.\d+", ("true size", "predicted size"))])
def test_titles_and_labels(figures, tmp_path, capsys, target, loss, score, axes):
    table = tmp_path / "flats.csv"
    rows = [f"{i % 7},{i % 5},{'ab'[i % 7 > 3]},{i % 7 + 0.1 * (i % 3)}" for i in range(120)]
    table.write_text("\n".join(["x,z,kind,size", *rows]) + "\n")
    assert main(["train", str(table), "--target", target, "--quick", "--epochs", "4", "--holdout", "0.25",
                 "--out", str(tmp_path / "m")]) == 0
    curves, answers = figures
    title = curves.get_suptitle()
    assert re.fullmatch(rf".*flats\.csv: {target}, {score}", title), title
    left, right = curves.axes
    assert (left.get_xlabel(), left.get_ylabel(), right.get_xlabel()) == ("epoch", loss, "epoch")
    assert right.get_ylabel()
    for each in curves.axes:
        low, high = each.get_xlim()
        ticks = [tick for tick in each.get_xticks() if low <= tick <= high]
        assert len(ticks) > 1
        assert all(tick == round(tick) for tick in ticks)
        lines = [line for line in each.lines if len(line.get_xdata()) > 2]
        assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(lines)
        assert {line.get_color() for line in lines} <= {pictures.BLUE, pictures.ORANGE}
    assert (answers.axes[0].get_xlabel(), answers.axes[0].get_ylabel()) == axes
    assert answers.axes[0].get_title().startswith(title)
    if target == "kind":
        assert answers.axes[0].images[0].get_cmap().name == "cividis"       # made for the colour-blind (Nunez et al. 2018)


# Machado, Oliveira and Fernandes 2009, severity 1: what people without one kind of cone see, in linear RGB.
VISION = {
    "all cones": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]}


def lab(colour: str, vision) -> np.ndarray:
    """CIE L*a*b* (D65) of #rrggbb as it is seen."""
    s = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.clip(np.array(vision) @ np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4), 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear / [0.9505, 1, 1.089]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def of_the_examples() -> tuple[str, ...]:
    spec = importlib.util.spec_from_file_location("example_pictures", ROOT / "examples/pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.COLOURS


@pytest.mark.parametrize("vision", VISION)
def test_colours_can_be_told_apart(vision):
    """The smallest difference is 16; that of matplotlib's default red and green is 7 to people without green cones."""
    for colours in (of_the_examples(), (pictures.BLUE, pictures.ORANGE)):
        for a, b in combinations(colours, 2):
            assert np.linalg.norm(lab(a, VISION[vision]) - lab(b, VISION[vision])) > 10, (a, b)
