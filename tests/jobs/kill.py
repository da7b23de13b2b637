"""Trainings killed with SIGKILL at random moments and resumed, until each is done: the net must be that of a run left alone.

    python tests/jobs/kill.py [--kills 50] [--seed 1]
    python tests/jobs/kill.py --compiled            # a compiled step's whole epochs, with a checkpoint after each

After each kill whatever checkpoint and model lie in the folder must be whole. Exit status 1 when anything is not.
"""
from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tinygrad_c.tables import modelfile

COMPILED_EPOCHS = 200
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


def train_compiled(out: Path) -> None:
    """Train by step.epochs(), from the checkpoint in `out` if there is one; each epoch writes it anew. Ends with the file "net"."""
    import tinygrad_c as T
    F = T.nn.functional
    T.manual_seed(0)
    x, order = T.randn(200, 6), T.Generator().manual_seed(1)
    y = (x[:, 0] * x[:, 1] > 0).long()
    net = T.nn.Sequential(T.nn.Linear(6, 16), T.nn.ReLU(), T.nn.Dropout(0.1), T.nn.Linear(16, 2))
    optimizer = T.optim.Adam(net.parameters(), lr=0.01)
    scheduler = T.optim.lr_scheduler.StepLR(optimizer, 100, 0.9)
    before, path = 0, out / "checkpoint"

    def state(epoch: int) -> dict:
        return {"epoch": epoch, "net": net.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
                "order": order.get_state(), "stream": T.get_rng_state()}

    if path.exists():
        found = T.load(path)
        before = found["epoch"]
        net.load_state_dict(found["net"])
        optimizer.load_state_dict(found["optimizer"])
        scheduler.load_state_dict(found["scheduler"])
        order.set_state(found["order"])
        T.set_rng_state(found["stream"])

    @T.compile
    def step(x: T.Tensor, y: T.Tensor) -> T.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def keep(epoch: int, losses: T.Tensor) -> None:
        T.save(state(before + epoch + 1), out / "next")
        os.replace(out / "next", path)
    step.epochs(x, y, batch_size=16, shuffle=True, epochs=COMPILED_EPOCHS - before, generator=order, scheduler=scheduler, on_epoch=keep)
    T.save([p.detach().numpy().tobytes() for p in net.parameters()] + [repr(step)], out / "net")


def kill_compiled(kills: int, seed: int) -> None:
    import tinygrad_c as T
    draw, began = random.Random(seed), time.monotonic()

    def run(out: Path, timeout: float | None) -> bool:
        out.mkdir(exist_ok=True)
        process = subprocess.Popen([sys.executable, __file__, "--train-compiled", str(out)], stderr=subprocess.PIPE, text=True)
        try:
            _, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return False
        if process.returncode:
            raise SystemExit(f"training failed with status {process.returncode}:\n{err}")
        return True
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        run(Path(folder, "whole"), None)
        length = time.monotonic() - start
        *expected, step = T.load(Path(folder, "whole/net"))
        killed = trainings = resumed = 0
        while killed < kills:
            trainings += 1
            out = Path(folder, f"killed{trainings}")
            while not run(out, draw.uniform(0, length) if killed < kills else None):
                killed += 1
                resumed += (out / "checkpoint").exists()
            if T.load(out / "net")[:-1] != expected:
                raise SystemExit(f"seed {seed}, training {trainings}: the resumed net differs from that of a run left alone")
    if " program" not in step or resumed == 0:
        raise SystemExit(f"{step}, {resumed} kills with a checkpoint: nothing was tried")
    print(f"{killed} kills at random moments of {trainings} compiled trainings of {length:.1f} s ({resumed} with a checkpoint to go on "
          f"from; {step}): every net the same to the bit; {time.monotonic() - began:.0f} s")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compiled", action="store_true", help="the whole epochs of a compiled step")
    parser.add_argument("--train-compiled", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.train_compiled:
        train_compiled(args.train_compiled)
        return
    if args.compiled:
        kill_compiled(args.kills, args.seed)
        return
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
