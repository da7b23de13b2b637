"""DistributedDataParallel: each rank computes the gradients of its own rows, and all take a step by their mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import is_grad_enabled
from tinygrad_c.core.hooks import AccumulateGrad
from tinygrad_c.distributed.collectives import _memory, _written
from tinygrad_c.distributed.errors import DistBackendError
from tinygrad_c.distributed.flat import Flat
from tinygrad_c.distributed.group import ProcessGroup, world_of
from tinygrad_c.nn.module import Module


class DistributedDataParallel(Module):
    """A module whose gradients are averaged over the ranks at the end of backward(), in one buffer for each dtype.

    The parameters and buffers of rank 0 become those of all ranks; with broadcast_buffers, the buffers again before each
    forward pass. When the losses are means over equally many rows, the step is that of one process on all rows. Parameters that
    the loss does not depend on are an error in the next forward pass, or are told by find_unused_parameters=True, which looks
    for them in the graph of the outputs. Call the DistributedDataParallel and not the module: its forward() prepares the
    exchange.

    bucket_cap_mb, gradient_as_bucket_view and static_graph are accepted and change nothing: gradients arrive together at the
    end of the backward pass here, and one buffer holds them all. device_ids and output_device must be None.

    >>> net = DistributedDataParallel(nn.Linear(2, 1))      # doctest: +SKIP
    >>> net(x).sum().backward()                             # doctest: +SKIP
    """

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        init_sync: bool = True,
        process_group: ProcessGroup | None = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
    ) -> None:
        super().__init__()
        if device_ids or output_device is not None:
            raise ValueError("device_ids and output_device must be None: there is only the CPU here")
        self.process_group = world_of(process_group)
        self.module = module
        self.broadcast_buffers, self.find_unused_parameters = broadcast_buffers, find_unused_parameters
        self.require_backward_grad_sync = self.require_forward_param_sync = True
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        if not named:
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient."
            )
        self._names = [name for name, _ in named]
        self._parameters_of_module = [p for _, p in named]
        self._compare()
        if init_sync:
            self._broadcast([*module.parameters(), *module.buffers()])
        self._flat = Flat(self._parameters_of_module)
        self._waiting: set[int] = set()  # numbers of parameters whose gradients have not come yet
        self._begun = self._prepared = False
        for i, p in enumerate(self._parameters_of_module):
            p.register_post_accumulate_grad_hook(lambda _, i=i: self._ready(i))

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The module's forward pass, after preparing the exchange of its gradients."""
        recording = is_grad_enabled() and self.require_backward_grad_sync
        if recording:
            self._finished()
        if self.require_forward_param_sync and self.broadcast_buffers:
            self._broadcast(list(self.module.buffers()))
        outputs = self.module(*inputs, **kwargs)
        if is_grad_enabled():
            self._prepared = recording
        if recording:
            self._waiting = set(range(len(self._names)))
            if self.find_unused_parameters:
                used = _leaves(outputs)
                self._waiting = {i for i in self._waiting if id(self._parameters_of_module[i]) in used}
                if not self._waiting:
                    self._exchange()
        self.require_forward_param_sync = self.require_backward_grad_sync
        return outputs

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Forward and backward passes inside leave the gradients as they are; the next one outside averages what has been added
        up.

        >>> with net.no_sync():                     # doctest: +SKIP
        ...     net(x1).sum().backward()
        >>> net(x2).sum().backward()                # doctest: +SKIP
        """
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def _ready(self, i: int) -> None:
        """A hook of parameter i: its gradient has been added to .grad. The last one starts the exchange."""
        if not self.require_backward_grad_sync or not self._prepared:
            return
        self._begun = True
        if i not in self._waiting:
            raise RuntimeError(
                f"Expected to mark a variable ready only once: the gradient of {self._names[i]!r} came twice after one "
                "forward pass. "
                "Call forward() once for each backward(), or wrap all but the last backward() in no_sync()"
                + (", or the outputs do not show that it is used" if self.find_unused_parameters else "")
            )
        self._waiting.discard(i)
        if not self._waiting:
            self._exchange()

    def _exchange(self) -> None:
        means = self._flat.average([p.grad for p in self._parameters_of_module], self.process_group)
        for p, mean in zip(self._parameters_of_module, means):
            if p.grad is None and mean is not None:
                p.grad = mean
        self._begun = False

    def _finished(self) -> None:
        """RuntimeError when the backward pass of the last forward pass has left out parameters."""
        if self._begun and self._waiting:
            missing = sorted(self._waiting)
            self._begun = False
            raise RuntimeError(
                "Expected to have finished reduction in the prior iteration before starting a new one. This error indicates "
                "that your module has parameters that were not used in producing loss: rank "
                f"{self.process_group.rank()} got no gradient of {', '.join(self._names[i] for i in missing)}. Pass "
                "find_unused_parameters=True to DistributedDataParallel, and let all outputs take part in the loss"
            )

    def _compare(self) -> None:
        """Every rank has the same parameters."""
        mine = [(name, tuple(p.shape), str(p.dtype)) for name, p in zip(self._names, self._parameters_of_module)]
        first = self.process_group.comm.allgather(mine)
        for rank, other in enumerate(first):
            if len(other) != len(first[0]):
                raise DistBackendError(
                    f"DDP expects same model across all ranks, but Rank {rank} has {len(other)} params, while rank "
                    f"0 has inconsistent {len(first[0])} params."
                )
            for i, (a, b) in enumerate(zip(first[0], other)):
                if a != b:
                    raise DistBackendError(
                        f"DDP expects same model across all ranks: params[{i}] is {b[0]} of sizes {list(b[1])}, "
                        f"{b[2]}, on rank {rank}, which appears not to match {a[0]} of sizes {list(a[1])}, {a[2]}, "
                        "on rank 0"
                    )

    def _broadcast(self, tensors: list[Tensor]) -> None:
        """What rank 0 has, everywhere."""
        group = self.process_group
        for tensor in tensors:
            if tensor.is_contiguous():
                group._wait(group.comm.Ibcast(_memory(tensor, "broadcast"), 0), "broadcasting parameters and buffers")
            else:
                copy = tensor.detach().contiguous()
                group._wait(group.comm.Ibcast(_memory(copy, "broadcast"), 0), "broadcasting parameters and buffers")
                tensor.detach().copy_(copy)
            if tensor.is_contiguous() and group.rank():
                _written(tensor)


def _leaves(outputs: Any) -> set[int]:
    """The ids of the leaves that the tensors in `outputs` depend on."""
    todo = [each.grad_fn for each in _tensors(outputs) if each.grad_fn is not None]
    seen: dict[int, Any] = {}  # by id; it holds the nodes, whose ids may be used again otherwise
    found = {id(each) for each in _tensors(outputs) if each.is_leaf}
    while todo:
        node = todo.pop()
        if isinstance(node, AccumulateGrad):
            found.add(id(node.variable))
        elif id(node) not in seen:
            seen[id(node)] = node
            todo += [each for each, _ in node.next_functions if each is not None]
    return found


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _tensors(each)
