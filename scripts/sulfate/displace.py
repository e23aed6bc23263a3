"""Labelled frames with sulfur displaced: labels of these tell the gradient of its tensors (`docs/levels.md`).

    python displace.py data/late-labels.extxyz.xz data/between-labels.extxyz.xz --charge 0 --out moved.extxyz

Each frame with one sulfate comes once, in random order, so that the first of them are of all runs; its sulfur is moved
by so many Å in a random direction.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import mimyria
from mimyria.frame import Frame
from mimyria.labels.displaced import BY, displaced

SULFUR = 16
DIGITS = 6
"""Of the places of sulfur, Å."""


def to_label(frames: Sequence[Frame], by: float, seed: int) -> Iterator[Frame]:
    """Yield frames of one sulfate each with its sulfur displaced, as they are to be labelled."""
    directions = np.random.default_rng(seed + 1)
    for number in np.random.default_rng(seed).permutation(len(frames)):
        frame = frames[number]
        (sulfur,) = np.flatnonzero(frame.numbers == SULFUR)
        positions = displaced(frame, int(sulfur), by, directions).positions
        positions[sulfur] = positions[sulfur].round(DIGITS)
        info = {"run": frame.info["run"], "md_time": frame.info["md_time"]}
        yield replace(frame, positions=positions, tensors={}, forces=None, velocities=None, info=info)


def main() -> None:
    """Displace."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--charge", type=int, default=0, help="of the frames that are taken")
    parser.add_argument("--by", type=float, default=BY, help="Å")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    wanted = []
    for path in given.labels:
        for number, frame in enumerate(mimyria.read_frames(path)):
            if missing := {"run", "md_time"} - set(frame.info):
                parser.error(f"{path}, frame {number} has no {' and no '.join(sorted(missing))} in its header")
            one = np.count_nonzero(frame.numbers == SULFUR) == 1
            if one and float(frame.info.get("total_charge", 0)) == given.charge:
                wanted.append(frame)
    if not wanted:
        parser.error(f"none of the frames has one sulfur and a charge of {given.charge}")
    mimyria.write_frames(given.out, to_label(wanted, given.by, given.seed))


if __name__ == "__main__":
    main()
