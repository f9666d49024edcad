"""Many kills: python -m tests.kills --count=N [--what=NAME] [--seed=S]."""

import argparse
import importlib
import pkgutil
import tempfile
from pathlib import Path

import numpy as np

from tests import kills


def main():
    kinds = sorted(found.name for found in pkgutil.iter_modules(kills.__path__))
    kinds.remove("__main__")
    parser = argparse.ArgumentParser(prog="python -m tests.kills")
    parser.add_argument("--count", type=int, default=20, help="kills of each")
    parser.add_argument("--what", choices=kinds, action="append", help="all by default")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for kind in arguments.what or kinds:
        kill = importlib.import_module(f"tests.kills.{kind}").kill
        with tempfile.TemporaryDirectory() as folder:
            rng = np.random.default_rng(arguments.seed)
            for number, line in enumerate(kill(arguments.count, rng, Path(folder)), start=1):
                print(f"{kind}, kill {number}: {line}", flush=True)
        print(f"{kind}: {arguments.count} kills, all ended the same", flush=True)


if __name__ == "__main__":
    main()
