"""The functions behind the commands: from Python they do, and refuse, what the command line does."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import mimyria
from conftest import Run, refused
from mimyria.errors import ConfigError, MimyriaError, ModelError, TrajectoryError
from mimyria.frame import Frame


def test_from_labels_to_errors_as_the_commands_do(run: Run, labels: list[Frame], tmp_path: Path) -> None:
    """Files or frames, text or path: the same numbers, and those of the command line."""
    path, model = str(tmp_path / "labels.extxyz"), str(tmp_path / "apt.mym")
    mimyria.write_frames(path, labels[:4])
    summary = mimyria.train([path], model, target="apt", preset="small", epochs=2, plot=tmp_path / "curve.png")
    assert str(summary).startswith("4 training frames, 2 epochs, ")
    assert (tmp_path / "curve.png").exists()
    again = tmp_path / "again.mym"
    settings = mimyria.TrainSettings(target="apt", preset="small", epochs=5)
    assert mimyria.train(labels[:4], again, settings, epochs=2)["epochs"] == 2
    assert repr(mimyria.read_model(model)).startswith("<ResponseModel apt: 1 network")
    report = mimyria.evaluate(model, labels[:4])
    assert report == mimyria.evaluate(mimyria.read_model(again), path)
    assert report == json.loads(run("evaluate", model, path, "--json")[1])
    assert run("evaluate", model, path)[1].strip() == repr(report)
    run("predict", model, path, "--out", tmp_path / "p.extxyz")
    mimyria.write_frames(tmp_path / "q.extxyz", mimyria.predict(Path(model), [path]))
    assert (tmp_path / "p.extxyz").read_text() == (tmp_path / "q.extxyz").read_text()
    bare = next(mimyria.predict(model, labels[:1], sum_rule="none")).tensors["apt"].sum(axis=0)
    assert abs(bare).max() > 1e-4


def test_bundled_models_are_given_by_name(labels: list[Frame]) -> None:
    (both,) = mimyria.predict("water", labels[:1])
    assert both.tensors["apt"].shape == (96, 3, 3)
    assert both.tensors["pgt"].shape == (96, 3, 3, 3)
    (one,) = mimyria.predict(["water_apt"], labels[:1])
    np.testing.assert_allclose(one.tensors["apt"], both.tensors["apt"], atol=1e-5)
    assert repr(one).startswith("<Frame: 96 atoms, cell 9.")


def test_spectra_are_those_of_the_command(run: Run, charges: Path, tmp_path: Path) -> None:
    spectra = mimyria.make_spectra(str(charges), str(tmp_path / "a"), apt="frames", temperature=300)
    assert set(spectra) == {"ir", "vdos"}
    status, _, errors = run("spectrum", charges, "--apt", "frames", "--temperature", 300, "--out", tmp_path / "b")
    assert status == 0, errors
    assert mimyria.compare(tmp_path / "a" / "ir.csv", str(tmp_path / "b" / "ir.csv")).score == 0
    remade = mimyria.make_spectra([tmp_path / "a" / "series.h5"], tmp_path / "c", temperature=300)
    assert mimyria.compare(spectra["ir"], remade["ir"]).score == 0


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({"laser": -532}, ("--laser", "-532")),
        ({"blocks": -3}, ("--blocks", "-3")),
        ({"stride": 0}, ("--stride", "0")),
        ({"window": "boxcar"}, ("--window", "boxcar")),
        ({"resolution": -30}, ("--resolution", "-30")),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_as_the_command_does(
    given: dict[str, object], flags: tuple[str, ...], run: Run, charges: Path, tmp_path: Path
) -> None:
    with pytest.raises(MimyriaError) as refused:
        mimyria.make_spectra(charges, tmp_path / "a", apt="frames", **given)
    status, _, errors = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "b", *flags)
    assert status == 2
    assert errors.strip() == f"mimyria: {refused.value}"


def test_an_unknown_or_missing_setting_is_named(charges: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown setting 'resolutoin'; did you mean resolution"):
        mimyria.make_spectra(charges, tmp_path / "a", resolutoin=20)
    with pytest.raises(ConfigError, match="target must be given"):
        mimyria.train(charges, tmp_path / "apt.mym")
    with pytest.raises(ConfigError, match=r"a picture is \.png"):
        mimyria.evaluate("water_apt", charges, plot="parity.jpg")


def test_what_is_neither_frame_nor_file_is_refused(charges: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a file is given by its name or path, not by None"):
        mimyria.make_spectra(None, tmp_path / "a", apt="frames")
    with pytest.raises(ConfigError, match="by a value of the type int"):
        mimyria.read_frames(5)  # type: ignore[arg-type]
    for wrong, name in ((None, "NoneType"), ([Atoms("H")], "Atoms"), ([None], "NoneType")):
        with pytest.raises(ConfigError, match=f"frames, or files of them, are needed, not {name}"):
            next(mimyria.predict("water", wrong))
    for models, words in ((None, "not by None"), ([3], "the type int"), ([], "no model is given")):
        with pytest.raises(ConfigError, match=words):
            next(mimyria.predict(models, charges))  # type: ignore[arg-type]
    for call in (
        lambda: mimyria.label(charges, None),  # type: ignore[arg-type]
        lambda: mimyria.label(charges, work=None),  # type: ignore[arg-type]
        lambda: mimyria.train(charges, None, target="apt"),  # type: ignore[arg-type]
        lambda: mimyria.evaluate(None, charges),  # type: ignore[arg-type]
        lambda: mimyria.make_spectra(charges, None, apt="water"),  # type: ignore[arg-type]
        lambda: mimyria.read_model(None),  # type: ignore[arg-type]
        lambda: mimyria.write_frames(None, []),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConfigError, match="a file is given by its name or path, not by None"):
            call()
    with pytest.raises(ConfigError, match="frames to write are given as a list, not as NoneType"):
        mimyria.write_frames(charges, None)  # type: ignore[arg-type]


def test_configurations_are_labelled_from_python(molecules: Path, tmp_path: Path) -> None:
    pytest.importorskip("tblite")
    out = tmp_path / "labels.extxyz"
    frames = mimyria.label(str(molecules), out, engine="tblite", target="apt", work=tmp_path / "work")
    assert len(frames) == len(list(mimyria.read_frames(out)))
    assert all("apt" in frame.tensors for frame in frames)


def test_numbers_that_are_none_are_told_with_their_place(labels: list[Frame], run: Run, tmp_path: Path) -> None:
    positions = labels[1].positions.copy()
    positions[18, 1] = np.nan
    broken = [labels[0], replace(labels[1], positions=positions)]
    with pytest.raises(
        TrajectoryError, match=r"^frame 1: the position of atom 18 is \[.* nan .*mend it, or leave this frame out"
    ):
        list(mimyria.predict("water", broken))
    mimyria.write_frames(tmp_path / "broken.extxyz", broken)
    place = f"{tmp_path / 'broken.extxyz'}, frame 1: the position of atom 18"
    refused(run("predict", "water", tmp_path / "broken.extxyz", "--out", tmp_path / "o.extxyz"), place)
    refused(run("evaluate", "water_apt", tmp_path / "broken.extxyz"), place)
    refused(run("train", tmp_path / "broken.extxyz", "--target", "apt", "--out", tmp_path / "m.mym"), place)
    words = ("label", tmp_path / "broken.extxyz", "--engine", "tblite", "--out", tmp_path / "l.extxyz")
    refused(run(*words, "--work", tmp_path / "w"), place, "end before it with --frames")


def test_labels_that_do_not_add_up_are_told(labels: list[Frame], caplog: pytest.LogCaptureFixture) -> None:
    mimyria.evaluate("water_apt", labels[:2])
    assert "Σ P" not in caplog.text
    apt = labels[1].tensors["apt"].copy()
    apt[7, 0, 1] = 50.0
    mimyria.evaluate("water_apt", [labels[0], replace(labels[1], tensors=labels[1].tensors | {"apt": apt})])
    assert "Σ P of 1 of 2 frames is up to 4" in caplog.text
    assert "in frame 1, the first" in caplog.text
    assert "or a number in the file is wrong" in caplog.text


def test_predictions_do_not_pass_for_labels(
    labels: list[Frame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Frames that hold labels give their configurations alone; the header says at what level a network predicts."""
    known = labels[0]
    assert "engine" in known.info
    assert "pgt" in known.tensors
    (made,) = mimyria.predict("water-pbe_apt", [known])
    assert set(made.tensors) == {"apt"}
    assert made.forces is None
    assert not {"engine", "field", "functional"} & set(made.info)
    assert made.info["networks"].startswith("apt at PBE/DZVP-GTH")
    (moving,) = mimyria.predict("water-pbe_apt", [replace(known, info={"md_frame": 3}, tensors={})])
    assert moving.info["md_frame"] == 3
    mimyria.write_frames(tmp_path / "p.extxyz", [made])
    mimyria.evaluate("water-pbe_apt", [tmp_path / "p.extxyz"])
    assert "p.extxyz, frame 0: its tensors are predictions of networks, no labels" in caplog.text


def test_a_prediction_that_is_no_number_is_refused(labels: list[Frame]) -> None:
    positions = labels[0].positions.copy()
    positions[1] = positions[0]
    with pytest.raises(ModelError, match=r"the APT of atom \d+ of a frame is not finite: look for atoms on top of"):
        list(mimyria.predict("water-pbe_apt", [replace(labels[0], positions=positions)]))


@pytest.mark.parametrize("lattice", ["", 'Lattice="0 0 0 0 0 0 0 0 0" ', 'Lattice="nan 0 0 0 nan 0 0 0 nan" '])
def test_a_cell_that_is_none_is_refused(lattice: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.extxyz"
    head = f'{lattice}Properties=species:S:1:pos:R:3 pbc="T T T"'
    path.write_text(f"3\n{head}\nO 0 0 0\nH 0 0 1\nH 0 1 0\n", encoding="utf-8")
    done = run("predict", "water_apt", path, "--out", tmp_path / "p.extxyz")
    said = "the cell is" if "nan" in lattice else "span no volume; state the cell in the file"
    refused(done, "a.extxyz, frame 0", said)
    assert run("info", path)[0] == 0
