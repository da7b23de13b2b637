"""CompiledStep: a training step that is recorded, verified, and then replayed without Python.

A function is called in eager mode twice, recorded twice, and the two recordings are compared; then the first `verify` replays
are compared with eager mode to the bit, on later batches. What cannot be recorded stays in eager mode: see docs/programs.md.
"""
from __future__ import annotations

import contextlib
import copy
import functools
import random
import sys
import types
from typing import Any

from tinygrad_c._base.warn import warn
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.core.array import get_default_dtype
from tinygrad_c.nn.module import Module
from tinygrad_c.programs.epochs import tensors_of, train
from tinygrad_c.programs.lines import line_of_change
from tinygrad_c.programs.program import (
    Recorded,
    Step,
    content_of,
    could_replay,
    is_recording,
    replay_once,
    restore_snapshot,
    state_of,
    take_snapshot,
)
from tinygrad_c.programs.walk import TooMany, Walk

EAGER_CALLS = 2         # before the first recording: they make the optimizer's state
MOST_PROGRAMS = 8       # of a step
MOST_ATTEMPTS = 8       # at recording, for inputs of one shape
MOST_SITUATIONS = 100   # shapes of inputs, and values of other arguments, that are told apart
MOST_CHANGED = 3        # recordings in which the step changes what it uses; it may do so once
MOST_DIFFERENT = 4      # pairs of recordings; they may differ while other threads hold memory back
MOST_DISTURBED = 100    # recordings, while other threads computed


class Situation:
    """The calls with inputs of one shape: their number, and the programs recorded for them."""

    def __init__(self) -> None:
        self.calls = self.attempts = self.disturbed = self.different = self.changed = 0
        self.obstacle = ""                  # why it was not recorded
        self.pending: dict[Any, Any] = {}   # the first of two recordings, by which parameters had a gradient
        self.programs: list[Any] = []
        self.walk: Any = None               # that of the first recording, for the second


class CompiledStep(Step):
    """A function that compile() wraps."""

    def __init__(self, function: Any, verify: int = 2) -> None:
        self.function, self.verify = function, verify
        self.ready, self.eager = [], False
        self.reason: str | None = None      # why it stays eager
        self.situations: dict[Any, Situation] = {}
        self._inside = self._trains = False
        self._name, self._slot, self._steps = "", f"_compiled_{id(self)}", dict[str, Any]()     # of a method
        functools.update_wrapper(self, function, updated=())

    def __set_name__(self, owner: type, name: str) -> None:
        self._name, self._slot = name, f"_{owner.__name__}__compiled_{name}"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A compiled method: each instance has a step of its own, which ends with it."""
        if instance is None:
            return self
        steps, slot = getattr(instance, "__dict__", None), self._slot
        if steps is None:                       # a class with __slots__
            steps, slot = self._steps, f"{slot}_{id(instance)}"
        step = steps.get(slot)
        if step is None or step.function.__self__ is not instance:      # a shallow copy has the other's
            step = steps[slot] = CompiledStep(types.MethodType(self.function, instance), self.verify)
            step._name = self._name
        return step

    def __reduce__(self) -> Any:                # a copy records its own programs
        if isinstance(self.function, types.MethodType) and self._name:
            return getattr, (self.function.__self__, self._name)
        name = getattr(self.function, "__qualname__", "")
        found: Any = sys.modules.get(getattr(self.function, "__module__", None) or "")
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else (CompiledStep, (self.function, self.verify))

    def __copy__(self) -> Any:
        return CompiledStep(self.function, self.verify)

    def __deepcopy__(self, memo: Any) -> Any:
        if isinstance(self.function, types.MethodType) and self._name:
            return getattr(copy.deepcopy(self.function.__self__, memo), self._name)
        return CompiledStep(copy.deepcopy(self.function, memo), self.verify)

    def __repr__(self) -> str:
        return f"<compiled step {getattr(self.function, '__name__', self.function)}: {self._state()}>"

    def _state(self) -> str:
        if self.eager:
            return f"eager, because {self.reason}" if self.reason else "eager, since it is no training step"
        return f"{len(self.ready)} program{'s' * (len(self.ready) != 1)}"

    # ---- Calls for which no program is valid

    def _slow(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if kwargs and not self._inside:
            bound = self._positional(args, kwargs)
            if bound is not None:
                return self(*bound)
        key = None if kwargs or self._inside or is_recording() else key_of(args)
        if key is None:
            return self.function(*args, **kwargs)
        situation = self.situations.get(key)
        if situation is None:
            if len(self.situations) >= MOST_SITUATIONS:
                return self._too_many(args)
            situation = self.situations[key] = Situation()
        for program in situation.programs:
            if could_replay(program, args):
                return self.function(*args) if program.verified >= self.verify else self._verify(program, args)
        situation.calls += 1
        if situation.calls <= EAGER_CALLS or sum(len(each.programs) for each in self.situations.values()) >= MOST_PROGRAMS:
            return self.function(*args)
        self._inside = True
        try:
            return self._record(situation, args)
        finally:
            self._inside = False

    def _too_many(self, args: tuple[Any, ...]) -> Any:
        """Inputs that are none of the first MOST_SITUATIONS."""
        if not self.ready:
            with contextlib.suppress(TooMany):
                self._trains = self._trains or Walk((self.function, *args)).any_optimizer
            self._stay_eager("its inputs have another shape, or its other arguments another value, at each call: pass numbers "
                             "that change as tensors", None)
        return self.function(*args)

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...] | None:
        """Keyword arguments as positional ones, if they follow the given ones; else None."""
        code = getattr(self.function, "__code__", None)
        if code is None or code.co_flags & 0x0C or code.co_kwonlyargcount or code.co_posonlyargcount:    # *args, **kwargs
            return None
        first = len(args) + isinstance(self.function, types.MethodType)
        names = code.co_varnames[first:first + len(kwargs)]
        if first + len(kwargs) > code.co_argcount or kwargs.keys() != set(names):
            return None
        return (*args, *[kwargs[name] for name in names])

    def _record(self, situation: Situation, args: tuple[Any, ...]) -> Any:
        if situation.attempts >= MOST_ATTEMPTS:
            what = next((each.guards.broken() for each in situation.pending.values()), situation.obstacle)
            self._stay_eager(f"what it uses changes at every call{f': {what}' if what else ''}", None)
            return self.function(*args)
        walk = situation.walk
        if walk is None or not walk.guards.hold():
            try:
                walk = Walk((self.function, *[each for each in args if not isinstance(each, Tensor)]))
            except TooMany:
                self._stay_eager("it reaches too many objects to be watched", None)
                return self.function(*args)
            situation.walk = walk
        if any(attributes["_step_count"] < EAGER_CALLS for attributes, _, _ in walk.optimizers):
            return self.function(*args)         # an optimizer that is new
        self._trains = self._trains or walk.any_optimizer
        if not walk.guards.hold():
            situation.attempts += 1
            situation.obstacle = f"{walk.guards.broken()} has a hook or a graph from before the step"
            return self.function(*args)
        situation.attempts += 1
        drawn = drawn_in_python() if situation.pending else None       # 40 us: of the second recording
        program = Recorded()
        result = program.record(self.function, args, walk.guards, walk.optimizers, walk.schedulers)
        if program.refusal is None and drawn is not None and drawn_in_python() != drawn:
            program.deny("it draws random numbers in Python or NumPy")
        if program.refusal is not None:
            situation.changed += program.changed is not None
            situation.walk = None
            if program.changed is None:
                self._stay_eager(*told(program.refusal))
            elif situation.changed >= MOST_CHANGED:
                line = line_of_change(walk.codes, program.changed)
                self._stay_eager(program.refusal[0], f"{line[0]}:{line[1]}" if line else None)
            return result
        if program.disturbed():
            situation.attempts -= 1
            situation.disturbed += 1
            if situation.disturbed > MOST_DISTURBED:
                self._stay_eager("other threads compute whenever it is recorded", None)
        if program.failed:
            return result
        first = situation.pending.get(program.pattern())
        if first is None or not first.guards.hold():
            situation.pending[program.pattern()] = program
            return result
        if not program.same_as(first):
            situation.different += 1
            situation.pending[program.pattern()] = program
            if situation.different >= MOST_DIFFERENT:
                self._stay_eager("it does not do the same at each call: two recordings differ", None)
            return result
        holder = [result]
        del result
        result = program.finish(holder)
        if program.refusal is not None:
            self._stay_eager(*told(program.refusal))
            return result
        del situation.pending[program.pattern()]
        situation.walk = None
        situation.attempts = 0
        situation.programs.append(program)
        if self.verify <= 0:
            self.ready.append(program)
        return result

    def _verify(self, program: Any, args: tuple[Any, ...]) -> Any:
        """Compare a replay with eager mode, from the same state and on the same batch. The result of eager mode is kept."""
        kept = take_snapshot(program)
        inputs = [(each, each.requires_grad) for each in args if isinstance(each, Tensor)]
        self._inside = True
        try:
            result = replay_once(program, args)
            if not isinstance(result, (Tensor, tuple, list, dict, type(None))):     # MISS: nothing was changed
                return self.function(*args)
            replayed = _left(program, result, inputs)
            restore_snapshot(program, kept)
            for each, wanted in inputs:
                each.grad, each.requires_grad = None, wanted        # restored: key_of() requires inputs without gradients
            result = self.function(*args)
            eager = _left(program, result, inputs)
        finally:
            self._inside = False
        different = [name for (name, content), (_, other) in zip(eager, replayed) if content != other]
        if different:
            self._stay_eager(f"the replay differed from eager mode in {different[0]}", None)
            self.ready.clear()
            return result
        program.verified += 1
        if program.verified >= self.verify:
            self.ready.append(program)
        return result

    def _stay_eager(self, reason: str, place: str | None) -> None:
        self.eager, self.reason = True, reason
        self.situations.clear()
        self.ready.clear()
        if not self._trains:                    # a function without optimizer or gradients: nothing to say
            self.reason = None
            return
        name = getattr(self.function, "__name__", "the step")
        warn(f"compile(): {name}() stays in eager mode: {reason}{f', at {place}' if place else ''}. It computes the same as "
             "without compile().")

    # ---- Whole epochs

    def epochs(self, *data: Tensor, batch_size: int = 1, shuffle: bool = False, drop_last: bool = False, epochs: int = 1,
               generator: Any = None, scheduler: Any = None, on_epoch: Any = None) -> Tensor:
        """Run the step over all rows of the tensors `data`, `epochs` times, in batches of batch_size; gives the losses, a row
        for each epoch and a number for each step.

        The batches are those of DataLoader(TensorDataset(*data), batch_size, shuffle, drop_last=drop_last,
        generator=generator): the same permutation from the same generator. scheduler.step() is called after each epoch (with
        the epoch's mean loss, if it is a ReduceLROnPlateau), then on_epoch(epoch, losses), which ends the training when it
        returns True. Ctrl-C takes effect after a whole step, within a few milliseconds. Other Python threads run meanwhile.

        ValueError for tensors of different lengths, or that require gradients; TypeError if the step returns anything but one
        number.

        >>> w = tinygrad_c.zeros(1, requires_grad=True)
        >>> optimizer = tinygrad_c.optim.SGD([w], lr=0.1)
        >>> @tinygrad_c.compile
        ... def step(x, y):
        ...     optimizer.zero_grad()
        ...     loss = ((x * w - y) ** 2).mean()
        ...     loss.backward()
        ...     optimizer.step()
        ...     return loss
        >>> x = tinygrad_c.arange(8.) / 8
        >>> step.epochs(x, 2 * x, batch_size=4, epochs=100).shape
        torch.Size([100, 2])
        """
        after = None if on_epoch is None else lambda epoch, losses: [on_epoch(epoch, losses[0])]
        return train([self], [tensors_of(data, "epochs()")], batch_size, shuffle, drop_last, epochs, [generator], [scheduler],
                     after, 1)[0]


def key_of(args: tuple[Any, ...]) -> Any:
    """The key under which programs are stored, or None if such arguments are never recorded."""
    key: list[Any] = [get_default_dtype()]
    for each in args:
        if isinstance(each, Tensor):
            if type(each) is not Tensor or not each.is_contiguous() or not each.is_leaf or each.grad is not None:
                return None
            key.append((tuple(each.shape), each.dtype, each.requires_grad))
        elif each is None or type(each) in (int, bool, str):
            key.append((type(each), each))
        elif type(each) is float:
            key.append((float, each.hex()))
        elif isinstance(each, (Module, types.FunctionType)) or hasattr(each, "param_groups") or (
                hasattr(each, "__dict__") and type(each).__module__.partition(".")[0] not in ("builtins", "numpy")):
            key.append(id(each))
        else:
            return None
    return tuple(key)


def _left(program: Any, result: Any, inputs: list[Any]) -> list[Any]:
    """Everything that a step changes."""
    return [*state_of(program), *[("the gradient of an argument", content_of(each.grad)) for each, _ in inputs],
            ("the result", content_of(result))]


def drawn_in_python() -> Any:
    """The state of the generators of Python and NumPy."""
    numpy = sys.modules.get("numpy")
    if numpy is None or "numpy.random" not in sys.modules:
        return random.getstate()
    state = numpy.random.get_state(legacy=False)
    arrays = [value.tobytes() if isinstance(value, numpy.ndarray) else value for value in state.pop("state").values()]
    return random.getstate(), arrays, state


def told(refusal: tuple[str, str | None, int]) -> tuple[str, str | None]:
    reason, file, line = refusal
    return reason, f"{file}:{line}" if file else None
