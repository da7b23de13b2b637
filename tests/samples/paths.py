"""Paths of the repository and the tests, and the import path for new Python processes."""
from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = ROOT / "tests"


def environment(**more: str) -> dict[str, str]:
    """The environment for a subprocess: this process's environment and import path, and the folder of tests."""
    path = [str(TESTS), *(folder or "." for folder in sys.path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), **more}
