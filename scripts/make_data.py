"""Make the sample in `mimyria/data` from the full data set.

    python scripts/make_data.py ../shared/data trpmd-1.extxyz.xz trpmd-2.extxyz.xz LABELS_280K.extxyz LABELS_340K.extxyz
    python scripts/make_data.py LABELS        (those of `scripts/water_labels`)

Every second frame (4 fs apart: 4170 cm⁻¹) of classical dynamics with NEP-MB-pol, and the centroids of two runs of
`scripts/path_integrals`, packed by its `pack.py`; all rounded to what spectra cannot tell from the whole numbers. With
files of labels all labels are made too: those of a trajectory at 300 K, sorted by their place in it, then those of
other temperatures, stripped to what is used.
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
EVERY = 2
CLASSICAL_FRAMES, CENTROID_FRAMES = 1251, (2501, 1251)
"""5 ps, and 10 and 5 ps."""
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


def rounded(frames: Iterable[Frame], number: int, every: int = 1) -> Iterator[Frame]:
    """Yield a number of frames, every so many-th, with fewer digits."""
    for frame in islice(frames, 0, number * every, every):
        velocities = None if frame.velocities is None else frame.velocities.round(VELOCITY_DIGITS)
        yield replace(frame, positions=frame.positions.round(POSITION_DIGITS), velocities=velocities, info={})


def write(name: str, frames: Iterable[Frame]) -> None:
    """Write frames, packed as small as can be, and print the size."""
    path = DATA / name
    write_frames(path, frames)
    path.write_bytes(lzma.compress(lzma.decompress(path.read_bytes()), preset=9 | lzma.PRESET_EXTREME))
    print(f"{name}: {path.stat().st_size / 1e6:.2f} MB")


def main(source: Path, *files: Path) -> None:
    """Write the files of the sample, or the labels of the level for polarizabilities alone."""
    if not files:
        write("water32_labels_production.extxyz.xz", (rounded_label(one) for one in read_frames(source)))
        return
    first, second, *others = files
    classical = read_frames(source / "nep_mbpol" / "water32.extxyz.zst")
    write("water32.extxyz.xz", rounded(classical, CLASSICAL_FRAMES, EVERY))
    for number, (run, count) in enumerate(zip((first, second), CENTROID_FRAMES, strict=True), 1):
        write(f"water32_centroid_{number}.extxyz.xz", rounded(read_frames(run), count))
    if others:
        labelled = (source / "cp2k_water32.extxyz", *others)
        write("water32_labels.extxyz.xz", [frame for path in labelled for frame in labels(read_frames(path))])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
