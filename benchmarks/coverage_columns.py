"""How often the error of every column of the text files holds the true value, and how far it is biased.

Many synthetic runs, ten blocks each, of two groups of damped vibrations are made into spectra of every kind. The truth
is the spectrum of all runs together. For each column: stated over true error, the shares of points within the intervals
of 68 % and 95 % (Student's t), and the bias over the error, all over points within the band.

    python benchmarks/coverage_columns.py [--runs 200] [--windows 20]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from coverage import POSITION, RESOLUTION, TIMESTEP, tensors, waves

from ensembles import WARM, made_series
from mimyria.frame import Array
from mimyria.rates.correlation import Correlator
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import window_lags
from mimyria.spectra.kinds import KINDS
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum, column_name
from mimyria.statistics.student import student

BLOCKS, WIDTH = 10, 100.0
CONDITIONS = replace(
    WARM, laser=532.0, epsilon_infinity=1.78, porto=("z(xx)z", "z(xy)z"), atr=(45.0, 2.4), film=(1.0, 1.4)
)
POINTS = np.arange(POSITION - 60, POSITION + 61, 30)
"""cm⁻¹."""


def one_run(kind: str, windows: int, rng: np.random.Generator) -> ResponseSeries:
    """Return the rates that a kind of spectrum needs, of two groups that have a third of their motion in common."""
    lags = window_lags(RESOLUTION, TIMESTEP)
    frames = windows * lags
    common = waves(frames, 7, WIDTH, rng)
    groups = [common / 3 + waves(frames, 7, WIDTH, rng) for _ in range(2)]
    strength = 2e-3  # as strong as a liquid absorbs
    apt = strength * np.stack([one[:, :3] for one in groups], axis=1)
    pgt = np.stack([tensors(one[:, 3:]) for one in groups], axis=1)
    if kind == "sfg":
        pgt[:, 0] += groups[0][:, 2, None, None] * np.eye(3)
        pgt[:, 1] -= groups[1][:, 2, None, None] * np.eye(3)
    rates = {"ir": {"apt": apt}, "raman": {"pgt": pgt}, "sfg": {"apt": apt, "pgt": pgt}, "vdos": {"apt": apt}}
    rates["hyper_raman"] = {"hgt": pgt[..., None] * [1.0, 2.0, 3.0]}
    series = made_series({name: values[:, 0] for name, values in rates[kind].items()}, TIMESTEP)
    correlator = Correlator(lags, frames // BLOCKS)
    correlator.add(np.stack([one[:, :3] for one in groups], axis=1))
    blocks, whole = correlator.blocks(), correlator.result()
    g = np.arange(2)
    return replace(
        series,
        rates=rates[kind],
        groups=("+z", "-z") if kind == "sfg" else ("A", "B"),
        cell=np.eye(3) * 10,
        velocity_species=("A", "B"),
        velocity_correlation=whole[g, g],
        velocity_blocks=blocks[:, g, g],
        velocity_block_frames=frames // BLOCKS,
    )


def at_points(spectrum: Spectrum, values: Array) -> Array:
    """Return values (..., n) at the points of the band."""
    places = [int(np.argmin(abs(spectrum.wavenumber - point))) for point in POINTS]
    return np.asarray(values[..., places])


def intervals(spectrum: Spectrum, name: str) -> list[Array]:
    """Return the half widths for 68 % and 95 % of a column at the points."""
    known = spectrum.replicates
    return [at_points(spectrum, known.interval(spectrum.lines[name], z)) for z in (1.0, 2.0)]


def coverage(true: Array, values: Array, both: Array) -> Sequence[float]:
    """Return the numbers of the table, from the truth (points,), values and intervals (runs, [2,] points)."""
    away = abs(values - true)
    error = both[:, 0] / student(BLOCKS - 1)
    scatter = values.std(axis=0, ddof=1)
    return (
        float(np.mean(np.sqrt(np.mean(error**2, axis=0)) / scatter)),
        float(np.mean(away < both[:, 0])),
        float(np.mean(away < both[:, 1])),
        float(np.mean((values.mean(axis=0) - true) / scatter)),
    )


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--windows", type=int, default=20)
    asked = parser.parse_args()
    print("| kind | column | stated/true | 68 % | 95 % | bias/σ |\n|---|---|---|---|---|---|")
    for kind, make in KINDS.items():
        rng = np.random.default_rng(0)
        runs = [one_run(kind, asked.windows, rng) for _ in range(asked.runs)]
        whole = make(runs, CONDITIONS, choose_sampling(runs, RESOLUTION, 1))
        made = [make([run], CONDITIONS, choose_sampling([run], RESOLUTION, BLOCKS)) for run in runs]
        for name in filter(lambda name: column_name(name) in whole.columns, whole.columns):
            values = np.array([at_points(each, each.columns[name]) for each in made])
            both = np.array([intervals(each, name) for each in made])
            numbers = coverage(at_points(whole, whole.columns[name]), values, both)
            print(f"| {kind} | {name} |", " | ".join(f"{number:.2f}" for number in numbers), "|", flush=True)


if __name__ == "__main__":
    main()
