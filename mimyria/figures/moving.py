"""The picture of a spectrum that changes with time: wavenumber over time, intensity as colour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from mimyria.figures.panels import HIGHEST
from mimyria.figures.plot import STYLE, save, stacked
from mimyria.spectra.spectrum import Spectrum

TIME = re.compile(r"(.+)\[(.+) ps\]")
TITLES = {"n_alpha": "n·α / cm⁻¹", "VV": "VV / arb. u.", "VH": "VH / arb. u.", "HV": "HV / arb. u."}


def plot_moving(paths: Iterable[Path], spectra: Sequence[Spectrum], title: str = "") -> None:
    """Write a panel of each quantity of spectra by `moving_spectra` to ``.png``, ``.pdf`` or ``.svg`` files."""
    panels: dict[tuple[str, str], list[tuple[float, str]]] = {}
    by_kind = {spectrum.kind: spectrum for spectrum in spectra}
    for spectrum in spectra:
        for name in spectrum.columns:
            if match := TIME.fullmatch(name):
                panels.setdefault((spectrum.kind, match[1]), []).append((float(match[2]), name))
    with mpl.rc_context(STYLE):
        figure, axes = stacked(len(panels), 5.0)
        for each, ((kind, quantity), columns) in zip(axes, panels.items(), strict=True):
            spectrum = by_kind[kind]
            inside = spectrum.wavenumber <= HIGHEST
            times = [time for time, _ in columns]
            values = np.array([spectrum.columns[name][inside] for _, name in columns])
            mesh = each.pcolormesh(spectrum.wavenumber[inside], times, values, shading="nearest", rasterized=True)
            figure.colorbar(mesh, ax=each, label=TITLES.get(quantity, quantity), pad=0.01)
            each.set(ylabel="time / ps")
        axes[0].set_title(title)
        save(figure, paths)
