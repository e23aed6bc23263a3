"""Time from series.h5 to spectra with errors of ten blocks, beside a direct sum over pairs of frames, in one run.

python benchmarks/spectra.py [--json]

One core; the last line of ``--json`` is one object.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mimyria.frame import Array
from mimyria.process import set_up_memory
from mimyria.rates.correlation import correlation
from mimyria.rates.series import ResponseSeries, read_series, write_series
from mimyria.rates.window import window_lags
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling

FRAMES, DIRECT_FRAMES, TIMESTEP, RESOLUTION, BLOCKS, ROUNDS = 1_000_000, 5_000, 4.0, 20.0, 10, 3


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
    """Print one table."""
    set_up_memory()
    wall: dict[str, float] = {}
    processor: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_series(Path(folder) / "series.h5", [made_up(FRAMES)])
        series = read_series(Path(folder) / "series.h5")
        how = choose_sampling(series, RESOLUTION, BLOCKS)
        for name, make in (("infrared", infrared), ("raman", raman)):
            for _ in range(ROUNDS):
                begin = time.perf_counter(), time.process_time()
                make(series, Conditions(300.0), how)
                wall[name] = min(wall.get(name, np.inf), time.perf_counter() - begin[0])
                processor[name] = min(processor.get(name, np.inf), time.process_time() - begin[1])
    short, lags = made_up(DIRECT_FRAMES).rates["apt"][:], window_lags(RESOLUTION, TIMESTEP)
    begin_direct = time.perf_counter()
    expected = direct(short, lags)
    middle = time.perf_counter()
    found = correlation(short, lags)[0, 0]
    ratio = (middle - begin_direct) / (time.perf_counter() - middle)
    error = float(abs(found - expected).max())
    print(f"{FRAMES} frames, resolution {RESOLUTION:g} cm⁻¹ ({lags} lags), {BLOCKS} blocks; wall, processor")
    for name in wall:
        print(f"{name:<28}{wall[name]:8.3f} s {processor[name]:8.3f} s")
    print(f"{'both':<28}{sum(wall.values()):8.3f} s {sum(processor.values()):8.3f} s")
    print(f"correlation of {DIRECT_FRAMES} frames: {ratio:.1f} times a direct sum, largest difference {error:.1e}")
    if "--json" in sys.argv:
        print(json.dumps({"wall": wall, "processor": processor, "direct_over_ours": ratio, "difference": error}))


if __name__ == "__main__":
    main()
