"""The picture of a difference of spectra: a panel for each column, its error as a band."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from mimyria.figures.panels import BLUE, HIGHEST
from mimyria.figures.plot import STYLE, save, stacked
from mimyria.spectra.spectrum import Spectrum


def plot_difference(path: Path, spectrum: Spectrum) -> None:
    """Write the picture to a ``.png``, ``.pdf`` or ``.svg`` file."""
    names = spectrum.quantities
    with mpl.rc_context(STYLE):
        figure, axes = stacked(len(names), 4.0)
        inside = spectrum.wavenumber <= HIGHEST
        nu = spectrum.wavenumber[inside]
        for each, name in zip(axes, names, strict=True):
            values, error = spectrum.values(name)[inside], spectrum.error(name)
            each.plot(nu, values, color=BLUE)
            if error is not None:
                each.fill_between(nu, values - error[inside], values + error[inside], color=BLUE, alpha=0.2, lw=0)
            each.axhline(0, color="black", lw=0.4)
            each.set_ylabel(f"Δ {name}")
        axes[-1].set_xlim(nu[0], nu[-1])
        save(figure, [path])
