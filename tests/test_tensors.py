"""Where tensors come from: an engine, a model, the frame; and which are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from here import Here
from test_harmonic_modes import frame_of

from contracts import WATER
from mimyria.errors import LabelError, MimyriaError, RunFailed
from mimyria.harmonic.tensors import sources_of, tensors_at
from mimyria.labels.label import whole_charge
from mimyria.level import Level
from mimyria.model.files import write_model
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.settings import HarmonicSettings
from mimyria.targets import TARGETS


def test_the_calculator_gives_them_where_nothing_else_is_said() -> None:
    assert sources_of(HarmonicSettings(calculator="tblite")) == {"apt": "tblite", "pgt": "tblite"}
    assert sources_of(HarmonicSettings(calculator="tblite", apt="water")) == {"apt": "water", "pgt": "tblite"}
    assert sources_of(HarmonicSettings(calculator="emt")) == {}
    assert sources_of(HarmonicSettings(calculator="emt", pgt="pyscf")) == {"pgt": "pyscf"}
    stored = replace(WATER, tensors=dict.fromkeys(("apt", "pgt"), np.zeros(3)))
    assert sources_of(HarmonicSettings(), stored) == {"apt": "frames", "pgt": "frames"}
    assert sources_of(HarmonicSettings(apt="water"), stored) == {"apt": "water", "pgt": "frames"}


def at(frame: Any, sources: dict[str, str], work: Path, **settings: Any) -> Any:
    return tensors_at(frame, sources, HarmonicSettings(**settings), work, Here())


def test_of_an_engine(tmp_path: Path) -> None:
    pytest.importorskip("tblite")
    tensors, said = at(WATER, {"apt": "tblite", "pgt": "tblite"}, tmp_path)
    for name, tensor in tensors.items():
        assert TARGETS[name].translation_error(tensor, 0) < 1e-12  # made exact
    assert said["apt from"] == "tblite"
    assert said["level of pgt"] == "GFN2-xTB (tblite)"
    assert np.trace(tensors["apt"][0]) < 0 < np.trace(tensors["apt"][1])
    again, _ = at(WATER, {"apt": "tblite"}, tmp_path)
    np.testing.assert_allclose(again["apt"], tensors["apt"], atol=1e-3)
    with pytest.raises(RunFailed, match=r"no tensors: .*9 electrons"):
        at(WATER, {"apt": "tblite"}, tmp_path / "b", charge=1)


def test_of_a_model(tmp_path: Path) -> None:
    tensors, said = at(WATER, {"apt": "water", "pgt": "water"}, tmp_path)
    assert tensors["pgt"].shape == (3, 3, 3, 3)
    assert said["pgt from"] == "water"
    with pytest.raises(MimyriaError, match="C"):
        at(frame_of("CH3OH"), {"apt": "water"}, tmp_path)


def test_a_level_is_of_the_model_that_has_several(tmp_path: Path) -> None:
    levels = {"apt": (Level("a", "PBE"), Level("a", "PBE0")), "pgt": (Level("b", "TPSS"),)}
    sources = {name: str(tmp_path / f"{name}.mym") for name in levels}
    for name, own in levels.items():
        shape = replace(PRESETS["small"][name], species=(1, 8))
        write_model(Path(sources[name]), ResponseModel(shape, levels=own), {})
    _, said = at(WATER, sources, tmp_path, level="PBE")
    assert (said["level of apt"], said["level of pgt"]) == ("PBE (a)", "TPSS (b)")


def test_networks_for_neutral_molecules_warn_of_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pair = replace(
        WATER, numbers=np.tile(WATER.numbers, 2), positions=np.vstack([WATER.positions, WATER.positions + 5.0])
    )
    at(WATER, {"apt": "molecules"}, tmp_path)
    assert "neutral molecules" not in caplog.text
    for frame, charge, words in ((WATER, 1, r"an ion with the charge +1 e"), (pair, None, "2 molecules")):
        caplog.clear()
        at(frame, {"apt": "molecules"}, tmp_path, charge=charge)
        assert f"--apt molecules: these networks are for single neutral molecules, and this is {words}" in caplog.text


def test_of_the_frame(tmp_path: Path) -> None:
    apt = np.tile(np.eye(3), (3, 1, 1))
    held = replace(WATER, tensors={"apt": apt})
    tensors, _ = at(held, {"apt": "frames"}, tmp_path)
    assert tensors["apt"] is apt
    with pytest.raises(LabelError, match="--pgt frames: there is no pgt in the frame; its columns are"):
        at(held, {"pgt": "frames"}, tmp_path)
    masked = replace(held, tensors={"apt": np.where(np.arange(3)[:, None, None] == 1, np.nan, apt)})
    with pytest.raises(LabelError, match="atom 1 has no tensor"):
        at(masked, {"apt": "frames"}, tmp_path)


def test_charges() -> None:
    assert whole_charge(replace(WATER, info={"total_charge": -1.0}), None) == -1
    assert whole_charge(WATER, 2) == 2
    with pytest.raises(LabelError, match=r"0\.5 e is not a whole number"):
        whole_charge(WATER, 0.5)
