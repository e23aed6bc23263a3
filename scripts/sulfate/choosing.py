"""Committee against random: what the choice of frames to label is worth, with a network as the electronic structure.

    python choosing.py dear-run-*.extxyz.xz --seeds 3 --out choosing.jsonl

The bundled networks `sulfate` label frames of all runs but the last, and 40 of the last to measure on. For each seed a
committee is trained on 8 frames drawn at random; 8 more are chosen as `mimyria autotrain` chooses them, where the
networks are farthest apart about an atom of sulfate, and 8 at random. A network is trained on either 16. Begun from
water-pbe. A seed adds lines to the file of --out, and is not repeated by the next start.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from learn import GROUPS, read_rows

import mimyria
from mimyria.autotrain.selection import descriptor, disagreement, farthest_points, most_disputed
from mimyria.frame import Frame
from mimyria.process import set_up_memory
from mimyria.rates.series import read_series

TARGETS = ("apt", "pgt")
FRAMES, OF_TEST, BATCH, NETWORKS, STEPS = 700, 40, 8, 3, 600
"""Frames in the pool and of the test; labels of each batch; networks of the committee, and their steps."""


def labelled(paths: Sequence[Path], number: int) -> list[Frame]:
    """Return so many frames of some runs, evenly spaced, with the tensors of the bundled networks."""
    frames = []
    for path in paths:
        run = list(mimyria.read_frames(path))
        frames += [run[k] for k in np.linspace(0, len(run) - 1, -(-number // len(paths))).astype(int)]
    return list(mimyria.predict(["sulfate_apt", "sulfate_pgt"], frames))


def train(frames: Sequence[Frame], folder: Path, seed: int, committee: int) -> None:
    """Train both networks."""
    for target in TARGETS:
        settings: dict[str, Any] = {
            "start": "water-pbe",
            "steps": STEPS,
            "learning_rate": 0.01,
            "seed": seed,
            "committee": committee,
        }
        mimyria.train(frames, folder / f"{target}.mym", target=target, **settings)


def choose(pool: Sequence[Frame], first: Sequence[int], folder: Path) -> list[int]:
    """Return the frames that the loop would take next, by their numbers in the pool."""
    models: dict[str, Any] = {target: str(folder / f"{target}.mym") for target in TARGETS}
    mimyria.make_spectra([folder.parent / "pool.extxyz"], out=folder, groups=[GROUPS[0]], plot_format="none", **models)
    disputes = disagreement(read_series(folder / "series.h5"), lambda names: ["sulfate"])
    free = ~np.isin(np.arange(len(pool)), first)
    candidates = most_disputed(disputes, free, BATCH)
    points = np.array([descriptor(pool[k]) for k in candidates])
    known = np.array([descriptor(pool[k]) for k in first])
    return [candidates[k] for k in farthest_points(points, known, BATCH)]


def measure(pool: Sequence[Frame], test: Sequence[Frame], seed: int, root: Path) -> list[dict[str, Any]]:
    """Return the errors after the first batch, and after a second of either choice."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(pool)).tolist()
    first, drawn = order[:BATCH], order[BATCH : 2 * BATCH]
    asked = root / f"asked-{seed}"
    asked.mkdir()
    train([pool[k] for k in first], asked, seed, NETWORKS)
    rows = []
    for choice, more in {"none": [], "random": drawn, "committee": choose(pool, first, asked)}.items():
        folder = root / f"{choice}-{seed}"
        folder.mkdir()
        train([pool[k] for k in (*first, *more)], folder, seed, 1)
        for target in TARGETS:
            groups = mimyria.evaluate(folder / f"{target}.mym", test, groups=GROUPS)["groups"]
            errors = {f"{group} {kind}": row["of_size"] for group, of in groups.items() for kind, row in of.items()}
            rows.append({"seed": seed, "choice": choice, "target": target, "labels": BATCH + len(more)} | errors)
    return rows


def main() -> None:
    """Measure what is not in the file yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("choosing.jsonl"))
    options = parser.parse_args()
    set_up_memory()
    rows = read_rows(options.out)
    missing = [seed for seed in range(options.seeds) if all(row["seed"] != seed for row in rows)]
    if missing:
        pool, test = labelled(options.runs[:-1], FRAMES), labelled(options.runs[-1:], OF_TEST)
        with TemporaryDirectory() as folder:
            # frames of several runs follow no clock; where networks differ does not depend on it
            in_order = [replace(frame, time=float(k)) for k, frame in enumerate(pool)]
            mimyria.write_frames(Path(folder) / "pool.extxyz", in_order)
            for seed in missing:
                found = measure(pool, test, seed, Path(folder))
                rows += found
                with options.out.open("a") as file:
                    file.writelines(json.dumps(row) + "\n" for row in found)
    kinds = [key for key in rows[0] if " " in key]
    print(f"| target | second batch | labels | {' | '.join(kinds)} |\n|{'---|' * (len(kinds) + 3)}")
    for target, choice in dict.fromkeys(
        (row["target"], row["choice"]) for row in sorted(rows, key=lambda r: r["target"])
    ):
        own = [row for row in rows if (row["target"], row["choice"]) == (target, choice)]
        values = 100 * np.array([[row[kind] for kind in kinds] for row in own])
        cells = [f"{m:.1f} ± {s:.1f} %" for m, s in zip(values.mean(0), values.std(0, ddof=1), strict=True)]
        print(f"| {target} | {choice} | {own[0]['labels']} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
