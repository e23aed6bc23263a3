"""Tables as spectrometers, spreadsheets and programs write them: one spectrum in many dialects, or a refusal."""

from pathlib import Path

import numpy as np
import pytest

from mimyria.errors import SpectrumError
from mimyria.spectra.spectrum import read_spectrum

X = [400.5, 401.0, 402.25, 403.0]
Y = [0.125, 12.5, -3.0, 7.75]


def written(separator: str, decimal: str = ".", *, descending: bool = False, end: str = "\n") -> str:
    pairs = sorted(zip(X, Y, strict=True), reverse=descending)
    return end.join(f"{x}{separator}{y}".replace(".", decimal) for x, y in pairs) + end


DIALECTS = {
    "blanks": written("  "),
    "commas": "Wavenumber (cm-1),Absorbance\n" + written(", "),
    "TRAVIS": "#Wavenumber (cm^-1); Spectrum (K*cm)\n" + written("; "),
    "Excel, German": "Wellenzahl;Absorption\n" + written(";", ",", end="\r\n"),
    "semicolon at the end": "cm-1;A.U.;\n" + written(";", ",").replace("\n", ";\n"),
    "decimal commas between tabs, descending": "cm-1\tAbs\n" + written("\t", ",", descending=True),
    "decimal commas between blanks": written("   ", ","),
    "JASCO": "TITLE\twater\nDATA TYPE\tINFRARED SPECTRUM\nXUNITS\t1/CM\nYUNITS\tABSORBANCE\nNPOINTS\t4\nXYDATA\n"
    + written("\t", descending=True)
    + "\n##### Extended Information\n[Comments]\nSample name\twater\n",
    "title in several words": "Wavenumber (cm-1) Absorbance (a.u.)\n" + written(" "),
    "an instrument's header": "PE IR SUBTECH SPECTRUM ASCII\nwater.sp\nMIR 100, 2 scans\n#DATA\n" + written("\t"),
    "pandas": ",wavenumber,absorbance\n" + "".join(f"{k},{x},{y}\n" for k, (x, y) in enumerate(zip(X, Y, strict=True))),
    "Fortran": written(" ").replace("0.125", "1.25D-01"),
}
ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le")


@pytest.mark.parametrize("name", DIALECTS)
def test_one_spectrum_in_every_dialect(tmp_path: Path, name: str) -> None:
    for encoding in ENCODINGS:
        (tmp_path / "a.txt").write_bytes(DIALECTS[name].encode(encoding))
        spectrum = read_spectrum(tmp_path / "a.txt")
        np.testing.assert_array_equal(spectrum.wavenumber, X)
        np.testing.assert_array_equal(spectrum.values(), Y)


def test_names_are_those_of_the_last_line_before_the_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("Gerät: IFS 66\nWellenzahl;Extinktion µ;b\n1,5;2;3\n2,5;3;4\n".encode("cp1252"))
    assert read_spectrum(tmp_path / "a.csv").quantities == ["Extinktion µ", "b"]


@pytest.mark.parametrize(
    ("title", "factor"),
    [("Wavelength (nm);A", 1e7), ("µm;A", 1e4), ("Wavelength/microns;A", 1e4), ("#Wavelength (nm); A", 1e7)],
)
def test_wavelengths_become_wavenumbers(tmp_path: Path, title: str, factor: float) -> None:
    (tmp_path / "a.csv").write_text(f"{title}\n2,5;1\n5;2\n", encoding="utf-8")
    spectrum = read_spectrum(tmp_path / "a.csv")
    np.testing.assert_allclose(spectrum.wavenumber, [factor / 5, factor / 2.5])
    np.testing.assert_array_equal(spectrum.values(), [2, 1])


@pytest.mark.parametrize(
    "text",
    [
        "cm-1,Transmittance\n100,1\n200,0.1\n",
        "cm-1\t%T\n100\t100\n200\t10\n",
        "cm-1;T (%)\n100;100\n200;10\n",
        "# cm-1, Transmission / %\n100,100\n200,10\n",
        "YUNITS\tTRANSMITTANCE\nXYDATA\n100\t100\n200\t10\n",
    ],
)
def test_transmittance_becomes_absorbance(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    spectrum = read_spectrum(tmp_path / "a.csv")
    np.testing.assert_allclose(spectrum.values("absorbance"), [0, 1], atol=1e-12)
    assert "-log10 T" in spectrum.remark()
    assert spectrum.unit() == "1"


def test_each_transmittance_of_several_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("cm-1,T (%),Absorbance\n100,100,5\n200,10,6\n")
    spectrum = read_spectrum(tmp_path / "a.csv")
    assert spectrum.quantities == ["absorbance of T (%)", "Absorbance"]
    np.testing.assert_array_equal(spectrum.values("Absorbance"), [5, 6])
    assert not spectrum.remark("Absorbance")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no rows"),
        (b"Wavelength;A\n1;2\n2;3\n", "over 'Wavelength'"),
        (b"Energy (eV),A\n1,2\n2,3\n", r"over 'Energy \(eV\)'"),
        (b"1;2\n3;\n", "line 2: not a row of numbers: a cell is empty"),
        (b"1;2,5\n2;3.5\n", "line 2: not a row of numbers"),
        (b"1;2\n\nend\n3;4\n", "line 3: not a row of numbers"),
        (b"400,5,0,123\n400,7,0,124\n", "its commas may be separators or decimal signs; separate columns by semi"),
        (b"400,5,0,03\n402,7,0,124\n", "its commas may be separators"),
        (b"a,b\n1,2,3\n2,3,4\n", "2 column names for 3 columns"),
        (b"1.186,161;2\n1.187,1;3\n", "at least two columns of numbers"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a PNG picture, not a spectrum"),
        (b"a\0\0\0\1\0", "is a binary file, not a spectrum"),
        (b"\xff\xfe1", "is not a text file, as spectra are"),
        (b"apt: water\npgt: water\n", "is a YAML file, not a spectrum"),
        (b"nm 1\n-5 2\n0 3\n", "a wavelength of -5"),
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(SpectrumError, match=message) as refused:
        read_spectrum(tmp_path / "a.txt")
    assert "a.txt" in str(refused.value)
