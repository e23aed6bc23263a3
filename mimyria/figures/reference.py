"""A measured spectrum, or anybody's, laid over ours: ``[KIND=]FILE[,scale=X][,column=NAME][,label=TEXT]``."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mimyria.errors import ConfigError, SpectrumError
from mimyria.figures.panels import OURS, Curve, Panel
from mimyria.memory import require_distinct
from mimyria.spectra.compare import similarity, warn_if_unlike
from mimyria.spectra.kinds import KINDS
from mimyria.spectra.optics import optics
from mimyria.spectra.spectrum import read_spectrum

log = logging.getLogger("mimyria")

FEW = 12
"""Fewer values are points, such as band maxima, and not a curve."""
COLORS = ("#000000", "#8a8a8a", "#8c6d31")
OPTICAL = ("ir.n", "ir.κ", "ir.ATR", "ir.film", "ir.reflectance")
"""Curves that are there only where the refractive index is known."""
OF_INSTRUMENT = ("atr", "reflection", "film", "light", "index")
OPTIONS = ("scale", "column", "label", *OF_INSTRUMENT)
OF_SAMPLE = {"": "n_alpha_cm-1", "total": "n_alpha_cm-1", "n": "n", "κ": "kappa"}
"""Columns of `optics` by the curve that they are laid over."""
AS_SHOWN = {"reflectance": "reflectance", "atr_absorbance": "ATR"}


@dataclass(frozen=True)
class Reference:
    """A spectrum from elsewhere."""

    kind: str
    """Of our spectrum."""
    against: str
    """Label of the curve it is compared with; empty for the first."""
    curve: Curve
    """In the unit of our text file of that kind."""
    remark: str = ""
    """What was done to it when it was read."""


def read_reference(text: str) -> Reference:
    """Return the reference that a text of the form above names.

    KIND is ``ir`` unless given; ``raman`` stands for VV, ``raman.VH`` for VH. FILE is as `read_spectrum` takes it; its
    first column after the wavenumber, or the one that is named, times ``scale`` must have the unit of our text
    file: ``scale=1000`` for n·α in 10³ cm⁻¹. No unit is guessed. With ``atr=45:2.4``,
    ``reflection=10`` or ``film=10:1.4``, and ``index=1.33:4000``, n·α, n or κ are made of it by `optics`.

    Raises
    ------
    ConfigError, SpectrumError
        If the text, or the file it names, cannot be understood.
    """
    file, *options = _words(text)
    given = dict(option.split("=", 1) for option in options)
    kind, against, path = _place(file)
    try:
        scale = float(given.get("scale", 1))
    except ValueError:
        raise ConfigError(f"--reference {text}: scale takes a number, not {given['scale']!r}") from None
    if not 0 < scale < math.inf:
        raise ConfigError(f"--reference {text}: scale takes a number above 0, not {scale:g}")
    table, name = read_spectrum(path), given.get("column")
    shown, column, factor = table, name, scale
    if any(option in given for option in OF_INSTRUMENT):
        if kind != "ir" or against not in OF_SAMPLE:
            raise ConfigError(f"--reference {text}: what an instrument shows gives ir (n·α), ir.n and ir.κ")
        shown = optics(table, **_instrument(text, given), column=name, scale=scale)
        column, factor = OF_SAMPLE[against], 1.0
    elif (told := table.measured(name)) and against != AS_SHOWN[told]:
        raise SpectrumError(
            f"{path} is {told}, and no absorption: lay it over ir.{AS_SHOWN[told]}, or say how it was measured, "
            "atr=ANGLE:INDEX or reflection=ANGLE, and the index=N of the sample, to have n·α made of it"
        )
    role, label = "points" if len(shown.wavenumber) < FEW else "reference", given.get("label", path.stem)
    curve = Curve(label, shown.wavenumber, shown.values(column), COLORS[0], shown.interval(column), role).times(factor)
    return Reference(kind, against, curve, table.remark(name))


def _instrument(text: str, given: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of `optics` that the options of a reference state; numbers are joined by colons."""
    if "index" not in given:
        raise ConfigError(f"--reference {text}: give index=N[:CM⁻¹], of the sample where it does not absorb")
    try:
        numbers = {
            name: tuple(float(word) for word in re.split(r"[:\s]+", given[name].strip()))
            for name in OF_INSTRUMENT
            if name in given and name != "light"
        }
        index, *at = numbers.pop("index")
        (reflection,) = numbers.pop("reflection", (None,))
        if len(at) > 1 or len(numbers.get("atr", (0, 0))) != 2 or len(numbers.get("film", (0,))) > 2:
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"--reference {text}: takes atr=ANGLE:INDEX, reflection=ANGLE or film=MICROMETRES[:INDEX], index=N[:CM⁻¹]"
        ) from None
    light = given.get("light", "")
    return {**numbers, "reflection": reflection, "light": light, "index": index, "at": at[0] if at else None}


def kind_of(text: str) -> str:
    """Return the kind of spectrum over which the reference that a text names is laid."""
    return _place(text)[0]


def require_kept(out: Path, references: Iterable[str]) -> None:
    """Raise ConfigError if a reference is one of the spectra that are written into a folder: it would be lost."""
    files = [_place(_words(text)[0])[2] for text in references]
    for kind in KINDS:
        require_distinct(out / f"{kind}.csv", files, "a --reference, and would be written over")


def _words(text: str) -> list[str]:
    """Return the file of a reference, with its kind, and the options."""
    return re.split(rf",(?=(?:{'|'.join(OPTIONS)})=)", text)


def _place(text: str) -> tuple[str, str, Path]:
    """Return the kind, the curve and the file of ``[KIND[.CURVE]=]FILE``."""
    named = re.fullmatch(rf"({'|'.join(KINDS)})(?:\.([^=]*))?=(.*)", text, re.DOTALL)
    return (named[1], named[2] or "", Path(named[3])) if named else ("ir", "", Path(text))


def lay_over(panels: Sequence[Panel], references: Sequence[Reference]) -> tuple[list[Panel], list[str]]:
    """Return the panels with the references in them, and a line about the similarity of each.

    Where the scale is arbitrary, a reference is given the maximum that our curve has in the common range.

    Raises
    ------
    SpectrumError
        If there is nothing to compare a reference with.
    """
    panels, notes = list(panels), []
    for reference in references:
        place, ours = _partner(panels, reference)
        panel, name = panels[place], reference.curve.label
        if reference.remark:
            log.info(f"{name}: {reference.remark}")
        others = sum(curve.role not in OURS for curve in panel.curves)
        theirs = replace(reference.curve.times(1 / panel.scale), color=COLORS[others % len(COLORS)])
        low = max(ours.wavenumber[0], theirs.wavenumber[0])
        high = min(ours.wavenumber[-1], theirs.wavenumber[-1])
        if panel.arbitrary:
            tops = [curve.between(low, high).highest() for curve in (ours, theirs)]
            if not min(tops) > 0:
                raise SpectrumError(f"{name}: nothing to scale by between {low:g} and {high:g} cm⁻¹")
            theirs = replace(theirs.times(tops[0] / tops[1]), label=f"{name}, scaled to max. {ours.label}")
        panels[place] = replace(panel, curves=(*panel.curves, theirs))
        if theirs.role == "reference":
            pair = [(curve.wavenumber, curve.values, curve.error) for curve in (ours, theirs)]
            result = similarity(pair[0], pair[1])
            notes.append(
                f"{name}: similarity {result.similarity:.3f} with {panel.title} ({ours.label}) "
                f"from {result.low:.0f} to {result.high:.0f} cm⁻¹"
            )
            log.info(notes[-1])
            warn_if_unlike(result, " `scale=1000` after the file multiplies")
    return panels, notes


def _partner(panels: Sequence[Panel], reference: Reference) -> tuple[int, Curve]:
    """Return the place of a panel, and the curve in it, that a reference is compared with."""
    ours = [
        (place, curve)
        for place, panel in enumerate(panels)
        for curve in panel.curves
        if panel.kind == reference.kind and curve.role in OURS
    ]
    for place, curve in ours:
        if reference.against in ("", curve.label):
            return place, curve
    known = ", ".join(curve.label for _, curve in ours) or "no such spectrum"
    wanted = f"{reference.kind}.{reference.against}" if reference.against else reference.kind
    remedy = "; it needs --epsilon-infinity" if wanted in OPTICAL else ""
    raise SpectrumError(f"{reference.curve.label}: cannot be laid over {wanted}{remedy}; there is {known}")
