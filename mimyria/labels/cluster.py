"""Clusters from a liquid: whole molecules around a central one, so that a molecular engine can label the liquid.

Such a label misses everything beyond the radius, so its convergence with the radius has to be checked. It is the
response to an external field in vacuum. In a periodic cell the field is the macroscopic one, and the local field is
(ε∞ + 2)/3 times as large (Lorentz), so tensors of clusters are smaller by that factor for each field index: 1.26 for
water, whose ε∞ is 1.78. `merge` corrects for it if ε∞ is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mimyria.errors import LabelError
from mimyria.frame import Array, Frame
from mimyria.molecules import find_bonds, formula_of, join
from mimyria.neighbours import neighbour_pairs
from mimyria.targets import TARGETS

IONS = {
    "Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Be": 2, "Mg": 2, "Ca": 2, "Sr": 2, "Ba": 2, "Zn": 2,
    "F": -1, "Cl": -1, "Br": -1, "I": -1, "HO": -1, "H3O": 1,
    "NH4": 1, "SO4": -2, "HSO4": -1, "NO3": -1, "CO3": -2, "CHO3": -1, "PO4": -3,
    "PHO4": -2, "PH2O4": -1, "ClO4": -1, "CNS": -1, "CN": -1, "CHO2": -1, "C2H3O2": -1,
}  # fmt: skip
"""Charges of ions by their formula as `formula_of` writes it; every other molecule is neutral.

Over a frame they must add up to its total charge, which is checked.
"""


SAME = 0.01
"""Å within which two positions are the same."""


@dataclass(frozen=True)
class Cluster:
    """A molecule and those around it."""

    frame: Frame
    """Isolated, whole molecules, the central one first; its charge stands in the header."""
    centre: Array
    """Index of each atom of the central molecule in the frame it comes from."""


def cut_clusters(
    frame: Frame, radius: float, n_centres: int, generator: np.random.Generator, ions: Mapping[str, int] = IONS
) -> list[Cluster]:
    """Return clusters around molecules drawn at random.

    Parameters
    ----------
    radius
        Å; a molecule belongs to the cluster if any of its atoms is this near to any atom of the central one.
    ions
        Charge (e) of each ion by its formula.

    Raises
    ------
    LabelError
        If there are fewer molecules, or their charges do not add up to the total charge of the frame.
    """
    bonds = find_bonds(frame)
    molecules, whole = join(frame, bonds)
    _check_molecules(frame, bonds, whole)
    _check_charges(frame, molecules, ions)
    count = int(molecules.max()) + 1
    if n_centres > count:
        raise LabelError(f"--centres {n_centres}: a frame has only {count} molecules")
    near = neighbour_pairs(frame, radius)
    chosen = np.sort(generator.permutation(count)[:n_centres])
    return [_cut(frame, molecules, whole, near, int(centre), ions) for centre in chosen]


def _check_molecules(frame: Frame, bonds: tuple[Array, Array, Array], whole: Array) -> None:
    """Raise LabelError if bonds lead from an atom to an image of itself: what goes on without end cannot be cut."""
    i, j, vectors = bonds
    apart = np.flatnonzero(np.linalg.norm(whole[i] + vectors - whole[j], axis=1) > SAME)
    if len(apart):
        first, second = i[apart[0]], j[apart[0]]
        raise LabelError(
            f"bonds, such as that of atoms {first} and {second}, go on through the cell without end, as in a crystal: "
            "clusters are cut between molecules; label the cell as it is, without --cluster"
        )


def _check_charges(frame: Frame, molecules: Array, ions: Mapping[str, int]) -> None:
    counts = Counter(formula_of(frame.numbers[molecules == molecule]) for molecule in range(int(molecules.max()) + 1))
    total = sum(number * ions.get(formula, 0) for formula, number in counts.items())
    if total != round(frame.total_charge):
        charges = ", ".join(f"{n} {formula} ({ions.get(formula, 0):+d})" for formula, n in counts.most_common())
        raise LabelError(
            f"the charges of the molecules add up to {total:+d}, the total charge is {frame.total_charge:+g}: "
            f"{charges}; correct one with --ion FORMULA=CHARGE, or the total with --charge"
        )


def _cut(
    frame: Frame, molecules: Array, whole: Array, near: tuple[Array, Array, Array], centre: int, ions: Mapping[str, int]
) -> Cluster:
    """Return the cluster around one molecule, which may contain several images of another."""
    i, j, vectors = near
    own = np.flatnonzero(molecules == centre)
    pairs = np.flatnonzero(molecules[i] == centre)
    shifts = whole[i[pairs]] + vectors[pairs] - whole[j[pairs]]  # of the image of the molecule, Å
    cell = np.where(frame.periodic[:, None], frame.cell, np.eye(3))
    images = np.round(np.linalg.solve(cell.T, shifts.T).T).astype(int) * frame.periodic  # in cell vectors
    around = {(int(molecules[atom]), *image) for atom, image in zip(j[pairs], images.tolist(), strict=True)}
    atoms, positions = [own], [whole[own]]
    for molecule, *image in sorted(around - {(centre, 0, 0, 0)}):
        members = np.flatnonzero(molecules == molecule)
        atoms.append(members)
        positions.append(whole[members] + np.array(image) @ cell)
    charge = sum(ions.get(formula_of(frame.numbers[members]), 0) for members in atoms)
    cut = Frame(
        numbers=frame.numbers[np.concatenate(atoms)],
        positions=np.concatenate(positions) - whole[own].mean(axis=0),
        cell=np.zeros((3, 3)),
        periodic=np.zeros(3, dtype=bool),
        info={"total_charge": float(charge)},
    )
    return Cluster(cut, own)


def merge(frame: Frame, labelled: list[tuple[Cluster, Frame]], epsilon: float = 1.0) -> Frame:
    """Return a frame with the tensors of the centres of its clusters, and NaN for every other atom.

    Parameters
    ----------
    labelled
        Clusters cut from the frame, each with its own frame and tensors.
    epsilon
        ε∞ of the liquid; 1 leaves the response to the external field.
    """

    def local_field(name: str) -> float:
        return float(((epsilon + 2) / 3) ** TARGETS[name].order)

    tensors = {name: np.full((len(frame), *TARGETS[name].shape), np.nan) for name in labelled[0][1].tensors}
    for cluster, label in labelled:
        for name, values in label.tensors.items():
            tensors[name][cluster.centre] = local_field(name) * values[: len(cluster.centre)]
    headers = [label.info for _, label in labelled]
    figures = {key for key in headers[0] if key.startswith("qa_") and all(key in info for info in headers)}
    worst = {key: max(info[key] for info in headers) for key in sorted(figures)}
    worst |= {key: worst[key] * local_field(name) for name in tensors if (key := f"qa_{name}_sigma") in worst}
    total = {key: sum(info[key] for info in headers) for key in ("scf_steps", "seconds")}
    shared = {key: headers[0][key] for key in ("field", "engine", "mimyria")}
    centres = {"cluster_centres": len(labelled), "cluster_epsilon": epsilon}
    return replace(frame, tensors=tensors, info=frame.info | shared | worst | total | centres)
