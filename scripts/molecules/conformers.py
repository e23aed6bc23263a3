"""Label other conformers of molecules that have dear labels: `python conformers.py data/labels --out conformers`.

One bond after another that is single and in no ring is turned by a third of a circle, either way, and the molecule is
relaxed by GFN2-xTB; the first minimum that is another one, by its distances, gets a Hessian and a dear label as
`make.py` makes them, which `make.py gather` joins. It may be stopped and started at will.

Whether the networks, trained on one conformer of each molecule, know others as well is then measured by
`benchmarks/organic.py`, once with these and once with the labels of the same molecules that were there.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from make import minimum_of, tried
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from mimyria.elements import covalent_radii
from mimyria.errors import LabelError, RunFailed
from mimyria.formats import read_frames
from mimyria.frame import Array, Frame
from mimyria.memory import write_text
from mimyria.molecules import find_bonds, molecules_of

SINGLE = 0.93
"""Length over the sum of the covalent radii from which on a bond is single: C=C has 0.88, C-N of amides 0.925."""
THIRD = 2 * np.pi / 3
ANOTHER = 0.2
"""Å; the largest difference between the distances, in their order, of two conformers at least."""


def turned(frame: Frame) -> Iterator[Frame]:
    """Yield structures with one single bond turned, either way."""
    i, j, vectors = find_bonds(frame)
    radii = covalent_radii(frame.numbers)
    for a, b, axis in zip(i, j, vectors, strict=True):
        length = float(np.linalg.norm(axis))
        if a > b or length < SINGLE * (radii[a] + radii[b]):
            continue
        others = ~(((i == a) & (j == b)) | ((i == b) & (j == a)))
        pieces = molecules_of(i[others], j[others], len(frame))
        side = pieces == pieces[b]
        if pieces[a] == pieces[b] or side.sum() == 1 or (pieces == pieces[a]).sum() == 1:
            continue  # in a ring, or nothing turns
        for angle in (THIRD, -THIRD):
            positions = frame.positions.copy()
            turn = Rotation.from_rotvec(angle * axis / length)
            positions[side] = turn.apply(positions[side] - positions[b]) + positions[b]
            yield replace(frame, positions=positions, forces=None, tensors={})


def distances(frame: Frame) -> Array:
    """Return the distances between atoms in their order, Å, the same for the same conformer."""
    return np.sort(pdist(frame.positions))


def another_conformer(frame: Frame, work: Path) -> Frame | None:
    """Return another minimum of a molecule, None if no turn of a bond leads to one."""
    for start in turned(frame):
        shutil.rmtree(work, ignore_errors=True)
        try:
            found = minimum_of(start, work)[0].frame
        except (LabelError, RunFailed):  # the turn breaks a bond, or leads to no minimum
            continue
        if abs(distances(found) - distances(frame)).max() > ANOTHER:
            return replace(found, forces=None, info=frame.info)
    return None


def main() -> None:
    """Label."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, help="the folder of the labels that are there")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--side", default="held-out", help="of the molecules that are taken")
    given = parser.parse_args()
    (given.out / "work").mkdir(parents=True, exist_ok=True)
    for path in sorted(given.labels.glob("*.dear.extxyz"), key=lambda path: path.stat().st_size):
        known, number = next(iter(read_frames(path))), int(path.name[:5])
        if known is None or known.info["side"] != given.side or (given.out / f"{number:05d}.rigid").exists():
            continue
        if not (given.out / f"{number:05d}.cheap.extxyz").exists():
            found = another_conformer(known, given.out / "work" / f"{number:05d}-turned")
            if found is None:
                write_text(given.out / f"{number:05d}.rigid", "no other conformer\n")
                continue
            tried("cheap", number, given.out, found)
        tried("dear", number, given.out, known)


if __name__ == "__main__":
    main()
