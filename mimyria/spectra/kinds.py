"""The kinds of spectra, and the rates that each needs."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mimyria.choices import OF_FACES
from mimyria.errors import ConfigError
from mimyria.spectra.depth import depth_resolved
from mimyria.spectra.hyper_raman import hyper_raman
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sfg import sum_frequency
from mimyria.spectra.spectrum import Spectrum
from mimyria.spectra.vdos import vibrational_density
from mimyria.targets import APT, HGT, PGT, TARGETS

KINDS: dict[str, Callable[..., Spectrum]] = {
    "ir": infrared,
    "raman": raman,
    "vdos": vibrational_density,
    "sfg": sum_frequency,
    "depth": depth_resolved,
    "hyper_raman": hyper_raman,
}
"""By name: a function of series with the rates of ``NEEDS``, of the conditions, and of the sampling."""

NEEDS: dict[str, tuple[str, ...]] = {
    "ir": (APT.name,),
    "raman": (PGT.name,),
    "vdos": (),
    "sfg": (APT.name, PGT.name),
    "depth": (APT.name, PGT.name),
    "hyper_raman": (HGT.name,),
}
"""Names of the targets whose rates a kind needs."""


def select_kinds(kinds: Collection[str] | None, targets: Collection[str]) -> list[str]:
    """Return the kinds to make, in the order of ``KINDS``; raise ConfigError for an unknown one, or a missing target.

    Parameters
    ----------
    kinds
        Those asked for; None for all that the targets allow, except ``OF_FACES``.
    targets
        Names of the targets whose rates are available.
    """
    if kinds is None:
        return [kind for kind in KINDS if kind not in OF_FACES and set(NEEDS[kind]) <= set(targets)]
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(f"--kinds takes {', '.join(KINDS)}, not {kind!r}")
        missing = [TARGETS[name].flag for name in NEEDS[kind] if name not in targets]
        if missing:
            raise ConfigError(
                f"--kinds {kind} needs {' and '.join(missing)}: a model file or `frames`, given with the trajectory"
            )
    return [kind for kind in KINDS if kind in kinds]
