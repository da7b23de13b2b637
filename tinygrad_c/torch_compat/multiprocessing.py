"""Python's multiprocessing, in which processes and queues send tensors as shared memory. The names of torch.multiprocessing.

A tensor that is sent, as an argument of a Process or through a Queue, is moved to shared memory, and the receiver maps the same
memory: nothing is copied, and each sees what the other writes. Several processes can train one net: see spawn.
"""
from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from multiprocessing import connection, reduction
from types import ModuleType
from typing import Any

import numpy

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._tensor.shared import block_of, known, move, new_memory, tensor_on
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.core.array import dtype_named
from tinygrad_c.core.type_slots import attributes_or_none
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.create.create import exchanged, from_numpy, retyped

__all__ = [*(name for name in multiprocessing.__all__ if not isinstance(getattr(multiprocessing, name), ModuleType)),
           "ProcessContext", "ProcessExitedException", "ProcessRaisedException", "SpawnContext",
           "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn", "start_processes"]
_find, __dir__ = lazy_names(globals())


def __getattr__(name: str) -> Any:
    return getattr(multiprocessing, name) if hasattr(multiprocessing, name) else _find(name)


# ---- Tensors as messages

def send(x: Tensor) -> tuple:
    """What multiprocessing's pickler sends for a tensor: the descriptor of its memory, and how it lies there."""
    if not x.is_leaf:
        raise RuntimeError("Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not "
                           "support crossing process boundaries.  If you just want to transfer the data, call detach() "
                           "on the tensor before serializing (e.g., putting it on the queue).")
    kind, attributes = type(x), dict(attributes_or_none(x) or {})
    if os.name == "nt" or x.numel() == 0:       # nothing to share, or no descriptors to send: a copy
        return copied, (kind, exchanged(x.detach()).numpy().copy(), x.dtype.name, x.requires_grad, attributes)
    block: Any = block_of(move(x))
    stride = tuple(s * x.element_size() for s in x.stride())
    bits = exchanged(x.detach()).dtype.name
    return received, (kind, reduction.DupFd(block.descriptor), block.size, bits, x.dtype.name, tuple(x.shape), stride,
                      x.data_ptr() - block.address, x.requires_grad, attributes)


def _as(kind: type, x: Tensor, requires_grad: bool, attributes: dict) -> Tensor:
    made = Parameter(x, requires_grad) if kind is Parameter else x.requires_grad_(requires_grad)
    if attributes:
        vars(made).update(attributes)
    return made


def received(kind: type, handle: Any, size: int, bits: str, dtype: str, shape: tuple, stride: tuple, offset: int,
             requires_grad: bool, attributes: dict) -> Tensor:
    """The tensor of a message, on the sender's memory."""
    descriptor = handle.detach()
    file = os.fstat(descriptor)
    memory = known(file.st_dev, file.st_ino)
    if memory is None:
        memory = new_memory(size, descriptor)
    else:
        os.close(descriptor)        # several tensors on one memory, or it came back to its sender
    values = tensor_on(memory, numpy.dtype(bits).str, shape, stride, offset)
    return _as(kind, retyped(values, dtype_named(dtype)), requires_grad, attributes)


def copied(kind: type, array: numpy.ndarray, dtype: str, requires_grad: bool, attributes: dict) -> Tensor:
    """The tensor of a message that has the elements themselves."""
    return _as(kind, retyped(from_numpy(array), dtype_named(dtype)), requires_grad, attributes)


for _kind in (Tensor, Parameter):
    reduction.ForkingPickler.register(_kind, send)


def get_all_sharing_strategies() -> set[str]:
    """{"file_descriptor"}: processes send each other the descriptors of memory.

    >>> get_all_sharing_strategies()
    {'file_descriptor'}
    """
    return {"file_descriptor"}


def get_sharing_strategy() -> str:
    """ "file_descriptor", the only one.

    >>> get_sharing_strategy()
    'file_descriptor'
    """
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepts "file_descriptor", and "file_system", which changes nothing.

    >>> set_sharing_strategy("file_system")
    """
    if new_strategy not in ("file_descriptor", "file_system"):
        raise AssertionError(f"unknown sharing strategy {new_strategy!r}: write 'file_descriptor'")


# ---- Several processes of one function

class ProcessException(Exception):
    """Base class of the errors that ProcessContext.join raises."""

    def __init__(self, msg: str, error_index: int, pid: int):
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, pid


class ProcessRaisedException(ProcessException):
    """A process raised an exception; the message has its traceback.

    >>> issubclass(ProcessRaisedException, Exception)
    True
    """


class ProcessExitedException(ProcessException):
    """A process ended with another exit code than 0, or by a signal.

    >>> issubclass(ProcessExitedException, Exception)
    True
    """

    def __init__(self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None):
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name


def _run(function: Callable[..., Any], i: int, args: tuple, errors: Any) -> None:
    try:
        function(i, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        errors.put(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """The processes that spawn(join=False) has started.

    >>> import multiprocessing
    >>> ProcessContext([], []).join()
    True
    """

    def __init__(self, processes: list, error_queues: list):
        self.processes, self.error_queues = processes, error_queues

    def pids(self) -> list[int]:
        """The process ids.

        >>> ProcessContext([], []).pids()
        []
        """
        return [int(each.pid) for each in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait for the processes: True if all have ended, False after `timeout` seconds. If one fails, end the others, and
        raise its error.

        >>> ProcessContext([], []).join()
        True
        """
        end = None if timeout is None else time.monotonic() + timeout
        alive = dict((each.sentinel, i) for i, each in enumerate(self.processes) if each.exitcode is None)
        while not any(each.exitcode for each in self.processes) and alive:
            ready = connection.wait(list(alive), None if end is None else max(end - time.monotonic(), 0))
            if not ready:
                return False
            for sentinel in ready:
                self.processes[alive.pop(sentinel)].join()
        failed = next((i for i, each in enumerate(self.processes) if each.exitcode), None)
        if failed is None:
            return True
        for each in self.processes:
            if each.is_alive():
                each.terminate()
        for each in self.processes:
            each.join(30 if grace_period is None else grace_period)
            if each.is_alive():
                each.kill()
                each.join()
        self._raise(failed)
        return True

    def _raise(self, i: int) -> None:
        code, pid = self.processes[i].exitcode, self.processes[i].pid
        if not self.error_queues[i].empty():
            text = self.error_queues[i].get()
            raise ProcessRaisedException(f"\n\n-- Process {i} terminated with the following error:\n{text}", i, pid)
        if code < 0:
            name = signal.Signals(-code).name
            raise ProcessExitedException(f"process {i} terminated with signal {name}", i, pid, code, name)
        raise ProcessExitedException(f"process {i} terminated with exit code {code}", i, pid, code)


SpawnContext = ProcessContext


def start_processes(fn: Callable[..., Any], args: tuple = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
                    start_method: str = "spawn") -> ProcessContext | None:
    """Start nprocs processes that call fn(i, *args), i = 0, 1, ...; see spawn. start_method: "spawn", "fork" or "forkserver".

    >>> start_processes(print, nprocs=0)
    """
    context = multiprocessing.get_context(start_method)
    processes, errors = [], []
    for i in range(nprocs):
        errors.append(context.SimpleQueue())
        processes.append(context.Process(target=_run, args=(fn, i, args, errors[-1]), daemon=daemon))
        processes[-1].start()
    running = ProcessContext(processes, errors)
    if not join:
        return running
    while not running.join():
        pass
    return None


def spawn(fn: Callable[..., Any], args: tuple = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
          start_method: str = "spawn") -> ProcessContext | None:
    """Start nprocs processes that call fn(i, *args), i = 0, 1, ..., and wait for them, or return a ProcessContext.

    Tensors and nets in args are shared: with net.share_memory() before, all processes train the same parameters. fn is a
    function of a module. ProcessRaisedException, ProcessExitedException: if a process fails; the others are ended.

    >>> spawn(print, nprocs=0)
    """
    return start_processes(fn, args, nprocs, join, daemon, start_method)
