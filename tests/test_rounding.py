"""Rounding of positions: its size is seen, its noise is known, and the density of states is that of exact positions."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from rigid import rounded

from mimyria.checks.consistency import describe_rounding, facts_of, report_rounding
from mimyria.elements import frame_masses
from mimyria.errors import TrajectoryError
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.memory import Identity
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.contraction import Contraction
from mimyria.rates.groups import Grouping
from mimyria.rates.response import _Pass, response_series
from mimyria.rates.series import ResponseSeries, read_series, write_series
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum
from mimyria.spectra.vdos import vibrational_density
from mimyria.trajectory import Trajectory
from mimyria.trajectory.differences import central_differences
from mimyria.trajectory.freedom import unconstrained
from mimyria.trajectory.rounding import difference_noise, quantum_of
from mimyria.trajectory.sanity import check_first_frames
from mimyria.units import BOHR, BOLTZMANN, LIGHT_SPEED, MASS_VELOCITY_SQUARED

RANDOM = np.random.default_rng(2)
POSITIONS = RANDOM.uniform(-40, 40, size=(30, 3))


def still(positions: np.ndarray) -> Frame:
    return Frame(np.full(len(positions), 8), positions, 100 * np.eye(3), np.ones(3, dtype=bool))


@pytest.mark.parametrize("quantum", [0.1, 0.01, 1e-3, 1e-4, 0.01 * BOHR, 1e-3 * BOHR])
def test_the_quantum_is_seen(quantum: float) -> None:
    frames = rounded([still(POSITIONS), still(POSITIONS + 0.123)], quantum)
    assert quantum_of(frames) == pytest.approx(quantum)


@pytest.mark.parametrize("precision", [0.01, 1e-3])
def test_the_quantum_of_a_file_in_single_precision_and_nm(precision: float) -> None:
    """As GROMACS stores: nm with three or four decimals, single precision, times ten."""
    steps = np.rint(POSITIONS / precision)
    positions = (np.float32(10) * (steps * precision / 10).astype(np.float32)).astype(float)
    assert quantum_of([still(positions)]) == pytest.approx(precision)


def test_exact_positions_have_no_quantum() -> None:
    assert quantum_of([still(POSITIONS)]) == 0
    assert quantum_of([still(POSITIONS.astype(np.float32).astype(float))]) == 0
    assert quantum_of([]) == 0
    # a lattice has few decimals at first, not later
    lattice = 2.5 * np.rint(POSITIONS / 2.5)
    assert quantum_of([still(lattice), still(lattice + 0.01 * POSITIONS)]) == 0


@pytest.mark.parametrize(("stride", "at"), [(1, 2), (2, 1), (3, None), (4, None)])
def test_noise_of_differences(stride: int, at: int | None) -> None:
    """Rounding errors drawn at random, differenced, correlated."""
    quantum, interval = 0.01, 1.5
    errors = RANDOM.uniform(-quantum / 2, quantum / 2, size=(3001, 300))
    velocities = ((errors[2:] - errors[:-2]) / (2 * interval))[::stride]
    expected = difference_noise(quantum, interval, stride * interval, 6)
    assert np.flatnonzero(expected).tolist() == ([0] if at is None else [0, at])
    for lag, value in enumerate(expected):
        found = (velocities[: len(velocities) - lag] * velocities[lag:]).mean()
        assert found == pytest.approx(value, abs=0.01 * expected[0])


def oscillators(n_frames: int, timestep: float, n_atoms: int = 60) -> list[Frame]:
    """Return atoms O and H, each coordinate of which swings at five frequencies, 100 to 3000 cm⁻¹, at 300 K."""
    rng = np.random.default_rng(1)
    numbers = np.tile([8, 1, 1], n_atoms // 3)
    masses = np.where(numbers == 8, 15.999, 1.008)
    omega = 2 * np.pi * LIGHT_SPEED * rng.uniform(100, 3000, size=(5, n_atoms, 3))
    phase = rng.uniform(0, 2 * np.pi, size=omega.shape)
    width = np.sqrt(2 * BOLTZMANN * 300 / (5 * masses * MASS_VELOCITY_SQUARED))[:, None] / omega
    places = np.stack(np.meshgrid(*[4.0 * np.arange(4)] * 3), axis=-1).reshape(-1, 3)[:n_atoms]
    cell, periodic = 16 * np.eye(3), np.ones(3, dtype=bool)
    tensor = {"apt": np.where(numbers == 8, -0.8, 0.4)[:, None, None] * np.eye(3)}
    return [
        Frame(numbers, places + (width * np.cos(omega * t + phase)).sum(axis=0), cell, periodic, time=t, tensors=tensor)
        for t in timestep * np.arange(n_frames)
    ]


def series_from(frames: list[Frame], folder: Path, stride: int = 1, quantum: float | None = None) -> ResponseSeries:
    def stored(indices: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        return ((index, frames[index]) for index in takewhile(lambda index: index < len(frames), indices))

    interval = float(frames[1].time or 0)
    return response_series(
        iter(()),
        (frame for _, frame in central_differences(stored, 0, None, stride, interval)),
        targets=("apt",),
        grouping=Grouping.by_species(frames[0].numbers),
        timestep=stride * interval,
        lags=200,
        store=PartStore(folder, Identity()),
        differenced=interval,
        quantum=quantum_of(frames) if quantum is None else quantum,
    )


def density(series: ResponseSeries) -> Spectrum:
    return vibrational_density([series], Conditions(300.0), choose_sampling([series], 60.0, None))


@pytest.fixture(scope="module")
def exact() -> list[Frame]:
    return oscillators(1500, 2.0)


def test_the_density_of_states_is_that_of_exact_positions(exact: list[Frame], tmp_path: Path) -> None:
    reference = density(series_from(exact, tmp_path / "a"))
    series = series_from(rounded(exact, 0.01), tmp_path / "b")
    mended, noisy = density(series), density(series_from(rounded(exact, 0.01), tmp_path / "c", quantum=0.0))
    for name, mass in (("O", 15.999), ("H", 1.008)):
        column = f"vdos[{name}]"
        level = reference.columns[column].mean()
        off = (noisy.columns[column] - reference.columns[column]) / level
        left = (mended.columns[column] - reference.columns[column]) / level
        # 2c/(k_B T) · Σ m · a²/12 · ω² δt, what noise there is in each spectrum once the attenuation is divided out
        number, omega = (20 if name == "O" else 40), 2 * np.pi * LIGHT_SPEED * reference.wavenumber
        predicted = 2 * LIGHT_SPEED * 3 * number * mass * MASS_VELOCITY_SQUARED / (BOLTZMANN * 300.0)
        predicted = predicted * 0.01**2 / 12 * omega**2 * 2.0 / level
        fast = reference.wavenumber > 1500
        assert off[fast].mean() == pytest.approx(predicted[fast].mean(), rel=0.1)
        assert abs(left[fast].mean()) < 0.1 * off[fast].mean()


def test_the_shares_are_told(exact: list[Frame], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    series = series_from(rounded(exact, 0.01), tmp_path / "b")
    reference = series_from(exact, tmp_path / "a")
    powers = [np.square(np.asarray(run.rates["apt"][:]).sum(axis=1)).sum(axis=1).mean() for run in (reference, series)]
    # one total dipole: its power varies by chance by much more than the noise, which is the difference of two runs
    difference = np.asarray(series.rates["apt"][:]).sum(axis=1) - np.asarray(reference.rates["apt"][:]).sum(axis=1)
    assert series.rounding["apt"] == pytest.approx(np.square(difference).sum(axis=1).mean() / powers[1], rel=0.1)
    before, after = reference.velocity_correlation[:, 0], series.velocity_correlation[:, 0]
    np.testing.assert_allclose(after, before, rtol=0.01)
    for k, name in enumerate(("O", "H")):
        noise = series.rounding[name]
        assert after[k] / before[k] == pytest.approx(1, abs=0.1 * noise)
    words = describe_rounding([series])
    assert words.startswith("positions are rounded to 0.01 Å, which is noise in their differences: ")
    assert facts_of([series])["rounding"] == words
    assert "rounding" not in facts_of([reference])
    caplog.clear()
    with caplog.at_level(logging.INFO, "mimyria"):
        report_rounding([reference])
        report_rounding([series])
        report_rounding([replace(series, rounding=series.rounding | {"apt": 0.2})])
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    write_series(tmp_path / "series.h5", [series])
    (again,) = read_series(tmp_path / "series.h5")
    assert again.rounding == series.rounding
    assert again.quantum == series.quantum


def test_nothing_is_subtracted_from_stored_velocities(tmp_path: Path) -> None:
    frames = rounded(oscillators(20, 2.0), 0.01)
    moving = [replace(frame, velocities=0.01 * np.ones((60, 3))) for frame in frames]
    kept = response_series(
        iter(()),
        iter(moving),
        targets=("apt",),
        grouping=Grouping.by_species(moving[0].numbers),
        timestep=2.0,
        lags=5,
        store=PartStore(tmp_path / "parts", Identity()),
        quantum=0.01,
    )
    assert kept.rounding == {}


def test_mostly_rounding_is_refused(tmp_path: Path) -> None:
    for interval, refused in ((2.0, False), (0.25, True)):
        write_frames(tmp_path / "a.xyz", rounded(oscillators(40, interval), 0.01))
        trajectory = Trajectory(tmp_path / "a.xyz").segments()[0]
        if refused:
            with pytest.raises(TrajectoryError, match=r"a\.xyz: its positions are rounded to 0\.01 Å, and \d+ % of"):
                check_first_frames(trajectory, 300.0)
        else:
            check_first_frames(trajectory, 300.0)


def test_the_noise_of_motions_takes_the_memory_of_a_frame() -> None:
    """However many random signs are drawn: the parts of one box are as many as groups, atoms and axes."""
    frame, groups = still(np.zeros((6000, 3))), 6
    masses, weights = frame_masses(frame), np.ones((groups, len(frame)))
    grouping = Grouping(
        tuple(map(str, range(groups))), lambda _: weights, parts=lambda _, moving: weights[:, :, None] * moving
    )
    contraction = Contraction(("apt",), grouping, masses, [np.arange(len(frame))], unconstrained(masses))
    found = _Pass(frame, contraction, 1)
    tracemalloc.start()
    noise = found.noise_of_motions(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert noise[0] == pytest.approx(found.noise_masses()[0], rel=0.01)
    assert peak < 10 * weights.nbytes * 3
