"""The commands of the spectra: spectrum, compare, bands, optics, static."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from mimyria.cli.options import Config, Json, with_options
from mimyria.declare import values_of
from mimyria.errors import ConfigError
from mimyria.settings import BandsSettings, CompareSettings, OpticsSettings, SpectrumSettings


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


def rates(folder: Annotated[Path, typer.Argument(help="The folder of its task.")]) -> None:
    """Compute the rates along one trajectory: the job of `spectrum --executor`."""
    from mimyria.passes import run_pass

    run_pass(folder)


@with_options
def compare(
    first: Annotated[Path, typer.Argument(help="CSV of ours, JCAMP-DX, or any table with the wavenumber first.")],
    second: Annotated[Path, typer.Argument(help="The other.")],
    settings: CompareSettings,
    difference: Annotated[Path | None, typer.Option(help="CSV for first - SCALE·second, with its error.")] = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Print the similarity of two spectra, 1 - Σ|A - B| / Σ|A + B|; write their difference if asked.

    Of two folders of runs, --difference FILE.csv holds that of all columns, with a picture FILE.png.
    """
    if first.is_dir() and second.is_dir():
        if difference is None:
            raise ConfigError("of two folders the difference is made: give --difference FILE.csv")
        if settings.column or json:
            raise ConfigError(
                f"{'--column' if settings.column else '--json'} is for two files: of two folders all columns count"
            )
        _folders(first, second, difference, settings)
        return
    if settings.per:
        raise ConfigError("--per needs two folders of runs")
    from mimyria.spectra.compare import compare as run

    how = {name: value for name, value in values_of(settings, CompareSettings).items() if name != "per"}
    result = run(first, second, difference=difference, **how)
    typer.echo(json_format.dumps(result.as_dict()) if json else result)


def _folders(first: Path, second: Path, out: Path, settings: CompareSettings) -> None:
    """Write the difference of two folders, and its picture; print where it goes through zero."""
    from mimyria.figures.difference import plot_difference
    from mimyria.spectra.run_difference import difference_of_runs
    from mimyria.spectra.spectrum import write_csv

    if out.suffix != ".csv":
        raise ConfigError(f"--difference takes a file that ends in .csv, not {out}")
    runs = {first.resolve(): "the first", second.resolve(): "the second"}
    if (run := runs.get(out.resolve().parent)) is not None:
        raise ConfigError(f"{out} would be in {run} of the two runs, beside its spectra; give another --difference")
    made = difference_of_runs(first, second, scale=settings.scale, molecule=settings.per or "", range=settings.range)
    write_csv(out, made)
    plot_difference(out.with_suffix(".png"), made)
    for name in made.quantities:
        typer.echo(f"{name}: {made.header[name]}; isosbestic points: {made.header[f'isosbestic points of {name}']}")


@with_options
def bands(
    spectrum: Annotated[Path, typer.Argument(help="Folder of a run, a CSV file in it, or any table of a spectrum.")],
    settings: BandsSettings,
    json: Json = False,
    config: Config = None,
) -> None:
    """Integral, centre, maximum, height and width of bands, with errors; those that are found, or given ranges."""
    from mimyria.commands import bands as measure
    from mimyria.spectra.bands import band_table

    found = measure(spectrum, ranges=settings.range, column=settings.column)
    table = band_table(found) if found else 'no bands; --range "LOW HIGH" measures a range'
    typer.echo(json_format.dumps([band.as_dict() for band in found]) if json else table)


@with_options
def optics(
    measured: Annotated[Path, typer.Argument(help="What was measured: JCAMP-DX or a table with the wavenumber first.")],
    out: Annotated[Path, typer.Option(help="CSV for n·α, n, κ and what follows from them.")],
    settings: OpticsSettings,
    config: Config = None,
) -> None:
    """Make n, κ and n·α of a measured ATR, reflectance or film, by Kramers-Kronig."""
    from mimyria.memory import require_distinct
    from mimyria.spectra.optics import optics as run
    from mimyria.spectra.spectrum import write_csv

    require_distinct(out, [measured], "what was measured")
    write_csv(out, run(measured, **values_of(settings, OpticsSettings)))
    typer.echo(f"{out}: n·α, n, κ, ε and reflectivity")


def static(
    run: Annotated[Path, typer.Argument(help="Folder of a run with an infrared spectrum.")],
    other: Annotated[Path | None, typer.Argument(help="Another run: the first minus it, water for example.")] = None,
    json: Json = False,
) -> None:
    """Conductivity and permittivity at zero frequency, and the slow relaxation, with errors; the difference of two."""
    from mimyria.commands import static as measure
    from mimyria.spectra.zero_frequency import static_report

    first, second = measure(run, other)
    typer.echo(static_report(str(run), first, str(other), second, as_json=json))
