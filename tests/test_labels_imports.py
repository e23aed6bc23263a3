"""Labels of others are turned into ours."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointDFTCalculator
from ase.io import write

from conftest import DATA, Run
from mimyria.errors import LabelError
from mimyria.formats import read_frames, write_frames


def test_import_turns_the_tensors(run: Run, tmp_path: Path) -> None:
    frame = next(read_frames(DATA / "water32_labels.extxyz.xz"))
    theirs = replace(frame, tensors={"apt": frame.tensors["apt"].swapaxes(1, 2)}, info={})
    path, out = tmp_path / "theirs.extxyz", tmp_path / "ours.extxyz"
    write_frames(path, [theirs])
    path.write_text(path.read_text().replace("apt_order=field,displacement", ""))
    status, _, errors = run("label", "--import", path, "--out", out)
    assert status == 2
    assert "give --layout" in errors
    status, said, errors = run("label", "--import", path, "--layout", "mimyria-field", "--out", out)
    assert status == 0, errors
    assert "apt in 1 frames" in said
    np.testing.assert_allclose(next(read_frames(out)).tensors["apt"], frame.tensors["apt"], atol=1e-9)


def test_charges_that_ase_has_read_keep_the_order_of_their_program(tmp_path: Path) -> None:
    charges = np.array([[[1.1, 0.2, 0.3], [0.4, 1.5, 0.6], [0.7, 0.8, 1.9]]] * 2)
    atoms = Atoms("HCl", positions=[[0, 0, 0], [0, 0, 1.3]], cell=[8, 8, 8], pbc=True)
    atoms.calc = SinglePointDFTCalculator(atoms, born_effective_charges=charges, dielectric_tensor=2.5 * np.eye(3))
    atoms.calc.name = "vasp"
    write(tmp_path / "a.traj", atoms)
    frame = next(read_frames(tmp_path / "a.traj"))
    np.testing.assert_array_equal(frame.tensors["apt"], charges)
    assert frame.info["epsilon_infinity"] == 2.5
    atoms.calc.name = "somebody"
    write(tmp_path / "a.traj", atoms)
    with pytest.raises(LabelError, match="the index order of apt is not known"):
        next(read_frames(tmp_path / "a.traj"))
    frame = next(read_frames(tmp_path / "a.traj", layout="displacement,field"))
    np.testing.assert_array_equal(frame.tensors["apt"], charges.swapaxes(1, 2))


VASPRUN = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <generator><i name="program" type="string">vasp </i><i name="version" type="string">6.3.0  </i></generator>
 <incar><i type="string" name="GGA"> PE</i></incar>
 <kpoints><generation param="Gamma"><v type="int" name="divisions"> 1 1 1 </v></generation></kpoints>
 <parameters><separator name="electronic"><i type="string" name="GGA">PE</i></separator></parameters>
 <atominfo><atoms> 2 </atoms><types> 2 </types>
  <array name="atoms"><set>
   <rc><c>H </c><c> 1</c></rc><rc><c>Cl</c><c> 2</c></rc>
  </set></array>
 </atominfo>
 <structure name="initialpos"><crystal><varray name="basis">
  <v> 8.0 0.0 0.0 </v><v> 0.0 8.0 0.0 </v><v> 0.0 0.0 8.0 </v></varray></crystal>
  <varray name="positions"><v> 0.0 0.0 0.0 </v><v> 0.0 0.0 0.1625 </v></varray></structure>
 <calculation>
  <scstep><energy><i name="e_fr_energy"> -10.0 </i><i name="e_wo_entrp"> -10.0 </i><i name="e_0_energy"> -10.0 </i>
  </energy></scstep>
  <structure><crystal><varray name="basis">
   <v> 8.0 0.0 0.0 </v><v> 0.0 8.0 0.0 </v><v> 0.0 0.0 8.0 </v></varray></crystal>
   <varray name="positions"><v> 0.0 0.0 0.0 </v><v> 0.0 0.0 0.1625 </v></varray></structure>
  <varray name="dielectric_dft"><v> 2.0 0.0 0.0 </v><v> 0.0 2.0 0.0 </v><v> 0.0 0.0 3.0 </v></varray>
  <array name="born_charges"><dimension dim="1">ion</dimension>
   <set><v> 1.1 0.2 0.3 </v><v> 0.4 1.5 0.6 </v><v> 0.7 0.8 1.9 </v></set>
   <set><v> -1.1 -0.2 -0.3 </v><v> -0.4 -1.5 -0.6 </v><v> -0.7 -0.8 -1.9 </v></set>
  </array>
  <energy><i name="e_fr_energy"> -10.0 </i><i name="e_wo_entrp"> -10.0 </i><i name="e_0_energy"> -10.0 </i></energy>
 </calculation>
</modeling>
"""


def test_vasprun_has_a_row_for_each_direction_of_the_field(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vasprun.xml").write_text(VASPRUN)
    status, _, errors = run("label", "--import", tmp_path / "vasprun.xml", "--out", tmp_path / "l.extxyz")
    assert status == 0, errors
    label = next(read_frames(tmp_path / "l.extxyz"))
    assert label.tensors["apt"][0, 0, 1] == 0.2
    assert label.tensors["apt"][1, 2, 0] == -0.7
    assert label.info["engine"] == "VASP GGA=PE"
    assert label.info["epsilon_infinity"] == pytest.approx(7 / 3, abs=1e-5)


@pytest.mark.parametrize("option", [("--cluster", 3), ("--engine", "cp2k"), ("--frames", "0:1"), ("--cell", "5 5 5")])
def test_settings_without_effect_are_refused(run: Run, tmp_path: Path, option: tuple[object, object]) -> None:
    (tmp_path / "vasprun.xml").write_text(VASPRUN)
    status, _, errors = run("label", "--import", tmp_path / "vasprun.xml", *option, "--out", tmp_path / "l.extxyz")
    assert status == 2
    assert f"--import takes every frame as it is: leave {option[0]} out" in errors


def test_a_charge_that_the_tensors_do_not_add_up_to_is_said(run: Run, tmp_path: Path) -> None:
    frame = next(read_frames(DATA / "water32_labels.extxyz.xz"))
    ion = frame.tensors["apt"] + np.eye(3) / len(frame)  # of a charge one higher
    info = {"apt_order": "field,displacement"}
    write_frames(tmp_path / "a.extxyz", [replace(frame, tensors={"apt": ion}, info=info)] * 2)
    status, _, errors = run("label", "--import", tmp_path / "a.extxyz", "--out", tmp_path / "b.extxyz")
    assert status == 0
    assert "Σ P of 2 of 2 frames is up to 1.0" in errors
    assert "labels of a charge of +1: state it with --charge" in errors
    status, _, errors = run("label", "--import", tmp_path / "a.extxyz", "--out", tmp_path / "b.extxyz", "--charge", 1)
    assert (status, errors) == (0, "")


def test_columns_that_are_left_out_are_named(run: Run, tmp_path: Path) -> None:
    frame = next(read_frames(DATA / "water32_labels.extxyz.xz"))
    extra = {"quadrupole_gradient": np.zeros((len(frame), 27)), "mulliken": np.zeros(len(frame))}
    write_frames(tmp_path / "a.extxyz", [frame, replace(frame, extra=extra), replace(frame, extra=extra)])
    status, _, errors = run("label", "--import", tmp_path / "a.extxyz", "--out", tmp_path / "b.extxyz")
    assert status == 0
    assert f"{tmp_path / 'a.extxyz'}, frame 1: left out are the columns quadrupole_gradient, mulliken;" in errors
    assert "tensors are taken from columns apt, pgt, hgt" in errors
