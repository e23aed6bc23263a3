"""BORN and phonopy.yaml: the tensors of all atoms from those that are given."""

from pathlib import Path

import numpy as np
import pytest
from test_symmetry import quartz

from conftest import Run
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames, write_frames


def born(tensors: np.ndarray, first: str = "# epsilon and Z* of atoms 1 4") -> str:
    epsilon = np.diag([2.4, 2.4, 2.5])
    return (
        "\n".join([first, *(" ".join(f"{x:13.8f}" for x in tensor.ravel()) for tensor in [epsilon, *tensors])]) + "\n"
    )


def test_born_gives_the_tensors_of_every_atom(run: Run, tmp_path: Path) -> None:
    frame, tensors = quartz()
    write_frames(tmp_path / "cell.extxyz", [frame])
    (tmp_path / "BORN").write_text(born(tensors[[0, 3]]))
    label = next(read_frames(tmp_path / "BORN", topology=tmp_path / "cell.extxyz"))
    np.testing.assert_allclose(label.tensors["apt"], tensors, atol=1e-6)
    assert label.info["epsilon_infinity"] == pytest.approx(7.3 / 3, abs=1e-6)
    np.testing.assert_allclose(np.diag(label.info["dielectric_tensor"]), [2.4, 2.4, 2.5])
    (tmp_path / "BORN_all").write_text(born(tensors, "14.400"))
    label = next(read_frames(tmp_path / "BORN_all", topology=tmp_path / "cell.extxyz"))
    np.testing.assert_allclose(label.tensors["apt"], tensors, atol=1e-7)
    files = ("--import", tmp_path / "BORN", "--topology", tmp_path / "cell.extxyz", "--out", tmp_path / "l.extxyz")
    status, said, errors = run("label", *files)
    assert status == 0, errors
    assert "apt in 1 frames" in said


def test_born_without_its_structure_is_refused(tmp_path: Path) -> None:
    frame, tensors = quartz()
    path, cell = tmp_path / "BORN", tmp_path / "cell.extxyz"
    write_frames(cell, [frame])
    path.write_text(born(tensors[[0, 3]]))
    with pytest.raises(TrajectoryError, match=r"BORN has no structure; give its primitive cell by --topology"):
        next(read_frames(path))
    path.write_text(born(tensors[:3]))
    with pytest.raises(TrajectoryError, match=r"3 tensors, but .* has 9 atoms, 2 of them independent; give the primi"):
        next(read_frames(path, topology=cell))
    path.write_text(born(tensors[[3, 0]]))
    with pytest.raises(TrajectoryError, match=r"lack the symmetry of their atoms in .* by [\d.]+ e"):
        next(read_frames(path, topology=cell))
    path.write_text(born(tensors[[0, 3]])[:-20])
    with pytest.raises(TrajectoryError, match="then lines of nine numbers"):
        next(read_frames(path, topology=cell))
    path.write_text("14.4\n")
    with pytest.raises(TrajectoryError, match="this one has too few"):
        next(read_frames(path, topology=cell))


def yaml_of(tensors: np.ndarray | None, unit: str = "angstrom") -> str:
    frame, _ = quartz()
    scaled = frame.positions @ np.linalg.inv(frame.cell)
    text = f'phonopy:\n  version: "2.20.0"\n\nphysical_unit:\n  length: "{unit}"\n\nprimitive_cell:\n  lattice:\n'
    text += "".join("  - [ {:20.15f}, {:20.15f}, {:20.15f} ]\n".format(*row) for row in frame.cell)
    text += "  points:\n"
    for number, row in zip(frame.numbers, scaled, strict=True):
        text += f"  - symbol: {'Si' if number == 14 else 'O'}\n    coordinates: [ {row[0]}, {row[1]}, {row[2]} ]\n"
    if tensors is not None:
        text += "\nborn_effective_charge:\n"
        for tensor in tensors:
            text += "- # 1\n" + "".join("  - [ {:18.15f}, {:18.15f}, {:18.15f} ]\n".format(*row) for row in tensor)
        text += "\ndielectric_constant:\n  - [ 2.4, 0.0, 0.0 ]\n  - [ 0.0, 2.4, 0.0 ]\n  - [ 0.0, 0.0, 2.4 ]\n"
    return text


def test_phonopy_yaml_has_structure_and_charges(tmp_path: Path) -> None:
    frame, tensors = quartz()
    path = tmp_path / "phonopy_params.yaml"
    path.write_text(yaml_of(tensors))
    label = next(read_frames(path))
    np.testing.assert_allclose(label.tensors["apt"], tensors, atol=1e-12)
    np.testing.assert_allclose(label.positions, frame.positions, atol=1e-12)
    assert label.info == {"engine": "phonopy", "epsilon_infinity": 2.4}
    path.write_text(yaml_of(None, "au"))
    np.testing.assert_allclose(next(read_frames(path)).cell, 0.529177210544 * frame.cell)
    (tmp_path / "BORN").write_text(born(tensors[[0, 3]]))
    path.write_text(yaml_of(None))
    label = next(read_frames(tmp_path / "BORN", topology=path))
    np.testing.assert_allclose(label.tensors["apt"], tensors, atol=1e-6)
    path.write_text(yaml_of(None).replace("coordinates", "places"))
    with pytest.raises(TrajectoryError, match="its structure is not that of a phonopy"):
        next(read_frames(path))
    path.write_text(yaml_of(tensors[:4]))
    with pytest.raises(TrajectoryError, match="apt of 4 atoms, but the structure has 9"):
        next(read_frames(path))
