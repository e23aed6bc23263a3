"""`import_labels`: tensors of other programs, in their named index order, as a label file of ours."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from mimyria.declare import declared, flag, values_of
from mimyria.errors import ConfigError, LabelError
from mimyria.files.xyz import COLUMNS
from mimyria.formats import check_writable, read_frames, write_frames
from mimyria.frame import with_charge
from mimyria.labels.quality import warn_of_charges
from mimyria.memory import require_distinct
from mimyria.settings import LabelSettings, Topology
from mimyria.targets import APT, TARGETS, labelled_atoms
from mimyria.trajectory.frame_checks import check_finite

log = logging.getLogger("mimyria")


TAKEN = frozenset(chain(*COLUMNS.values()))
"""The columns that are read, of tensors and of what else a label has."""
USED = (*declared(Topology), "charge", "sum_rule")
"""The settings of `label` that an import uses; others would have no effect."""


def import_labels(paths: Sequence[Path], out: Path, settings: LabelSettings) -> str:
    """Write the tensors of files as labels in our index order and units; return a line that sums them up.

    Parameters
    ----------
    paths
        Any format that `read_frames` reads.
    settings
        ``layout``: None where the file, or its program, states its order, or the tensors are symmetric; ``topology``:
        the structure, where the file has none; ``species``, ``mass``; ``charge``: None for that of the files, else
        zero; ``sum_rule``.

    Raises
    ------
    ConfigError
        If there are other settings.
    LabelError
        If no frame has tensors, or ``--sum-rule project`` meets an atom without one.
    """
    for name, setting in declared(LabelSettings).items():
        if name not in USED and getattr(settings, name) != setting.default:
            raise ConfigError(f"--import takes every frame as it is: leave {flag(name)} out")
    layout, charge, project = settings.layout, settings.charge, settings.sum_rule == "project"
    require_distinct(out, paths, "a file to import")
    check_writable(out)
    frames, bare, sums = [], [], []
    left: dict[str, str] = {}
    errors: dict[str, list[float]] = {}
    for path in paths:
        for index, frame in enumerate(read_frames(path, **values_of(settings, Topology))):
            if not frame.tensors:  # a relaxation before the charges, say
                columns = f"; its columns are {', '.join(frame.columns)}" if frame.columns else ""
                bare.append(f"{path}, frame {index}: no tensors{columns}")
                continue
            left = {name: f"{path}, frame {index}" for name in frame.columns if name not in TAKEN} | left
            check_finite(f"{path}, frame {index}", frame, "leave the frame out")
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
            if APT.name in frame.tensors:
                sums.append((f"{path}, frame {index}", frame.tensors[APT.name].sum(axis=0), total))
            info = with_charge(origin | frame.info, charge, len(frame))
            frames.append(replace(frame, tensors=tensors, info=info))
    if not frames:
        raise LabelError(bare[0] if bare else "there are no frames to import")
    if bare:
        log.warning(f"{len(bare)} frames without tensors are left out; the first: {bare[0]}")
    if left:
        log.warning(
            f"{next(iter(left.values()))}: left out are the columns {', '.join(left)}; tensors are taken from columns "
            f"{', '.join(TARGETS)}, or as other programs name these: rename those that are such"
        )
    warn_of_charges(sums)
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
