"""What the commands do, for Python too: from files or frames to labels, models, tensors and spectra.

Each function takes a settings object, or settings by the names of the command line with underscores, or both, of which
the names win. A wrong value is refused with the same words as there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mimyria.config import nearest
from mimyria.declare import Settings, declared, default_of, values_of
from mimyria.errors import ConfigError
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.progress import progress_table
from mimyria.settings import (
    EvaluateSettings,
    LabelSettings,
    PredictSettings,
    SpectrumSettings,
    Stored,
    TrainSettings,
)

if TYPE_CHECKING:
    from mimyria.model.model import ResponseModel
    from mimyria.spectra.spectrum import Spectra
    from mimyria.training.evaluate import Evaluation
    from mimyria.training.train import Training

File = str | os.PathLike[str]
S = TypeVar("S", bound=Settings)


def label(
    configurations: File | Iterable[File],
    out: File = "labels.extxyz",
    settings: LabelSettings | None = None,
    *,
    work: File = "labels",
    **given: Any,
) -> list[Frame]:
    """Compute APT and PGT of configurations from forces in electric fields, write them, and return them.

    Parameters
    ----------
    configurations
        One file or several.
    out
        extxyz with the labelled frames.
    settings, given
        See `LabelSettings`: ``engine``, ``sample`` (number of frames), ``field`` (E_h/(e a0)), ``cluster`` (Å), ...
    work
        Folder of the calculations; what is in it is not computed again.

    Returns
    -------
    list
        The frames in ``out``: ``tensors["apt"]`` in e, ``tensors["pgt"]`` in e² a0² E_h⁻¹ Å⁻¹.

    Raises
    ------
    ConfigError, LabelError
        If a setting is wrong or a configuration cannot be used.
    RunFailed
        If some could not be labelled; the others are written.
    """
    from mimyria.labels.command import make_labels

    make_labels(_paths(configurations), Path(out), Path(work), _settings(LabelSettings, settings, given))
    return list(read_frames(out))


def train(
    labels: File | Iterable[File | Frame],
    out: File,
    settings: TrainSettings | None = None,
    *,
    plot: File | None = None,
    resume: bool = False,
    **given: Any,
) -> Training:
    """Train a model on labels, and write the weights that are best on the validation frames.

    Parameters
    ----------
    labels
        Labelled frames, or files of them.
    out
        The model file.
    settings, given
        See `TrainSettings`: ``target`` (``apt`` or ``pgt``), ``time_limit`` (minutes), ``committee``, ...
    plot
        Picture of the learning curve: .png, .pdf, .svg.
    resume
        Resume an interrupted training.

    Returns
    -------
    Training
        Numbers by name: ``epochs``, ``seconds``, ``validation_error`` (RMSE over the scale of the labels), ...

    Raises
    ------
    ConfigError, LabelError, ModelError
        If a setting is wrong, labels are missing, or the checkpoint is of another training.
    """
    from mimyria.model.files import choose_device
    from mimyria.training.train import train as fit

    asked = _settings(TrainSettings, settings, given)
    picture = _picture(plot)
    frames, origin = _labelled(labels, asked.layout)
    held_out = asked.validation
    with progress_table(f"{asked.target.upper()}NN") as advance:
        summary = fit(
            frames,
            asked,
            Path(out),
            validation=list(read_frames(held_out, layout=asked.layout)) if isinstance(held_out, Path) else None,
            device=choose_device(asked.device),
            resume=resume,
            report=advance,
            origin=origin,
        )
    if picture is not None:
        from mimyria.figures.training import plot_history
        from mimyria.training.history import history_of, read_history

        plot_history(picture, read_history(history_of(Path(out))), Path(out).name)
    return summary


def evaluate(
    model: File | ResponseModel,
    labels: File | Iterable[File | Frame],
    settings: EvaluateSettings | None = None,
    *,
    plot: File | None = None,
    calibration: File | None = None,
    **given: Any,
) -> Evaluation:
    """Measure a model on labelled frames that it has not seen.

    Parameters
    ----------
    model
        A model or its file.
    labels
        Labelled frames, or files of them.
    settings, given
        ``layout`` (index order of the labels) and ``device``.
    plot, calibration
        Pictures of predictions over labels, and of a committee's error over its spread: .png, .pdf, .svg.

    Returns
    -------
    Evaluation
        Errors by name, ``rmse`` in the unit of the target: e for the APT, e² a0² E_h⁻¹ Å⁻¹ for the PGT.

    Raises
    ------
    ConfigError, LabelError, ModelError
        If a setting is wrong, labels are missing, or the model does not know an element.
    """
    from mimyria.figures.training import plot_calibration, plot_parity
    from mimyria.training.evaluate import compare_with_labels
    from mimyria.training.evaluate import evaluate as measure

    asked = _settings(EvaluateSettings, settings, given)
    pictures = _picture(plot), _picture(calibration)
    (network,) = _models([model], asked.device)
    pairs = compare_with_labels(network, *_labelled(labels, asked.layout))
    for picture, draw in zip(pictures, (plot_parity, plot_calibration), strict=True):
        if picture is not None:
            draw(picture, pairs)
    return measure(pairs)


def predict(
    models: File | ResponseModel | Iterable[File | ResponseModel],
    configurations: File | Iterable[File | Frame],
    settings: PredictSettings | None = None,
    **given: Any,
) -> Iterator[Frame]:
    """Yield frames with the tensors of every atom, as they are read; `write_frames` writes them.

    Parameters
    ----------
    models
        One model or several, their files, or the name of bundled ones: ``water``, ``water_apt``.
    configurations
        Frames, or files of them, with or without velocities.
    settings, given
        ``charge`` (e, total), ``sum_rule`` (``project`` or ``none``), ``device``, ``topology``, ``layout``, ...

    Returns
    -------
    Iterator
        Frames whose ``tensors["apt"]`` has shape (n, 3, 3), e, and ``tensors["pgt"]`` (n, 3, 3, 3), e² a0² E_h⁻¹ Å⁻¹.

    Raises
    ------
    ConfigError, ModelError, TrajectoryError
        If a setting is wrong, or a file cannot be used.
    """
    from mimyria.model.predict import predict_all

    asked = _settings(PredictSettings, settings, given)
    networks = _models(models, asked.device)
    frames = _frames(configurations, **values_of(asked, Stored))
    return predict_all(networks, frames, charge=asked.charge, project=asked.sum_rule == "project")


def make_spectra(
    trajectories: File | Iterable[File],
    out: File,
    settings: SpectrumSettings | None = None,
    *,
    resume: bool = False,
    **given: Any,
) -> Spectra:
    """Make spectra along trajectories, write them into a folder, and return them by kind.

    Parameters
    ----------
    trajectories
        One or several of the same atoms, or files ``series.h5`` of earlier runs.
    out
        Folder; made if it is not there.
    settings, given
        See `SpectrumSettings`: ``apt``, ``pgt`` (model files), ``frames`` (first, last), ``temperature`` (K),
        ``resolution`` (cm⁻¹), ``timestep`` (fs), ``cell`` (Å), ``laser`` (nm), ...
    resume
        Insist on resuming an unfinished run.

    Returns
    -------
    Spectra
        ``["ir"]``, ``["raman"]``, ``["vdos"]``, ``["sfg"]``: intensities over cm⁻¹, in the unit each tells.

    Raises
    ------
    ConfigError, TrajectoryError, ModelError, SpectrumError
        If a setting is wrong, a file cannot be used, or the trajectory is too short for what is asked.
    """
    from mimyria import pipeline

    asked = _settings(SpectrumSettings, settings, given)
    return pipeline.make_spectra(_paths(trajectories), Path(out), asked, resume=resume)


def _settings(part: type[S], settings: S | None, given: dict[str, Any]) -> S:
    """Return settings with some of them replaced; raise ConfigError for a name that there is not, or one missing."""
    known = declared(part)
    for name in given:
        if name not in known:
            raise ConfigError(f"unknown setting {name!r}; {nearest(name, known)}")
    if settings is not None:
        return replace(settings, **given)
    missing = [name for name in known if name not in given and default_of(part, name) is MISSING]
    if missing:
        raise ConfigError(f"{', '.join(missing)} must be given")
    return part(**given)


def _paths(files: File | Iterable[File]) -> list[Path]:
    return [Path(one) for one in ([files] if isinstance(files, str | os.PathLike) else files)]


def _frames(source: File | Iterable[File | Frame], **reading: Any) -> Iterator[Frame]:
    """Yield frames as they are, and those in files."""
    for one in [source] if isinstance(source, str | os.PathLike) else source:
        yield from [one] if isinstance(one, Frame) else read_frames(one, **reading)


def _labelled(source: File | Iterable[File | Frame], layout: str | None) -> tuple[list[Frame], str]:
    """Return frames, and where they come from, for messages."""
    given: Sequence[File | Frame] = [source] if isinstance(source, str | os.PathLike) else list(source)
    files = ", ".join(str(one) for one in given if not isinstance(one, Frame))
    return list(_frames(given, layout=layout)), files or "the labels"


def _models(models: File | ResponseModel | Iterable[File | ResponseModel], device: str) -> list[ResponseModel]:
    """Return models as they are, and those in files, where they shall compute."""
    from mimyria.model.files import choose_device, read_models
    from mimyria.model.model import ResponseModel

    place = choose_device(device)
    several = [models] if isinstance(models, str | os.PathLike | ResponseModel) else models
    read = [[one] if isinstance(one, ResponseModel) else read_models(one, place) for one in several]
    return [model for each in read for model in each]


def _picture(path: File | None) -> Path | None:
    """Return the path of a picture after checking that it can be written there."""
    if path is None:
        return None
    picture = Path(path)
    if picture.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ConfigError(f"{picture}: a picture is .png, .pdf or .svg")
    picture.parent.mkdir(parents=True, exist_ok=True)
    return picture
