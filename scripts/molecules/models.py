"""Train the models of organic molecules on the labels of both levels: `molecules_apt.mym`, `molecules_pgt.mym`.

    nice -n 10 python models.py FOLDER [--minutes 19]          FOLDER is where `make.py gather` wrote

Run again, it resumes what was stopped. Each is trained on all labels of GFN2-xTB and PBE0 together, and predicts at
PBE0. No molecule is left out to choose the best epoch, for there are few: the last is taken. Its card says what it
was trained on and what it is valid for.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.model.files import read_model, write_model
from mimyria.process import set_up_memory
from mimyria.settings import TrainSettings
from mimyria.training.evaluate import compare_with_labels, evaluate
from mimyria.training.history import checkpoint_of
from mimyria.training.train import train

sys.path.append(str(Path(__file__).parents[1]))
from bundle import bundle

LEVELS = ("cheap", "dear")
"""The last one is predicted."""
RATE = 0.02
"""At the usual one, 0.04, losses of single steps rose to 10¹⁴ (atoms of small molecules), and one training diverged."""
VALID_FOR = (
    "single molecules of H C N O F P S Cl Br without charge and unpaired electrons, of up to about nine heavy atoms, "
    "near their minima or at room temperature; not radicals, ions, zwitterions, metals, liquids"
)


def labels_of(folder: Path) -> tuple[list[Frame], str]:
    """Return the labels of both levels, and what the card says of them.

    They are shuffled, for neighbours in the files are alike, and a step of the training takes neighbours.
    """
    frames: list[Frame] = []
    words = []
    for level in LEVELS:
        own = [frame for frame in read_frames(folder / f"{level}-train.extxyz") if frame is not None]
        molecules = len({frame.info["number"] for frame in own})
        words.append(f"{len(own)} geometries of {molecules} molecules with {own[0].info['engine']}")
        frames += [own[k] for k in np.random.default_rng(0).permutation(len(own))]
    return frames, "; ".join(words)


def make(target: str, folder: Path, minutes: float, preset: str, committee: int) -> None:
    """Train the networks of a target, and write them with their card."""
    frames, words = labels_of(folder)
    raw, path = folder / f"raw_{target}.mym", folder / f"molecules_{target}.mym"
    shape: dict[str, Any] = {"target": target, "committee": committee, "preset": preset}
    settings = TrainSettings(**shape, time_limit=minutes, validation=0.0, learning_rate=RATE)
    if not raw.exists() or checkpoint_of(raw).exists():
        resume = checkpoint_of(raw).exists()
        train(frames, settings, raw, resume=resume, origin=str(folder))
    model = read_model(raw, target)  # at the last level alone
    write_model(path, model, model.summary)
    others = [frame for frame in read_frames(folder / f"{LEVELS[-1]}-held-out.extxyz") if frame is not None]
    error = evaluate(compare_with_labels(model, others, "held out"))["of_size"]
    card = {
        "system": "organic molecules in vacuum",
        "labels": words,
        "valid_for": VALID_FOR,
        "error": f"{error:.1%} of the size of the tensors, in {len(others)} molecules of other scaffolds",
    }
    bundle(path, path, target, card)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Train what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=19.0, help="of each target")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--committee", type=int, default=1)
    given = parser.parse_args()
    set_up_memory()
    for target in ("apt", "pgt"):
        make(target, given.folder, given.minutes, given.preset, given.committee)


if __name__ == "__main__":
    main()
