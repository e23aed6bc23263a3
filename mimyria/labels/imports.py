"""`import_labels`: tensors of other programs, in their named index order, as a label file of ours."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mimyria.errors import ConfigError, LabelError
from mimyria.formats import check_writable, read_frames, write_frames
from mimyria.targets import TARGETS, labelled_atoms

log = logging.getLogger("mimyria")


def import_labels(
    paths: Sequence[Path], out: Path, layout: str | None, charge: float | None, project: bool = False
) -> str:
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
    project
        Make the translational sum rules exact.
    """
    if out.resolve() in {path.resolve() for path in paths}:
        raise ConfigError(f"{out} is a file to import; give another --out")
    check_writable(out)
    frames, counts, bare = [], dict.fromkeys(TARGETS, 0), 0
    worst = dict.fromkeys(TARGETS, 0.0)
    said = ""
    for path in paths:
        for index, frame in enumerate(read_frames(path, layout=layout)):
            if not frame.tensors:  # a relaxation before the charges, say
                said = said or f"{path}, frame {index}: holds no tensors; its columns are {', '.join(frame.columns)}"
                bare += 1
                continue
            total = frame.total_charge if charge is None else charge
            tensors = dict(frame.tensors)
            for name, tensor in tensors.items():
                counts[name] += 1
                masked = not labelled_atoms(tensor).all()
                off = np.nan if masked else TARGETS[name].translation_error(tensor, total)
                worst[name] = float(np.maximum(worst[name], off))
                if project and masked:
                    raise LabelError(f"{path}, frame {index}: --sum-rule project needs the {name} of every atom")
                if project:
                    tensors[name] = TARGETS[name].project_translation(tensor, total)
            origin = {"source": path.name, "source_frame": index} | ({"layout": layout} if layout else {})
            given = {} if charge is None else {"total_charge": charge}
            frames.append(replace(frame, tensors=tensors, info=origin | frame.info | given))
    if not frames:
        raise LabelError(said or "there are no frames to import")
    if bare:
        log.warning(f"{bare} frames without tensors are left out; the first: {said}")
    write_frames(out, frames)
    parts = [f"{name} in {count} frames, {_sum_of(name, worst[name])}" for name, count in counts.items() if count]
    return f"{out}: {'; '.join(parts)}" + ("; made exact" if project else "")


def _sum_of(name: str, worst: float) -> str:
    if np.isnan(worst):
        return "not of every atom"
    return f"sum over the atoms off by up to {worst:.2g} {TARGETS[name].unit}"
