"""The whole walk in one page: forces in fields → tensors → networks → rates → spectra.

A made-up molecule stands for the electronic structure: its polarizable charges give exact forces in a field, so every
number on the way is known.
"""

from pathlib import Path

import numpy as np
import pytest

from conftest import band_maximum
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.labels.fields import fit_response, stencil
from mimyria.model.files import read_model
from mimyria.pipeline import make_spectra
from mimyria.settings import SpectrumSettings, TrainSettings
from mimyria.training.evaluate import compare_with_labels, evaluate
from mimyria.training.train import train
from mimyria.units import BOHR, LIGHT_SPEED

STRETCH = 2000.0
"""cm⁻¹."""
CHARGE, GROWTH = 0.4, 3.0
"""e; and dα/dr along the bond, e² a0²/(E_h Å)."""
BOX = 12.0 * np.eye(3)
PERIODIC = np.ones(3, dtype=bool)
NUMBERS = np.array([6, 8])


def forces_in_fields(positions: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Forces (runs, 2, 3), E_h/a0, of a diatomic with charges ±q and polarizability g·(r - 1.2)·n n along its bond."""
    bond = positions[1] - positions[0]
    length = np.linalg.norm(bond)
    axis = bond / length
    along = fields @ axis
    # energy -qE·r - ½ g(r - r0)(E·n)²; its gradient with respect to the second atom, per a0
    radial = 0.5 * GROWTH * BOHR * along[:, None] ** 2 * axis
    across = fields - along[:, None] * axis
    turning = GROWTH * BOHR * (length - 1.2) / length * along[:, None] * across
    force = CHARGE * fields + radial + turning
    return np.stack([-force, force], axis=1)


def vibrating(n_frames: int, timestep: float) -> list[Frame]:
    """The molecule stretching along a fixed axis, without label."""
    axis = np.array([1.0, 2.0, 2.0]) / 3
    omega = 2 * np.pi * LIGHT_SPEED * STRETCH
    share = np.array([-16.0, 12.0])[:, None] / 28  # the centre of mass stays
    frames = []
    for k in range(n_frames):
        length = 1.2 + 0.03 * np.sin(omega * k * timestep)
        speed = 0.03 * omega * np.cos(omega * k * timestep)
        frames.append(Frame(NUMBERS, 6.0 + share * length * axis, BOX, PERIODIC, share * speed * axis, k * timestep))
    return frames


def labelled(frame: Frame) -> Frame:
    fields = stencil(2, 1e-3)
    fit = fit_response(fields, forces_in_fields(frame.positions, fields))
    return Frame(frame.numbers, frame.positions, frame.cell, frame.periodic, tensors=fit.tensors)


@pytest.mark.pictures
def test_walk(tmp_path: Path) -> None:
    # label
    frames = vibrating(400, 4.0)
    write_frames(tmp_path / "labels.extxyz", map(labelled, frames[:16]))
    labels = list(read_frames(tmp_path / "labels.extxyz"))
    np.testing.assert_allclose(labels[0].tensors["apt"][1], CHARGE * np.eye(3), atol=1e-9)
    np.testing.assert_allclose(labels[0].tensors["pgt"].sum(axis=0), 0, atol=1e-6)

    # train
    for name in ("apt", "pgt"):
        settings = TrainSettings(target=name, preset="small", epochs=150, validation=0.2)
        train(labels, settings, tmp_path / f"{name}.mym")
    error = evaluate(compare_with_labels(read_model(tmp_path / "pgt.mym"), labels, "labels"))
    assert error["rmse"] < 0.05 * GROWTH

    # spectrum
    write_frames(tmp_path / "md.extxyz", frames)
    settings = SpectrumSettings(apt=str(tmp_path / "apt.mym"), pgt=str(tmp_path / "pgt.mym"), temperature=300.0)
    spectra = make_spectra([tmp_path / "md.extxyz"], tmp_path / "out", settings)
    for kind, column in (("ir", "n_alpha_cm-1"), ("raman", "VV"), ("vdos", "vdos")):
        spectrum = spectra[kind]
        position, _ = band_maximum(spectrum.wavenumber, spectrum.columns[column], 500, 4000)
        assert abs(position - STRETCH) < 10, kind
    # α = g(r - r0) n n: ρ of a fixed axis, 3/4·... from Tr β² = 2/3 and a = 1/3: VH/VV = (2/30)/(1/9 + 4/45) = 1/3
    raman = spectra["raman"]
    ratio = np.interp(STRETCH, raman.wavenumber, raman.columns["depolarisation_ratio"])
    assert abs(ratio - 1 / 3) < 0.05
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "ir.csv", "raman.csv", "vdos.csv", "bands.json", "static.json", "series.h5", "settings.yaml",
        "spectra.png", "spectra.pdf", "spectra.svg", "spectra.html",
    }  # fmt: skip
