"""The command `harmonic`: a run from the shell, and mistakes in one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Run, refused
from contracts import WATER
from mimyria.formats import write_frames


def test_from_the_shell(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tblite")
    monkeypatch.chdir(tmp_path)
    write_frames(tmp_path / "water.xyz", [WATER])
    words = ["harmonic", "water.xyz", "--calculator", "tblite", "--relax", "--apt", "tblite", "--out", "o"]
    status, said, error = run(*words, "--plot-format", "html", "--groups", "heavy=element O")
    assert (status, said) == (0, "o: 3 modes in modes.csv, ir.csv, raman.csv\n"), error
    assert "share[heavy]" in (tmp_path / "o" / "modes.csv").read_text()
    status, said, _ = run("harmonic", "--config", "o/settings.yaml", "water.xyz", "--out", "again")
    assert status == 0
    assert (tmp_path / "again" / "modes.csv").read_text() == (tmp_path / "o" / "modes.csv").read_text()


def test_a_tensor_can_be_left_out(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("tblite")
    write_frames(tmp_path / "water.xyz", [WATER])
    words = ("harmonic", tmp_path / "water.xyz", "--calculator", "tblite", "--relax", "--plot-format", "none")
    status, said, error = run(*words, "--pgt", "none", "--out", tmp_path / "ir")
    assert (status, said) == (0, f"{tmp_path / 'ir'}: 3 modes in modes.csv, ir.csv\n"), error
    assert not (tmp_path / "ir" / "raman.csv").exists()
    status, said, error = run(*words, "--pgt", "none", "--apt", "none", "--out", tmp_path / "modes")
    assert (status, said) == (0, f"{tmp_path / 'modes'}: 3 modes in modes.csv\n"), error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["W"], ["give --calculator"]),
        (["absent.xyz", "--calculator", "emt"], ["absent.xyz: no such file"]),
        (["W", "--calculator", "nonsense"], ["--calculator takes cp2k, pyscf, tblite", "'nonsense'"]),
        (["W", "--calculator", "tblite", "--hessian", "h.txt"], ["stands for the Hessian of --calculator"]),
        (["W", "--calculator", "tblite"], ["water.xyz: this structure is no minimum", "eV/Å; relax it with --relax"]),
        (["W", "--calculator", "tblite", "--charge", "1"], ["9 electrons"]),
        (["W", "--calculator", "tblite", "--set", "method=x"], ["--set method takes GFN2-xTB or GFN1-xTB"]),
        (["W", "--calculator", "tblite", "--step", "3"], ["--step takes a displacement"]),
        (["W", "--calculator", "tblite", "--fmax", "0.01"], ["--fmax means nothing without --relax"]),
        (["W", "--hessian", "h.txt", "--step", "0.01"], ["--step means nothing beside --hessian FILE: leave it out"]),
        (["W", "--hessian", "h.txt", "--largest-force", "1"], ["--largest-force means nothing beside --hessian"]),
        (["W", "--calculator", "tblite", "--scale", "96"], ["--scale takes a factor near 1"]),
        (["W", "--calculator", "tblite", "--isotope", "7=D"], ["counted from 0 to 2"]),
        (["W", "--calculator", "tblite", "--isotope", "1=D", "--isotope", "1=T"], ["each ATOM once, not '1=D 1=T'"]),
        (["W", "--calculator", "tblite", "--fixed", "element Pt"], ["holds no atom"]),
        (["W", "--calculator", "tblite", "--fixed", "all"], ["all atoms are fixed"]),
        (["W", "--calculator", "tblite", "--groups", "all"], ["NAME=SELECTION"]),
        (["W", "--calculator", "tblite", "--apt", "frames", "--relax"], ["leave --relax out"]),
        (["W", "--calculator", "tblite", "--profile", "square"], ["--profile takes lorentzian or gaussian"]),
        (["W", "--calculator", "tblite", "--multiplicity", "2"], ["--multiplicity 2", "10 electrons"]),
        (["W", "--calculator", "tblite", "--multiplicity", "3"], ["--multiplicity 3", "closed shells"]),
        (["W", "--calculator", "tblite", "--set", "a=1"], ["tblite has no setting 'a'"]),
        (
            ["W", "--calculator", "tblite", "--set", "basis=6-31g"],
            ["--set basis does not belong to tblite: leave it out"],
        ),
        (["W", "--calculator", "tblite", "--template", "W"], ["--template does not belong to tblite"]),
        (
            ["W", "--calculator", "emt", "--apt", "pyscf", "--command", "x"],
            ["--command does not belong to emt and pyscf"],
        ),
        (["W", "--hessian", "h.txt", "--set", "a=1"], ["--set a does not belong to a Hessian from a file"]),
        (["W", "--calculator", "tblite", "--plot-format", "nix"], ["png, pdf, svg, html, none, not 'nix'"]),
        (["W", "--calculator", "emt", "--apt", "absent.mym"], ["absent.mym"]),
        (["W", "--calculator", "emt", "--apt", "frames"], ["no apt in the frame"]),
    ],
)
def test_mistakes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    """What is wrong is told before anything is computed, but for forces that are too large."""
    monkeypatch.chdir(tmp_path)
    write_frames(tmp_path / "water.xyz", [WATER])
    path = tmp_path / "water.xyz"
    monkeypatch.setattr("mimyria.harmonic.command.make_executor", lambda *_: _here())
    refused(run("harmonic", *[word.replace("W", str(path)) for word in arguments], "--out", "o"), *words)


def _here() -> object:
    from here import Here

    return Here()
