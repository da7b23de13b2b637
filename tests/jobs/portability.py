"""Compiles the C of all modules for other systems with Debian's cross compilers, and runs tests where a program can run.

    python tests/jobs/portability.py [windows wasm32 i386 s390x] [--keep FOLDER] [--jobs 1] [--tests "tests/ops ..."]

| target  | compiler                            | headers of Python            | run                                             |
| ------- | ----------------------------------- | ---------------------------- | ----------------------------------------------- |
| windows | x86_64-w64-mingw32-gcc              | CPython's own, PC/pyconfig.h | no; each module is linked with python311.dll    |
| wasm32  | clang --target=wasm32-wasi          | Debian's for i386            | no                                              |
| i386    | i686-linux-gnu-gcc: 32-bit sizes    | Debian's for i386            | tests, by the processor itself                  |
| s390x   | s390x-linux-gnu-gcc: big-endian     | Debian's for s390x           | tests under qemu-s390x                          |

Needs Debian's gcc-mingw-w64-x86-64-win32, clang, wasi-libc, gcc-i686-linux-gnu, gcc-s390x-linux-gnu, qemu-user, the network, and
Cython and setuptools here. Interpreters, NumPy and pytest are Debian's packages, unpacked into a folder; nothing is installed.
"""
from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from wheel import TRAINING

SOURCES = Path(__file__).resolve().parent.parent.parent
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# What is wrong only where sizes differ must not be a warning that nobody reads.
ERRORS = ["-Werror=overflow", "-Werror=shift-count-overflow", "-Werror=incompatible-pointer-types", "-Werror=implicit-function-declaration", "-Werror=int-conversion"]
TESTS = "tests/kernels tests/core tests/ops tests/nn tests/optim tests/serialization tests/compatibility tests/robustness"
FEWER_TESTS = "tests/kernels tests/core/test_tape.py tests/serialization tests/compatibility"   # an emulator is 20 times slower


@dataclass
class Target:
    """How to compile for a system, and where its interpreter comes from."""

    machine: str            # platform.machine() there
    compiler: str
    suite: str = ""         # Debian's release, of which the interpreter is
    python: str = ""
    triplet: str = ""       # of Debian's folders of libraries
    emulator: str = ""
    platform: str = "linux"
    flags: tuple[str, ...] = ()
    tests: str = ""

    def python_version(self) -> str:
        return self.python.removeprefix("python").replace(".", "")


TARGETS = {
    "windows": Target("AMD64", "x86_64-w64-mingw32-gcc", python="python3.11", platform="win32", flags=("-DMS_WIN64",)),
    # One thread: Debian's wasi-libc has no threads, and emulates signals. Without -nostdlibinc clang finds this system's headers.
    "wasm32": Target("wasm32", "clang --target=wasm32-wasi -nostdlibinc -isystem /usr/include/wasm32-wasi", platform="wasi",
                     flags=("-D_WASI_EMULATED_SIGNAL", "-Wno-incompatible-pointer-types-discards-qualifiers")),
    "i386": Target("i686", "i686-linux-gnu-gcc", "trixie", "python3.13", "i386-linux-gnu", tests=TESTS),
    "s390x": Target("s390x", "s390x-linux-gnu-gcc", "bookworm", "python3.11", "s390x-linux-gnu", "qemu-s390x", tests=FEWER_TESTS),
}


def call(command: Iterable[str], cwd: Path | None = None, **environment: str) -> str:
    command = [str(word) for word in command]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)[:300]}: status {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
    return done.stdout


# ---- Interpreters and headers: Debian's packages


def apt(folder: Path, suite: str, architecture: str) -> list[str]:
    """apt-get with a state of its own in this folder, for another architecture or release than this system's."""
    for name in ("etc/apt/preferences.d", "etc/apt/apt.conf.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial",
                 "var/lib/dpkg"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "var/lib/dpkg/status").touch()
    line = f"[signed-by={KEYRING}] {mirror()} {suite} main\n"
    (folder / "etc/apt/sources.list").write_text(f"deb {line}deb-src {line}")
    options = {"Dir": folder, "Dir::State::status": folder / "var/lib/dpkg/status", "APT::Architecture": architecture,
               "APT::Architectures": architecture, "APT::Sandbox::User": "root", "APT::Install-Recommends": "false"}
    command = ["apt-get", "-qq", "-y", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    call([*command, "update"])
    return command


def mirror() -> str:
    """The server that this system takes its packages from."""
    lines = call(["apt-get", "indextargets", "--format", "$(REPO_URI)"]).splitlines()
    return next(line for line in lines if line.rstrip("/").endswith("/debian"))


def system_of(target: Target, architecture: str, folder: Path) -> Path:
    """A folder with the interpreter, its headers, NumPy and pytest for an architecture."""
    root = folder / "root"
    if (root / "usr").exists():
        return root
    state = folder / "apt"
    command = apt(state, target.suite, architecture)
    call([*command, "install", "--download-only", f"lib{target.python}-dev", "python3-numpy", "python3-pytest", "python3-hypothesis"])
    for package in sorted((state / "var/cache/apt/archives").glob("*.deb")):
        call(["dpkg", "-x", package, root])
    for name in ("lib", "lib64"):       # links that a package makes when it is installed
        if (root / "usr" / name).exists() and not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    return root


def linux_headers(target: Target, root: Path, folder: Path, threads: bool) -> list[Path]:
    """Python's headers, with the configuration of this architecture whichever the compiler is for, and without those of the C
    library beside them: the compiler has its own.
    """
    shutil.copytree(root / "usr/include" / target.python, folder, dirs_exist_ok=True)
    shutil.copy(root / "usr/include" / target.triplet / target.python / "pyconfig.h", folder)
    if not threads:     # as configure writes it for WASI
        with open(folder / "pyconfig.h", "a") as file:
            file.write("#undef HAVE_PTHREAD_H\n#define HAVE_PTHREAD_STUBS 1\n")
    return [folder]


def windows_headers(folder: Path) -> list[Path]:
    """Include and PC of the sources of CPython, which Debian has as they are."""
    if not list(folder.glob("Python-*")):
        folder.mkdir(parents=True, exist_ok=True)
        command = apt(folder / "apt", "bookworm", "amd64")
        call([*command, "source", "--download-only", TARGETS["windows"].python], cwd=folder)
        archive = next(folder.glob("*.orig.tar.*"))
        call(["tar", "-C", folder, "-xf", archive, "--wildcards", "*/Include", "*/PC/pyconfig.h"])
    root = next(folder.glob("Python-*"))
    return [root / "Include", root / "PC"]


# ---- Compilation


def generate(sources: Path) -> None:
    """Cython writes the C of all modules: the same for each target."""
    run_setup(sources, "setuptools.setup = lambda **k: None")


def run_setup(sources: Path, *lines: str, **environment: str) -> str:
    program = ["import json, platform, runpy, sys, setuptools.command.build_ext, Cython.Build", *lines, "runpy.run_path('setup.py', run_name='__main__')"]
    return call([sys.executable, "-c", "\n".join(program)], cwd=sources, **environment)


def extensions(sources: Path, target: Target) -> list[dict]:
    """What setup.py would build on the target's system: names, sources, flags."""
    keys = ("name", "sources", "extra_compile_args", "extra_link_args", "define_macros", "include_dirs")
    out = run_setup(
        sources,
        f"platform.machine = lambda: {target.machine!r}",
        f"sys.platform = {target.platform!r}",
        "Cython.Build.cythonize = lambda extensions, **k: extensions",
        f"setuptools.setup = lambda ext_modules, **k: print('=' + json.dumps([{{k: getattr(e, k) for k in {keys}}} for e in ext_modules]))",
        CC=target.compiler,
    )
    return json.loads(next(line for line in out.splitlines() if line.startswith("="))[1:])


def compile_all(sources: Path, target: Target, include: list[Path], out: Path, args: argparse.Namespace) -> list[Path]:
    """Each module's C as an object file."""
    out.mkdir(exist_ok=True)

    def compiled(extension: dict) -> tuple[Path, str]:
        name = extension["name"]
        source = Path(*name.split(".")).with_suffix(".c")
        flags = [*extension["extra_compile_args"], *target.flags, *ERRORS]
        flags += [f"-D{k}={v}" if v is not None else f"-D{k}" for k, v in extension["define_macros"]]
        flags += [f"-I{path}" for path in [*extension["include_dirs"], *include]] + shlex.split(args.cflags)
        if target.platform == "linux":
            flags.append("-fPIC")
        object_file = out / f"{name}.o"
        command = [*shlex.split(target.compiler), "-c", "-DNDEBUG", *flags, str(source), "-o", str(object_file)]
        done = subprocess.run(command, cwd=sources, capture_output=True, text=True)
        return object_file, f"{name}: {done.stderr[-3000:]}" if done.returncode else ""

    with ThreadPoolExecutor(args.jobs) as pool:
        found = list(pool.map(compiled, extensions(sources, target)))
    if failed := [text for _, text in found if text]:
        raise SystemExit(f"{len(failed)} of {len(found)} modules were not compiled:\n" + "\n".join(failed))
    return [path for path, _ in found]


def link_linux(target: Target, objects: list[Path], packages: Path) -> None:
    """Shared libraries in their places below `packages`."""
    for path in objects:
        place = packages.joinpath(*path.stem.split("."))
        suffix = f".cpython-{target.python_version()}-{target.triplet}.so"
        call([target.compiler, "-shared", path, "-o", f"{place}{suffix}", "-lm", "-Wl,-s"])


def link_windows(target: Target, objects: list[Path], folder: Path) -> None:
    """Libraries for Windows. The import library of Python is made of the names that the modules use, as Python's own is not here:
    so a name that Windows' Python lacks is not noticed, but one of C's library or of POSIX is.
    """
    folder.mkdir(exist_ok=True)
    used = {word for path in objects for word in call(["x86_64-w64-mingw32-nm", "-u", path]).split()}
    names = sorted(name.removeprefix("__imp_") for name in used if name.removeprefix("__imp_").startswith(("Py", "_Py")))
    data = {name.removeprefix("__imp_") for name in used if name.startswith("__imp_")}
    definitions = folder / "python.def"
    definitions.write_text(f"LIBRARY python{target.python_version()}.dll\nEXPORTS\n"
                           + "".join(f"  {name}{' DATA' if name in data else ''}\n" for name in names))
    call(["x86_64-w64-mingw32-dlltool", "-d", definitions, "-l", folder / "libpython.a"])
    for path in objects:
        call([target.compiler, "-shared", path, folder / "libpython.a", "-o", folder / f"{path.stem}.pyd"])


# ---- Runs


def copy_of_package(sources: Path, folder: Path) -> Path:
    """The package without compiled modules, and its tests."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sources, folder, ignore=shutil.ignore_patterns("*.so", "*.c", "build", ".git", "__pycache__", "runs"))
    return folder


def interpreter(target: Target, root: Path, own: Path) -> list[str]:
    """The command that runs the target's Python here."""
    folders = [root / "usr/lib" / target.triplet / name for name in ("", "blas", "lapack")]
    program = str(root / "usr/bin" / target.python)
    libraries = ":".join(map(str, folders))
    if target.emulator:
        return [target.emulator, "-L", str(root), "-E", f"LD_LIBRARY_PATH={libraries}", program]
    loader = next(folders[0].glob("ld-linux*.so.*"))
    return [str(loader), "--library-path", libraries, program]


TRAIN = "import sys, numpy\n" + TRAINING + """
print(f"trained: {losses[0]:.3f} -> {losses[-1]:.4f}; Python {sys.version.split()[0]}, {sys.byteorder}-endian, "
      f"{sys.maxsize.bit_length() + 1} bits, NumPy {numpy.__version__}")
"""


def run_tests(target: Target, python: list[str], package: Path, tests: str) -> None:
    environment = {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
    print("  " + call([*python, "-c", TRAIN], cwd=package, **environment).strip(), flush=True)
    begin = time.monotonic()
    done = subprocess.run([*python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests.split()], cwd=package, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **environment})
    lines = done.stdout.strip().splitlines()
    print("\n".join(f"  {line}" for line in lines if line.startswith(("FAILED", "ERROR"))))
    print(f"  tests: {lines[-1]} ({time.monotonic() - begin:.0f} s)", flush=True)
    if done.returncode:
        raise SystemExit("\n".join(lines[-200:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="target", help=f"{', '.join(TARGETS)}: all by default")
    parser.add_argument("--keep", type=Path, help="a folder for packages and object files, used again by the next run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="compilers at once")
    parser.add_argument("--cflags", default="", help="flags after those of setup.py, as -O1 for a quicker run")
    parser.add_argument("--tests", help="files or folders of tests for the targets that run")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (args.keep or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        sources = work / "sources"
        shutil.copytree(SOURCES, sources, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("*.so", "build", ".git", "__pycache__", "runs", "site"))
        generate(sources)
        for name in args.targets or TARGETS:
            port(name, sources, work, args)


def port(name: str, sources: Path, work: Path, args: argparse.Namespace) -> None:
    target = TARGETS[name]
    own = work / name
    own.mkdir(exist_ok=True)
    begin = time.monotonic()
    if name == "windows":
        include = windows_headers(work / "cpython")
    else:
        architecture = "i386" if name == "wasm32" else name
        like = TARGETS[architecture]
        root = system_of(like, architecture, work / f"debian-{architecture}")
        include = linux_headers(like, root, own / "include", threads=name != "wasm32")
    objects = compile_all(sources, target, include, own / "objects", args)
    print(f"{name}: {len(objects)} modules compiled ({time.monotonic() - begin:.0f} s)", flush=True)
    if name == "windows":
        link_windows(target, objects, own / "libraries")
        print("  linked")
    if target.tests:
        package = copy_of_package(sources, own / "package")
        link_linux(target, objects, package)
        python = interpreter(target, root, own)
        run_tests(target, python, package, args.tests or target.tests)


if __name__ == "__main__":
    main()
