"""Train the bundled models of liquid water on all bundled labels.

python scripts/make_water_models.py [FOLDER [apt|pgt]]: run again, it resumes what was stopped.
The committee's members share a tenth of the frames, held out, on which the errors in the model card are measured.
"""

import sys
from pathlib import Path

from mimyria.__main__ import set_up_memory
from mimyria.formats import read_frames
from mimyria.model.files import FORMAT, read_content, read_model, write_content
from mimyria.settings import TrainSettings
from mimyria.training.history import checkpoint_of
from mimyria.training.train import train

ROOT = Path(__file__).parents[1]
DATA = ROOT / "mimyria" / "data"
LABELS = DATA / "water32_labels.extxyz.xz"
MEMBERS, EPOCHS = 3, 60
CARD = {
    "system": "liquid water, H2O",
    "labels": "90 frames of 32 molecules at 0.997 g/cm³ and 280, 300 and 340 K, from molecular dynamics with a "
    "potential fitted to DFT (K. Xu et al., J. Chem. Phys. 158, 204114); PBE, DZVP-GTH, 280 Ry, CP2K 2023.1, "
    "13 fields of 2e-3 E_h/(e a0)",
    "valid_for": "bulk liquid water near ambient density, about 270 to 350 K; not ice, vapour, surfaces or solutes: "
    "each prediction warns of atoms in environments outside the training data, and states the committee's deviation",
}


def main() -> None:
    """Train what is not there yet, and put it with its card into the package."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "water-models")
    folder.mkdir(exist_ok=True)
    set_up_memory()
    frames = list(read_frames(LABELS))
    for target in sys.argv[2:] or ("apt", "pgt"):
        path = folder / f"water_{target}.mym"
        if not path.exists() or checkpoint_of(path).exists():
            settings = TrainSettings(target=target, committee=MEMBERS, epochs=EPOCHS)
            train(frames, settings, path, resume=checkpoint_of(path).exists(), origin=LABELS.name)
        content = read_content(path, FORMAT)
        content["summary"] = CARD | content["summary"]
        content["weights"] = {
            name: tensor.half() if name.startswith("members") else tensor for name, tensor in content["weights"].items()
        }  # half the size; it changes the tensors by a thousandth of their error
        write_content(DATA / path.name, content)
        read_model(DATA / path.name, target)


if __name__ == "__main__":
    main()
