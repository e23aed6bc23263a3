"""Contracts: what every implementation behind a seam must do, written once; a test class inherits one for each."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import ase
import numpy as np
import pytest

from conftest import turned, turned_tensor
from mimyria.elements import symbols_of
from mimyria.engines.engine import Configuration, Engine
from mimyria.engines.job import read_runs, write_task
from mimyria.engines.registry import ENGINES, name_of
from mimyria.errors import LabelError
from mimyria.execute import Job, LocalExecutor
from mimyria.files.source import Source
from mimyria.formats.readers import find_reader
from mimyria.frame import Frame
from mimyria.labels.fields import fit_response, stencil
from mimyria.labels.label import label_frames
from mimyria.settings import LabelSettings
from mimyria.trajectory import Trajectory
from mimyria.units import BOHR, HARTREE, VELOCITY

TIMESTEP = 2.0
TRICLINIC = np.array([[9.0, 0, 0], [4.0, 48**0.5, 0], [5.0, 10 / 12**0.5, (200 / 3) ** 0.5]])
"""All angles 60°: the transposed cell, or its inverse, is visibly wrong."""


def made_up_run(n_frames: int = 7, cell: Any = TRICLINIC) -> list[Any]:
    """Return two molecules in free flight: the velocities are known, and central differences of it are exact."""
    random = np.random.default_rng(7)
    positions = random.uniform(0.3, 0.7, (6, 3)) @ cell
    velocities = random.normal(0.0, 0.02, (6, 3))
    return [
        Frame(
            numbers=np.array([8, 1, 1, 17, 1, 1]),
            positions=positions + velocities * TIMESTEP * index,
            cell=cell,
            periodic=np.ones(3, dtype=bool),
            velocities=velocities,
            time=TIMESTEP * index,
        )
        for index in range(n_frames)
    ]


def labelled(n_frames: int = 2) -> list[Any]:
    """Return frames with tensors that are visibly not symmetric, a masked atom, and every kind of header entry."""
    random = np.random.default_rng(3)
    frames = []
    for frame in made_up_run(n_frames):
        pgt = random.normal(size=(len(frame), 3, 3, 3))
        tensors = {"apt": random.normal(size=(len(frame), 3, 3)), "pgt": pgt + pgt.swapaxes(1, 2)}
        tensors["apt"][2] = tensors["pgt"][2] = np.nan
        info = {
            "total_charge": -1.0,
            "md_frame": 12,
            "good": True,
            "engine": 'CP2K 2023.1 "PBE"',
            "alpha": np.arange(9) / 7,
            "spins": np.array([1, 2]),
            "flags": np.array([True, False]),
            "matrix": np.array([[1.5, 2.0], [3.0, 4.0]]),
        }
        frames.append(replace(frame, tensors=tensors, info=info, periodic=np.array([True, True, False])))
    return frames


def atoms_of(frame: Any) -> ase.Atoms:
    atoms = ase.Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.periodic)
    if frame.velocities is not None:
        atoms.set_velocities(frame.velocities / VELOCITY["ase"])
    return atoms


def write_cp2k(path: Path, run: list[Any], what: str) -> None:
    with path.open("w") as file:
        for index, frame in enumerate(run):
            file.write(f"{len(frame):8d}\n i = {index:8d}, time = {frame.time:12.3f}, E = {-1.5:20.10f}\n")
            values = frame.positions if what == "positions" else frame.velocities / VELOCITY["au"]
            for symbol, row in zip(symbols_of(frame.numbers), values, strict=True):
                file.write(f"{symbol:>3s}" + "".join(f"{x:20.12f}" for x in row) + "\n")


IPI_UNITS = {"atomic_unit": (BOHR, VELOCITY["au"]), "angstrom": (1.0, 1e-5), "ase": (1.0, VELOCITY["ase"])}
"""Å and Å/fs, by the unit of the positions; velocities beside ångström are in m/s."""


def write_ipi(path: Path, run: list[Any], quantity: str, unit: str = "atomic_unit", bead: Any = 0) -> None:
    """Write one quantity as i-PI does, in its default form, or, in units of ASE, as extxyz.

    ``bead`` is the number of a bead, or the numbers of several that stand one after the other for each step.
    """
    length, speed = IPI_UNITS[unit]
    of_positions = quantity in ("positions", "x_centroid")
    factor, name = (length, unit) if of_positions else (speed, "m/s" if unit == "angstrom" else unit)
    beads = [bead] if isinstance(bead, int) else bead
    with path.open("w") as file:
        for frame, each in [(frame, each) for frame in run for each in beads]:
            values = (frame.positions if of_positions else frame.velocities) / factor
            step = round(8 * frame.time)
            if unit == "ase":
                cell = " ".join(f"{x:.8f}" for x in frame.cell.ravel())
                columns = "pos:R:3" if quantity == "positions" else f"pos:R:3:{quantity}:R:3"
                title = f"Step: {step:11d}  Bead: {each:7d} {quantity}{{ase}}  cell{{ase}}"
                comment = f'Lattice="{cell}" Properties=species:S:1:{columns} ipi_comment="{title}" pbc="T T T"'
                values = values if quantity == "positions" else np.hstack([np.zeros_like(values), values])
            else:
                lengths = ase.cell.Cell(frame.cell / length).cellpar()
                numbers = "  ".join(f"{x:10.5f}" for x in lengths)
                title = f"Step:  {step:10d}  Bead:   {each:5d} {quantity}{{{name}}}  cell{{{unit}}}"
                comment = f"# CELL(abcABC): {numbers}  {title}"
            file.write(f"{len(frame)}\n{comment}\n")
            for symbol, row in zip(symbols_of(frame.numbers), values, strict=True):
                file.write(f"{symbol:>8s}" + "".join(f" {x:16.9e}" for x in row) + "\n")


GRO_BOX = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))


def write_gro(path: Path, run: list[Any], *, decimals: int = 8, velocities: bool = True, title: str = "t= {}") -> None:
    """Write a run as GROMACS does."""
    width = decimals + 5
    with path.open("w") as file:
        for frame in run:
            file.write(
                f"water {title.format(f'{frame.time / 1000:.5f}')} step= {round(2 * frame.time)}\n{len(frame):5d}\n"
            )
            values = [frame.positions / 10, frame.velocities * 100] if velocities else [frame.positions / 10]
            for atom, symbol in enumerate(symbols_of(frame.numbers)):
                row = "".join(f"{x:{width}.{decimals}f}" for x in values[0][atom])
                row += "".join(f"{x:{width}.{decimals + 1}f}" for part in values[1:] for x in part[atom])
                file.write(f"{1:5d}{'SOL':<5s}{symbol:>5s}{atom + 1:5d}{row}\n")
            file.write(" ".join(f"{frame.cell[place] / 10:.9f}" for place in GRO_BOX) + "\n")


def write_dftb(path: Path, run: list[Any], *, charges: bool = True, velocities: bool = True) -> None:
    """Write ``geo_end.xyz`` of DFTB+."""
    with path.open("w") as file:
        for frame in run:
            columns = [frame.positions, np.full((len(frame), int(charges)), -0.3)]
            columns += [frame.velocities / VELOCITY["A/ps"]] * velocities
            file.write(f"{len(frame):5d}\nMD iter: {round(4 * frame.time)}\n")
            for symbol, row in zip(symbols_of(frame.numbers), np.hstack(columns), strict=True):
                file.write(f"{symbol:>5s}" + "".join(f"{x:16.8f}" for x in row) + "\n")


def write_tinker(path: Path, run: list[Any], what: str = "positions", *, cell: bool = True, digits: int = 8) -> None:
    """Write an archive of Tinker, or, as it does since 2023, its file of velocities."""
    with path.open("w") as file:
        for frame in run:
            values = frame.positions if what == "positions" else frame.velocities / VELOCITY["A/ps"]
            file.write(f"{len(frame):6d}  Liquid Water\n")
            if cell:
                lengths = ase.cell.Cell(frame.cell).cellpar()
                file.write(" " + "".join(f"{x:{digits + 8}.{digits}f}" for x in lengths) + "\n")
            for index, (symbol, row) in enumerate(zip(symbols_of(frame.numbers), values, strict=True), 1):
                numbers = "".join(f"{x:{digits + 8}.{digits}f}" for x in row)
                file.write(f"{index:6d}  {symbol:3s}{numbers}{7:6d}{1 + index % 3:6d}\n")


def write_cpmd(path: Path, run: list[Any], *, forces: bool = False) -> None:
    """Write ``TRAJECTORY`` or ``FTRAJECTORY`` of CPMD, as if the run had been started twice."""
    with path.open("w") as file:
        for number, frame in enumerate(run):
            if number in (0, 2):
                file.write(" <<<<<<  NEW DATA  >>>>>>\n" * (number > 0))
            columns = [frame.positions / BOHR, frame.velocities / VELOCITY["au"]]
            columns += [frame.positions] * forces
            for row in np.hstack(columns):
                file.write(f"{round(2 * frame.time):7d}" + "".join(f"  {x:22.14f}" for x in row) + "\n")


def write_cp(path: Path, run: list[Any], what: str = "positions") -> None:
    """Write ``.pos`` or ``.vel`` of cp.x of Quantum ESPRESSO."""
    with path.open("w") as file:
        for frame in run:
            file.write(f"{round(2 * frame.time):8d}  {frame.time / 1e3:.8f}\n")
            for row in frame.positions / BOHR if what == "positions" else frame.velocities / VELOCITY["au"]:
                file.write("".join(f"{x:25.14E}" for x in row) + "\n")


class ReaderContract:
    """What a trajectory format must give back; a subclass writes the made-up run and says how exact the format is."""

    reader = ""
    """Name of the `Reader` that must be found."""
    cell = TRICLINIC
    exact_to = 1e-8
    """Å, and half as many Å/fs."""
    differenced = False
    clock = True
    """The file says the time of each frame, or its step."""
    repeats_show = True
    """A frame that is stored twice can be told."""

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        """Write the run into the folder; return the arguments with which `Trajectory` reads it."""
        raise NotImplementedError

    @pytest.fixture
    def run(self) -> list[Any]:
        return made_up_run(cell=self.cell)

    @pytest.fixture
    def arguments(self, tmp_path: Path, run: list[Any]) -> dict[str, Any]:
        return self.write(tmp_path, run)

    def kept(self, run: list[Any]) -> list[Any]:
        return run[1:-1] if self.differenced else run

    def agree(self, read: Any, written: list[Any]) -> None:
        for ours, theirs in zip_longest(read, written):
            np.testing.assert_array_equal(ours.numbers, theirs.numbers)
            np.testing.assert_allclose(ours.positions, theirs.positions, atol=self.exact_to)
            np.testing.assert_allclose(ours.velocities, theirs.velocities, atol=self.exact_to / 2)
            np.testing.assert_allclose(ours.cell, theirs.cell, atol=self.exact_to)
            assert ours.time == pytest.approx(theirs.time)
            assert ours.periodic.all()
            assert {ours.positions.dtype, ours.velocities.dtype, ours.cell.dtype} == {np.dtype(float)}

    def test_its_reader_is_found(self, arguments: dict[str, Any]) -> None:
        files = {name: arguments[name] for name in ("path", "topology", "velocities") if name in arguments}
        assert find_reader(Source(**files)).name == self.reader

    def test_what_was_written_is_read(self, arguments: dict[str, Any], run: list[Any]) -> None:
        trajectory = Trajectory(**arguments)
        assert trajectory.timestep == pytest.approx(TIMESTEP)
        assert trajectory.n_frames in (None, len(run))
        assert trajectory.differenced == self.differenced
        self.agree(trajectory.frames(), self.kept(run))

    @pytest.mark.parametrize(
        "part", [(0, None, 2), (1, None, 3), (2, 5, 1), (0, 7, 4), (3, 4, 1), (5, 100, 1), (9, None, 1)]
    )
    def test_a_part_is_the_slice(self, arguments: dict[str, Any], run: list[Any], part: Any) -> None:
        wanted = run[slice(*part)]
        if self.differenced:
            wanted = [frame for frame in wanted if 0 < frame.time < run[-1].time]
        self.agree(Trajectory(**arguments).frames(*part), wanted)

    def test_a_doubled_frame_is_left_out(self, tmp_path: Path, run: list[Any]) -> None:
        if not self.repeats_show:
            pytest.skip("in this format a frame that is stored twice looks like a new one")
        arguments = self.write(tmp_path, run[:4] + run[3:])
        (piece,) = Trajectory(**arguments).segments()
        assert piece.n_frames == len(run)
        assert piece.n_usable == len(self.kept(run))
        self.agree(piece.frames(), self.kept(run))
        self.agree(piece.frames(2, None, 2), [frame for frame in self.kept(run) if frame.time in (4.0, 8.0, 12.0)])

    def test_a_restart_and_a_gap_are_put_in_order(self, tmp_path: Path) -> None:
        """The first branch goes on from frame 6 to 9 with other positions, the second with the right ones."""
        if not self.clock:
            pytest.skip("this format states neither times nor steps")
        run = made_up_run(24, self.cell)
        branch = [replace(frame, positions=frame.positions + 0.01) for frame in run[6:10]]
        arguments = self.write(tmp_path, run[:6] + branch + run[6:14] + run[17:])
        first, second = Trajectory(**arguments).segments()
        self.agree(first.frames(), self.kept(run[:14]))
        self.agree(second.frames(), self.kept(run[17:]))
        assert (first.n_frames, second.n_frames) == (14, 7)
        early, late = Trajectory(**arguments).segments(2, 20)  # with the neighbours that differences need
        self.agree(early.frames(), run[2:14] if not self.differenced else run[2:13])
        self.agree(late.frames(), run[17:19] if not self.differenced else run[18:19])

    def test_the_fraction_read_grows_to_one(self, arguments: dict[str, Any]) -> None:
        trajectory = Trajectory(**arguments)
        fractions: list[Any] = [trajectory.fraction_read for _ in trajectory.frames()]
        if trajectory.fraction_read is None:
            assert set(fractions) == {None}
        else:
            assert fractions == sorted(fractions)
            assert fractions[-1] == trajectory.fraction_read == 1.0

    def test_two_are_read_at_once(self, arguments: dict[str, Any]) -> None:
        one, two = Trajectory(**arguments), Trajectory(**arguments)
        for a, b, c in zip(one.frames(), two.frames(), one.frames(), strict=True):
            np.testing.assert_array_equal(a.positions, b.positions)
            np.testing.assert_array_equal(a.positions, c.positions)


WATER = Frame(
    numbers=np.array([8, 1, 1]),
    positions=np.array([[0.0, 0.0, 0.1], [0.0, 0.76, -0.48], [0.3, -0.75, -0.46]]),
    cell=np.zeros((3, 3)),
    periodic=np.zeros(3, dtype=bool),
)
"""A bent water with two different bonds in no symmetry plane: its APT is visibly not symmetric."""


class EngineContract:
    """What every engine must do; a subclass names the engine and says how exact it is."""

    engine: Engine
    frame = WATER
    field = 1e-3
    dipole_tolerance = 1e-4
    """e, of the APT against displaced dipoles."""
    force_tolerance = 3e-5
    """E_h/a0, of the forces against differences of the energy."""
    turn_tolerance = 1e-3
    """e and e² a0²/(E_h Å) over ten, of turned tensors against tensors of the turned molecule."""
    sum_tolerance = 1e-3
    """e and e² a0²/(E_h Å) over ten."""
    step = 0.005
    """Å."""

    def runs(self, folder: Path, frame: Frame, fields: Any, attempt: int = 0) -> list[Any]:
        """Return the runs of a configuration, through a job."""
        folder.mkdir()
        self.engine.prepare(self.field, 2)
        configuration = Configuration(frame, attempt=attempt)
        self.engine.check(configuration)
        job = write_task(folder, self.engine, configuration, np.asarray(fields, dtype=float))
        (outcome,) = LocalExecutor().run([job])
        assert outcome.status == 0, (folder / "run.log").read_text()
        runs = read_runs(folder, len(fields))
        self.engine.clean(folder)
        return runs

    @pytest.fixture(scope="class")
    @classmethod
    def label(cls, tmp_path_factory: pytest.TempPathFactory) -> Frame:
        work = tmp_path_factory.mktemp("labels")
        done = label_frames({"0": cls.frame}, cls.engine, LocalExecutor(), work, LabelSettings(field=cls.field))
        assert not done.failures
        return done.frames["0"]

    def test_the_quality_figures_are_good(self, label: Frame) -> None:
        assert label.info["qa_apt_sum"] < self.sum_tolerance
        assert label.info["qa_pgt_sum"] < 10 * self.sum_tolerance
        assert 0 < label.info["qa_residual"] < 1e-6
        assert label.info["qa_apt_difference"] < 1e-3
        assert label.info["seconds"] > 0
        assert any(character.isdigit() for character in label.info["engine"])

    def test_the_apt_is_not_symmetric_and_the_pgt_is(self, label: Frame) -> None:
        apt, pgt = label.tensors["apt"], label.tensors["pgt"]
        assert abs(apt - apt.swapaxes(1, 2)).max() > 0.01
        np.testing.assert_allclose(pgt, pgt.swapaxes(1, 2), atol=1e-12)

    def test_a_column_of_the_apt_is_the_change_of_the_dipole(self, tmp_path: Path, label: Frame) -> None:
        """∂M/∂R and ∂F/∂E are the same second derivative of the energy; this knows nothing of forces."""
        sides = []
        for sign in (1, -1):
            positions = self.frame.positions.copy()
            positions[1, 1] += sign * self.step
            (run,) = self.runs(tmp_path / str(sign), replace(self.frame, positions=positions), np.zeros((1, 3)))
            sides.append(run)
        change = (sides[0].dipole - sides[1].dipole) * BOHR
        if self.frame.periodic.all():
            change -= np.round(np.linalg.solve(self.frame.cell.T, change)) @ self.frame.cell
        apt = label.tensors["apt"][1, :, 1]
        np.testing.assert_allclose(change / (2 * self.step), apt, atol=self.dipole_tolerance)
        slope = (sides[0].energy - sides[1].energy) / (2 * self.step / BOHR)
        forces = label.forces * BOHR / HARTREE
        assert forces[1, 1] == pytest.approx(-slope, abs=self.force_tolerance)

    def test_tensors_turn_with_the_molecule(self, tmp_path: Path, label: Frame) -> None:
        quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # of a cubic cell, if there is one
        frame = turned(self.frame, quarter)
        frame = replace(frame, cell=self.frame.cell)
        fields = stencil(2, self.field)
        fit = fit_response(fields, np.array([run.forces for run in self.runs(tmp_path / "turned", frame, fields)]))
        for name, tensor in fit.tensors.items():
            tolerance = self.turn_tolerance * (1 if name == "apt" else 10)
            np.testing.assert_allclose(tensor, turned_tensor(label.tensors[name], quarter), atol=tolerance)

    def test_an_odd_number_of_electrons_is_refused(self) -> None:
        with pytest.raises(LabelError, match="electrons"):
            self.engine.check(Configuration(self.frame, charge=1))

    def test_its_job_finds_it_in_the_registry(self) -> None:
        again = ENGINES[name_of(self.engine)](**json.loads(json.dumps(self.engine.job_settings)))
        assert type(again) is type(self.engine)
        assert again.job_settings == self.engine.job_settings

    def test_the_identity_is_plain(self) -> None:
        assert json.loads(json.dumps(self.engine.identity)) == self.engine.identity
        assert self.engine.summary


def working_below(folder: Path) -> list[int]:
    """Return the processes whose working directory lies below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
    return found


class ExecutorContract:
    """What every executor must do."""

    @pytest.fixture
    def executor(self, tmp_path: Path) -> Any:
        raise NotImplementedError

    @staticmethod
    def jobs(folder: Path, *programs: str) -> list[Job]:
        """Return jobs that run small Python programs."""
        jobs = []
        for index, program in enumerate(programs):
            (folder / str(index)).mkdir()
            jobs.append(Job(folder / str(index), (sys.executable, "-c", program)))
        return jobs

    def test_each_runs_in_its_folder_and_says_how_it_ended(self, tmp_path: Path, executor: Any) -> None:
        good = "import os; print(os.environ['OMP_NUM_THREADS']); open('result', 'w').write('done')"
        jobs = self.jobs(tmp_path, good, good, "raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)")
        ended = {outcome.job: outcome.status for outcome in executor.run(iter(jobs))}
        assert [ended[job] for job in jobs] == [0, 0, 3, -9]
        assert (tmp_path / "0" / "result").read_text() == "done"
        assert (tmp_path / "0" / "run.log").read_text() == f"{executor.cores}\n"

    def test_a_program_that_is_not_there(self, tmp_path: Path, executor: Any) -> None:
        (outcome,) = executor.run([Job(tmp_path, ("surely-not-a-program",))])
        assert outcome.status == 127
        assert "surely-not-a-program" in (tmp_path / "run.log").read_text()

    def test_what_runs_is_stopped_when_the_caller_stops(self, tmp_path: Path, executor: Any) -> None:
        child = "import time; open('begun', 'w').write('x'); time.sleep(60)"
        lasting = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
        first, second = self.jobs(tmp_path, "pass", lasting)
        outcomes = executor.run([first, second])
        assert next(outcomes).job == first
        end = time.monotonic() + 60
        while not (second.folder / "begun").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        outcomes.close()
        end = time.monotonic() + 20
        while working_below(second.folder) and time.monotonic() < end:
            time.sleep(0.1)
        assert not working_below(second.folder)

    def test_no_jobs(self, executor: Any) -> None:
        assert list(executor.run([])) == []
