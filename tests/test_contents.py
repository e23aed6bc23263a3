"""Files in the wrong place: what they hold is said, in one line, whichever command they are given to."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from conftest import DATA, Run
from mimyria.contents import contents_of

Write = Callable[[Path], object]
FILES: dict[str, tuple[Write, str]] = {
    "a.png": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "a PNG picture"),
    "a.pdf": (lambda path: path.write_bytes(b"%PDF-1.4\n%\xac\xdc \xab\xba\n1 0 obj\n"), "a PDF document"),
    "a.svg": (lambda path: path.write_text('<?xml version="1.0"?>\n<svg width="1"/>\n'), "an SVG picture"),
    "a.html": (lambda path: path.write_text("<!DOCTYPE html>\n<html></html>\n"), "a web page"),
    "a.yaml": (lambda path: path.write_text("# mine\napt: water\nframes: '0:5'\n"), "a YAML file"),
    "a.json": (lambda path: path.write_text('{"a": 1}\n'), "a JSON file"),
    "a.csv": (lambda path: path.write_text("wavenumber,intensity\n1,2\n2,3\n"), "a table of numbers"),
    "a.h5": (lambda path: h5py.File(path, "w").close(), "an HDF5 file"),
    "a.npz": (lambda path: np.savez(path, a=np.zeros(3)), "arrays of numpy"),
    "a.mym": (lambda path: torch.save({"a": 1}, path), "a file of torch, such as a model"),
    "empty.txt": (lambda path: path.write_bytes(b""), "an empty file"),
    "noise.bin": (lambda path: path.write_bytes(bytes(range(7, 256)) + b"\0" * 9), "a binary file"),
    "letter.txt": (lambda path: path.write_text("Dear all,\nthis is a letter.\n"), ""),
}
FOLDER, ABSENT = "folder", "absent.txt"
TRIED = ("a.png", "a.yaml", "a.csv", "empty.txt", "noise.bin", "letter.txt", FOLDER, ABSENT)
RUN, MOLECULE, MODEL = "run.xyz", "molecule.xyz", DATA / "water_apt.mym"
COMMANDS: dict[str, tuple[list[object], set[str]]] = {
    "trajectory": (["spectrum", "FILE", "--apt", "water", "--out", "o"], set()),
    "model": (["spectrum", RUN, "--apt", "FILE", "--out", "o"], set()),
    "config": (["spectrum", RUN, "--config", "FILE", "--out", "o"], {"a.yaml"}),
    "reference": (
        ["spectrum", RUN, "--apt", "water", "--reference", "FILE", "--out", "o"],
        {"a.csv"},
    ),
    "spectrum": (["compare", "FILE", "FILE"], {"a.csv"}),
    "labels": (["train", "FILE", "--target", "apt", "--out", "m.mym"], set()),
    "evaluated": (["evaluate", "FILE", MOLECULE], set()),
    "configurations": (["predict", MODEL, "FILE", "--out", "p.extxyz"], set()),
    "imported": (["label", "--import", "FILE", "--out", "l.extxyz"], set()),
    "template": (["label", MOLECULE, "--sample", 1, "--engine", "cp2k", "--template", "FILE", "--work", "w"], set()),
    "executor": (["label", MOLECULE, "--sample", 1, "--engine", "tblite", "--executor", "FILE", "--work", "w"], set()),
    "converted": (["convert", "FILE", "--out", "c.mym"], set()),
    "loop": (["autotrain", "FILE", "--folder", "loop", "--dry-run"], set()),
    "asked": (["info", "FILE"], {"a.csv"}),
}
"""A command for each sort of file that one takes, and which of the files above it can use."""
OF_PYTHON = ("codec", "Error:", "Errno", "pickle", "byte 0x", "NoneType", "<unicode string>", "Traceback")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, (write, _) in FILES.items():
        write(Path(name))
    Path(FOLDER).mkdir()
    Path(MOLECULE).write_text("3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n")
    header = 'Lattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3:vel:R:3 time={}\n'
    atoms = "O 0 0 0 0.001 0 0\nH 0.96 0 0 0.02 0.01 0\nH -0.24 0.93 0 0 0.02 0.01\n"
    Path(RUN).write_text("".join(f"3\n{header.format(2 * k)}{atoms}" for k in range(20)))


@pytest.mark.usefixtures("files")
def test_the_beginning_of_a_file_tells_what_it_holds() -> None:
    for name, (_, what) in FILES.items():
        assert contents_of(Path(name)) == what, name
    assert contents_of(Path(FOLDER)) == contents_of(Path(ABSENT)) == ""
    Path("a.xlsx").write_bytes(b"PK\x03\x04 and no more")
    assert contents_of(Path("a.xlsx")) == "a damaged zip archive"
    assert contents_of(DATA / "water32.extxyz.xz") == "a file compressed by xz"


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("sort", COMMANDS)
def test_a_file_in_the_wrong_place_is_named_in_one_line(run: Run, sort: str) -> None:
    words, fit = COMMANDS[sort]
    for name in (each for each in TRIED if each not in fit):
        status, _, errors = run(*(name if word == "FILE" else word for word in words))
        last = errors.strip().splitlines()[-1]
        assert status == 2, (name, errors)
        assert name in last, (name, errors)
        assert not any(word in last for word in OF_PYTHON), last
        if sort not in ("config", "loop", "executor", "template"):  # which read text, and say which line is wrong
            assert "--topology" not in last or name == "noise.bin", last


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["info", "a.png"], "a.png: is a PNG picture, not a trajectory"),
        (["info", "a.yaml"], "a.yaml is a YAML file of settings, which --config or `mimyria autotrain` reads"),
        (["compare", "a.csv", "a.yaml"], "a.yaml is a YAML file, not a spectrum"),
        (["evaluate", "a.yaml", MOLECULE], "a.yaml is a YAML file, not a model"),
        (["autotrain", "a.pdf"], "a.pdf is a PDF document, not a YAML file"),
        (
            ["predict", MODEL, "letter.txt", "--out", "p.xyz"],
            "letter.txt: is not a trajectory; it begins with 'Dear all,'",
        ),
        (
            ["predict", MODEL, "noise.bin", "--out", "p.xyz"],
            "noise.bin: is not a trajectory of any format that is known",
        ),
        (
            ["spectrum", RUN, "--apt", "water", "--out", "a.csv"],
            "a.csv is a file; --out takes a fo",
        ),
        (["convert", "absent.mym", "--out", "c.mym"], "absent.mym does not exist"),
    ],
)
def test_what_is_said(run: Run, words: list[object], said: str) -> None:
    status, _, errors = run(*words)
    assert status == 2
    assert said in errors


@pytest.mark.usefixtures("files")
def test_info_on_a_spectrum(run: Run) -> None:
    status, said, errors = run("info", "a.csv")
    assert status == 0, errors
    assert "kind: table" in said
    assert "columns: ['intensity']" in said
