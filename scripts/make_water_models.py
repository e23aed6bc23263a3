"""Train the bundled models of liquid water: `water-pbe` on the cheap labels, and from it `water` on the dear ones.

python scripts/make_water_models.py [FOLDER [NAME ...]]: run again, it resumes what was stopped; NAME is one of MODELS.
The committee's members share a tenth of the frames, held out, on which the errors in the model card are measured.
"""

import sys
from pathlib import Path
from typing import Any

from bundle import bundle

from mimyria.formats import read_frames
from mimyria.process import set_up_memory
from mimyria.settings import TrainSettings
from mimyria.training.history import checkpoint_of
from mimyria.training.train import train

ROOT = Path(__file__).parents[1]
DATA = ROOT / "mimyria" / "data"
VALID_FOR = (
    "bulk liquid water near ambient density, about 270 to 350 K; not ice, vapour, surfaces or solutes: "
    "each prediction warns of atoms in environments outside the training data, and states the committee's deviation"
)
FIELDS = "13 fields of 2e-3 E_h/(e a0), CP2K 2023.1"
MODELS: dict[str, dict[str, Any]] = {
    "water-pbe": {
        "files": [DATA / "water32_labels.extxyz.xz"],
        "labels": "frames of 32 molecules at 0.997 g/cm³ and 280, 300 and 340 K, from molecular dynamics with a "
        f"potential fitted to DFT (K. Xu et al., J. Chem. Phys. 158, 204114); PBE, DZVP-GTH, 280 Ry, {FIELDS}",
        "settings": {"epochs": 60},
    },
    "water": {
        "files": [
            DATA / "water32_labels_production.extxyz.xz",
            ROOT / "scripts" / "water_labels" / "more-production.extxyz.xz",
        ],
        "labels": "frames of 32 molecules at 0.997 g/cm³: 18 beads of path integrals with NEP-MB-pol and 6 with "
        "revPBE0-D3, 4 of an effective potential with the latter, all at 300 K, 12 of classical dynamics with "
        f"NEP-MB-pol at 280, 290 and 340 K; PBE, DZVP-GTH-DIFFUSE, 280 Ry, {FIELDS}; begun from water-pbe",
        "settings": {"epochs": 20, "start": "water-pbe"},
    },
}
"""What each is trained on, and how; a start needs few steps."""


def make(name: str, target: str, folder: Path) -> None:
    """Train one committee if it is not there yet, and put it with its card into the package."""
    recipe = MODELS[name]
    path = folder / f"{name}_{target}.mym"
    frames = [frame for labels in recipe["files"] for frame in read_frames(labels)]
    if not path.exists() or checkpoint_of(path).exists():
        settings = TrainSettings(target=target, committee=3, **recipe["settings"])
        origin = ", ".join(labels.name for labels in recipe["files"])
        train(frames, settings, path, resume=checkpoint_of(path).exists(), origin=origin)
    card = {"system": "liquid water, H2O", "labels": f"{len(frames)} {recipe['labels']}", "valid_for": VALID_FOR}
    bundle(path, DATA / path.name, target, card)


def main() -> None:
    """Train what is not there yet."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "water-models")
    folder.mkdir(exist_ok=True)
    set_up_memory()
    for name in sys.argv[2:] or MODELS:
        for target in ("apt", "pgt"):
            make(name, target, folder)


if __name__ == "__main__":
    main()
