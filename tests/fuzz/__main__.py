"""Long runs of random damage: python -m tests.fuzz --minutes=N [--kind=NAME] [--seed=S]."""

import argparse
import sys
import time
import traceback

from tests.fuzz import kinds, try_one


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=1.0, help="of each kind")
    parser.add_argument("--kind", choices=kinds(), action="append", help="all by default")
    parser.add_argument("--seed", type=int, default=0, help="of the first trial")
    arguments = parser.parse_args()
    failed = 0
    for kind in arguments.kind or kinds():
        end, seed, wrong = time.monotonic() + 60 * arguments.minutes, arguments.seed, []
        while time.monotonic() < end:
            try:
                try_one(kind, seed)
            except Exception:
                wrong.append(seed)
                print(f"{kind}, seed {seed}:\n{traceback.format_exc()}", file=sys.stderr)
            seed += 1
        failed += len(wrong)
        print(f"{kind}: {seed - arguments.seed} inputs, {len(wrong)} wrong {wrong[:10]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
