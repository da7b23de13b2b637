"""Timing and printing for the benchmarks: candidates are timed in turn, pinned to the same cores, for several rounds.

Machines are shared and their clock frequency changes, so a single time says little. Candidates are measured within seconds of
each other: every round times each of them for a short burst, and the result is the median of each over the rounds.
"""
from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Sequence
from pathlib import Path
from statistics import median

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def processor() -> str:
    """The processor and the operating system, in one line."""
    name = platform.processor() or platform.machine()
    details = []
    if Path("/proc/cpuinfo").exists():
        fields = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
        fields = {name.strip(): value.strip() for name, value in fields.items()}
        name = fields.get("model name", name)
        details = [f"family {fields['cpu family']} model {fields['model']}"] if "cpu family" in fields else []
        flags = set(fields.get("flags", "").split())
        details += [label for flag, label in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags][:1]
    return ", ".join([name, *details, f"{len(cores())} cores", platform.system()])


def cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def pin(threads: int) -> None:
    """Pin this process, and the libraries that it loads later, to the first `threads` cores."""
    os.environ.update(thread_settings(threads))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores()[:threads])


def thread_settings(threads: int) -> dict[str, str]:
    """The environment variables that set the number of threads of each peer."""
    eigen = "true" if threads > 1 else "false"
    return {
        **{name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")},
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}",
        "TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_PLATFORMS": "cpu",
    }


def clock_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clock", choices=CLOCKS, default="wall",
                        help="cpu: count processor time, for one thread on a machine that others use too (default: wall)")


def in_turn(timers: dict[str, timeit.Timer], rounds: int = 7, seconds: float = 0.02, clock: str = "wall") -> dict[str, float]:
    """Seconds per run of each timer, by label: the median over rounds, which time them one after the other."""
    counts = {}
    for label, timer in timers.items():
        timer.timer = CLOCKS[clock]
        timer.timeit(2)
        count, spent = 1, timer.timeit(1)
        while spent < seconds / 4:
            count *= 4
            spent = timer.timeit(count)
        counts[label] = max(1, round(count * seconds / spent))
    times = {label: [] for label in timers}
    for _ in range(rounds):
        for label, timer in timers.items():
            times[label].append(timer.timeit(counts[label]) / counts[label])
    return {label: median(values) for label, values in times.items()}


class Worker:
    """A subprocess for one peer, which answers each JSON line with another; see serve()."""

    def __init__(self, program: Path, peer: str, threads: int, options: Sequence[str] = ()) -> None:
        self.peer = peer
        self.noise = tempfile.TemporaryFile("w+")           # noqa: SIM115  (closed with the worker)
        self.process = subprocess.Popen(
            [sys.executable, str(program), "--worker", peer, "--threads", str(threads), *options], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.noise, env={**os.environ, **thread_settings(threads)})

    def ask(self, **request):
        """The worker's answer. Raises RuntimeError with the last line of its output if it failed."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the process ended: {self.last_line()}"}
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(f"{self.peer}: {answer['error']}")
        return answer

    def last_line(self) -> str:
        self.noise.seek(0)
        return (self.noise.read().strip().splitlines() or [""])[-1]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.noise.close()


def serve(handlers: dict) -> None:
    """Answer JSON lines on standard input with handlers[request["do"]](**rest), until it closes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)                                   # the output of libraries must not mix with the answers
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = handlers[request.pop("do")](**request)
        except Exception as error:                  # the parent goes on with the other peers
            answer = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


FMA_SOURCE = """
typedef REAL vec __attribute__((vector_size(BYTES)));
double flops(long n) {            /* 24 accumulators: enough to hide the latency of 4 to 5 cycles on two units */
    vec acc[24], a, b;
    for (int l = 0; l < (int)(sizeof(vec) / sizeof(REAL)); l++) { a[l] = (REAL)0.999; b[l] = (REAL)0.001; }
#pragma GCC unroll 24
    for (int i = 0; i < 24; i++) acc[i] = b * (REAL)i;
    for (long k = 0; k < n; k++)
#pragma GCC unroll 24
        for (int i = 0; i < 24; i++) acc[i] = acc[i] * a + b;
    REAL s = 0;
#pragma GCC unroll 24
    for (int i = 0; i < 24; i++) s += acc[i][0];
    volatile REAL keep = s; (void)keep;
    return 2.0 * 24 * (sizeof(vec) / sizeof(REAL)) * n;
}
"""


def fma(real: str = "float"):
    """A function of n that does n * 24 vector multiply-adds in registers, on one core, and returns how many operations that
    was; None without a C compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    fields = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    width = 64 if "avx512f" in fields else 32 if "avx2" in fields else 16
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "fma.c"), Path(folder, "fma.so")
        source.write_text(FMA_SOURCE)
        done = subprocess.run([compiler, "-O3", "-march=native", "-ffp-contract=fast", "-funroll-loops", f"-DREAL={real}",
                               f"-DBYTES={width}", "-shared", "-fPIC", "-o", library, source], capture_output=True)
        if done.returncode:
            return None
        flops = ctypes.CDLL(str(library)).flops
    flops.restype, flops.argtypes = ctypes.c_double, [ctypes.c_long]
    return flops


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown that is also readable as text: the first column left-aligned, the others right-aligned."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    def line(row: Sequence[str]) -> str:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        return "| " + " | ".join(cells) + " |"
    rule = "| " + "-" * widths[0] + " | " + " | ".join("-" * (width - 1) + ":" for width in widths[1:]) + " |"
    return "\n".join([line(head), rule, *map(line, rows)])


def digits(value: float | None, unit: float = 1e-6) -> str:
    """Seconds in units of `unit`, with three significant digits; an empty string for None."""
    if value is None:
        return ""
    value /= unit
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def bars(path: Path, title: str, ylabel: str, groups: Sequence[str], series: dict[str, Sequence[float | None]]) -> None:
    """Saves a chart of grouped bars on a logarithmic axis."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print(f"{path.name} was not drawn: pip install matplotlib")
        return
    figure = Figure(figsize=(max(7, 1.1 * len(groups)), 4.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(series)
    for number, (label, values) in enumerate(series.items()):
        there = [(i + (number - (len(series) - 1) / 2) * width, v) for i, v in enumerate(values) if v]
        axes.bar([x for x, _ in there], [v for _, v in there], width, label=label)
    axes.set(title=title, ylabel=ylabel, yscale="log")
    axes.set_xticks(range(len(groups)), groups, rotation=30, ha="right")
    axes.legend(fontsize=8)
    axes.grid(axis="y", alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    print(f"picture: {path}")
