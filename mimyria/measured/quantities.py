"""What measured spectra are given in: wavelengths become wavenumbers, and a transmittance becomes an absorbance.

A reflectance, and the absorbance of attenuated total reflection (ATR), stay what they are and are named so: neither is
an absorption of the sample before `optics` has made n and κ of it.
"""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.units import LIGHT_SPEED

ABSORBANCE, REFLECTANCE, ATR = "absorbance", "reflectance", "atr_absorbance"
REFLECTED = r"reflect(?:ance|ivity|ion)\b|reflexion|%\s*R\b|\bR\s*[(\[/]?\s*%"
TOTALLY_REFLECTED = r"\bATR\b|total(?:ly)?\W+(?:internal\W+)?reflect"
LOGARITHM = r"log\w*\s*[(\[]?\s*1\s*/\s*R\b|-\s*log\w*\s*[(\[]?\s*R\b"
ABSCISSAE: dict[str, tuple[str, float]] = {
    r"1\s*/\s*cm|cm\s*\^?\s*[-−–]\s*1|cm⁻¹|wave\s*number|wellenzahl|kayser": ("wavenumber", 1.0),
    r"\bnm\b|nanomet": ("wavelength", 1e7),
    r"[µμ]m\b|\bum\b|micromet|micron": ("wavelength", 1e4),
    r"\bTHz\b|terahertz": ("wavenumber", 1e-3 / LIGHT_SPEED),
    r"raman\W*shift": ("wavenumber", 1.0),
}
"""How a unit is written (in any case), what it is of, and its factor: ν̃ = factor·x, or factor/x for a wavelength."""
READ_OVER = "read over"
"""Name of the header entry that keeps what a file says its abscissa is over, before it became a wavenumber."""
OTHER_ABSCISSAE = r"\bm?eV\b|\b[kMG]?Hz\b|\bppm\b|wave\s*length|wellenl|hertz|\bm/z\b|seconds|arbitrary"
OTHER_ABSCISSAE += r"|longueurs?\s*d.onde|longitud\s*de\s*onda|lunghezza\s*d.onda"
TRANSMITTANCE = r"transmi(?:tt|ss)|durchl(?:ä|ae)ss|%\s*T\b|\bT\s*[(\[/]?\s*%"
ABSORPTANCE = r"absorptance|absorption\s*[(\[]\s*%|%\s*absorption"
"""The share of light that is absorbed, 1 - T."""
PERCENT = r"%|per\s*cent|prozent"
MOST_FRACTION = 1.5
"""A transmittance above it is in percent; noise and baselines exceed 1 by less."""


def abscissa_of(unit: str) -> tuple[str, float] | None:
    """Return what an abscissa of a unit, or title, is of and its factor, as in `ABSCISSAE`; None if it names none."""
    return next((found for written, found in ABSCISSAE.items() if re.search(written, unit, re.IGNORECASE)), None)


def in_wavenumbers(abscissa: Array, unit: str, place: str, *, stated: bool = True) -> Array:
    """Return an abscissa in cm⁻¹.

    Parameters
    ----------
    abscissa
        Shape (n,).
    unit
        As a file states it, or the title of a column.
    place
        The file, for messages.
    stated
        Whether ``unit`` must be one that is known; else what names no other quantity is taken as cm⁻¹.

    Raises
    ------
    SpectrumError
        If the unit is another one, or a wavelength is not positive.
    """
    quantity, factor = abscissa_of(unit) or ("", 1.0)
    if not quantity and (stated or re.search(OTHER_ABSCISSAE, unit, re.IGNORECASE)):
        raise SpectrumError(f"{place}: over {unit!r}; spectra are read over cm⁻¹, nm, µm or THz: convert it first")
    if quantity != "wavelength":
        return abscissa * factor
    if not (abscissa > 0).all():
        raise SpectrumError(f"{place}: a wavelength of {abscissa.min():g} {unit}")
    return factor / abscissa


def is_transmittance(unit: str) -> bool:
    """Return whether the unit of an ordinate, or the title of a column, says transmittance."""
    return re.search(TRANSMITTANCE, unit, re.IGNORECASE) is not None


def quantity_of(unit: str, procedure: str = "") -> str:
    """Return which quantity a unit, with what else is said of how it was measured, is of: empty for what is as it is.

    One of ``transmittance``, ``reflectance``, ``atr_absorbance``, and ``atr`` for a reflectance of ATR.
    """
    says = partial(re.search, flags=re.IGNORECASE)
    if says(TOTALLY_REFLECTED, f"{unit} {procedure}"):
        of_light = is_transmittance(unit) or (says(REFLECTED, re.sub(TOTALLY_REFLECTED, "", unit, flags=re.IGNORECASE)))
        return "atr" if of_light else ATR
    if is_transmittance(unit):
        return "transmittance"
    return REFLECTANCE if says(LOGARITHM, unit) or says(REFLECTED, unit) else ""


def read_ordinates(values: Array, unit: str, place: str, procedure: str = "") -> tuple[Array, str, str]:
    """Return ordinates as they are kept, the name of their quantity, empty for the file's own, and what was done."""
    quantity = quantity_of(unit, procedure)
    if not quantity and re.search(ABSORPTANCE, unit, re.IGNORECASE):
        percent = re.search(PERCENT, unit, re.IGNORECASE) or np.nanmax(values, initial=-np.inf) > MOST_FRACTION
        whole = 100.0 if percent else 1.0
        transmitted, said = absorbance(1 - values / whole, "", place)
        return transmitted, ABSORBANCE, said.replace("transmittance", "absorptance").replace("log10 T", "log10(1 - α)")
    if quantity == REFLECTANCE and re.search(LOGARITHM, unit, re.IGNORECASE):
        return 10.0**-values, REFLECTANCE, "log(1/R) is read as reflectance"
    if quantity == REFLECTANCE and np.nanmax(values, initial=-np.inf) > MOST_FRACTION:
        return values / 100, REFLECTANCE, "reflectance in percent is read as a fraction"
    if quantity in ("", ATR, REFLECTANCE):
        return values, quantity, ""
    values, said = absorbance(values, unit, place)
    return values, ATR if quantity == "atr" else ABSORBANCE, said


def absorbance(transmittance: Array, unit: str, place: str) -> tuple[Array, str]:
    """Return A = -log10 T, and in words what was done; NaN where nothing comes through (T ≤ 0).

    Raises
    ------
    SpectrumError
        If the unit says percent, but the numbers are those of a fraction.
    """
    highest = np.nanmax(transmittance, initial=-np.inf)
    percent = highest > MOST_FRACTION
    if not percent and re.search(PERCENT, unit, re.IGNORECASE):
        raise SpectrumError(
            f"{place}: {unit!r} says percent, but the largest value is {highest:g}, as of a fraction; correct either"
        )
    fraction = transmittance / (100 if percent else 1)
    opaque = fraction <= 0  # not what is missing
    values = -np.log10(np.where(opaque, np.nan, fraction))
    said = f"transmittance {'in percent ' if percent else ''}is read as absorbance, -log10 T"
    return values, said + (f"; {opaque.sum()} of {len(values)} points with T ≤ 0 have none" if opaque.any() else "")
