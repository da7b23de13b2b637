"""show_config: information about this installation."""
from __future__ import annotations

import platform
import sys

from tinygrad_c._base.version import __version__
from tinygrad_c.kernels.runtime import dispatch, threads


def show_config() -> str:
    """The version, the chosen instruction set and the number of threads, as text.

    >>> "SIMD" in show_config()
    True
    """
    return "\n".join([
        f"tinygrad_c {__version__}, Python {sys.version.split()[0]}, {platform.system()} {platform.machine()}",
        f"SIMD: {dispatch.simd_level} (this processor supports {', '.join(dispatch.supported_levels())}; "
        "TINYGRAD_C_SIMD chooses another)",
        f"threads: at most {threads.get_num_threads()} (set_num_threads or TINYGRAD_C_NUM_THREADS chooses)",
    ])
