"""Random keys beside torch: x[key] and x[key] = value with ints, slices, None, ..., index arrays, masks and bools in any mixture,
on tensors of up to four dimensions in any layout; values, gradients, and the class of the error where there is one."""
from __future__ import annotations

import random

import numpy as np
import pytest

import tinygrad_c as tg

torch = pytest.importorskip("torch")


def random_part(rng: random.Random, shape: tuple, d: int):
    """A part of a key for dimension d, and how many dimensions it takes."""
    n, kind = shape[d], rng.random()
    if kind < 0.2 and n:
        return rng.randint(-n, n - 1), 1
    if kind < 0.5:
        bounds = [None, *range(-n - 1, n + 2)]
        return slice(rng.choice(bounds), rng.choice(bounds), rng.choice([None, 1, 2, 3])), 1
    if kind < 0.75 and n:
        size = rng.choice([(3,), (2, 3), (1,), (), (1, 3)])
        places = np.array([rng.randint(-n, n - 1) for _ in range(int(np.prod(size)))], np.int64).reshape(size)
        return (places.tolist() if places.ndim == 1 and rng.random() < 0.3 else places), 1
    if kind < 0.88:
        taken = rng.choice([1, 2]) if d + 1 < len(shape) else 1
        size = shape[d:d + taken]
        return np.array([rng.random() < 0.5 for _ in range(int(np.prod(size)))], bool).reshape(size), taken
    return (rng.random() < 0.5, 0) if kind < 0.91 else (slice(None), 1)


def random_key(rng: random.Random, shape: tuple):
    parts: list = []
    d = 0
    while d < len(shape):
        kind = rng.random()
        if kind < 0.06:
            parts.append(None)
        elif kind < 0.12 and Ellipsis not in [p for p in parts if p is Ellipsis]:
            parts.append(Ellipsis)
            d += rng.randint(0, len(shape) - d)
        elif kind < 0.18:
            break
        else:
            part, taken = random_part(rng, shape, d)
            parts.append(part)
            d += taken
    return parts[0] if len(parts) == 1 and rng.random() < 0.5 else tuple(parts)


def for_module(key, m):
    if isinstance(key, tuple):
        return tuple([for_module(part, m) for part in key])
    return m.tensor(key) if isinstance(key, np.ndarray) else key


def laid_out(array: np.ndarray, order: list, m):
    """The array as a leaf whose memory lies in another order of its dimensions."""
    x = m.tensor(np.ascontiguousarray(array.transpose(order))).permute(*np.argsort(order).tolist()) if array.ndim else m.tensor(array)
    return x.detach().requires_grad_()


def attempt(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return error


def written(m, x, key, value):
    y = x * 1.0
    v = value if isinstance(value, float) else m.tensor(value).requires_grad_()
    y[for_module(key, m)] = v
    return y, v


@pytest.mark.parametrize("block", range(8))
def test_random_keys(block):
    compared = 0
    for seed in range(block * 60, block * 60 + 60):
        rng, numbers = random.Random(seed), np.random.default_rng(seed)
        shape = tuple(rng.choice([0, 1, 2, 3, 4, 5]) for _ in range(rng.randint(0, 4)))
        array, key = numbers.standard_normal(shape), random_key(rng, shape)
        order = rng.sample(range(len(shape)), len(shape))
        x, their_x = laid_out(array, order, tg), laid_out(array, order, torch)
        words = f"seed {seed}: shape {shape}, key {key!r}"
        a, b = attempt(lambda: x[for_module(key, tg)]), attempt(lambda: their_x[for_module(key, torch)])
        if isinstance(b, Exception) or isinstance(a, Exception):
            assert type(a) is type(b), words
            continue
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy(), words)
        weights = np.asarray(numbers.standard_normal(b.shape))
        np.testing.assert_allclose(tg.autograd.grad(a, x, tg.tensor(weights))[0].numpy(),
                                   torch.autograd.grad(b, their_x, torch.tensor(weights))[0].numpy(), 1e-12, err_msg=words)
        size = [1 if rng.random() < 0.2 else n for n in b.shape]
        size = [1, *size] if rng.random() < 0.2 else size[1:] if rng.random() < 0.2 else size
        value = 7.5 if rng.random() < 0.3 else np.asarray(numbers.standard_normal(size))
        a, b = attempt(written, tg, x, key, value), attempt(written, torch, their_x, key, value)
        if isinstance(b, Exception) or isinstance(a, Exception):
            assert type(a) is type(b), words
            continue
        places = torch.arange(array.size).reshape(shape)[for_module(key, torch)].reshape(-1).tolist()
        if len(set(places)) < len(places) and not isinstance(value, float):
            continue                                        # which of several values stays is not determined
        np.testing.assert_array_equal(a[0].detach().numpy(), b[0].detach().numpy(), words)
        weights = numbers.standard_normal(shape)
        inputs = [(x, their_x)] if isinstance(value, float) else [(x, their_x), (a[1], b[1])]
        found = tg.autograd.grad(a[0], [ours for ours, _ in inputs], tg.tensor(weights), allow_unused=True)
        expected = torch.autograd.grad(b[0], [theirs for _, theirs in inputs], torch.tensor(weights), allow_unused=True)
        for g, h in zip(found, expected):
            np.testing.assert_allclose(0 if g is None else g.numpy(), 0 if h is None else h.numpy(), 1e-12, err_msg=words)
        compared += 1
    assert compared >= 30


def test_leading_ones_of_a_value_are_left_out():
    x = tg.zeros(2, 3)
    x[0] = tg.ones(1, 3)
    x[1, 2] = tg.full((1, 1), 5.0)
    x[[1], 0] = tg.full((1, 1, 1), 4.0)
    assert x.tolist() == [[1, 1, 1], [4, 0, 5]]
    with pytest.raises(RuntimeError):
        x[0] = tg.ones(2, 3)
