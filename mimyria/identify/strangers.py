"""Curves that are no vibrational spectra of molecules, though files of such may hold them: what is not to be trusted.

Some are spectra over a wrong axis or with a wrong ordinate, mirrored, scaled, moved, a transmittance taken for an
absorbance; others are nothing of the kind: bands anywhere, waves, slow and fast noise, spikes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mimyria.frame import Array
from mimyria.identify.channels import HIGHEST, LOWEST, Curve

Way = Callable[[Array, Array, np.random.Generator], Array]
"""From wavenumbers and intensities of a spectrum to those of a stranger on the same grid, (n,) each."""


def estranged(curve: Curve, random: np.random.Generator) -> Curve:
    """Return a stranger on the grid of a spectrum, made of it or of nothing, in one of `WAYS`."""
    wavenumber, values = curve
    names = sorted(WAYS)
    return wavenumber, WAYS[names[random.integers(len(names))]](wavenumber, values, random)


def _mirrored(wavenumber: Array, values: Array, random: np.random.Generator) -> Array:
    return values[::-1]


def _scaled(wavenumber: Array, values: Array, random: np.random.Generator) -> Array:
    factor = np.exp(random.uniform(np.log(1.2), np.log(2.5)) * random.choice([-1, 1]))
    return _seen_at(wavenumber * factor, wavenumber, values, random)


def _moved(wavenumber: Array, values: Array, random: np.random.Generator) -> Array:
    return _seen_at(wavenumber + random.uniform(250, 1200) * random.choice([-1, 1]), wavenumber, values, random)


def _seen_at(places: Array, wavenumber: Array, values: Array, random: np.random.Generator) -> Array:
    """Return the values at other places; where there are none, a quiet stretch with the noise of the spectrum."""
    noise = float(np.median(abs(np.diff(values, 2)))) / np.sqrt(6)
    outside = (places < wavenumber[0]) | (places > wavenumber[-1])
    quiet = np.quantile(values, 0.2) + random.normal(0.0, noise, len(values))
    return np.where(outside, quiet, np.interp(places, wavenumber, values))


def _transmitted(wavenumber: Array, values: Array, random: np.random.Generator) -> Array:
    return 10.0 ** (-random.uniform(0.1, 2.0) * (values - values.min()) / (np.ptp(values) or 1.0))


def _bands_anywhere(wavenumber: Array, values: Array, random: np.random.Generator) -> Array:
    number = int(30 ** random.uniform())
    places, widths = random.uniform(LOWEST, HIGHEST, number), 6 * 50 ** random.uniform(0, 1, number)
    shapes = np.exp(-(((wavenumber[:, None] - places) / widths) ** 2))
    return shapes @ random.exponential(1.0, number) + random.normal(0.0, 0.01 * random.uniform(), len(wavenumber))


def _waves(wavenumber: Array, values: Array, random: np.random.Generator) -> Array:
    period, power = 25 * 60 ** random.uniform(), random.integers(1, 6)
    phase = 2 * np.pi * (wavenumber / period + random.uniform())
    return np.sin(phase) ** power + random.normal(0.0, 0.05 * random.uniform(), len(wavenumber))


def _noise(wavenumber: Array, values: Array, random: np.random.Generator) -> Array:
    """Return noise whose correlation lasts from none to hundreds of wavenumbers, with spikes in some."""
    made = gaussian_filter1d(random.normal(size=len(wavenumber)), 60 ** random.uniform(-0.3, 1.0))
    spikes = random.integers(0, len(wavenumber), random.integers(0, 4))
    made[spikes] += np.std(made) * random.uniform(5, 300, len(spikes))
    return made


WAYS: dict[str, Way] = {
    "mirrored": _mirrored,
    "scaled": _scaled,
    "moved": _moved,
    "transmitted": _transmitted,
    "bands anywhere": _bands_anywhere,
    "waves": _waves,
    "noise": _noise,
}
