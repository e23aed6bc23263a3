"""What is refused leaves nothing behind: no folder appears for an input that fails after all quick checks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from contracts import WATER, made_up_run
from dialects import water
from mimyria.errors import Busy, ConfigError, RunFailed
from mimyria.formats import write_frames
from mimyria.memory import withdrawn

LOOP = """
trajectories: [md.xyz]
probe: 100
targets: [apt]
selection: {{test: {test}, first: {first}}}
label: {{engine: tblite, field: {field}}}
"""


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of which each is right, but for one thing."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    frames = water(n_frames=24)
    labelled = [replace(f, tensors={"apt": random.normal(size=(6, 3, 3))}) for f in frames]
    write_frames("md.xyz", frames)
    write_frames("labelled.xyz", labelled)
    write_frames("other.xyz", [replace(f, numbers=np.full(6, 10), tensors=labelled[0].tensors) for f in frames[:3]])
    write_frames("ion.xyz", [replace(WATER, info={"total_charge": 0.5})])
    write_frames("odd.xyz", [replace(WATER, info={"total_charge": 1.0})])
    write_frames("broken.xyz", [replace(WATER, positions=WATER.positions * [1, 1e-3, 1e-3])])
    write_frames("made-up.xyz", made_up_run(3))
    Path("ir.csv").write_text("".join(f"{k}, {k % 7}\n" for k in range(400, 900)), encoding="utf-8")
    for name, settings in {
        "many": {"test": 99999, "first": 2},
        "elements": {"test": 2, "first": "other.xyz"},
        "targets": {"test": "md.xyz", "first": 2},
        "levels": {"test": "labelled.xyz", "first": "made-up.xyz"},
    }.items():
        Path(f"{name}.yaml").write_text(LOOP.format(field=1e-3, **settings), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "spectrum md.xyz --apt frames --out new/folder",
        "spectrum labelled.xyz --apt new.mym --out new/folder",
        "spectrum labelled.xyz --apt frames --out new/folder --reference ir.csv,scale=x",
        "label ion.xyz --engine tblite --out new/labels.xyz --work new/work",
        "label md.xyz --engine tblite --cluster 3 --out new/labels.xyz --work new/work --sample 99",
        "label md.xyz --engine tblite --out new/labels.xyz --work newer/work",
        "label ion.xyz --engine tblite --set method=none --out new/labels.xyz --work new/work",
        "train labelled.xyz --target pgt --out new/m.mym --plot newer/plot.png",
        "train labelled.xyz --target apt --out new/m.mym --plot newer/plot.png --resume",
        "train labelled.xyz --target apt --out new/m.mym --validation other.xyz --epochs 1",
        "train labelled.xyz --target apt --out new/m.mym --start nothing.mym",
        "evaluate nothing.mym labelled.xyz --out new/errors.json --plot newer/parity.png",
        "evaluate water_apt other.xyz --out new/errors.json --plot newer/parity.png",
        "predict water_apt other.xyz --out new/predicted.xyz",
        "harmonic broken.xyz --calculator tblite --out new/modes",
        "harmonic odd.xyz --calculator tblite --charge 1 --out new/modes",
        "harmonic ion.xyz md.xyz --calculator tblite --fixed all --out new/modes",
        "identify ir.csv --model nothing --out new/groups",
        "identify md.xyz --model nothing --out new/groups",
        "compare ir.csv md.xyz --difference new/difference.csv",
        "optics md.xyz --atr 45 --out new/optics.csv",
        "convert md.xyz --out new/m.mym",
        *(f"autotrain {name}.yaml --folder new/loop" for name in ("many", "elements", "targets", "levels")),
    ],
)
def test_no_folder_appears(run: Run, inputs: Path, words: str) -> None:
    before = sorted(inputs.rglob("*"))
    status, _, errors = run(*words.split())
    assert status in (1, 2), errors
    assert sorted(inputs.rglob("*")) == before, errors


@pytest.mark.parametrize(
    ("results", "error", "stays"),
    [
        ((), ConfigError, True),
        (("*.npz",), ConfigError, True),
        (("*.h5",), ConfigError, False),
        (("*.h5",), RunFailed, True),
        (("*.h5",), Busy, True),
        (("*.h5",), KeyboardInterrupt, True),
    ],
)
def test_results_and_logs_stay(tmp_path: Path, results: tuple[str, ...], error: type[Exception], stays: bool) -> None:
    def refuse(folder: Path) -> None:
        with withdrawn(folder, *results):
            (folder / "in").mkdir(parents=True, exist_ok=True)
            (folder / "in" / "x.npz").touch()
            raise error

    with pytest.raises(error):
        refuse(tmp_path / "a" / "b")
    assert (tmp_path / "a").exists() == stays
    (tmp_path / "there").mkdir()
    with pytest.raises(error):
        refuse(tmp_path / "there")
    assert (tmp_path / "there" / "in" / "x.npz").exists()


def test_a_folder_that_exists_stays_by_whatever_path_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "mine.txt").write_text("mine")

    def refuse() -> None:
        with withdrawn(tmp_path / "typo" / ".." / "keep", "*.npz"):
            (tmp_path / "typo").mkdir()
            raise ConfigError("refused")

    with pytest.raises(ConfigError):
        refuse()
    assert (tmp_path / "keep" / "mine.txt").read_text() == "mine"
