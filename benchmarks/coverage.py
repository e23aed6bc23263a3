"""How often the stated errors hold the true value: integrals, centres, heights, widths, depolarisation ratio.

Many synthetic runs of a damped vibration, each long enough for some blocks, are made into spectra and bands. The true
value is that of all runs together. A calibrated interval of 68 % holds it in as many runs, one of 95 % likewise.

    python benchmarks/coverage.py [--runs 200] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from scipy.signal import lfilter

from ensembles import WARM, made_series
from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import window_lags
from mimyria.spectra.bands import QUANTITIES, Measured, measure_bands
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.statistics.student import student
from mimyria.units import LIGHT_SPEED

TIMESTEP, RESOLUTION, POSITION = 8.0, 20.0, 1200.0
RANGE = (800.0, 1600.0)
"""cm⁻¹, of the band."""


def waves(frames: int, components: int, width: float, rng: np.random.Generator) -> Array:
    """Damped oscillators, ⟨x²⟩ = 1, a Lorentzian of the width (cm⁻¹) at `POSITION`, shape (frames, components)."""
    gamma, omega = np.pi * LIGHT_SPEED * width, 2 * np.pi * LIGHT_SPEED * POSITION
    step = np.exp((-gamma + 1j * omega) * TIMESTEP)
    kicks = rng.normal(size=(frames, components)) + 1j * rng.normal(size=(frames, components))
    kicks[1:] *= np.sqrt(1 - abs(step) ** 2)
    return lfilter([1], [1, -step], kicks, axis=0).real


def tensors(moves: Array) -> Array:
    """dα/dt of an isotropic and three anisotropic oscillators: ⟨ā²⟩ = 1, ⟨Tr β²⟩ = 6, shape (frames, 3, 3)."""
    rates = moves[:, :1, None] * np.eye(3)
    for k, (a, b) in enumerate(((0, 1), (0, 2), (1, 2)), 1):
        rates[:, a, b] = rates[:, b, a] = moves[:, k]
    return rates


def one_run(windows: int, width: float, rng: np.random.Generator) -> ResponseSeries:
    """Return the rates of a run."""
    frames = windows * window_lags(RESOLUTION, TIMESTEP)
    return made_series({"apt": waves(frames, 3, width, rng), "pgt": tensors(waves(frames, 4, width, rng))}, TIMESTEP)


def quantities(series: Sequence[ResponseSeries], blocks: int) -> dict[str, Measured]:
    """Return the quantities of the band, with their intervals."""
    sampling = choose_sampling(series, RESOLUTION, blocks)
    (band,) = measure_bands(infrared(series, WARM, sampling), ranges=[RANGE])
    scattered = raman(series, WARM, sampling)
    middle, name = int(np.argmin(abs(scattered.wavenumber - POSITION))), "depolarisation_ratio"
    widths = (scattered.replicates.interval(scattered.lines[name], z)[middle] for z in (1.0, 2.0))
    ratio = Measured(scattered.columns[name][middle], *widths)
    (band_of_vv,) = measure_bands(scattered, "VV", [RANGE])
    assert band_of_vv.depolarisation_ratio is not None
    ratios = {"ρ of the band": band_of_vv.depolarisation_ratio, "ρ of the maximum": ratio}
    return {name: getattr(band, name) for name in QUANTITIES} | ratios


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = []
    for width, windows, blocks in ((100.0, 10, 10), (100.0, 50, 10), (400.0, 10, 10), (20.0, 50, 10), (100.0, 5, 5)):
        rng = np.random.default_rng(0)
        runs = [one_run(windows, width, rng) for _ in range(asked.runs)]
        true = quantities(runs, 1)
        made = [quantities([run], blocks) for run in runs]
        for name in made[0]:
            value, narrow, wide = np.array([[run[name].value, run[name].error, run[name].error_95] for run in made]).T
            away = abs(value - true[name].value)
            error = narrow / student(blocks - 1)
            rows.append(
                {
                    "width": width,
                    "windows": windows,
                    "blocks": blocks,
                    "quantity": name,
                    "true": true[name].value,
                    "mean": float(value.mean()),
                    "stated/true": float(np.sqrt(np.mean(error**2) / value.var(ddof=1))),
                    "within 68 %": float((away < narrow).mean()),
                    "within 95 %": float((away < wide).mean()),
                }
            )
            print("  ".join(f"{key} {v:.3g}" if isinstance(v, float) else f"{key} {v}" for key, v in rows[-1].items()))
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
