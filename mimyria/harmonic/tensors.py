"""The tensors at a structure: from an engine's forces in fields, from models, or from the frame itself."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from mimyria.choices import IN_FRAMES, NOWHERE, ORGANIC
from mimyria.engines.registry import ENGINES
from mimyria.errors import LabelError, RunFailed
from mimyria.execute import Executor
from mimyria.frame import Array, Frame
from mimyria.harmonic.calculators import choose_engine
from mimyria.labels.command import finished
from mimyria.labels.label import label_frames, whole_charge
from mimyria.level import UNKNOWN, level_of, without_diffuse
from mimyria.memory import Identity
from mimyria.molecules import find_molecules
from mimyria.progress import progress
from mimyria.settings import HarmonicSettings, LabelSettings
from mimyria.spectra.spectrum import LEVEL
from mimyria.targets import APT, PGT, TARGETS

log = logging.getLogger("mimyria")


def sources_of(settings: HarmonicSettings, stored: Frame | None = None) -> dict[str, str]:
    """Return where each tensor comes from, by target name.

    Each is what is asked for, else the calculator if that is an engine, else the frame that came with its Hessian. What
    is to come from `NOWHERE` is left out.
    """
    asked = {APT.name: settings.apt, PGT.name: settings.pgt}
    usual = dict.fromkeys(asked, settings.calculator if settings.calculator in ENGINES else None)
    if stored is not None:
        usual = {name: IN_FRAMES if name in stored.tensors else source for name, source in usual.items()}
    found = {name: source or usual[name] for name, source in asked.items()}
    return {name: source for name, source in found.items() if source is not None and source != NOWHERE}


def tensors_at(
    frame: Frame, sources: dict[str, str], settings: HarmonicSettings, work: Path, executor: Executor
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the tensors of a structure, by target name, and what headers say of their origin.

    Raises
    ------
    LabelError, ModelError
        If the frame has no such tensors, or the model does not know an element.
    RunFailed
        If the engine could not compute them.
    """
    tensors: dict[str, Array] = {}
    said: dict[str, str] = {}
    for source in dict.fromkeys(sources.values()):
        names = [name for name, other in sources.items() if other == source]
        if source == IN_FRAMES:
            found, level = frame, str(level_of(frame.info))
            if APT.name in names and APT.name in frame.tensors:
                _check_sum(frame, settings.charge)
        elif source in ENGINES:
            found, level = _computed(frame, source, names, settings, work, executor)
        else:
            found, level = _predicted(frame, source, names, sources, settings)
        for name in names:
            tensors[name] = _checked(found, name, source)
            said[f"{name} from"] = source
            if level != str(UNKNOWN):
                said[f"{LEVEL}{name}"] = level
    return tensors, said


SUM = 0.1
"""e; a larger sum of polar tensors than that of the charge is not of usual grids and bases."""


def _check_sum(frame: Frame, charge: float | None) -> None:
    """Warn of polar tensors in a file that do not add up to the total charge, the given one or that of the frame."""
    total = frame.total_charge if charge is None else charge
    error = APT.translation_error(frame.tensors[APT.name], total)
    if error > SUM:
        log.warning(
            f"the polar tensors of the file do not add up to the total charge of {total:g} e, by up to {error:.2g} e: "
            "they are of another charge (--charge), of a coarse grid or damaged, and infrared intensities may be wrong"
        )


def _checked(frame: Frame, name: str, source: str) -> Array:
    tensor = frame.tensors.get(name)
    if tensor is None:
        raise LabelError(
            f"--{name} {source}: there is no {name}"
            + (f" in the frame; its columns are {', '.join(frame.columns)}" if source == IN_FRAMES else "")
        )
    if not np.isfinite(tensor).all():
        atom = int(np.argwhere(~np.isfinite(tensor))[0, 0])
        raise LabelError(f"--{name} {source}: atom {atom} has no tensor, and the sum over all atoms needs it")
    return tensor


def _computed(
    frame: Frame, source: str, names: list[str], settings: HarmonicSettings, work: Path, executor: Executor
) -> tuple[Frame, str]:
    target = max(names, key=lambda name: TARGETS[name].order)
    engine = choose_engine(source, settings.set, settings.template, settings.command)
    if engine.level.diffuse is False and target == PGT.name:
        log.warning(without_diffuse(str(engine.level)))
    each = LabelSettings(target=target, field=settings.field, charge=whole_charge(frame, settings.charge), retry=True)
    folder = work / f"tensors-{Identity({'engine': engine.identity, 'field': settings.field, 'target': target}).key}"
    with progress("tensors") as advance:
        labelled = label_frames({"structure": frame}, engine, executor, folder, each, advance)
    for place, reason in labelled.failures.items():
        raise RunFailed(f"no tensors: {reason}; see {place}")
    found = finished(labelled.frames["structure"], engine, settings.sum_rule == "project")
    return found, str(level_of(found.info))


def _predicted(
    frame: Frame, source: str, names: list[str], sources: dict[str, str], settings: HarmonicSettings
) -> tuple[Frame, str]:
    from mimyria.model.files import choose_device, levels_asked, read_model
    from mimyria.model.predict import predict_all

    if source == ORGANIC and (unlike := unlike_organic(frame, settings.charge)):
        flags = " and ".join(f"--{name}" for name in names)
        log.warning(f"{flags} {source}: these networks are for single neutral molecules, and this is {unlike}")
    device = choose_device(settings.device)
    networks = {name: Path(other) for name, other in sources.items() if other not in (IN_FRAMES, *ENGINES)}
    asked = levels_asked(networks, settings.level)
    models = [read_model(source, name, device, asked[name]) for name in names]
    project = settings.sum_rule == "project"
    (found,) = predict_all(models, [frame], charge=settings.charge, project=project)
    return found, str(models[0].levels[0])


def unlike_organic(frame: Frame, charge: float | None) -> str:
    """Return in words why the networks `ORGANIC` are not for a structure of elements that they know; empty if they are.

    ``charge`` is the total one that was given, e, or None for that of the frame.
    """
    charge = frame.total_charge if charge is None else charge
    if charge:
        return f"an ion with the charge {charge:+g} e"
    count = int(find_molecules(frame)[0].max()) + 1
    return f"{count} molecules" if count > 1 else ""
