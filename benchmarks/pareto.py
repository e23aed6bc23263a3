"""Error against cost: what cutoff, rounds of messages, channels and body order buy, around `default`.

python benchmarks/pareto.py [--target apt] [--epochs 30] [--seeds 1] [--only WORD] [--json]

Every network is trained for the same number of epochs on 80 bundled labels, and measured on the ten held-out ones; on
the front are those that none beats in both error and time of a prediction. Seconds are of the processor.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import accuracy
import numpy as np
import torch

from mimyria.model.model import PRESETS
from mimyria.process import set_up_memory
from mimyria.settings import TrainSettings

DEFAULT = PRESETS["default"]
MESSAGES = {"message_channels": 16, "message_l_max": 3, "coupled_l_max": 4}
LARGE, FAR = (
    {name: value for name, value in asdict(PRESETS[preset]["pgt"]).items() if name != "target"}
    for preset in ("large", "far")
)
CHANGES: dict[str, dict[str, Any]] = {
    "default": {},
    "cutoff 5 Å": {"cutoff": 5.0},
    "cutoff 4.5 Å": {"cutoff": 4.5, "message_cutoff": 4.5},
    "messages to 4 Å": {"message_cutoff": 4.0},
    "messages to 6 Å": {"message_cutoff": 6.0},
    "no messages": {"layers": 0},
    "1 round": {"layers": 1},
    "3 rounds": {"layers": 3},
    "8 channels": {"channels": 8},
    "12 channels": {"channels": 12},
    "24 channels": {"channels": 24},
    "no products": {"factors": 1},
    "products of 2": {"factors": 2},
    "products of 4": {"factors": 4},
    "1 round, 24 channels": {"layers": 1, "channels": 24},
    "1 round, products of 4": {"layers": 1, "factors": 4},
    "3 rounds, products of 2": {"layers": 3, "factors": 2},
    "no exchange": {"exchange_channels": 0},
    "more in the messages": MESSAGES,
    "more in the messages, 32 channels": MESSAGES | {"channels": 32},
    "large, radial functions alike": LARGE | {"envelope": 14, "radial_fall": 0.0},  # and fewer than above
    "large": LARGE,
    "far": FAR,
    "12 channels, cutoff 5 Å": {"channels": 12, "cutoff": 5.0},
}
MEASURED = {"rmse": "rmse", "seconds": "cpu_seconds", "ms": "ms_per_prediction"}
"""What is kept of `accuracy.measure`, and its name there."""


def measure(name: str, target: str, epochs: int, seeds: int) -> dict[str, Any]:
    """Return the mean error over the seeds, seconds of training, and milliseconds of a prediction."""
    PRESETS["default"] = DEFAULT | {target: replace(DEFAULT[target], **CHANGES[name])}  # new names are refused
    rows = []
    for seed in range(seeds):
        settings = TrainSettings(target=target, preset="default", validation=0.05, epochs=epochs, seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            rows.append(accuracy.measure(accuracy.LABELS, settings, 80, Path(folder)))
    means = {key: float(np.mean([row[there] for row in rows])) for key, there in MEASURED.items()}
    return {"network": name, **means, "parameters": rows[0]["parameters"]}


def front(rows: list[dict[str, Any]]) -> list[str]:
    """Return the names of those that no other beats in both error and cost."""
    return [
        row["network"]
        for row in rows
        if not any(other["rmse"] < row["rmse"] and other["ms"] < row["ms"] for other in rows)
    ]


def main() -> None:
    """Print one line a network as it is done, then the front; or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="apt", choices=["apt", "pgt"])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default="", help="networks whose name has this in it")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    set_up_memory()
    torch.set_num_threads(1)
    rows = []
    for name in CHANGES:
        if options.only in name:
            rows.append(measure(name, options.target, options.epochs, options.seeds))
            if not options.json:
                print(", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in rows[-1].items()))
    best = front(rows)
    print(json.dumps({"rows": rows, "front": best}) if options.json else f"on the front: {', '.join(best)}")


if __name__ == "__main__":
    main()
