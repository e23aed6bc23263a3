"""The files of modes: what they say, and that nothing of an earlier run stays."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_harmonic_modes import frame_of, sprung
from test_lines import bond_tensors

from mimyria.formats import read_frames
from mimyria.harmonic.command import assemble
from mimyria.harmonic.hessian import Point
from mimyria.harmonic.modes import normal_modes
from mimyria.harmonic.output import Harmonic, write_harmonic
from mimyria.settings import HarmonicSettings
from mimyria.spectra.spectrum import read_spectrum


def made(name: str = "CH3OH", *, tensors: bool = True, **settings: Any) -> Harmonic:
    frame = frame_of(name)
    frame = replace(frame, tensors=bond_tensors(frame) if tensors else {})
    hessian = sprung(frame)
    fixed = np.zeros(len(frame), dtype=bool)
    chosen = HarmonicSettings(**settings)
    return assemble(Point(frame, hessian), normal_modes(frame, hessian), fixed, chosen, {"calculator": "springs"})


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(line for line in path.read_text().splitlines() if not line.startswith("#")))


def test_a_folder(tmp_path: Path) -> None:
    whole = made(laser=785.0)
    write_harmonic(tmp_path, whole, HarmonicSettings(plot_format=("png", "html")))
    rows = rows_of(tmp_path / "modes.csv")
    np.testing.assert_allclose([float(row["wavenumber_cm-1"]) for row in rows], whole.wavenumbers, rtol=1e-6)
    assert {"ir_intensity_km_mol-1", "raman_activity_A4_u-1", "depolarisation_ratio", "share[stretch]"} < set(rows[0])
    text = (tmp_path / "modes.csv").read_text()
    assert text.startswith("# mimyria ")
    assert "# calculator: springs" in text
    infrared, raman = (read_spectrum(tmp_path / f"{kind}.csv") for kind in ("ir", "raman"))
    assert infrared.kind == "ir"
    assert infrared.unit("epsilon_decadic") == "L mol-1 cm-1"
    assert raman.unit("cross_section_VV") == "cm² sr⁻¹ cm"
    assert "785 nm" in raman.header["cross_section_*"]
    assert {(row["quantity"], row["unit"]) for row in rows_of(tmp_path / "thermochemistry.csv")} >= {
        ("gibbs", "eV"),
        ("entropy", "J mol-1 K-1"),
    }
    (stored,) = read_frames(tmp_path / "structure.extxyz")
    np.testing.assert_allclose(stored.tensors["pgt"], whole.frame.tensors["pgt"], atol=1e-9)
    np.testing.assert_allclose(np.load(tmp_path / "hessian.npy"), whole.hessian)
    assert (tmp_path / "spectra.png").exists()
    assert (tmp_path / "modes.html").exists()
    assert not (tmp_path / "spectra.html").exists()
    without = made(tensors=False)
    write_harmonic(tmp_path, without, HarmonicSettings(plot_format=("png",)))
    assert not (tmp_path / "ir.csv").exists()
    assert not (tmp_path / "modes.html").exists()
    assert "ir_intensity_km_mol-1" not in rows_of(tmp_path / "modes.csv")[0]
    assert repr(without).startswith("<Harmonic: 6 atoms, 12 modes: ")


def test_a_scale_factor_is_stated_and_used_throughout() -> None:
    plain, scaled = made(), made(scale=0.5)
    np.testing.assert_allclose(scaled.wavenumbers, plain.wavenumbers / 2)
    assert scaled.thermochemistry.values["zero_point"] == pytest.approx(plain.thermochemistry.values["zero_point"] / 2)
    np.testing.assert_allclose(scaled.columns["ir_intensity_km_mol-1"], plain.columns["ir_intensity_km_mol-1"])
    ours, theirs = (each.spectra["ir"] for each in (scaled, plain))
    assert ours.wavenumber[ours.values().argmax()] == pytest.approx(
        theirs.wavenumber[theirs.values().argmax()] / 2, abs=1
    )


@pytest.mark.parametrize("name", ["H", "C6H6"])
def test_molecules_without_bands(tmp_path: Path, name: str) -> None:
    """One atom has no modes, and planes of springs stand still; all files are written."""
    write_harmonic(tmp_path, made(name), HarmonicSettings())
    assert {path.name for path in tmp_path.iterdir()} >= {"modes.csv", "ir.csv", "raman.csv", "modes.html"}
