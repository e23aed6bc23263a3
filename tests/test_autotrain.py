"""The loop: settings, selection, convergence; and whole, on labels of a model whose spectra are known."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import polarizable
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conftest import random_frame
from ensembles import made_series
from mimyria.autotrain import steps as steps_module
from mimyria.autotrain.convergence import Settling, c4, converged, settling
from mimyria.autotrain.folder import RunFolder
from mimyria.autotrain.frames import Place, Pool, draw
from mimyria.autotrain.selection import CANDIDATES, descriptor, disagreement, farthest_points, most_disputed
from mimyria.autotrain.settings import FILES, GIVEN, STEPS, AutotrainSettings, read_autotrain
from mimyria.cli import app
from mimyria.errors import ConfigError
from mimyria.formats import read_frames, write_frames
from mimyria.info import describe
from mimyria.loop import autotrain, reading
from mimyria.spectra.compare import read_table, similarity
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import sampling
from mimyria.spectra.spectrum import Spectrum, write_csv
from mimyria.trajectory import Trajectory

# --- settings -----------------------------------------------------------------------------------


def flags() -> dict[str, list[str]]:
    from typer.main import get_command

    commands = get_command(app).commands  # type: ignore[attr-defined]
    return {step: [parameter.name or "" for parameter in commands[step].params] for step in STEPS}


def read(tmp_path: Path, text: str) -> AutotrainSettings:
    path = tmp_path / "loop.yaml"
    path.write_text(text, encoding="utf-8")
    return read_autotrain(path, flags())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("probe: 500", "trajectories: field required"),
        ("trajectories: [a]\nprob: 500", r"unknown setting prob; did you mean probe\?"),
        ("trajectories: [a]\nselection: {bach: 5}", r"unknown setting selection.bach; did you mean batch\?"),
        ("trajectories: [a]\nlabel: {engin: cp2k}", r"unknown setting label.engin; did you mean engine\?"),
        ("trajectories: [a]\ntrain: {target: apt}", "train.target is chosen by autotrain itself"),
        ("trajectories: [a]\nlabel: {target: apt}", "label.target is chosen by autotrain itself"),
        ("trajectories: [a]\nprobe: many", "probe: input should be a valid integer"),
        ("trajectories: [a]\nlimits: {hours: -1}", "limits.hours: input should be greater than 0"),
        ("trajectories: [a]\nselection: {method: best}", "selection.method: input should be 'committee' or 'random'"),
        (
            "trajectories: [a]\nselection: {method: committee}\ntrain: {committee: 1}",
            "needs train.committee: 2 or more",
        ),
        ("trajectories: []", "trajectories: list should have at least 1 item"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[1] / "configs").glob("autotrain-*.yaml")))
def test_the_examples_are_valid(path: Path) -> None:
    settings = read_autotrain(path, flags())
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
    assert settings.executors.model_dump() == {"train": f"{tmp_path}/gpu.yaml", "spectrum": "local"}
    references = [f"{tmp_path}/a.dat", "/b.dat", f"raman.VH={tmp_path}/c.dat"]
    assert settings.spectrum == {"reference": references, "topology": f"{tmp_path}/a.pdb"}


def test_trajectories_are_read_as_the_flags_of_the_spectra_say(tmp_path: Path) -> None:
    text = "trajectories: [p.xyz]\nspectrum: {velocities: v.xyz, timestep: 2, resolution: 100, cell: "
    for cell in ("9.8 9.8 9.8", "[9.8, 9.8, 9.8]"):
        how = reading(read(tmp_path, f"{text}{cell}}}"))
        assert (how.velocities, how.timestep, how.cell) == (tmp_path / "v.xyz", 2, (9.8, 9.8, 9.8))
    with pytest.raises(ConfigError, match=r"spectrum\.cell takes 3 or 9 numbers, not 2"):
        reading(read(tmp_path, f"{text}9.8 9.8}}"))


def test_velocities_of_one_trajectory_are_not_those_of_two(tmp_path: Path) -> None:
    how = reading(read(tmp_path, "trajectories: [a.xyz, b.xyz]\nspectrum: {velocities: v.xyz}"))
    with pytest.raises(ConfigError, match=r"v.xyz holds the velocities of one trajectory, but 2 are given"):
        how.open_all([tmp_path / "a.xyz", tmp_path / "b.xyz"])


def test_every_flag_that_takes_a_file_is_known() -> None:
    """A new flag with a path must be listed, or it would be looked for in the folder of a job."""
    for command in app.registered_commands:
        if command.callback is not None and (step := command.name or command.callback.__name__) in STEPS:
            hints = get_type_hints(command.callback)
            paths = {name for name, hint in hints.items() if "Path" in str(hint)} - {"return"}
            assert paths - GIVEN[step] - {"plot"} <= FILES[step]


def test_every_setting_is_explained() -> None:
    for model in (AutotrainSettings, *(type(field.default) for field in AutotrainSettings.model_fields.values())):
        if hasattr(model, "model_fields"):
            for name, field in model.model_fields.items():
                assert field.description or name in ("selection", "convergence", "limits", "executors", "seed"), name


def test_a_folder_keeps_its_settings(tmp_path: Path) -> None:
    (tmp_path / "md.xyz").write_text("trajectory")
    settings = read(tmp_path, "trajectories: [md.xyz]")
    RunFolder(tmp_path / "run", settings)
    may = settings.model_copy(update={"limits": replace_section(settings.limits, labels=7), "label": {"workers": 2}})
    RunFolder(tmp_path / "run", may)
    with pytest.raises(ConfigError, match=r"other settings \(probe: 2000, now 300\)"):
        RunFolder(tmp_path / "run", settings.model_copy(update={"probe": 300}))
    with pytest.raises(ConfigError, match=r"train.epochs: None, now 5"):
        RunFolder(tmp_path / "run", settings.model_copy(update={"train": {"committee": 3, "epochs": 5}}))
    (tmp_path / "md.xyz").write_text("trajectory and more")
    RunFolder(tmp_path / "run", may)  # it may grow
    (tmp_path / "md.xyz").write_text("trajektory and more")
    with pytest.raises(ConfigError, match="has changed since"):
        RunFolder(tmp_path / "run", may)


def replace_section(section: Any, **changes: Any) -> Any:
    return section.model_copy(update=changes)


# --- selection ----------------------------------------------------------------------------------


def test_disagreement_is_that_of_the_rates() -> None:
    rates = np.random.default_rng(0).normal(size=(50, 1, 3)) * np.ones((1, 4, 1))
    np.testing.assert_allclose(disagreement([rates]), 0, atol=1e-12)
    rates[7, 0] += 1.0
    assert disagreement([rates]).argmax() == 7
    np.testing.assert_allclose(disagreement([5 * rates]), disagreement([rates]))  # of any unit


@hypothesis_settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), number=st.integers(1, 12))
def test_farthest_points_are_spread_out(seed: int, number: int) -> None:
    rng = np.random.default_rng(seed)
    points, there = rng.normal(size=(40, 3)), rng.normal(size=(3, 3))
    chosen = farthest_points(points, there, number)
    assert len(set(chosen)) == number
    known = [*there, *points[chosen]]
    for k, index in enumerate(chosen):  # each was the farthest from all that was known then
        gaps = np.min([np.linalg.norm(points - one, axis=1) for one in known[: 3 + k]], axis=0)
        assert gaps[index] == pytest.approx(gaps.max())


def test_only_free_frames_are_candidates() -> None:
    disputes, free = np.arange(100.0), np.arange(100) % 2 == 0
    chosen = most_disputed(disputes, free, 4)
    assert chosen == [98 - 2 * k for k in range(4 * CANDIDATES)]


def test_descriptors_do_not_see_rotations_nor_the_order_of_atoms() -> None:
    frame = random_frame(1)
    order = np.random.default_rng(0).permutation(len(frame))
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    other = replace(
        frame, numbers=frame.numbers[order], positions=(frame.positions @ turn.T)[order], cell=frame.cell @ turn.T
    )
    np.testing.assert_allclose(descriptor(other), descriptor(frame), atol=1e-9)
    moved = replace(frame, positions=frame.positions + 0.1 * np.random.default_rng(2).normal(size=(len(frame), 3)))
    assert abs(descriptor(moved) - descriptor(frame)).max() > 0.01


def test_nothing_is_trained_on_beside_the_test_set(tmp_path: Path) -> None:
    write_frames(tmp_path / "a.xyz", polarizable.run(1, 50, 2.0))
    write_frames(tmp_path / "b.xyz", polarizable.run(1, 30, 2.0, seed=1))
    pool = Pool.of(Trajectory(tmp_path / name) for name in ("a.xyz", "b.xyz"))
    assert pool.lengths == (50, 30)
    assert pool.test() == [*(Place(0, k) for k in range(45, 50)), *(Place(1, k) for k in range(27, 30))]
    assert not set(pool.test()) & set(pool.training())
    drawn = draw(pool.training(), 10, np.random.default_rng(0))
    assert drawn == sorted(set(drawn))
    for place, frame in zip(drawn, pool.frames(drawn), strict=True):
        assert frame.time == pytest.approx(2.0 * place.frame)
    assert draw(pool.training()[:8], 10, np.random.default_rng(0)) == pool.training()[:8]


# --- convergence --------------------------------------------------------------------------------


def test_settled_is_within_the_floor_or_the_score() -> None:
    assert Settling(0.02, 0.02, 0.01).settled(0.03)
    assert Settling(0.05, 0.04, 0.06).settled(0.03)
    assert not Settling(0.05, 0.01, 0.02).settled(0.03)
    assert not Settling(0.01, 0.05, 0.02).settled(0.03)
    assert not Settling(float("nan"), 0.0, 0.0).settled(0.03)  # the first cycle
    assert Settling(0.01, float("nan"), float("nan")).settled(0.03)  # one network, no error bars


def test_every_spectrum_must_settle_as_often_as_patience_asks() -> None:
    good, bad = Settling(0.01, 0.01, 0.02), Settling(0.5, 0.01, 0.02)
    assert converged([{"ir": bad}, {"ir": good}, {"ir": good}], 0.03, 2)
    assert not converged([{"ir": good}, {"ir": bad}, {"ir": good}], 0.03, 2)
    assert not converged([{"ir": good, "VV": bad}] * 3, 0.03, 2)
    assert not converged([{"ir": good}], 0.03, 2)
    assert not converged([{}, {}], 0.03, 2)


@pytest.mark.parametrize("members", [2, 3, 5])
def test_the_spread_is_the_score_of_two_networks(members: int) -> None:
    sample = np.random.default_rng(0).normal(size=(200_000, members))
    pairs = abs(sample[:, 0] - sample[:, 1]).mean()
    spread = np.sqrt(2 / np.pi) * np.sqrt(2) * sample.std(axis=1, ddof=1).mean() / c4(members)
    assert spread == pytest.approx(pairs, rel=0.01)


def test_scores_of_known_spectra(tmp_path: Path) -> None:
    x = np.linspace(0, 4000, 401)
    for name, height in (("a", 1.0), ("b", 1.2)):
        (tmp_path / name).mkdir()
        columns = {"wavenumber_cm-1": x, "n_alpha_cm-1": height * np.ones_like(x)}
        columns |= {"n_alpha_error": 0.1 * np.ones_like(x), "n_alpha_spread": 0.2 * np.ones_like(x)}
        write_csv(tmp_path / name / "ir.csv", Spectrum("ir", columns))
    moved = settling(tmp_path / "b", tmp_path / "a", 100, 3000)["ir"]
    assert moved.change == pytest.approx(0.2 / 2.2)
    assert moved.floor == pytest.approx(np.sqrt(2 / np.pi) * np.sqrt(0.02) / 2.2)
    assert moved.spread == pytest.approx(0.2 * np.sqrt(2) / 2.4)  # of two, s = |a - b|/√2, whatever their distribution
    assert np.isnan(settling(tmp_path / "a", None, 100, 3000)["ir"].change)
    three = settling(tmp_path / "b", tmp_path / "a", 100, 3000, members=3)["ir"]
    assert moved.spread / three.spread == pytest.approx(c4(3) / c4(2))
    quarter = settling(tmp_path / "b", tmp_path / "a", 100, 3000, share=0.25)["ir"]
    assert quarter.floor == pytest.approx(moved.floor / 2)  # final spectra, four times as long, are twice as sure
    assert quarter.change == moved.change


# --- the whole loop -----------------------------------------------------------------------------


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps run this program with one engine more."""
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{here}:{here.parent}")
    monkeypatch.setattr(
        steps_module, "command", lambda *words: (sys.executable, str(here / "polarizable.py"), *map(str, words))
    )


def loop_settings(tmp_path: Path, n_frames: int = 560, **changes: Any) -> AutotrainSettings:
    write_frames(tmp_path / "md.xyz", polarizable.run(8, n_frames, 3.0))
    content: dict[str, Any] = {
        "trajectories": ["md.xyz"],
        "probe": 400,
        "selection": {"method": "committee", "test": 8, "first": 12, "batch": 12},
        "convergence": {"score": 0.03, "patience": 1, "low": 300, "high": 3900},
        "limits": {"cycles": 5},
        "label": {"engine": "polarizable", "workers": 2},
        "train": {"committee": 2, "preset": "small", "epochs": 40, "validation": 0.1},
        "spectrum": {"temperature": 300, "resolution": 60, "plot_format": ["png"]},
    }
    for name, value in changes.items():
        content[name] = {**content[name], **value} if isinstance(value, dict) else value
    return read(tmp_path, yaml.safe_dump(content))


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_loop_converges_to_the_spectra_of_the_model(tmp_path: Path, engine: None) -> None:
    settings = loop_settings(tmp_path)
    said = autotrain(settings, tmp_path / "loop")
    rows = history(tmp_path / "loop")
    assert rows[-1]["state"] == "converged"
    assert "converged after" in said
    page = (tmp_path / "loop" / "report.html").read_text(encoding="utf-8")
    assert f"Converged after {len(rows)} cycles and {12 * len(rows)} labels" in page
    assert "could not be shown" not in page
    assert [int(row["labels"]) for row in rows] == [12 * (k + 1) for k in range(len(rows))]
    assert describe(tmp_path / "loop")["state"] == "converged"
    frames = list(read_frames(tmp_path / "md.xyz"))
    rates = polarizable.exact_rates(frames)
    series = made_series(rates, 3.0, volume=np.full(len(frames), frames[0].volume), n_atoms=24)
    how = sampling([series], 60.0, None)
    exact = {"ir": infrared([series], Conditions(300.0), how), "raman": raman([series], Conditions(300.0), how)}
    for kind, column in (("ir", "n_alpha_cm-1"), ("raman", "VV"), ("raman", "VH")):
        ours = read_table(tmp_path / "loop" / "final" / f"{kind}.csv")
        report = similarity(
            (ours.wavenumber, ours.columns[column], None),
            (exact[kind].wavenumber, exact[kind].columns[column], None), 300, 3900,
        )  # fmt: skip
        assert report["similarity"] > 0.97, (kind, column)
    # a second start finds everything done
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "loop").rglob("*.mym")}
    assert autotrain(settings, tmp_path / "loop") == said
    assert before == {path: path.stat().st_mtime_ns for path in before}
