"""Born charges of an OUTCAR, and the configuration that they belong to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames
from mimyria.formats.outcar import born_charges, configuration_of_charges, masses
from mimyria.level import Level, level_of

BORN = """
 BORN EFFECTIVE CHARGES (including local field effects) (in |e|, cummulative output)
 ---------------------------------------------------------------------------------
 ion    1
    1     1.10000     0.20000     0.30000
    2     0.40000     1.50000     0.60000
    3     0.70000     0.80000     1.90000
 ion    2
    1    -1.10000    -0.20000    -0.30000
    2    -0.40000    -1.50000    -0.60000
    3    -0.70000    -0.80000    -1.90000


 something else
"""
EPSILON = """
 MACROSCOPIC STATIC DIELECTRIC TENSOR (including local field effects in DFT)
 ------------------------------------------------------
           2.500000    -0.000000     0.000000
          -0.000000     2.500000     0.000000
           0.000000     0.000000     2.500000
 ------------------------------------------------------

 MACROSCOPIC STATIC DIELECTRIC TENSOR IONIC CONTRIBUTION
 ------------------------------------------------------
           1.000000    -0.000000     0.000000
          -0.000000     1.000000     0.000000
           0.000000     0.000000     1.000000
 ------------------------------------------------------
"""


def test_born_charges_of_an_outcar(tmp_path: Path) -> None:
    """A row for each direction of the field, a column for each of the displacement."""
    path = tmp_path / "OUTCAR"
    charges = born_charges("vasp\n" + BORN, path)
    assert charges is not None
    assert charges.shape == (2, 3, 3)
    assert charges[0, 0, 1] == 0.2
    assert charges[1, 2, 0] == -0.7
    assert born_charges("vasp\n", path) is None
    with pytest.raises(TrajectoryError, match="cut after 4 rows"):
        born_charges(BORN[: BORN.index("    2    -0.4")], path)


@pytest.mark.parametrize(("mode", "expected"), [(2, 1), (-1, 1), (6, 0), (8, 0)])
def test_born_charges_belong_to_the_configuration_before_them(mode: int, expected: int) -> None:
    step = " POSITION                                       TOTAL-FORCE (eV/Angst)\n"
    assert configuration_of_charges(f"   IBRION =     {mode}    ionic relax\n{step}{step}{BORN}{step}") == expected


def test_born_charges_of_a_whole_outcar(tmp_path: Path) -> None:
    path = tmp_path / "OUTCAR"
    path.write_text(outcar(2) + EPSILON + BORN)
    first, second = read_frames(path)
    assert second.info["engine"] == "VASP 6.3.0"
    assert second.info["epsilon_infinity"] == 2.5
    assert not first.tensors
    assert second.tensors["apt"][0, 1, 2] == 0.6
    assert second.forces is not None


def test_masses_of_the_ions(tmp_path: Path) -> None:
    path = tmp_path / "OUTCAR"
    path.write_text(outcar(1) + "\n  Mass of Ions in am\n   POMASS =   2.01 35.45\n")
    (frame,) = read_frames(path)
    assert frame.masses is not None
    np.testing.assert_array_equal(frame.numbers, [1, 17])
    np.testing.assert_array_equal(frame.masses, [2.01, 35.45])
    for other in ("", "  Mass of Ions in am\n   POMASS =   2.01\n"):  # none, or not of every type
        path.write_text(outcar(1) + other)
        assert next(read_frames(path)).masses is None
    text = "ions per type =   1   2\n  Mass of Ions in am\n   POMASS = 207.20100.00\n"  # in columns of six
    np.testing.assert_array_equal(masses(text), [207.2, 100, 100])


EXCHANGE = """   ENCUT  =  400.0 eV  29.40 Ry    5.42 a.u.  10.42 10.42 10.42*2*pi/ulx,y,z
 Exchange correlation treatment:
   GGA     =    {gga}    GGA type
   LEXCH   =     8    internal setting for exchange type
   LHFCALC =     {hybrid}    Hartree Fock is set to
   AEXX    =    0.2500 exact exchange contribution
"""


@pytest.mark.parametrize(
    ("gga", "hybrid", "functional"),
    [("--", "F", "PBE"), ("RP", "F", "RPBE"), ("--", "T", "PBE+0.25 HF"), ("XX", "F", "")],
)
def test_the_level_of_theory(tmp_path: Path, gga: str, hybrid: str, functional: str) -> None:
    path = tmp_path / "OUTCAR"
    path.write_text(outcar(1) + EXCHANGE.format(gga=gga, hybrid=hybrid) + BORN)
    (frame,) = read_frames(path)
    level = level_of(frame.info)
    assert level == Level("VASP", functional, "plane waves", "400 eV")
    assert level.version == "6.3.0"
    assert level.diffuse


def outcar(steps: int) -> str:
    """Return as much of an OUTCAR of two ions as ASE wants."""
    head = """ vasp.6.3.0 20Jan22 (build)
 POTCAR:    PAW_PBE H 15Jun2001
 POTCAR:    PAW_PBE Cl 06Sep2000
 POTCAR:    PAW_PBE H 15Jun2001
 POTCAR:    PAW_PBE Cl 06Sep2000
   VRHFIN =H: 1s1
   VRHFIN =Cl: s2p5
   ISPIN  =      1    spin polarized calculation?
   IBRION =     -1    ionic relax
   number of dos      NEDOS =    301   number of ions     NIONS =      2
   ions per type =               1   1
"""
    step = """--------------------------------------- Iteration      1(   1)  ---------------------------------------
      direct lattice vectors                 reciprocal lattice vectors
     8.000000000  0.000000000  0.000000000     0.125000000  0.000000000  0.000000000
     0.000000000  8.000000000  0.000000000     0.000000000  0.125000000  0.000000000
     0.000000000  0.000000000  8.000000000     0.000000000  0.000000000  0.125000000

 POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
      0.00000      0.00000      0.00000         0.100000      0.000000      0.000000
      0.00000      0.00000      1.30000        -0.100000      0.000000      0.000000
 -----------------------------------------------------------------------------------
    total drift:                                0.000000      0.000000      0.000000

  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy   TOTEN  =       -10.00000000 eV

  energy  without entropy=      -10.00000000  energy(sigma->0) =      -10.00000000
"""
    return head + step * steps
