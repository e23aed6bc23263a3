"""A look at a trajectory: whether its cell, positions, velocities and times mean what their units say.

What cannot be is an error; what is only unlikely is a warning that says which unit or flag would make it likely.
"""

from __future__ import annotations

import logging
from itertools import islice

import numpy as np

from mimyria.elements import covalent_radii, frame_masses
from mimyria.errors import TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.trajectory import Trajectory
from mimyria.trajectory.differences import displacement, minimum_image
from mimyria.trajectory.kinetics import kinetic_temperature, without_drift
from mimyria.units import BOHR, BOLTZMANN, MASS_DENSITY, MASS_VELOCITY_SQUARED, VELOCITY

log = logging.getLogger("mimyria")

PLAUSIBLE_TEMPERATURES = (20.0, 5000.0)
"""K; outside, the velocities are probably in another unit."""
USUAL_TEMPERATURES = (100.0, 1000.0)
"""K; a unit that leads here is worth naming."""
LARGEST_FACTOR = 2.0
"""Between the kinetic temperature of one frame and the one given."""
LARGEST_DENSITY = 30.0
"""g/cm³; osmium has 22.6."""
SMALLEST_STRAIN, LARGEST_STRAIN = 1e-5, 0.1
"""Variation of the volume along a run that is rounding, and that a barostat has in equilibrium."""
ATOMS_CHECKED = 100
NOBLE_GASES = (2, 10, 18, 36, 54, 86)
LENGTH_UNITS = {"nm": 0.1, "Bohr": 1 / BOHR, "pm": 100.0}
"""What 1 Å is in them."""
SHORTEST_BOND = 0.65
"""Of the sum of two covalent radii; real bonds have 0.77 (N2) and more."""
LONGEST_BOND = 1.5
"""Of the same: bonds and neighbours in metals, salts and liquids have at most 1.25, noble gases apart."""
LONGEST_INTERVAL = 10.0
"""fs, over which atoms move about as far as the mean of two velocities says."""
DISPLACEMENT_RATIO = (0.6, 1.6)
"""How far they move, as a part of this, if units are right: 0.73 to 1.07 in water, at 2 to 12 fs."""
MIN_VELOCITY_CORRELATION = 0.5
"""Least correlation of how far the atoms move with their velocities."""
DIFFERENCE_TEMPERATURE_RATIO = (0.2, 1.3)
"""What differences of positions leave of the temperature, if the timestep is right."""
LARGEST_DRIFT_TEMPERATURE, LARGEST_DRIFT_ENERGY = 10.0, 0.1
"""Temperature of the centre of mass over that of the atoms, and its part of the kinetic energy: both are exceeded."""


def check_first_frames(trajectory: Trajectory, temperature: float | None) -> None:
    """Say what the first frames of a trajectory mean; raise TrajectoryError where its cell or positions cannot be.

    Parameters
    ----------
    trajectory
        Without gaps.
    temperature
        That of the run, K, where it is given.
    """
    frames = list(islice(trajectory.frames(), 2))
    if not frames:
        return
    first, masses, velocities = frames[0], frame_masses(frames[0]), np.asarray(frames[0].velocities)
    place = f"{trajectory.path}, frame {trajectory.start}"
    check_density(place, first, masses)
    if not check_distances(place, first):
        return
    kinetic = float(kinetic_temperature(without_drift(velocities, masses), masses))
    log.info(
        f"{trajectory.path}: {len(first)} atoms, {density(first, masses):.4g} g/cm³, {kinetic:.3g} K in the first frame"
    )
    for words in (
        _check_drift(velocities, masses, kinetic),
        _check_timestep(trajectory, kinetic, temperature)
        if trajectory.differenced
        else _check_units(trajectory, frames, masses, kinetic, temperature),
    ):
        if words:
            log.warning(f"{trajectory.path}: {words}")


def report_volumes(volumes: Array) -> None:
    """Say how far the volumes of the frames, Å³, vary."""
    spread = float(np.ptp(volumes) / volumes.mean())
    if spread > SMALLEST_STRAIN:
        drifts = spread > LARGEST_STRAIN
        (log.warning if drifts else log.info)(
            f"the volume varies by {100 * spread:.2g} %, {volumes.min():.5g} to {volumes.max():.5g} Å³; spectra use "
            f"its mean{'; --frames leaves out what is not in equilibrium' if drifts else ''}"
        )


def density(frame: Frame, masses: Array) -> float:
    """Return Σ m/V in g/cm³."""
    return float(masses.sum() / frame.volume * MASS_DENSITY)


def check_density(place: str, frame: Frame, masses: Array) -> None:
    """Raise TrajectoryError for a cell that is too small for its atoms."""
    if (found := density(frame, masses)) > LARGEST_DENSITY:
        raise TrajectoryError(
            f"{place}: {len(frame)} atoms in {frame.volume:.4g} Å³ are {found:.3g} g/cm³, which nothing is; the cell "
            "is in another unit than Å: give it with --cell, or convert the file"
        )


def check_distances(place: str, frame: Frame) -> bool:
    """Raise TrajectoryError for atoms that are too near to each other; return False for such as are too far.

    The measure is the distance to the nearest atom over the sum of both covalent radii, the median over the atoms. It
    is about one in molecules, metals and salts, in a liquid as in a slab or in a cluster; noble gases do not count.
    """
    atoms = np.flatnonzero(~np.isin(frame.numbers, NOBLE_GASES))
    if len(frame) < 2 or not atoms.size:
        return True
    radii = covalent_radii(frame.numbers)
    nearest = []
    for atom in atoms[np.linspace(0, atoms.size - 1, min(atoms.size, ATOMS_CHECKED)).astype(int)]:
        distances = np.linalg.norm(minimum_image(frame.positions - frame.positions[atom], frame), axis=1)
        distances[atom] = np.inf
        nearest.append((distances / (radii + radii[atom])).min())
    bond = float(np.median(nearest))
    units = [name for name, size in LENGTH_UNITS.items() if SHORTEST_BOND < bond / size < LONGEST_BOND]
    looks = f"; the positions look like {units[0]}, not Å: convert the file" if units else ""
    if bond < SHORTEST_BOND:
        raise TrajectoryError(
            f"{place}: atoms are {bond:.2g} of a chemical bond apart from their nearest (median)"
            f"{looks or '; positions or cell are not in Å: convert the file, or give --cell'}"
        )
    if bond > LONGEST_BOND and looks:
        log.warning(f"{place}: atoms are {bond:.2g} chemical bonds apart from their nearest (median){looks}")
        return False
    return True


def _check_units(
    trajectory: Trajectory, frames: list[Frame], masses: Array, kinetic: float, temperature: float | None
) -> str | None:
    """Return what is odd about velocities, and the unit or the timestep that would mend it; None if nothing is."""
    flown, correlation = _compare_displacements(frames, masses, trajectory.timestep)
    if correlation < MIN_VELOCITY_CORRELATION:
        return (
            f"between its first two frames the atoms do not move along their velocities (correlation "
            f"{correlation:.2f}): either the velocities belong to other atoms or to another order of the atoms, or the "
            f"frames are much further apart than {trajectory.timestep:g} fs (see --timestep)"
        )
    odd = []
    if not _is_likely(kinetic, temperature, PLAUSIBLE_TEMPERATURES):
        odd.append(f"the velocities mean {kinetic:.3g} K" + ("" if temperature is None else f", not {temperature:g} K"))
    if flown is not None and not DISPLACEMENT_RATIO[0] < flown < DISPLACEMENT_RATIO[1]:
        odd.append(
            f"between the first two frames the atoms move {flown:.3g} times as far as their velocities times "
            f"{trajectory.timestep:g} fs"
        )
    if not odd:
        return None
    remedies = []
    for unit, factor in VELOCITY.items():
        larger = factor / VELOCITY[trajectory.velocity_unit]
        flags, usual = [], PLAUSIBLE_TEMPERATURES
        if unit != trajectory.velocity_unit:
            flags, usual = [f"--velocity-unit {unit}"], USUAL_TEMPERATURES
            if trajectory.unit_is_fixed:
                flags = [f"velocities in {unit}, against the format"]
        if flown is not None and not DISPLACEMENT_RATIO[0] < flown / larger < DISPLACEMENT_RATIO[1]:
            flags.append(f"--timestep about {flown / larger * trajectory.timestep:.2g}")
        hotter = kinetic * larger**2  # T ∝ v²
        if _is_likely(hotter, temperature, usual):
            remedies.append((len(flags), f"{' and '.join(flags)} ({hotter:.3g} K)"))
    fewest = min(remedies)[0] if remedies else 0
    fitting = " or ".join(words for n_flags, words in remedies if n_flags == fewest)
    return f"{'; '.join(odd)}; {f'this would fit: {fitting}' if fitting else 'no known unit of velocity would fit'}"


def _is_likely(kinetic: float, given: float | None, otherwise: tuple[float, float]) -> bool:
    """Return whether a kinetic temperature is near the one given, or in a range if none is."""
    low, high = (given / LARGEST_FACTOR, given * LARGEST_FACTOR) if given is not None else otherwise
    return low < kinetic < high


def _compare_displacements(frames: list[Frame], masses: Array, timestep: float) -> tuple[float | None, float]:
    """Return how far atoms move as a part of v δt, and the correlation of both; v is the mean of two frames.

        ⟨Δr·v δt⟩ / ⟨|v δt|²⟩          ⟨Δr·v δt⟩ / √(⟨|Δr|²⟩ ⟨|v δt|²⟩)          ⟨ ⟩ = Σ m

    Both are one if all is right. None and one where this cannot tell: after a longer time, or of atoms at rest.
    """
    if len(frames) < 2 or timestep > LONGEST_INTERVAL:
        return None, 1.0
    one, two = frames
    path = without_drift(0.5 * timestep * (np.asarray(one.velocities) + np.asarray(two.velocities)), masses)
    moved = without_drift(displacement(one, two), masses)
    along, path_squared, moved_squared = (
        float(np.einsum("n,nx,nx->", masses, a, b)) for a, b in ((moved, path), (path, path), (moved, moved))
    )
    if not (path_squared and moved_squared):
        return None, 1.0
    return along / path_squared, along / np.sqrt(path_squared * moved_squared)


def _check_timestep(trajectory: Trajectory, kinetic: float, temperature: float | None) -> str | None:
    """Return what the temperature says about the timestep where velocities are differences: T ∝ 1/δt²."""
    if temperature is None or DIFFERENCE_TEMPERATURE_RATIO[0] < kinetic / temperature < DIFFERENCE_TEMPERATURE_RATIO[1]:
        return None
    fitting = trajectory.timestep * np.sqrt(kinetic / temperature)
    return (
        f"the differences of its positions mean {kinetic:.3g} K, not {temperature:g} K; frames about {fitting:.2g} fs "
        f"apart would fit, not {trajectory.timestep:g} fs: see --timestep"
    )


def _check_drift(velocities: Array, masses: Array, kinetic: float) -> str | None:
    """Return what is odd about the motion V of the whole; M V²/(3 k_B) should not be far above the temperature."""
    mean = masses @ velocities / masses.sum()
    whole = masses.sum() * mean @ mean * MASS_VELOCITY_SQUARED
    part = whole / (whole + (3 * len(masses) - 3) * BOLTZMANN * kinetic) if whole else 0.0
    if part < LARGEST_DRIFT_ENERGY or whole < LARGEST_DRIFT_TEMPERATURE * 3 * BOLTZMANN * kinetic:
        return None
    return (
        f"the whole drifts at {np.linalg.norm(mean):.3g} Å/fs, with {100 * part:.0f} % of the kinetic energy; this is "
        "taken out, but a thermostat may have fed it from the thermal motion"
    )
