"""A formula with the numbers in it: "g * b" with g = -2 and b = 3 is "-2 * 3"."""
from __future__ import annotations

import ast
import math
from functools import lru_cache
from typing import Any

from tinygrad_c.explain.numbers import plain_list, shortest

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
    return not any(sign in label for sign in "+-*/@<>=&|%, ") or (label.endswith(")") and label[0].isalpha())


def with_numbers(expression: str, values: dict[str, Any], at: tuple[int, ...]) -> str | None:
    """The formula for one element of its result, `at`, with numbers in place of names; None if it cannot be said so."""
    if not readable(expression):
        return None
    try:
        text = _text(parsed(expression), values, at, 0)
        return _bare(text)
    except (Unreadable, KeyError, IndexError, AttributeError):
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


PRECEDENCE = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2, ast.MatMult: 2, ast.Pow: 4, ast.BitAnd: 0}
SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.BitAnd: "&", ast.Gt: ">", ast.Lt: "<",
         ast.LtE: "<=", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


def _text(node: ast.expr, values: dict[str, Any], at: tuple[int, ...], outer: int) -> str:
    if isinstance(node, ast.Name):
        return operand(element(values[node.id], at))
    if isinstance(node, ast.Constant):
        return number(node.value)
    if isinstance(node, ast.UnaryOp):
        inner = _text(node.operand, values, at, 3)
        return f"-{inner}" if not inner.startswith("-") else f"-({inner})"
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.MatMult):
            return _products(node, values, at)
        mine = PRECEDENCE[type(node.op)]
        right_outer = mine + (isinstance(node.op, (ast.Sub, ast.Div)))
        text = f"{_text(node.left, values, at, mine)} {SIGNS[type(node.op)]} {_text(node.right, values, at, right_outer)}"
        return f"({text})" if mine < outer else text
    if isinstance(node, ast.Compare):
        return f"{_text(node.left, values, at, 1)} {SIGNS[type(node.ops[0])]} {_text(node.comparators[0], values, at, 1)}"
    if isinstance(node, ast.Call):
        return _call(node, values, at, outer)
    raise Unreadable


def _call(node: ast.Call, values: dict[str, Any], at: tuple[int, ...], outer: int) -> str:
    if isinstance(node.func, ast.Name):
        if node.func.id in ("softmax", "one_hot", "log_softmax"):       # of a whole row: the table has its value
            return operand(element(values[ast.unparse(node)], at))
        return f"{node.func.id}({', '.join(_bare(_text(each, values, at, 0)) for each in node.args)})"
    if not isinstance(node.func, ast.Attribute) or not isinstance(node.func.value, ast.Name):
        raise Unreadable
    value, method = values[node.func.value.id], node.func.attr
    if method == "expand_as":
        return operand(element(value, at))
    if method == "sum" and len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0:
        return _sum([number(element(value[i], at)) for i in range(min(len(value), TERMS))], len(value))
    if method == "sum" and not node.args and value.dim() <= 1:
        flat = value.reshape(-1)
        return _sum([number(each) for each in plain_list(flat[:TERMS])], flat.numel())
    if method == "mean" and not node.args and value.dim() <= 1 and value.numel():
        flat = value.reshape(-1)
        return f"({_sum([number(each) for each in plain_list(flat[:TERMS])], flat.numel())}) / {flat.numel()}"
    raise Unreadable


def _bare(text: str) -> str:
    """A number without the brackets that it has beside an operator."""
    return text[1:-1] if text.startswith("(-") and text.count("(") == 1 and text.endswith(")") else text


def _sum(terms: list[str], count: int) -> str:
    """The first terms of a sum, and that there are more."""
    text = terms[0] if terms else "0"
    for each in terms[1:]:
        text += f" - {each[1:]}" if each.startswith("-") else f" + {each}"
    return text + (f" + … ({count})" if count > len(terms) else "")


def _matrix(node: ast.expr, values: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT") and isinstance(node.value, ast.Name):
        return values[node.value.id].transpose(-2, -1)
    raise Unreadable


def _products(node: ast.BinOp, values: dict[str, Any], at: tuple[int, ...]) -> str:
    """Row times column: the first products."""
    a, b = _matrix(node.left, values), _matrix(node.right, values)
    if a.dim() != 2 or b.dim() != 2 or len(at) != 2:
        raise Unreadable
    row, column = plain_list(a[at[0]][:TERMS]), plain_list(b[:TERMS, at[1]])
    return _sum([f"{operand(p)} * {operand(q)}" for p, q in zip(row, column)], a.shape[1])
