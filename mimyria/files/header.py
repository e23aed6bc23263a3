"""The comment line of an xyz frame: ``key=value`` pairs, among them the columns (``Properties``)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.frame import Array
from mimyria.units import ATOMIC_TIME

_PAIR = re.compile(r"""([^\s=,"']+)\s*=\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\{[^}]*\}|\[[^\]]*\]|[^\s"']\S*|)""")
_TIME = re.compile(
    r"""(?ix) (?<!\S) ["']? time (?: [_ ]? [(\[]? (?P<unit>fs|ps|ns|au) [)\]]? )? ["']? \s*=\s*
        ["']? (?P<value>[^\s,"']+?) \s* (?P<own>fs|ps|ns)? ["']? (?=[\s,]|$)"""
)
_FEMTOSECONDS = {"fs": 1.0, "ps": 1e3, "ns": 1e6, "au": ATOMIC_TIME}
_EXPONENT = re.compile(r"(?<!\S)([+-]?(?:\d+\.\d*|\.\d+))(?:[dD]([+-]?\d+)|([+-]\d{3}))(?!\S)")
"""A number with an exponent as Fortran writes it: 1.5D-02, and 1.5-102 where the letter has no room."""
_BOOLEANS = {word: word[0] in "Tt" for word in ("T", "F", "True", "False", "true", "false", "TRUE", "FALSE")}
_OURS = ("lattice", "properties", "pbc")


@dataclass(frozen=True)
class Header:
    """The comment line without the time."""

    written: dict[str, str]
    """The entries that the next three are parsed from."""
    columns: dict[str, range]
    """Fields of a line by column name."""
    cell: Array
    """Å, shape (3, 3); zero if there is none."""
    periodic: Array
    """Shape (3,)."""
    info: dict[str, Any]
    """The other pairs."""


def split_time(text: str) -> tuple[float | None, str]:
    """Return the time, and the comment line without it, which mostly stays the same from frame to frame.

    It is in fs, as the line says (``time=``, ``time_fs=``), or converted to fs (``time_ps=``, ``time="0.5 ps"``).
    """
    match = _TIME.search(text)
    if match is None:
        return None, text
    try:
        unit = _FEMTOSECONDS[(match["own"] or match["unit"] or "fs").lower()]
        return float(plain_exponents(match["value"])) * unit, text[: match.start()] + text[match.end() :]
    except ValueError as error:
        raise TrajectoryError(f"the time {match['value']!r} is not a number; correct the comment line") from error


def plain_exponents(text: str) -> str:
    """Return text in which every number has its exponent as Python reads it."""
    return _EXPONENT.sub(r"\1E\2\3", text)


def parse_header(text: str, last: Header | None = None) -> Header:
    """Parse a comment line; that of a plain xyz file means species and positions, and no cell.

    ``last`` is the header of the frame before; entries written as there are not parsed again.
    """
    pairs = _PAIR.findall(text)
    info = {key: parse_value(value) for key, value in pairs if key.lower() not in _OURS}
    written = {key.lower(): value for key, value in pairs if key.lower() in _OURS}
    if last is not None and written == last.written:
        return replace(last, info=info)
    lattice = np.asarray(parse_value(written["lattice"]) if "lattice" in written else np.zeros(9))
    if lattice.shape != (9,) or lattice.dtype.kind not in "if":
        raise TrajectoryError(f"Lattice is not nine numbers (Å): {written['lattice']}")
    periodic = np.asarray(parse_value(written["pbc"]) if "pbc" in written else "lattice" in written)
    if periodic.shape not in ((), (3,)) or periodic.dtype.kind not in "ib":
        raise TrajectoryError(f"pbc is not three letters T or F: {written['pbc']}")
    return Header(
        written=written,
        columns=_columns(written.get("properties", "species:S:1:pos:R:3").strip("\"'")),
        cell=lattice.astype(float).reshape(3, 3),
        periodic=np.broadcast_to(periodic.astype(bool), (3,)).copy(),
        info=info,
    )


def parse_value(text: str) -> Any:
    """Return a header entry as number, boolean, array of these, JSON as ASE writes it, or string."""
    if text[:1] in ('"', "'", "{", "["):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    if text.startswith("_JSON "):
        value = json.loads(text.removeprefix("_JSON "))
        array = np.array(value) if isinstance(value, list) else None
        return value if array is None or array.dtype.kind not in "ifb" else array
    words = plain_exponents(text.replace(",", " ")).split()
    for kind in (int, float, _BOOLEANS.__getitem__):
        try:
            values = [kind(word) for word in words]
        except (ValueError, KeyError):
            continue
        return text if not values else values[0] if len(values) == 1 else np.array(values)
    return text


def _columns(properties: str) -> dict[str, range]:
    fields = properties.split(":")
    if len(fields) % 3 or not all(width.isdecimal() for width in fields[2::3]):
        raise TrajectoryError(f"Properties={properties} is not a sequence of name:type:width")
    columns, start = {}, 0
    for name, width in zip(fields[::3], map(int, fields[2::3]), strict=True):
        columns[name] = range(start, start + width)
        start += width
    return columns
