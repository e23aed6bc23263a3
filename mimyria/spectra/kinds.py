"""The kinds of spectra there are, and the rates that each needs."""

from __future__ import annotations

from collections.abc import Callable

from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.spectrum import Spectrum
from mimyria.spectra.vdos import vibrational_density
from mimyria.targets import APT, PGT

KINDS: dict[str, Callable[..., Spectrum]] = {"ir": infrared, "raman": raman, "vdos": vibrational_density}
"""Functions of the series, the conditions, and the sampling."""

NEEDS: dict[str, tuple[str, ...]] = {"ir": (APT.name,), "raman": (PGT.name,), "vdos": ()}
"""Names of the targets whose rates a kind needs."""
