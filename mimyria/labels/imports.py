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
    """Write the tensors of files as labels in our index order and units; return a line that sums them up.

    Parameters
    ----------
    paths
        Any format that `read_frames` reads.
    layout
        Name in ``LAYOUTS``; None where the file states its order, or the tensors are symmetric.
    charge
        Total charge, e; None for that of the files, else zero.
    project
        Make the acoustic sum rules exact.

    Raises
    ------
    LabelError
        If no frame has tensors, or ``project`` meets an atom without one.
    """
    if out.resolve() in {path.resolve() for path in paths}:
        raise ConfigError(f"{out} is a file to import; give another --out")
    check_writable(out)
    frames, bare = [], []
    errors: dict[str, list[float]] = {}
    for path in paths:
        for index, frame in enumerate(read_frames(path, layout=layout)):
            if not frame.tensors:  # a relaxation before the charges, say
                bare.append(f"{path}, frame {index}: no tensors; its columns are {', '.join(frame.columns)}")
                continue
            total = frame.total_charge if charge is None else charge
            tensors = dict(frame.tensors)
            for name, tensor in tensors.items():
                masked = not labelled_atoms(tensor).all()
                error = np.nan if masked else TARGETS[name].translation_error(tensor, total)
                errors.setdefault(name, []).append(error)
                if project and masked:
                    raise LabelError(f"{path}, frame {index}: --sum-rule project needs the {name} of every atom")
                if project:
                    tensors[name] = TARGETS[name].project_translation(tensor, total)
            origin = {"source": path.name, "source_frame": index} | ({"layout": layout} if layout else {})
            given = {} if charge is None else {"total_charge": charge}
            frames.append(replace(frame, tensors=tensors, info=origin | frame.info | given))
    if not frames:
        raise LabelError(bare[0] if bare else "there are no frames to import")
    if bare:
        log.warning(f"{len(bare)} frames without tensors are left out; the first: {bare[0]}")
    write_frames(out, frames)
    summary = [
        f"{name} in {len(errors[name])} frames, "
        + (
            f"sum rule violated by up to {max(errors[name]):.2g} {target.unit}"
            if np.isfinite(errors[name]).all()
            else "not of every atom"
        )
        for name, target in TARGETS.items()
        if name in errors
    ]
    return f"{out}: {'; '.join(summary)}" + ("; now made exact" if project else "")
