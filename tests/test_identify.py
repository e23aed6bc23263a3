"""`mimyria identify` from files to groups, in Python and on the command line."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recognised import PLACES, recogniser
from typer.testing import CliRunner

from mimyria.cli import app
from mimyria.errors import ConfigError, ModelError
from mimyria.identify.command import identify, is_transmittance, remarks_of, write_identified
from mimyria.identify.given import Given
from mimyria.identify.recogniser import write_recogniser
from mimyria.info import describe
from mimyria.model.files import BUNDLED, read_model
from mimyria.settings.of_identify import IdentifySettings

NU = np.arange(300.0, 4001, 2)
LINES = {
    "propanal": """
        314:4 494:12 705:8 832:7 892:42 1051:4 1081:3 1127:23 1199:4 1375:19 1422:8 1455:6 1458:5 1747:234
        2761:132 2914:11 2948:13 2980:40 2990:27 2998:21""",
    "glycolamide": """
        403:219 420:7 494:2 618:63 641:9 817:17 928:4 1050:23 1098:70 1181:1 1224:45 1320:270 1392:40 1450:51
        1481:59 1714:377 2865:42 2886:36 3471:317 3473:75 3577:46""",
    "3-butyn-1-ol": """
        329:2 359:14 493:2 608:25 631:20 757:1 936:5 1002:4 1009:4 1052:99 1163:8 1209:45 1263:1 1302:42
        1382:15 1427:5 1460:2 2152:18 2857:74 2878:56 2926:26 2934:25 3328:4 3689:29""",
}
"""Wavenumbers (cm⁻¹) and infrared intensities (km/mol) of small molecules by GFN2-xTB, corrected as in
`scripts/identify`. They were not trained on; how well the model does on others `benchmarks/identify.py` measures."""


def spectrum(path: Path, *places: float, stretch: float = 0.3) -> Path:
    values = sum(np.exp(-(((NU - place) / 10) ** 2)) for place in (520, 1240, *places))
    values = values + stretch * np.exp(-(((NU - 2950) / 10) ** 2))
    np.savetxt(path, np.column_stack([NU, values]), delimiter=",")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.mym"
    write_recogniser(path, recogniser())
    return path


def test_groups_and_their_bands(tmp_path: Path, model: Path) -> None:
    made = identify(spectrum(tmp_path / "s.csv", PLACES["A"], PLACES["C"]), model=str(model))
    assert made["A"].probability > 0.8
    assert made["C"].probability > 0.8
    assert made["B"].probability < 0.3
    assert made["A"].bands[0].centre == PLACES["A"]
    assert made.groups[0].probability >= made.groups[-1].probability
    both = identify(
        [spectrum(tmp_path / "s.csv", PLACES["A"]), f"raman={spectrum(tmp_path / 'r.csv', PLACES['A'], stretch=5)}"],
        model=str(model),
    )
    assert both["A"].probability > 0.8
    assert {each.kind for each in both.given} == {"infrared", "raman"}


def test_the_command_writes_a_table_and_a_picture(tmp_path: Path, model: Path) -> None:
    path, out = spectrum(tmp_path / "s.csv", PLACES["B"]), tmp_path / "out"
    words = ["identify", str(path), "--model", str(model), "--out", str(out), "--plot-format", "png,svg"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "bands, cm⁻¹" in done.output
    assert done.output.splitlines()[1].split()[0] == "B"
    assert done.output.splitlines()[1].split()[2].startswith("2200")
    lines = (out / "groups.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if line[0] != "#"))
    assert rows[0]["group"] == "B"
    assert "infrared 2200" in rows[0]["bands_cm-1"]
    assert (out / "groups.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / "groups.svg").read_text()
    told = json.loads(CliRunner().invoke(app, [*words[:4], "--json"]).output)
    assert told["groups"]["B"]["bands"][0]["centre"] == 2200
    assert told["warnings"] == []


def test_what_is_strange_is_said(tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    np.save(tmp_path / "comb.npy", np.column_stack([NU, np.sin(NU / 15) ** 2]))
    made = identify(tmp_path / "comb.npy", model=str(model))
    assert made.strangeness > 1
    assert any("unlike anything" in remark or "looks like" in remark for remark in made.remarks)
    assert made.remarks[0] in caplog.text


def test_what_looks_like_the_other_kind_is_said_with_a_way_that_is_open() -> None:
    nu = np.arange(400.0, 4000)
    for stated, said in ((False, "looks like a Raman spectrum.*: raman=s.jdx"), (True, "infrared, as the file says$")):
        (remark,) = remarks_of([Given("infrared", "s.jdx", nu, nu, stated)], strangeness=2.0, other=True)
        assert re.search(said, remark)


def test_a_transmittance_that_nobody_calls_so_is_named_where_it_would_be_like_others() -> None:
    nu = np.arange(450.0, 3900, 2)
    (remark,) = remarks_of([Given("infrared", "s.csv", nu, nu, unsaid=True)], 3.0, other=True, transmitted=True)
    assert "as a transmittance it is like others: --quantity transmittance" in remark
    assert "Raman" not in remark
    (remark,) = remarks_of([Given("infrared", "s.csv", nu, nu)], 3.0, other=True)
    assert "distance 3.0 times" in remark
    assert "looks like a Raman spectrum, but is read as infrared: raman=s.csv takes it as that" in remark


def test_what_nobody_calls_a_transmittance_is_tried_as_one() -> None:
    class Asked:
        def strangeness(self, seen: np.ndarray) -> float:
            return 0.5 if np.nanmax(seen[1]) else 5.0

    nu = np.arange(450.0, 3900, 2)
    thick = 10.0 ** -np.exp(-(((nu - 1700) / 20) ** 2))
    asked: Any = Asked()
    assert is_transmittance([Given("infrared", "s.csv", nu, thick, unsaid=True)], asked)
    assert not is_transmittance([Given("infrared", "s.csv", nu, thick)], asked)
    assert not is_transmittance([Given("infrared", "s.csv", nu, -thick, unsaid=True)], asked)


def test_a_table_of_somebody_else_is_not_written_over(tmp_path: Path, model: Path) -> None:
    (tmp_path / "groups.csv").write_text("my own notes")
    made = identify(spectrum(tmp_path / "s.csv"), model=str(model))
    with pytest.raises(ConfigError, match=r"groups\.csv is not of `mimyria identify`"):
        write_identified(tmp_path, made, IdentifySettings(model=str(model), plot_format=()))
    assert (tmp_path / "groups.csv").read_text() == "my own notes"


def test_what_cannot_be(tmp_path: Path, model: Path) -> None:
    path = spectrum(tmp_path / "s.csv")
    for words, said in (
        (
            ["identify", str(path), "--model", "nothing"],
            "nothing does not exist; with the package comes groups",
        ),
        (["identify", str(tmp_path / "no.csv"), "--model", str(model)], "cannot be read"),
        (["identify", str(path), "--model", str(model), "--column", "x"], "has no column x"),
        (["identify", str(path), "--model", str(model), "--least", "2"], "--least"),
        (["identify", str(path), "--model", str(model), "--out", str(path)], "is a file"),
    ):
        done = CliRunner().invoke(app, words)
        assert done.exit_code != 0
        assert said in f"{done.exception} {done.output}", done.output
    with pytest.raises(ConfigError, match="no spectrum"):
        identify([], model=str(model))


def test_the_card_is_shown(model: Path) -> None:
    facts = describe(model)
    assert facts["trained on"] == "made-up molecules"
    assert facts["groups"] == "A, B, C"


def molecule(path: Path, name: str) -> Path:
    """Write a spectrum of the lines of a molecule, 16 cm⁻¹ wide and with a little noise."""
    values = np.random.default_rng(0).normal(0, 0.2, len(NU))
    for line in LINES[name].split():
        place, height = line.split(":")
        values += float(height) / (1 + ((NU - float(place)) / 8) ** 2)
    np.savetxt(path, np.column_stack([NU, values]), delimiter=",")
    return path


@pytest.mark.parametrize(
    ("name", "there", "not_there"),
    [
        ("propanal", ("C=O", "aldehyde"), ("O-H", "nitrile")),
        ("glycolamide", ("C=O", "amide", "N-H"), ("aldehyde", "nitro")),
        ("3-butyn-1-ol", ("O-H", "alcohol"), ("C=O", "CF3")),
    ],
)
def test_the_bundled_model_tells_the_groups_of_simple_molecules(
    tmp_path: Path, name: str, there: tuple[str, ...], not_there: tuple[str, ...]
) -> None:
    made = identify(molecule(tmp_path / "s.csv", name))
    assert {group: made[group].probability > 0.5 for group in there + not_there} == {
        group: group in there for group in there + not_there
    }
    assert made.remarks == ()
    assert made.strangeness < 1


def test_the_bundled_model_sees_what_is_no_spectrum(tmp_path: Path) -> None:
    nu, values = np.loadtxt(molecule(tmp_path / "s.csv", "propanal"), delimiter=",").T
    for number, (x, y) in enumerate(((nu, values[::-1]), (nu * 2, values), (nu, (nu / 300) % 1))):
        np.save(tmp_path / f"{number}.npy", np.column_stack([x, y]))
        assert identify(tmp_path / f"{number}.npy", quantity="absorbance").remarks


def test_the_bundled_model_has_a_card_and_its_names() -> None:
    facts = describe(Path("groups"))["groups"]
    assert "GFN2-xTB" in facts["lines"]
    assert (BUNDLED / "groups.mym").stat().st_size < 500_000
    with pytest.raises(ModelError, match="a model of functional groups, not a model of response tensors"):
        read_model("groups")
    with pytest.raises(ModelError, match=r"with the package come [^,]\S*"):
        read_model("nothing")
