"""The tests on a build that gcc's sanitizers watch, or with Cython's checks on; in a copy of the sources.

    python tests/jobs/sanitize.py address,undefined      heap, stack and global memory, undefined behaviour
    python tests/jobs/sanitize.py thread                 data races: tests/jobs/threads.py
    python tests/jobs/sanitize.py debug                  Cython's bounds and None checks
    python tests/jobs/sanitize.py valgrind               tests/jobs/kernels.py under valgrind, as it is installed

torch is hidden: its own code is not what is watched. The allocator keeps nothing, so that every block comes and goes.
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
TESTS = [f"test_{name}.py" for name in (
    "ops", "tape", "index", "reduce", "softmax", "loss", "random", "update", "nn", "optim", "hostile", "data", "shape", "slots",
    "doors", "properties", "layers", "math")]
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
                "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:handle_segv=0:exitcode=99",
                "UBSAN_OPTIONS": "print_stacktrace=1"}
    if kind == "thread":
        env |= {"LD_PRELOAD": library("libtsan.so"), "TSAN_OPTIONS": "exitcode=66:die_after_fork=0:report_signal_unsafe=0",
                "TINYGRAD_C_NUM_THREADS": "4"}
    return env


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=["address,undefined", "thread", "debug", "valgrind"])
    parser.add_argument("--folder", type=Path, help="a build that is there already")
    parser.add_argument("--every", type=int, default=1, help="of the samples, for valgrind: every n-th")
    args = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = args.folder or Path(name)
        if args.kind == "valgrind":
            log = Path(name) / "valgrind.log"
            command = ["valgrind", f"--log-file={log}", "--errors-for-leak-kinds=none", sys.executable,
                       str(SOURCES / "tests/jobs/kernels.py"), str(args.every)]
            # valgrind 3.19 knows no AVX-512.
            env = {**os.environ, "PYTHONMALLOC": "malloc", "TINYGRAD_C_SIMD": "avx2"}
            done = subprocess.run(command, capture_output=True, text=True, env=env)
            # Of what it says about Python itself nothing is counted.
            blocks = re.split(r"==\d+== \n", log.read_text())
            ours = [b for b in blocks if any("tinygrad_c/" in line and ".so" in line for line in b.splitlines()[:6])]
            text = "\n".join(["valgrind: " + line for b in ours for line in b.splitlines()[:1]] + [done.stderr, done.stdout])
        else:
            if not args.folder:
                build(args.kind, folder)
            what = ["tests/jobs/threads.py"] if args.kind == "thread" else \
                ["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *(f"tests/{name}" for name in TESTS)]
            done = subprocess.run([sys.executable, *what], cwd=folder, capture_output=True, text=True,
                                  env=environment(args.kind, folder), errors="replace")
            text = done.stdout + done.stderr
    found = sorted({line.strip() for line in text.splitlines() if FINDINGS.search(line)})
    last = [line for line in text.splitlines() if line.strip()][-1]
    print(f"{args.kind}: {len(found)} findings, status {done.returncode}; {last.strip(' =')}; {time.monotonic() - start:.0f} s")
    for line in found[:20]:
        print(line)
    if found or done.returncode:
        print(text[-3000:])
        raise SystemExit(1)


if __name__ == "__main__":
    main()
