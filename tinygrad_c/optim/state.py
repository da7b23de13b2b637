"""The state of an optimizer as its users see it: dicts in which what is written is written to the optimizer's lists."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from operator import is_
from typing import Any


class Owners(list):
    """The parameters that the entries of an optimizer's lists belong to, in their order."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        self.lists: list[list[Any]] = [[] for _ in names]

    def follow(self, params: list[Any]) -> None:
        """The group has these parameters now: those that it had keep their entries, new ones begin without."""
        if len(self) == len(params) and all(map(is_, self, params)):
            return
        place = {id(parameter): i for i, parameter in enumerate(self)}
        for name, entries in zip(self.names, self.lists):
            new = 0 if name == "step" else None
            entries[:] = [entries[place[id(parameter)]] if id(parameter) in place else new for parameter in params]
        self[:] = params


class Kept(dict):
    """What is kept of one parameter, by name."""

    __slots__ = ("_changed",)

    def __init__(self, entries: Any, changed: Callable[[Kept], None]) -> None:
        super().__init__(entries)
        self._changed = changed

    def __reduce__(self) -> tuple[Any, ...]:        # copied or saved, it is a dict of its own
        return dict, (dict(self),)


class State(defaultdict):
    """For each parameter: a Kept. Of a parameter that is not there yet, an empty one."""

    def __init__(self, keep: Callable[[Any, dict[str, Any]], None]) -> None:
        super().__init__(dict)
        self._keep = keep

    def __missing__(self, parameter: Any) -> Kept:
        return self.hold(parameter, {})

    def hold(self, parameter: Any, entries: dict[str, Any]) -> Kept:
        """Show what is kept of the parameter."""
        kept = Kept(entries, lambda changed: self._keep(parameter, changed))
        super().__setitem__(parameter, kept)
        return kept

    def __setitem__(self, parameter: Any, entries: dict[str, Any]) -> None:
        self._keep(parameter, self.hold(parameter, entries))

    def __delitem__(self, parameter: Any) -> None:
        super().__delitem__(parameter)
        self._keep(parameter, {})

    def pop(self, parameter: Any, *default: Any) -> Any:
        """Let go of what is kept of the parameter."""
        found = super().pop(parameter, *default)
        self._keep(parameter, {})
        return found

    def clear(self) -> None:
        """Let go of everything."""
        for parameter in list(self):
            del self[parameter]

    def setdefault(self, parameter: Any, default: Any = None) -> Any:
        """What is kept of the parameter; of one that is not there yet, from now on `default`."""
        if parameter not in self:
            self[parameter] = {} if default is None else default
        return self[parameter]

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Keep what the other one holds."""
        for parameter, entries in dict(*args, **kwargs).items():
            self[parameter] = entries

    def __reduce__(self) -> tuple[Any, ...]:
        return defaultdict, (dict, dict(self))


def _telling(name: str) -> Callable[..., Any]:
    """dict's method, after which the optimizer is told."""
    method = getattr(dict, name)

    def call(self: Kept, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self._changed(self)
        return result

    call.__name__ = name
    call.__doc__ = method.__doc__
    return call


for _name in ("__setitem__", "__delitem__", "__ior__", "update", "pop", "popitem", "clear", "setdefault"):
    setattr(Kept, _name, _telling(_name))
