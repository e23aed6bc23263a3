"""The commands of the spectra: spectrum, compare."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from mimyria.cli.options import Config, Json, with_options
from mimyria.errors import ConfigError
from mimyria.settings import SpectrumSettings


@with_options
def spectrum(
    out: Annotated[Path, typer.Option(help="Folder for ir.csv, raman.csv, vdos.csv, spectra.*, series.h5.")],
    settings: SpectrumSettings,
    trajectory: Annotated[
        list[Path] | None, typer.Argument(help="Trajectories of one system, or series.h5 of a run.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Insist on resuming an unfinished run.")] = False,
    config: Config = None,
) -> None:
    """Make spectra along trajectories. Resumes an unfinished run automatically if its settings match."""
    from mimyria.pipeline import make_spectra

    spectra = make_spectra(trajectory or (), out, settings, resume=resume)
    files = [f"{kind}.csv" for kind in spectra] + [f"spectra.{name}" for name in settings.plot_format]
    typer.echo(f"{out}: {', '.join(files)}")


def compare(
    first: Annotated[Path, typer.Argument(help="CSV of ours, JCAMP-DX, or any table with the wavenumber first.")],
    second: Annotated[Path, typer.Argument(help="The other.")],
    column: Annotated[str | None, typer.Option(help="Name of the intensity; without it, the first.")] = None,
    range: Annotated[tuple[float, float], typer.Option(help="Lowest and highest wavenumber, cm⁻¹.")] = (0.0, 1e9),
    scale: Annotated[float, typer.Option(help="What the second is multiplied with.")] = 1.0,
    difference: Annotated[Path | None, typer.Option(help="CSV for first - SCALE·second, with its error.")] = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Print the similarity of two spectra, 1 - Σ|A - B| / Σ|A + B|; write their difference if asked."""
    from mimyria.spectra.compare import compare as run

    result = run(first, second, column=column, range=range, scale=scale, difference=difference)
    typer.echo(json_format.dumps(result.as_dict()) if json else result)


def bands(
    spectrum: Annotated[Path, typer.Argument(help="Folder of a run, a CSV file in it, or any table of a spectrum.")],
    ranges: Annotated[
        list[str] | None, typer.Option("--range", help='Range of a band, cm⁻¹: "3000 3800" (repeatable).')
    ] = None,
    column: Annotated[str | None, typer.Option(help="Name of the intensity; without it, the usual ones.")] = None,
    json: Json = False,
) -> None:
    """Integral, centre, maximum, height and width of bands, with errors; those that are found, or given ranges."""
    from mimyria.commands import bands as measure
    from mimyria.spectra.bands import band_table

    found = measure(spectrum, ranges=[range_of(text) for text in ranges or ()], column=column)
    typer.echo(json_format.dumps([band.as_dict() for band in found]) if json else band_table(found))


def range_of(text: str) -> tuple[float, float]:
    """Return the two wavenumbers of a text; raise ConfigError for anything else."""
    try:
        low, high = map(float, text.replace(",", " ").replace(":", " ").split())
    except ValueError:
        low, high = 0.0, 0.0
    if not low < high:
        raise ConfigError(f'--range takes two wavenumbers, the lower first, such as "3000 3800", not {text!r}')
    return low, high
