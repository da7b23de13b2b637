"""Names that are imported at first use: the one lazy-import mechanism of this package."""
from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tinygrad_c._base.missing import unknown

PACKAGE = __name__.partition(".")[0]


def load(module: str, name: str) -> Any:
    """A name of a module of this package: load("ops.matmul.einsum", "einsum")."""
    return getattr(import_module(f"{PACKAGE}.{module}"), name)


def names_of(module: str) -> Callable[[str], Any]:
    """The __getattr__ of a package that exposes all names of one of its modules."""
    return lambda name: getattr(import_module(module), name)


def lazy_names(namespace: dict[str, Any], modules: dict[str, str] | None = None,
               wrap: Callable[[Any, str], Any] = lambda value, package: value
               ) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The __getattr__ and __dir__ of a public module. `modules` maps a submodule to the names to import from it; names under
    '' are submodules themselves. Each value is passed through wrap(value, name of the public module). Other names raise
    missing.unknown. dir() lists __all__.
    """
    package = namespace["__name__"].replace(".torch_compat.", ".")      # the public name
    where = {name: module for module, names in (modules or {}).items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in where:
            shown = namespace.get("__all__", where)
            raise unknown(package, name, {**namespace, **{n: module for n, module in where.items() if module or n in shown}})
        module = import_module(f"{package}.{where[name] or name}")
        value = namespace[name] = wrap(getattr(module, name), package) if where[name] else module
        return value

    find.where = where          # type: ignore[attr-defined]
    return find, lambda: sorted(namespace["__all__"])
