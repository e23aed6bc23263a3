"""How often the stated errors hold the true value: integrals, centres, heights, widths, depolarisation ratio.

Many synthetic runs of a damped vibration whose spectrum is known, each long enough for some blocks, are made into
spectra and bands. A calibrated error of one standard deviation holds the true value in 68 %, two in 95 % of the runs.

    python benchmarks/coverage.py [--runs 200] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from scipy.signal import lfilter

from ensembles import WARM, made_series
from mimyria.frame import Array
from mimyria.rates.window import window_lags
from mimyria.spectra.bands import QUANTITIES, measure_bands
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
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


def one_run(windows: int, blocks: int, width: float, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Return the quantities of one run with their stated errors."""
    frames = windows * window_lags(RESOLUTION, TIMESTEP)
    series = made_series({"apt": waves(frames, 3, width, rng), "pgt": tensors(waves(frames, 4, width, rng))}, TIMESTEP)
    sampling = choose_sampling([series], RESOLUTION, blocks)
    (band,) = measure_bands(infrared([series], WARM, sampling), ranges=[RANGE])
    scattered = raman([series], WARM, sampling)
    middle = int(np.argmin(abs(scattered.wavenumber - POSITION)))
    ratio = scattered.columns["depolarisation_ratio"][middle], scattered.columns["depolarisation_ratio_error"][middle]
    (band_of_vv,) = measure_bands(scattered, "VV", [RANGE])
    of_band = band_of_vv.depolarisation_ratio
    assert of_band is not None
    ratios = {"ρ of the maximum": ratio, "ρ of the band": (of_band.value, of_band.error)}
    return {name: (getattr(band, name).value, getattr(band, name).error) for name in QUANTITIES} | ratios


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = []
    for width, windows, blocks in ((100.0, 10, 10), (100.0, 50, 10), (400.0, 10, 10), (20.0, 50, 10), (100.0, 5, 5)):
        rng = np.random.default_rng(0)
        made = [one_run(windows, blocks, width, rng) for _ in range(asked.runs)]
        for name in made[0]:
            value, error = np.array([run[name] for run in made]).T
            # The mean over all runs stands for the true value: windowed spectra have another width and height.
            away = abs(value - value.mean()) / error
            rows.append(
                {
                    "width": width,
                    "windows": windows,
                    "blocks": blocks,
                    "quantity": name,
                    "mean": float(value.mean()),
                    "stated/true": float(np.sqrt(np.mean(error**2) / value.var(ddof=1))),
                    "within 1σ": float((away < 1).mean()),
                    "within 2σ": float((away < 2).mean()),
                }
            )
            print("  ".join(f"{key} {v:.3g}" if isinstance(v, float) else f"{key} {v}" for key, v in rows[-1].items()))
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
