"""All pairs of dtypes: promotion, arithmetic and comparisons beside NumPy's and beside PyTorch's, conversions; and the dtypes
that are only stored: what moves, converts and compares them works, arithmetic says what to call."""
from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest
from samples.comparing import torch, with_torch

import tinygrad_c

NAMES = ["bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32", "float64"]
COMPUTED = [name for name in NAMES if name not in ("uint16", "uint32", "uint64", "float16", "bfloat16")]
STORED = [name for name in NAMES if name not in COMPUTED]
SMALL = ["int8", "int16"]

# What torch.promote_types gives, recorded: a row and a column for each dtype, in the order of NAMES. "-": it raises.
SHORT = dict(zip(["b", "B", "c", "s", "i", "l", "H", "I", "L", "e", "g", "f", "d"], NAMES))
PROMOTED = """
b B c s i l - - - e g f d
B B s s i l - - - e g f d
c s c s i l - - - e g f d
s s s s i l - - - e g f d
i i i i i l - - - e g f d
l l l l l l - - - e g f d
- - - - - - H - - e g f d
- - - - - - - I - e g f d
- - - - - - - - L e g f d
e e e e e e e e e e f f d
g g g g g g g g g f g f d
f f f f f f f f f f f f d
d d d d d d d d d d d d d
"""
PAIRS = {(a, b): SHORT.get(letter) for a, row in zip(NAMES, PROMOTED.strip().splitlines()) for b, letter in zip(NAMES, row.split())}


def here(name):
    return getattr(tinygrad_c, name)


def name_of(tensor):
    return str(tensor.dtype).rpartition(".")[2]


def numbers(name, shape=(5,), seed=0):
    """Numbers of that dtype over its whole range, as a NumPy array; for integers with both ends."""
    rng = np.random.default_rng(seed)
    if name == "bool":
        return rng.random(shape) < 0.5
    if name.startswith(("float", "bfloat")):
        return rng.normal(0, 3, shape).astype("float32" if name == "bfloat16" else name)
    info = np.iinfo(name)
    made = rng.integers(info.min, info.max, shape, dtype=name, endpoint=True)
    made.flat[:2] = info.min, info.max
    return made


def test_promotion_table():
    for (a, b), wanted in PAIRS.items():
        if wanted is None:
            with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64 types is not supported, attempted to"):
                tinygrad_c.promote_types(here(a), here(b))
        else:
            assert tinygrad_c.promote_types(here(a), here(b)) is here(wanted), (a, b)


@with_torch
def test_promotion_beside_torch():
    for a, b in PAIRS:
        try:
            wanted = str(torch.promote_types(getattr(torch, a), getattr(torch, b))).rpartition(".")[2]
        except RuntimeError:
            wanted = None
        assert wanted == PAIRS[a, b], (a, b)
        assert tinygrad_c.can_cast(here(a), here(b)) == torch.can_cast(getattr(torch, a), getattr(torch, b)), (a, b)


BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum, "minimum": np.minimum, "eq": np.equal,
          "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
          "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor, "div": np.divide,
          "floor_divide": np.floor_divide, "remainder": np.remainder, "fmod": np.fmod}
DIVIDES = ("floor_divide", "remainder", "fmod")
SHIFTS = {"bitwise_left_shift": np.left_shift, "bitwise_right_shift": np.right_shift}


@pytest.mark.parametrize("op", BINARY)
def test_pairs_beside_numpy(op):
    """Every pair of integers: NumPy's arithmetic in the promoted dtype, which wraps around as ours must."""
    whole = [name for name in COMPUTED if name.startswith(("int", "uint"))]
    for a, b in itertools.product(whole, whole):
        x, y = numbers(a, seed=1), numbers(b, seed=2)
        if op in DIVIDES:
            y[y == 0] = 1
        common = PAIRS[a, b]
        with np.errstate(all="ignore"):
            wanted = BINARY[op](x.astype(common), y.astype(common))
        found = getattr(tinygrad_c, op)(tinygrad_c.tensor(x), tinygrad_c.tensor(y))
        kind = "bool" if wanted.dtype == bool else "float32" if op == "div" else common
        assert name_of(found) == kind, (a, b)
        if op == "div":
            np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)
        else:
            np.testing.assert_array_equal(found.numpy(), wanted, err_msg=f"{op} {a} {b}")


def outcome(m, op, x, y):
    """(dtype, values) of a call, or the class of what it raises."""
    try:
        found = getattr(m, op)(x, y)
    except Exception as error:
        return type(error).__name__
    return name_of(found), found.to(m.float64).tolist() if name_of(found) != "uint64" else found.tolist()


@with_torch
@pytest.mark.parametrize("op", [*BINARY, *SHIFTS, "pow", "gcd", "lcm", "atan2", "copysign", "logical_and"])
def test_pairs_beside_torch(op):
    """Every pair of dtypes that are computed with; shapes with and without dimensions; Python numbers."""
    for a, b in itertools.product(COMPUTED, COMPUTED):
        if op == "sub" and "bool" in (a, b):        # torch refuses a bool beside an integer too
            continue
        for shape, other in (((5,), (5,)), ((5,), ()), ((), (5,)), ((4, 1), (3,))):
            x, y = numbers(a, shape or (2,), seed=3), numbers(b, other or (2,), seed=4)
            x, y = x if shape else x[1], y if other else y[1]
            if op in ("pow", *SHIFTS):
                y = np.minimum(np.abs(y.astype("int64")), 6).astype(b)
            if op in ("gcd", "lcm", "pow", "atan2", "hypot", "copysign"):
                x, y = np.minimum(np.abs(np.asarray(x, "float64")), 50).astype(a), np.minimum(np.abs(np.asarray(y, "float64")), 6).astype(b)
            if op in DIVIDES:
                y = np.where(y == 0, np.ones_like(y), y)
            ours, theirs = outcome(tinygrad_c, op, tinygrad_c.tensor(np.asarray(x)), tinygrad_c.tensor(np.asarray(y))), \
                outcome(torch, op, torch.tensor(np.asarray(x)), torch.tensor(np.asarray(y)))
            agree(ours, theirs, (op, a, b, shape, other))
    compares = op in ("eq", "ne", "lt", "le", "gt", "ge")
    for a in SMALL if op not in ("maximum", "minimum", "gcd", "lcm", "copysign", "hypot", "atan2", "logical_and") else []:
        # torch wraps a number before it compares, so that -128 > 300; here the answer is that of the numbers.
        for number in (3, -3, 100, *([] if compares or op == "pow" else [300]), *([] if op == "sub" else [True]), 2.5):
            x = numbers(a, (5,), seed=5)
            agree(outcome(tinygrad_c, op, tinygrad_c.tensor(x), number), outcome(torch, op, torch.tensor(x), number), (op, a, number))


def agree(ours, theirs, where):
    if isinstance(theirs, str):
        assert isinstance(ours, str), (where, ours, theirs)
        return
    assert not isinstance(ours, str), (where, ours, theirs)
    assert ours[0] == theirs[0], (where, ours, theirs)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5, err_msg=str(where))


UNARY = ["abs", "neg", "sign", "square", "sqrt", "exp", "tanh", "bitwise_not", "logical_not", "floor", "ceil", "round", "trunc",
         "isnan", "isfinite", "signbit", "relu", "sum", "prod", "amax", "amin", "argmax", "argmin", "max", "min", "any", "all",
         "cumsum", "cumprod", "cummax", "cummin", "sort", "argsort", "msort", "unique", "mean", "var", "median", "mode", "nonzero",
         "flip", "diff", "count_nonzero", "topk", "kthvalue", "tril", "clone", "t", "flatten", "bincount", "logcumsumexp", "norm",
         "aminmax", "nansum", "diag", "trace", "cov", "logsumexp", "softmax", "std", "floor_divide"]
MORE = {"cumsum": (0,), "cumprod": (0,), "cummax": (0,), "cummin": (0,), "topk": (2,), "kthvalue": (2,), "flip": ((0,),),
        "logcumsumexp": (0,), "logsumexp": (0,), "softmax": (0,), "floor_divide": (3,)}


def parts(found):
    return list(found) if isinstance(found, (tuple, list)) else [found]


@with_torch
@pytest.mark.parametrize("op", UNARY)
@pytest.mark.parametrize("name", SMALL)
def test_small_integers_beside_torch(name, op):
    for shape in ((6,), (3, 4), (1,)):
        x = numbers(name, shape, seed=6) if shape != (1,) else np.asarray([7], name)
        if op == "bincount":
            x = np.abs(x) % 9
        results = []
        for m in (tinygrad_c, torch):
            try:
                t = m.tensor(x)
                results.append([(name_of(y), y.tolist()) for y in parts(getattr(m, op)(t, *MORE.get(op, ())))])
            except Exception as error:
                results.append(type(error).__name__)
        ours, theirs = results
        if isinstance(theirs, str) or isinstance(ours, str):
            assert isinstance(theirs, str), (shape, ours, theirs)
            assert isinstance(ours, str), (shape, ours, theirs)
            continue
        assert len(ours) == len(theirs)
        for (kind, value), (other, wanted) in zip(ours, theirs):
            assert kind == other
            np.testing.assert_allclose(value, wanted, rtol=1e-5)


def test_small_integers():
    """Closed forms, where there is no PyTorch."""
    one = tinygrad_c.tensor([127], dtype=tinygrad_c.int8) + 1
    assert one.tolist() == [-128]
    assert name_of(one) == "int8"
    x = tinygrad_c.tensor([[100, 100], [-128, 3]], dtype=tinygrad_c.int8)
    assert (x.sum().item(), name_of(x.sum())) == (75, "int64")
    assert x.sum(0).tolist() == [-28, 103]
    assert x.max(1).values.tolist() == [100, 3]
    assert name_of(x.max(1).values) == "int8"
    assert x.abs().tolist() == [[100, 100], [-128, 3]]
    assert (x @ x).tolist() == [[((100 * 100 - 128 * 100) + 128) % 256 - 128, (100 * 100 + 300 + 128) % 256 - 128],
                                [(-128 * 100 - 384 + 128) % 256 - 128, (-12800 + 9 + 128) % 256 - 128]]
    assert x.sort(1).values.tolist() == [[100, 100], [-128, 3]]
    x += 100
    assert x.tolist() == [[-56, -56], [-28, 103]]
    x[0] = 5
    assert x.tolist() == [[5, 5], [-28, 103]]
    assert tinygrad_c.tensor([1, 2], dtype=tinygrad_c.int16).scatter_add(
        0, tinygrad_c.tensor([0, 0]), tinygrad_c.tensor([32767, 1], dtype=tinygrad_c.int16)).tolist() == [-32767, 2]
    with pytest.raises(IndexError, match="tensors used as indices must be long, int, byte or bool"):
        tinygrad_c.arange(3)[tinygrad_c.tensor([1], dtype=tinygrad_c.int8)]
    with pytest.raises(RuntimeError, match="value cannot be converted to type int8 without overflow"):
        tinygrad_c.tensor([128], dtype=tinygrad_c.int8)


def test_ranges_of_small_integers():
    """The number of elements is that of the fractions, as for int32; the elements are of whole steps, and wrap around."""
    assert tinygrad_c.arange(1.0, 5.000001, 2.0, dtype=tinygrad_c.int16).tolist() == [1, 3, 5]
    assert tinygrad_c.arange(126, 130, dtype=tinygrad_c.int8).tolist() == [126, 127, -128, -127]


# ---- Conversions

def test_conversions_of_integers():
    """Every pair: the low bits, as NumPy converts."""
    whole = [name for name in NAMES if name.startswith(("int", "uint"))]
    for a, b in itertools.product(whole, whole):
        x = numbers(a, (9,), seed=7)
        assert tinygrad_c.tensor(x).to(here(b)).tolist() == x.astype(b).tolist(), (a, b)
        assert tinygrad_c.tensor(x).bool().tolist() == (x != 0).tolist()
        np.testing.assert_array_equal(tinygrad_c.tensor(x).double().numpy(), x.astype("float64"))
        np.testing.assert_array_equal(tinygrad_c.tensor(x).float().numpy(), x.astype("float32"))


def test_every_float16():
    """All 65,536 of them to float32 and back, beside NumPy's; and float32 numbers between two, at ties too."""
    bits = np.arange(65536, dtype="uint16")
    wanted = bits.view("float16")
    x = tinygrad_c.from_numpy(bits).view(tinygrad_c.float16)
    np.testing.assert_array_equal(x.float().numpy(), wanted.astype("float32"))
    back = x.float().half()
    finite = ~np.isnan(wanted)
    np.testing.assert_array_equal(back.view(tinygrad_c.uint16).numpy()[finite], bits[finite])
    assert bool(back.isnan().numpy()[~finite].all())
    positive = wanted[:0x7c00].astype("float64")
    between = (positive[1:] + positive[:-1]) / 2
    many = np.concatenate([between, np.nextafter(between.astype("float32"), np.float32(0)), np.nextafter(between.astype("float32"), np.float32(9e9)),
                           [65519.0, 65520.0, 70000.0, 1e30, np.inf, 2.0**-25, 2.0**-26]]).astype("float32")
    for sign in (1, -1):
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(tinygrad_c.tensor(sign * many).half().numpy(), (sign * many).astype("float16"))


def test_bfloat16_is_the_upper_half_of_float32():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 20000, dtype="uint32")
    bits = np.concatenate([bits, bits & 0xffff0000 | 0x8000, [0x7f7fffff, 0x7f800000, 0xff800000, 0, 0x80000000, 0x00000001]]).astype("uint32")
    x = bits.view("float32")
    number = ~np.isnan(x)
    lower = bits.astype("uint64") & 0xffff
    upper = bits.astype("uint64") >> 16
    wanted = upper + ((lower > 0x8000) | ((lower == 0x8000) & (upper & 1 == 1)))
    made = tinygrad_c.tensor(x).bfloat16()
    assert (made.view(tinygrad_c.uint16).numpy()[number] == wanted[number]).all()
    assert bool(made.float().isnan().numpy()[~number].all())
    np.testing.assert_array_equal(made.float().numpy()[number], (wanted.astype("uint32") << 16).view("float32")[number])


@with_torch
def test_conversions_beside_torch():
    for a, b in itertools.product(NAMES, NAMES):
        x = numbers(a, (40,), seed=8)
        if a.startswith(("float", "bfloat")):
            x = np.abs(x) if b.startswith("uint") else x
        theirs = torch.tensor(x).to(getattr(torch, a)).to(getattr(torch, b))
        ours = tinygrad_c.tensor(x).to(here(a)).to(here(b))
        assert ours.tolist() == theirs.tolist(), (a, b)
        assert str(ours.dtype) == str(theirs.dtype)
        assert repr(ours) == repr(theirs)


# ---- Dtypes that are only stored

ARITHMETIC = {"x + x": lambda x: x + x, "x * 2": lambda x: x * 2, "2 - x": lambda x: 2 - x, "x < x": lambda x: x < x, "-x": lambda x: -x,
              "abs": lambda x: x.abs(), "exp": lambda x: x.exp(), "sum": lambda x: x.sum(), "mean": lambda x: x.mean(), "max": lambda x: x.max(),
              "argmax": lambda x: x.argmax(), "sort": lambda x: x.sort(), "cumsum": lambda x: x.cumsum(0), "matmul": lambda x: x.outer(x),
              "topk": lambda x: x.topk(1), "pow": lambda x: x ** 2, "add_": lambda x: x.add_(1), "clamp": lambda x: x.clamp(0, 1),
              "unique": lambda x: x.unique(), "softmax": lambda x: x.softmax(0), "var": lambda x: x.var(), "dot": lambda x: x @ x,
              "relu": lambda x: x.relu(), "mul_": lambda x: x.mul_(x), "div": lambda x: x / 3, "floor": lambda x: x // 2, "norm": lambda x: x.norm(),
              "linear": lambda x: tinygrad_c.nn.functional.linear(x, x[None]), "scatter_add": lambda x: x.scatter_add(0, tinygrad_c.arange(3), x),
              "mse": lambda x: tinygrad_c.nn.functional.mse_loss(x, x), "dropout": lambda x: tinygrad_c.nn.functional.dropout(x),
              "layer_norm": lambda x: tinygrad_c.nn.functional.layer_norm(x, (3,)), "prod": lambda x: x.prod(), "kthvalue": lambda x: x.kthvalue(1),
              "conv": lambda x: tinygrad_c.nn.functional.conv1d(x[None, None], x[None, None]), "einsum": lambda x: tinygrad_c.einsum("i,i", x, x),
              "cross_entropy": lambda x: tinygrad_c.nn.functional.cross_entropy(x, tinygrad_c.tensor(0)), "median": lambda x: x.median(),
              "max_pool": lambda x: tinygrad_c.nn.functional.max_pool1d(x[None], 2), "cummax": lambda x: x.cummax(0), "lerp": lambda x: x.lerp(x, 0.5),
              "searchsorted": lambda x: tinygrad_c.searchsorted(x, x), "maximum": lambda x: tinygrad_c.maximum(x, x), "addcmul": lambda x: x.addcmul(x, x)}


@pytest.mark.parametrize("what", ARITHMETIC)
@pytest.mark.parametrize("name", STORED)
def test_arithmetic_of_stored_dtypes_says_what_to_call(name, what):
    x = tinygrad_c.tensor([1, 2, 3]).to(here(name))
    if what == "max_pool" and name.startswith("uint"):          # only moves them
        return
    with pytest.raises((NotImplementedError, RuntimeError, TypeError), match=r"\.(float|long)\(\)"):
        ARITHMETIC[what](x)
    assert x.tolist() == [1, 2, 3]


MOVES = {"clone": lambda m, x: x.clone(), "t": lambda m, x: x.t().contiguous(), "reshape": lambda m, x: x.t().reshape(-1), "row": lambda m, x: x[1],
         "slice": lambda m, x: x[:, ::2], "mask": lambda m, x: x[x == x], "index": lambda m, x: x[m.tensor([1, 0, 1])], "flip": lambda m, x: x.flip(1),
         "cat": lambda m, x: m.cat([x, x], 1), "stack": lambda m, x: m.stack([x, x], 1), "repeat": lambda m, x: x.repeat(2, 3), "roll": lambda m, x: x.roll(1, 1),
         "where": lambda m, x: m.where(x == 1, x, x.flip(0)), "gather": lambda m, x: x.gather(1, m.tensor([[0, 2], [1, 1]])), "expand": lambda m, x: x[:1].expand(4, 3).contiguous(),
         "chunk": lambda m, x: x.chunk(2)[1], "eq": lambda m, x: x == x.flip(0), "ne": lambda m, x: x != 2, "equal": lambda m, x: m.tensor(m.equal(x, x.clone())),
         "tril": lambda m, x: x.tril(), "diag": lambda m, x: x.diagonal(), "take": lambda m, x: x.index_select(1, m.tensor([2, 0])), "unbind": lambda m, x: x.unbind(1)[2],
         "masked_fill": lambda m, x: x.masked_fill(m.tensor([True, False, True]), 7), "bool": lambda m, x: x.bool(), "long": lambda m, x: x.long(), "int8": lambda m, x: x.char(),
         "double": lambda m, x: x.double(), "half": lambda m, x: x.half(), "pad": lambda m, x: m.nn.functional.pad(x, (1, 0)), "zeros_like": lambda m, x: m.zeros_like(x),
         "full_like": lambda m, x: m.full_like(x, 3), "new_tensor": lambda m, x: x.new_tensor([4, 5]), "new_zeros": lambda m, x: x.new_zeros(2), "scatter": lambda m, x: x.scatter(1, m.tensor([[0], [1]]), 9),
         "permute": lambda m, x: x.permute(1, 0)[None].squeeze(0), "nonzero": lambda m, x: x.nonzero(), "isnan": lambda m, x: x.isnan(), "copy_": lambda m, x: m.zeros(2, 3).copy_(x),
         "fill_": lambda m, x: x.clone().fill_(3), "zero_": lambda m, x: x.clone().zero_(), "setitem": lambda m, x: put(x.clone(), 1, 4), "setmask": lambda m, x: put(x.clone(), x == 1, 0),
         "float sum": lambda m, x: (x.float() * 2).sum(), "item": lambda m, x: m.tensor(x[0, 1].item()), "promoted": lambda m, x: x + m.ones(3, dtype=m.float64), "take_": lambda m, x: x.take(m.tensor([0, 5]))}


def put(x, key, value):
    x[key] = value
    return x


RECORDED = {"row": [4, 5, 6], "flip": [[3, 2, 1], [6, 5, 4]], "where": [[1, 5, 6], [1, 2, 3]], "setitem": [[1, 2, 3], [4, 4, 4]], "tril": [[1, 0, 0], [4, 5, 0]],
            "gather": [[1, 3], [5, 5]], "t": [[1, 4], [2, 5], [3, 6]], "float sum": 42, "pad": [[0, 1, 2, 3], [0, 4, 5, 6]], "eq": [[False] * 3] * 2}


@pytest.mark.parametrize("what", MOVES)
@pytest.mark.parametrize("name", [*STORED, *SMALL])
def test_what_moves_stored_dtypes(name, what):
    found = MOVES[what](tinygrad_c, tinygrad_c.arange(1, 7).reshape(2, 3).to(here(name)))
    if what in RECORDED:
        assert found.tolist() == RECORDED[what]
    if torch is None:
        return
    try:
        wanted = MOVES[what](torch, torch.arange(1, 7).reshape(2, 3).to(getattr(torch, name)))
    except NotImplementedError:         # torch has fewer kernels for unsigned integers
        return
    assert found.tolist() == wanted.tolist()
    assert str(found.dtype) == str(wanted.dtype)
    assert tuple(found.shape) == tuple(wanted.shape)


@pytest.mark.parametrize("size", [1, 7, 600, 9000])
@pytest.mark.parametrize("name", ["int8", "int16", "float16", "uint64"])
def test_copies_of_every_layout(name, size):
    """Transposed, reversed, broadcast and blocked: the loops copy elements of two bytes too."""
    x = np.arange(size * 6).astype(name if name != "float16" else "int16").view(name).reshape(3, size, 2)
    t = tinygrad_c.from_numpy(x)
    for axes in itertools.permutations(range(3)):
        np.testing.assert_array_equal(t.permute(*axes).contiguous().view(here("int16" if name == "float16" else name)).numpy(),
                                      np.ascontiguousarray(x.transpose(axes)).view("int16" if name == "float16" else name))
        np.testing.assert_array_equal(t.permute(*axes).double().numpy(), x.transpose(axes).astype("float64"))
        out = tinygrad_c.zeros([x.shape[d] for d in axes], dtype=here(name))
        out.permute(*np.argsort(axes).tolist()).copy_(t)
        np.testing.assert_array_equal(out.double().numpy(), x.transpose(axes).astype("float64"))
    np.testing.assert_array_equal(t.flip(1).double().numpy(), x[:, ::-1].astype("float64"))
    np.testing.assert_array_equal(t[:, :, :1].expand(3, size, 5).contiguous().double().numpy(), np.repeat(x[:, :, :1], 5, 2).astype("float64"))
    np.testing.assert_array_equal(t[:, ::2, 1].double().numpy(), x[:, ::2, 1].astype("float64"))


@pytest.mark.parametrize("name", NAMES)
def test_creation_in_every_dtype(name):
    kind = here(name)
    one = True if name == "bool" else 1
    for made in (tinygrad_c.tensor([1, 0, 1], dtype=kind), tinygrad_c.as_tensor([1, 0, 1], dtype=kind), tinygrad_c.ones(3, dtype=kind),
                 tinygrad_c.zeros(3, dtype=kind), tinygrad_c.full((3,), 1, dtype=kind), tinygrad_c.empty(3, dtype=kind).fill_(1),
                 tinygrad_c.eye(2, dtype=kind), tinygrad_c.ones(2).to(kind), tinygrad_c.ones(2).type(kind), tinygrad_c.zeros_like(tinygrad_c.ones(2), dtype=kind),
                 tinygrad_c.ones(2).new_ones(3, dtype=kind), tinygrad_c.randint(0, 2, (3,), dtype=kind), tinygrad_c.arange(2, dtype=kind),
                 tinygrad_c.linspace(0, 1, 2, dtype=kind), tinygrad_c.ones(2, dtype=kind).clone(), tinygrad_c.empty_like(tinygrad_c.ones(2), dtype=kind).fill_(1)):
        assert made.dtype is kind
        assert made.reshape(-1).tolist()[-1] in (0, one)
        assert made.element_size() == kind.itemsize
    assert tinygrad_c.ones(2, dtype=kind).type() == f"torch.{tinygrad_c.ones(2, dtype=kind).type().split('.')[1]}"
    assert tinygrad_c.ones(1).type(tinygrad_c.ones(2, dtype=kind).type()).dtype is kind
    if name not in ("bool",):
        info = tinygrad_c.finfo(kind) if kind.is_floating_point else tinygrad_c.iinfo(kind)
        assert info.bits == 8 * kind.itemsize
        if name != "bfloat16":
            other = np.finfo(name) if kind.is_floating_point else np.iinfo(name)
            assert (info.min, info.max) == (other.min, other.max)
            if kind.is_floating_point:
                assert (info.eps, info.tiny) == (other.eps, other.tiny)
    assert kind.is_signed == (name == "bfloat16" or name.startswith(("int", "float")))


# ---- Files, NumPy, DLPack, pickles

def same(a, b):
    assert a.dtype is b.dtype
    assert a.shape == b.shape
    assert a.tolist() == b.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_files_and_pickles(name, tmp_path):
    x = tinygrad_c.tensor(numbers(name, (3, 4), seed=9)).to(here(name))
    view = x.t()[1:]
    state = {"x": x, "view": view, "empty": x[:0], "row": x[1]}
    tinygrad_c.save(state, tmp_path / "x.pt")
    loaded = tinygrad_c.load(tmp_path / "x.pt")
    for key, each in state.items():
        same(loaded[key], each)
    pytest.importorskip("safetensors")
    tinygrad_c.save({"x": x, "y": tinygrad_c.ones(2)}, tmp_path / "x.safetensors")
    same(tinygrad_c.load(tmp_path / "x.safetensors")["x"], x)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        same(pickle.loads(pickle.dumps(x, protocol)), x)
    same(copy.deepcopy(x), x)
    if torch is not None:
        theirs = torch.load(tmp_path / "x.pt")
        assert theirs["x"].tolist() == x.tolist()
        assert str(theirs["x"].dtype) == str(x.dtype)
        assert theirs["view"].tolist() == view.tolist()
        assert theirs["row"].tolist() == x[1].tolist()
        torch.save({**theirs, "p": theirs["x"].t()}, tmp_path / "t.pt")
        back = tinygrad_c.load(tmp_path / "t.pt")
        for key, each in state.items():
            same(back[key], each)
        same(back["p"], x.t())
        from safetensors.torch import load_file, save_file
        theirs = load_file(tmp_path / "x.safetensors")["x"]
        assert theirs.tolist() == x.tolist()
        assert str(theirs.dtype) == str(x.dtype)
        save_file({"x": theirs.contiguous()}, tmp_path / "t.safetensors")
        same(tinygrad_c.load(tmp_path / "t.safetensors")["x"], x)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bfloat16"])
def test_numpy_and_dlpack(name):
    array = numbers(name, (2, 3), seed=10)
    for made in (tinygrad_c.from_numpy(array), tinygrad_c.as_tensor(array), tinygrad_c.tensor(array), tinygrad_c.asarray(array),
                 tinygrad_c.from_dlpack(array), tinygrad_c.from_numpy(array[:, ::-1]).flip(1)):
        assert made.dtype is here(name)
        np.testing.assert_array_equal(made.numpy(), array)
        assert made.numpy().dtype == array.dtype
    shared = tinygrad_c.from_numpy(array)
    array[0, 0] = 1
    assert shared[0, 0].item() == 1
    assert np.from_dlpack(shared).dtype == array.dtype
    assert tinygrad_c.tensor(array[0, 1]).dtype is here(name)           # a NumPy number
    assert tinygrad_c.tensor([array[0, 1], array[0, 2]]).dtype is here(name)
    batch = tinygrad_c.utils.data.default_collate([array[0], array[1]])
    assert batch.dtype is here(name)
    assert batch.tolist() == array.tolist()
    assert tinygrad_c.utils.data.default_collate([array[0, 0], array[0, 1]]).dtype is here(name)
    if torch is not None and name != "bool":
        assert torch.from_dlpack(tinygrad_c.from_numpy(array.copy())).tolist() == array.tolist()
        same(tinygrad_c.from_dlpack(torch.from_numpy(array)), tinygrad_c.tensor(array))


def test_numpy_has_no_bfloat16():
    x = tinygrad_c.ones(2).bfloat16()
    with pytest.raises(TypeError, match=r"Got unsupported ScalarType BFloat16.*\.float\(\)"):
        x.numpy()
    with pytest.raises(BufferError, match="BFloat16"):
        memoryview(x)
    assert x.float().numpy().tolist() == [1, 1]


def test_category_codes():
    pandas = pytest.importorskip("pandas")
    codes = pandas.Series(["b", "a", "b"]).astype("category").cat.codes.values
    assert codes.dtype == np.int8
    assert tinygrad_c.tensor(codes, dtype=tinygrad_c.long).tolist() == [1, 0, 1]
    assert tinygrad_c.from_numpy(codes.copy()).dtype is tinygrad_c.int8
    assert tinygrad_c.from_numpy(codes.copy()).long().tolist() == [1, 0, 1]


# ---- Nets in half precision

@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_net_is_saved_in_half_precision(name, tmp_path):
    torch_like = tinygrad_c
    net = torch_like.nn.Sequential(torch_like.nn.Linear(3, 2), torch_like.nn.BatchNorm1d(2))
    x = tinygrad_c.randn(4, 3)
    net.eval()
    wanted = net(x)
    half = getattr(copy.deepcopy(net), "half" if name == "float16" else "bfloat16")()
    assert {str(p.dtype) for p in half.parameters()} == {f"torch.{name}"}
    assert all(p.requires_grad for p in half.parameters())
    assert half[1].num_batches_tracked.dtype is tinygrad_c.int64
    tinygrad_c.save(half.state_dict(), tmp_path / "half.pt")
    other = torch_like.nn.Sequential(torch_like.nn.Linear(3, 2), torch_like.nn.BatchNorm1d(2)).eval()
    other.load_state_dict(tinygrad_c.load(tmp_path / "half.pt"))        # converted, as copy_ converts
    assert other[0].weight.dtype is tinygrad_c.float32
    assert (other(x) - wanted).abs().max().item() < 0.05
    assert (half.float()(x) - wanted).abs().max().item() < 0.05
    with pytest.raises((RuntimeError, NotImplementedError, TypeError), match=r"\.float\(\)"):
        net.half()(x.half())


def test_gradient_through_half():
    """A conversion to float16 and back is recorded: the gradient is rounded to float16 on its way."""
    x = tinygrad_c.tensor([1., 2.], requires_grad=True)
    (x.half().float() * tinygrad_c.tensor([3., 0.1])).sum().backward()
    assert x.grad.tolist() == [3., float(np.float16(0.1))]
    p = tinygrad_c.nn.Parameter(tinygrad_c.ones(2).half())
    (p.float().sum() + (p.float()[1:] * 4).sum()).backward()
    assert p.grad.dtype is tinygrad_c.float16
    assert p.grad.tolist() == [1., 5.]
