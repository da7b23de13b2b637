"""Several processes on one machine or many, by MPI: torch.distributed's names. Start a program with `mpirun -n 2 python ..`.

mpi4py and an MPI library are needed: pip install 'tinygrad_c[distributed]'. docs/distributed.md says when it pays.
"""

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.distributed.collectives import (
    ReduceOp,
    Work,
    all_gather,
    all_gather_into_tensor,
    all_gather_object,
    all_reduce,
    barrier,
    broadcast,
    broadcast_object_list,
    gather,
    irecv,
    isend,
    recv,
    reduce,
    reduce_scatter_tensor,
    scatter,
    send,
)
from tinygrad_c.distributed.errors import DistBackendError, DistError
from tinygrad_c.distributed.group import (
    ProcessGroup,
    destroy_process_group,
    get_backend,
    get_rank,
    get_world_size,
    group,
    init_process_group,
    is_available,
    is_initialized,
    is_mpi_available,
    is_torchelastic_launched,
    new_group,
)

__all__ = [
    "DistBackendError",
    "DistError",
    "ProcessGroup",
    "ReduceOp",
    "Work",
    "algorithms",
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "destroy_process_group",
    "gather",
    "get_backend",
    "get_rank",
    "get_world_size",
    "group",
    "init_process_group",
    "irecv",
    "is_available",
    "is_initialized",
    "is_mpi_available",
    "is_torchelastic_launched",
    "isend",
    "new_group",
    "optim",
    "recv",
    "reduce",
    "reduce_scatter_tensor",
    "scatter",
    "send",
]
__getattr__, __dir__ = lazy_names(globals(), {"": "algorithms optim"})
