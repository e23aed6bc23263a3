"""`Conditions`: what a spectrum depends on beside the trajectory."""

from __future__ import annotations

from dataclasses import dataclass

from mimyria.settings import Experiment


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
    porto
        Geometries of Raman scattering by an oriented sample, see `porto.polarisations`.
    """

    temperature: float
    laser: float | None = None
    correction: str = Experiment.correction
    epsilon_infinity: float | None = None
    porto: tuple[str, ...] = ()
