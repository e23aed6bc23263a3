"""Error of networks trained for a given time, measured on labels of later times: a learning curve of the presets.

python benchmarks/accuracy.py [--minutes 1] [--frames 80] [--presets default] [--targets apt pgt] [--committee 1]
                              [--labels FILE] [--project] [--seed 0] [--epochs N] [--weight-decay D] [--json]

Without FILE the bundled labels are taken, of which the last ten at 300 K are held out. Of an .npz file with positions,
symbols, cell, apt and pgt of many frames the first are taken, and the last sixteen held out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import numbers_of
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.model.files import read_model
from mimyria.model.predict import predict_with_spread
from mimyria.process import set_up_memory
from mimyria.settings import TrainSettings
from mimyria.training.evaluate import compare_with_labels, evaluate
from mimyria.training.train import train

LABELS = Path(__file__).parents[1] / "mimyria" / "data" / "water32_labels.extxyz.xz"
REPEATS = 10


def read(path: Path, count: int) -> tuple[list[Frame], list[Frame]]:
    """Return so many frames to train on, and those held out."""
    if path.suffix == ".npz":
        with np.load(path) as content:
            numbers, cell = numbers_of(map(str, content["symbols"])), content["cell"]
            stored = [
                Frame(numbers, positions, cell, np.ones(3, dtype=bool), tensors={"apt": apt, "pgt": pgt})
                for positions, apt, pgt in zip(content["positions"], content["apt"], content["pgt"], strict=True)
            ]
        return stored[: min(count, len(stored) - 16)], stored[-16:]
    frames = sorted(read_frames(path), key=lambda frame: "md_temperature" not in frame.info)  # 300 K last
    return frames[-10 - count : -10], frames[-10:]


def measure(labels: Path, settings: TrainSettings, count: int, folder: Path) -> dict[str, Any]:
    """Return errors on the held-out frames, processor seconds and steps of training, milliseconds of a prediction."""
    frames, unseen = read(labels, count)
    path = folder / f"{settings.target}.mym"
    begin = time.process_time()
    summary = train(frames, settings, path)
    seconds = time.process_time() - begin
    model = read_model(path)
    report = evaluate(compare_with_labels(model, unseen, labels.name))
    begin = time.perf_counter()
    for _ in range(REPEATS):
        predict_with_spread(model, unseen[:1])
    return {
        "preset": settings.preset,
        "target": settings.target,
        "frames": len(frames),
        "rmse": report["rmse"],
        **{f"relative_{symbol}": row["relative_rmse"] for symbol, row in report["species"].items()},
        "cpu_seconds": round(seconds),
        "steps": summary["steps"],
        "parameters": summary["parameters"],
        "ms_per_prediction": 1000 * (time.perf_counter() - begin) / REPEATS,
    }


def main() -> None:
    """Print one line a training, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--frames", type=int, nargs="+", default=[80])
    parser.add_argument("--presets", nargs="+", default=["default"])
    parser.add_argument("--targets", nargs="+", default=["apt", "pgt"])
    parser.add_argument("--committee", type=int, default=1)
    parser.add_argument("--validation", type=float, default=0.05)
    parser.add_argument("--project", action="store_true", help="make the sum over the atoms exact in training too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="in place of --minutes")
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    set_up_memory()
    rows = []
    for target in options.targets:
        for preset in options.presets:
            for count in options.frames:
                settings = TrainSettings(
                    target=target,
                    preset=preset,
                    validation=options.validation,
                    committee=options.committee,
                    sum_rule="project" if options.project else "none",
                    time_limit=None if options.epochs else options.minutes,
                    epochs=options.epochs,
                    weight_decay=options.weight_decay,
                    seed=options.seed,
                )
                with tempfile.TemporaryDirectory() as folder:
                    rows.append(measure(options.labels, settings, count, Path(folder)))
                if not options.json:
                    print(
                        ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in rows[-1].items())
                    )
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
