"""Series made up on the spot, of ensembles whose spectra are known."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import constants
from scipy.signal import lfilter

from conftest import moving_charges
from mimyria.elements import masses_of
from mimyria.frame import Frame
from mimyria.memory import Identity
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import window_lags
from mimyria.spectra.conditions import Conditions
from mimyria.trajectory.freedom import Freedom
from mimyria.units import (
    BOLTZMANN,
    CONDUCTIVITY,
    LIGHT_SPEED,
    MASS_VELOCITY_SQUARED,
    VACUUM_PERMITTIVITY,
    infrared_prefactor,
)

TEMPERATURE = 300.0
VOLUME = 1000.0
SETTINGS = Identity({"groups": ["species"]})
WARM = Conditions(TEMPERATURE)


def made_series(rates: dict[str, np.ndarray], timestep: float = 1.0, **changes: object) -> ResponseSeries:
    """A series of given total rates, in a cell of 1000 Å³."""
    frames = len(next(iter(rates.values())))
    series = ResponseSeries(
        groups=("all",),
        timestep=timestep,
        rates={name: value[:, None] for name, value in rates.items()},
        volume=np.full(frames, VOLUME),
        temperature=np.full(frames, TEMPERATURE),
        velocity_species=("H",),
        velocity_correlation=np.ones((1, window_lags(20.0, timestep))),
        differenced=0.0,
        n_atoms=3,
    )
    return replace(series, **changes)  # type: ignore[arg-type]


def noise(frames: int, components: int, position: float, width: float, timestep: float, seed: int = 0) -> np.ndarray:
    """Coordinates of damped oscillators driven at random: ⟨x²⟩ = 1, line at ``position``, FWHM ``width`` (cm⁻¹).

    Exact discrete steps of d²x/dt² = -ω0² x - 2γ dx/dt + noise, as two coupled Ornstein-Uhlenbeck variables.
    """
    gamma, omega = np.pi * LIGHT_SPEED * width, 2 * np.pi * LIGHT_SPEED * position
    rng = np.random.default_rng(seed)
    step = np.exp((-gamma + 1j * omega) * timestep)  # z = x + iy turns and decays: ⟨z(0)* z(t)⟩ = 2 e^{-γt} e^{iωt}
    kicks = rng.normal(size=(frames, 2, components))
    kicks[1:] *= np.sqrt(1 - abs(step) ** 2)
    return lfilter([1], [1, -step], kicks[:, 0] + 1j * kicks[:, 1], axis=0).real


def series_of(frames: Iterable[Frame], folder: Path, again: Iterable[Frame] = ()) -> ResponseSeries:
    """The series of frames of `moving_charges`, by species; those of ``again`` were gone through before."""
    return response_series(
        iter(again),
        frames,
        targets=("apt",),
        grouping=Grouping.by_species(moving_charges(1, 1.0)[0][0].numbers),
        timestep=1.0,
        lags=30,
        store=PartStore(folder, SETTINGS),
    )


def free_charges(folder: Path, n_frames: int = 800, timestep: float = 4.0) -> tuple[ResponseSeries, float]:
    """The series of charges in free flight and what ∫ nα dν (cm⁻²) must be."""
    frames, charges = moving_charges(n_frames, timestep)
    numbers, velocities = frames[0].numbers, frames[0].velocities
    series = response_series(
        iter(()),
        frames,
        targets=("apt",),
        grouping=Grouping.by_species(numbers),
        timestep=timestep,
        lags=window_lags(20.0, timestep),
        store=PartStore(folder, SETTINGS),
    )
    # ∫ nα dω = π/(6 ε0 c V k_B T) ⟨|dM/dt|²⟩, in SI; with dω = 2πc dν
    moment = constants.e * constants.angstrom / constants.femto * (charges @ velocities)
    volume = frames[0].volume * constants.angstrom**3
    integral = np.pi * (moment @ moment) / (6 * constants.epsilon_0 * constants.c * volume * constants.k * TEMPERATURE)
    return series, integral / (2 * np.pi * constants.c) * 1e-4


WATERS = np.array([8, 1, 1] * 20)


def thermal_series(
    folder: Path, hydrogen: float = 1.0, n_frames: int = 200, *, power: float = 0.0, freedom: Freedom | None = None
) -> ResponseSeries:
    """Velocities drawn anew in each frame at 300 K, those of H scaled, all times m^power; APT of ±1."""
    rng, masses = np.random.default_rng(0), masses_of(WATERS)
    width = np.sqrt(BOLTZMANN * TEMPERATURE / (masses * MASS_VELOCITY_SQUARED))
    width *= np.where(WATERS == 1, hydrogen, 1.0) * masses**power
    tensors = {"apt": np.where(WATERS == 1, 1.0, -2.0)[:, None, None] * np.eye(3)}
    still = Frame(WATERS, np.zeros((60, 3)), 10 * np.eye(3), np.ones(3, dtype=bool), tensors=tensors)
    return response_series(
        iter(()),
        (replace(still, velocities=width[:, None] * rng.normal(size=(60, 3))) for _ in range(n_frames)),
        targets=("apt",),
        grouping=Grouping.by_species(WATERS),
        timestep=4.0,
        lags=50,
        store=PartStore(folder, Identity()),
        freedom=freedom,
    )


def debye_current(
    frames: int, timestep: float, strength: float, time: float, *, conduction: float = 0.0, seed: int = 0
) -> np.ndarray:
    """dM/dt (frames, 3) of a dipole that relaxes by Debye's law, and of ions beside it, with σ(ω) in S/m as its power.

    M is an Ornstein-Uhlenbeck process of variance ε0 Δε/6 in each component, so that 3 · 2 ⟨M²⟩/τ = ε0 Δε/τ.
    """
    rng, step = np.random.default_rng(seed), np.exp(-timestep / time)
    variance = VACUUM_PERMITTIVITY * strength / 6
    kicks = np.sqrt(variance * (1 - step**2)) * rng.normal(size=(frames, 3))
    start = np.sqrt(variance) * rng.normal(size=(1, 3))
    dipole = lfilter([1.0], [1.0, -step], np.concatenate([start, kicks]), axis=0)
    ions = np.sqrt(conduction / 3 / timestep) * rng.normal(size=(frames, 3))
    return np.diff(dipole, axis=0) / timestep + ions


def conducting_series(current: np.ndarray, timestep: float, **changes: object) -> ResponseSeries:
    """The series whose σ is the power of a current, at 300 K in 1000 Å³."""
    factor = CONDUCTIVITY * infrared_prefactor(VOLUME, TEMPERATURE)
    return made_series({"apt": current / np.sqrt(factor)}, timestep, **changes)
