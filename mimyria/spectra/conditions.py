"""`Conditions`: what a spectrum depends on beside the trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mimyria.settings import Experiment


@dataclass(frozen=True)
class Conditions:
    """Conditions of the sample and of the experiment."""

    temperature: float
    """K."""
    laser: float | None = None
    """Wavelength of the Raman laser, nm; None for no Stokes intensities."""
    correction: str = Experiment.correction
    """Name in ``CORRECTIONS``."""
    epsilon_infinity: float | None = None
    """Permittivity far above the vibrations, 1.78 for water; None for no refractive index."""
    porto: tuple[str, ...] = ()
    """Geometries of Raman scattering by an oriented sample, see `porto.polarisations`."""
    atr: tuple[float, ...] | None = None
    """Angle of incidence (°) and index of the crystal of attenuated total reflection; None for none."""
    film: tuple[float, ...] | None = None
    """Thickness (µm) and, if not 1, index of the windows of a film; None for none."""
    reflection: float | None = None
    """Angle of incidence (°) on a free surface; None for none."""
    directions: str | None = None
    """Special axis of an oriented sample, ``x``, ``y`` or ``z``; None for no n·α by direction."""
    layer: tuple[float, ...] | None = None
    """Thickness (Å) and, if any, angle of incidence (°) of a layer across that axis; None for none."""
    local_field: float | None = None
    """Refractive index of the medium, for the local field of Raman cross sections; None for none."""
    pair_radii: tuple[float, ...] | None = None
    """Å, ascending, by which intermolecular terms are split; None for no split."""
    pair_cutoff: float | None = None
    """Of the pairs of molecules that sum frequency counts, Å; None for all."""
    depth_step: float = Experiment.depth_step
    """Thickness of layers, Å."""
    depth_from: str = Experiment.depth_from
    """Name in ``DEPTHS``."""
    light: Mapping[str, str] = field(default_factory=dict)
    """Of a sum-frequency experiment, see `read_light`; empty for none."""
    per: str = Experiment.per
    """What n·α refers to, besides the volume of the cell; see `settings`."""

    @classmethod
    def of(cls, settings: Experiment, temperature: float) -> Conditions:
        """Return the conditions that settings ask for, at a temperature in K."""
        names = set(cls.__dataclass_fields__) - {"temperature", "laser"}
        given = {name: getattr(settings, name) for name in names}
        return cls(temperature, settings.stokes_laser, **given)
