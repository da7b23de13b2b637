"""`sweep`: the same trials for any number of processes; resumed, shared, killed; input that it refuses."""
import csv
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

for _library in ("pandas", "tqdm", "matplotlib", "safetensors", "optuna", "joblib"):
    pytest.importorskip(_library)

from samples import paths  # noqa: E402

FIXED = ["--quick", "--epochs", 4, "--batch-size", 64, "--no-pruning"]


@pytest.fixture(autouse=True)
def _table(here, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", paths.environment()["PYTHONPATH"])
    with open("t.csv", "w") as file:
        file.write("a,b,kind\n" + "".join(f"{i % 7},{(i * i) % 11 - (i % 2) * 3},{'xy'[i % 2]}\n" for i in range(120)))


def trials(folder):
    with open(f"{folder}/trials.csv", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def begun(folder):
    """The process of the first trial that runs in a sweep, or None."""
    if not os.path.exists(f"{folder}/trials.journal"):
        return None
    with open(f"{folder}/trials.journal") as file:
        found = re.search(r'"process": ?"\S+ (\d+) ', file.read())
    return found and int(found[1])


def test_the_same_trials_in_one_process_and_in_two_resumed(run, here):
    status, out, err = run("sweep", "t.csv", "--trials", 4, "--jobs", 1, "--out", "one", *FIXED)
    assert status == 0, err
    assert "4/4" in err
    assert "best: trial" in out
    one = trials("one")
    assert [t["state"] for t in one] == ["complete"] * 4
    assert one[0]["width"] == "64"          # the recipe
    assert sorted(os.listdir("one")) == ["metrics.json", "model.safetensors", "trials.csv", "trials.journal", "trials.png"]
    assert run("sweep", "t.csv", "--trials", 2, "--jobs", 2, "--out", "two", *FIXED)[0] == 0
    assert "--resume goes on" in run("sweep", "t.csv", "--trials", 4, "--out", "two", *FIXED)[2]
    assert run("sweep", "t.csv", "--trials", 4, "--jobs", 2, "--out", "two", "--resume", *FIXED)[0] == 0
    two = trials("two")
    key = [(t["layers"], t["width"], t["lr"], t["dropout"], t["accuracy"]) for t in one]
    assert [(t["layers"], t["width"], t["lr"], t["dropout"], t["accuracy"]) for t in two] == key
    with open("one/model.safetensors", "rb") as a, open("two/model.safetensors", "rb") as b:
        assert a.read() == b.read()
    # The command that is told trains the same nets.
    command = next(line for line in out.splitlines() if line.startswith("the same nets: ")).split()[4:]
    assert run(*command, "--out", "again")[0] == 0
    from tinygrad_c.tables import modelfile
    a, b = modelfile.load("one/model.safetensors"), modelfile.load("again/model.safetensors")
    assert all((x == y).all() for g, h in zip(a.groups, b.groups) for x, y in zip(g.arrays.values(), h.arrays.values()))


def test_processes_that_began_in_another_folder(run, here, monkeypatch):
    """joblib keeps its processes, with their folder, for the next that asks for as many: they looked for the journal there."""
    import joblib
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        joblib.Parallel(n_jobs=2)(joblib.delayed(os.getcwd)() for _ in range(2))       # here, or where an earlier test began them
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    status, _, err = run("sweep", "../t.csv", "--trials", 2, "--jobs", 2, "--threads", 1, "--out", "o", *FIXED)
    assert status == 0, err
    assert [t["state"] for t in trials("o")] == ["complete"] * 2


def test_a_storage_has_its_whole_path(here):
    """That of --storage was taken from the folder of each process, as the journal's."""
    from tinygrad_c.cli.sweep import from_anywhere
    assert from_anywhere("o/trials.journal") == str(here / "o" / "trials.journal")
    assert from_anywhere("sqlite:///x.db") == f"sqlite:///{here / 'x.db'}"
    for whole in (f"sqlite:///{here / 'x.db'}", "postgresql://user@host/trials", str(here / "a.journal")):
        assert from_anywhere(whole) == whole



def test_the_command_it_tells_has_every_option_that_was_given(run, here):
    """It left out --folds, --task and a --hidden of 0; --drop and --class-weight were train's alone."""
    with open("a b.csv", "w") as file:
        file.write("a,b b,kind\n" + "".join(f"{i % 7},{(i * i) % 11 - (i % 2) * 3},{i % 2}\n" for i in range(120)))
    status, out, err = run("sweep", "a b.csv", "--trials", 1, "--jobs", 1, "--out", "o", "--epochs", 3, "--batch-size", 64, "--folds", 3,
                           "--task", "classification", "--drop", "b b", "--class-weight", "balanced", "--hidden", 0)
    assert status == 0, err
    command = shlex.split(next(line for line in out.splitlines() if line.startswith("the same nets: ")))[4:]
    assert run(*command, "--out", "again")[0] == 0
    from tinygrad_c.tables import modelfile
    a, b = modelfile.load("o/model.safetensors"), modelfile.load("again/model.safetensors")
    assert [g.arrays.keys() for g in a.groups] == [g.arrays.keys() for g in b.groups]
    assert all((x == y).all() for g, h in zip(a.groups, b.groups) for x, y in zip(g.arrays.values(), h.arrays.values()))


def test_bad_trials_are_stopped_early(run, here):
    assert run("sweep", "t.csv", "--target", "b", "--task", "regression", "--trials", 14, "--jobs", 1, "--quick",
               "--epochs", 12, "--batch-size", 64, "--out", "o")[0] == 0
    found = trials("o")
    assert {t["state"] for t in found} == {"complete", "pruned"}
    assert all(t["r2"] == "" and "% of the steps" in t["note"] for t in found if t["state"] == "pruned")


def test_a_killed_process_costs_its_trial_which_is_tried_again(here):
    command = [sys.executable, "-m", "tinygrad_c", "sweep", "t.csv", "--trials", "6", "--jobs", "2", "--quick", "--epochs", "300",
               "--no-pruning", "--out", "o", "--quiet"]
    child = subprocess.Popen(command, env=paths.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        victim, until = None, time.monotonic() + 120
        while victim is None and time.monotonic() < until:
            time.sleep(0.05)
            victim = begun("o")
        os.kill(victim, signal.SIGKILL)
        out, err = child.communicate(timeout=240)
    finally:
        child.kill()
    assert child.returncode == 0, err
    states = [t["state"] for t in trials("o")]
    assert states.count("complete") == 6, (states, out)
    assert "lost" in states


def test_two_commands_share_the_trials(run, here):
    command = ["sweep", "t.csv", "--trials", 6, "--jobs", 1, "--out", "o", *FIXED]
    child = subprocess.Popen([sys.executable, "-m", "tinygrad_c", *map(str, command)], env=paths.environment(),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not begun("o") and time.monotonic() < until:
        time.sleep(0.02)
    assert run(*command, "--resume")[0] == 0
    assert child.wait(120) == 0
    found = trials("o")
    assert sum(t["state"] == "complete" for t in found) == 6


def test_a_trial_that_was_just_asked_for_is_not_lost(run, here, monkeypatch):
    """Two commands: one begins while the other has asked for a trial and not noted its process yet."""
    from tinygrad_c.tables import sweep
    assert run("sweep", "t.csv", "--trials", 1, "--jobs", 1, "--out", "o", *FIXED)[0] == 0
    storage = SimpleNamespace(storage="o/trials.journal")
    number = sweep._study(storage).ask().number
    sweep._recover(storage)
    assert sweep._lost(sweep._study(storage)) == set()
    monkeypatch.setattr(sweep, "JUST_ASKED", 0.0)
    sweep._recover(storage)
    assert sweep._lost(sweep._study(storage)) == {number}


def test_input_that_is_refused(run, refused, here):
    assert "standard input" in refused("sweep", "-")
    assert "no such column" in refused("sweep", "t.csv", "--target", "knid")
    assert run("sweep", "t.csv", "--trials", 1, "--jobs", 1, "--out", "o", *FIXED)[0] == 0
    assert "other" in refused("sweep", "t.csv", "--target", "a", "--out", "o", "--resume", *FIXED)
