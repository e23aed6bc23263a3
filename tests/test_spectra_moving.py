"""A window that moves along the run: an oscillator whose frequency jumps halfway."""

import numpy as np
import pytest

from ensembles import TEMPERATURE, made_series, noise
from mimyria.errors import ConfigError
from mimyria.rates.series import ResponseSeries
from mimyria.settings import SpectrumSettings
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.moving import moving_spectra
from mimyria.spectra.sampling import choose_sampling

WARM = Conditions(TEMPERATURE)


def jumping(seed: int = 0, frames: int = 3000) -> ResponseSeries:
    """12 ps, every 4 fs: an oscillator of 1000 cm⁻¹ in the first half, of 2000 cm⁻¹ in the second."""
    half = frames // 2
    parts = [noise(half, 3, position, 40.0, 4.0, seed + k) for k, position in enumerate((1000.0, 2000.0))]
    rates = np.concatenate(parts)
    return made_series({"apt": rates, "pgt": rates[:, :, None] * np.eye(3)}, 4.0)


def test_the_band_jumps_where_the_frequency_does() -> None:
    settings = SpectrumSettings(moving_window=2.0, resolution=60.0)
    infra, raman = moving_spectra([jumping(), jumping(10)], ["ir", "raman"], WARM, settings)
    assert (infra.kind, raman.kind) == ("moving_ir", "moving_raman")
    times = [k + 1.0 for k in range(11)]
    for spectrum, name in ((infra, "n_alpha"), (raman, "VV")):
        for time in times:
            values = spectrum.columns[f"{name}[{time:g} ps]"]
            top = spectrum.wavenumber[np.argmax(values)]
            low, high = (values[abs(spectrum.wavenumber - place) < 150].sum() for place in (1000, 2000))
            if time < 5.5:
                assert abs(top - 1000) < 40
                assert high < 0.02 * low
            elif time > 6.5:
                assert abs(top - 2000) < 40
                assert low < 0.02 * high
            else:
                assert 0.1 < low / high < 10
            assert (spectrum.columns[f"{name}[{time:g} ps]_error"][1:] >= 0).all()


def test_a_window_is_the_spectrum_of_its_frames() -> None:
    series, settings = jumping(), SpectrumSettings(moving_window=3.0, resolution=80.0)
    (moving,) = moving_spectra([series], ["ir", "vdos"], WARM, settings)
    alone = made_series({"apt": series.rates["apt"][375:1125][:, 0]}, 4.0)
    whole = infrared([alone], WARM, choose_sampling([alone], 80.0, None))
    np.testing.assert_allclose(moving.columns["n_alpha[3 ps]"], whole.columns["n_alpha_cm-1"], rtol=1e-10)
    assert list(moving.columns)[1] == "n_alpha[1.5 ps]"
    assert moving.header["resolution"].startswith("80 cm-1")


def test_shorter_runs_end_earlier() -> None:
    settings = SpectrumSettings(moving_window=2.0, resolution=60.0)
    series = jumping()
    short = made_series({"apt": series.rates["apt"][:1000][:, 0]}, 4.0)
    (both,) = moving_spectra([series, short], ["ir"], WARM, settings)
    (one,) = moving_spectra([series], ["ir"], WARM, settings)
    np.testing.assert_allclose(both.columns["n_alpha[8 ps]"], one.columns["n_alpha[8 ps]"])
    assert list(both.columns) == list(one.columns)


@pytest.mark.parametrize(
    ("settings", "kinds", "words"),
    [
        ({"moving_window": 9.0}, ["ir"], "must fit into a trajectory twice"),
        ({"moving_window": 0.2, "resolution": 5.0}, ["ir"], "too short for --resolution 5"),
        ({"moving_window": 0.01}, ["ir"], "has 2 frames, and needs at least 8"),
        ({"moving_window": 2.0}, ["vdos"], "none of them is made here"),
    ],
)
def test_what_is_refused(settings: dict[str, float], kinds: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        moving_spectra([jumping()], kinds, WARM, SpectrumSettings(**settings))  # type: ignore[arg-type]
