"""Sampling: resolution and blocks follow the data, differences are undone, what the data do not allow is refused."""

from dataclasses import replace

import numpy as np
import pytest

from ensembles import WARM, made_series
from mimyria.errors import SpectrumError
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.units import LIGHT_SPEED


def test_central_differences_are_undone() -> None:
    timestep, omega = 2.0, 2 * np.pi * LIGHT_SPEED * 2500.0
    wave = np.cos(omega * timestep * np.arange(20_000))[:, None] * np.ones(3)
    shrunk = np.sin(omega * timestep) / (omega * timestep) * wave
    true, made = made_series({"apt": wave}, timestep), made_series({"apt": shrunk}, timestep, differenced=timestep)
    one, other = (infrared([s], WARM, choose_sampling([s], 20.0, None)) for s in (true, made))
    end = len(other.wavenumber)
    assert 5000 < other.wavenumber[-1] < one.wavenumber[-1]
    expected = one.columns["n_alpha_cm-1"][:end]
    np.testing.assert_allclose(other.columns["n_alpha_cm-1"], expected, atol=0.02 * expected.max())


def test_sampling_follows_the_data_and_refuses_what_they_do_not_allow() -> None:
    long, short = made_series({"apt": np.zeros((5000, 3))}, 4.0), made_series({"apt": np.zeros((300, 3))}, 4.0)
    assert choose_sampling([long], None, None).resolution == 20.0
    assert choose_sampling([short], None, None).resolution > 60.0
    with pytest.raises(SpectrumError, match=r"resolution of 2 cm⁻¹ needs a longer trajectory: 300 frames .* allow"):
        choose_sampling([short], 2.0, None)
    with pytest.raises(SpectrumError, match=r"9 blocks of 555 frames are shorter .* at most --blocks 8"):
        choose_sampling([long], 20.0, 9)
    with pytest.raises(SpectrumError, match=r"sampled at different intervals .*: 4\.0 and 2\.0"):
        choose_sampling([long, made_series({"apt": np.zeros((5000, 3))}, 2.0)], None, None)
    for change, words in (
        ({"differenced": 4.0}, "velocities from differences over different intervals"),
        ({"n_atoms": 4}, "different numbers of atoms"),
        ({"groups": ("H",)}, "different groups"),
        ({"velocity_species": ("O",)}, "different species"),
    ):
        with pytest.raises(SpectrumError, match=words):
            choose_sampling([long, replace(long, **change)], None, None)  # type: ignore[arg-type]
    with pytest.raises(SpectrumError, match="at least 8 frames with velocities, not 3"):
        choose_sampling([made_series({"apt": np.zeros((3, 3))})], None, None)
    with pytest.raises(SpectrumError, match="no trajectory"):
        choose_sampling([], None, None)
    assert np.isnan(infrared([long], WARM, choose_sampling([long], None, 1)).columns["n_alpha_error"]).all()


@pytest.mark.parametrize(
    ("lengths", "blocks", "frames"),
    [
        ([5000], None, 625),  # 8 windows of 582 frames
        ([700] * 20, None, 700),  # more trajectories than blocks: each is one
        ([700, 600], None, 600),
        ([2000, 1000, 1000], 4, 1000),
        ([3000, 700], 3, 1000),
        ([3000, 700], 5, 700),
    ],
)
def test_no_block_goes_over_the_end_of_a_trajectory(lengths: list[int], blocks: int | None, frames: int) -> None:
    series = [made_series({"apt": np.random.default_rng(0).normal(size=(n, 3))}, 4.0) for n in lengths]
    how = choose_sampling(series, 20.0, blocks)
    assert how.block_frames == frames
    assert sum(n // frames for n in lengths) >= (blocks or 2)
    assert np.isfinite(infrared(series, WARM, how).columns["n_alpha_error"]).all()
