"""`make_labels`: from configurations in files to a file of labels: of whole frames, clusters, or displaced atoms."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from mimyria.declare import values_of
from mimyria.engines.engine import Engine
from mimyria.engines.registry import make_engine
from mimyria.errors import ConfigError, Interrupted, RunFailed, Unfinished
from mimyria.execute import make_executor
from mimyria.files.cells import given_cell
from mimyria.formats import check_writable, read_frames, write_frames
from mimyria.frame import CHARGE, Frame, with_charge
from mimyria.labels.cluster import IONS, Cluster, cut_clusters, merge
from mimyria.labels.displaced import with_one_displaced
from mimyria.labels.displacement import displace, displacement_tensors
from mimyria.labels.label import FAILED, LOCK, Labelled, checked, field_strength, label_frames, unlabelled
from mimyria.labels.lattice import reduced, warn_of_narrow, width
from mimyria.labels.meaning import KEY_OF_MEANING, field_meaning
from mimyria.labels.quality import warn_of_charges
from mimyria.level import KEY_OF_EPSILON, epsilon_infinity, without_diffuse
from mimyria.memory import make_folder, require_distinct, withdrawn, writing_alone
from mimyria.odd_labels import describe_odd_labels
from mimyria.progress import progress
from mimyria.settings import LabelSettings, Topology
from mimyria.targets import APT, PGT, TARGETS
from mimyria.trajectory.frame_checks import check_finite, check_repeats

log = logging.getLogger("mimyria")

SHOWN = 3
"""Folders named for each reason of failure."""


@dataclass(frozen=True)
class Plan:
    """The configurations that are computed."""

    configurations: dict[str, Frame]
    """By the name of their folder."""
    assemble: Callable[[dict[str, Frame]], list[Frame]]
    """Makes labelled frames of those configurations that are labelled, by name."""


def make_labels(paths: Sequence[Path], out: Path, work: Path, settings: LabelSettings) -> str:
    """Label configurations, write those that are labelled, and return a line with their number.

    Raises
    ------
    RunFailed
        If some could not be labelled; the others are written.
    """
    require_distinct(out, paths, "a file of configurations")
    with withdrawn(work, "*.npz", f"*/{LOCK}"), withdrawn(out.parent):
        check_writable(out)
        make_folder(work)
        return _make_labels(paths, out, work, settings)


def _make_labels(paths: Sequence[Path], out: Path, work: Path, settings: LabelSettings) -> str:
    frames = _read_configurations(paths, settings)
    first = next(iter(frames.values()))
    engine = engine_of(settings, name := engine_name(settings, first))
    if settings.charge is None and not any(CHARGE in frame.info for frame in frames.values()):
        log.info("the frames state no charge, so it is taken as 0; --charge sets another")
    if engine.level.diffuse is False and TARGETS[settings.target].order >= PGT.order:
        log.warning(without_diffuse(str(engine.level)))
    if not is_isolated(settings, first):
        warn_of_narrow(frames.values())
    each, plan = _plan(frames, settings)
    executor = make_executor(settings.executor, settings.resources, work)
    try:
        with progress(f"{name} labels") as advance:
            labelled = label_frames(plan.configurations, engine, executor, work, each, advance)
    except KeyboardInterrupt:
        raise Interrupted(f"finished work is kept in {work}; run the same command again to resume it") from None
    assembled = plan.assemble(labelled.frames)
    warn_of_charges(
        [
            (f"{out}, frame {number}", frame.tensors[APT.name].sum(axis=0), frame.total_charge)
            for number, frame in enumerate(assembled)
        ]
    )
    written = [finished(frame, engine, settings.sum_rule == "project") for frame in assembled]
    if written:
        # of two starts that share a folder of work, and end together, one waits for the other to have written
        with writing_alone(out, math.inf):
            write_frames(out, written)
    programs = sorted({str(frame.info["engine"]) for frame in written})
    if odd := describe_odd_labels(written, settings.target, str(out)):
        log.warning(odd)
    if len(programs) > 1:
        log.warning(f"{out} holds labels of {' and '.join(programs)}; `mimyria info {out}` counts them")
    if labelled.failures:
        saved = f"{len(written)} frames are in {out}" if written else "nothing is written"
        raise _failed(labelled, f"of {len(plan.configurations)} configurations have no label; {saved}")
    return f"{out}: {len(written)} labelled frames, {engine.summary}, field {field_strength(each):g} E_h/(e a0)"


def check_label(frame: Frame, settings: LabelSettings) -> None:
    """Raise LabelError, or ConfigError, if a frame could not be labelled with such settings; nothing is computed."""
    each, plan = _plan({0: frame}, settings)
    engine = engine_of(settings, engine_name(settings, frame))
    engine.prepare(field_strength(each), TARGETS[each.target].order)
    checked(engine, next(iter(plan.configurations.values())), each.charge)


def engine_name(settings: LabelSettings, frame: Frame) -> str:
    """Return the engine of the settings, or the usual one of a cell or of what is isolated."""
    return settings.engine or ("pyscf" if is_isolated(settings, frame) else "cp2k")


def is_isolated(settings: LabelSettings, frame: Frame) -> bool:
    """Return whether what is computed of a frame has no cell: a cluster, or a molecule."""
    return settings.cluster is not None or not frame.periodic.any()


def engine_of(settings: LabelSettings, name: str) -> Engine:
    """Return the engine of a name, with what the settings say of it."""
    return make_engine(name, {"template": settings.template, "command": settings.command, **settings.set})


def _read_configurations(paths: Sequence[Path], settings: LabelSettings) -> dict[int, Frame]:
    """Return the frames to label by their number in the files."""

    def stored() -> Iterator[Frame]:
        for path in paths:
            every = read_frames(path, **values_of(settings, Topology))
            for number, frame in islice(enumerate(every), *settings.frames):
                check_finite(f"{path}, frame {number}", frame)
                bare = unlabelled(frame)
                yield replace(bare, info={"source": path.name, "source_frame": number} | bare.info)

    if settings.sample is None:
        frames = dict(enumerate(stored()))
    else:  # two passes, so that only the frames that are drawn are held in memory
        drawn = set(draw(sum(1 for _ in stored()), settings.sample, settings.seed))
        frames = {index: frame for index, frame in enumerate(stored()) if index in drawn}
    if not frames:
        raise ConfigError(f"{', '.join(map(str, paths))}: no frames, or --frames excludes all of them")
    if settings.cell is not None:
        cell_of, periodic = given_cell(settings.cell), np.ones(3, dtype=bool)
        for index, frame in frames.items():
            place = f"{frame.info['source']}, frame {frame.info['source_frame']}"
            frames[index] = replace(frame, cell=cell_of(place, frame), periodic=periodic)
    for index, frame in frames.items():
        place = f"{frame.info['source']}, frame {frame.info['source_frame']}"
        check_repeats(place, frame)
        if settings.displace is not None:
            generator = np.random.default_rng([settings.seed, index])
            frames[index] = with_one_displaced(place, frame, settings.displace, generator)
    return frames


def draw(count: int, sample: int, seed: int) -> list[int]:
    """Return which of ``count`` frames to label, in order; a larger sample of the same seed contains a smaller one."""
    if not 0 < sample <= count:
        raise ConfigError(f"--sample takes a number from 1 to the {count} frames there are, not {sample}")
    return sorted(np.random.default_rng(seed).permutation(count)[:sample].tolist())


def _plan(frames: dict[int, Frame], settings: LabelSettings) -> tuple[LabelSettings, Plan]:
    """Return the settings of each calculation, and the configurations."""
    if settings.scheme == "displacement":
        # α and β are first and second derivatives of the dipole by the field
        order = TARGETS[settings.target].order
        lower = next(name for name, target in TARGETS.items() if target.order == max(1, order - 1))
        each = replace(settings, target=lower, field=field_strength(settings))
        return each, _displacement_plan(frames, order)
    if settings.cluster is None:
        configurations = {f"{index:05d}": frame for index, frame in frames.items()}
        return settings, Plan(configurations, lambda labels: list(labels.values()))
    if settings.charge is not None:  # of the whole frame; a cluster has the charge of the ions in it
        frames = {
            k: replace(frame, info=with_charge(frame.info, settings.charge, len(frame))) for k, frame in frames.items()
        }
    return replace(settings, charge=None), _cluster_plan(frames, settings)


def _cluster_plan(frames: dict[int, Frame], settings: LabelSettings) -> Plan:
    """Return a plan of clusters; the labels of their centres become labels of the frames they were cut from."""
    clusters: dict[int, dict[str, Cluster]] = {}
    for index, frame in frames.items():
        generator = np.random.default_rng([settings.seed, index])
        cut = cut_clusters(frame, float(settings.cluster or 0), settings.centres, generator, {**IONS, **settings.ion})
        clusters[index] = {f"{index:05d}/molecule-of-atom-{one.centre[0]:05d}": one for one in cut}
    configurations = {name: one.frame for cut in clusters.values() for name, one in cut.items()}
    sizes = [len(frame) for frame in configurations.values()]
    span = " to ".join(map(str, sorted({min(sizes), max(sizes)})))
    log.info(f"{len(sizes)} clusters of {span} atoms, each with the charge of its ions")
    narrowest = min(width(reduced(frame)) for frame in frames.values())
    if 2 * float(settings.cluster or 0) > narrowest:
        log.warning(f"clusters of this radius contain periodic images: the cell is {narrowest:.1f} Å wide")
    if settings.epsilon == 1:
        log.warning(
            "labels of clusters are responses to the external field, but in a liquid the local field is (ε∞+2)/3 times "
            "the macroscopic one (1.26 in water); intensities in absolute units need it: give --epsilon, 1.78 for water"
        )

    def assemble(labels: dict[str, Frame]) -> list[Frame]:
        done = {k: [(one, labels[name]) for name, one in cut.items() if name in labels] for k, cut in clusters.items()}
        merged = [merge(frames[k], labelled, settings.epsilon) for k, labelled in done.items() if labelled]
        return [replace(frame, info=frame.info | {"cluster_radius": settings.cluster}) for frame in merged]

    return Plan(configurations, assemble)


def _displacement_plan(frames: dict[int, Frame], order: int) -> Plan:
    """Return a plan of every frame with each atom displaced in both directions along each axis."""
    moved = {index: displace(frame) for index, frame in frames.items()}
    names = {index: {name: f"{index:05d}/{name}" for name in moved[index]} for index in frames}

    def assemble(labels: dict[str, Frame]) -> list[Frame]:
        complete = [index for index in frames if labels.keys() >= set(names[index].values())]
        return [
            displacement_tensors(frames[k], {name: labels[full] for name, full in names[k].items()}, order)
            for k in complete
        ]

    return Plan({full: moved[k][name] for k in frames for name, full in names[k].items()}, assemble)


def finished(frame: Frame, engine: Engine, project: bool) -> Frame:
    """Return a labelled frame with the level of theory in its header, and, if ``project``, exact sum rules."""
    program, tensors = str(frame.info["engine"]), frame.tensors
    level = replace(engine.level, version=program.partition(" ")[2])
    info = frame.info | {"engine": f"{program} {engine.summary}"} | level.header
    info[KEY_OF_MEANING] = field_meaning(frame)
    if (epsilon := epsilon_infinity(frame)) is not None:
        info[KEY_OF_EPSILON] = round(epsilon, 4)
    if project:
        charge = frame.total_charge
        tensors = {name: TARGETS[name].project_translation(tensor, charge) for name, tensor in tensors.items()}
        info["sum_rule"] = "projected"
    return replace(frame, info=info, tensors=tensors)


def _failed(labelled: Labelled, consequence: str) -> RunFailed:
    """Log each reason of failure with its folders, and return the error with the most frequent one."""
    failures = labelled.failures
    reasons = Counter(failures.values())
    for reason, number in reasons.items():
        folders = [str(folder) for folder, other in failures.items() if other == reason]
        more = f" and {number - SHOWN} more" if number > SHOWN else ""
        log.warning(f"{', '.join(folders[:SHOWN])}{more}: {reason}")
    error, remedy = RunFailed, ""
    if labelled.ended:
        error, remedy = Unfinished, "; remove the cause and run the same command again to resume"
    elif any(any(folder.glob(f"*/{FAILED}")) for folder in failures):
        remedy = "; --retry tries again, from scratch and then more safely"
    return error(f"{len(failures)} {consequence}{remedy}; reason: {reasons.most_common(1)[0][0]}")
