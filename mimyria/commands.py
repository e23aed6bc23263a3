"""What the commands of labels and networks do, for Python too: from files or frames to labels, models and tensors.

Each function takes a settings object, or settings by their names on the command line with underscores, or both: then
the names win. A wrong value is refused with the same words as there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimyria.config import File, path_of, paths_of, settings_of
from mimyria.declare import values_of
from mimyria.errors import ConfigError
from mimyria.formats import read_frames
from mimyria.frame import Frame, changed
from mimyria.memory import require_distinct, require_writable
from mimyria.progress import progress_table
from mimyria.settings import EvaluateSettings, LabelSettings, PredictSettings, Stored, TrainSettings
from mimyria.targets import APT
from mimyria.trajectory.frame_checks import check_finite, check_repeats

log = logging.getLogger("mimyria")

if TYPE_CHECKING:
    from mimyria.model.model import ResponseModel
    from mimyria.spectra.bands import Band
    from mimyria.spectra.spectrum import Spectrum
    from mimyria.spectra.zero_frequency import ZeroFrequency
    from mimyria.training.evaluate import Evaluation
    from mimyria.training.train import Training


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
        Folder of the calculations; those finished in it are not repeated.

    Returns
    -------
    list
        The frames in ``out``: ``tensors["apt"]`` in e, ``tensors["pgt"]`` in e² a0² E_h⁻¹ Å⁻¹.

    Raises
    ------
    ConfigError, LabelError
        If a setting is wrong or a configuration cannot be used.
    RunFailed
        If some could not be labelled; the others have been written.
    """
    from mimyria.labels.command import make_labels

    make_labels(paths_of(configurations), path_of(out), path_of(work), settings_of(LabelSettings, settings, given))
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
        From the checkpoint of an interrupted training.

    Returns
    -------
    Training
        Numbers by name: ``epochs``, ``seconds``, ``validation_error`` (RMSE over the scale of the labels), ...

    Raises
    ------
    ConfigError, LabelError, ModelError
        If a setting is wrong, labels are missing, or the checkpoint is of another training.
    """
    from mimyria.figures.training import plot_history
    from mimyria.model.files import choose_device
    from mimyria.training.history import history_of, read_history
    from mimyria.training.train import train as train_model

    asked, picture, out = settings_of(TrainSettings, settings, given), _picture(plot), path_of(out)
    sources = list(_items(labels))
    require_distinct(out, [path_of(each) for each in sources if not isinstance(each, Frame)], "a file of labels")
    frames, origin = _labelled(sources, asked.layout, asked.target)
    validation = None
    if isinstance(asked.validation, Path):
        require_distinct(out, [asked.validation], "the file of validation frames")
        validation, _ = _labelled(asked.validation, asked.layout, asked.target)
    device = choose_device(asked.device)
    with progress_table(f"{asked.target.upper()}NN") as advance:
        summary = train_model(
            frames, asked, out, validation=validation, device=device, resume=resume, on_progress=advance, origin=origin
        )
    if picture is not None:
        plot_history(picture, read_history(history_of(out)), out.name)
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
        ``layout`` (index order of the labels), ``device``, ``groups`` whose intensities are told apart.
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
    from mimyria.model.files import choose_device, read_model
    from mimyria.model.model import ResponseModel
    from mimyria.training.evaluate import compare_with_labels, level_for
    from mimyria.training.evaluate import evaluate as errors_of
    from mimyria.training.intensities import groups_in

    asked = settings_of(EvaluateSettings, settings, given)
    pictures = _picture(plot), _picture(calibration)
    target = model.target.name if isinstance(model, ResponseModel) else None
    frames, origin = _labelled(labels, asked.layout, target)
    if not isinstance(model, ResponseModel):
        model = read_model(model, device=choose_device(asked.device), level=asked.level or level_for(model, frames))
    pairs = compare_with_labels(model, frames, origin)
    for picture, draw in zip(pictures, (plot_parity, plot_calibration), strict=True):
        if picture is not None:
            draw(picture, pairs)
    return errors_of(pairs, groups_in(frames, asked))


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
        One model or several, their files, or the name of bundled ones: ``water``, ``water_apt``, ``molecules``.
    configurations
        Frames, or files of them, with or without velocities.
    settings, given
        ``charge`` (e, total), ``sum_rule`` (``project`` or ``none``), ``device``, ``workers``, ``topology``, ...

    Returns
    -------
    Iterator
        Frames whose ``tensors["apt"]`` has shape (n, 3, 3), e, and ``tensors["pgt"]`` (n, 3, 3, 3), e² a0² E_h⁻¹ Å⁻¹.

    Raises
    ------
    ConfigError, ModelError, TrajectoryError
        If a setting is wrong, or a file cannot be used.
    """
    from mimyria.labels.label import OF_NETWORKS, unlabelled
    from mimyria.model.predict import predict_all

    asked = settings_of(PredictSettings, settings, given)
    networks = _models(models, asked)
    # A prediction must not pass for the label that a frame may hold: of that only the configuration is taken.
    frames = (
        unlabelled(frame) if "engine" in frame.info else frame
        for frame in _frames(configurations, **values_of(asked, Stored))
    )
    project = asked.sum_rule == "project"
    said = {OF_NETWORKS: "; ".join(f"{model.target.name} at {model.levels[-1]}" for model in networks)}
    made = predict_all(networks, frames, charge=asked.charge, project=project, workers=asked.workers)
    return (changed(frame, info=frame.info | said) for frame in made)


def bands(
    spectrum: File | Spectrum, *, column: str | None = None, ranges: Sequence[tuple[float, float]] = ()
) -> list[Band]:
    """Return integral, centre, maximum, height and width of the bands of a spectrum, with their errors.

    Parameters
    ----------
    spectrum
        A spectrum, the folder of a run, one of its CSV files, or any table. Errors come from the blocks and
        trajectories of a run, whose ``series.h5`` must lie in the folder.
    column
        Name of the intensity; None for n·α, VV and VH, and the density of states.
    ranges
        Of the bands, cm⁻¹; those that are found where none is given.

    Returns
    -------
    list
        Of `Band`: wavenumbers in cm⁻¹, intensities in the unit of the column.

    Raises
    ------
    ConfigError, SpectrumError
        If there is no such file, run or column, or a range lies outside of the spectrum.
    """
    from mimyria.settings import BandsSettings
    from mimyria.spectra.bands import SHOWN, measure_bands, say_why_no_bands
    from mimyria.spectra.remade import remake_spectra
    from mimyria.spectra.spectrum import Spectra, Spectrum, read_spectrum

    asked = BandsSettings(column=column, range=tuple(ranges))
    if isinstance(spectrum, Spectrum):
        spectra = Spectra({spectrum.kind: spectrum})
    elif (path := Path(spectrum)).is_dir():
        spectra = remake_spectra(path)
    else:
        table = read_spectrum(path)
        whole = table.kind in SHOWN and (path.parent / "settings.yaml").is_file()
        spectra = Spectra({table.kind: remake_spectra(path.parent).get(table.kind, table) if whole else table})
    chosen = [
        (each, name)
        for each in spectra.values()
        for name in ([column] if column else SHOWN.get(each.kind, (None,)))
        if column is None or len(spectra) == 1 or column in each.columns
    ]
    if not chosen:
        raise ConfigError(f"{spectrum}: no spectrum of it has a column {column!r}")
    for each, name in chosen:
        if said := each.remark(name):
            log.info(f"{each.origin}: {said}")
    if not ranges:
        say_why_no_bands(each for each, _ in chosen)
    return [band for each, name in chosen for band in measure_bands(each, name, asked.range)]


def static(run: File, other: File | None = None) -> tuple[ZeroFrequency, ZeroFrequency | None]:
    """Return static conductivity and permittivity, and the slow relaxation, of one or two finished runs, with errors.

    Parameters
    ----------
    run, other
        Folders of runs with an infrared spectrum, with their ``series.h5``. With both, ``first.minus(second)`` is the
        difference, of a solution to water say.

    Returns
    -------
    tuple
        Of two `ZeroFrequency`, the second None without a second run: S/m, ps, pure numbers.

    Raises
    ------
    ConfigError, SpectrumError
        If a folder holds no run, no rates of the dipole, or too few frames.
    """
    from mimyria.spectra.zero_frequency import static_of

    return static_of(Path(run)), None if other is None else static_of(Path(other))


def _frames(source: File | Iterable[File | Frame], **reading: Any) -> Iterator[Frame]:
    """Yield frames as they are, and those in files."""
    for _, frame in _placed(source, **reading):
        yield frame


def _placed(source: File | Iterable[File | Frame], **reading: Any) -> Iterator[tuple[str, Frame]]:
    """Yield frames, each after its place in words; raise TrajectoryError for numbers that are none."""
    for place, item in enumerate(_items(source)):
        frames, of = ([item], "") if isinstance(item, Frame) else (read_frames(item, **reading), f"{item}, ")
        for number, frame in enumerate(frames):
            where = f"{of}frame {number if of else place}"
            check_finite(where, frame, "mend it, or leave this frame out")
            check_repeats(
                where, frame, "state the cell in the file (Lattice=... of an extxyz), or that nothing repeats"
            )
            yield where, frame


def _items(source: File | Frame | Iterable[File | Frame]) -> Iterator[File | Frame]:
    """Yield frames and files one by one; raise ConfigError for what is neither."""
    single = isinstance(source, str | Frame) or not isinstance(source, Iterable)
    for item in [source] if single else source:  # type: ignore[union-attr]
        if not isinstance(item, str | os.PathLike | Frame):
            raise ConfigError(
                f"frames, or files of them, are needed, not {type(item).__name__}: `read_frames` makes frames of a file"
            )
        yield item


def _labelled(source: File | Iterable[File | Frame], layout: str | None, target: str | None) -> tuple[list[Frame], str]:
    """Return frames, and where they come from, for messages; warn of APTs, if they are the target, with a wrong sum."""
    from mimyria.labels.label import OF_NETWORKS
    from mimyria.labels.quality import warn_of_charges

    items = list(_items(source))
    placed = list(_placed(items, layout=layout))
    if target in (APT.name, None):
        sums = [
            (where, frame.tensors[APT.name].sum(axis=0), frame.total_charge)
            for where, frame in placed
            if APT.name in frame.tensors
        ]
        warn_of_charges(sums, "total_charge in the header")
    if predicted := [where for where, frame in placed if OF_NETWORKS in frame.info]:
        log.warning(
            f"{predicted[0]}: its tensors are predictions of networks, no labels, as the header says ({OF_NETWORKS})"
        )
    files = ", ".join(str(item) for item in items if not isinstance(item, Frame))
    return [frame for _, frame in placed], files or "the labels"


def _models(
    models: File | ResponseModel | Iterable[File | ResponseModel], asked: PredictSettings
) -> list[ResponseModel]:
    """Return models as they are, and those in files on the device they shall compute on."""
    from mimyria.model.files import choose_device, read_models
    from mimyria.model.model import ResponseModel

    device = choose_device(asked.device)
    one = isinstance(models, str | ResponseModel) or not isinstance(models, Iterable)
    items: list[Any] = [models] if one else list(models)  # type: ignore[arg-type]
    if not items:
        raise ConfigError("no model is given: give a model, its file, or the name of bundled ones, such as water")
    files = [item for item in items if not isinstance(item, ResponseModel)]
    made = [item for item in items if isinstance(item, ResponseModel)]
    return made + read_models(*files, device=device, level=asked.level)


def _picture(path: File | None) -> Path | None:
    """Return the path of a picture after checking that it can be written there."""
    if path is None:
        return None
    picture = path_of(path)
    if picture.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ConfigError(f"{picture}: a picture is .png, .pdf or .svg")
    require_writable(picture)
    return picture
