"""`normal_modes`: from structures to folders of modes, lines, spectra, thermochemistry and a page that moves."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mimyria import __version__
from mimyria.config import File, path_of, paths_of, settings_of, write_settings
from mimyria.declare import in_words
from mimyria.elements import frame_masses
from mimyria.engines.registry import ENGINES
from mimyria.errors import ConfigError, Interrupted, LabelError, MimyriaError, ModelError, RunFailed, SpectrumError
from mimyria.execute import LOG, make_executor
from mimyria.figures.reference import read_reference, require_kept
from mimyria.frame import Array, Frame
from mimyria.harmonic.assignment import assign, groups_of
from mimyria.harmonic.broadened import broadened
from mimyria.harmonic.calculators import Calculator, choose_calculator, require_use
from mimyria.harmonic.hessian import Point, Wanted, compute_hessian
from mimyria.harmonic.lines import lines_of
from mimyria.harmonic.modes import Modes
from mimyria.harmonic.modes import normal_modes as modes_of
from mimyria.harmonic.output import WRITTEN, Harmonic, write_harmonic
from mimyria.harmonic.structures import Structure, fixed_atoms, read_structures, with_isotopes
from mimyria.harmonic.tensors import sources_of, tensors_at
from mimyria.harmonic.thermochemistry import thermochemistry
from mimyria.labels.label import check_distances, whole_charge
from mimyria.memory import alone, require_distinct, require_folder
from mimyria.molecules import find_bonds
from mimyria.progress import progress
from mimyria.settings import HarmonicSettings
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.spectrum import Spectra

log = logging.getLogger("mimyria")

WORK = "calculations"
KEPT = ("point.npz", "relaxing.npz", "run_*.npz", LOG, "*.csv")
"""Files that are worth keeping where a structure cannot be treated."""
FREE = 50.0
"""cm⁻¹; translations and rotations of an exact Hessian at a minimum have none, those of a usual one less than this."""
FASTEST = 15_000.0
"""cm⁻¹; H₂ has 4400, and of muonium, three times as much. eV/Å² taken for E_h/a0² make ten times as much."""
SLOWEST, ORGANIC_ATOMS = 1000.0, (6, 7, 8)
"""cm⁻¹; a bond of H, D or T to one of these elements has more, but for a proton that is shared. E_h/a0² taken for eV/Å²
make a tenth."""
UNCERTAIN = 10.0
"""cm⁻¹; largest standard error of a wavenumber by the noise of the Hessian without a warning."""


def normal_modes(
    structures: File | Iterable[File], out: File, settings: HarmonicSettings | None = None, **given: Any
) -> dict[str, Harmonic]:
    """Compute the normal modes of structures with their infrared and Raman lines, and write a folder of each.

    Parameters
    ----------
    structures
        Files of one structure or several.
    out
        Folder of the only structure, or of a folder for each.
    settings, given
        See `HarmonicSettings`: ``calculator``, ``apt``, ``pgt``, ``relax``, ``isotope``, ``scale``, ...

    Returns
    -------
    dict
        By the name of the structure.

    Raises
    ------
    ConfigError, LabelError, ModelError, TrajectoryError
        If a setting is wrong, or the only structure cannot be treated.
    RunFailed
        If some of several structures could not be treated; the others are written.
    """
    paths, out, settings = paths_of(structures), path_of(out), settings_of(HarmonicSettings, settings, given)
    require_use(settings)
    for text in settings.reference:
        read_reference(text)
    if not paths:
        raise ConfigError("no structure is given")
    require_folder(out)
    frames = read_structures(paths, settings)
    folders = {name: out if len(frames) == 1 else out / name for name in frames}
    read = [*paths, *([settings.hessian] if settings.hessian else [])]
    for folder in folders.values():
        require_kept(folder, settings.reference)
        for written in WRITTEN:
            require_distinct(folder / written, read, "an input, and would be written over")
    calculator = None
    if settings.calculator is not None:
        calculator = choose_calculator(settings.calculator, settings.set, settings.template, settings.command)
    elif any(each.hessian is None for each in frames.values()):
        raise ConfigError("there is no Hessian: give --calculator, such as tblite, or --hessian FILE")
    made: dict[str, Harmonic] = {}
    failures: list[str] = []
    for name, structure in frames.items():
        folder = folders[name]
        try:
            with alone(folder, f"{WORK}/lock", *KEPT):
                made[name] = _harmonic(structure, folder, settings, calculator, name)
                flags = {"structures": list(paths)} | in_words(settings) | {"mimyria": __version__}
                write_settings(folder / "settings.yaml", flags)
        except MimyriaError as error:
            words = str(error) if structure.place in str(error) else f"{structure.place}: {error}"
            if len(frames) == 1 and isinstance(error, LabelError | ModelError | SpectrumError):  # which know no file
                raise type(error)(words) from None
            if len(frames) == 1 or isinstance(error, Interrupted):
                raise
            failures.append(words)
            log.warning(words)
        except KeyboardInterrupt:
            raise Interrupted(f"finished work is kept in {folder / WORK}; the same command resumes it") from None
    if failures:
        raise RunFailed(f"{len(failures)} of {len(frames)} structures have no modes; {failures[0]}")
    return made


def _harmonic(
    structure: Structure, out: Path, settings: HarmonicSettings, calculator: Calculator | None, name: str
) -> Harmonic:
    """Return the modes of one structure, and write its folder."""
    frame = structure.frame
    fixed, work = fixed_atoms(frame, settings.fixed, structure.held), out / WORK
    if settings.fixed is None and fixed.any():
        atoms = " ".join(map(str, np.flatnonzero(fixed)))
        log.info(f"{name}: atoms {atoms} are fixed, as {structure.place} says; --fixed none frees them")
    executor = make_executor(settings.executor, settings.resources, work)
    sources = sources_of(settings, frame if structure.hessian is not None else None)
    multiplicity = settings.multiplicity or structure.multiplicity
    _check(frame, fixed, settings, multiplicity)
    # What costs little comes first, so that what is wrong with it is told before anything long.
    quick = {target: source for target, source in sources.items() if source not in ENGINES}
    with _unsaid() if settings.relax else nullcontext():
        tensors, said = tensors_at(frame, quick, settings, work, executor)
    if calculator is None:
        assert structure.hessian is not None
        point, header = Point(frame, structure.hessian), {"Hessian": str(settings.hessian or "of the structure's file")}
    else:
        wanted = Wanted(
            calculator,
            whole_charge(frame, settings.charge),
            settings.step,
            settings.fmax if settings.relax else None,
            settings.largest_force,
        )
        workers = settings.resources.get("workers", 1) if settings.executor == "local" else None
        with progress(f"Hessian of {name}") as advance:
            point = compute_hessian(frame, fixed, wanted, work, executor, workers, advance)
        header = {"calculator": calculator.words}
    left = sources if settings.relax else {target: sources[target] for target in sources if target not in quick}
    slow, of_slow = tensors_at(point.frame, left, settings, work, executor)
    tensors, said = tensors | slow, said | of_slow
    point = replace(point, frame=with_isotopes(replace(point.frame, tensors=tensors), settings.isotope))
    modes = modes_of(point.frame, point.hessian, fixed)
    _check_modes(point.frame, modes, "Hessian" in header)
    header |= said | _said_of(modes, fixed, settings) | _said_of_isotopes(point.frame, settings)
    harmonic = assemble(point, modes, fixed, settings, header, multiplicity)
    _report(harmonic, name)
    write_harmonic(out, harmonic, settings)
    return harmonic


@contextmanager
def _unsaid() -> Iterator[None]:
    """Hold back warnings, which will be said of the relaxed structure."""
    before = log.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _check(frame: Frame, fixed: Array, settings: HarmonicSettings, multiplicity: int | None) -> None:
    """Raise what is wrong with this structure, or with the settings for it."""
    check_distances(frame)
    for atom, mass in enumerate(frame_masses(frame)):
        if not 0 < mass < np.inf:
            raise LabelError(f"atom {atom} has a mass of {mass:g} u; correct it, or give --mass")
    with_isotopes(frame, settings.isotope)
    groups_of(frame, settings.groups)
    if fixed.all():
        whose = "by its file (--fixed none frees them)" if settings.fixed is None else f"by --fixed {settings.fixed}"
        raise ConfigError(f"all atoms are fixed {whose}, so none vibrates")
    electrons = _electrons(frame, settings)
    if multiplicity is not None and (multiplicity + electrons) % 2 == 0:
        whose = f"--multiplicity {multiplicity}" if settings.multiplicity else f"a multiplicity of {multiplicity}"
        raise ConfigError(f"{whose} is not that of {electrons} electrons")
    if settings.calculator in ENGINES and settings.multiplicity not in (None, 1):
        raise ConfigError(
            f"--multiplicity {settings.multiplicity}: the forces of {settings.calculator} are those of closed shells; "
            "take another --calculator or a --hessian FILE, or leave it out"
        )


def _check_modes(frame: Frame, modes: Modes, read: bool) -> None:
    """Raise LabelError for a Hessian that no structure has; zeros alone are one that was computed beyond a cutoff."""
    largest = abs(modes.wavenumbers).max(initial=0.0)
    if largest > FASTEST:
        raise LabelError(
            f"the Hessian has a mode of {largest:.4g} cm⁻¹, and no structure has one above {FASTEST:g}: it is in "
            "another unit, or of another structure"
        )
    if read and len(modes.eigenvalues) and not modes.eigenvalues.any():
        raise LabelError("the Hessian is zero, so nothing vibrates: is it the right file?")
    if not read or largest >= SLOWEST:
        return
    i, j, _ = find_bonds(frame)
    moving = np.asarray(modes.vectors.any(axis=(0, 2)))
    if ((frame.numbers[i] == 1) & moving[i] & np.isin(frame.numbers[j], ORGANIC_ATOMS)).any():
        log.warning(
            f"the fastest mode has {largest:.0f} cm⁻¹, where a bond of H to C, N or O has 2000 and more: is the "
            "Hessian in another unit?"
        )


def _electrons(frame: Frame, settings: HarmonicSettings) -> int:
    return int(frame.numbers.sum()) - whole_charge(frame, settings.charge)


def assemble(
    point: Point,
    modes: Modes,
    fixed: Array,
    settings: HarmonicSettings,
    header: dict[str, str],
    multiplicity: int | None = None,
) -> Harmonic:
    """Return everything that is made of modes and tensors; without a ``multiplicity`` it is the lowest there is."""
    frame = point.frame
    wavenumbers = settings.scale * modes.wavenumbers
    lines = lines_of(modes, frame.tensors)
    conditions = Conditions(settings.temperature, settings.laser)
    spectra = broadened(frame, wavenumbers, lines, conditions, settings.profile, settings.width)
    thermo = thermochemistry(
        frame,
        modes,
        wavenumbers,
        fixed,
        temperature=settings.temperature,
        pressure=settings.pressure,
        symmetry=settings.symmetry_number,
        multiplicity=multiplicity or 1 + _electrons(frame, settings) % 2,
    )
    return Harmonic(
        frame=frame,
        hessian=point.hessian,
        modes=modes,
        lines=lines,
        assignment=assign(frame, modes, settings.groups),
        wavenumbers=wavenumbers,
        spectra=Spectra({kind: replace(each, header=each.header | header) for kind, each in spectra.items()}),
        thermochemistry=thermo,
        header=header,
    )


def _said_of(modes: Modes, fixed: Array, settings: HarmonicSettings) -> dict[str, str]:
    """Return what headers say of the Hessian."""
    said = {"scale": f"wavenumbers times {settings.scale:g}" if settings.scale != 1 else "wavenumbers as computed"}
    rigid = ", ".join(f"{value:.2f}" for value in modes.rigid)
    said["translations and rotations"] = f"projected out; before, cm⁻¹: {rigid}" if rigid else "none"
    said["asymmetry of the Hessian"] = f"standard error of an element {modes.noise:.2g} eV/Å²"
    if fixed.any():
        said["fixed atoms"] = " ".join(map(str, np.flatnonzero(fixed)))
    return said


def _said_of_isotopes(frame: Frame, settings: HarmonicSettings) -> dict[str, str]:
    if frame.masses is None:
        return {"masses": "standard atomic masses"}
    return {"masses": " ".join(f"{mass:.6g}" for mass in frame.masses) + " u"}


def _report(made: Harmonic, name: str) -> None:
    """Log the imaginary modes, and warn of a Hessian that is not that of the structure, or too noisy."""
    modes = made.modes
    imaginary = [k for k, value in enumerate(made.wavenumbers) if value < 0]
    if imaginary:
        told = ", ".join(f"{-made.wavenumbers[k]:.1f}i cm⁻¹ ({made.assignment.words[k]})" for k in imaginary[:3])
        more = f" and {len(imaginary) - 3} more" if len(imaginary) > 3 else ""
        count = len(imaginary)
        said = (
            f"{count} imaginary modes, this is no minimum" if count > 1 else "1 imaginary mode, this is a saddle point"
        )
        log.warning(f"{name}: {said}: {told}{more}")
    if len(modes.rigid) and abs(modes.rigid).max() > FREE:
        log.warning(
            f"{name}: translation and rotation have up to {abs(modes.rigid).max():.0f} cm⁻¹ before they are projected "
            "out, where they should have none: the Hessian is of another structure or unit, or the forces are not zero"
        )
    errors = modes.errors
    if len(errors) and errors.max() > UNCERTAIN:
        k = int(errors.argmax())
        log.warning(
            f"{name}: the forces are noisy: {modes.wavenumbers[k]:.0f} ± {errors[k]:.0f} cm⁻¹; converge them more "
            "tightly, or take a larger --step"
        )
