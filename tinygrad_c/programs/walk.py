"""Finds the modules, optimizers, tensors and values that a step can reach, for its guards."""
from __future__ import annotations

import functools
import sys
import types
from typing import Any

from tinygrad_c._base.warn import PACKAGE
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn.module import Module
from tinygrad_c.optim.adadelta import Adadelta
from tinygrad_c.optim.adagrad import Adagrad
from tinygrad_c.optim.adam import Adam
from tinygrad_c.optim.adamax import Adamax, NAdam, RAdam
from tinygrad_c.optim.lr_scheduler.base import LRScheduler
from tinygrad_c.optim.optimizer import Optimizer
from tinygrad_c.optim.rmsprop import RMSprop
from tinygrad_c.optim.rprop import ASGD, Rprop
from tinygrad_c.optim.sgd import SGD
from tinygrad_c.programs.program import Guards, Step, settings_of

NOTHING_IN = frozenset((int, float, bool, str, bytes, type(None)))      # most values are of these
WITH_KERNELS = (Adam, SGD, RMSprop, Adagrad, Adadelta, Adamax, NAdam, RAdam, Rprop, ASGD)
NOT_OF_USER = sys.stdlib_module_names | {"tinygrad_c", "numpy"}
MANY = 20_000           # objects; for more, the walk costs more time than a program saves


class TooMany(Exception):
    """The step reaches more objects than MANY."""


def of_user(each: Any) -> bool:
    """Whether a class or module is neither of Python nor of an installed library."""
    name = each.__module__ if isinstance(each, type) else each.__name__
    if not isinstance(name, str) or name.partition(".")[0] in NOT_OF_USER:
        return False
    return "site-packages" not in (getattr(sys.modules.get(name), "__file__", None) or "")


class Walk:
    """Visits what a function can reach by the names in its code: its closure, globals, arguments, attributes."""

    def __init__(self, roots: tuple[Any, ...]) -> None:
        self.guards = Guards()
        # Those with a kernel: (__dict__, kind, [(group, list of steps or None, other lists of numbers)]).
        self.optimizers: list[Any] = []
        self.schedulers: list[Any] = []
        self.any_optimizer = False
        self._seen: dict[int, Any] = {}
        self._names: set[str] = set()
        self._plain: list[Any] = []             # objects of the user's own classes
        self._holders: list[Any] = []           # (a class or module of the user, it or a base) whose attributes it may have
        self._called: dict[int, str] = {}       # names of lists and dicts
        self.codes: list[types.CodeType] = []
        self._taken: set[tuple[int, str]] = set()
        self._queue: list[Any] = list(roots)
        while self._queue or self._attributes():
            each = self._queue.pop()
            if type(each) not in NOTHING_IN and id(each) not in self._seen:
                self._seen[id(each)] = each
                if len(self._seen) > MANY:
                    raise TooMany
                self._visit(each)
        if self._names & {"last_epoch", "get_last_lr", "_last_lr"}:     # a number of a scheduler, read by the step
            for each in self.schedulers:
                self.guards.add_item(each.__dict__, "last_epoch")

    def _visit(self, each: Any) -> None:
        if isinstance(each, Tensor):
            self.guards.add_tensor(each)
        elif isinstance(each, Module):
            self.guards.add_dict(each.__dict__)
            self._queue.extend(each.__dict__.values())
            self._functions_of(type(each))
        elif isinstance(each, Optimizer):
            self._optimizer(each)
        elif isinstance(each, LRScheduler):
            self.schedulers.append(each)
        elif isinstance(each, Step):        # another compiled step: recorded with this one
            self._queue.append(each.function)
        elif isinstance(each, types.FunctionType):
            self._function(each)
        elif isinstance(each, types.MethodType):
            self._queue += [each.__func__, each.__self__]
        elif isinstance(each, functools.partial):
            self._queue += [each.func, *each.args, *each.keywords.values()]
        elif type(each) in (list, tuple):
            if type(each) is list:
                self.guards.add_list(each, self._called.get(id(each), ""))
            self._queue.extend(each)
        elif type(each) is dict:
            self.guards.add_dict(each, self._called.get(id(each), ""))
            self._queue.extend(each.values())
        elif isinstance(each, types.ModuleType):
            if of_user(each):
                self._holders.append((each, each))
        elif isinstance(each, type):
            self._holders.extend((each, base) for base in each.__mro__ if of_user(base))
        elif type(each).__module__.partition(".")[0] not in ("builtins", "tinygrad_c"):
            self._plain.append(each)

    def _found(self, name: str, each: Any) -> None:
        if type(each) in (list, dict):
            self._called[id(each)] = name
        self._queue.append(each)

    def _function(self, function: Any) -> None:
        if function.__code__.co_filename.startswith(PACKAGE):
            return
        codes = [function.__code__]
        for code in codes:
            codes.extend(const for const in code.co_consts if isinstance(const, types.CodeType))
            self._names.update(code.co_names)
            self.codes.append(code)
            for name in code.co_names:
                if name in function.__globals__ and self._take(function.__globals__, name):
                    self.guards.add_item(function.__globals__, name)
                    self._found(name, function.__globals__[name])
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            try:
                content = cell.cell_contents
            except ValueError:          # not assigned yet
                continue
            self.guards.add_cell(cell, name)
            self._found(name, content)
        self._queue.extend(function.__defaults__ or ())
        self._queue.extend((function.__kwdefaults__ or {}).values())
        if hasattr(function, "__wrapped__"):
            self._queue.append(function.__wrapped__)

    def _functions_of(self, cls: type) -> None:
        for base in cls.__mro__:
            if base is not object and not base.__module__.startswith("tinygrad_c."):
                self._holders.append((cls, base))
                self._queue.extend(value for value in base.__dict__.values() if isinstance(value, types.FunctionType))

    def _attributes(self) -> bool:
        """Queue the attributes of plain objects, classes and modules whose names occur in some code; returns whether there were
        any.
        """
        for each in self._plain:
            own = getattr(each, "__dict__", None)
            own = own if isinstance(own, dict) else {}
            for base in type(each).__mro__:
                for name in self._names & base.__dict__.keys():
                    self._of_class(each, own, base, name)
            for name in self._names & own.keys():
                if self._take(own, name):
                    self.guards.add_item(own, name)
                    self._found(name, own[name])
        for each, base in self._holders:
            for name in self._names & base.__dict__.keys():
                self._attribute(each, name)
        return bool(self._queue)

    def _of_class(self, each: Any, own: dict[str, Any], base: type, name: str) -> None:
        """An attribute of the object's class, or of a class that this is derived from."""
        if isinstance(base.__dict__[name], types.MemberDescriptorType):         # of __slots__
            self._attribute(each, name)
            return
        if of_user(base):
            self._attribute(type(each), name)
            if name not in own and hasattr(each, "__dict__") and self._take(own, name):
                self.guards.add_item(own, name)         # that there is none
        if self._take(base, name):
            method = base.__dict__[name]
            self._queue.extend(f for f in (method, getattr(method, "fget", None), getattr(method, "__func__", None))
                               if isinstance(f, types.FunctionType))

    def _attribute(self, each: Any, name: str) -> None:
        """Guard an attribute of an object with slots, a class or a module, if it is the same each time that it is read."""
        if self._take(each, name) and hasattr(each, name):
            value = getattr(each, name)
            if value is getattr(each, name):
                self.guards.add_attribute(each, name)
                self._found(name, value)

    def _take(self, each: Any, name: str) -> bool:
        """Whether this is the first time."""
        key = id(each), name
        first = key not in self._taken
        self._taken.add(key)
        return first

    def _optimizer(self, optimizer: Any) -> None:
        self.any_optimizer = True
        attributes = optimizer.__dict__
        self.guards.add_dict(attributes)
        self.guards.add_list(optimizer.param_groups)
        kind = next((cls.__name__ for cls in WITH_KERNELS if isinstance(optimizer, cls)), None)
        changing = () if kind is None else settings_of(kind)        # read at each step
        groups = []
        for i, group in enumerate(optimizer.param_groups):
            self._queue.extend(group["params"])
            if type(group["params"]) is list:
                self.guards.add_list(group["params"])
            for name in group:
                if name not in changing:
                    self.guards.add_item(group, name)
            if kind is not None:
                lists = optimizer._lists[i][1:]
                steps: Any = None
                numbers = []
                for name, entries in zip(optimizer._slots, lists):
                    if name == "step":
                        steps = entries
                    elif name in optimizer._numbers:
                        numbers.append(entries)
                    else:
                        self.guards.add_list(entries)
                        self._queue.extend(entries)
                self.guards.add_list(optimizer._lists[i])
                groups.append((group, steps, numbers))
        if kind is not None:
            self.guards.add_list(optimizer._lists)
            self.optimizers.append((attributes, kind, groups))
        else:
            state = optimizer.state
            if isinstance(state, dict):
                self.guards.add_dict(state)
                self._queue.extend(state.values())
        self._functions_of(type(optimizer))
