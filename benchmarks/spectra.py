"""Time from stored rates to spectra, beside a direct sum over pairs of frames, in one run.

python benchmarks/spectra.py [--json]
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from mimyria.frame import Array
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.correlation import correlation
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import sampling
from mimyria.spectra.series import ResponseSeries
from mimyria.spectra.window import window_lags

FRAMES, DIRECT_FRAMES, TIMESTEP, RESOLUTION = 200_000, 5_000, 4.0, 20.0


def made_up(frames: int) -> ResponseSeries:
    """Return a series of noise with one group."""
    rng = np.random.default_rng(0)
    alpha = rng.normal(size=(frames, 1, 3, 3))
    return ResponseSeries(
        groups=("all",),
        timestep=TIMESTEP,
        rates={"apt": rng.normal(size=(frames, 1, 3)), "pgt": alpha + alpha.swapaxes(2, 3)},
        volume=np.full(frames, 1000.0),
        temperature=np.full(frames, 300.0),
        velocity_species=("H",),
        velocity_correlation=np.ones((1, 2)),
        differenced=0.0,
        n_atoms=3,
    )


def direct(series: Array, lags: int) -> Array:
    """Return Σ_k ⟨x_k(0) x_k(t)⟩ one lag after the other."""
    return np.array([(series[: len(series) - lag] * series[lag:]).sum(axis=(1, 2)).mean() for lag in range(lags)])


def main() -> None:
    """Print one table, or one JSON object."""
    series = made_up(FRAMES)
    how = sampling([series], RESOLUTION, 1)
    seconds = {}
    for name, make in (("infrared", infrared), ("Raman, all invariants", raman)):
        begin = time.perf_counter()
        make([series], Conditions(300.0), how)
        seconds[name] = time.perf_counter() - begin
    short, lags = series.rates["apt"][slice(DIRECT_FRAMES)], window_lags(RESOLUTION, TIMESTEP)
    begin = time.perf_counter()
    expected = direct(short, lags)
    middle = time.perf_counter()
    found = correlation(short, lags)[0, 0]
    ratio = (middle - begin) / (time.perf_counter() - middle)
    error = float(abs(found - expected).max())
    if "--json" in sys.argv:
        print(json.dumps(seconds | {"direct_over_ours": ratio, "largest_difference": error}))
        return
    print(f"{FRAMES} frames, resolution {RESOLUTION:g} cm⁻¹ ({lags} lags)")
    for name, value in seconds.items():
        print(f"{name:<28}{value:8.3f} s")
    print(f"correlation of {DIRECT_FRAMES} frames: {ratio:.1f} times a direct sum, largest difference {error:.1e}")


if __name__ == "__main__":
    main()
