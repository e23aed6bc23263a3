"""What networks learn of the ions from few labels: ways of training beside each other, errors by kind of atom.

    python learn.py labels-*.extxyz --hold-out dear-run-8 early-4 charged-run-1@2000 charged-run-1@4000 \
        --seeds 2 --out learn.jsonl

Frames of the runs (or RUN@TIME, fs) of --hold-out are measured on, the others are trained on. Where the labels are of
several levels, the last one is measured. A training adds a line to the file of --out, and is not repeated by the next
start unless the labels have become more. The table is of the last number of labels: errors (rms) relative to the size
(rms) of the tensors of each kind of atom.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mimyria
from mimyria.frame import Frame
from mimyria.level import level_of
from mimyria.process import set_up_memory

GROUPS = ("sulfate=byres element S", "sodium=element Na", "water=byres element H")
STEPS = 2000
"""Of a training that begins at random."""
CLUSTERS = str(Path(__file__).parent / "data" / "clusters_pgt.mym")
"""Of labels of GFN2-xTB (`clusters.py`): a start for the PGT alone."""
LARGE_CLUSTERS = str(Path(CLUSTERS).with_name("clusters-large_pgt.mym"))
"""The same start in the shape `large`, taught by it."""
WAYS: dict[str, dict[str, Any]] = {
    "scratch": {"steps": STEPS},
    "scratch, S=4 Na=4": {"steps": STEPS, "weight": {"S": 4, "Na": 4}},
    "water": {"start": "water"},
    "water-pbe": {"start": "water-pbe"},
    "water-pbe, 600 steps": {"start": "water-pbe", "steps": 600},
    "water-pbe, 600 steps, S=4 Na=4": {"start": "water-pbe", "steps": 600, "weight": {"S": 4, "Na": 4}},
    "water-pbe, 600 steps, S=16 Na=8": {"start": "water-pbe", "steps": 600, "weight": {"S": 16, "Na": 8}},
    "water-pbe, 600 steps, rate 0.01": {"start": "water-pbe", "steps": 600, "learning_rate": 0.01},
    "water-pbe, 2000 steps": {"start": "water-pbe", "steps": 2000},
    "water-pbe, 2000 steps, rate 0.01": {"start": "water-pbe", "steps": 2000, "learning_rate": 0.01},
    "large": {"preset": "large", "steps": STEPS},
    "clusters": {"start": CLUSTERS, "steps": STEPS, "learning_rate": 0.01},
    "clusters, large": {"preset": "large", "start": LARGE_CLUSTERS, "steps": STEPS, "learning_rate": 0.02},
    "clusters, far": {"preset": "far", "start": LARGE_CLUSTERS, "steps": STEPS, "learning_rate": 0.02},
}
"""Settings of `mimyria train`; steps in place of epochs, so that more labels take no longer."""


def moment_of(frame: Frame) -> str:
    """Return RUN@TIME of a frame."""
    return f"{frame.info['run']}@{frame.info['md_time']:g}"


def time_to(frame: Frame, others: Sequence[Frame]) -> float | None:
    """Return the time from a frame to the nearest of other frames of its run, fs; None where there is none."""
    times = [float(other.info["md_time"]) for other in others if other.info["run"] == frame.info["run"]]
    return min((abs(float(frame.info["md_time"]) - time) for time in times), default=None)


def split(frames: Sequence[Frame], held_out: Sequence[str]) -> tuple[list[Frame], list[Frame]]:
    """Return the frames to train on and those of the named runs, or RUN@TIME."""
    names = [{str(frame.info["run"]), moment_of(frame)} for frame in frames]
    left = [not of_frame.isdisjoint(held_out) for of_frame in names]
    pairs = list(zip(frames, left, strict=True))
    return [frame for frame, out in pairs if not out], [frame for frame, out in pairs if out]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return what earlier starts have put into a file, an object a line."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def excess(model: Path, name: str, frames: Sequence[Frame]) -> dict[str, float]:
    """Return by charge of the cell the largest element of Σ P - Q·1 (of Σ Q for the PGT), mean over its frames."""
    found: dict[str, list[float]] = {}
    for frame in mimyria.predict(model, frames, sum_rule="none"):
        tensors = frame.tensors[name]
        expected = frame.total_charge * np.eye(3) if name == "apt" else 0.0
        found.setdefault(f"{frame.total_charge:g}", []).append(float(abs(tensors.sum(axis=0) - expected).max()))
    return {charge: float(np.mean(values)) for charge, values in found.items()}


def measure(target: str, way: str, seed: int, training: Sequence[Frame], held_out: Sequence[Frame]) -> dict[str, Any]:
    """Return the errors of one network on the frames that are held out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mym"
        begin = time.process_time()
        summary = mimyria.train(training, path, target=target, seed=seed, **WAYS[way])
        seconds = time.process_time() - begin
        report = mimyria.evaluate(path, held_out, groups=GROUPS)
        sums = excess(path, target, held_out)
    kinds = {
        f"{group} {symbol}": row for group, of_group in report["groups"].items() for symbol, row in of_group.items()
    }
    errors = {name: {key: row[key] for key in ("rmse", "of_size", "relative_rmse")} for name, row in kinds.items()}
    facts = {"steps": summary["steps"], "cpu_seconds": round(seconds), "excess": sums}
    return facts | {"errors": errors, "intensities": report["intensities"]}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return means and standard deviations over the seeds, a line a way: errors relative to the size of the tensors."""
    kinds = list(dict.fromkeys(kind for row in rows for kind in row["errors"]))
    lines = [
        f"| target | labels, of the level | way | seeds | {' | '.join(kinds)} | CPU s |",
        "|" + "---|" * (len(kinds) + 5),
    ]
    for key in dict.fromkeys((row["target"], row["labels"], row["of_level"], row["way"]) for row in rows):
        target, labels, of_level, way = key
        own = [row for row in rows if (row["target"], row["labels"], row["of_level"], row["way"]) == key]
        cells = []
        for kind in kinds:
            values = 100 * np.array([row["errors"][kind]["of_size"] for row in own])
            cells.append(f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f} %" if len(own) > 1 else " %"))
        seconds = np.mean([row["cpu_seconds"] for row in own])
        lines.append(f"| {target} | {labels}, {of_level} | {way} | {len(own)} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Train what is not in the file yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--hold-out", nargs="+", required=True, metavar="RUN[@TIME]")
    parser.add_argument("--targets", nargs="+", default=["apt", "pgt"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("learn.jsonl"))
    options = parser.parse_args()
    set_up_memory()
    frames = [frame for path in options.labels for frame in mimyria.read_frames(path)]
    training, held_out = split(frames, options.hold_out)
    level = level_of(frames[-1].info)
    held_out = [frame for frame in held_out if level_of(frame.info) == level]
    rows = read_rows(options.out)
    at_level = sum(level_of(frame.info) == level for frame in training)
    asked = {"labels": len(training), "of_level": at_level, "level": str(level), "held_out": len(held_out)}
    for seed in range(options.seeds):
        for target in options.targets:
            for way in options.ways:
                if target != "pgt" and WAYS[way].get("start") in (CLUSTERS, LARGE_CLUSTERS):
                    continue
                wanted = {"target": target, "way": way, "seed": seed, **asked}
                if not any(wanted.items() <= row.items() for row in rows):
                    rows.append(wanted | measure(target, way, seed, training, held_out))
                    with options.out.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    print(table([row for row in rows if asked.items() <= row.items()]))


if __name__ == "__main__":
    main()
