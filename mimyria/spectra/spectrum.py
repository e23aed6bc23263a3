"""`Spectrum`: intensities over wavenumber, what they are, and the CSV file that holds them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimyria import __version__
from mimyria.frame import Array

WAVENUMBER = "wavenumber_cm-1"


@dataclass(frozen=True)
class Spectrum:
    """Intensities over wavenumber.

    Parameters
    ----------
    kind
        Name in ``KINDS``.
    columns
        By name, each of shape (n,), the wavenumber (cm⁻¹) first.
    header
        What the columns are: units, formulas, settings.
    """

    kind: str
    columns: dict[str, Array]
    header: dict[str, str] = field(default_factory=dict)

    @property
    def wavenumber(self) -> Array:
        """cm⁻¹, shape (n,)."""
        return self.columns[WAVENUMBER]


def write_csv(path: Path, spectrum: Spectrum) -> None:
    """Write a spectrum: ``#`` header lines, a line of column names, rows."""
    lines = [
        f"# mimyria {__version__}: {spectrum.kind}",
        *(f"# {key}: {value}" for key, value in spectrum.header.items()),
    ]
    rows = np.column_stack(list(spectrum.columns.values()))
    unfinished = path.with_name(path.name + ".tmp")
    with unfinished.open("w", encoding="utf-8") as stream:
        stream.write("\n".join([*lines, ",".join(_quoted(spectrum.columns))]) + "\n")
        np.savetxt(stream, rows, delimiter=",", fmt="%.8g")
    os.replace(unfinished, path)


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' if "," in name else name for name in names]
