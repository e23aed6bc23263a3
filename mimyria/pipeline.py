"""The main task: from trajectories and tensors, of a network or in the frames, to a folder of spectra."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from mimyria import __version__
from mimyria.checks.blocking import check_blocks
from mimyria.checks.consistency import (
    check_integral,
    check_temperature,
    facts_of,
    report_rounding,
    warn_if_same,
    warn_of_wrong_velocities,
)
from mimyria.checks.equipartition import check_equipartition
from mimyria.checks.nuclei import check_beads, choose_nuclei, declared_nuclei, nuclei_header
from mimyria.config import File, path_of, paths_of, settings_of, write_settings
from mimyria.declare import declared, flag, in_words
from mimyria.errors import ConfigError, SpectrumError
from mimyria.execute import Executor, make_executor
from mimyria.figures.pictures import write_pictures
from mimyria.figures.reference import kind_of, read_reference, require_kept
from mimyria.files.naming import UNUSUAL
from mimyria.formats.h5md import is_h5md
from mimyria.memory import Identity, alone, require_folder
from mimyria.parallel.pool import Pool
from mimyria.passes import run_passes
from mimyria.rates.groups import Grouping
from mimyria.rates.series import ResponseSeries, is_series, read_origins, read_series, write_series
from mimyria.rates.stride import chosen_stride, nyquist_wavenumber
from mimyria.rates.usable_segments import find_usable_segments
from mimyria.settings import SpectrumSettings
from mimyria.settings.of_slab import read_light
from mimyria.spectra.bands import write_bands
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.depth import write_profile
from mimyria.spectra.kinds import KINDS, select_kinds
from mimyria.spectra.modes import write_modes
from mimyria.spectra.moving import MOVING, PREFIX, frames_of_window, moving_spectra
from mimyria.spectra.porto import polarisations
from mimyria.spectra.sampling import LEAST_FRAMES, choose_sampling, divide
from mimyria.spectra.sfg import read_infrared_index
from mimyria.spectra.spectrum import LEVEL, Spectra, write_csv
from mimyria.spectra.zero_frequency import report_static, with_static, zero_frequency
from mimyria.tensor_pass import check_slab, grouping_along, series_along, settle_stride
from mimyria.trajectory import Trajectory, open_trajectories
from mimyria.trajectory.sanity import check_first_frames, is_likely, report_volumes

log = logging.getLogger("mimyria")

LOCK, RATES = "unfinished/lock", ("*.h5", "*.npz")
LOWEST_NYQUIST = 4000.0
"""cm⁻¹; the O-H stretch of a classical liquid lies below, but not by much."""
FEW_BLOCKS = 5
"""With fewer, a standard error is itself uncertain by a third and more."""


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
        One or several of the same atoms, or files ``series.h5`` of earlier runs; none with ``beads``.
    out
        Folder, which is created if need be.
    settings, given
        See `SpectrumSettings`: ``apt``, ``pgt`` (model files), ``frames`` (first, last), ``temperature`` (K),
        ``resolution`` (cm⁻¹), ``timestep`` (fs), ``cell`` (Å), ``laser`` (nm), ...
    resume
        Raise an error unless there is an unfinished run to resume.

    Returns
    -------
    Spectra
        By name in ``KINDS``, such as ``["ir"]`` or ``["raman"]``: intensities over cm⁻¹, each with its unit.

    Raises
    ------
    ConfigError, TrajectoryError, ModelError, SpectrumError
        If a setting is wrong, a file cannot be used, or the trajectory is too short for the resolution.
    """
    paths, out, settings = paths_of(trajectories), path_of(out), settings_of(SpectrumSettings, settings, given)
    for geometry in settings.porto:
        polarisations(geometry)
    if settings.light:
        read_infrared_index(read_light(settings.light))
    for text in settings.reference:
        read_reference(text)  # what is wrong with it is found before anything long
    require_kept(out, settings.reference)
    executor = None if settings.executor is None else make_executor(settings.executor, {}, out)
    require_folder(out)
    if settings.beads is not None and paths:
        raise ConfigError(
            f"--beads {settings.beads} stands for the trajectory: leave {paths[0]} out (a pattern such as "
            "'sim.pos_*.xyz' needs its quotes, or the shell replaces it by the names of the files)"
        )
    if not paths and settings.beads is None:
        raise ConfigError("no trajectory is given")
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path}: no such file")
        if path.is_dir() and (path / "series.h5").exists():
            raise ConfigError(f"{path} is a folder; give {path / 'series.h5'}")
        if path.suffix == ".h5" and not settings.sources and not is_series(path) and not is_h5md(path):
            read_series(path)  # which says what is wrong with it
    stored = [is_series(path) for path in paths]
    if paths and all(stored):
        _refuse_rate_settings(settings)
        series = [run for path in paths for run in read_series(path)]
        kinds = choose_kinds(set.intersection(*(set(run.rates) for run in series)), settings)
        with alone(out, LOCK, *RATES):
            return _spectra(series, kinds, out, settings, paths, remade=True)
    if any(stored):
        raise ConfigError(f"{paths[stored.index(True)]} holds rates, other files are trajectories: give one kind")
    if not settings.sources and settings.kinds is None:
        raise ConfigError("nothing to make a spectrum from: give --apt or --pgt, a model file or `frames`")
    declared_nuclei(settings)
    kinds = choose_kinds(settings.sources, settings)
    opened = open_trajectories(paths, settings)
    segments = [segment for trajectory in opened for segment in find_usable_segments(trajectory, settings)]
    _check_before(segments, settings)
    groupings = [grouping_along(segment, settings, segments[0]) for segment in segments]
    if len({grouping.group_names for grouping in groupings}) > 1:
        groups = " and ".join(dict.fromkeys(", ".join(grouping.group_names) for grouping in groupings))
        raise SpectrumError(f"the trajectories have different groups: {groups}; make their spectra separately")
    with alone(out, LOCK, *RATES):
        with Pool(settings.workers) as pool:
            _make_rates(segments, groupings, out, settings, executor, resume, pool)
        series = read_series(out / "series.h5")
        report_volumes([run.volume for run in series])
        try:
            return _spectra(series, kinds, out, settings, paths)
        except (ConfigError, SpectrumError) as error:
            kept = out / "series.h5"
            if min(map(len, read_series(kept))) < LEAST_FRAMES:  # no other setting helps
                raise
            raise type(error)(
                f"{error} (the rates are kept: `mimyria spectrum {kept} --out {out}` reuses them)"
            ) from error


def _make_rates(
    trajectories: Sequence[Trajectory],
    groupings: Sequence[Grouping],
    out: Path,
    settings: SpectrumSettings,
    executor: Executor | None,
    resume: bool,
    pool: Pool,
) -> None:
    """Write ``series.h5``: dM/dt and dα/dt along every trajectory, resuming what is unfinished in the folder."""
    unfinished = out / "unfinished"
    series: Iterable[ResponseSeries]
    if executor is not None:
        files = run_passes(trajectories, unfinished, settings, executor, resume=resume)
        origins = [origin for file in files for origin in read_origins(file)]
        _report_step(origins[0]["stride"] * trajectories[0].timestep)
        series = (run for file in files for run in read_series(file))  # open one at a time
    else:
        settings = settle_stride(trajectories, unfinished / "0000", settings, pool)
        _report_step(chosen_stride(settings.stride, trajectories[0].timestep) * trajectories[0].timestep)
        series = []
        for k, (trajectory, grouping) in enumerate(zip(trajectories, groupings, strict=True)):
            folder = unfinished / f"{k:04d}"
            insist = resume and (k == 0 or folder.exists())  # an interrupted run need not have reached the later ones
            series.append(series_along(trajectory, grouping, folder, settings, pool, insist=insist))
        origins = [run.origin for run in series]
    _keep(out / "series.h5", origins)
    write_series(out / "series.h5", series)
    # Only now: until the series is on the disk the checkpoints are all there is.
    for folder in unfinished.glob("[0-9]*"):
        shutil.rmtree(folder)


def _report_step(step: float) -> None:
    """Log the time between the frames with tensors, fs; warn if it is long."""
    nyquist = nyquist_wavenumber(step)
    log.info(f"tensors every {step:g} fs, which resolves up to {nyquist:.0f} cm⁻¹")
    if nyquist < LOWEST_NYQUIST:
        log.warning(f"vibrations above {nyquist:.0f} cm⁻¹ are aliased below it")


def _keep(path: Path, origins: Sequence[Identity]) -> None:
    """Rename the rates of an earlier run, unless the new ones are the same, or of the same trajectories grown."""
    if not is_series(path):
        return
    with suppress(SpectrumError):  # a file that cannot be read is kept, too
        earlier = read_origins(path)
        same = (now.as_of(then) == then for now, then in zip(origins, earlier, strict=False))
        if len(earlier) == len(origins) and all(same):
            return
    number = next(k for k in count(1) if not path.with_name(f"series-{k}.h5").exists())
    kept = path.with_name(f"series-{number}.h5")
    path.rename(kept)
    log.warning(f"{path.parent} holds the spectra of another run; they are replaced, and its rates are kept in {kept}")


def choose_kinds(targets: Collection[str], settings: SpectrumSettings) -> list[str]:
    """Return the kinds to make of the rates of some targets.

    Raises
    ------
    ConfigError
        If a target is missing, or a setting is of a kind that is not made.
    """
    kinds = select_kinds(settings.kinds, targets)
    of_kinds = [
        (flag(name), each.of)
        for name, each in declared(SpectrumSettings).items()
        if each.of and getattr(settings, name) != each.default
    ]
    if settings.epsilon_infinity is not None and not settings.light:  # sum frequency needs it for its light alone
        of_kinds.append(("--epsilon-infinity", ("ir",)))
    if settings.per.startswith("area"):
        of_kinds.append((f"--per {settings.per}", ("ir",)))
    of_kinds += [(f"--reference {text}", (kind_of(text),)) for text in settings.reference]
    for name, of in of_kinds:
        if set(of).isdisjoint(kinds):
            raise ConfigError(
                f"{name}: no {of[0]} spectrum is made, only {', '.join(kinds)}; see --kinds, --apt, --pgt, --tensor"
            )
    return kinds


def _refuse_rate_settings(settings: SpectrumSettings) -> None:
    """Raise ConfigError for settings that decide the rates, which are already computed."""
    for name, declaration in declared(SpectrumSettings, "result").items():
        if getattr(settings, name) != declaration.default:
            raise ConfigError(
                f"{flag(name)} cannot change the time derivatives that series.h5 already contains: leave "
                f"{flag(name)} out, or give the trajectory again"
            )


def _check_before(trajectories: Sequence[Trajectory], settings: SpectrumSettings) -> None:
    """Raise errors that would otherwise come after the long computation; warn of unlikely units."""
    if settings.pair_radii and settings.groups != ("molecules",):
        raise ConfigError("--pair-radii needs rates of single molecules: give --groups molecules")
    if settings.per == "molecule" and not any(each.startswith(("molecules", "shell")) for each in settings.groups):
        raise ConfigError("--per molecule needs their number, which --groups molecules, or a shell, counts")
    for trajectory in trajectories:
        _require_temperature(settings, trajectory.differenced, f"{trajectory.path}: ")
        if not np.array_equal(trajectory.numbers, trajectories[0].numbers):
            raise SpectrumError(f"{trajectory.path} and {trajectories[0].path} differ in their atoms, or their order")
        if (other := np.flatnonzero(abs(trajectory.masses / trajectories[0].masses - 1) > UNUSUAL)).size:
            both = " and ".join(f"{run.masses[other[0]]:.4g}" for run in (trajectory, trajectories[0]))
            raise SpectrumError(
                f"{trajectory.path} and {trajectories[0].path} differ in the mass of atom {other[0]}, {both} u; make "
                "their spectra separately"
            )
    steps = {chosen_stride(settings.stride, trajectory.timestep) * trajectory.timestep for trajectory in trajectories}
    if max(steps) - min(steps) > 1e-6 * max(steps):
        shown = " and ".join(f"{step:g}" for step in sorted(steps))
        raise SpectrumError(f"the trajectories would be sampled every {shown} fs; make their spectra separately")
    check_lengths(trajectories, settings)
    if settings.moving_window is not None:  # with every frame, as many as the settled stride can leave
        longest = max(trajectories, key=lambda trajectory: trajectory.n_usable * trajectory.timestep)
        frames_of_window(settings.moving_window, longest.n_usable, longest.timestep, settings)
    for trajectory in {segment.path: segment for segment in reversed(trajectories)}.values():
        check_first_frames(trajectory, settings.temperature, settings.constraints)
        if settings.of_faces:
            check_slab(trajectory, settings.normal)


def check_lengths(trajectories: Sequence[Trajectory], settings: SpectrumSettings) -> None:
    """Raise SpectrumError for trajectories that are too short with every stride that may be settled."""
    strides = [chosen_stride(settings.stride, trajectory.timestep) for trajectory in trajectories]
    finer = [2**k for k in range(min(strides).bit_length())] if settings.stride is None else [1]
    for last in reversed(finer):  # from every frame on, so that what is told is of the stride that is likely
        steps = [max(1, stride // last) for stride in strides]
        lengths = [len(range(0, run.n_usable, step)) for run, step in zip(trajectories, steps, strict=True)]
        try:
            divide(lengths, steps[0] * trajectories[0].timestep, settings.resolution, settings.blocks, settings.window)
            return
        except SpectrumError:
            if last == 1:
                raise


def _spectra(
    series: Sequence[ResponseSeries],
    kinds: Collection[str],
    out: Path,
    settings: SpectrumSettings,
    paths: Sequence[Path],
    remade: bool = False,
) -> Spectra:
    """Compute and write spectra, settings and pictures from the series of one or more trajectories."""
    sampling = choose_sampling(series, settings.resolution, settings.blocks, settings.window)
    nuclei = choose_nuclei(series, settings)
    temperature = _temperature(series, settings, remade)
    conditions = Conditions.of(settings, temperature)
    frames = sum(map(len, series))
    n_blocks = sampling.replicates.blocks
    blocks = f"{n_blocks} blocks" if n_blocks else "no error bars: fewer than two blocks"
    if 0 < n_blocks < FEW_BLOCKS:
        blocks += ", too few for more than rough errors"
    summary = f"{frames} frames, {temperature:.1f} K, resolution {sampling.resolution:g} cm⁻¹, {blocks}"
    log.info(summary)
    spectra = Spectra()
    made = facts_of(series) | {f"rates {number}": str(run.origin) for number, run in enumerate(series, 1)}
    for name, level in dict.fromkeys(pair for run in series for pair in run.origin.get("levels", {}).items()):
        key = f"{LEVEL}{name}"
        made[key] = f"{made[key]} and {level}" if key in made else level
    static = zero_frequency(series, conditions) if "ir" in kinds else None
    report_static(out / "static.json", static, series)
    for kind, make in KINDS.items():
        if kind in kinds:
            spectrum = make(series, conditions, sampling)
            spectrum = with_static(spectrum, static)
            spectra[kind] = replace(spectrum, header=spectrum.header | nuclei_header(nuclei, series[0].n_beads) | made)
            write_csv(out / f"{kind}.csv", spectra[kind])
        else:
            (out / f"{kind}.csv").unlink(missing_ok=True)  # of an earlier run
    moving = {spectrum.kind: spectrum for spectrum in moving_spectra(series, kinds, conditions, settings)}
    for kind in (f"{PREFIX}{each}" for each in MOVING):
        if kind in moving:
            write_csv(out / f"{kind}.csv", moving[kind])
        else:
            (out / f"{kind}.csv").unlink(missing_ok=True)
    (out / "profile.csv").unlink(missing_ok=True)
    if "depth" in spectra:
        write_profile(out / "profile.csv", spectra["depth"], series, conditions, sampling)
    if "ir" in spectra:
        check_integral(series, spectra["ir"], conditions)
    check_equipartition(series)
    check_beads(series)
    report_rounding(series)
    warn_if_same(series)
    warn_of_wrong_velocities(series)
    used: dict[str, Any] = {"temperature": temperature, "resolution": sampling.resolution}
    used["timestep"] = sampling.timestep
    used |= {"nuclei": nuclei} | ({"beads": series[0].n_beads} if nuclei == "beads" else {})
    flags = in_words(replace(settings, laser=settings.stokes_laser), *(("use", "nothing") if remade else ()))
    made_from = [dict(run.origin) for run in series]
    remarks = {"mimyria": __version__, "used": used | {"frames": list(map(len, series))}, "rates": made_from}
    write_settings(out / "settings.yaml", ({"trajectory": list(paths)} if paths else {}) | flags | remarks)
    check_blocks(spectra, sampling.resolution)
    write_bands(out / "bands.json", spectra)
    write_modes(out / "modes.json", spectra)
    write_pictures(out, spectra, settings, [summary], list(moving.values()))
    return spectra


def _require_temperature(settings: SpectrumSettings, differenced: bool, place: str = "") -> None:
    """Raise SpectrumError if velocities are differences and no temperature is given."""
    if differenced and settings.temperature is None:
        raise SpectrumError(
            f"{place}velocities from differences of positions give too low a temperature: give --temperature K"
        )


def _temperature(series: Sequence[ResponseSeries], settings: SpectrumSettings, remade: bool) -> float:
    """Return the temperature to use, in K: the given one, else the kinetic one; warn if they disagree.

    A wrong unit is reported at the first look at a trajectory, so only ``remade`` spectra are warned of it here.
    """
    kinetic = float(np.average([run.temperature.mean() for run in series], weights=list(map(len, series))))
    given, differenced = settings.temperature, series[0].differenced > 0
    _require_temperature(settings, differenced)
    if given is None and not kinetic > 0:
        raise SpectrumError("the atoms do not move, so their temperature is unknown: give --temperature K")
    if not differenced:
        means = f"the velocities correspond to {kinetic:.4g} K" + ("" if given is None else f", not {given:g} K")
        if not is_likely(kinetic, given):
            if remade:
                log.warning(f"{means}: a wrong unit of velocity or time (--velocity-unit, --timestep)")
        elif given is not None and (words := check_temperature(series, given)):
            log.warning(words)
    return kinetic if given is None else given
