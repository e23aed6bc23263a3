"""Every other format that ASE reads: .traj, XDATCAR, .db and so on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mimyria.errors import TrajectoryError
from mimyria.formats.layout import stored_tensors, without_orders
from mimyria.formats.naming import identify_atoms
from mimyria.formats.source import Progress, Reader, Source, VelocityUnit
from mimyria.frame import Frame


def read_ase(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames at the given increasing indices; ASE parses those between as well."""
    from ase.io import iread

    # One pass from the start: ASE finds a frame by its number only by reading all frames before it.
    stored = enumerate(iread(source.path, index=":"))
    position = -1
    for index in indices:
        while position < index:
            try:
                position, atoms = next(stored)
            except StopIteration:
                if position < 0:
                    raise TrajectoryError(f"{source.path}: holds no frame") from None
                return
            except Exception as error:  # each of ASE's readers fails in its own way
                raise TrajectoryError(
                    f"{source.path}, frame {position + 1}: ASE cannot read it ({type(error).__name__}: {error}); "
                    "a binary trajectory of GROMACS, AMBER, NAMD or LAMMPS needs --topology"
                ) from error
        place = f"{source.path}, frame {index}"
        known = identify_atoms(atoms.numbers, source, place, masses=atoms.get_masses() if atoms.has("masses") else None)
        columns = {name: known.of(values) for name, values in atoms.arrays.items()}
        momenta = known.of(atoms.get_momenta()) if atoms.has("momenta") else None
        forces = atoms.calc.results.get("forces") if atoms.calc else None
        yield Frame(
            numbers=known.numbers,
            positions=known.of(atoms.positions),
            cell=atoms.cell.array,
            periodic=atoms.pbc,
            velocities=None if momenta is None else momenta / known.weights[:, None],
            tensors=stored_tensors(columns, atoms.info, source.layout, place),
            info=without_orders(atoms.info),
            forces=None if forces is None else known.of(forces),
            masses=known.masses,
            columns=tuple(columns),
            kept=known.kept,
        )


ASE = Reader("ase", lambda source: True, read_ase, lambda source, frame: VelocityUnit("ase", fixed=True))
