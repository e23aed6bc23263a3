"""A piece of work, done: groups, modes and spectra, and what is wrong with files said in one line."""

from __future__ import annotations

import gzip
import json
import lzma
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Run, refused
from mimyria.app import menu
from mimyria.app import treat as treat_module
from mimyria.app.check import check_given
from mimyria.app.menu import drops
from mimyria.app.treat import treat
from mimyria.elements import symbols_of
from mimyria.errors import ConfigError, MimyriaError, SpectrumError, TrajectoryError
from mimyria.harmonic.hessian import Point
from mimyria.model.files import read_models

WATER = b"3\n\nO 0.000 0.000 0.119\nH 0.000 0.763 -0.477\nH 0.000 -0.763 -0.477\n"
PAIR = b"6\n\n" + WATER[3:] + b"O 3.000 0.000 0.119\nH 3.000 0.763 -0.477\nH 3.000 -0.763 -0.477\n"
ACETONE = (Path(treat_module.__file__).parent / "examples" / "acetone.csv").read_bytes()
Task = Callable[..., Path]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Make the folder of a piece of work."""

    def made(kind: str, *files: tuple[str, str, bytes], **settings: str) -> Path:
        (tmp_path / "given").mkdir()
        for _, name, content in files:
            (tmp_path / "given" / name).write_bytes(content)
        said = {"kind": kind, "model": "groups", "largest": 1.0, "title": "a <b>$ file", "settings": settings}
        said["files"] = [(role, name) for role, name, _ in files]
        (tmp_path / "task.json").write_text(json.dumps(said))
        return tmp_path

    return made


def result(folder: Path) -> dict[str, Any]:
    treat(folder)
    return dict(json.loads((folder / "result.json").read_text()))


def test_groups_of_a_spectrum(task: Task) -> None:
    x, y = np.loadtxt(ACETONE.decode().splitlines(), delimiter=",", skiprows=2, unpack=True)
    raman = "".join(f"{a:g},{np.sqrt(b):.6g}\n" for a, b in zip(x, y, strict=True)).encode()
    both = ("any", "spectrum-0.csv", ACETONE), ("raman", "raman-1.csv", raman)
    folder = task("spectrum", *both, least="0.4")
    made = result(folder)
    assert made["groups"]["C=O"]["probability"] > 0.5
    assert made["least"] == 0.4
    assert [curve["kind"] for curve in made["curves"]] == ["infrared", "raman"]
    for curve in made["curves"]:
        assert len(curve["x"]) == len(curve["y"]) <= 1500
        assert (min(curve["y"]), max(curve["y"])) == (0, 1)
        assert abs(curve["x"][int(np.argmax(curve["y"]))] - 1785) < 5
    assert {path.name for path in (folder / "out").iterdir()} == {"groups.csv", "groups.png", "groups.svg"}


def test_a_curve_keeps_its_highest_points() -> None:
    values = np.zeros(7001)
    values[4321] = 5.0
    curve = treat_module._curve(np.arange(7001.0), values)
    assert len(curve["x"]) <= 1500
    assert max(curve["y"]) == 1
    assert abs(curve["x"][int(np.argmax(curve["y"]))] - 4321) < 5


def test_modes_of_a_molecule(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    def soft(frame: Any, *_: Any) -> Point:
        return Point(frame, np.eye(9))

    monkeypatch.setattr("mimyria.harmonic.command.compute_hessian", soft)
    monkeypatch.setattr("mimyria.harmonic.command.tensors_at", lambda *_: ({}, {}))
    folder = task("structure", ("structure", "structure-0.xyz", 2 * WATER), relax="true", scale="0.9")
    assert result(folder) == {"page": "modes.html"}
    assert "a &lt;b&gt;$ file" in (folder / "out" / "modes.html").read_text(encoding="utf-8")
    assert "times 0.9" in (folder / "out" / "modes.csv").read_text()


@pytest.mark.parametrize(
    ("content", "given", "source"),
    [
        (WATER, {}, "molecules"),
        (WATER, {"calculator": "pyscf"}, "pyscf"),
        (WATER, {"charge": "2"}, "tblite"),
        (WATER.replace(b"\n\n", b"\ntotal_charge=-2 Properties=species:S:1:pos:R:3\n"), {}, "tblite"),
        (WATER.replace(b"O", b"Se"), {}, "tblite"),
        (PAIR, {}, "tblite"),
    ],
    ids=["known", "another engine", "an ion", "an ion by its header", "an element", "two molecules"],
)
def test_intensities_are_of_the_networks_that_know_a_molecule(
    task: Task, monkeypatch: pytest.MonkeyPatch, content: bytes, given: dict[str, str], source: str
) -> None:
    asked: dict[str, str] = {}

    def tensors(frame: Any, sources: dict[str, str], *_: Any) -> tuple[dict[str, Any], dict[str, str]]:
        asked.update(sources)
        return {}, {}

    monkeypatch.setattr("mimyria.app.menu.find_spec", lambda _: True)
    monkeypatch.setattr(
        "mimyria.harmonic.command.compute_hessian", lambda frame, *_: Point(frame, np.eye(3 * len(frame)))
    )
    monkeypatch.setattr("mimyria.harmonic.command.tensors_at", tensors)
    result(task("structure", ("structure", "structure-0.xyz", content), **given))
    assert asked == {"apt": source, "pgt": source}


def test_the_networks_for_molecules_are_as_the_menu_says() -> None:
    models = read_models(menu.ORGANIC)
    assert [model.target.name for model in models] == ["apt", "pgt"]
    named = re.findall(r"other than ([A-Z][\w ]*);", menu.HELP_OF_CALCULATOR)[0].split()
    for model in models:
        assert set(symbols_of(np.array(model.settings.species))) == set(named)
        assert [str(level) for level in model.levels] == ["PBE0/def2-svpd (PySCF)"]
    assert drops(1.0)["trajectory"].choices["trained"] == ["water", "sulfate", "water-pbe"]


def test_spectra_of_a_trajectory(task: Task, water: Path) -> None:
    folder = task(
        "trajectory", ("trajectory", "trajectory-0.extxyz", water.read_bytes()), frames="0:50", resolution="250"
    )
    assert result(folder) == {"page": "spectra.html"}
    assert {"ir.csv", "raman.csv", "vdos.csv", "settings.yaml"} <= {path.name for path in (folder / "out").iterdir()}


@pytest.mark.parametrize(
    ("kind", "name", "content", "error", "words"),
    [
        ("structure", "structure-0.xyz", b"", ConfigError, "structure-0.xyz is empty"),
        ("structure", "structure-0.xyz", WATER[:30], TrajectoryError, "cut in the middle of frame 0"),
        ("structure", "structure-0.xyz", b"999999999999\n\nO 0 0 0\n", TrajectoryError, "cut in the middle of frame 0"),
        ("structure", "structure-0.xyz", b"\x80\x04\x95cposix\nsystem\n", MimyriaError, "structure-0.xyz"),
        ("structure", "structure-0.xyz", b"\0" * 100, ConfigError, "binary file"),
        ("structure", "structure-0.xyz", b"- of UlmASE-Trajectory\0\0\0", ConfigError, "binary file"),
        ("structure", "structure-0.xyz", WATER.replace(b"O", b"\xff\xfe\xf8"), MimyriaError, "structure-0.xyz"),
        ("structure", "structure-0.xyz", WATER.replace(b"0.119", b"nan"), MimyriaError, "atom 0"),
        ("structure", "structure-0.xyz", b"61\n\n" + b"He 0 0 0\n" * 61, ConfigError, "61 atoms; the page"),
        ("structure", "structure-0.POSCAR", b"a\n1\n9 0 0\n0 9 0\n0 0 9\nHe\n1\nC\n0 0 0\n", ConfigError, "has a cell"),
        ("structure", "structure-0.cif", b"import os\nos.system('touch evil')\n", TrajectoryError, "structure-0.cif"),
        ("spectrum", "any-0.csv", b"1000,nan\n1004,nan\n" * 400, SpectrumError, "any-0.csv"),
        ("spectrum", "any-0.csv", b"1000;3\n\xff;\xfe\n", SpectrumError, "any-0.csv"),
        ("spectrum", "any-0.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (3,), }"
         + b" " * 57 + b"\n" + b"cposix\nsystem\n(S'touch evil'\ntR.", SpectrumError, "Python objects"),
        ("trajectory", "trajectory-0.nc", b"\x89HDF\r\n\x1a\n" + b"\0" * 99, ConfigError, "no NetCDF file"),
        ("trajectory", "trajectory-0.xtc", b"\x89HDF\r\n\x1a\n" + b"\0" * 99, ConfigError, "is an HDF5 file"),
        ("trajectory", "trajectory-0.xyz.gz", b"\x1f\x8b".ljust(1024) + b"\x89HDF\r\n\x1a\n", ConfigError, "HDF5"),
        ("trajectory", "trajectory-0.dcd", b"\x54\0\0\0CORD" + b"\xff" * 300, TrajectoryError, "trajectory-0.dcd"),
        ("trajectory", "trajectory-0.xyz", 30 * WATER, MimyriaError, "--timestep"),
        ("trajectory", "trajectory-0.xyz.gz", gzip.compress(WATER, mtime=0)[:-9], TrajectoryError, "damaged"),
        ("trajectory", "trajectory-0.xyz.gz", gzip.compress(b"0" * 9_000_000, mtime=0), ConfigError, "more than 1 MB"),
        ("trajectory", "trajectory-0.xyz.xz", lzma.compress(b"0" * 9_000_000), ConfigError, "more than 1 MB"),
    ],
)  # fmt: skip
def test_bad_files_are_one_line(
    task: Task, kind: str, name: str, content: bytes, error: type[Exception], words: str
) -> None:
    role = {"spectrum": "any"}.get(kind, kind)
    folder = task(kind, (role, name, content))
    with pytest.raises(error, match=words) as refusal:
        treat(folder)
    assert "\n" not in str(refusal.value)
    assert not (folder / "result.json").exists()
    assert not list(folder.rglob("evil"))


def test_all_files_together_count(task: Task) -> None:
    half = b"0" * 600_000
    files = [("trajectory", "trajectory-0.xyz", half), ("velocities", "velocities-1.xyz", half)]
    with pytest.raises(ConfigError, match=r"velocities-1\.xyz unpacks to more than 0\.4 MB"):
        treat(task("trajectory", *files))


def test_the_size_is_that_of_the_unpacked_file(tmp_path: Path) -> None:
    role = drops(1.0)["trajectory"].roles[0]
    (tmp_path / "a.xyz.gz").write_bytes(gzip.compress(WATER * 100))
    assert check_given(tmp_path / "a.xyz.gz", role, 1e6) == len(WATER) * 100


def test_the_command_says_what_is_wrong_in_one_line(run: Run, task: Task, tmp_path: Path) -> None:
    refused(run("treat", tmp_path), "holds no task.json")
    refused(run("treat", task("structure", ("structure", "structure-0.xyz", WATER[:30]))), "cut in the middle")


def test_atoms_in_one_place_are_told_before_networks_are_asked(tmp_path: Path) -> None:
    from mimyria.harmonic.command import normal_modes

    (tmp_path / "h2.xyz").write_text("2\n\nH 0 0 0\nH 0 0 0\n")
    with pytest.raises(MimyriaError, match=r"h2\.xyz: atoms 0 and 1 are 0\.00 Å apart"):
        normal_modes(tmp_path / "h2.xyz", tmp_path / "out", calculator="tblite", apt="molecules", pgt="molecules")


def test_forces_that_cannot_be(task: Task) -> None:
    with pytest.raises(MimyriaError, match="atoms 0 and 1"):
        treat(task("structure", ("structure", "structure-0.xyz", b"2\n\nH 0 0 0\nH 0 0 0\n")))
