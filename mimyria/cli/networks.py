"""The commands of the networks: train, evaluate, predict."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimyria.cli.options import Config, Json, plot_path, with_options
from mimyria.declare import values_of
from mimyria.errors import ConfigError
from mimyria.settings import EvaluateSettings, PredictSettings, Stored, TrainSettings

if TYPE_CHECKING:
    from mimyria.frame import Frame
    from mimyria.progress import Advance


@with_options
def train(
    labels: Annotated[list[Path], typer.Argument(help="Labelled frames (extxyz).")],
    out: Annotated[Path, typer.Option(help="The model file.")],
    settings: TrainSettings,
    plot: Annotated[Path | None, typer.Option(help="Learning curve: .png, .pdf, .svg.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume an interrupted training.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Train a network on labels, and keep the weights that are best on the validation frames."""
    from mimyria.formats import read_frames
    from mimyria.model.files import choose_device
    from mimyria.progress import progress_table
    from mimyria.training.train import train as run

    plot = plot_path(plot)
    frames = [frame for path in labels for frame in read_frames(path, layout=settings.layout)]
    held_out = settings.validation
    with progress_table(f"{settings.target.upper()}NN") as advance:
        summary = run(
            frames,
            settings,
            out,
            validation=list(read_frames(held_out, layout=settings.layout)) if isinstance(held_out, Path) else None,
            device=choose_device(settings.device),
            resume=resume,
            report=advance,
            origin=", ".join(map(str, labels)),
        )
    if plot is not None:
        from mimyria.figures.training import plot_history
        from mimyria.training.history import history_of, read_history

        plot_history(plot, read_history(history_of(out)), out.name)
    if json:
        typer.echo(json_format.dumps(summary))
    else:
        error = summary["validation_error"]
        typer.echo(
            f"{out}: {summary['training_frames']} training frames, {summary['epochs']} epochs, "
            f"{summary['seconds']:.0f} s" + (f", validation error {100 * error:.1f} %" if error is not None else "")
        )


@with_options
def evaluate(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    labels: Annotated[list[Path], typer.Argument(help="Labelled frames (extxyz).")],
    settings: EvaluateSettings,
    plot: Annotated[Path | None, typer.Option(help="Parity plot: .png, .pdf, .svg.")] = None,
    calibration: Annotated[Path | None, typer.Option(help="Plot of a committee's error over its spread.")] = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Measure a model on labelled frames that it has not seen."""
    from mimyria.figures.training import plot_calibration, plot_parity
    from mimyria.formats import read_frames
    from mimyria.model.files import choose_device, read_model
    from mimyria.training.evaluate import compare_with_labels
    from mimyria.training.evaluate import evaluate as run

    plot, calibration = plot_path(plot), plot_path(calibration)
    network = read_model(model, device=choose_device(settings.device))
    frames = [frame for path in labels for frame in read_frames(path, layout=settings.layout)]
    pairs = compare_with_labels(network, frames, ", ".join(map(str, labels)))
    report = run(pairs)
    if plot is not None:
        plot_parity(plot, pairs)
    if calibration is not None:
        plot_calibration(calibration, pairs)
    typer.echo(json_format.dumps(report) if json else report)


def convert(
    model: Annotated[Path, typer.Argument(help="Model file of the original Mimyria program.")],
    out: Annotated[Path, typer.Option(help="The model file of this program.")],
    layout: Annotated[
        str | None, typer.Option(help="Labels of its APT: mimyria-field or mimyria-displacement, which are transposes.")
    ] = None,
) -> None:
    """Take over a model of the original Mimyria program; it gives the same tensors."""
    from mimyria.model.files import write_model
    from mimyria.model.original import read_original

    taken = read_original(model, layout)
    write_model(out, taken, taken.summary)
    typer.echo(f"{out}: {taken.target.title}")


@with_options
def predict(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    trajectory: Annotated[Path, typer.Argument(help="Configurations or a trajectory, with or without velocities.")],
    out: Annotated[Path, typer.Option(help="extxyz with the tensors of every atom.")],
    settings: PredictSettings,
    config: Config = None,
) -> None:
    """Write the tensors of every atom, for those who want them; spectra do not need it."""
    from mimyria.formats import read_frames, write_frames
    from mimyria.model.files import choose_device, read_model
    from mimyria.model.predict import predict as run
    from mimyria.progress import progress

    if out.resolve() == trajectory.resolve():
        raise ConfigError(f"{out} is the trajectory itself; give another --out")
    network = read_model(model, device=choose_device(settings.device))
    with progress(trajectory.name) as advance:
        stored = read_frames(trajectory, **values_of(settings, Stored))
        frames = run(network, stored, charge=settings.charge, project=settings.sum_rule == "project")
        write_frames(out, (_reported(frame, k, advance) for k, frame in enumerate(frames, 1)))


def _reported(frame: Frame, count: int, advance: Advance) -> Frame:
    advance(None, f"{count} frames")
    return frame
