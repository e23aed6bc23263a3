"""Error of networks trained for a given time on the bundled labels, measured on labels of later times.

python benchmarks/accuracy.py [MINUTES] [--json]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mimyria.model.evaluate import compare_with_labels, evaluate
from mimyria.model.files import read_model
from mimyria.model.predict import predict_tensors
from mimyria.model.train import TrainSettings, train
from mimyria.trajectory import read_frames

LABELS = Path(__file__).parents[1] / "mimyria" / "data" / "water32_labels.extxyz.xz"
HELD_OUT, REPEATS = 10, 20


def measure(target: str, minutes: float, folder: Path) -> dict[str, Any]:
    """Return errors on the last frames, steps of training, and milliseconds of a prediction."""
    ordered = sorted(read_frames(LABELS), key=lambda frame: "md_temperature" not in frame.info)  # 300 K last
    frames, unseen = ordered[:-HELD_OUT], ordered[-HELD_OUT:]
    path = folder / f"{target}.mym"
    summary = train(frames, TrainSettings(target, time_limit=minutes), path)
    model = read_model(path)
    report = evaluate(compare_with_labels(model, unseen, LABELS.name))
    begin = time.perf_counter()
    for _ in range(REPEATS):
        predict_tensors(model, frames[:1])
    milliseconds = 1000 * (time.perf_counter() - begin) / REPEATS
    return {
        "rmse": report["rmse"],
        **{f"relative_{symbol}": row["relative_rmse"] for symbol, row in report["species"].items()},
        "frames": len(frames),
        "steps": summary["steps"],
        "ms_per_step": 1000 * summary["seconds"] / summary["steps"],
        "ms_per_prediction": milliseconds,
    }


def main() -> None:
    """Print one table, or one JSON object."""
    words = [word for word in sys.argv[1:] if word != "--json"]
    minutes = float(words[0]) if words else 1.0
    with tempfile.TemporaryDirectory() as folder:
        rows = {target: measure(target, minutes, Path(folder)) for target in ("apt", "pgt")}
    if "--json" in sys.argv:
        print(json.dumps(rows))
        return
    print(
        f"{minutes:g} minutes of training on frames of 96 atoms, measured on {HELD_OUT} frames of later times at 300 K"
    )
    for target, row in rows.items():
        print(target, ", ".join(f"{name} {value:.4g}" for name, value in row.items()))


if __name__ == "__main__":
    main()
