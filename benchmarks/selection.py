"""Labels that the loop needs when it draws frames at random, and when it takes those its committee disagrees about.

python benchmarks/selection.py [--seeds 2] [--cycles 4] [--batch 6] [--json]

Labels are those of the polarizable model in tests/, whose spectra are known exactly: the table says how alike the
spectra of each cycle are to them, the mean over the seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

import polarizable  # noqa: E402

from ensembles import made_series  # noqa: E402
from mimyria.autotrain import steps  # noqa: E402
from mimyria.autotrain.loop import autotrain  # noqa: E402
from mimyria.autotrain.settings import AutotrainSettings  # noqa: E402
from mimyria.spectra.compare import read_table, similarity  # noqa: E402
from mimyria.spectra.conditions import Conditions  # noqa: E402
from mimyria.spectra.infrared import infrared  # noqa: E402
from mimyria.spectra.raman import raman  # noqa: E402
from mimyria.spectra.sampling import sampling  # noqa: E402
from mimyria.trajectory import write_frames  # noqa: E402

FRAMES, PROBE, TIMESTEP, RESOLUTION = 900, 600, 3.0, 60.0
COLUMNS = (("ir", "n_alpha_cm-1"), ("raman", "VV"), ("raman", "VH"))


def scores(folder: Path, seed: int, method: str, cycles: int, batch: int) -> list[list[float]]:
    """Return the similarity of the spectra of each cycle, infrared, VV and VH, to those of the model."""
    frames = polarizable.run(8, FRAMES, TIMESTEP, seed=seed)
    write_frames(folder / "md.xyz", frames)
    settings = AutotrainSettings.model_validate(
        {
            "trajectories": [folder / "md.xyz"],
            "probe": PROBE,
            "selection": {"method": method, "test": 4, "first": batch, "batch": batch, "seed": seed},
            "convergence": {"patience": cycles + 1},
            "limits": {"cycles": cycles},
            "label": {"engine": "polarizable"},
            "train": {"committee": 2, "preset": "small", "epochs": 60, "seed": seed},
            "spectrum": {"temperature": 300, "resolution": RESOLUTION, "plot_format": ["png"]},
        }
    )
    autotrain(settings, folder / "loop")
    rates = polarizable.exact_rates(frames[:PROBE])
    series = made_series(rates, TIMESTEP, volume=np.full(PROBE, frames[0].volume), n_atoms=24)
    how, warm = sampling([series], RESOLUTION, None), Conditions(300.0)
    exact = {"ir": infrared([series], warm, how), "raman": raman([series], warm, how)}
    found = []
    for cycle in sorted((folder / "loop").glob("cycle-*")):
        row = []
        for kind, column in COLUMNS:
            ours = read_table(cycle / f"{kind}.csv")
            curves = [(one.wavenumber, one.columns[column], None) for one in (ours, exact[kind])]
            row.append(similarity(curves[0], curves[1], 300, 3900)["similarity"])
        found.append(row)
    return found


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cycles", type=int, default=4)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    program = str(TESTS / "polarizable.py")
    steps.command = lambda *words: (sys.executable, program, *map(str, words))  # with one engine more
    table = {}
    for method in ("random", "committee"):
        runs = []
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as folder:
                runs.append(scores(Path(folder), seed, method, options.cycles, options.batch))
        table[method] = np.mean(runs, axis=0)
        for cycle, row in enumerate(table[method], 1):
            words = ", ".join(f"{column} {value:.4f}" for (_, column), value in zip(COLUMNS, row, strict=True))
            print(f"{method}: {options.batch * cycle} labels: {words}", file=sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps({method: rows.tolist() for method, rows in table.items()}))


if __name__ == "__main__":
    main()
