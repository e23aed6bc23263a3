"""Make the sample in `mimyria/data` from the full data set.

    python scripts/make_data.py ../shared/data LABELS_280K.extxyz LABELS_340K.extxyz

All labels: those of the trajectory at 300 K, sorted by their place in it, then those of two other temperatures, made
by `mimyria label --template configs/cp2k/water-cheap.inp --field 2e-3`; stripped to what is used. And every second
frame of the trajectory (4 fs apart: 4170 cm⁻¹), positions and velocities rounded to what the networks and spectra can
tell apart.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame

DATA = Path(__file__).parents[1] / "mimyria" / "data"
KEPT = ("md_frame", "md_temperature", "total_charge", "field", "engine", "alpha", "qa_apt_sum", "qa_pgt_sum")
EVERY = 2


def labels(frames: Iterable[Frame]) -> list[Frame]:
    """Return the labelled frames in the order of the trajectory, with what is worth keeping of their headers."""
    ordered = sorted(frames, key=lambda frame: int(frame.info["md_frame"]))
    return [replace(frame, info={key: frame.info[key] for key in KEPT if key in frame.info}) for frame in ordered]


def thinned(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield every second frame."""
    for index, frame in enumerate(frames):
        if index % EVERY == 0:
            yield replace(frame, info={})


def main(source: Path, *others: Path) -> None:
    """Write both files of the sample and print their sizes."""
    labelled = [frame for path in (source / "cp2k_water32.extxyz", *others) for frame in labels(read_frames(path))]
    write_frames(DATA / "water32_labels.extxyz.xz", labelled)
    write_frames(DATA / "water32.extxyz.xz", thinned(read_frames(source / "water32.extxyz.zst")))
    for path in sorted(DATA.glob("*.xz")):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
