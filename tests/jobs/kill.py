"""Trainings killed with SIGKILL at random moments and resumed, until each is done: the net must be that of a run left alone.

    python tests/jobs/kill.py [--kills 50] [--seed 1]

After each kill whatever checkpoint and model lie in the folder must be whole. Exit status 1 when anything is not.
"""
from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tinygrad_c.tables import modelfile

TRAIN = [sys.executable, "-m", "tinygrad_c", "train", "--epochs", "150", "--hidden", "64,32", "--checkpoint-every", "0.02"]


def run(out: Path, *more: str, kill: tuple[str, float] | None = None) -> bool:
    """Whether the training came to its end. kill: so many seconds after the "start", or after its first own "checkpoint"."""
    before = stamp(out)
    process = subprocess.Popen([*TRAIN, "--out", str(out), *more], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while kill and kill[0] == "checkpoint" and process.poll() is None and stamp(out) == before:
        time.sleep(0.002)
    try:
        _, err = process.communicate(timeout=kill and kill[1])
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    if process.returncode:
        raise SystemExit(f"training failed with status {process.returncode}:\n{err}")
    return True


def stamp(out: Path) -> int:
    path = out / modelfile.CHECKPOINT
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def check_files(out: Path) -> bool:
    """Whether there is a checkpoint; UserError when one of the files is not whole."""
    if (out / "model.safetensors").exists():
        modelfile.load(str(out / "model.safetensors"))
    if (out / modelfile.CHECKPOINT).exists():
        modelfile.unseal(str(out / modelfile.CHECKPOINT), (modelfile.TRAINING,), "a checkpoint", "")
        return True
    return False


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    draw = random.Random(args.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "whole"
        start = time.monotonic()
        run(out)
        length = time.monotonic() - start
        expected = (out / "model.safetensors").read_bytes()
        kills = trainings = with_checkpoint = 0
        while kills < args.kills:
            trainings += 1
            out = Path(folder) / f"killed{trainings}"
            # One in five at any time, most of which is the start of Python; the others while checkpoints are written.
            while not run(out, "--resume", kill=None if kills == args.kills else ("start", draw.uniform(0, length))
                          if draw.random() < 0.2 else ("checkpoint", draw.uniform(0, 0.7))):
                kills += 1
                with_checkpoint += check_files(out)
            if (out / "model.safetensors").read_bytes() != expected:
                raise SystemExit(f"seed {args.seed}, training {trainings}: the resumed net differs from that of a run left alone")
            left = sorted(p.name for p in out.iterdir() if not p.name.endswith(".tmp"))
            if left != ["answers.png", "curves.png", "metrics.json", "model.safetensors"]:
                raise SystemExit(f"seed {args.seed}, training {trainings}: left behind {left}")
    if kills >= 20 and 2 * with_checkpoint < kills:
        raise SystemExit(f"only {with_checkpoint} of {kills} kills hit a training that had a checkpoint: give TRAIN more epochs")
    print(f"{kills} kills at random moments of {trainings} trainings of {length:.1f} s ({with_checkpoint} with a checkpoint to go "
          f"on from): every net the same to the bit; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
