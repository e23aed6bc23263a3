"""Every command: mistakes in its words are told in one clear line."""

from pathlib import Path

import pytest

from conftest import Run, refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["spectrum", "absent.xyz", "--apt", "frames", "--out", "o"], ["absent.xyz", "no such file"]),
        (["spectrum", "W", "--out", "o"], ["give --apt or --pgt"]),
        (["spectrum", "W", "--apt", "absent.mym", "--out", "o"], ["absent.mym"]),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--groups", "x"],
            ["molecules", "NAME=SELECTION, not 'x'"],
        ),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--stride", "0"], ["--stride takes auto"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--resolution", "-3"], ["--resolution must be positive"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--frames", "9:3"], ["--frames takes FIRST:LAST"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--cell", "1 2"], ["--cell takes 3, 6 or 9 numbers"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--plot-format", "gif"], ["--plot-format takes png, pdf"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--plot-width", "3"], ["--plot-width takes single or"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--reference", "e.txt"], ["e.txt cannot be read"]),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--reference", "raman=t.txt"],
            ["--reference raman=t.txt", "no raman spectrum is made"],
        ),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--sum-rule", "x"], ["--sum-rule takes project or none"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--velocity-unit", "knots"], ["knots", "A/fs"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--config", "c.yaml"], ["resolutoin", "mean resolution?"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--frames", "250"], ["--frames takes FIRST:LAST"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--temperature", "0"], ["temperature must be positive"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--correction", "x"], ["--correction takes harmonic, "]),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--epsilon-infinity", "0.5"],
            ["must be at least 1"],
        ),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--epsilon-infinity", "nan"],
            ["must be at least 1"],
        ),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--executor", "x"], ["--executor takes local or", "'x'"]),
        (["spectrum", "W", "--apt", "frames", "--out", "W/o"], ["cannot be made: Not a directory"]),
        (["evaluate", "water", "W"], ["one is needed here: give water_apt or water_pgt"]),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--config", "d.yaml"],
            ["--frames takes FIRST:LAST", "quotes"],
        ),
        (["train", "W", "--target", "apt", "--out", "m"], ["has no apt"]),
        (["predict", "m", "W", "--out", "W"], ["is the trajectory itself"]),
        (["train", "W", "--target", "apt", "--out", "W"], ["is a file of labels"]),
        (["evaluate", "water_apt", "W", "--out", "W"], ["is a file that is read"]),
        (["evaluate", "m", "W", "--plot", "p.txt"], ["a picture is .png, .pdf or .svg"]),
        (["evaluate", "W", "W"], ["water.extxyz is no mimyria model; give a file of `mimyria train`"]),
        (["compare", "W", "absent.csv"], ["water.extxyz"]),
        (["info", "absent"], ["absent does not exist"]),
        (["info", "."], ["no settings.yaml"]),
        (["spectrum", "--nonsense"], ["No such option"]),
    ],
)
def test_mistakes(
    run: Run, water: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text("resolutoin: 5\n")
    (tmp_path / "d.yaml").write_text("frames: 10:50\n")
    (tmp_path / "t.txt").write_text("1 2\n3 4\n")
    refused(run(*[word.replace("W", str(water)) for word in arguments]), *words)
