"""Cells that are written as lengths and angles, made into vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.frame import Array


def cell_of_angles(numbers: Sequence[float]) -> Array:
    """Return cell vectors as rows, a along x and b in the xy plane, from a, b, c (any unit), α, β, γ (degrees)."""
    from ase.geometry.cell import cellpar_to_cell

    lengths, angles = np.asarray(numbers[:3]), np.asarray(numbers[3:])
    try:
        with np.errstate(invalid="ignore"):
            cell = np.asarray(cellpar_to_cell(numbers))
    except AssertionError:
        cell = np.full((3, 3), np.nan)
    if not ((lengths > 0).all() and (angles > 0).all() and (angles < 180).all() and np.isfinite(cell).all()):
        shown = " ".join(f"{number:g}" for number in numbers)
        raise TrajectoryError(f"{shown} are not the lengths and angles (degrees) of a cell")
    return cell
