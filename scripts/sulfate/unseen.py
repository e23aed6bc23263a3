"""How far the bundled networks are off on labels that none of them was trained on, by kind of atom.

    python unseen.py ../../mimyria/data/sulfate_labels.extxyz.xz --out results/unseen-held-out.json
    python unseen.py data/waiting-labels.extxyz.xz --known ../../mimyria/data/sulfate_labels.extxyz.xz \
        data/autotrain-labels.extxyz.xz data/between-labels.extxyz.xz --out results/unseen-run-4.json

Errors (rms) relative to the size (rms) of the tensors, before the sum rule is made exact; standard errors over the
boxes, of which frames are alike, or over the frames of one; and of sulfur those of each box, and the least and the
largest of a frame. Frames of a run that is trained on are measured beside the labels of the training alone (`--known`),
which they must not be. In a file that marks frames as held out, these alone are measured, and the others are of the
training.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bands import plain
from cross import relative, squares
from learn import moment_of, time_to

import mimyria
from mimyria.frame import Array, Frame
from mimyria.memory import file_facts
from mimyria.model.files import read_model
from mimyria.molecules import find_bonds, molecules_of
from mimyria.process import set_up_memory

MODELS = {name: Path(__file__).parents[2] / "mimyria" / "data" / f"sulfate_{name}.mym" for name in ("apt", "pgt")}
HELD_OUT = "held_out"
"""Key of the bundled labels' headers."""
KINDS = ("sulfate S", "sulfate O", "sodium", "water H", "water O")


def ion_of(frame: Frame) -> Array:
    """Return which atoms are of the first sulfate, shape (n,)."""
    bonds = find_bonds(frame)
    molecule = molecules_of(bonds[0], bonds[1], len(frame))
    return np.asarray(molecule == molecule[int(np.argmax(frame.numbers == 16))])


def kinds_of(frame: Frame) -> dict[str, Array]:
    """Return which atoms are of each kind."""
    ion, numbers = ion_of(frame), frame.numbers
    oxygen = numbers == 8
    return dict(zip(KINDS, (numbers == 16, ion & oxygen, numbers == 11, numbers == 1, ~ion & oxygen), strict=True))


def errors(target: str, frames: Sequence[Frame]) -> dict[str, list[dict[str, Any]]]:
    """Return for each kind of atom the summed squares of errors and sizes of each frame that has it."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for frame, predicted in zip(frames, mimyria.predict(MODELS[target], frames, sum_rule="none"), strict=True):
        for kind, atoms in kinds_of(frame).items():
            if atoms.any():
                both = (of.tensors[target][atoms] for of in (predicted, frame))
                rows.setdefault(kind, []).append(squares(frame, *both))
    return rows


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--known", type=Path, nargs="+", default=[], help="labels of the training of the same runs")
    parser.add_argument("--out", type=Path, default=Path("unseen.json"))
    options = parser.parse_args()
    set_up_memory()
    given = [frame for path in options.labels for frame in mimyria.read_frames(path)]
    frames = [frame for frame in given if frame.info.get(HELD_OUT, True)]
    known = [frame for frame in given if not frame.info.get(HELD_OUT, True)]
    known += [frame for path in options.known for frame in mimyria.read_frames(path) if not frame.info.get(HELD_OUT)]
    runs = {str(frame.info["run"]) for frame in frames}
    beside = [frame for frame in known if str(frame.info["run"]) in runs]
    if trained_on := sorted({moment_of(frame) for frame in frames}.intersection(map(moment_of, beside))):
        parser.error(f"{trained_on[0]} is a label of the training")
    others = runs.difference(str(frame.info["run"]) for frame in beside)
    for path in MODELS.values():
        if missing := sorted(others.intersection(read_model(path).summary["labels"].partition(" of ")[2].split(", "))):
            parser.error(f"{path.name} is trained on frames of {', '.join(missing)}: give its labels with --known")
    found: dict[str, Any] = {"networks": {path.name: file_facts(path)["digest"] for path in MODELS.values()}}
    found |= {"labels": len(frames), "boxes": len(runs)}
    if nearest := [time for frame in frames if (time := time_to(frame, beside)) is not None]:
        found |= {"known": len(beside), "fs_to_known": [min(nearest), max(nearest)]}
    for target in MODELS:
        rows = errors(target, frames)
        found[target] = {kind: plain(relative(rows[kind])) for kind in KINDS if kind in rows}
        of_frames = [float(np.sqrt(row["error"] / row["size"])) for row in rows["sulfate S"]]
        of_boxes = {
            run: relative([row for row in rows["sulfate S"] if row["run"] == run]).value for run in sorted(runs)
        }
        found[target]["sulfate S"] |= {"least": min(of_frames), "largest": max(of_frames), "boxes": of_boxes}
        for kind, of_kind in rows.items():
            print(target, kind, relative(of_kind))
    options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
