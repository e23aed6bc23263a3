"""The commands of the spectra: spectrum, compare."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated, Any

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


def rates(folder: Annotated[Path, typer.Argument(help="The folder of its task.")]) -> None:
    """Compute the rates along one trajectory: the job of `spectrum --executor`."""
    from mimyria.passes import run_pass

    run_pass(folder)


def compare(
    first: Annotated[Path, typer.Argument(help="CSV of ours, JCAMP-DX, or any table with the wavenumber first.")],
    second: Annotated[Path, typer.Argument(help="The other.")],
    column: Annotated[str | None, typer.Option(help="Name of the intensity; without it, the first.")] = None,
    range: Annotated[tuple[float, float], typer.Option(help="Lowest and highest wavenumber, cm⁻¹.")] = (0.0, 1e9),
    scale: Annotated[float, typer.Option(help="What the second is multiplied with.")] = 1.0,
    difference: Annotated[Path | None, typer.Option(help="CSV for first - SCALE·second, with its error.")] = None,
    per: Annotated[
        str,
        typer.Option(help="Of two folders: scale the second to the number of these molecules in the first: H2O."),
    ] = "",
    json: Json = False,
    config: Config = None,
) -> None:
    """Print the similarity of two spectra, 1 - Σ|A - B| / Σ|A + B|; write their difference if asked.

    Of two folders of runs, --difference FILE.csv holds that of all columns, with a picture FILE.png.
    """
    if first.is_dir() and second.is_dir():
        if difference is None:
            raise ConfigError("of two folders the difference is made: give --difference FILE.csv")
        if column or json:
            raise ConfigError(
                f"{'--column' if column else '--json'} is for two files: of two folders all columns count"
            )
        _folders(first, second, difference, scale, per, range)
        return
    if per:
        raise ConfigError("--per needs two folders of runs")
    from mimyria.spectra.compare import compare as run

    result = run(first, second, column=column, range=range, scale=scale, difference=difference)
    typer.echo(json_format.dumps(result.as_dict()) if json else result)


def _folders(first: Path, second: Path, out: Path, scale: float, per: str, range: tuple[float, float]) -> None:
    """Write the difference of two folders, and its picture; print where it goes through zero."""
    from mimyria.figures.difference import plot_difference
    from mimyria.spectra.run_difference import difference_of_runs
    from mimyria.spectra.spectrum import write_csv

    if out.suffix != ".csv":
        raise ConfigError(f"--difference takes a file that ends in .csv, not {out}")
    made = difference_of_runs(first, second, scale=scale, molecule=per, range=range)
    write_csv(out, made)
    plot_difference(out.with_suffix(".png"), made)
    for name in made.quantities:
        typer.echo(f"{name}: {made.header[name]}; isosbestic points: {made.header[f'isosbestic points of {name}']}")


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


def optics(
    measured: Annotated[Path, typer.Argument(help="What was measured: JCAMP-DX or a table with the wavenumber first.")],
    out: Annotated[Path, typer.Option(help="CSV for n·α, n, κ and what follows from them.")],
    index: Annotated[float, typer.Option(help="Refractive index of the sample where it does not absorb.")],
    at: Annotated[float | None, typer.Option(help="Where that is, cm⁻¹; without it, the highest wavenumber.")] = None,
    atr: Annotated[str | None, typer.Option(help='Angle (°) and index of an ATR crystal, "45 2.4".')] = None,
    reflection: Annotated[float | None, typer.Option(help="Angle (°) at which a surface reflected.")] = None,
    film: Annotated[str | None, typer.Option(help="Thickness (µm), and index of the windows, of a film.")] = None,
    light: Annotated[str, typer.Option(help="s or p, if polarised.")] = "",
    column: Annotated[str | None, typer.Option(help="Name of the measured column; without it, the first.")] = None,
    scale: Annotated[float, typer.Option(help="What it is multiplied with.")] = 1.0,
) -> None:
    """Make n, κ and n·α of a measured ATR, reflectance or film, by Kramers-Kronig."""
    from mimyria.declare import Numbers, Refused
    from mimyria.spectra.optics import optics as run
    from mimyria.spectra.spectrum import write_csv

    numbers: dict[str, Any] = {}
    for name, text, counts in (("atr", atr, (2,)), ("film", film, (1, 2))):
        kind = Numbers(counts=counts)
        try:
            numbers[name] = None if text is None else kind.check(kind.read(text))
        except Refused as refused:
            raise ConfigError(f"--{name} {refused}") from None
    if out.exists() and measured.exists() and out.samefile(measured):
        raise ConfigError(f"{out} is what was measured; give another --out")
    how: dict[str, Any] = {
        "reflection": reflection,
        "light": light,
        "index": index,
        "at": at,
        "column": column,
        "scale": scale,
    }
    write_csv(out, run(measured, **numbers, **how))
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


def range_of(text: str) -> tuple[float, float]:
    """Return the two wavenumbers of a text; raise ConfigError for anything else."""
    try:
        low, high = map(float, text.replace(",", " ").replace(":", " ").split())
    except ValueError:
        low, high = 0.0, 0.0
    if not low < high:
        raise ConfigError(f'--range takes two wavenumbers, the lower first, such as "3000 3800", not {text!r}')
    return low, high
