"""Splits rows into held-out rows and folds, stratified by target."""
from __future__ import annotations

import numpy as np

from tinygrad_c import Generator, randperm


def shuffled(n: int, seed: int) -> np.ndarray:
    """A random permutation of n rows, determined by the seed."""
    return randperm(n, generator=Generator().manual_seed(seed)).numpy()


def by_answer(y: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The rows sorted by target, ties in the given order. Several targets: sorted by the sum of the standardised targets."""
    if y.ndim > 1:
        spread = y.std(axis=0)
        y = ((y - y.mean(axis=0)) / np.where(spread > 0, spread, 1)).sum(axis=1)
    return order[np.argsort(y[order], kind="stable")]


def hold_out(y: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The training rows and the held-out rows (`share` of all), at least one of each."""
    order = by_answer(y, shuffled(len(y), seed))
    count = min(len(y) - 1, max(1, round(share * len(y))))
    places = ((np.arange(count) + 0.5) * len(y) / count).astype(np.int64)
    out = np.zeros(len(y), dtype=bool)
    out[places] = True
    return np.sort(order[~out]), np.sort(order[out])


def folds(y: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The fold of each row: `count` rows with neighbouring targets go to different folds, in random order."""
    order = by_answer(y, shuffled(len(y), seed))
    fold = np.empty(len(y), dtype=np.int64)
    turns = -(-len(y) // count)
    generator = Generator().manual_seed(seed + 1)
    cards = np.concatenate([randperm(count, generator=generator).numpy() for _ in range(turns)]) if y.dtype.kind == "f" \
        else np.tile(np.arange(count), turns)
    fold[order] = cards[:len(y)]
    return fold
