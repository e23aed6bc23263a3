"""Make the sample of water in `mimyria/data` from longer runs and from labels.

    python scripts/make_data.py trajectories CLASSICAL EFFECTIVE_1 EFFECTIVE_2    (packed by `path_integrals/pack.py`)
    python scripts/make_data.py cheap LABELS_300K LABELS_280K LABELS_340K
    python scripts/make_data.py production LABELS                                 (those of `scripts/water_labels`)

Trajectories, with frames 4 fs apart (4170 cm⁻¹), are rounded to what spectra cannot tell from the whole numbers. Cheap
labels are those of a trajectory at 300 K, sorted by their place in it, then those of other temperatures, stripped to
what is used.
"""

from __future__ import annotations

import lzma
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame

DATA = Path(__file__).parents[1] / "mimyria" / "data"
KEPT = ("md_frame", "md_temperature", "total_charge", "field", "engine", "alpha", "qa_apt_sum", "qa_pgt_sum")
TRAJECTORIES = {"water32": 1251, "water32_effective_1": 1876, "water32_effective_2": 1876}
"""Frames of each: 5 ps with classical nuclei, twice 7.5 ps on an effective potential of quantum nuclei."""
POSITION_DIGITS, VELOCITY_DIGITS = 3, 5
"""Å and Å/fs: dM/dt changes by a thousandth (rms), at random from frame to frame."""
LABEL_DIGITS, TENSOR_DIGITS = 5, {"apt": 4, "pgt": 2}
"""Of positions and forces, and e, e² a0² E_h⁻¹ Å⁻¹: what sum rules miss is 10⁻² and 10⁻¹, networks 7·10⁻³ and 0.2."""


def labels(frames: Iterable[Frame]) -> list[Frame]:
    """Return the labelled frames in the order of the trajectory, with what is worth keeping of their headers."""
    ordered = sorted(frames, key=lambda frame: int(frame.info["md_frame"]))
    return [
        replace(rounded_label(frame), info={key: frame.info[key] for key in KEPT if key in frame.info})
        for frame in ordered
    ]


def rounded_label(frame: Frame) -> Frame:
    """Return a labelled frame with the digits that matter to a network."""
    tensors = {name: frame.tensors[name].round(kept) for name, kept in TENSOR_DIGITS.items()}
    forces = None if frame.forces is None else frame.forces.round(LABEL_DIGITS)
    return replace(frame, positions=frame.positions.round(LABEL_DIGITS), forces=forces, tensors=tensors)


def rounded(frames: Iterable[Frame], number: int) -> Iterator[Frame]:
    """Yield the first frames with fewer digits."""
    for frame in islice(frames, number):
        velocities = None if frame.velocities is None else frame.velocities.round(VELOCITY_DIGITS)
        yield replace(frame, positions=frame.positions.round(POSITION_DIGITS), velocities=velocities, info={})


def write(name: str, frames: Iterable[Frame]) -> None:
    """Write frames, packed as small as can be, and print the size."""
    path = DATA / name
    write_frames(path, frames)
    path.write_bytes(lzma.compress(lzma.decompress(path.read_bytes()), preset=9 | lzma.PRESET_EXTREME))
    print(f"{name}: {path.stat().st_size / 1e6:.2f} MB")


def main(kind: str, *paths: Path) -> None:
    """Write the trajectories, or the labels of one level."""
    if kind == "trajectories":
        for (name, number), path in zip(TRAJECTORIES.items(), paths, strict=True):
            write(f"{name}.extxyz.xz", rounded(read_frames(path), number))
    elif kind == "cheap":
        write("water32_labels.extxyz.xz", [frame for path in paths for frame in labels(read_frames(path))])
    elif kind == "production":
        (path,) = paths
        write("water32_labels_production.extxyz.xz", (rounded_label(one) for one in read_frames(path)))
    else:
        raise SystemExit(f"trajectories, cheap or production, not {kind!r}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], *map(Path, sys.argv[2:]))
