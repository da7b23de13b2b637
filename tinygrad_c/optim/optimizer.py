"""Optimizer: parameter groups with settings, and the state of each parameter.

`Optimizer` is the base class of user-defined optimizers: define `step` and store what it needs in `self.state[parameter]`.
`ListOptimizer` is the base class of the built-in ones: the state is in lists parallel to the group's list of parameters, so a
step is one compiled call for the whole group.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any
from weakref import ref

from tinygrad_c._base.warn import typename, warn, warn_once
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import enable_grad
from tinygrad_c.ops.optim_steps.update import zero_grad_
from tinygrad_c.optim import hooks
from tinygrad_c.optim.hooks import (  # noqa: F401
    Hooks,
    StepHook,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from tinygrad_c.optim.state import Owners, ParamState, State

required: Any = type("required", (), {"__repr__": lambda self: "<required parameter>"})()


class Optimizer(Hooks):
    """Base class of all optimizers.

    params: an iterable of parameters, of (name, parameter) pairs, or of dicts: parameter groups with their own settings.
    defaults: the default settings of the groups.
    ValueError for no parameters, a parameter in two groups, or a tensor that is not a leaf. TypeError if params is a
    tensor. Each optimizer raises ValueError for settings out of range.

    >>> class SignDescent(Optimizer):
    ...     def step(self):
    ...         with tinygrad_c.no_grad():
    ...             for group in self.param_groups:
    ...                 for p in group["params"]:
    ...                     p -= group["lr"] * p.grad.sign()
    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> SignDescent([w], {"lr": 0.5}).step()
    >>> w.data
    tensor([ 0.5000, -1.5000])
    """

    param_groups: list[dict[str, Any]]
    state: Any                          # parameter -> dict of its state
    _step_count: int | None = None      # None: this class does not count steps
    _first_gradient: Any = None         # a weak reference to a gradient of the first step, and its version

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        hooks.created(self)
        self.state = defaultdict(dict)
        self.param_groups = []
        for group in _as_groups(params):
            self.add_param_group(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter. closure, if given, recomputes the loss first; its result is returned.

        >>> w = tensor([1.], requires_grad=True)
        >>> optimizer = tinygrad_c.optim.SGD([w], lr=0.1)
        >>> w.square().sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.8000], requires_grad=True)
        """
        raise NotImplementedError(f"{type(self).__name__} has no step")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set all gradients to None, or fill them with zeros if set_to_none=False.

        >>> w = tensor([1.], requires_grad=True)
        >>> optimizer = tinygrad_c.optim.SGD([w], lr=0.1)
        >>> w.sum().backward()
        >>> optimizer.zero_grad()
        >>> w.grad is None
        True
        """
        for group in self.param_groups:
            zero_grad_(group["params"], set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a parameter group with its own settings: {'params': ..., 'lr': ...}.

        >>> w = tensor([1.], requires_grad=True)
        >>> optimizer = tinygrad_c.optim.SGD([w], lr=0.1)
        >>> optimizer.add_param_group({"params": [tensor([2.], requires_grad=True)], "lr": 0.01})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 0.01]
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = dict(param_group)
        group["params"], names = _parameters_and_names(group["params"])
        if names:
            group["param_names"] = names
        for parameter in group["params"]:
            if not isinstance(parameter, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {typename(parameter)}")
            if not (parameter.is_leaf or parameter.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor: it was computed from other tensors, so updating it has no "
                                 "effect. Pass the parameters that it was computed from, or tensor.detach().requires_grad_()")
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            group.setdefault(name, default)
        own = {id(parameter) for parameter in group["params"]}
        if len(own) != len(group["params"]):
            warn("optimizer contains a parameter group with duplicate parameters; in future, this will cause an error")
        for other in self.param_groups:
            if ("param_names" in group) != ("param_names" in other):
                raise ValueError("all optimizer param groups should be with/without names. cannot add param group "
                                 f"{'with' if 'param_names' in group else 'without'} names to the optimizer")
            if not own.isdisjoint(id(parameter) for parameter in other["params"]):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    def state_dict(self) -> dict[str, Any]:
        """The settings and the state. Parameters are numbered in the order of the groups.

        >>> w = tensor([1.], requires_grad=True)
        >>> optimizer = tinygrad_c.optim.SGD([w], lr=0.1)
        >>> list(optimizer.state_dict())
        ['state', 'param_groups']
        """
        hooks.call(self, hooks.STATE_BEFORE)
        number = {id(parameter): i for i, parameter in enumerate(self._parameters())}
        groups, start = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": list(range(start, start + count))})
            start += count
        state = {number.get(id(key), key): dict(value) if type(value) is ParamState else value
                 for key, value in self.state.items()}
        return hooks.call_on(self, hooks.STATE_AFTER, {"state": state, "param_groups": groups})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load settings and state; the parameters stay. ValueError, without any change, if the groups do not match.

        >>> w = tensor([1.], requires_grad=True)
        >>> optimizer = tinygrad_c.optim.SGD([w], lr=0.1)
        >>> optimizer.load_state_dict(tinygrad_c.optim.SGD([w], lr=0.5).state_dict())
        >>> optimizer.param_groups[0]["lr"]
        0.5
        """
        state_dict = hooks.call_on(self, hooks.LOAD_BEFORE, dict(state_dict))
        groups = deepcopy(state_dict["param_groups"])
        if len(groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(new["params"]) != len(old["params"]) for new, old in zip(groups, self.param_groups)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
        numbers = [number for group in groups for number in group["params"]]
        by_number = dict(zip(numbers, self._parameters()))
        state: dict[Any, Any] = defaultdict(dict)
        for number, values in state_dict["state"].items():
            parameter = by_number.get(number)
            state[number if parameter is None else parameter] = _fitted(values, parameter)
        for new, old in zip(groups, self.param_groups):
            old.update({**new, "params": old["params"]})
        self.state = state
        hooks.call(self, hooks.LOAD_AFTER)

    def __getstate__(self) -> dict[str, Any]:
        return {**hooks.without(self.__dict__), "_first_gradient": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        hooks.created(self)

    def _evaluate(self, closure: Callable[[], Any] | None) -> Any:
        """The loss recomputed by the closure. None without a closure."""
        if closure is None:
            return None
        with enable_grad():
            return closure()

    def _warn_common_mistakes(self, moved: int) -> None:
        """In the first two steps, warn about a step without gradients, and about gradients that were not cleared."""
        if not moved:
            warn_once("no gradient", f"{type(self).__name__}.step() found that no parameter has a gradient, so it changed "
                                     "nothing; call loss.backward() before it, and pass the optimizer the parameters "
                                     "that the loss is computed from")
            return
        gradient = next((g for parameter in self._parameters() if (g := parameter.grad) is not None), None)
        if gradient is None:        # another thread cleared them
            return
        if self._step_count == 1:
            self._first_gradient = ref(gradient), gradient._version
        elif self._first_gradient is not None:
            first, version = self._first_gradient
            self._first_gradient = None
            # The same tensor, written exactly once since: backward added to it, and it was not cleared before.
            if first() is gradient and gradient._version == version + 1 and (gradient != 0).any():
                warn_once("no zero_grad", "the gradients of the first step() were not cleared, so backward() added the "
                                          "new ones to them; call optimizer.zero_grad() before each loss.backward()")

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines += [""] * (number > 0) + [f"Parameter Group {number}"]
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


class ListOptimizer(Optimizer):
    """Base class of optimizers with list state: for each group and each name of `_slots`, a list with one entry per parameter.

    An entry is None until the compiled step creates it ('step' starts as 0). The first list holds the parameters that the
    entries belong to, because the user may change the group's parameters. Each subclass has its own loop over the groups: a
    shared method would cost 2% of the step of a small net.
    """

    _slots: tuple[str, ...] = ()
    _numbers: tuple[str, ...] = ()      # those of the slots that hold a number for each parameter, besides 'step'

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self._lists: list[list[list[Any]]] = []
        self._step_count = 0
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_lists" not in state:           # of a version in which this class had a dict as its state
            old = self.__dict__.pop("state")
            self._lists = []
            self.state = old

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        self._lists.append(self._new_lists(self.param_groups[-1]))

    def _new_lists(self, group: dict[str, Any]) -> list[list[Any]]:
        owners = Owners(self._slots)
        owners.sync(group["params"])
        return [owners, *owners.lists]

    @property
    def state(self) -> State:
        """The state of each parameter that has been updated, by name. Writes to it are seen by the next step."""
        result = State(self._store)
        for group, (owners, *lists) in zip(self.param_groups, self._lists):
            owners.sync(group["params"])
            for parameter, *entries in zip(owners, *lists):
                found = {name: entry for name, entry in zip(self._slots, entries) if entry is not None}
                if found and found.get("step", 1):
                    result.insert(parameter, found)
        return result

    @state.setter
    def state(self, state: dict[Tensor, dict[str, Any]]) -> None:
        if not hasattr(self, "param_groups"):
            return
        self._lists = [self._new_lists(group) for group in self.param_groups]
        for parameter, each in state.items():
            self._store(parameter, each)

    def _store(self, parameter: Any, entries_of: dict[str, Any]) -> None:
        """Write the parameter's state to the lists. Names that are not in `_slots` are ignored."""
        for group, (owners, *lists) in zip(self.param_groups, self._lists):
            owners.sync(group["params"])
            for i, each in enumerate(owners):
                if each is parameter:
                    for name, entries in zip(self._slots, lists):
                        value = entries_of.get(name)
                        if name in self._numbers and value is not None:
                            value = float(value)
                        entries[i] = int(value or 0) if name == "step" else value


def check_lr(lr: Any) -> None:
    """ValueError if the learning rate is negative, NaN or has more than one element."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check_not_negative("learning rate", lr)


def check_not_negative(what: str, value: Any) -> None:
    """ValueError if a setting is negative or NaN."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {what}: {value}")


def check_betas(betas: tuple[float, float]) -> None:
    """ValueError unless both are in [0, 1)."""
    for i in range(2):
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")


def unsupported(differentiable: bool) -> None:
    """NotImplementedError if differentiable=True."""
    if differentiable:
        raise NotImplementedError("differentiable=True is not supported: steps are not recorded. Write the update as "
                                  "w = w - lr * g with g from autograd.grad(..., create_graph=True)")


def _as_groups(params: Any) -> list[dict[str, Any]]:
    if isinstance(params, Tensor) or not isinstance(params, Iterable):
        name = typename(params)
        hint = "write [tensor]" if isinstance(params, Tensor) else "write net.parameters()"
        raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, "
                        f"but got {name}; {hint}")
    groups = list(params)
    if not groups:
        raise ValueError("optimizer got an empty parameter list: the module has no parameters, or has its layers in a plain "
                         "list (write nn.ModuleList), or the iterator was exhausted")
    return groups if isinstance(groups[0], dict) else [{"params": groups}]


def _parameters_and_names(params: Any) -> tuple[list[Tensor], list[str]]:
    if isinstance(params, Tensor):
        return [params], []
    if isinstance(params, set):
        raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                        "will change between runs. Please use a list instead.")
    entries = list(params)
    named = [entry for entry in entries if isinstance(entry, tuple)]
    if named and len(named) != len(entries):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    return [entry[1] for entry in entries] if named else entries, [entry[0] for entry in named]


def _fitted(values: Any, parameter: Tensor | None) -> Any:
    """A copy of one parameter's state. Float tensors of its shape are converted to the parameter's dtype."""
    if isinstance(values, dict):
        return {name: _fitted(value, parameter) for name, value in values.items()}
    if isinstance(values, Tensor):
        copy = values.detach().clone()
        fits = parameter is not None and copy.is_floating_point() and copy.shape == parameter.shape
        return copy.to(parameter.dtype) if fits else copy
    return deepcopy(values)
