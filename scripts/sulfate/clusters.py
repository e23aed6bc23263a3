"""Cut each sulfate with the waters around it out of frames, for labels of GFN2-xTB, which cost a second each.

    python clusters.py run-1.extxyz run-2.extxyz --every 10 --out clusters.extxyz
    mimyria label clusters.extxyz --engine tblite --charge -2 --out clusters-labels.extxyz

Waters whose oxygen is within `--within` of sulfur belong to a cluster, whole. Sodium does not: in GFN2-xTB a bare
sodium ion beside sulfate is polarized a hundred times too much.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

import mimyria
from mimyria.frame import Frame, changed
from mimyria.molecules import find_molecules, nearest_image

SULFUR, OXYGEN = 16, 8


def clusters_of(frame: Frame, within: float) -> Iterator[Frame]:
    """Yield each sulfate of a frame with the waters near it, an isolated system with sulfur at the origin."""
    molecules, whole = find_molecules(frame)
    info: dict[str, object] = {
        name: frame.info[name] for name in ("run", "md_time") if name in frame.info
    }  # of a label
    info |= {} if frame.time is None else {"md_time": frame.time}
    for sulfur in np.flatnonzero(frame.numbers == SULFUR):
        kept, positions = [], whole - whole[sulfur]
        for molecule in dict.fromkeys([molecules[sulfur], *molecules[frame.numbers == OXYGEN]]):
            atoms = np.flatnonzero(molecules == molecule)
            (centre, *_) = atoms[np.argsort(-frame.numbers[atoms])]
            shift = nearest_image(positions[centre], frame.cell, frame.periodic) - positions[centre]
            positions[atoms] += shift
            if np.linalg.norm(positions[centre]) < within:
                kept.append(atoms)
        atoms = np.concatenate(kept)
        yield Frame(frame.numbers[atoms], positions[atoms], np.zeros((3, 3)), np.zeros(3, dtype=bool), info=info)


def main() -> None:
    """Cut."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=10, help="frames from one that is taken to the next")
    parser.add_argument("--within", type=float, default=4.5, help="Å from sulfur to the oxygen of a water")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    clusters = []
    for path in given.runs:
        for frame in islice(mimyria.read_frames(path), 0, None, given.every):
            for cluster in clusters_of(frame, given.within):
                clusters.append(changed(cluster, info={"run": path.name.split(".")[0], **cluster.info}))
    mimyria.write_frames(given.out, clusters)


if __name__ == "__main__":
    main()
