"""Born charges and Raman tensors of ph.x: rows are told by their titles, and nothing is transposed by mistake."""

from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from mimyria.errors import LabelError, TrajectoryError
from mimyria.formats import read_frames
from mimyria.units import BOHR

CHARGES = np.array(
    [[[1.1, 0.2, 0.3], [0.4, 1.5, 0.6], [0.7, 0.8, 1.9]], [[-1.0, -0.2, -0.3], [-0.4, -1.5, -0.6], [-0.7, -0.8, -1.9]]]
)
"""Field, displacement."""
RAMAN = np.random.default_rng(0).normal(size=(2, 3, 3, 3))
RAMAN = RAMAN + RAMAN.swapaxes(1, 2)
"""Å²: field, field, displacement."""
ALAT = 10.2


def bracketed(name: str, values: np.ndarray) -> str:
    return f"      {name}  (" + "".join(f"{value:15.5f}" for value in values) + " )\n"


def charges_of_output(title: str, letter: str, charges: np.ndarray) -> str:
    text = f"\n          Effective charges {title}\n\n"
    for k, tensor in enumerate(charges, 1):
        text += f"           atom {k:6d}   {'Na' if k == 1 else 'Cl'}  Mean Z*: {np.trace(tensor) / 3:15.5f}\n"
        text += "".join(bracketed(letter + axis, row) for axis, row in zip("xyz", tensor, strict=True))
    return text


def output(*tables: str) -> str:
    return f"""
     Program PHONON v.7.2 starts on  3Mar2024 at 12:00:00

     bravais-lattice index     =            2
     lattice parameter (alat)  =      10.2000  a.u.
     number of atoms/cell      =            2
     Exchange-correlation= PBE
                           (   1   4   3   4   0   0   0)

     celldm(1)=   {ALAT:.5f}  celldm(2)=    0.00000  celldm(3)=    0.00000

     crystal axes: (cart. coord. in units of alat)
               a(1) = ( -0.5000  0.0000  0.5000 )
               a(2) = (  0.0000  0.5000  0.5000 )
               a(3) = ( -0.5000  0.5000  0.0000 )

     Cartesian axes

     site n.  atom      mass           positions (alat units)
        1     Na  22.9900   tau(    1) = (    0.00000    0.00000    0.00000  )
        2     Cl1 35.4500   tau(    2) = (    0.25000    0.25000    0.25000  )

          Dielectric constant in cartesian axis

          (       2.490059398       0.000000000       0.000000000 )
          (       0.000000000       2.490059398       0.000000000 )
          (       0.000000000      -0.000000000       2.890059398 )
{"".join(tables)}
     Diagonalizing the dynamical matrix
"""


def rows(tensor: np.ndarray, form: str = "24.12E") -> str:
    return "".join("".join(f"{value:{form}}" for value in row) + "\n" for row in tensor)


def raman_table() -> str:
    text = "\n     Raman tensor (A^2)\n\n"
    for k, tensor in enumerate(RAMAN, 1):
        for displacement in range(3):
            text += f"     atom # {k:4d}    pol.{displacement + 1:3d}\n" + rows(tensor[:, :, displacement])
    return text


def matrix(*tables: str, lattice: str = "  2    2   2  10.2000000   0.0000000   0.0000000   0.0 0.0 0.0\n") -> str:
    head = "Dynamical matrix file\nsalt\n" + lattice
    species = "           1  'Na  '    20953.89\n           2  'Cl  '    32310.33\n"
    atoms = "    1    1      0.0000000000      0.0000000000      0.0000000000\n"
    atoms += "    2    2      0.2500000000      0.2500000000      0.2500000000\n"
    dynamical = "\n     Dynamical  Matrix in cartesian axes\n\n     q = (    0.0   0.0   0.0 ) \n\n    1    1\n"
    dynamical += rows(np.ones((3, 6)), "12.8f")
    return head + species + atoms + dynamical + "".join(tables) + "\n     Diagonalizing the dynamical matrix\n"


def charges_of_matrix(title: str, charges: np.ndarray) -> str:
    atoms = "".join(f"     atom # {k:4d}\n{rows(tensor)}" for k, tensor in enumerate(charges, 1))
    return f"\n     Effective Charges {title}\n\n{atoms}"


DIELECTRIC = "\n     Dielectric Tensor:\n\n" + rows(2.5 * np.eye(3), "24.12f")
FIELD, POLARISATION = "(d Force / dE) in cartesian axis", "(d P / du) in cartesian axis "
RAW, RULED = f"{FIELD} without acoustic sum rule applied (asr)", f"{FIELD} with asr applied:"
E_U, U_E = "E-U: Z_{alpha}{s,beta}", "U-E: Z_{s,alpha}{beta}"


@pytest.mark.parametrize(
    "text",
    [
        output(charges_of_output(FIELD, "E", CHARGES)),
        output(charges_of_output(FIELD, "E", CHARGES), charges_of_output(POLARISATION, "P", 9 + CHARGES)),
        output(charges_of_output(RAW, "E", CHARGES), charges_of_output(RULED, "E", 9 + CHARGES)),
        output(charges_of_output(POLARISATION, "P", CHARGES)),
        matrix(DIELECTRIC, charges_of_matrix(E_U, CHARGES), raman_table()),
        matrix(DIELECTRIC, charges_of_matrix(U_E, CHARGES.swapaxes(1, 2))),
    ],
)
def test_a_row_is_a_direction_of_the_field_but_for_u_e(tmp_path: Path, text: str) -> None:
    (tmp_path / "ph.out").write_text(text)
    (frame,) = read_frames(tmp_path / "ph.out")
    np.testing.assert_allclose(frame.tensors["apt"], CHARGES)
    assert frame.numbers.tolist() == [11, 17]
    np.testing.assert_allclose(frame.positions[1], ALAT * BOHR / 4)
    np.testing.assert_allclose(frame.cell[1], [0, ALAT * BOHR / 2, ALAT * BOHR / 2])
    assert frame.periodic.all()
    assert frame.info["engine"] == "Quantum ESPRESSO ph.x" + " PBE" * ("Program" in text)
    assert frame.info["epsilon_infinity"] == pytest.approx(2.623393 if "Program" in text else 2.5)
    assert ("dielectric_tensor" in frame.info) == ("Program" in text)


def test_the_raman_tensor_is_a_polarisability_per_length(tmp_path: Path) -> None:
    """α of one Å³ is (1 Å/a0)³ of e² a0² E_h⁻¹."""
    (tmp_path / "a.dyn").write_text(matrix(DIELECTRIC, charges_of_matrix(E_U, CHARGES), raman_table()))
    (frame,) = read_frames(tmp_path / "a.dyn")
    np.testing.assert_allclose(frame.tensors["pgt"], RAMAN / BOHR**3)
    (tmp_path / "ph.out").write_text(output(raman_table()))
    np.testing.assert_allclose(next(read_frames(tmp_path / "ph.out")).tensors["pgt"], RAMAN / BOHR**3)


def test_labels_are_imported_with_what_the_file_says(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.dyn").write_text(matrix(DIELECTRIC, charges_of_matrix(E_U, CHARGES), raman_table()))
    status, said, errors = run("label", "--import", tmp_path / "a.dyn", "--out", tmp_path / "l.extxyz")
    assert status == 0, errors
    assert "apt in 1 frames, sum rule violated by up to 0.1 e" in said
    label = next(read_frames(tmp_path / "l.extxyz"))
    np.testing.assert_allclose(label.tensors["apt"], CHARGES)
    assert label.info["epsilon_infinity"] == 2.5
    status, _, errors = run("label", "--import", tmp_path / "a.dyn", "--layout", "mace", "--out", tmp_path / "l.extxyz")
    assert status == 2
    assert "--layout mace contradicts apt_order=field,displacement" in errors


def test_a_cell_that_only_a_number_tells_is_taken_from_a_second_file(tmp_path: Path) -> None:
    path = tmp_path / "a.dyn"
    path.write_text(matrix(charges_of_matrix(E_U, CHARGES), lattice="  2 2 14 10.2 1.1 1.2 0.1 0.2 0.3\n"))
    with pytest.raises(TrajectoryError, match="ibrav=14; give a file with the cell by --topology"):
        next(read_frames(path))
    (tmp_path / "cell.xyz").write_text('2\nLattice="5 0 0 0 6 0 1 0 7"\nNa 0 0 0\nCl 2 2 2\n')
    frame = next(read_frames(path, topology=tmp_path / "cell.xyz"))
    np.testing.assert_array_equal(frame.cell[2], [1, 0, 7])
    np.testing.assert_allclose(frame.tensors["apt"], CHARGES)
    (tmp_path / "cell.xyz").write_text('2\nLattice="5 0 0 0 6 0 1 0 7"\nCl 0 0 0\nNa 2 2 2\n')
    with pytest.raises(TrajectoryError, match=r"cell\.xyz: its atoms are Cl Na, but those of .*a\.dyn are Na"):
        next(read_frames(path, topology=tmp_path / "cell.xyz"))
    path.write_text(matrix(charges_of_matrix(E_U, CHARGES), lattice="  2 2 0 10.2 0 0 0 0 0\nBasis vectors\n"))
    text = path.read_text().replace("Basis vectors\n", "Basis vectors\n" + rows(np.diag([1, 2, 3]), "15.9f"))
    path.write_text(text)
    np.testing.assert_allclose(next(read_frames(path)).cell, ALAT * BOHR * np.diag([1, 2, 3]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (output(charges_of_output(FIELD, "E", CHARGES[:1])), "table of effective charges is cut after 3 rows"),
        (output(raman_table()[:900]), r"Raman tensor is cut after \d of 6 tables"),
        (output()[:600], "cut before"),
        (matrix(lattice="  2\n"), "third line is not that of a dynamical matrix file"),
        (matrix()[:150], "cut before the end of its list of atoms"),
    ],
)
def test_cut_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "ph.out").write_text(text)
    with pytest.raises((TrajectoryError, LabelError), match=message) as refused:
        next(read_frames(tmp_path / "ph.out"))
    assert "\n" not in str(refused.value)
