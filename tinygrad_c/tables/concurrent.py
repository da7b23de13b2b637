"""Trainings in several threads of one process: each has its own random numbers, and they share the cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tinygrad_c import Tensor, get_num_threads, get_rng_state, manual_seed, set_num_threads, set_rng_state

_stream = threading.RLock()  # held by the training that draws from the global random stream
_cores = threading.Lock()  # guards the numbers below
_wanted: list[int] = []  # for each training that runs: the number of threads that it may use alone
_before = _set = 0  # the number of threads that the user has set, and that of the trainings


@contextmanager
def own_stream(start: int | Tensor) -> Iterator[None]:
    """The global random stream (dropout draws from it) begins at a seed or a state, and is afterwards as it was.

    Trainings in other threads that need it wait meanwhile, so that each draws the same numbers as alone.
    """
    with _stream:
        before = get_rng_state()
        if isinstance(start, Tensor):
            set_rng_state(start)
        else:
            manual_seed(start)
        try:
            yield
        finally:
            set_rng_state(before)


@contextmanager
def shared_cores(threads: int | None = None) -> Iterator[None]:
    """At most `threads` threads compute (None: as many as before), divided by the number of trainings that run at once.

    The results are the same for any number. Afterwards it is as it was, unless the user has set it meanwhile.
    """
    global _before
    with _cores:
        if not _wanted or get_num_threads() != _set:
            _before = get_num_threads()
        mine = threads or _before
        _wanted.append(mine)
        _divide()
    try:
        yield
    finally:
        with _cores:
            _wanted.remove(mine)
            if get_num_threads() == _set:
                _divide()


def _divide() -> None:
    global _set
    _set = max(1, min(_wanted) // len(_wanted)) if _wanted else _before
    set_num_threads(_set)


def _after_fork() -> None:
    """A forked child has none of its parent's other threads, and so none of their trainings."""
    global _stream, _cores
    _stream, _cores = threading.RLock(), threading.Lock()
    _wanted.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
