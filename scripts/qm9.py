"""QM9 as the package qm9pack has it (MIT, 134 000 molecules): for scripts and benchmarks, never for the program."""

from __future__ import annotations

import csv
import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PARTS = ("qm9_part1.csv", "qm9_part2.csv", "qm9_part3.csv")


def stored_in_qm9(*columns: str) -> list[tuple[str, ...]]:
    """Return some columns of all molecules as they are written; end the program where the package is missing."""
    spec = find_spec("qm9pack")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("qm9pack is not installed: pip install --no-deps qm9pack")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    csv.field_size_limit(sys.maxsize)
    rows: list[tuple[str, ...]] = []
    for part in PARTS:
        with (folder / part).open(encoding="utf-8") as stream:
            rows += [tuple(row[name] for name in columns) for row in csv.DictReader(stream)]
    return rows


def numbers_in(text: str) -> Any:
    """Return the list of numbers, or of such lists, that a field holds; some numbers there end in a point."""
    return json.loads(re.sub(r"\.(?=[,\]])", ".0", text))


def elements_in(text: str) -> list[str]:
    """Return the symbols in a field such as ``['C', 'H']``."""
    return re.findall("[A-Z][a-z]?", text)
