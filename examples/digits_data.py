"""The bundled digits as plain lists, so that the examples differ from PyTorch programs in only one import."""
from __future__ import annotations

from tinygrad_c import datasets


def digits() -> tuple[list[list[float]], list[int]]:
    """1,797 images of 8 x 8 pixels as rows of 64 numbers from 0 (white) to 1 (black), and their digits."""
    pictures, labels = datasets.digits()
    return pictures.tolist(), labels.tolist()
