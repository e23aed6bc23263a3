"""The commands of the networks: train, evaluate, predict."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimyria.cli.options import (
    Charge,
    Config,
    Device,
    Json,
    Layout,
    SumRule,
    Topology,
    VelocityUnit,
    assignments,
    plot_path,
    project,
)
from mimyria.errors import ConfigError

if TYPE_CHECKING:
    from mimyria.frame import Frame
    from mimyria.progress import Advance


def train(
    labels: Annotated[list[Path], typer.Argument(help="Labelled frames (extxyz).")],
    target: Annotated[str, typer.Option(help="apt or pgt.")],
    out: Annotated[Path, typer.Option(help="The model file.")],
    preset: Annotated[str, typer.Option(help="Shape of the network: default, small or published.")] = "default",
    validation: Annotated[str, typer.Option(help="Fraction of the frames, or a file with labelled frames.")] = "0.1",
    epochs: Annotated[int | None, typer.Option(help="Passes over the frames.")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Minutes; the schedule is laid out over them.")] = None,
    committee: Annotated[int, typer.Option(help="Networks whose spread tells how sure they are.")] = 1,
    weight: Annotated[list[str] | None, typer.Option(help="What counts more: S=4, 2e=2; repeatable.")] = None,
    sum_rule: Annotated[str, typer.Option(help="none; or project: the sum is made exact in training too.")] = "none",
    learning_rate: Annotated[float | None, typer.Option(help="Highest.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Learning curve: .png, .pdf, .svg.")] = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of weights, validation split and order of the frames.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted training ended.")] = False,
    layout: Layout = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Train a network on labels, and keep the weights that are best on the validation frames."""
    from mimyria.formats import read_frames
    from mimyria.model.files import choose_device
    from mimyria.progress import progress_table
    from mimyria.training.train import TrainSettings
    from mimyria.training.train import train as run

    try:
        fraction, file = float(validation), None
    except ValueError:
        fraction, file = 0.0, Path(validation)
    plot = plot_path(plot)
    settings = TrainSettings(
        target,
        preset,
        fraction,
        committee,
        project(sum_rule),
        {name: _positive(name, value) for name, value in assignments(weight or [], "--weight").items()},
        epochs,
        time_limit,
        learning_rate,
        seed=seed,
    )
    frames = [frame for path in labels for frame in read_frames(path, layout=layout)]
    with progress_table(f"{target.upper()}NN") as advance:
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


def _positive(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"--weight {name} takes a number, not {text!r}") from None


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    labels: Annotated[list[Path], typer.Argument(help="Labelled frames (extxyz).")],
    plot: Annotated[Path | None, typer.Option(help="Parity plot: .png, .pdf, .svg.")] = None,
    calibration: Annotated[Path | None, typer.Option(help="Plot of a committee's error over its spread.")] = None,
    device: Device = "auto",
    layout: Layout = None,
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
    network = read_model(model, device=choose_device(device))
    frames = [frame for path in labels for frame in read_frames(path, layout=layout)]
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
    from mimyria.formats import read_frames, write_frames
    from mimyria.model.files import choose_device, read_model
    from mimyria.model.predict import predict as run
    from mimyria.progress import progress

    if out.resolve() == trajectory.resolve():
        raise ConfigError(f"{out} is the trajectory itself; give another --out")
    network = read_model(model, device=choose_device(device))
    with progress(trajectory.name) as advance:
        stored = read_frames(trajectory, topology=topology, velocity_unit=velocity_unit, layout=layout)
        frames = run(network, stored, charge=charge, project=project(sum_rule))
        write_frames(out, (_reported(frame, k, advance) for k, frame in enumerate(frames, 1)))


def _reported(frame: Frame, count: int, advance: Advance) -> Frame:
    advance(None, f"{count} frames")
    return frame
