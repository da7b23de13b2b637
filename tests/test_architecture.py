"""The rooms of the house, and that imports only go down: read from the sources of the installed package or of the tree."""
from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tinygrad_c

# From the ground up. A module is in the first room that its name begins with (tape_walk.pxi is a part of tape); within a room,
# imports are free.
ROOMS = [
    ("ground", ["formulas", "version", "notices", "absent", "devices", "places"]),
    ("kernels", ["kernels"]),
    ("array", ["array"]),
    ("tape", ["tape", "slots"]),
    ("ops", ["ops"]),
    ("tensor", ["linalg", "tensor", "methods", "autograd", "printing", "config", "compat", "cuda", "amp", "func", "backends", "random", "special", "jit", "testing", "distributions"]),
    ("nn", ["nn", "optim", "utils", "serialization"]),
    ("top", ["datasets", "tables", "sklearn", "cli", "__main__"]),
    ("door", ["__init__"]),
]
PACKAGE = Path(tinygrad_c.__file__).parent
IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\s+(.+)|c?import\s+([\w.]+))")


def modules() -> dict[str, Path]:
    """Every source file: its module name without `tinygrad_c.`, and where it is. A .pxd or .pxi counts as the module it
    serves.
    """
    found = {}
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in (".py", ".pyx", ".pxd", ".pxi") and "generated" not in path.parts:
            found[str(path.relative_to(PACKAGE))] = path
    return found


def room_of(module: str) -> int:
    for level, (_, prefixes) in enumerate(ROOMS):
        if any(module == prefix or module.startswith((prefix + ".", prefix + "_")) for prefix in prefixes):
            return level
    raise AssertionError(f"{module} is in no room: put it into ROOMS, at the height where it belongs")


def name_of(file: str) -> str:
    module = re.sub(r"\.(py|pyx|pxd|pxi)$", "", file).replace("/", ".")
    return module.removesuffix(".__init__") if module != "__init__" else module


def imported(file: str, path: Path) -> set[str]:
    """The modules of this package that a file imports, at its top or inside functions."""
    text = path.read_text()
    names = set()
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    here = ("tinygrad_c." + name_of(file)).split(".")
                    keep = len(here) - node.level + (path.name == "__init__.py")
                    base = ".".join([*here[:keep], *([base] if base else [])])
                names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    else:
        for line in text.splitlines():
            match = IMPORT.match(line)
            if match and match[1]:
                names.add(match[1])
                names |= {f"{match[1]}.{name.split()[0]}" for name in match[2].strip("(").split(",") if name.strip()}
            elif match:
                names.add(match[3])
    known = {name_of(each) for each in modules()} | {"kernels.generated", "kernels.generated.ids"}
    own = {name.removeprefix("tinygrad_c.") for name in names if name.startswith("tinygrad_c.")}
    found = {name for name in own if name in known}
    if "tinygrad_c" in names and not any(name.startswith("tinygrad_c.") for name in names):
        found.add("__init__")
    return found


@pytest.mark.parametrize("file", modules())
def test_imports_only_go_down(file):
    here = name_of(file)
    for module in imported(file, modules()[file]):
        assert room_of(module) <= room_of(here), (
            f"{file} imports {module}: {ROOMS[room_of(here)][0]} may not import {ROOMS[room_of(module)][0]}, which is above it")


def test_the_table_imports_nothing_of_ours():
    assert imported("formulas.py", PACKAGE / "formulas.py") == set()


def test_includes_stay_in_the_room_below():
    for file, path in modules().items():
        for name in re.findall(r"^\s*include\s+[\"']([^\"']+)", path.read_text(), re.M) if path.suffix != ".py" else []:
            target = name_of(str((path.parent / name).resolve().relative_to(PACKAGE)))
            assert room_of(target) <= room_of(name_of(file))


def test_every_room_is_there():
    """So that the other tests cannot pass for want of files."""
    names = {name_of(file) for file in modules()}
    assert {"formulas", "kernels.dispatch", "array", "tape", "ops.elementwise", "tensor", "nn.module"} <= names or \
        {"formulas", "tensor", "nn.module"} <= names        # installed: the Python sources alone
