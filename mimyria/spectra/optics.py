"""A measured ATR, reflectance or film as n, κ, n·α and ε: a spectrum like that of a run, to lay beside it."""

from __future__ import annotations

import numpy as np

from mimyria.config import File
from mimyria.errors import SpectrumError
from mimyria.optical.instruments import REFLECTANCE
from mimyria.optical.inversion import Instrument, invert
from mimyria.settings import OpticsSettings
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum, column_name, read_spectrum

UNITS = dict.fromkeys(("n_alpha", "alpha"), "cm-1") | dict.fromkeys(
    ("epsilon_imag", "epsilon_real", "n", "kappa", "reflectivity"), "1"
)


def optics(
    measured: Spectrum | File,
    *,
    atr: tuple[float, ...] | None = None,
    reflection: float | None = None,
    film: tuple[float, ...] | None = None,
    light: str | None = None,
    index: float,
    at: float | None = None,
    column: str | None = None,
    scale: float = 1.0,
) -> Spectrum:
    """Return n, κ, n·α and what follows from them of a sample whose ATR, reflectance or film was measured.

    Parameters
    ----------
    measured
        A spectrum or its file, over cm⁻¹: an absorbance (ATR, film) or a reflectance.
    atr, reflection, film
        One of them: angle (°) and index of the crystal; angle (°); thickness (µm) and index of the windows.
    light
        ``s`` or ``p``; None for unpolarised.
    index, at
        Refractive index of the sample at a wavenumber (cm⁻¹) where it does not absorb; without it, the highest one.
    column, scale
        Name of the measured column, and what it is multiplied with.

    Returns
    -------
    Spectrum
        Columns as in ``ir.csv``: n·α and α in cm⁻¹. Errors are those of the ends of the range, not of noise.

    Raises
    ------
    ConfigError, SpectrumError
        If the instrument or the index cannot be, the file is of another quantity, or n and κ do not converge.
    """
    asked = OpticsSettings(
        atr=atr, reflection=reflection, film=film, light=light or None, index=index, at=at, column=column, scale=scale
    )
    instrument = Instrument(asked.atr, asked.reflection, asked.film, asked.light or "")
    table = measured if isinstance(measured, Spectrum) else read_spectrum(measured)
    place, name = table.origin or table.kind, column or list(table.columns)[1]
    if (told := table.measured(column)) and (reflection is not None) != (told == REFLECTANCE):
        raise SpectrumError(
            f"{place}: its column {name} is {told}, and not what is to be inverted, {instrument.quantity}"
        )
    known = np.isfinite(table.values(column)) & (table.wavenumber > 0)
    nu, values = table.wavenumber[known], asked.scale * table.values(column)[known]
    wavenumber, lines, errors = invert(instrument, nu, values, asked.index, asked.at, place)
    columns = {WAVENUMBER: wavenumber}
    for key, line in lines.items():
        columns |= {key: line, column_name(key): errors[key]}
    header = {
        "measured": f"{place}, {name} as {instrument.quantity}",
        "n, kappa": f"by Kramers-Kronig, with the index {index:g} at {nu[-1] if at is None else at:g} cm-1",
        "errors": "what the part of the spectrum below the measured range decides; noise is not in them",
    }
    return Spectrum("optics", columns, header, UNITS, place)
