"""Files that are odd but right, and files that are wrong: each is read, or told by name, place and remedy."""

from __future__ import annotations

import logging
import re
import warnings
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_readers as formats

from contracts import made_up_run, write_cp2k
from mimyria.errors import LabelError, TrajectoryError
from mimyria.formats import read_frames, write_frames
from mimyria.trajectory import Trajectory
from mimyria.trajectory.times import stored_interval

LATTICE = 'Lattice="9 0 0 0 9 0 0 0 9"'
ROWS = "O 1 2 3 .1 .2 .3\nH 4 5 6 .4 .5 .6\n"
PLAIN = f"2\n{LATTICE} Properties=species:S:1:pos:R:3:vel:R:3 time=0\n{ROWS}"
ODD = {
    "plain": PLAIN,
    "windows": PLAIN.replace("\n", "\r\n"),
    "blank lines": f"\n{PLAIN}\n \n",
    "no last line feed": PLAIN[:-1],
    "atomic numbers": PLAIN.replace("species:S", "Z:I").replace("O 1", "8 1").replace("H 4", "1 4"),
    "column order": f"2\ntime = 0 {LATTICE} Properties=vel:R:3:id:I:1:species:S:1:pos:R:3:f:R:1\n"
    ".1 .2 .3 1 O 1 2 3 9\n.4 .5 .6 2 H 4 5 6 9\n",
    "small letters": PLAIN.replace("Lattice", "lattice").replace("Properties", "properties"),
    "capital letters": PLAIN.replace("time=", "TIME=").replace("vel", "velocities"),
    "powers of ten": PLAIN.replace(".1 .2", "1E-1 +2e-01").replace("time=0", "time=0E+00").replace(":vel", ":velo"),
    "indented": PLAIN.replace("\nO 1", "\n  O   1").replace("\nH", "\n\tH"),
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_odd_files_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xyz").write_bytes(text.encode())
    frame: Any
    (frame,) = Trajectory(tmp_path / "a.xyz", timestep=1.0).frames()
    np.testing.assert_array_equal(frame.numbers, [8, 1])
    np.testing.assert_array_equal(frame.positions, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_allclose(frame.velocities, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    np.testing.assert_array_equal(frame.cell, 9 * np.eye(3))
    assert frame.time == 0.0


def test_units_of_velocity_columns(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(ODD["plain"])
    frame: Any
    (frame,) = Trajectory(tmp_path / "a.xyz", timestep=1.0, velocity_unit="A/ps").frames()
    np.testing.assert_allclose(frame.velocities[0], [1e-4, 2e-4, 3e-4])


def test_configurations_need_no_cell_and_may_differ(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("1\nfree text\nO 0 0 0\n2\n\nO 0 0 0\nCl 1 0 0\n")
    frames = list(read_frames(tmp_path / "a.xyz"))
    assert [frame.numbers.tolist() for frame in frames] == [[8], [8, 17]]
    assert all(frame.velocities is None and frame.time is None and not frame.cell.any() for frame in frames)


def text_of(*times: Any, cell: str = LATTICE, rows: str = ROWS) -> str:
    said = ["" if time is None else f"time={time}" for time in times]
    return "".join(f"2\n{cell} Properties=species:S:1:pos:R:3:vel:R:3 {time}\n{rows}" for time in said)


WHOLE = text_of(0, 2, 4, 6)
WRONG = [
    ("", {}, "holds no frame"),
    ("two\n", {}, "line 1: expected a number of atoms, found 'two'"),
    (WHOLE[:-30], {}, r"cut in the middle of frame 3: 2 atoms announced, \d present; .*--frames 0:3"),
    (WHOLE[:-10], {}, "cut in the middle of frame 3: the line of its last atom is incomplete"),
    (WHOLE + "2\n", {}, "cut in the middle of frame 4: 2 atoms announced, 0 present"),
    (WHOLE.replace("H 4 5 6", "H 4 5 ***", 1), {}, r"frame 0: line 4: '\*\*\*' is not a number"),
    (WHOLE.replace(".4 .5 .6\n", ".4 .5\n", 1), {}, "frame 0: line 4 has 6 columns, not 7"),
    (WHOLE + text_of(8).replace("H 4", "N 4"), {}, "frame 4: atom 1 is N, but H in frame 0"),
    (WHOLE + "1\n" + text_of(8).split("H")[0][2:], {}, "frame 4: 1 atoms, but frame 0 has 2"),
    (WHOLE + text_of(8, rows=ROWS.replace("5 6", "nan 6")), {}, "frame 4: the position of atom 1 is"),
    (WHOLE + text_of(8, rows=ROWS.replace(".2", "inf")), {}, "frame 4: the velocity of atom 0 is"),
    (WHOLE + text_of(6), {}, "frame 4: its time 6 repeats 6, .*segments"),
    (WHOLE + text_of(10), {}, "frame 4: its time 10 does not follow 6"),
    (WHOLE + text_of(0), {}, "frame 4: its time 0 goes back from 6"),
    (WHOLE + text_of(8, cell=LATTICE.replace("9", "10")), {}, "frame 4: the volume jumps from 729 to 1000 .*--frames"),
    (text_of(*range(0, 80, 2)) + text_of(None), {}, "frame 40: has no time"),
    (text_of(4, 2, 0), {"timestep": 2.0}, "the times of its frames run backwards"),
    (text_of("x"), {}, "frame 0: the time 'x' is not a number"),
    (text_of(None, None), {}, "does not state the time between its frames; give --timestep FS"),
    (WHOLE, {"timestep": 0.0}, "time between frames is 0 fs, but must be positive; give --timestep FS"),
    (WHOLE, {"timestep": float("nan")}, "time between frames is nan fs, but must be positive"),
    (text_of(0, 2, cell=""), {}, "frame 0: no cell, or one without volume; give --cell"),
    (text_of(0, 2, cell='Lattice="9 0 0"'), {}, "frame 0: Lattice is not nine numbers"),
    (WHOLE, {"cell": [1.0, 2.0]}, "--cell takes three lengths, with or without angles, or nine numbers, not 2"),
    (WHOLE, {"velocity_unit": "nm/fs"}, "--velocity-unit takes A/fs, A/ps, nm/ps, au, ase, bohr/fs, not 'nm/fs'"),
    (WHOLE, {"topology": __file__}, "no atoms can be read from it; give a --topology as PDB"),
    (
        WHOLE,
        {"layout": "dipole,displacement"},
        "not 'dipole,displacement'",
    ),
    (WHOLE.replace("O 1", "OW 1"), {}, "frame 0: the element of atom 0, named 'OW', is not known; give --species OW=O"),
    (WHOLE.replace("species", "name"), {}, "frame 0: no column species among name, pos, vel"),
    (WHOLE.replace("R:3:vel:R:3", "R"), {}, "frame 0: Properties=species:S:1:pos:R is not a sequence"),
    (text_of(0, 2) + text_of(4).replace(":vel:R:3", ""), {}, "frame 2: no velocities, unlike frame 0"),
    (text_of(0, 2).replace(":vel:R:3", ""), {}, "no velocities, and differences need three frames; it has 2"),
]


@pytest.mark.parametrize(("text", "arguments", "message"), WRONG, ids=[str(row[2])[:40] for row in WRONG])
def test_wrong_files_are_told(tmp_path: Path, text: str, arguments: dict[str, Any], message: str) -> None:
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises((TrajectoryError, LabelError), match=message) as error:
        list(Trajectory(tmp_path / "a.xyz", **arguments).frames())
    assert "a.xyz" in str(error.value) or "--" in str(error.value)


@pytest.mark.parametrize("suffix", ["", ".zst", ".xz", ".gz"])
def test_a_cut_file_can_be_used_up_to_the_cut(tmp_path: Path, suffix: str) -> None:
    random = np.random.default_rng(0)  # incompressible, so that the cut falls into the last frames
    run = [replace(frame, positions=random.uniform(0, 9, (6, 3))) for frame in made_up_run(3000)]
    path = tmp_path / f"a.xyz{suffix}"
    write_frames(path, run)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 30])
    trajectory = Trajectory(path)
    with pytest.raises(
        TrajectoryError, match=rf"a\.xyz{suffix}: cut in the middle of frame \d+.*--frames 0:\d+`"
    ) as error:
        list(trajectory.frames())
    with pytest.raises(TrajectoryError, match=re.escape(str(error.value))):
        trajectory.segments()  # which reads the times only
    n_whole = int(re.findall(r"--frames 0:(\d+)", str(error.value))[0])
    assert 100 < n_whole < 3000
    assert len(list(trajectory.frames(0, n_whole))) == n_whole
    assert [segment.n_frames for segment in trajectory.segments(0, n_whole)] == [n_whole]


def test_a_cut_file_without_velocities_can_be_used_up_to_the_cut(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(WHOLE.replace("vel:R:3", "f:R:3")[:-30])
    trajectory = Trajectory(tmp_path / "a.xyz")
    (segment,) = trajectory.segments(0, 3)
    assert [frame.time for frame in trajectory.frames(0, 3)] == [frame.time for frame in segment.frames()] == [2.0]
    with pytest.raises(TrajectoryError, match="--frames 0:3"):
        list(Trajectory(tmp_path / "a.xyz").frames())


def test_files_that_do_not_serve(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(WHOLE)
    (tmp_path / "a.what").write_text("apt: water\nkinds: ir\n")
    (tmp_path / "a.yaml").write_text("apt: water\nkinds: ir\n")
    (tmp_path / "a.bin").write_bytes(b"\1\0\0\0")
    (tmp_path / "traj").write_bytes(b"\0\0\x07\xcb\0\0\0\3")
    (tmp_path / "a.json").write_text("{")
    files: list[tuple[str, dict[str, Any], str]] = [
        ("b.xyz", {}, "b.xyz: no such file"),
        (".", {}, "is a folder, not a file"),
        ("a.what", {}, "a.what: is not a trajectory; it begins with 'apt: water'$"),
        ("a.yaml", {}, "a.yaml: is not a trajectory; it begins with 'apt: water'; settings are given with --config"),
        ("a.bin", {}, "a.bin: is not a trajectory of any format that is known here"),
        ("traj", {}, "traj: names no atoms; give --topology FILE"),
        ("a.json", {}, r"a.json, frame 0: cannot be read: it is damaged, .* \(JSONDecodeError\)"),
        ("a.what", {"velocities": tmp_path / "a.xyz"}, "--velocities belongs to a file of positions"),
        ("a.xyz", {"velocities": tmp_path / "a.xyz"}, r"give --velocity-unit, one of A/fs, A/ps, .* \(CP2K: au\)"),
    ]
    for name, arguments, message in files:
        with pytest.raises(TrajectoryError, match=message):
            Trajectory(tmp_path / name, **arguments)
    (tmp_path / "a.exyz").write_text(WHOLE)
    assert len(list(Trajectory(tmp_path / "a.exyz").frames())) == 4  # told by its content
    with pytest.raises(TrajectoryError, match="no such file"):
        read_frames(tmp_path / "b.xyz")
    with pytest.raises(TrajectoryError, match="must not count from the end"):
        Trajectory(tmp_path / "a.xyz").frames(-3)


def made_up_run_of(run: list[Any], atoms: list[int]) -> list[Any]:
    return [
        replace(f, numbers=f.numbers[atoms], positions=f.positions[atoms], velocities=f.velocities[atoms]) for f in run
    ]


def read_pair(folder: Path) -> list[Any]:
    return list(Trajectory(folder / "p.xyz", velocities=folder / "v.xyz", velocity_unit="au", cell=[9.0] * 3).frames())


def test_pairs_that_do_not_belong_together(tmp_path: Path) -> None:
    run = made_up_run(5)
    write_cp2k(tmp_path / "p.xyz", run, "positions")
    others = {
        r"frame 3: .*v\.xyz has ended; .*--frames 0:N`, N at most 3": run[:3],
        r"frame 0: not the same atoms \(6 and 5\)": made_up_run_of(run, [0, 1, 2, 3, 4]),
        r"frame 0: not the same atoms \(6 and 6\), atom 0 is O and H;": made_up_run_of(run, [1, 0, 2, 3, 4, 5]),
        "frame 1: times 2 and 4 fs": run[::2],
    }
    for message, other in others.items():
        write_cp2k(tmp_path / "v.xyz", other, "velocities")
        with pytest.raises(TrajectoryError, match=r"p\.xyz and .*v\.xyz, " + message):
            read_pair(tmp_path)


def test_times(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    exact = 0.483779
    assert stored_interval([round(exact * index, 3) for index in range(32)]) == pytest.approx(exact, rel=1e-4)
    assert stored_interval([5.0, 5.0, 5.0]) is stored_interval([None, None]) is stored_interval([0.0]) is None
    (tmp_path / "a.xyz").write_text(text_of(*(f"{exact * index:.3f}" for index in range(500))))
    assert len(list(Trajectory(tmp_path / "a.xyz").frames(step=7))) == 72
    assert not caplog.records
    trajectory = Trajectory(tmp_path / "a.xyz", timestep=0.5)
    assert "0.483774 fs apart; --timestep overrides this with 0.5 fs" in caplog.text
    assert [frame.time for frame in islice(trajectory.frames(), 3)] == [0.0, 0.5, 1.0]


def test_what_mdanalysis_needs_is_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lammps = formats.TestLAMMPSWithoutUnits().write(tmp_path, made_up_run())
    trr = formats.TestTRR().write(tmp_path, made_up_run())
    missing = {
        "velocity_unit": (lammps, r"--velocity-unit, one of .*LAMMPS units metal: A/ps, real: A/fs"),
        "timestep": (lammps, "give --timestep FS"),
        "topology": (trr, r"run\.trr: names no atoms; give --topology"),
    }
    for name, (arguments, message) in missing.items():
        with pytest.raises(TrajectoryError, match=message):
            Trajectory(**{key: value for key, value in arguments.items() if key != name})
    with pytest.raises(TrajectoryError, match="leave --velocity-unit nm/ps out"):
        Trajectory(**trr, velocity_unit="nm/ps")
    topology = tmp_path / "top.pdb"
    atoms = [line[:76] + "\n" for line in topology.read_text().splitlines() if line.startswith("ATOM")]
    topology.write_text("".join(atoms) + "END\n")
    caplog.set_level("INFO", "mimyria")
    np.testing.assert_array_equal(Trajectory(**trr).numbers, [8, 1, 1, 17, 1, 1])
    assert "names no elements; guessed from the names of its atoms: Cl, H, O" in caplog.text
    topology.write_text("".join(atoms).replace(" O ", " Q ") + "END\n")
    with pytest.raises(
        TrajectoryError, match=r"top\.pdb: the element of atom 0, named 'Q', is not known; give --species Q=ELEMENT"
    ):
        Trajectory(**trr)


def test_a_restart_that_doubles_a_lammps_frame_is_told(tmp_path: Path) -> None:
    arguments = formats.TestLAMMPSWithoutUnits().write(tmp_path, made_up_run())
    text = arguments["path"].read_text()
    arguments["path"].write_text(text.replace("TIMESTEP\n20\n", "TIMESTEP\n16\n"))
    with pytest.raises(TrajectoryError, match=r"dump\.water, frame 5: its time 16 repeats 16"):
        list(Trajectory(**arguments).frames())


def test_a_cut_trr_is_told(tmp_path: Path) -> None:
    arguments = formats.TestTRR().write(tmp_path, made_up_run())
    path = arguments["path"]
    path.write_bytes(path.read_bytes()[:-40])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TrajectoryError, match=r"cut in the middle of frame 6: .*--frames 0:6"):
            list(Trajectory(**arguments).frames())


def sometimes_moving(folder: Path, moving: str) -> Path:
    """Write a file whose frames have velocities where ``moving`` has a v."""
    with_velocities = "Properties=species:S:1:pos:R:3:vel:R:3", "O 1 1 1 0 0 0\nH 2 1 1 0 0 0\n"
    without = "Properties=species:S:1:pos:R:3", "O 1 1 1\nH 2 1 1\n"
    parts = [with_velocities if letter == "v" else without for letter in moving]
    text = "".join(f"2\n{LATTICE} {columns} time={k}\n{rows}" for k, (columns, rows) in enumerate(parts))
    (folder / "a.xyz").write_text(text)
    return folder / "a.xyz"


@pytest.mark.parametrize(
    ("moving", "shown"), [("v-v-v-", "0, 2, 4"), ("-vvvvv", "1, 2, 3, 4, ..."), ("vv-vvv", "0, 1, 3")]
)
def test_velocities_in_some_frames_are_named(tmp_path: Path, moving: str, shown: str) -> None:
    with pytest.raises(
        TrajectoryError, match=rf"of its first 6 frames only {re.escape(shown)}.* have velocities, not \d;"
    ):
        Trajectory(sometimes_moving(tmp_path, moving))


def test_the_frames_before_velocities_end_are_used(tmp_path: Path) -> None:
    assert len(list(Trajectory(sometimes_moving(tmp_path, "vvv---")).frames(0, 3))) == 3


def test_columns_without_a_name_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mimyria")
    rows = ["O 1 1 1 0.1 7 8 9", "H 2 1 1 0.1 7 8 9"]
    (tmp_path / "a.xyz").write_text("".join(f"2\n{LATTICE} time={k}\n" + "\n".join(rows) + "\n" for k in range(4)))
    frames = list(Trajectory(tmp_path / "a.xyz").frames())
    assert len(frames) == 2
    said = [record.message for record in caplog.records if "no name" in record.message]
    assert len(said) == 1
    assert said[0].endswith(
        "a.xyz: columns 5 to 8 have no name and are not read; for velocities, put "
        "Properties=species:S:1:pos:R:3:vel:R:3 (or the order they have) into the comment of every frame"
    )
    with pytest.raises(TrajectoryError, match=r"a\.xyz: holds no velocities; leave --velocity-unit au out"):
        Trajectory(tmp_path / "a.xyz", velocity_unit="au")


@pytest.mark.parametrize("name", ["velocity", "Velocities", "v", "MOMENTA"])
def test_a_column_that_may_be_velocities_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    caplog.set_level(logging.INFO, "mimyria")
    (tmp_path / "a.xyz").write_text("".join(text_of(time).replace(":vel:", f":{name}:") for time in range(3)))
    assert len(list(Trajectory(tmp_path / "a.xyz").frames())) == 1
    said = [record.message for record in caplog.records if "not read" in record.message]
    assert len(said) == 1
    assert said[0].endswith(f"a.xyz: column {name} is not read; if it holds velocities, call it vel in Properties")
