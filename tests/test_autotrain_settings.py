"""Settings of the loop: wrong ones are named, files lie beside them, every flag with a file is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints

import pytest

from loops import read
from mimyria.autotrain.settings import (
    STEPS,
    AutotrainSettings,
    Convergence,
    Executors,
    Limits,
    Selection,
    read_autotrain,
)
from mimyria.declare import declared
from mimyria.errors import ConfigError
from mimyria.trajectory import open_trajectories


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("probe: 500", "trajectories must be given"),
        ("trajectories: [a]\nprob: 500", r"unknown setting 'prob'; did you mean probe\?"),
        ("trajectories: [a]\nselection: {bach: 5}", r"unknown setting 'selection.bach'; did you mean batch\?"),
        ("trajectories: [a]\nlabel: {engin: cp2k}", r"unknown setting 'label.engin'; did you mean engine\?"),
        ("trajectories: [a]\ntrain: {target: apt}", "train.target is chosen by autotrain itself"),
        ("trajectories: [a]\nlabel: {target: apt}", "label.target is chosen by autotrain itself"),
        ("trajectories: [a]\nlabel: {displace: S}", "label such frames with `mimyria label --displace`, and name"),
        ("trajectories: [a]\nprobe: many", "probe takes a whole number, not 'many'"),
        ("trajectories: [a]\nlimits: {hours: -1}", "limits.hours must be positive, not -1"),
        (
            "trajectories: [a]\nselection: {first: many}",
            "selection.first is a number of frames, or a file of labels, but ",
        ),
        ("trajectories: [a]\nselection: {method: best}", "selection.method takes committee or random, not 'best'"),
        (
            "trajectories: [a]\nselection: {method: committee}\ntrain: {committee: 1}",
            "needs train.committee: 2 or more",
        ),
        *(
            (f"trajectories: [a]\nselection: {{test: {wrong}}}", f"selection.test {words}.*, not .?{wrong}")
            for wrong, words in (("3.5", "takes a whole number or the path"), ("-1", "must be at least 2"))
        ),
        ("trajectories: []", "trajectories takes at least one"),
        ("trajectories: [a]\nselection: 5", "selection takes lines of the form `name: value`, not 5"),
        ("trajectories: [a]\nlabel: cp2k", "label takes lines of the form `name: value`, not 'cp2k'"),
        ("trajectories: [a]\ntargets: [dipole]", r"targets takes apt, pgt.*, not 'dipole'"),
        ("trajectories: [a]\nconvergence: {score: null}", "convergence.score takes a number, not None"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[1] / "configs").glob("autotrain-*.yaml")))
def test_the_examples_are_valid(path: Path) -> None:
    settings = read_autotrain(path)
    assert settings.trajectories[0].is_absolute()
    if "template" in settings.label:
        assert Path(settings.label["template"]).is_file()  # as the steps see it, which run in folders of their own


def test_files_lie_beside_the_settings(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "trajectories: [a]\nlabel: {template: in.inp, executor: cpu.yaml, field: 2e-3, command: bin/cp2k -x a/b, "
        "set: [schema=x.xml, grid=4]}\nexecutors: {train: gpu.yaml}\ntrain: {committee: 2, validation: 1e-1}\n"
        "spectrum: {reference: [a.dat, /b.dat, raman.VH=c.dat], topology: a.pdb}",
    )
    assert settings.label == {
        "template": f"{tmp_path}/in.inp",
        "executor": f"{tmp_path}/cpu.yaml",
        "field": "2e-3",
        "command": f"{tmp_path}/bin/cp2k -x a/b",
        "set": [f"schema={tmp_path}/x.xml", "grid=4"],
    }
    assert settings.train == {"committee": 2, "validation": "1e-1"}
    assert read(tmp_path, "trajectories: [a]\nlabel: {command: mpirun -np 4 cp2k}").label["command"][:6] == "mpirun"
    assert settings.executors == Executors(train=f"{tmp_path}/gpu.yaml", spectrum="local")
    references = [f"{tmp_path}/a.dat", "/b.dat", f"raman.VH={tmp_path}/c.dat"]
    assert settings.spectrum == {"reference": references, "topology": f"{tmp_path}/a.pdb"}


def test_trajectories_are_read_as_the_flags_of_the_spectra_say(tmp_path: Path) -> None:
    text = "trajectories: [p.xyz]\nspectrum: {velocities: v.xyz, timestep: 2, resolution: 100, cell: "
    for cell in ("9.8 9.8 9.8", "[9.8, 9.8, 9.8]"):
        how = read(tmp_path, f"{text}{cell}}}").spectra
        assert (how.velocities, how.timestep, how.cell) == (tmp_path / "v.xyz", 2, (9.8, 9.8, 9.8))
    with pytest.raises(ConfigError, match=r"spectrum: --cell takes 3, 6 or 9 numbers or a file, not '9\.8 9\.8'"):
        read(tmp_path, f"{text}9.8 9.8}}")


def test_velocities_of_one_trajectory_are_not_those_of_two(tmp_path: Path) -> None:
    how = read(tmp_path, "trajectories: [a.xyz, b.xyz]\nspectrum: {velocities: v.xyz}").spectra
    with pytest.raises(ConfigError, match=r"v.xyz holds the velocities of one trajectory, but 2 are given"):
        open_trajectories([tmp_path / "a.xyz", tmp_path / "b.xyz"], how)


def test_every_flag_that_takes_a_file_is_known() -> None:
    """A new flag with a path is found from everywhere, or it would be looked for in the folder of a job."""
    for part in STEPS.values():
        hints = get_type_hints(part)
        for name, one in declared(part).items():
            assert one.file or "Path" not in str(hints[name]), name


def test_every_setting_is_explained() -> None:
    for part in (AutotrainSettings, Selection, Convergence, Limits, Executors):
        for name, one in declared(part).items():
            assert one.help, name


def test_null_means_no_limit(tmp_path: Path) -> None:
    limits = read(tmp_path, "trajectories: [a]\nlimits: {labels: null, cycles: none, hours: 1e1}").limits
    assert limits == Limits(labels=None, cycles=None, hours=10)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"targets": ["apt", "apt"]}, "targets takes each one once"),
        ({"targets": []}, "targets takes at least one"),
        ({"convergence": {"low": 3000, "high": 300}}, "convergence.high must be above convergence.low, 3000"),
        ({"label": {"epsilon": 1.78}}, "label: --centres, --epsilon and --ion are for clusters"),
    ],
)
def test_contradictions_are_found_before_anything_is_labelled(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AutotrainSettings(trajectories=("md.xyz",), **words)


def test_labels_of_other_levels_and_models_to_start_from(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("apt", "pgt"):
        (tmp_path / "models" / f"{name}.mym").touch()
    settings = read(tmp_path, "trajectories: [a]\nlabels: [cheap.xyz]\ntrain: {start: ./models}")
    assert settings.labels == (tmp_path / "cheap.xyz",)
    assert settings.files == [tmp_path / name for name in ("cheap.xyz", "models/apt.mym", "models/pgt.mym")]
    assert read(tmp_path, "trajectories: [a]\ntrain: {start: water}").training.start == "water"
    with pytest.raises(ConfigError, match="labels takes each one once"):
        AutotrainSettings(trajectories=("md.xyz",), labels=("a.xyz", "a.xyz"))


def test_every_file_that_decides_a_result_is_watched() -> None:
    settings = AutotrainSettings(
        trajectories=("md.xyz",),
        label={"template": "t.inp", "set": ["schema=s.xml", "method=x"], "executor": "slurm.yaml"},
        train={"validation": "held-out.xyz"},
        spectrum={"topology": "md.pdb", "reference": ["ir=measured.txt"]},
    )
    assert settings.files == [Path("t.inp"), Path("s.xml"), Path("held-out.xyz"), Path("md.pdb")]
    assert AutotrainSettings(trajectories=("md.xyz",), train={"validation": 0.2}).files == []


@pytest.mark.parametrize(
    ("spectrum", "message"),
    [
        ('porto: "z(xx)z"', "spectrum: --porto: no raman spectrum is made, only ir, vdos"),
        ("stokes: true", "spectrum: --stokes: no raman spectrum is made"),
        ("laser: 532", "spectrum: --laser: no raman spectrum is made"),
        ("reference: raman=exp.csv", "--reference raman=.*exp.csv: no raman spectrum is made"),
    ],
)
def test_spectra_that_the_targets_do_not_allow_are_found_before_anything_is_labelled(
    tmp_path: Path, spectrum: str, message: str
) -> None:
    text = f"trajectories: [md.xyz]\ntargets: [apt]\nspectrum:\n  {spectrum}\n"
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_autotrain(tmp_path / "a.yaml")
