"""The processes that compute together: an MPI communicator, its ranks, and what happens when one of them fails."""

from __future__ import annotations

import atexit
import datetime
import os
import sys
import time
import traceback
from functools import cache
from types import TracebackType
from typing import Any

import numpy as np

from tinygrad_c.distributed.errors import DistBackendError

DEFAULT_TIMEOUT = datetime.timedelta(minutes=30)  # PyTorch's
# How long a waiting rank asks MPI again at once; then it sleeps in between. Longer where each rank has a core of its own.
SPIN, SPIN_ON_OWN_CORE = 20e-6, 5e-3
PAUSE = 50e-6
CHECKED = os.environ.get("TORCH_DISTRIBUTED_DEBUG", "").upper() != "OFF"
MESSAGE = 4  # numbers that the ranks compare before an operation


class ProcessGroup:
    """An MPI communicator: rank and size of this process in it, and how long its operations may take.

    >>> tinygrad_c.distributed.new_group([0, 1]).size()     # doctest: +SKIP
    2
    """

    def __init__(self, comm: Any, timeout: datetime.timedelta) -> None:
        self.comm, self.timeout = comm, timeout
        self._rank, self._size = comm.Get_rank(), comm.Get_size()
        here = comm.Split_type(mpi().COMM_TYPE_SHARED)
        self._spin = SPIN_ON_OWN_CORE if here.Get_size() <= _cores() else SPIN
        here.Free()
        self.message = np.zeros((2, 2 * MESSAGE), np.int64)  # sent and received by collectives._agree
        self.limit = timeout.total_seconds()

    def rank(self) -> int:
        """The number of this process in the group.

        >>> group.WORLD.rank()      # doctest: +SKIP
        0
        """
        return self._rank

    def size(self) -> int:
        """The number of processes in the group.

        >>> group.WORLD.size()      # doctest: +SKIP
        2
        """
        return self._size

    def name(self) -> str:
        """The backend: mpi.

        >>> group.WORLD.name()      # doctest: +SKIP
        'mpi'
        """
        return "mpi"

    def _wait(self, request: Any, what: str, status: Any = None) -> None:
        """Until an MPI request is done. DistBackendError after the timeout; Ctrl-C is answered meanwhile."""
        test = request.Test
        if test(status):
            return
        begin = time.monotonic()
        while not test(status):
            waited = time.monotonic() - begin
            if waited > self._spin:
                time.sleep(PAUSE)
            if waited > self.limit:
                raise DistBackendError(
                    f"Timed out waiting {self.limit:g} s for the other ranks: rank {self._rank} of {self._size} is in {what}. "
                    "Has another rank ended, or does it not call this operation? init_process_group(timeout=...) sets the limit"
                )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_world: ProcessGroup | None = None
_before: Any = None  # sys.excepthook before init_process_group


class group:
    """`group.WORLD`: the group of all processes, None before init_process_group.

    >>> tinygrad_c.distributed.group.WORLD is None
    True
    """

    WORLD: ProcessGroup | None = None


def is_available() -> bool:
    """Whether mpi4py and an MPI library can be imported.

    >>> tinygrad_c.distributed.is_available() in (True, False)
    True
    """
    try:
        import mpi4py.MPI  # noqa: F401
    except (ImportError, RuntimeError):  # RuntimeError: mpi4py is there, a library is not
        return False
    return True


def is_mpi_available() -> bool:
    """The same as is_available(): MPI is the only backend.

    >>> tinygrad_c.distributed.is_mpi_available() == tinygrad_c.distributed.is_available()
    True
    """
    return is_available()


@cache
def mpi() -> Any:
    """The module mpi4py.MPI; ImportError with what to install."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"tinygrad_c.distributed needs mpi4py and an MPI library ({error}): pip install "
            "'tinygrad_c[distributed]', and the package openmpi-bin or mpich of the system"
        ) from None
    return MPI


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: datetime.timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Make the group of all processes that mpirun started; alone, it has one rank.

    MPI knows the ranks: init_method and store are not needed and must be None or "env://". `timeout` (30 minutes) ends an
    operation whose other ranks do not come. From here on an exception that ends one rank ends all of them, with its traceback.

    ValueError for another backend than mpi, RuntimeError for another world_size or rank than mpirun's, or when it was called
    before; ImportError without mpi4py.

    >>> tinygrad_c.distributed.init_process_group("mpi")        # doctest: +SKIP
    """
    global _world, _before
    if _world is not None:
        raise ValueError("trying to initialize the default process group twice!")
    if backend not in (None, "mpi"):
        raise ValueError(f"Invalid backend: {backend!r}: there is only 'mpi' here; start the program with mpirun")
    if init_method not in (None, "env://") or store is not None:
        raise ValueError(
            f"init_method {init_method!r} and store are not used by MPI: leave them out, and start the program with "
            "mpirun -n N python program.py"
        )
    timeout = DEFAULT_TIMEOUT if timeout is None else timeout
    if not isinstance(timeout, datetime.timedelta):
        raise TypeError(f"Expected timeout argument to be of type datetime.timedelta, got {timeout}")
    MPI = mpi()
    made = ProcessGroup(MPI.COMM_WORLD.Dup(), timeout)
    for name, given, found in (("world_size", world_size, made.size()), ("rank", rank, made.rank())):
        if given not in (-1, found):
            raise RuntimeError(f"{name} {given} is not mpirun's, which is {found}: leave it out, or use mpirun -n {world_size}")
    made.comm.Set_errhandler(MPI.ERRORS_RETURN)
    _world = group.WORLD = made
    if made.size() > 1:
        _before = sys.excepthook
        sys.excepthook = _abort
        atexit.register(_at_exit)


def _abort(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """An uncaught exception of one rank: say it, and end all ranks, which may be waiting for this one."""
    world = _world
    if world is None:
        _before(kind, value, trace)
        return
    lines = "".join(traceback.format_exception(kind, value, trace))
    sys.stderr.write(
        "".join(f"[rank {world.rank()}] {line}\n" for line in lines.splitlines())
        + f"[rank {world.rank()}] ended by this exception; the other ranks are ended too\n"
    )
    sys.stdout.flush()
    sys.stderr.flush()
    mpi().COMM_WORLD.Abort(1 if kind is not KeyboardInterrupt else 130)


def _at_exit() -> None:
    """A rank that has left its program frees nothing of MPI's: MPI_Finalize does, when all have come to it."""
    global _world
    _world = group.WORLD = None


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """The end of a group, None for all; every rank calls it.

    >>> tinygrad_c.distributed.destroy_process_group()          # doctest: +SKIP
    """
    found = world_of(group)
    found.comm.Free()
    if found is _world:
        _forget()


def _forget() -> None:
    global _world
    _world = group.WORLD = None
    if sys.excepthook is _abort:
        sys.excepthook = _before
    atexit.unregister(_at_exit)


def is_initialized() -> bool:
    """Whether init_process_group was called.

    >>> tinygrad_c.distributed.is_initialized()
    False
    """
    return _world is not None


def is_torchelastic_launched() -> bool:
    """False: mpirun starts the processes.

    >>> tinygrad_c.distributed.is_torchelastic_launched()
    False
    """
    return False


def world_of(group: ProcessGroup | None) -> ProcessGroup:
    """The group, or that of all processes. ValueError before init_process_group."""
    if group is not None:
        if not isinstance(group, ProcessGroup):
            raise TypeError(f"group must be a ProcessGroup or None, got {type(group).__name__}")
        return group
    if _world is None:
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    return _world


def get_rank(group: ProcessGroup | None = None) -> int:
    """The number of this process, from 0.

    >>> tinygrad_c.distributed.get_rank()       # doctest: +SKIP
    0
    """
    return world_of(group).rank()


def get_world_size(group: ProcessGroup | None = None) -> int:
    """The number of processes.

    >>> tinygrad_c.distributed.get_world_size()     # doctest: +SKIP
    2
    """
    return world_of(group).size()


def get_backend(group: ProcessGroup | None = None) -> str:
    """The backend's name: mpi.

    >>> tinygrad_c.distributed.get_backend()        # doctest: +SKIP
    'mpi'
    """
    return world_of(group).name()


def new_group(
    ranks: list[int] | None = None, timeout: datetime.timedelta | None = None, backend: str | None = None, **unused: Any
) -> ProcessGroup | None:
    """A group of some ranks (None: of all); every rank calls it. None on the ranks that are not in it.

    >>> tinygrad_c.distributed.new_group([0, 1])        # doctest: +SKIP
    """
    world = world_of(None)
    ranks = list(range(world.size())) if ranks is None else sorted(ranks)
    if len(set(ranks)) != len(ranks):
        raise ValueError(f"new_group: ranks {ranks} are not distinct")
    if ranks and not 0 <= ranks[0] <= ranks[-1] < world.size():
        raise ValueError(f"new_group: ranks {ranks} are not from 0 to {world.size() - 1}")
    MPI = mpi()
    made = world.comm.Split(0 if world.rank() in ranks else MPI.UNDEFINED, world.rank())
    return None if made == MPI.COMM_NULL else ProcessGroup(made, timeout or world.timeout)
