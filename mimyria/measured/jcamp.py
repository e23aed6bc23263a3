"""JCAMP-DX, in which spectrometers and collections hand out spectra: the tables, in every form, with every check of it.

A block is a list of ``##LABEL=value``, one of which begins the table: ``(XY..XY)`` of pairs, or ``(X++(Y..Y))``, whose
lines hold one abscissa and the ordinates from there on, equally spaced from FIRSTX to LASTX. Ordinates are numbers
(AFFN), joined by their signs (PAC), or compressed, where one letter is sign and first digit

    SQZ   @ABCDEFGHI, abcdefghi      the value:                           0 to 9, -1 to -9
    DIF   %JKLMNOPQR, jklmnopqr      the difference from the one before:  0 to 9, -1 to -9
    DUP   STUVWXYZ, s                how often the item before stands:    1 to 8, 9

and a line after a difference begins with the last ordinate again, as a check. R. S. McDonald and P. A. Wilks,
Appl. Spectrosc. 42, 151 (1988).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.measured.quantities import ABSORBANCE, READ_OVER, in_wavenumbers, read_ordinates

LABEL = re.compile(r"\s*##([^=]*)=(.*)", re.DOTALL)
TABLES = ("XYDATA", "XYPOINTS")
REFUSED = {
    "NTUPLES": "NTUPLES (several tables in one block) is not read; export it as XYDATA",
    "PEAKTABLE": "a table of peaks, not a spectrum",
    "PEAKASSIGNMENTS": "a table of peaks, not a spectrum",
    "RADATA": "an interferogram, not a spectrum",
}
"""Labels that begin what is no spectrum, and what it is."""
SIGNED = "@ABCDEFGHI", "abcdefghi"
DIFFERENCE = "%JKLMNOPQR", "jklmnopqr"
REPEAT = "STUVWXYZs"
ABSCISSA = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]\d{1,3})?")
ORDINATE = re.compile(
    r"[\s,;]*([+-]?\d+(?:[eE][+-]\d{1,3})?(?!\.)|[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d{1,3})?|[@%A-Za-s]\d*|\?)"
)
"""An E without a sign, after a number without a point, is the letter of the next number."""
FURTHEST = {False: 0.75, True: 1.5}
"""Of the spacing: how far the abscissa of a line may be from where its first ordinate lies, without ##NPOINTS, where a
point left out makes it 1, and with it: programs round, or give a line the abscissa of the last ordinate before it."""
MOST_POINTS = 5_000_000
"""Of a spectrum; a few letters repeat an ordinate as often as they say."""
SHOWN = 5
"""Titles of spectra that a message names."""


@dataclass
class Block:
    """The labels of a block, and the numbered lines of its table."""

    labels: dict[str, str] = field(default_factory=dict)
    table: str = ""
    lines: list[tuple[int, str]] = field(default_factory=list)
    ended: bool = False

    @property
    def title(self) -> str:
        """What the spectrum is of."""
        return self.labels.get("TITLE", "")

    def number(self, label: str, place: str) -> float | None:
        """Return the number that a label gives, None where it is not there."""
        text = self.labels.get(label, "").replace(",", ".")
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            raise SpectrumError(f"{place}: ##{label}={text} is not a number") from None


def is_jcamp(text: str) -> bool:
    """Return whether a text is a JCAMP-DX file."""
    return re.search(r"^\s*##\s*(TITLE|JCAMP-?DX)\s*=", text[:4000], re.IGNORECASE | re.MULTILINE) is not None


def read_jcamp(text: str, place: str) -> tuple[Array, dict[str, Array], dict[str, str], dict[str, str]]:
    """Return wavenumbers (cm⁻¹), ordinates by name, the unit of each, and remarks by their names.

    A file of several spectra over the same wavenumbers names them by their titles. What only some of these state is
    remarked of each: ``data type of TITLE``.

    Raises
    ------
    SpectrumError
        If a check of the format fails, something is no spectrum, or several spectra have different wavenumbers.
    """
    spectra, refused = [], ""
    for block in _blocks(text):
        if block.table in REFUSED:
            refused = refused or REFUSED[block.table]
        elif block.table:
            spectra.append((block, *_points(block, place)))
    if refused and not spectra:
        raise SpectrumError(f"{place}: JCAMP-DX with {refused}")
    if not spectra:
        raise SpectrumError(f"{place}: JCAMP-DX without a table (XYDATA or XYPOINTS)")
    names = [block.title or f"spectrum {k}" for k, (block, *_) in enumerate(spectra, 1)]
    wavenumber = spectra[0][1]
    for _, other, _ in spectra[1:]:
        if len(other) != len(wavenumber) or not np.allclose(other, wavenumber, rtol=0, atol=1e-3):
            raise SpectrumError(
                f"{place}: holds {len(spectra)} spectra over different wavenumbers ({'; '.join(names[:SHOWN])}"
                f"{', ...' * (len(names) > SHOWN)}); give a file for each"
            )
    columns: dict[str, Array] = {}
    units: dict[str, str] = {}
    remarks: dict[str, str] = {}
    stated: dict[str, dict[str, str]] = {}
    for k, (block, _, ordinates) in enumerate(spectra):
        unit = block.labels.get("YUNITS", "")
        procedure = " ".join(block.labels.get(label, "") for label in ("SAMPLINGPROCEDURE", "DATATYPE"))
        ordinates, quantity, said = read_ordinates(ordinates, unit, place, procedure)
        name = quantity or unit.lower() or "ordinate"
        name = name if len(spectra) == 1 else f"{quantity} of {names[k]}" if quantity else names[k]
        name += f" ({k + 1})" * (name in columns)
        columns[name], units[name] = ordinates, "1" if quantity or unit.lower() == ABSORBANCE else unit
        remarks |= {name: said} if said else {}
        labels = {"title": "TITLE", "data type": "DATATYPE", READ_OVER: "XUNITS"}
        stated[name] = {key: block.labels.get(label, "") for key, label in labels.items()}
    return wavenumber, columns, units, remarks | _remarked(stated)


def _remarked(stated: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return as remarks what columns, by their names, state: once what all do, else of each."""
    remarks: dict[str, str] = {}
    for name, each in stated.items():
        for key, value in each.items():
            shared = all(other[key] == value for other in stated.values())
            remarks |= {key if shared else f"{key} of {name}": value} if value else {}
    return remarks


def _blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a file, also those inside a LINK block, each from its title on."""
    block, label = Block(), ""
    for k, line in enumerate(text.splitlines(), 1):
        line = line.split("$$")[0]
        match = LABEL.fullmatch(line)
        if match is None:
            if label == block.table and line.strip():
                block.lines.append((k, line.strip()))
            continue
        label = re.sub(r"[\s/_-]", "", match[1]).upper()
        if label == "TITLE" and block.labels:
            yield block
            block = Block()
        block.ended |= label == "END" or bool(block.lines)
        block.labels.setdefault(label, match[2].strip())
        if block.table not in TABLES and label in (*TABLES, *REFUSED):
            block.table, block.lines = label, []
    yield block


def _points(block: Block, place: str) -> tuple[Array, Array]:
    """Return wavenumbers and ordinates of a block, after every check that its labels allow."""
    form = re.sub(r"\s", "", block.labels[block.table]).upper()
    place = f"{place} ({block.title})" if block.title else place
    if not block.lines:
        raise SpectrumError(f"{place}: the table is empty")
    x_factor, y_factor = (block.number(f"{axis}FACTOR", place) or 1.0 for axis in "XY")
    if form.startswith("(X++(Y..Y)"):
        at, ordinates = _lines(block, place)
    elif form.startswith("(XY..XY)"):
        at, ordinates = [], _pairs(block, place)
    else:
        raise SpectrumError(f"{place}: a table of the form {form}; (X++(Y..Y)) and (XY..XY) are read")
    count = len(ordinates)
    points = block.number("NPOINTS", place)
    if points is not None and points != count:
        raise SpectrumError(f"{place}: {count} points, but ##NPOINTS={points:g}: the table is cut or damaged")
    if points is None and not block.ended:
        raise SpectrumError(f"{place}: ends without ##END: the table may be cut")
    if count < 2:
        raise SpectrumError(f"{place}: {count} points are no spectrum")
    first, last, step = (block.number(label, place) for label in ("FIRSTX", "LASTX", "DELTAX"))
    if at:
        first = at[0].x * x_factor if first is None else first
        if last is None and step is None:
            raise SpectrumError(f"{place}: neither ##LASTX nor ##DELTAX says where the points lie")
        last = first + (step or 0.0) * (count - 1) if last is None else last
        abscissa, y = np.linspace(first, last, count), ordinates
        spacing = abs(last - first) / (count - 1)
        for line in at:
            off = abs(line.x * x_factor - abscissa[min(line.place, count - 1)])
            if off > FURTHEST[points is not None] * spacing + line.digit * abs(x_factor):
                raise SpectrumError(
                    f"{place}, line {line.number}: begins at {line.x * x_factor:.6g}, but its first ordinate lies at "
                    f"{abscissa[line.place]:.6g}: points are missing, or FIRSTX, LASTX or XFACTOR is wrong"
                )
    else:
        abscissa, y = ordinates[:, 0] * x_factor, ordinates[:, 1]
        steps = np.diff(abscissa)
        if not ((steps >= 0).all() or (steps <= 0).all()):
            raise SpectrumError(f"{place}: the abscissae neither rise nor fall throughout: are they decimal commas?")
        for label, end, k in (("FIRSTX", first, 0), ("LASTX", last, -1)):
            if end is not None and abs(end - abscissa[k]) > abs(steps[k]):
                raise SpectrumError(f"{place}: ##{label}={end:g}, but the table has {abscissa[k]:g} there")
    beginning = block.number("FIRSTY", place)
    # Some programs state the ordinate before its factor, or none.
    if beginning and not np.isclose([y[0] * y_factor, y[0]], beginning, rtol=0.01, atol=2 * abs(y_factor)).any():
        raise SpectrumError(f"{place}: ##FIRSTY={beginning:g}, but the first ordinate is {y[0] * y_factor:g}")
    wavenumber = in_wavenumbers(abscissa, block.labels.get("XUNITS", "1/CM"), place)
    order = np.argsort(wavenumber, kind="stable")
    return wavenumber[order], (y * y_factor)[order]


@dataclass(frozen=True)
class Line:
    """Where a line of a table begins."""

    number: int
    x: float
    digit: float
    """Value of the last digit of x."""
    place: int
    """Of its first ordinate, the check of the one before left out."""


def _lines(block: Block, place: str) -> tuple[list[Line], Array]:
    """Return where each line of an (X++(Y..Y)) table begins, and all ordinates, without their factor."""
    at: list[Line] = []
    values: list[float] = []
    step: float | None = None  # of the item before, where it is a difference
    stated = block.number("NPOINTS", place) or MOST_POINTS
    most = stated if stated < MOST_POINTS else MOST_POINTS  # which may be nan
    for k, line in block.lines:
        here = f"{place}, line {k}"
        found = ABSCISSA.match(line)
        if found is None:
            raise SpectrumError(f"{here}: does not begin with an abscissa")
        digits, _, power = found[0].upper().partition("E")
        last_digit = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
        checks = step is not None
        count = len(values)
        at.append(Line(k, float(found[0]), last_digit, count))
        end, begun = found.end(), False
        while line[end:].strip(" \t,;"):
            match = ORDINATE.match(line, end)
            if match is None:
                raise SpectrumError(f"{here}: {line[end:].strip()[:12]!r} is no ordinate of JCAMP-DX")
            end, item = match.end(), match[1]
            if not begun and (_digits(item, DIFFERENCE) is not None or item[0] in REPEAT):
                raise SpectrumError(f"{here}: begins with {item!r}, which needs an ordinate before it")
            if item[0] in REPEAT:
                times = float(f"{REPEAT.index(item[0]) + 1}{item[1:]}") - 1
                if len(values) + times > most:
                    raise SpectrumError(f"{here}: {item[:12]} makes more than {most:.0f} points: the table is damaged")
                values += [values[-1] + (step or 0.0) * n for n in range(1, int(times) + 1)]
            elif (difference := _digits(item, DIFFERENCE)) is not None:
                step = difference
                values.append(values[-1] + step)
            else:
                signed = _digits(item, SIGNED)
                value = np.nan if item == "?" else float(item) if signed is None else signed
                if checks and not begun:
                    # Some programs end with a zero in place of the last check.
                    if value != values[-1] and (k, item) != (block.lines[-1][0], "@"):
                        raise SpectrumError(
                            f"{here}: the check of the ordinate before fails, {value:g} for {values[-1]:g}: "
                            "the table is damaged"
                        )
                else:
                    values.append(value)
                step = None
            begun = True
    if at[-1].place == len(values):  # a last line with nothing but the check
        at.pop()
    return at, np.array(values)


def _digits(item: str, letters: tuple[str, str]) -> float | None:
    """Return the number whose sign and first digit are a letter; None for another item."""
    positive, negative = letters
    if item[0] in positive:
        return float(f"{positive.index(item[0])}{item[1:]}")
    return -float(f"{negative.index(item[0]) + 1}{item[1:]}") if item[0] in negative else None


def _pairs(block: Block, place: str) -> Array:
    """Return the pairs of an (XY..XY) table, (n, 2), without their factors."""
    pairs: list[float] = []
    for k, line in block.lines:
        try:
            words = re.split(r"[\s,;]+", line.strip(" \t,;"))
            numbers = [np.nan if word == "?" and n % 2 else float(word) for n, word in enumerate(words)]
        except ValueError:
            raise SpectrumError(f"{place}, line {k}: not pairs of numbers") from None
        if len(numbers) % 2:
            raise SpectrumError(f"{place}, line {k}: {len(numbers)} numbers are no pairs")
        pairs += numbers
    return np.array(pairs).reshape(-1, 2)
