"""The commands of the networks: train, evaluate, predict."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimyria.cli.options import Config, Json, with_options
from mimyria.settings import EvaluateSettings, PredictSettings, TrainSettings

if TYPE_CHECKING:
    from mimyria.frame import Frame


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
    from mimyria import commands

    summary = commands.train(labels, out, settings, plot=plot, resume=resume)
    typer.echo(json_format.dumps(summary) if json else f"{out}: {summary}")


@with_options
def evaluate(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    labels: Annotated[list[Path], typer.Argument(help="Labelled frames (extxyz).")],
    settings: EvaluateSettings,
    plot: Annotated[Path | None, typer.Option(help="Parity plot: .png, .pdf, .svg.")] = None,
    calibration: Annotated[Path | None, typer.Option(help="Plot of a committee's error over its spread.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the numbers, as JSON.")] = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Measure a model on labelled frames that it has not seen."""
    from mimyria import commands
    from mimyria.memory import make_folder, require_distinct, require_writable, write_json

    if out is not None:
        require_distinct(out, [model, *labels], "a file that is read")
        require_writable(out)
    report = commands.evaluate(model, labels, settings, plot=plot, calibration=calibration)
    if out is not None:
        make_folder(out.parent)
        write_json(out, report)
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
    from mimyria import commands
    from mimyria.formats import write_frames
    from mimyria.memory import require_distinct
    from mimyria.progress import progress

    require_distinct(out, [trajectory], "the trajectory itself")
    with progress(trajectory.name) as advance:

        def predicted() -> Iterator[Frame]:
            for count, frame in enumerate(commands.predict(model, trajectory, settings), 1):
                advance(None, f"{count} frames")
                yield frame

        write_frames(out, predicted())
