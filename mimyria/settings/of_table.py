"""The settings of the commands on finished spectra: `compare`, `bands`, `optics`."""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass
from typing import ClassVar

from mimyria.choices import ANGLE, ATR, FILM, WORD, Range
from mimyria.declare import Settings, setting
from mimyria.values import Choice, Many, Number

FACTOR = Number(above=0, takes="a number above 0", metavar="FACTOR")
INDEX = Number(minimum=1, maximum=6, takes="the refractive index of the sample where it does not absorb", metavar="N")


@dataclass(frozen=True, kw_only=True)
class Column(Settings):
    """Which curve of a table is meant."""

    column: str | None = setting(WORD, "Name of the intensity; by default the first, of a run the usual ones.", "use")


@dataclass(frozen=True, kw_only=True)
class Scaled(Column):
    """What a curve is multiplied with."""

    scale: float = setting(FACTOR, "What the second, or the measured one, is multiplied with.", "use", 1.0)


@dataclass(frozen=True, kw_only=True)
class CompareSettings(Scaled):
    """Settings of `compare`."""

    panel: ClassVar[str] = "Spectra"
    range: tuple[float, float] = setting(Range(), "Lowest and highest wavenumber, cm⁻¹.", "use", (0.0, math.inf))
    per: str | None = setting(
        WORD, "Of two folders: scale the second to the number of these molecules in the first, such as H2O.", "use"
    )


@dataclass(frozen=True, kw_only=True)
class BandsSettings(Column):
    """Settings of `bands`."""

    panel: ClassVar[str] = "Spectra"
    range: tuple[tuple[float, float], ...] = setting(
        Many(of=Range()), 'Range of a band, cm⁻¹: "3000 3800"; repeatable, by default those that are found.', "use", ()
    )


@dataclass(frozen=True, kw_only=True)
class OpticsSettings(Scaled):
    """Settings of `optics`."""

    panel: ClassVar[str] = "How it was measured"
    index: float = setting(INDEX, "Refractive index of the sample where it does not absorb.", "use", MISSING)
    at: float | None = setting(
        Number(metavar="CM⁻¹"), "Where that is, cm⁻¹; by default at the highest wavenumber.", "use"
    )
    atr: tuple[float, ...] | None = setting(ATR, 'Angle (°) and index of an ATR crystal, "45 2.4".', "use")
    reflection: float | None = setting(ANGLE, "Angle (°) at which a surface reflected.", "use")
    film: tuple[float, ...] | None = setting(FILM, "Thickness (µm), and index of the windows, of a film.", "use")
    light: str | None = setting(
        Choice(names=("s", "p")), "Polarisation of the light; by default it is unpolarised.", "use"
    )
