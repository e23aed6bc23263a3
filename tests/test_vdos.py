"""The density of states counts the modes, with error bars of the size of the scatter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_charges
from ensembles import TEMPERATURE, WARM, free_charges, made_series, noise
from mimyria.rates.correlation import Correlator
from mimyria.rates.window import window_lags
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.vdos import vibrational_density
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED


def test_density_of_states_counts_the_modes(tmp_path: Path) -> None:
    frames, _ = moving_charges(800, 4.0)
    series, _ = free_charges(tmp_path)
    spectrum = vibrational_density([series], WARM, choose_sampling([series], 60.0, None))
    area = {name: np.trapezoid(values, spectrum.wavenumber) for name, values in spectrum.columns.items()}
    assert area["vdos"] == pytest.approx(3 * len(frames[0]) - 3, rel=1e-4)
    heavy = frames[0].numbers == 17
    kinetic = 35.45 * np.square(frames[0].velocities[heavy]).sum() * MASS_VELOCITY_SQUARED
    assert area["vdos[Cl]"] == pytest.approx(kinetic / (BOLTZMANN * TEMPERATURE), rel=1e-3)


def test_density_of_states_has_error_bars_of_the_size_of_the_scatter() -> None:
    position, velocities = 1500.0, noise(5000, 300, 1500.0, 80.0, 4.0)
    lines, errors = [], []
    for k in range(0, 300, 3):
        correlator = Correlator(window_lags(60.0, 4.0))
        correlator.add(velocities[:, None, k : k + 3])
        of_velocities = {
            "velocity_correlation": correlator.result()[0],
            "velocity_blocks": correlator.blocks()[:, 0],
            "velocity_block_frames": correlator.block,
        }
        series = made_series({"apt": np.zeros((5000, 3))}, 4.0, **of_velocities)
        spectrum = vibrational_density([series], WARM, choose_sampling([series], 60.0, 10))
        inside = abs(spectrum.wavenumber - position) < 100
        lines.append(spectrum.columns["vdos"][inside])
        errors.append(spectrum.columns["vdos_error"][inside])
        np.testing.assert_array_equal(spectrum.columns["vdos[H]_error"], spectrum.columns["vdos_error"])
    assert 0.8 < np.mean(errors) / np.std(lines, axis=0).mean() < 1.25  # 100 spectra of 8 blocks: 5 %
    assert "blocks of 2.34 ps" in spectrum.header["errors"]  # 3 stored blocks of 195 frames make about 500
    unknown = replace(series, velocity_blocks=np.empty((0, 1, 1)))
    spectrum = vibrational_density([unknown], WARM, choose_sampling([unknown], 60.0, 10))
    assert np.isnan(spectrum.columns["vdos_error"]).all()
    assert spectrum.header["errors"] == "none: fewer than two blocks"


def test_short_trajectories_are_blocks_of_the_density_of_states() -> None:
    rng, correlation_of_one = np.random.default_rng(0), np.exp(-np.arange(250) / 20.0)
    strengths = rng.uniform(1, 2, size=4)
    series = [
        made_series(
            {"apt": np.zeros((500, 3))},
            4.0,
            velocity_correlation=strength * correlation_of_one[None],
            velocity_blocks=strength * correlation_of_one[None, None],
            velocity_block_frames=500,
        )
        for strength in strengths
    ]
    columns = vibrational_density(
        series, WARM, choose_sampling(series, 60.0, 2)
    ).columns  # two blocks of two would be asked for
    relative = strengths.std(ddof=1) / np.sqrt(4) / strengths.mean()
    np.testing.assert_allclose(columns["vdos_error"], relative * abs(columns["vdos"]), rtol=1e-9)
