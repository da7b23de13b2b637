"""Tensors in shared memory: spawned processes, queues, one net trained by two processes."""
from __future__ import annotations

import gc
import os
import pickle
import sys
from multiprocessing.reduction import ForkingPickler

import multiprocessing_workers as workers
import pytest

import tinygrad_c
from tinygrad_c import multiprocessing as mp
from tinygrad_c import nn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no descriptors to send")


@pytest.mark.parametrize("start_method", ["spawn", "fork"])
def test_two_processes_train_one_net(start_method):
    tinygrad_c.manual_seed(0)
    x = tinygrad_c.randn(64, 3)
    y = x @ tinygrad_c.tensor([[1.0], [-2.0], [0.5]])
    net = nn.Linear(3, 1).share_memory()
    assert all(p.is_shared() for p in net.parameters())
    before = nn.functional.mse_loss(net(x), y).item()
    mp.start_processes(workers.train, (net, x, y, 60), nprocs=2, start_method=start_method)
    assert nn.functional.mse_loss(net(x), y).item() < 1e-3 * before
    assert net.weight.grad is None          # gradients are each process's own


def test_spawn_writes_to_the_same_memory():
    total = tinygrad_c.zeros(2).share_memory_()
    view = total[1:]
    assert mp.spawn(workers.add, (total,), nprocs=2) is None
    assert total.tolist() == [1, 2]
    assert view.tolist() == [2]


def test_queue_of_tensors():
    context = mp.get_context("spawn")
    inbox, outbox = context.Queue(), context.Queue()
    process = context.Process(target=workers.echo, args=(inbox, outbox))
    process.start()
    x = tinygrad_c.arange(6.0).reshape(2, 3)
    sent = [x, x.t(), tinygrad_c.arange(3), tinygrad_c.zeros(0), nn.Parameter(tinygrad_c.ones(2), requires_grad=False)]
    expected = [[[0, 2, 4], [6, 8, 10]], None, [0, 2, 4], [], [2, 2]]
    for each, values in zip(sent, expected, strict=True):
        inbox.put(each)
        found = outbox.get(timeout=60)
        assert type(found) is type(each)
        assert found.dtype == each.dtype
        assert found.shape == each.shape
        if values is not None:
            assert found.tolist() == values
            assert each.tolist() == values          # the same memory
    inbox.put(None)
    process.join(60)
    assert process.exitcode == 0


def test_messages():
    """Within a process: the same memory, requires_grad, attributes, strides."""
    x = tinygrad_c.arange(6.0).reshape(2, 3).requires_grad_()
    x.label = "a"
    y = pickle.loads(ForkingPickler.dumps(x))
    assert x.is_shared()
    assert y.requires_grad
    assert y.label == "a"
    with tinygrad_c.no_grad():
        y[0, 0] = 7.0
    assert x[0, 0].item() == 7
    base = tinygrad_c.arange(4.0)
    part = pickle.loads(ForkingPickler.dumps(base[1:]))     # a view of what is not shared gets memory of its own
    part[0] = 9.0
    assert base.tolist() == [0, 1, 2, 3]
    base.share_memory_()
    part = pickle.loads(ForkingPickler.dumps(base[::2]))
    part[1] = 9.0
    assert base.tolist() == [0, 1, 9, 3]
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor"):
        ForkingPickler.dumps(x * 2)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts the descriptors in /proc")
def test_memory_is_given_back():
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        x = tinygrad_c.ones(1000).share_memory_()
        assert pickle.loads(ForkingPickler.dumps(x)).sum().item() == 1000
    del x
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 4       # the server that passes descriptors on has some


def test_errors_of_processes():
    with pytest.raises(mp.ProcessRaisedException, match="the second one fails") as caught:
        mp.spawn(workers.fail, nprocs=2)
    assert caught.value.error_index == 1
    context = mp.start_processes(workers.fail, nprocs=1, join=False, start_method="fork")
    assert len(context.pids()) == 1
    assert context.join(60) or context.join(60)


def test_names():
    assert mp.get_all_sharing_strategies() == {"file_descriptor"}
    assert mp.get_sharing_strategy() == "file_descriptor"
    for name in ("Process", "Queue", "SimpleQueue", "Pool", "Lock", "Event", "Manager", "get_context", "set_start_method", "cpu_count",
                 "current_process"):
        assert callable(getattr(mp, name))
    with pytest.raises(AttributeError):
        mp.nonsense     # noqa: B018


@pytest.mark.parametrize("size", [0, 3])
@pytest.mark.parametrize("dtype", ["int8", "int16", "uint64", "float16", "bfloat16"])
def test_every_dtype_is_sent(dtype, size):
    x = tinygrad_c.arange(size).to(getattr(tinygrad_c, dtype))
    found = pickle.loads(ForkingPickler.dumps(x))
    assert (found.dtype, found.tolist()) == (x.dtype, x.tolist())
