"""Shares of modes: those that the terms of a spectrum say, with half of each cross term."""

import numpy as np
import pytest

from mimyria.spectra.modes import measure_modes
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum
from mimyria.statistics.replicates import Replicates


def test_shares_are_auto_terms_and_half_of_the_cross_terms() -> None:
    wavenumber = np.arange(0.0, 4000.0, 5.0)
    first, second = (np.exp(-(((wavenumber - place) / 40) ** 2)) for place in (1000.0, 3000.0))
    cross = 0.5 * first
    blocks = np.array([1.0, 0.9, 1.1])[:, None]
    lines = {
        "vdos": np.ones((3, 1)) * (first + second + cross),
        "vdos[A_mode1,A_mode1]": np.ones((3, 1)) * first,
        "vdos[A_mode1,A_mode2]": np.ones((3, 1)) * cross,
        "vdos[A_mode2,A_mode2]": np.ones((3, 1)) * second,
    }
    density = Spectrum("vdos", {WAVENUMBER: wavenumber, **{name: line[0] for name, line in lines.items()}})
    density.lines.update(lines)
    object.__setattr__(density, "replicates", Replicates(blocks=2))
    infra = {"n_alpha_cm-1": blocks * first + second, "n_alpha[A_mode1,A_mode1]": blocks * first}
    infra |= {"n_alpha[A_mode2,A_mode2]": np.ones((3, 1)) * second}
    columns = {WAVENUMBER: wavenumber, **{name: line[0] for name, line in infra.items()}}
    spectra = {"vdos": density, "ir": Spectrum("ir", columns, lines=infra, replicates=Replicates(blocks=2))}
    one, other = measure_modes(spectra)
    assert (one.name, other.name) == ("A_mode1", "A_mode2")
    assert one.shares["vdos"].value == pytest.approx(1.25 / 2.5)
    assert other.shares["vdos"].value == pytest.approx(1.25 / 2.5)
    assert one.shares["n_alpha_cm-1"].value == pytest.approx(0.5)
    assert one.shares["n_alpha_cm-1"].error > 0
    assert one.maximum.value == pytest.approx(1000, abs=1)
    assert one.width.value == pytest.approx(2 * 40 * np.sqrt(np.log(2)), rel=0.02)
    assert measure_modes({"ir": spectra["ir"]}) == []
