"""Spectra as they are given, made ready to be looked at; what cannot be told from them is refused in one line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import grey_closing, grey_opening, median_filter

from mimyria.errors import ConfigError, SpectrumError
from mimyria.frame import Array
from mimyria.identify.channels import HIGHEST, KINDS, LOWEST, SPACING, on_grid
from mimyria.measured.quantities import ABSORBANCE, ATR, READ_OVER, REFLECTANCE, abscissa_of, in_wavenumbers
from mimyria.measured.tables import MOST_MISSING
from mimyria.settings.of_identify import ABSCISSAE, IdentifySettings
from mimyria.spectra.spectrum import TABLE, Spectrum, read_spectrum

log = logging.getLogger("mimyria")

SHOWN = ("stokes_unpolarised", "reduced_unpolarised", "unpolarised")
"""Columns of our own Raman spectra; without a laser there is the reduced intensity alone."""
NAMES = {"ir": "infrared", "infrared": "infrared", "raman": "raman"}
OTHER = r"\bNMR\b|\bMASS\b|\bUV|\bVIS\b|\bNIR\b|NEAR.?INFRARED|CHROMATO|MOBILITY|\bESR\b|\bEPR\b"
OTHER += r"|EMISSION|INTERFEROGRAM"
"""JCAMP-DX data types that are no vibrational spectra."""
RAMAN, INFRARED = r"(?<![a-z])(?:ft)?raman|raman(?![a-z])", r"infrared|\bIR\b|FTIR"
"""How a data type, a title or a name says a kind; tetramantane says none."""
LONGEST_WAVELENGTH = 50.0
"""µm; what ends below as a number is no range of wavenumbers."""
WAVELENGTHS = 1900.0, 7000.0
"""What begins above the first and ends above the second is over nm."""
LEAST_RANGE = 600.0
"""cm⁻¹ that must be measured between `LOWEST` and `HIGHEST`."""
COARSEST = 35.0
"""cm⁻¹ between points."""
BROAD = 300.0
"""cm⁻¹; what is wider is background."""
LEAST_BANDS = 0.05
"""Of the range of the values: the highest band over its background."""
ABOVE_NOISE = 6.0
"""Standard deviations of the noise of one point that the highest band must have."""
NEGATIVE = 0.35
"""Of the highest value: how far below zero a spectrum may go by its baseline."""
CONTRADICTION = 0.1
"""Of the range of the values: how far apart those at one place may be, by noise or where pieces are joined."""
SAME = 1e-6
"""Of its highest value, by which a curve may differ from itself."""
DOWN = -0.5
"""Skewness below which the bands point down."""


@dataclass(frozen=True)
class Given:
    """One spectrum of a sample, an absorption or a Raman intensity."""

    kind: str
    origin: str
    wavenumber: Array
    """cm⁻¹, ascending, (n,)."""
    values: Array
    """Finite, (n,)."""
    stated: bool = False
    """Whether the file itself says its kind."""
    unsaid: bool = False
    """Whether neither file nor user says that it is an absorbance."""


def read_given(texts: Iterable[str], settings: IdentifySettings) -> list[Given]:
    """Return the spectra of one sample, infrared, Raman or both, given as ``[ir=|raman=]FILE``.

    Raises
    ------
    ConfigError
        If none is given, two of one kind, one curve as both, or a quantity for a Raman spectrum alone.
    SpectrumError
        If one cannot be read, or is nothing that groups can be told from.
    """
    made = [each for text in texts for each in _read(text, settings)]
    if not made:
        raise ConfigError("no spectrum is given")
    for kind in KINDS:
        same = [each.origin for each in made if each.kind == kind]
        if len(same) > 1:
            raise ConfigError(
                f"{' and '.join(same)} are both {kind} spectra; give one sample at a time, and raman=FILE or ir=FILE "
                "where a file does not say what it is"
            )
    if len(made) == len(KINDS) and _same(*made):
        raise ConfigError(
            f"{made[0].origin} and {made[1].origin} hold the same curve, which cannot be both the infrared and the "
            "Raman spectrum: give it once, with ir= or raman= before its name"
        )
    if settings.quantity is not None and all(each.kind == "raman" for each in made):
        raise ConfigError(f"--quantity is of an infrared spectrum, and {made[0].origin} is read as Raman: leave it out")
    return made


def _same(one: Given, other: Given) -> bool:
    """Return whether two spectra are the same curve, but for their unit."""
    if not np.array_equal(one.wavenumber, other.wavenumber):
        return False
    a, b = (each.values / abs(each.values).max() for each in (one, other))
    return bool(abs(a - b).max() < SAME)


def _read(text: str, settings: IdentifySettings) -> list[Given]:
    """Return the spectrum of a file, or the two of one that says of one that it is infrared and of another Raman."""
    named = re.fullmatch(rf"({'|'.join(NAMES)})=\s*(.+)", text, re.DOTALL | re.IGNORECASE)
    table = read_spectrum(Path(named[2] if named else text))
    asked = NAMES[named[1].lower()] if named else ""
    if not (asked or settings.column) and len(both := _columns_by_kind(table)) == len(KINDS):
        return [_read_column(table, both[kind], "", settings) for kind in KINDS]
    return [_read_column(table, settings.column or _usual_column(table), asked, settings)]


def _columns_by_kind(table: Spectrum) -> dict[str, str]:
    """Return the first column of each kind that the data types of a table state."""
    made: dict[str, str] = {}
    for column in table.quantities if table.kind == TABLE else ():
        made.setdefault(_kind_in(table.stated("data type", column)), column)
    return {kind: column for kind, column in made.items() if kind}


def _read_column(table: Spectrum, column: str, asked: str, settings: IdentifySettings) -> Given:
    kind, stated = _kind_of(table, column, asked)
    two = {kind, *_columns_by_kind(table)} == set(KINDS) and not (asked or settings.column)
    if not two and table.kind == TABLE and len(table.quantities) > 1 and not settings.column:
        log.info(f"{table.origin} has {len(table.quantities)} spectra; {column} is read, --column chooses another")
    place = table.origin + (f" ({column})" if settings.column else "")
    wavenumber, values = table.wavenumber, table.values(column)
    if not np.isfinite(wavenumber).all():
        raise SpectrumError(f"{place}: {(~np.isfinite(wavenumber)).sum()} of its wavenumbers are no numbers")
    unit = _unstated(table, column, settings.abscissa)
    wavenumber, values = _in_wavenumbers(wavenumber, values, unit, place)
    quantity = table.measured(column)
    if quantity == REFLECTANCE:
        raise SpectrumError(f"{place} is a reflectance, and no absorption: `mimyria optics` makes n·α of it")
    remark = table.remark(column)
    opaque = "T ≤ 0" in remark
    if remark and not (_says(table, column) == "transmittance" and settings.quantity == ABSORBANCE):
        log.info(f"{place}: {remark}")
    wavenumber, values = _numbers(wavenumber, values, place, opaque)
    known = table.kind != TABLE or unit is not None or bool(table.stated(READ_OVER, column))
    _check_range(wavenumber, kind, known, place)
    read = values
    values = _upright(wavenumber, values, kind, _says(table, column), settings, place)
    if quantity == ATR:
        log.info(
            f"{place} is an absorbance of ATR; as light goes less deep at higher wavenumbers, it is read times these"
        )
        values = values * wavenumber / 1000
    _check_bands(wavenumber, values, place)
    unsaid = kind == "infrared" and not _says(table, column) and settings.quantity is None and values is read
    return Given(kind, table.origin, wavenumber, values, stated, unsaid)


def _kind_of(table: Spectrum, column: str, asked: str) -> tuple[str, bool]:
    """Return the kind of a spectrum, infrared where neither file nor user says it, and whether the file does."""
    says = table.stated("data type", column)
    if table.kind not in (TABLE, "ir", "raman"):
        raise SpectrumError(f"{table.origin} is a spectrum of the kind {table.kind}; groups are told from ir and raman")
    if re.search(OTHER, says, re.IGNORECASE):
        raise SpectrumError(f"{table.origin} is a {says}; groups are told from infrared and Raman spectra")
    words = f"{table.stated('title', column)} {table.stated(READ_OVER, column)} {column} {Path(table.origin).name}"
    stated = NAMES.get(table.kind, "")
    firm = bool(stated or _kind_in(says))
    if not stated:
        stated = _kind_in(says) or ("raman" if re.search(RAMAN, words, re.IGNORECASE) else "")
    if asked and stated and firm and asked != stated:
        raise SpectrumError(f"{table.origin} says that it is {stated}, but it is given as {asked}")
    if "resolution" in table.header and table.kind != TABLE:
        log.warning(
            f"{table.origin} is of a liquid or solution: neighbours shift and broaden its bands, and the network knows "
            "single molecules; O-H and N-H are the least sure"
        )
    return asked or stated or "infrared", bool(stated and firm)


def _kind_in(words: str) -> str:
    """Return the kind that words say, empty for none."""
    if re.search(RAMAN, words, re.IGNORECASE):
        return "raman"
    return "infrared" if re.search(INFRARED, words, re.IGNORECASE) else ""


def _unstated(table: Spectrum, column: str, unit: str | None) -> str | None:
    """Return the unit of the abscissa that was asked for; ``cm-1``, as it is read, where the file says it itself."""
    said = table.stated(READ_OVER, column) if table.kind == TABLE else "cm-1"
    if not said or unit is None:
        return unit
    if abscissa_of(said) != abscissa_of(ABSCISSAE[unit]):
        raise SpectrumError(f"{table.origin} says that it is over {said!r}, but --abscissa says {unit}: correct either")
    return "cm-1"


def _usual_column(table: Spectrum) -> str:
    """Return the first column, or of our own Raman spectra the one that spectrometers show."""
    shown = [name for name in SHOWN if table.kind == "raman" and name in table.columns]
    return (shown or list(table.columns)[1:])[0]


def _in_wavenumbers(wavenumber: Array, values: Array, unit: str | None, place: str) -> tuple[Array, Array]:
    """Return a curve over cm⁻¹, ascending, with one value at each place."""
    if unit is None and len(wavenumber) and wavenumber.min() > 0.5 and wavenumber.max() <= LONGEST_WAVELENGTH:
        log.warning(
            f"{place}: read over wavelengths in µm, as it lies between {wavenumber.min():g} and {wavenumber.max():g}; "
            "--abscissa cm-1 takes them as wavenumbers"
        )
        unit = "um"
    if unit is not None:
        wavenumber = in_wavenumbers(wavenumber, ABSCISSAE[unit], place)
    order = np.argsort(wavenumber, kind="stable")
    wavenumber, values = wavenumber[order], values[order]
    first = np.flatnonzero(np.diff(wavenumber, prepend=-np.inf) > 0)
    _check_repeated(wavenumber, values, first, place)
    return wavenumber[first], values[first]


def _check_repeated(wavenumber: Array, values: Array, first: Array, place: str) -> None:
    """Raise SpectrumError where values at one place, the first of which are given, differ as those of two spectra do.

    Where wavenumbers are rounded they differ as neighbours do, and where pieces are joined by a little.
    """
    finite = values[np.isfinite(values)]
    apart = np.nan_to_num(abs(values - np.repeat(values[first], np.diff(first, append=len(values)))), posinf=0.0)
    steps = np.nan_to_num(abs(np.diff(values[first])), posinf=0.0)
    if len(finite) and apart.max() > max(CONTRADICTION * np.ptp(finite), 2 * steps.max(initial=0.0)):
        k = int(apart.argmax())
        raise SpectrumError(
            f"{place}: has several values at {wavenumber[k]:g} cm⁻¹, up to {apart[k]:.3g} apart: are they several "
            "spectra, one below the other? Give a file for each"
        )


def _numbers(wavenumber: Array, values: Array, place: str, opaque: bool) -> tuple[Array, Array]:
    """Return a curve without the points that are no numbers; where nothing came through, it has its highest value."""
    finite = np.isfinite(values)
    if not finite.any():
        raise SpectrumError(f"{place}: none of its {len(values)} values is a number")
    if opaque:
        return wavenumber, np.where(finite, values, values[finite].max())
    if finite.mean() < 1 - MOST_MISSING:
        raise SpectrumError(f"{place}: {(~finite).sum()} of its {len(finite)} values are no numbers")
    if not finite.all():
        log.warning(f"{place}: {(~finite).sum()} of its {len(finite)} values are no numbers and are left out")
    return wavenumber[finite], values[finite]


def _check_range(wavenumber: Array, kind: str, known: bool, place: str) -> None:
    """Raise SpectrumError for a range that is too narrow, elsewhere or below zero, or points too far apart.

    Where the unit of the abscissa is ``known``, by the file or the user, no other is asked for.
    """
    low, high = wavenumber[[0, -1]]
    if kind == "infrared" and low < 0:  # a Raman spectrum may have its anti-Stokes side, which is not looked at
        raise SpectrumError(f"{place}: an infrared spectrum has no wavenumbers below zero; here they begin at {low:g}")
    inside = wavenumber[(wavenumber >= LOWEST) & (wavenumber <= HIGHEST)]
    if not len(inside):
        where = f"{place} lies between {low:g} and {high:g} cm⁻¹, outside {LOWEST:g} to {HIGHEST:g}"
        if kind == "raman" and low > HIGHEST:
            raise SpectrumError(f"{where}: a Raman spectrum is over its shift from the line of the laser")
        hint = ", where groups are told" if known else ": is it over nm, µm or THz? --abscissa nm, um or THz says so"
        raise SpectrumError(where + hint)
    if not known and low > WAVELENGTHS[0] and high > WAVELENGTHS[1]:
        raise SpectrumError(
            f"{place} lies between {low:g} and {high:g}, where the infrared has its wavelengths in nm: --abscissa nm "
            "says so, cm-1 that it does not"
        )
    spacing = float(np.median(np.diff(inside))) if len(inside) > 2 else 0.0
    if spacing > COARSEST:
        raise SpectrumError(f"{place}: its points are {spacing:.3g} cm⁻¹ apart; {COARSEST:g} or less show bands")
    covered = SPACING * on_grid(wavenumber, np.zeros(len(wavenumber)))[1].sum() if len(inside) > 1 else 0.0
    if covered < LEAST_RANGE:
        raise SpectrumError(
            f"{place}: {covered:g} cm⁻¹ between {LOWEST:g} and {HIGHEST:g} are too little; {LEAST_RANGE:g} are needed"
        )


def _upright(wavenumber: Array, values: Array, kind: str, says: str, settings: IdentifySettings, place: str) -> Array:
    """Return values whose bands point up: those of a transmittance that does not say so become -log10 T.

    Another quantity than the file ``says`` may be asked for where its bands deny that, too.
    """
    converted = says == "transmittance"
    asked = settings.quantity if kind == "infrared" else None
    if asked == says:
        return values
    if asked is not None:
        stored = 10.0**-values if converted else values
        if says and (asked == "transmittance") != _points_down(wavenumber, stored):
            raise SpectrumError(
                f"{place} says {says}, and so do its bands, but --quantity says {asked}: correct either"
            )
        return stored if asked == ABSORBANCE else absorbance_of(stored, place)
    if not _points_down(wavenumber, values):
        return values
    if kind == "raman":
        raise SpectrumError(f"{place}: its bands point down, as no Raman spectrum's do; is it a transmittance?")
    if converted:
        raise SpectrumError(f"{place} says transmittance, but its bands point up: --quantity absorbance takes it so")
    if says or values.min() < -0.1 * values.max() or values.max() > 150:
        raise SpectrumError(f"{place}: its bands point down; if it is a transmittance, say --quantity transmittance")
    log.warning(f"{place}: read as a transmittance, as its bands point down; --quantity absorbance keeps it as it is")
    return absorbance_of(values, place)


def _says(table: Spectrum, column: str) -> str:
    """Return which quantity a file says that an infrared spectrum is: absorbance, transmittance, or nothing."""
    if "transmittance" in table.remark(column):
        return "transmittance"
    stated = table.kind == "ir" or table.measured(column) == ATR or column.lower().startswith(ABSORBANCE[:6])
    return ABSORBANCE if stated else ""


def _points_down(wavenumber: Array, values: Array) -> bool:
    """Return whether the bands of a curve clearly point down."""
    look = _look(wavenumber, values)
    return look is not None and look.skewness <= DOWN and look.middle >= 0.5 and look.deepest >= LEAST_BANDS


def absorbance_of(values: Array, place: str) -> Array:
    """Return -log10 T, T relative to its highest value, and not below a thousandth of it."""
    top = values.max()
    if top <= 0:
        raise SpectrumError(f"{place}: no value is above 0, as a transmittance is")
    return -np.log10(np.clip(values / top, 1e-3, None))


@dataclass(frozen=True)
class Look:
    """What the curve looks like, in parts of its range."""

    highest: float
    """Height of the highest band over what is wider than `BROAD`."""
    deepest: float
    """Depth of the deepest band that points down, likewise."""
    skewness: float
    """Of what remains beside the running median: negative where bands point down."""
    middle: float
    """The median."""
    noise: float
    """Standard deviation of one point of the grid."""


def _look(wavenumber: Array, values: Array) -> Look | None:
    """Return what a curve looks like, None where it is constant."""
    means, measured = on_grid(wavenumber, values)
    y = means[measured]
    span = float(np.ptp(y))
    if not span > 1e-9 * abs(y).max(initial=0.0):
        return None
    y, size = (y - y.min()) / span, int(BROAD / SPACING)
    inside = slice(size // 2, -(size // 2))  # a slope that ends is no band
    beside = y - median_filter(y, size)
    spread = float(np.sqrt((beside**2).mean()))
    # The second difference of white noise has six times its variance; bands hardly have one between three points.
    noise = float(np.median(abs(np.diff(y, 2)))) / 0.6745 / np.sqrt(6)
    return Look(
        highest=float((y - grey_opening(y, (size,)))[inside].max()),
        deepest=float((grey_closing(y, (size,)) - y)[inside].max()),
        skewness=float((beside**3).mean()) / spread**3 if spread else 0.0,
        middle=float(np.median(y)),
        noise=noise,
    )


def _check_bands(wavenumber: Array, values: Array, place: str) -> None:
    """Raise SpectrumError for what has no bands, or values below zero as a difference or a derivative has."""
    look = _look(wavenumber, values)
    if look is None:
        raise SpectrumError(f"{place} is constant: it shows no bands")
    if look.highest < LEAST_BANDS:
        raise SpectrumError(
            f"{place} is smooth: its highest band is {100 * look.highest:.1f} % of its range, as in luminescence, "
            "emission or the background of an instrument"
        )
    if look.highest < ABOVE_NOISE * look.noise:
        raise SpectrumError(f"{place}: no band rises above its noise")
    low, high = np.quantile(values, [0.002, 0.998])
    if low < -NEGATIVE * max(high, 0.0):
        raise SpectrumError(
            f"{place}: values down to {values.min():.3g} beside {values.max():.3g}, as of a difference, a derivative "
            "or a wrong baseline"
        )
