"""Plausibility of a trajectory: whether cell, positions, velocities and times have the units they are read in.

The impossible is an error; the unlikely is a warning that names the unit or flag that would make it likely.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice

import numpy as np
import scipy

from mimyria.elements import covalent_radii, frame_masses
from mimyria.errors import TrajectoryError
from mimyria.frame import AXES, Array, Frame
from mimyria.trajectory import Trajectory
from mimyria.trajectory.beads import each_bead
from mimyria.trajectory.constraints import find_freedom, first_frames
from mimyria.trajectory.differences import displacement, minimum_image
from mimyria.trajectory.freedom import Freedom
from mimyria.trajectory.kinetics import kinetic_temperature, without_drift
from mimyria.trajectory.rounding import difference_noise, quantum_of
from mimyria.units import BOHR, BOLTZMANN, MASS_DENSITY, MASS_VELOCITY_SQUARED, VELOCITY

log = logging.getLogger("mimyria")

PLAUSIBLE_TEMPERATURES = (20.0, 5000.0)
"""K; velocities that give another temperature are probably in another unit."""
NO_MATTER = 1e5
"""K; atoms at this temperature are none that a molecular dynamics has."""
USUAL_TEMPERATURES = (100.0, 1000.0)
"""K; another unit is suggested only if it leads here."""
LARGEST_FACTOR = 2.0
"""Between the kinetic temperature of one frame and the temperature given."""
FOUR_SIGMA = 3.2e-5
"""Probability of each tail beyond four standard deviations of a normal distribution."""
LARGEST_DENSITY = 30.0
"""g/cm³; osmium has 22.6."""
SMALLEST_STRAIN, LARGEST_DRIFT = 1e-5, 0.03
"""Relative variation of the volume that is more than rounding, and drift of a barostat not yet in equilibrium."""
VOLUME_BLOCKS, SIGNIFICANT = 10, 4.0
"""A drift of the volume is told from its fluctuations by so many blocks, and counts from so many standard errors."""
ATOMS_CHECKED = 100
NOBLE_GASES = (2, 10, 18, 36, 54, 86)
LENGTH_UNITS = {"nm": 0.1, "Bohr": 1 / BOHR, "pm": 100.0}
"""1 Å in each unit."""
SHORTEST_BOND, LONGEST_BOND = 0.65, 1.5
"""Distances over the sum of two covalent radii: bonds have at least 0.77 (N2), nearest neighbours at most 1.25."""
NEVER_A_BOND = (1e-6, 0.02)
"""The same of velocities and forces in any usual unit; of positions it is 0.1 in nm and 1e-10 in m."""
NO_POSITIONS = {
    False: "; positions or cell are not in Å: convert the file, or give --cell",
    True: "; the file holds velocities or forces: give that of the positions",
}
LONGEST_INTERVAL = 10.0
"""fs; over longer times the mean of two velocities does not predict the displacement."""
DISPLACEMENT_RATIO = (0.6, 1.6)
"""Displacement over velocity times time, if units are right: 0.61 to 1.10 in water, at 2 to 10 fs."""
EXPLAINED_RATIO, CURVATURE = (0.95, 1.12), 0.0075
"""The same where another unit explains it, less the curvature of the paths in time steps, per fs²."""
MIN_VELOCITY_CORRELATION = 0.5
"""Between displacements and velocities."""
DIFFERENCE_TEMPERATURE_RATIO = (0.2, 1.3)
"""Kinetic temperature from differences of positions over the true one: fast vibrations are attenuated."""
LARGEST_ROUNDING = 0.5
"""Part of the kinetic energy that may be rounding; beyond, the atoms move less between frames than they are rounded."""
TEMPERATURE_TOLERANCE, STANDARD_ERRORS = 0.1, 3.0
"""The centroid and the beads may differ by this fraction of the temperature, plus so many standard errors."""
LARGEST_DRIFT_TEMPERATURE, LARGEST_DRIFT_ENERGY = 10.0, 0.1
"""Temperature of the centre of mass over that of the atoms, and its share of the kinetic energy.

The warning needs both: few atoms have a large share by chance, many atoms a high temperature from a tiny drift.
"""


VACUUM = 8.0
"""Å; a wider layer without any atom is empty, not a gap between molecules."""


def check_first_frames(trajectory: Trajectory, temperature: float | None, constraints: str | int = "auto") -> None:
    """Warn of what is unlikely in the first two frames; raise TrajectoryError for an impossible cell or positions.

    The trajectory has no gaps; the temperature is that of the run, K, or None if it is not given; the constraints are
    as `find_freedom` takes them.
    """
    frames = list(islice(trajectory.frames(), 2))
    if not frames:
        return
    first, masses, velocities = frames[0], frame_masses(frames[0]), np.asarray(frames[0].velocities)
    place = f"{trajectory.path}, frame {trajectory.start}"
    check_density(place, first, masses)
    try:
        if not check_distances(place, first):
            return
    except TrajectoryError as error:
        if _are_swapped(trajectory, first):
            raise TrajectoryError(
                f"{trajectory.velocities_path} holds positions and {trajectory.path} does not: give the file of the "
                "positions first, and that of the velocities by --velocities"
            ) from error
        raise
    stored = first_frames(trajectory)
    freedom = find_freedom(stored, constraints)
    if freedom.reasons:
        log.info(f"{trajectory.path}: degrees of freedom: {freedom.words}")
    without = freedom.without_drift(velocities, masses)
    kinetic = float(kinetic_temperature(without, masses, freedom.total))
    log.info(
        f"{trajectory.path}: {len(first)} atoms, {density(first, masses):.4g} g/cm³, {kinetic:.3g} K in the first frame"
    )
    if vacuum := empty_lengths(first):
        axes = ", ".join(f"{length:.3g} Å of {AXES[axis]}" for axis, length in vacuum.items())
        better = "molecule" if len(vacuum) == 3 else f"area-{AXES[next(iter(vacuum))]}"
        log.info(
            f"{trajectory.path}: {axes} hold no atoms; n·α and the density refer to the whole cell, --per {better} to "
            "what is in it"
        )
    if first.beads and not trajectory.differenced:
        _check_beads(place, first, masses, freedom, kinetic)
    if trajectory.differenced:
        quantum = quantum_of(list(each_bead(stored))) / np.sqrt(trajectory.n_beads)  # that of their mean
        part = _rounding_part(trajectory, quantum, without, masses)
        units = _check_timestep(trajectory, (1 - part) * kinetic, freedom.total, temperature)
    else:
        units = _check_units(trajectory, frames, masses, kinetic, freedom.total, temperature)
    for words in filter(None, (_check_drift(velocities, masses, kinetic, freedom), units)):
        log.warning(f"{trajectory.path}: {words}")


def empty_lengths(frame: Frame) -> dict[int, float]:
    """Return the cell vectors along which a gap is wider than in any condensed matter, with its width, Å."""
    scaled = np.sort(frame.positions @ np.linalg.inv(frame.cell) % 1.0, axis=0)
    gaps = np.diff(np.vstack([scaled, scaled[:1] + 1]), axis=0).max(axis=0)
    widths = gaps / np.linalg.norm(np.linalg.inv(frame.cell), axis=0)
    return {axis: float(width) for axis, width in enumerate(widths) if width > VACUUM}


def report_volumes(runs: Sequence[Array]) -> None:
    """Log how far the volumes of the frames of each run, Å³, vary; warn if one drifts: small cells fluctuate anyway."""
    volumes = np.concatenate(list(runs))
    strain = float(np.ptp(volumes) / volumes.mean())
    if strain > SMALLEST_STRAIN:
        drift = max(map(volume_drift, runs))
        drifts = drift > LARGEST_DRIFT
        (log.warning if drifts else log.info)(
            f"the volume varies by {100 * strain:.2g} %, {volumes.min():.5g} to {volumes.max():.5g} Å³; spectra use "
            "its mean"
            + (f"; it drifts by {100 * drift:.2g} %: leave out the first frames with --frames" if drifts else "")
        )


def volume_drift(volumes: Array) -> float:
    """Return by which part the volume of a run drifts, from a line through the means of blocks; zero within the error.

    The standard error of the slope is that of the residuals.
    """
    means = [block.mean() for block in np.array_split(volumes, min(VOLUME_BLOCKS, len(volumes)))]
    if len(means) < 3:
        return 0.0
    (slope, _), covariance = np.polyfit(np.arange(len(means)), means, 1, cov=True)
    if abs(slope) <= SIGNIFICANT * np.sqrt(max(covariance[0, 0], 0.0)):
        return 0.0
    return float(abs(slope) * (len(means) - 1) / volumes.mean())


def density(frame: Frame, masses: Array) -> float:
    """Return Σ m/V in g/cm³."""
    return float(masses.sum() / frame.volume * MASS_DENSITY)


def check_density(place: str, frame: Frame, masses: Array) -> None:
    """Raise TrajectoryError for a cell that is too small for its atoms."""
    if (found := density(frame, masses)) > LARGEST_DENSITY:
        raise TrajectoryError(
            f"{place}: {len(frame)} atoms in {frame.volume:.4g} Å³ are {found:.3g} g/cm³, denser than any matter; the "
            "cell is not in Å: give it with --cell, or convert the file"
        )


def _nearest(frame: Frame, places: Array) -> float:
    """Return the distance to the nearest atom over the sum of both covalent radii, median over the atoms."""
    radii, nearest = covalent_radii(frame.numbers), []
    atoms = np.flatnonzero(~np.isin(frame.numbers, NOBLE_GASES))
    for atom in atoms[np.linspace(0, atoms.size - 1, min(atoms.size, ATOMS_CHECKED)).astype(int)]:
        distances = np.linalg.norm(minimum_image(places - places[atom], frame), axis=1)
        distances[atom] = np.inf
        nearest.append((distances / (radii + radii[atom])).min())
    return float(np.median(nearest))


def _are_swapped(trajectory: Trajectory, frame: Frame) -> bool:
    """Return whether the numbers in the file of velocities are places of atoms, in Å or Bohr."""
    if trajectory.velocities_path is None or frame.velocities is None:
        return False
    stored = frame.velocities / VELOCITY[trajectory.velocity_unit]
    sizes = (1.0, BOHR)
    return any(SHORTEST_BOND < _nearest(frame, stored * size) < LONGEST_BOND for size in sizes)


def check_distances(place: str, frame: Frame) -> bool:
    """Raise TrajectoryError if atoms are too close together; warn and return False if they are too far apart.

    The measure is the distance to the nearest atom over the sum of both covalent radii, median over the atoms. It is
    about one in molecules, metals and salts, in bulk, slabs and clusters; noble gases do not bond and are skipped.
    """
    atoms = np.flatnonzero(~np.isin(frame.numbers, NOBLE_GASES))
    if len(frame) < 2 or not atoms.size:
        return True
    bond = _nearest(frame, frame.positions)
    units = [name for name, size in LENGTH_UNITS.items() if SHORTEST_BOND < bond / size < LONGEST_BOND]
    looks = f"; the positions look like {units[0]}, not Å: convert the file" if units else ""
    if bond < SHORTEST_BOND:
        raise TrajectoryError(
            f"{place}: the nearest neighbour of an atom is {bond:.2g} bond lengths away (median)"
            f"{looks or NO_POSITIONS[NEVER_A_BOND[0] < bond < NEVER_A_BOND[1]]}"
        )
    if bond > LONGEST_BOND and looks:
        log.warning(f"{place}: the nearest neighbour of an atom is {bond:.2g} bond lengths away (median){looks}")
        return False
    return True


def _check_beads(place: str, frame: Frame, masses: Array, freedom: Freedom, kinetic: float) -> None:
    """Raise TrajectoryError if the beads do not have P times the temperature of their centroid.

    Ring-polymer dynamics with the masses of the atoms has it. That of a frame has a relative standard error of √(2/f).
    """
    n_beads, of_beads = len(frame.beads), np.array([bead.velocities for bead in frame.beads])
    if np.allclose(of_beads, np.asarray(frame.velocities), rtol=1e-6, atol=1e-9):
        if n_beads > 1:
            log.warning(f"{place}: its {n_beads} beads have the same velocities: copies of one, not a path integral")
        return
    of_each = kinetic_temperature(freedom.without_drift(of_beads, masses), masses, freedom.total)
    beads = float(of_each.mean()) / n_beads
    allowed = TEMPERATURE_TOLERANCE + STANDARD_ERRORS * np.sqrt(2 / max(freedom.total, 1))
    if abs(beads - kinetic) > allowed * max(beads, kinetic):
        raise TrajectoryError(
            f"{place}: the velocities of the {n_beads} beads correspond to {n_beads} × {beads:.3g} K, those of the "
            f"centroid to {kinetic:.3g} K: a path integral with scaled masses or a generalised Langevin thermostat "
            "(PIGLET), whose beads have no dynamics of their own; of CMD, give the trajectory of the centroid instead"
        )


def _check_units(
    trajectory: Trajectory,
    frames: list[Frame],
    masses: Array,
    kinetic: float,
    degrees: float,
    temperature: float | None,
) -> str | None:
    """Return what is wrong with the velocities, and the unit or time step that would fit; None if all fits."""
    ratio, correlation = _compare_displacements(frames, masses, trajectory.timestep)
    if correlation < MIN_VELOCITY_CORRELATION:
        forces = "the file of the velocities holds forces, or " * (not PLAUSIBLE_TEMPERATURES[0] < kinetic < NO_MATTER)
        return (
            f"between its first two frames the atoms do not move along their velocities (correlation "
            f"{correlation:.2f}): either {forces}the velocities belong to other atoms or to another "
            "order of the atoms, or the "
            f"frames are much further apart than {trajectory.timestep:g} fs (see --timestep)"
        )
    odd = []
    if not is_likely(kinetic, temperature, degrees=degrees):
        given = "" if temperature is None else f", not {temperature:g} K"
        odd.append(f"the velocities correspond to {kinetic:.3g} K{given}")
    if ratio is not None and not DISPLACEMENT_RATIO[0] < ratio < DISPLACEMENT_RATIO[1]:
        odd.append(
            f"between the first two frames the atoms move {ratio:.3g} times as far as their velocities times "
            f"{trajectory.timestep:g} fs"
        )
    if not odd:
        return None
    # Every unit is tried, with the time step that its displacements ask for; the remedy with the fewest flags wins, and
    # a unit that explains both numbers before a time step that leaves an unusual temperature. Few atoms scatter: a time
    # step that the file states is doubted as it is where the unit is right.
    remedies = []
    shortest = max(DISPLACEMENT_RATIO[0], EXPLAINED_RATIO[0] - CURVATURE * trajectory.timestep**2)
    for unit, factor in VELOCITY.items():
        larger = factor / VELOCITY[trajectory.velocity_unit]
        flags, usual, (low, high) = [], PLAUSIBLE_TEMPERATURES, DISPLACEMENT_RATIO
        if unit != trajectory.velocity_unit:
            flags, usual = [f"--velocity-unit {unit}"], USUAL_TEMPERATURES
            low, high = DISPLACEMENT_RATIO if trajectory.states_time else (shortest, EXPLAINED_RATIO[1])
            if trajectory.unit_is_fixed:
                flags = [f"velocities in {unit}, although the format says otherwise"]
        if ratio is not None and not low < ratio / larger < high:
            flags.append(f"--timestep about {ratio / larger * trajectory.timestep:.2g}")
        hotter = kinetic * larger**2  # T ∝ v²
        if is_likely(hotter, temperature, usual, degrees):
            unusual = not is_likely(hotter, temperature, USUAL_TEMPERATURES)
            remedies.append(((len(flags), unusual), f"{' and '.join(flags)} ({hotter:.3g} K)"))
    best = min(remedies)[0] if remedies else None
    fitting = " or ".join(words for rank, words in remedies if rank == best)
    return f"{'; '.join(odd)}; {f'this would fit: {fitting}' if fitting else 'no known unit of velocity would fit'}"


def is_likely(
    kinetic: float,
    given: float | None,
    otherwise: tuple[float, float] = PLAUSIBLE_TEMPERATURES,
    degrees: float = np.inf,
) -> bool:
    """Return whether a kinetic temperature is near the one given, or, if none is, in a range.

    That of a single frame with few ``degrees`` of freedom may also be there by chance.
    """
    low, high = otherwise if given is None else (given / LARGEST_FACTOR, given * LARGEST_FACTOR)
    if low < kinetic < high:
        return True
    colder, hotter = chance(degrees)
    if given is None:
        return low * colder < kinetic < high * hotter
    return min(given * colder, low) < kinetic < max(given * hotter, high)


def chance(degrees: float) -> tuple[float, float]:
    """Return the range of the kinetic temperature of one frame over the true one, χ²/f, that four σ leave to chance."""
    if not np.isfinite(degrees):
        return 1.0, 1.0
    low, high = scipy.special.gammaincinv(degrees / 2, (FOUR_SIGMA, 1 - FOUR_SIGMA)) * 2 / degrees
    return float(low), float(high)


def _compare_displacements(frames: list[Frame], masses: Array, timestep: float) -> tuple[float | None, float]:
    """Return the displacement over v δt, and the correlation of both; v is the mean over the two frames.

        ⟨Δr·v δt⟩ / ⟨|v δt|²⟩          ⟨Δr·v δt⟩ / √(⟨|Δr|²⟩ ⟨|v δt|²⟩)          ⟨ ⟩ = Σ m

    Both are about one if the units are right; (None, 1) if the time step is too long, or the atoms are at rest.
    """
    if len(frames) < 2 or timestep > LONGEST_INTERVAL:
        return None, 1.0
    before, after = frames
    path = without_drift(0.5 * timestep * (np.asarray(before.velocities) + np.asarray(after.velocities)), masses)
    moved = without_drift(displacement(before, after), masses)
    along, path_squared, moved_squared = (
        float(np.einsum("n,nx,nx->", masses, a, b)) for a, b in ((moved, path), (path, path), (moved, moved))
    )
    if not (path_squared and moved_squared):
        return None, 1.0
    return along / path_squared, along / np.sqrt(path_squared * moved_squared)


def _check_timestep(trajectory: Trajectory, kinetic: float, degrees: float, temperature: float | None) -> str | None:
    """Return which time step the temperature asks for, in words, if velocities are differences: T ∝ 1/δt²."""
    low, high = np.multiply(DIFFERENCE_TEMPERATURE_RATIO, chance(degrees))
    if temperature is None or low < kinetic / temperature < high:
        return None
    fitting = trajectory.timestep * np.sqrt(kinetic / temperature)
    return (
        f"velocities from differences of positions correspond to {kinetic:.3g} K, not {temperature:g} K; with a time "
        f"step of about {fitting:.2g} fs instead of {trajectory.timestep:g} fs they would fit: give --timestep"
    )


def _rounding_part(trajectory: Trajectory, quantum: float, velocities: Array, masses: Array) -> float:
    """Return which part of the kinetic energy of differenced positions is rounding; raise TrajectoryError if most is.

    The rounding adds 3 Σ m ⟨w²⟩ to Σ m v², see `rounding`.
    """
    noise = 3 * masses.sum() * difference_noise(quantum, trajectory.timestep, trajectory.timestep, 1)[0]
    part = noise / max(float(masses @ np.square(velocities).sum(axis=1)), noise, 1e-300)
    if part > LARGEST_ROUNDING:
        raise TrajectoryError(
            f"{trajectory.path}: its positions are rounded to {quantum:.3g} Å, and {100 * part:.0f} % of the kinetic "
            f"energy of their differences over ±{trajectory.timestep:g} fs is rounding: store velocities, or positions "
            "with more digits (GROMACS: compressed-x-precision)"
        )
    return part


def _check_drift(velocities: Array, masses: Array, kinetic: float, freedom: Freedom) -> str | None:
    """Return how fast the centre of mass drifts, V, in words; None if M V²/(3 k_B) is not far above the temperature."""
    if not freedom.drifts:
        return None
    drift = masses @ velocities / masses.sum()
    energy = masses.sum() * drift @ drift * MASS_VELOCITY_SQUARED
    share = energy / (energy + freedom.total * BOLTZMANN * kinetic) if energy else 0.0
    if share < LARGEST_DRIFT_ENERGY or energy < LARGEST_DRIFT_TEMPERATURE * 3 * BOLTZMANN * kinetic:
        return None
    return (
        f"the centre of mass drifts at {np.linalg.norm(drift):.3g} Å/fs, with {100 * share:.0f} % of the kinetic "
        "energy. The drift is subtracted, but a thermostat may have cooled the atoms to feed it: remove it in the run"
    )
