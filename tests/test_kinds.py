"""Which kinds of spectra are made: chosen by flags or by what there is, and refused before anything long."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from conftest import moving_charges
from mimyria.cli import app
from mimyria.errors import ConfigError
from mimyria.formats import write_frames
from mimyria.spectra.kinds import KINDS, select_kinds
from mimyria.spectra.spectrum import read_spectrum


def test_kinds_are_chosen() -> None:
    assert select_kinds(None, ["apt", "pgt"]) == ["ir", "raman", "vdos"]
    assert select_kinds(None, ["apt"]) == ["ir", "vdos"]
    assert select_kinds(["sfg", "ir"], ["apt", "pgt"]) == ["ir", "sfg"]
    with pytest.raises(ConfigError, match=f"--kinds takes {', '.join(KINDS)}, not 'nmr'"):
        select_kinds(["ir", "nmr"], ["apt"])
    with pytest.raises(ConfigError, match="--kinds sfg needs --pgt: a model file or `frames`"):
        select_kinds(["sfg"], ["apt"])


@pytest.fixture
def spectrum(tmp_path: Path) -> Callable[..., Exception | None]:
    """The command on point charges with both tensors in the frames; returns what it raises."""
    frames, _ = moving_charges(300, 4.0)
    for frame in frames:
        frame.tensors["pgt"] = np.einsum("nab,c->nabc", frame.tensors["apt"], np.ones(3))
    write_frames(tmp_path / "charges.extxyz", frames)

    def call(*options: object, trajectory: object = tmp_path / "charges.extxyz") -> Exception | None:
        words = [*([trajectory] if trajectory else []), *options]
        result = CliRunner().invoke(app, ["spectrum", *map(str, words)])
        return None if result.exit_code == 0 else result.exception  # type: ignore[return-value]

    return call


def test_kinds_and_geometries_go_from_flags_to_files_and_back(
    spectrum: Callable[..., Exception | None], tmp_path: Path
) -> None:
    both = ["--apt", "frames", "--pgt", "frames"]
    flags = ["--kinds", "raman,vdos", "--kinds", "ir", "--porto", "z(xy)-z,x(yy)x", "--porto", "y(zz)y", "--stokes"]
    assert spectrum(*both, *flags, "--out", tmp_path / "a") is None
    table = read_spectrum(tmp_path / "a" / "raman.csv")
    assert {"z(xy)-z", "stokes_x(yy)x", "y(zz)y_error", "antistokes_VH"} <= set(table.columns)
    settings = yaml.safe_load((tmp_path / "a" / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["kinds"] == ["raman", "vdos", "ir"]
    assert settings["porto"] == ["z(xy)-z", "x(yy)x", "y(zz)y"]
    assert settings["laser"] == 532.0
    given_back = ["--config", tmp_path / "a" / "settings.yaml", "--out", tmp_path / "b"]
    assert spectrum(*given_back, trajectory=None) is None
    for name in ("ir", "raman", "vdos"):
        assert (tmp_path / "a" / f"{name}.csv").read_text() == (tmp_path / "b" / f"{name}.csv").read_text()
    series = tmp_path / "a" / "series.h5"
    assert spectrum("--kinds", "raman", "--laser", 785, "--out", tmp_path / "b", trajectory=series) is None
    assert "ν_L of 785 nm" in (tmp_path / "b" / "raman.csv").read_text(encoding="utf-8")
    assert not (tmp_path / "b" / "ir.csv").exists()  # was of another run
    (tmp_path / "one.yaml").write_text("kinds: vdos\n")  # a list of one may be written without brackets
    assert spectrum("--config", tmp_path / "one.yaml", "--out", tmp_path / "c", trajectory=series) is None
    assert [path.name for path in (tmp_path / "c").glob("*.csv")] == ["vdos.csv"]


SLAB = ["--apt", "frames", "--pgt", "frames", "--kinds", "sfg"]
for each in ("visible=45", "infrared=55", "index=1.33"):
    SLAB += ["--light", each]
SLAB += ["--epsilon-infinity", "1.78"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--apt", "frames", "--kinds", "nmr"], "--kinds takes ir, raman, vdos, sfg, depth, hyper_raman, not 'nmr'"),
        (["--apt", "frames", "--kinds", "sfg"], "--kinds sfg needs --pgt"),
        (["--pgt", "frames", "--kinds", "ir"], "--kinds ir needs --apt"),
        (["--apt", "frames", "--pgt", "frames", "--kinds", "sfg", "--groups", "none"], "leave --groups out"),
        (["--apt", "frames", "--porto", "z(xx)z"], "--porto: no raman spectrum is made, only ir, vdos"),
        (["--apt", "frames", "--stokes"], "--stokes: no raman spectrum is made"),
        (["--pgt", "frames", "--epsilon-infinity", 2], "--epsilon-infinity: no ir spectrum is made"),
        (["--apt", "frames", "--kinds", "vdos", "--reference", "WATER"], "WATER: no ir spectrum is made, only vdos"),
        (
            ["--pgt", "frames", "--pair-radii", "3", "--kinds", "vdos"],
            "--pair-radii: no ir spectrum is made, only vdos",
        ),
        (["--apt", "frames", "--moving-window", 2, "--kinds", "vdos"], "--moving-window: no ir spectrum is made"),
        (["--apt", "frames", "--depth-step", 2], "--depth-step: no depth spectrum is made, only ir, vdos"),
        (["--apt", "frames", "--depth-from", "middle"], "--depth-from: no depth spectrum is made"),
        ([*SLAB, "--atr", "45 2.4"], "--atr: no ir spectrum is made, only sfg"),
        ([*SLAB, "--film", "10"], "--film: no ir spectrum is made, only sfg"),
        ([*SLAB, "--reflection", 0], "--reflection: no ir spectrum is made, only sfg"),
        ([*SLAB[:-2], "--light", "infrared_index=own"], "--light infrared_index=own needs --epsilon-infinity"),
        (["--kinds", "ir"], "--kinds ir needs --apt"),
        ([], "nothing to make a spectrum from"),
        (["--pgt", "frames", "--porto", "z(xz)z"], "cannot be polarised along z"),
        (["--apt", "frames", "--pgt", "frames", "--kinds", "sfg", "--normal", "xy"], "--normal takes x, y, z"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_long(
    spectrum: Callable[..., Exception | None], tmp_path: Path, options: list[str], words: str
) -> None:
    (tmp_path / "WATER").write_text("1000 1\n2000 1\n")
    options = [str(tmp_path / option) if option == "WATER" else option for option in options]
    error = spectrum(*options, "--out", tmp_path / "o")
    assert isinstance(error, ConfigError)
    assert words in str(error)
    assert not (tmp_path / "o" / "series.h5").exists()


def test_a_window_that_does_not_fit_is_refused_before_the_pass(
    spectrum: Callable[..., Exception | None], tmp_path: Path
) -> None:
    error = spectrum("--apt", "frames", "--moving-window", 900, "--out", tmp_path / "o")
    assert isinstance(error, ConfigError)
    assert "must fit into a trajectory twice" in str(error)
    assert not (tmp_path / "o").exists()


def test_of_rates_that_are_there_nothing_else_is_asked(
    spectrum: Callable[..., Exception | None], tmp_path: Path
) -> None:
    assert spectrum("--apt", "frames", "--out", tmp_path / "a") is None
    series = tmp_path / "a" / "series.h5"
    for flags in (["--porto", "z(xx)z"], ["--kinds", "vdos", "--epsilon-infinity", 2]):
        error = spectrum(*flags, "--out", tmp_path / "b", trajectory=series)
        assert isinstance(error, ConfigError)
    assert not (tmp_path / "b").exists()


def test_the_density_of_states_needs_no_tensors(spectrum: Callable[..., Exception | None], tmp_path: Path) -> None:
    assert spectrum("--apt", "frames", "--out", tmp_path / "a") is None
    assert spectrum("--kinds", "vdos", "--out", tmp_path / "b") is None
    assert spectrum("--out", tmp_path / "c", trajectory=tmp_path / "b" / "series.h5") is None
    numbers = [
        [line for line in (tmp_path / folder / "vdos.csv").read_text().splitlines() if not line.startswith("# rates")]
        for folder in "abc"
    ]
    assert numbers[0] == numbers[1] == numbers[2]
    for folder in "bc":
        assert not (tmp_path / folder / "ir.csv").exists()
