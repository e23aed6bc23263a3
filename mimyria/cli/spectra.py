"""The commands of the spectra: spectrum, compare."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from mimyria.cli.options import (
    Cell,
    Charge,
    Config,
    Device,
    Frames,
    Json,
    Layout,
    SumRule,
    Timestep,
    Topology,
    Velocities,
    VelocityUnit,
    frame_range,
    project,
    words,
)
from mimyria.config import numbers
from mimyria.errors import ConfigError

GROUPS = (
    "Parts of the spectra: species (without it), none, molecules, NAME=SELECTION (repeatable), or `shell RADIUS around "
    "SELECTION`; selections are MDAnalysis's."
)


def spectrum(
    trajectory: Annotated[list[Path], typer.Argument(help="Trajectories of one system, or series.h5 of a run.")],
    out: Annotated[Path, typer.Option(help="Folder for ir.csv, raman.csv, vdos.csv, spectra.*, series.h5.")],
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            help="ir, raman, vdos (needs neither --apt nor --pgt), sfg; repeatable, or with commas. All but sfg, where "
            "it is left out."
        ),
    ] = None,
    apt: Annotated[str | None, typer.Option(help="Model file, or `frames`: tensors stored in the frames.")] = None,
    pgt: Annotated[str | None, typer.Option(help="Model file, or `frames`: tensors stored in the frames.")] = None,
    topology: Topology = None,
    velocities: Velocities = None,
    velocity_unit: VelocityUnit = None,
    cell: Cell = None,
    timestep: Timestep = None,
    frames: Frames = None,
    stride: Annotated[str, typer.Option(help="Tensors at every Nth stored frame; auto keeps 4500 cm⁻¹.")] = "auto",
    temperature: Annotated[float | None, typer.Option(help="K; without it, from the velocities.")] = None,
    resolution: Annotated[float | None, typer.Option(help="cm⁻¹ (FWHM); 20, or what the length allows.")] = None,
    window: Annotated[str, typer.Option(help="gaussian, hann or blackman.")] = "gaussian",
    groups: Annotated[list[str] | None, typer.Option(help=GROUPS)] = None,
    blocks: Annotated[int | None, typer.Option(help="Number of blocks for the error bars.")] = None,
    correction: Annotated[
        str, typer.Option(help="Quantum correction of intensities: harmonic, standard, schofield or none.")
    ] = "harmonic",
    epsilon_infinity: Annotated[
        float | None, typer.Option(help="1.78 for water; adds ε', n, κ, α and the reflectivity to ir.csv.")
    ] = None,
    stokes: Annotated[bool, typer.Option("--stokes", help="Add Stokes and anti-Stokes intensities.")] = False,
    laser: Annotated[float | None, typer.Option(help="nm; 532 with --stokes, and implies it.")] = None,
    porto: Annotated[
        list[str] | None,
        typer.Option(help="Raman geometry of an oriented sample, such as z(xy)-z; repeatable, or with commas."),
    ] = None,
    normal: Annotated[str, typer.Option(help="x, y or z: across the slab, for sfg.")] = "z",
    charge: Charge = None,
    layout: Layout = None,
    sum_rule: SumRule = "project",
    device: Device = "auto",
    reference: Annotated[
        list[str] | None,
        typer.Option(help="Spectrum to lay over, repeatable: [KIND=]FILE[,scale=X][,column=NAME][,label=TEXT]."),
    ] = None,
    title: Annotated[str, typer.Option(help="Stands above the pictures.")] = "",
    plot_format: Annotated[str, typer.Option(help="Out of png, pdf, svg, html.")] = "png pdf svg html",
    plot_width: Annotated[str, typer.Option(help="single or double: columns of a journal.")] = "double",
    resume: Annotated[bool, typer.Option("--resume", help="Insist on going on with an unfinished run.")] = False,
    config: Config = None,
) -> None:
    """Make spectra along trajectories. An unfinished run with the same settings is gone on with by itself."""
    from mimyria.figures.pictures import FORMATS, WIDTHS, PictureSettings
    from mimyria.pipeline import make_spectra
    from mimyria.rates.window import WINDOWS
    from mimyria.settings import SpectrumSettings, TrajectorySettings
    from mimyria.spectra.conditions import LASER

    if window not in WINDOWS:
        raise ConfigError(f"--window takes {', '.join(WINDOWS)}, not {window!r}")
    if plot_width not in WIDTHS:
        raise ConfigError(f"--plot-width takes {' or '.join(WIDTHS)}, not {plot_width!r}")
    formats = tuple(plot_format.replace(",", " ").split())
    if not formats or not set(formats) <= set(FORMATS):
        raise ConfigError(f"--plot-format takes {', '.join(FORMATS)}, not {plot_format!r}")
    if stride != "auto" and not (stride.isdigit() and int(stride) > 0):
        raise ConfigError(f"--stride takes auto or a positive whole number, not {stride!r}")
    for flag, value in (("--resolution", resolution), ("--laser", laser), ("--blocks", blocks)):
        if value is not None and not value > 0:
            raise ConfigError(f"{flag} must be positive, not {value}")
    settings = SpectrumSettings(
        kinds=words(kinds) or None,
        apt=apt,
        pgt=pgt,
        reading=TrajectorySettings(
            topology, velocities, velocity_unit, numbers(cell, (3, 9), "--cell"), timestep, layout
        ),
        frames=frame_range(frames),
        stride=None if stride == "auto" else int(stride),
        temperature=temperature,
        resolution=resolution,
        window=window,
        blocks=blocks,
        groups=tuple(groups or ("species",)),
        correction=correction,
        epsilon_infinity=epsilon_infinity,
        laser=laser or (LASER if stokes else None),
        porto=words(porto),
        normal=normal,
        charge=charge,
        project=project(sum_rule),
        device=device,
        pictures=PictureSettings(tuple(reference or ()), formats, plot_width, title),
    )
    spectra = make_spectra(trajectory, out, settings, resume=resume)
    files = [f"{kind}.csv" for kind in spectra] + [f"spectra.{name}" for name in formats]
    typer.echo(f"{out}: {', '.join(files)}")


def compare(
    first: Annotated[Path, typer.Argument(help="CSV of ours, or any table with the wavenumber first.")],
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
