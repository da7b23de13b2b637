"""The public state of an optimizer: dicts that write their changes through to the optimizer's lists."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from operator import is_
from typing import Any


class Owners(list):
    """The parameters that the entries of an optimizer's lists belong to, in the same order."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        self.lists: list[list[Any]] = [[] for _ in names]

    def sync(self, params: list[Any]) -> None:
        """Match the group's present parameters: known parameters keep their entries, new ones start empty."""
        if len(self) == len(params) and all(map(is_, self, params)):
            return
        place = {id(parameter): i for i, parameter in enumerate(self)}
        for name, entries in zip(self.names, self.lists):
            new = 0 if name == "step" else None
            entries[:] = [entries[place[id(parameter)]] if id(parameter) in place else new for parameter in params]
        self[:] = params


class ParamState(dict):
    """The state of one parameter, by name."""

    __slots__ = ("_changed",)

    def __init__(self, entries: Any, changed: Callable[[ParamState], None]) -> None:
        super().__init__(entries)
        self._changed = changed

    def __reduce__(self) -> tuple[Any, ...]:        # a copy or a pickle is a plain dict
        return dict, (dict(self),)


class State(defaultdict):
    """parameter -> ParamState. A missing parameter gets an empty one."""

    def __init__(self, store: Callable[[Any, dict[str, Any]], None]) -> None:
        super().__init__(dict)
        self._store = store

    def __missing__(self, parameter: Any) -> ParamState:
        return self.insert(parameter, {})

    def insert(self, parameter: Any, entries: dict[str, Any]) -> ParamState:
        """Add the parameter's state to this dict, without writing it to the optimizer."""
        entry = ParamState(entries, lambda changed: self._store(parameter, changed))
        super().__setitem__(parameter, entry)
        return entry

    def __setitem__(self, parameter: Any, entries: dict[str, Any]) -> None:
        self._store(parameter, self.insert(parameter, entries))

    def __delitem__(self, parameter: Any) -> None:
        super().__delitem__(parameter)
        self._store(parameter, {})

    def pop(self, parameter: Any, *default: Any) -> Any:
        """Remove and return the parameter's state."""
        found = super().pop(parameter, *default)
        self._store(parameter, {})
        return found

    def clear(self) -> None:
        """Remove the state of all parameters."""
        for parameter in list(self):
            del self[parameter]

    def setdefault(self, parameter: Any, default: Any = None) -> Any:
        """The parameter's state. If it is missing, it is set to `default` first."""
        if parameter not in self:
            self[parameter] = {} if default is None else default
        return self[parameter]

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set the states of the parameters in the other dict."""
        for parameter, entries in dict(*args, **kwargs).items():
            self[parameter] = entries

    def __reduce__(self) -> tuple[Any, ...]:
        return defaultdict, (dict, dict(self))


def _notifying(name: str) -> Callable[..., Any]:
    """dict's method, followed by a call that writes the change to the optimizer."""
    method = getattr(dict, name)

    def call(self: ParamState, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self._changed(self)
        return result

    call.__name__ = name
    call.__doc__ = method.__doc__
    return call


for _name in ("__setitem__", "__delitem__", "__ior__", "update", "pop", "popitem", "clear", "setdefault"):
    setattr(ParamState, _name, _notifying(_name))
