"""Threads, processes and other libraries: nothing hangs, nothing differs, nothing dies. Each in a process of its own."""
from __future__ import annotations

import os
import subprocess
import sys

import pytest
from samples import paths

TRAIN = """
import sys
import numpy as np
import tinygrad_c
from tinygrad_c import nn

def trained(seed, steps=30, width=64):
    tinygrad_c.manual_seed(seed) if seed >= 0 else None
    g = np.random.default_rng(abs(seed))
    x = tinygrad_c.from_numpy(g.standard_normal((512, 32)).astype("f4"))
    y = tinygrad_c.from_numpy(g.integers(0, 5, 512))
    net = nn.Sequential(nn.Linear(32, width), nn.Tanh(), nn.Linear(width, 5))
    for p in net.parameters():
        with tinygrad_c.no_grad():
            p.copy_(tinygrad_c.from_numpy(g.standard_normal(p.shape).astype("f4") * 0.2))
    opt = tinygrad_c.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
    return b"".join(p.detach().numpy().tobytes() for p in net.parameters())
"""


def run(code: str, *, threads: int | None = 2, timeout: float = 60, status: int = 0, **environment: str) -> str:
    """What the code prints, in a new process that ends by itself with this status."""
    env = paths.environment(**environment)
    if threads:
        env["TINYGRAD_C_NUM_THREADS"] = str(threads)
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", TRAIN + code], capture_output=True, text=True,
                          timeout=timeout, env=env)
    assert done.returncode == status, (done.returncode, done.stderr[-3000:])
    return done.stdout


@pytest.fixture(scope="module")
def digest() -> str:
    return run("import hashlib; print(hashlib.sha256(trained(3, width=300)).hexdigest())", threads=1)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_same_bits_for_any_number_of_threads(digest, threads):
    assert run("import hashlib; print(hashlib.sha256(trained(3, width=300)).hexdigest())", threads=threads) == digest


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
@pytest.mark.parametrize(("pause", "shared"), [(0, True), (0.002, False)], ids=["without a pause", "with pauses"])
def test_short_products_are_shared_only_where_they_take_most_of_the_time(pause, shared):
    """A product of 20 to 40 microseconds: as soon as one is shared, the process has one thread more."""
    assert run(f"""
import os, time
def threads():
    return len(os.listdir("/proc/self/task"))
def seconds(a):         # on one thread
    begin = time.perf_counter()
    for _ in range(20):
        a @ a
    return (time.perf_counter() - begin) / 20
tinygrad_c.set_num_threads(1)
n = next(n for n in (160, 128, 112, 96, 80, 64) if min(seconds(tinygrad_c.ones(n, n)) for _ in range(5)) < 40e-6)
tinygrad_c.set_num_threads(2)
a = tinygrad_c.ones(n, n)
before, end = threads(), time.monotonic() + 10
for _ in range(100000 if {shared} else 300):
    b = a @ a
    time.sleep({pause}) if {pause} else None
    if threads() > before or time.monotonic() > end:
        break
assert (b == n).all()
print(threads() - before)
""") == f"{int(shared)}\n"


def test_results_of_short_products_that_are_shared():
    """The same bits while threads come, go to sleep and come again."""
    run("""
import time
pairs = [(tinygrad_c.randn(m, k), tinygrad_c.randn(k, n)) for m, k, n in ((100, 90, 110), (128, 256, 5), (64, 150, 150))]
tinygrad_c.set_num_threads(1)
expected = [(a @ b).numpy().tobytes() for a, b in pairs]
for threads in (2, 3, 2):
    tinygrad_c.set_num_threads(threads)
    for _ in range(5):
        for (a, b), bits in zip(pairs, expected):
            for _ in range(300):
                assert (a @ b).numpy().tobytes() == bits
        time.sleep(0.001)
""")


def test_models_trained_in_several_threads_at_once():
    """Each comes to what it comes to alone; and inference on one shared model gives the same everywhere."""
    assert run("""
import threading
alone = {seed: trained(-seed) for seed in (1, 2, 3, 4)}
for _ in range(3):
    found = {}
    threads = [threading.Thread(target=lambda s=s: found.update({s: trained(-s)})) for s in alone]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert found == alone
net = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 8)).eval()
x = tinygrad_c.randn(1000, 64)
with tinygrad_c.no_grad():
    expected = net(x).numpy().tobytes()
wrong = []
def infer():
    for _ in range(20):
        with tinygrad_c.no_grad():
            if net(x).numpy().tobytes() != expected:
                wrong.append(1)
threads = [threading.Thread(target=infer) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(len(wrong))
""") == "0\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_after_training_and_training_in_the_child():
    """torch 2.13 hangs here once it has used threads."""
    assert run("""
import os
before = trained(-5, width=400)
for generation in range(3):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"same" if trained(-5, width=400) == before else b"else")
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if trained(-5, width=400) == before else 1)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
    assert trained(-5, width=400) == before
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print(os.read(read, 4).decode())
""") == "same\n" * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_while_another_thread_computes():
    assert run("""
import os, threading
stop = False
def compute():
    x = tinygrad_c.ones(400, 400)
    while not stop:
        x @ x
thread = threading.Thread(target=compute)
thread.start()
before = trained(-5)
for _ in range(30):
    child = os.fork()
    if child == 0:
        os._exit(0 if trained(-5, 3) and tinygrad_c.ones(300, 300).matmul(tinygrad_c.ones(300, 300)).sum().item() == 300 ** 3 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
stop = True
thread.join()
print("done")
""") == "done\n"


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing(tmp_path, method):
    (tmp_path / "work.py").write_text(TRAIN + """
def net_and_input(pair):
    net, x = pair
    return net(x).detach(), tinygrad_c.get_num_threads()
""")
    assert run(f"""
sys.path.insert(0, {str(tmp_path)!r})
import multiprocessing
import work
if __name__ == "__main__":
    here = [work.trained(-s, 10) for s in range(1, 5)]
    net, x = nn.Linear(4, 2), tinygrad_c.ones(3, 4)
    context = multiprocessing.get_context({method!r})
    with context.Pool(2) as pool:
        assert pool.starmap(work.trained, [(-s, 10) for s in range(1, 5)]) == here
        out, _ = pool.map(work.net_and_input, [(net, x)])[0]
    assert (out == net(x)).all()
    print("same")
""") == "same\n"


def test_joblib(tmp_path):
    pytest.importorskip("joblib")
    (tmp_path / "work.py").write_text(TRAIN)
    assert run(f"""
sys.path.insert(0, {str(tmp_path)!r})
from joblib import Parallel, delayed
import work
here = [work.trained(-s, 10) for s in range(1, 5)]
assert Parallel(n_jobs=2)(delayed(work.trained)(-s, 10) for s in range(1, 5)) == here
assert Parallel(n_jobs=2, backend="threading")(delayed(work.trained)(-s, 10) for s in range(1, 5)) == here
print("same")
""", PYTHONDONTWRITEBYTECODE="1") == "same\n"


@pytest.mark.parametrize(("first", "then"), [("torch", "sklearn.linear_model"), ("sklearn.linear_model", "torch")])
def test_beside_torch_and_scikit_learn(first, then, digest):
    """Whichever is imported before and after, and used in between."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    code = TRAIN.replace("import tinygrad_c\n", f"import {first}\nimport tinygrad_c\nimport {then}\nimport torch\n"
                         "from sklearn.linear_model import LogisticRegression\n")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code + """
import hashlib
(torch.ones(500, 500) @ torch.ones(500, 500)).sum()
a = hashlib.sha256(trained(3, width=300)).hexdigest()
LogisticRegression().fit(np.random.default_rng(0).normal(size=(200, 3)), np.arange(200) % 2)
(torch.ones(500, 500) @ torch.ones(500, 500)).sum()
assert a == hashlib.sha256(trained(3, width=300)).hexdigest()
print(a)
"""], capture_output=True, text=True, timeout=120, env=paths.environment(TINYGRAD_C_NUM_THREADS="2"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == digest


def test_other_threads_go_on_during_a_long_kernel():
    assert run("""
import threading, time
x = tinygrad_c.ones(1500, 1500)
ticks, stop = [], False
def tick():
    while not stop:
        ticks.append(time.perf_counter())
        time.sleep(0.001)
thread = threading.Thread(target=tick)
thread.start()
time.sleep(0.05)
start = time.perf_counter()
x @ x @ x @ x
end = time.perf_counter()
stop = True
thread.join()
during = [t for t in ticks if start <= t <= end]
print(len(during) > 3 or end - start < 0.02)
""") == "True\n"


def test_a_daemon_thread_that_computes_at_exit():
    """torch 2.13 aborts here."""
    for _ in range(3):
        assert run("""
import threading, time
def compute():
    x = tinygrad_c.ones(300, 300, requires_grad=True)
    while True:
        (x @ x).tanh().sum().backward()
threading.Thread(target=compute, daemon=True).start()
threading.Thread(target=compute, daemon=True).start()
time.sleep(0.2)
print("end")
""") == "end\n"


@pytest.mark.parametrize("enabled", [True, False])
def test_free_threaded_python_without_its_lock_is_refused(enabled):
    """As under PYTHON_GIL=0, which such an interpreter obeys even where a module needs the lock."""
    done = subprocess.run([sys.executable, "-c", f"import sys\nsys._is_gil_enabled = lambda: {enabled}\nimport tinygrad_c"],
                          capture_output=True, text=True, env=paths.environment())
    assert (done.returncode == 0) == enabled
    assert enabled or "ImportError: tinygrad_c needs Python's lock" in done.stderr


def test_exit_from_within_a_hook():
    assert run("""
x = tinygrad_c.ones(3, requires_grad=True)
y = x * 2
y.register_hook(lambda g: sys.exit(7))
y.sum().backward()
""", status=7) == ""


def test_a_read_only_map_and_the_smallest_integer_divided_by_minus_one(tmp_path):
    """torch 2.13 dies of either."""
    assert run(f"""
path = {str(tmp_path / "numbers")!r}
np.ones(1000, "f4").tofile(path)
x = tinygrad_c.from_numpy(np.memmap(path, "f4", "r"))
for write in (lambda: x.add_(1), lambda: x.zero_(), lambda: x.__setitem__(0, 5.0), lambda: x[3:].mul_(2), lambda: x.view(10, 100).fill_(3),
              lambda: x.copy_(x * 2), lambda: tinygrad_c.nn.init.zeros_(x)):
    try:
        write()
        print("written")
    except (RuntimeError, ValueError) as error:
        assert "read-only" in str(error), error
assert x.sum().item() == 1000
for dtype in (tinygrad_c.int64, tinygrad_c.int32):
    low = tinygrad_c.tensor([-2 ** (63 if dtype == tinygrad_c.int64 else 31)], dtype=dtype)
    one = tinygrad_c.tensor([-1], dtype=dtype)
    zero = tinygrad_c.tensor([0], dtype=dtype)
    for a in (low, one, zero):
        for b in (one, zero, -1, 0):
            for name in ("__floordiv__", "__mod__", "floor_divide", "remainder", "fmod", "__truediv__", "bitwise_left_shift", "gcd"):
                f = getattr(a, name, None)
                try:
                    f and f(b)
                except (RuntimeError, ZeroDivisionError, TypeError):
                    pass
    abs(low), -low, low * -1, low ** 3
print("alive")
""") == "alive\n"


def test_depth_length_and_leaks():
    """A short form of jobs/endurance.py (make endurance)."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    from jobs import endurance
    endurance.main(["--ops", "50000", "--steps", "2000", "--trainings", "30"])
