"""Strides: what they resolve, and what is aliased."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimyria.rates.stride import HIGHEST_WAVENUMBER, aliased_fraction, automatic_stride, nyquist_wavenumber
from mimyria.units import LIGHT_SPEED


@given(timestep=st.floats(0.05, 20.0))
def test_automatic_stride_is_the_largest_that_keeps_the_highest_wavenumber(timestep: float) -> None:
    stride = automatic_stride(timestep)
    assert stride == 1 or nyquist_wavenumber(stride * timestep) >= HIGHEST_WAVENUMBER
    assert nyquist_wavenumber((stride + 1) * timestep) < HIGHEST_WAVENUMBER * (1 + 1e-9)


@pytest.mark.parametrize("stride", [2, 3, 5])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_folded_fraction_of_two_waves(stride: int, share: float) -> None:
    """Power (1 - share) well below the new Nyquist wavenumber and share well above it."""
    nyquist = nyquist_wavenumber(stride * 1.0)
    time = np.arange(600)
    low, high = (np.cos(2 * np.pi * LIGHT_SPEED * factor * nyquist * time) for factor in (0.6, 1.4))
    rates = np.sqrt(1 - share) * low[:, None] * np.ones(3) + np.sqrt(share) * high[:, None] * np.ones(3)
    assert aliased_fraction(rates, stride) == pytest.approx(share, abs=0.01)


def test_nothing_folds_without_motion_or_stride() -> None:
    assert aliased_fraction(np.zeros((100, 3)), 4) == 0.0
    assert aliased_fraction(np.random.default_rng(0).normal(size=(100, 3)), 1) == 0.0
