"""The files of a structure's modes: ``modes.csv``, spectra, thermochemistry, the structure, pictures and a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mimyria import __version__
from mimyria.figures.panels import panels_of
from mimyria.figures.pictures import write_pictures
from mimyria.formats import write_frames
from mimyria.frame import Array, Frame
from mimyria.harmonic.animation import write_modes_page
from mimyria.harmonic.assignment import Assignment
from mimyria.harmonic.lines import Lines
from mimyria.harmonic.modes import Modes
from mimyria.harmonic.thermochemistry import Thermochemistry
from mimyria.memory import whole, write_text
from mimyria.settings import Pictures
from mimyria.spectra.spectrum import PROGRAM, Spectra, write_csv

MODES, THERMO, STRUCTURE, HESSIAN, PAGE = (
    "modes.csv",
    "thermochemistry.csv",
    "structure.extxyz",
    "hessian.npy",
    "modes.html",
)
WRITTEN = (MODES, THERMO, STRUCTURE, HESSIAN, PAGE, "ir.csv", "raman.csv", "settings.yaml")
"""Everything but pictures."""
MEANING = {
    "wavenumber_cm-1": "of harmonic vibrations; negative: imaginary, the structure is no minimum along this mode",
    "error_cm-1": "standard error by the asymmetry of the Hessian, of noise in the forces and of the size of the step",
    "ir_intensity_km_mol-1": "N_A/(12 ε0 c²) |∂M/∂Q|², integral of the molar absorption coefficient, natural logarithm",
    "raman_activity_A4_u-1": "45 a'² + 7 γ'², of the polarizability as a volume",
    "depolarisation_ratio": "3 γ'²/(45 a'² + 4 γ'²), of polarised light",
    "reduced_mass_u": "1/|∂R/∂Q|²",
    "force_constant_mdyn_A-1": "(2πcν)² times the reduced mass, without a scale factor",
    "share[...]": "of the kinetic energy of the mode; motions add up to one, and so do elements",
}


@dataclass(frozen=True)
class Harmonic:
    """The normal modes of a structure with everything that is made of them."""

    frame: Frame
    """At the minimum, with the tensors."""
    hessian: Array
    """eV/Å², shape (3n, 3n)."""
    modes: Modes
    lines: Lines
    assignment: Assignment
    wavenumbers: Array
    """Scaled, cm⁻¹, shape (modes,); negative for imaginary modes."""
    spectra: Spectra
    thermochemistry: Thermochemistry
    header: dict[str, str]
    """What the files say of their origin."""

    def __repr__(self) -> str:
        shown = " ".join(f"{value:.0f}" for value in self.wavenumbers[:6])
        more = " ..." if len(self.wavenumbers) > 6 else ""
        return f"<Harmonic: {len(self.frame)} atoms, {len(self.wavenumbers)} modes: {shown}{more} cm⁻¹>"

    @property
    def columns(self) -> dict[str, Array]:
        """The columns of ``modes.csv`` by name, each of shape (modes,)."""
        columns = {"wavenumber_cm-1": self.wavenumbers}
        if self.modes.noise > 0:
            columns["error_cm-1"] = self.modes.errors * np.abs(self.wavenumbers / _nonzero(self.modes.wavenumbers))
        given = {
            "ir_intensity_km_mol-1": self.lines.intensity,
            "raman_activity_A4_u-1": self.lines.activity,
            "depolarisation_ratio": self.lines.depolarisation_ratio,
        }
        columns |= {name: values for name, values in given.items() if values is not None}
        columns["reduced_mass_u"] = self.modes.reduced_masses
        columns["force_constant_mdyn_A-1"] = self.modes.force_constants
        parts = self.assignment
        for shares in (parts.motions, parts.atoms, parts.groups):
            columns |= {f"share[{name}]": values for name, values in shares.items()}
        return columns


def _nonzero(values: Array) -> Array:
    return np.where(values == 0, 1.0, values)


def write_harmonic(out: Path, made: Harmonic, settings: Pictures) -> None:
    """Write everything into a folder, and remove what an earlier run left there that is not made now."""
    columns = made.columns
    header = {f"{PROGRAM}{__version__}": "modes"} | made.header
    header |= {name: said for name, said in MEANING.items() if name in columns or name.startswith("share")}
    rows = [
        [str(k), *(_written(name, column[k]) for name, column in columns.items()), words]
        for k, words in enumerate(made.assignment.words)
    ]
    _write_table(out / MODES, header, ["mode", *columns, "assignment"], rows)
    thermo = made.thermochemistry
    said = {f"{PROGRAM}{__version__}": "thermochemistry", "model": thermo.what} | made.header
    said["energies"] = "over that of the structure at rest; imaginary modes, and those below 1 cm⁻¹, are left out"
    _write_table(out / THERMO, said, ["quantity", "value", "unit"], [[n, f"{v:.8g}", u] for n, v, u in thermo.rows])
    write_frames(out / STRUCTURE, [made.frame])
    with whole(out / HESSIAN) as unfinished, unfinished.open("wb") as stream:
        np.save(stream, made.hessian)
    for kind in ("ir", "raman"):
        if kind in made.spectra:
            write_csv(out / f"{kind}.csv", made.spectra[kind])
        else:
            (out / f"{kind}.csv").unlink(missing_ok=True)
    formats = tuple(name for name in settings.plot_format if name != "html")
    if made.spectra:
        write_pictures(out, made.spectra, replace(settings, plot_format=formats))
    (out / PAGE).unlink(missing_ok=True)
    if "html" in settings.plot_format:
        files = [out / name for name in (MODES, THERMO, *(f"{kind}.csv" for kind in made.spectra))]
        panels, words = panels_of(made.spectra), made.assignment.words
        write_modes_page(out / PAGE, made.frame, made.modes, columns, words, panels, files, settings.title)


def _written(name: str, value: float) -> str:
    return f"{value:.4f}" if name.startswith("share") else f"{value:.8g}"


def _write_table(path: Path, header: Mapping[str, str], names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table with ``#`` lines of its header above, as those of spectra."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    write_text(path, "".join(f"# {key}: {value}\n" for key, value in header.items()) + text.getvalue())
