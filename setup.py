"""The part of the build that pyproject.toml cannot express: the extension modules, and the kernels generated from formulas.py.

TINYGRAD_C_DEBUG=1 in the environment builds with Cython's bounds and None checks on, and with little optimization.
TINYGRAD_C_SANITIZE=address,undefined builds with gcc's sanitizers of these names. =valgrind builds with the release flags, but
the allocator caches nothing and symbols are kept (tests/jobs/sanitize.py runs such builds).
"""
import os
import platform
import runpy
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
DEBUG = os.environ.get("TINYGRAD_C_DEBUG") == "1"
SANITIZE = os.environ.get("TINYGRAD_C_SANITIZE", "")
X86 = platform.machine().lower() in ("x86_64", "amd64", "i686")

DIRECTIVES = {
    "language_level": 3,
    "binding": True,
    "boundscheck": True,            # for lists and tuples, which a program may change at any time; pointers have no check
    "wraparound": False,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": True,
    "auto_pickle": False,
    "c_api_binop_methods": True,    # a Python subclass then inherits nb_add etc. directly, not a lookup of __add__
}
ISAS = {
    "baseline": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"],
}
# Kernels are built with -O3, which unrolls and vectorizes their loops, except for x86 processors without AVX2: there size is
# more important, most of all in double precision, where -Os saves 94 KB for 3 to 5% of the time. For the overhead of a small op
# -O2 is as fast as -O3, and smaller. -Os is smaller again by a sixth, but a small op takes 10% longer, so only modules that no
# training step calls are built with it.
CFLAGS = ["-O1", "-g"] if DEBUG else ["-g0", "-fno-math-errno", "-fno-trapping-math", "-fno-asynchronous-unwind-tables"]
CONTROL = ("kernels.runtime.dispatch", "kernels.runtime.memory", "kernels.runtime.threads")     # no loops over elements
COLD = ("ops.create.create", "ops.indexing.index", "ops.loss.loss", "ops.norm.norm", "ops.random.random", "ops.reduce.reduce",
        "ops.shape.shape", "ops.shape.view", "ops.conv.unfold", "ops.sorting.ranks",
        "ops.matrices.factors")
VALGRIND = SANITIZE == "valgrind"
if VALGRIND:
    SANITIZE = ""
    CFLAGS.append("-DTINYGRAD_C_NO_CACHE")
if SANITIZE:
    CFLAGS = ["-O1", "-g1", "-fno-omit-frame-pointer", f"-fsanitize={SANITIZE}", "-DTINYGRAD_C_NO_CACHE"]
CFLAGS += ["-Wno-unused-function", "-Wno-psabi"]
# Cython's `inline` is a hint; the micro-kernels of the matrix product take constants as arguments and must be inlined.
KERNEL_MACROS = [("CYTHON_INLINE", "inline __attribute__((always_inline))")] if not DEBUG and os.name == "posix" else []
LDFLAGS = [] if DEBUG or VALGRIND or sys.platform == "darwin" else ["-Wl,-s"]
if LDFLAGS and sys.platform == "linux":
    LDFLAGS.append("-Wl,-z,noseparate-code")        # no padding to whole pages: saves 8 KB per module
if SANITIZE:
    LDFLAGS = [f"-fsanitize={SANITIZE}"]

# Cython's utility code, which every module needs, is compiled once: each module is 10 to 20 KB smaller.
SHARED = "tinygrad_c._cython"


def is_gcc():
    """Whether the compiler really is gcc: clang also defines __GNUC__, but rejects flags that it does not know."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    try:
        macros = subprocess.run([*shlex.split(compiler), "-dM", "-E", "-x", "c", os.devnull], capture_output=True, text=True)
    except OSError:
        return False
    return "__GNUC__" in macros.stdout and "__clang__" not in macros.stdout


GCC = is_gcc()
# Flags that save size at no cost in speed. Kernels: gcc does not duplicate loops for a condition or a stride of 1 (where it
# matters, both loops are in the source). Other modules: gcc assumes that a branch which Cython marks unlikely is taken 10% of
# the time, and optimizes it for speed; code that raises an exception may be slow.
UNALIGNED = ["-fno-align-functions", "-fno-align-jumps", "-fno-align-labels"]
SMALL_KERNELS = [*UNALIGNED, "-fno-unswitch-loops", "-fno-version-loops-for-strides"] if GCC else []
# But kernels for AVX2 and AVX-512 start on cache lines: otherwise a change to one kernel moves the others, which changes the
# time of a small operation by up to 10%.
ALIGNED = ["-falign-functions=64"] if GCC else []
SMALL = [*UNALIGNED, "-fno-align-loops", "--param", "builtin-expect-probability=100"] if GCC else []

# Random numbers are bitwise the same everywhere: a * b + c is rounded twice, also where the processor has FMA.
OWN_FLAGS = {"kernels.portable.philox": [] if sys.platform == "win32" else ["-ffp-contract=off"]}
if GCC and not (DEBUG or SANITIZE):        # loops over integers and bytes, which gcc vectorizes
    OWN_FLAGS["kernels.portable.generic"] = ["-O2", "-ftree-loop-vectorize", "-fvect-cost-model=dynamic"]


def level(name):
    if DEBUG or SANITIZE:
        return []
    if name.startswith("kernels.") and name not in CONTROL:
        small = "-Os" if name.endswith("_f64") else "-O2"
        if X86 and ".baseline" in name:
            return [small, *SMALL_KERNELS]
        return ["-O3", *SMALL_KERNELS, *(ALIGNED if ".isa." in name else [])]
    return ["-Os" if name in COLD else "-O2", *SMALL]


def extension(name, cflags=(), macros=()):
    return Extension(
        f"tinygrad_c.{name}",
        [f"tinygrad_c/{name.replace('.', '/')}.pyx"],
        extra_compile_args=[*CFLAGS, *level(name), *cflags],
        extra_link_args=LDFLAGS,
        define_macros=list(macros),
        include_dirs=["tinygrad_c/kernels/simd", "tinygrad_c/kernels/runtime"],
        libraries=["m"] if os.name == "posix" else [],
        depends=["tinygrad_c/kernels/simd/simd.h"] if ".isa." in name else [],
    )


def extensions():
    yield Extension(SHARED, [], extra_compile_args=[*CFLAGS, *level(SHARED)], extra_link_args=LDFLAGS)
    for isa, flags in ISAS.items():
        if isa == "baseline" or X86:
            for bits in (32, 64):
                yield extension(f"kernels.isa.{isa}_f{bits}", flags, [("REAL_BITS", str(bits)), *KERNEL_MACROS])
    for path in sorted((HERE / "tinygrad_c").rglob("*.pyx")):
        name = ".".join(path.relative_to(HERE / "tinygrad_c").with_suffix("").parts)
        if not name.startswith("kernels.isa."):
            yield extension(name, OWN_FLAGS.get(name, []))


class BuildPy(build_py):
    """Excludes kernels/generate.py from the installed package: only the build needs it."""

    def find_package_modules(self, package, package_dir):
        return [found for found in super().find_package_modules(package, package_dir) if found[1] != "generate"]


class BuildExt(build_ext):
    """Says which modules are being compiled: tools/install.py shows these lines."""

    done = 0

    def build_extension(self, ext):
        super().build_extension(ext)
        BuildExt.done += 1
        print(f"tinygrad_c: {BuildExt.done} of {len(self.extensions)} modules built ({ext.name.partition('.')[2]})", flush=True)


runpy.run_path(str(HERE / "tinygrad_c/kernels/generate.py"), run_name="__main__")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
EXTENSIONS = list(extensions())
print(f"tinygrad_c: Cython writes the C source of {len(EXTENSIONS)} modules, on {CORES} cores", flush=True)
setup(
    ext_modules=cythonize(EXTENSIONS, compiler_directives=DIRECTIVES, quiet=True, nthreads=CORES,
                          shared_utility_qualified_name=SHARED, shared_utility_features_disabled=["MemoryView"]),
    cmdclass={"build_ext": BuildExt, "build_py": BuildPy},
    options={"build_ext": {"parallel": CORES}},
)
