"""Without `make browser` only the tests marked `quick` run, and those only where Chromium and selenium are installed."""
from __future__ import annotations

from pathlib import Path

import pytest
from browser.chromium import MUST

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "quick: a test in a browser that runs without `make browser` too")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not MUST and HERE in item.path.parents and item.get_closest_marker("quick") is None:
            item.add_marker(pytest.mark.skip(reason="make browser runs it"))
