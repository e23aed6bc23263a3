"""Born charges and Raman tensors in the output of other programs: what their readers share.

Each program has one index order, which its reader names; the file's structure may come from a second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import TrajectoryError
from mimyria.files.layout import stored_tensors
from mimyria.files.source import Source, fixed_unit
from mimyria.frame import Array, Frame
from mimyria.targets import TARGETS

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?"
NO_VELOCITIES = fixed_unit("A/fs")


def numbers_of(text: str) -> list[float]:
    """Return all numbers of a text; exponents may be those of Fortran."""
    return [float(number.upper().replace("D", "E")) for number in re.findall(NUMBER, text)]


def with_tensors(
    frame: Frame, tensors: Mapping[str, Array], source: Source, program: str, epsilon: Array | None = None
) -> Frame:
    """Return a frame with the tensors that a program has written, and with what its header shall say of them.

    Parameters
    ----------
    frame
        The structure.
    tensors
        By target name, shape (n, 3, ..., 3), in our units and index order.
    program
        Its name, and its level of theory as far as the file tells.
    epsilon
        Dielectric tensor far above the vibrations, (3, 3), or None.

    Raises
    ------
    TrajectoryError, LabelError
        If the tensors are of another number of atoms, or ``--layout`` says another index order than the program's.
    """
    for name, tensor in tensors.items():
        if len(tensor) != len(frame):
            raise TrajectoryError(f"{source.path}: {name} of {len(tensor)} atoms, but the structure has {len(frame)}")
    order = {f"{name}_order": TARGETS[name].index_order for name in tensors}
    ours = stored_tensors(tensors, order, source.layout, str(source.path))
    stated = {"engine": program} | ({} if epsilon is None else dielectric(epsilon))
    return replace(frame, tensors=ours, info=frame.info | stated)


def dielectric(epsilon: Array) -> dict[str, Any]:
    """Return the header entries of a dielectric tensor ε∞: its mean, and all of it where it is not isotropic."""
    mean = float(np.trace(epsilon)) / 3
    isotropic = np.allclose(epsilon, mean * np.eye(3), atol=1e-3 * abs(mean))
    stated: dict[str, Any] = {"epsilon_infinity": round(mean, 6)}
    return stated if isotropic else stated | {"dielectric_tensor": np.asarray(epsilon, dtype=float)}


def structure_of(source: Source, numbers: Array | None = None) -> Frame | None:
    """Return the first frame of the topology file, None without one; its elements must be as given, if they are."""
    if source.topology is None:
        return None
    from mimyria.formats.readers import read_frames  # which lists the readers that need this

    frame = next(read_frames(source.topology), None)
    if frame is None:
        raise TrajectoryError(f"{source.topology}: holds no frame")
    if numbers is not None and not np.array_equal(frame.numbers, numbers):
        theirs, ours = (" ".join(symbols_of(each)) for each in (frame.numbers, numbers))
        raise TrajectoryError(f"{source.topology}: its atoms are {theirs}, but those of {source.path} are {ours}")
    return replace(frame, velocities=None, forces=None, tensors={})


def one_frame(frame: Frame, indices: Iterable[int]) -> Iterator[Frame]:
    """Yield the only frame of a file, if its index is asked for first."""
    if next(iter(indices), None) == 0:
        yield frame
