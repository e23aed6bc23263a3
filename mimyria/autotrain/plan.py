"""`plan`: what a loop would do and about what it would cost, before anything is done."""

from __future__ import annotations

from pathlib import Path

from mimyria.autotrain.beforehand import check_beforehand, check_pool
from mimyria.autotrain.folder import check_same_settings, read_times
from mimyria.autotrain.frames import Pool
from mimyria.autotrain.settings import AutotrainSettings, Selection
from mimyria.formats import read_frames
from mimyria.labels.fields import stencil
from mimyria.memory import read_json
from mimyria.targets import TARGETS
from mimyria.trajectory import open_trajectories

SECONDS_PER_ATOM = 1.2e-4
"""Of one network for one frame on one core; `benchmarks/network.py` measures it."""
EPOCHS, EPOCHS_FROM_START, SECONDS_PER_STEP_AND_ATOM = 400, 20, 2e-4
"""Of a training that no length is given for, from scratch and from a start."""


def plan(settings: AutotrainSettings, folder: Path) -> str:
    """Return the plan as lines of text; if the loop was begun in the folder, the seconds of a label are measured.

    Raises
    ------
    MimyriaError
        What the loop refuses before it begins.
    """
    opened = open_trajectories(settings.trajectories, settings.spectra)
    check_beforehand(settings, opened)
    check_same_settings(folder, settings)
    pool = Pool.of(opened)
    check_pool(settings, pool)
    chosen, limits = settings.selection, settings.limits
    atoms, members = len(pool.segments[0].numbers), settings.training.committee
    frames = sum(min(settings.probe, stored) for stored in pool.stored)
    targets, taken = len(settings.targets), frames // (settings.spectra.stride or 1)
    spectrum = targets * members * taken * atoms * SECONDS_PER_ATOM
    test, first = (count_labels(getattr(chosen, name)) for name in ("test", "first"))
    known = first if "first" in chosen.given else 0
    ends = [
        limits.labels,
        limits.cycles and first + (limits.cycles - 1) * chosen.batch,
        known + len(pool.training()),
    ]
    most = f"at most {min(end for end in ends if end)}"
    runs = len(stencil(max(TARGETS[name].order for name in settings.targets), 1.0))
    lines = [
        f"{len(pool.segments)} trajectories, {sum(pool.lengths)} frames of {atoms} atoms, of which "
        f"{len(pool.training())} may be trained on",
        f"test set: {test} frames{_there(chosen, 'test')}; first cycle: {first}{_there(chosen, 'first')}; every other: "
        f"{chosen.batch} ({chosen.method}); {most}",
        f"labels: {runs} runs each{_seconds_of_a_label(folder)}",
        f"training: {targets} times {members} networks, {_training(settings, atoms, first)} a cycle",
        f"spectra: {taken} frames a cycle, about {spectrum / 60:.0f} core minutes; at the end all "
        f"{sum(pool.lengths)} frames, about {spectrum / 60 * sum(pool.lengths) / frames:.0f}",
        f"stops when every spectrum changes by a score below {settings.convergence.score:g}, and its integrals by less "
        f"than {100 * settings.convergence.intensity:g} %, since half as many labels too, without a bias on the test "
        f"set, in {settings.convergence.patience} cycles in a row",
    ]
    return "\n".join(lines)


def count_labels(given: int | Path) -> int:
    """Return a number of frames, or how many a file of labels holds."""
    return sum(1 for _ in read_frames(given)) if isinstance(given, Path) else given


def _there(chosen: Selection, name: str) -> str:
    return f" (labelled, {chosen.given[name]})" if name in chosen.given else ""


def _training(settings: AutotrainSettings, atoms: int, n_first: int) -> str:
    training, chosen, targets = settings.training, settings.selection, len(settings.targets)
    if training.time_limit is not None:
        return f"{targets * training.time_limit:g} core minutes"
    minutes = targets * training.committee * atoms * SECONDS_PER_STEP_AND_ATOM / 60
    if training.steps is not None:
        return f"about {minutes * training.steps:.0f} core minutes"
    minutes *= training.epochs or (EPOCHS if training.start is None else EPOCHS_FROM_START)
    first, more = minutes * n_first, minutes * chosen.batch
    return f"about {first:.0f} core minutes in the first and {more:.0f} more in each further"


def _seconds_of_a_label(folder: Path) -> str:
    labelled = [(done.parent, read_json(done)) for done in folder.glob("*/labels.json")]
    measured = [
        read_times(place).get("label", 0.0) / stated["selected"] for place, stated in labelled if "selected" in stated
    ]
    return f", {sum(measured) / len(measured):.0f} s a label so far" if measured else ""
