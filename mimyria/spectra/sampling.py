"""`Sampling`: from series to line shapes, with resolution, window, correlation length and blocks for error bars."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.rates.correlation import Correlator
from mimyria.rates.groups import summed_by_name
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import DEFAULT_WINDOW, chosen_resolution, line_shape, window_lags, window_resolution
from mimyria.units import LIGHT_SPEED

MOST_BLOCKS = 10
DIFFERENCE_FLOOR = 0.1
"""Spectra from central differences end where the attenuation reaches this: dividing by less amplifies noise."""

Signal = Callable[[ResponseSeries, slice], Array]
"""What is correlated: maps frames of a series to an array (t, groups, components)."""


@dataclass(frozen=True)
class Sampling:
    """The settings that turn series into a spectrum, made by `sampling`."""

    timestep: float
    resolution: float
    lags: int
    block_frames: int
    differenced: float
    window: str = DEFAULT_WINDOW

    def transform(self, correlations: Array) -> tuple[Array, Array]:
        """Return wavenumbers and line shapes of correlations (..., lags), corrected for central differences."""
        wavenumber, shapes = line_shape(correlations, self.timestep, self.resolution, self.window)
        return undifferenced(wavenumber, shapes, self.differenced)

    def header(self) -> dict[str, str]:
        """The header entries about the sampling."""
        blocks = f"blocks of {self.block_frames * self.timestep / 1000:.3g} ps"
        stated = {
            "sampled every": f"{self.timestep:g} fs",
            "resolution": f"{self.resolution:g} cm-1 (FWHM of the {self.window} window's transform)",
            "errors": f"standard error over {blocks}" if self.block_frames else "none: fewer than two blocks",
        }
        if self.differenced:
            stated["velocities"] = (
                f"central differences over ±{self.differenced:g} fs; the attenuation [sin(ωδt)/(ωδt)]² is corrected"
            )
        return stated


def sampling(
    series: Sequence[ResponseSeries], resolution: float | None, blocks: int | None, window: str = DEFAULT_WINDOW
) -> Sampling:
    """Return resolution, correlation length and blocks that the series allow.

    Parameters
    ----------
    series
        One for each trajectory.
    resolution
        cm⁻¹; None for 20 cm⁻¹, or what half of the shortest trajectory resolves if that is coarser.
    blocks
        Least number of blocks for the standard errors; None for as many as are independent, up to ten. A block does not
        extend over two trajectories.
    window
        Name in ``WINDOWS``.

    Raises
    ------
    SpectrumError
        If the trajectories are too short for what is asked, or differ in their timestep.
    """
    if not series:
        raise SpectrumError("there is no trajectory to make a spectrum from")
    timestep, lengths = series[0].timestep, [len(one) for one in series]
    shortest = min(lengths)
    for what, values in (
        ("are sampled at different intervals (fs)", [round(one.timestep, 6) for one in series]),
        (
            "have velocities from differences over different intervals (fs, 0 for stored ones)",
            [one.differenced for one in series],
        ),
        ("have different numbers of atoms", [one.n_atoms for one in series]),
        ("have different groups, or their atoms in another order", [", ".join(one.group_names) for one in series]),
        ("have different species, or their atoms in another order", [",".join(one.velocity_species) for one in series]),
    ):
        if len(set(values)) > 1:
            shown = " and ".join(str(value) for value in dict.fromkeys(values))
            raise SpectrumError(f"the trajectories {what}: {shown}; make their spectra separately")
    if shortest < 8:
        raise SpectrumError(f"{shortest} frames are too few for a spectrum; it needs at least 8")
    finest = float(np.ceil(10 * window_resolution(shortest, timestep, window)) / 10)
    resolution = chosen_resolution(resolution, shortest, timestep, window)
    if resolution < finest:
        raise SpectrumError(
            f"a resolution of {resolution:g} cm⁻¹ needs a longer trajectory: "
            f"{shortest} frames every {timestep:g} fs allow {finest:g} cm⁻¹"
        )
    lags = window_lags(resolution, timestep, window)
    most = sum(length // lags for length in lengths)
    if blocks is None:
        blocks = min(MOST_BLOCKS, most)
    block_frames = longest_block(lengths, blocks) if blocks > 1 else 0
    if blocks > 1 and block_frames < lags:
        raise SpectrumError(
            f"{blocks} blocks of {block_frames} frames are shorter than the correlation window of {lags} frames; "
            f"ask for at most --blocks {max(most, 1)}, or a coarser --resolution"
        )
    return Sampling(timestep, resolution, lags, block_frames, series[0].differenced, window)


def longest_block(lengths: Sequence[int], number: int) -> int:
    """Return the largest b with Σ ⌊length/b⌋ ≥ number: the most frames that so many blocks can have."""

    def too_few(frames: int) -> bool:
        return sum(length // frames for length in lengths) < number

    return bisect_left(range(1, max(lengths) + 1), True, key=too_few)


def power_spectra(series: Sequence[ResponseSeries], signal: Signal, sampling: Sampling) -> tuple[Array, Array, Array]:
    """Return wavenumbers (n,), line shapes S_gh (groups, groups, n) pooled over trajectories, and those of each block.

    Groups of one name are summed first, so that g and h count names. Series are read in chunks.
    """
    return _pooled_spectra(series, lambda one, frames: summed_by_name(one.groups, signal(one, frames)), sampling)


def self_spectra(series: Sequence[ResponseSeries], signal: Signal, sampling: Sampling) -> tuple[Array, Array]:
    """Return Σ_g S_gg over single groups, whatever their names, shape (n,), and that of each block."""
    # Groups become components of one signal: the cross terms of thousands of molecules are never computed.

    def side_by_side(one: ResponseSeries, frames: slice) -> Array:
        values = signal(one, frames)
        return values.reshape(len(values), 1, -1)

    _, shapes, blocks = _pooled_spectra(series, side_by_side, sampling)
    return shapes[0, 0], blocks[:, 0, 0]


def _pooled_spectra(series: Sequence[ResponseSeries], signal: Signal, sampling: Sampling) -> tuple[Array, Array, Array]:
    pairs = np.array([len(one) - np.arange(sampling.lags) for one in series], dtype=float)
    correlators = [_correlated(one, signal, sampling) for one in series]
    sums = sum(one.result() * n for one, n in zip(correlators, pairs, strict=True))
    wavenumber, total = sampling.transform(sums / pairs.sum(axis=0))
    if not sampling.block_frames:
        return wavenumber, total, np.empty((0, *total.shape))
    return wavenumber, total, sampling.transform(np.concatenate([one.blocks() for one in correlators]))[1]


def _correlated(one: ResponseSeries, signal: Signal, sampling: Sampling) -> Correlator:
    """Return the correlator of a series and of its blocks."""
    correlator = Correlator(sampling.lags, sampling.block_frames or None)
    for frames in one.chunks(0, len(one)):
        correlator.add(signal(one, frames))
    return correlator


def undifferenced(wavenumber: Array, shapes: Array, differenced: float) -> tuple[Array, Array]:
    """Return both, divided by the attenuation [sin(ωδt)/(ωδt)]² of central differences, up to DIFFERENCE_FLOOR."""
    factor = np.sinc(2 * LIGHT_SPEED * wavenumber * differenced) ** 2  # np.sinc(x) = sin(πx)/(πx)
    end = int(np.argmax(factor < DIFFERENCE_FLOOR)) or len(factor)
    return wavenumber[:end], shapes[..., :end] / factor[:end]


def standard_error(blocks: Array) -> Array:
    """Return the standard error of the mean over the first axis; NaN with fewer than two blocks."""
    if len(blocks) < 2:
        return np.full(blocks.shape[1:], np.nan)
    return blocks.std(axis=0, ddof=1) / np.sqrt(len(blocks))
