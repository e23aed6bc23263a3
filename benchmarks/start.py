"""What a command costs before and beside its task: seconds of processor, the least of several rounds.

python benchmarks/start.py [--base CHECKOUT] [--rounds 5] [--json]

One row a command: `--help`, `spectrum` along bundled water up to the tensors of its first frame, spectra remade from
series.h5 without and with pictures, `info` of a model, and a dry run of `autotrain`. With ``--base`` every round runs
the program of another checkout too, in turns. The processes that a command starts count as well, reading bytes from the
disk does not; a round takes some ten seconds on a quiet machine. The last line of ``--json`` is one object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parents[1]
DATA = HERE / "mimyria" / "data"
WATER = str(DATA / "water32.extxyz.xz")
COMMAND = "from mimyria.__main__ import main; main()"
FIRST_FRAME = """
import os
import mimyria.__main__

try:
    from mimyria.rates import contraction
except ImportError:  # an earlier version
    from mimyria.rates import response as contraction
(name,) = {"rates_of_groups", "rates"} & {*vars(contraction)}  # the latter in earlier versions
setattr(contraction, name, lambda *given: os._exit(0))
mimyria.__main__.main()
"""
"""A command that ends as soon as its two frames have their tensors, which are then contracted with the velocities."""


def commands(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """Return what is run, by title: the program of Python and its arguments."""
    spectrum = ["spectrum", WATER, "--apt", "water", "--pgt", "water", "--frames", "0:2", "--out"]
    remade = ["spectrum", str(folder / "series.h5"), "--out", str(folder / "remade")]
    plan = ["autotrain", str(HERE / "configs" / "autotrain-quick.yaml"), "--folder", str(folder / "a"), "--dry-run"]
    return {
        "--help": (COMMAND, ["--help"]),
        "spectrum, to the first frame": (FIRST_FRAME, [*spectrum, str(folder / "first")]),
        "spectra remade, no pictures": (COMMAND, [*remade, "--plot-format", "none"]),
        "spectra remade, with pictures": (COMMAND, remade),
        "info water": (COMMAND, ["info", "water"]),
        "autotrain --dry-run": (COMMAND, plan),
    }


def seconds(checkout: Path, program: str, arguments: Sequence[str]) -> float:
    """Return the seconds of processor, of user and system, of a command of the program in a checkout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environment, cwd=checkout
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Print one row a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="another checkout to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    checkouts = {"here": HERE, **({"base": given.base.resolve()} if given.base else {})}
    with tempfile.TemporaryDirectory() as scratch:
        least: dict[str, dict[str, float]] = {}
        for name, checkout in checkouts.items():  # whose first commands write what the others read
            folder = Path(scratch) / name
            made = ["spectrum", WATER, "--apt", "water", "--pgt", "water", "--frames", "0:64", "--out", str(folder)]
            seconds(checkout, COMMAND, made)
        for _ in range(given.rounds):
            for name, checkout in checkouts.items():
                for title, (program, arguments) in commands(Path(scratch) / name).items():
                    row = least.setdefault(title, {})
                    row[name] = min(row.get(name, float("inf")), seconds(checkout, program, arguments))
    print(f"{'seconds of processor':32}" + "".join(f"{name:>8}" for name in checkouts))
    for title, row in least.items():
        print(f"{title:32}" + "".join(f"{row[name]:8.2f}" for name in checkouts))
    if given.json:
        print(json.dumps(least))


if __name__ == "__main__":
    main()
