"""`Spectrum`: intensities over wavenumber with their errors, units and contributions, and the text file of them.

The name of a column says what it holds, in this order: a quantity, ``_cm-1`` where the unit is in the name,
``_intramolecular`` or ``_intermolecular``, groups in brackets, and ``_error`` or ``_spread``: ``n_alpha_cm-1``,
``n_alpha_error``, ``n_alpha[O,H]``, ``isotropic_per_molecule[shell-bulk]_error``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimyria import __version__
from mimyria.config import File, is_number
from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.memory import whole
from mimyria.spectra.replicates import NO_REPLICATES, Replicates

if TYPE_CHECKING:
    import pandas

    from mimyria.figures.plot import Picture

WAVENUMBER = "wavenumber_cm-1"
UNIT_IN_NAME = "_cm-1"
QUANTITY = re.compile(rf"(.+?)({UNIT_IN_NAME})?(_intramolecular|_intermolecular)?(\[.*\])?(_error|_spread)?")
PROGRAM, UNIT_OF = "mimyria ", "unit of "
"""What the lines of a file's header begin with that tell version and kind, and the unit of some quantities."""


Curve = tuple[Array, Array, Array | None]
"""Wavenumbers (cm⁻¹, ascending), intensities, and their standard errors or None."""


@dataclass(frozen=True, repr=False, eq=False)
class Spectrum:
    """Intensities over wavenumber.

    Where a method takes the name of a column, None stands for the first after the wavenumber.

    Parameters
    ----------
    kind
        Name in ``KINDS``; ``table`` for a file from elsewhere.
    columns
        By name, each of shape (n,), the wavenumber (cm⁻¹) first.
    header
        What the columns are: formulas, settings.
    units
        By quantity, with which the name of a column begins; ``1`` for pure numbers.
    origin
        The file it was read from, for messages.
    lines, replicates
        Columns with their jackknife replicates, (1 + replicates, n), where the spectrum was made here and not read.
    """

    kind: str
    columns: dict[str, Array]
    header: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    origin: str = field(default="", compare=False)
    lines: dict[str, Array] = field(default_factory=dict)
    replicates: Replicates = NO_REPLICATES

    def __repr__(self) -> str:
        low, high = self.wavenumber[[0, -1]] if len(self.wavenumber) else (np.nan, np.nan)
        shown = [f"{name} ± error" if column_name(name) in self.columns else name for name in self.quantities]
        return f"<Spectrum {self.kind}: {len(self.wavenumber)} points, {low:g} to {high:g} cm⁻¹; {', '.join(shown)}>"

    @property
    def wavenumber(self) -> Array:
        """cm⁻¹, shape (n,)."""
        return self.columns[WAVENUMBER]

    @property
    def quantities(self) -> list[str]:
        """Names of the columns that are neither the wavenumber, an error, a spread, nor a contribution."""
        return [name for name in list(self.columns)[1:] if not any(_parts(name)[2:])]

    def values(self, column: str | None = None) -> Array:
        """Return a column, shape (n,), in its `unit`; raise SpectrumError if there is none of that name."""
        return self.columns[self._name(column)]

    def error(self, column: str | None = None) -> Array | None:
        """Return the standard error of a column, shape (n,), or None where it is not known."""
        return self.columns.get(column_name(self._name(column)))

    def spread(self, column: str | None = None) -> Array | None:
        """Return the standard deviation of a column over the networks of a committee, shape (n,), or None."""
        return self.columns.get(column_name(self._name(column), "spread"))

    def unit(self, column: str | None = None) -> str:
        """Return the unit of a column, ``1`` for a pure number; empty where it is not known."""
        quantity, in_name, *_ = _parts(self._name(column))
        return self.units.get(quantity, in_name.removeprefix("_"))

    def contributions(self, column: str | None = None) -> dict[tuple[str, ...], Array]:
        """Return what pairs of groups, or species, contribute to a column, by their names: ``("O", "H")``.

        A column of one quantity has the auto terms ``("O", "O")`` and the cross terms, which add up to it; one of the
        density of states has a contribution of every species, ``("O",)``.
        """
        stem = f"{self._name(column).removesuffix(UNIT_IN_NAME)}["
        inside = {name: name[len(stem) : -1] for name in self.columns if name.startswith(stem) and name.endswith("]")}
        return {tuple(groups.split(",")): self.columns[name] for name, groups in inside.items()}

    def curve(self, column: str | None = None, scale: float = 1.0) -> Curve:
        """Return a column with its wavenumbers and its standard error, both times a factor."""
        error = self.error(column)
        return self.wavenumber, scale * self.values(column), None if error is None else abs(scale) * error

    def plot(self, *, reference: File | Iterable[File] = (), title: str = "", width: str = "double") -> Picture:
        """Return the figure of the spectrum; see `Spectra.plot`."""
        return Spectra({self.kind: self}).plot(reference=reference, title=title, width=width)

    def to_dataframe(self) -> pandas.DataFrame:
        """Return the columns as a table of pandas, the wavenumber (cm⁻¹) as its index, units in ``attrs["units"]``.

        Raises
        ------
        SpectrumError
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise SpectrumError("a data frame needs pandas: pip install 'mimyria[pandas]'") from None
        table = pandas.DataFrame(self.columns).set_index(WAVENUMBER)
        table.attrs = {"kind": self.kind, "units": {name: self.unit(name) for name in self.columns}, **self.header}
        return table

    def _name(self, column: str | None) -> str:
        names = list(self.columns)
        if column is None:
            return names[1]
        if column not in names:
            raise SpectrumError(f"{self.origin or self.kind} has no column {column}; it has {', '.join(names[1:])}")
        return column


class Spectra(dict[str, Spectrum]):
    """The spectra of one run, by kind."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.values()))

    def plot(self, *, reference: File | Iterable[File] = (), title: str = "", width: str = "double") -> Picture:
        """Return the figure: a panel of each spectrum, errors as bands; a notebook shows it, ``savefig`` writes it.

        Parameters
        ----------
        reference
            Spectra to lay over, one or several, as ``--reference`` takes them:
            ``[KIND=]FILE[,scale=X][,column=NAME][,label=TEXT]``.
        title
            Stands above.
        width
            ``single`` or ``double``: columns of a journal.
        """
        from mimyria.figures.plot import draw_spectra  # the one arrow upwards: a result draws itself when it is asked

        return draw_spectra(self, reference, title=title, width=width)


def column_name(name: str, what: str = "error") -> str:
    """Return the name of the column with the ``error``, the ``spread`` or the ``intramolecular`` part of another."""
    return f"{name.removesuffix(UNIT_IN_NAME)}_{what}"


def _parts(name: str) -> list[str]:
    """Return the parts of a column's name in the order said above, empty where one is missing."""
    match = QUANTITY.fullmatch(name)
    return [part or "" for part in match.groups()] if match else [name, "", "", "", ""]


def write_csv(path: Path, spectrum: Spectrum) -> None:
    """Write a spectrum: ``#`` header lines, a line of column names, rows."""
    units = {
        UNIT_OF + ", ".join(name for name, unit in spectrum.units.items() if unit == shared): shared
        for shared in dict.fromkeys(spectrum.units.values())
    }
    header = {f"{PROGRAM}{__version__}": spectrum.kind} | spectrum.header | units
    names = ",".join(f'"{name}"' if "," in name else name for name in spectrum.columns)
    with whole(path) as unfinished, unfinished.open("w", encoding="utf-8") as stream:
        stream.write("".join(f"# {key}: {value}\n" for key, value in header.items()) + f"{names}\n")
        np.savetxt(stream, np.column_stack(list(spectrum.columns.values())), delimiter=",", fmt="%.8g")


def read_spectrum(path: File) -> Spectrum:
    """Return the spectrum in a text file: ours, or any with the wavenumber (cm⁻¹) first; rows in any order.

    ``#`` lines are comments; of ours they give kind, header and units. Columns are separated by commas or white space,
    a line of names may come first.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Spectrum
        With units as far as the file, or the name of a column, tells them.

    Raises
    ------
    SpectrumError
        If the file is not there, has no two columns of numbers, or a line does not fit.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpectrumError(f"{path} cannot be read: {error}") from error
    numbered = [
        (k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip() and line.strip()[0] not in "#;"
    ]
    if not numbered:
        raise SpectrumError(f"{path} has no rows")
    comma = "," in numbered[0][1]
    cells = [(k, _cells(line, comma)) for k, line in numbered]
    names = None if is_number(cells[0][1][0]) else cells.pop(0)[1]
    rows = []
    for k, row in cells:
        try:
            rows.append([float(cell) for cell in row])
        except ValueError:
            raise SpectrumError(f"{path}, line {k}: not a row of numbers") from None
        if len(row) != len(rows[0]):
            raise SpectrumError(f"{path}, line {k}: {len(row)} columns, the rows before have {len(rows[0])}")
    if not rows or len(rows[0]) < 2:
        raise SpectrumError(f"{path} needs at least two columns of numbers, the wavenumber (cm⁻¹) and an intensity")
    if names is None:
        names = [WAVENUMBER, *(f"column_{k}" for k in range(2, len(rows[0]) + 1))]
    if len(names) != len(rows[0]):
        raise SpectrumError(f"{path}: {len(names)} column names for {len(rows[0])} columns")
    table = np.array(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    columns = dict(zip([WAVENUMBER, *names[1:]], table.T, strict=True))
    remarks = [line[1:].split(":", 1) for line in text.splitlines() if line.startswith("#") and ":" in line]
    header = {name.strip(): value.strip() for name, value in remarks}
    kind = next((header.pop(key) for key in list(header) if key.startswith(PROGRAM)), "table")
    stated = {key.removeprefix(UNIT_OF): header.pop(key) for key in list(header) if key.startswith(UNIT_OF)}
    units = {name: unit for names, unit in stated.items() for name in names.split(", ")}
    return Spectrum(kind, columns, header, units, str(path))


def _cells(line: str, comma: bool) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line]))] if comma else line.split()
