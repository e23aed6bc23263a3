"""Tables of numbers in text files, as spectrometers, spreadsheets and programs write them: their columns and titles.

Separators are commas, semicolons, tabs or blanks, decimals have a point or a comma, whatever comes before the first row
and after the last is text. What can be read in two ways is refused.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimyria.contents import contents_of, misplaced
from mimyria.errors import SpectrumError
from mimyria.frame import Array

COMMENT = "#;!"
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?|[+-]?(?:nan|inf)", re.IGNORECASE)
MISSING = ("", "na", "n/a")
"""Cells in place of a number, in any case."""
MOST_MISSING = 0.3
"""Share of the points of a spectrum that may be no numbers; of more cells the separators are misunderstood."""
DIALECTS: tuple[tuple[str, bool], ...] = ((";", False), (";", True), ("\t", False), ("\t", True), (",", False))
DIALECTS += (("", False), ("", True))
"""Separator, none for any blanks, and whether the decimal sign is a comma."""
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Table:
    """The columns of a text file."""

    values: Array
    """Shape (rows, columns)."""
    names: list[str] | None
    """The line of titles before the first row, None if there is none."""
    titles: list[str]
    """What each column is of, as far as any line before the first row says it; empty where none does."""
    stated: dict[str, str] = field(default_factory=dict)
    """Pairs of a name, in capitals, and a text before the first row."""


def read_text(path: Path) -> str:
    """Return the text of a file: UTF-8, UTF-16 or the Western code page of Windows.

    Raises
    ------
    SpectrumError
        If it cannot be read, or is no text.
    """
    if path.is_dir():
        raise SpectrumError(f"{path} is a folder, not a file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpectrumError(f"{path} cannot be read: {error.strerror or error}") from error
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "")
    if not encoding and content[1:2] == b"\0" and content[:1] != b"\0":  # UTF-16 without its mark
        encoding = "utf-16-le"
    for name in [encoding] if encoding else ["utf-8", "cp1252"]:
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise SpectrumError(misplaced(path, "a spectrum") or f"{path} is not a text file, as spectra are")


def read_table(text: str, path: Path) -> Table:
    """Return the table in a text.

    Raises
    ------
    SpectrumError
        If there is none of two columns, a line does not fit, or its commas may be separators or decimal signs.
    """
    lines = [(k, line.strip(" ")) for k, line in enumerate(text.splitlines(), 1)]
    full = [(k, line) for k, line in lines if line.strip() and line[0] not in COMMENT]
    if not full:
        raise SpectrumError(f"{path} has no rows")
    begin = next((place for place, (_, line) in enumerate(full) if _dialects(line)), None)
    if begin is None:
        needed = f"{path} needs at least two columns of numbers, the wavenumber (cm⁻¹) and an intensity"
        raise SpectrumError(needed if "table" in contents_of(path) else misplaced(path, "a spectrum") or needed)
    first, row = full[begin]
    tried = []
    for dialect in _dialects(row):
        values, stop, reason = _rows(lines[first - 1 :], dialect)
        if not reason:
            break
        tried.append((stop, reason))
    else:
        stop, reason = max(tried)
        raise SpectrumError(f"{path}, line {stop}: {reason}")
    separator, width = dialect[0], values.shape[1]
    above = [line.lstrip(COMMENT) for k, line in lines if k < first and line.strip()]
    titled = begin > 0 or (bool(above) and len(above[-1].split(",")) == width)
    ambiguous = separator == "," and width > 2
    if ambiguous and _may_be_decimals([line for k, line in lines if k >= first], values, titled):
        raise SpectrumError(f"{path}: its commas may be separators or decimal signs; separate columns by semicolons")
    before = full[:begin]
    names = _cells(before[-1][1], separator) if before else None
    if names is not None and len(names) > width and not any(names[width:]):
        names = names[:width]
    if names is not None and len(names) != width:
        if separator and len(before) == 1:
            raise SpectrumError(f"{path}: {len(names)} column names for {width} columns")
        names = None
    if names and not names[0] and width > 2 and np.array_equal(values[:, 0], np.arange(len(values)) + values[0, 0]):
        values, names, width = values[:, 1:], names[1:], width - 1  # pandas numbers the rows
    pairs = (re.split(rf"[{separator or '='}\t=:]", line, maxsplit=1) for _, line in before)
    stated = {pair[0].strip().upper(): pair[1].strip() for pair in pairs if len(pair) == 2}
    return Table(values, names, names or _titles(above[-1] if above else "", separator, width), stated)


def _rows(lines: list[tuple[int, str]], dialect: tuple[str, bool]) -> tuple[Array, int, str]:
    """Return the rows of lines in a dialect, and, where they are not all of the table, the line that is none and why.

    Text may follow the rows after a comment or an empty line, as long as no further row does.
    """
    rows: list[tuple[int, list[float | None]]] = []
    pause, text = False, 0
    for k, line in lines:
        if not line.strip() or line[0] in COMMENT:
            pause = True
            continue
        row = _numbers(line, *dialect)
        if row and not text:
            rows.append((k, row))
            pause = False
        elif not row and (text or (pause and line[0] not in "0123456789.+-")):
            text = text or k
        else:
            return np.zeros((0, 0)), text or k, "not a row of numbers"
    while rows and all(row[-1] is None for _, row in rows):  # each ends with a separator
        rows = [(k, row[:-1]) for k, row in rows]
    width, missing = len(rows[0][1]), 0
    for k, row in rows:
        if len(row) != width:
            return np.zeros((0, 0)), k, f"{len(row)} columns, the rows before have {width}"
        missing += None in row
        if row[0] is None or missing > MOST_MISSING * len(rows):
            return np.zeros((0, 0)), k, "not a row of numbers: a cell is empty"
    return np.array([row for _, row in rows], dtype=float), 0, ""


def _dialects(line: str) -> list[tuple[str, bool]]:
    """Return the dialects in which a line is a row of at least two numbers."""
    rows = {dialect: _numbers(line, *dialect) for dialect in DIALECTS}
    return [dialect for dialect, row in rows.items() if sum(number is not None for number in row) > 1]


def _numbers(line: str, separator: str, comma: bool) -> list[float | None]:
    """Return the numbers of a line, None for what is missing; an empty list where a cell is something else."""
    cells = _cells(line, separator)
    if comma:
        cells = [cell.replace(",", ".", 1) if "." not in cell else "mixed" for cell in cells]
    known = [None if cell.lower() in MISSING else cell for cell in cells]
    if not all(NUMBER.fullmatch(cell) for cell in known if cell):
        return []
    return [float(cell.upper().replace("D", "E")) if cell else None for cell in known]


def _cells(line: str, separator: str) -> list[str]:
    if not separator:
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]


def _may_be_decimals(lines: list[str], values: Array, titled: bool) -> bool:
    """Return whether cells between commas may be halves of numbers: whole ones, untitled, repeated or after zeros."""
    if any("." in line for line in lines):
        return False
    if not titled and (values == np.round(values)).all():
        return True
    repeated = len(np.unique(values[:, 0])) < len(values)
    return repeated or any(re.search(r",\s*0\d", line) for line in lines)


def _titles(line: str, separator: str, width: int) -> list[str]:
    """Return the cells of a line above the first row, or all of it for each column if it has other cells."""
    cells = line.split(separator) if separator else re.split(r"\t|\s{2,}", line.strip())
    return [cell.strip() for cell in cells] if len(cells) == width else [line.strip()] * width
