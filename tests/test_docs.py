"""The examples in the documentation run and print what they say: of every module, the compiled ones too."""
from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import tinygrad_c

MODULES = [m.name for m in pkgutil.walk_packages(tinygrad_c.__path__, "tinygrad_c.")
           if ".isa." not in m.name and not m.name.endswith("__main__")]
# What an example may use besides its own module.
NAMES = {"tinygrad_c": tinygrad_c, "tensor": tinygrad_c.tensor, **vars(tinygrad_c.nn), **vars(tinygrad_c.utils.data)}


class Examples(doctest.DocTestFinder):
    """Takes compiled functions for functions of their module, which doctest by itself does not."""

    def _from_module(self, module, object):
        if type(object).__name__ == "cython_function_or_method":
            return object.__module__ == module.__name__
        return super()._from_module(module, object)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    namespace = {**NAMES, **vars(module)}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    seen = set()
    for example in Examples(exclude_empty=True).find(module, name):
        if example.examples and example.docstring not in seen:
            seen.add(example.docstring)
            example.globs = dict(namespace)
            runner.run(example)
    assert runner.failures == 0


def test_the_package_itself():
    assert doctest.testmod(tinygrad_c, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_examples_are_found_in_compiled_modules():
    module = importlib.import_module("tinygrad_c.ops.reduce")
    assert sum(bool(each.examples) for each in Examples().find(module, "reduce")) > 5
