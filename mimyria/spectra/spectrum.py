"""`Spectrum`: intensities over wavenumber with their errors, units and contributions, and the text file of them.

The name of a column says what it holds, in this order: a quantity, ``_cm-1`` where the unit is in the name,
``_intramolecular`` or ``_intermolecular``, groups in brackets, and ``_error``, ``_spread`` or ``_unbiased``:
``n_alpha_cm-1``, ``n_alpha_error``, ``n_alpha[O,H]``, ``isotropic_per_molecule[shell-bulk]_error``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimyria import __version__
from mimyria.config import File, path_of
from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.measured.arrays import is_array, read_array
from mimyria.measured.jcamp import is_jcamp, read_jcamp
from mimyria.measured.quantities import (
    ABSORBANCE,
    ATR,
    READ_OVER,
    REFLECTANCE,
    abscissa_of,
    in_wavenumbers,
    read_ordinates,
)
from mimyria.measured.tables import read_table, read_text
from mimyria.memory import whole
from mimyria.statistics.replicates import NO_REPLICATES, Replicates
from mimyria.statistics.student import student

if TYPE_CHECKING:
    import pandas

    from mimyria.figures.plot import Picture
    from mimyria.spectra.bands import Band

WAVENUMBER = "wavenumber_cm-1"
UNIT_IN_NAME = "_cm-1"
LEVEL = "level of "
"""What the header entries begin with that tell the level of theory of the tensors of a target."""
QUANTITY = re.compile(rf"(.+?)({UNIT_IN_NAME})?(_intramolecular|_intermolecular)?(\[.*\])?(_error|_spread|_unbiased)?")
SPREAD, UNBIASED = "spread", "unbiased"
"""What a committee of networks tells of a column, see `column_name`."""
NO_ERRORS = "none: fewer than two blocks"
"""What the header says of the errors of a spectrum of too short a run, or of one that was not divided."""
TABLE = "table"
"""The kind of a spectrum from elsewhere."""
PROGRAM, UNIT_OF = "mimyria ", "unit of "
"""What the lines of a file's header begin with that tell version and kind, and the unit of some quantities."""


Curve = tuple[Array, Array, Array | None]
"""Wavenumbers (cm⁻¹, ascending), intensities, and their standard errors or None."""


class Contributions(dict[tuple[str, ...], Array]):
    """Columns by the names of their groups, of which a pair may be asked for in either order."""

    def __missing__(self, names: tuple[str, ...]) -> Array:
        turned = names[::-1] if isinstance(names, tuple) else names
        if turned not in self:
            raise SpectrumError(f"there is no contribution {names!r}; there are {', '.join(map(repr, self)) or 'none'}")
        return self[turned]


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

    @property
    def freedoms(self) -> tuple[int, ...]:
        """The degrees of freedom of its errors, those from blocks first; as far as header or replicates tell them."""
        return self.replicates.freedoms or freedoms_of(self.header.get("errors", ""))

    @property
    def lacks_errors(self) -> bool:
        """Whether it was made of too few blocks for errors, without which noise looks like bands."""
        return self.header.get("errors") == NO_ERRORS

    def interval(self, column: str | None = None) -> Array | None:
        """Return the half width of the interval that holds the true value in 68 % of all cases, by Student's t."""
        error, lines = self.error(column), self.lines.get(self._name(column))
        if error is None or not self.freedoms:
            return error
        return error * student(self.freedoms[0]) if lines is None else self.replicates.interval(lines)

    def spread(self, column: str | None = None) -> Array | None:
        """Return the standard deviation of a column over the networks of a committee, shape (n,), or None."""
        return self.columns.get(column_name(self._name(column), SPREAD))

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
        return Contributions({tuple(groups.split(",")): self.columns[name] for name, groups in inside.items()})

    def curve(self, column: str | None = None, scale: float = 1.0) -> Curve:
        """Return a column with its wavenumbers and its standard error, both times a factor."""
        error = self.error(column)
        return self.wavenumber, scale * self.values(column), None if error is None else abs(scale) * error

    def remark(self, column: str | None = None) -> str:
        """Return what was done to a column when it was read from a file of others; empty where nothing was."""
        name = self._name(column)
        read = self.kind == TABLE and name.startswith((ABSORBANCE, ATR, REFLECTANCE))
        return self.header.get(name, "") if read else ""

    def measured(self, column: str | None = None) -> str:
        """Return ``reflectance`` or ``atr_absorbance`` where a file of others says that a column is one, or nothing."""
        name = self._name(column)
        return next((each for each in (REFLECTANCE, ATR) if self.kind == TABLE and name.startswith(each)), "")

    def stated(self, what: str, column: str | None = None) -> str:
        """Return what the header says of a column, or of all: its ``data type``, for one; empty if it does not."""
        return self.header.get(f"{what} of {self._name(column)}", self.header.get(what, ""))

    def bands(self, column: str | None = None, ranges: Sequence[tuple[float, float]] = ()) -> list[Band]:
        """Return integral, centre, maximum, height and width of the bands of a column; see `measure_bands`."""
        from mimyria.spectra.bands import measure_bands

        return measure_bands(self, column, ranges)

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
    """Return the name of the column with the ``error`` of another, its ``spread``, or another such part."""
    return f"{name.removesuffix(UNIT_IN_NAME)}_{what}"


def freedoms_of(words: str) -> tuple[int, ...]:
    """Return the degrees of freedom of errors from the words of a header about them."""
    found = [re.search(rf"over (\d+) (?:groups of )?{kind}", words) for kind in ("blocks", "trajectories")]
    return tuple(int(number[1]) - 1 for number in found if number and int(number[1]) > 1)


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
    write_columns(path, {f"{PROGRAM}{__version__}": spectrum.kind} | spectrum.header | units, spectrum.columns)


def write_columns(path: Path, header: Mapping[str, str], columns: Mapping[str, Array]) -> None:
    """Write columns of numbers, (n,) each, below their names and ``#`` lines of a header."""
    names = ",".join(f'"{name}"' if "," in name else name for name in columns)
    with whole(path) as unfinished, unfinished.open("w", encoding="utf-8") as stream:
        stream.write("".join(f"# {key}: {value}\n" for key, value in header.items()) + f"{names}\n")
        np.savetxt(stream, np.column_stack(list(columns.values())), delimiter=",", fmt="%.8g")


def read_spectrum(path: File) -> Spectrum:
    """Return the spectrum in a file: ours, JCAMP-DX, a table with the wavenumber first, or an array of numpy.

    Tables may be those of spectrometers, spreadsheets and programs (`read_table`), rows in any order; JCAMP-DX is read
    in all forms of its tables (`read_jcamp`). ``#`` lines are comments; of ours they give kind, header and units.
    Where the file says so, wavelengths (nm, µm) become wavenumbers, and a transmittance becomes an absorbance,
    -log10 T, which `Spectrum.remark` says.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Spectrum
        Over wavenumbers in cm⁻¹, with units as far as the file, or the name of a column, tells them.

    Raises
    ------
    SpectrumError
        If the file is not there, has no two columns of numbers, a line does not fit, or a check of JCAMP-DX fails.
    """
    path = path_of(path)
    if is_array(path):
        values = read_array(path)
        values = values[np.argsort(values[:, 0], kind="stable")]
        names = [WAVENUMBER, *(f"column_{k}" for k in range(2, values.shape[1] + 1))]
        return Spectrum(TABLE, dict(zip(names, values.T, strict=True)), origin=str(path))
    text = read_text(path)
    if is_jcamp(text):
        wavenumber, columns, units, header = read_jcamp(text, str(path))
        return Spectrum(TABLE, {WAVENUMBER: wavenumber} | columns, header, units, str(path))
    table = read_table(text, path)
    first = table.stated.get("XUNITS", table.titles[0])
    wavenumber = in_wavenumbers(table.values[:, 0], first, str(path), stated="XUNITS" in table.stated)
    order = np.argsort(wavenumber, kind="stable")
    remarks = [line[1:].split(":", 1) for line in text.splitlines() if line.startswith("#") and ":" in line]
    header = {name.strip(): value.strip() for name, value in remarks}
    kind = next((header.pop(key) for key in list(header) if key.startswith(PROGRAM)), TABLE)
    stated = {key.removeprefix(UNIT_OF): header.pop(key) for key in list(header) if key.startswith(UNIT_OF)}
    units = {name: unit for names, unit in stated.items() for name in names.split(", ")}
    if kind == TABLE and abscissa_of(first):
        header[READ_OVER] = first
    columns = {WAVENUMBER: wavenumber[order]}
    for k, values in enumerate(table.values.T[1:], 1):
        name = table.names[k] if table.names else f"column_{k + 1}"
        title = table.stated.get("YUNITS", table.titles[k])
        if kind == TABLE:
            values, quantity, said = read_ordinates(values, title, str(path))
            if quantity:
                name = quantity if table.values.shape[1] == 2 else f"{quantity} of {name}"
                units[name], header[name] = "1", said
        columns[name] = values[order]
    return Spectrum(kind, columns, header, units, str(path))
