"""`make_labels`: from configurations in files to a file of labels: whole, as clusters, or displaced for validation."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from mimyria.engines.registry import make_engine
from mimyria.errors import ConfigError, Interrupted, RunFailed
from mimyria.execute import make_executor
from mimyria.formats import check_writable, read_frames, write_frames
from mimyria.frame import Frame
from mimyria.labels.cluster import IONS, Cluster, cut_clusters, merge
from mimyria.labels.displacement import displaced, displacement_tensors
from mimyria.labels.label import FAILED, Labelled, field_strength, label_frames, unlabelled
from mimyria.progress import progress
from mimyria.settings import LabelSettings
from mimyria.targets import TARGETS
from mimyria.trajectory import cell_matrix

log = logging.getLogger("mimyria")

SHOWN = 3


@dataclass(frozen=True)
class Plan:
    """The configurations that are computed, and how their labels make those of the frames.

    Parameters
    ----------
    configurations
        By the name of their folder.
    assemble
        Makes labelled frames of labelled configurations, as far as these are there.
    """

    configurations: dict[str, Frame]
    assemble: Callable[[dict[str, Frame]], list[Frame]]


def make_labels(paths: Sequence[Path], out: Path, work: Path, request: LabelSettings) -> str:
    """Label configurations, write those that are done, and return a line that says how many.

    Raises
    ------
    RunFailed
        If some could not be labelled; the others are written.
    """
    if out.resolve() in {path.resolve() for path in paths}:
        raise ConfigError(f"{out} is a file of configurations; give another --out")
    check_writable(out)
    frames = _chosen(paths, request)
    isolated = request.cluster is not None or not next(iter(frames.values())).periodic.any()
    name = request.engine or ("pyscf" if isolated else "cp2k")
    engine = make_engine(name, {"template": request.template, "command": request.command, **request.set})
    if request.charge is None and not any("total_charge" in frame.info for frame in frames.values()):
        log.info("the frames tell no charge, so it is taken as 0; --charge says another")
    settings, plan = _plan(frames, request)
    here = {name: number for name in ("workers", "cores") if (number := getattr(request, name)) is not None}
    executor = make_executor(request.executor, here, work)
    try:
        with progress(f"{name} labels") as advance:
            labelled = label_frames(plan.configurations, engine, executor, work, settings, advance)
    except KeyboardInterrupt:
        raise Interrupted(f"what is finished is kept in {work}; the same command goes on from there") from None
    written = [
        _finished(frame, engine.summary, request.sum_rule == "project") for frame in plan.assemble(labelled.frames)
    ]
    if written:
        write_frames(out, written)
    programs = sorted({str(frame.info["engine"]) for frame in written})
    if len(programs) > 1:
        log.warning(f"{out} holds labels of {' and '.join(programs)}; `mimyria info {out}` counts them")
    _report(
        labelled, len(plan.configurations), f"{len(written)} frames are in {out}" if written else "nothing is written"
    )
    return f"{out}: {len(written)} labelled frames, {engine.summary}, field {field_strength(settings):g} E_h/(e a0)"


def _chosen(paths: Sequence[Path], request: LabelSettings) -> dict[int, Frame]:
    """Return the frames to label by their number in the files."""

    def stored() -> Iterator[Frame]:
        reading = partial(read_frames, topology=request.topology, layout=request.layout)
        for path in paths:
            wanted = islice(enumerate(reading(path)), *request.frames)
            for number, frame in wanted:
                bare = unlabelled(frame)
                yield replace(bare, info={"source": path.name, "source_frame": number} | bare.info)

    if request.sample is None:
        frames = dict(enumerate(stored()))
    else:  # two passes keep no more than what is drawn
        drawn = set(draw(sum(1 for _ in stored()), request.sample, request.seed))
        frames = {index: frame for index, frame in enumerate(stored()) if index in drawn}
    if not frames:
        raise ConfigError(f"{', '.join(map(str, paths))}: no frame is left to label")
    if request.cell is not None:
        cell = cell_matrix(request.cell)
        frames = {k: replace(frame, cell=cell, periodic=np.ones(3, dtype=bool)) for k, frame in frames.items()}
    return frames


def draw(count: int, sample: int, seed: int) -> list[int]:
    """Return which of ``count`` frames to label, in order; a larger sample of the same seed contains a smaller one."""
    if not 0 < sample <= count:
        raise ConfigError(f"--sample takes a number from 1 to the {count} frames there are, not {sample}")
    return sorted(np.random.default_rng(seed).permutation(count)[:sample].tolist())


def _plan(frames: dict[int, Frame], request: LabelSettings) -> tuple[LabelSettings, Plan]:
    """Return what is wanted of each configuration, and the configurations."""
    if request.scheme == "displacement":
        # α and β are first and second derivatives of the dipole by the field
        order = TARGETS[request.target].order
        lower = next(name for name, target in TARGETS.items() if target.order == max(1, order - 1))
        return replace(request, target=lower, field=field_strength(request), max_residual=None), _displacement_plan(
            frames, order
        )
    if request.cluster is None:
        configurations = {f"{index:05d}": frame for index, frame in frames.items()}
        return request, Plan(configurations, lambda labels: list(labels.values()))
    if request.charge is not None:  # of the frame; that of a cluster is that of the ions in it
        charge = {"total_charge": float(request.charge)}
        frames = {index: replace(frame, info=frame.info | charge) for index, frame in frames.items()}
    return replace(request, charge=None), _cluster_plan(frames, request)


def _cluster_plan(frames: dict[int, Frame], request: LabelSettings) -> Plan:
    """Return clusters, whose centres' labels go back into the frames they come from."""
    clusters: dict[int, dict[str, Cluster]] = {}
    for index, frame in frames.items():
        generator = np.random.default_rng([request.seed, index])
        cut = cut_clusters(frame, float(request.cluster or 0), request.centres, generator, {**IONS, **request.ion})
        clusters[index] = {f"{index:05d}/molecule-of-atom-{one.centre[0]:05d}": one for one in cut}
    sizes = [len(one.frame) for cut in clusters.values() for one in cut.values()]
    log.info(f"{len(sizes)} clusters of {min(sizes)} to {max(sizes)} atoms; charges from the ions in them")
    narrowest = min(_width(frame) for frame in frames.values())
    if 2 * float(request.cluster or 0) > narrowest:
        log.warning(f"clusters of this radius hold images of the same molecules: the cell is {narrowest:.1f} Å wide")
    if request.epsilon == 1:
        log.warning(
            "labels of clusters answer the field outside; in the liquid molecules feel (ε∞+2)/3 of the macroscopic one "
            "(1.26 in water), which spectra in absolute units need: --epsilon 1.78 puts it in"
        )

    def assemble(labels: dict[str, Frame]) -> list[Frame]:
        done = {k: [(one, labels[name]) for name, one in cut.items() if name in labels] for k, cut in clusters.items()}
        merged = [merge(frames[k], labelled, request.epsilon) for k, labelled in done.items() if labelled]
        radius = {"cluster_radius": request.cluster}
        return [replace(frame, info=frame.info | radius) for frame in merged]

    return Plan({name: one.frame for cut in clusters.values() for name, one in cut.items()}, assemble)


def _width(frame: Frame) -> float:
    """Return the smallest distance between opposite faces of the cell, Å; infinite where nothing repeats."""
    if not frame.periodic.any():
        return np.inf
    cell = np.where(frame.periodic[:, None], frame.cell, np.eye(3) * 1e9)
    return float(1 / np.linalg.norm(np.linalg.inv(cell), axis=0).max())


def _displacement_plan(frames: dict[int, Frame], order: int) -> Plan:
    """Return every configuration with each atom displaced to both sides."""
    moved = {index: displaced(frame) for index, frame in frames.items()}

    def assemble(labels: dict[str, Frame]) -> list[Frame]:
        whole = []
        for index, frame in frames.items():
            found = {name: labels.get(f"{index:05d}/{name}") for name in moved[index]}
            there = {name: label for name, label in found.items() if label is not None}
            if len(there) == len(found):
                whole.append(displacement_tensors(frame, there, order))
        return whole

    return Plan(
        {f"{index:05d}/{name}": one for index, all_of in moved.items() for name, one in all_of.items()}, assemble
    )


def _finished(frame: Frame, summary: str, project: bool) -> Frame:
    """Return a labelled frame as it is written: with the level of theory, and the sum rules exact if that is wanted."""
    info, tensors = frame.info | {"engine": f"{frame.info['engine']} {summary}"}, frame.tensors
    if project:
        charge = frame.total_charge
        tensors = {name: TARGETS[name].project_translation(tensor, charge) for name, tensor in tensors.items()}
        info["sum_rule"] = "projected"
    return replace(frame, info=info, tensors=tensors)


def _report(labelled: Labelled, count: int, written: str) -> None:
    """Name what failed, and raise RunFailed if anything did."""
    missing = labelled.failures
    if not missing:
        return
    reasons = Counter(missing.values())
    for reason, number in reasons.items():
        folders = [str(folder) for folder, said in missing.items() if said == reason]
        more = f" and {number - SHOWN} more" if number > SHOWN else ""
        log.warning(f"{', '.join(folders[:SHOWN])}{more}: {reason}")
    most = reasons.most_common(1)[0][0]
    if any(any(folder.glob(f"*/{FAILED}")) for folder in labelled.failures):
        hint = "--retry tries again, from scratch and then more safely"
    else:
        hint = "once that is mended the same command goes on where it was"
    raise RunFailed(f"{len(missing)} of {count} configurations have no label; {written}; {hint}; reason: {most}")
