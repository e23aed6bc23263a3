"""Hessians of other programs, with their structure and tensors where the file holds them: eV/Å², our index order.

====================  ==========================================================================================
``FORCE_CONSTANTS``   phonopy, full or compact: blocks of 3×3 by supercell atom; eV/Å² unless said otherwise
``.json``             ``VibrationsData`` of ASE, with the structure
``hessian``           xtb, ``$hessian``: E_h/a0²
``.hess``             ORCA: E_h/a0², structure, dipole and polarizability derivatives (xx, yy, zz, xy, xz, yz)
``.fchk``             Gaussian: lower triangle in E_h/a0², structure, derivatives (xx, xy, yy, xz, yz, zz)
``.npy``, text        (3n)² bare numbers, whose unit must be said
====================  ==========================================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimyria.contents import contents_of
from mimyria.elements import numbers_of
from mimyria.errors import ConfigError
from mimyria.frame import CHARGE, Array, Frame
from mimyria.targets import APT, PGT
from mimyria.units import BOHR, HARTREE, MILLIDYNE

UNITS = {
    "eV/A^2": 1.0,
    "Eh/a0^2": HARTREE / BOHR**2,
    "Ry/a0^2": HARTREE / BOHR**2 / 2,
    "N/m": 1 / (100 * MILLIDYNE),
}
"""In eV/Å²."""
SYMMETRIC = {"orca": [0, 3, 4, 3, 1, 5, 4, 5, 2], "gaussian": [0, 1, 3, 1, 2, 4, 3, 4, 5]}
"""Where the nine elements of a symmetric tensor stand among six, by program."""
UNFOLDED = 1e-2
"""Relative asymmetry of a folded Hessian, or difference of those from two images of an atom, that tells that the atoms
of the supercell have another order."""
ROUNDED = 1e-8
"""Of the largest element: imaginary parts that a transformation leaves."""
WITH_STRUCTURE = (".hess", ".fchk", ".fch", ".json")


@dataclass(frozen=True)
class StoredHessian:
    """A Hessian from a file."""

    hessian: Array
    """eV/Å², shape (3n, 3n); NaN for atoms that the file leaves out."""
    frame: Frame | None = None
    """The structure, with masses and tensors, where the file holds it."""
    multiplicity: int | None = None
    """2S + 1, where the file states it."""


def holds_structure(path: Path) -> bool:
    """Return whether a file by its name holds a Hessian with its structure."""
    return path.suffix.lower() in WITH_STRUCTURE


def read_hessian(path: Path, n_atoms: int | None = None, unit: str | None = None) -> StoredHessian:
    """Return the Hessian of a file.

    Parameters
    ----------
    path
        See above.
    n_atoms
        Of the structure; only files that hold it do without.
    unit
        A name in `UNITS`; of bare numbers, and of FORCE_CONSTANTS that are not in eV/Å².

    Raises
    ------
    ConfigError
        If the file cannot be read, is cut, or does not have as many numbers as the atoms need.
    """
    try:
        if path.suffix == ".npy":
            return StoredHessian(_bare(np.load(path), path, n_atoms, unit))
        if path.suffix == ".json":
            return _of_ase(path)
        text = path.read_text(encoding="utf-8")
        if "$orca_hessian_file" in text[:200]:
            return _of_orca(text)
        if "Cartesian Force Constants" in text:
            return _of_gaussian(text)
        words = text.split()
        if words and words[0] == "$hessian":
            numbers = words[1 : words.index("$end") if "$end" in words else None]
            return StoredHessian(_bare(np.array(numbers, dtype=float), path, n_atoms, "Eh/a0^2"))
        if re.match(r"\s*\d+(\s+\d+)?\s*\n\s*\d+\s+\d+\s*\n", text):
            return StoredHessian(_of_phonopy(text, n_atoms or 0) * UNITS[unit or "eV/A^2"])
        rows = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        words = " ".join(rows).replace(",", " ").split()
        return StoredHessian(_bare(np.array(words, dtype=float), path, n_atoms, unit))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}" if str(path) not in str(error) else str(error)) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, IndexError, TypeError, EOFError, AssertionError) as error:  # the last is ASE's
        what = contents_of(path)
        raise ConfigError(
            f"{path} holds no Hessian that is known here, or is cut" + (f": it is {what}" if what else "")
        ) from error


def _bare(values: Array, path: Path, n_atoms: int | None, unit: str | None) -> Array:
    """Return (3n)² numbers of a unit as a Hessian."""
    if n_atoms is None:
        raise ConfigError("holds no Hessian that is known here with its structure")
    if np.iscomplexobj(values):
        if abs(values.imag).max() > ROUNDED * abs(values.real).max():
            raise ConfigError("its numbers are complex; at Γ a Hessian is real")
        values = values.real
    if values.size != 9 * n_atoms**2:
        raise ConfigError(f"{values.size} numbers, but the Hessian of {n_atoms} atoms has {9 * n_atoms**2}")
    if unit is None:
        raise ConfigError(f"bare numbers have no unit: give --hessian-unit, one of {', '.join(UNITS)}")
    return values.reshape(3 * n_atoms, 3 * n_atoms).astype(float) * UNITS[unit]


def _of_phonopy(text: str, n_atoms: int) -> Array:
    """Return Σ over the images of each atom, at Γ, from force constants Φ(i, j) of a supercell.

    The atoms of the supercell stand one after the other with all their images, as phonopy has them.
    """
    first, *lines = [line.split() for line in text.splitlines() if line.strip()]
    n_rows, n_all = int(first[0]), int(first[-1])
    if n_atoms < 1 or n_all % n_atoms or n_rows not in (n_atoms, n_all):
        raise ConfigError(f"force constants of {n_rows} by {n_all} atoms, but the structure has {n_atoms}")
    images, rows = n_all // n_atoms, n_rows // n_atoms
    if len(lines) != 4 * n_rows * n_all:
        raise ConfigError(f"{len(lines) // 4} blocks, not {n_rows * n_all}: the file is cut")
    folded = np.zeros((n_atoms, rows, 3, n_atoms, 3))  # from each image that has a row, or from the first alone
    for k in range(0, len(lines), 4):
        i, j = (int(word) - 1 for word in lines[k])
        block = np.array(lines[k + 1 : k + 4], dtype=float).reshape(3, 3)
        atom, image = divmod(i, images)
        folded[atom, image, :, j // images] += block
    flat = folded.mean(axis=1).reshape(3 * n_atoms, 3 * n_atoms)
    apart = max(abs(flat - flat.T).max(), np.ptp(folded, axis=1).max())
    if apart > UNFOLDED * abs(flat).max():
        raise ConfigError(
            "its supercell does not consist of this structure with the images of each atom one after the other, as "
            "phonopy orders them; give the unit cell that it was made of, or SPOSCAR"
        )
    return flat


def _of_ase(path: Path) -> StoredHessian:
    from ase.vibrations.data import VibrationsData

    data = VibrationsData.read(str(path))
    atoms, indices = data.get_atoms(), data.get_indices()
    hessian = np.full((len(atoms), 3, len(atoms), 3), np.nan)
    hessian[np.ix_(indices, range(3), indices, range(3))] = data.get_hessian()
    masses = atoms.get_masses() if atoms.has("masses") else None
    frame = Frame(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, masses=masses)
    return StoredHessian(hessian.reshape(3 * len(atoms), -1), frame)


def _molecule(
    numbers: Array, positions: Array, masses: Array, apt: Array | None, pgt: Array | None, charge: float
) -> Frame:
    tensors = {name: values for name, values in ((APT.name, apt), (PGT.name, pgt)) if values is not None}
    none = np.zeros(3, dtype=bool)
    return Frame(numbers, positions, np.zeros((3, 3)), none, masses=masses, tensors=tensors, info={CHARGE: charge})


def _derivatives(dipole: Array | None, polarizability: Array | None, program: str) -> tuple[Array | None, Array | None]:
    """Return APT and PGT from rows of each displacement, of three dipoles and of six polarizabilities, atomic units."""
    apt = None if dipole is None else dipole.reshape(-1, 3, 3).swapaxes(1, 2)
    if polarizability is None:
        return apt, None
    whole = polarizability.reshape(-1, 3, 6)[..., SYMMETRIC[program]].reshape(-1, 3, 3, 3)
    return apt, np.moveaxis(whole, 1, -1) * PGT.atomic_unit


def _of_orca(text: str) -> StoredHessian:
    bare = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    blocks = {part.split()[0]: part.splitlines()[1:] for part in re.split(r"^\s*\$", bare, flags=re.MULTILINE)[1:]}

    def table(name: str, width: int) -> Array | None:
        if name not in blocks:
            return None
        count = int(blocks[name][0])
        values = np.array([line.split() for line in blocks[name][1 : count + 1]], dtype=float).reshape(count, width)
        if not np.isfinite(values).all():
            raise ConfigError(f"{name}: some are no numbers")
        return values

    lines = [line.split() for line in blocks["hessian"] if line.strip()]
    size, lines = int(lines[0][0]), lines[1:]
    if size > len(lines):  # each of its rows has a line at least
        raise ConfigError("its Hessian is cut")
    hessian, told = np.zeros((size, size)), np.zeros((size, size), dtype=bool)
    columns: list[int] = []
    for words in lines:
        if all(word.isdigit() for word in words):
            columns = list(map(int, words))
        else:
            hessian[int(words[0]), columns] = np.array(words[1:], dtype=float)
            told[int(words[0]), columns] = True
    if not told.all():
        raise ConfigError("its Hessian is cut")
    if not np.isfinite(hessian).all():
        raise ConfigError("its Hessian: some are no numbers")
    atoms = [line.split() for line in blocks["atoms"][1 : int(blocks["atoms"][0]) + 1]]
    apt, pgt = _derivatives(table("dipole_derivatives", 3), table("polarizability_derivatives", 6), "orca")
    places = np.array([words[2:5] for words in atoms], dtype=float) * BOHR
    masses = np.array([words[1] for words in atoms], dtype=float)
    # The file does not state the charge; of derivatives it is the mean of the diagonal of their sum.
    charge = 0.0 if apt is None else float(round(np.trace(apt.sum(axis=0)) / 3))
    frame = _molecule(numbers_of(words[0] for words in atoms), places, masses, apt, pgt, charge)
    return StoredHessian(hessian * UNITS["Eh/a0^2"], frame)


def _of_gaussian(text: str) -> StoredHessian:
    def array(name: str) -> Array | None:
        head = re.search(rf"^{name}\b(?:\s+[IR]\s+N=\s+(\d+)\n((?:[ \t*].*\n?)+))?", text, re.MULTILINE)
        if head is None:
            return None
        words = head[2].split() if head[2] else []
        if "*" in (head[2] or ""):  # too large for Fortran's width
            raise ConfigError(f"{name}: some are no numbers")
        if head[1] is None or len(words) != int(head[1]):
            raise ConfigError(f"{name} is cut")
        values = np.array(words, dtype=float)
        if not np.isfinite(values).all():
            raise ConfigError(f"{name}: some are no numbers")
        return values

    def number(name: str, usual: int) -> int:
        match = re.search(rf"^{name}\s+I\s+(-?\d+)", text, re.MULTILINE)
        return int(match[1]) if match else usual

    numbers, places = array("Atomic numbers"), array("Current cartesian coordinates")
    masses, triangle = array("Real atomic weights"), array("Cartesian Force Constants")
    if numbers is None or places is None or masses is None or triangle is None:
        raise ConfigError("its structure, masses or force constants are missing")
    size = 3 * len(numbers)
    hessian = np.zeros((size, size))
    hessian[np.tril_indices(size)] = triangle
    hessian += np.tril(hessian, -1).T
    apt, pgt = _derivatives(array("Dipole Derivatives"), array("Polarizability Derivatives"), "gaussian")
    frame = _molecule(numbers.astype(int), places.reshape(-1, 3) * BOHR, masses, apt, pgt, float(number("Charge", 0)))
    return StoredHessian(hessian * UNITS["Eh/a0^2"], frame, number("Multiplicity", 0) or None)
