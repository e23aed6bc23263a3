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
    """

    temperature: float
    laser: float | None = None
