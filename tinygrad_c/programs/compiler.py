"""compile, for training steps and for modules, and explain."""
from __future__ import annotations

from typing import Any

from tinygrad_c.nn.module import Module
from tinygrad_c.programs.modules import CompiledModule, OptimizedModule
from tinygrad_c.programs.steps import CompiledStep


def compile(model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = "inductor",
            mode: str | None = None, options: dict | None = None, disable: bool = False, verify: int = 2) -> Any:
    """Make a function that trains (zero_grad, forward, loss, backward, step) run without Python, with the same bits as in eager
    mode. Also a decorator, with or without arguments. Of a Module it makes an OptimizedModule, whose forward pass, or forward
    and backward pass, run without Python; the training step around it stays as it is.

    The function is recorded when it is called, and replayed once `verify` replays were the same as eager mode to the bit.
    What cannot be recorded stays eager, and a warning says why. Python in the function runs only while it is recorded; what
    it returns is a copy. The other arguments are PyTorch's, and have no effect.

    >>> w = tinygrad_c.zeros(1, requires_grad=True)
    >>> optimizer = tinygrad_c.optim.SGD([w], lr=0.1)
    >>> @tinygrad_c.compile
    ... def step(x):
    ...     optimizer.zero_grad()
    ...     loss = ((x * w - 1) ** 2).mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> for _ in range(10):
    ...     loss = step(tinygrad_c.ones(2))
    >>> step
    <compiled step step: 1 program>
    """
    def wrapped(function: Any) -> Any:
        if disable or isinstance(function, (type, CompiledStep, OptimizedModule)) or not callable(function):
            return function
        if isinstance(function, Module):
            return OptimizedModule(function, verify)
        return CompiledStep(function, verify)
    return wrapped if model is None else wrapped(model)


def explain(step: Any) -> str:
    """What is recorded of a compiled step or module: its programs, what they guard, and each Call with shape and estimated
    time; or why it is eager.

    >>> print(tinygrad_c.compile.explain(tinygrad_c.compile(abs)))
    abs: 0 programs
    """
    module = step.__dict__.get("forward") if isinstance(step, Module) else None
    if isinstance(module, CompiledModule):
        return "\n".join([repr(module)[1:-1], *_lines(module.inference), *[
            line for passes in module.ready for line in _program(passes.program(), passes.verified)]])
    if not isinstance(step, CompiledStep):
        return f"{step!r} is not compiled"
    return "\n".join([f"{getattr(step.function, '__name__', 'step')}: {step._state()}", *_lines(step)])


def _lines(step: Any) -> list[str]:
    return [line for situation in step.situations.values() for program in situation.programs
            for line in _program(program, program.verified)]


def _program(program: Any, verified: int) -> list[str]:
    facts = program.facts()
    calls, time = facts.pop("Calls"), facts.pop("nanoseconds")
    return [f"  program of {calls} Calls, about {time} ns, {verified} replays verified",
            "    " + ", ".join(f"{name}: {n}" for name, n in facts.items() if n),
            *[f"    {name:24} {' x '.join(map(str, shape)):20} {work:8} ns" for name, shape, work in program.lines()]]


compile.explain = explain           # type: ignore[attr-defined]
