"""TableClassifier and TableRegressor: the table engine as estimators for DataFrames or arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from tinygrad_c.sklearn.weights import distinct, positive
from tinygrad_c.tables import modelfile
from tinygrad_c.tables.decide import Choices
from tinygrad_c.tables.errors import need
from tinygrad_c.tables.fit import Fitting, Options
from tinygrad_c.tables.read import Table, from_frame
from tinygrad_c.tables.target import CLASSIFICATION, REGRESSION, Target

ANSWER = "the answer"


class _BaseTable(BaseEstimator):
    def __init__(
        self,
        effort="default",
        n_folds=5,
        metric=None,
        hidden_layer_sizes=None,
        max_iter=None,
        batch_size=None,
        learning_rate_init=None,
        optimizer=None,
        dropout=None,
        numbers=(),
        categories=(),
        dates=(),
        drop=(),
        keep=(),
        n_threads=None,
        random_state=0,
    ):
        self.effort = effort
        self.n_folds = n_folds
        self.metric = metric
        self.hidden_layer_sizes = hidden_layer_sizes
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.optimizer = optimizer
        self.dropout = dropout
        self.numbers = numbers
        self.categories = categories
        self.dates = dates
        self.drop = drop
        self.keep = keep
        self.n_threads = n_threads
        self.random_state = random_state

    def _table(self, X: Any, reset: bool) -> Table:
        """X as a Table with column names."""
        pandas = need("pandas", "sklearn")
        validated = (
            validate_data(self, X, reset=reset, skip_check_array=True)
            if hasattr(X, "iloc")
            else validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)
        )
        if hasattr(validated, "iloc"):
            if validated.shape[0] == 0:
                raise ValueError(f"Found array with 0 sample(s) (shape={validated.shape}) while a minimum of 1 is required.")
            frame = validated.copy(deep=False)
            frame.columns = [str(c) for c in frame.columns]
            return from_frame(frame.reset_index(drop=True))
        if validated.dtype.kind == "c":
            raise ValueError("Complex data not supported")
        frame = pandas.DataFrame(validated, columns=[f"x{i}" for i in range(validated.shape[1])])
        if validated.dtype == object:
            frame = frame.infer_objects()
        return from_frame(frame)

    def _options(self, task: str) -> Options:
        seed = self.random_state
        if seed is None or hasattr(seed, "randint"):
            seed = int((seed if seed is not None else np.random.mtrand._rand).randint(2**31 - 1))
        hidden = self.hidden_layer_sizes
        hidden = None if hidden is None else [hidden] if isinstance(hidden, (int, np.integer)) else list(hidden)
        weights = getattr(self, "class_weight", None)
        if isinstance(weights, dict):
            weights = {str(k): v for k, v in weights.items()}
        return Options(
            task=task,
            effort=self.effort,
            folds=self.n_folds,
            metric=self.metric,
            class_weight=weights,
            choices=Choices(*(list(map(str, c)) for c in (self.numbers, self.categories, self.dates, self.drop, self.keep))),
            hidden=hidden,
            epochs=self.max_iter,
            batch_size=self.batch_size,
            lr=self.learning_rate_init,
            optimizer=self.optimizer,
            seed=int(seed),
            threads=self.n_threads,
            dropout=self.dropout,
        )

    def _train(self, X: Any, y: np.ndarray, classes: list[str], task: str, names: list[str], sample_weight: Any = None) -> Any:
        table = self._table(X, reset=True)
        if len(table) != len(y):
            raise ValueError(f"Found input variables with inconsistent numbers of samples: [{len(table)}, {len(y)}]")
        if len(y) < 4:
            raise ValueError(
                f"Found array with n_samples={len(y)} (1 sample is too few) while a minimum of 4 is required by "
                f"{type(self).__name__}."
            )
        rows, weight = np.arange(len(y)), None
        if sample_weight is not None:
            keep, weight = positive(sample_weight, table.frame)
            rows = rows[keep]
        first, place, weight = distinct(table.frame.iloc[rows], y[rows], weight)
        if task == CLASSIFICATION and len(np.unique(y[rows])) < 2:
            raise ValueError("The number of classes of a weight above zero has to be greater than one; got 1 class")
        table = from_frame(table.frame.iloc[rows[first]].reset_index(drop=True))
        target = Target(ANSWER, task, np.arange(len(first)), y[rows[first]], classes)
        fitting = Fitting(table, names if len(names) > 1 else names[0], self._options(task), target, weight)
        fitting.run()
        if fitting.interrupted:
            raise KeyboardInterrupt
        if not fitting.found:
            raise ValueError(fitting.stopped or "nothing was learned")
        self.model_ = fitting.model()
        self.n_iter_ = max(self.model_.facts["kept_epochs"])
        self.cross_validated_ = self.model_.facts["cross_validated"]
        self.out_of_fold_ = np.full((len(y), fitting.out_of_fold.shape[1]), np.nan)
        self.out_of_fold_[rows] = fitting.out_of_fold[place]
        self.columns_ = {f.name: f.kind for f in self.model_.encoder.features}
        self.dropped_ = self.model_.facts["dropped"]
        self.notes_ = fitting.notes
        return self

    def _answers(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self.model_.answers(self.model_.encode(self._table(X, reset=False)))

    def save(self, path: str | Path) -> None:
        """Write the model file that `tinygrad_c predict`, `export` and `load` read."""
        from tinygrad_c.tables.files import write_file

        check_is_fitted(self)
        write_file(path, modelfile.dump(self.model_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


class TableClassifier(ClassifierMixin, _BaseTable):
    """Classifier for DataFrames with numbers, categories, dates and missing values: the nets of `tinygrad_c train`.

    effort: 'quick', 'default' or 'best'. n_folds: the number of folds and nets. metric: chooses the best epochs. class_weight:
    a dict or 'balanced'. numbers, categories, dates, drop, keep: names of columns to be treated so. The rest as in
    `tinygrad_c train`.
    After fit: model_, cross_validated_ (scores), out_of_fold_ (probabilities; nan for rows of weight 0), columns_, dropped_,
    notes_. Up to 256 rows, equal rows are merged and their weights added. Scores are not weighted.
    """

    def __init__(
        self,
        effort="default",
        n_folds=5,
        metric=None,
        class_weight=None,
        hidden_layer_sizes=None,
        max_iter=None,
        batch_size=None,
        learning_rate_init=None,
        optimizer=None,
        dropout=None,
        numbers=(),
        categories=(),
        dates=(),
        drop=(),
        keep=(),
        n_threads=None,
        random_state=0,
    ):
        super().__init__(
            effort,
            n_folds,
            metric,
            hidden_layer_sizes,
            max_iter,
            batch_size,
            learning_rate_init,
            optimizer,
            dropout,
            numbers,
            categories,
            dates,
            drop,
            keep,
            n_threads,
            random_state,
        )
        self.class_weight = class_weight

    def fit(self, X, y, sample_weight=None):
        """Train on X (DataFrame or array [rows, columns]) and the classes y [rows]; sample_weight [rows]."""
        self._table(X, reset=True)
        if y is None:
            raise ValueError(f"requires y to be passed, but the target y is None: {type(self).__name__} requires y.")
        y = column_or_1d(y, warn=True)
        _no_gaps(y)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"The number of classes has to be greater than one; got {len(self.classes_)} class")
        names = [str(c) for c in self.classes_]
        return self._train(X, numbers.astype(np.int64), names, CLASSIFICATION, [ANSWER], sample_weight)

    def predict_proba(self, X):
        """Probabilities [rows, classes]."""
        return self._answers(X)

    def predict(self, X):
        """The class of each row."""
        best = self._answers(X).argmax(axis=1)
        return self.classes_[best]


class TableRegressor(RegressorMixin, _BaseTable):
    """Regressor for DataFrames with numbers, categories, dates and missing values: the nets of `tinygrad_c train`.

    Parameters and attributes as in TableClassifier, without class_weight; y may have several columns.
    """

    def fit(self, X, y, sample_weight=None):
        """Train on X (DataFrame or array [rows, columns]) and quantities y [rows] or [rows, outputs]; sample_weight [rows]."""
        self._table(X, reset=True)
        if y is None:
            raise ValueError(f"requires y to be passed, but the target y is None: {type(self).__name__} requires y.")
        array = np.asarray(y)
        if array.ndim == 1 or array.shape[1] == 1:
            array = column_or_1d(y, warn=True)
        _no_gaps(array)
        array = np.asarray(array, dtype=np.float64)
        self._outputs = array.shape[1] if array.ndim > 1 else 1
        names = [ANSWER] if self._outputs == 1 else [f"{ANSWER} {i}" for i in range(self._outputs)]
        return self._train(X, array, [], REGRESSION, names, sample_weight)

    def predict(self, X):
        """The quantity of each row, [rows] or [rows, outputs]."""
        answers = self._answers(X)
        return answers[:, 0] if answers.shape[1] == 1 else answers

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _no_gaps(y: np.ndarray) -> None:
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("Input y contains NaN." if np.isnan(y).any() else "Input y contains infinity or a value too large.")
    if y.dtype == object and any(v is None or v != v for v in y.ravel()):
        raise ValueError("Input y contains NaN.")


def load(path: str | Path) -> TableClassifier | TableRegressor:
    """The estimator of a model file that `tinygrad_c train` or `save` wrote. It takes DataFrames with the training columns."""
    model = modelfile.load(path)
    if model.task == CLASSIFICATION:
        estimator: Any = TableClassifier()
        estimator.classes_ = np.array(model.classes)
    else:
        estimator = TableRegressor()
    estimator.model_ = model
    estimator.feature_names_in_ = np.array(model.encoder.columns, dtype=object)
    estimator.n_features_in_ = len(estimator.feature_names_in_)
    return estimator
