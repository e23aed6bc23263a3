"""Learning curves of a level of theory: from scratch, from a trained model, with labels of another level.

python benchmarks/transfer.py --start MODEL --cheap FILE [--labels FILE] [--target apt] [--counts 3 5 10 20]
                              [--seeds 3] [--ways transfer levels both scratch] [--held-out 10] [--out transfer.jsonl]

LABELS (by default the bundled ones) are those that are dear: some are trained on, the last ones (at 300 K where that
is not said) are held out.
MODEL and the labels in the FILE of --cheap are of the other level. Every training adds a line to the file of --out, and
is not repeated by the next start; the table of all lines is printed at the end.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.level import UNKNOWN, level_of
from mimyria.model.files import read_model
from mimyria.process import set_up_memory
from mimyria.settings import TrainSettings
from mimyria.training.evaluate import compare_with_labels, evaluate
from mimyria.training.train import train

LABELS = Path(__file__).parents[1] / "mimyria" / "data" / "water32_labels.extxyz.xz"
STEPS = 2000
"""Of a training that begins at random."""


def read(path: Path, name: str) -> list[Frame]:
    """Return labelled frames, those at 300 K last, with a level in their header."""
    frames = sorted(read_frames(path), key=lambda frame: "md_temperature" not in frame.info)
    if level_of(frames[0].info) == UNKNOWN:
        frames = [replace(frame, info=frame.info | {"functional": name}) for frame in frames]
    return frames


def measure(
    way: str, count: int, seed: int, dear: Sequence[Frame], cheap: Sequence[Frame], options: argparse.Namespace
) -> dict[str, Any]:
    """Return errors on the held-out frames, processor seconds and steps of one training."""
    training, held_out = dear[: -options.held_out], list(dear[-options.held_out :])
    chosen = [training[k] for k in np.random.default_rng(seed).permutation(len(training))[:count]]
    frames = chosen if way in ("transfer", "scratch") else [*cheap, *chosen]
    begun = way in ("transfer", "both")
    asked = TrainSettings(
        target=options.target,
        seed=seed,
        start=str(options.start) if begun else None,
        epochs=None if begun else max(20, STEPS // len(frames)),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mym"
        begin = time.process_time()
        summary = train(frames, asked, path)
        seconds = time.process_time() - begin
        report = evaluate(compare_with_labels(read_model(path), held_out, "the held-out frames"))
    errors = {"rmse": report["rmse"], "relative": report["relative_rmse"]}
    return {"target": options.target, "way": way, "labels": count, "seed": seed, **errors} | {
        "cpu_seconds": round(seconds),
        "steps": summary["steps"],
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return mean and standard deviation over the seeds, a line for each target and number of labels."""
    lines = ["| target | labels | way | seeds | RMSE | relative | cpu seconds |", "|---|---|---|---|---|---|---|"]
    for target, count, way in sorted({(row["target"], row["labels"], row["way"]) for row in rows}):
        own = [row for row in rows if (row["target"], row["labels"], row["way"]) == (target, count, way)]
        rmse = np.array([row["rmse"] for row in own])
        relative, seconds = (np.mean([row[name] for row in own]) for name in ("relative", "cpu_seconds"))
        spread = f" ± {rmse.std(ddof=1):.2g}" if len(own) > 1 else ""
        lines.append(
            f"| {target} | {count} | {way} | {len(own)} | {rmse.mean():.4g}{spread} | {relative:.3f} | {seconds:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Train what is not in the file yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--cheap", type=Path)
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--target", default="apt")
    parser.add_argument("--counts", type=int, nargs="+", default=[3, 5, 10, 20])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=["transfer", "levels", "both", "scratch"])
    parser.add_argument("--held-out", type=int, default=10)
    parser.add_argument("--most-cheap", type=int, help="labels of the other level to train on")
    parser.add_argument("--out", type=Path, default=Path("transfer.jsonl"))
    options = parser.parse_args()
    set_up_memory()
    dear = read(options.labels, "dear")
    cheap = read(options.cheap, "cheap")[: options.most_cheap] if options.cheap else []
    rows = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    for seed in range(options.seeds):
        for way in options.ways:
            for count in options.counts:
                wanted = {"target": options.target, "way": way, "labels": count, "seed": seed}
                if not any(wanted.items() <= row.items() for row in rows):
                    rows.append(measure(way, count, seed, dear, cheap, options))
                    with options.out.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
