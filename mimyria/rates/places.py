"""The molecules of a slab as groups, each with its place in every frame: who is near whom, and how deep.

The place of a molecule is that of its centre of mass: two coordinates in the plane of the slab, as parts of the cell
vectors there, and the height over the middle of the slab (Å). From series with places come spectra of near pairs alone
and of layers; the rates of the faces are sums over the molecules, with the weights of `face_weights`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array, csr_array

from mimyria.elements import frame_masses
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.molecules import find_bonds, join, molecules_of
from mimyria.neighbours import neighbour_pairs
from mimyria.rates.faces import axis_of, finite_molecules, in_plane, normal_of, over_the_middle
from mimyria.rates.groups import Grouping
from mimyria.rates.series import ResponseSeries, Sliceable
from mimyria.trajectory.differences import minimum_image

HEIGHT = 2
"""The place's component that is the height; the others are coordinates in the plane."""


def split_molecules(first: Frame, normal: str) -> Grouping:
    """Return the molecules of a slab as groups with places; the bonds of the first frame define them.

    Atoms of an infinite network count one by one, as they do for `split_faces`.
    """
    axis = axis_of(normal)
    i, j, vectors = find_bonds(first)
    finite, _ = finite_molecules(first, (i, j, vectors))
    inside = finite[i] == finite[j]
    i, j = i[inside], j[inside]
    molecules = molecules_of(i, j, len(first))
    masses = np.bincount(molecules, frame_masses(first))

    def places(frame: Frame) -> Array:
        vectors = minimum_image(frame.positions[j] - frame.positions[i], frame)
        _, whole = join(frame, (i, j, vectors))
        weighted = frame_masses(frame)[:, None] * whole
        centres = np.stack([np.bincount(molecules, weighted[:, k]) for k in range(3)], axis=1) / masses[:, None]
        flat = centres @ np.linalg.pinv(frame.cell[in_plane(frame.cell, axis)])
        return np.column_stack([flat, over_the_middle(frame, axis, centres[:, axis], masses)])

    return replace(Grouping.by_molecule(first.numbers, molecules), places=places, masses=masses, normal=normal)


def slab_normal(run: ResponseSeries) -> str:
    """Return the normal of a slab whose rates are those of its faces or, with places, of its molecules."""
    return run.normal or normal_of(run.groups)


def known_places(run: ResponseSeries, why: str) -> Sliceable:
    """Return the places of a series; raise a SpectrumError that says what needs them if there are none."""
    if run.places is None:
        raise SpectrumError(
            f"{why} needs the rates of single molecules, and these are of {', '.join(run.group_names)}: run "
            f"`mimyria spectrum` with it on the trajectory"
        )
    return run.places


def near(run: ResponseSeries, places: Array, cutoff: float) -> Iterator[csr_array]:
    """Yield for each frame which molecules are near each other, 1 or 0, shape (m, m); each is near itself.

    Near is whose centres of mass are within the cutoff (Å) of each other, by the nearest image in the plane; through
    the vacuum there is none. The places have the shape (t, m, 3); the cell is the mean one.
    """
    axis, molecules = axis_of(run.normal), places.shape[1]
    flat = run.cell[in_plane(run.cell, axis)]
    cell = np.concatenate([flat, np.zeros((1, 3))])
    periodic = np.array([True, True, False])
    itself = np.arange(molecules)
    for of_frame in places:
        centres = of_frame[:, :HEIGHT] @ flat
        centres[:, axis] += of_frame[:, HEIGHT]
        # No two molecules are farther apart than this by the nearest image: every pair is within such a cutoff.
        reach = np.hypot(np.linalg.norm(flat, axis=1).sum() / 2, np.ptp(centres[:, axis]))
        if cutoff >= reach:
            yield csr_array(np.ones((molecules, molecules)))
            continue
        i, j = itself, itself
        if cutoff > 0 and molecules > 1:
            found = neighbour_pairs(Frame(np.ones(molecules, int), centres, cell, periodic), cutoff)
            i, j = np.concatenate([i, found[0]]), np.concatenate([j, found[1]])
        pairs = coo_array((np.ones(len(i)), (i, j)), shape=(molecules, molecules)).tocsr()
        pairs.data[:] = 1.0  # several images of one molecule are one
        yield pairs


def sums_over_near(run: ResponseSeries, values: Array, places: Array, cutoff: float) -> Array:
    """Return Σ_n N_mn x_n, shape (t, ..., m), with N of `near`, from values (t, ..., m) of molecules."""
    flat = values.reshape(len(values), -1, values.shape[-1])
    summed = [pairs @ of_frame.T for pairs, of_frame in zip(near(run, places, cutoff), flat, strict=True)]
    return np.array(summed).swapaxes(1, 2).reshape(values.shape)
