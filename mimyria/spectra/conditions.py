"""`Conditions`: what a spectrum depends on beside the trajectory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Conditions:
    """Conditions of the sample and of the experiment.

    Parameters
    ----------
    temperature
        K.
    laser
        Wavelength of the Raman laser, nm; None for no Stokes intensities.
    correction
        Name in ``CORRECTIONS``.
    epsilon_infinity
        Permittivity far above the vibrations, 1.78 for water; None for no refractive index.
    """

    temperature: float
    laser: float | None = None
    correction: str = "harmonic"
    epsilon_infinity: float | None = None
