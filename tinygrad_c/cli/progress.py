"""A progress bar on a terminal, or a line now and then in a log file."""
from __future__ import annotations

import sys
import time
from typing import Any

from tinygrad_c.cli.errors import need

SECONDS = 20.0      # seconds between lines


class Progress:
    """The progress of a training: `update` after each epoch, `close` at the end."""

    def __init__(self, total: int, done: int, quiet: bool) -> None:
        self.total, self.done, self.words = total, done, ""
        self.terminal = sys.stderr.isatty()
        self.quiet = quiet
        self.bar: Any = None
        self.told = time.monotonic()
        if not quiet:
            tqdm = need("tqdm").tqdm
            if self.terminal:
                self.bar = tqdm(total=total, initial=done, desc="training", unit="epoch", file=sys.stderr)

    def update(self, words: str) -> None:
        self.done += 1
        self.words = words
        if self.bar is not None:
            self.bar.set_postfix_str(words, refresh=False)
            self.bar.update()
        elif not self.quiet and time.monotonic() - self.told > SECONDS:
            self._line()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        elif not self.quiet:
            self._line()

    def _line(self) -> None:
        self.told = time.monotonic()
        print(f"training: {100 * self.done // max(1, self.total)}% ({self.done} of {self.total} epochs){self.words and ', '}"
              f"{self.words}", file=sys.stderr, flush=True)
