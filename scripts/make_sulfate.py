"""Make the bundled sample of aqueous sulfate: labels, the models `sulfate` trained on them, an excerpt of a run.

    python scripts/make_sulfate.py mimyria/data/sulfate_labels.extxyz.xz
        --also scripts/sulfate/data/autotrain-labels.extxyz.xz scripts/sulfate/data/crowded-labels.extxyz.xz
        scripts/sulfate/data/late-labels.extxyz.xz scripts/sulfate/data/between-labels.extxyz.xz
        scripts/sulfate/data/moved-labels.extxyz.xz
        --hold-out dear-run-8 early-4 charged-run-1@2000 charged-run-1@4000
        late-353 late-354 late-409 late-410 [--run dear-run-8.extxyz.xz]

The labels named first are what `scripts/sulfate` tells how to make, or what is bundled of them; frames of the runs (or
RUN@TIME, fs) of --hold-out are marked, and no model is trained on them. Those of --also are trained on too, but not
bundled. The PGT begins with the network of many cheap labels that `scripts/sulfate` tells of. Without --run the excerpt
stays as it is. Run again, it resumes what was stopped; more labels need another --folder. It takes some four hours of a
core, most of it for the gradients, however many labels.
"""

from __future__ import annotations

import argparse
import lzma
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from bundle import bundle
from make_data import TENSOR_DIGITS, rounded_label

from mimyria.formats import read_frames, write_frames
from mimyria.frame import Array, Frame
from mimyria.level import level_of
from mimyria.process import set_up_memory
from mimyria.settings import TrainSettings
from mimyria.training.history import checkpoint_of
from mimyria.training.train import train

DATA = Path(__file__).parents[1] / "mimyria" / "data"
LABELS, RUN = "sulfate_labels.extxyz.xz", "sulfate_run.extxyz.xz"
KEPT = ("run", "md_time", "total_charge", "field", "engine", "alpha", "qa_apt_sum", "qa_pgt_sum")
LEVEL = ("program", "functional", "basis", "cutoff", "xc_grid", "diffuse", "epsilon_infinity")
HELD_OUT = "held_out"
POSITION_DIGITS, VELOCITY_DIGITS = 3, 4
"""Å and Å/fs."""
FRAMES, EVERY = 500, 2
"""Of the excerpt, 4 fs apart."""
CLUSTERS = Path(__file__).parent / "sulfate" / "data" / "clusters-large_pgt.mym"
WAYS: dict[str, dict[str, Any]] = {
    "apt": {"validation": 0, "steps": 6000, "gradient_weight": 0.1},
    "pgt": {
        "validation": 0,
        "steps": 18000,
        "learning_rate": 0.02,
        "preset": "far",
        "start": str(CLUSTERS),
        "gradient_weight": 0.5,
        "committee": 2,
    },
}
"""How each is trained, on all labels that --hold-out leaves; for the ions, scratch is better than a start from the
networks of water (docs/sulfate.md). How much the gradients of displaced sulfur count: scripts/sulfate/README.md."""
CARD = {
    "system": "sulfate in water, SO4 2-, with or without sodium",
    "valid_for": "sulfate, with sodium or none, one in 32 waters (1.7 mol/L) near ambient conditions, and with larger "
    "errors three in 30; not "
    "hydrogen sulfate, not other ions: each prediction warns of atoms in environments outside the training data",
}


def labelled(frames: Iterable[Frame], held_out: Sequence[str]) -> Iterator[Frame]:
    """Yield frames with the digits that matter and what is worth keeping of their headers."""
    for frame in frames:
        names = {run := str(frame.info["run"]), f"{run}@{frame.info['md_time']:g}"}
        info = {key: frame.info[key] for key in (*KEPT, *LEVEL) if key in frame.info}
        kept = rounded_label(frame)
        yield replace(kept, forces=None, velocities=None, info=info | {HELD_OUT: not names.isdisjoint(held_out)})


def excerpt(run: Path) -> Iterator[Frame]:
    """Yield the frames of the excerpt."""
    for frame in islice(read_frames(run), 0, FRAMES * EVERY, EVERY):
        velocities: Array | None = frame.velocities
        if velocities is None:
            sys.exit(f"{run} has no velocities")
        positions = frame.positions.round(POSITION_DIGITS)
        yield replace(frame, positions=positions, velocities=velocities.round(VELOCITY_DIGITS), info={})


def write(name: str, frames: Iterable[Frame]) -> None:
    """Write frames, packed as small as can be, and print the size."""
    path = DATA / name
    write_frames(path, frames)
    path.write_bytes(lzma.compress(lzma.decompress(path.read_bytes()), preset=9 | lzma.PRESET_EXTREME))
    print(f"{name}: {path.stat().st_size / 1e6:.2f} MB")


def make_model(target: str, frames: Sequence[Frame], folder: Path) -> None:
    """Train a network if it is not there yet, and put it with its card into the package."""
    path = folder / f"sulfate_{target}.mym"
    if not path.exists() or checkpoint_of(path).exists():
        settings = TrainSettings(target=target, **WAYS[target])
        train(frames, settings, path, resume=checkpoint_of(path).exists(), origin=LABELS)
    runs = ", ".join(sorted({str(frame.info["run"]) for frame in frames}))
    level = level_of(frames[-1].info)
    of_level = sum(level_of(frame.info) == level for frame in frames)
    stated = f"{len(frames)} frames of {runs}"
    if of_level < len(frames):
        stated += f", {of_level} of them at the level that is predicted"
    bundle(path, DATA / path.name, target, CARD | {"labels": stated})


def main() -> None:
    """Make labels and models, and the excerpt where its run is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--hold-out", nargs="+", required=True, metavar="RUN[@TIME]")
    parser.add_argument("--also", type=Path, nargs="+", default=[], metavar="LABELS")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("sulfate-models"))
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    set_up_memory()
    write(LABELS, labelled((frame for path in options.labels for frame in read_frames(path)), options.hold_out))
    if options.run:
        write(RUN, excerpt(options.run))
    training = [frame for frame in read_frames(DATA / LABELS) if not frame.info[HELD_OUT]]
    training += [frame for path in options.also for frame in read_frames(path)]
    for target in TENSOR_DIGITS:
        make_model(target, training, options.folder)


if __name__ == "__main__":
    main()
