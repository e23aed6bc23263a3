"""The error of sulfur's PGT over all labels of one ion: each run predicted by networks of the others.

    python cross.py labels-*.extxyz --out cross.jsonl
    python cross.py labels-*.extxyz --within dear-run-4 --out cross.jsonl      # each frame of a run by other labels

The runs, or the frames of one, are dealt into `--parts`; boxes of several ions are trained on, never measured. A part
adds its frames to the file of --out, a line each, and is not computed again unless labels, parts or way have become
others. Five parts of 180 labels take a quarter of an hour of a core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from learn import WAYS, moment_of, read_rows, split, time_to

import mimyria
from mimyria.frame import Array, Frame
from mimyria.molecules import nearest_image
from mimyria.process import set_up_memory
from mimyria.spectra.bands import Measured

SULFUR, SODIUM = 16, 11
BOUNDS = ((0.0, 4.0), (4.0, 5.0), (5.0, np.inf))
"""Å, from sulfur to the nearest sodium."""
APART = ((0.0, 50.0), (50.0, 100.0), (100.0, np.inf))
"""fs, from a frame to the nearest one of its run that is trained on."""
DRAWS = 400
"""Of the bootstrap over runs, of which frames are alike, or over the frames of one."""


def deal(frames: Sequence[Frame], parts: int, within: str | None = None) -> list[list[str]]:
    """Return the runs of the frames of one ion, or RUN@TIME of those of one run, dealt into so many parts."""
    single = [frame for frame in frames if np.count_nonzero(frame.numbers == SULFUR) == 1]
    if within is None:
        names = {str(frame.info["run"]) for frame in single}
    else:
        names = {moment_of(frame) for frame in single if frame.info["run"] == within}
    dealt = np.random.default_rng(1).permutation(sorted(names))
    return [part.tolist() for part in np.array_split(dealt, parts)]


def measure(way: Mapping[str, Any], training: Sequence[Frame], test: Sequence[Frame]) -> list[dict[str, Any]]:
    """Return for each frame the squared error and size of sulfur's PGT, and how far sodium and other labels are.

    These are None where there is no sodium, and where no frame of the run is trained on.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mym"
        mimyria.train(training, path, target="pgt", seed=0, **way)
        for frame, predicted in zip(test, mimyria.predict(path, test, sum_rule="none"), strict=True):
            (sulfur,) = np.flatnonzero(frame.numbers == SULFUR)
            right = frame.tensors["pgt"][sulfur]
            apart = frame.positions[frame.numbers == SODIUM] - frame.positions[sulfur]
            nearest = [float(np.linalg.norm(nearest_image(vector, frame.cell, frame.periodic))) for vector in apart]
            row = squares(frame, predicted.tensors["pgt"][sulfur], right)
            rows.append(row | {"sodium": min(nearest, default=None), "to_label": time_to(frame, training)})
    return rows


def squares(frame: Frame, predicted: Array, right: Array) -> dict[str, Any]:
    """Return the summed squares of the errors and of the size of tensors, and which frame they are of."""
    error, size = (float(np.sum(tensors**2)) for tensors in (predicted - right, right))
    return {"run": str(frame.info["run"]), "md_time": float(frame.info["md_time"]), "error": error, "size": size}


def relative(rows: Sequence[dict[str, Any]]) -> Measured:
    """Return the root of the summed squares of errors over those of sizes, with its standard error.

    That is over the runs, or over the frames where there is but one.
    """
    key = "run" if len({row["run"] for row in rows}) > 1 else "md_time"
    of_runs: dict[Any, list[tuple[float, float]]] = {}
    for row in rows:
        of_runs.setdefault(row[key], []).append((row["error"], row["size"]))
    sums = np.array([np.sum(pairs, axis=0) for pairs in of_runs.values()])
    draws = np.random.default_rng(0).integers(0, len(sums), (DRAWS, len(sums)))
    error, size = sums.sum(axis=0)
    spread = np.sqrt(np.divide(*sums[draws].sum(axis=1).T)).std()
    return Measured(float(np.sqrt(error / size)), float(spread))


def in_words(rows: Sequence[dict[str, Any]]) -> str:
    """Return the relative error in %, and of how many frames it is."""
    if not rows:
        return "no frames"
    error = relative(rows)
    return f"{100 * error.value:.1f} ± {100 * error.error:.1f} % ({len(rows)} frames)"


def main() -> None:
    """Compute the parts that are missing, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--parts", type=int, default=5)
    parser.add_argument("--within", metavar="RUN", help="deal the frames of this run alone")
    parser.add_argument("--way", default="clusters, far", choices=list(WAYS), help="of training, as in learn.py")
    parser.add_argument("--out", type=Path, default=Path("cross.jsonl"))
    given = parser.parse_args()
    set_up_memory()
    frames = [frame for path in given.labels for frame in mimyria.read_frames(path)]
    parts = deal(frames, given.parts, given.within)
    if not any(parts):
        parser.error(f"no label of one ion is of {given.within or 'any run'}")
    asked = {"labels": len(frames), "parts": given.parts, "way": given.way, "within": given.within}
    rows = [row for row in read_rows(given.out) if asked.items() <= ({"within": None} | row).items()]
    for names in parts:
        training, test = split(frames, names)
        moments = {(str(frame.info["run"]), float(frame.info["md_time"])) for frame in test}
        if not moments <= {(row["run"], row["md_time"]) for row in rows}:
            rows += (found := [asked | row for row in measure(WAYS[given.way], training, test)])
            with given.out.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in found)
    print("all:", in_words(rows))
    print("worst:", f"{100 * max(np.sqrt(row['error'] / row['size']) for row in rows):.0f} %")
    print("no sodium:", in_words([row for row in rows if row["sodium"] is None]))
    for what, unit, key, bounds in (("sodium", "Å", "sodium", BOUNDS), ("the nearest label", "fs", "to_label", APART)):
        for low, high in bounds:
            inside = [row for row in rows if row.get(key) is not None and low <= row[key] < high]
            print(f"{what} from {low:g} to {high:g} {unit}:", in_words(inside))


if __name__ == "__main__":
    main()
