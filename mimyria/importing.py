"""`import_labels`: tensors of other programs, in their named index order, as a label file of ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mimyria.errors import LabelError
from mimyria.targets import TARGETS
from mimyria.trajectory import read_frames, write_frames


def import_labels(paths: Sequence[Path], out: Path, layout: str | None, charge: float | None) -> str:
    """Write the tensors found in files as labels in our index order and units; return a line that says what came.

    Parameters
    ----------
    paths
        extxyz, OUTCAR, and what else ``read_frames`` reads.
    out
        The label file.
    layout
        Name in ``LAYOUTS``; None where the file states its order, or the tensors are symmetric.
    charge
        Total charge, e; None for what the files say, else zero.
    """
    frames, counts = [], dict.fromkeys(TARGETS, 0)
    worst = dict.fromkeys(TARGETS, 0.0)
    for path in paths:
        for index, frame in enumerate(read_frames(path, layout=layout)):
            if not frame.tensors:
                has = ", ".join(frame.columns)
                raise LabelError(f"{path}, frame {index}: holds no tensors; its columns are {has}")
            if charge is not None:
                frame.info["total_charge"] = charge
            for name, tensor in frame.tensors.items():
                counts[name] += 1
                worst[name] = max(worst[name], TARGETS[name].translation_error(tensor, frame.total_charge))
            frames.append(frame)
    write_frames(out, frames)
    said = [
        f"{name} in {count} frames, sum over the atoms off by up to {worst[name]:.2g} {TARGETS[name].unit}"
        for name, count in counts.items()
        if count
    ]
    return f"{out}: {'; '.join(said)}"
