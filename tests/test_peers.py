"""The same trajectory through other programs: dielectric loss by MAICoS, density of states by tidynamics and by scipy.

Programs that are not installed (``pip install 'mimyria[peers]'``) are skipped by name.
"""

import MDAnalysis
import numpy as np
import pytest
from scipy import signal

from mimyria.elements import masses_of
from mimyria.frame import Frame
from mimyria.memory import Identity
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import window_lags
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.vdos import vibrational_density
from mimyria.units import BOLTZMANN, LIGHT_SPEED, MASS_VELOCITY_SQUARED

NUMBERS = np.array([11, 11, 17, 17] * 3)
CHARGES = np.array([0.8, 0.8, -0.8, -0.8] * 3)
LENGTH, TIMESTEP, FRAMES, TEMPERATURE, RESOLUTION = 15.0, 4.0, 8000, 300.0, 5.0
POSITION, WIDTH = 900.0, 120.0
"""cm⁻¹, of every ion's oscillation."""


@pytest.fixture(scope="module")
def motion() -> tuple[np.ndarray, np.ndarray]:
    """Positions (Å) and velocities (Å/fs) of ions on springs in a heat bath, shape (t, n, 3).

    dx = v dt, dv = -ω0² x dt - 2γ v dt + noise, in exact steps: (x, v) is multiplied with e^{Mδt} and gets what the
    equilibrium covariance C loses by that, C - e^{Mδt} C e^{Mδt}ᵀ. Ions lie in pairs about the centre of the cell, so
    that the mean dipole is zero: a constant would leak over the whole of the other programs' spectra.
    """
    omega, gamma = 2 * np.pi * LIGHT_SPEED * POSITION, np.pi * LIGHT_SPEED * WIDTH
    values, vectors = np.linalg.eig(np.array([[0.0, 1.0], [-(omega**2), -2 * gamma]]))
    step = (vectors * np.exp(values * TIMESTEP) @ np.linalg.inv(vectors)).real
    thermal = BOLTZMANN * TEMPERATURE / (masses_of(NUMBERS) * MASS_VELOCITY_SQUARED)
    covariance = np.diag([omega**-2, 1.0])
    kick = np.linalg.cholesky(covariance - step @ covariance @ step.T)
    rng, at = np.random.default_rng(0), np.empty((FRAMES, 2, 3 * len(NUMBERS)))
    at[0] = np.linalg.cholesky(covariance) @ rng.normal(size=at.shape[1:])
    for k in range(1, FRAMES):
        at[k] = step @ at[k - 1] + kick @ rng.normal(size=at.shape[1:])
    scaled = at.reshape(FRAMES, 2, -1, 3) * np.sqrt(thermal)[:, None]
    sites = rng.uniform(-LENGTH / 2, LENGTH / 2, size=(len(NUMBERS) // 2, 1, 3)) * [[1.0], [-1.0]]
    return sites.reshape(-1, 3) + scaled[:, 0], scaled[:, 1]


@pytest.fixture(scope="module")
def series(motion: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> ResponseSeries:
    """What our pass makes of it, with the APT q·1."""
    tensors = {"apt": CHARGES[:, None, None] * np.eye(3)}
    cell, periodic = LENGTH * np.eye(3), np.ones(3, dtype=bool)
    return response_series(
        iter(()),
        (
            Frame(NUMBERS, *both, time=TIMESTEP * k, tensors=tensors)
            for k, both in enumerate(zip(motion[0], [cell] * FRAMES, [periodic] * FRAMES, motion[1], strict=True))
        ),
        targets=("apt",),
        grouping=Grouping.by_species(NUMBERS),
        timestep=TIMESTEP,
        lags=window_lags(RESOLUTION, TIMESTEP),
        store=PartStore(tmp_path_factory.mktemp("pass"), Identity()),
    )


def smoothed(wavenumber: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Averages with Gaussian weights, 60 cm⁻¹ wide (FWHM), at places across the line.

    The other programs cut the correlation off nowhere, ours at the reach of a window of 5 cm⁻¹: both are far finer.
    """
    places = POSITION + np.arange(-180.0, 181.0, 60.0)
    weights = np.exp2(-(((wavenumber - places[:, None]) / 30.0) ** 2))
    return weights @ values / weights.sum(axis=1)


def test_dielectric_loss_is_that_of_maicos(motion: tuple[np.ndarray, np.ndarray], series: ResponseSeries) -> None:
    maicos = pytest.importorskip("maicos", reason="MAICoS is not installed")
    universe = MDAnalysis.Universe.empty(len(NUMBERS), trajectory=True)
    universe.add_TopologyAttr("charges", CHARGES)
    universe.add_TopologyAttr("masses", masses_of(NUMBERS))
    universe.load_new(motion[0].astype(np.float32), dt=TIMESTEP / 1000, dimensions=[LENGTH] * 3 + [90] * 3)
    theirs = maicos.DielectricSpectrum(
        universe.atoms, unwrap=False, pack=False, temperature=TEMPERATURE, segs=1, nobin=True
    ).run()
    wavenumber = theirs.results.nu / 1000 / LIGHT_SPEED  # THz are 1/ps
    ours = infrared([series], Conditions(TEMPERATURE), choose_sampling([series], RESOLUTION, None))
    resolved = np.isfinite(ours.columns["epsilon_imag"])
    # theirs counts a pair τ apart with 1 - τ/T: up to 1 % where 60 cm⁻¹ are resolved
    np.testing.assert_allclose(
        smoothed(ours.wavenumber[resolved], ours.columns["epsilon_imag"][resolved]),
        smoothed(wavenumber, theirs.results.susc.imag),
        rtol=0.02,
    )


def without_mean(velocities: np.ndarray) -> np.ndarray:
    """The velocities relative to the centre of mass."""
    masses = masses_of(NUMBERS)
    return velocities - np.average(velocities, axis=1, weights=masses)[:, None]


def test_velocity_correlation_is_that_of_tidynamics(
    motion: tuple[np.ndarray, np.ndarray], series: ResponseSeries
) -> None:
    tidynamics = pytest.importorskip("tidynamics", reason="tidynamics is not installed")
    velocities = without_mean(motion[1])
    for symbol, correlation in zip((11, 17), series.velocity_correlation, strict=True):
        theirs = sum(
            mass * tidynamics.acf(velocities[:, atom])[: len(correlation)]
            for atom, mass in enumerate(masses_of(NUMBERS))
            if NUMBERS[atom] == symbol
        )
        # our pass keeps velocities in single precision
        np.testing.assert_allclose(correlation, theirs, atol=1e-6 * theirs[0])


def test_density_of_states_is_the_periodogram_of_scipy(
    motion: tuple[np.ndarray, np.ndarray], series: ResponseSeries
) -> None:
    frequency, power = signal.periodogram(without_mean(motion[1]), 1 / TIMESTEP, detrend=False, axis=0)
    per_kt = LIGHT_SPEED * MASS_VELOCITY_SQUARED / (BOLTZMANN * TEMPERATURE)  # power is of both signs of the frequency
    theirs = per_kt * np.einsum("n,fnx->f", masses_of(NUMBERS), power)
    ours = vibrational_density([series], Conditions(TEMPERATURE), choose_sampling([series], RESOLUTION, None))
    np.testing.assert_allclose(
        smoothed(ours.wavenumber, ours.columns["vdos"]), smoothed(frequency / LIGHT_SPEED, theirs), rtol=0.02
    )
