"""Install this package, or what it names, by pip, and show what the build is doing.

    python tools/install.py '.[cli]'

pip shows nothing of a build that takes minutes, or all of it. Here the lines of setup.py that begin with "tinygrad_c: " are
shown; when the installation fails, its last lines are too.
"""
from __future__ import annotations

import subprocess
import sys
import time
from collections import deque


def main() -> int:
    begin = time.monotonic()
    print(f"installing {' '.join(sys.argv[1:])}: pip fetches what it needs, then the C modules are built, which takes a "
          "minute or two on two cores (later runs build only what has changed)", flush=True)
    last: deque[str] = deque(maxlen=60)
    with subprocess.Popen([sys.executable, "-m", "pip", "install", "-v", "--progress-bar", "off", *sys.argv[1:]],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            last.append(line)
            words = line.strip()
            if words.startswith("tinygrad_c: "):
                print(f"  {time.monotonic() - begin:4.0f} s  {words.removeprefix('tinygrad_c: ')}", flush=True)
    if pip.returncode:
        sys.stderr.writelines(last)
        print(f"the installation failed (pip's exit status is {pip.returncode}); its last lines are above", file=sys.stderr)
    else:
        print(f"installed in {time.monotonic() - begin:.0f} s", flush=True)
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main())
