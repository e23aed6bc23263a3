"""Run one trajectory: Langevin dynamics to equilibrate, then constant energy; started again, it goes on.

    python run.py start-1.extxyz --model nep89.txt --correction correction.json --seed 1 --out run-1

`run-1.extxyz` has the constant-energy part, every 2 fs, with velocities in Å/fs; `run-1.state.npz` is the state of each
whole picosecond, `run-1.log` the energy. Constant energy begins at the mean energy of the second half of Langevin
dynamics, not at that of its last moment: else the temperatures of runs would lie 17 K (standard deviation) apart.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.io import read
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from potential import Sulfate, ions_of

from mimyria.engines.job import write_npz

COLUMNS = "Properties=species:S:1:pos:R:3:vel:R:3"


def text_of(atoms: Atoms, time: float) -> str:
    """Return a frame as extxyz; velocities in Å/fs."""
    lattice = " ".join(f"{number:g}" for number in atoms.cell.array.ravel())
    head = f'{len(atoms)}\nLattice="{lattice}" {COLUMNS} pbc="T T T" time={time:g}\n'
    speeds = atoms.get_velocities() * units.fs
    rows = zip(atoms.get_chemical_symbols(), atoms.positions, speeds, strict=True)
    return head + "".join(f"{e} {x:.4f} {y:.4f} {z:.4f} {u:.6f} {v:.6f} {w:.6f}\n" for e, (x, y, z), (u, v, w) in rows)


def evolve(
    atoms: Atoms, step: float, stored: int, friction: float, heat: float, random: np.random.Generator
) -> Iterator[float]:
    """Move atoms for ever, and yield the potential energy each `stored` steps.

    A step is half a kick, half a step, the thermostat, half a step, half a kick. The thermostat is the exact
    Ornstein-Uhlenbeck process of the velocities, with ``heat`` k_B T; without friction, this is Verlet's algorithm. All
    is in ASE's units.
    """
    masses, velocities = atoms.get_masses()[:, None], atoms.get_velocities()
    kept = np.exp(-friction * step)
    noise = np.sqrt((1 - kept**2) * heat / masses)
    _, forces = atoms.calc.evaluate(atoms)
    for number in count(1):
        velocities += forces / masses * (step / 2)
        atoms.positions += velocities * (step / 2)
        if friction:
            velocities = kept * velocities + noise * random.normal(size=velocities.shape)
        atoms.positions += velocities * (step / 2)
        energy, forces = atoms.calc.evaluate(atoms)
        velocities += forces / masses * (step / 2)
        if number % stored == 0:
            atoms.set_velocities(velocities)
            yield energy


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--correction", type=Path)
    parser.add_argument("--temperature", type=float, default=300.0)
    parser.add_argument("--step", type=float, default=0.5, help="fs")
    parser.add_argument("--equilibrate", type=int, default=5, help="ps")
    parser.add_argument("--produce", type=int, default=12, help="ps")
    parser.add_argument("--every", type=float, default=2.0, help="fs between stored frames")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", required=True, help="prefix of the files")
    given = parser.parse_args()
    written, state, log = (Path(f"{given.out}{end}") for end in (".extxyz", ".state.npz", ".log"))
    atoms = read(given.start)
    atoms.calc = Sulfate(given.model, given.correction)
    random = np.random.default_rng(given.seed)
    thermalize_momenta(atoms, given.temperature, rng=random)
    Stationary(atoms)
    done, length, energies = 0, 0, np.zeros(0)
    if state.exists():
        kept = np.load(state)
        done, length, energies = int(kept["done"]), int(kept["length"]), kept["energies"]
        atoms.positions, random = kept["positions"], np.random.default_rng([given.seed, done])
        atoms.set_velocities(kept["velocities"])
    if written.exists():
        os.truncate(written, length)  # what came after the last whole picosecond is made again
    steps, stored = round(1000 / given.step), round(given.every / given.step)
    for picosecond in range(done, given.equilibrate + given.produce):
        producing = picosecond >= given.equilibrate
        friction = 0.0 if producing else 0.01 / units.fs
        with written.open("a", encoding="utf-8") as out:
            going = evolve(atoms, given.step * units.fs, stored, friction, units.kB * given.temperature, random)
            for number, energy in enumerate(islice(going, steps // stored)):
                if producing:
                    time = 1000 * (picosecond - given.equilibrate) + (number + 1) * given.every
                    out.write(text_of(atoms, time))
                elif 2 * picosecond >= given.equilibrate - 1:
                    energies = np.append(energies, energy + atoms.get_kinetic_energy())
            out.flush()
            length = out.tell()
        ions_of(atoms)  # broken ions end the run
        if picosecond == given.equilibrate - 1:
            Stationary(atoms)
            wanted = energies.mean() - atoms.get_potential_energy()
            atoms.set_velocities(atoms.get_velocities() * np.sqrt(wanted / atoms.get_kinetic_energy()))
        moving = {"positions": atoms.positions, "velocities": atoms.get_velocities()}
        write_npz(state, {"done": picosecond + 1, "length": length, "energies": energies, **moving})
        energy = atoms.get_total_energy()
        with log.open("a", encoding="utf-8") as lines:
            lines.write(f"{picosecond + 1} ps  {atoms.get_temperature():.1f} K  {energy:.5f} eV\n")


if __name__ == "__main__":
    main()
