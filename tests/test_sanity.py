"""A look at a trajectory: units that are wrong are named, and nothing is said about what is odd but right."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.collections import g2

from conftest import DATA
from contracts import write_cp2k
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory
from mimyria.trajectory.sanity import (
    chance,
    check_density,
    check_distances,
    check_first_frames,
    empty_lengths,
    is_likely,
    report_volumes,
)
from mimyria.units import BOHR, VELOCITY

Look = Callable[..., list[str]]


@pytest.fixture(scope="module")
def water() -> list[Any]:
    """Four frames, 4 fs apart, of the liquid at 300 K."""
    return list(islice(read_frames(DATA / "water32.extxyz.xz"), 4))


@pytest.fixture
def look(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Look:
    """Write frames and look at them; return the warnings."""

    def write_and_look(frames: list[Any], temperature: float | None = None, **reading: Any) -> list[str]:
        write_frames(tmp_path / "a.xyz", frames)
        trajectory = Trajectory(tmp_path / "a.xyz", **reading)
        caplog.clear()
        with caplog.at_level(logging.INFO):
            check_first_frames(trajectory.segments()[0], temperature)
        return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]

    return write_and_look


@pytest.mark.parametrize("temperature", [None, 300.0])
def test_the_liquid_is_right(look: Look, water: list[Any], temperature: float | None, caplog: Any) -> None:
    assert not look(water, temperature)
    assert "96 atoms, 1 g/cm³, " in caplog.text
    assert not look([replace(frame, velocities=None) for frame in water], 300.0)


@pytest.mark.parametrize("temperature", [None, 300.0])
@pytest.mark.parametrize("unit", [unit for unit in VELOCITY if unit != "A/fs"])
def test_the_unit_of_the_velocities_is_named(
    look: Look, water: list[Any], unit: str, temperature: float | None
) -> None:
    wrong = [replace(frame, velocities=frame.velocities / VELOCITY[unit]) for frame in water]
    (text,) = look(wrong, temperature)
    assert f"--velocity-unit {unit} (" in text
    if unit != "bohr/fs" or temperature:  # else 1000 K may be meant
        assert f"this would fit: --velocity-unit {unit} (" in text
        assert "or" not in text.split("would fit: ")[1]
    assert not look(wrong, temperature, velocity_unit=unit)


def test_the_temperature_alone_names_the_unit(look: Look, water: list[Any]) -> None:
    """One frame: no second to say how far the atoms move."""
    (text,) = look([replace(frame, velocities=frame.velocities / VELOCITY["au"]) for frame in water[:1]], timestep=2.0)
    assert "this would fit: --velocity-unit au (" in text


@pytest.mark.parametrize("factor", [0.001, 0.1, 0.5, 2.4])
def test_a_wrong_timestep_is_seen_though_the_temperature_is_right(look: Look, water: list[Any], factor: float) -> None:
    (text,) = look([replace(frame, time=frame.time * factor) for frame in water], 300.0)
    assert float(text.split("--timestep about ")[1].split()[0]) == pytest.approx(4.0, rel=0.1)  # curved paths: 6 %


def test_a_unit_that_explains_both_numbers_wins_over_an_odd_timestep(look: Look, water: list[Any]) -> None:
    """In bohr/fs they are 1070 K, and the atoms would move as in half the time: it is no time step that is wrong."""
    (text,) = look([replace(frame, velocities=frame.velocities / VELOCITY["bohr/fs"]) for frame in water], None)
    assert "this would fit: --velocity-unit bohr/fs (" in text
    assert "--timestep" not in text


def test_files_that_are_swapped_and_forces_are_named(water: list[Any], tmp_path: Path) -> None:
    for name, what in (("pos", "positions"), ("vel", "velocities")):
        write_cp2k(tmp_path / f"{name}.xyz", water, what)
    forces = [
        replace(frame, velocities=0.02 * np.random.default_rng(k).normal(size=(96, 3)) * VELOCITY["au"])
        for k, frame in enumerate(water)
    ]
    write_cp2k(tmp_path / "frc.xyz", forces, "velocities")
    cell = tuple(np.diag(water[0].cell).tolist())
    for first, second, message in (
        ("vel", "pos", r"pos.xyz holds positions and .*vel.xyz does not: give .* by --velocities"),
        ("frc", "vel", r"frc.xyz, frame 0: .*the file holds velocities or forces: give that of the positions"),
    ):
        trajectory = Trajectory(tmp_path / f"{first}.xyz", velocities=tmp_path / f"{second}.xyz", cell=cell)
        with pytest.raises(TrajectoryError, match=message):
            check_first_frames(trajectory.segments()[0], 300.0)


def test_forces_instead_of_velocities_are_named(water: list[Any], tmp_path: Path, caplog: Any) -> None:
    random = np.random.default_rng(0)
    forces = [replace(f, velocities=0.02 * random.normal(size=(96, 3)) * VELOCITY["au"]) for f in water]
    write_cp2k(tmp_path / "pos.xyz", water, "positions")
    write_cp2k(tmp_path / "frc.xyz", forces, "velocities")
    cell = tuple(np.diag(water[0].cell).tolist())
    trajectory = Trajectory(tmp_path / "pos.xyz", velocities=tmp_path / "frc.xyz", cell=cell)
    check_first_frames(trajectory.segments()[0], 300.0)
    assert "either the file of the velocities holds forces, or the velocities belong to other atoms" in caplog.text


def test_velocities_of_other_atoms(look: Look, water: list[Any]) -> None:
    """The molecules in another order: neither elements nor temperature show it."""
    others = [replace(frame, velocities=np.roll(frame.velocities, 3, axis=0)) for frame in water]
    (text,) = look(others, 300.0)
    assert "the velocities belong to other atoms" in text


def test_a_long_interval_is_not_judged(look: Look, water: list[Any]) -> None:
    assert not look([replace(frame, time=frame.time * 10) for frame in water], 300.0)


def test_picoseconds_throughout(look: Look, water: list[Any]) -> None:
    wrong = [replace(frame, time=frame.time / 1e3, velocities=frame.velocities * 1e3) for frame in water]
    (text,) = look(wrong)
    assert "this would fit: --velocity-unit A/ps and --timestep about 4" in text


def test_a_time_step_that_the_file_states_is_not_doubted_for_few_atoms(look: Look, water: list[Any]) -> None:
    """Between two frames some atoms move further than their velocities say, others less far."""
    second = replace(water[1], positions=water[0].positions + 1.12 * (water[1].positions - water[0].positions))
    wrong = [replace(frame, velocities=frame.velocities * 1e3) for frame in (water[0], second)]
    (text,) = look(wrong)
    assert "this would fit: --velocity-unit A/ps (" in text
    assert "--timestep" not in text


@pytest.mark.parametrize("timestep", [0.4, 40.0])
def test_a_wrong_timestep_of_differences(look: Look, water: list[Any], timestep: float) -> None:
    (text,) = look([replace(frame, velocities=None, time=None) for frame in water], 300.0, timestep=timestep)
    assert float(text.split("about ")[1].split()[0]) == pytest.approx(4.0, rel=0.4)  # O-H is attenuated


def test_velocities_against_their_format(water: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    atoms = [
        ase.Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True, velocities=frame.velocities)
        for frame in water
    ]
    ase.io.write(tmp_path / "a.traj", atoms)
    check_first_frames(Trajectory(tmp_path / "a.traj", timestep=4.0), None)
    assert "this would fit: velocities in A/fs, although the format says otherwise (" in caplog.text


def test_drift(look: Look, water: list[Any]) -> None:
    """The thermal speed of the whole, √(3 k_B T/M), is 1.1e-3 Å/fs at 300 K and 576 u."""
    for speed, told in ((0.0, False), (1e-3, False), (0.02, True)):
        drift = np.array([speed, 0.0, 0.0])
        drifting = [
            replace(frame, velocities=frame.velocities + drift, positions=frame.positions + drift * frame.time)
            for frame in water
        ]
        texts = look(drifting)
        assert [("drifts at 0.02 Å/fs" in text) for text in texts] == [True] * told


@pytest.mark.parametrize(("name", "size"), [("nm", 0.1), ("Bohr", 1 / BOHR), ("pm", 100.0), ("", BOHR), ("", 1e-10)])
def test_positions_in_another_unit(look: Look, water: list[Any], name: str, size: float) -> None:
    """As where the cell comes from elsewhere, and with the cell converted too."""
    said = f"look like {name}" if name else "not in Å"
    wrong = [replace(frame, positions=frame.positions * size) for frame in water]
    if size < 1:
        with pytest.raises(TrajectoryError, match=rf"a\.xyz, frame 0: .*{said}"):
            look(wrong)
    wrong = [replace(frame, cell=frame.cell * size) for frame in wrong]
    if size < 0.2:
        with pytest.raises(TrajectoryError, match=r"a\.xyz, frame 0: .* g/cm³, denser than any matter; .*--cell"):
            look(wrong)
    elif size > 1:
        assert said in look(wrong)[-1]


def test_a_cell_in_nm(look: Look, water: list[Any]) -> None:
    with pytest.raises(TrajectoryError, match="g/cm³"):
        look(water, cell=water[0].cell / 10)


def frame_of(atoms: ase.Atoms) -> Frame:
    return Frame(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)


@pytest.mark.parametrize("wide", [1.0, 3.0])
def test_nothing_is_odd_about_molecules(wide: float) -> None:
    """All of ASE's g2 set, from H2 to CH3SiH3, alone in a box."""
    for name in g2.names:
        atoms = g2[name]
        if len(atoms) > 1:
            atoms.center(vacuum=3.0 * wide)
            check_density(name, frame_of(atoms), atoms.get_masses())
            assert check_distances(name, frame_of(atoms)), name


@pytest.mark.parametrize("symbol", ["Li", "Na", "Cs", "Mg", "Al", "Fe", "Cu", "W", "Os", "Au", "Pb", "Si", "C", "Ar"])
def test_nothing_is_odd_about_solids(symbol: str) -> None:
    atoms = bulk(symbol) * (3, 3, 3)
    atoms.rattle(0.1, seed=1)
    check_density(symbol, frame_of(atoms), atoms.get_masses())
    assert check_distances(symbol, frame_of(atoms))


def test_nothing_is_odd_about_salts_slabs_and_ions(water: list[Any]) -> None:
    for atoms in (bulk("NaCl", "rocksalt", a=5.64), bulk("LiF", "rocksalt", a=4.03), bulk("CsI", "rocksalt", a=7.7)):
        assert check_distances("salt", frame_of(atoms * (3, 3, 3)))
    slab = replace(water[0], cell=water[0].cell @ np.diag([1, 1, 4]))
    assert check_distances("slab", slab)
    assert check_distances("one ion", replace(water[0], numbers=water[0].numbers[:1], positions=np.zeros((1, 3))))


def test_volumes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    report_volumes([957.0 * np.ones(10) * (1 + 1e-7 * np.arange(10))])
    assert not caplog.records
    report_volumes([np.array([99.0, 100.0, 101.0])])
    report_volumes([np.array([90.0, 100.0, 110.0])])
    small, large = caplog.records
    assert (small.levelno, large.levelno) == (logging.INFO, logging.WARNING)
    assert "varies by 2 %, 99 to 101 Å³; spectra use its mean" in small.getMessage()
    assert "--frames" in large.getMessage()


@pytest.mark.parametrize("seed", range(20))
def test_the_volume_of_a_small_cell_fluctuates(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """By 4 %, with a memory of 200 frames, as 32 molecules of water do: 25 % from the least to the largest."""
    random, volumes = np.random.default_rng(seed), np.empty(4000)
    volumes[0] = now = 0.0
    for k in range(1, 4000):
        volumes[k] = now = now * np.exp(-1 / 200) + np.sqrt(1 - np.exp(-2 / 200)) * random.normal()
    volumes = 957.0 * (1 + 0.04 * volumes)
    with caplog.at_level(logging.INFO):
        report_volumes([volumes])
        report_volumes([volumes, 1.1 * volumes])  # two pressures
        assert {record.levelno for record in caplog.records} == {logging.INFO}
        report_volumes([volumes * np.linspace(1.0, 1.4, 4000)])
    assert caplog.records[-1].levelno == logging.WARNING
    assert "it drifts by 3" in caplog.text or "it drifts by 4" in caplog.text or "it drifts by 2" in caplog.text


def test_few_atoms_are_hot_or_cold_by_chance() -> None:
    """The temperature of one molecule in one frame, χ² of six degrees of freedom, 300 times; and that of 96 atoms."""
    random = np.random.default_rng(0)
    for _ in range(300):
        assert is_likely(300.0 * random.chisquare(6) / 6, 300.0, degrees=6)
        assert is_likely(300.0 * random.chisquare(3) / 3, None, degrees=3)
    assert not is_likely(300.0 * 2.5, 300.0, degrees=285)
    assert not is_likely(300.0 / 2.5, 300.0, degrees=285)
    low, high = chance(6)
    found = random.chisquare(6, size=1_000_000) / 6
    assert np.mean(found > high) == pytest.approx(3.2e-5, abs=2.5e-5)
    assert np.mean(found < low) == pytest.approx(3.2e-5, abs=2.5e-5)


def test_a_cell_that_is_empty_in_part_is_said(water: list[Any], look: Look, caplog: pytest.LogCaptureFixture) -> None:
    """A slab, a cluster in a box, and the liquid, in which nothing is empty."""
    side = water[0].cell[0, 0]
    assert empty_lengths(water[0]) == {}
    slab = [replace(frame, cell=np.diag([side, side, side + 30])) for frame in water]
    (width,) = empty_lengths(slab[0]).values()
    wrapped = water[0].positions[:, 2] % (side + 30)
    gaps = np.diff(np.sort(np.append(wrapped, wrapped.min() + side + 30)))
    assert width == pytest.approx(gaps.max())
    assert not look(slab, 300.0)
    assert f"{width:.3g} Å of z hold no atoms; n·α and the density refer to the whole cell, --per area-z" in caplog.text
    box = [replace(frame, cell=40 * np.eye(3), positions=frame.positions % side) for frame in water]
    assert list(empty_lengths(box[0])) == [0, 1, 2]
    look(box)
    assert "--per molecule to what is in it" in caplog.text
