"""`Level`: the level of theory of a label, which its header states as data, and how two levels compare, in words.

    functional=PBE basis=DZVP-GTH cutoff="280/40 Ry" xc_grid=NN50/NN50_SMOOTH program="CP2K 2023.1" diffuse=F

beside ``epsilon_infinity``, which belongs to the configuration. A header that states nothing is of an unknown level.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from mimyria.errors import ConfigError
from mimyria.frame import Frame
from mimyria.units import BOHR

PLANE_WAVES = "plane waves"
"""The basis of programs that have no other."""
_WITH_DIFFUSE = re.compile(r"aug|\+|diffuse|sadlej|lpol|^ma(?=def2)|^(jul|jun|may|apr)(?=cc)|^def2\w+pd$|^waves$")
_WITHOUT_DIFFUSE = re.compile(
    r"^def2(svp|sv\(p\)|tzvpp?|qzvpp?)$|^ccpw?c?v(\w|\(\w\))?z$|^sto\dg|^(321|431|6311?)g|^minao$|^pcseg\d$"
    r"|^[sdtq]zv(\d?p)?x?gth(?!.*molopt)|^gth[sdtq]zv(\d?p)?$"
)
"""Names of basis sets in small letters, without hyphens and the tight functions of ``(d+d)``; what neither knows, such
as MOLOPT, is not judged."""
_OLD_ENGINE = re.compile(
    r"(?P<program>CP2K \S+) (?P<functional>\S+) (?P<basis>\S+) (?P<cutoff>\S+/\S+ Ry)( XC_GRID (?P<xc_grid>\S+))? EPS_"
    r"|(?P<program_>PySCF \S+) (?P<functional_>\S+) (?P<basis_>\S+)$|(?P<program__>tblite \S+) (?P<functional__>\S+)$"
)
"""``engine`` as labels of earlier versions state it, that had nothing else."""


@dataclass(frozen=True)
class Level:
    """What a label was computed with; empty where that is not known. The version is not compared."""

    program: str = ""
    functional: str = ""
    basis: str = ""
    """One name, or each element with its own: ``H DZVP-GTH, O TZV2P-GTH``."""
    cutoff: str = ""
    """Of plane waves, with its unit."""
    xc_grid: str = ""
    """Smoothing, or fineness, of the grid on which the functional is integrated."""
    version: str = field(default="", compare=False)

    def __str__(self) -> str:
        name = "/".join(part for part in (self.functional, self.basis) if part)
        details = ", ".join(part for part in (self.program, self.cutoff, self.xc_grid) if part)
        return f"{name} ({details})" if name and details else name or details or "unknown"

    @property
    def diffuse(self) -> bool | None:
        """Whether the basis has diffuse functions, as polarizabilities need; None where its name does not tell."""
        each = [_has_diffuse(one.split()[-1]) for one in self.basis.split(", ") if one.strip()] or [None]
        return False if False in each else None if None in each else True

    @property
    def header(self) -> dict[str, Any]:
        """What the header of a label states of it."""
        stated = {each.name: getattr(self, each.name) for each in fields(self) if each.compare}
        stated["program"] = f"{self.program} {self.version}".strip()
        known = {name: value for name, value in stated.items() if value}
        return known if self.diffuse is None else known | {"diffuse": self.diffuse}


UNKNOWN = Level()
KEY_OF_EPSILON = "epsilon_infinity"
KEYS = ("functional", "basis", "cutoff", "xc_grid", "program", "diffuse", KEY_OF_EPSILON)
"""What headers state of a level, and of ε∞."""


def _has_diffuse(name: str) -> bool | None:
    plain = re.sub(r"[-_ ]|\+d(?=\))", "", name.lower())
    return True if _WITH_DIFFUSE.search(plain) else False if _WITHOUT_DIFFUSE.search(plain) else None


def level_of(header: Mapping[str, Any]) -> Level:
    """Return the level that the header of a frame states, `UNKNOWN` where it states none."""
    stated = {name: str(header[name]) for name in ("functional", "basis", "cutoff", "xc_grid") if name in header}
    if not stated:
        engine = str(header.get("engine", ""))
        if match := _OLD_ENGINE.match(engine):
            stated = {name.strip("_"): value for name, value in match.groupdict().items() if value}
        else:  # a sentence of its own is all that can be said, and compared
            return Level(program=engine)
        if stated["program"].startswith("PySCF"):
            stated["functional"] = stated["functional"].upper()
    program, _, version = str(stated.pop("program", header.get("program", ""))).partition(" ")
    return Level(program=program, version=version, **stated)


def from_stated(stated: Mapping[str, Any]) -> Level:
    """Return a level from what a model file holds of it."""
    return Level(**{each.name: str(stated.get(each.name, "")) for each in fields(Level)})


def different(levels: Iterable[Level]) -> list[Level]:
    """Return each level once, in the order in which they come."""
    return list(dict.fromkeys(levels))


def in_words(levels: Iterable[Level]) -> str:
    """Return levels in words."""
    return " and ".join(map(str, levels))


def find_level(levels: Sequence[Level], name: str, origin: str) -> int:
    """Return which level of a model a text means: the one whose words it is, that it names, or whose words contain it.

    Raises
    ------
    ConfigError
        If it means none or several; ``origin`` says of what.
    """
    wanted, words = name.lower(), [str(level).lower() for level in levels]
    whole = [number for number, each in enumerate(words) if wanted == each]
    named = [number for number, level in enumerate(levels) if wanted in _names(level)]
    found = whole or named or [number for number, each in enumerate(words) if wanted in each]
    if len(found) != 1:
        means = "several levels of theory" if found else "no level of theory"
        raise ConfigError(f"--level {name} means {means} of {origin}, which has {in_words(levels)}")
    return found[0]


def _names(level: Level) -> tuple[str, ...]:
    names = (f"{level.functional}/{level.basis}", level.functional, level.basis, level.program)
    return tuple(name.lower() for name in names)


def without_diffuse(where: str) -> str:
    """Return what a basis without diffuse functions does to tensors of the second order and higher."""
    return (
        f"{where}: the basis, or that of some elements, has no diffuse functions, so that polarizabilities and their "
        "gradients come out too small (liquid water with DZVP-GTH: PGT 15 % off, ε∞ 1.55 in place of 1.75; one water "
        "with def2-svp: 26 to 59 %); infrared hardly suffers; a basis with diffuse functions, such as def2-svpd or "
        "that of configs/cp2k/water-production.inp, mends it"
    )


def epsilon_infinity(frame: Frame) -> float | None:
    """Return ε∞ of a labelled cell, as its header states it, or as its polarizability means; None of a molecule.

    ε∞ = 1 + 4π Tr α / 3V for α in a0³, the response to the macroscopic field, as a field in a periodic cell is.
    """
    header = frame.info
    if isinstance(stated := header.get(KEY_OF_EPSILON), int | float) and np.isfinite(stated):
        return float(stated)
    if "field" not in header or np.size(header.get("alpha", ())) != 9 or not (frame.periodic.all() and frame.volume):
        return None
    trace = float(np.trace(np.reshape(header["alpha"], (3, 3))))
    return 1 + 4 * np.pi * trace / 3 / (frame.volume / BOHR**3)
