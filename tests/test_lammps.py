"""Dumps of LAMMPS: units, boundaries, elements, and what is said of those that cannot be read."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from lammps_files import ORIGIN, UNITS, data, dump, restricted

from contracts import TIMESTEP, atoms_of, made_up_run
from dialects import water
from mimyria.elements import frame_masses
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory

CELL = np.diag([9.0, 8.0, 10.0])


@pytest.fixture
def run() -> list[Frame]:
    return made_up_run(4, CELL)


@pytest.mark.parametrize("yaml", [False, True])
@pytest.mark.parametrize("units", UNITS)
def test_every_style_of_units_gives_the_same_frames(tmp_path: Path, run: list[Frame], units: str, yaml: bool) -> None:
    columns = "id element mass x y z vx vy vz"
    path = dump(tmp_path / "run", run, columns, units=units, yaml=yaml)
    for read, written in zip_longest(read_frames(path), run):
        np.testing.assert_allclose(read.positions, written.positions + ORIGIN, atol=1e-8)
        np.testing.assert_allclose(read.velocities, written.velocities, atol=1e-10)
        np.testing.assert_allclose(read.cell, written.cell)
        np.testing.assert_allclose(frame_masses(read), frame_masses(written), rtol=1e-6)
        assert read.time == pytest.approx(written.time)
    with pytest.raises(TrajectoryError, match="the format determines the unit of its velocities"):
        list(read_frames(path, velocity_unit="au"))


def test_its_boundaries_say_what_repeats(tmp_path: Path, run: list[Frame]) -> None:
    for boundary, periodic in (("pp pp ff", [1, 1, 0]), ("pp fs mm", [1, 0, 0]), ("", [1, 1, 1])):
        for yaml in (False, True):
            (frame, *_) = read_frames(dump(tmp_path / "run", run, boundary=boundary, yaml=yaml, style="orthogonal"))
            np.testing.assert_array_equal(frame.periodic, np.array(periodic, dtype=bool))


def test_atoms_without_elements_are_told_by_masses_then_by_the_user(tmp_path: Path) -> None:
    heavy = water(2.014, 3)
    (by_mass, *_) = read_frames(dump(tmp_path / "mass", heavy, "id type mass x y z"))
    np.testing.assert_array_equal(by_mass.numbers, heavy[0].numbers)
    np.testing.assert_allclose(frame_masses(by_mass), heavy[0].masses)
    path = dump(tmp_path / "type", heavy, "id type x y z")
    with pytest.raises(TrajectoryError, match=r"atoms are named 1, 2, by type; give --species 1=ELEMENT --species 2="):
        list(read_frames(path))
    (asked, *_) = read_frames(path, species={"1": "O", "2": "D"})
    np.testing.assert_allclose(frame_masses(asked)[1], 2.014, atol=1e-3)
    # Of one group of a larger system, types do not count from one, and are no atomic numbers all the same.
    path.write_text(re.sub(r"(?m)^(\d+) ([12]) ", lambda row: f"{row[1]} {7 * int(row[2]) - 6} ", path.read_text()))
    with pytest.raises(TrajectoryError, match=r"atoms are named 1, 8, by type; give --species 1=ELEMENT --species 8="):
        list(read_frames(path))
    (label, *_) = read_frames(dump(tmp_path / "l", heavy, "id typelabel x y z"), species={"Ow": "O", "Hw": "H"})
    np.testing.assert_array_equal(label.numbers, heavy[0].numbers)
    with pytest.raises(TrajectoryError, match="names no atoms; give --topology FILE"):
        list(read_frames(dump(tmp_path / "none", heavy, "id x y z")))


def test_elements_that_lammps_was_not_told_are_no_elements(tmp_path: Path) -> None:
    """Without `dump_modify element` it writes C for all types."""
    text = dump(tmp_path / "run", water(n_frames=2), "id type element mass x y z").read_text()
    path = tmp_path / "carbon"
    path.write_text(text.replace(" O ", " C ").replace(" H ", " C "))
    (frame, *_) = read_frames(path)
    np.testing.assert_array_equal(frame.numbers, water(n_frames=1)[0].numbers)
    text = dump(path, water(n_frames=2), "id type element x y z").read_text()
    path.write_text(text.replace(" O ", " C ").replace(" H ", " C "))
    with pytest.raises(TrajectoryError, match="by type; give --species 1=ELEMENT"):
        list(read_frames(path))


ROW = "ITEM: ATOMS id type element x y z vx vy vz\n"
WRONG: list[tuple[Any, str]] = [
    (lambda text: text[:-200], r"cut in the middle of frame 3: 6 atoms announced, \d present; .*--frames 0:3"),
    (lambda text: text[:-3], r"cut in the middle of frame 3: the line of its last atom is incomplete; .*--frames 0:3"),
    (lambda text: text + "ITEM: TIME\n0.008\nITEM: TIMEST", "cut in the middle of frame 4: its header is incomplete"),
    (lambda text: text + "ITEM: TIMESTEP\n", "cut in the middle of frame 4: its header is incomplete"),
    (lambda text: text.replace("ITEM: UNITS\nmetal", "ITEM: UNITS\nlj"), "its units are lj, .*convert the file"),
    (lambda text: text.replace(ROW, ROW.replace(" x y z", " a b c")), "no positions among its columns .*dump x y z"),
    (lambda text: text.replace("ITEM: NUMBER OF ATOMS\n6", "ITEM: NUMBER OF ATOMS\n0"), "holds no atom"),
    (lambda text: text.replace("NUMBER OF ATOMS", "NUMBER OF ENTRIES", 1), "belongs to no dump of atoms"),
    (lambda text: text.replace("NUMBER OF ATOMS\n6", "NUMBER OF ATOMS\nsix", 1), "frame 0, line 8: .*'six"),
    (
        lambda text: text.replace("\n1 1 O ", "\n1 1 O ?", 1),
        r"frame 0, line \d+: b'1 1 O \?.* is not a line of",
    ),
    (lambda text: text.replace("\n1 1 O ", "\n1 1 O nan ", 1), r"position of atom 0 is \[ *nan"),
    (lambda text: text.replace("\n1 1 O ", "\n4 1 O ", 1), "two atoms have the id 4"),
    (lambda text: text.replace("\n16 2 H", "\n99 2 H").replace("\n99", "\n16", 1), "the atom of id 99 in place of 16"),
    (lambda text: text.replace("\n0.5 9.5", "\n0.5", 1), "the bounds of the cell are no numbers"),
    (lambda text: text.replace("\n0.5 9.5", "\n0.5 nan", 1), "the bounds of its cell are"),
    (lambda text: "ITEM: nothing\n", "ITEM: nothing belongs to no dump"),
    (lambda text: text.replace("ITEM: BOX", "BOX", 1), "expected an ITEM, found b'BOX"),
]


@pytest.mark.parametrize(("damage", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_wrong_dumps_are_told(tmp_path: Path, run: list[Frame], damage: Any, message: str) -> None:
    path = dump(tmp_path / "run", run, style="orthogonal")
    path.write_text(damage(path.read_text()))
    with pytest.raises(TrajectoryError, match=message) as error:
        list(Trajectory(path).frames())
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("yaml", [False, True])
def test_a_cut_dump_can_be_used_up_to_the_cut(tmp_path: Path, run: list[Frame], yaml: bool) -> None:
    whole = dump(tmp_path / "run", run, yaml=yaml).read_bytes()
    for length in range(len(whole) - 700, len(whole) - 5, 61):
        (tmp_path / "cut").write_bytes(whole[:length])
        assert len(list(Trajectory(tmp_path / "cut").frames(0, 2))) == 2
        with pytest.raises(TrajectoryError, match=r"cut in the middle of frame [23]: .*--frames 0:[23]"):
            list(Trajectory(tmp_path / "cut").frames())
    long = [replace(run[0], positions=np.random.default_rng(k).uniform(0, 8, (6, 3))) for k in range(500)]
    packed = gzip.compress(dump(tmp_path / "run", long, yaml=yaml).read_bytes())
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) * 3 // 4])
    with pytest.raises(TrajectoryError, match="cut in the middle of frame"):
        list(read_frames(tmp_path / "cut.gz"))


def test_another_order_or_number_of_atoms_in_the_topology_is_told(tmp_path: Path) -> None:
    run = water(n_frames=3)
    order = [0, 3, 1, 2, 4, 5]
    sorted_run = [replace(f, numbers=f.numbers[order], positions=f.positions[order], velocities=None) for f in run]
    ase.io.write(tmp_path / "top.pdb", atoms_of(sorted_run[0]))
    ase.io.write(tmp_path / "small.pdb", atoms_of(run[0])[:5])
    by_element = dump(tmp_path / "a", run, "id element x y z")
    by_type = dump(tmp_path / "b", run, "id type x y z", stated=False)
    for path, topology, message in (
        (by_element, "top.pdb", r"a, frame 0: atom 1 is H, but O in .*top\.pdb; give the topology of this run"),
        (
            by_type,
            "top.pdb",
            r"b, frame 0: atoms 1 and 2 are both 2, but O and H in",
        ),
        (by_element, "small.pdb", r"a, frame 0: 6 atoms, but 5 in .*small\.pdb"),
    ):
        with pytest.raises(TrajectoryError, match=message):
            list(read_frames(path, topology=tmp_path / topology))
    (frame, *_) = read_frames(by_type, topology=by_element)  # a dump is a topology too
    np.testing.assert_array_equal(frame.numbers, run[0].numbers)


def test_the_ids_must_be_those_of_the_data_file(tmp_path: Path) -> None:
    run = water(n_frames=2)
    topology = data(tmp_path / "w.data", run[0])
    text = dump(tmp_path / "a", run, "id type x y z").read_text()
    (tmp_path / "a").write_text(text.replace("\n16 ", "\n17 "))
    with pytest.raises(TrajectoryError, match=r"atom 5 has the id 17, but 16 in .*w\.data"):
        list(read_frames(tmp_path / "a", topology=topology))


def test_a_general_cell_that_is_no_restricted_one_keeps_its_directions(tmp_path: Path) -> None:
    cell = restricted(np.array([[9.0, 1, 0.5], [-1, 8, 2], [0.3, -2, 10]]))
    turned = cell @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    run = made_up_run(3, turned)
    read = list(Trajectory(dump(tmp_path / "run", run, style="general")).frames())
    for ours, theirs in zip_longest(read, run):
        np.testing.assert_allclose(ours.positions, theirs.positions + ORIGIN, atol=1e-8)
        np.testing.assert_allclose(ours.cell, turned, atol=1e-12)
    assert read[1].time == TIMESTEP


def test_plain_xyz_counts_steps_and_its_numbers_are_types(tmp_path: Path) -> None:
    path = tmp_path / "run.xyz"
    path.write_text("".join(f"2\n Atoms. Timestep: {step}\n1 0 0 0\n8 0 0 {1 + step / 1e4}\n" for step in (0, 8, 16)))
    with pytest.raises(TrajectoryError, match=r"atoms are named 1, 8, by type; give --species 1=ELEMENT --species 8="):
        list(read_frames(path))
    read = list(read_frames(path, species={"1": "O", "8": "H"}))
    assert [(frame.step, frame.numbers.tolist()) for frame in read] == [(step, [8, 1]) for step in (0, 8, 16)]
    path.write_text(path.read_text().replace("\n1 ", "\nO ").replace("\n8 ", "\nH "))
    assert next(read_frames(path)).numbers.tolist() == [8, 1]
