"""Hessians of other programs: written here as they write them, read back; and files that are cut, or something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.vibrations.data import VibrationsData
from test_harmonic_modes import frame_of, sprung
from test_lines import bond_tensors

from mimyria.elements import symbols_of
from mimyria.errors import ConfigError
from mimyria.formats.hessians import UNITS, holds_structure, read_hessian
from mimyria.frame import Array, Frame
from mimyria.units import BOHR, HARTREE

ATOMIC = HARTREE / BOHR**2
FRAME = frame_of("H2O")
HESSIAN = sprung(FRAME)
TENSORS = bond_tensors(FRAME)
MASSES = [15.999, 1.008, 1.008]
SIX = {
    "orca": [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)],
    "gaussian": [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)],
}


def derivatives(program: str) -> tuple[Array, Array]:
    """Rows of each displacement: ∂M/∂R in e, and the six ∂α/∂R in atomic units."""
    dipole = TENSORS["apt"].swapaxes(1, 2).reshape(9, 3)
    alpha = np.moveaxis(TENSORS["pgt"], -1, 1).reshape(9, 3, 3) * BOHR
    return dipole, np.array([[row[place] for place in SIX[program]] for row in alpha])


def orca(path: Path) -> None:
    lines = ["", "$orca_hessian_file", "", "$act_atom", "  0", "", "$hessian", "9"]
    for first in (0, 5):
        columns = range(first, min(first + 5, 9))
        lines.append("      ".join(["", *map(str, columns)]))
        lines += [f"{k:5d} " + " ".join(f"{HESSIAN[k, j] / ATOMIC:18.10E}" for j in columns) for k in range(9)]
    lines += ["", "#", "# The atoms: label  mass x y z (in bohrs)", "#", "$atoms", "3"]
    for symbol, mass, place in zip(symbols_of(FRAME.numbers), MASSES, FRAME.positions / BOHR, strict=True):
        lines.append(f" {symbol:<2s} {mass:9.4f} " + " ".join(f"{x:19.12f}" for x in place))
    for name, rows in zip(("dipole_derivatives", "polarizability_derivatives"), derivatives("orca"), strict=True):
        lines += ["", f"${name}", "9", *(" ".join(f"{x:18.10E}" for x in row) for row in rows)]
    path.write_text("\n".join([*lines, "", "$end", ""]))


def gaussian(path: Path) -> None:
    def block(name: str, values: Array, kind: str = "R") -> str:
        texts = [f"{x:16.8E}" if kind == "R" else f"{x:12d}" for x in np.ravel(values).tolist()]
        rows = ["".join(texts[k : k + 5]) for k in range(0, len(texts), 5)]
        return "\n".join([f"{name:<43s}{kind}   N={len(texts):12d}", *rows, ""])

    dipole, alpha = derivatives("gaussian")
    path.write_text(
        "water\nFreq      RB3LYP                                                      STO-3G\n"
        + f"{'Charge':<43s}I{0:17d}\n"
        + f"{'Multiplicity':<43s}I{3:17d}\n"
        + block("Atomic numbers", FRAME.numbers, "I")
        + block("Current cartesian coordinates", FRAME.positions / BOHR)
        + block("Real atomic weights", np.array(MASSES))
        + block("Cartesian Force Constants", HESSIAN[np.tril_indices(9)] / ATOMIC)
        + block("Dipole Derivatives", dipole)
        + block("Polarizability Derivatives", alpha)
    )


@pytest.mark.parametrize(("write", "name"), [(orca, "water.hess"), (gaussian, "water.fchk")])
def test_with_structure_and_tensors(tmp_path: Path, write: object, name: str) -> None:
    assert callable(write)
    write(tmp_path / name)
    assert holds_structure(tmp_path / name)
    read = read_hessian(tmp_path / name)
    np.testing.assert_allclose(read.hessian, HESSIAN, atol=1e-5)
    assert read.frame is not None
    np.testing.assert_allclose(read.frame.positions, FRAME.positions, atol=1e-7)
    np.testing.assert_allclose(read.frame.masses, MASSES)
    np.testing.assert_allclose(read.frame.tensors["apt"], TENSORS["apt"], atol=1e-7)
    np.testing.assert_allclose(read.frame.tensors["pgt"], TENSORS["pgt"], atol=1e-6)
    text = (tmp_path / name).read_text()
    for part in (0.1, 0.3):
        (tmp_path / name).write_text(text[: int(part * len(text))])
        with pytest.raises(ConfigError, match=name):
            read_hessian(tmp_path / name)


def test_what_is_wrong_with_a_file_of_gaussian(tmp_path: Path) -> None:
    """Cut in any header, without an atom, with numbers that are none: it is said, and of what."""
    path = tmp_path / "w.fchk"
    gaussian(path)
    text = path.read_text()
    assert read_hessian(path).multiplicity == 3
    for name in ("Dipole Derivatives", "Polarizability Derivatives"):
        begin = text.index(name)
        for more in (len(name), 45, 55):
            path.write_text(text[: begin + more])
            with pytest.raises(ConfigError, match=f"fchk: {name} is cut"):
                read_hessian(path)
    begin = text.index("\n", text.index("Cartesian Force Constants")) + 1
    path.write_text(text[:begin] + "NaN".rjust(16) + text[begin + 16 :])
    with pytest.raises(ConfigError, match="fchk: Cartesian Force Constants: some are no numbers"):
        read_hessian(path)


def test_vibrations_of_ase(tmp_path: Path) -> None:
    VibrationsData.from_2d(molecule("H2O"), HESSIAN).write(tmp_path / "v.json")
    read = read_hessian(tmp_path / "v.json")
    np.testing.assert_allclose(read.hessian, HESSIAN)
    VibrationsData.from_2d(molecule("H2O"), HESSIAN[3:, 3:], indices=[1, 2]).write(tmp_path / "v.json")
    partial = read_hessian(tmp_path / "v.json").hessian
    np.testing.assert_allclose(partial[3:, 3:], HESSIAN[3:, 3:])
    assert np.isnan(partial[:3]).all()
    (tmp_path / "v.json").write_text('{"energy": 1}')
    with pytest.raises(ConfigError, match=r"v\.json holds no Hessian"):
        read_hessian(tmp_path / "v.json")


def test_xtb(tmp_path: Path) -> None:
    rows = ["".join(f"{x:15.10f}" for x in row[k : k + 5]) for row in HESSIAN / ATOMIC for k in (0, 5)]
    (tmp_path / "hessian").write_text("\n".join([" $hessian", *rows, "$end"]))
    np.testing.assert_allclose(read_hessian(tmp_path / "hessian", 3).hessian, HESSIAN, atol=1e-7)
    with pytest.raises(ConfigError, match="81 numbers, but the Hessian of 4 atoms has 144"):
        read_hessian(tmp_path / "hessian", 4)


@pytest.mark.parametrize("unit", UNITS)
def test_bare_numbers_need_their_unit(tmp_path: Path, unit: str) -> None:
    np.savetxt(tmp_path / "h.txt", HESSIAN / UNITS[unit], header="of water")
    np.save(tmp_path / "h.npy", HESSIAN / UNITS[unit])
    for name in ("h.txt", "h.npy"):
        np.testing.assert_allclose(read_hessian(tmp_path / name, 3, unit).hessian, HESSIAN, atol=1e-9)
        with pytest.raises(ConfigError, match=f"{name}: bare numbers have no unit: give --hessian-unit"):
            read_hessian(tmp_path / name, 3)
    assert UNITS["N/m"] == pytest.approx(0.0624151)


@pytest.mark.parametrize("compact", [False, True])
def test_force_constants_of_a_supercell_are_folded(tmp_path: Path, compact: bool) -> None:
    """Springs between nearest neighbours of rock salt: at Γ of the cell, what displacing all images gives."""
    cell = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    order = np.repeat(np.arange(len(cell)), 8)  # phonopy: every atom of the cell with all its images
    large = cell.repeat((2, 2, 2))
    large = large[np.argsort(np.tile(np.arange(len(cell)), 8), kind="stable")]
    constants = springs(Frame(large.numbers, large.positions, large.cell.array, large.pbc))
    rows = range(0, len(large), 8) if compact else range(len(large))
    lines = [f"{len(rows)} {len(large)}"]
    for i in rows:
        for j in range(len(large)):
            lines += [f"{i + 1} {j + 1}", *(" ".join(f"{x:22.15f}" for x in row) for row in constants[i, :, j])]
    (tmp_path / "FORCE_CONSTANTS").write_text("\n".join(lines) + "\n")
    folded = read_hessian(tmp_path / "FORCE_CONSTANTS", len(cell)).hessian
    expected = np.zeros((8, 3, 8, 3))
    for j in range(len(large)):
        expected[:, :, order[j]] += constants[::8, :, j]
    np.testing.assert_allclose(folded, expected.reshape(24, 24), atol=1e-12)
    np.testing.assert_allclose(folded.reshape(24, 8, 3).sum(axis=1), 0, atol=1e-12)
    if not compact:
        whole = read_hessian(tmp_path / "FORCE_CONSTANTS", len(large)).hessian
        np.testing.assert_allclose(whole, constants.reshape(3 * len(large), -1), atol=1e-12)
    with pytest.raises(ConfigError, match="but the structure has 7"):
        read_hessian(tmp_path / "FORCE_CONSTANTS", 7)
    (tmp_path / "FORCE_CONSTANTS").write_text("\n".join(lines[:-4]) + "\n")
    with pytest.raises(ConfigError, match="the file is cut"):
        read_hessian(tmp_path / "FORCE_CONSTANTS", len(cell))


def test_a_supercell_in_another_order_is_refused(tmp_path: Path) -> None:
    """One cell after the other, as ASE repeats them: what the images of an atom feel differs then."""
    for name, cell in {"salt": bulk("NaCl", "rocksalt", a=5.64), "cubic": bulk("Cu", cubic=True)}.items():
        cell.symbols[0] = "K"
        large = cell.repeat((2, 2, 2))
        constants = springs(Frame(large.numbers, large.positions, large.cell.array, large.pbc), 4.2)
        pairs = [(i, j) for i in range(len(large)) for j in range(len(large))]
        lines = [f"{len(large)} {len(large)}"]
        for i, j in pairs:
            lines += [f"{i + 1} {j + 1}", *(" ".join(f"{x:22.15f}" for x in row) for row in constants[i, :, j])]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        with pytest.raises(ConfigError, match="the images of each atom one after the other, as phonopy"):
            read_hessian(tmp_path / name, len(cell))


@pytest.mark.parametrize(
    ("part", "block"), [("$hessian", "its Hessian"), ("$dipole_derivatives", "dipole_derivatives")]
)
def test_numbers_that_are_none_are_not_taken_for_a_cut_file(tmp_path: Path, part: str, block: str) -> None:
    path = tmp_path / "w.hess"
    orca(path)
    text = path.read_text()
    begin = text.index("E", text.index(part))  # of the first number in the block
    path.write_text(text[: begin - 14] + "NaN".rjust(14) + text[begin + 4 :])
    with pytest.raises(ConfigError, match=f"{block}: some are no numbers"):
        read_hessian(path)
    path = tmp_path / "w.fchk"
    gaussian(path)
    text = path.read_text()
    begin = text.index("\n", text.index("Cartesian Force Constants")) + 1
    path.write_text(text[:begin] + 16 * "*" + text[begin + 16 :])
    with pytest.raises(ConfigError, match="Cartesian Force Constants: some are no numbers"):
        read_hessian(path)


def test_a_size_that_a_file_cannot_have_is_no_matter_of_memory(tmp_path: Path) -> None:
    (tmp_path / "a.hess").write_text("$orca_hessian_file\n$hessian\n999999999\n")
    with pytest.raises(ConfigError, match=r"a\.hess: its Hessian is cut"):
        read_hessian(tmp_path / "a.hess")


def test_bare_numbers_with_commas_and_complex_ones(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "h.csv", HESSIAN, delimiter=",")
    np.testing.assert_allclose(read_hessian(tmp_path / "h.csv", 3, "eV/A^2").hessian, HESSIAN, atol=1e-9)
    np.save(tmp_path / "h.npy", HESSIAN + 1e-14j)
    read = read_hessian(tmp_path / "h.npy", 3, "eV/A^2").hessian
    assert read.dtype == float
    np.testing.assert_array_equal(read, HESSIAN)
    np.save(tmp_path / "h.npy", HESSIAN + 1j)
    with pytest.raises(ConfigError, match="its numbers are complex"):
        read_hessian(tmp_path / "h.npy", 3, "eV/A^2")


def springs(frame: Frame, reach: float = 3.0) -> Array:
    """Force constants (n, 3, n, 3) of springs between atoms nearer than ``reach``, Å, across the boundary too.

    They are stiffer between heavier ones.
    """
    from mimyria.neighbours import neighbour_pairs

    constants = np.zeros((len(frame), 3, len(frame), 3))
    for i, j, bond in zip(*neighbour_pairs(frame, reach), strict=True):
        block = 0.02 * frame.numbers[i] * frame.numbers[j] * np.outer(bond, bond) / (bond @ bond)
        constants[i, :, i] += block
        constants[i, :, j] -= block
    return constants


def test_what_is_no_hessian(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_hessian(tmp_path / "absent", 3)
    for name, text in (("e.txt", ""), ("w.txt", "what is this"), ("x.xyz", "3\nwater\nO 0 0 0\nH 0 0 1\nH 0 1 0\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError, match=name):
            read_hessian(tmp_path / name, 3, "eV/A^2")
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY cut")
    with pytest.raises(ConfigError, match=r"b\.npy"):
        read_hessian(tmp_path / "b.npy", 3, "eV/A^2")
