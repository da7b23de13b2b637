"""einsum: sums of products over named dimensions, computed with permute, reshape and bmm."""
from __future__ import annotations

import functools
import math

from tinygrad_c.ops.arguments import tensor_arg
from tinygrad_c.ops.matmul.products import bmm
from tinygrad_c.ops.reduce.reduce import sum
from tinygrad_c.ops.shape.shape import diagonal, permute, reshape, squeeze, transpose

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DOTS = "..."


def einsum(equation, *operands):
    """Sums of products: "ij,jk->ik" is the matrix product, "ii->i" the diagonal, "...ij->...ji" a transpose.

    equation: for each operand one letter per dimension, or "..." for dimensions that are not named and broadcast; after "->"
    the letters of the result. Letters that are not in the result are summed over. Without "->", the result has the letters
    that occur once, in alphabetical order. Instead of an equation: operands and lists of numbers from 0 to 51 and `...`
    alternate, and the result's list comes last.
    Raises RuntimeError for an equation that does not fit the operands.

    >>> tinygrad_c.einsum("ij,j->i", tinygrad_c.tensor([[1., 2.], [3., 4.]]), tinygrad_c.tensor([1., 10.]))
    tensor([21., 43.])
    """
    if not isinstance(equation, str):
        equation, operands = from_sublists((equation, *operands))
    elif len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): must provide at least one operand")
    for i, x in enumerate(operands):
        tensor_arg(x, "einsum", "operands", i + 1)
    names, wanted = parsed(equation, tuple([x.ndim for x in operands]))
    sizes = sizes_of(names, operands)

    def needed(done: int) -> set:
        """The names in the result and in the operands after the first `done`."""
        return set(wanted).union(*names[done:])

    total, of_total = reduced(operands[0], names[0], sizes, needed(1))
    for i in range(1, len(operands)):
        x, of_x = reduced(operands[i], names[i], sizes, needed(i + 1) | set(of_total))
        total, of_total = contracted(total, of_total, x, of_x, sizes, needed(i + 1))
    total = permute(total, [of_total.index(name) for name in wanted if name in of_total])
    return reshape(total, [sizes[name] for name in wanted])


def from_sublists(arguments: tuple) -> tuple[str, list]:
    """einsum(x, [0, 1], y, [1, 2], [0, 2]) as an equation and operands."""
    def letters(sublist) -> str:
        out = ""
        for each in sublist:
            if each is not Ellipsis and not 0 <= each < 52:
                raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")
            out += DOTS if each is Ellipsis else LETTERS[each]
        return out
    pairs = len(arguments) // 2
    if not pairs:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one operand and its "
                         "subscripts list")
    equation = ",".join([letters(arguments[2 * i + 1]) for i in range(pairs)])
    if len(arguments) % 2:
        equation += "->" + letters(arguments[-1])
    return equation, [arguments[2 * i] for i in range(pairs)]


# ---- The equation

def subscripts(term: str, where: str, start: int) -> list[str]:
    """The subscripts of a term: letters, and "..."."""
    out: list[str] = []
    i = 0
    while i < len(term):
        if term[i] == " ":
            i += 1
        elif term[i] == ".":
            if DOTS in out:
                raise RuntimeError(f"einsum(): found '.' {where} for which an ellipsis was already found")
            if term[i:i + 3] != DOTS:
                raise RuntimeError(f"einsum(): found '.' {where} that is not part of any ellipsis")
            out.append(DOTS)
            i += 3
        elif term[i] in LETTERS:
            out.append(term[i])
            i += 1
        else:
            raise RuntimeError(f"einsum(): invalid subscript given at index {start + i} in the equation string, subscripts "
                               f"must be in [a-zA-Z]: {term[i]!r}")
    return out


@functools.lru_cache(maxsize=256)
def parsed(equation: str, ndims: tuple[int, ...]) -> tuple[tuple, tuple]:
    """For each operand the names of its dimensions, and the names of the result. A name is a letter, or, for the dimensions of
    "...", a negative number."""
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise RuntimeError(f"einsum(): {'more' if len(ndims) > len(terms) else 'fewer'} operands were provided than specified "
                           f"in the equation: {equation!r} names {len(terms)}, got {len(ndims)}")
    operands, start, dots = [], 0, 0
    for i, (term, ndim) in enumerate(zip(terms, ndims)):
        each = subscripts(term, f"for operand {i}", start)
        start += len(term) + 1
        rest = ndim - len(each) + (DOTS in each)
        if rest < 0 or (rest > 0 and DOTS not in each):
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({len(each) - (DOTS in each)}) "
                               f"{'is more than' if DOTS in each else 'does not match'} the number of dimensions ({ndim}) for "
                               f"operand {i}{'' if DOTS in each else ' and no ellipsis was given'}")
        if DOTS in each:
            dots = max(dots, rest)
            at = each.index(DOTS)
            each[at:at + 1] = range(-rest, 0)           # counted from the last dimension, as in broadcasting
        operands.append(tuple(each))
    every = [name for each in operands for name in each]
    if not arrow:
        once = sorted({name for name in every if every.count(name) == 1 and isinstance(name, str)})
        return tuple(operands), (*range(-dots, 0), *once)
    result = subscripts(right, "for output", len(left) + 2)
    for name in result:
        if name != DOTS and result.count(name) > 1:
            raise RuntimeError(f"einsum(): output subscript {name} appears more than once in the output")
        if name != DOTS and name not in every:
            raise RuntimeError(f"einsum(): output subscript {name} does not appear in the equation for any input operand")
    if DOTS in result:
        at = result.index(DOTS)
        result[at:at + 1] = range(-dots, 0)
    return tuple(operands), tuple(result)


def sizes_of(names: tuple, operands) -> dict:
    sizes: dict = {}
    for i, (each, x) in enumerate(zip(names, operands)):
        for name, size in zip(each, x.shape):
            if sizes.setdefault(name, size) == 1:
                sizes[name] = size
            elif size not in (1, sizes[name]):
                raise RuntimeError(f"einsum(): subscript {name} has size {size} for operand {i} which does not broadcast with "
                                   f"previously seen size {sizes[name]}")
    return sizes


# ---- The sums

def reduced(x, names: tuple, sizes: dict, needed: set) -> tuple:
    """x with repeated names replaced by their diagonal, without dimensions of size 1 that broadcast, and summed over the names
    that are not needed."""
    names = list(names)
    while True:
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is None:
            break
        d0 = names.index(repeated)
        d1 = names.index(repeated, d0 + 1)
        if x.shape[d0] != x.shape[d1]:
            raise RuntimeError(f"einsum(): subscript {repeated} is repeated for operand but the sizes don't match, "
                               f"{x.shape[d1]} != {x.shape[d0]}")
        x = diagonal(x, 0, d0, d1)
        names = [name for d, name in enumerate(names) if d not in (d0, d1)] + [repeated]
    ones = [d for d, name in enumerate(names) if x.shape[d] == 1 != sizes[name]]
    if ones:
        x = squeeze(x, ones)
        names = [name for d, name in enumerate(names) if d not in ones]
    rest = [d for d, name in enumerate(names) if name not in needed]
    if rest:
        x = sum(x, rest)
    return x, [name for name in names if name in needed]


def contracted(a, of_a: list, b, of_b: list, sizes: dict, needed: set) -> tuple:
    """The product of two operands, summed over common names that are not needed: one bmm."""
    both = [name for name in of_a if name in of_b]
    batch, summed = [n for n in both if n in needed], [n for n in both if n not in needed]
    rows, columns = [n for n in of_a if n not in both], [n for n in of_b if n not in both]
    count = [math.prod([sizes[n] for n in each]) for each in (batch, rows, summed, columns)]
    a = reshape(permute(a, [of_a.index(n) for n in batch + rows + summed]), count[0], count[1], count[2])
    b = reshape(permute(b, [of_b.index(n) for n in batch + columns + summed]), count[0], count[3], count[2])
    b = transpose(b, 1, 2)
    names = batch + rows + columns
    out = reshape(bmm(a, b) if summed else a * b, [sizes[n] for n in names])
    rest = [d for d, name in enumerate(names) if name not in needed]
    return (sum(out, rest), [n for n in names if n in needed]) if rest else (out, names)
