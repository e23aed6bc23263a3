"""Constraints are seen where there are some, and nowhere else; temperatures follow."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polarizable
import pytest
from rigid import rigid_run, rounded, swinging_run

from conftest import DATA
from mimyria.elements import frame_masses
from mimyria.errors import ConfigError
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.pipeline import make_spectra
from mimyria.spectra.spectrum import Spectra
from mimyria.trajectory import Trajectory
from mimyria.trajectory.constraints import FRAMES, find_freedom, first_frames, near_pairs, rigid_parts
from mimyria.trajectory.kinetics import kinetic_temperature


def temperature_of(frame: Frame, **asked: Any) -> float:
    freedom = find_freedom([frame], **asked)
    masses = frame_masses(frame)
    return float(
        kinetic_temperature(freedom.without_drift(np.asarray(frame.velocities), masses), masses, freedom.total)
    )


@pytest.mark.parametrize(("name", "left"), [("N2", 5), ("H2O", 6), ("CO2", 5), ("CH4", 6), ("C6H6", 6), ("HCl", 5)])
@pytest.mark.parametrize("quantum", [0.0, 1e-5, 1e-3])
def test_rigid_molecules(name: str, left: int, quantum: float) -> None:
    run = rigid_run(name, 20, 32, 4.0)
    frames = rounded(run, quantum) if quantum else run
    freedom = find_freedom(frames)
    assert freedom.total == pytest.approx(20 * left - 3, abs=1e-4)
    masses = frame_masses(run[0])
    assert kinetic_temperature(np.asarray(run[5].velocities), masses, freedom.total) == pytest.approx(300.0, rel=1e-4)
    assert "in each of 20 " in freedom.words


def test_rigid_water_in_the_precision_of_xtc() -> None:
    """0.01 Å: the scatter of a distance is 0.004 Å, a sixth of that of an O-H bond."""
    freedom = find_freedom(rounded(rigid_run("H2O", 30, 32, 4.0), 0.01))
    assert freedom.words == "177 = 3·90 - 90 by constraints (3 in each of 30 H2O) - 3 of the centre of mass"
    assert not find_freedom(rounded(polarizable.run(30, 32, 4.0), 0.01)).reasons


@pytest.mark.parametrize("quantum", [0.0, 1e-4, 1e-3, 0.01])
@pytest.mark.parametrize(("n_frames", "timestep"), [(2, 0.5), (3, 0.5), (8, 0.5), (32, 0.1), (32, 0.5), (32, 4.0)])
def test_flexible_water_is_not_constrained(quantum: float, n_frames: int, timestep: float) -> None:
    run = polarizable.run(20, n_frames, timestep)
    freedom = find_freedom(rounded(run, quantum) if quantum else run)
    assert freedom.reasons == ()
    assert freedom.total == pytest.approx(3 * 60 - 3)


def test_the_sample_is_not_constrained() -> None:
    frames = list(islice(read_frames(DATA / "water32.extxyz.xz"), FRAMES))
    for quantum in (0.0, 1e-3, 1e-2):
        assert not find_freedom(rounded(frames, quantum) if quantum else frames).reasons


def test_cold_and_flexible_is_not_constrained() -> None:
    """A hundredth of the amplitudes, as at 0.03 K."""
    run = polarizable.run(20, 32, 1.0)
    mean = np.mean([frame.positions for frame in run], axis=0)
    assert not find_freedom([replace(f, positions=mean + 0.01 * (f.positions - mean)) for f in run]).reasons


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n_frames", "timestep"), [(16, 0.5), (32, 0.5), (32, 4.0)])
def test_one_bond_in_a_flexible_molecule(seed: int, n_frames: int, timestep: float) -> None:
    assert not find_freedom(swinging_run("CH3CH2OH", n_frames, timestep, seed=seed)).reasons
    freedom = find_freedom(swinging_run("CH3CH2OH", n_frames, timestep, seed=seed, bond=(0, 1)))
    assert freedom.reasons == ("1 in C2H6O",)
    assert freedom.total == pytest.approx(27 - 3 - 1, abs=1e-6)
    assert freedom.of_atoms[[0, 1]].sum() < freedom.of_atoms[[2, 3]].sum() + 3


def test_half_of_the_atoms_fixed() -> None:
    """The others alone have a temperature, and no drift is taken from them."""
    run = polarizable.run(20, 32, 1.0)
    held = np.arange(60) < 30
    frames = [
        replace(
            frame,
            positions=np.where(held[:, None], run[0].positions, frame.positions),
            velocities=np.where(held[:, None], 0.0, np.asarray(frame.velocities)),
        )
        for frame in run
    ]
    freedom = find_freedom(frames)
    assert not freedom.drifts
    assert freedom.total == pytest.approx(90)
    assert freedom.words == "90 = 3·60 - 90 by constraints (30 atoms do not move)"
    np.testing.assert_array_equal(freedom.of_atoms == 0, held)


def test_no_atom_is_fixed_because_little_time_has_passed() -> None:
    for quantum in (1e-4, 1e-3, 1e-2):
        assert not find_freedom(rounded(polarizable.run(20, 3, 0.1), quantum)).reasons


def test_molecules_across_the_boundary_of_a_cell_that_breathes() -> None:
    """NPT: the cell of each frame, atoms wrapped into it."""
    frames = [
        replace(f, positions=(f.positions + 0.002 * k) % (f.cell[0, 0] + 0.01 * k), cell=f.cell + 0.01 * k * np.eye(3))
        for k, f in enumerate(rigid_run("H2O", 27, 32, 2.0, wrapped=False))
    ]
    assert find_freedom(frames).total == pytest.approx(27 * 6 - 3, abs=1e-4)


def test_rigid_molecules_among_flexible_ones() -> None:
    solute, solvent = swinging_run("CH3CH2OH", 32, 2.0), rigid_run("H2O", 8, 32, 2.0, wrapped=False)
    frames = [
        Frame(
            np.concatenate([a.numbers, b.numbers]),
            np.concatenate([a.positions, b.positions + 20.0]),
            60 * np.eye(3),
            a.periodic,
            np.concatenate([np.asarray(a.velocities), np.asarray(b.velocities)]),
        )
        for a, b in zip(solute, solvent, strict=True)
    ]
    freedom = find_freedom(frames)
    assert freedom.total == pytest.approx(27 + 48 - 3, abs=1e-4)
    assert freedom.words == "72 = 3·33 - 24 by constraints (3 in each of 8 H2O) - 3 of the centre of mass"


def test_what_is_stated() -> None:
    frames = rigid_run("CH3OH", 10, 2)
    assert find_freedom(frames, "none").total == pytest.approx(177)
    assert find_freedom(frames, "h-bonds").total == pytest.approx(177 - 40)
    assert find_freedom(frames, "rigid").total == pytest.approx(57, abs=1e-4)
    stated = find_freedom(frames, 120)
    assert stated.total == pytest.approx(57)
    assert not stated.known
    assert stated.words == "57 = 3·60 - 120 by constraints (as stated) - 3 of the centre of mass"
    water = rigid_run("H2O", 10, 2)
    assert find_freedom(water, "h-bonds").total == find_freedom(water, "rigid").total == pytest.approx(57, abs=1e-4)
    assert temperature_of(water[0], asked="rigid") == pytest.approx(300, rel=1e-4)
    with pytest.raises(ConfigError, match="--constraints 177 leaves no motion: 60 atoms have 177 degrees of freedom"):
        find_freedom(frames, 177)
    argon = [replace(f, numbers=np.full(20, 18)) for f in rigid_run("N2", 10, 2)]
    with pytest.raises(ConfigError, match="no bond that this could fix"):
        find_freedom(argon, "rigid")


@pytest.mark.parametrize("seed", range(20))
def test_pairs_across_a_bond_or_two(seed: int) -> None:
    """As the square of the matrix of the bonds has them."""
    random = np.random.default_rng(seed)
    k = int(random.integers(2, 20))
    bonded = np.triu(random.random((k, k)) < 0.2, 1)
    both = (bonded | bonded.T).astype(int)
    expected = np.argwhere(np.triu(both + both @ both, 1))
    np.testing.assert_array_equal(near_pairs(np.argwhere(bonded), k), expected)


def test_rigid_parts_cover_each_constant_distance() -> None:
    pairs = np.array([[0, 1], [0, 2], [1, 2], [2, 3], [4, 5], [1, 3]])
    found = [set(part.tolist()) for part in rigid_parts(pairs)]
    assert found == [{0, 1, 2}, {1, 2, 3}, {4, 5}]


def test_only_the_beginning_of_a_trajectory_is_read(tmp_path: Path) -> None:
    run = rigid_run("H2O", 8, 40)
    write_frames(tmp_path / "a.xyz", run)
    trajectory = Trajectory(tmp_path / "a.xyz")
    frames = first_frames(trajectory)
    assert [frame.time for frame in frames] == [frame.time for frame in run[:FRAMES]]
    text = (tmp_path / "a.xyz").read_text().splitlines(keepends=True)
    (tmp_path / "b.xyz").write_text("".join(text[: 26 * 10 + 7]))
    assert len(first_frames(Trajectory(tmp_path / "b.xyz"))) == 10


CHARGES = {"HCl": [0.2, -0.2], "H2O": [-0.8, 0.4, 0.4]}


def with_charges(frames: list[Frame], name: str) -> list[Frame]:
    """Return frames with the tensors of point charges."""
    charges = np.tile(CHARGES[name], len(frames[0]) // len(CHARGES[name]))
    return [replace(frame, tensors={"apt": charges[:, None, None] * np.eye(3)}) for frame in frames]


def spectra_of(frames: list[Frame], folder: Path, **settings: Any) -> tuple[Spectra, float]:
    """Return the spectra along frames, and the temperature that they used."""
    write_frames(folder / "md.extxyz", frames)
    spectra = make_spectra(folder / "md.extxyz", folder / "out", apt="frames", **settings)
    return spectra, float(spectra["vdos"].header["temperature"].split()[0])


@pytest.mark.parametrize(("name", "degrees"), [("HCl", 5 * 20 - 3), ("H2O", 6 * 20 - 3)])
def test_spectra_of_rigid_molecules(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, degrees: int) -> None:
    """T, n·α and the number of modes are those of the degrees of freedom; a count of 3N - 3 makes n·α 1.2 and 1.5 fold.

    ∫ n·α dν = 1/(6 ε0 c V k_B T) · <|dM/dt|²>/(2c), and |dM/dt|² does not depend on the count.
    """
    frames = with_charges(rigid_run(name, 20, 200, 4.0), name)
    with caplog.at_level(logging.INFO, "mimyria"):
        spectra, temperature = spectra_of(frames, tmp_path)
    assert temperature == pytest.approx(300.0, abs=0.01)
    told = [record.getMessage() for record in caplog.records if "by constraints" in record.getMessage()]
    count = f"degrees of freedom: {degrees} = 3·{len(frames[0])} - "
    assert len(told) == 1
    assert count in told[0]
    assert spectra["ir"].header["degrees of freedom"] == told[0].split("degrees of freedom: ")[1]
    assert all(
        one.header["degrees of freedom"] == spectra["ir"].header["degrees of freedom"] for one in spectra.values()
    )
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]
    # The speed of each molecule is constant, and its mode too.
    vdos = np.trapezoid(spectra["vdos"].columns["vdos"], spectra["vdos"].wavenumber)
    assert vdos == pytest.approx(degrees, rel=1e-3)
    as_flexible, colder = spectra_of(frames, tmp_path, constraints="none")
    more = 3 * len(frames[0]) - 3
    assert colder == pytest.approx(300 * degrees / more, abs=0.01)
    ratio = as_flexible["ir"].values()[1:-1] / spectra["ir"].values()[1:-1]
    np.testing.assert_allclose(ratio, more / degrees, rtol=1e-4)
    stated, same = spectra_of(frames, tmp_path, constraints=more - degrees)
    assert same == pytest.approx(300.0, abs=0.01)
    np.testing.assert_allclose(stated["ir"].values(), spectra["ir"].values(), rtol=1e-4)
    assert stated["ir"].header["degrees of freedom"].endswith("by constraints (as stated) - 3 of the centre of mass")


def test_spectra_of_half_fixed_atoms(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Argon of two kinds: the free half has 300 K, and the fixed one, with velocities of its own in the file, none."""
    free = rigid_run("HCl", 20, 60, 4.0)
    held = np.arange(80) >= 40
    random = np.random.default_rng(0)
    frames = [
        Frame(
            np.concatenate([frame.numbers, np.full(40, 18)]),
            np.concatenate([frame.positions, free[0].positions + 9.0]),
            40 * np.eye(3),
            frame.periodic,
            np.concatenate([np.asarray(frame.velocities), random.normal(0, 0.01, size=(40, 3))]),
            frame.time,
            {"apt": np.where(held, 0.3, -0.3)[:, None, None] * np.eye(3)},
        )
        for frame in rigid_run("HCl", 20, 60, 4.0, wrapped=False)
    ]
    with caplog.at_level(logging.INFO, "mimyria"):
        spectra, temperature = spectra_of(frames, tmp_path)
    assert "100 = 3·80 - 140 by constraints (1 in each of 20 HCl, 40 atoms do not move)" in caplog.text
    assert "equipartition: " not in caplog.text
    assert temperature == pytest.approx(300 * 97 / 100, abs=0.01)  # the run takes three for its centre of mass
    assert not spectra["ir"].contributions()["Ar", "Ar"].any()


def test_the_count_comes_back_from_the_series(tmp_path: Path) -> None:
    spectra, temperature = spectra_of(with_charges(rigid_run("H2O", 20, 200, 4.0), "H2O"), tmp_path)
    again = make_spectra(tmp_path / "out" / "series.h5", tmp_path / "again")
    assert again["vdos"].header["temperature"] == f"{temperature:.2f} K"
    assert again["ir"].header["degrees of freedom"] == spectra["ir"].header["degrees of freedom"]
    np.testing.assert_array_equal(again["ir"].values(), spectra["ir"].values())
    with pytest.raises(ConfigError, match="--constraints cannot change the time derivatives"):
        make_spectra(tmp_path / "out" / "series.h5", tmp_path / "again", constraints="none")


@pytest.mark.parametrize("wrong", ["some", -3, 1.5, "", True])
def test_other_words_are_refused(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="--constraints takes auto, none, h-bonds, rigid or the number"):
        spectra_of(with_charges(rigid_run("HCl", 2, 10), "HCl"), tmp_path, constraints=wrong)
