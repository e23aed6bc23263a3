"""VASP's OUTCAR: configurations as ASE reads them, the last one with Born effective charges if they were computed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.targets import APT
from mimyria.trajectory.ase_formats import read_ase
from mimyria.trajectory.layout import stored_tensors
from mimyria.trajectory.source import Progress, Source

TITLE = re.compile(r"^\s*BORN EFFECTIVE CHARGES.*$", re.MULTILINE)
ORDER = {f"{APT.name}_order": APT.index_order}
"""VASP prints, for each ion, a row for each direction of the field."""


def read_outcar(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the configurations at the given increasing indices; Born charges belong to the last of the file."""
    charges = born_charges(source.path)
    frames: Iterator[Frame | None] = chain(read_ase(source, indices, progress), [None])
    for frame, following in pairwise(frames):
        if frame is None or following is not None or charges is None:
            yield frame  # type: ignore[misc]
            continue
        if len(charges) != len(frame):
            raise TrajectoryError(f"{source.path}: Born charges of {len(charges)} ions, and {len(frame)} atoms")
        tensors = stored_tensors({APT.name: charges}, ORDER, source.layout, str(source.path))
        yield replace(frame, tensors=tensors)


def born_charges(path: Path) -> Array | None:
    """Return the last Born effective charges of an OUTCAR, e, (n, 3, 3): field, displacement; None without any."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise TrajectoryError(f"{path} cannot be read: {error.strerror}") from error
    titles = list(TITLE.finditer(text))
    if not titles:
        return None
    rows: list[list[float]] = []
    for line in text[titles[-1].end() :].splitlines()[1:]:
        words = line.split()
        if not words or words[0] == "ion" or set(line.strip()) == {"-"}:
            if rows and not words:
                break
            continue
        if len(words) != 4 or words[0] not in "123":
            break
        rows.append([float(word) for word in words[1:]])
    if not rows or len(rows) % 3:
        raise TrajectoryError(f"{path}: the table of Born effective charges is cut after {len(rows)} rows")
    return np.array(rows).reshape(-1, 3, 3)
