"""The seam of the formats: a dialect told by its first line is one object and one entry, and passes the contract."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from contracts import ReaderContract, made_up_run
from mimyria.elements import numbers_of, symbols_of
from mimyria.errors import TrajectoryError
from mimyria.files.compression import open_lines
from mimyria.files.source import Progress, Reader, Source, VelocityUnit
from mimyria.formats import read_frames, readers
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory
from mimyria.units import VELOCITY

FIRST_LINE = b"# made-up molecular dynamics, velocities in au"


def read_made_up(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield frames of a line ``time symbols``, then one number a line: cell, positions, velocities."""
    wanted = iter(indices)
    following = next(wanted, None)
    with open_lines(source.path) as (lines, fraction):
        next(lines)
        for index, (time, *symbols) in enumerate(iter(lambda: next(lines, b"").split(), [])):
            n_atoms = len(symbols)
            numbers = np.array([float(next(lines)) for _ in range(9 + 6 * n_atoms)])
            if index != following:
                continue
            progress.fraction = fraction()
            yield Frame(
                numbers=numbers_of([symbol.decode() for symbol in symbols]),
                positions=numbers[9 : 9 + 3 * n_atoms].reshape(-1, 3),
                cell=numbers[:9].reshape(3, 3),
                periodic=np.ones(3, dtype=bool),
                velocities=numbers[9 + 3 * n_atoms :].reshape(-1, 3),
                time=float(time),
            )
            following = next(wanted, None)


MADE_UP = Reader(
    "made-up",
    accepts=lambda source: source.head.startswith(FIRST_LINE),
    read=read_made_up,
    velocity_unit=lambda source, frame: VelocityUnit("au", fixed=True),
)


def text_of(run: list[Frame]) -> bytes:
    lines = [FIRST_LINE.decode()]
    for frame in run:
        assert frame.velocities is not None
        lines.append(" ".join([f"{frame.time}", *symbols_of(frame.numbers)]))
        for values in (frame.cell, frame.positions, frame.velocities / VELOCITY["au"]):
            lines += map(repr, values.ravel().tolist())
    return ("\n".join(lines) + "\n").encode()


class TestDialectToldByItsFirstLine(ReaderContract):
    """Its suffix is that of another format."""

    reader = "made-up"

    @pytest.fixture(autouse=True)
    def entry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(readers, "READERS", (MADE_UP, *readers.READERS))

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        (folder / "run.xyz.gz").write_bytes(gzip.compress(text_of(run)))
        return {"path": folder / "run.xyz.gz"}

    def test_the_unit_and_its_remedy_come_from_the_reader(self, arguments: dict[str, Any]) -> None:
        trajectory = Trajectory(**arguments)
        assert (trajectory.velocity_unit, trajectory.unit_is_fixed) == ("au", True)
        with pytest.raises(
            TrajectoryError, match=r"the format determines the unit of its velocities; leave --velocity-unit A/fs out"
        ):
            Trajectory(**arguments, velocity_unit="A/fs")

    def test_files_that_it_does_not_use_are_refused(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(TrajectoryError, match="leave --topology out"):
            Trajectory(**arguments, topology=arguments["path"])
        with pytest.raises(TrajectoryError, match="--velocities belongs to"):
            Trajectory(**arguments, velocities=arguments["path"])

    def test_it_is_read_as_plain_frames_too(self, arguments: dict[str, Any], run: list[Any]) -> None:
        self.agree(read_frames(arguments["path"]), run)

    def test_other_files_find_their_reader_as_before(self, tmp_path: Path) -> None:
        for name, reader in {
            "a.xyz": "extxyz",
            "a.extxyz.zst": "extxyz",
            "a.XYZ": "extxyz",
            "OUTCAR": "outcar",
            "OUTCAR.gz": "outcar",
            "a.trr": "trr",
            "a.xtc": "mdanalysis",
            "a.traj": "ase",
            "XDATCAR": "ase",
        }.items():
            (tmp_path / name).write_bytes(b"")
            assert readers.find_reader(Source(tmp_path / name)).name == reader
        files = [tmp_path / "a.xyz", tmp_path / "a.traj"]
        assert readers.find_reader(Source(files[0], velocities=files[0])).name == "pair"
        assert readers.find_reader(Source(files[1], topology=files[0])).name == "ase"

    def test_binary_files_and_dumps_are_told_by_their_beginning(self, tmp_path: Path) -> None:
        for name, (reader, head) in {
            "dump.run": ("lammps", b"ITEM: TIMESTEP\n0\n"),
            "run.pdb": ("lammps", b"ITEM: UNITS\nmetal\n"),
            "run.xyz": ("lammps", b"---\ncreator: LAMMPS\n"),
            "dump.gz": ("lammps", gzip.compress(b"ITEM: TIMESTEP\n0\n")),
            "run.what": ("dcd", b"T\0\0\0CORD"),
            "big.endian": ("dcd", b"\0\0\0TCORD"),
            "mdvel": ("netcdf", b"CDF\x02"),
            "run.h5": ("h5md", b"\x89HDF\r\n"),
            "run.nc": ("netcdf", b"\x89HDF\r\n"),
        }.items():
            (tmp_path / name).write_bytes(head)
            assert readers.find_reader(Source(tmp_path / name)).name == reader
        assert readers.find_reader(Source(tmp_path / "mdvel", topology=tmp_path / "run.nc")).name == "netcdf"


def test_the_unit_may_differ_from_frame_to_frame(tmp_path: Path) -> None:
    """A column of velocities has the unit that the user says, momenta are ASE's own."""
    rows = 'Lattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3:{}:R:3\nH 1 2 3 1 0 0\n'
    text = f"1\n{rows.format('vel')}1\n{rows.format('momenta')}"
    (tmp_path / "a.xyz").write_text(text)
    one, other = read_frames(tmp_path / "a.xyz")
    assert one.velocities is not None
    assert other.velocities is not None
    assert one.velocities[0, 0] == 1.0
    assert other.velocities[0, 0] == pytest.approx(VELOCITY["ase"] / 1.008)
    told = read_frames(tmp_path / "a.xyz", velocity_unit="A/ps")
    assert next(told).velocities[0, 0] == pytest.approx(1e-3)  # type: ignore[index]
    with pytest.raises(TrajectoryError, match="leave --velocity-unit A/ps out"):
        next(told)


def test_the_head_of_a_damaged_file_is_empty(tmp_path: Path) -> None:
    for name in ("a.gz", "a.xz", "a.zst"):
        (tmp_path / name).write_bytes(b"not compressed at all")
        assert Source(tmp_path / name).head == b""


@pytest.mark.parametrize("name", ["a.trr", "a.xtc", "a.dcd", "a.nc", "a.h5", "a.xyz", "a.gro", "dump.water", "a.bz2"])
@pytest.mark.parametrize("pack", [gzip, lzma, bz2, zstandard])
def test_a_compressed_file_of_another_name_is_told(tmp_path: Path, pack: Any, name: str) -> None:
    (tmp_path / name).write_bytes(pack.compress(b"DATA" * 99))
    (tmp_path / "b").write_bytes(b"DATA" * 99)
    for given in ({"path": name}, {"path": "b", "topology": name}, {"path": "b", "velocities": name}):
        with pytest.raises(TrajectoryError, match=rf"/{name} is a file compressed by .*; decompress it first$"):
            Source(**{what: tmp_path / file for what, file in given.items()})


@pytest.mark.parametrize("name", ["a.trr.gz", "a.xtc.gz", "a.dcd.gz", "a.nc.gz", "a.h5.gz"])
def test_compressed_binary_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"CDF\0\1"))
    with pytest.raises(
        TrajectoryError, match=f"/{name}: a compressed binary file cannot be read; decompress it first$"
    ):
        Source(tmp_path / name)


def test_frames_without_velocities_need_no_unit(tmp_path: Path) -> None:
    run = [replace(frame, velocities=None) for frame in made_up_run(3)]
    reader = replace(MADE_UP, read=lambda *_: iter(run), velocity_unit=lambda *_: VelocityUnit())
    (tmp_path / "a").touch()
    assert list(reader.frames(Source(tmp_path / "a"), range(3), Progress())) == run
