"""The picture of a training: what stands in it, and its fonts."""
from __future__ import annotations

import io

import numpy as np
import pytest

from tinygrad_c.cli import pictures
from tinygrad_c.cli.encode import Recipe
from tinygrad_c.cli.score import Score

figure = pytest.importorskip("matplotlib.figure")
HISTORY = [(Score(1.0 / i, 1 - 0.5 / i, "accuracy"), Score(1.1 / i, 1 - 0.6 / i, "accuracy")) for i in range(1, 8)]
R2 = [(Score(1.0 / i, 1 - 0.5 / i, "R2"), Score(1.1 / i, 1 - 0.6 / i, "R2")) for i in range(1, 8)]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved."""
    seen = []
    monkeypatch.setattr(figure.Figure, "savefig", lambda self, file, **kw: seen.append(self) or file.write(b"\x89PNG"))
    return seen


def recipe(task, classes=None):
    made = Recipe.__new__(Recipe)
    made.task, made.target, made.classes, made.mean, made.std = task, "rent", classes, 1000.0, 200.0
    return made


def test_a_quantity(drawn):
    answers = np.array([[-1.0], [0.0], [1.0]], dtype=np.float32)
    pictures.curves(R2, 5, recipe("regression"), answers + 0.1, answers, "runs/flats.csv")
    one, = drawn
    assert one.get_suptitle().startswith("flats.csv, target rent: held-out R2 0.98")
    loss, r2, scatter, = one.axes
    assert (loss.get_ylabel(), r2.get_ylabel(), loss.get_xlabel()) == ("mean squared error (standardised)", "R2", "epoch")
    x, y = scatter.lines[0].get_data()
    assert x.tolist() == [800, 1000, 1200]
    assert y.tolist() == pytest.approx([820, 1020, 1220])
    assert (scatter.get_xlabel(), scatter.get_ylabel()) == ("rent: true", "rent: predicted")
    assert all(tick == round(tick) for tick in loss.get_xticks())
    assert len({line.get_linestyle() for line in loss.lines}) == 3


def test_classes(drawn):
    outputs = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]] * 5
    pictures.curves(HISTORY, 5, recipe("classification", ["a", "b", "c"]), outputs, np.array([0, 1, 1, 2]), "t.csv")
    one, = drawn
    table = one.axes[2]
    assert one.get_suptitle() == "t.csv, target rent: held-out accuracy 75.0%"
    assert table.images[0].get_array().tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]]
    assert [label.get_text() for label in table.get_yticklabels()] == ["a", "b", "c"]
    assert sorted(text.get_text() for text in table.texts) == ["1", "1", "1", "1"]
    assert one.axes[0].get_ylabel() == "cross-entropy"


def test_fonts():
    assert pictures.fonts("rent") == ["sans-serif"]
    found = pictures.fonts("房租")
    assert found[0] == "sans-serif"
    assert len(found) <= 2
    if len(found) == 2:
        assert found[1] in pictures.CHINESE


def test_chinese_names_draw_without_a_warning(recwarn):
    made = recipe("classification", ["猫", "狗"])
    made.target = "动物"
    png = pictures.curves(HISTORY, 5, made, np.eye(2, dtype=np.float32)[[0, 1]], np.array([0, 1]), "表.csv")
    assert io.BytesIO(png).read(4) == b"\x89PNG"
    assert [str(each.message) for each in recwarn if "Glyph" in str(each.message)] == []
