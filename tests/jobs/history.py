"""The history of the engine's speed, in instructions: a row for each commit that was measured, for twenty cases of instructions.py.

    python tests/jobs/history.py                        # measure this commit (a minute, valgrind) and add its row
    python tests/jobs/history.py --because "why"        # the same, where a case has grown by more than 3% on purpose
    python tests/jobs/history.py --check                # measure, and compare with the last row; status 1 for more than 3%
    python tests/jobs/history.py --picture history.png  # draw the rows: each case against its first row

Counts do not depend on what else the machine does, but on compiler and interpreter: a row names both, and rows are compared only
where both are the same. tests/architecture/test_history.py fails when a row has grown by more than 3% without a reason.
"""
from __future__ import annotations

import argparse
import csv
import datetime
import platform
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import instructions

HISTORY = Path(__file__).with_suffix(".csv")
ROOT = Path(__file__).resolve().parents[2]
CASES = ["import, after numpy", "a+b", "a+b, backward", "a+b, plain", "2*a", "a**2, backward", "m@m", "m@m, backward", "tanh(a)",
         "a.sum(), backward", "m[1]", "m[:, 1:3], backward", "cat", "softmax, backward", "linear, backward",
         "cross_entropy, backward", "tiny, SGD", "tiny, Adam", "digits, Adam", "one row, SGD"]
MOST = 3.0      # percent
FACTS = ["commit", "date", "build", "because"]


def rows() -> list[dict[str, str]]:
    """The rows so far, the oldest first."""
    if not HISTORY.exists():
        return []
    with HISTORY.open(newline="") as file:
        return list(csv.DictReader(file))


def grown(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The cases that have grown by more than MOST percent between two rows of one build, with the percents."""
    if before["build"] != after["build"]:
        return []
    found = []
    for case in CASES:
        if before.get(case) and after.get(case):
            percent = 100 * (int(after[case]) / int(before[case]) - 1)
            if percent > MOST:
                found.append(f"{case} {percent:+.1f}%")
    return found


def measured(python: str, path: Path) -> dict[str, str]:
    """The row of the package at `path`."""
    def git(*command: str) -> str:
        return subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    counts = instructions.measure(python, path, "avx2", ";".join(CASES))
    compiler = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    changed = "+" if git("status", "--porcelain", "--untracked-files=no", "tinygrad_c", "setup.py") else ""
    return {"commit": git("rev-parse", "--short", "HEAD") + changed, "date": datetime.date.today().isoformat(),
            "build": f"gcc {compiler}, Python {platform.python_version()}, avx2", "because": "",
            **{case: str(counts[case]) for case in CASES}}


def add(row: dict[str, str]) -> None:
    known = rows()
    if known and known[-1]["commit"] == row["commit"]:
        known.pop()
    with HISTORY.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*FACTS, *CASES], lineterminator="\n")
        writer.writeheader()
        writer.writerows([*known, row])


def picture(path: str) -> None:
    """Each case by row, as a percentage of its first row of the same build."""
    from matplotlib.figure import Figure

    known = [r for r in rows() if r["build"] == rows()[-1]["build"]]
    figure = Figure(figsize=(10, 6), layout="constrained")
    axes = figure.subplots()
    for i, case in enumerate(CASES):
        values = [100 * int(r[case]) / int(known[0][case]) for r in known]
        axes.plot(range(len(known)), values, marker=".", linestyle=("-", "--")[i // 10], label=case)
    axes.axhline(100, color="0.7", linewidth=1)
    axes.set_xticks(range(len(known)), [f"{r['commit']}\n{r['date']}" for r in known], fontsize=8)
    axes.set(ylabel=f"instructions, percent of {known[0]['commit']}", title=f"Instructions by commit ({known[0]['build']})")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None} if path.endswith(".png") else None)
    print(f"wrote {path}: {len(known)} rows")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--because", default="", metavar="WHY", help="why cases have grown")
    parser.add_argument("--check", action="store_true", help="compare with the last row, and add none")
    parser.add_argument("--picture", metavar="FILE", help="draw the rows")
    parser.add_argument("--python", default=sys.executable, help="interpreter to run (default: this one)")
    parser.add_argument("--path", type=Path, default=ROOT, help="folder of the package (default: this one)")
    args = parser.parse_args()
    if args.picture:
        picture(args.picture)
        return 0
    row = measured(args.python, args.path.resolve())
    row["because"] = args.because
    last = rows()[-1] if rows() else row
    for case in CASES:
        print(f"{case:26}{int(last[case]):>12,}{int(row[case]):>12,}{100 * (int(row[case]) / int(last[case]) - 1):>+8.2f}%")
    more = grown(last, row)
    if last["build"] != row["build"]:
        print(f"not compared: the last row is of {last['build']}, this one of {row['build']}")
    if more:
        print(f"grown by more than {MOST:g}% since {last['commit']}: {'; '.join(more)}")
    if not args.check:
        if more and not args.because:
            print("the row is not added: mend it, or say --because")
            return 1
        add(row)
    return bool(more)


if __name__ == "__main__":
    sys.exit(main())
