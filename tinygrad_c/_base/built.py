"""What to say when the package is imported from a folder of sources that was not built."""
from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def explain(error: ImportError) -> ImportError:
    """The error that import tinygrad_c raises: what to do if the compiled modules are missing, else the one that was raised."""
    built = [path.name for path in (PACKAGE / "core").glob("array.*") if path.suffix in (".so", ".pyd")]
    if any(name == "array" + suffix for name in built for suffix in EXTENSION_SUFFIXES):
        return error
    there = f"it was built for another Python ({', '.join(sorted(built))})" if built else "it is not built"
    source = PACKAGE.parent
    if not (source / "setup.py").exists():
        return ImportError(f"tinygrad_c in {source} is incomplete: its compiled modules are missing. Install it again: "
                           "pip install --force-reinstall --no-deps tinygrad_c", name="tinygrad_c")
    return ImportError(f"tinygrad_c was imported from the folder of its sources, {source}, where {there}. To use an installed "
                       "tinygrad_c, start Python in another folder; to use the sources, build them first: "
                       "python setup.py build_ext --inplace", name="tinygrad_c")
