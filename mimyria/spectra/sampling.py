"""`Sampling`: from series to line shapes, with resolution, window, correlation length and blocks for error bars."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.rates.correlation import Correlator
from mimyria.rates.groups import summed_by_name
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import DEFAULT_WINDOW, chosen_resolution, line_shape, window_lags, window_resolution
from mimyria.spectra.spectrum import NO_ERRORS, WAVENUMBER, Spectrum, column_name
from mimyria.statistics.replicates import MOST_GROUPS, NO_REPLICATES, Replicates, left_out, without_each
from mimyria.statistics.student import student
from mimyria.units import LIGHT_SPEED

MOST_BLOCKS = 10
LEAST_FRAMES = 8
DIFFERENCE_FLOOR = 0.1
"""Spectra from central differences end where the attenuation reaches this: dividing by less amplifies noise."""

Signal = Callable[[ResponseSeries, slice], Array]
"""What is correlated: maps frames of a series to an array (t, groups, components)."""


@dataclass(frozen=True)
class Sampling:
    """The settings that turn series into a spectrum, made by `choose_sampling`."""

    timestep: float
    resolution: float
    lags: int
    block_frames: int
    differenced: float
    window: str = DEFAULT_WINDOW
    replicates: Replicates = NO_REPLICATES

    def transform(self, correlations: Array) -> tuple[Array, Array]:
        """Return wavenumbers and line shapes of correlations (..., lags).

        They are divided by the attenuation [sin(ωδt)/(ωδt)]² of central differences, and end at DIFFERENCE_FLOOR.
        """
        wavenumber, shapes = line_shape(correlations, self.timestep, self.resolution, self.window)
        left = np.sinc(2 * LIGHT_SPEED * wavenumber * self.differenced) ** 2  # np.sinc(x) = sin(πx)/(πx)
        end = int(np.argmax(left < DIFFERENCE_FLOOR)) or len(left)
        return wavenumber[:end], shapes[..., :end] / left[:end]

    def header(self) -> dict[str, str]:
        """The header entries about the sampling."""
        known = self.replicates
        errors = f"standard error over {known.blocks} blocks of {self.block_frames * self.timestep / 1000:.3g} ps"
        if known.trajectories:
            groups = "groups of " * (known.trajectories == MOST_GROUPS)
            errors += f", or over {known.trajectories} {groups}trajectories where that is larger"
        factors = " and ".join(f"{student(n):.2f} ({n} degrees of freedom)" for n in known.freedoms)
        errors += f"; 68 % within {factors} times it"
        stated = {
            "sampled every": f"{self.timestep:g} fs",
            "resolution": f"{self.resolution:g} cm-1 (FWHM of the {self.window} window's transform)",
            "errors": errors if known.blocks else NO_ERRORS,
        }
        if self.differenced:
            stated["velocities"] = (
                f"central differences over ±{self.differenced:g} fs; the attenuation [sin(ωδt)/(ωδt)]² is corrected"
            )
        return stated

    def spectrum(
        self,
        kind: str,
        wavenumber: Array,
        lines: Mapping[str, Array],
        header: Mapping[str, str],
        units: Mapping[str, str],
        *,
        unbiased: Collection[str] = (),
        more: Mapping[str, Array] | None = None,
    ) -> Spectrum:
        """Return a spectrum of lines by name, (1 + replicates, n) as `power_spectra` makes, with standard errors.

        Those that are named ``unbiased`` are freed of the bias that a non-linear function of noisy spectra has. More
        columns, (n,), may follow.
        """
        columns = {WAVENUMBER: wavenumber}
        for name, values in lines.items():
            columns[name] = self.replicates.unbiased(values) if name in unbiased else values[0]
            columns[column_name(name)] = self.replicates.error(values)
        return Spectrum(
            kind,
            columns | {**(more or {})},
            {**header, **self.header()},
            {**units},
            lines={**lines},
            replicates=self.replicates,
        )


def choose_sampling(
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
        If the trajectories are too short for what is asked, or differ in what their spectra must share.
    """
    if not series:
        raise SpectrumError("there is no trajectory to make a spectrum from")
    for what, values in (
        ("are sampled at different intervals (fs)", [round(run.timestep, 6) for run in series]),
        (
            "have velocities from differences over different intervals (fs, 0 for stored ones)",
            [run.differenced for run in series],
        ),
        ("have different nuclei, or numbers of beads", [f"{run.nuclei}, {run.n_beads}" for run in series]),
        ("have different numbers of atoms", [run.n_atoms for run in series]),
        ("have different groups, or their atoms in another order", [", ".join(run.group_names) for run in series]),
        ("have different species, or their atoms in another order", [",".join(run.velocity_species) for run in series]),
    ):
        if len(set(values)) > 1:
            shown = " and ".join(str(value) for value in dict.fromkeys(values))
            raise SpectrumError(f"the trajectories {what}: {shown}; make their spectra separately")
    timestep, lengths = series[0].timestep, [len(run) for run in series]
    resolution, lags, block_frames = divide(lengths, timestep, resolution, blocks, window)
    n_blocks = sum(length // block_frames for length in lengths) if block_frames else 0
    n_runs = len(left_out(len(series))) if n_blocks else 0
    replicates = Replicates(n_blocks, n_runs)
    return Sampling(timestep, resolution, lags, block_frames, series[0].differenced, window, replicates)


def divide(
    lengths: Sequence[int], timestep: float, resolution: float | None, blocks: int | None, window: str = DEFAULT_WINDOW
) -> tuple[float, int, int]:
    """Return resolution (cm⁻¹), lags, and frames of a block, zero without blocks, that runs of so many frames allow.

    Frames are ``timestep`` (fs) apart; see `choose_sampling`.
    """
    shortest = min(lengths)
    if shortest < LEAST_FRAMES:
        raise SpectrumError(
            f"a spectrum needs at least {LEAST_FRAMES} frames with velocities, not {shortest}: give a longer trajectory"
        )
    finest = float(np.ceil(10 * window_resolution(shortest, timestep, window)) / 10)
    resolution = chosen_resolution(resolution, shortest, timestep, window)
    if resolution < finest:
        raise SpectrumError(
            f"a resolution of {resolution:g} cm⁻¹ needs a longer trajectory: "
            f"{shortest} frames every {timestep:g} fs allow {finest:g} cm⁻¹"
        )
    lags = window_lags(resolution, timestep, window)
    most = sum(length // lags for length in lengths)
    blocks = min(MOST_BLOCKS, most) if blocks is None else blocks
    block_frames = longest_block(lengths, blocks) if blocks > 1 else 0
    if blocks > 1 and block_frames < lags:
        raise SpectrumError(
            f"{blocks} blocks of {block_frames} frames are shorter than the correlation window of {lags} frames; "
            f"ask for at most --blocks {max(most, 1)}, or a coarser --resolution"
        )
    return resolution, lags, block_frames


def longest_block(lengths: Sequence[int], number: int) -> int:
    """Return the largest b with Σ ⌊length/b⌋ ≥ number: the most frames that so many blocks can have."""
    frames = range(1, max(lengths) + 1)
    return bisect_left(frames, True, key=lambda b: sum(length // b for length in lengths) < number)


def power_spectra(
    series: Sequence[ResponseSeries], signal: Signal, sampling: Sampling, first: int | None = None
) -> tuple[Array, Array]:
    """Return wavenumbers (n,) and line shapes S_gh, shape (1 + replicates, groups, groups, n).

    With ``first``, g counts so many groups only.

    The first are those of all frames, the others the `Replicates` of the sampling, here and below.
    Groups of one name are summed first, so that g and h count names. Series are read in chunks.
    """
    return cross_spectra(series, lambda run, frames: summed_by_name(run.groups, signal(run, frames)), sampling, first)


def self_spectra(series: Sequence[ResponseSeries], signal: Signal, sampling: Sampling) -> Array:
    """Return Σ_g S_gg over single groups, whatever their names, shape (1 + replicates, n)."""

    def side_by_side(run: ResponseSeries, frames: slice) -> Array:
        # Groups become components of one signal: the cross terms of thousands of molecules are never computed.
        values = signal(run, frames)
        return values.reshape(len(values), 1, -1)

    return cross_spectra(series, side_by_side, sampling)[1][:, 0, 0]


def component_spectra(series: Sequence[ResponseSeries], signal: Signal, sampling: Sampling) -> Array:
    """Return S_kk of each component k of the sum of all groups, shape (1 + replicates, components, n)."""

    def summed(run: ResponseSeries, frames: slice) -> Array:
        return signal(run, frames).sum(axis=1)[..., None]

    shapes = cross_spectra(series, summed, sampling)[1]
    return np.asarray(np.moveaxis(np.diagonal(shapes, axis1=1, axis2=2), -1, 1))


def cross_spectra(
    series: Sequence[ResponseSeries], signal: Signal, sampling: Sampling, first: int | None = None
) -> tuple[Array, Array]:
    """Return what `power_spectra` does of the groups as the signal returns them, whatever their names."""
    each, blocks = [], []
    for run in series:  # one correlator at a time, for each holds much more than its results
        correlator = Correlator(sampling.lags, sampling.block_frames or None, first)
        for frames in run.chunks(0, len(run)):
            correlator.add(signal(run, frames))
        each.append(correlator.result())
        blocks += [correlator.blocks()] if sampling.block_frames else []
    return sampling.transform(replicated(series, each, blocks))


def replicated(series: Sequence[ResponseSeries], each: Sequence[Array], blocks: Sequence[Array]) -> Array:
    """Return correlations of all frames, without each block, and without each trajectory; shape (1 + replicates, ...).

    They are given of each trajectory, (..., lags), and of the blocks in each, (blocks, ..., lags); none of
    these, no replicates.
    """
    whole = pooled(series, each)
    if not blocks:
        return whole[None]
    without = [pooled([series[k] for k in rest], [each[k] for k in rest]) for rest in left_out(len(series))]
    return np.stack([whole, *without_each(whole, np.concatenate(blocks)), *without])


def pooled(series: Sequence[ResponseSeries], correlations: Sequence[Array]) -> Array:
    """Return the mean of correlations (..., lags) of trajectories, weighted by pairs of frames, as if they were one."""
    lags = np.arange(correlations[0].shape[-1])
    pairs = [len(run) - lags for run in series]
    return sum(n * values for n, values in zip(pairs, correlations, strict=True)) / np.sum(pairs, axis=0)


def standard_error(blocks: Array) -> Array:
    """Return the standard error of the mean over the first axis; NaN with fewer than two blocks."""
    if len(blocks) < 2:
        return np.full(blocks.shape[1:], np.nan)
    return blocks.std(axis=0, ddof=1) / np.sqrt(len(blocks))
