#!/bin/sh
# Builds for 64-bit ARM with Debian's cross compiler and runs tests under qemu: sh tests/jobs/arm64.sh [tests]
# Needs Debian's gcc-aarch64-linux-gnu and qemu-user, `dpkg --add-architecture arm64`, Python 3.11 with Cython and setuptools here,
# and the network. The interpreter is Debian 12's python3.11 for arm64, NumPy its wheel; nothing is installed.
set -eu
sources=$(cd "$(dirname "$0")/../.." && pwd)
tests=${*:-"tests/ops/test_ops.py tests/ops/test_random.py tests/kernels/test_update.py tests/ops/test_loss.py tests/core/test_tape.py tests/nn/test_nn.py"}
python=${PYTHON:-python3.11}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/debs" "$work/root" "$work/site" "$work/wheels"

cd "$work/debs"
apt-cache show libc6:arm64 >/dev/null 2>&1 || { echo "first: dpkg --add-architecture arm64 && apt-get update" >&2; exit 1; }
apt-get download -q libc6:arm64 libgcc-s1:arm64 libstdc++6:arm64 python3.11-minimal:arm64 libpython3.11-minimal:arm64 \
    libpython3.11-stdlib:arm64 zlib1g:arm64 libexpat1:arm64 libffi8:arm64 libssl3:arm64 libbz2-1.0:arm64 liblzma5:arm64 \
    libsqlite3-0:arm64
for deb in *.deb; do dpkg -x "$deb" "$work/root"; done
"$python" -m pip download -q --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux2014_aarch64 \
    --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 -d "$work/wheels" \
    numpy pytest iniconfig pluggy packaging pygments hypothesis sortedcontainers
for wheel in "$work"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$work/site"; done

cp -r "$sources" "$work/src"
cd "$work/src"
find . \( -name '*.so' -o -name '*.c' \) -delete
rm -rf build
CC=aarch64-linux-gnu-gcc LDSHARED="aarch64-linux-gnu-gcc -shared" _PYTHON_HOST_PLATFORM=linux-aarch64 "$python" -c '
import platform, runpy, sys
platform.machine = lambda: "aarch64"
sys.argv = ["setup.py", "-q", "build_ext", "--inplace"]
runpy.run_path("setup.py", run_name="__main__")'
find tinygrad_c -name '*.so' | while read -r module; do
    mv "$module" "${module%%.cpython*}.cpython-311-aarch64-linux-gnu.so"
done
export PYTHONPATH="$work/src:$work/site"
run="qemu-aarch64 -L $work/root $work/root/usr/bin/python3.11"
$run -c "import tinygrad_c; print(tinygrad_c.show_config())"
# What starts an interpreter of its own would not find the emulator.
$run -m pytest -q -p no:cacheprovider --deselect tests/core/test_tape.py::test_deep_chain_on_a_small_stack $tests
