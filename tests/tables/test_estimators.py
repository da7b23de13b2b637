"""The estimators within scikit-learn: its checks, its tools, and the same numbers as its own MLP."""
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
pandas = pytest.importorskip("pandas")

import joblib  # noqa: E402
from sklearn import base, calibration, compose, datasets, inspection, model_selection, neural_network, pipeline, preprocessing  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

import tinygrad_c.sklearn.core  # noqa: E402
from tinygrad_c.sklearn import MLPClassifier, MLPRegressor, TableClassifier, TableRegressor, load  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS = datasets.load_iris(return_X_y=True)
DIABETES = datasets.load_diabetes(return_X_y=True)
QUICK = {"effort": "quick", "max_iter": 30, "n_threads": 1}
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0}


@pytest.mark.parametrize("estimator", [MLPClassifier(), MLPRegressor(), TableClassifier(**QUICK), TableRegressor(**QUICK)],
                         ids=lambda e: type(e).__name__)
def test_check_estimator(estimator):
    """Without one expected failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_fail=None)
    failed = [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")]
    assert failed == []
    assert len(results) > 50


@pytest.mark.parametrize("settings", [
    {}, {"solver": "sgd", "learning_rate_init": 0.05}, {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.2}, {"activation": "tanh", "alpha": 0.1},
    {"activation": "logistic"}, {"early_stopping": True}, {"batch_size": 16}, {"solver": "sgd", "nesterovs_momentum": False},
    {"shuffle": False, "batch_size": 32}, {"activation": "identity"},
], ids=str)
@pytest.mark.parametrize("kind", ["classes", "two classes", "quantity"])
def test_the_numbers_of_scikit_learn(settings, kind):
    """The same random numbers, the same steps: loss curves equal to 1e-6."""
    X, y = IRIS if kind != "quantity" else (DIABETES[0] * 10, DIABETES[1] / 100)
    if kind == "two classes":
        X, y = X[:100], y[:100]
    ours, theirs = (MLPRegressor, neural_network.MLPRegressor) if kind == "quantity" else (MLPClassifier, neural_network.MLPClassifier)
    given = {"hidden_layer_sizes": (7, 5), "max_iter": 25, "random_state": 3, **settings}
    a, b = ours(**given).fit(X, y), theirs(**given).fit(X, y)
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-6)
    assert a.n_iter_ == b.n_iter_
    for c, d in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_):
        np.testing.assert_allclose(c, d, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(a.predict_proba(X) if kind != "quantity" else a.predict(X),
                               b.predict_proba(X) if kind != "quantity" else b.predict(X), rtol=1e-4, atol=1e-6)


REPLAYED = [("relu", "adam", "squared_error"), ("tanh", "adam", "poisson"), ("logistic", "sgd", "huber"), ("gelu", "adam", "smooth_l1"),
            ("silu", "sgd", "absolute_error"), ("selu", "adam", "log_loss"), ("leaky_relu", "adam", "log_loss"), ("elu", "sgd", "log_loss"),
            ("softplus", "adam", "two classes"), ("mish", "sgd", "log_loss"), ("identity", "adam", "log_loss"), ("relu", "sgd", "two classes")]


@pytest.mark.parametrize(("activation", "solver", "loss"), REPLAYED, ids=str)
def test_a_replayed_step_gives_the_same_bits(activation, solver, loss, monkeypatch):
    X, y = IRIS if loss == "log_loss" else (IRIS[0][:100], IRIS[1][:100]) if loss == "two classes" else (IRIS[0], IRIS[1] + 0.5)
    kind = MLPRegressor if loss not in ("log_loss", "two classes") else MLPClassifier
    given = {"activation": activation, "solver": solver, "hidden_layer_sizes": (7, 5), "max_iter": 6, "batch_size": 16, "random_state": 0,
             **({"loss": loss} if kind is MLPRegressor else {})}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=r"compile\(\)")
        replayed = kind(**given).fit(X, y)
    assert len(replayed._members[0].compiled.ready) == 1
    monkeypatch.setattr(tinygrad_c.sklearn.core, "SMALL_STEP", 0)
    eager = kind(**given).fit(X, y)
    assert not eager._members[0].compiled.ready
    assert replayed.loss_curve_ == eager.loss_curve_
    for a, b in zip(replayed.coefs_ + replayed.intercepts_, eager.coefs_ + eager.intercepts_):
        np.testing.assert_array_equal(a, b)


def test_lbfgs():
    X, y = DIABETES[0] * 10, DIABETES[1] / 100
    a = MLPRegressor(solver="lbfgs", hidden_layer_sizes=(5,), max_iter=200, random_state=0).fit(X, y)
    b = neural_network.MLPRegressor(solver="lbfgs", hidden_layer_sizes=(5,), max_iter=200, random_state=0).fit(X, y)
    assert a.loss_ == pytest.approx(b.loss_, rel=0.05)


@pytest.mark.parametrize("settings", [{"max_iter": 0}, {"alpha": -1}, {"solver": "newton"}, {"activation": "step"}, {"dropout": 2},
                                      {"hidden_layer_sizes": (0,)}, {"loss": "luck"}, {"n_members": 0}, {"batch_size": -3}])
def test_refused_parameters(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        MLPClassifier(**settings).fit(*IRIS)


def test_what_scikit_learn_has_declined():
    X, y = IRIS
    X = (X - X.mean(0)) / X.std(0)
    cut = model_selection.train_test_split(X, y, random_state=0, stratify=y)
    dropped = MLPClassifier((16,), dropout=0.2, max_iter=60, learning_rate_init=0.02, random_state=0).fit(cut[0], cut[2])
    assert dropped.score(cut[1], cut[3]) > 0.8
    again = MLPClassifier((16,), dropout=0.2, max_iter=60, learning_rate_init=0.02, random_state=0).fit(cut[0], cut[2])
    assert dropped.loss_curve_ == again.loss_curve_
    watched = MLPClassifier(**SMALL).fit(cut[0], cut[2], eval_set=(cut[1], cut[3]))
    assert len(watched.validation_scores_) == len(watched.validation_loss_curve_) == 20
    stopped = MLPClassifier(early_stopping=True, scoring="neg_log_loss", max_iter=30, random_state=0).fit(X, y)
    assert max(stopped.validation_scores_) < 0
    assert stopped.best_validation_score_ == max(stopped.validation_scores_)
    many = MLPClassifier(n_members=3, **SMALL).fit(X, y)
    assert len(many._members) == 3
    assert many.predict_proba(X).sum(1) == pytest.approx(1)
    assert MLPRegressor(loss="huber", **SMALL).fit(X, y).loss_ < MLPRegressor(loss="huber", **SMALL).fit(X, y).loss_curve_[0]
    own = MLPRegressor(loss=lambda out, y: ((out - y) ** 4).mean(1), **SMALL).fit(X, y)
    assert own.loss_curve_[-1] < own.loss_curve_[0]
    counts = MLPRegressor(loss="poisson", **SMALL).fit(X, y)
    assert (counts.predict(X) > 0).all()


def test_partial_fit_with_early_stopping():
    X, y = IRIS
    net = MLPClassifier((8,), early_stopping=True, random_state=0)
    for _ in range(5):
        net.partial_fit(X, y, classes=[0, 1, 2])
    assert len(net.validation_scores_) == 5
    plain = MLPClassifier((8,), random_state=0)
    other = neural_network.MLPClassifier((8,), random_state=0)
    for _ in range(5):
        plain.partial_fit(X, y, classes=[0, 1, 2])
        other.partial_fit(X, y, classes=[0, 1, 2])
    np.testing.assert_allclose(plain.loss_curve_, other.loss_curve_, rtol=1e-6)


def test_weights_of_rows_and_classes():
    X, y = IRIS
    heavy = np.where(y == 0, 1000.0, 0.001)
    assert (MLPClassifier((8,), max_iter=100, random_state=0).fit(X, y, sample_weight=heavy).predict(X) == 0).mean() > 0.9
    assert (MLPClassifier((8,), max_iter=100, class_weight={0: 1e-3, 1: 1e3, 2: 1e-3}, random_state=0).fit(X, y).predict(X) == 1).mean() > 0.9
    MLPClassifier((8,), max_iter=5, class_weight="balanced").fit(X, y)
    assert (TableClassifier(class_weight={0: 1e-4, 1: 1000, 2: 1e-4}, **QUICK).fit(X, y).predict(X) == 1).mean() > 0.8


@pytest.mark.parametrize("rows", [120, 300])
def test_weights_of_rows_in_tables(rows):
    rng = np.random.default_rng(0)
    X = pandas.DataFrame({"a": rng.normal(size=rows), "b": rng.choice(["u", "v", None], rows)})
    y = np.where(rng.random(rows) < 0.5, "no", "yes")
    weight = np.where(y == "yes", 1000.0, 1e-3)
    weight[:5] = 0
    net = TableClassifier(**QUICK).fit(X, y, sample_weight=weight)
    assert (net.predict(X) == "yes").mean() > 0.9
    assert net.out_of_fold_.shape == (rows, 2)
    assert np.isnan(net.out_of_fold_[:5]).all()
    z = np.where(y == "yes", 5.0, -5.0)
    assert TableRegressor(**QUICK).fit(X, z, sample_weight=weight).predict(X).mean() > 4
    for wrong in (np.zeros(rows), -weight, weight[1:]):
        with pytest.raises(ValueError, match="weight"):
            TableClassifier(**QUICK).fit(X, y, sample_weight=wrong)


def test_a_row_of_weight_2_is_the_row_twice():
    rng = np.random.default_rng(0)
    X = pandas.DataFrame({"a": rng.normal(size=60), "b": rng.choice(["u", "v", None], 60), "day": pandas.date_range("2020-01-01", periods=60)})
    y = (X["a"].to_numpy() + 0.3 * rng.normal(size=60) > 0).astype(int)
    weight = rng.integers(0, 3, 60)
    order = rng.permutation(weight.sum())
    place = np.repeat(np.arange(60), weight)[order]
    a = TableClassifier(**QUICK).fit(X, y, sample_weight=weight)
    b = TableClassifier(**QUICK).fit(X.iloc[place], y[place])
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    np.testing.assert_array_equal(a.out_of_fold_[place], b.out_of_fold_[:len(place)])
    assert np.ptp(a.predict_proba(X)[:, 0]) > 0.01


def test_several_outputs_and_labels():
    X, y = datasets.load_linnerud(return_X_y=True)
    assert MLPRegressor(**SMALL).fit(X, y).predict(X).shape == (20, 3)
    assert TableRegressor(**QUICK).fit(X, y).predict(X).shape == (20, 3)
    X, y = datasets.make_multilabel_classification(random_state=0)
    net = MLPClassifier(**SMALL).fit(X, y)
    assert net.predict(X).shape == net.predict_proba(X).shape == y.shape


def test_callbacks():
    seen = []
    net = MLPClassifier(callbacks=[lambda e: seen.append(e.loss_), lambda e: e.n_iter_ == 4], **SMALL).fit(*IRIS)
    assert net.n_iter_ == 4
    assert seen == net.loss_curve_


def test_callbacks_of_scikit_learn():
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    net = MLPClassifier(**SMALL)
    net.set_callbacks(monitor)
    net.fit(*IRIS)
    assert net.n_iter_ == 20
    logs = monitor.get_logs()
    log = logs[0] if isinstance(logs, list) else logs
    rows = log.data_as_pandas
    assert (rows["task_name"] == "iteration").sum() == 20


@pytest.mark.parametrize("estimator", [MLPClassifier(**SMALL), TableClassifier(**QUICK)], ids=lambda e: type(e).__name__)
class TestTools:
    """Each of scikit-learn's tools, once."""

    def test_pickle_and_joblib(self, estimator, tmp_path):
        net = base.clone(estimator).fit(*IRIS)
        again = pickle.loads(pickle.dumps(net))
        np.testing.assert_array_equal(net.predict_proba(IRIS[0]), again.predict_proba(IRIS[0]))
        joblib.dump(net, tmp_path / "net")
        np.testing.assert_array_equal(net.predict(IRIS[0]), joblib.load(tmp_path / "net").predict(IRIS[0]))
        if hasattr(net, "partial_fit"):
            net.partial_fit(*IRIS)
            again.partial_fit(*IRIS)
            np.testing.assert_array_equal(net.coefs_[0], again.coefs_[0])

    def test_feature_names(self, estimator):
        X = pandas.DataFrame(IRIS[0], columns=list("abcd"))
        net = base.clone(estimator).fit(X, IRIS[1])
        assert net.feature_names_in_.tolist() == list("abcd")
        with pytest.raises(ValueError, match="feature names"):
            net.predict(X.rename(columns={"a": "z"}))

    def test_grid_search(self, estimator):
        search = model_selection.GridSearchCV(estimator, {"batch_size": [50, 100]}, cv=2).fit(*IRIS)
        assert search.best_params_["batch_size"] in (50, 100)

    def test_pipeline_and_columns(self, estimator):
        X = pandas.DataFrame(IRIS[0], columns=list("abcd"))
        columns = compose.ColumnTransformer([("s", preprocessing.StandardScaler(), ["a", "b"])], remainder="passthrough")
        columns.set_output(transform="pandas")
        made = pipeline.make_pipeline(columns, estimator).fit(X, IRIS[1])
        assert made.score(X, IRIS[1]) > 0.3

    def test_calibration(self, estimator):
        made = calibration.CalibratedClassifierCV(estimator, cv=2).fit(*IRIS)
        assert made.predict_proba(IRIS[0]).shape == (150, 3)

    def test_inspection(self, estimator):
        net = base.clone(estimator).fit(*IRIS)
        assert inspection.permutation_importance(net, *IRIS, n_repeats=2).importances_mean.shape == (4,)
        assert inspection.partial_dependence(net, IRIS[0], [0])["average"].shape[0] == 3

    def test_cross_validation_in_processes(self, estimator):
        assert len(model_selection.cross_val_score(estimator, *IRIS, cv=2, n_jobs=2)) == 2


def test_metadata_routing():
    import sklearn
    with sklearn.config_context(enable_metadata_routing=True):
        net = MLPClassifier((8,), max_iter=100, learning_rate_init=0.01, random_state=0).set_fit_request(sample_weight=True)
        made = pipeline.Pipeline([("s", preprocessing.StandardScaler().set_fit_request(sample_weight=False)), ("n", net)])
        made.fit(*IRIS, sample_weight=np.ones(150))
        assert made.score(*IRIS) > 0.8
        table = TableClassifier(**QUICK).set_fit_request(sample_weight=True)
        made = pipeline.Pipeline([("s", preprocessing.StandardScaler().set_fit_request(sample_weight=False)), ("n", table)])
        made.fit(*IRIS, sample_weight=np.where(IRIS[1] == 2, 1000.0, 1e-3))
        assert (made.predict(IRIS[0]) == 2).mean() > 0.8


def test_tables_as_people_have_them(tmp_path):
    pytest.importorskip("safetensors")
    rng = np.random.default_rng(0)
    X = pandas.DataFrame({"price": [f"${v:,.0f}" for v in rng.uniform(1e3, 1e5, 120)], "town": rng.choice(["a", "b", None], 120),
                          "day": pandas.date_range("2020-01-01", periods=120)})
    y = np.where(X["town"] == "a", "yes", "no")
    net = TableClassifier(effort="quick", n_threads=1).fit(X, y)
    assert net.score(X, y) > 0.95
    assert net.columns_ == {"price": "number", "town": "category", "day": "date"}
    net.save(tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    assert list(again.predict(X)) == list(net.predict(X))


def test_labels_at_random_show_chance():
    """No choice of the recipe looks at rows that it is scored on: accuracy of a coin."""
    rng = np.random.default_rng(0)
    X = pandas.DataFrame({"a": rng.normal(size=300), "b": rng.choice(list("uvwxyz"), 300), "c": rng.normal(size=300)})
    X["d"] = [f"level {i}" for i in rng.integers(0, 80, 300)]
    scores = []
    for seed in range(4):
        y = np.random.default_rng(seed + 1).integers(0, 2, 300)
        net = TableClassifier(n_threads=1, max_iter=60, random_state=seed).fit(X[:200], y[:200])
        scores.append(net.score(X[200:], y[200:]))
    assert 0.38 < np.mean(scores) < 0.62


def test_it_says_when_it_has_not_converged():
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        MLPClassifier((4,), max_iter=2).fit(*IRIS)
