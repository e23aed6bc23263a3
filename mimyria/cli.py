"""The command line: what each flag means, and which function does the work."""

from __future__ import annotations

import json as json_format
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimyria.config import read_settings
from mimyria.errors import ConfigError

if TYPE_CHECKING:
    from mimyria.frame import Frame
    from mimyria.progress import Advance

log = logging.getLogger("mimyria")

LEAST_SIMILARITY = 0.05

app = typer.Typer(
    help="Infrared and polarised Raman spectra from molecular dynamics that already exists.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _use_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the defaults of a command from a YAML file, so that flags win."""
    if path is not None:
        parameters = [parameter for parameter in context.command.params if parameter.name not in ("config", "help")]
        plural = {parameter.name or "" for parameter in parameters if parameter.nargs != 1}
        context.default_map = read_settings(path, {parameter.name or "" for parameter in parameters}, plural)
    return path


def _numbers(text: str | None, counts: tuple[int, ...], flag: str) -> tuple[float, ...] | None:
    """Return the numbers of a flag such as ``--cell "9.8 9.8 9.8"``."""
    if text is None:
        return None
    try:
        numbers = tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError:
        raise ConfigError(f"{flag} takes numbers, not {text!r}") from None
    if len(numbers) not in counts:
        raise ConfigError(f"{flag} takes {' or '.join(map(str, counts))} numbers, not {len(numbers)}")
    return numbers


def _frame_range(text: str | None) -> tuple[int, int | None]:
    """Return first and last (exclusive) of ``--frames 100:2000``."""
    match = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", ":" if text is None else text)
    first, last = (int(match[1] or 0), int(match[2]) if match[2] else None) if match else (-1, None)
    if first < 0 or (last is not None and last <= first):
        raise ConfigError(f"--frames takes FIRST:LAST, counted from 0, LAST left out (in YAML in quotes), not {text!r}")
    return first, last


def _plot_path(path: Path | None) -> Path | None:
    """Return the path of a picture after checking that it can be written there."""
    if path is not None:
        if path.suffix.lower() not in (".png", ".pdf", ".svg"):
            raise ConfigError(f"{path}: a picture is .png, .pdf or .svg")
        path.parent.mkdir(parents=True, exist_ok=True)
    return path


Config = Annotated[
    Path | None,
    typer.Option("--config", help="YAML file with the names of these flags.", callback=_use_config, is_eager=True),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Topology = Annotated[Path | None, typer.Option(help="File that names the atoms (PDB, GRO, PSF, LAMMPS data, ...).")]
Velocities = Annotated[Path | None, typer.Option(help="Second file with the velocities, as CP2K writes them.")]
VelocityUnit = Annotated[str | None, typer.Option(help="au, A/fs, A/ps, nm/ps or ase.")]
Cell = Annotated[str | None, typer.Option(help='Å: "a b c" or nine numbers, rows first, where the file has none.')]
Timestep = Annotated[float | None, typer.Option(help="fs between stored frames, where the file does not say.")]
Layout = Annotated[str | None, typer.Option(help="Index order of stored tensors, field,displacement or the reverse.")]
Frames = Annotated[str | None, typer.Option(help="FIRST:LAST stored frame to use, counted from 0, LAST left out.")]
Charge = Annotated[float | None, typer.Option(help="Total charge of the cell, e; else what the frames say, else 0.")]
SumRule = Annotated[str, typer.Option(help="project: make the sum over the atoms exact; none: do not.")]


def _project(sum_rule: str) -> bool:
    if sum_rule not in ("project", "none"):
        raise ConfigError(f"--sum-rule takes project or none, not {sum_rule!r}")
    return sum_rule == "project"


@app.command(epilog="Example: mimyria demo --quick --out demo")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for models and spectra.")] = Path("demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Less training, fewer frames: under two minutes.")] = False,
    config: Config = None,
) -> None:
    """Train on bundled DFT labels of water, make its spectra, and set them beside experiment."""
    from mimyria.demo import run_demo

    typer.echo(run_demo(out, quick=quick))


@app.command(epilog="Example: mimyria train labels.extxyz --target apt --out apt.mym --time-limit 5")
def train(
    labels: Annotated[list[Path], typer.Argument(help="Labelled frames (extxyz).")],
    target: Annotated[str, typer.Option(help="apt or pgt.")],
    out: Annotated[Path, typer.Option(help="The model file.")],
    preset: Annotated[str, typer.Option(help="Shape of the network: default or small.")] = "default",
    validation: Annotated[str, typer.Option(help="Fraction of the frames, or a file with labelled frames.")] = "0.1",
    epochs: Annotated[int | None, typer.Option(help="Passes over the frames.")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Minutes; the schedule is laid out over them.")] = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of weights, validation split and order of the frames.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted training ended.")] = False,
    layout: Layout = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Train a network on labels, and keep the weights that are best on the validation frames."""
    from mimyria.model.files import choose_device
    from mimyria.model.train import TrainSettings
    from mimyria.model.train import train as run
    from mimyria.progress import progress
    from mimyria.trajectory import read_frames

    try:
        fraction, file = float(validation), None
    except ValueError:
        fraction, file = 0.0, Path(validation)
    settings = TrainSettings(target, preset, fraction, epochs, time_limit, seed=seed)
    frames = [frame for path in labels for frame in read_frames(path, layout=layout)]
    with progress(f"{target.upper()}NN") as advance:
        summary = run(
            frames,
            settings,
            out,
            validation=list(read_frames(file, layout=layout)) if file else None,
            device=choose_device(device),
            resume=resume,
            report=advance,
            origin=", ".join(map(str, labels)),
        )
    if json:
        typer.echo(json_format.dumps(summary))
    else:
        error = summary["validation_error"]
        typer.echo(
            f"{out}: {summary['training_frames']} training frames, {summary['epochs']} epochs, "
            f"{summary['seconds']:.0f} s" + (f", validation error {100 * error:.1f} %" if error is not None else "")
        )


@app.command(epilog="Example: mimyria evaluate apt.mym labels.extxyz --plot parity.png")
def evaluate(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    labels: Annotated[list[Path], typer.Argument(help="Labelled frames (extxyz).")],
    plot: Annotated[Path | None, typer.Option(help="Parity plot: .png, .pdf, .svg.")] = None,
    device: Device = "auto",
    layout: Layout = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Measure a model on labelled frames that it has not seen."""
    from mimyria.model.evaluate import compare_with_labels, plot_parity
    from mimyria.model.evaluate import evaluate as run
    from mimyria.model.files import choose_device, read_model
    from mimyria.trajectory import read_frames

    plot = _plot_path(plot)
    network = read_model(model, device=choose_device(device))
    frames = [frame for path in labels for frame in read_frames(path, layout=layout)]
    pairs = compare_with_labels(network, frames, ", ".join(map(str, labels)))
    report = run(pairs)
    if plot is not None:
        plot_parity(plot, pairs)
    if json:
        typer.echo(json_format.dumps(report))
        return
    typer.echo(f"{report['target'].upper()}, {report['frames']} frames, errors in {report['unit']}")
    typer.echo(f"{'':>8}{'RMSE':>10}{'relative':>10}{'R²':>10}{'bias':>12}")
    for name, row in [("all", report), *report["species"].items()]:
        typer.echo(f"{name:>8}{row['rmse']:10.4f}{row['relative_rmse']:10.4f}{row['r2']:10.4f}{row['bias']:12.2e}")
    typer.echo(f"sum over the atoms before projection: off by {report['sum_rule']:.2g}")


@app.command(epilog="Example: mimyria predict apt.mym md.extxyz --out tensors.extxyz")
def predict(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    trajectory: Annotated[Path, typer.Argument(help="Configurations or a trajectory, with or without velocities.")],
    out: Annotated[Path, typer.Option(help="extxyz with the tensors of every atom.")],
    topology: Topology = None,
    velocity_unit: VelocityUnit = None,
    layout: Layout = None,
    charge: Charge = None,
    sum_rule: SumRule = "project",
    device: Device = "auto",
    config: Config = None,
) -> None:
    """Write the tensors of every atom, for those who want them; spectra do not need it."""
    from mimyria.model.files import choose_device, read_model
    from mimyria.model.predict import predict as run
    from mimyria.progress import progress
    from mimyria.trajectory import read_frames, write_frames

    if out.resolve() == trajectory.resolve():
        raise ConfigError(f"{out} is the trajectory itself; give another --out")
    network = read_model(model, device=choose_device(device))
    with progress(trajectory.name) as advance:
        stored = read_frames(trajectory, topology=topology, velocity_unit=velocity_unit, layout=layout)
        frames = run(network, stored, charge=charge, project=_project(sum_rule))
        write_frames(out, (_reported(frame, k, advance) for k, frame in enumerate(frames, 1)))


def _reported(frame: Frame, count: int, advance: Advance) -> Frame:
    advance(None, f"{count} frames")
    return frame


@app.command(epilog="Example: mimyria spectrum md.trr --topology md.pdb --apt apt.mym --pgt pgt.mym --out spectra")
def spectrum(
    trajectory: Annotated[list[Path], typer.Argument(help="Trajectories of one system, or series.h5 of a run.")],
    out: Annotated[Path, typer.Option(help="Folder for ir.csv, raman.csv, vdos.csv, spectra.png, series.h5.")],
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
    groups: Annotated[str, typer.Option(help="Parts of the infrared spectrum: species or none.")] = "species",
    blocks: Annotated[int | None, typer.Option(help="Number of blocks for the error bars.")] = None,
    laser: Annotated[float | None, typer.Option(help="nm; adds Stokes intensities.")] = None,
    charge: Charge = None,
    layout: Layout = None,
    sum_rule: SumRule = "project",
    device: Device = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Insist on going on with an unfinished run.")] = False,
    config: Config = None,
) -> None:
    """Make spectra along trajectories. An unfinished run with the same settings is gone on with by itself."""
    from mimyria.pipeline import SpectrumSettings, TrajectorySettings, make_spectra
    from mimyria.spectra.response import GROUPINGS

    if groups not in GROUPINGS:
        raise ConfigError(f"--groups takes {' or '.join(GROUPINGS)}, not {groups!r}")
    if stride != "auto" and not (stride.isdigit() and int(stride) > 0):
        raise ConfigError(f"--stride takes auto or a positive whole number, not {stride!r}")
    for flag, value in (("--resolution", resolution), ("--laser", laser), ("--blocks", blocks)):
        if value is not None and not value > 0:
            raise ConfigError(f"{flag} must be positive, not {value}")
    settings = SpectrumSettings(
        apt=apt,
        pgt=pgt,
        reading=TrajectorySettings(
            topology, velocities, velocity_unit, _numbers(cell, (3, 9), "--cell"), timestep, layout
        ),
        frames=_frame_range(frames),
        stride=None if stride == "auto" else int(stride),
        temperature=temperature,
        resolution=resolution,
        blocks=blocks,
        groups=groups,
        laser=laser,
        charge=charge,
        project=_project(sum_rule),
        device=device,
    )
    spectra = make_spectra(trajectory, out, settings, resume=resume)
    typer.echo(f"{out}: {', '.join(f'{kind}.csv' for kind in spectra)}, spectra.png")


@app.command(epilog="Example: mimyria compare demo/ir.csv other/ir.csv --range 300 4000")
def compare(
    first: Annotated[Path, typer.Argument(help="CSV of ours, or any table with the wavenumber first.")],
    second: Annotated[Path, typer.Argument(help="The other.")],
    column: Annotated[str | None, typer.Option(help="Name of the intensity; without it, the first.")] = None,
    range: Annotated[tuple[float, float], typer.Option(help="Lowest and highest wavenumber, cm⁻¹.")] = (0.0, 1e9),
    json: Json = False,
    config: Config = None,
) -> None:
    """Print the similarity of two spectra, 1 - Σ|A - B| / Σ|A + B|."""
    from mimyria.spectra import compare as comparison

    curves = []
    for path in (first, second):
        table = comparison.read_table(path)
        values = comparison.column(table, column, path)
        curves.append((table.wavenumber, values, comparison.error_of(table, column)))
    report = comparison.similarity(curves[0], curves[1], *range)
    if report["similarity"] < LEAST_SIMILARITY:
        log.warning("the two have next to nothing in common: are their units the same (10³ cm⁻¹, cm⁻¹)?")
    if json:
        typer.echo(json_format.dumps(report))
    else:
        typer.echo(
            f"similarity {report['similarity']:.4f} (score {report['score']:.4f}) "
            f"from {report['low_cm-1']:.0f} to {report['high_cm-1']:.0f} cm⁻¹"
        )
        if "floor" in report:
            typer.echo(f"two measurements of one spectrum with these errors would score {report['floor']:.4f}")


@app.command(epilog="Example: mimyria info apt.mym")
def info(
    file: Annotated[Path, typer.Argument(help="Model, label file, trajectory, series.h5, or folder of spectra.")],
    topology: Topology = None,
    velocity_unit: VelocityUnit = None,
    layout: Layout = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Say what is in a file or folder."""
    from mimyria.info import describe

    facts = describe(file, topology=topology, velocity_unit=velocity_unit, layout=layout)
    typer.echo(json_format.dumps(facts) if json else "\n".join(f"{key}: {value}" for key, value in facts.items()))
