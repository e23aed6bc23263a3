"""What an infrared spectrometer shows of a sample with known n and κ: ATR, reflection at an angle, and films.

With ñ = n + iκ, waves that come through a medium of index n_c at the angle θ are reflected as (Fresnel)

    q = √(ñ² - n_c² sin²θ), Im q ≥ 0        r_s = (n_c cos θ - q)/(n_c cos θ + q)
                                            r_p = (ñ² cos θ - n_c q)/(ñ² cos θ + n_c q)

    R = |r|², and of unpolarised light the mean of both        A = -log10 R

n_c is that of the crystal in attenuated total reflection (ATR), and 1 where a free surface reflects.
A film of thickness d between windows of index n_w transmits, at normal incidence and with all inner reflections,

    t = (1 - r²) e^{iδ}/(1 - r² e^{2iδ}),    r = (n_w - ñ)/(n_w + ñ),    δ = 2πν ñ d        A = -log10 |t|²

M. Born and E. Wolf, Principles of Optics; J. E. Bertie, in Handbook of Vibrational Spectroscopy (2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimyria.frame import Array

MICROMETRE = 1e-4
"""cm."""
ATR, REFLECTANCE, FILM = "atr_absorbance", "reflectance", "film_absorbance"
SHOWN = (*(f"{name}{light}" for name in (ATR, REFLECTANCE) for light in ("", "_s", "_p")), FILM)
"""The columns; those without a letter are of unpolarised light."""


def reflectances(n: Array, kappa: Array, angle: float, outside: float = 1.0) -> tuple[Array, Array]:
    """Return |r|² of s- and of p-polarised light.

    n and κ have the shape (..., points), as these; the angle of incidence is in degrees, in a medium of the index
    ``outside``. Where n is NaN they are NaN too. Noise may have made κ slightly negative, whose |r|² is next to that of
    κ = 0: the root follows from where light passes (real) and where it is totally reflected (imaginary), both positive.
    """
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    square = (n + 1j * kappa) ** 2
    q = np.sqrt(square - (outside * sine) ** 2)
    q = np.where(q.real + q.imag < 0, -q, q)
    with np.errstate(invalid="ignore"):
        s = abs((outside * cosine - q) / (outside * cosine + q)) ** 2
        p = abs((square * cosine - outside * q) / (square * cosine + outside * q)) ** 2
    return s, p


def of_lights(name: str, s: Array, p: Array) -> dict[str, Array]:
    """Return what s- and p-polarised light show, and their mean, by column name."""
    return {name: (s + p) / 2, f"{name}_s": s, f"{name}_p": p}


def atr_absorbance(n: Array, kappa: Array, angle: float, crystal: float) -> dict[str, Array]:
    """Return the absorbance of one reflection, by column name, of unpolarised, s- and p-polarised light."""
    reflected = of_lights(ATR, *reflectances(n, kappa, angle, crystal))
    return {name: -np.log10(part) for name, part in reflected.items()}


def film_absorbance(wavenumber: Array, n: Array, kappa: Array, thickness: float, window: float = 1.0) -> Array:
    """Return the absorbance, shape (..., points), of a film between windows of an index.

    Wavenumbers (points,) are in cm⁻¹, the thickness is in µm.
    """
    index = n + 1j * kappa
    with np.errstate(invalid="ignore"):
        r = (window - index) / (window + index)
        phase = np.exp(2j * np.pi * wavenumber * index * thickness * MICROMETRE)
        return np.asarray(-np.log10(abs((1 - r**2) * phase / (1 - (r * phase) ** 2)) ** 2))


@dataclass(frozen=True)
class Instruments:
    """Which instruments measure a sample; None stands for one that does not."""

    atr: tuple[float, ...] | None = None
    """Angle (°) and index of the crystal."""
    reflection: float | None = None
    """Angle (°) on a free surface."""
    film: tuple[float, ...] | None = None
    """Thickness (µm) and, if it is not 1, index of the windows."""

    def lines(self, wavenumber: Array, n: Array, kappa: Array) -> dict[str, Array]:
        """Return what they show, by column name, shape (..., points) as n and κ; wavenumbers are (points,), cm⁻¹."""
        lines: dict[str, Array] = {}
        if self.atr is not None:
            lines |= atr_absorbance(n, kappa, *self.atr)
        if self.reflection is not None:
            lines |= of_lights(REFLECTANCE, *reflectances(n, kappa, self.reflection))
        if self.film is not None:
            lines[FILM] = film_absorbance(wavenumber, n, kappa, *self.film)
        return lines

    def header(self) -> dict[str, str]:
        """Return the header entries that explain the columns."""
        header = {}
        if self.atr is not None:
            crystal = "{:g}° in a crystal of index {:g}".format(*self.atr)
            header[ATR] = f"-log10 R of one reflection at {crystal}; _s, _p: of polarised light"
        if self.reflection is not None:
            header[REFLECTANCE] = f"R of a flat surface at {self.reflection:g}°; _s, _p: of polarised light"
        if self.film is not None:
            film = "{:g} µm between windows of index {:g}".format(*self.film, 1.0)
            header[FILM] = f"-log10 T of {film}, with interference"
        return header
