"""What each rank runs: mpirun -n N python ranks.py CASE. A rank that finds something wrong ends all of them."""
import datetime
import hashlib
import os
import signal
import sys
import time

import numpy as np

import tinygrad_c as torch
import tinygrad_c.distributed as dist
from tinygrad_c import nn, optim

F = nn.functional


def collectives(rank, size):
    x = torch.arange(3.0) + rank
    dist.all_reduce(x)
    assert x.tolist() == [sum(range(size)) + i * size for i in range(3)]
    for op, expected in (("MAX", size), ("MIN", 1), ("PRODUCT", int(np.prod(range(1, size + 1)))), ("BOR", int(np.bitwise_or.reduce(range(1, size + 1))))):
        y = torch.tensor([rank + 1])
        dist.all_reduce(y, getattr(dist.ReduceOp, op))
        assert y.item() == expected, op
    z = torch.tensor(float(rank), dtype=torch.float64)      # 0-d
    dist.all_reduce(z, dist.ReduceOp.AVG)
    assert z.item() == (size - 1) / 2
    work = dist.all_reduce(x := torch.ones(5), async_op=True)
    assert work.wait()
    assert work.is_completed()
    assert x.tolist() == [size] * 5
    b = torch.full((2, 2), float(rank))
    dist.broadcast(b, src=size - 1)
    assert (b == size - 1).all()
    flags = torch.tensor([rank == 0, True])
    dist.broadcast(flags, 0)
    assert flags.tolist() == [True, True]
    parts = [torch.zeros(2) for _ in range(size)]
    dist.all_gather(parts, torch.full((2,), float(rank)))
    assert [p[0].item() for p in parts] == list(range(size))
    out = torch.zeros(size, 2)
    dist.all_gather_into_tensor(out, torch.full((2,), float(rank)))
    assert out[:, 1].tolist() == list(range(size))
    r = torch.ones(2)
    dist.reduce(r, dst=1)
    assert r.tolist() == ([size] * 2 if rank == 1 else [1, 1])
    g = [torch.zeros(1) for _ in range(size)] if rank == 0 else None
    dist.gather(torch.tensor([float(rank)]), g, dst=0)
    assert g is None or [t.item() for t in g] == list(range(size))
    s = torch.zeros(2)
    dist.scatter(s, [torch.full((2,), 10.0 * i) for i in range(size)] if rank == 0 else None, src=0)
    assert s.tolist() == [10.0 * rank] * 2
    rs = torch.zeros(1)
    dist.reduce_scatter_tensor(rs, torch.arange(float(size)))
    assert rs.item() == rank * size
    if rank == 0:
        dist.send(torch.arange(4), dst=1)
    elif rank == 1:
        m = torch.zeros(4, dtype=torch.int64)
        memory = m.data_ptr()
        assert dist.recv(m, src=0) == 0
        assert m.tolist() == [0, 1, 2, 3]
        assert m.data_ptr() == memory
    objects = [None] * size
    dist.all_gather_object(objects, {"rank": rank})
    assert [o["rank"] for o in objects] == list(range(size))
    names = ["first"] if rank == 0 else [None]
    dist.broadcast_object_list(names)
    assert names == ["first"]
    pair = dist.new_group([0, 1])
    if rank < 2:
        t = torch.ones(1)
        dist.all_reduce(t, group=pair)
        assert t.item() == 2
        assert dist.get_world_size(pair) == 2
    else:
        assert pair is None
    # What is written counts for the tape: w was saved for the gradient of v * w.
    v, w = torch.ones(2, requires_grad=True), torch.ones(2)
    y = (v * w).sum()
    dist.all_reduce(w)
    try:
        y.backward()
        raise AssertionError("backward through an overwritten tensor")
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
    for call, kind, words in (
            (lambda: dist.all_reduce(torch.ones(2, 3).t()), ValueError, "must be contiguous"),
            (lambda: dist.all_reduce([1.0]), TypeError, "Expected parameter `tensor` of type torch.Tensor"),
            (lambda: dist.broadcast(torch.ones(1), src=size), ValueError, "no rank"),
            (lambda: dist.all_reduce(torch.ones(1), dist.ReduceOp.BAND), RuntimeError, "floating point"),
            (lambda: dist.init_process_group("mpi"), ValueError, "twice"),
            (lambda: dist.all_gather([], torch.ones(1)), ValueError, "one for each")):
        try:
            call()
            raise AssertionError(words)
        except kind as error:
            assert words in str(error), error
    dist.barrier()


def data(rows=24):
    generator = np.random.default_rng(0)
    return torch.from_numpy(generator.normal(size=(rows, 5))), torch.from_numpy(generator.integers(0, 3, rows))


def net(unused=False):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(5, 7), nn.Linear(7, 3)
            self.skip = nn.Linear(5, 3) if unused else None

        def forward(self, x, use=False):
            h = self.b(self.a(x).tanh())
            return h + self.skip(x) if use else h
    return Net().double()


def weights(module):
    return np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])


def same_bits(module):
    digests = [None] * dist.get_world_size()
    dist.all_gather_object(digests, hashlib.sha256(weights(module).tobytes()).hexdigest())
    assert len(set(digests)) == 1, digests


def training(rank, size):
    """The weights of one process on all rows, to 1e-6 (1e-12 here, in double), and to the bit on all ranks."""
    X, y = data()
    torch.manual_seed(rank)         # rank 0's weights count
    model = nn.parallel.DistributedDataParallel(net())
    same_bits(model)
    torch.manual_seed(0)
    alone = net()
    assert (weights(alone) == weights(model.module)).all()
    for make in (lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.Adam(p, lr=0.01)):
        ours, theirs = make(model.parameters()), make(alone.parameters())
        for step in range(6):
            theirs.zero_grad()
            F.cross_entropy(alone(X), y).backward()
            theirs.step()
            ours.zero_grad()
            if step % 2:            # two parts of the rows, the first without an exchange
                mine = slice(rank, None, size)
                half = len(X[mine]) // 2
                with model.no_sync():
                    (F.cross_entropy(model(X[mine][:half]), y[mine][:half], reduction="sum") / len(X[mine])).backward()
                (F.cross_entropy(model(X[mine][half:]), y[mine][half:], reduction="sum") / len(X[mine])).backward()
            else:
                F.cross_entropy(model(X[rank::size]), y[rank::size]).backward()
            ours.step()
        np.testing.assert_allclose(weights(model), weights(alone), rtol=1e-9, atol=1e-12)
        same_bits(model)


def float32_training(rank, size):
    X, y = data(48)
    X = X.float()
    torch.manual_seed(0)
    model, alone = nn.parallel.DistributedDataParallel(net().float()), net().float()
    alone.load_state_dict(model.module.state_dict())
    ours, theirs = optim.SGD(model.parameters(), lr=0.1), optim.SGD(alone.parameters(), lr=0.1)
    for _ in range(10):
        for optimizer, loss in ((ours, F.cross_entropy(model(X[rank::size]), y[rank::size])), (theirs, F.cross_entropy(alone(X), y))):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    np.testing.assert_allclose(weights(model), weights(alone), atol=1e-6)
    same_bits(model)


def unused(rank, size):
    X, y = data()
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(net(unused=True), find_unused_parameters=True)
    F.cross_entropy(model(X, use=rank == 1), y).backward()
    assert model.module.skip.weight.grad is not None            # rank 1's, halved or so
    mine = torch.zeros_like(model.module.skip.weight.grad)
    mine.copy_(model.module.skip.weight.grad)
    other = mine.clone()
    dist.broadcast(other, 1)
    assert (mine == other).all()
    model.zero_grad()
    F.cross_entropy(model(X), y).backward()
    assert model.module.skip.weight.grad is None                 # used by none
    out = F.cross_entropy(model(X), y)
    out.backward(retain_graph=True)
    try:
        out.backward()
        raise AssertionError("two backward passes after one forward pass")
    except RuntimeError as error:
        assert "Expected to mark a variable ready only once" in str(error)
    plain = nn.parallel.DistributedDataParallel(net(unused=True))
    F.cross_entropy(plain(X), y).backward()
    try:
        plain(X)
        raise AssertionError("unused parameters were not told")
    except RuntimeError as error:
        assert "Expected to have finished reduction" in str(error)
        assert "skip.weight, skip.bias" in str(error)


def buffers(rank, size):
    torch.manual_seed(rank)
    model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)))
    X = torch.randn(8, 5)
    model(X).sum().backward()
    model(X)        # begins with rank 0's statistics
    mean = model.module[1].running_mean.clone()
    first = mean.clone()
    dist.broadcast(first, 0)
    assert rank == 0 or not torch.equal(mean, first)        # each rank's own rows have gone into it since
    assert sorted(model.state_dict()) == sorted("module." + name for name in model.module.state_dict())


def local_sgd(rank, size):
    """Averaging every 3 steps: the mean of the weights of the ranks when they are trained alone."""
    from tinygrad_c.distributed.algorithms.model_averaging.averagers import PeriodicModelAverager
    from tinygrad_c.distributed.optim import PostLocalSGDOptimizer
    X, y = data()
    torch.manual_seed(0)
    model = net()
    averager = PeriodicModelAverager(period=3, warmup_steps=0)
    optimizer = PostLocalSGDOptimizer(optim.SGD(model.parameters(), lr=0.1), averager)
    others = []
    for _ in range(size):
        each = net()
        each.load_state_dict(model.state_dict())
        others.append((each, optim.SGD(each.parameters(), lr=0.1)))
    for step in range(7):
        optimizer.zero_grad()
        F.cross_entropy(model(X[rank::size]), y[rank::size]).backward()
        optimizer.step()
        for r, (each, own) in enumerate(others):
            own.zero_grad()
            F.cross_entropy(each(X[r::size]), y[r::size]).backward()
            own.step()
        if step % 3 == 0:
            same_bits(model)
            with torch.no_grad():
                for group in zip(*(each.parameters() for each, _ in others)):
                    mean = sum(p.detach() for p in group) / size
                    for p in group:
                        p.copy_(mean)
        np.testing.assert_allclose(weights(model), weights(others[rank][0]), rtol=1e-9)
    assert optimizer.state_dict()["step"] == 7


def good(rank, size):
    for case in (collectives, training, float32_training, unused, buffers, local_sgd):
        case(rank, size)


def shapes(rank, size):
    dist.all_reduce(torch.ones(3 + (rank == 1)))


def operations(rank, size):
    if rank:
        dist.all_reduce(torch.ones(3))
    else:
        dist.broadcast(torch.ones(3))


def models(rank, size):
    nn.parallel.DistributedDataParallel(nn.Linear(3 + rank, 1))


def raises(rank, size):
    if rank == 1:
        raise ValueError("a bad row")
    dist.all_reduce(torch.ones(3))


def killed(rank, size):
    if rank == 1:
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    dist.all_reduce(torch.ones(3))


def absent(rank, size):
    if rank == 1:
        time.sleep(60)
    dist.all_reduce(torch.ones(3))


def lengths(rank, size):
    if rank:
        dist.recv(torch.zeros(4), src=0)
    else:
        dist.send(torch.zeros(3), dst=1)


if __name__ == "__main__":
    name = sys.argv[1]
    dist.init_process_group("mpi", timeout=datetime.timedelta(seconds=2 if name == "absent" else 120))
    globals()[name](dist.get_rank(), dist.get_world_size())
    print(f"rank {dist.get_rank()} of {dist.get_world_size()}: {name} is right", flush=True)
    dist.destroy_process_group()
    assert not dist.is_initialized()
