"""The molecules of a slab as groups, each with its place in every frame: who is near whom, and how deep.

The place of a molecule is that of its centre of mass, the heights are over the middle of the slab. The rates of the
faces are sums over the molecules, with the weights of `face_weights`; besides come spectra of near pairs alone, and of
layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import scipy

from mimyria.elements import frame_masses
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.molecules import find_bonds, molecules_of
from mimyria.neighbours import neighbour_pairs
from mimyria.rates.faces import axis_of, finite_molecules, in_plane, normal_of, over_the_middle
from mimyria.rates.grouping import centres_of_mass
from mimyria.rates.groups import Grouping
from mimyria.rates.series import ResponseSeries


def split_molecules(first: Frame, normal: str) -> Grouping:
    """Return the molecules of a slab as groups with their centres; the bonds of the first frame define them.

    Atoms of an infinite network count one by one, as they do for `split_faces`.
    """
    axis_of(normal)
    i, j, vectors = find_bonds(first)
    finite, _ = finite_molecules(first, (i, j, vectors))
    inside = finite[i] == finite[j]
    molecules = molecules_of(i[inside], j[inside], len(first))
    centres = centres_of_mass(first, i[inside], j[inside], molecules)
    masses = np.bincount(molecules, frame_masses(first))
    return replace(Grouping.by_molecule(first.numbers, molecules, centres), masses=masses, normal=normal)


def slab_normal(run: ResponseSeries) -> str:
    """Return the normal of a slab whose rates are those of its faces, or of its molecules."""
    return run.normal or normal_of(run.groups)


def require_molecules(run: ResponseSeries, why: str) -> None:
    """Raise a SpectrumError that says what needs the molecules of a slab unless a series has the rates of these."""
    if run.molecule_mass is None:
        raise SpectrumError(
            f"{why} needs the rates of single molecules of a slab, and these are of {', '.join(run.group_names)}: run "
            "`mimyria spectrum` with it on the trajectory"
        )


def molecule_heights(run: ResponseSeries, frames: slice) -> Array:
    """Return the heights over the middle of the slab, Å, shape (t, molecules), as `heights` has them."""
    require_molecules(run, "the height of molecules")
    assert run.centres is not None  # as molecule_mass is there
    assert run.cells is not None
    axis = axis_of(run.normal)
    across = ~in_plane(run.cell, axis)
    period = abs(run.cells[frames][:, across, axis]).sum(axis=1)
    return over_the_middle(run.centres[frames][..., axis].astype(float), np.asarray(run.molecule_mass), period)


def near_molecules(run: ResponseSeries, frames: slice, cutoff: float) -> Iterator[scipy.sparse.csr_array]:
    """Yield for each frame which molecules are near each other, 1 or 0, shape (m, m); each is near itself.

    Near is whose centres of mass are within the cutoff (Å) of each other, by the nearest image in the plane; through
    the vacuum there is none.
    """
    heights = molecule_heights(run, frames)
    assert run.centres is not None
    assert run.cells is not None
    axis, molecules = axis_of(run.normal), heights.shape[1]
    flat = in_plane(run.cell, axis)
    itself = np.arange(molecules)
    for height, centres, cell in zip(heights, run.centres[frames].astype(float), run.cells[frames], strict=True):
        (across,) = cell[~flat]  # a molecule on the other side of the boundary is so far away, sideways too
        moved = height - centres[:, axis]
        turns = np.rint((moved - moved[0]) / across[axis]) if across[axis] else np.zeros(molecules)
        centres += turns[:, None] * across
        centres[:, axis] = height
        cell = cell * flat[:, None]
        # No two molecules are farther apart than this by the nearest image, unless a direction does not repeat.
        reach = np.hypot(np.linalg.norm(cell, axis=1).sum() / 2, np.ptp(height))
        if cutoff >= reach and (cell.any(axis=1) == flat).all():
            yield scipy.sparse.csr_array(np.ones((molecules, molecules)))
            continue
        i, j = itself, itself
        if cutoff > 0 and molecules > 1:
            found = neighbour_pairs(Frame(np.ones(molecules, int), centres, cell, cell.any(axis=1)), cutoff)
            i, j = np.concatenate([i, found[0]]), np.concatenate([j, found[1]])
        pairs = scipy.sparse.coo_array((np.ones(len(i)), (i, j)), shape=(molecules, molecules)).tocsr()
        pairs.data[:] = 1.0  # several images of one molecule are one
        yield pairs


def sums_over_near(run: ResponseSeries, frames: slice, values: Array, cutoff: float) -> Array:
    """Return Σ_n N_mn x_n, shape (t, ..., m), with N of `near_molecules`, from values (t, ..., m) of molecules."""
    flat = values.reshape(len(values), -1, values.shape[-1])
    near = near_molecules(run, frames, cutoff)
    summed = [pairs @ of_frame.T for pairs, of_frame in zip(near, flat, strict=True)]
    return np.array(summed).swapaxes(1, 2).reshape(values.shape)
