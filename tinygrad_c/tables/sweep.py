"""A search for settings: many trainings on one table, in several processes, by Optuna and joblib.

Each trial trains the nets of `tinygrad_c train` with other settings and is scored by the answers for rows that each net has not
learned from. The trials are in a journal file (or a database) from the moment they begin: another process may take part in the
search, and a search that was ended goes on from there. A trial's score depends on its settings alone, not on the processes.
"""

from __future__ import annotations

import math
import os
import socket
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tinygrad_c.tables.errors import UserError, need
from tinygrad_c.tables.fit import Fitting, Options
from tinygrad_c.tables.plan import LR
from tinygrad_c.tables.read import Table, read_table
from tinygrad_c.tables.scores import DEFAULT, METRICS

NAME = "tinygrad_c"
RANDOM_TRIALS = 10  # at the beginning; then the tree-structured Parzen estimator chooses
FIRST_JUDGED = 15  # percent of a training before which no trial is stopped: the end of the second cosine cycle is at 20
BATCHES = [64, 128, 256, 512]
LOST = "lost"  # an attribute of the study with a trial's number: its process was killed, its settings are tried again
MOST_RESTARTS = 3  # of the processes, when one is killed
JUST_ASKED = 10.0  # seconds in which a process notes itself on the trial that it asked for; it takes milliseconds


@dataclass(frozen=True)
class Sweep:
    """What is searched: a table's file, its target, the settings that stay as they are; where the trials are kept."""

    path: str
    target: str
    options: Options
    storage: str  # a file, or the URL of a database (sqlite:///trials.db)
    trials: int = 50
    prune: bool = True  # stop trials that do worse than the median of the others


@dataclass(frozen=True)
class Trial:
    """A trial that has ended, or runs. The state is complete, pruned, failed, running or lost."""

    number: int
    state: str
    score: float | None
    settings: dict[str, Any]
    seconds: float
    note: str = ""


def search(sweep: Sweep, jobs: int) -> Iterator[Trial]:
    """Run the trials that are missing, in as many processes, each as it ends.

    A process that is killed costs its trial alone, which is tried again; UserError when that happens over and over.
    """
    joblib = need("joblib", "sweep")
    _recover(sweep)
    for restarts in range(MOST_RESTARTS + 1):
        missing = sweep.trials - len(_counted(_study(sweep)))
        if missing <= 0:
            return
        threads = sweep.options.threads or 1
        try:
            with joblib.parallel_config(**({"backend": "loky", "inner_max_num_threads": threads} if jobs > 1 else {})):
                parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=jobs)
                for trial in parallel(joblib.delayed(run_trial)(sweep) for _ in range(missing)):
                    if trial is not None:
                        yield trial
            return
        except joblib.externals.loky.process_executor.TerminatedWorkerError:
            if restarts == MOST_RESTARTS:
                raise UserError(
                    f"processes of the sweep were killed {restarts + 1} times; is there enough memory for "
                    f"--jobs {jobs}? --resume goes on"
                ) from None
            _recover(sweep)


def run_trial(sweep: Sweep) -> Trial | None:
    """Ask for settings, train, and tell the score; None where all trials are done or running."""
    optuna = _optuna()
    study = _study(sweep)
    trial = study.ask()
    trial.set_user_attr("process", _process())
    if trial.number not in _counted(study)[: sweep.trials]:  # another process has begun the last one
        _lose(study, trial.number)
        return None
    study.sampler = optuna.samplers.TPESampler(
        seed=sweep.options.seed + trial.number, n_startup_trials=RANDOM_TRIALS, constant_liar=True
    )
    table = _table(sweep.path, os.stat(sweep.path).st_mtime_ns, tuple(sweep.options.choices.category))
    options = suggest(trial, sweep, table)
    begin = time.perf_counter()
    try:
        score = _trained(trial, Fitting(table, sweep.target, options), sweep.prune)
    except optuna.TrialPruned as pruned:
        trial.set_user_attr("note", str(pruned))
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return _record(trial.number, "pruned", None, trial.params, time.perf_counter() - begin, str(pruned))
    except (UserError, MemoryError) as error:
        trial.set_user_attr("note", str(error))
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return _record(trial.number, "failed", None, trial.params, time.perf_counter() - begin, str(error))
    study.tell(trial, score)
    return _record(trial.number, "complete", score, trial.params, time.perf_counter() - begin, "")


def suggest(trial: Any, sweep: Sweep, table: Table) -> Options:
    """The options of a trial: what the user has not fixed is chosen."""
    given = sweep.options
    chosen: dict[str, Any] = {}
    if given.hidden is None:
        layers = trial.suggest_int("layers", 1, 3)
        chosen["hidden"] = [trial.suggest_int("width", 16, 256, log=True)] * layers
    if given.lr is None:
        top = LR[given.task]
        chosen["lr"] = trial.suggest_float("lr", top / 16, top * 2, log=True)
    if given.batch_size is None:
        chosen["batch_size"] = trial.suggest_categorical("batch_size", batches(len(table)))
    if given.dropout is None:
        chosen["dropout"] = trial.suggest_float("dropout", 0.0, 0.5)
    return replace(given, **chosen)


def batches(rows: int) -> list[int]:
    """The batch sizes that are tried."""
    return [b for b in BATCHES if b <= max(BATCHES[0], rows)]


def options_of(settings: dict[str, Any], given: Options) -> Options:
    """The options that a trial with these settings had."""
    chosen = {name: settings[name] for name in ("lr", "batch_size", "dropout") if name in settings}
    if "width" in settings:
        chosen["hidden"] = [settings["width"]] * settings["layers"]
    return replace(given, **chosen)


def trials_of(sweep: Sweep) -> list[Trial]:
    """All trials so far, by number."""
    found = []
    study = _study(sweep)
    lost = _lost(study)
    for t in study.get_trials(deepcopy=False):
        if t.state.name == "WAITING":
            continue
        state = (
            LOST
            if t.number in lost
            else {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}.get(t.state.name, "running")
        )
        seconds = t.duration.total_seconds() if t.duration is not None else math.nan
        found.append(
            _record(t.number, state, t.value if state == "complete" else None, t.params, seconds, t.user_attrs.get("note", ""))
        )
    return found


def best_of(trials: list[Trial], metric: str) -> Trial | None:
    """The complete trial with the best score, the first of equals."""
    done = [t for t in trials if t.state == "complete" and t.score is not None and math.isfinite(t.score)]
    rank = METRICS[metric].rank
    return max(done, key=lambda t: (rank(t.score), -t.number)) if done else None


def begin(sweep: Sweep, table: Table) -> tuple[Sweep, Fitting]:
    """Make the study, whose first trial has the settings of the recipe: the sweep with its task and metric, and the Fitting of
    the recipe. UserError when there is a study of another search.
    """
    fitting = Fitting(table, sweep.target, sweep.options)
    metric = sweep.options.metric or DEFAULT[fitting.task]
    sweep = replace(sweep, options=replace(sweep.options, task=fitting.task, metric=metric))
    try:
        study = _study(sweep)
    except KeyError:
        study = _study(sweep, create="maximize" if METRICS[metric].greater else "minimize")
    identity = {
        "target": sweep.target,
        "metric": metric,
        "options": repr(replace(sweep.options, threads=None)),
        "columns": table.names,
        "rows": len(table),
    }
    if (known := study.user_attrs.get("identity")) is None:
        study.set_user_attr("identity", identity)
        if recipe := _recipe(fitting):
            study.enqueue_trial(recipe)
        return sweep, fitting
    for name, value in identity.items():
        if known[name] != value:
            raise UserError(
                f"has the trials of a sweep with other {name} ({known[name]}, and now {value}): give what was given "
                "then, or another --out",
                sweep.storage,
            )
    return sweep, fitting


# ---- A trial


def _trained(trial: Any, fitting: Fitting, prune: bool) -> float:
    """Train; the cross-validated score. TrialPruned when it does worse than the others at the same share of the steps."""
    optuna = _optuna()
    judged = [0]

    def after_epoch() -> None:
        training, plan = fitting.trainers[0].training, fitting.plan
        percent = 100 * training.step // plan.steps
        if percent == judged[0]:
            return
        judged[0] = percent
        value = training.history[-1][2]
        if math.isfinite(value):
            trial.report(value, percent)
            if prune and percent < 100 and trial.should_prune():
                raise optuna.TrialPruned(f"after {percent}% of the steps")

    fitting.run(after_epoch=after_epoch)
    if fitting.interrupted:
        raise KeyboardInterrupt
    if not fitting.found:
        raise UserError(fitting.stopped or "nothing was learned")
    score = fitting.model().facts["cross_validated"][fitting.options.metric]
    if not math.isfinite(score):
        raise UserError(f"the score is {score}")
    return float(score)


def _recipe(fitting: Fitting) -> dict[str, Any]:
    """The recipe's own settings, as those of a trial."""
    plan, given = fitting.plan, fitting.options
    found: dict[str, Any] = {}
    if given.hidden is None:
        found |= {"layers": len(plan.hidden), "width": plan.hidden[0]}
    if given.lr is None:
        found["lr"] = plan.lr
    if given.batch_size is None:
        found["batch_size"] = max(b for b in batches(len(fitting.table)) if b <= max(BATCHES[0], plan.batch_size))
    if given.dropout is None:
        found["dropout"] = plan.dropout
    return found


@lru_cache(maxsize=1)
def _table(path: str, changed: int, text: tuple[str, ...]) -> Table:
    """The table, read once in each process."""
    return read_table(path, text=list(text))


def _record(number: int, state: str, score: float | None, settings: dict[str, Any], seconds: float, note: str) -> Trial:
    return Trial(number, state, score, dict(settings), seconds, note)


# ---- The study


def _optuna() -> Any:
    optuna = need("optuna", "sweep")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def _study(sweep: Sweep, create: str = "") -> Any:
    """The study in the sweep's storage; with `create` (the direction) made where there is none."""
    optuna = _optuna()
    storage: Any = sweep.storage
    if "://" not in storage:
        journal = optuna.storages.journal
        storage = optuna.storages.JournalStorage(journal.JournalFileBackend(storage))
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=FIRST_JUDGED, interval_steps=5)
    if create:
        return optuna.create_study(storage=storage, study_name=NAME, direction=create, pruner=pruner, load_if_exists=True)
    return optuna.load_study(storage=storage, study_name=NAME, pruner=pruner)


def _counted(study: Any) -> list[int]:
    """The numbers of the trials that are done or running."""
    lost = _lost(study)
    return [t.number for t in study.get_trials(deepcopy=False) if t.state.name != "WAITING" and t.number not in lost]


def _lost(study: Any) -> set[int]:
    return {int(name.split()[1]) for name in study.user_attrs if name.startswith(f"{LOST} ")}


def _process() -> str:
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"


def _started(pid: int) -> str:
    """When a process of this machine began, where the system tells it: process numbers are used again."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _recover(sweep: Sweep) -> None:
    """Trials of processes that are gone are marked as lost, and their settings are the next to be tried."""
    study = _study(sweep)
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name == "RUNNING" and not _begins(trial) and not _lives(trial.user_attrs.get("process", "")):
            _lose(study, trial.number)
            if trial.params:
                study.enqueue_trial(trial.params)


def _begins(trial: Any) -> bool:
    """Whether the trial was asked for a moment ago: its process notes itself next."""
    return "process" not in trial.user_attrs and time.time() - trial.datetime_start.timestamp() < JUST_ASKED


def _lives(process: str) -> bool:
    """Whether the process of a trial may still run: one on another machine may."""
    host, _, rest = process.partition(" ")
    pid, _, started = rest.partition(" ")
    if not pid or host != socket.gethostname():
        return bool(pid)
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _started(int(pid)) == started


def _lose(study: Any, number: int) -> None:
    study.set_user_attr(f"{LOST} {number}", True)
    study.tell(number, state=_optuna().trial.TrialState.FAIL)
