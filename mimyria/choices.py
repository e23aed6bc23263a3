"""What settings take: names to choose from, ranges of numbers, and the words in which a wrong value is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import Any

from mimyria.errors import ConfigError
from mimyria.values import Choice, File, Kind, Number, Numbers, Pairs, Refused

IN_FRAMES = "frames"
"""The source of tensors that are stored in the trajectory's own frames."""
NOWHERE = "none"
"""In place of a source: no such tensors."""
ORGANIC = "molecules"
"""The bundled networks for single neutral molecules, where they know every element."""
LASER = 532.0
"""nm, of the usual laser."""
PICTURES = ("png", "pdf", "svg", "html")
NO_PICTURES = "none"
LAYOUTS = (
    *("field,displacement", "displacement,field", "mimyria-field", "mimyria-displacement", "mimyria-auto"),
    *("vasp", "nequip", "mace"),
)
UNITS = ("A/fs", "A/ps", "nm/ps", "au", "ase", "bohr/fs")
WINDOWS = ("gaussian", "hann", "blackman")
NUCLEI = ("classical", "beads", "centroid", "effective")
CORRECTIONS = ("harmonic", "standard", "schofield", "none")
KINDS = ("ir", "raman", "vdos", "sfg", "depth", "hyper_raman")
OF_FACES = ("sfg", "depth")
"""Kinds that need the rates of the two faces of a slab, or of its molecules; made only on request."""
OF_VELOCITIES = ("motions", "modes")
"""Groups that are parts of the velocities, not atoms."""
DEPTHS = ("surface", "middle")
"""Where depth is measured from: the surface of the slab, inwards, or its middle, outwards."""
LIGHT = Choice(
    names=("visible", "infrared", "wavelength", "index", "infrared_index", "interface", "infrared_interface"),
    metavar="NAME=VALUE",
)
PRESETS = ("default", "small", "large", "far", "published")
ENGINES = ("cp2k", "pyscf", "tblite")
DEVICES = "auto, cpu, cuda, cuda:1 or mps"

PER = Choice(names=("cell", "molecule", "area-x", "area-y", "area-z"))
ENGINE = Choice(names=lambda: ENGINES)
DEVICE = Kind(pattern=r"auto|cpu|mps|cuda(:\d+)?", takes=DEVICES)
COUNT = Number(minimum=1, integer=True, takes="a positive whole number", metavar="N")
NATURAL = Number(minimum=0, integer=True, metavar="N")
INTEGER = Number(integer=True, metavar="N")
POSITIVE = Number(above=0)
HOW_CONSTRAINED = "auto, none, h-bonds, rigid or the number of constraints"
CONSTRAINTS = Number(
    minimum=0,
    integer=True,
    other=Kind(pattern="auto|none|h-bonds|rigid", takes=HOW_CONSTRAINED),
    takes=HOW_CONSTRAINED,
    metavar="HOW",
)
FIELD = Number(minimum=1e-5, maximum=0.02, takes="a strength in E_h/(e a0) (51.4 V/Å), 1e-3 to 1e-2 as a rule")
"""Above its maximum the Taylor series of a molecule's response fails, and an insulator breaks down."""
EPSILON = Number(
    minimum=1,
    maximum=6,
    takes="ε∞, the refractive index squared: 1 to 6 (and not the static constant, 78 for water)",
)
NO_NUMBER = r"(?!(?i:[-+.\d][-+.,\d\se_]*|[-+.]*(?:nan|inf)|true|false)$).+"
"""Where a setting takes numbers or a path: what is none of the first, however wrong. A file 20 is given as ./20."""
WORD = Kind(pattern=".+")
SOURCE = Kind(pattern=".+", metavar="FILE")
CELL_FILE = File(pattern=rf"(?![-+.,\d\s]*\s){NO_NUMBER}", takes="3, 6 or 9 numbers or a file")
"""The path of a file, which begins with no number and a space, and is none."""
SUM_RULE = Choice(names=("project", "none"))
HELP_OF_SUM_RULE = "Make the acoustic sum rule exact, or not."
HELP_OF_SOURCE = "Model file, or `frames`: tensors stored in the frames."


@dataclass(frozen=True, kw_only=True)
class Range(Kind):
    """Two wavenumbers; on the command line two words, or one where several ranges may be given."""

    takes: str = "two wavenumbers (cm⁻¹), the lower first"
    metavar: str = "LOW HIGH"

    def read(self, *texts: str) -> Any:
        text = " ".join(texts)
        try:
            return tuple(float(word) for word in re.split(r"[\s,:]+", text.strip()))
        except ValueError:
            return text

    def check(self, value: Any) -> Any:
        ends = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
        numbers = all(isinstance(end, Real) and not isinstance(end, bool) for end in ends)
        if len(ends) != 2 or not numbers or not ends[0] < ends[1]:
            shown = " ".join(map("{:g}".format, ends)) if numbers and len(ends) > 1 else value
            raise Refused(f"takes {self.takes}", shown)
        return tuple(map(float, ends))


def positive(unit: str) -> Number:
    """Return positive numbers of a unit."""
    return Number(above=0, metavar=unit)


def target_names() -> Collection[str]:
    """Return the names of the targets."""
    from mimyria.targets import TARGETS  # with numpy, which the help does without

    return TARGETS


ELEMENT = Kind(pattern=".+", takes="an element", metavar="ELEMENT")
ELEMENTS = Pairs(of=ELEMENT, metavar="NAME=ELEMENT")
MASSES = Pairs(of=positive("U"), metavar="ATOMS=U")
TARGET = Choice(names=target_names, metavar="TARGET")

ATR, FILM = Numbers(counts=(2,)), Numbers(counts=(1, 2))
ANGLE = Number(minimum=0, below=90, takes="an angle of 0 to 90°", metavar="DEGREES")
RADII = Numbers(counts=tuple(range(1, 9)), metavar="RADII")


def check_radii(radii: tuple[float, ...] | None) -> None:
    """Raise ConfigError for radii of shells (Å) that are not positive and ascending."""
    if radii and (radii[0] <= 0 or any(b <= a for a, b in pairwise(radii))):
        shown = " ".join(f"{radius:g}" for radius in radii)
        raise ConfigError(f"--pair-radii takes ascending positive radii (Å), not {shown}")


def check_instruments(
    epsilon_infinity: float | None,
    atr: tuple[float, ...] | None,
    film: tuple[float, ...] | None,
    reflection: float | None = None,
) -> None:
    """Raise ConfigError for an ATR crystal or a film that cannot be, or without the refractive index of the sample."""
    if epsilon_infinity is None and (atr or film or reflection is not None):
        raise ConfigError(
            "--atr, --reflection and --film need the refractive index: give --epsilon-infinity, 1.78 for water"
        )
    for flag, values, right, wanted in (
        (
            "--atr",
            atr,
            atr and 10 <= atr[0] < 90 and 1 <= atr[1] <= 5,
            "an angle of 10 to 90° and then an index of 1 to 5 (diamond 2.4, germanium 4.0)",
        ),
        (
            "--film",
            film,
            film and film[0] > 0 and min(film[1:], default=1) >= 1,
            "a positive thickness (µm) and an index of the windows of at least 1",
        ),
    ):
        if values and not right:
            raise ConfigError(f"{flag} takes {wanted}, not {' '.join(f'{value:g}' for value in values)}")


def check_layer(epsilon_infinity: float | None, directions: str | None, layer: tuple[float, ...] | None) -> None:
    """Raise ConfigError for a layer that cannot be, or without its normal or the permittivity in it."""
    if layer is None:
        return
    if directions is None:
        raise ConfigError("--layer needs the normal of the layer: give --directions x, y or z")
    if epsilon_infinity is None:
        raise ConfigError("--layer needs the permittivity in it: give its --epsilon-infinity, 1.78 for water")
    if not layer[0] > 0 or not 0 <= (layer[1] if len(layer) > 1 else 0) < 90:
        raise ConfigError(
            "--layer takes a positive thickness (Å) and an angle of 0 to 90° to the normal, not "
            + " ".join(f"{value:g}" for value in layer)
        )
