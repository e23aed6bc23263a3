"""The settings of spectra of slabs: near pairs, layers of depth, and the light of a sum-frequency experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mimyria.choices import DEPTHS, positive
from mimyria.declare import Choice, Number, Settings, setting


@dataclass(frozen=True, kw_only=True)
class Slab(Settings):
    """How the spectra of a slab are made, of --kinds sfg and depth."""

    panel: ClassVar[str] = "Slabs"
    pair_cutoff: float | None = setting(
        Number(minimum=0, metavar="ANGSTROM"),
        "Of sum frequency, only pairs of molecules this near (centres of mass); 0: each with itself.",
        "use",
    )
    layer: float = setting(positive("ANGSTROM"), "Thickness of the layers of --kinds depth.", "use", 1.0)
    depth_from: str = setting(
        Choice(names=DEPTHS), "Where depth is measured from, Gibbs surface or middle of the slab.", "use", "surface"
    )
