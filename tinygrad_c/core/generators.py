"""A generator function that no_grad decorates. In Python, so that what it returns is a generator like any other."""
from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinygrad_c.core.tape import GradMode


def in_mode(generator: Generator, mode: GradMode) -> Generator:
    """The generator, each of whose steps runs in the mode: what is between them is the caller's."""
    step, given = generator.send, None
    while True:
        try:
            value = mode.run(step, (given,), {})
        except StopIteration as end:
            return end.value
        try:
            step, given = generator.send, (yield value)
        except GeneratorExit:
            mode.run(generator.close, (), {})
            raise
        except BaseException as error:
            step, given = generator.throw, error
