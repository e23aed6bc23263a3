"""Labels that the loop needs when it draws frames at random, and when it takes those its committee disagrees about.

python benchmarks/selection.py [--seeds 3] [--cycles 5] [--batch 4] [--json]

Labels are those of the polarizable model in tests/, whose spectra are known exactly. The networks of each cycle make
spectra along another trajectory, from which no frame is labelled: the table says by which score Σ|A-B|/Σ|A+B| these
differ from the exact ones, the mean over the seeds and its standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

import polarizable  # noqa: E402

from ensembles import made_series  # noqa: E402
from mimyria import loop  # noqa: E402
from mimyria.autotrain.settings import AutotrainSettings, Convergence, Limits, Selection  # noqa: E402
from mimyria.formats import read_frames, write_frames  # noqa: E402
from mimyria.loop import autotrain  # noqa: E402
from mimyria.pipeline import make_spectra  # noqa: E402
from mimyria.process import set_up_memory  # noqa: E402
from mimyria.settings import SpectrumSettings, TrainSettings  # noqa: E402
from mimyria.spectra.compare import similarity  # noqa: E402
from mimyria.spectra.conditions import Conditions  # noqa: E402
from mimyria.spectra.infrared import infrared  # noqa: E402
from mimyria.spectra.raman import raman  # noqa: E402
from mimyria.spectra.sampling import choose_sampling  # noqa: E402
from mimyria.spectra.spectrum import read_spectrum  # noqa: E402
from mimyria.training.train import train  # noqa: E402

MOLECULES, FRAMES, PROBE, TIMESTEP, RESOLUTION, TEMPERATURE = 8, 900, 600, 3.0, 60.0, 300.0
MEMBERS, EPOCHS = 2, 60
COLUMNS = (("ir", "n_alpha_cm-1"), ("raman", "VV"), ("raman", "VH"))


class Steps:
    """The steps of the loop within this process, labels by the model itself."""

    def __init__(self, folder: object, settings: AutotrainSettings, *_: object) -> None:
        self.settings = settings

    def label(self, folder: Path, otherwise: str) -> int:
        """See ``autotrain.steps.Steps``."""
        frames = [polarizable.labelled(frame) for frame in read_frames(folder / "selected.extxyz")]
        write_frames(folder / "labels.extxyz", frames)
        return len(frames)

    def train(self, folder: Path, labels: Sequence[Path]) -> None:
        """See ``autotrain.steps.Steps``."""
        frames = [frame for path in labels for frame in read_frames(path)]
        for target in ("apt", "pgt"):
            settings = TrainSettings(
                target=target,
                preset="small",
                validation=0.0,
                committee=MEMBERS,
                epochs=EPOCHS,
                seed=self.settings.selection.seed,
            )
            train(frames, settings, folder / f"{target}.mym")

    def evaluate(self, folder: Path, test: Path) -> dict[str, Any]:
        """Nothing is decided by it."""
        return {}

    def spectra(self, folder: Path, models: Path, frames: tuple[int, ...]) -> None:
        """See ``autotrain.steps.Steps``."""
        if folder == models:
            spectra(self.settings.trajectories[0], models, folder, frames[0])


def spectra(trajectory: Path, models: Path, out: Path, frames: int | None) -> None:
    """Make spectra with the networks in a folder."""
    settings = SpectrumSettings(
        kinds=("ir", "raman"),
        apt=str(models / "apt.mym"),
        pgt=str(models / "pgt.mym"),
        frames=(0, frames),
        temperature=TEMPERATURE,
        resolution=RESOLUTION,
    )
    make_spectra([trajectory], out, settings)


def scores(folder: Path, seed: int, method: str, cycles: int, batch: int) -> list[list[float]]:
    """Return the scores of the spectra of each cycle, infrared, VV and VH, against those of the model."""
    write_frames(folder / "md.xyz", polarizable.run(MOLECULES, FRAMES, TIMESTEP, seed=seed))
    unseen = polarizable.run(MOLECULES, PROBE, TIMESTEP, seed=1000 + seed)
    write_frames(folder / "unseen.xyz", unseen)
    settings = AutotrainSettings(
        trajectories=(folder / "md.xyz",),
        probe=PROBE,
        selection=Selection(method=method, test=2, first=batch, batch=batch, seed=seed),
        convergence=Convergence(patience=cycles + 1),
        limits=Limits(cycles=cycles),
        train={"committee": MEMBERS},
    )
    autotrain(settings, folder / "loop")
    rates = polarizable.exact_rates(unseen)
    series = made_series(rates, TIMESTEP, volume=np.full(PROBE, unseen[0].volume), n_atoms=len(unseen[0]))
    how, warm = choose_sampling([series], RESOLUTION, None), Conditions(TEMPERATURE)
    exact = {"ir": infrared([series], warm, how), "raman": raman([series], warm, how)}
    found = []
    for cycle in sorted((folder / "loop").glob("cycle-*")):
        spectra(folder / "unseen.xyz", cycle, folder / "unseen", None)
        row = []
        for kind, column in COLUMNS:
            ours = read_spectrum(folder / "unseen" / f"{kind}.csv")
            curves = [(one.wavenumber, one.columns[column], None) for one in (ours, exact[kind])]
            row.append(similarity(curves[0], curves[1], 300, 3900).score)
        found.append(row)
    return found


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cycles", type=int, default=5)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    set_up_memory()
    vars(loop).update(Steps=Steps, write_report=lambda _: None)
    table: dict[str, list[Any]] = {"random": [], "committee": []}
    for seed in range(options.seeds):
        for method, runs in table.items():
            with tempfile.TemporaryDirectory() as folder:
                runs.append(scores(Path(folder), seed, method, options.cycles, options.batch))
            if not options.json:
                print(f"seed {seed}, {method}: {np.round(runs[-1], 4).tolist()}", flush=True)
    if options.json:
        print(json.dumps(table))
        return
    for method, runs in table.items():
        mean = np.mean(runs, axis=0)
        error = np.std(runs, axis=0, ddof=1) / np.sqrt(len(runs)) if len(runs) > 1 else np.nan * mean
        for cycle, (row, spread) in enumerate(zip(mean, error, strict=True), 1):
            numbers = zip(COLUMNS, row, spread, strict=True)
            words = ", ".join(f"{column} {value:.4f} ± {sigma:.4f}" for (_, column), value, sigma in numbers)
            print(f"{method}: {options.batch * cycle} labels: {words}")


if __name__ == "__main__":
    main()
