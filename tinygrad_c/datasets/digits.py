"""The UCI handwritten digits: 1797 images of 8 x 8 pixels (CC BY 4.0; see LICENSE-digits.txt in this folder)."""
from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from tinygrad_c import Tensor, from_numpy

LEVELS = 16  # a pixel is the number of dark dots in a 4 x 4 block: 0 to 16


def digits_path() -> Path:
    """The path of the bundled table: a gzipped CSV with a header, 64 pixel columns and the column `digit`.

    >>> from tinygrad_c import datasets
    >>> datasets.digits_path().name
    'digits.csv.gz'
    """
    return Path(__file__).with_name("digits.csv.gz")


def digits() -> tuple[Tensor, Tensor]:
    """X (float32 [1797, 64], 0 is white and 1 is black, row by row from the top) and y (int64 [1797], digits 0 to 9).

    >>> from tinygrad_c import datasets
    >>> X, y = datasets.digits()
    >>> X.min().item(), X.max().item(), y[:5].tolist()
    (0.0, 1.0, [0, 1, 2, 3, 4])
    """
    with gzip.open(digits_path(), "rt", encoding="ascii") as table:
        rows = np.loadtxt(table, dtype=np.int64, delimiter=",", skiprows=1)
    return from_numpy((rows[:, :-1] / LEVELS).astype(np.float32)), from_numpy(rows[:, -1].copy())
