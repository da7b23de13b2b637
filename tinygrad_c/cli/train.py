"""`train`: a table becomes a net that answers for rows it has not seen."""
from __future__ import annotations

import argparse
import contextlib
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from tinygrad_c import (
    Generator,
    Tensor,
    datasets,
    from_numpy,
    get_num_threads,
    manual_seed,
    nn,
    no_grad,
    optim,
    randperm,
    set_num_threads,
)
from tinygrad_c.cli import checkpoint, encode, model, pictures, report
from tinygrad_c.cli.checkpoint import Training
from tinygrad_c.cli.errors import DONE, FAILED, INTERRUPTED, UserError, need
from tinygrad_c.cli.files import check_writable, write_elsewhere, write_file
from tinygrad_c.cli.plan import Plan, effects, make_plan
from tinygrad_c.cli.score import score
from tinygrad_c.cli.table import read_table
from tinygrad_c.utils.data import DataLoader, TensorDataset

CURVE_ROWS = 2000         # of the training rows, at most, on which their curve is drawn
FILES = ["model.safetensors", "curves.png", checkpoint.FILE]
ROOM = 9 * 4              # bytes a weight: the model, the old and the new checkpoint (weights, best ones, two moments)
SMALL_FILES = 1 << 20     # bytes, for the curves and what the files say in words
INTERRUPTED_BY_USER = "interrupted"


def train(args: argparse.Namespace) -> int:
    """The command. All that can be wrong with the input is found out before anything is written."""
    for library in ("pandas", "tqdm", "safetensors", "matplotlib"):
        need(library)
    path = args.file or str(datasets.digits_path())
    table = read_table(path)
    table.path = args.file or "the bundled digits"
    target = args.target or table.names[-1]
    task, answers = encode.read_target(table, target, args.task)
    seed = args.seed or 0
    rows = encode.split(answers, randperm(len(table), generator=Generator().manual_seed(seed)).numpy())
    recipe, notes = encode.fit(table, target, task, answers, rows[0])
    X, filled = recipe.encode(table)
    y = recipe.encode_target(answers)
    notes += filled + encode.rare_classes(recipe, y[rows[0]])
    out = Path(args.out or Path("runs") / Path(path).name.partition(".")[0])
    if args.threads is not None:
        set_num_threads(args.threads)
    plan = make_plan(args, task, len(rows[0]), get_num_threads())
    widths = [X.shape[1], *plan.hidden, recipe.outputs]
    check_writable(out, FILES, ROOM * sum((a + 1) * b for a, b in pairwise(widths)) + SMALL_FILES)
    manual_seed(seed)
    net = model.network(widths, plan.dropout)
    part = [(X[i], y[i]) for i in rows]
    state = checkpoint.State(net, make_optimizer(plan, net), Generator().manual_seed(plan.seed), Training())
    same = checkpoint.identity(plan, recipe, part)
    if args.resume and (out / checkpoint.FILE).exists():
        state.load(out / checkpoint.FILE, same)
        notes.append(f"going on from step {state.training.step:,}, in {out / checkpoint.FILE}")
    elif args.resume:
        notes.append(f"nothing to go on with in {out}: from the beginning")
    report.print_table(table, recipe, rows, notes)

    def best_net() -> bytes:
        training = state.training
        return model.dump(training.best, recipe, {
            "rows": len(table), "best_epoch": training.best_epoch, "validation": str(training.best_score),
            "settings": {name: value for name, value, *_ in effects(plan, widths, 0, 0, "")}})

    def save(order: np.ndarray) -> None:
        write_file(out / checkpoint.FILE, state.dump(same, order))
        if state.training.best is not None:
            write_file(out / FILES[0], best_net())

    training = fit(state, recipe, plan, part[0], part[1], save, args.checkpoint_every)
    with undisturbed():
        if training.stopped != INTERRUPTED_BY_USER:      # otherwise --resume may go on from it
            (out / checkpoint.FILE).unlink(missing_ok=True)
        if training.best is None:
            print(f"tinygrad_c: {training.stopped}; nothing is saved", file=sys.stderr)
            return _status(training)
        net.load_state_dict({name: from_numpy(w) for name, w in training.best.items()})
        outputs, answers = model.run(net, part[2][0]), part[2][1]
        picture = pictures.curves(training.history, training.best_epoch, recipe, outputs, answers, table.path)
        places = [_write(out / FILES[0], best_net()), _write(out / FILES[1], picture)]
        report.print_result(recipe, outputs, answers)
        print(f"speed: {training.samples / max(training.seconds, 1e-9):,.0f} samples per second "
              f"({training.samples:,} in {training.seconds:.2f} s)")
        report.print_effects(effects(plan, widths, training.best_epoch, len(training.history), gain(training)))
        print(f"wrote {places[0]} and {places[1]}")
    if training.stopped:
        print(f"tinygrad_c: {training.stopped}; the best net so far (epoch {training.best_epoch}) is saved in {places[0]}"
              + ("; --resume goes on" if (out / checkpoint.FILE).exists() else ""), file=sys.stderr)
    return _status(training)


def fit(state: checkpoint.State, recipe: encode.Recipe, plan: Plan, train_part: tuple, validation: tuple,
        save: Callable[[np.ndarray], None], save_every: float) -> Training:
    """Train by the plan; Ctrl-C or a loss that is no number ends it, with what it has come to so far."""
    net, optimizer, training = state.net, state.optimizer, state.training
    X, y = map(from_numpy, train_part)
    every = math.ceil(len(X) / CURVE_ROWS)      # the rows are sorted by their answer
    sample = tuple(np.ascontiguousarray(part[::every]) for part in train_part)
    loader = DataLoader(TensorDataset(X, y), batch_size=plan.batch_size, shuffle=True, generator=state.order)
    loss_of = nn.MSELoss() if recipe.task == encode.REGRESSION else nn.CrossEntropyLoss(label_smoothing=plan.smoothing)
    saved_at, refused = time.monotonic(), ""
    epochs, batches = divmod(training.step, plan.steps_per_epoch)
    bar = need("tqdm").tqdm(total=plan.epochs, initial=epochs, desc="training", unit="epoch", file=sys.stderr)
    try:
        for epoch in range(epochs + 1, plan.epochs + 1):
            net.train()
            order = state.order.get_state().numpy().copy()
            start = time.perf_counter()
            for inputs, targets in islice(loader, batches, None):
                if time.monotonic() - saved_at > save_every and training.step:
                    training.seconds += time.perf_counter() - start
                    refused = _try_to_save(save, order, refused)
                    saved_at, start = time.monotonic(), time.perf_counter()
                for group in optimizer.param_groups:
                    group["lr"] = plan.lr_at(training.step)
                optimizer.zero_grad()
                loss = loss_of(net(inputs), targets)
                if not math.isfinite(loss.item()):
                    training.stopped = (f"epoch {epoch}, step {training.step + 1}: the loss is {loss.item():g}, "
                                        f"{culprit(net, inputs)}; a lower --lr than {plan.lr:g} may help")
                    return training
                loss.backward()
                optimizer.step()
                training.step += 1
                training.samples += len(inputs)
            batches = 0
            training.seconds += time.perf_counter() - start
            scores = tuple(score(recipe, model.run(net, x), t) for x, t in (sample, validation))
            training.history.append(scores)
            if math.isfinite(scores[1].loss) and (training.best is None or scores[1].rank >= training.best_score.rank):
                training.best, training.best_epoch = model.weights(net), epoch
            bar.set_postfix_str(f"validation {scores[1]}", refresh=False)
            bar.update()
        if training.best is None:
            training.stopped = "the loss on the validation rows was never finite; a lower --lr may help"
    except KeyboardInterrupt:
        training.stopped = INTERRUPTED_BY_USER
    finally:
        bar.close()
    return training


def culprit(net: nn.Module, inputs: Tensor) -> str:
    """The first layer, on the way from the inputs to the loss, in which there is a number that is none."""
    net.eval()
    values = inputs
    with no_grad():
        for number, layer in enumerate(net, 1):
            name = f"layer {number} ({layer})"
            for what, parameter in layer.named_parameters():
                if (found := _not_finite(parameter)) is not None:
                    return f"from {name}, whose {what} holds {found:g}"
            values = layer(values)
            if (found := _not_finite(values)) is not None:
                return f"from {name}, whose output holds {found:g}"
    return "out of outputs that are all finite"


def _not_finite(tensor: Tensor) -> float | None:
    array = tensor.detach().numpy()
    bad = array[~np.isfinite(array)]
    return float(bad[0]) if bad.size else None


def _try_to_save(save: Callable[[np.ndarray], None], order: np.ndarray, refused: str) -> str:
    """A checkpoint that cannot be written does not end the training: it is said, once for each reason."""
    try:
        save(order)
    except UserError as error:
        if str(error) != refused:
            need("tqdm").tqdm.write(f"tinygrad_c: {error}; training goes on without a new checkpoint", file=sys.stderr)
        return str(error)
    return ""


def _write(path: Path, data: bytes) -> Path:
    try:
        write_file(path, data)
    except UserError as error:
        return write_elsewhere(path, data, error)
    return path


def _status(training: Training) -> int:
    if training.stopped == INTERRUPTED_BY_USER:
        return INTERRUPTED
    return FAILED if training.stopped else DONE


def make_optimizer(plan: Plan, net: nn.Module) -> optim.Optimizer:
    """The optimizer that the plan names, with the settings that plan.OPTIMIZERS tells."""
    parameters = net.parameters()
    if plan.optimizer == "sgd":
        return optim.SGD(parameters, lr=plan.lr, momentum=0.9, nesterov=True)
    return {"adamw": optim.AdamW, "adam": optim.Adam, "rmsprop": optim.RMSprop, "adagrad": optim.Adagrad}[plan.optimizer](
        parameters, lr=plan.lr)


def gain(training: Training) -> str:
    """What the epochs brought on the validation rows, from the first to the one that is kept."""
    first, kept = training.history[0][1], training.best_score
    return f"validation {kept.name} {str(first).split()[1]} -> {str(kept).split()[1]}"


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits until what has been learned is on disk."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:      # not in the main thread, where Ctrl-C does not arrive anyway
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

