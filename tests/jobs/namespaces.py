"""A Dask cluster on two hosts, as two network namespaces: the bits of one process, also when the connection to a host is lost.

    python tests/jobs/namespaces.py         # as root, on Linux, with dask and distributed installed

The scheduler, a worker and this program's client are on host A, the other worker on host B. The namespaces are removed at the end.
"""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings

A, B = "tgc-a", "tgc-b"
SCHEDULER = "10.81.0.1:8786"


def ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=not check)


def host(name: str, *command: str, **more: object) -> subprocess.Popen:
    return subprocess.Popen(["ip", "netns", "exec", name, *command], start_new_session=True, **more)


def client() -> None:
    """On host A: fits in one process, on both hosts, and on both of which one is lost."""
    import joblib
    from distributed import Client
    from sklearn.datasets import load_iris
    from sklearn.ensemble import BaggingClassifier

    from tinygrad_c.sklearn import MLPClassifier

    warnings.simplefilter("ignore")
    X, y = load_iris(return_X_y=True)

    def bits(X, y, members: int = 8) -> list[bytes]:
        net = BaggingClassifier(MLPClassifier((8,), dropout=0.2, max_iter=60, random_state=0), n_estimators=members, random_state=1,
                                n_jobs=4).fit(X, y)
        return [w.tobytes() for e in net.estimators_ for w in e.coefs_]

    with joblib.parallel_config("sequential"):
        expected, reversed_ = bits(X, y), bits(X[::-1].copy(), y[::-1].copy())
    with Client(SCHEDULER, timeout=120) as cluster:
        cluster.wait_for_workers(2, timeout=120)
        print("workers at", sorted(w.rpartition(":")[0] for w in cluster.scheduler_info()["workers"]), flush=True)
        with joblib.parallel_config("dask", scatter=[X, y]):
            assert bits(X, y) == expected
        print("two hosts: the bits of one process", flush=True)
    # Other data and another client: those of the first ones are being forgotten meanwhile.
    X, y = X[::-1].copy(), y[::-1].copy()
    with Client(SCHEDULER, timeout=120) as cluster:
        cluster.wait_for_workers(2, timeout=120)
        cutting = threading.Timer(0.2, subprocess.run, [["ip", "-n", B, "link", "set", "tgc-vb", "down"]])
        cutting.start()
        begin = time.monotonic()
        with joblib.parallel_config("dask", scatter=[X, y]):
            assert bits(X, y) == reversed_
        cutting.join()
        print(f"the connection to one host lost: the bits of one process, after {time.monotonic() - begin:.1f} s", flush=True)


def main() -> int:
    if "--client" in sys.argv:
        client()
        return 0
    started = []
    for name in (A, B):
        ip("netns", "del", name, check=False)
    try:
        for name in (A, B):
            ip("netns", "add", name)
        ip("link", "add", "tgc-va", "netns", A, "type", "veth", "peer", "name", "tgc-vb", "netns", B)
        for name, link, address in ((A, "tgc-va", "10.81.0.1/24"), (B, "tgc-vb", "10.81.0.2/24")):
            ip("-n", name, "address", "add", address, "dev", link)
            ip("-n", name, "link", "set", link, "up")
            ip("-n", name, "link", "set", "lo", "up")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
                 "env": {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s"}}
        python = [sys.executable, "-m"]
        started.append(host(A, *python, "distributed.cli.dask_scheduler", "--host", "10.81.0.1", "--port", "8786",
                            "--no-dashboard", **quiet))
        time.sleep(2)
        for name, address in ((A, "10.81.0.1"), (B, "10.81.0.2")):
            started.append(host(name, *python, "distributed.cli.dask_worker", SCHEDULER, "--host", address, "--nthreads", "1",
                                "--no-dashboard", **quiet))
        return host(A, sys.executable, __file__, "--client").wait(timeout=400)
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for name in (A, B):
            ip("netns", "del", name, check=False)


if __name__ == "__main__":
    sys.exit(main())
