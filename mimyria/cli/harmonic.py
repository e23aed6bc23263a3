"""The command of normal modes: harmonic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimyria.cli.options import Config, with_options
from mimyria.settings import HarmonicSettings


@with_options
def harmonic(
    structures: Annotated[list[Path], typer.Argument(help="Structures: xyz, POSCAR, cif, or any that ASE reads.")],
    out: Annotated[Path, typer.Option(help="Folder; of several structures, of a folder for each.")],
    settings: HarmonicSettings,
    config: Config = None,
) -> None:
    """Make normal modes of structures with infrared and Raman lines, spectra, thermochemistry. Resumes by itself."""
    from mimyria.harmonic.command import normal_modes

    made = normal_modes(structures, out, settings)
    for name, each in made.items():
        folder = out if len(made) == 1 else out / name
        spectra = "".join(f", {kind}.csv" for kind in each.spectra)
        typer.echo(f"{folder}: {len(each.wavenumbers)} modes in modes.csv{spectra}")
