"""Series made up on the spot, of ensembles whose spectra are known."""

from dataclasses import replace

import numpy as np

from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import window_lags
from mimyria.spectra.conditions import Conditions
from mimyria.units import LIGHT_SPEED

TEMPERATURE = 300.0
WARM = Conditions(TEMPERATURE)


def made_series(rates: dict[str, np.ndarray], timestep: float = 1.0, **changes: object) -> ResponseSeries:
    """A series of given total rates, in a cell of 1000 Å³."""
    frames = len(next(iter(rates.values())))
    series = ResponseSeries(
        groups=("all",),
        timestep=timestep,
        rates={name: value[:, None] for name, value in rates.items()},
        volume=np.full(frames, 1000.0),
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
    z = np.empty((frames, components), dtype=complex)
    z[0] = rng.normal(size=components) + 1j * rng.normal(size=components)
    kick = np.sqrt(1 - abs(step) ** 2)
    for k in range(1, frames):
        z[k] = step * z[k - 1] + kick * (rng.normal(size=components) + 1j * rng.normal(size=components))
    return z.real
