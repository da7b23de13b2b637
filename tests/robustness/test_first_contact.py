"""What somebody meets first: an import from the folder of the sources, the command line's model, dir()."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_c

PACKAGE = Path(tinygrad_c.__file__).parent


def imported_from(folder):
    done = subprocess.run([sys.executable, "-c", "import tinygrad_c"], cwd=folder, capture_output=True, text=True,
                          env={"PATH": "", "PYTHONPATH": ""}, check=False)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


def test_an_import_in_the_folder_of_the_sources(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "tinygrad_c", ignore=shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__"))
    (tmp_path / "setup.py").touch()
    words = imported_from(tmp_path)
    assert words.startswith("ImportError: tinygrad_c was imported from the folder of its sources")
    assert "python setup.py build_ext --inplace" in words
    assert "start Python in another folder" in words
    (tmp_path / "tinygrad_c" / "core" / "array.cpython-35-none.so").touch()
    assert "was built for another Python (array.cpython-35-none.so)" in imported_from(tmp_path)
    (tmp_path / "setup.py").unlink()
    assert "Install it again" in imported_from(tmp_path)


@pytest.mark.parametrize("module", ["nn", "optim", "autograd", "linalg", "special", "distributions", "utils.data", "nn.functional",
                                    "nn.init", "nn.utils", "optim.lr_scheduler", "func", "cuda", "amp"])
def test_dir_holds_public_names_alone(module):
    place = tinygrad_c
    for name in module.split("."):
        place = getattr(place, name)
    shown = [name for name in dir(place) if not name.startswith("__")]
    assert shown
    assert set(shown) <= set(place.__all__)
    assert all(hasattr(place, name) for name in shown)
