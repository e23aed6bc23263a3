"""How often the blocks of a run are warned of: falsely, where they are independent, and rightly, where they are not.

Many synthetic runs of vibrations of known width; lines narrower than the resolution keep their amplitudes from one
block to the next. True error over stated one is that of the height in the middle of a line.

    python benchmarks/blocking.py [--runs 200]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from coverage import RESOLUTION, TIMESTEP

from ensembles import WARM, made_series, noise
from mimyria.checks.blocking import block_correlation, is_correlated
from mimyria.rates.window import window_lags
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling

CASES = (
    (100.0, 1, 10, 10), (100.0, 1, 50, 10), (400.0, 1, 10, 10), (20.0, 1, 50, 10), (100.0, 1, 5, 5), (400.0, 1, 40, 4),
    (100.0, 12, 10, 10), (5.0, 1, 10, 10), (5.0, 12, 10, 10), (2.0, 12, 10, 10), (1.0, 1, 10, 10), (1.0, 12, 10, 10),
    (1.0, 12, 50, 10),
)  # fmt: skip
"""Width (cm⁻¹), number of lines, length in windows, blocks."""


def one_run(width: float, lines: int, windows: int, blocks: int, seed: int) -> tuple[bool, float, float]:
    """Return whether the run is warned of, and height and error in the middle of a line."""
    places = np.linspace(400, 1700, lines) if lines > 1 else [1200.0]
    frames = windows * window_lags(RESOLUTION, TIMESTEP)
    each = [noise(frames, 3, place, width, TIMESTEP, seed * lines + k) for k, place in enumerate(places)]
    moves = np.sum(each, axis=0)
    series = [made_series({"apt": moves}, TIMESTEP)]
    made = infrared(series, WARM, choose_sampling(series, RESOLUTION, blocks))
    found = block_correlation(made.lines["n_alpha_cm-1"], made.replicates.blocks, RESOLUTION / made.wavenumber[1])
    middle = int(np.argmin(abs(made.wavenumber - places[0])))
    return is_correlated(*found), made.values()[middle], made.columns["n_alpha_error"][middle]


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    asked = parser.parse_args()
    print("| width | lines | windows | blocks | true/stated | warned |\n|---|---|---|---|---|---|")
    for case in CASES:
        warned, heights, errors = np.array([one_run(*case, seed) for seed in range(asked.runs)]).T
        ratio = heights.std(ddof=1) / np.sqrt(np.mean(errors**2))
        print(
            "|",
            " | ".join(f"{value:g}" for value in case),
            f"| {ratio:.2f} | {100 * warned.mean():.1f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
