"""How far labels of sulfur's PGT are from those of the same frames labelled again, and networks from both.

    python again.py data/again-labels.extxyz.xz --before data/next-labels.extxyz.xz \
        ../../mimyria/data/sulfate_labels.extxyz.xz \
        --models ../../mimyria/data/sulfate_pgt.mym data/moved-88_pgt.mym --out results/again.json

Norms of differences relative to the norm of the new label's tensor, before the sum rule is made exact.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cross import SULFUR, squares
from learn import moment_of

import mimyria
from mimyria.frame import Frame
from mimyria.process import set_up_memory


def apart(one: Frame, other: Frame) -> float:
    """Return by how much sulfur's PGT of one frame differs from the other's, relative to its size."""
    row = squares(other, *(of.tensors["pgt"][of.numbers == SULFUR] for of in (one, other)))
    return float((row["error"] / row["size"]) ** 0.5)


def main() -> None:
    """Compare, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("again", type=Path)
    parser.add_argument("--before", type=Path, nargs="+", required=True)
    parser.add_argument("--models", type=Path, nargs="+", default=[])
    parser.add_argument("--out", type=Path, default=Path("again.json"))
    options = parser.parse_args()
    set_up_memory()
    frames = list(mimyria.read_frames(options.again))
    known = {moment_of(frame): frame for path in options.before for frame in mimyria.read_frames(path)}
    if missing := [moment_of(frame) for frame in frames if moment_of(frame) not in known]:
        parser.error(f"no label of {missing[0]} was made before")
    rows: list[dict[str, Any]] = []
    for frame in frames:
        before = known[moment_of(frame)]
        facts = {name: [of.info[name] for of in (before, frame)] for name in ("field", "engine")}
        rows.append(
            {"run": frame.info["run"], "md_time": frame.info["md_time"], **facts, "label": apart(before, frame)}
        )
    for path in options.models:
        for row, frame, found in zip(rows, frames, mimyria.predict(path, frames, sum_rule="none"), strict=True):
            row[path.name] = [apart(found, known[moment_of(frame)]), apart(found, frame)]
    options.out.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for row in rows:
        errors = [f"{100 * one:.1f}, {100 * other:.1f} %" for one, other in (row[path.name] for path in options.models)]
        fields = " and ".join(f"{1e3 * field:g}" for field in row["field"])
        words = f"{row['run']}, {row['md_time']:g} fs", f"{fields}·10⁻³", f"{100 * row['label']:.1f} %", *errors
        print("|", " | ".join(words), "|")


if __name__ == "__main__":
    main()
