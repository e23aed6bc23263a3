"""CP2K labels of a bundled cell of water: error of the tensors and cost, by field strength and EPS_SCF.

python benchmarks/labels.py [FOLDER] [--frame N] [--json]

Every pair is a label of its own in FOLDER (some five minutes of one core each, more for the reference); what is there
is not computed again. Errors are relative to a field of 1e-3 with EPS_SCF 1e-10, whose truncation is about 0.01 %.
"""

from __future__ import annotations

import argparse
import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.formats import read_frames, write_frames
from mimyria.frame import Array, Frame
from mimyria.labels.command import make_labels
from mimyria.settings import LabelSettings

ROOT = Path(__file__).parents[1]
LABELS = ROOT / "mimyria" / "data" / "water32_labels.extxyz.xz"
TEMPLATE = ROOT / "configs" / "cp2k" / "water-cheap.inp"
REFERENCE = (1e-3, "1.0E-10")
PAIRS = [(field, eps) for eps in ("1.0E-6", "1.0E-7", "1.0E-8") for field in (1e-3, 2e-3, 4e-3)]


def label(configuration: Path, field: float, eps_scf: str, folder: Path) -> Frame:
    """Return the label with a field (E_h/(e a0)) and an EPS_SCF, both of &SCF and of its outer loop."""
    name = f"{field:g}_{eps_scf}"
    template = folder / f"{name}.inp"
    text = TEMPLATE.read_text(encoding="utf-8")
    template.write_text(text.replace("EPS_SCF 1.0E-8", f"EPS_SCF {eps_scf}"), encoding="utf-8")
    request = LabelSettings(engine="cp2k", template=template, field=field)
    out = folder / f"{name}.extxyz"
    make_labels([configuration], out, folder / name, request)
    return next(read_frames(out))


def row(frame: Frame, reference: Frame) -> dict[str, Any]:
    """Return relative errors of the tensors (%), seconds and SCF steps."""

    def error(name: str) -> float:
        difference: Array = frame.tensors[name] - reference.tensors[name]
        return float(100 * np.linalg.norm(difference) / np.linalg.norm(reference.tensors[name]))

    return {
        "apt_percent": error("apt"),
        "pgt_percent": error("pgt"),
        "seconds": frame.info["seconds"],
        "scf_steps": frame.info["scf_steps"],
    }


def main() -> None:
    """Print one table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("benchmark-labels"))
    parser.add_argument("--frame", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = options.folder / f"frame_{options.frame}"
    folder.mkdir(parents=True, exist_ok=True)
    (chosen,) = islice(read_frames(LABELS), options.frame, options.frame + 1)
    configuration = folder / "configuration.extxyz"
    write_frames(configuration, [Frame(chosen.numbers, chosen.positions, chosen.cell, chosen.periodic)])
    reference = label(configuration, *REFERENCE, folder)
    rows = {f"{field:g} {eps}": row(label(configuration, field, eps, folder), reference) for field, eps in PAIRS}
    if options.json:
        print(json.dumps(rows))
        return
    print("field   EPS_SCF   APT, %   PGT, %   seconds   SCF steps")
    for pair, values in rows.items():
        print(pair, *(f"{value:9.3g}" for value in values.values()))


if __name__ == "__main__":
    main()
