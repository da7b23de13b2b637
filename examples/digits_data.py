"""The bundled digits as plain lists, so that the programs beside this one differ from PyTorch's in one import only."""
from __future__ import annotations

from tinygrad_c import datasets


def digits() -> tuple[list[list[float]], list[int]]:
    """1,797 pictures of 8 x 8 pixels as rows of 64 numbers from 0 (paper) to 1 (ink), and the digit that each shows."""
    pictures, labels = datasets.digits()
    return pictures.tolist(), labels.tolist()
