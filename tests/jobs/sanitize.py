"""The tests on a build that gcc's sanitizers watch, or with Cython's checks on; in a copy of the sources.

    python tests/jobs/sanitize.py address,undefined      heap, stack and global memory, undefined behaviour
    python tests/jobs/sanitize.py thread                 data races: tests/jobs/threads.py
    python tests/jobs/sanitize.py debug                  Cython's bounds and None checks
    python tests/jobs/sanitize.py valgrind               tests/jobs/kernels.py under valgrind, compiled as for a user

torch is hidden: its own code is not what is watched. The allocator keeps nothing, so that every block comes and goes, and gives
no byte more than it was asked for, so that a read beyond the end is seen.
"""
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from jobs import batches

SOURCES = Path(__file__).resolve().parent.parent.parent
# Tests below tests/, in this order; of those that need torch only what runs without it.
TESTS = [f"{folder}/test_{name}.py" for folder, names in (
    ("ops", "ops index reduce softmax loss random shape properties convolution normalisation"),
    ("core", "tape type_slots"),
    ("kernels", "update math broadcast_blocks"),
    ("nn", "nn layers"),
    ("optim", "optim"),
    ("utils", "data"),
    ("programs", "compile epochs"),
    ("robustness", "bad_arguments extreme_values invalid_internal_calls out_of_bounds"),
) for name in names.split()]
HIDE = 'raise ModuleNotFoundError("hidden from the sanitizers", name="torch")\n'
FINDINGS = re.compile(r"runtime error:|ERROR: AddressSanitizer|WARNING: ThreadSanitizer|^valgrind: ")


def library(name: str) -> str:
    return subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()


def build(kind: str, folder: Path) -> None:
    for name in ("tinygrad_c", "tests", "docs", "examples"):
        shutil.copytree(SOURCES / name, folder / name, ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__", "generated"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "Makefile"):
        shutil.copy(SOURCES / name, folder)
    (folder / "hidden").mkdir()
    (folder / "hidden/torch.py").write_text(HIDE)
    batches.build(folder, **({"TINYGRAD_C_DEBUG": "1"} if kind == "debug" else {"TINYGRAD_C_SANITIZE": kind}))


def environment(kind: str, folder: Path) -> dict[str, str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "hidden"), str(folder)]), "TINYGRAD_C_NUM_THREADS": "2"}
    if "address" in kind:
        env |= {"LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')}", "PYTHONMALLOC": "malloc",
                "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=4096:handle_segv=0:exitcode=99",
                "UBSAN_OPTIONS": "print_stacktrace=1"}
    if kind == "thread":
        env |= {"LD_PRELOAD": library("libtsan.so"), "TSAN_OPTIONS": "exitcode=66:die_after_fork=0:report_signal_unsafe=0",
                "TINYGRAD_C_NUM_THREADS": "4"}
    if kind == "valgrind":       # 3.19 knows no AVX-512
        env |= {"PYTHONMALLOC": "malloc", "TINYGRAD_C_SIMD": "avx2"}
    return env


def valgrind(folder: Path, logs: Path, every: int, processes: int) -> tuple[str, int]:
    """What valgrind found in the package's modules, what the processes said, and the status of the worst."""
    running = [subprocess.Popen(["valgrind", f"--log-file={logs}/{k}.log", "--error-limit=no", sys.executable,
                                 "tests/jobs/kernels.py", str(every * processes), str(every * k)],
                                cwd=folder, env=environment("valgrind", folder), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT) for k in range(processes)]
    said = [process.communicate()[0].strip() for process in running]
    # Of what it says about Python itself nothing is counted.
    blocks = [block for log in logs.glob("*.log") for block in re.split(r"==\d+== \n", log.read_text())]
    ours = [lines for lines in map(str.splitlines, blocks) if any("tinygrad_c/" in line and ".so" in line for line in lines[:6])]
    return "\n".join([*("valgrind: " + " | ".join(lines[:4]) for lines in ours), ", ".join(said)]), max(p.returncode for p in running)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=["address,undefined", "thread", "debug", "valgrind"])
    parser.add_argument("--folder", type=Path, help="a build that is there already")
    parser.add_argument("--every", type=int, default=1, help="of the samples, for valgrind: every n-th")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="for valgrind: that share the samples")
    args = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = args.folder or Path(name)
        if not args.folder:
            build(args.kind, folder)
        if args.kind == "valgrind":
            text, status = valgrind(folder, Path(name), args.every, args.processes)
        else:
            what = ["tests/jobs/threads.py"] if args.kind == "thread" else \
                ["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *(f"tests/{name}" for name in TESTS)]
            done = subprocess.run([sys.executable, *what], cwd=folder, capture_output=True, text=True,
                                  env=environment(args.kind, folder), errors="replace")
            text, status = done.stdout + done.stderr, done.returncode
    found = sorted({line.strip() for line in text.splitlines() if FINDINGS.search(line)})
    lines = [line for line in text.splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if re.search(r"\d+ passed", line)), lines[-1])
    print(f"{args.kind}: {len(found)} findings, status {status}; {last.strip(' =')}; {time.monotonic() - start:.0f} s")
    for line in found[:20]:
        print(line)
    if found or status:
        print(text[-3000:])
        raise SystemExit(1)


if __name__ == "__main__":
    main()
