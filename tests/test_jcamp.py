"""JCAMP-DX: the same spectrum in every form of its table is the same, and what is damaged is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimyria.errors import SpectrumError
from mimyria.measured.jcamp import read_jcamp
from mimyria.spectra.compare import compare
from mimyria.spectra.spectrum import read_spectrum

FIRST, STEP, FACTOR = 4000.0, -3.857, 0.001
ORDINATES = [0, 0, 0, 12, 12, 12, 12, -3, 250, 251, 260, 260, 260, 1999, -1999, 7, 7, 7, 5, 40, 41, 42, 43, 43, 0]
SQZ, DIF, DUP = "@ABCDEFGHI", "%JKLMNOPQR", "STUVWXYZs"
NEGATIVE = {SQZ: "abcdefghi", DIF: "jklmnopqr"}


def letters(value: int, positive: str) -> str:
    """Write a number with its sign and first digit as one letter."""
    digits = str(abs(value))
    first = NEGATIVE[positive][int(digits[0]) - 1] if value < 0 else positive[int(digits[0])]
    return first + digits[1:]


def repeat(number: int) -> str:
    digits = str(number)
    return DUP[int(digits[0]) - 1] + digits[1:]


def with_repeats(items: list[str]) -> str:
    text, k = "", 0
    while k < len(items):
        same = next((n for n in range(k, len(items)) if items[n] != items[k]), len(items)) - k
        text += items[k] + (repeat(same) if same > 1 else "")
        k += same
    return text


def table(form: str, values: list[int], a_line: int = 7) -> list[str]:
    """Return the lines of an (X++(Y..Y)) table; those of differences begin with the check of the line before."""
    lines = []
    for begin in range(0, len(values), a_line):
        here = values[begin : begin + a_line]
        x = f"{FIRST + STEP * begin:.3f}"
        match form:
            case "AFFN":
                lines.append(" ".join([x, *map(str, here)]))
            case "PAC":
                lines.append(x + "".join(f"{value:+d}" for value in here))
            case "SQZ":
                lines.append(x + "".join(letters(value, SQZ) for value in here))
            case "DUP":
                lines.append(x + with_repeats([letters(value, SQZ) for value in here]))
            case "DIF" | "DIFDUP":
                before = values[begin - 1] if begin else None
                start = begin - 1 if begin else 0
                ordinates = here if before is None else [before, *here]
                steps = [letters(step, DIF) for step in np.diff(ordinates).tolist()]
                written = with_repeats(steps) if form == "DIFDUP" else "".join(steps)
                lines.append(f"{FIRST + STEP * start:.3f}" + letters(ordinates[0], SQZ) + written)
    if form.startswith("DIF"):  # the check of the last line
        lines.append(f"{FIRST + STEP * (len(values) - 1):.3f}" + letters(values[-1], SQZ))
    return lines


def jcamp(lines: list[str], form: str = "XYDATA=(X++(Y..Y))", points: int = len(ORDINATES), **labels: object) -> str:
    stated = {
        "TITLE": "water",
        "JCAMP-DX": "4.24 $$ of a test",
        "DATA TYPE": "INFRARED SPECTRUM",
        "XUNITS": "1/CM",
        "YUNITS": "ABSORBANCE",
        "FIRSTX": FIRST,
        "LASTX": FIRST + STEP * (points - 1),
        "XFACTOR": 1.0,
        "YFACTOR": FACTOR,
        "NPOINTS": points,
    } | {name.replace("_", " "): value for name, value in labels.items()}
    head = [f"##{name}={value}" for name, value in stated.items() if value != ""]
    return "\n".join([*head, f"##{form}", *lines, "##END=", ""])


def assert_right(path: Path, ordinates: list[int] = ORDINATES) -> None:
    spectrum = read_spectrum(path)
    np.testing.assert_allclose(spectrum.wavenumber[::-1], FIRST + STEP * np.arange(len(ordinates)), atol=2e-3)
    np.testing.assert_allclose(spectrum.values()[::-1], FACTOR * np.array(ordinates), atol=1e-12)


FORMS = ("AFFN", "PAC", "SQZ", "DUP", "DIF", "DIFDUP")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_spectrum(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.jdx"
    path.write_text(jcamp(table(form, ORDINATES)))
    assert_right(path)
    spectrum = read_spectrum(path)
    assert (spectrum.kind, spectrum.quantities, spectrum.unit()) == ("table", ["absorbance"], "1")
    assert compare(path, spectrum).similarity == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-99999, 99999) | st.just(5), min_size=2, max_size=60), st.sampled_from(FORMS))
def test_any_ordinates_come_back(tmp_path_factory: pytest.TempPathFactory, values: list[int], form: str) -> None:
    path = tmp_path_factory.mktemp("any") / "a.dx"
    path.write_text(jcamp(table(form, values), points=len(values)))
    assert_right(path, values)


def test_pairs_with_factors_comments_and_other_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.dx"
    pairs = [(FIRST + STEP * k, value) for k, value in enumerate(ORDINATES)]
    written = [
        f"{x / 2:.6f}, {y}; {u / 2:.6f}, {v} $$ two" for (x, y), (u, v) in zip(pairs[:-1:2], pairs[1::2], strict=True)
    ]
    written.append(f"{pairs[-1][0] / 2:.6f}, {pairs[-1][1]}")
    text = jcamp(written, "XYPOINTS=(XY..XY)", XFACTOR=2.0)
    path.write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
    assert_right(path)


def test_lines_whose_abscissae_are_rounded(tmp_path: Path) -> None:
    """Also where a line after a difference begins at its first new ordinate, as some programs have it."""
    path = tmp_path / "a.dx"
    rounded = [f"{float(line.split()[0]):.0f} {line.split(maxsplit=1)[1]}" for line in table("AFFN", ORDINATES)]
    path.write_text(jcamp(rounded))
    assert_right(path)
    lines = table("DIF", ORDINATES)
    moved = [lines[0], *(f"{float(line[:8]) + STEP:.3f}{line[8:]}" for line in lines[1:-1])]
    path.write_text(jcamp(moved))
    assert_right(path)
    lines = [line.split(maxsplit=1) for line in table("AFFN", ORDINATES)]
    earlier = [f"{float(x) - STEP * (k > 0):.3f} {ordinates}" for k, (x, ordinates) in enumerate(lines)]
    path.write_text(jcamp(earlier))  # as those of a well-known collection are
    assert_right(path)


def test_a_zero_in_place_of_the_last_check(tmp_path: Path) -> None:
    lines = table("DIF", [*ORDINATES, 17])
    (tmp_path / "a.dx").write_text(jcamp([*lines[:-1], lines[-1][:8] + "@"], points=len(ORDINATES) + 1))
    assert_right(tmp_path / "a.dx", [*ORDINATES, 17])


def test_numbers_with_exponents_are_no_compressed_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.dx"
    lines = [f"{FIRST + STEP * k:.3f} {value * FACTOR:.6E}" for k, value in enumerate(ORDINATES)]
    path.write_text(jcamp(lines, YFACTOR=1))
    assert_right(path)
    path.write_text(jcamp([line.replace("E+", "E") for line in lines], YFACTOR=1))
    assert_right(path)


@pytest.mark.parametrize(
    ("unit", "values"),
    [("1/CM", [4000.0, 2000.0, 1000.0]), ("NANOMETERS", [2500.0, 5000.0, 1e4]), ("MICROMETERS", [2.5, 5.0, 10.0])],
)
def test_wavelengths_become_wavenumbers(tmp_path: Path, unit: str, values: list[float]) -> None:
    path = tmp_path / "a.dx"
    lines = [f"{x} {10 * k}" for k, x in enumerate(values)]
    path.write_text(jcamp(lines, "XYDATA=(XY..XY)", 3, XUNITS=unit, FIRSTX=values[0], LASTX=values[-1]))
    np.testing.assert_allclose(read_spectrum(path).wavenumber, [1000, 2000, 4000])
    np.testing.assert_allclose(read_spectrum(path).values(), [0.02, 0.01, 0])


@pytest.mark.parametrize(("unit", "factor"), [("TRANSMITTANCE", 0.001), ("% TRANSMITTANCE", 0.1), ("%T", 0.1)])
def test_transmittance_becomes_absorbance(
    tmp_path: Path, unit: str, factor: float, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.dx"
    path.write_text(jcamp(table("AFFN", [1000, 100, 10, 0]), points=4, YUNITS=unit, YFACTOR=factor))
    spectrum = read_spectrum(path)
    np.testing.assert_allclose(spectrum.values(), [np.nan, 2, 1, 0], atol=1e-12)
    assert "absorbance, -log10 T; 1 of 4 points with T ≤ 0 have none" in spectrum.remark()
    assert ("percent" in spectrum.remark()) == (factor == 0.1)
    with caplog.at_level("INFO", "mimyria"):
        compare(path, path)
    assert caplog.text.count("-log10 T") == 1


def test_several_spectra_are_named_by_their_titles(tmp_path: Path) -> None:
    path = tmp_path / "a.dx"
    blocks = [jcamp(table("DIFDUP", [k * value for value in ORDINATES]), TITLE=f"run {k}") for k in (1, 2)]
    link = "##TITLE=both\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS=2\n{}##END=\n"
    path.write_text(link.format("".join(blocks)))
    spectrum = read_spectrum(path)
    assert spectrum.quantities == ["run 1", "run 2"]
    np.testing.assert_allclose(spectrum.values("run 2"), 2 * spectrum.values("run 1"))
    shorter = jcamp(table("SQZ", ORDINATES[:9]), points=9, TITLE="run 3")
    path.write_text(link.format(blocks[0] + shorter))
    with pytest.raises(SpectrumError, match=r"2 spectra over different wavenumbers \(run 1; run 3\); give a file for"):
        read_spectrum(path)


def broken(form: str, k: int, old: str, new: str) -> list[str]:
    lines = table(form, ORDINATES)
    assert old in lines[k]
    return [*lines[:k], lines[k].replace(old, new, 1), *lines[k + 1 :]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (jcamp(broken("DIF", 1, "J739", "J738")), "line 14: the check of the ordinate before fails, 1999 for 1998"),
        (jcamp(table("AFFN", ORDINATES)[:-1]), r"21 points, but ##NPOINTS=25: the table is cut"),
        (jcamp(table("AFFN", ORDINATES)[:-1], NPOINTS="").replace("##END=\n", ""), "ends without ##END"),
        (jcamp([line for k, line in enumerate(table("AFFN", ORDINATES)) if k != 1], NPOINTS=""), "points are missing"),
        (jcamp(table("AFFN", ORDINATES), XFACTOR=0.5), "line 12: begins at 2000, but its first ordinate lies at 4000"),
        (jcamp(table("AFFN", ORDINATES[3:]), points=22, FIRSTY=5.0), "FIRSTY=5, but the first ordinate is 0.012"),
        (jcamp(table("AFFN", ORDINATES), NPOINTS="many"), "##NPOINTS=many is not a number"),
        (jcamp(table("AFFN", ORDINATES), XUNITS="PPM"), "over 'PPM'; spectra are read over cm⁻¹, nm, µm or THz"),
        (jcamp(table("AFFN", ORDINATES[:9]), points=9, YUNITS="%T"), "says percent, but the largest value is 0.25"),
        (jcamp(table("AFFN", ORDINATES), "XYDATA=(X++(R..R))"), r"a table of the form \(X\+\+\(R\.\.R\)\)"),
        (jcamp(["4000,5 1", "3999,5 2", "3998,5 3"], "XYDATA=(XY..XY)", 3), "line 12: 3 numbers are no pairs"),
        (jcamp(["4000,5 0,1", "3999,5 0,2"], "XYDATA=(XY..XY)", 4), "neither rise nor fall"),
        (jcamp(["1 2"], "PEAK TABLE=(XY..XY)"), "a table of peaks, not a spectrum"),
        (jcamp([], "NTUPLES=NMR SPECTRUM"), "NTUPLES"),
        (jcamp([]), "the table is empty"),
        ("##TITLE=a\n##JCAMP-DX=4.24\n##END=\n", "without a table"),
        (jcamp(["4000 1 2 =3"], points=3), "line 12: '=3' is no ordinate"),
        (jcamp(["4000J1K2"], points=3), "line 12: begins with 'J1', which needs an ordinate before it"),
        (jcamp(["water"], points=3), "line 12: does not begin with an abscissa"),
        (jcamp(["4000 1"], points=1), "1 points are no spectrum"),
        (jcamp(table("AFFN", ORDINATES), LASTX=""), "neither ##LASTX nor ##DELTAX"),
        (jcamp(["0 1", "5 2"], "XYDATA=(XY..XY)", 2, XUNITS="NM", FIRSTX=0, LASTX=5), "a wavelength of 0 NM"),
        (jcamp(["9 1", "5 2"], "XYDATA=(XY..XY)", 2, FIRSTX=9, LASTX=0), "LASTX=0, but the table has 5 there"),
    ],
)  # fmt: skip
def test_what_is_damaged_or_no_spectrum_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.dx").write_text(text)
    with pytest.raises(SpectrumError, match=message) as refused:
        read_spectrum(tmp_path / "a.dx")
    assert "a.dx" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_repeat_does_not_fill_the_memory() -> None:
    """A few letters say how often an ordinate stands; no more points are made than there may be."""
    for points in ("##NPOINTS=3\n", "##NPOINTS=1e15\n", "##NPOINTS=nan\n", ""):
        head = f"##TITLE=a\n##XUNITS=1/CM\n##FIRSTX=400\n##LASTX=402\n{points}##XYDATA=(X++(Y..Y))\n"
        text = f"{head}400A1S99999999999\n##END=\n"
        with pytest.raises(SpectrumError, match=r"line .: S99999999999 makes more than .*: the table is damaged"):
            read_jcamp(text, "bomb.jdx")
    with pytest.raises(SpectrumError, match="makes more than"):
        read_jcamp(text.replace("S99999999999", "S" + "9" * 5000), "bomb.jdx")


def test_a_table_of_peaks_beside_a_spectrum_is_skipped_and_a_missing_point_of_a_pair_is_none() -> None:
    spectrum = "##TITLE=b\n##XUNITS=1/CM\n##XYPOINTS=(XY..XY)\n400,1 401,?\n402,3\n##END=\n"
    peaks = "##TITLE=a\n##PEAK TABLE=(XY..XY)\n400,1\n##END=\n"
    wavenumber, columns, *_ = read_jcamp(f"##TITLE=all\n##BLOCKS=2\n{peaks}{spectrum}##END=\n", "two.jdx")
    assert wavenumber.tolist() == [400, 401, 402]
    (values,) = columns.values()
    np.testing.assert_array_equal(values, [1, np.nan, 3])
    with pytest.raises(SpectrumError, match="a table of peaks, not a spectrum"):
        read_jcamp(peaks, "peaks.jdx")
