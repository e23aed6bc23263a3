"""Structures: names of folders, isotopes, fixed atoms, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from ase.vibrations.data import VibrationsData
from test_harmonic_modes import frame_of, sprung
from test_hessians import FRAME, gaussian, orca

from contracts import WATER
from mimyria.elements import frame_masses
from mimyria.errors import ConfigError, TrajectoryError
from mimyria.formats import write_frames
from mimyria.harmonic.structures import fixed_atoms, read_structures, with_isotopes
from mimyria.settings import HarmonicSettings


def test_names_of_folders(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    write_frames(tmp_path / "water.extxyz.gz", [WATER])
    write_frames(tmp_path / "other" / "water.xyz", [WATER])
    write_frames(tmp_path / "pair.xyz", [WATER, WATER])
    paths = [tmp_path / "water.extxyz.gz", tmp_path / "other" / "water.xyz", tmp_path / "pair.xyz"]
    assert list(read_structures(paths, HarmonicSettings())) == ["water", "water-2", "pair-0000", "pair-0001"]
    assert list(read_structures(paths[2:], HarmonicSettings(frames=(1, None)))) == ["pair"]


def test_what_is_no_structure(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_structures([tmp_path / "absent.xyz"], HarmonicSettings())
    with pytest.raises(ConfigError, match="is a folder"):
        read_structures([tmp_path], HarmonicSettings())
    write_frames(tmp_path / "run.xyz", [WATER] * 120)
    with pytest.raises(ConfigError, match="more than 100 structures; choose"):
        read_structures([tmp_path / "run.xyz"], HarmonicSettings())
    with pytest.raises(ConfigError, match="no structure, or --frames"):
        read_structures([tmp_path / "run.xyz"], HarmonicSettings(frames=(500, None)))
    write_frames(tmp_path / "flat.extxyz", [replace(WATER, periodic=np.ones(3, dtype=bool))])
    with pytest.raises(ConfigError, match="span no volume; give --cell"):
        read_structures([tmp_path / "flat.extxyz"], HarmonicSettings())
    boxed = read_structures([tmp_path / "flat.extxyz"], HarmonicSettings(cell=(9, 9, 9)))["flat"].frame
    assert boxed.volume == pytest.approx(729)


def test_a_hessian_belongs_to_its_structure(tmp_path: Path) -> None:
    """Bare numbers to any of as many atoms; a file with a structure to that alone, and it is a structure itself."""
    frame = frame_of("H2O")
    write_frames(tmp_path / "water.xyz", [frame])
    write_frames(tmp_path / "other.xyz", [WATER])
    np.save(tmp_path / "h.npy", sprung(frame))
    given = HarmonicSettings(hessian=tmp_path / "h.npy", hessian_unit="eV/A^2")
    np.testing.assert_array_equal(read_structures([tmp_path / "water.xyz"], given)["water"].hessian, sprung(frame))
    VibrationsData.from_2d(molecule("H2O"), sprung(frame)).write(tmp_path / "h.json")
    own = read_structures([tmp_path / "h.json"], HarmonicSettings())["h"]
    np.testing.assert_allclose(own.frame.positions, frame.positions)
    assert own.hessian is not None
    given = HarmonicSettings(hessian=tmp_path / "h.json")
    assert read_structures([tmp_path / "water.xyz"], given)["water"].hessian is not None
    with pytest.raises(ConfigError, match=r"h\.json is the Hessian of other positions than those of .*other\.xyz"):
        read_structures([tmp_path / "other.xyz"], given)


def test_masses_of_a_file_that_holds_its_hessian(tmp_path: Path) -> None:
    """They are those of --mass as with any other file, and what can mean nothing for such a file is refused."""
    heavy = {"H": 2.014}
    own_masses = {"w.hess": 15.999, "w.fchk": 15.999, "w.json": frame_masses(FRAME)[0]}
    orca(tmp_path / "w.hess")
    gaussian(tmp_path / "w.fchk")
    VibrationsData.from_2d(molecule("H2O"), sprung(FRAME)).write(tmp_path / "w.json")
    for name, oxygen in own_masses.items():
        frame = read_structures([tmp_path / name], HarmonicSettings(mass=heavy))["w"].frame
        np.testing.assert_allclose(frame_masses(frame), [oxygen, 2.014, 2.014])
        with pytest.raises(TrajectoryError, match=f"{name}: --mass C"):
            read_structures([tmp_path / name], HarmonicSettings(mass={"C": 13.0}))
        for given in ({"species": {"OW": "O"}}, {"layout": "vasp"}, {"topology": tmp_path / name}):
            with pytest.raises(ConfigError, match=f"{name} states .* leave --{next(iter(given))} out"):
                read_structures([tmp_path / name], HarmonicSettings(**given))  # type: ignore[arg-type]


def test_a_file_beside_the_structure_completes_it(tmp_path: Path) -> None:
    """Tensors, masses, charge and multiplicity as if the file were given alone; masses of the structure stay."""
    gaussian(tmp_path / "w.fchk")
    write_frames(tmp_path / "w.extxyz", [FRAME])
    alone = read_structures([tmp_path / "w.fchk"], HarmonicSettings())["w"]
    beside = read_structures([tmp_path / "w.extxyz"], HarmonicSettings(hessian=tmp_path / "w.fchk"))["w"]
    assert beside.multiplicity == alone.multiplicity == 3
    assert beside.frame.total_charge == alone.frame.total_charge
    np.testing.assert_array_equal(beside.frame.masses, alone.frame.masses)
    for name in ("apt", "pgt"):
        np.testing.assert_array_equal(beside.frame.tensors[name], alone.frame.tensors[name])
    given = HarmonicSettings(hessian=tmp_path / "w.fchk", mass={"H": 2.014})
    np.testing.assert_allclose(frame_masses(read_structures([tmp_path / "w.extxyz"], given)["w"].frame)[1:], 2.014)


def test_isotopes() -> None:
    frame = frame_of("CH3OH")
    masses = with_isotopes(frame, {"0": "13C", "3": "D", "4": "3.1"}).masses
    assert masses is not None
    np.testing.assert_allclose(masses, [13.00335, 15.999, 1.008, 2.014102, 3.1, 1.008], rtol=1e-5)
    assert with_isotopes(frame, {}) is frame


@pytest.mark.parametrize(
    ("isotope", "words"),
    [
        ({"9": "D"}, "counted from 0 to 5"),
        ({"H": "D"}, "counted from 0 to 5"),
        ({"0": "D"}, "atom 0 is C, not H"),
        ({"0": "heavy"}, "give an isotope such as D, 13C"),
        ({"0": "130"}, "130 u is not the mass of an isotope of C"),
        ({"2": "nan"}, "nan u is not the mass"),
        ({"2": "0"}, "0 u is not the mass"),
    ],
)
def test_isotopes_that_there_are_not(isotope: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        with_isotopes(frame_of("CH3OH"), isotope)


def test_fixed_atoms() -> None:
    frame = frame_of("CH3OH")
    assert not fixed_atoms(frame, None).any()
    assert fixed_atoms(frame, "element C O").tolist() == [True, True, False, False, False, False]
    assert fixed_atoms(frame, "index 3:4").tolist() == [False, False, False, True, True, False]
    with pytest.raises(TrajectoryError, match="holds no atom"):
        fixed_atoms(frame, "element Pt")
