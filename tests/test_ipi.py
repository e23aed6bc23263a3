"""Files of i-PI: units and cells of the comments, beads in one file, and files that hold something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.geometry.cell import cell_to_cellpar as cell_lengths

from contracts import TIMESTEP, TRICLINIC, made_up_run, write_ipi
from dialects import momenta, positions, water, xyz
from mimyria.elements import masses_of, symbols_of
from mimyria.errors import TrajectoryError
from mimyria.files.source import Progress, Source
from mimyria.formats import read_frames
from mimyria.formats.ipi import IPI, count_beads
from mimyria.trajectory import Trajectory
from mimyria.units import BOHR, ELECTRON_MASS, VELOCITY


def written(folder: Path, quantity: str, run: list[Any] | None = None, **options: Any) -> Path:
    path = folder / f"sim.{quantity}.xyz"
    write_ipi(path, made_up_run() if run is None else run, quantity, **options)
    return path


def one_atom(path: Path, comment: str, values: str = "1 2 3") -> Path:
    path.write_text(f"1\n{comment}\n H {values}\n")
    return path


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("atomic_unit", BOHR), ("", BOHR), ("angstrom", 1.0), ("Angstrom", 1.0), ("nanometer", 10.0), ("ase", 1.0)],
)
@pytest.mark.parametrize("quantity", ["positions", "x_centroid"])
def test_positions_have_the_unit_in_braces(tmp_path: Path, unit: str, factor: float, quantity: str) -> None:
    title = f"Step: 8 Bead: 0 {quantity}{{{unit}}} cell{{angstrom}}"
    (frame,) = read_frames(one_atom(tmp_path / "a.xyz", f"# CELL(abcABC): 9 9 9 90 90 90 {title}"))
    np.testing.assert_allclose(frame.positions, [[factor, 2 * factor, 3 * factor]])
    np.testing.assert_allclose(frame.cell, 9 * np.eye(3))
    assert (frame.step, frame.time, frame.velocities, frame.info["bead"]) == (8, None, None, 0)


@pytest.mark.parametrize(
    ("written", "cell"),
    [
        ("CELL(abcABC): 10 11 12 90 90 90", np.diag([10, 11, 12])),
        ("CELL{abcABC}: 10 11 12 90 90 60", [[10, 0, 0], [5.5, 11 * 0.75**0.5, 0], [0, 0, 12]]),
        ("CELL[H]: 10 5.5 0 0 9 0 0 0 12", [[10, 0, 0], [5.5, 9, 0], [0, 0, 12]]),
        ("CELL(GENH): 10 0 0 5.5 9 0 0 1 12", [[10, 0, 0], [5.5, 9, 0], [0, 1, 12]]),
    ],
)
@pytest.mark.parametrize(("unit", "factor"), [("cell{atomic_unit}", BOHR), ("cell{angstrom}", 1.0), ("", BOHR)])
def test_cells(tmp_path: Path, written: str, cell: Any, unit: str, factor: float) -> None:
    (frame,) = read_frames(one_atom(tmp_path / "a.xyz", f"# {written} Step: 0 Bead: 0 positions{{angstrom}} {unit}"))
    np.testing.assert_allclose(frame.cell, np.array(cell) * factor, atol=1e-12)
    assert frame.periodic.all()


def test_the_cell_may_breathe(tmp_path: Path) -> None:
    run = [replace(frame, cell=TRICLINIC * (1 + 0.01 * k)) for k, frame in enumerate(made_up_run())]
    files = {"path": written(tmp_path, "positions", run), "velocities": written(tmp_path, "velocities", run)}
    trajectory = Trajectory(**files, timestep=TIMESTEP)
    for ours, theirs in zip(trajectory.frames(), run, strict=True):
        np.testing.assert_allclose(ours.cell, theirs.cell, atol=2e-5)


@pytest.mark.parametrize(
    ("quantity", "unit", "factor"),
    [
        ("velocities", "atomic_unit", VELOCITY["au"]),
        ("v_centroid", "m/s", 1e-5),
        ("velocities", "kilom/s", 1e-2),
        ("v_centroid", "ase", VELOCITY["ase"]),
        ("velocities", "angstrom/ps", 1e-3),
        ("momenta", "atomic_unit", VELOCITY["au"] * ELECTRON_MASS / masses_of([1])[0]),
        ("p_centroid", "ase", VELOCITY["ase"] / masses_of([1])[0]),
    ],
)
def test_velocities_have_the_unit_in_braces(tmp_path: Path, quantity: str, unit: str, factor: float) -> None:
    cell = "# CELL(abcABC): 9 9 9 90 90 90 Step: 0 Bead: 0"
    files: dict[str, Any] = {
        "path": one_atom(tmp_path / "x.xyz", f"{cell} x_centroid{{angstrom}} cell{{angstrom}}", "4 5 6"),
        "velocities": one_atom(tmp_path / "v.xyz", f"{cell} {quantity}{{{unit}}} cell{{angstrom}}"),
    }
    trajectory = Trajectory(**files, timestep=1.0)
    (frame,) = trajectory.frames()
    np.testing.assert_allclose(frame.velocities, [[factor, 2 * factor, 3 * factor]], rtol=1e-12)
    assert trajectory.unit_is_fixed
    (same,) = Trajectory(**files, timestep=1.0, velocity_unit=trajectory.velocity_unit).frames()
    np.testing.assert_array_equal(same.velocities, frame.velocities)
    with pytest.raises(
        TrajectoryError, match=rf"v\.xyz: .*leave --velocity-unit bohr/fs out, it is {trajectory.velocity_unit}"
    ):
        Trajectory(**files, timestep=1.0, velocity_unit="bohr/fs")


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("velocities", "velocities", "holds velocities, not positions; .*, and this one with --velocities"),
        ("forces", "velocities", "holds forces, not positions; give the file of positions or x_centroid$"),
        ("positions", "x_centroid", "holds x_centroid, not velocities; --velocities takes a file of velocities or"),
        ("positions", "forces", "sim.forces.xyz: holds forces, not velocities"),
        ("v_centroid", None, "holds v_centroid, not positions"),
    ],
)
@pytest.mark.parametrize("unit", ["atomic_unit", "ase"])
def test_another_quantity_is_refused_by_its_name(
    tmp_path: Path, first: str, second: str | None, message: str, unit: str
) -> None:
    files = {"path": written(tmp_path, first, unit=unit)}
    if second:
        files["velocities"] = written(tmp_path, second, unit=unit)
    with pytest.raises(TrajectoryError, match=message):
        Trajectory(**files, timestep=TIMESTEP)


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("# CELL(abcABC): 9 9 9 90 90 Step: 0 Bead: 0 positions{angstrom}", "is not 6 numbers: '9 9 9 90 90 '"),
        ("# CELL(H): 9 9 9 90 90 90 Step: 0 Bead: 0 positions{angstrom}", "is not 9 numbers"),
        ("# CELL(abcABC): 9 9 9 90 90 200 Step: 0 Bead: 0", "not the lengths and angles"),
        ("# CELL(abcABC): 9 9 9 20 90 150 Step: 0 Bead: 0", "not the lengths and angles"),
        ("# CELL(abcABC): 9 9 9 90 90 90 Step: 0 Bead: 0 positions{inch}", "unit 'inch' of positions is not one of"),
        ("# CELL(abcABC): 9 9 9 90 90 90 Step: 0 Bead: 0 cell{inch}", "unit 'inch' of the cell is not one of"),
        (
            'Properties=species:S:1:pos:R:3 ipi_comment="Step: 0 Bead: 0 x_centroid{ase}"',
            "no columns of species and of x",
        ),
    ],
)
def test_what_a_comment_cannot_mean(tmp_path: Path, comment: str, message: str) -> None:
    with pytest.raises(TrajectoryError, match=rf"a\.xyz, frame 0: .*{message}"):
        list(read_frames(one_atom(tmp_path / "a.xyz", comment)))


@pytest.mark.parametrize("unit", ["atomic_unit", "ase"])
def test_beads_one_after_the_other_are_no_successive_frames(tmp_path: Path, unit: str) -> None:
    path = written(tmp_path, "positions", unit=unit, bead=[0, 1, 2])
    assert count_beads(path) == 3
    with pytest.raises(TrajectoryError, match=r"its frames are the beads 0 to 2 of a ring polymer .*--beads"):
        Trajectory(path, timestep=TIMESTEP)
    with pytest.raises(TrajectoryError, match="holds bead 0, 1, 2, not bead 3"):
        list(IPI.frames(Source(path, bead=3), range(9), Progress()))


@pytest.mark.parametrize("unit", ["angstrom", "atomic_unit", "ase"])
def test_positions_alone_give_velocities_by_differences(tmp_path: Path, unit: str) -> None:
    run = made_up_run()
    path = written(tmp_path, "positions", run, unit=unit)
    found = [*Trajectory(path, timestep=TIMESTEP).frames()]
    wanted = (run[2].positions - run[0].positions) / (2 * TIMESTEP)
    assert len(found) == len(run) - 2
    np.testing.assert_allclose(found[0].velocities, wanted, atol=1e-5)
    for bead in range(2):
        path.with_name(f"beads.{bead}.xyz").write_text(path.read_text().replace("Bead: 0", f"Bead: {bead}"))
    rings = [*Trajectory("", beads=tmp_path / "beads.*.xyz", timestep=TIMESTEP).frames()]
    np.testing.assert_allclose(rings[0].velocities, wanted, atol=1e-5)


def test_beads_without_steps_are_told_as_well(tmp_path: Path) -> None:
    """The form that i-PI's older tools write names the bead and nothing else."""
    one = "1\n# bead: {} CELL(abcABC): 9 9 9 90 90 90\n H 1 2 3\n"
    (tmp_path / "a.xyz").write_text("".join(one.format(bead) for bead in (0, 1, 0, 1)))
    assert count_beads(tmp_path / "a.xyz") == 2
    with pytest.raises(TrajectoryError, match="its frames are the beads 0 to 1"):
        list(read_frames(tmp_path / "a.xyz"))


@pytest.mark.parametrize("bead", [0, 2])
def test_one_bead_of_a_file_is_read_as_if_alone(tmp_path: Path, bead: int) -> None:
    run = made_up_run()
    texts = []
    for each in range(3):
        moved = [replace(frame, positions=frame.positions + each) for frame in run]
        texts.append(written(tmp_path, "positions", moved, bead=each).read_text().splitlines(keepends=True))
    size, path = len(run[0]) + 2, tmp_path / "all.xyz"
    pieces = [text[k * size : (k + 1) * size] for k in range(len(run)) for text in texts]
    path.write_text("".join(line for piece in pieces for line in piece))
    frames = list(IPI.frames(Source(path, bead=bead), range(0, 99, 2), Progress()))
    assert [frame.step for frame in frames] == [round(8 * frame.time) for frame in run[::2]]
    for ours, theirs in zip(frames, run[::2], strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions + bead, atol=1e-8)
        assert ours.info["bead"] == bead
    path.write_text("".join(line for piece in [*pieces[:4], *pieces[5:]] for line in piece))
    with pytest.raises(TrajectoryError, match=rf"frame {2 - (bead == 2)}: is bead .*a bead is missing, or two files"):
        list(IPI.frames(Source(path, bead=bead), range(99), Progress()))
    path.write_text("".join(line for piece in pieces[:11] for line in piece) + "".join(pieces[11][:-2]))
    with pytest.raises(TrajectoryError, match=r"cut in the middle of frame 3: .*`--frames 0:3`"):
        list(IPI.frames(Source(path, bead=bead), range(99), Progress()))


def test_one_bead_a_file_needs_no_choice(tmp_path: Path) -> None:
    path = written(tmp_path, "positions", bead=3)
    assert count_beads(path) == 1
    assert {frame.info["bead"] for frame in read_frames(path)} == {3}
    with pytest.raises(TrajectoryError, match="beads 3 and 2; give two files of one bead"):
        Trajectory(path, velocities=written(tmp_path, "velocities", bead=2), timestep=TIMESTEP)


def test_other_files_have_one_bead(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("1\n\nH 0 0 0\n" * 3)
    (tmp_path / "a.trr").write_bytes(b"\x00\x01")
    assert count_beads(tmp_path / "a.xyz") == count_beads(tmp_path / "a.trr") == 1


def test_files_of_different_steps_do_not_belong_together(tmp_path: Path) -> None:
    run = made_up_run()
    files = {"path": written(tmp_path, "positions", run[:-1]), "velocities": written(tmp_path, "velocities", run[1:])}
    with pytest.raises(TrajectoryError, match=r"frame 0: steps 0 and 16; both files must hold the same frames"):
        Trajectory(**files, timestep=TIMESTEP)


def test_joined_files_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "positions")
    path.write_text(path.read_text() + written(tmp_path, "x_centroid").read_text())
    with pytest.raises(TrajectoryError, match=r"frame 7: holds x_centroid\{atomic_unit\}, but frame 0 positions"):
        list(read_frames(path))


def test_the_interval_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(TrajectoryError, match="does not state the time between its frames; give --timestep FS"):
        Trajectory(written(tmp_path, "positions"))


@pytest.mark.parametrize(("unit", "factor"), [("angstrom", 1.0), ("atomic_unit", BOHR)])
@pytest.mark.parametrize("comment", ["# bead: {} CELL(abcABC): ", "# Traj: positions Step: 0 Bead: {} CELL(abcABC): "])
def test_an_unstated_unit_is_told_by_the_distances(tmp_path: Path, unit: str, factor: float, comment: str) -> None:
    """The form without units is written in i-PI's own, or in those of the positions that were read."""
    frame = water(n_frames=1)[0]
    numbers = " ".join(f"{x:.5f}" for x in cell_lengths(frame.cell) / ([factor] * 3 + [1] * 3))
    rows = "".join(
        f" {symbol} {x / factor:.8f} {y / factor:.8f} {z / factor:.8f}\n"
        for symbol, (x, y, z) in zip(symbols_of(frame.numbers), frame.positions, strict=True)
    )
    (tmp_path / "a.xyz").write_text("".join(f"6\n{comment.format(bead)}{numbers}\n{rows}" for bead in range(3)))
    (read,) = IPI.frames(Source(tmp_path / "a.xyz", bead=1), range(3), Progress())
    np.testing.assert_allclose(read.positions, frame.positions, atol=1e-7)
    np.testing.assert_allclose(read.cell, frame.cell, atol=1e-4)


def test_velocities_of_no_unit_have_i_pis_own_unless_the_user_says_another(tmp_path: Path) -> None:
    cell = "# CELL(abcABC): 9 9 9 90 90 90 Step: 0 Bead: 0"
    files: dict[str, Any] = {
        "path": one_atom(tmp_path / "x.xyz", f"{cell} positions{{angstrom}} cell{{angstrom}}", "4 5 6"),
        "velocities": one_atom(tmp_path / "v.xyz", f"{cell} velocities"),
    }
    for given, factor in ((None, VELOCITY["au"]), ("A/ps", 1e-3)):
        (frame,) = Trajectory(**files, timestep=1.0, velocity_unit=given).frames()
        np.testing.assert_allclose(frame.velocities, [[factor, 2 * factor, 3 * factor]])


def test_a_file_that_another_program_has_completed_is_its_own(tmp_path: Path) -> None:
    """ASE keeps the comment of i-PI when it writes a file again, with momenta and tensors."""
    run = water(n_frames=3)
    title = 'ipi_comment="Step: 0 Bead: 0 positions{ase} cell{ase}"'
    given = xyz(tmp_path / "a.xyz", run, {"pos": positions, "momenta": momenta}, comment=lambda frame: title)
    for ours, theirs in zip(read_frames(given["path"]), run, strict=True):
        np.testing.assert_allclose(ours.velocities, theirs.velocities, atol=1e-8)  # type: ignore[arg-type]


def test_a_centroid_with_the_velocities_of_a_bead_is_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = {"path": written(tmp_path, "x_centroid"), "velocities": written(tmp_path, "velocities")}
    trajectory = Trajectory(**files, timestep=TIMESTEP)
    assert len(list(trajectory.frames())) == 7
    said = [record.message for record in caplog.records if "centroid" in record.message]
    assert len(said) == 1
    assert "x_centroid and velocities; the centroid moves as a bead only where there is a single one" in said[0]
    caplog.clear()
    files["path"] = written(tmp_path, "positions")
    assert len(list(Trajectory(**files, timestep=TIMESTEP).frames())) == 7
    assert not caplog.records
