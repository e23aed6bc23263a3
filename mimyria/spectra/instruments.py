"""What an infrared spectrometer shows of a sample with known n and κ: attenuated total reflection, and films.

With ñ = n + iκ, and the crystal's index n_c, waves reflected at the angle θ have (Fresnel)

    q = √(ñ² - n_c² sin²θ), Im q ≥ 0        r_s = (n_c cos θ - q)/(n_c cos θ + q)
                                            r_p = (ñ² cos θ - n_c q)/(ñ² cos θ + n_c q)

    A = -log10 |r|²        of unpolarised light: of the mean of both |r|²

A film of thickness d between windows of index n_w transmits, at normal incidence and with all inner reflections,

    t = (1 - r²) e^{iδ}/(1 - r² e^{2iδ}),    r = (n_w - ñ)/(n_w + ñ),    δ = 2πν ñ d        A = -log10 |t|²

M. Born and E. Wolf, Principles of Optics; J. E. Bertie, in Handbook of Vibrational Spectroscopy (2002).
"""

from __future__ import annotations

import numpy as np

from mimyria.frame import Array

MICROMETRE = 1e-4
"""cm."""


def atr_absorbance(n: Array, kappa: Array, angle: float, crystal: float) -> dict[str, Array]:
    """Return the absorbance of one reflection, by column name, of unpolarised, s- and p-polarised light.

    n and κ have the shape (..., points), as the absorbances; the angle of incidence is in degrees. Where n is NaN, at
    ν = 0, they are NaN too.
    """
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    square = (n + 1j * kappa) ** 2
    q = np.sqrt(square - (crystal * sine) ** 2)  # Im ≥ 0, as Im ñ² is
    q = np.where(q.imag < 0, -q, q)
    with np.errstate(invalid="ignore"):
        s = abs((crystal * cosine - q) / (crystal * cosine + q)) ** 2
        p = abs((square * cosine - crystal * q) / (square * cosine + crystal * q)) ** 2
    reflected = {"atr_absorbance": (s + p) / 2, "atr_absorbance_s": s, "atr_absorbance_p": p}
    return {name: -np.log10(part) for name, part in reflected.items()}


def film_absorbance(wavenumber: Array, n: Array, kappa: Array, thickness: float, window: float) -> Array:
    """Return the absorbance, shape (..., points), of a film between windows of an index.

    Wavenumbers (points,) are in cm⁻¹, the thickness is in µm.
    """
    index = n + 1j * kappa
    with np.errstate(invalid="ignore"):
        r = (window - index) / (window + index)
        phase = np.exp(2j * np.pi * wavenumber * index * thickness * MICROMETRE)
        return np.asarray(-np.log10(abs((1 - r**2) * phase / (1 - (r * phase) ** 2)) ** 2))


def instrument_header(atr: tuple[float, ...] | None, film: tuple[float, ...] | None) -> dict[str, str]:
    """Return the header entries that explain the columns."""
    header = {}
    if atr is not None:
        header["atr_absorbance"] = (
            f"-log10 R of one reflection at {atr[0]:g}° in a crystal of index {atr[1]:g}; _s, _p: of polarised light"
        )
    if film is not None:
        header["film_absorbance"] = (
            f"-log10 T of {film[0]:g} µm between windows of index {window_index(film):g}, with interference"
        )
    return header


def window_index(film: tuple[float, ...]) -> float:
    """Return the index of the windows of a film, 1 unless given."""
    return film[1] if len(film) > 1 else 1.0
