"""compile(model): a module whose forward pass, and forward and backward pass, are recorded, verified and replayed.

Without gradients a call is a replay of one program, as of any function. With gradients the program is that of the forward and
the backward pass, run in two parts; what comes between, the loss, stays in eager mode. Recording needs both parts together,
before the user's loss is known: the module is called once more, with the same arguments and made-up gradients, and its
buffers and the random stream are put back afterwards.
"""
from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import enable_grad, grad
from tinygrad_c.core.array import get_default_dtype
from tinygrad_c.core.tape import is_grad_enabled
from tinygrad_c.nn.module import Module
from tinygrad_c.ops.random import random as draws
from tinygrad_c.programs.program import (
    ModuleStep,
    Passes,
    Recorded,
    content_of,
    is_recording,
    keep_buffers,
    passes_once,
    random_owners,
    restore_buffers,
)
from tinygrad_c.programs.steps import (
    EAGER_CALLS,
    MOST_ATTEMPTS,
    MOST_DIFFERENT,
    MOST_PROGRAMS,
    CompiledStep,
    Situation,
    drawn_in_python,
)
from tinygrad_c.programs.walk import TooMany, Walk


class OptimizedModule(Module):
    """What compile(module) returns: it computes the same as the module, of which it has the attributes.

    The module itself is `_orig_mod`, a child: state_dict() names its tensors '_orig_mod.weight'. Load and save the state_dict
    of `_orig_mod` for the names without it.

    >>> model = tinygrad_c.compile(tinygrad_c.nn.Linear(2, 1))
    >>> model
    OptimizedModule(
      (_orig_mod): Linear(in_features=2, out_features=1, bias=True)
    )
    >>> model.in_features, list(model.state_dict())
    (2, ['_orig_mod.weight', '_orig_mod.bias'])
    """

    _orig_mod: Module

    def __init__(self, module: Module, verify: int = 2) -> None:
        super().__init__()
        attributes = self.__dict__
        attributes["_orig_mod"] = module
        attributes["forward"] = CompiledModule(module, module, verify)

    @property
    def training(self) -> bool:         # type: ignore[override]
        return self._orig_mod.training

    @training.setter
    def training(self, mode: bool) -> None:
        self._orig_mod.training = mode

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":         # while it is unpickled
            raise AttributeError(name)
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ or name == "training":
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._orig_mod, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._orig_mod)})

    def __reduce__(self) -> Any:        # a copy records its own programs
        return OptimizedModule, (self._orig_mod, self.__dict__["forward"].verify)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()


class CompiledModule(ModuleStep):
    """Records the passes of a module. `function`: the module, or its forward."""

    def __init__(self, module: Module, function: Any, verify: int = 2) -> None:
        self.module, self.function, self.verify = module, function, verify
        self.inference = CompiledStep(function, verify)
        self.ready, self.eager = [], False
        self.reason: str | None = None          # why forward and backward stay eager
        self.leaves = [p for p in self.module.parameters() if p.requires_grad]
        self._situations: dict[Any, Situation] = {}
        self._inside = False

    def __reduce__(self) -> Any:
        return getattr, (self.module, "forward")

    def __repr__(self) -> str:
        found = f"eager, because {self.reason}" if self.eager else f"{len(self.ready)} with gradients"
        return f"<compiled module {type(self.module).__name__}: {len(self.inference.ready)} programs, {found}>"

    def _slow(self, args: tuple[Any, ...]) -> Any:
        """A call for which no program is valid."""
        result = self.function(*args)
        if self._inside or is_recording() or len(self.ready) >= MOST_PROGRAMS:
            return result
        self.leaves = [p for p in self.module.parameters() if p.requires_grad]
        key = _key_of(args)
        if key is None:
            return result
        situation = self._situations.setdefault(key, Situation())
        situation.calls += 1
        if not isinstance(result, Tensor) or result.is_leaf:
            if situation.calls > EAGER_CALLS:
                self._stay_eager("it returns anything but one tensor with gradients")
            return result
        result.register_hook(_Watch(self))
        if situation.calls <= EAGER_CALLS:
            return result
        self._inside = True
        try:
            self._advance(situation, args, result)
        except Exception as error:
            self._stay_eager(f"calling it once more raised {type(error).__name__}: {error}")
        finally:
            self._inside = False
        return result

    def _stay_eager(self, reason: str) -> None:
        self.eager, self.reason = True, reason
        self.ready.clear()
        self._situations.clear()

    def _advance(self, situation: Situation, args: tuple[Any, ...], result: Tensor) -> None:
        """Record or verify a program, with arguments for which the module was called."""
        inputs = tuple(each.detach().clone().requires_grad_(each.requires_grad) if isinstance(each, Tensor) else each
                       for each in args)
        above = (result.detach() * 3 + 1).contiguous()
        for passes in situation.programs:
            if passes.verified < self.verify and self._verify(passes, inputs, above):
                return
        if sum(len(each.programs) for each in self._situations.values()) >= MOST_PROGRAMS:
            return
        if situation.attempts >= MOST_ATTEMPTS:
            self._stay_eager("what it uses changes at every call")
            return
        situation.attempts += 1
        try:
            walk = Walk((self.function, *[each for each in args if not isinstance(each, Tensor)]))
        except TooMany:
            self._stay_eager("it reaches too many objects to be watched")
            return
        guards = walk.guards
        if not guards.hold():
            return
        program = Recorded()
        leaves = [each for each in guards.all_tensors if each.requires_grad]
        drawn = drawn_in_python() if situation.pending else None
        with _put_back(guards):
            outputs = program.record(_both(self.function, leaves, program.mark), (*inputs, above), guards, [], [])
        if drawn is not None and drawn_in_python() != drawn:
            program.deny("it draws random numbers in Python or NumPy")
        if program.refusal is None and any(each is not draws.default_generator for each in random_owners(program)):
            program.deny("it draws from a generator of its own")
        if program.refusal is not None:
            self._stay_eager(program.refusal[0])
            return
        if program.failed:
            return
        first = situation.pending.get(None)
        if first is None or not first.guards.hold():
            situation.pending[None] = program
            return
        if not program.same_as(first):
            situation.different += 1
            situation.pending[None] = program
            if situation.different >= MOST_DIFFERENT:
                self._stay_eager("it does not do the same at each call: two recordings differ")
            return
        holder = [outputs]
        del outputs
        program.finish(holder)
        if program.refusal is None:
            passes = Passes(program, functools.partial(_again, self.function), leaves)
        if program.refusal is not None:
            self._stay_eager(program.refusal[0])
            return
        situation.pending.clear()
        situation.attempts = 0
        situation.programs.append(passes)
        if self.verify <= 0:
            self.ready.append(passes)

    def _verify(self, passes: Any, inputs: tuple[Any, ...], above: Tensor) -> bool:
        """Compare both passes with eager mode, to the bit. False if the program is not valid for them."""
        leaves, guards = passes.parameters(), passes.watched()
        if not guards.hold():
            return False
        found = []
        for step in (self.function, lambda *args: passes_once(passes, args)):
            with _put_back(guards):
                out = step(*inputs)
                if out is None:
                    return False
                wanted = [each for each in inputs if isinstance(each, Tensor) and each.requires_grad] + leaves
                grads = grad(out, wanted, above, allow_unused=True)
                found.append([content_of([out.detach(), *grads]), draws.default_generator.get_state().tolist(),
                              [content_of(each) for each in guards.all_tensors if not each.requires_grad]])
        if found[0] != found[1]:
            self._stay_eager("a replay differed from eager mode")
            return True
        passes.verified += 1
        if passes.verified >= self.verify:
            self.ready.append(passes)
        return True


class _Watch:
    """A hook of an output: does the step compute gradients of gradients, or use a graph twice? Then a program would be slower,
    and could not give the same bits."""

    def __init__(self, module: CompiledModule) -> None:
        self.module, self.calls = module, 0

    def __call__(self, gradient: Tensor) -> None:
        self.calls += 1
        if self.calls > 1 or is_grad_enabled():
            self.module._stay_eager("gradients of its gradients are computed, or a graph is used twice")


def _both(function: Any, leaves: list[Tensor], mark: Any) -> Any:
    """The function that is recorded: the forward and the backward pass."""
    def both(*args: Any) -> Any:
        *inputs, above = args
        out = function(*inputs)
        mark()
        wanted = [each for each in inputs if isinstance(each, Tensor) and each.requires_grad]
        return [out, *grad(out, [*wanted, *leaves], above, allow_unused=True)]
    return both


def _again(function: Any, args: tuple[Any, ...]) -> Any:
    with enable_grad():
        return function(*args)


@contextlib.contextmanager
def _put_back(guards: Any) -> Iterator[None]:
    """Afterwards the buffers, their versions and the default generator's position are as before."""
    stream = draws.default_generator.get_state()
    kept = keep_buffers(guards)
    try:
        yield
    finally:
        draws.default_generator.set_state(stream)
        restore_buffers(kept)


def _key_of(args: tuple[Any, ...]) -> Any:
    """The key under which programs are stored, or None if such arguments are never recorded."""
    key: list[Any] = [get_default_dtype()]
    for each in args:
        if isinstance(each, Tensor):
            if type(each) is not Tensor or not each.is_contiguous():
                return None
            key.append((tuple(each.shape), each.dtype, each.requires_grad))
        elif each is None or type(each) in (int, bool, str):
            key.append((type(each), each))
        else:
            return None
    return tuple(key)
