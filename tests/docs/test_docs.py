"""The pages that are made from the sources are current."""
from __future__ import annotations

import doctest
import importlib
import inspect
import re
import runpy
from pathlib import Path

import pytest
from jobs import sanitize
from samples.paths import ROOT, TESTS
from samples.public_modules import PUBLIC

import tinygrad_c
from tinygrad_c._base.docstrings import continued
from tinygrad_c._tensor import take_examples

DOCS = ROOT / "docs"


def test_the_tour_answers_what_stands_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)     # it saves a net
    result = doctest.testfile(str(DOCS / "tour.md"), module_relative=False)
    assert result.failed == 0
    assert result.attempted > 30


def test_the_page_of_derivatives_is_current():
    page = runpy.run_path(str(DOCS / "derivatives.py"))["page"]()
    assert (DOCS / "derivatives.md").read_text() == page, "run: python docs/derivatives.py"
    assert "| `tanh(x)` | (e^x - e^-x) / (e^x + e^-x) | `tanh(x)` | dx: `g * (1 - y * y)` |\n" in page


def test_the_page_of_names_is_current():
    made = runpy.run_path(str(DOCS / "reference.py"))
    assert (DOCS / "reference.md").read_text() == made["page"](), "run: python docs/reference.py"
    _, spaces = made["recorded"]()
    assert {"matmul", "no_grad", "float32"} <= set(spaces["torch"])
    assert sum(map(len, spaces.values())) > 1500


def test_the_stubs_are_current():
    """What type checkers know of the compiled modules is what they have."""
    made = runpy.run_path(str(DOCS.parent / "tools/stubs.py"))
    installed = Path(tinygrad_c.__file__).parent
    for path, text in made["pages"]().items():
        current = (installed / path.relative_to(made["PACKAGE"])).read_text()
        assert current == text, f"{path.name}: run: python tools/stubs.py"


PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("*/README.md")])
TEST = re.compile(r"`(?:tests/)?([\w/]+/\w+\.py)?(?:::(test_[\w*]+))?`")


def named_tests(page: str):
    """(file, function or "") of each `folder/test_file.py::test_name`; a lone `::test_name` goes on in the same file."""
    for line in page.splitlines():
        file = ""
        for path, name in TEST.findall(line):
            file = path if path.rpartition("/")[2].startswith("test_") else file
            if file and (path == file or name):
                yield file, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tests_that_a_page_names_are_there(page):
    """A * stands for the rest of a name."""
    for file, name in named_tests(page.read_text()):
        text = (ROOT / "tests" / file).read_text()
        pattern = re.escape(name).replace(r"\*", r"\w*")
        assert not name or re.search(rf"^def {pattern}\(", text, re.M), f"{file}::{name}"


def test_each_promise_names_its_tests():
    """So that the test above cannot pass for want of names."""
    assert len(set(named_tests((DOCS / "reliability.md").read_text()))) > 40
    assert [*named_tests("`a/test_b.py::test_c*`, `::test_d`, `a/test_e.py`")] == \
        [("a/test_b.py", "test_c*"), ("a/test_b.py", "test_d"), ("a/test_e.py", "")]


def test_the_tests_that_jobs_run_are_there():
    named = set(sanitize.TESTS)
    for path in (ROOT / "Makefile", ROOT / "pyproject.toml", *TESTS.glob("jobs/*.*")):
        named |= set(re.findall(r"\b(?:tests/)?(\w+/test_\w+\.py)\b", path.read_text()))
    assert len(named) > 20
    for name in named:
        assert (TESTS / name).exists(), name


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, place = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not place or place in map(anchor, re.findall(r"^#+ (.+)$", target.read_text(), re.M)), link


SOURCES = ROOT / "tinygrad_c"
needs_sources = pytest.mark.skipif(not SOURCES.exists(), reason="make wheel runs this with the sources away")


@needs_sources
@pytest.mark.parametrize("page", ["architecture.md", "contributing.md"])
def test_the_files_that_a_page_names_are_there(page):
    text = (DOCS / page).read_text()
    named = re.findall(r"(?<![\w/.-])((?:\w+/)*\w+\.(?:pyx|pxd|pxi|py|h|md)|(?:\w+/)+\w+)(?![\w*<])", " ".join(re.findall(r"`([^`\n]+)`", text)))
    assert len(named) > 15
    for name in named:
        found = any((folder / name).exists() for folder in (SOURCES, ROOT, DOCS, ROOT / "tests", ROOT / "tests/samples"))
        assert found or ("/" not in name and [*SOURCES.rglob(name)]), name


@needs_sources
def test_the_functions_that_the_page_of_the_architecture_names_are_there():
    """Each name in `code` there stands in the sources."""
    page = (DOCS / "architecture.md").read_text()
    sources = " ".join(path.read_text() for path in SOURCES.rglob("*") if path.suffix in (".py", ".pyx", ".pxd", ".pxi"))
    words = set(re.findall(r"\w+", sources))
    named = {name for name in re.findall(r"`(?:\w+\.)*([A-Za-z_]\w+)(?:\([^`]*\))?`", page)}
    assert len(named) > 30
    unknown = sorted(named - words)
    assert not unknown


def public(room: str) -> dict:
    """The classes and functions that a room offers: those of __all__, or those that are made there and do not begin with _."""
    module = importlib.import_module(f"tinygrad_c.{room}".rstrip("."))
    listed = getattr(module, "__all__", None)
    values = {name: getattr(module, name) for name in listed or dir(module) if name[0] != "_"}
    return {name: value for name, value in values.items() if (inspect.isroutine(value) or inspect.isclass(value))
            and (getattr(value, "__module__", None) or "").startswith("tinygrad_c" if listed else module.__name__)}


def lacking_examples(values: dict) -> list[str]:
    return [name for name, value in values.items() if ">>>" not in (getattr(value, "__doc__", None) or "")]


@pytest.mark.parametrize("room", [room for room in PUBLIC if room not in ("backends", )])
def test_every_public_name_has_an_example(room):
    """test_doctests.py runs them."""
    assert public(room), "no names found"
    lacking = lacking_examples(public(room))
    assert not lacking, f"write an example in the docstrings of {lacking}"


# Methods that programs do not call: the package does, or a subclass that is written overrides them.
INNER = {"forward", "order", "switch", "run", "release", "name", "is_better", "save_for_forward", "originals", "is_cuda",
         "has_rsample", "arg_constraints"}


def test_every_method_of_a_public_class_has_an_example():
    """Its own, or that of the method which it overrides."""
    classes = {value for room in PUBLIC for value in public(room).values() if inspect.isclass(value)} - {tinygrad_c.Tensor}
    lacking = sorted(
        f"{each.__name__}.{name}" for each in classes for name, value in vars(each).items()
        if name[0] != "_" and name not in INNER and (inspect.isroutine(value) or isinstance(value, property))
        and not any(">>>" in (getattr(vars(base).get(name), "__doc__", None) or "") for base in each.__mro__))
    assert not lacking, f"write an example in the docstrings of {lacking}"


def test_every_method_and_property_of_tensors_has_an_example():
    values = {name: inspect.getattr_static(tinygrad_c.Tensor, name) for name in dir(tinygrad_c.Tensor) if name[0] != "_"}
    # Constants (is_cuda = False), and names that say why they are left out.
    lacking = lacking_examples({name: value for name, value in values.items()
                                if not isinstance(value, bool) and type(value).__name__ != "LeftOut"})
    assert not lacking, f"write an example in the docstrings of {lacking}"


def public_docstrings() -> dict[str, str]:
    owners = [(room, public(room)) for room in PUBLIC]
    owners.append(("Tensor", {name: inspect.getattr_static(tinygrad_c.Tensor, name) for name in dir(tinygrad_c.Tensor)}))
    found = {f"{room}.{name}": getattr(value, "__doc__", None) for room, values in owners for name, value in values.items()}
    return {name: doc for name, doc in found.items() if isinstance(doc, str) and ">>>" in doc}


def test_examples_stand_in_the_column_of_their_docstring():
    """Also where the docstring was put together, and where CPython (3.13 and later) removed the indentation of its parts."""
    docs = public_docstrings()
    assert len(docs) > 1000
    assert [name for name, doc in docs.items() if re.search(r"^ +>>>", inspect.cleandoc(doc), re.MULTILINE)] == []


@pytest.mark.parametrize("indentation", ["", "    "])
def test_docstrings_are_put_together_with_any_indentation(indentation):
    doc = f"y.\n\n{indentation}More.\n{indentation}"
    whole = continued(doc, "\n    >>> f(1)\n    tensor([[1],\n            [2]])\n    ", dedented=not indentation)
    assert inspect.cleandoc(whole) == "y.\n\nMore.\n\n>>> f(1)\ntensor([[1],\n        [2]])"

    def flipped(self): pass
    def flipped_(self): pass
    flipped.__doc__ = f"The flip.\n\n{indentation}>>> x.flipped()\n{indentation}1\n{indentation}"
    flipped_.__doc__ = "flipped in place."
    take_examples(type("Mixin", (), {"flipped": flipped, "flipped_": flipped_}), {})
    assert inspect.cleandoc(flipped_.__doc__) == "flipped in place.\n\n>>> x.flipped_()\n1"
