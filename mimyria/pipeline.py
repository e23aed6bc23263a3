"""The main job: from trajectories and tensors (of a network, or in the frames) to a folder of spectra."""

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
from mimyria.config import File, paths_of, settings_of, write_settings
from mimyria.declare import declared, flag, in_words
from mimyria.errors import ConfigError, SpectrumError
from mimyria.figures.pictures import write_pictures
from mimyria.figures.reference import read_reference
from mimyria.memory import Identity, locked
from mimyria.rates.series import ResponseSeries, is_series, read_series, write_series
from mimyria.rates.stride import chosen_stride, nyquist_wavenumber
from mimyria.rates.usable_segments import find_usable_segments
from mimyria.settings import SpectrumSettings
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.consistency import TEMPERATURE_TOLERANCE, check_equipartition, check_integral
from mimyria.spectra.kinds import KINDS, select_kinds
from mimyria.spectra.porto import polarisations
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectra, write_csv
from mimyria.tensor_pass import grouping_along, series_along
from mimyria.trajectory import Trajectory, open_trajectories
from mimyria.trajectory.sanity import check_first_frames, is_likely, report_volumes

log = logging.getLogger("mimyria")

LOWEST_NYQUIST = 4000.0
"""cm⁻¹; below it the O-H stretch of a classical liquid is no longer safe."""
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
    paths, out, settings = paths_of(trajectories), Path(out), settings_of(SpectrumSettings, settings, given)
    for geometry in settings.porto:
        polarisations(geometry)
    stored = [is_series(path) for path in paths]
    if all(stored):
        _refuse_what_is_computed(settings)
        series = [run for path in paths for run in read_series(path)]
        wanted = _wanted(set.intersection(*(set(run.rates) for run in series)), settings)
        out.mkdir(parents=True, exist_ok=True)
        return _spectra(series, wanted, out, settings, paths, remade=True)
    if any(stored):
        raise ConfigError(f"{paths[stored.index(True)]} holds rates, the other files are trajectories: use one kind")
    if not settings.sources and settings.kinds is None:
        raise ConfigError("nothing to make a spectrum from: give --apt or --pgt, a model file or `frames`")
    wanted = _wanted(settings.sources, settings)
    opened = open_trajectories(paths, settings)
    _make_rates([segment for one in opened for segment in find_usable_segments(one, settings)], out, settings, resume)
    try:
        return _spectra(read_series(out / "series.h5"), wanted, out, settings, paths)
    except SpectrumError as error:
        kept = out / "series.h5"
        raise SpectrumError(
            f"{error} (the rates are kept: `mimyria spectrum {kept} --out {out}` needs no new pass)"
        ) from error


def _make_rates(trajectories: Sequence[Trajectory], out: Path, settings: SpectrumSettings, resume: bool) -> None:
    """Write ``series.h5``: dM/dt and dα/dt along every trajectory, resuming what is unfinished in the folder."""
    _check_before(trajectories, settings)
    groupings = [grouping_along(trajectory, settings) for trajectory in trajectories]
    if len({grouping.group_names for grouping in groupings}) > 1:
        kinds = " and ".join(dict.fromkeys(", ".join(grouping.group_names) for grouping in groupings))
        raise SpectrumError(f"the trajectories begin with different groups: {kinds}; make their spectra separately")
    unfinished = out / "unfinished"
    with locked(unfinished / "lock"):
        folders = [unfinished / f"{k:04d}" for k in range(len(trajectories))]
        begun = [folder.exists() or folder is folders[0] for folder in folders]  # the first has to be there to resume
        series = [
            series_along(trajectory, grouping, folder, settings, insist=resume and there, excerpt=folder is folders[0])
            for trajectory, grouping, folder, there in zip(trajectories, groupings, folders, begun, strict=True)
        ]
        report_volumes(np.concatenate([run.volume for run in series]))
        _keep(out / "series.h5", [run.origin for run in series])
        write_series(out / "series.h5", series)
        shutil.rmtree(unfinished)


def _keep(path: Path, origins: Sequence[Identity]) -> None:
    """Give the rates of an earlier run another name, unless the new ones are the same, or of trajectories that grew."""
    if not is_series(path):
        return
    with suppress(SpectrumError):  # what cannot be read is kept too
        earlier = [run.origin for run in read_series(path)]
        same = (now.as_of(then) == then for now, then in zip(origins, earlier, strict=False))
        if len(earlier) == len(origins) and all(same):
            return
    number = next(k for k in count(1) if not path.with_name(f"series-{k}.h5").exists())
    kept = path.with_name(f"series-{number}.h5")
    path.rename(kept)
    log.warning(f"{path.parent} holds the spectra of another run, which are replaced; its rates are kept in {kept}")


def _wanted(targets: Collection[str], settings: SpectrumSettings) -> list[str]:
    """Return the kinds to make of the rates of some targets; raise ConfigError for what is asked about any other."""
    wanted = select_kinds(settings.kinds, targets)
    asked: list[tuple[str, str, object]] = [
        ("--porto", "raman", settings.porto),
        ("--laser", "hyper_raman" if "hyper_raman" in wanted else "raman", settings.laser),
        ("--epsilon-infinity", "ir", settings.epsilon_infinity),
        *((f"--reference {text}", read_reference(text).kind, text) for text in settings.reference),
    ]
    for words, kind, given in asked:
        if given and kind not in wanted:
            raise ConfigError(
                f"{words}: no {kind} spectrum is made, only {', '.join(wanted)}; see --kinds, --apt, --pgt, --tensor"
            )
    return wanted


def _refuse_what_is_computed(settings: SpectrumSettings) -> None:
    """Raise ConfigError for settings that decide the rates, which a series.h5 holds already."""
    for name, one in declared(SpectrumSettings, "result").items():
        if getattr(settings, name) != one.default:
            raise ConfigError(
                f"series.h5 holds rates that are computed: leave {flag(name)} out, or give the trajectory again"
            )


def _check_before(trajectories: Sequence[Trajectory], settings: SpectrumSettings) -> None:
    """Raise an error, before anything long begins, for what would make the end impossible; warn of odd units."""
    first = trajectories[0]
    for trajectory in trajectories:
        _require_temperature(settings, trajectory.differenced, f"{trajectory.path}: ")
        if not np.array_equal(trajectory.numbers, first.numbers):
            raise SpectrumError(f"{trajectory.path} and {first.path} do not hold the same atoms in the same order")
    steps = {chosen_stride(settings.stride, timestep) * timestep for timestep in {t.timestep for t in trajectories}}
    if max(steps) - min(steps) > 1e-6 * max(steps):
        shown = " and ".join(f"{step:g}" for step in sorted(steps))
        raise SpectrumError(
            f"the trajectories would be sampled every {shown} fs; make the spectra of each kind separately"
        )
    for segment in {segment.path: segment for segment in reversed(trajectories)}.values():
        check_first_frames(segment, settings.temperature)
    step = max(steps)
    nyquist = nyquist_wavenumber(step)
    log.info(f"tensors every {step:g} fs, which resolves up to {nyquist:.0f} cm⁻¹")
    if nyquist < LOWEST_NYQUIST:
        log.warning(f"vibrations above {nyquist:.0f} cm⁻¹ are aliased below it")


def _spectra(
    series: Sequence[ResponseSeries],
    wanted: Collection[str],
    out: Path,
    settings: SpectrumSettings,
    paths: Sequence[Path],
    remade: bool = False,
) -> Spectra:
    """Compute and write the spectra wanted, settings and pictures from the series of one or more trajectories."""
    how = choose_sampling(series, settings.resolution, settings.blocks, settings.window)
    temperature = _temperature(series, settings, remade)
    conditions = Conditions(temperature, settings.laser, settings.correction, settings.epsilon_infinity, settings.porto)
    frames = sum(map(len, series))
    n_blocks = sum(len(run) // how.block_frames for run in series) if how.block_frames else 0
    blocks = f"{n_blocks} blocks" if n_blocks else "no error bars: fewer than two blocks"
    if 0 < n_blocks < FEW_BLOCKS:
        blocks += ", too few for more than rough errors"
    summary = f"{frames} frames, {temperature:.1f} K, resolution {how.resolution:g} cm⁻¹, {blocks}"
    log.info(summary)
    spectra = Spectra()
    made = {f"rates {number}": str(run.origin) for number, run in enumerate(series, 1)}
    for kind, make in KINDS.items():
        if kind in wanted:
            spectrum = make(series, conditions, how)
            spectra[kind] = replace(spectrum, header=spectrum.header | made)
            write_csv(out / f"{kind}.csv", spectra[kind])
        else:
            (out / f"{kind}.csv").unlink(missing_ok=True)  # of an earlier run with other sources
    if "ir" in spectra:
        check_integral(series, spectra["ir"], conditions)
    check_equipartition(series)
    used = {"temperature": temperature, "resolution": how.resolution, "timestep": how.timestep}
    flags = in_words(settings, *(("use", "nothing") if remade else ()))
    made_from = [dict(run.origin) for run in series]
    remarks = {"mimyria": __version__, "used": used | {"frames": list(map(len, series))}, "rates": made_from}
    write_settings(out / "settings.yaml", {"trajectory": list(paths), **flags, **remarks})
    write_pictures(out, spectra, settings, [summary])
    return spectra


def _require_temperature(settings: SpectrumSettings, differenced: bool, place: str = "") -> None:
    """Raise SpectrumError if velocities are differences and no temperature is given."""
    if differenced and settings.temperature is None:
        raise SpectrumError(
            f"{place}velocities from differences of positions give too low a temperature: give --temperature K"
        )


def _temperature(series: Sequence[ResponseSeries], settings: SpectrumSettings, remade: bool) -> float:
    """Return the temperature to use, in K: the one given, else the kinetic one; warn if they do not go together.

    Which unit would fit is said at the first look at a trajectory; of rates that are read again nothing more is known.
    """
    kinetic = float(np.average([run.temperature.mean() for run in series], weights=list(map(len, series))))
    given, differenced = settings.temperature, series[0].differenced > 0
    _require_temperature(settings, differenced)
    if given is None and not kinetic > 0:
        raise SpectrumError("the atoms do not move, so there is no temperature: give --temperature K")
    if not differenced:
        means = f"the velocities correspond to {kinetic:.4g} K" + ("" if given is None else f", not {given:g} K")
        if not is_likely(kinetic, given):
            if remade:
                log.warning(f"{means}: a wrong unit of velocity or time (--velocity-unit, --timestep)")
        elif given is not None and abs(kinetic / given - 1) > TEMPERATURE_TOLERANCE:
            log.warning(means)
    return kinetic if given is None else given
