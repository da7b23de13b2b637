"""The way in: what can be written on the command line."""
from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from tinygrad_c.cli.errors import DONE, INTERRUPTED, USER_ERROR, UserError


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status."""
    try:
        args = parser().parse_args(argv)
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
    except BrokenPipeError:      # the reader of our output has gone (| head): nothing more to say to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return status


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = Parser(prog="tinygrad_c", description="Train a small neural net on a table, and use it.")
    commands = top.add_subparsers(title="commands", metavar="train | predict | play | info", required=True)

    train = commands.add_parser("train", help="train a net on a CSV file, or on the bundled handwritten digits")
    train.set_defaults(command=_train)
    train.add_argument("file", nargs="?", metavar="FILE.csv", help="a table whose first line names its columns "
                       "(default: the bundled digits)")
    train.add_argument("--target", metavar="COLUMN", help="the column to predict (default: the last one)")
    train.add_argument("--task", choices=["classification", "regression"], help="default: found out from the target")
    train.add_argument("--hidden", type=widths, metavar="N,N", help="widths of the hidden layers; 0 for none "
                       "(default: 256 for classes, 64,64 for a quantity)")
    train.add_argument("--epochs", type=at_least(1), metavar="N", help="passes over the rows (default: 2,500 steps' worth)")
    train.add_argument("--batch-size", type=at_least(1), metavar="N", help="rows in a step (default: from the number of rows)")
    train.add_argument("--lr", type=positive, metavar="X", help="highest learning rate (default: from the optimizer)")
    train.add_argument("--optimizer", choices=["adamw", "adam", "sgd", "rmsprop", "adagrad"], help="default: adamw")
    train.add_argument("--seed", type=at_least(0), metavar="N", help="the same seed gives the same net to the bit (default: 0)")
    train.add_argument("--threads", type=at_least(1), metavar="N", help="how many threads compute (default: one a core)")
    train.add_argument("--resume", action="store_true", help="go on with the training that was stopped in the folder --out, to "
                       "the same net to the bit; from the beginning if there is none")
    train.add_argument("--checkpoint-every", type=not_negative, metavar="X", default=2.0,
                       help="seconds between checkpoints, from which --resume goes on (default: 2)")
    train.add_argument("--out", metavar="DIR", help="folder for the model and the curves (default: runs/NAME-OF-FILE)")

    predict = commands.add_parser("predict", help="use a trained net on the rows of a CSV file")
    predict.set_defaults(command=_predict)
    predict.add_argument("model", metavar="MODEL", help="the model.safetensors that train wrote")
    predict.add_argument("file", metavar="FILE.csv", help="a table with the columns that the net was trained on")
    predict.add_argument("--out", metavar="FILE", help="where to write the answers (default: standard output)")

    play = commands.add_parser("play", help="watch a small net learn, in the browser, on toy data or on columns of a CSV file")
    play.set_defaults(command=_play)
    play.add_argument("file", nargs="?", metavar="FILE.csv", help="a table whose first line names its columns "
                      "(default: toy data)")
    play.add_argument("--columns", metavar="A,B", help="the inputs: two for a class, one for a quantity "
                      "(default: the first with numbers)")
    play.add_argument("--target", metavar="COLUMN", help="the column to predict (default: the last one)")
    play.add_argument("--port", type=port, default=0, metavar="N", help="default: any that is free")
    play.add_argument("--no-browser", action="store_true", help="only print the address")

    info = commands.add_parser("info", help="version, instruction set, threads")
    info.set_defaults(command=_info)
    return top


# The commands are imported when they run: `--help` and `info` need no pandas.
def _train(args: argparse.Namespace) -> int:
    from tinygrad_c.cli.train import train

    return train(args)


def _predict(args: argparse.Namespace) -> int:
    from tinygrad_c.cli.predict import predict

    return predict(args)


def _play(args: argparse.Namespace) -> int:
    from tinygrad_c.play.server import play

    play(args.file, args.columns.split(",") if args.columns else None, args.target, args.port, not args.no_browser)
    return DONE


def _info(args: argparse.Namespace) -> int:
    from tinygrad_c import show_config

    print(show_config())
    return DONE


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
        raise argparse.ArgumentTypeError(f"{value} is no port: they end at 65535")
    return value


def positive(text: str) -> float:
    if (value := not_negative(text)) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not (value >= 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value
