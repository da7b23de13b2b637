"""Time a statement: Timer and Measurement of torch.utils.benchmark."""
from __future__ import annotations

import time
import timeit
from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.kernels.runtime.threads import get_num_threads, set_num_threads

__all__ = ["Measurement", "Timer", "timer"]
__getattr__, __dir__ = lazy_names(globals())
timer = time.perf_counter


def _quantile(values: list[float], share: float = 0.5) -> float:
    """The quantile `share` of the values, interpolated linearly."""
    ordered, at = sorted(values), share * (len(values) - 1)
    low = int(at)
    return ordered[low] + (at - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


class Measurement:
    """Times of a statement in seconds, each the mean of number_per_run runs.

    >>> Measurement(10, [1e-3, 2e-3, 4e-3]).median
    0.0002
    """

    def __init__(self, number_per_run: int, raw_times: list[float], title: str = "", num_threads: int = 1):
        self.number_per_run, self.raw_times, self.title, self.num_threads = number_per_run, raw_times, title, num_threads

    @property
    def times(self) -> list[float]:
        """Seconds per run, one for each measurement.

        >>> Measurement(10, [1e-3, 2e-3]).times
        [0.0001, 0.0002]
        """
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """The mean of the times.

        >>> round(Measurement(10, [1e-3, 3e-3]).mean, 6)
        0.0002
        """
        return sum(self.times) / len(self.raw_times)

    @property
    def median(self) -> float:
        """The median of the times.

        >>> round(Measurement(10, [1e-3, 3e-3]).median, 6)
        0.0002
        """
        return _quantile(self.times)

    @property
    def iqr(self) -> float:
        """The interquartile range of the times.

        >>> round(Measurement(10, [1e-3, 2e-3, 3e-3]).iqr, 6)
        0.0001
        """
        return _quantile(self.times, 0.75) - _quantile(self.times, 0.25)

    def __repr__(self) -> str:
        unit, scale = next(((u, s) for u, s in (("s", 1), ("ms", 1e3), ("us", 1e6)) if self.median * s >= 1), ("ns", 1e9))
        several = len(self.raw_times) > 1
        lines = [f"<torch.utils.benchmark.utils.common.Measurement object at {id(self):#x}>", self.title,
                 f"  {'Median' if several else ''}{': ' if several else ''}{self.median * scale:.2f} {unit}"]
        if several:
            lines.append(f"  IQR:    {self.iqr * scale:.2f} {unit} ({_quantile(self.times, 0.25) * scale:.2f} to "
                         f"{_quantile(self.times, 0.75) * scale:.2f})")
        n = len(self.raw_times)
        lines.append(f"  {n} measurement{'s' * several}, {self.number_per_run} runs {'per measurement' if several else ''}, "
                     f"{self.num_threads} thread{'s' * (self.num_threads > 1)}")
        return "\n".join(lines)


class Timer:
    """Time a statement with num_threads threads, 1 by default. `setup` runs once before it.

    >>> t = tinygrad_c.utils.benchmark.Timer("x + x", setup="import tinygrad_c; x = tinygrad_c.ones(3)")
    >>> t.timeit(10).number_per_run
    10
    """

    def __init__(self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Any = timer,
                 globals: dict[str, Any] | None = None, label: str | None = None, sub_label: str | None = None,
                 description: str | None = None, env: str | None = None, num_threads: int = 1, language: str = "py"):
        self._timer = timeit.Timer(stmt, setup, timer, dict(globals or {}))
        self._title = ": ".join(each for each in (label or stmt, sub_label, description) if each)
        self._num_threads = num_threads

    def _run(self, number: int) -> float:
        before = get_num_threads()
        set_num_threads(self._num_threads)
        try:
            return self._timer.timeit(number)
        finally:
            set_num_threads(before)

    def timeit(self, number: int = 1000000) -> Measurement:
        """One measurement of `number` runs after a short warm-up.

        >>> Timer("1 + 1").timeit(100).number_per_run
        100
        """
        self._run(max(number // 100, 2))
        return Measurement(number, [self._run(number)], self._title, self._num_threads)

    def blocked_autorange(self, callback: Any = None, min_run_time: float = 0.2) -> Measurement:
        """Measure for min_run_time seconds. Each measurement has enough runs to take at least a thousandth of it.

        >>> Timer("1 + 1").blocked_autorange(min_run_time=0.01).median < 1e-3
        True
        """
        number = 1
        while self._run(number) < min_run_time / 1000 and number < 10 ** 9:
            number *= 2
        found: list[float] = []
        while not found or sum(found) < min_run_time:
            found.append(self._run(number))
        return Measurement(number, found, self._title, self._num_threads)

    adaptive_autorange = blocked_autorange
