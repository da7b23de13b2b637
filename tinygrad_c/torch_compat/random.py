"""The names of torch.random: the state of the default generator."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.ops.random.random import get_rng_state, initial_seed, manual_seed, seed, set_rng_state

__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]
__getattr__, __dir__ = lazy_names(globals())


@contextmanager
def fork_rng(devices=None, enabled: bool = True, device_type: str = "cpu") -> Iterator[None]:
    """Context manager that restores the state of the default generator at the end of the block.

    >>> state = get_rng_state()
    >>> with fork_rng():
    ...     _ = tinygrad_c.rand(3)
    >>> bool((get_rng_state() == state).all())
    True
    """
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)
