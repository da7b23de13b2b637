"""PyTorch's exceptions of distributed programs."""

from __future__ import annotations


class DistError(RuntimeError):
    """An error of a distributed program.

    >>> issubclass(tinygrad_c.distributed.DistError, RuntimeError)
    True
    """


class DistBackendError(DistError):
    """MPI has failed, the ranks do not agree, or one does not come.

    >>> issubclass(tinygrad_c.distributed.DistBackendError, tinygrad_c.distributed.DistError)
    True
    """
