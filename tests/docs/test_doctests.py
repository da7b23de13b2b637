"""Every example in a docstring runs and prints what it says."""
import doctest
import importlib
import pkgutil
from inspect import getattr_static

import pytest

import tinygrad_c
from tinygrad_c import nn, utils


def modules():
    yield "tinygrad_c"
    for info in pkgutil.walk_packages(tinygrad_c.__path__, "tinygrad_c."):
        if ".kernels.isa." not in info.name and ".methods" not in info.name and ".cli" not in info.name and ".sklearn" not in info.name and not info.name.endswith("__main__"):
            yield info.name


def examples():
    """(name, docstring) of every public class, function and method that has an example; compiled ones too."""
    for name in dir(tinygrad_c.Tensor):     # its methods, many of which are functions of other modules
        text = getattr(getattr_static(tinygrad_c.Tensor, name), "__doc__", None)
        if name[0] != "_" and isinstance(text, str) and ">>>" in text:
            yield f"tinygrad_c.Tensor.{name}", text
    for module_name in modules():
        module = importlib.import_module(module_name)
        found = {module_name: module.__doc__}
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) == module_name and callable(value):
                found[f"{module_name}.{name}"] = value.__doc__
                if isinstance(value, type):
                    found |= {f"{module_name}.{name}.{key}": item.__doc__ for key, item in vars(value).items()
                              if (callable(item) or isinstance(item, property))
                              and getattr(item, "__module__", None) in (module_name, None)}
        yield from ((name, text) for name, text in found.items() if isinstance(text, str) and ">>>" in text)


@pytest.mark.parametrize(("name", "text"), [pytest.param(name, text, id=name) for name, text in examples()])
def test_example(name, text):
    tinygrad_c.manual_seed(0)
    owner = next(m for m in sorted(modules(), key=len, reverse=True) if name == m or name.startswith(m + "."))
    names = {**vars(utils.data), **vars(nn), "tinygrad_c": tinygrad_c, "tensor": tinygrad_c.tensor,
             **(vars(importlib.import_module(owner)) if owner != "tinygrad_c" else {})}      # whose float is no float()
    test = doctest.DocTestParser().get_doctest(text, names, name, None, 0)
    report = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(test, out=report.append)
    assert not report, "".join(report)
