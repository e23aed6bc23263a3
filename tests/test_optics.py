"""`mimyria optics`, its Python function, and references that are inverted: files, flags, what is refused."""

from pathlib import Path

import numpy as np
import pytest
from oscillators import HOW, known, off, shown

from conftest import Run, made_spectra, refused
from mimyria.errors import ConfigError, SpectrumError
from mimyria.figures.panels import panels_of
from mimyria.figures.reference import lay_over, read_reference
from mimyria.frame import Array
from mimyria.spectra.compare import compare
from mimyria.spectra.optics import optics
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum, read_spectrum


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "one of --atr, --reflection and --film"),
        ({"atr": (45.0, 2.4), "film": (2.0,)}, "one of --atr, --reflection and --film"),
        ({"atr": (95.0, 2.4)}, "--atr takes an angle"),
        ({"reflection": 95.0, "light": "s"}, "--reflection takes an angle"),
        ({"reflection": 30.0}, "s-polarised, or unpolarised at no more than 15°"),
        ({"reflection": 5.0, "light": "p"}, "s-polarised, or unpolarised"),
        ({"atr": (45.0, 2.4), "light": "x"}, "--light takes s or p"),
        ({"atr": (45.0, 2.4), "index": 0.5}, "--index takes the refractive index"),
        ({"atr": (45.0, 2.4), "at": 9000.0}, "goes from 10 to 7990 cm"),
        ({"atr": (45.0, 2.4), "scale": 1000.0}, "no n and κ show this as atr_absorbance"),
        ({"reflection": 0.0, "scale": 100.0}, "a reflectance lies between 0 and 1"),
        ({"reflection": 0.0, "index": 1.0}, "but 0 with the index 1"),
        *(({"atr": (45.0, 2.4), "scale": scale}, "--scale takes a number above 0") for scale in (0.0, -1.0, np.nan)),
    ],
)
def test_what_is_refused(given: dict[str, object], message: str) -> None:
    measured = shown("mirror" if "reflection" in given else "diamond", step=20.0)
    with pytest.raises((ConfigError, SpectrumError), match=message):
        optics(measured, **{"index": 1.33} | given)  # type: ignore[arg-type]


def test_a_reflectance_on_another_scale_than_the_index() -> None:
    with pytest.raises(SpectrumError, match=r"at 7990 cm⁻¹ is 0.01\d*, but 0.11\d* with the index 2"):
        optics(shown("mirror", step=20.0), reflection=0.0, index=2.0)


def test_jcamp_says_what_it_is(tmp_path: Path) -> None:
    """A reflectance and ATR are no absorption: named, refused beside n·α, and inverted when it is said how."""
    measured = shown("diamond", step=8.0)
    nu, values = measured.wavenumber, measured.values()
    ours = Spectrum("ir", {WAVENUMBER: nu, "n_alpha_cm-1": np.ones(len(nu))})

    def written(unit: str, ordinates: Array, procedure: str = "") -> Path:
        path = tmp_path / "a.dx"
        head = f"##TITLE=a\n##JCAMP-DX=4.24\n##SAMPLING PROCEDURE={procedure}\n##XUNITS=1/CM\n##YUNITS={unit}\n"
        rows = "\n".join(f"{x:.10g} {y:.10g}" for x, y in zip(nu, ordinates, strict=True))
        path.write_text(f"{head}##NPOINTS={len(nu)}\n##XYPOINTS=(XY..XY)\n{rows}\n##END=\n")
        return path

    for unit, ordinates, procedure in (
        ("ABSORBANCE", values, "ATR, diamond, 45 degrees"),
        ("ATR UNITS", values, ""),
        ("TRANSMITTANCE", 10**-values, "attenuated total reflection"),
        ("REFLECTANCE", 10**-values, "ATR"),
    ):
        path = written(unit, ordinates, procedure)
        table = read_spectrum(path)
        assert table.quantities == ["atr_absorbance"], unit
        np.testing.assert_allclose(table.values(), values, atol=1e-8)
        with pytest.raises(SpectrumError, match="is atr_absorbance, and no absorption: `mimyria optics`"):
            compare(ours, path)
    with pytest.raises(SpectrumError, match=r"lay it over ir\.ATR, or say how it was measured"):
        read_reference(str(path))
    reference = read_reference(f"{path},atr=45:2.4,index={known(measured)}")
    np.testing.assert_allclose(
        reference.curve.values, optics(measured, **HOW["diamond"], index=known(measured)).values(), rtol=1e-4, atol=0.5
    )
    assert read_reference(f"ir.ATR={path}").curve.values == pytest.approx(values, abs=1e-8)
    for text in ("atr=45", "atr=x:y", "reflection=1:2"):
        with pytest.raises(ConfigError, match="takes atr=ANGLE:INDEX"):
            read_reference(f"{path},{text},index=1.3")
    with pytest.raises(ConfigError, match="give index=N"):
        read_reference(f"{path},atr=45:2.4")
    with pytest.raises(SpectrumError, match="its column atr_absorbance is atr_absorbance, and not"):
        optics(path, reflection=0.0, index=1.33)
    for unit, ordinates in (("REFLECTANCE", 10**-values), ("%R", 100 * 10**-values), ("LOG(1/R)", values)):
        table = read_spectrum(written(unit, ordinates))
        assert table.quantities == ["reflectance"], unit
        np.testing.assert_allclose(table.values(), 10**-values, atol=1e-8)
    with pytest.raises(SpectrumError, match="is reflectance, and no absorption"):
        compare(ours, path)
    assert read_spectrum(written("ABSORBANCE", values)).quantities == ["absorbance"]


def test_references_without_their_curve_name_the_flag(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    np.savetxt(path, np.column_stack([shown("diamond").wavenumber, shown("diamond").values()]))
    with pytest.raises(SpectrumError, match=r"ir\.ATR; it needs --epsilon-infinity"):
        lay_over(panels_of(made_spectra()), [read_reference(f"ir.ATR={path}")])


def test_the_command(run: Run, tmp_path: Path) -> None:
    path, out = tmp_path / "a.txt", tmp_path / "o.csv"
    measured = shown("diamond", step=8.0)
    np.savetxt(path, np.column_stack([measured.wavenumber, measured.values()]))
    command = ["optics", path, "--out", out, "--index", known(measured)]
    status, text, error = run(*command, "--atr", "45 2.4")
    assert status == 0, error
    assert "o.csv: n·α, n, κ" in text
    assert off(read_spectrum(out), 3000, 3800) < 0.01
    refused(run(*command, "--atr", "45"), "--atr takes 2 numbers")
    refused(run(*command), "one of --atr, --reflection and --film")
    refused(run("optics", path, "--out", path, "--index", 1.3, "--atr", "45 2.4"), "is what was measured")
