"""phonopy: Born charges and ε∞ of its file BORN, with a structure beside it, or of its phonopy.yaml.

A row is a direction of the field, as in VASP. BORN lists the atoms that no symmetry relates; the others follow from
them by Z' = R Z Rᵀ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from mimyria.config import read_yaml
from mimyria.errors import TrajectoryError
from mimyria.files.compression import read_text
from mimyria.files.naming import identify_atoms
from mimyria.files.source import Progress, Reader, Source
from mimyria.formats.born import NO_VELOCITIES, NUMBER, numbers_of, one_frame, structure_of, with_tensors
from mimyria.formats.symmetry import expand, independent_atoms, operations
from mimyria.frame import Array, Frame
from mimyria.targets import APT
from mimyria.units import BOHR

NINE = re.compile(rf"\s*{NUMBER}(?:\s+{NUMBER}){{8}}\s*")
ASYMMETRIC = 0.05
"""e; more than that, and the tensors are not of these atoms. Tensors that were not symmetrised are off by 0.01 e."""
YAML = (b"phonopy:", b"primitive_cell:")


def read_born(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the structure of ``--topology`` with the charges of BORN."""
    lines = [line for line in read_text(source.path).splitlines() if line.strip()][1:]
    bad = next((line for line in lines if not NINE.fullmatch(line)), None)
    if bad is not None or len(lines) < 2:
        raise TrajectoryError(
            f"{source.path}: BORN has a line of a factor or a remark, then lines of nine numbers, ε∞ and the tensor of "
            f"each independent atom; this one has {'too few' if bad is None else repr(bad.strip()[:40])}"
        )
    frame = structure_of(source)
    if frame is None:
        raise TrajectoryError(
            f"{source.path}: BORN has no structure; give its primitive cell by --topology phonopy.yaml, or POSCAR"
        )
    epsilon, *tensors = (np.reshape(numbers_of(line), (3, 3)) for line in lines)
    if len(tensors) != len(frame):
        tensors = list(_expanded(np.array(tensors), frame, source))
    frame = with_tensors(frame, {APT.name: np.array(tensors)}, source, "phonopy", epsilon)
    yield from one_frame(frame, indices)


def _expanded(tensors: Array, frame: Frame, source: Source) -> Array:
    """Return the tensors of all atoms from those of the independent ones."""
    found = operations(frame)
    independent = independent_atoms(found)
    if len(independent) != len(tensors):
        raise TrajectoryError(
            f"{source.path}: {len(tensors)} tensors, but {source.topology} has {len(frame)} atoms, "
            f"{len(independent)} of them independent; give the primitive cell that BORN was written for"
        )
    expanded, differ = expand(tensors, frame, found)
    if differ > ASYMMETRIC:
        raise TrajectoryError(
            f"{source.path}: its tensors lack the symmetry of their atoms in {source.topology} by {differ:.2g} e; give "
            "the primitive cell that BORN was written for"
        )
    return expanded


def read_phonopy(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the primitive cell of phonopy.yaml, with the charges if it holds them."""
    content = read_yaml(source.path)
    stated = content.get("physical_unit") or {}
    unit = BOHR if str(stated.get("length", "angstrom")).lower() in ("au", "bohr") else 1.0
    try:
        structure = content.get("primitive_cell") or content["unit_cell"]
        cell = np.array(structure["lattice"], dtype=float).reshape(3, 3) * unit
        points = structure["points"]
        scaled = np.array([point["coordinates"] for point in points], dtype=float).reshape(-1, 3)
        symbols = [str(point["symbol"]) for point in points]
        charges = content.get("born_effective_charge")
        tensors = {} if charges is None else {APT.name: np.array(charges, dtype=float).reshape(-1, 3, 3)}
        constant = content.get("dielectric_constant")
        epsilon = None if constant is None else np.array(constant, dtype=float).reshape(3, 3)
    except (KeyError, TypeError, ValueError) as error:
        raise TrajectoryError(f"{source.path}: its structure is not that of a phonopy.yaml ({error})") from error
    numbers = identify_atoms(symbols, source, str(source.path)).numbers
    frame = Frame(numbers=numbers, positions=scaled @ cell, cell=cell, periodic=np.ones(3, dtype=bool))
    if tensors:
        frame = with_tensors(frame, tensors, source, "phonopy", epsilon)
    yield from one_frame(replace(frame, columns=("coordinates",)), indices)


def is_phonopy(source: Source) -> bool:
    """Return whether a file is a phonopy.yaml, or one of its other names."""
    return source.suffix in (".yaml", ".yml") and source.head.lstrip().startswith(YAML)


BORN = Reader(
    "born", lambda source: source.path.name.upper().startswith("BORN"), read_born, NO_VELOCITIES, uses=("topology",)
)
PHONOPY = Reader("phonopy", is_phonopy, read_phonopy, NO_VELOCITIES)
