"""References: read as they are named, compared in their unit, refused without a partner."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import Run, made_spectra
from mimyria.errors import ConfigError, SpectrumError
from mimyria.figures.panels import panels_of
from mimyria.figures.reference import lay_over, read_reference
from mimyria.spectra.spectrum import Spectrum


def table(path: Path, spectrum: Spectrum, name: str, factor: float = 1.0, every: int = 3) -> str:
    """Write a column as an experimentalist would, and return the name of the file."""
    rows = np.column_stack([spectrum.wavenumber, factor * spectrum.columns[name]])[::every]
    np.savetxt(path, rows)
    return str(path)


def test_reference_is_read_as_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a, b.txt"
    path.write_text("300 2 7\n100 1 5\n", encoding="utf-8")
    plain = read_reference(str(path))
    assert (plain.kind, plain.against, plain.curve.label, plain.curve.role) == ("ir", "", "a, b", "points")
    np.testing.assert_array_equal(plain.curve.values, [1, 2])
    full = read_reference(f"raman.VH={path},scale=10,column=column_3,label=Bertie, Lan (1996)")
    assert (full.kind, full.against, full.curve.label) == ("raman", "VH", "Bertie, Lan (1996)")
    np.testing.assert_array_equal(full.curve.values, [50, 70])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{},scale=lots", "scale takes a number, not 'lots'"),
        ("{},column=nothing", "has no column nothing; it has column_2"),
        ("{},scal=10", "cannot be read"),
        ("ramen={}", "cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.txt").write_text("1 2\n3 4\n", encoding="utf-8")
    with pytest.raises((ConfigError, SpectrumError), match=message):
        read_reference(text.format(tmp_path / "a.txt"))


def test_infrared_is_compared_in_its_unit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spectra = made_spectra()
    text = table(tmp_path / "exp.txt", spectra["ir"], "n_alpha_cm-1", 1e-3)  # 10³ cm⁻¹, as they do
    (panel, *_), said = lay_over(panels_of(spectra), [read_reference(f"{text},scale=1000")])
    np.testing.assert_allclose(panel.curves[-1].values, panel.curves[0].values[::3])
    # the only difference is the straight line between every third point of bands 60 cm⁻¹ wide
    assert float(said[0].split("similarity ")[1].split()[0]) > 0.99
    assert said[0].endswith("from 0 to 4188 cm⁻¹")
    assert "next to nothing" not in caplog.text
    lay_over(panels_of(spectra), [read_reference(text)])
    assert "next to nothing in common" in caplog.text


def test_raman_is_scaled_to_the_maximum_in_the_common_range(tmp_path: Path) -> None:
    spectra = made_spectra()
    low = {name: values[spectra["raman"].wavenumber < 2000] for name, values in spectra["raman"].columns.items()}
    text = table(tmp_path / "exp.txt", replace(spectra["raman"], columns=low), "VH", 1e7, every=1)
    (_, panel, *_), _ = lay_over(panels_of(spectra), [read_reference(f"raman={text},label=exp")])
    theirs = panel.curves[-1]
    assert theirs.label == "exp, scaled to max. VV"
    np.testing.assert_allclose(theirs.values, panel.curves[0].values[: len(theirs.values)])  # the bend, not the stretch


def test_a_reference_without_partner_is_refused(tmp_path: Path) -> None:
    spectra = made_spectra()
    infrared = panels_of({"ir": spectra["ir"]})
    text = table(tmp_path / "exp.txt", spectra["ir"], "n_alpha_cm-1")
    with pytest.raises(SpectrumError, match="exp: cannot be laid over raman; there is no such spectrum"):
        lay_over(infrared, [read_reference(f"raman={text}")])
    with pytest.raises(SpectrumError, match=r"laid over ir\.n; it needs --epsilon-infinity; there is total"):
        lay_over(infrared[:1], [read_reference(f"ir.n={text}")])
    with pytest.raises(SpectrumError, match=r"laid over ir.S; there is total, O, O with H, H"):
        lay_over(infrared, [read_reference(f"ir.S={text}")])
    np.savetxt(text, np.array([[5000.0, 1.0], [5100.0, 1.0]] * 10))
    with pytest.raises(SpectrumError, match="no range in common"):
        lay_over(infrared, [read_reference(text)])
    with pytest.raises(SpectrumError, match="exp: nothing to scale by"):
        lay_over(panels_of(spectra), [read_reference(f"raman={text}")])


def test_a_reference_is_not_written_over(run: Run, charges: Path, tmp_path: Path) -> None:
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "a", "--temperature", 300)
    theirs = tmp_path / "a" / "ir.csv"
    before = theirs.read_bytes()
    options = ["--apt", "frames", "--temperature", 300, "--reference", f"{theirs},label=before"]
    status, _, error = run("spectrum", charges, *options, "--resolution", 50, "--out", tmp_path / "a")
    assert status == 2
    assert "ir.csv is a --reference, and would be written over; give another --out" in error
    assert theirs.read_bytes() == before


@pytest.mark.pictures
def test_references_are_laid_over_and_stand_in_the_settings(run: Run, charges: Path, tmp_path: Path) -> None:
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "a", "--plot-format", "png", "--temperature", 300)
    theirs = [f"{tmp_path / 'a' / 'ir.csv'},label=the same, again", f"vdos={tmp_path / 'a' / 'vdos.csv'}"]
    options = ["--plot-width", "single", "--plot-format", "png,html", "--title", "charges: free", "--temperature", 300]
    options += [word for text in theirs for word in ("--reference", text)]
    status, text, error = run("spectrum", charges, "--apt", "frames", *options, "--out", tmp_path / "b")
    assert status == 0, error
    assert "the same, again: similarity 1.000 with infrared (total)" in error
    assert "vdos: similarity 1.000 with density of states (total)" in error
    assert "spectra.png, spectra.html" in text
    assert {path.suffix for path in (tmp_path / "b").glob("spectra.*")} == {".png", ".html"}
    assert "similarity 1.000" in (tmp_path / "b" / "spectra.html").read_text(encoding="utf-8")
    status, _, error = run("spectrum", "--config", tmp_path / "b" / "settings.yaml", "--out", tmp_path / "c")
    assert status == 0, error
    assert "the same, again: similarity 1.000" in error
    settings = [yaml.safe_load((tmp_path / name / "settings.yaml").read_text(encoding="utf-8")) for name in "bc"]
    for name in ("reference", "plot_format", "plot_width", "title"):
        assert settings[0][name] == settings[1][name], name
    (tmp_path / "one.yaml").write_text(f"apt: frames\nreference: {theirs[1]}\nplot_format: svg\n", encoding="utf-8")
    status, _, error = run("spectrum", charges, "--config", tmp_path / "one.yaml", "--out", tmp_path / "d")
    assert status == 0, error
    assert "vdos: similarity" in error
