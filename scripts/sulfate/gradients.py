"""What labels of displaced sulfur teach: networks of frames and displaced ones, beside those of as many other frames.

    python gradients.py labels-*.extxyz --moved moved.extxyz --test next.extxyz waiting.extxyz --out gradients.jsonl

The frames are the first `--number` that `displace.py` displaced, and those that they are of:

    alone        these, not displaced
    others       and as many other frames
    values       and the displaced ones, as labels like any other
    gradients    and what the displaced ones tell of gradients

Each way is one network, the frames of all others being the same; those that are in the file of --out already are not
trained again. Measured is sulfur's PGT in frames that are in none of the trainings.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cross import in_words, measure
from learn import LARGE_CLUSTERS, moment_of, read_rows, split

import mimyria
from mimyria.frame import Frame
from mimyria.process import set_up_memory
from mimyria.training.gradients import pairs_of

NETWORKS: dict[str, dict[str, Any]] = {
    "far": {"preset": "far", "start": LARGE_CLUSTERS, "learning_rate": 0.02, "validation": 0},
    "large": {"preset": "large", "learning_rate": 0.02, "validation": 0},
}
WAYS = ("alone", "others", "values", "gradients")
WEIGHT = 0.1
"""Of the gradients, in all rows of results/gradients.jsonl."""


def chosen(way: str, frames: Sequence[Frame], moved: Sequence[Frame], number: int) -> list[Frame]:
    """Return the frames of a training."""
    found = [pair for pair in pairs_of([*frames, *moved]) if pair.first < len(frames) <= pair.second]
    pairs = {pair.second - len(frames): pair.first for pair in found}
    twins = [place for place in range(len(moved)) if place in pairs][:number]
    if len(twins) < number:
        raise SystemExit(f"only {len(twins)} of the displaced frames are of these labels, {number} are asked for")
    own = [frames[pairs[place]] for place in twins]
    if way == "others":
        known = {pairs[place] for place in twins}
        left = [place for place in range(len(frames)) if place not in known]
        if len(left) < number:
            raise SystemExit(f"only {len(left)} frames are left, {number} are asked for")
        return own + [frames[left[k]] for k in np.random.default_rng(0).permutation(len(left))[:number]]
    return own if way == "alone" else own + [moved[place] for place in twins]


def main() -> None:
    """Train what is missing, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--moved", type=Path, nargs="+", required=True)
    parser.add_argument("--test", type=Path, nargs="*", default=[])
    parser.add_argument("--hold-out", nargs="*", default=[], metavar="RUN[@TIME]", help="test on these too")
    parser.add_argument("--number", type=int, required=True, help="of displaced frames")
    parser.add_argument("--network", choices=list(NETWORKS), default="far")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--out", type=Path, default=Path("gradients.jsonl"))
    given = parser.parse_args()
    set_up_memory()
    labels, moved, more = (
        [frame for path in paths for frame in mimyria.read_frames(path)]
        for paths in (given.labels, given.moved, given.test)
    )
    frames, test = split(labels, given.hold_out)
    moved, _ = split(moved, given.hold_out)
    test += more
    if both := {*map(moment_of, frames)} & {*map(moment_of, test)}:
        parser.error(f"{sorted(both)[0]} is trained on and tested on")
    for way in given.ways:
        asked = {"way": way, "number": given.number, "network": given.network, "steps": given.steps}
        rows = [row for row in read_rows(given.out) if asked.items() <= row.items()]
        if not rows:
            training = chosen(way, frames, moved, given.number)
            weight = {"gradient_weight": WEIGHT if way == "gradients" else 0.0}
            settings = NETWORKS[given.network] | {"steps": given.steps} | weight
            rows = [asked | row for row in measure(settings, training, test)]
            with given.out.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        print(f"{way}:", in_words(rows), flush=True)


if __name__ == "__main__":
    main()
