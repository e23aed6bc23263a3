"""Train the models of organic molecules on the labels of both levels: `molecules_apt.mym`, `molecules_pgt.mym`.

    nice -n 10 python models.py FOLDER [--minutes 600]        FOLDER is where `make.py gather` wrote

Run again, it resumes what was stopped. Each is a committee, trained on all labels of GFN2-xTB and PBE0 together, and
predicts at PBE0; one molecule in ten chooses the best epoch. Its card says what it was trained on and what it is valid
for. Weights are rounded to half precision.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.process import set_up_memory
from mimyria.settings import TrainSettings
from mimyria.training.history import checkpoint_of
from mimyria.training.train import train

sys.path.append(str(Path(__file__).parents[1]))
from bundle import bundle

LEVELS = ("cheap", "dear")
"""The last one is predicted."""
VALIDATION = 9
"""Last digit of the numbers of molecules that choose the best epoch."""
VALID_FOR = (
    "single molecules of H C N O F P S Cl without charge and unpaired electrons, of up to about nine heavy atoms, near "
    "their minima or at room temperature; not radicals, ions, zwitterions, metals, liquids"
)


def labels_of(folder: Path) -> tuple[list[Frame], list[Frame], str]:
    """Return the labels for training and for validation of both levels, and what the card says of them.

    They are shuffled, for neighbours in the files are alike, and a step of the training takes neighbours.
    """
    training: list[Frame] = []
    held_out: list[Frame] = []
    words = []
    for level in LEVELS:
        own = [frame for frame in read_frames(folder / f"{level}-train.extxyz") if frame is not None]
        molecules = len({frame.info["number"] for frame in own})
        words.append(f"{len(own)} geometries of {molecules} molecules with {own[0].info['engine']}")
        for k in np.random.default_rng(0).permutation(len(own)):
            (held_out if own[k].info["number"] % 10 == VALIDATION else training).append(own[k])
    return training, held_out, "; ".join(words)


def make(target: str, folder: Path, minutes: float, preset: str, committee: int) -> None:
    """Train the committee of a target, and write it with its card."""
    frames, held_out, words = labels_of(folder)
    raw, path = folder / f"raw_{target}.mym", folder / f"molecules_{target}.mym"
    settings = TrainSettings(target=target, committee=committee, preset=preset, time_limit=minutes)
    if not raw.exists() or checkpoint_of(raw).exists():
        resume = checkpoint_of(raw).exists()
        train(frames, settings, raw, validation=held_out, resume=resume, origin=str(folder))
    card = {"system": "organic molecules in vacuum", "labels": words, "valid_for": VALID_FOR}
    bundle(raw, path, target, card)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Train what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=600.0, help="of each target")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--committee", type=int, default=2)
    given = parser.parse_args()
    set_up_memory()
    for target in ("apt", "pgt"):
        make(target, given.folder, given.minutes, given.preset, given.committee)


if __name__ == "__main__":
    main()
