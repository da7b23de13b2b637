"""Operations on the tensors of all ranks. MPI reads and writes the tensors' own memory; nothing is copied.

Each operation first compares its name, dtype and number of elements over the ranks, by an all-reduce of four numbers, so that
ranks that disagree all raise the same error instead of waiting for each other; TORCH_DISTRIBUTED_DEBUG=OFF leaves that out.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import Any

import numpy as np

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.distributed.errors import DistBackendError
from tinygrad_c.distributed.group import CHECKED, MESSAGE, ProcessGroup, mpi, world_of


class ReduceOp(Enum):
    """How the elements of all ranks become one.

    >>> tinygrad_c.distributed.ReduceOp.SUM.name
    'SUM'
    """

    SUM = "SUM"
    AVG = "AVG"
    PRODUCT = "PROD"
    MIN = "MIN"
    MAX = "MAX"
    BAND = "BAND"
    BOR = "BOR"
    BXOR = "BXOR"


class Work:
    """An operation that goes on: `wait()` for its end.

    >>> work = tinygrad_c.distributed.all_reduce(x, async_op=True)      # doctest: +SKIP
    >>> work.wait()                                                     # doctest: +SKIP
    True
    """

    def __init__(self, group: ProcessGroup, request: Any, what: str, then: Any = None) -> None:
        self._group, self._request, self._what, self._then = group, request, what, then
        self._done = False

    def wait(self, timeout: Any = None) -> bool:
        """Until the operation is done; True.

        >>> work.wait()     # doctest: +SKIP
        True
        """
        if not self._done:
            MPI = mpi()
            status = MPI.Status() if self._what.startswith("recv") else None
            try:
                self._group._wait(self._request, self._what, status)
            except MPI.Exception as error:
                raise DistBackendError(f"{self._what}: {error}") from None
            self._done = True
            if self._then is not None:
                self._then(status)
        return True

    def is_completed(self) -> bool:
        """Whether it is done.

        >>> work.is_completed()     # doctest: +SKIP
        False
        """
        if not self._done and self._request.Get_status():
            self.wait()
        return self._done

    def is_success(self) -> bool:
        """Whether it is done without an error.

        >>> work.is_success()       # doctest: +SKIP
        True
        """
        return self.is_completed()


# ---- Memory


def _memory(tensor: Any, what: str, name: str = "tensor") -> np.ndarray:
    """The tensor's elements in a row, its own memory. TypeError and ValueError as in PyTorch."""
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type torch.Tensor, "
            f"but got {type(tensor).__name__}: {what} takes a Tensor"
        )
    if not tensor.is_contiguous():
        raise ValueError(
            f"Tensors must be contiguous: {what} got one of shape {tuple(tensor.shape)} with strides "
            f"{tuple(tensor.stride())}; pass x.contiguous()"
        )
    array = tensor.detach().numpy().reshape(-1)
    return array.view(np.uint8) if array.dtype == np.bool_ else array


def _written(tensor: Tensor) -> None:
    """Count a write: the tape finds out that a saved tensor has changed."""
    tensor.detach().reshape(-1)[:0].zero_()


@cache
def _number(what: str, dtype: np.dtype | None) -> int:
    """A number of an operation on a dtype, the same in every process."""
    return zlib.crc32(f"{what} {dtype}".encode())


def _agree(group: ProcessGroup, what: str, array: np.ndarray | None, extra: int = 0) -> None:
    """DistBackendError on all ranks unless all of them call this operation with as many elements of this dtype."""
    if group.size() == 1 or not CHECKED:
        return
    mine, found = group.message
    mine[0] = _number(what, None if array is None else array.dtype)
    mine[1] = 0 if array is None else array.size
    mine[2] = extra
    np.negative(mine[:MESSAGE], out=mine[MESSAGE:])
    group._wait(group.comm.Iallreduce(mine, found, mpi().MAX), what)
    if not (found[:MESSAGE] + found[MESSAGE:]).any():
        return
    shown = f"{what} of {array.size} elements, {array.dtype}" if array is not None else what
    each = group.comm.allgather(shown + (f", root {extra}" if extra else ""))
    raise DistBackendError(
        "Detected mismatch between collectives on ranks. "
        + "; ".join(f"rank {i}: {words}" for i, words in enumerate(each))
        + ". Every rank must call the same operations, in the same order, with tensors of equal shapes"
    )


def _reduction(op: ReduceOp, array: np.ndarray, tensor: Tensor, what: str) -> Any:
    if not isinstance(op, ReduceOp):
        raise TypeError(f"{what}: op must be a ReduceOp, got {op!r}")
    if tensor.dtype.name == "bool":
        raise RuntimeError(f"Invalid scalar type: {what} of bool is not defined; use x.to(uint8)")
    if op in (ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR) and array.dtype.kind == "f":
        raise RuntimeError(f"Cannot use ReduceOp.{op.name} with floating point dtype")
    if op is ReduceOp.AVG and array.dtype.kind != "f":
        raise RuntimeError("ReduceOp.AVG needs a floating point dtype: use SUM, and divide by get_world_size()")
    return getattr(mpi(), "SUM" if op is ReduceOp.AVG else op.value)


def _start(group: ProcessGroup, what: str, request: Any, async_op: bool, then: Any) -> Work | None:
    work = Work(group, request, what, then)
    if async_op:
        return work
    work.wait()
    return None


def _root(group: ProcessGroup, rank: int, what: str) -> int:
    if not 0 <= rank < group.size():
        raise ValueError(f"{what}: there is no rank {rank}; the group has the ranks 0 to {group.size() - 1}")
    return rank


# ---- Collectives


def all_reduce(
    tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Replace each element by the sum (or what `op` says) of that element over all ranks; the same bits on every rank.

    DistBackendError when the ranks' tensors differ in dtype or number of elements.

    >>> tinygrad_c.distributed.all_reduce(tinygrad_c.ones(3))       # doctest: +SKIP
    """
    found = world_of(group)
    array = _memory(tensor, "all_reduce")
    kind = _reduction(op, array, tensor, "all_reduce")
    _agree(found, f"all_reduce({op.name})", array)

    def then(_: Any) -> None:
        if op is ReduceOp.AVG:
            np.divide(array, array.dtype.type(found.size()), out=array)
        _written(tensor)

    return _start(found, "all_reduce", found.comm.Iallreduce(mpi().IN_PLACE, array, kind), async_op, then)


def reduce(
    tensor: Tensor, dst: int = 0, op: ReduceOp = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """all_reduce, but only rank dst has the result.

    >>> tinygrad_c.distributed.reduce(tinygrad_c.ones(3), dst=0)        # doctest: +SKIP
    """
    found = world_of(group)
    array = _memory(tensor, "reduce")
    kind = _reduction(op, array, tensor, "reduce")
    _root(found, dst, "reduce")
    _agree(found, f"reduce({op.name})", array, dst)
    here = found.rank() == dst

    def then(_: Any) -> None:
        if here:
            if op is ReduceOp.AVG:
                np.divide(array, array.dtype.type(found.size()), out=array)
            _written(tensor)

    request = found.comm.Ireduce(mpi().IN_PLACE if here else array, array if here else None, kind, dst)
    return _start(found, "reduce", request, async_op, then)


def broadcast(tensor: Tensor, src: int = 0, group: ProcessGroup | None = None, async_op: bool = False) -> Work | None:
    """Rank src's elements become those of every rank's tensor.

    >>> tinygrad_c.distributed.broadcast(tinygrad_c.ones(3), src=0)     # doctest: +SKIP
    """
    found = world_of(group)
    array = _memory(tensor, "broadcast")
    _root(found, src, "broadcast")
    _agree(found, "broadcast", array, src)
    return _start(
        found, "broadcast", found.comm.Ibcast(array, src), async_op, lambda _: _written(tensor) if found.rank() != src else None
    )


def all_gather(
    tensor_list: Sequence[Tensor], tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """tensor_list[i] becomes rank i's tensor, on every rank.

    >>> parts = [tinygrad_c.zeros(2) for _ in range(2)]
    >>> tinygrad_c.distributed.all_gather(parts, tinygrad_c.ones(2))        # doctest: +SKIP
    """
    found = world_of(group)
    array = _memory(tensor, "all_gather")
    outs = _parts(found, tensor_list, tensor, "all_gather", "tensor_list")
    _agree(found, "all_gather", array)
    gathered = np.empty((found.size(), array.size), array.dtype)

    def then(_: Any) -> None:
        for out, part, row in zip(tensor_list, outs, gathered):
            part[...] = row
            _written(out)

    return _start(found, "all_gather", found.comm.Iallgather(array, gathered), async_op, then)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """output_tensor becomes the tensors of all ranks, one after the other.

    >>> tinygrad_c.distributed.all_gather_into_tensor(tinygrad_c.zeros(4), tinygrad_c.ones(2))      # doctest: +SKIP
    """
    found = world_of(group)
    array, out = _memory(input_tensor, "all_gather_into_tensor"), _memory(output_tensor, "all_gather_into_tensor")
    if out.size != array.size * found.size() or out.dtype != array.dtype:
        raise ValueError(
            f"output tensor size must be equal to world_size times input tensor size: {out.size} {out.dtype} elements "
            f"for {found.size()} times {array.size} {array.dtype}"
        )
    _agree(found, "all_gather_into_tensor", array)
    return _start(
        found, "all_gather_into_tensor", found.comm.Iallgather(array, out), async_op, lambda _: _written(output_tensor)
    )


def gather(
    tensor: Tensor,
    gather_list: Sequence[Tensor] | None = None,
    dst: int = 0,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """On rank dst, gather_list[i] becomes rank i's tensor; the other ranks leave gather_list out.

    >>> tinygrad_c.distributed.gather(tinygrad_c.ones(2), [tinygrad_c.zeros(2)] * 2)        # doctest: +SKIP
    """
    found = world_of(group)
    array = _memory(tensor, "gather")
    _root(found, dst, "gather")
    here = found.rank() == dst
    if here and not gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    if not here and gather_list:
        raise ValueError("Argument ``gather_list`` must NOT be specified on non-destination ranks.")
    outs = _parts(found, gather_list, tensor, "gather", "gather_list") if here and gather_list else []
    _agree(found, "gather", array, dst)
    gathered = np.empty((found.size(), array.size), array.dtype) if here else None

    def then(_: Any) -> None:
        for out, part, row in zip(gather_list or [], outs, gathered if gathered is not None else []):
            part[...] = row
            _written(out)

    return _start(found, "gather", found.comm.Igather(array, gathered, dst), async_op, then)


def scatter(
    tensor: Tensor,
    scatter_list: Sequence[Tensor] | None = None,
    src: int = 0,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """On rank i, tensor becomes scatter_list[i] of rank src; the other ranks leave scatter_list out.

    >>> tinygrad_c.distributed.scatter(tinygrad_c.zeros(2), [tinygrad_c.ones(2)] * 2)       # doctest: +SKIP
    """
    found = world_of(group)
    array = _memory(tensor, "scatter")
    _root(found, src, "scatter")
    here = found.rank() == src
    if here and not scatter_list:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    if not here and scatter_list:
        raise ValueError("Argument ``scatter_list`` must NOT be specified on non-source ranks.")
    parts = _parts(found, scatter_list, tensor, "scatter", "scatter_list") if here and scatter_list else []
    _agree(found, "scatter", array, src)
    return _start(
        found,
        "scatter",
        found.comm.Iscatter(np.stack(parts) if here else None, array, src),
        async_op,
        lambda _: _written(tensor),
    )


def reduce_scatter_tensor(
    output: Tensor, input: Tensor, op: ReduceOp = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """The sum of the ranks' inputs, of which rank i gets the i-th part.

    >>> tinygrad_c.distributed.reduce_scatter_tensor(tinygrad_c.zeros(2), tinygrad_c.ones(4))       # doctest: +SKIP
    """
    found = world_of(group)
    array, out = _memory(input, "reduce_scatter_tensor", "input"), _memory(output, "reduce_scatter_tensor", "output")
    kind = _reduction(op, array, input, "reduce_scatter_tensor")
    if out.size * found.size() != array.size or out.dtype != array.dtype:
        raise ValueError(
            f"input tensor must be the same size as output size times world size: {array.size} {array.dtype} elements "
            f"for {found.size()} times {out.size} {out.dtype}"
        )
    _agree(found, f"reduce_scatter_tensor({op.name})", array)

    def then(_: Any) -> None:
        if op is ReduceOp.AVG:
            np.divide(out, out.dtype.type(found.size()), out=out)
        _written(output)

    return _start(found, "reduce_scatter_tensor", found.comm.Ireduce_scatter_block(array, out, kind), async_op, then)


def barrier(group: ProcessGroup | None = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Wait until every rank has come here.

    >>> tinygrad_c.distributed.barrier()        # doctest: +SKIP
    """
    found = world_of(group)
    _agree(found, "barrier", None)
    return _start(found, "barrier", found.comm.Ibarrier(), async_op, None)


def _parts(group: ProcessGroup, tensors: Any, like: Tensor, what: str, name: str) -> list[np.ndarray]:
    """The memory of a list of tensors, one for each rank, like the given one."""
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type List[torch.Tensor], "
            f"but got {type(tensors).__name__}"
        )
    if len(tensors) != group.size():
        raise ValueError(f"{what}: {name} has {len(tensors)} tensors for {group.size()} ranks: give one for each")
    found = []
    for i, each in enumerate(tensors):
        found.append(_memory(each, what, name))
        if each.dtype != like.dtype or each.numel() != like.numel():
            raise ValueError(
                f"{what}: {name}[{i}] has {each.numel()} elements of {each.dtype}, and the tensor {like.numel()} of "
                f"{like.dtype}"
            )
    return found


# ---- From one rank to another


def send(tensor: Tensor, dst: int, group: ProcessGroup | None = None, tag: int = 0) -> None:
    """Send the elements to rank dst, which calls recv.

    >>> tinygrad_c.distributed.send(tinygrad_c.ones(2), dst=1)      # doctest: +SKIP
    """
    work = isend(tensor, dst, group, tag)
    work.wait()


def isend(tensor: Tensor, dst: int, group: ProcessGroup | None = None, tag: int = 0) -> Work:
    """send, without waiting: leave the tensor as it is until wait() of the result.

    >>> tinygrad_c.distributed.isend(tinygrad_c.ones(2), dst=1).wait()      # doctest: +SKIP
    """
    found = world_of(group)
    array = _memory(tensor, "send")
    if _root(found, dst, "send") == found.rank():
        raise ValueError(
            "Invalid destination rank: destination rank should not be the same as the rank of the current process."
        )
    return Work(found, found.comm.Isend(array, dst, tag), f"send to rank {dst}")


def recv(tensor: Tensor, src: int | None = None, group: ProcessGroup | None = None, tag: int = 0) -> int:
    """Receive the elements that rank src (None: any) has sent; the sender's rank.

    DistBackendError when it has sent another number of elements.

    >>> tinygrad_c.distributed.recv(tinygrad_c.zeros(2), src=0)     # doctest: +SKIP
    0
    """
    work = irecv(tensor, src, group, tag)
    work.wait()
    return work.source


def irecv(tensor: Tensor, src: int | None = None, group: ProcessGroup | None = None, tag: int = 0) -> Work:
    """recv, without waiting: the elements are there after wait() of the result.

    >>> tinygrad_c.distributed.irecv(tinygrad_c.zeros(2), src=0).wait()     # doctest: +SKIP
    """
    found = world_of(group)
    array = _memory(tensor, "recv")
    MPI = mpi()
    if src is not None and _root(found, src, "recv") == found.rank():
        raise ValueError("Invalid source rank: source rank should not be the same as the rank of the current process.")

    def then(status: Any) -> None:
        work.source = status.Get_source()
        count = status.Get_count(MPI.BYTE) // max(1, array.itemsize)
        if count != array.size:
            raise DistBackendError(f"recv of {array.size} elements: rank {work.source} has sent {count}")
        _written(tensor)

    source = MPI.ANY_SOURCE if src is None else src
    work: Any = Work(found, found.comm.Irecv(array, source, tag), f"recv from rank {'any' if src is None else src}", then)
    return work


# ---- Objects


def all_gather_object(object_list: list[Any], obj: Any, group: ProcessGroup | None = None) -> None:
    """object_list[i] becomes rank i's object, pickled on the way: trust the other ranks.

    >>> tinygrad_c.distributed.all_gather_object([None, None], {"loss": 0.5})       # doctest: +SKIP
    """
    found = world_of(group)
    if len(object_list) != found.size():
        raise ValueError(f"all_gather_object: object_list has {len(object_list)} places for {found.size()} ranks")
    _agree(found, "all_gather_object", None)
    object_list[:] = found.comm.allgather(obj)


def broadcast_object_list(object_list: list[Any], src: int = 0, group: ProcessGroup | None = None, device: Any = None) -> None:
    """The objects of rank src on every rank, pickled on the way: trust the other ranks.

    >>> tinygrad_c.distributed.broadcast_object_list(["runs/1"], src=0)     # doctest: +SKIP
    """
    found = world_of(group)
    _root(found, src, "broadcast_object_list")
    _agree(found, "broadcast_object_list", None, src)
    object_list[:] = found.comm.bcast(object_list, src)
