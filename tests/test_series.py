"""Files of series: all comes back, those of earlier versions too, other files are refused."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from conftest import moving_charges
from ensembles import series_of
from mimyria.errors import SpectrumError
from mimyria.rates.series import is_series, read_series, write_series
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.vdos import vibrational_density


def test_series_file_round_trip(tmp_path: Path) -> None:
    one = series_of(moving_charges(40, 1.0)[0], tmp_path / "p")
    write_series(tmp_path / "series.h5", [one, one])
    again = read_series(tmp_path / "series.h5")
    assert len(again) == 2
    for name, value in vars(again[1]).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(one, name))
        elif name == "counts":
            assert all(np.array_equal(value[group], one.counts[group]) for group in one.group_names)
        elif name != "rates":
            assert value == getattr(one, name)
    np.testing.assert_array_equal(again[0].rates["apt"][:], one.rates["apt"][:])
    assert is_series(tmp_path / "series.h5")


def test_series_of_earlier_versions_are_read(tmp_path: Path) -> None:
    write_series(tmp_path / "series.h5", [series_of(moving_charges(40, 1.0)[0], tmp_path / "p")])
    with h5py.File(tmp_path / "series.h5", "a") as file:
        for name in ("species_temperature", "cell", "count", "velocity_blocks"):
            del file[f"trajectory_0000/{name}"]
        for name in ("molecular", "origin"):
            del file["trajectory_0000"].attrs[name]
    series = read_series(tmp_path / "series.h5")
    assert series[0].species_temperature is None
    how = choose_sampling(series, None, None)
    assert {"n_alpha[H,O]", "n_alpha_error"} <= set(infrared(series, Conditions(300.0), how).columns)
    assert np.isnan(vibrational_density(series, Conditions(300.0), how).columns["vdos_error"]).all()


def test_other_files_are_not_series(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    (tmp_path / "text.h5").write_text("nothing")
    assert not is_series(tmp_path / "other.h5")
    assert not is_series(tmp_path / "text.h5")
    with pytest.raises(SpectrumError, match="not a series"):
        read_series(tmp_path / "other.h5")
    with pytest.raises(SpectrumError, match="cannot be read as a series"):
        read_series(tmp_path / "text.h5")
    with pytest.raises(SpectrumError, match="does not exist"):
        read_series(tmp_path / "absent.h5")
