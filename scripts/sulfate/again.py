"""How far labels of sulfur's PGT are from those of the same frames labelled again, and networks from both.

    python again.py ../../mimyria/data/sulfate_labels.extxyz.xz data/again-labels.extxyz.xz \
        --before data/quick-labels.extxyz.xz ../../mimyria/data/sulfate_labels.extxyz.xz \
        data/moved-labels.extxyz.xz data/late-labels.extxyz.xz data/waiting-labels.extxyz.xz \
        --models ../../mimyria/data/sulfate_pgt.mym --out results/again.json

Norms of differences relative to the norm of the new label's tensor, before the sum rule is made exact. Where a frame
and the same with sulfur displaced are both labelled again, the rates that they tell (`mimyria.training.gradients`) are
compared too, of all atoms, weighted as in a training, and of the waters beyond `FAR` alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cross import SULFUR
from learn import moment_of
from unseen import kinds_of

import mimyria
from mimyria.frame import Array, Frame
from mimyria.model.files import read_model
from mimyria.model.model import ResponseModel
from mimyria.molecules import nearest_image
from mimyria.process import set_up_memory
from mimyria.training.gradients import GradientLabel, gradient_labels, gradient_of, pairs_of

FAR = 4.5
"""Å, from sulfur."""
SAME = 1e-3
"""Å, within which all atoms of two frames are at the same places."""


def twice(again: Sequence[Frame], before: Sequence[Frame]) -> list[tuple[Frame, Frame]]:
    """Return the frames that have another label than before, each with the frame of before."""
    both = []
    for new in again:
        alike = (old for old in before if moment_of(old) == moment_of(new))
        for old in alike:
            same_place = abs(old.positions - new.positions).max() < SAME
            if same_place and apart(old.tensors["pgt"], new.tensors["pgt"]) > 0:
                both.append((old, new))
    return both


def apart(one: Array, other: Array) -> float:
    """Return by how much tensors differ from the others, relative to their size."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def of_frames(both: Sequence[tuple[Frame, Frame]], models: Sequence[Path]) -> list[dict[str, Any]]:
    """Return for each frame how far sulfur's PGT was off, and how far those of the models are from both labels."""
    rows: list[dict[str, Any]] = []
    for old, new in both:
        facts = {name: [of.info[name] for of in (old, new)] for name in ("field", "engine")}
        rows.append(
            {"run": new.info["run"], "md_time": new.info["md_time"], **facts, "label": apart(*sulfurs(old, new))}
        )
    for path in models:
        predicted = mimyria.predict(path, [new for _, new in both], sum_rule="none")
        for row, found, labels in zip(rows, predicted, both, strict=True):
            row[path.name] = [apart(*sulfurs(found, label)) for label in labels]
    return rows


def sulfurs(*frames: Frame) -> list[Array]:
    """Return the PGT of each frame's sulfur."""
    return [frame.tensors["pgt"][frame.numbers == SULFUR] for frame in frames]


def of_pairs(both: Sequence[tuple[Frame, Frame]], models: Sequence[Path]) -> list[dict[str, Any]]:
    """Return for each pair how far its rates were off, and those of each model (its first network) from both."""
    rows = []
    networks = {path.name: read_model(path) for path in models}
    shape = next(iter(networks.values()))
    for pair in pairs_of([new for _, new in both]):
        ((old,), (new,)) = (
            gradient_labels([both[k][which] for k in (pair.first, pair.second)], shape) for which in (0, 1)
        )
        far = beyond(new.frame, new.atom)
        row = {name: new.frame.info[name] for name in ("run", "md_time")}
        row |= {"label": off(old.rates, new.rates, new.weights), "far": apart(old.rates[far], new.rates[far])}
        for name, network in networks.items():
            found = rates_of(network, new)
            row[name] = [off(found, label.rates, new.weights) for label in (old, new)]
        rows.append(row)
    return rows


def rates_of(model: ResponseModel, label: GradientLabel) -> Array:
    """Return the rates that the first network of a model has, of a PGT."""
    units = torch.eye(9, dtype=torch.float64).reshape(9, 3, 3)
    rates = [gradient_of(model, label, unit).numpy() for unit in units]
    return np.stack(rates, axis=1).reshape(label.rates.shape)


def off(one: Array, other: Array, weights: Array) -> float:
    """Return by how much rates differ from the others, relative to their size, atoms weighted as in a training."""
    error, size = (weights @ np.square(part).sum(axis=(1, 2, 3)) for part in (one - other, other))
    return float(np.sqrt(error / size))


def beyond(frame: Frame, atom: int) -> Array:
    """Return which atoms of water are farther than `FAR` from an atom, shape (n,)."""
    vectors = (nearest_image(vector, frame.cell, frame.periodic) for vector in frame.positions - frame.positions[atom])
    kinds = kinds_of(frame)
    return (kinds["water O"] | kinds["water H"]) & (np.linalg.norm([*vectors], axis=1) > FAR)


def main() -> None:
    """Compare, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("again", type=Path, nargs="+")
    parser.add_argument("--before", type=Path, nargs="+", required=True)
    parser.add_argument("--models", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, default=Path("again.json"))
    options = parser.parse_args()
    set_up_memory()
    again, before = (
        [frame for path in paths for frame in mimyria.read_frames(path)] for paths in (options.again, options.before)
    )
    both = twice(again, before)
    if not both:
        parser.error("none of these frames was labelled before with another result")
    found = {"frames": of_frames(both, options.models), "pairs": of_pairs(both, options.models)}
    options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for kind, rows in found.items():
        print(kind)
        for row in rows:
            errors = [
                f"{100 * one:.1f}, {100 * other:.1f} %" for one, other in (row[path.name] for path in options.models)
            ]
            words = f"{row['run']}, {row['md_time']:g} fs", f"{100 * row['label']:.1f} %", *errors
            print("|", " | ".join(words), "|")


if __name__ == "__main__":
    main()
