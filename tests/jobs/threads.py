"""What the thread pool does, for ThreadSanitizer (make tsan): shared operations, several callers, changes of the limit, programs,
many nets at once, forks."""
from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import tinygrad_c
from tinygrad_c import nn, optim


def everything(seed: int, rounds: int = 3) -> None:
    g = tinygrad_c.Generator().manual_seed(seed)
    x = tinygrad_c.randn(400, 300, generator=g).requires_grad_()
    w = tinygrad_c.randn(300, 200, generator=g).requires_grad_()
    labels = tinygrad_c.randint(0, 200, (400,), generator=g)
    for _ in range(rounds):
        h = (x @ w).tanh()
        loss = nn.functional.cross_entropy(h, labels) + h.softmax(1).std() + h.sum(0).norm() + h.max(1).values.mean()
        loss = loss + h[labels].mean() + h.t().contiguous().cumsum(0).mean() + (h * h.mean(0)).sum() * 1e-3
        loss.backward()
        x.grad = w.grad = None
        nn.functional.dropout(h, 0.5)


def train() -> None:
    net = nn.Sequential(nn.Linear(200, 300), nn.ReLU(), nn.Linear(300, 10))
    opt = optim.Adam(net.parameters())
    for _ in range(5):
        opt.zero_grad()
        nn.functional.cross_entropy(net(tinygrad_c.randn(256, 200)), tinygrad_c.randint(0, 10, (256,))).backward()
        opt.step()


def step_of(seed: int, width: int) -> Callable:
    g = tinygrad_c.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(20, width), nn.ReLU(), nn.Linear(width, 3))
    with tinygrad_c.no_grad():
        for p in net.parameters():
            p.copy_(tinygrad_c.randn(p.shape, generator=g) / 4)
    opt = optim.Adam(net.parameters())

    @tinygrad_c.compile
    def step(x, y):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        return loss
    return step


def programs(threads: int = 4) -> None:
    """Small nets side by side, and one whose products are shared; losses are those of one thread."""
    g = tinygrad_c.Generator().manual_seed(1)
    x, y = tinygrad_c.randn(640, 20, generator=g), tinygrad_c.randint(0, 3, (640,), generator=g)
    found = []
    for number in (1, threads):
        steps = [step_of(seed, 8 + seed) for seed in range(12)] + [step_of(99, 2000)]
        losses = tinygrad_c.train_many(steps, x, y, batch_size=20, shuffle=True, epochs=3, num_threads=number,
                                       generator=tinygrad_c.Generator().manual_seed(2))
        found.append([loss.tolist() for loss in losses])
    assert found[0] == found[1]
    step = step_of(5, 3000)
    for _ in range(3):
        step.epochs(x, y, batch_size=64)
        step(x[:64], y[:64])


def modules() -> None:
    """One compiled module that several threads use: who comes second is eager. Gradients are those of one thread."""
    net = nn.Sequential(nn.Linear(20, 60), nn.ReLU(), nn.Linear(60, 3))
    model, x = tinygrad_c.compile(net), tinygrad_c.randn(32, 20)

    def gradients() -> list:
        return [g.tolist() for g in tinygrad_c.autograd.grad(model(x).square().sum(), list(net.parameters()))]
    expected, differ = gradients(), []

    def work() -> None:
        for _ in range(30):
            if gradients() != expected:
                differ.append(1)
    others = [threading.Thread(target=work) for _ in range(3)]
    for each in others:
        each.start()
    for each in others:
        each.join()
    assert not differ


def short_products() -> None:
    """Nothing but products of some 20 microseconds, so that they are shared, with a pause now and then."""
    a, b = tinygrad_c.randn(128, 256), tinygrad_c.randn(256, 60)
    for n in range(1000):
        a @ b
        if n % 200 == 199:
            time.sleep(0.001)


def main() -> None:
    tinygrad_c.set_num_threads(4)
    short_products()
    everything(1)
    train()
    programs()
    modules()
    threads = [threading.Thread(target=everything, args=(k,)) for k in range(3)] + [
        threading.Thread(target=target) for target in (train, short_products, programs, programs, modules)]
    for thread in threads:
        thread.start()
    for n in (1, 4, 2, 3) * 5:
        tinygrad_c.set_num_threads(n)
        everything(9, 1)
    for thread in threads:
        thread.join()
    if "libtsan" not in os.environ.get("LD_PRELOAD", ""):      # which cannot follow a fork that has threads
        child = os.fork()
        if child == 0:
            everything(2, 1)
            programs()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    print("done")


if __name__ == "__main__":
    main()
