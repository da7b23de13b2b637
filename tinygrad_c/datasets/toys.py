"""Toy datasets for plots and first nets: points of the plane with class labels. The same seed gives the same points."""
from __future__ import annotations

import math

import numpy as np

from tinygrad_c import Generator, Tensor, from_numpy, rand, randn, stack, where


def _start(n: int, classes: int, seed: int) -> tuple[Generator, Tensor]:
    """A Generator with this seed, and the labels 0, 1, ..., 0, 1, ... of n points."""
    if n < classes:
        raise ValueError(f"n = {n} points are too few for {classes} classes; write n >= {classes}")
    return Generator().manual_seed(seed), from_numpy(np.arange(n) % classes)


def moons(n: int = 500, noise: float = 0.1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two interleaving half circles: X (float32 [n, 2]) and y (int64 [n], 0 or 1), with N(0, noise) added.

    >>> from tinygrad_c import datasets
    >>> X, y = datasets.moons(100)
    >>> X.shape, y[:4].tolist()
    (torch.Size([100, 2]), [0, 1, 0, 1])
    """
    g, y = _start(n, 2, seed)
    angle = rand(n, generator=g) * math.pi
    across, up = angle.cos(), angle.sin()
    X = stack([where(y == 0, across, 1 - across), where(y == 0, up, 0.5 - up)], dim=1)
    return X + noise * randn(n, 2, generator=g), y


def circles(n: int = 500, noise: float = 0.05, factor: float = 0.5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A circle of radius 1 around one of radius `factor`: X (float32 [n, 2]) and y (int64 [n], 1 is the inner circle).

    >>> from tinygrad_c import datasets
    >>> X, y = datasets.circles(4, noise=0.0)
    >>> (X * X).sum(1).sqrt(), y.tolist()
    (tensor([1.0000, 0.5000, 1.0000, 0.5000]), [0, 1, 0, 1])
    """
    g, y = _start(n, 2, seed)
    angle = rand(n, generator=g) * (2 * math.pi)
    radius = 1 - (1 - factor) * y
    return _polar(radius, angle) + noise * randn(n, 2, generator=g), y


def spirals(n: int = 600, noise: float = 0.02, classes: int = 3, turns: float = 0.75, seed: int = 0) -> tuple[Tensor, Tensor]:
    """`classes` spiral arms from the centre, each with `turns` turns: X (float32 [n, 2]) and y (int64 [n]).

    >>> from tinygrad_c import datasets
    >>> X, y = datasets.spirals(300, classes=5)
    >>> X.shape, y.max().item()
    (torch.Size([300, 2]), 4)
    """
    g, y = _start(n, classes, seed)
    radius = rand(n, generator=g)
    return _polar(radius, (radius * turns + y / classes) * (2 * math.pi)) + noise * randn(n, 2, generator=g), y


def xor(n: int = 400, noise: float = 0.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Points of the square [-1, 1] x [-1, 1]: X (float32 [n, 2]), and y (int64 [n]) is 1 where their signs differ.

    The labels are computed before N(0, noise) is added.

    >>> from tinygrad_c import datasets
    >>> X, y = datasets.xor(100)
    >>> bool(((X[:, 0] * X[:, 1] < 0) == (y == 1)).all())
    True
    """
    g, _ = _start(n, 2, seed)
    X = rand(n, 2, generator=g) * 2 - 1
    return X + noise * randn(n, 2, generator=g), (X[:, 0] * X[:, 1] < 0).long()


def blobs(n: int = 300, classes: int = 3, features: int = 2, spread: float = 0.15, seed: int = 0) -> tuple[Tensor, Tensor]:
    """One cloud N(centre, spread) per class, the centres uniform in [-1, 1]: X (float32 [n, features]) and y (int64 [n]).

    >>> from tinygrad_c import datasets
    >>> X, y = datasets.blobs(30, classes=3, features=4)
    >>> X.shape, y[:6].tolist()
    (torch.Size([30, 4]), [0, 1, 2, 0, 1, 2])
    """
    g, y = _start(n, classes, seed)
    centres = rand(classes, features, generator=g) * 2 - 1
    return centres[y] + spread * randn(n, features, generator=g), y


def _polar(radius: Tensor, angle: Tensor) -> Tensor:
    """Points [n, 2] from polar coordinates."""
    return stack([radius * angle.cos(), radius * angle.sin()], dim=1)
