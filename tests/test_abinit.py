"""Born charges of ABINIT: which index is the field is read from the numbers of the perturbations."""

from pathlib import Path

import numpy as np
import pytest
from test_espresso import CHARGES

from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames
from mimyria.units import BOHR

HEAD = """
.Version 9.6.2  of ABINIT
.(MPI version, prepared for a x86_64_linux_gnu9.3 computer)

 -outvars: echo values of preprocessed input variables --------
            acell      1.0000000000E+01  1.0000000000E+01  1.2000000000E+01 Bohr
              amu      2.69815390E+01  7.49215900E+01
             ecut      3.00000000E+00 Hartree
              ixc          11
           jdtset        1    2    3
            natom           2
           ndtset           3
            rprim      0.0000000000E+00  5.0000000000E-01  5.0000000000E-01
                       5.0000000000E-01  0.0000000000E+00  5.0000000000E-01
                       5.0000000000E-01  5.0000000000E-01  0.0000000000E+00
           rfelfd1           0
            typat      2  1
             xred      0.0000000000E+00  0.0000000000E+00  0.0000000000E+00
                       2.5000000000E-01  2.5000000000E-01  2.5000000000E-01
            znucl       33.00000   13.00000

================================================================================
"""
COLUMNS = "    j1       j2             matrix element\n dir pert dir pert     real part    imaginary part\n"


def line(*places: int, value: float) -> str:
    return f"{places[0]:4d}{places[1]:5d}{places[2]:4d}{places[3]:5d} {value:20.10f} {0:20.10f}\n"


def charges(field_first: bool, tensors: np.ndarray = CHARGES) -> str:
    said = "(from phonon response)" if field_first else "(from electric field response)"
    text = f"\n  Effective charges, in cartesian coordinates,\n  {said} \n"
    text += "  if specified in the inputs, asr has been imposed\n" + COLUMNS
    for field in range(1, 4):
        text += "\n"
        for atom, tensor in enumerate(tensors, 1):
            for displacement in range(1, 4):
                one, other = (field, 4), (displacement, atom)
                value = tensor[field - 1, displacement - 1]
                text += line(*one, *other, value=value) if field_first else line(*other, *one, value=value)
    return text + "\n"


def epsilon() -> str:
    text = "\n  Dielectric tensor, in cartesian coordinates,\n" + COLUMNS
    for one in range(1, 4):
        text += "\n" + "".join(line(one, 4, other, 4, value=9.5 * (one == other)) for other in range(1, 4))
    return text + "\n"


@pytest.mark.parametrize("field_first", [True, False])
def test_the_field_is_the_last_perturbation(tmp_path: Path, field_first: bool) -> None:
    path = tmp_path / "run.abo"
    path.write_text(HEAD + epsilon() + charges(field_first) + "  Rigid-atom elastic tensor\n")
    (frame,) = read_frames(path)
    np.testing.assert_allclose(frame.tensors["apt"], CHARGES)
    assert frame.numbers.tolist() == [13, 33]
    np.testing.assert_allclose(frame.cell[0], np.array([0, 5, 5]) * BOHR)
    np.testing.assert_allclose(frame.cell[2], np.array([6, 6, 0]) * BOHR)
    np.testing.assert_allclose(frame.positions[1], frame.cell.sum(axis=0) / 4)
    assert frame.info["engine"] == "ABINIT 9.6.2 PBE"
    assert frame.info["epsilon_infinity"] == 9.5


def test_an_incomplete_table_is_no_label(tmp_path: Path) -> None:
    path = tmp_path / "run.abo"
    path.write_text(HEAD + charges(False, CHARGES[:1]))
    with pytest.raises(TrajectoryError, match="Born charges of 1 of 2 atoms are complete; compute the field"):
        next(read_frames(path))
    path.write_text(HEAD + charges(False, CHARGES[:1]) + charges(True))
    np.testing.assert_allclose(next(read_frames(path)).tensors["apt"], CHARGES)
    path.write_text(HEAD)
    assert not next(read_frames(path)).tensors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD[:300], "cut before the echo of its variables"),
        (HEAD.replace("            acell ", "            acell1"), "acell differs between its data sets"),
        (HEAD.replace("xred", "xyzw"), "the echo of the variables has no xred"),
        (HEAD.replace("typat      2  1", "typat      2"), "other than 2 atoms"),
    ],
)
def test_a_structure_that_is_not_told_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run.abo").write_text(text)
    with pytest.raises(TrajectoryError, match=message):
        next(read_frames(tmp_path / "run.abo"))
