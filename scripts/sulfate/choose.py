"""Choose the frames to label: of each run in turn the frame at 1.2 ps, then that at 2.4 ps, and so on.

    python choose.py run-1.extxyz run-2.extxyz run-3.extxyz run-4.extxyz --every 1.2 --out pool.extxyz

Every first few of them are of all runs, and it ends where the shortest run does: when the runs have gone on, the same
command adds to the end of the list and changes nothing before. `run` and `md_time` (fs) in the header say where a frame
is from.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ase import Atoms
from ase.io import read, write


def main() -> None:
    """Choose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--every", type=float, default=1.2, help="ps")
    parser.add_argument("--stored", type=float, default=2.0, help="fs between stored frames")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    each = round(1000 * given.every / given.stored)
    chosen = []
    for turn in zip(*(read(path, index=slice(each - 1, None, each)) for path in given.runs), strict=False):
        for path, frame in zip(given.runs, turn, strict=True):
            atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True)
            atoms.wrap()
            atoms.info = {"run": path.stem, "md_time": float(frame.info["time"])}
            chosen.append(atoms)
    write(given.out, chosen, format="extxyz")


if __name__ == "__main__":
    main()
