"""Exit statuses, and errors told in one line."""
from __future__ import annotations

from tinygrad_c.tables.errors import UserError, nearest, need

__all__ = ["DONE", "FAILED", "INTERRUPTED", "USER_ERROR", "UserError", "nearest", "need"]

# Exit statuses: success; training failed; wrong input (one line on standard error); Ctrl-C.
DONE, FAILED, USER_ERROR, INTERRUPTED = 0, 1, 2, 130
