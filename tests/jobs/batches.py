"""Batches of random work, each in a process of its own, so that a crash is seen and its seed is told."""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path


def main(argv: list[str] | None, description: str, script: str, work: Callable, counts: Iterable[str], size: int,
         **numbers: int) -> None:
    """The command of a job: as many of something as the option `numbers` says, by work(seed, which ones), `size` to a process.

    work prints a line `name: number` for each of `counts`.
    """
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    for name, default in {"seed": 1, **numbers}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", type=int, help="one number of the seed's, in this process: to look into what was found")
    parser.add_argument("--first", type=int)
    parser.add_argument("--last", type=int)
    args = parser.parse_args(argv)
    if args.only is not None:
        work(args.seed, [args.only])
    elif args.last is not None:
        work(args.seed, range(args.first, args.last))
    else:
        (word,) = numbers
        count = getattr(args, word)
        lines, faults, seconds = run(script, args.seed, count, size)
        found = ", ".join(f"{name} {total(lines, name)}" for name in counts)
        print(f"{count} {word}: {found}; {len(faults)} faults; {seconds:.0f} s")
        finish(faults)


def run(script: str, seed: int, count: int, size: int, timeout: float = 600) -> tuple[list[str], list[str], float]:
    """Numbers 0 .. count - 1 of the seed, `size` to a process, as `script --seed S --first N --last M`.

    Returns what the processes printed, what went wrong (a line each), and the seconds. A process that finds a fault prints
    a line "FAULT number: ..." and goes on; one that dies is told with the number that it had announced last on stderr.
    """
    lines, faults, began = [], [], time.monotonic()
    for first in range(0, count, size):
        command = [sys.executable, "-X", "faulthandler", "-W", "ignore", script, "--seed", str(seed), "--first", str(first),
                   "--last", str(min(first + size, count))]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, errors="replace")
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"").decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr or ""
            faults.append(f"HANG seed {seed}, from {first}: {tail(said)}")
            continue
        found = done.stdout.splitlines()
        lines += found
        faults += [f"seed {seed}, {line}" for line in found if line.startswith("FAULT")]
        if done.returncode:
            faults.append(f"CRASH seed {seed}, from {first}, status {done.returncode}: {tail(done.stderr)}")
    return lines, faults, time.monotonic() - began


def build(folder: Path, **environment: str) -> None:
    """The extension modules of the sources in `folder`, in place; what the compiler says is shown when it fails."""
    done = subprocess.run([sys.executable, "setup.py", "build_ext", "--inplace"], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, **environment}, errors="replace")
    if done.returncode:
        raise SystemExit(f"the build failed with status {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")


def tail(text: str, lines: int = 12) -> str:
    return " | ".join(text.strip().splitlines()[-lines:])


def total(lines: list[str], name: str) -> int:
    """The sum of the numbers in lines `name: number`."""
    return sum(int(line.split(":")[1]) for line in lines if line.startswith(f"{name}:"))


def finish(faults: list[str]) -> None:
    for fault in faults[:20]:
        print(fault)
    if faults:
        raise SystemExit(f"{len(faults)} faults")
