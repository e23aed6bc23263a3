"""The two faces of a slab as groups of atoms: molecules above and below its middle, with smooth weights."""

from __future__ import annotations

import logging
from functools import partial

import numpy as np

from mimyria.elements import frame_masses
from mimyria.errors import ConfigError, SpectrumError
from mimyria.frame import AXES, Array, Frame
from mimyria.molecules import find_bonds, join
from mimyria.rates.groups import Grouping

log = logging.getLogger("mimyria")

SWITCH = 2.0
"""Å; half width of the zone in the middle of the slab where a molecule belongs to both faces."""
VACUUM = 6.0
"""Å; a wider gap between atoms along a cell vector is vacuum, a narrower one a hole in the liquid."""
IN_PLANE_TOLERANCE = 1e-6
"""Largest component of a cell vector along the normal, over its length, that counts as zero."""


def split_faces(normal: str) -> Grouping:
    """Return the faces of a slab as two groups, named by their outward normals, such as ``+z`` and ``-z``.

    w(+z) = ½ [1 + sin(πs/2)],  s = h/d clipped to ±1          w(-z) = 1 - w(+z)          d = SWITCH

    h is the height of the centre of mass of an atom's molecule over that of the slab, see `heights`. All atoms of a
    molecule have its weight: a weight by atom would make the isotropic middle of the slab anisotropic.
    """
    return Grouping(face_names(normal), partial(_weights, axis_of(normal)))


def _weights(axis: int, frame: Frame) -> Array:
    return face_weights(heights(frame, axis))


def axis_of(normal: str) -> int:
    """Return the index of an axis, 0 to 2; raise ConfigError for anything else."""
    if normal not in list(AXES):
        raise ConfigError(f"--normal takes x, y or z, not {normal!r}")
    return AXES.index(normal)


def face_names(normal: str) -> tuple[str, str]:
    """Return the names of the faces, upper and lower."""
    return f"+{normal}", f"-{normal}"


def face_weights(height: Array) -> Array:
    """Return how much belongs to the upper and to the lower face, shape (2, ...), at heights (...) over the middle."""
    upper = 0.5 + 0.5 * np.sin(0.5 * np.pi * np.clip(height / SWITCH, -1, 1))
    return np.array([upper, 1 - upper])


def normal_of(groups: tuple[str, ...]) -> str:
    """Return the normal of groups made by `split_faces`, from their names."""
    for normal in AXES:
        if groups == face_names(normal):
            return normal
    raise SpectrumError(
        f"the rates are those of the groups {', '.join(groups)}, not of the faces of a slab: ask for sfg when they are "
        "made: run `mimyria spectrum --kinds sfg` on the trajectory"
    )


def heights(frame: Frame, axis: int) -> Array:
    """Return the height (Å) of the centre of mass of each atom's molecule over that of the slab, shape (n,).

    The slab may lie across the cell boundary. Atoms of an infinite network count one by one.
    """
    masses, (molecules, whole) = frame_masses(frame), finite_molecules(frame, find_bonds(frame))
    mass = np.bincount(molecules, masses)
    across = ~in_plane(frame.cell, axis) & frame.periodic
    period = np.array(abs(frame.cell[across, axis]).sum())
    return over_the_middle(np.bincount(molecules, masses * whole[:, axis]) / mass, mass, period)[molecules]


def finite_molecules(frame: Frame, bonds: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    """Return `join`, where every atom of an infinite network is a molecule of its own."""
    i, j, vectors = bonds
    molecules, whole = join(frame, bonds)
    # A network bonded to its own images cannot be made whole: some bond vector misses its atom by a cell vector.
    torn = abs(whole[i] + vectors - whole[j]).max(axis=1, initial=0.0) > 1e-3  # Å
    endless = np.isin(molecules, molecules[i[torn]])
    molecules = np.where(endless, len(frame) + np.arange(len(frame)), molecules)
    return np.unique(molecules, return_inverse=True)[1], whole


def over_the_middle(height: Array, mass: Array, period: Array) -> Array:
    """Return heights (..., m), Å, of masses (m,) over their centre, which may lie across the boundary of the cell.

    The period of the cell along the normal has the shape (...,); zero if it has none.
    """
    turn = 2 * np.pi / np.where(period > 0, period, np.inf)[..., None]
    # The mean on a circle finds the centre across the boundary; the mean itself would lie in the vacuum.
    centre = np.angle((mass * np.exp(1j * turn * height)).sum(axis=-1, keepdims=True))
    height = height - np.divide(centre, turn, out=np.zeros_like(centre), where=turn > 0)
    height = height - period[..., None] * np.round(height * turn / (2 * np.pi))
    return np.asarray(height - (height @ mass / mass.sum())[..., None])


def face_area(cell: Array, axis: int) -> float:
    """Return the area (Å²) of the cell's face across an axis, cell vectors as rows (3, 3)."""
    first, second = cell[in_plane(cell, axis)]
    return float(np.linalg.norm(np.cross(first, second)))


def in_plane(cell: Array, axis: int) -> Array:
    """Return which cell vectors are perpendicular to an axis, (3,), bool; raise SpectrumError unless two are."""
    lengths = np.linalg.norm(cell, axis=1)
    inside = (abs(cell[:, axis]) <= IN_PLANE_TOLERANCE * lengths) & (lengths > 0)
    if inside.sum() != 2:
        raise SpectrumError(
            f"a slab with its normal along {AXES[axis]} has two cell vectors perpendicular to it, this cell has not: "
            f"{np.round(cell, 3).tolist()}; rotate the trajectory, or give another --normal"
        )
    return np.asarray(inside)


def vacua(frame: Frame) -> list[tuple[str, float, float]]:
    """Return name, width of the gap and distance of the planes (Å) of the cell vectors along which there is vacuum."""
    found = []
    for axis in np.flatnonzero(frame.periodic & frame.cell.any(axis=1)):
        across = np.linalg.pinv(frame.cell)[:, axis]
        places = np.sort(frame.positions @ across % 1)
        gap = float(np.diff([*places, places[0] + 1]).max())
        width = float(1 / np.linalg.norm(across))
        if gap * width > VACUUM:
            found.append(("abc"[axis], gap * width, width))
    return found


def warn_without_vacuum(frame: Frame, normal: str) -> None:
    """Warn where a periodic cell has no vacuum along the normal: such a cell has no faces."""
    across = "abc"[int(np.flatnonzero(~in_plane(frame.cell, axis_of(normal)))[0])]
    if frame.periodic["abc".index(across)] and across not in [name for name, *_ in vacua(frame)]:
        log.warning(
            f"the cell has no vacuum along {normal}: no gap between atoms is wider than {VACUUM:g} Å, so the faces are "
            "only the two halves of the cell"
        )
