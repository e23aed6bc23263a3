"""The error of sulfur's PGT over all labels of one ion: each run predicted by networks of the others.

    python cross.py labels-*.extxyz --out cross.jsonl

The runs are dealt into `--parts`; boxes of several ions are trained on, never measured. A part adds its frames to the
file of --out, a line each, and is not computed again unless labels, parts or way have become others. Five parts of 180
labels take a quarter of an hour of a core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from learn import WAYS, read_rows, split

import mimyria
from mimyria.frame import Frame
from mimyria.molecules import nearest_image
from mimyria.process import set_up_memory
from mimyria.spectra.bands import Measured

SULFUR, SODIUM = 16, 11
BOUNDS = ((0.0, 4.0), (4.0, 5.0), (5.0, np.inf))
"""Å, from sulfur to the nearest sodium."""
DRAWS = 400
"""Of the bootstrap over runs: frames of one run are alike."""


def deal(frames: Sequence[Frame], parts: int) -> tuple[list[Frame], list[list[str]]]:
    """Return the frames of one ion, and the names of their runs dealt into so many parts."""
    single = [frame for frame in frames if np.count_nonzero(frame.numbers == SULFUR) == 1]
    runs = np.random.default_rng(1).permutation(sorted({str(frame.info["run"]) for frame in single}))
    return single, [part.tolist() for part in np.array_split(runs, parts)]


def measure(way: str, training: Sequence[Frame], test: Sequence[Frame]) -> list[dict[str, Any]]:
    """Return for each frame the squared error and size of sulfur's PGT, and the distance of sodium (None without)."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mym"
        mimyria.train(training, path, target="pgt", seed=0, **WAYS[way])
        for frame, predicted in zip(test, mimyria.predict(path, test, sum_rule="none"), strict=True):
            (sulfur,) = np.flatnonzero(frame.numbers == SULFUR)
            right = frame.tensors["pgt"][sulfur]
            apart = frame.positions[frame.numbers == SODIUM] - frame.positions[sulfur]
            nearest = [float(np.linalg.norm(nearest_image(vector, frame.cell, frame.periodic))) for vector in apart]
            error, size = (float(np.sum(tensor**2)) for tensor in (predicted.tensors["pgt"][sulfur] - right, right))
            of_frame = {"run": str(frame.info["run"]), "md_time": float(frame.info["md_time"])}
            rows.append(of_frame | {"error": error, "size": size, "sodium": min(nearest, default=None)})
    return rows


def relative(rows: Sequence[dict[str, Any]]) -> Measured:
    """Return the root of the summed squares of errors over those of sizes, with its standard error over the runs."""
    of_runs: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        of_runs.setdefault(row["run"], []).append((row["error"], row["size"]))
    squares = np.array([np.sum(pairs, axis=0) for pairs in of_runs.values()])
    draws = np.random.default_rng(0).integers(0, len(squares), (DRAWS, len(squares)))
    error, size = squares.sum(axis=0)
    spread = np.sqrt(np.divide(*squares[draws].sum(axis=1).T)).std()
    return Measured(float(np.sqrt(error / size)), float(spread))


def in_words(rows: Sequence[dict[str, Any]]) -> str:
    """Return the relative error in %, and of how many frames it is."""
    error = relative(rows)
    return f"{100 * error.value:.1f} ± {100 * error.error:.1f} % ({len(rows)} frames)"


def main() -> None:
    """Compute the parts that are missing, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--parts", type=int, default=5)
    parser.add_argument("--way", default="clusters, far", choices=list(WAYS), help="of training, as in learn.py")
    parser.add_argument("--out", type=Path, default=Path("cross.jsonl"))
    given = parser.parse_args()
    set_up_memory()
    frames = [frame for path in given.labels for frame in mimyria.read_frames(path)]
    single, parts = deal(frames, given.parts)
    asked = {"labels": len(frames), "parts": given.parts, "way": given.way}
    rows = [row for row in read_rows(given.out) if asked.items() <= row.items()]
    for names in parts:
        if not {row["run"] for row in rows}.issuperset(names):
            training, _ = split(frames, names)
            rows += (found := [asked | row for row in measure(given.way, training, split(single, names)[1])])
            with given.out.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in found)
    print("all:", in_words(rows))
    print("worst:", f"{100 * max(np.sqrt(row['error'] / row['size']) for row in rows):.0f} %")
    print("no sodium:", in_words([row for row in rows if row["sodium"] is None]))
    for low, high in BOUNDS:
        inside = [row for row in rows if row["sodium"] is not None and low <= row["sodium"] < high]
        print(f"sodium from {low:g} to {high:g} Å:", in_words(inside))


if __name__ == "__main__":
    main()
