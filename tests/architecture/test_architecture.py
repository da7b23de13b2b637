"""The layers of the package: imports go only down. Read from the sources.

A level has folders of tinygrad_c, or files at its top. A file may import from its own folder, from `_base`, from the levels that
its level names, and from the folders in its own folder's line: nothing else.
"""
from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest
from samples.paths import ROOT
from samples.public_modules import PUBLIC

import tinygrad_c

# From the bottom up: a level, the levels below that its folders may import, and for each folder what else it may import.
LEVELS = [
    ("ground", "", {
        "_base": "",                        # version, device, warnings, @public, lazy and missing names
        "formulas": "",                     # the table of elementwise operations
    }),
    ("kernels", "", {                       # C functions of a Call; no Python object
        "kernels": "",                      # the contract: call, table; generate.py writes kernels.generated from formulas.py
        "kernels.portable": "kernels kernels.matmul kernels.simd",     # the same loops, for integers
        "kernels.runtime": "kernels kernels.portable",
        "kernels.matmul": "kernels kernels.runtime",
        "kernels.simd": "kernels kernels.matmul",
        "kernels.isa": "kernels.simd",
    }),
    ("core", "kernels", {
        "core": "",                         # array: memory, shape, dtype; tape: recording and the backward pass
    }),
    ("ops", "ground kernels core", {        # a folder for each family: operations, their gradient rules, and composed functions
        "ops": "ops.elementwise",           # argument checks
        "ops.elementwise": "ops ops.create ops.indexing ops.matmul ops.reduce ops.shape",
        "ops.create": "ops ops.elementwise ops.shape",
        "ops.shape": "ops ops.create ops.elementwise ops.indexing ops.reduce",
        "ops.indexing": "ops ops.create ops.elementwise ops.shape ops.sorting",
        "ops.reduce": "ops ops.create ops.elementwise ops.indexing ops.shape ops.sorting",
        "ops.sorting": "ops ops.create ops.elementwise ops.indexing ops.shape",
        "ops.matmul": "ops ops.elementwise ops.reduce ops.shape",
        "ops.matrices": "ops.elementwise",
        "ops.norm": "ops.elementwise ops.reduce ops.shape",
        "ops.random": "ops ops.create ops.elementwise ops.reduce",
        "ops.loss": "ops.elementwise ops.indexing ops.reduce ops.shape",
        "ops.conv": "ops.elementwise ops.indexing ops.matmul ops.reduce ops.shape",
        "ops.optim_steps": "ops.elementwise",
    }),
    ("tensor", "core ops", {
        "_tensor": "",                      # class Tensor
        "autograd": "",
        "func": "_tensor autograd formulas",   # transforms: grad, jacobians; vmap, whose rules are a table
    }),
    ("nn", "core ops tensor", {
        "nn.functional": "",
        "nn": "nn.functional nn.utils",
        "nn.parallel": "nn distributed",
        "nn.utils": "nn nn.functional",
        "optim": "nn optim.lr_scheduler",
        "optim.lr_scheduler": "optim",
        "utils": "nn kernels.runtime",      # threads, for utils.benchmark
        "utils.data": "distributed",        # DistributedSampler
        "distributed": "distributed.algorithms.model_averaging optim",      # collectives on MPI; imported at first use
        "distributed.algorithms": "",
        "distributed.algorithms.model_averaging": "distributed",
        "serialization": "nn",
    }),
    ("programs", "core ops tensor nn", {                # training steps that are recorded and replayed
        "programs": "kernels kernels.portable kernels.runtime",
    }),
    ("torch_compat", "core ops tensor nn", {            # compatibility with PyTorch only
        "torch_compat": "kernels.runtime",
        "torch_compat.backends": "",
        "torch_compat.cuda": "torch_compat",
    }),
    ("public", "core ops tensor nn programs torch_compat", {          # import tinygrad_c
        "__init__": "kernels.runtime",
    }),
    ("annex", "", {                         # built on public names only, as a user's program is; imported at first use
        "linalg": "PUBLIC ops.matrices",
        "special": "PUBLIC",
        "distributions": "PUBLIC",
        "distributions.kl": "PUBLIC",
        "distributions.transforms": "PUBLIC",
    }),
    ("explain", "core ops tensor nn", {     # the forward and backward pass in formulas and numbers; imported at first use
        "explain": "formulas",
    }),
    ("top", "nn public", {
        "datasets": "",
        "export": "",                       # a net as a C header or an ONNX file; imported at first use
        "tables": "",                       # reads tables, trains nets on them, answers
        "tables.export": "export tables",
        "sklearn": "tables",                # estimators for scikit-learn
        "play": "datasets explain tables",
        "cli": "datasets play tables tables.export",
        "__main__": "cli",
    }),
]
HEIGHT = {folder: height for height, (_, _, lines) in enumerate(LEVELS) for folder in lines}
ANNEX = [folder for _, _, lines in LEVELS for folder, more in lines.items() if more.startswith("PUBLIC")]

# Files of more than 600 lines, and the reason.
LONG = {
    "nn/module.py": "class Module, whose methods are documented one by one",
}

SOURCES = ROOT / "tinygrad_c"
# make wheel runs this without the sources: the installed package has only the Python files.
PACKAGE = SOURCES if SOURCES.exists() else Path(tinygrad_c.__file__).parent
IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\s+(.+)|c?import\s+([\w.]+))")
INCLUDE = re.compile(r"^\s*include\s+[\"']([^\"']+)", re.M)


@cache
def files() -> dict[str, Path]:
    """Every source file, by its path within the package."""
    return {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*"))
            if path.suffix in (".py", ".pyx", ".pxd", ".pxi") and not {"generated", "__pycache__"} & set(path.parts)}


def name_of(file: str) -> str:
    """The module of a file, without `tinygrad_c.`; a .pxd or .pxi has the name of a module too."""
    module = re.sub(r"\.(py|pyx|pxd|pxi)$", "", file).replace("/", ".")
    return module.removesuffix(".__init__") if module != "__init__" else module


@cache
def folders() -> set[str]:
    return {".".join(Path(file).parent.parts) for file in files()} - {""}


def folder_of(module: str) -> str:
    """The folder of a module, or the module itself if it is a folder or a file at the top."""
    if module.startswith("kernels.generated"):
        return "kernels"
    return module if module in folders() else module.rpartition(".")[0] or module


@cache
def modules() -> set[str]:
    compiled = {str(path.relative_to(PACKAGE)).split(".")[0].replace("/", ".") for path in PACKAGE.rglob("*.so")}
    return {name_of(file) for file in files()} | compiled | {"kernels.generated", "kernels.generated.ids"}


def parts(base: str, names: list[str]) -> set[str]:
    """The modules of this package that `from base import names` imports."""
    if base.split(".")[0] != "tinygrad_c":
        return set()
    base = base.removeprefix("tinygrad_c").lstrip(".")
    inner = {f"{base}.{name}".lstrip(".") for name in names}
    found = inner & modules()
    return found if inner and found == inner else found | ({base or "__init__"} & modules())


def python_imports(text: str, here: list[str], late: bool) -> set[str]:
    """The imports at the top of the file; with `late`, also those in functions. Imports for type checkers do not count."""
    found = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.update(parts(alias.name, []))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(here[:len(here) - node.level] + ([base] if base else []))
            found.update(parts(base, [alias.name for alias in node.names]))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        elif late or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            for child in ast.iter_child_nodes(node):
                walk(child)

    walk(ast.parse(text))
    return found


def included(file: str) -> set[str]:
    path = files()[file]
    return {str((path.parent / name).resolve().relative_to(PACKAGE.resolve())) for name in INCLUDE.findall(path.read_text())}


@cache
def imported(file: str, late: bool = True) -> frozenset[str]:
    """The modules of this package that a file imports, cimports or includes; without `late`, not those in functions."""
    path = files()[file]
    text = path.read_text()
    if path.suffix == ".py":
        here = ["tinygrad_c", *Path(file).parent.parts, ""]
        return frozenset(python_imports(text, here, late))
    found = {name_of(name) for name in included(file)}
    for line in text.splitlines():
        match = IMPORT.match(line)
        if match and (late or not line[0].isspace()):
            names = re.findall(r"\w+(?=\s*,|\s*$|\s+as\b|\s*\))", match[2].split("#")[0]) if match[2] else []
            found |= parts(match[1] or match[3], names)
    return frozenset(found)


def allowed(folder: str) -> set[str]:
    height = HEIGHT[folder]
    _, levels, folders_here = LEVELS[height]
    below = {each for name, _, more in LEVELS[:height] if name in levels.split() for each in more}
    return {folder, "_base"} | below | set(folders_here[folder].split())


# ---- The tests

def test_every_folder_has_a_line():
    top = {name_of(file) for file in files() if "/" not in file}
    assert set(HEIGHT) == {folder for folder in folders() if folder != "kernels.generated"} | top


def test_the_table_goes_down():
    names = [name for name, _, _ in LEVELS]
    for height, (_, levels, lines) in enumerate(LEVELS):
        assert all(names.index(level) < height for level in levels.split())
        for folder, more in lines.items():
            for other in more.replace("PUBLIC", "").split():
                assert HEIGHT[other] <= height, f"{folder} -> {other}"


@pytest.mark.parametrize("file", [file for file in files() if folder_of(name_of(file)) not in ANNEX])
def test_imports_only_go_down(file):
    folder = folder_of(name_of(file))
    for module in imported(file):
        assert folder_of(module) in allowed(folder), f"{file} imports {module}: {folder} may not import {folder_of(module)}, see LEVELS"


@pytest.mark.skipif(not SOURCES.exists(), reason="needs the compiled modules' sources")
@pytest.mark.parametrize("folder", [folder for folder in HEIGHT if folder not in ANNEX])
def test_no_line_allows_more_than_is_used(folder):
    used = {folder_of(module) for file in files() if folder_of(name_of(file)) == folder for module in imported(file)}
    unused = set(LEVELS[HEIGHT[folder]][2][folder].split()) - used
    assert not unused, f"{folder} no longer imports {sorted(unused)}: take it out of its line in LEVELS"


def test_no_modules_import_each_other():
    """Within a level too: the imports at the top of modules have no cycle. Functions may import later modules."""
    owner = {name_of(name): name_of(file) for file in files() for name in included(file) if not file.endswith(".pxi")}
    graph: dict[str, set[str]] = {}
    for file in files():
        here = owner.get(name_of(file), name_of(file))
        found = {owner.get(module, module) for module in imported(file, False)}
        graph.setdefault(here, set()).update(module for module in found if not f"{here}.".startswith(f"{module}."))
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"these import each other: {' -> '.join([*path[path.index(module):], module])}"
        if module not in done:
            for other in sorted(graph.get(module, ())):
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("file", [file for file in files() if folder_of(name_of(file)) in ANNEX])
def test_the_annex_is_built_on_public_names(file):
    """As in a user's program: only public names, from the package and its public modules."""
    folder = folder_of(name_of(file))
    own = folder.partition(".")[0]
    for node in ast.walk(ast.parse(files()[file].read_text())):
        if isinstance(node, ast.Import):
            wanted = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            wanted = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        for base, name in wanted:
            module, _, inner = base.partition(".")
            if module != "tinygrad_c" or folder_of(inner).partition(".")[0] in (own, "_base"):
                continue
            text = f"{file}: from {base} import {name}"
            if name and f"{inner}.{name}".lstrip(".") in (*PUBLIC, *modules()):
                inner, name = f"{inner}.{name}".lstrip("."), None
            also = LEVELS[HEIGHT[folder]][2][folder].split()[1:]
            assert folder_of(inner).partition(".")[0] in (own, "_base") or folder_of(inner) in also or inner in PUBLIC, (
                f"{text}: tinygrad_c.{inner} is not public")
            if name:
                public = importlib.import_module(base)
                assert name[0] != "_", text
                assert name in getattr(public, "__all__", dir(public)), f"{text}: not a public name of {base}"


def test_nothing_below_imports_the_annex():
    for file in files():
        if folder_of(name_of(file)) not in ANNEX:
            found = {module for module in imported(file) if folder_of(module) in ANNEX}
            assert not found, f"{file} imports {sorted(found)}, which is built on top of it"


def test_the_table_of_formulas_imports_nothing_of_ours():
    assert imported("formulas.py") == set()


def test_includes_stay_in_the_folder():
    """Or include generated files. Only kernels share text: the modules in isa/ include simd/kernels.pxi."""
    for file in files():
        for name in included(file) if not file.endswith(".py") else ():
            folder, own = Path(name).parts[:-1], Path(file).parts[:-1]
            assert folder in (own, ("kernels", "generated")) or folder[0] == own[0] == "kernels", f"{file} includes {name}"


@pytest.mark.parametrize("file", files())
def test_a_file_is_one_thought(file):
    """At most 600 lines."""
    lines = len(files()[file].read_text().splitlines())
    assert (lines > 600) == (file in LONG), f"{lines} lines"


def test_files_and_imports_are_found():
    """The tests above must not pass because no files or imports were found."""
    assert {"formulas.py", "_tensor/tensor.py", "nn/module.py"} <= set(files())
    assert "nn.functional" in imported("nn/linear.py")
    assert "nn.init" in imported("nn/linear.py")
    if SOURCES.exists():
        assert {"core.array", "kernels.call", "kernels.runtime.dispatch"} <= imported("core/tape.pyx")
        assert "core.tape" in imported("ops/reduce/softmax.pyx")
        assert "kernels.simd.kernels" in imported("kernels/isa/avx2_f32.pyx")
        assert len([file for file in files() if file.endswith((".pyx", ".pxi"))]) > 80


# ---- Names that are imported when they are first used

# Where a folder loads names of a higher folder at first use (load() of _base/lazy.py, tables of methods), and why.
LATE = {
    "_tensor": {"func", "linalg", "nn.functional", "special"},      # methods that few programs call; subclasses of Tensor
    "nn": {"export", "programs"},                           # Sequential.export, Module.compile
    "nn.utils": {"linalg"},                                 # orthogonal parametrizations
    "torch_compat": {"programs"},                           # torch.compiler
}


def loaded(file: str) -> set[str]:
    """The modules that a file loads by name: the first argument of load(), and the keys of tables of late methods."""
    text = files()[file].read_text()
    if "_base.lazy import" not in text or not re.search(r"\bload\b", text):
        return set()
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "load" and node.args:
            texts = node.args[:1]
        elif isinstance(node, ast.Dict):
            texts = node.keys
        else:
            continue
        found.update(each.value for each in texts if isinstance(each, ast.Constant) and each.value in modules() | folders())
    return found


def test_names_loaded_at_first_use():
    up: dict[str, set[str]] = {}
    for file in files():
        if file.endswith(".py") and file not in ("__init__.py", "torch_compat/import_aliases.py"):     # tables of public names
            folder = folder_of(name_of(file))
            higher = {folder_of(module) for module in loaded(file)} - (allowed(folder) if folder not in ANNEX else set(HEIGHT))
            if higher:
                up.setdefault(folder, set()).update(higher)
    assert up == LATE, "a folder loads names of a higher one: list it with the reason, or move the function"


# ---- The two phases of an operation (docs/architecture.md, "The contract of an operation")

FUNCTION = re.compile(r"^(cdef|cpdef|def) .*\(")
LAUNCH = re.compile(r"\b(run|launch)\(")
PARSE = re.compile(r"\b(parse_\w+|as_tensor|as_operand|begin_parse|int|float|bool)\(")
COMPUTE = "# Compute: no Python code runs from here on."


def functions(text: str) -> list[str]:
    """The functions of a Cython file, each with its body."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if FUNCTION.match(line)]
    ends = [next((j for j in range(i + 1, len(lines)) if lines[j] and lines[j][0] not in " )"), len(lines)) for i in starts]
    return ["\n".join(lines[i:j]) for i, j in zip(starts, ends, strict=True)]


@pytest.mark.skipif(not SOURCES.exists(), reason="needs the compiled modules' sources")
def test_no_size_of_64_bits_alone():
    """Py_ssize_t has 32 bits on wasm32 and 32-bit x86, where a shift by 32 or more is undefined (it was the limit of a tensor)."""
    wide = re.compile(r"<Py_ssize_t>\s*\(?1\)?\s*\)?\s*<<\s*(3[1-9]|[4-9]\d)")
    found = [f"{name}: {match[0]}" for name, path in files().items() if name.endswith((".pyx", ".pxi", ".pxd"))
             for match in wide.finditer(path.read_text())]
    assert not found


@pytest.mark.skipif(not SOURCES.exists(), reason="needs the compiled modules' sources")
def test_two_phases():
    """A function that runs a kernel gets C values, or marks where its second phase begins; nothing is parsed after the mark."""
    launching = 0
    for file in files():
        if not file.startswith("ops/") or file.endswith((".py", ".pxd")):
            continue
        for function in functions(files()[file].read_text()):
            signature, _, body = function.partition(":\n")
            if not LAUNCH.search(body):
                continue
            launching += 1
            takes_objects = signature.startswith("def ") or "object " in signature
            before, mark, after = body.rpartition(COMPUTE)
            where = f"{file}: {signature.splitlines()[0]}"
            assert mark or not takes_objects, f"{where} takes Python objects and runs a kernel: mark its second phase"
            assert mark or not PARSE.search(body), f"{where} parses and runs a kernel: mark its second phase"
            assert not LAUNCH.search(before), f"{where}: a kernel runs before the mark"
            assert not (mark and PARSE.search(after)), f"{where}: parses in its second phase"
    assert launching >= 30
