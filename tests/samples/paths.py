"""Where the repository and its tests lie, and the path with which a new Python process finds what this one finds."""
from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = ROOT / "tests"


def environment(**more: str) -> dict[str, str]:
    """For subprocess: this process's environment and import path, and the folder of tests."""
    path = [str(TESTS), *(folder or "." for folder in sys.path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), **more}
