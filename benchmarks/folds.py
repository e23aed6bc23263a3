"""Error at a level of theory of which few labels exist: some are left out in turn, the others are trained on.

python benchmarks/folds.py LABELS [--target pgt] [--of 5] [--folds 0 1] [--start water-pbe] [--cheap FILE]
                           [--most-cheap N] [--committee 1] [--epochs N] [--learning-rate R] [--weight-decay D]
                           [--seed 0]

Every fold is one of ``--of`` equal parts of the shuffled labels. Of a committee also the error of its networks alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.model.files import read_model
from mimyria.process import set_up_memory
from mimyria.settings import TrainSettings
from mimyria.training.evaluate import compare_with_labels, evaluate
from mimyria.training.train import train

SHUFFLE = 5


def shuffled(frames: Sequence[Frame], seed: int) -> list[Frame]:
    """Return the frames in a random order."""
    return [frames[k] for k in np.random.default_rng(seed).permutation(len(frames))]


def measure(
    training: Sequence[Frame], held_out: Sequence[Frame], settings: TrainSettings
) -> tuple[float, float, float]:
    """Return the RMSE on the frames left out, of the committee and of single networks, and the labels' deviation."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mym"
        train(training, settings, path)
        model = read_model(path)
    report = evaluate(compare_with_labels(model, held_out, "the fold"))
    members, single = list(model.members), []
    for member in members:
        model.members = torch.nn.ModuleList([member])
        single.append(evaluate(compare_with_labels(model, held_out, "the fold"))["rmse"])
    return report["rmse"], root_mean_square(single), report["deviation"]


def root_mean_square(values: Iterable[float]) -> float:
    """Return √⟨x²⟩."""
    return float(np.sqrt(np.mean(np.square(list(values)))))


def main() -> None:
    """Print a line for every fold, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--target", default="pgt")
    parser.add_argument("--of", type=int, default=5)
    parser.add_argument("--folds", type=int, nargs="+")
    parser.add_argument("--start")
    parser.add_argument("--cheap", type=Path)
    parser.add_argument("--most-cheap", type=int)
    parser.add_argument("--committee", type=int, default=1)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    set_up_memory()
    torch.set_num_threads(1)
    frames = shuffled(list(read_frames(options.labels)), SHUFFLE)
    cheap = shuffled(list(read_frames(options.cheap)), 0)[: options.most_cheap] if options.cheap else []
    asked = ("target", "start", "committee", "epochs", "learning_rate", "weight_decay", "seed")
    settings = TrainSettings(validation=0.0, **{name: getattr(options, name) for name in asked})
    found = []
    for fold in range(options.of) if options.folds is None else options.folds:
        training = [frame for k, frame in enumerate(frames) if k % options.of != fold]
        found.append(measure([*cheap, *training], frames[fold :: options.of], settings))
        print(f"fold {fold}, {len(training)} labels: RMSE {found[-1][0]:.4g}, single networks {found[-1][1]:.4g}")
    whole, single, deviation = (root_mean_square(values) for values in zip(*found, strict=True))
    print(f"all: RMSE {whole:.4g}, single networks {single:.4g}, relative {whole / deviation:.4f}")


if __name__ == "__main__":
    main()
