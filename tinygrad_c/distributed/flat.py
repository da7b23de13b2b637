"""Many tensors as one buffer: an all-reduce of a thousand small tensors costs a thousand latencies, of one buffer one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.distributed.collectives import _agree, _written
from tinygrad_c.distributed.group import ProcessGroup, mpi
from tinygrad_c.ops.create.create import from_numpy


class Flat:
    """One buffer for each dtype of a list of tensors. Its last elements count, for each tensor, the ranks that have it."""

    def __init__(self, like: Sequence[Tensor]) -> None:
        self.shapes = [tuple(t.shape) for t in like]
        self.dtypes = [t.detach().numpy().dtype for t in like]
        self.begin, self.flag = [0] * len(like), [0] * len(like)
        self.buffers: dict[np.dtype, np.ndarray] = {}
        self.sizes: dict[np.dtype, int] = {}
        for dtype in sorted(set(self.dtypes), key=str):
            own = [i for i, d in enumerate(self.dtypes) if d == dtype]
            at = 0
            for i in own:
                self.begin[i] = at
                at += like[i].numel()
            for k, i in enumerate(own):
                self.flag[i] = at + k
            self.sizes[dtype] = at
            self.buffers[dtype] = np.empty(at + len(own), dtype)

    def average(self, tensors: Sequence[Tensor | None], group: ProcessGroup, agree: bool = False) -> list[Tensor | None]:
        """Replace the tensors by their means over the ranks; None counts as zeros, and becomes the mean where another rank has
        the tensor. With `agree` the buffers' sizes are compared first.
        """
        for tensor, shape, dtype, begin, flag in zip(tensors, self.shapes, self.dtypes, self.begin, self.flag):
            buffer = self.buffers[dtype]
            part = buffer[begin : begin + _size(shape)]
            buffer[flag] = tensor is not None
            if tensor is None:
                part[:] = 0
            else:
                part.reshape(shape)[...] = tensor.detach().numpy()
        MPI = mpi()
        for dtype, buffer in self.buffers.items():
            if agree:
                _agree(group, "average of parameters", buffer)
            group._wait(group.comm.Iallreduce(MPI.IN_PLACE, buffer, MPI.SUM), "averaging over the ranks")
            part = buffer[: self.sizes[dtype]]
            np.multiply(part, dtype.type(1 / group.size()), out=part)
        found = list(tensors)
        for i, (tensor, shape, dtype, begin, flag) in enumerate(zip(tensors, self.shapes, self.dtypes, self.begin, self.flag)):
            buffer = self.buffers[dtype]
            if not buffer[flag]:
                continue
            mean = buffer[begin : begin + _size(shape)].reshape(shape)
            if tensor is None:
                found[i] = from_numpy(mean.copy())
            else:
                tensor.detach().numpy()[...] = mean
                if tensor.numel():
                    _written_any(tensor)
        return found


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


def _written_any(tensor: Tensor) -> None:
    """Count a write to a tensor of any strides."""
    if tensor.is_contiguous():
        _written(tensor)
    else:
        tensor.detach()[:0].zero_()
