"""MLPClassifier and MLPRegressor: scikit-learn's parameters with scikit-learn's meaning, and what it has declined.

Weights begin and rows are shuffled as scikit-learn does it, from the same random numbers, so that the loss curves are its own
up to rounding. Beyond it: dropout, class_weight, any loss, eval_set, early stopping by any scorer, also in partial_fit, several
members whose answers are averaged, callbacks.
"""
from __future__ import annotations

import warnings
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, get_scorer, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from tinygrad_c import from_numpy
from tinygrad_c.sklearn.core import ACTIVATIONS, QUANTITIES, Core, forward, mean_loss, own_stream
from tinygrad_c.sklearn.weights import positive

try:                # scikit-learn 1.9 and later
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:
    class CallbackSupportMixin:
        """Where scikit-learn has no protocol of its own, `callbacks` are functions."""

    def with_callbacks(method):
        return method

_SOLVERS = ("adam", "sgd", "lbfgs")


def _adaptive(estimator: Any) -> bool:
    if estimator.solver in ("adam", "sgd"):
        return True
    raise AttributeError(f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic.")


class _BaseMLP(CallbackSupportMixin, BaseEstimator):
    def __init__(self, hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t,
                 max_iter, loss, shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping,
                 validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change, max_fun, dropout, n_members, scoring,
                 callbacks):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.loss = loss
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.n_members = n_members
        self.scoring = scoring
        self.callbacks = callbacks

    # Parameters

    def _check_params(self) -> list[int]:
        """ValueError for a parameter out of its range; the widths of the hidden layers."""
        hidden = self.hidden_layer_sizes
        hidden = [hidden] if isinstance(hidden, Integral) else list(hidden)
        if any(not isinstance(h, Integral) or h <= 0 for h in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        def one_of(name, values):
            if getattr(self, name) not in values:
                raise ValueError(f"The {name!r} parameter of {type(self).__name__} must be one of {sorted(values)}. Got "
                                 f"{getattr(self, name)!r} instead.")
        one_of("solver", _SOLVERS)
        one_of("activation", tuple(ACTIVATIONS))
        one_of("learning_rate", ("constant", "invscaling", "adaptive"))
        def between(name, low, high, kind=Real, closed=True):
            value = getattr(self, name)
            inside = isinstance(value, kind) and not isinstance(value, bool) and (low <= value if closed else low < value) \
                and value <= high
            if not inside:
                what = "an int" if kind is Integral else "a float"
                raise ValueError(f"The {name!r} parameter of {type(self).__name__} must be {what} "
                                 f"in the range {'[' if closed else '('}{low}, {high}]. Got {value!r} instead.")
        between("alpha", 0, np.inf)
        between("learning_rate_init", 0, np.inf, closed=False)
        between("max_iter", 1, np.inf, Integral)
        between("max_fun", 1, np.inf, Integral)
        between("n_iter_no_change", 1, np.inf)
        between("tol", 0, np.inf)
        between("momentum", 0, 1)
        between("power_t", -np.inf, np.inf)
        between("validation_fraction", 0, 1, closed=False)
        between("beta_1", 0, 1)
        between("beta_2", 0, 1)
        between("epsilon", 0, np.inf, closed=False)
        between("dropout", 0, 1)
        between("n_members", 1, np.inf, Integral)
        if self.batch_size != "auto":
            between("batch_size", 1, np.inf, Integral)
        return [int(h) for h in hidden]

    # The net

    def _initialize(self, X, y, hidden, random_state) -> None:
        """Weights as scikit-learn draws them: uniform within sqrt(6 / (in + out)), for the logistic function sqrt(2 / ..)."""
        self.n_outputs_ = y.shape[1] if self._kind != "softmax" else len(self.classes_)
        widths = [X.shape[1], *hidden, self.n_outputs_]
        self.n_layers_ = len(widths)
        self.out_activation_ = {"softmax": "softmax", "logistic": "logistic"}.get(self._kind, "identity")
        if self._kind == "quantity" and self.loss == "poisson":
            self.out_activation_ = "exp"
        factor = 2.0 if self.activation == "logistic" else 6.0
        self._members = []
        for _ in range(self.n_members):
            coefs, intercepts = [], []
            for fan_in, fan_out in pairwise(widths):
                bound = np.sqrt(factor / (fan_in + fan_out))
                coefs.append(random_state.uniform(-bound, bound, (fan_in, fan_out)).astype(X.dtype, copy=False))
                intercepts.append(random_state.uniform(-bound, bound, fan_out).astype(X.dtype, copy=False))
            self._members.append(Core(
                coefs, intercepts, self.activation, self._kind, self.loss, self.dropout, self.alpha, self.solver,
                {"lr": self.learning_rate_init, "momentum": self.momentum, "nesterov": self.nesterovs_momentum,
                 "betas": (self.beta_1, self.beta_2), "eps": self.epsilon}))
        self.loss_curve_, self.validation_scores_, self.validation_loss_curve_ = [], [], []
        self.best_loss_, self.best_validation_score_ = np.inf, -np.inf
        self._no_improvement_count, self.t_, self._lr = 0, 0, self.learning_rate_init
        self._best = None

    def _keep_weights(self) -> None:
        weights = [m.weights() for m in self._members]
        self._weights = weights
        self.coefs_, self.intercepts_ = weights[0]

    def _raw(self, X: np.ndarray) -> np.ndarray:
        """The outputs of the mean member: of probabilities for classes, so that this is their logarithm."""
        outs = [forward(X, c, i, self.activation) for c, i in self._weights]
        return outs[0] if len(outs) == 1 else np.stack(outs)

    # Fitting

    def _fit(self, X, y, sample_weight=None, incremental=False, eval_set=None):
        hidden = self._check_params()
        fresh = not hasattr(self, "_members") or (not self.warm_start and not incremental)
        X, y = self._validate_input(X, y, incremental, reset=fresh)
        weight = None
        if sample_weight is not None:
            keep, weight = positive(sample_weight, X)
            X, y = X[keep], y[keep]
        weight = self._class_weights(y, weight)
        self._random_state = check_random_state(self.random_state) if fresh or not hasattr(self, "_random_state") \
            else self._random_state
        encoded = self._encode(y)
        if fresh:
            self._initialize(X, encoded if encoded.ndim > 1 else encoded[:, None], hidden, self._random_state)
        if self.solver == "lbfgs":
            self._fit_lbfgs(X, encoded, weight)
        else:
            self._fit_stochastic(X, y, encoded, weight, incremental, eval_set)
        self._keep_weights()
        if not all(np.isfinite(w).all() for c, i in self._weights for w in [*c, *i]):
            raise ValueError("Solver produced non-finite parameter weights. The input data may contain large values and need "
                             "to be preprocessed.")
        return self

    def _parts(self, X, y, encoded, weight, incremental, eval_set):
        """Rows to train on, and rows to stop by (raw answers and encoded ones)."""
        if eval_set is not None:
            Xv, yv = eval_set[0] if isinstance(eval_set, list) else eval_set
            Xv = validate_data(self, Xv, reset=False, dtype=X.dtype)
            yv = np.asarray(yv)
            return X, encoded, weight, (Xv, yv, self._encode(yv), None)
        if not self.early_stopping:
            return X, encoded, weight, None
        if incremental and getattr(self, "_held", None) is not None:
            return X, encoded, weight, self._held
        stratify = y if is_classifier(self) and self._kind == "logistic" and y.ndim == 1 else None      # as scikit-learn does
        arrays = [X, y, encoded] + ([] if weight is None else [weight])
        cut = train_test_split(*arrays, random_state=self._random_state, test_size=self.validation_fraction, stratify=stratify)
        if len(cut[1]) < 2:
            raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
        held = (cut[1], cut[3], cut[5], None if weight is None else cut[7])
        if incremental:
            self._held = held       # later calls are judged by the rows that the first one has set aside
        return cut[0], cut[4], None if weight is None else cut[6], held

    def _fit_stochastic(self, X, y, encoded, weight, incremental, eval_set) -> None:
        self._given = X, y          # for scikit-learn's callbacks, while fit lasts
        X, encoded, weight, held = self._parts(X, y, encoded, weight, incremental, eval_set)
        n = len(X)
        size = min(200, n) if self.batch_size == "auto" else self.batch_size
        if size > n:
            warnings.warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=3)
            size = n
        if (size >= n and weight is not None) or (size >= n and not self.dropout):
            X, encoded, weight = _canonical(X, encoded, weight)
        rows = len(X)
        full = rows != n or size >= n
        tX, ty = from_numpy(np.ascontiguousarray(X)), from_numpy(np.ascontiguousarray(encoded))
        tw = None if weight is None else from_numpy(weight.astype(X.dtype))
        order = np.arange(n)
        seed = int(self._random_state.randint(2**31 - 1)) if self.dropout else 0
        context = self._init_callback_context(task_name="fit", max_subtasks=1 if incremental else self.max_iter) \
            if hasattr(self, "_init_callback_context") and getattr(self, "_skl_callbacks", None) else None
        if context is not None:
            context.call_on_fit_task_begin(estimator=self)
        try:
            if self.dropout:
                with own_stream(seed):
                    self._iterations(tX, ty, tw, order, size, full, held, incremental, context)
            else:
                self._iterations(tX, ty, tw, order, size, full, held, incremental, context)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=3)
        if context is not None:
            context.call_on_fit_task_end(estimator=self)
        del self._given
        if held is not None and self._best is not None and self.early_stopping:
            for member, vector in zip(self._members, self._best):
                member.set_vector(vector)

    def _iterations(self, X, y, weight, order, size, full, held, incremental, context) -> None:
        n = len(order)
        self.n_iter_ = 0
        for _ in range(1 if incremental else self.max_iter):
            sub = None if context is None else context.subcontext(task_name="iteration")
            if sub is not None:
                sub.call_on_fit_task_begin(estimator=self, X=self._given[0], y=self._given[1])
            if self.shuffle:
                order = order[_shuffled(n, self._random_state)]
            total = 0.0
            index = None if full else from_numpy(order)
            for member in self._members:
                member.set_lr(self._lr)
            for start in range(0, n, size):
                if full:
                    bX, by, bw = X, y, weight
                else:
                    i = index[start : start + size]
                    bX, by, bw = X[i], y[i], None if weight is None else weight[i]
                rows = min(size, n - start)
                share = rows if bw is None else float(bw.numpy().sum())
                losses = 0.0
                for member in self._members:
                    penalty = member.penalty() / share
                    losses += member.step(bX, by, bw, share, rows == size) + penalty
                total += losses / len(self._members) * rows
            self.n_iter_ += 1
            self.t_ += n
            self.loss_ = total / n
            self.loss_curve_.append(self.loss_)
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
            self._judge(held)
            if self.solver == "sgd" and self.learning_rate == "invscaling":
                self._lr = self.learning_rate_init / (self.t_ + 1) ** self.power_t
            stop = self._called_back()
            if sub is not None:
                self._keep_weights()
                kept = {"coefs_": self.coefs_, "intercepts_": self.intercepts_, "_weights": self._weights}
                stop = bool(sub.call_on_fit_task_end(estimator=self, X=self._given[0], y=self._given[1],
                                                     reconstruction_attributes=kept)) or stop
            if stop:
                break
            stuck = self._no_improvement_count > self.n_iter_no_change
            if (not incremental or self.early_stopping) and stuck and self._stops(held):
                break
            if not incremental and self.n_iter_ == self.max_iter:
                warnings.warn(f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                              "converged yet.", ConvergenceWarning, stacklevel=4)

    def _called_back(self) -> bool:
        """Call the functions in `callbacks`; one that returns True ends the training."""
        if not self.callbacks:
            return False
        self._keep_weights()
        functions = self.callbacks if isinstance(self.callbacks, (list, tuple)) else [self.callbacks]
        return any([bool(f(self)) for f in functions])

    def _stops(self, held) -> bool:
        what = "Validation score" if held is not None and self.early_stopping else "Training loss"
        message = f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs."
        if self.solver == "sgd" and self.learning_rate == "adaptive":
            if self._lr <= 1e-6:
                if self.verbose:
                    print(message + " Learning rate too small. Stopping.")
                return True
            self._lr /= 5.0
            self._no_improvement_count = 0
            if self.verbose:
                print(f"{message} Setting learning rate to {self._lr:f}")
            return False
        if self.verbose:
            print(message + " Stopping.")
        return True

    def _judge(self, held) -> None:
        """Count the iterations without a better training loss, or a better validation score."""
        if held is not None:
            Xv, yv, ev, wv = held
            self._keep_weights()
            core = self._members[0]
            out = self._members[0].outputs(Xv)
            tw = None if wv is None else from_numpy(wv.astype(Xv.dtype))
            loss = mean_loss(core.loss, core.kind, from_numpy(out), from_numpy(np.ascontiguousarray(ev)), tw).item()
            self.validation_loss_curve_.append(loss)
            score = self._validation_score(Xv, yv, wv)
            self.validation_scores_.append(score)
            if self.verbose:
                print(f"Validation score: {score:f}")
            if self.early_stopping:
                self._no_improvement_count = self._no_improvement_count + 1 \
                    if score < self.best_validation_score_ + self.tol else 0
                if score > self.best_validation_score_:
                    self.best_validation_score_ = score
                    self._best = [m.vector() for m in self._members]
                return
        self._no_improvement_count = self._no_improvement_count + 1 if self.loss_curve_[-1] > self.best_loss_ - self.tol else 0
        self.best_loss_ = min(self.best_loss_, self.loss_curve_[-1])

    def _validation_score(self, X, y, weight) -> float:
        if self.scoring is None:
            predicted = self._predict(X)
            if not np.isfinite(np.asarray(predicted, dtype=float) if predicted.dtype.kind in "fiu" else 0).all():
                return float("nan")
            score = accuracy_score if is_classifier(self) else r2_score
            return float(score(y, predicted, sample_weight=weight))
        scorer = get_scorer(self.scoring) if isinstance(self.scoring, str) else self.scoring
        return float(scorer(self, X, y) if weight is None else scorer(self, X, y, sample_weight=weight))

    def _fit_lbfgs(self, X, encoded, weight) -> None:
        from scipy.optimize import minimize
        for member in self._members:
            tX, ty = from_numpy(np.ascontiguousarray(X)), from_numpy(np.ascontiguousarray(encoded))
            tw = None if weight is None else from_numpy(weight.astype(X.dtype))

            def value(vector, member=member, tX=tX, ty=ty, tw=tw):
                member.set_vector(vector)
                return member.loss_and_gradient(tX, ty, tw)

            found = minimize(value, member.vector(), method="L-BFGS-B", jac=True,
                             options={"maxfun": self.max_fun, "maxiter": self.max_iter, "gtol": self.tol})
            member.set_vector(found.x)
            self.n_iter_ = int(min(found.nit, self.max_iter))
            self.loss_ = float(found.fun)
            if found.status == 1:
                warnings.warn(f"lbfgs failed to converge after {found.nit} iteration(s) (status=1):\n{found.message}",
                              ConvergenceWarning, stacklevel=4)

    @with_callbacks
    def fit(self, X, y, sample_weight=None, eval_set=None):
        """Fit to X [rows, features] and y; sample_weight [rows]; eval_set (X, y): rows to stop by and to draw a curve of."""
        self._held = None
        return self._fit(X, y, sample_weight, eval_set=eval_set)


def _shuffled(n: int, random_state: np.random.RandomState) -> np.ndarray:
    """The permutation that sklearn.utils.shuffle draws; that function takes as long as 20 steps of a small net, 1 ms."""
    index = np.arange(n)
    random_state.shuffle(index)
    return index


def _canonical(X, y, weight):
    """Equal rows joined, their weights added, and sorted: in a step of all rows their order and their number make no
    difference, so that a row of weight 2 is the same, to the bit, as the row twice.
    """
    table = np.column_stack([X, y.reshape(len(y), -1)]).astype(np.float64)
    _, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    if weight is None and len(first) == len(X):
        total = np.ones(len(first))
    else:
        total = np.bincount(inverse.ravel(), weights=weight, minlength=len(first)).astype(np.float64)
    if (total == total[0]).all():
        return X[first], y[first], None if total[0] == 1 else total
    return X[first], y[first], total


class MLPClassifier(ClassifierMixin, _BaseMLP):
    """Multi-layer perceptron: classes, by cross-entropy. scikit-learn's MLPClassifier, several times as fast.

    Beyond its parameters: loss (a function of outputs and answers, both tensors, that gives a value for each row), dropout,
    class_weight (a dict or 'balanced'), n_members, scoring (what early stopping goes by: a name or a scorer), callbacks
    (functions of the estimator, called after each iteration; True ends the training). fit takes sample_weight and eval_set.
    """

    def __init__(self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001, batch_size="auto",
                 learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True, random_state=None,
                 tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True, early_stopping=False,
                 validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
                 loss="log_loss", dropout=0.0, class_weight=None, n_members=1, scoring=None, callbacks=None):
        super().__init__(hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t,
                         max_iter, loss, shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum,
                         early_stopping, validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change, max_fun, dropout,
                         n_members, scoring, callbacks)
        self.class_weight = class_weight

    def _validate_input(self, X, y, incremental, reset):
        X, y = validate_data(self, X, y, multi_output=True, dtype=(np.float64, np.float32), reset=reset)
        self._float = X.dtype
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if not callable(self.loss) and self.loss != "log_loss":
            raise ValueError(f"The 'loss' parameter of MLPClassifier must be 'log_loss' or a function. "
                             f"Got {self.loss!r} instead.")
        if (reset and not incremental) or not hasattr(self, "classes_"):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            self._multilabel = type_of_target(y).startswith("multilabel")
        else:
            classes = unique_labels(y)
            if incremental:
                if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
                    raise ValueError(f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                                     f"'y' has {classes}.")
            elif set(classes) != set(self.classes_):
                raise ValueError("warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                                 f"Previously got {self.classes_}, `y` has {classes}")
        self._kind = "softmax" if len(self.classes_) > 2 and not self._multilabel else "logistic"
        return X, y

    def _encode(self, y):
        if self._kind == "softmax":
            return np.searchsorted(self.classes_, y).astype(np.int64)
        y = self._label_binarizer.transform(y)
        y = y.toarray() if hasattr(y, "toarray") else y
        return np.asarray(y, dtype=self._float).reshape(y.shape[0], -1)

    def _class_weights(self, y, weight):
        if self.class_weight is None or self._multilabel:
            return weight
        each = dict(zip(self.classes_, np.ones(len(self.classes_))))
        if self.class_weight == "balanced":
            counts = np.array([(np.ones(len(y)) if weight is None else weight)[y == c].sum() for c in self.classes_])
            each = dict(zip(self.classes_, counts.sum() / (len(counts) * np.maximum(counts, 1e-12))))
        else:
            found = compute_class_weight(self.class_weight, classes=np.unique(y), y=y)
            each.update(zip(np.unique(y), found))
        values = np.array([each[c] for c in self.classes_])[np.searchsorted(self.classes_, y)]
        return values if weight is None else weight * values

    def _proba(self, X) -> np.ndarray:
        raw = self._raw(X)
        if self._kind == "softmax":
            raw = raw - raw.max(axis=-1, keepdims=True)
            p = np.exp(raw)
            p /= p.sum(axis=-1, keepdims=True)
        else:
            p = 0.5 * (1 + np.tanh(0.5 * raw))
        return p if p.ndim == 2 else p.mean(axis=0)

    def _predict(self, X):
        if len(self._weights) == 1 and not self._multilabel:  # the largest output has the largest probability
            raw = self._raw(X)
            return self.classes_[raw.argmax(axis=1) if self._kind == "softmax" else (raw[:, 0] > 0).astype(np.intp)]
        p = self._proba(X)
        if self._kind == "softmax":
            return self.classes_[p.argmax(axis=1)]
        return self._label_binarizer.inverse_transform(p[:, 0] if p.shape[1] == 1 else p)

    def predict(self, X):
        """The class of each row."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return self._predict(X.astype(self._dtype, copy=False))

    def predict_proba(self, X):
        """Probabilities [rows, classes]."""
        check_is_fitted(self)
        p = self._proba(validate_data(self, X, dtype=(np.float64, np.float32), reset=False).astype(self._dtype, copy=False))
        return np.hstack([1 - p, p]) if p.shape[1] == 1 else p

    def predict_log_proba(self, X):
        """Logarithms of the probabilities."""
        return np.log(self.predict_proba(X))

    @property
    def _dtype(self):
        return self.coefs_[0].dtype

    @available_if(_adaptive)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """One iteration over the rows given; classes [all of them] at the first call."""
        if not hasattr(self, "_members"):
            labels = unique_labels(y) if classes is None else np.unique(classes)
            self._label_binarizer = LabelBinarizer().fit(labels if not type_of_target(y).startswith("multilabel") else y)
            self.classes_ = self._label_binarizer.classes_
            self._multilabel = type_of_target(y).startswith("multilabel")
            self._held = None
        return self._fit(X, y, sample_weight, incremental=True)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, _BaseMLP):
    """Multi-layer perceptron: quantities, by squared error. scikit-learn's MLPRegressor, several times as fast.

    loss: 'squared_error', 'poisson', 'absolute_error', 'huber', 'smooth_l1', or a function of outputs and answers, both tensors
    [rows, outputs], that gives a value for each row. dropout, n_members, scoring, callbacks, sample_weight and eval_set as in
    MLPClassifier.
    """

    def __init__(self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
                 batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
                 random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
                 early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10,
                 max_fun=15000, dropout=0.0, n_members=1, scoring=None, callbacks=None):
        super().__init__(hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t,
                         max_iter, loss, shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum,
                         early_stopping, validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change, max_fun, dropout,
                         n_members, scoring, callbacks)

    _kind = "quantity"

    def _validate_input(self, X, y, incremental, reset):
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, dtype=(np.float64, np.float32), reset=reset)
        if not callable(self.loss) and self.loss not in QUANTITIES:
            raise ValueError(f"The 'loss' parameter of MLPRegressor must be one of {sorted(QUANTITIES)} or a function. Got "
                             f"{self.loss!r} instead.")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._float = X.dtype
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError("loss='poisson' takes answers of 0 or more")
        return X, y.astype(X.dtype)

    def _encode(self, y):
        return np.asarray(y, dtype=self._float).reshape(len(y), -1)

    def _class_weights(self, y, weight):
        return weight

    def _predict(self, X):
        raw = self._raw(X)
        raw = np.exp(raw) if self.loss == "poisson" else raw
        raw = raw if raw.ndim == 2 else raw.mean(axis=0)
        return raw.ravel() if raw.shape[1] == 1 else raw

    def predict(self, X):
        """The quantity of each row, [rows] or [rows, outputs]."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return self._predict(X.astype(self.coefs_[0].dtype, copy=False))

    @available_if(_adaptive)
    def partial_fit(self, X, y, sample_weight=None):
        """One iteration over the rows given."""
        if not hasattr(self, "_members"):
            self._held = None
        return self._fit(X, y, sample_weight, incremental=True)

