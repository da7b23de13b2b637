"""Estimators in several processes and threads: the bits of one process, one thread for each, nothing shared that may be changed."""
import os
import signal
import threading
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")
joblib = pytest.importorskip("joblib")

from samples import paths  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.ensemble import BaggingClassifier  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_validate  # noqa: E402

import tinygrad_c  # noqa: E402
from tinygrad_c.sklearn import MLPClassifier, TableClassifier  # noqa: E402
from tinygrad_c.tables.concurrent import shared_cores  # noqa: E402

X, Y = load_iris(return_X_y=True)


def digest():
    """Scores and bits of a grid search, an ensemble and cross-validated tables; dropout draws from the global stream."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grid = GridSearchCV(MLPClassifier((8,), dropout=0.2, max_iter=5, random_state=0), {"alpha": [1e-4, 1e-1]}, cv=2).fit(X, Y)
        bag = BaggingClassifier(MLPClassifier((8,), dropout=0.2, max_iter=20), n_estimators=6, random_state=1).fit(X, Y)
        folds = cross_validate(TableClassifier("quick", max_iter=3), X, Y, cv=2, return_estimator=True)
    return [grid.cv_results_["mean_test_score"].tolist(), [w.tobytes() for e in bag.estimators_ for w in e.coefs_],
            [e.predict_proba(X).tobytes() for e in folds["estimator"]]]


@pytest.fixture(scope="module")
def alone():
    return digest()


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """Workers import what this process imports."""
    monkeypatch.setenv("PYTHONPATH", paths.environment()["PYTHONPATH"])


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_joblib_gives_the_bits_of_one_process(alone, backend):
    with joblib.parallel_config(backend, n_jobs=2):
        assert digest() == alone


def test_workers_share_the_cores():
    cores = joblib.cpu_count()
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(tinygrad_c.get_num_threads)() for _ in range(2))
    assert found == [max(1, cores // 2)] * 2
    with joblib.parallel_config("loky", inner_max_num_threads=3):
        assert joblib.Parallel(n_jobs=2)(joblib.delayed(tinygrad_c.get_num_threads)() for _ in range(2)) == [3, 3]


def test_dask_gives_the_bits_of_one_process_also_when_a_worker_is_killed(alone):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, \
            distributed.Client(cluster) as client:
        assert set(client.run(tinygrad_c.get_num_threads).values()) == {1}
        victim = next(iter(client.run(os.getpid).values()))
        timer = threading.Timer(0.3, os.kill, (victim, signal.SIGKILL))
        timer.start()
        with joblib.parallel_config("dask", scatter=[X, Y]):        # on every worker, so that none has the only copy
            assert digest() == alone
        timer.join()
        assert victim not in client.run(os.getpid).values()


def test_an_estimator_leaves_the_random_stream_and_the_threads_as_they_were():
    tinygrad_c.manual_seed(3)
    before = tinygrad_c.get_num_threads()
    expected = tinygrad_c.rand(2).tolist()
    tinygrad_c.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MLPClassifier((4,), dropout=0.5, max_iter=2).fit(X, Y)
    TableClassifier("quick", max_iter=2, n_threads=before + 1).fit(X, Y)
    assert tinygrad_c.rand(2).tolist() == expected
    assert tinygrad_c.get_num_threads() == before


def test_trainings_at_once_divide_the_threads():
    before = tinygrad_c.get_num_threads()
    try:
        tinygrad_c.set_num_threads(4)
        with shared_cores():
            assert tinygrad_c.get_num_threads() == 4
            with shared_cores():
                assert tinygrad_c.get_num_threads() == 2
                with shared_cores(1):
                    assert tinygrad_c.get_num_threads() == 1
                assert tinygrad_c.get_num_threads() == 2
            tinygrad_c.set_num_threads(3)       # the user's own number stays
        assert tinygrad_c.get_num_threads() == 3
    finally:
        tinygrad_c.set_num_threads(before)


@pytest.mark.parametrize(("value", "expected"), [("3", 3), ("2,4", 2), ("", None), ("all", None), ("0", None)])
def test_omp_num_threads_is_the_default(monkeypatch, value, expected):
    from tinygrad_c.kernels.runtime.threads import default_num_threads

    monkeypatch.delenv("TINYGRAD_C_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = default_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert default_num_threads() == (expected or cores)
    monkeypatch.setenv("TINYGRAD_C_NUM_THREADS", "5")
    assert default_num_threads() == 5


def test_members_are_trained_in_threads_with_the_numbers_that_they_draw_alone():
    def net(seed):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = MLPClassifier((8,), dropout=0.3, max_iter=10, random_state=seed).fit(X, Y)
        return np.concatenate([w.ravel() for w in fitted.coefs_]).tobytes()

    expected = [net(seed) for seed in range(6)]
    assert joblib.Parallel(n_jobs=3, backend="threading")(joblib.delayed(net)(seed) for seed in range(6)) == expected
