"""Every sample of an operation under func.vmap: beside a loop, beside torch.func.vmap, nested, and its gradient. A few minutes.

    python tests/jobs/vmap.py [NAME..]

Prints what failed, and the operations that looped; status 1 if anything failed.
"""
from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from samples.mapping import choices, compare, gradients, nn_cases, op_cases


def main() -> int:
    count, loops, failed = Counter(), Counter(), []
    cases = [case for case in (*op_cases(), *nn_cases()) if not sys.argv[1:] or any(name in case.name for name in sys.argv[1:])]
    for case in cases:
        for which in choices(case):
            for what, check in (("value", lambda: compare(case, which, True)), ("gradient", lambda: gradients(case, which))):
                try:
                    if what == "value":
                        kind, looped = check()
                        count[kind] += 1
                        loops.update(looped)
                    elif case.wanted and check():
                        count["gradients"] += 1
                except Exception as error:
                    failed.append(f"{case.name} {which} {what}: {type(error).__name__}: {' '.join(str(error).split())[:160]}")
                    print(failed[-1], flush=True)
    print(dict(count))
    print("looped:", dict(loops.most_common()))
    print(f"{len(failed)} failed of {len(cases)} samples")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
