"""Ten labels of a new level of theory, from a trained model, give the spectra of forty from scratch.

The levels are two polarizable models of water, whose spectra are known exactly.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polarizable
import pytest

from ensembles import made_series
from mimyria.elements import frame_masses
from mimyria.frame import Frame
from mimyria.level import Level
from mimyria.model.files import read_model
from mimyria.model.predict import predict
from mimyria.spectra.compare import similarity
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum
from mimyria.training.train import train
from mimyria.trajectory.kinetics import without_drift
from networks import quick

RESOLUTION, TEMPERATURE, TIMESTEP = 80.0, 300.0, 3.0
DEAR = {"CHARGE": 0.48, "SLOPE": 0.9, "ACROSS": 4.0, "ALONG": 7.5, "STRETCHED": 9.0}
"""Constants of the second model, in the units of ``polarizable``."""


def labelled(frames: list[Frame], basis: str) -> list[Frame]:
    return [replace(polarizable.labelled(one), info=Level("a", "PBE", basis).header) for one in frames]


def spectrum(frames: list[Frame], rates: np.ndarray) -> Spectrum:
    volume = np.full(len(frames), frames[0].volume)
    series = made_series({"apt": rates}, TIMESTEP, volume=volume, n_atoms=len(frames[0]))
    how, warm = choose_sampling([series], RESOLUTION, None), Conditions(TEMPERATURE)
    return infrared([series], warm, how)


def test_ten_labels_give_the_spectrum_of_forty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = polarizable.run(8, 400, 5 * TIMESTEP)[::10]
    train(labelled(frames, "small"), quick("apt", epochs=20, validation=0.0), tmp_path / "start.mym")
    for name, value in DEAR.items():
        monkeypatch.setattr(polarizable, name, value)
    dear = labelled(frames, "large")
    train(dear, quick("apt", epochs=20), tmp_path / "forty.mym")
    train(dear[::4], quick("apt", epochs=80), tmp_path / "ten.mym")  # as many steps
    summary = train(dear[::4], quick("apt", epochs=None, start=str(tmp_path / "start.mym")), tmp_path / "begun.mym")
    assert summary["steps"] <= 400

    unseen = polarizable.run(8, 200, TIMESTEP, seed=7)
    exact = spectrum(unseen, polarizable.exact_rates(unseen)["apt"])
    velocities = without_drift(np.array([frame.velocities for frame in unseen]), frame_masses(unseen[0]))

    def score(name: str) -> float:
        """Return Σ|A-B|/Σ|A+B| against the exact spectrum."""
        tensors = [frame.tensors["apt"] for frame in predict(read_model(tmp_path / f"{name}.mym"), unseen)]
        made = spectrum(unseen, np.einsum("tnax,tnx->ta", tensors, velocities))
        curves = [(one.wavenumber, one.columns["n_alpha_cm-1"], None) for one in (made, exact)]
        return similarity(*curves, 300, 3900).score

    scores = {name: score(name) for name in ("ten", "begun", "forty")}
    assert scores["begun"] < 1.1 * scores["forty"], scores
    assert scores["begun"] < 0.7 * scores["ten"], scores
