"""The checkpoints of a pass: those of other settings or of earlier versions, those half written."""

from pathlib import Path

import pytest

from conftest import moving_charges
from ensembles import SETTINGS, series_of
from mimyria.errors import SpectrumError
from mimyria.memory import Identity
from mimyria.rates.checkpoint import PartStore

OTHER = Identity({"groups": ["molecules"]})


def test_parts_of_other_settings_are_removed_or_insisted_on(tmp_path: Path) -> None:
    series_of(moving_charges(5, 1.0)[0], tmp_path / "p")
    with pytest.raises(
        SpectrumError, match=r"made with other settings: groups was \['species'\], now it is \['molecules'\]$"
    ):
        PartStore(tmp_path / "p", OTHER, insist=True)
    assert PartStore(tmp_path / "p", SETTINGS).n_frames == 5
    assert PartStore(tmp_path / "p", OTHER).n_frames == 0
    with pytest.raises(SpectrumError, match="is not there"):
        PartStore(tmp_path / "q", SETTINGS, insist=True)


def test_parts_of_an_earlier_version_are_not_mixed_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    series_of(moving_charges(5, 1.0)[0], tmp_path / "p")
    (tmp_path / "p" / "identity.json").rename(tmp_path / "p" / "settings.txt")
    with pytest.raises(SpectrumError, match="made by another version"):
        PartStore(tmp_path / "p", SETTINGS, insist=True)
    assert PartStore(tmp_path / "p", SETTINGS).n_frames == 0
    assert "it is removed" in caplog.text
    assert not (tmp_path / "p" / "settings.txt").exists()


def test_a_half_written_part_does_not_count(tmp_path: Path) -> None:
    series_of(moving_charges(5, 1.0)[0], tmp_path / "p")
    (tmp_path / "p" / ".000001.npz.part").write_bytes(b"half")
    assert PartStore(tmp_path / "p", SETTINGS).n_frames == 5
