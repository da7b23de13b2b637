"""The command line's entry point and its arguments."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from tinygrad_c.cli.errors import DONE, INTERRUPTED, USER_ERROR, UserError

METRICS = ["accuracy", "balanced_accuracy", "f1", "auc", "logloss", "r2", "rmse", "mae"]
OPTIMIZERS = ["adam", "adamw", "sgd", "rmsprop", "adagrad"]


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    try:
        arguments = sys.argv[1:] if argv is None else argv
        if not arguments:
            parser().print_help()
            return DONE
        args = parser().parse_args(arguments)
        with _terminated_as_interrupted():
            status = args.command(args)
        sys.stdout.flush()
    except UserError as error:
        print(f"tinygrad_c: {error}", file=sys.stderr)
        return USER_ERROR
    except MemoryError:
        print("tinygrad_c: there is not enough memory for this; a smaller --hidden or --batch-size may do", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("tinygrad_c: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the pipe has closed it (| head)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return status


class _terminated_as_interrupted:
    """Handle SIGTERM like Ctrl-C, so that the training so far is saved."""

    def __enter__(self) -> None:
        self.before = None
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGTERM"):
            self.before = signal.signal(signal.SIGTERM, self._interrupt)

    def __exit__(self, *error: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGTERM, self.before)

    @staticmethod
    def _interrupt(*args: Any) -> NoReturn:
        raise KeyboardInterrupt


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    from tinygrad_c.version import __version__

    top = Parser(prog="tinygrad_c", description="Train small neural nets on a table, and use them.")
    top.add_argument("--version", action="version", version=f"tinygrad_c {__version__}")
    commands = top.add_subparsers(title="commands", metavar="train | sweep | predict | play | info | export", required=True)
    _train_options(commands.add_parser("train", help="train nets on a table, or on the bundled handwritten digits"))

    _sweep_options(commands.add_parser("sweep", help="search for the best settings of train, in several processes"))

    predict = commands.add_parser("predict", help="answer for the rows of a file")
    predict.set_defaults(command=_predict)
    predict.add_argument("model", metavar="MODEL", help="the model.safetensors that train wrote")
    predict.add_argument(
        "file", metavar="FILE", help="a table with the columns that the nets were trained on; - is standard input"
    )
    predict.add_argument("--out", metavar="FILE", help="where to write the answers (default: standard output)")
    predict.add_argument(
        "--keep",
        metavar="COLUMN",
        action="append",
        nargs="?",
        const="*",
        default=[],
        help="write this column of the file beside the answers (may be repeated; without a name: all columns)",
    )
    predict.add_argument("--proba", action="store_true", help="write the probability of every class")
    predict.add_argument("--json", action="store_true", help="write JSON: a list with an object for each row")
    predict.add_argument("--quiet", action="store_true", help="no notes on standard error")

    play = commands.add_parser("play", help="watch a small net train, in the browser, on toy data or on columns of a table")
    play.set_defaults(command=_play)
    play.add_argument("file", nargs="?", metavar="FILE", help="a table whose first line names its columns (default: toy data)")
    play.add_argument("--columns", metavar="A,B", help="the inputs: two for a class, one for a quantity "
                      "(default: the first with numbers)")
    play.add_argument("--target", metavar="COLUMN", help="the column to predict (default: the last one)")
    play.add_argument("--port", type=port, default=0, metavar="N", help="default: any that is free")
    play.add_argument("--no-browser", action="store_true", help="only print the address")

    info = commands.add_parser("info", help="version, instruction set, threads; or what a model is and wants")
    info.set_defaults(command=_info)
    info.add_argument("model", nargs="?", metavar="MODEL", help="a model.safetensors that train wrote")
    info.add_argument("--json", action="store_true", help="the same as JSON")

    export = commands.add_parser("export", help="write a model as a C header, an ONNX file or a NumPy module")
    export.set_defaults(command=_export)
    export.add_argument("model", metavar="MODEL", help="the model.safetensors that train wrote")
    export.add_argument("--to", choices=["c", "onnx", "py"], default="c", help="default: c")
    export.add_argument("--out", metavar="FILE", help="where to write it (default: beside the model)")
    export.add_argument("--int8", action="store_true", help="c: weights of 8 bits, a quarter of the size")
    export.add_argument("--rows", metavar="FILE", help="a table whose rows are compared as well")
    return top


def _train_options(train: argparse.ArgumentParser) -> None:
    train.set_defaults(command=_train)
    train.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="a table: CSV and its like (compressed or not), Parquet, Excel; - is standard input (default: the bundled digits)",
    )
    train.add_argument("--test", metavar="FILE", help="score on the rows of this file, which nothing else sees")
    effort = train.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="one net instead of five")
    effort.add_argument("--best", action="store_true", help="ten nets of two kinds instead of five")
    _recipe_options(train)
    train.add_argument(
        "--holdout",
        type=share,
        metavar="X",
        help="score on this share of the rows, which nothing else sees (default: 0; 0.2 for the digits)",
    )
    train.add_argument("--threads", type=at_least(1), metavar="N", help="how many threads compute (default: one a core)")
    train.add_argument(
        "--resume",
        action="store_true",
        help="continue the training that was stopped in the folder --out, to the same bits; start anew if there is none",
    )
    train.add_argument(
        "--checkpoint-every",
        type=not_negative,
        metavar="X",
        default=2.0,
        help="seconds between checkpoints, from which --resume goes on (default: 2)",
    )
    train.add_argument("--out", metavar="DIR", help="folder for the model and the pictures (default: runs/NAME-OF-FILE)")
    train.add_argument("--json", action="store_true", help="write metrics.json to standard output too, and nothing else there")
    train.add_argument("--quiet", action="store_true", help="write the score only")


def _sweep_options(sweep: argparse.ArgumentParser) -> None:
    sweep.set_defaults(command=_sweep, best=False, test=None)
    sweep.add_argument("file", metavar="FILE", help="a table: CSV and its like (compressed or not), Parquet, Excel")
    sweep.add_argument("--trials", type=at_least(1), default=50, metavar="N", help="trainings in all (default: 50)")
    sweep.add_argument("--jobs", type=at_least(1), metavar="N", help="processes that train (default: one a core)")
    sweep.add_argument("--threads", type=at_least(1), metavar="N", help="threads of each (default: the cores by --jobs)")
    sweep.add_argument("--quick", action="store_true", help="trials of one net instead of five")
    _recipe_options(sweep, searched="not searched: ")
    sweep.add_argument("--holdout", type=share, default=0.2, metavar="X",
                       help="score the best trial on this share of the rows, which no trial sees (default: 0.2)")
    sweep.add_argument("--no-pruning", action="store_true", help="finish bad trials too")
    sweep.add_argument("--resume", action="store_true",
                       help="go on with the sweep in --out, or take part in one that another process is running")
    sweep.add_argument("--out", metavar="DIR", help="folder for trials and the best model (default: runs/NAME-OF-FILE-sweep)")
    sweep.add_argument("--storage", metavar="URL", help="keep the trials in a database: sqlite:///trials.db, mysql://..")
    sweep.add_argument("--quiet", action="store_true", help="no progress, the result only")


def _recipe_options(command: argparse.ArgumentParser, searched: str = "") -> None:
    """What train and sweep both take. `searched` stands before the help of what a sweep chooses where it is not given."""
    command.add_argument("--target", metavar="COLUMN", help="the column to predict (default: the last one)")
    command.add_argument("--task", choices=["classification", "regression"], help="default: detected from the target")
    command.add_argument(
        "--folds", type=at_least(2), metavar="N", help="number of folds, each the validation rows of one net (default: 5)"
    )
    command.add_argument("--metric", choices=METRICS, help="chooses the best epochs and the best trial, and is shown first")
    command.add_argument("--class-weight", choices=["balanced"], help="give every class the same total weight")
    for kind, words in (
        ("number", "is a number"),
        ("category", "is a category"),
        ("date", "is a date"),
        ("drop", "is left out"),
        ("keep", "is not left out as an identifier"),
    ):
        command.add_argument(
            f"--{kind}", metavar="COLUMN", action="append", default=[], help=f"this column {words} (may be repeated)"
        )
    command.add_argument(
        "--hidden", type=widths, metavar="N,N", help=f"{searched}widths of the hidden layers; 0 for none (default: 64,64)"
    )
    command.add_argument(
        "--epochs", type=at_least(1), metavar="N", help="passes over the rows (default: from the rows and the task)"
    )
    command.add_argument("--batch-size", type=at_least(1), metavar="N", help=f"{searched}rows in a step (default: 256)")
    command.add_argument(
        "--lr", type=positive, metavar="X", help=f"{searched}highest learning rate (default: from the optimizer and the task)"
    )
    command.add_argument("--dropout", type=share, metavar="X", help=f"{searched}share of the units left out in a step "
                         "(default: 0.15 for classes, 0 for quantities)")
    command.add_argument("--optimizer", choices=OPTIMIZERS, help="default: adam")
    command.add_argument(
        "--seed", type=at_least(0), metavar="N", help="the same seed gives the same nets to the bit (default: 0)"
    )


# The commands are imported when they run: `--help` and `info` need no pandas.
def _train(args: argparse.Namespace) -> int:
    from tinygrad_c.cli.train import train

    return train(args)


def _sweep(args: argparse.Namespace) -> int:
    from tinygrad_c.cli.sweep import sweep

    return sweep(args)


def _predict(args: argparse.Namespace) -> int:
    from tinygrad_c.cli.predict import predict

    return predict(args)


def _play(args: argparse.Namespace) -> int:
    from tinygrad_c.play.server import play

    play(args.file, args.columns.split(",") if args.columns else None, args.target, args.port, not args.no_browser)
    return DONE


def _info(args: argparse.Namespace) -> int:
    if args.model:
        from tinygrad_c.cli.info import info

        return info(args)
    from tinygrad_c import show_config

    print(show_config())
    return DONE


def _export(args: argparse.Namespace) -> int:
    from tinygrad_c.cli.export import export

    return export(args)


def widths(text: str) -> list[int]:
    """`64,64` as [64, 64]; `0` as no hidden layer."""
    values = [at_least(0)(part) for part in text.split(",")]
    if 0 in values and len(values) > 1:
        raise argparse.ArgumentTypeError("a hidden layer needs a width of at least 1")
    return [v for v in values if v]


def at_least(low: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not low <= value < 2**63:
            raise argparse.ArgumentTypeError(f"{value} is not at least {low}" if value < low else f"{value} is too large")
        return value

    return whole


def port(text: str) -> int:
    value = at_least(0)(text)
    if value > 65535:
        raise argparse.ArgumentTypeError(f"{value} is not a port: the largest is 65535")
    return value


def positive(text: str) -> float:
    if (value := not_negative(text)) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def share(text: str) -> float:
    if (value := not_negative(text)) >= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to below 1")
    return value


def not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not (value >= 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value
