"""The headers of the kernels compile for other systems, where a compiler for them is installed (`make portability` compiles all)."""
import shlex
import shutil
import subprocess

import pytest
from samples import paths

COMPILERS = {
    "windows": "x86_64-w64-mingw32-gcc",
    "wasm32": "clang --target=wasm32-wasi -nostdlibinc -isystem /usr/include/wasm32-wasi -D_WASI_EMULATED_SIGNAL",
    "i386": "i686-linux-gnu-gcc",
    "s390x": "s390x-linux-gnu-gcc",
}
HEADERS = paths.ROOT / "tinygrad_c/kernels/runtime"
THREADS = """
#include <stdlib.h>
#include "threads.h"
static pthread_mutex_t mutex;
static pthread_cond_t condition;
static void* work(void* p) { return p; }
int main(void) {
    long long n = 0;
    pthread_mutex_init(&mutex, NULL);
    pthread_cond_init(&condition, NULL);
    fp_state state = flush_denormals();
    restore_denormals(state);
    yield_core();
    relax();
    return start_thread(work) + (int)nanoseconds() + (int)fetch_add(&n, 1LL);
}
"""


@pytest.mark.parametrize("system", COMPILERS)
def test_threads_compile(system, tmp_path):
    """WASI has no pthread.h: threads.h included it there."""
    command = shlex.split(COMPILERS[system])
    if shutil.which(command[0]) is None or not (HEADERS / "threads.h").exists():
        pytest.skip(f"no {command[0]}, or no sources")
    (tmp_path / "t.c").write_text(THREADS)
    if subprocess.run([*command, "-fsyntax-only", "-xc", "-"], input="#include <stdlib.h>", capture_output=True, text=True).returncode:
        pytest.skip(f"no C library for {system}")
    done = subprocess.run([*command, "-fsyntax-only", "-Werror=implicit-function-declaration",
                           f"-I{HEADERS}", str(tmp_path / "t.c")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
