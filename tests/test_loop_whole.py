"""The loop as a whole, on labels of a model whose spectra are known exactly."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polarizable
import pytest
import yaml

from ensembles import made_series
from loops import history, read
from mimyria import choices
from mimyria.autotrain import steps as steps_module
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.formats import read_frames, write_frames
from mimyria.info import describe
from mimyria.loop import autotrain
from mimyria.spectra.compare import similarity
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import read_spectrum


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps run this program with one engine more."""
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{here}:{here.parent}")
    monkeypatch.setattr(choices, "ENGINES", (*choices.ENGINES, "polarizable"))
    monkeypatch.setattr(
        steps_module, "program", lambda *words: (sys.executable, str(here / "program.py"), *map(str, words))
    )


def loop_settings(tmp_path: Path, n_frames: int = 560, **changes: Any) -> AutotrainSettings:
    write_frames(tmp_path / "md.xyz", polarizable.run(8, n_frames, 3.0))
    content: dict[str, Any] = {
        "trajectories": ["md.xyz"],
        "probe": 400,
        "selection": {"method": "committee", "test": 4, "first": 8, "batch": 8},
        "convergence": {"score": 0.05, "intensity": 0.15, "patience": 1, "low": 300, "high": 3900},
        "limits": {"cycles": 5},
        "label": {"engine": "polarizable", "workers": 2},
        # Forty epochs are too few for networks held as small as the decay of so few atoms holds them.
        "train": {"committee": 2, "preset": "small", "epochs": 40, "validation": 0.1, "weight_decay": 0.08},
        "spectrum": {"temperature": 300, "resolution": 60, "plot_format": ["png"]},
    }
    for name, value in changes.items():
        content[name] = {**content[name], **value} if isinstance(value, dict) else value
    return read(tmp_path, yaml.safe_dump(content))


def test_the_loop_converges_to_the_spectra_of_the_model(tmp_path: Path, engine: None) -> None:
    settings = loop_settings(tmp_path)
    said = autotrain(settings, tmp_path / "loop")
    rows = history(tmp_path / "loop")
    assert rows[-1]["state"] == "converged"
    assert "converged after" in said
    page = (tmp_path / "loop" / "report.html").read_text(encoding="utf-8")
    assert f"Converged after {len(rows)} cycles and {8 * len(rows)} labels" in page
    assert "could not be shown" not in page
    assert [int(row["labels"]) for row in rows] == [8 * (k + 1) for k in range(len(rows))]
    assert describe(tmp_path / "loop")["state"] == "converged"
    frames = list(read_frames(tmp_path / "md.xyz"))
    rates = polarizable.exact_rates(frames)
    series = made_series(rates, 3.0, volume=np.full(len(frames), frames[0].volume), n_atoms=24)
    how = choose_sampling([series], 60.0, None)
    exact = {"ir": infrared([series], Conditions(300.0), how), "raman": raman([series], Conditions(300.0), how)}
    for kind, column in (("ir", "n_alpha_cm-1"), ("raman", "VV"), ("raman", "VH")):
        ours = read_spectrum(tmp_path / "loop" / "final" / f"{kind}.csv")
        report = similarity(
            (ours.wavenumber, ours.columns[column], None),
            (exact[kind].wavenumber, exact[kind].columns[column], None), 300, 3900,
        )  # fmt: skip
        assert report.similarity > 0.97, (kind, column)
    # a second start finds everything done
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "loop").rglob("*.mym")}
    assert autotrain(settings, tmp_path / "loop") == said
    assert before == {path: path.stat().st_mtime_ns for path in before}
