"""Settings: wrong ones are refused with the same words everywhere; each decides a result, or is harmless."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from typer.main import get_command

from conftest import Run
from contracts import WATER
from mimyria import choices as declarations
from mimyria.autotrain.settings import Selection
from mimyria.cli import app
from mimyria.declare import Settings, declared, flag, from_words, in_words, panel_of
from mimyria.engines.registry import ENGINES
from mimyria.engines.tblite import TBLite
from mimyria.errors import ConfigError
from mimyria.files.layout import LAYOUTS
from mimyria.frame import Frame
from mimyria.labels.label import _Session
from mimyria.model.model import PRESETS
from mimyria.rates.stride import chosen_stride
from mimyria.rates.window import WINDOWS
from mimyria.settings import (
    BandsSettings,
    CompareSettings,
    HarmonicSettings,
    LabelSettings,
    OpticsSettings,
    SpectrumSettings,
    TrainSettings,
)
from mimyria.spectra.kinds import KINDS
from mimyria.spectra.moving import MOVING
from mimyria.spectra.quantum import CORRECTIONS
from mimyria.tensor_pass import pass_identity
from mimyria.training.train import _facts
from mimyria.units import VELOCITY
from mimyria.values import File, Number, Switch

COMMANDS: dict[str, tuple[type[Settings], list[str]]] = {
    "spectrum": (SpectrumSettings, ["md.xyz", "--out", "o"]),
    "label": (LabelSettings, ["md.xyz"]),
    "train": (TrainSettings, ["labels.xyz", "--target", "apt", "--out", "m"]),
    "harmonic": (HarmonicSettings, ["water.xyz", "--out", "o"]),
    "compare": (CompareSettings, ["a.csv", "b.csv"]),
    "bands": (BandsSettings, ["a.csv"]),
    "optics": (OpticsSettings, ["a.csv", "--index", "1.33", "--out", "o"]),
}

WRONG: list[tuple[str, str, Any, str, str]] = [
    ("spectrum", "laser", -532, "-532", "--laser must be positive, not -532"),
    ("spectrum", "laser", math.inf, "inf", "--laser must be positive and finite, not inf"),
    ("spectrum", "frames", (-100, None), "-100:", "--frames takes FIRST:LAST, counted from 0"),
    ("spectrum", "frames", (9, 3), "9:3", "--frames takes FIRST:LAST, counted from 0"),
    ("spectrum", "frames", "all", "all", "--frames takes FIRST:LAST, counted from 0"),
    ("spectrum", "blocks", -3, "-3", "--blocks takes a positive whole number, not -3"),
    ("spectrum", "blocks", "many", "many", "--blocks takes a positive whole number, not 'many'"),
    ("spectrum", "stride", 0, "0", "--stride takes auto or a positive whole number, not 0"),
    ("spectrum", "stride", "often", "often", "--stride takes auto or a positive whole number, not 'often'"),
    ("spectrum", "resolution", -30, "-30", "--resolution must be positive, not -30"),
    ("spectrum", "resolution", math.nan, "nan", "--resolution must be positive and finite, not nan"),
    ("spectrum", "resolution", "fine", "fine", "--resolution takes a number, not 'fine'"),
    ("spectrum", "window", "boxcar", "boxcar", "--window takes gaussian, hann, blackman, not 'boxcar'"),
    ("spectrum", "temperature", 0, "0", "--temperature must be positive, not 0"),
    ("spectrum", "temperature", -math.inf, "-inf", "--temperature must be positive and finite, not -inf"),
    ("spectrum", "pair_cutoff", -3, "-3", "--pair-cutoff must be at least 0, not -3"),
    ("spectrum", "pair_cutoff", math.inf, "inf", "--pair-cutoff must be at least 0 and finite, not inf"),
    ("spectrum", "depth_step", 0, "0", "--depth-step must be positive, not 0"),
    ("spectrum", "depth_from", "top", "top", "--depth-from takes surface or middle, not 'top'"),
    ("spectrum", "epsilon_infinity", 0.5, "0.5", "--epsilon-infinity must be at least 1, not 0.5"),
    ("spectrum", "kinds", ("ir", "uv"), "ir uv", "--kinds takes ir, raman, vdos, sfg, depth, hyper_raman, not 'uv'"),
    ("spectrum", "device", "gpu", "gpu", "--device takes auto, cpu, cuda, cuda:1 or mps, not 'gpu'"),
    ("spectrum", "normal", "w", "w", "--normal takes x, y, z, not 'w'"),
    ("spectrum", "sum_rule", "maybe", "maybe", "--sum-rule takes project or none, not 'maybe'"),
    ("spectrum", "correction", "quantum", "quantum", "--correction takes harmonic, standard, schofield, none, not"),
    ("spectrum", "layout", "fortran", "fortran", "--layout takes field,displacement, displacement,field, mimyria-"),
    ("spectrum", "velocity_unit", "knots", "knots", "--velocity-unit takes A/fs, A/ps, nm/ps, au, ase, bohr/fs, not"),
    ("spectrum", "charge", math.nan, "nan", "--charge must be finite, not nan"),
    ("spectrum", "timestep", -1, "-1", "--timestep must be positive, not -1"),
    ("spectrum", "cell", (1.0, 2.0), "1 2", "--cell takes 3, 6 or 9 numbers or a file, not '1 2'"),
    ("spectrum", "cell", (1.0, 2.0, math.nan), "1 2 nan", "--cell takes 3, 6 or 9 numbers or a file, not '1 2 nan'"),
    ("spectrum", "plot_format", ("gif",), "gif", "--plot-format takes png, pdf, svg, html, none, not 'gif'"),
    (
        "spectrum",
        "plot_format",
        ("png", "none"),
        "png,none",
        "--plot-format takes none alone, or others without it, not",
    ),
    ("spectrum", "plot_width", "3", "3", "--plot-width takes single or double, not '3'"),
    ("spectrum", "tensor", {"dipole": "m.mym"}, "dipole=m.mym", "--tensor takes apt"),
    ("spectrum", "mass", {"H": 0}, "H=0", "--mass H must be positive, not 0"),
    ("label", "mass", {"H": "heavy"}, "H=heavy", "--mass H takes a number, not 'heavy'"),
    ("label", "species", {"OW": ""}, "OW=", "--species OW takes an element, not ''"),
    ("label", "field", 10, "10", "--field takes a strength in E_h/(e a0) (51.4 V/Å), 1e-3 to 1e-2 as a rule, not 10"),
    ("label", "workers", 0, "0", "--workers takes a positive whole number, not 0"),
    ("label", "cluster", -3, "-3", "--cluster takes a positive radius in Å, not -3"),
    ("label", "ion", {"Fe": "two"}, "Fe=two", "--ion Fe takes a whole number, not 'two'"),
    ("label", "scheme", "wannier", "wannier", "--scheme takes field or displacement, not 'wannier'"),
    ("label", "max_residual", 0, "0", "--max-residual must be positive, not 0"),
    ("train", "committee", 0, "0", "--committee takes a positive whole number, not 0"),
    ("train", "weight", {"S": -1}, "S=-1", "--weight S must be at least 0, not -1"),
    ("train", "validation", 1.5, "1.5", "--validation must be at least 0 and below 1, not 1.5"),
    ("train", "learning_rate", math.nan, "nan", "--learning-rate must be positive and finite, not nan"),
    ("train", "preset", "huge", "huge", "--preset takes default, small, large, far, published, not 'huge'"),
    ("harmonic", "temperature", -5, "-5", "--temperature must be positive, not -5"),
    ("harmonic", "symmetry_number", 0, "0", "--symmetry-number takes a positive whole number, not 0"),
    ("harmonic", "profile", "voigt", "voigt", "--profile takes lorentzian or gaussian, not 'voigt'"),
    ("harmonic", "plot_format", ("gif",), "gif", "--plot-format takes png, pdf, svg, html, none, not 'gif'"),
    ("compare", "scale", 0, "0", "--scale takes a number above 0, not 0"),
    ("compare", "scale", math.inf, "inf", "--scale takes a number above 0, not inf"),
    (
        "bands",
        "range",
        ((3800, 3000),),
        "3800 3000",
        "--range takes two wavenumbers (cm⁻¹), the lower first, not",
    ),
    ("optics", "reflection", 95, "95", "--reflection takes an angle of 0 to 90°, not 95"),
    ("optics", "atr", (45.0,), "45", "--atr takes 2 numbers, not '45'"),
    ("optics", "light", "x", "x", "--light takes s or p, not 'x'"),
    ("optics", "at", math.nan, "nan", "--at must be finite, not nan"),
]
NEEDED: dict[type[Settings], dict[str, Any]] = {TrainSettings: {"target": "apt"}, OpticsSettings: {"index": 1.33}}


@pytest.mark.parametrize(("command", "name", "value", "text", "words"), WRONG)
def test_a_wrong_value_is_refused_with_the_same_words(
    run: Run, tmp_path: Path, command: str, name: str, value: Any, text: str, words: str
) -> None:
    part, needed = COMMANDS[command]
    with pytest.raises(ConfigError) as error:
        part(**NEEDED.get(part, {}) | {name: value})
    assert str(error.value).startswith(words)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({name: text}), encoding="utf-8")
    for said in ([flag(name), text], ["--config", tmp_path / "c.yaml"]):
        status, _, told = run(command, *needed, *said)
        assert (status, told.strip()) == (2, f"mimyria: {error.value}")


@pytest.mark.parametrize("part", [part for part, _ in COMMANDS.values()])
def test_no_number_is_infinite_or_none(part: type[Settings]) -> None:
    given = NEEDED.get(part, {})
    for name, one in declared(part).items():
        if isinstance(one.kind, Number):
            for wrong in (math.nan, math.inf, -math.inf, True, [1.0], object()):
                with pytest.raises(ConfigError, match=flag(name)):
                    part(**{**given, name: wrong})
    with pytest.raises(ConfigError, match="--resolution takes a number, not '30'"):
        SpectrumSettings(resolution="30")  # type: ignore[arg-type]


def test_two_sources_of_one_target_are_refused() -> None:
    with pytest.raises(ConfigError, match="--tensor apt and --apt mean the same"):
        SpectrumSettings(apt="a.mym", tensor={"apt": "b.mym"})
    assert SpectrumSettings(pgt="b.mym", tensor={"apt": "a.mym"}).sources == {"apt": "a.mym", "pgt": "b.mym"}


OTHER: dict[str, Any] = {
    "apt": "frames", "pgt": "frames", "tensor": {"apt": "frames"}, "kinds": ("ir",), "groups": ("none",), "normal": "x",
    "charge": 1, "sum_rule": "none", "device": "cpu", "layout": "vasp", "topology": Path("a.pdb"),
    "species": {"OW": "O"}, "mass": {"H": 2.014},
    "velocity_unit": "au", "cell": (9.0, 9.0, 9.0), "velocities": Path("v.xyz"), "timestep": 2.0, "frames": (1, 3),
    "stride": 2, "resolution": 50.0, "window": "hann", "blocks": 3, "temperature": 300.0, "correction": "none",
    "constraints": "rigid", "epsilon_infinity": 1.8, "stokes": True, "laser": 700.0, "porto": ("z(xx)z",),
    "atr": (45.0, 2.4), "film": (10.0, 1.4), "local_field": 1.33, "per": "molecule",
    "reflection": 10.0, "directions": "z", "layer": (10.0,), "pair_radii": (3.5, 5.5), "moving_window": 2.0,
    "pair_cutoff": 3.0, "depth_step": 2.0, "depth_from": "middle",
    "light": {"visible": "45", "infrared": "55", "index": "1.33"},
    "reference": ("e.dat",),
    "title": "a", "plot_format": ("png",), "plot_width": "single",
    "target": "pgt", "preset": "small", "validation": 0.2, "committee": 2, "weight": {"O": 2.0}, "epochs": 3,
    "steps": 500, "time_limit": 1.0, "learning_rate": 0.1, "weight_decay": 0.1, "averaging": 0.5, "warm_up": 3,
    "seed": 1, "gradient_weight": 0.2,
    "engine": "tblite", "field": 1e-3, "scheme": "displacement", "template": Path("t.inp"), "set": {"method": "x"},
    "epsilon": 1.78, "max_residual": 1e-5, "executor": "a.yaml", "command": "cp2k", "workers": 2, "cores": 2,
    "retry": True, "sample": 2, "cluster": 4.0, "centres": 2, "ion": {"Fe": 2}, "beads": Path("md.xyz"),
    "displace": "S",
    "nuclei": "centroid", "level": "PBE", "start": "m.mym",
}  # fmt: skip
"""Another value of every setting than its default."""
HARMLESS = {
    SpectrumSettings: {
        *("kinds", "device", "resolution", "window", "blocks", "temperature", "correction", "epsilon_infinity"),
        *(
            "nuclei",
            "atr",
            "film",
            "local_field",
            "stokes",
            "laser",
            "porto",
            "per",
            *("reflection", "directions", "layer", "pair_radii", "moving_window"),
            *("pair_cutoff", "depth_step", "depth_from", "light"),
            "reference",
            "title",
            "plot_format",
            "plot_width",
        ),
        "executor",
        "workers",
    },
    TrainSettings: {"device", "epochs", "steps", "time_limit"},
    LabelSettings: {"epsilon", "max_residual", "sum_rule", "executor", "command", "workers", "cores", "retry"},
}
"""Settings that the rates, a network, and labels do not depend on."""


@pytest.mark.parametrize("part", HARMLESS)
def test_every_setting_decides_the_result_or_is_known_to_be_harmless(part: type[Settings]) -> None:
    assert set(declared(part)) <= set(OTHER)
    assert set(declared(part)) - set(declared(part, "result")) == HARMLESS[part]


@pytest.mark.parametrize("name", declared(SpectrumSettings))
def test_every_other_setting_enters_the_identity_of_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("md.xyz", "a.pdb", "v.xyz"):
        Path(file).write_text(file)

    def identity(**given: Any) -> Any:
        needed = {"normal": {"kinds": ("sfg",)}} | {
            key: {"epsilon_infinity": 1.8} for key in ("atr", "film", "reflection")
        }
        needed |= {"layer": {"epsilon_infinity": 1.8, "directions": "z"}}
        settings = SpectrumSettings(**needed.get(name, {}) | given)
        trajectory: Any = SimpleNamespace(path=Path("md.xyz"), stored=[settings.frames])
        return pass_identity(trajectory, settings, chosen_stride(settings.stride, 4.0))

    same = not identity(**{name: OTHER[name]}).differences(identity())
    assert same == (name in HARMLESS[SpectrumSettings])


def test_the_faces_of_a_slab_are_other_groups() -> None:
    trajectory: Any = SimpleNamespace(path=Path(__file__), stored=[(0, None)])
    plain, slab = (pass_identity(trajectory, SpectrumSettings(kinds=(kind,)), 1) for kind in ("ir", "sfg"))
    assert slab.differences(plain)


@pytest.mark.parametrize("name", declared(TrainSettings))
def test_every_other_setting_enters_the_checkpoint_of_a_training(labels: list[Frame], name: str) -> None:
    def facts(**given: Any) -> dict[str, Any]:
        return _facts(labels[:1], labels[1:2], TrainSettings(**{"target": "apt", **given}))

    different = facts(**{name: "project" if name == "sum_rule" else OTHER[name]}) != facts()
    assert different == (name != "device")  # epochs, steps and time limit stand there, but may change
    assert (name in declared(TrainSettings, "duration")) == (name in ("epochs", "steps", "time_limit"))


@pytest.mark.parametrize("name", declared(LabelSettings))
def test_every_other_setting_enters_the_identity_of_a_label(tmp_path: Path, name: str) -> None:
    def identity(settings: LabelSettings) -> dict[str, Any]:
        return _Session(TBLite(), settings, {tmp_path: WATER}).identities[tmp_path]

    by_itself, by_engine = {"target", "field", "charge"}, {"engine", "set", "template"}
    by_configuration = {"frames", "sample", "seed", "cluster", "centres", "ion", "scheme", "topology", "cell", "layout"}
    by_configuration |= {"species", "mass", "displace"}
    assert {*by_itself, *by_engine, *by_configuration} == set(declared(LabelSettings, "result"))
    cluster = {"cluster": 3.0} if name in ("epsilon", "centres", "ion") else {}
    other = {"target": "apt"} if name == "target" else {name: OTHER[name]}
    different = identity(LabelSettings(**cluster | other)) != identity(LabelSettings())
    assert different == (name in by_itself)


def test_choices_are_those_of_the_rooms() -> None:
    for names, room in (
        (declarations.WINDOWS, WINDOWS),
        (declarations.CORRECTIONS, CORRECTIONS),
        (declarations.KINDS, KINDS),
        (declarations.PRESETS, PRESETS),
        (declarations.ENGINES, ENGINES),
        (declarations.LAYOUTS, LAYOUTS),
        (declarations.UNITS, VELOCITY),
    ):
        assert sorted(names) == sorted(room)
    known = declared(SpectrumSettings)
    assert {kind for each in known.values() for kind in each.of} <= KINDS.keys()
    assert known["moving_window"].of == tuple(MOVING)


@pytest.mark.parametrize("part", HARMLESS)
def test_settings_come_back_from_their_words(part: type[Settings]) -> None:
    given = {name: OTHER[name] for name in declared(part) if name not in ("tensor", "scheme", "steps", "displace")}
    settings = part(**given)
    assert from_words(part, yaml.safe_load(yaml.safe_dump(plain(in_words(settings))))) == settings
    words = in_words(SpectrumSettings(tensor={"apt": "frames"}))
    assert from_words(SpectrumSettings, words).sources == {"apt": "frames"}
    alone = LabelSettings(displace="S")  # not together with clusters
    assert from_words(LabelSettings, yaml.safe_load(yaml.safe_dump(plain(in_words(alone))))) == alone


def test_zero_is_a_value_that_comes_back() -> None:
    for settings in (SpectrumSettings(charge=0), TrainSettings(target="apt", validation=0, weight_decay=0, warm_up=0)):
        words = plain(in_words(settings))
        assert from_words(type(settings), yaml.safe_load(yaml.safe_dump(words))) == settings
    assert in_words(SpectrumSettings(charge=0))["charge"] == 0


def test_a_cell_is_numbers_or_a_file() -> None:
    assert SpectrumSettings(cell=np.eye(3)).cell == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    for file in ("run-1.cell", "1.cell", "npt run.cell"):
        assert from_words(SpectrumSettings, {"cell": file}).cell == SpectrumSettings(cell=Path(file)).cell == Path(file)
    for wrong in ((10, "x", 10, 10), (10, True, 10), "10 10 10", "10 x 10", "10", "", 10):
        with pytest.raises(ConfigError, match="--cell takes 3, 6 or 9 numbers"):
            SpectrumSettings(cell=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["kinds", "groups"])
def test_what_must_not_be_empty_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{flag(name)} takes at least one"):
        SpectrumSettings(**{name: ()})  # type: ignore[arg-type]
    assert SpectrumSettings(porto=(), plot_format=()).plot_format == ()  # no pictures


def test_words_of_the_command_line_are_values_in_python_too() -> None:
    assert SpectrumSettings(frames="10:40", stride="auto") == SpectrumSettings(frames=(10, 40))  # type: ignore[arg-type]
    assert SpectrumSettings(frames=":").frames == (0, None)  # type: ignore[arg-type]


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="--tensor takes"):
        from_words(SpectrumSettings, {"tensor": ["apt=a", "apt=b"]})


def plain(words: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in words.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_setting_is_a_flag_with_help_in_a_panel(command: str) -> None:
    options = {option.name: option for option in get_command(app).commands[command].params}  # type: ignore[attr-defined]
    part, _ = COMMANDS[command]
    for name, one in declared(part).items():
        option = options[name]
        assert option.help == one.help
        assert option.opts == [flag(name)]
        assert option.rich_help_panel == panel_of(part, name) != ""
        assert option.is_flag == isinstance(one.kind, Switch)


def test_a_laser_that_is_only_implied_goes_with_the_stokes_intensities() -> None:
    asked = SpectrumSettings(stokes=True)
    assert asked.stokes_laser == 532.0
    assert replace(asked, stokes=False).stokes_laser is None
    assert SpectrumSettings(laser=1064.0).stokes_laser == 1064.0


def test_an_unknown_engine_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="--engine takes cp2k, pyscf, tblite, not 'orca'"):
        LabelSettings(engine="orca")


@pytest.mark.parametrize("part", [TrainSettings, SpectrumSettings, LabelSettings, Selection])
def test_wrong_numbers_are_no_files(part: type[Settings]) -> None:
    """Of settings that take numbers or the path of a file."""
    required = {"target": "apt"} if part is TrainSettings else {}
    for name, known in declared(part).items():
        if isinstance(getattr(known.kind, "other", None), File):
            for wrong in ("-7", "nan", "-inf", ".5.", "1 2", [20, 30], True, "false", "1e", ""):
                with pytest.raises(ConfigError, match=rf"{flag(name, part.prefix)} (takes|must be) .*, not "):
                    from_words(part, {**required, name: wrong})
            for right in ("./20", "7th.xyz", "nano.xyz", "true.cell"):
                assert getattr(from_words(part, {**required, name: right}), name) == Path(right)
