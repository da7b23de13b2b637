"""The dtype of every way to make a tensor out of numbers, lists, arrays and tensors: the table, and a generator of nested ones."""
import array
import collections
import itertools
import random
import warnings

import numpy as np
import pytest
from samples.comparing import both, torch, with_torch

import tinygrad_c

ORDER = ["bool", "uint8", "int32", "int64", "float32", "float64"]       # the larger of two is the dtype of a list of both
DTYPES = {"bool": np.bool_, "uint8": np.uint8, "int32": np.int32, "int64": np.int64, "float32": np.float32, "float64": np.float64}


def numbers(m):
    """Name and dtype -> a number of each kind."""
    made = {("int", "int64"): 3, ("float", "float32"): 1.5, ("True", "bool"): True, ("2**40", "int64"): 2 ** 40, ("inf", "float32"): float("inf")}
    for name, kind in DTYPES.items():
        value = True if name == "bool" else 3
        if name != "bool":          # PyTorch refuses [1, np.True_] with NumPy 2: see test_bools_of_numpy
            made[f"np.{name}", name] = kind(value)
        made[f"tensor {name}", name] = m.tensor(value, dtype=getattr(m, name))
    return made


def pairs(m):
    """Sequences of two numbers."""
    made = {("list of ints", "int64"): [1, 2], ("floats", "float32"): [1., 2.], ("int and float", "float32"): [1, 2.],
            ("bools", "bool"): [True, False], ("bool and int", "int64"): [True, 2], ("tuple", "int64"): (1, 2),
            ("range", "int64"): range(2), ("deque", "int64"): collections.deque([1, 2]), ("array.array", "float32"): array.array("d", [1., 2.]),
            ("np.float32s", "float32"): [np.float32(1), np.float32(2)], ("np.float64 after int", "float64"): [1, np.float64(2)],
            ("np.float32 after float", "float32"): [1., np.float32(2)], ("float after np.int32", "float32"): [np.int32(1), 2.],
            ("np.float32 after np.int64", "float32"): [np.int64(1), np.float32(2)]}
    for name, kind in DTYPES.items():
        if name != "bool":
            made[f"array of {name}", name] = np.ones(2, kind)
            made[f"strided array of {name}", name] = np.arange(4).astype(kind)[::-2]
    return made


def widest(*names):
    return max(names, key=ORDER.index)


def dtype_of(tensor):
    return str(tensor.dtype).rpartition(".")[2]


MAKERS = {"tensor": lambda m, x: m.tensor(x), "as_tensor": lambda m, x: m.as_tensor(x), "asarray": lambda m, x: m.asarray(x)}
each_maker = pytest.mark.parametrize("maker", MAKERS)


@both
@each_maker
def test_of_one_kind(torch, maker):
    make = MAKERS[maker]
    for (name, dtype), value in {**numbers(torch), **pairs(torch)}.items():
        if maker == "asarray" and name == "array.array":
            continue                                    # torch reads its bytes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)        # of tensor(tensor)
            if "strided" in name and torch is not tinygrad_c:
                value = value.copy()                    # torch refuses negative strides
            assert dtype_of(make(torch, value)) == dtype, name
            assert dtype_of(make(torch, [value])) == dtype, name
            assert dtype_of(make(torch, ([value], [value]))) == dtype, name


@both
@each_maker
@pytest.mark.parametrize("kinds", [numbers, pairs], ids=["numbers", "pairs"])
def test_of_two_kinds(torch, maker, kinds):
    make = MAKERS[maker]
    table = kinds(torch)
    for ((a, one), x), ((b, other), y) in itertools.product(table.items(), table.items()):
        if torch is not tinygrad_c:
            x, y = (z.copy() if isinstance(z, np.ndarray) else z for z in (x, y))
        made = make(torch, [x, y])
        assert dtype_of(made) == widest(one, other), f"[{a}, {b}]"
        assert tuple(made.shape) == ((2,) if kinds is numbers else (2, 2)), f"[{a}, {b}]"
        assert dtype_of(make(torch, (x, y))) == widest(one, other), f"({a}, {b})"


def nested(rng, m, depth):
    """A random nested list, and its dtype: at the leaves numbers, or arrays in place of the innermost lists."""
    if depth == 0:
        (_, dtype), value = rng.choice(list(numbers(m).items()))
        return value, dtype, ()
    if depth == 1 and rng.random() < 0.5:
        (_, dtype), value = rng.choice([each for each in pairs(m).items() if "strided" not in each[0][0]])
        return value, dtype, (2,)
    if depth == 2 and rng.random() < 0.3:
        name = rng.choice(ORDER[1:])
        return np.ones((2, 2), DTYPES[name]), name, (2, 2)
    parts = [nested(rng, m, depth - 1) for _ in range(2)]
    return rng.choice([list, tuple])([part[0] for part in parts]), widest(*(part[1] for part in parts)), (2, *parts[0][2])


@both
@each_maker
def test_nested(torch, maker):
    rng = random.Random(7)
    for _ in range(300):
        value, dtype, shape = nested(rng, torch, rng.randint(2, 4))
        if isinstance(value, np.ndarray):
            continue
        made = MAKERS[maker](torch, value)
        assert dtype_of(made) == dtype, value
        assert tuple(made.shape) == shape, value


@each_maker
def test_bools_of_numpy(maker):
    make = MAKERS[maker]
    for value, dtype in [(np.True_, "bool"), ([np.True_, False], "bool"), ([3, np.True_], "int64"), ([np.True_, 1.5], "float32"),
                         (np.ones(2, bool), "bool"), ([np.ones(2, bool), [1, 2]], "int64"), ([np.ones(2, bool)] * 2, "bool")]:
        assert dtype_of(make(tinygrad_c, value)) == dtype, value


@both
@each_maker
def test_empty(torch, maker):
    make = MAKERS[maker]
    for value, dtype, shape in [([], "float32", (0,)), ((), "float32", (0,)), ([[]], "float32", (1, 0)), ([[], []], "float32", (2, 0)),
                                (np.array([]), "float64", (0,)), (np.zeros((0, 3), np.int32), "int32", (0, 3)),
                                ([np.array([])], "float64", (1, 0)), ([np.zeros(0, np.int64)] * 2, "int64", (2, 0))]:
        made = make(torch, value)
        assert (dtype_of(made), tuple(made.shape)) == (dtype, shape), value


@both
def test_a_tensor_of_one_element_in_a_list_is_a_number(torch):
    for shape in ((), (1,), (1, 1)):
        x = torch.ones(shape, dtype=torch.float64)
        assert torch.tensor([x, x]).tolist() == [1., 1.]
        assert torch.tensor([x, 2]).dtype is torch.float64


@both
def test_given_and_default_dtypes(torch):
    for (name, _), value in {**numbers(torch), **pairs(torch)}.items():
        if "strided" in name:
            continue
        for dtype in ORDER:
            given = getattr(torch, dtype)
            if ("inf" in name and dtype in ("int32", "int64", "uint8")) or ("2**40" in name and dtype in ("uint8", "int32")):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                for make in (torch.tensor, torch.as_tensor, torch.ones(1).new_tensor):
                    try:
                        made = make(value, dtype=given)
                    except TypeError:       # PyTorch refuses [np.float32(1), 2] as integers
                        assert torch is not tinygrad_c
                        continue
                    assert made.dtype is given
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.tensor([1, 2.]).dtype is torch.float64
        assert torch.tensor([]).dtype is torch.float64
        assert torch.tensor([1., np.float32(1)]).dtype is torch.float64
        assert torch.tensor([np.float32(1)]).dtype is torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


@both
@pytest.mark.filterwarnings("ignore")
def test_old_constructors(torch):
    assert tuple(torch.Tensor(np.int64(3)).shape) == tuple(torch.Tensor(3).shape) == (3,)
    assert tuple(torch.LongTensor(np.int32(2)).shape) == (2,)
    assert torch.Tensor([1, 2]).dtype is torch.float32
    assert torch.Tensor([np.float64(1)]).dtype is torch.float32
    x = torch.ones(2, dtype=torch.float64)
    y = torch.Tensor(x)
    assert y.dtype is torch.float64
    y[0] = 5
    assert x.tolist() == [5., 1.]


@both
def test_batches(torch):
    collate = torch.utils.data.default_collate
    for kinds, dtype in [([1, 2], "int64"), ([1., 2.], "float64"), ([True, False], "bool"), ([np.float32(1), np.float32(2)], "float32"),
                         ([np.float64(1)] * 2, "float64"), ([np.int32(1)] * 2, "int32"), ([np.uint8(1)] * 2, "uint8"),
                         ([np.float32(1), 2], "float32"), ([np.int32(1), np.float32(2)], "float32"), ([np.ones(2)] * 2, "float64"),
                         ([np.ones(2, np.int32)] * 2, "int32"), ([torch.ones(1)] * 2, "float32")]:
        assert dtype_of(collate(kinds)) == dtype, kinds
    x, y = collate([(np.float32(1), 2), (np.float32(3), 4)])
    assert (dtype_of(x), dtype_of(y)) == ("float32", "int64")


@with_torch
def test_values_as_torch_s():
    rng = random.Random(11)
    for _ in range(200):
        state = rng.getstate()
        mine = tinygrad_c.tensor(nested(rng, tinygrad_c, 3)[0])
        rng.setstate(state)
        its = torch.tensor(nested(rng, torch, 3)[0])
        assert mine.tolist() == its.tolist()
