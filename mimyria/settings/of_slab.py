"""The settings of spectra of slabs: near pairs, layers of depth, and the light of a sum-frequency experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mimyria.choices import DEPTHS, LASER, LIGHT, WORD, positive
from mimyria.declare import Settings, setting
from mimyria.errors import ConfigError
from mimyria.values import Choice, Number, Pairs

OWN = "own"
"""The infrared index that is made from the run's own dM/dt."""
MODELS = ("inside", "lorentz", "external")
"""Of the index n' of the interface: n, Lorentz's of half a sphere, and 1."""


@dataclass(frozen=True)
class Light:
    """The beams of a sum-frequency experiment, in air or vacuum, and the indices of what they meet."""

    visible: float
    infrared: float
    """Angles of incidence, °; of opposite signs where the beams come from opposite sides."""
    wavelength: float
    """Of the visible, nm."""
    index: float
    """Of the liquid, for the visible and the sum frequency."""
    infrared_index: float | str | Path
    """Of the liquid in the infrared: a number, `OWN`, or a file with columns n and kappa."""
    interface: float | str
    infrared_interface: float | str
    """n' for visible and sum frequency, and in the infrared: a number or a name in `MODELS`."""


def read_light(given: Mapping[str, str]) -> Light:
    """Return the light that ``NAME=VALUE`` describe; raise ConfigError for what is missing or cannot be."""

    def number(name: str, low: float, high: float, takes: str, default: float | None = None) -> float:
        if name not in given and default is not None:
            return default
        try:
            value = float(given[name])
        except KeyError:
            raise ConfigError(f"--light {name} is missing: it takes {takes}") from None
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise ConfigError(f"--light {name} takes {takes}, not {given[name]!r}")
        return value

    def is_number(text: str) -> bool:
        try:
            float(text)
        except ValueError:
            return False
        return True

    def interface(name: str, default: float | str) -> float | str:
        if given.get(name, default) in MODELS:
            return given.get(name, default)
        takes = f"an index of 1 to 6, or {', '.join(MODELS)}"
        return number(name, 1, 6, takes, default if isinstance(default, float) else None)

    angle = "an angle of incidence between -89 and 89 (°)"
    index = number("index", 1, 6, "the refractive index of the liquid, 1 to 6 (1.33 for water)")
    text = given.get("infrared_index", f"{index:g}")
    in_infrared: float | str | Path = Path(text)
    if text == OWN:
        in_infrared = OWN
    elif is_number(text):
        in_infrared = number("infrared_index", 0.05, 10, "an index of 0.05 to 10, own, or a file", index)
    of_visible = interface("interface", MODELS[0])
    return Light(
        visible=number("visible", -89, 89, angle),
        infrared=number("infrared", -89, 89, angle),
        wavelength=number("wavelength", 200, 3000, "the wavelength of the visible, 200 to 3000 nm", LASER),
        index=index,
        infrared_index=in_infrared,
        interface=of_visible,
        infrared_interface=interface("infrared_interface", of_visible),
    )


@dataclass(frozen=True, kw_only=True)
class Slab(Settings):
    """How the spectra of a slab are made, of --kinds sfg and depth."""

    panel: ClassVar[str] = "Slabs"
    pair_cutoff: float | None = setting(
        Number(minimum=0, metavar="ANGSTROM"),
        "Of sum frequency, only pairs of molecules this near (centres of mass); 0: each with itself.",
        "use",
        of=("sfg", "depth"),
    )
    depth_step: float = setting(
        positive("ANGSTROM"), "Thickness of the layers of --kinds depth.", "use", 1.0, of=("depth",)
    )
    depth_from: str = setting(
        Choice(names=DEPTHS),
        "Where depth is measured from, Gibbs surface or middle of the slab.",
        "use",
        "surface",
        of=("depth",),
    )
    light: Mapping[str, str] = setting(
        Pairs(of=WORD, names=LIGHT),
        "Beams of sum frequency, repeatable: adds χ_eff of ssp, sps, pss, ppp with Fresnel factors. Angles (°) "
        "visible= and infrared=, and index= of the liquid, are needed; wavelength= (nm), infrared_index=, interface= "
        "and infrared_interface= may follow (docs/slabs.md).",
        "use",
        {},
        of=("sfg",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.light:
            read_light(self.light)
