"""Put the numbers of results/ and of the bundled labels into the tables of docs/sulfate.md, between their marks.

    python page.py

results/ holds learn.jsonl (learn.py), sulfur.md (what sulfur.py prints), unseen-held-out.json and unseen-run-4.json
(unseen.py), drift.json (drift.py), stretch.json (stretch.py), autotrain.csv (history.csv of the
loop), and of bands.py bands.json (all runs), bands-run-4.json (data/dear-run-4.extxyz.xz, the bundled networks) and
bands-run-4-before.json (the same run, the networks of bands.json).
"""

from __future__ import annotations

import csv
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bands import flat
from learn import WAYS, table
from unseen import MODELS, ion_of

from mimyria.formats import read_frames
from mimyria.memory import file_facts
from mimyria.model.files import read_model
from mimyria.spectra.bands import Measured

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "results", HERE.parents[1] / "docs" / "sulfate.md"
DATA = HERE.parents[1] / "mimyria" / "data"
LABELS = DATA / "sulfate_labels.extxyz.xz"
EXPERIMENT = {"ν₁": 981, "ν₂": 450, "ν₃": 1105, "ν₄": 617}
"""cm⁻¹."""
RUNS = {
    "effective": "32 H₂O, effective potential of quantum nuclei for revPBE0-D3, two runs of 7.5 ps",
    "classical": "32 H₂O, the same network with classical nuclei, 5 ps",
}
"""Names in stretch.json."""
COMPARED = (
    *("energy, k_BT", "VV, centre", "at k_BT, km/mol", "over O-H", "ρ", "ρ of ion at ν₁", "over ν₃ at k_BT"),
    *(f"ν₂, infrared{what}" for what in (", centre", ", km/mol")),  # alone, and both bends in its range
)
"""How the names end of what is told of the run that is kept."""


def sums() -> str:
    """Return Σ P of the cell and of the ion, by charge of the cell."""
    rows: dict[float, list[tuple[float, float, float]]] = {}
    for frame in read_frames(LABELS):
        charge, tensors = frame.total_charge, frame.tensors["apt"]
        whole, of_ion = tensors.sum(axis=0), tensors[ion_of(frame)].sum(axis=0)
        missed = float(abs(whole - charge * np.eye(3)).max())
        rows.setdefault(charge, []).append((float(np.trace(whole)) / 3, missed, float(np.trace(of_ion)) / 3))
    lines = ["| charge of the cell, e | labels | Tr Σ P / 3 | largest element of Σ P - Q·1 | Tr Σ P / 3 of the ion |"]
    lines.append("|---|---|---|---|---|")
    for charge, found in sorted(rows.items(), reverse=True):
        mean, of_ion = np.mean([row[0] for row in found]), np.array([row[2] for row in found])
        missed = max(row[1] for row in found)
        lines.append(
            f"| {charge:g} | {len(found)} | {mean:.4f} | {missed:.4f} | {of_ion.mean():.2f} ± {of_ion.std():.2f} |"
        )
    return "\n".join(lines)


def learnt() -> str:
    """Return the table of the trainings with the three greatest numbers of labels of the last level."""
    rows = [json.loads(line) for line in (RESULTS / "learn.jsonl").read_text(encoding="utf-8").splitlines()]
    order = list(WAYS)
    at_level = [row for row in rows if row.get("level") == rows[-1].get("level") and row["way"] in order]
    most = sorted({row["of_level"] for row in at_level})[-3:]
    last = [row for row in at_level if row["of_level"] in most]
    last.sort(key=lambda row: (row["target"], row["of_level"], order.index(row["way"])))
    excess: dict[str, list[float]] = {}
    for row in last:
        for charge, value in row["excess"].items():
            excess.setdefault(f"{row['target'].upper()} in the cell of charge {charge}", []).append(value)
    broken = ", ".join(f"{np.mean(values):.2g} ({name})" for name, values in excess.items())
    return (
        f"{table(last)}\n\nHeld out: {last[0]['held_out']} frames. Before the sum rule is projected out, the largest "
        f"element of its violation is {broken}."
    )


def sulfur() -> str:
    """Return what is left of the PGT of sulfur by fits that are linear in ever more."""
    return (RESULTS / "sulfur.md").read_text(encoding="utf-8").strip()


def autotrain() -> str:
    """Return a line for each spectrum of each cycle of the loop."""
    titles = ["cycle", "labels", "spectrum", "change", "since half as many labels", "bias", "why it goes on"]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    with (RESULTS / "autotrain.csv").open(encoding="utf-8", newline="") as file:
        for cycle in csv.DictReader(file):
            for name in (key.removeprefix("why_") for key in cycle if key.startswith("why_")):
                changes = [f"{float(cycle[f'{kind}_{name}']):.4f}".replace("nan", "-") for kind in ("change", "half")]
                bias, error = (100 * float(cycle[f"{kind}_{name}"]) for kind in ("bias", "bias_error"))
                facts = [*changes, f"{bias:.1f} ± {error:.1f} %", cycle[f"why_{name}"] or "settled"]
                lines.append(f"| {cycle['cycle']} | {cycle['labels']} | {name} | {' | '.join(facts)} |")
    return "\n".join(lines)


def bands() -> str:
    """Return the table of the bands of all runs."""
    numbers = read_results("bands.json")
    del numbers["networks"]
    modes = {name: value for name, value in numbers.items() if name in EXPERIMENT}
    titles = ["", "experiment", "moves at", "infrared at", "VV at", "energy, k_BT", "infrared at k_BT, km/mol", "ρ"]
    lines = ["Centres of the bands in cm⁻¹.", "", f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name, mode in modes.items():
        centres = [shown(mode[kind]["centre"]) for kind in ("density of states", "infrared", "VV")]
        others = [shown(mode[kind]) for kind in ("energy, k_BT", "infrared at k_BT, km/mol", "ρ")]
        lines.append(f"| {' | '.join([name, str(EXPERIMENT[name]), *centres, *others])} |")
    rest = {name: value for name, value in numbers.items() if name not in EXPERIMENT}
    lines += ["", "| | |", "|---|---|", *(f"| {name} | {shown(value)} |" for name, value in flat(rest))]
    return "\n".join(lines)


def run_4() -> str:
    """Return numbers of the run that is kept, by the networks of the table of bands and by the bundled ones."""
    before, now = read_results("bands-run-4-before.json"), read_bundled("bands-run-4.json")
    columns = [dict(flat(numbers)) for numbers in (read_results("bands.json"), before, now)]
    lines = [
        "| | eight runs, networks as above | run 4, the same networks | run 4, the bundled ones |",
        "|---|---|---|---|",
    ]
    for name in columns[-1]:
        if name.endswith(COMPARED):
            cells = [shown(column[name]) if name in column else "-" for column in columns]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    labels = {name: read_model(path).summary["labels"].partition(" of ")[0] for name, path in MODELS.items()}
    trained = ", ".join(f"{name.upper()} on {frames}" for name, frames in labels.items())
    return "\n".join([*lines, "", f"The bundled networks are trained: {trained}."])


def read_results(name: str) -> dict[str, Any]:
    """Return the numbers of a file in results/."""
    numbers: dict[str, Any] = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    return numbers


def read_bundled(name: str, targets: Sequence[str] = tuple(MODELS)) -> dict[str, Any]:
    """Return the numbers of a file in results/ that are of the bundled networks of these targets."""
    numbers = read_results(name)
    if numbers.pop("networks") != {(path := MODELS[target]).name: file_facts(path)["digest"] for target in targets}:
        raise SystemExit(f"{name} is of other networks than the bundled ones: make it anew")
    return numbers


def shown(value: Any) -> str:
    """Return a number as text, with its error where it has one."""
    if not isinstance(value, Mapping):
        return f"{value:.4g}"
    return str(Measured(*(np.nan if value[name] is None else value[name] for name in ("value", "error"))))


def drift() -> str:
    """Return the table of the drifting cell."""
    found = read_bundled("drift.json", ["apt"])
    ranges = list(next(iter(found.values())))
    lines = [f"| | {' | '.join(f'{one} cm⁻¹' for one in ranges)} |", "|---|" + "---|" * len(ranges)]
    lines += [f"| {name} | {' | '.join(f'{row[one]:.1f}' for one in ranges)} |" for name, row in found.items()]
    return "\n".join(lines)


def stretch() -> str:
    """Return the O-H stretch of other runs beside that of the solution."""
    rows = (f"| {RUNS[name]} | {shown(ratio)} |" for name, ratio in read_bundled("stretch.json").items())
    return "\n".join(["| area of the O-H stretch over that of run 4 | |", "|---|---|", *rows])


def unseen() -> str:
    """Return the errors of the bundled networks on labels that no training has seen."""
    held_out, own = both = [read_bundled(f"unseen-{which}.json") for which in ("held-out", "run-4")]
    lines = [
        f"| | {held_out['labels']} held out, of {held_out['boxes']} runs: APT | PGT "
        f"| {own['labels']} of run 4: APT | PGT |",
        "|---|---|---|---|---|",
    ]
    for kind in held_out["apt"]:
        rows = [found[target][kind] for found in both for target in ("apt", "pgt")]
        cells = [str(Measured(*(100 * row[name] for name in ("value", "error")))) + " %" for row in rows]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    sulfur = [found["pgt"]["sulfate S"] for found in both]
    by_frame = ", ".join(f"{100 * one['least']:.0f} to {100 * one['largest']:.0f} %" for one in sulfur)
    by_box = ", ".join(f"{run} {100 * error:.1f} %" for run, error in sulfur[0]["boxes"].items())
    low, high = own["fs_to_known"]
    apart = f"{low:.0f} to {high:.0f} fs from the nearest of its {own['known']} labels that are trained on"
    told = f"Sulfur's PGT by frame: {by_frame}; by run of those held out: {by_box}. Those of run 4 are {apart}."
    return "\n".join([*lines, "", *textwrap.wrap(told, 120)])


PARTS: dict[str, Callable[[], str]] = {"sums": sums, "learn": learnt, "sulfur": sulfur, "bands": bands}
PARTS |= {"unseen": unseen, "run 4": run_4, "stretch": stretch, "drift": drift, "autotrain": autotrain}


def main() -> None:
    """Renew every table."""
    text = PAGE.read_text(encoding="utf-8")
    for name, make in PARTS.items():
        before, after = text.split(f"<!-- begin {name} -->")[0], text.split(f"<!-- end {name} -->")[1]
        text = f"{before}<!-- begin {name} -->\n{make()}\n<!-- end {name} -->{after}"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
