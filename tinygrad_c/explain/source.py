"""The program's own text: its syntax trees, where a name was assigned, and which expression an instruction is of."""
from __future__ import annotations

import ast
import linecache
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PACKAGE = __name__.partition(".")[0]


@lru_cache(maxsize=16)
def tree_of(text: str) -> ast.Module | None:
    """The syntax tree, or None of what is not Python."""
    try:
        return ast.parse(text) if text else None
    except (SyntaxError, ValueError):
        return None


class Source:
    """A file or a notebook cell; `tree` is None where there is no text (the plain prompt) or it is not Python."""

    def __init__(self, filename: str, module: dict[str, Any] | None = None) -> None:
        self.filename = filename
        self.lines = linecache.getlines(filename, module)
        self.tree = tree_of("".join(self.lines))
        self._functions: dict[tuple[str, int], Function] = {}

    def line(self, number: int) -> str:
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""

    def where(self, number: int) -> tuple[str, int]:
        """The file that is shown, and the line in it."""
        name = self.filename
        return ("cell" if "ipykernel" in name or name.startswith("<ipython-input") else Path(name).name), number

    def function(self, code: CodeType) -> Function:
        """The function, or the module, that a code object was compiled from."""
        key = code.co_name, code.co_firstlineno
        if key not in self._functions:
            self._functions[key] = Function(self.find(code))
        return self._functions[key]

    def find(self, code: CodeType) -> ast.AST | None:
        if self.tree is None or code.co_name == "<module>":
            return self.tree
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == code.co_name:
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                if first == code.co_firstlineno:
                    return node
        return self.tree


class Notebook(Source):
    """The cells of a notebook that have run, one after the other, as one text: a name may come from any of them."""

    def __init__(self, cells: list[str]) -> None:
        self.filename = "notebook"
        self.lines, self.starts = [], []
        for cell in cells:
            self.starts.append(len(self.lines))
            lines = [line + "\n" for line in cell.splitlines()]
            plain = ["\n" if line.lstrip().startswith(("%", "!")) else line for line in lines]        # magics are not Python
            self.lines += plain if tree_of("".join(plain)) is not None else ["\n"] * len(lines)
        self.tree = tree_of("".join(self.lines))
        self._functions = {}

    def where(self, number: int) -> tuple[str, int]:
        cell = max(i for i, start in enumerate(self.starts) if start < number)
        return f"cell {cell}", number - self.starts[cell]

    def find(self, code: CodeType) -> ast.AST | None:
        return self.tree


def source_of(frame: FrameType) -> tuple[Source, int]:
    """The text that a frame runs, and the line in it where it is: of a cell of a notebook, all cells until then."""
    source, cells = Source(frame.f_code.co_filename, frame.f_globals), frame.f_globals.get("In")
    if frame.f_code.co_name == "<module>" and isinstance(cells, list) and "get_ipython" in frame.f_globals and cells and \
            source.lines and len(cells[-1].splitlines()) == len("".join(source.lines).splitlines()):
        notebook = Notebook(cells)
        return notebook, notebook.starts[-1] + frame.f_lineno
    return source, frame.f_lineno


class Written(ast.expr):
    """What a tensor is after name[index] = value."""

    _fields = ("name", "slice", "value")


class Function:
    """The statements of one function (or of the module outside its functions)."""

    def __init__(self, tree: ast.AST | None) -> None:
        self.assigned: dict[str, list[tuple[ast.stmt, ast.expr]]] = {}
        self.statements: list[ast.stmt] = []
        if tree is not None:
            for child in ast.iter_child_nodes(tree):
                self._enter(child)

    def _enter(self, node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            return
        if isinstance(node, ast.stmt):
            self.statements.append(node)
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value, node)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._assign(node.target, node.value, node)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            left = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
            value = ast.copy_location(ast.BinOp(left, node.op, node.value), node)
            self._assign(node.target, value, node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute) \
                and node.value.func.attr.endswith("_") and isinstance(node.value.func.value, ast.Name):
            self._assign(node.value.func.value, node.value, node)           # h.relu_()
        for child in ast.iter_child_nodes(node):
            self._enter(child)

    def _assign(self, target: ast.expr, value: ast.expr, statement: ast.stmt) -> None:
        if isinstance(target, ast.Name):
            self.assigned.setdefault(target.id, []).append((statement, value))
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            written = ast.copy_location(Written(target.value, target.slice, value), statement)      # z[1] = value
            self._assign(target.value, written, statement)
        elif isinstance(target, (ast.Tuple, ast.List)):
            matching = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
            for i, each in enumerate(target.elts):
                self._assign(each, value.elts[i] if matching else value, statement)

    def assignment(self, name: str, before: int, at: bool = False) -> tuple[ast.stmt, ast.expr] | None:
        """The last assignment of a name before a line (or at it); in a loop, one that stands below the line."""
        found = self.assigned.get(name, [])
        earlier = [each for each in found if each[0].lineno < before + at]
        return earlier[-1] if earlier else found[-1] if found else None

    def expression(self, span: tuple[int, int, int, int]) -> tuple[ast.stmt, ast.expr] | None:
        """The expression that takes up a span of the text, and its statement."""
        for statement in self.statements:
            if statement.lineno <= span[0] and span[1] <= (statement.end_lineno or statement.lineno) and \
                    not hasattr(statement, "body"):
                for node in ast.walk(statement):
                    if isinstance(node, ast.expr) and span_of(node) == span:
                        return statement, node
                if isinstance(statement, ast.AugAssign) and span_of(statement) == span:
                    return next((s, v) for s, v in self.assigned.get(getattr(statement.target, "id", ""), []) if s is statement)
        return None

    def on_line(self, line: int) -> tuple[ast.stmt, ast.expr] | None:
        """The statement at a line, and the expression that it computes."""
        for statement in reversed(self.statements):
            if statement.lineno <= line <= (statement.end_lineno or statement.lineno) and not hasattr(statement, "body"):
                value = getattr(statement, "value", None)
                return (statement, value) if isinstance(value, ast.expr) else None
        return None


def returned(function: Any) -> list[str]:
    """What a function returns, as text: each part of a tuple. [] if its text is not known or it returns in several places."""
    code = getattr(function, "__code__", None)
    if code is None:
        return []
    tree = Source(code.co_filename, function.__globals__).find(code)
    found = [] if not isinstance(tree, ast.FunctionDef) else [
        node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    if len(found) != 1:
        return []
    return [ast.unparse(each) for each in (found[0].elts if isinstance(found[0], ast.Tuple) else [found[0]])]


def span_of(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def position(code: CodeType, lasti: int) -> tuple[int, int, int, int] | None:
    """The span of the text that the instruction belongs to; its columns are known from Python 3.11 on."""
    if not hasattr(code, "co_positions"):
        return None
    for i, (line, end, column, end_column) in enumerate(code.co_positions()):
        if i == lasti // 2:
            return None if line is None or end is None or column is None or end_column is None \
                else (line, end, column, end_column)
    return None


def is_users(frame: FrameType) -> bool:
    """Whether a frame is of the program, not of this package."""
    name = frame.f_globals.get("__name__", "")
    return name != PACKAGE and not (isinstance(name, str) and name.startswith(PACKAGE + "."))


def users_frame(frame: FrameType | None) -> FrameType | None:
    """The nearest frame outside this package."""
    while frame is not None and not is_users(frame):
        frame = frame.f_back
    return frame
