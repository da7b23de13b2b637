"""Which rows train a net, which ones choose its best epoch, and which are held out: every answer alike in all parts."""
from __future__ import annotations

import numpy as np

from tinygrad_c import Generator, randperm


def shuffled(n: int, seed: int) -> np.ndarray:
    """A random order of n rows, the same for the same seed."""
    return randperm(n, generator=Generator().manual_seed(seed)).numpy()


def by_answer(y: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The rows sorted by answer, ties in the order given. Several answers a row: by the sum of the standardised ones."""
    if y.ndim > 1:
        spread = y.std(axis=0)
        y = ((y - y.mean(axis=0)) / np.where(spread > 0, spread, 1)).sum(axis=1)
    return order[np.argsort(y[order], kind="stable")]


def hold_out(y: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and those held out, `share` of all, at least one of each."""
    order = by_answer(y, shuffled(len(y), seed))
    count = min(len(y) - 1, max(1, round(share * len(y))))
    places = ((np.arange(count) + 0.5) * len(y) / count).astype(np.int64)
    out = np.zeros(len(y), dtype=bool)
    out[places] = True
    return np.sort(order[~out]), np.sort(order[out])


def folds(y: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The number of the fold that each row is in: of neighbours by answer, each is in another fold, drawn at random."""
    order = by_answer(y, shuffled(len(y), seed))
    fold = np.empty(len(y), dtype=np.int64)
    turns = -(-len(y) // count)
    generator = Generator().manual_seed(seed + 1)
    cards = np.concatenate([randperm(count, generator=generator).numpy() for _ in range(turns)]) if y.dtype.kind == "f" \
        else np.tile(np.arange(count), turns)
    fold[order] = cards[:len(y)]
    return fold
