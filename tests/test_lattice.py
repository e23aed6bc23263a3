"""Cells that are computed: one lattice, however it is described, has one label, in the directions of the file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polarizable import run as made_up_run

from conftest import Run
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.labels.lattice import reduced, warn_of_narrow, width

OBLIQUE = np.diag([9.0, 10, 11]) @ np.array([[1, 0, 0], [0.45, 0.8, 0], [0.4, 0.2, 0.85]])
SHEARS = [
    np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]]),
    np.array([[1, 2, -1], [0, 1, 3], [0, 0, 1]]),
    np.array([[2, 1, 0], [1, 1, 0], [-4, 7, 1]]),
]


def box(cell: Any) -> Frame:
    return Frame(np.array([8]), np.zeros((1, 3)), np.asarray(cell, dtype=float), np.ones(3, dtype=bool))


@pytest.mark.parametrize(
    "cell",
    [10 * np.eye(3), np.diag([12.0, 9, 10]), OBLIQUE, [[0, 8, 0], [0, 0, 9], [7, 0, 0.5]], np.diag([9.0, -10, 11])],
    ids=["cube", "not by length", "oblique", "permuted", "left-handed"],
)
def test_the_shortest_vectors_stay_as_they_are(cell: Any) -> None:
    assert reduced(frame := box(cell)) is frame


@pytest.mark.parametrize("shear", SHEARS)
@pytest.mark.parametrize("cell", [10 * np.eye(3), np.diag([12.0, 9, 10]), OBLIQUE], ids=["cube", "box", "oblique"])
def test_a_sheared_cell_is_brought_back_to_its_lattice(cell: Any, shear: Any) -> None:
    frame = box(shear @ cell)
    again = reduced(frame)
    assert width(again) == pytest.approx(width(box(cell)))
    assert width(frame) < 0.9 * width(again)
    np.testing.assert_allclose(
        np.sort(np.linalg.norm(again.cell, axis=1)), np.sort(np.linalg.norm(cell, axis=1)), rtol=1e-9
    )
    coefficients = again.cell @ np.linalg.inv(cell)  # it is the same lattice, in the same directions
    np.testing.assert_allclose(coefficients, np.round(coefficients), atol=1e-9)
    assert np.linalg.det(coefficients) == pytest.approx(np.sign(np.linalg.det(shear)))
    np.testing.assert_array_equal(again.positions, frame.positions)


def test_it_is_the_reduction_of_another_program() -> None:
    from ase.geometry import minkowski_reduce

    for seed in range(40):
        random = np.random.default_rng(seed)
        cell = random.normal(size=(3, 3)) * 8
        for _ in range(4):
            one, other = random.permutation(3)[:2]
            cell[one] += random.integers(-3, 4) * cell[other]
        lengths = np.sort(np.linalg.norm(reduced(box(cell)).cell, axis=1))
        np.testing.assert_allclose(lengths, np.linalg.norm(minkowski_reduce(cell)[0], axis=1), rtol=1e-9)


def test_what_is_no_crystal_is_left_alone() -> None:
    for frame in (
        replace(box(np.zeros((3, 3))), periodic=np.zeros(3, dtype=bool)),
        replace(box([[9.0, 0, 0], [9, 9, 0], [0, 0, 30]]), periodic=np.array([True, True, False])),
    ):
        assert reduced(frame) is frame


@pytest.mark.usefixtures("made_up_engines")
def test_one_lattice_has_one_label_however_it_is_described(run: Run, tmp_path: Path) -> None:
    """By an engine that would take another cell for another crystal; the tensors are along the axes of the file."""
    frame = replace(made_up_run(2, 1, 1.0)[0], velocities=None, info={})
    frames = [frame] + [replace(frame, cell=shear @ frame.cell) for shear in SHEARS]
    write_frames(tmp_path / "md.extxyz", frames)
    out, work = tmp_path / "labels.extxyz", tmp_path / "work"
    arguments = ("label", tmp_path / "md.extxyz", "--engine", "polarizable", "--out", out, "--work", work)
    status, _, said = run(*arguments)
    assert status == 0, said
    assert said.count("lattice planes 7.2 Å apart, less than 9 Å") == 1
    first, *others = read_frames(out)
    for other, given in zip(others, frames[1:], strict=True):
        np.testing.assert_allclose(other.cell, given.cell)
        for name, tensor in first.tensors.items():
            np.testing.assert_allclose(other.tensors[name], tensor, atol=1e-9 * abs(tensor).max())
        np.testing.assert_allclose(other.info["alpha"], first.info["alpha"], rtol=1e-9)


def test_narrow_cells_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    wide = box(SHEARS[1] @ (10 * np.eye(3)))
    assert width(wide) < 9
    warn_of_narrow([wide, wide])
    assert not caplog.text
    warn_of_narrow([wide, box(8.5 * np.eye(3)), box(8 * np.eye(3))])
    assert caplog.text.count("2 of 3 cells have lattice planes 8.0 Å apart") == 1
    assert "its own images" in caplog.text
