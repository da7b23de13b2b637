"""What the thread pool does, for ThreadSanitizer (make tsan): shared operations, several callers, changes of the limit, forks."""
from __future__ import annotations

import os
import threading
import time

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
    threads = [threading.Thread(target=everything, args=(k,)) for k in range(3)] + [
        threading.Thread(target=train), threading.Thread(target=short_products)]
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
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    print("done")


if __name__ == "__main__":
    main()
