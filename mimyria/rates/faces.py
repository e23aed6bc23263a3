"""The two faces of a slab as groups of atoms: molecules above and below its middle, with smooth weights."""

from __future__ import annotations

import numpy as np

from mimyria.elements import frame_masses
from mimyria.errors import ConfigError, SpectrumError
from mimyria.frame import AXES, Array, Frame
from mimyria.molecules import find_bonds, join
from mimyria.rates.groups import Grouping

SWITCH = 2.0
"""Å; the half width of the zone in the middle of the slab where a molecule belongs to both faces."""
IN_PLANE = 1e-6
"""Largest part of a cell vector along the normal that counts as none."""


def split_faces(normal: str) -> Grouping:
    """Return the faces of a slab as two groups, named by their outward normals, such as ``+z`` and ``-z``.

    w(+z) = ½ [1 + sin(πs/2)],  s = h/d held within ±1          w(-z) = 1 - w(+z)          d = SWITCH

    h is the height of the centre of mass of an atom's molecule over that of the slab, see `heights`. A molecule counts
    as a whole: split among its atoms, the middle of the slab would not be isotropic.

    Parameters
    ----------
    normal
        ``x``, ``y`` or ``z``.
    """
    if normal not in list(AXES):
        raise ConfigError(f"--normal takes x, y or z, not {normal!r}")
    axis = AXES.index(normal)

    def weights(frame: Frame) -> Array:
        part = np.clip(heights(frame, axis) / SWITCH, -1, 1)
        upper = 0.5 + 0.5 * np.sin(0.5 * np.pi * part)
        return np.array([upper, 1 - upper])

    return Grouping((f"+{normal}", f"-{normal}"), weights)


def normal_of(groups: tuple[str, ...]) -> str:
    """Return the normal of groups made by `split_faces`, as their names tell it."""
    for normal in AXES:
        if groups == (f"+{normal}", f"-{normal}"):
            return normal
    raise SpectrumError(
        f"the rates are those of the groups {', '.join(groups)}, not of the faces of a slab: ask for sfg when they are "
        "made, along the trajectory"
    )


def heights(frame: Frame, axis: int) -> Array:
    """Return the height (Å) of each atom's molecule over the slab, centre of mass over centre of mass, shape (n,).

    The slab may lie across the boundary of the cell: its centre is first found as that of masses on a circle. Atoms of
    a network without end, bonded to its own images, count each by itself.
    """
    masses, bonds = frame_masses(frame), find_bonds(frame)
    molecules, whole = join(frame, bonds)
    i, j, vectors = bonds
    torn = abs(whole[i] + vectors - whole[j]).max(axis=1, initial=0.0) > 1e-3  # Å
    endless = np.isin(molecules, molecules[i[torn]])
    molecules = np.where(endless, len(frame) + np.arange(len(frame)), molecules)
    _, molecules = np.unique(molecules, return_inverse=True)
    mass = np.bincount(molecules, masses)
    height = np.bincount(molecules, masses * whole[:, axis]) / mass
    period = _period(frame, axis)
    if period:
        turn = 2 * np.pi / period
        height -= np.angle((mass * np.exp(1j * turn * height)).sum()) / turn
        height -= period * np.round(height / period)
    height -= mass @ height / mass.sum()
    return height[molecules]


def face_area(cell: Array, axis: int) -> float:
    """Return the area (Å²) of the cell's face across an axis, cell vectors as rows (3, 3)."""
    first, second = cell[_in_plane(cell, axis)]
    return float(np.linalg.norm(np.cross(first, second)))


def _period(frame: Frame, axis: int) -> float:
    """Return after which distance (Å) along an axis the cell repeats; zero where it does not."""
    across = ~_in_plane(frame.cell, axis) & frame.periodic
    return float(abs(frame.cell[across, axis]).sum())


def _in_plane(cell: Array, axis: int) -> Array:
    """Return which two of the cell vectors are perpendicular to an axis, shape (3,), bool."""
    lengths = np.linalg.norm(cell, axis=1)
    inside = (abs(cell[:, axis]) <= IN_PLANE * lengths) & (lengths > 0)
    if inside.sum() != 2:
        raise SpectrumError(
            f"a slab with its normal along {AXES[axis]} has two cell vectors perpendicular to it, this cell has not: "
            f"{np.round(cell, 3).tolist()}; turn the sample, or give another --normal"
        )
    return np.asarray(inside)
