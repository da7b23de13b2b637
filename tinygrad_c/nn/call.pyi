# Made by tools/stubs.py: run it again when names or signatures change.
from typing import Any

class Callable:
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
