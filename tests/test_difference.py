"""The picture of a difference: in every format, with and without errors, the same each time."""

from pathlib import Path

import numpy as np
import pytest

from mimyria.figures.difference import plot_difference
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_a_difference_is_drawn(tmp_path: Path, suffix: str) -> None:
    nu = np.linspace(0, 4200, 300)
    columns = {WAVENUMBER: nu, "VV": np.cos(nu / 300), "VV_error": np.full(300, 0.2), "VH": np.sin(nu / 300)}
    for name in "ab":
        plot_difference(tmp_path / f"{name}.{suffix}", Spectrum("difference", columns))
    first, second = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "ab")
    assert first == second
    assert len(first) > 3000
