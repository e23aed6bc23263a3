"""Wave functions that are extrapolated in the field."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from mimyria.engines.cp2k import CP2K
from mimyria.engines.engine import Task
from mimyria.engines.wave_functions import HIGHEST, extrapolate, orbitals_in, read_records, weights_for
from mimyria.errors import LabelError
from mimyria.frame import Array, Frame
from mimyria.labels.fields import stencil

FUNCTIONS, ORBITALS = 30, 6
GENERATOR = np.random.default_rng(7)
HAMILTONIAN = (
    np.diag(np.arange(FUNCTIONS, dtype=float)) + 0.3 * (noise := GENERATOR.normal(size=(FUNCTIONS,) * 2)) @ noise.T
)
DIPOLES = [matrix + matrix.T for matrix in GENERATOR.normal(size=(3, FUNCTIONS, FUNCTIONS))]
HEADER = (b"atoms with functions", b"more of them", b"and more")


def ground_state(field: Array) -> Array:
    """Return the lowest orbitals in a field, in an orthonormal basis, turned among each other by chance."""
    _, vectors = np.linalg.eigh(HAMILTONIAN + sum(e * matrix for e, matrix in zip(field, DIPOLES, strict=True)))
    turn, _ = np.linalg.qr(GENERATOR.normal(size=(ORBITALS, ORBITALS)))
    return np.asarray(turn @ vectors[:, :ORBITALS].T)


def write(path: Path, *spins: Array) -> Path:
    """Write a file of orbitals as CP2K does."""
    records = [np.array([10, len(spins), FUNCTIONS, 2, 3], dtype="<i4").tobytes(), *HEADER]
    for orbitals in spins:
        counts = np.array([len(orbitals)] * 4, dtype="<i4").tobytes()
        records += [counts, np.zeros(2 * len(orbitals)).tobytes(), *(row.tobytes() for row in orbitals)]
    markers = [struct.pack("<i", len(record)) for record in records]
    path.write_bytes(b"".join(m + record + m for m, record in zip(markers, records, strict=True)))
    return path


def read(path: Path) -> list[Array]:
    """Return the orbitals of each spin of a file."""
    records = read_records(path)
    return [np.array([np.frombuffer(records[k]) for k in spin]) for spin in orbitals_in(records)]


def distance(orbitals: Array, right: Array) -> float:
    """Return how far two subspaces are from each other."""
    basis, _ = np.linalg.qr(orbitals.T)
    return float(np.linalg.norm(basis @ basis.T - right.T @ right))


def start_error(folder: Path, fields: Array, run: int, order: int) -> float:
    """Return how far the extrapolated start of a run is from where it ends."""
    states = [ground_state(field) for field in fields[: run + 1]]
    paths = [write(folder / f"{k}.wfn", state) for k, state in enumerate(states[:-1])]
    extrapolate(paths, weights_for(fields[run], fields[:run], order), folder / "out.wfn")
    (found,) = read(folder / "out.wfn")
    return distance(found, states[-1])


@pytest.mark.parametrize(("order", "run", "power"), [(0, 2, 1), (1, 2, 2), (1, 7, 2), (2, 2, 2), (2, 8, 3), (2, 12, 3)])
def test_what_is_left_falls_with_the_next_power_of_the_field(tmp_path: Path, order: int, run: int, power: int) -> None:
    """Run 2 is of -x, 7 of the first diagonal, whose second order is not known, 8 and 12 of the other side of one."""
    weak, strong = (start_error(tmp_path, stencil(2, field), run, order) for field in (0.0025, 0.005))
    assert weak > 1e-8
    assert np.log2(strong / weak) == pytest.approx(power, abs=0.25)


def test_every_run_starts_nearer_than_the_wave_function_without_a_field(tmp_path: Path) -> None:
    fields = stencil(2, 0.005)
    for run in range(2, 13):
        plain, best = (start_error(tmp_path, fields, run, order) for order in (0, HIGHEST))
        along_a_new_axis = run in (3, 5)
        assert best < (1.001 if along_a_new_axis else 0.1) * plain


def test_both_spins_are_extrapolated_and_the_rest_is_kept(tmp_path: Path) -> None:
    fields = 0.002 * np.array([[0.0, 0, 0], [1, 0, 0], [-1, 0, 0]])
    of_spins = [[ground_state(field), ground_state(2 * field)] for field in fields]
    paths = [write(tmp_path / f"{k}.wfn", *spins) for k, spins in enumerate(of_spins[:2])]
    extrapolate(paths, weights_for(fields[2], fields[:2], 1), tmp_path / "out.wfn")
    for found, before, right in zip(read(tmp_path / "out.wfn"), of_spins[0], of_spins[2], strict=True):
        assert distance(found, right) < 0.1 * distance(before, right)
    assert read_records(tmp_path / "out.wfn")[:5] == read_records(paths[0])[:5]


def test_one_wave_function_is_copied(tmp_path: Path) -> None:
    path = write(tmp_path / "0.wfn", ground_state(np.zeros(3)))
    extrapolate([path], np.ones(1), tmp_path / "out.wfn")
    assert (tmp_path / "out.wfn").read_bytes() == path.read_bytes()


def test_runs_whose_wave_functions_are_gone_are_told_so(tmp_path: Path) -> None:
    frame = Frame(np.array([8]), np.zeros((1, 3)), 9.0 * np.eye(3), np.ones(3, dtype=bool))
    task = Task(frame=frame, folder=tmp_path, fields=stencil(2, 1e-3))
    with pytest.raises(LabelError, match=f"{tmp_path} has no wave function of the runs before"):
        CP2K(extrapolation=2).calculation(task)(1, task.fields[1])


def test_a_cut_file_and_one_of_another_molecule_are_named(tmp_path: Path) -> None:
    whole = write(tmp_path / "0.wfn", ground_state(np.zeros(3)))
    cut, other = tmp_path / "1.wfn", write(tmp_path / "2.wfn", ground_state(np.zeros(3))[1:])
    cut.write_bytes(whole.read_bytes()[:-9])
    for path in (cut, other):
        with pytest.raises(LabelError, match=path.name):
            extrapolate([whole, path], np.array([2.0, -1.0]), tmp_path / "out.wfn")
    assert not (tmp_path / "out.wfn").exists()
