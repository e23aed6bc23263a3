"""GRO files: runs of many frames, any number of decimals, damaged ones; PDB files with one cell for all models."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts import TIMESTEP, made_up_run, write_gro
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames
from mimyria.trajectory import Trajectory


def test_usual_decimals_and_numbers_without_blanks_between(tmp_path: Path) -> None:
    run = made_up_run(2)
    shift = np.full(3, -1234.5)  # -123.450 nm fills its eight columns
    far = [replace(frame, positions=frame.positions + shift) for frame in run]
    write_gro(tmp_path / "a.gro", far, decimals=3)
    first = next(read_frames(tmp_path / "a.gro"))
    np.testing.assert_allclose(first.positions, far[0].positions, atol=0.006)


def test_a_step_stands_for_the_time_where_there_is_none(tmp_path: Path) -> None:
    write_gro(tmp_path / "a.gro", made_up_run(5), title="")
    with pytest.raises(TrajectoryError, match=r"does not state the time between its frames; give --timestep"):
        Trajectory(tmp_path / "a.gro")
    assert Trajectory(tmp_path / "a.gro", timestep=TIMESTEP).timestep == TIMESTEP


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:-200], r"cut in the middle of frame 4: 6 atoms and a box announced, .* `--frames 0:4`"),
        (lambda text: text.replace("    6\n", "   xx\n"), r"line 2: expected a number of atoms, found 'xx'"),
        (
            lambda text: text.replace("SOL      O    1", "SOL      O    1  a"),
            r"frame 0: line 3: .* is not a number",
        ),
        (
            lambda text: text[: text.rindex("SOL")] + text[text.rindex("SOL") :].replace(" H", " C", 1),
            r"atom 5 .* order",
        ),
        (lambda text: text.rstrip().rsplit(" ", 1)[0] + "\n", r"frame 4: the box is not three or nine numbers"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(tmp_path: Path, change: Any, words: str) -> None:
    write_gro(tmp_path / "a.gro", made_up_run(5))
    path = tmp_path / "b.gro"
    path.write_text(change((tmp_path / "a.gro").read_text()))
    with pytest.raises(TrajectoryError, match=rf"b\.gro.*{words}"):
        list(Trajectory(path).frames())


def test_an_empty_file_holds_no_frame(tmp_path: Path) -> None:
    (tmp_path / "a.gro").write_text("")
    with pytest.raises(TrajectoryError, match=r"a\.gro"):
        Trajectory(tmp_path / "a.gro")


def test_one_cell_stands_for_all_models_of_a_pdb_file(tmp_path: Path) -> None:
    """Where CRYST1 comes before the first MODEL; edges of one stand for no cell."""
    atom = "ATOM  {:5d}  {:<3s} HOH A   1    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00          {:>2s}\n"
    model = "".join(atom.format(k + 1, s, k * 0.9, 0.0, 0.0, s) for k, s in enumerate("OHH"))
    models = "".join(f"MODEL     {k:4d}\n{model}ENDMDL\n" for k in (1, 2))
    edges = "CRYST1{:9.3f}{:9.3f}{:9.3f}  90.00  60.00  90.00 P 1           1\n"
    (tmp_path / "a.pdb").write_text(edges.format(7, 8, 9) + models + "END\n")
    cells = [frame.cell for frame in read_frames(tmp_path / "a.pdb")]
    assert len(cells) == 2
    for cell in cells:
        np.testing.assert_allclose(np.linalg.norm(cell, axis=1), [7, 8, 9], rtol=1e-6)
        assert abs(np.linalg.det(cell)) == pytest.approx(7 * 8 * 9 * np.sin(np.pi / 3))
    (tmp_path / "b.pdb").write_text(edges.format(1, 1, 1) + models + "END\n")
    assert not next(read_frames(tmp_path / "b.pdb")).cell.any()
