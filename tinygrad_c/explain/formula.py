"""A formula with the numbers in it: "g * b" with g = -2 and b = 3 is "-2 * 3"."""
from __future__ import annotations

import ast
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tinygrad_c.explain.numbers import shortest

TERMS = 4               # of a sum that are written out


class Unreadable(Exception):
    """The formula has something in it that has no numbers to put in."""


def number(x: float) -> str:
    """A number as a person writes it, six digits."""
    if x != x:
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    if x == int(x) and abs(x) < 1e6:
        return str(int(x)) if x or math.copysign(1, x) > 0 else "0"
    return f"{x:.6g}"


def operand(x: float) -> str:
    """A number inside a formula."""
    text = number(x)
    return f"({text})" if text.startswith("-") else text


@lru_cache(maxsize=512)
def parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def readable(expression: str) -> bool:
    """Whether it is a Python expression that can be evaluated; one with `...` in it is for reading only."""
    if "..." in expression:
        return False
    try:
        parsed(expression)
    except SyntaxError:
        return False
    return True


class _Rename(ast.NodeTransformer):
    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.labels.get(node.id, node.id), node.ctx)


def with_names(expression: str, labels: dict[str, str]) -> str:
    """The formula with the program's names in place of a, b and x. A label that is no name stands in brackets."""
    held = {key: label if _is_atom(label) else f"({label})" for key, label in labels.items()}
    if not readable(expression):
        words, word = [], ""
        for character in expression + "\0":
            if character.isalnum() or character == "_":
                word += character
            else:
                words.append(held.get(word, word))
                words.append(character)
                word = ""
        return "".join(words).rstrip("\0")
    tree = ast.parse(expression, mode="eval").body
    return ast.unparse(_Rename(held).visit(tree))


def _is_atom(label: str) -> bool:
    """Whether it is a name, model.0.weight, rows[2] or a number: nothing with an operator in it."""
    if label[0].isdigit() and label.replace("e-", "").replace("e+", "").replace(".", "").isdigit():
        return True
    return not any(sign in label for sign in "+-*/@<>=&|%, ") or (label.endswith(")") and label[0].isalpha())


def with_numbers(expression: str, values: dict[str, Any], at: tuple[int, ...],
                 evaluate: Callable[[str], Any] | None = None) -> str | None:
    """The formula for one element of its result, `at`, with numbers in place of names; None if it cannot be said so. What is
    not elementwise, x.mean(1) inside a formula for example, is one number: `evaluate` gives its value."""
    if not readable(expression):
        return None
    try:
        return _bare(_Writer(values, evaluate).text(parsed(expression), at, 0))
    except (Unreadable, KeyError, IndexError, AttributeError, TypeError):
        return None


def element(value: Any, at: tuple[int, ...]) -> float:
    """The element that a broadcast operation reads for element `at` of its result."""
    if isinstance(value, (int, float)):
        return value
    return shortest(_element(value, at), str(value.dtype).rpartition(".")[2])


def _element(value: Any, at: tuple[int, ...]) -> float:
    shape = tuple(value.shape)
    if len(shape) > len(at):
        if value.numel() != 1:
            raise Unreadable
        return value.item()
    place = at[len(at) - len(shape):]
    return value[tuple(0 if size == 1 else i for size, i in zip(shape, place))].item() if shape else value.item()


ROWS = ("softmax", "log_softmax", "one_hot")         # functions of a whole row
PRECEDENCE = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2, ast.MatMult: 2, ast.Pow: 4, ast.BitAnd: 0, ast.BitOr: 0}
SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|", ast.Gt: ">",
         ast.Lt: "<", ast.LtE: "<=", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


class _Writer:
    """Writes expressions with numbers; `values` by name."""

    def __init__(self, values: dict[str, Any], evaluate: Callable[[str], Any] | None) -> None:
        self.values, self.evaluate = values, evaluate

    def text(self, node: ast.expr, at: tuple[int, ...], outer: int) -> str:
        """The expression for element `at`, in brackets if it binds weaker than `outer`."""
        if isinstance(node, ast.Name):
            return operand(element(self.values[node.id], at))
        if isinstance(node, ast.Constant):
            return number(node.value)
        if isinstance(node, ast.UnaryOp):
            inner = self.text(node.operand, at, 3)
            return f"-{inner}" if not inner.startswith("-") else f"-({inner})"
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.MatMult):
                return self.products(node, at)
            mine = PRECEDENCE[type(node.op)]
            right_outer = mine + (isinstance(node.op, (ast.Sub, ast.Div)))
            left, right = self.text(node.left, at, mine + isinstance(node.op, ast.Pow)), self.text(node.right, at, right_outer)
            text = f"{left} {SIGNS[type(node.op)]} {right}"
            return f"({text})" if mine < outer else text
        if isinstance(node, ast.Compare):
            return f"{self.text(node.left, at, 1)} {SIGNS[type(node.ops[0])]} {self.text(node.comparators[0], at, 1)}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in ROWS:
            return f"{node.func.id}({', '.join(_bare(self.text(each, at, 0)) for each in node.args)})"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and outer == 0:
            return self.softmax(node, at)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
            if node.func.attr == "expand_as":
                return operand(element(self.value(node.func.value), at))
            if node.func.attr in ("sum", "mean") and not node.args:
                return self.reduced(node.func.value, node.func.attr, outer)
            if node.func.attr == "sum" and ast.unparse(node.args[0]) == "0" and isinstance(node.func.value, ast.Name):
                value = self.values[node.func.value.id]
                return sum_of([number(element(value[i], at)) for i in range(min(len(value), TERMS))], len(value))
        return operand(element(self.value(node), at))

    def value(self, node: ast.expr) -> Any:
        """The tensor that a part of the formula is."""
        if isinstance(node, ast.Name):
            return self.values[node.id]
        key = ast.unparse(node)
        if key not in self.values:
            found = None if self.evaluate is None else self.evaluate(key)
            if found is None:
                raise Unreadable
            self.values[key] = found
        return self.values[key]

    def reduced(self, node: ast.expr, how: str, outer: int) -> str:
        """The first terms of a sum or a mean over everything."""
        shape = tuple(self.value(node).shape)
        count = 1
        for size in shape:
            count *= size
        if not count:
            raise Unreadable
        atom = isinstance(node, ast.Name)
        texts = [_bare(self.text(node, unravel(k, shape), 0)) if atom else self.text(node, unravel(k, shape), 1)
                 for k in range(min(count, TERMS if atom else TERMS // 2))]
        text = sum_of(texts, count)
        if how == "sum" or count == 1:
            return f"({text})" if outer > 1 and count > 1 else text
        return f"({text}) / {count}"

    def softmax(self, node: ast.Call, at: tuple[int, ...]) -> str:
        """exp(x) / (exp(x) + ..) for one element."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        x, dim = self.value(node.args[0]), int(ast.unparse(node.args[1]))
        if name == "one_hot" or not 0 <= dim < max(len(at), 1):
            raise Unreadable
        row = [(*at[:dim], k, *at[dim + 1:]) for k in range(x.shape[dim])] if at else [()]
        powers = sum_of([f"exp({number(element(x, each))})" for each in row[:TERMS]], len(row))
        text = f"exp({number(element(x, at))}) / ({powers})"
        return f"log({text})" if name == "log_softmax" else text

    def products(self, node: ast.BinOp, at: tuple[int, ...]) -> str:
        """Row times column: the first products."""
        a, b = self.value_of_matrix(node.left), self.value_of_matrix(node.right)
        if a.dim() < 2 or b.dim() < 2 or len(at) < 2:
            raise Unreadable
        n = a.shape[-1]
        pairs = [(element(a, (*at[:-1], k)), element(b, (*at[:-2], k, at[-1]))) for k in range(min(n, TERMS))]
        return sum_of([f"{operand(p)} * {operand(q)}" for p, q in pairs], n)

    def value_of_matrix(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
            return self.value(node.value).transpose(-2, -1)
        return self.value(node)


def unravel(k: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The place of element k in the order of memory."""
    at = []
    for size in reversed(shape):
        at.append(k % size)
        k //= size
    return tuple(reversed(at))


def _bare(text: str) -> str:
    """A number without the brackets that it has beside an operator."""
    return text[1:-1] if text.startswith("(-") and text.count("(") == 1 and text.endswith(")") else text


def sum_of(terms: list[str], count: int) -> str:
    """The first terms of a sum, and that there are more."""
    text = terms[0] if terms else "0"
    for each in terms[1:]:
        text += f" - {each[1:]}" if each.startswith("-") else f" + {each}"
    return text + (f" + … ({count})" if count > len(terms) else "")
