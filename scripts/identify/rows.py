"""Rows of JSON in a file that grows: a last one that was cut, as by a killed program, is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file but for a last one that is cut."""
    return _rows(path.read_text(encoding="utf-8"))


def rows_to_go_on(path: Path) -> list[dict[str, Any]]:
    """Return the rows that are there, none if there is no file; what is left of a cut one is taken out of it."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if not text.endswith("\n") and text:
        path.write_text(_whole(text), encoding="utf-8")
    return _rows(text)


def _rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _whole(text).splitlines()]


def _whole(text: str) -> str:
    return text[: text.rfind("\n") + 1]
