"""What is seen in spectra as they are given, and said in one line."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from mimyria.errors import ConfigError, MimyriaError
from mimyria.identify.given import Given, read_given
from mimyria.settings import IdentifySettings

NU = np.arange(450.0, 3900, 2)


def bands(nu: np.ndarray = NU, *places: float) -> np.ndarray:
    return sum(np.exp(-(((nu - place) / 12) ** 2)) for place in (places or (700, 1100, 1450, 1715, 2950)))  # type: ignore[return-value]


def given(path: Path, x: np.ndarray, y: np.ndarray, head: str = "", prefix: str = "", **settings: object) -> Given:
    text = head + "".join(f"{a:.6g},{b:.8g}\n" for a, b in zip(x, y, strict=True)) + "##END=\n" * head.startswith("##")
    path.write_text(text)
    (made,) = read_given([f"{prefix}{path}"], IdentifySettings(model="m", **settings))  # type: ignore[arg-type]
    return made


def height(made: Given, place: float) -> float:
    return float(np.interp(place, made.wavenumber, made.values))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.csv"


def test_reversed_and_uneven_grids_are_read_as_they_are(path: Path) -> None:
    usual = given(path, NU, bands())
    assert np.array_equal(given(path, NU[::-1], bands()[::-1]).values, usual.values)
    uneven = np.sort(np.random.default_rng(0).uniform(450, 3900, 3000))
    mixed = np.random.default_rng(1).permutation(len(uneven))
    other = given(path, uneven[mixed], bands(uneven)[mixed])
    assert height(other, 1715) == pytest.approx(height(usual, 1715), abs=0.05)
    assert (np.diff(other.wavenumber) > 0).all()


@pytest.mark.parametrize("unit", ["um", None])
def test_wavelengths(path: Path, caplog: pytest.LogCaptureFixture, unit: str | None) -> None:
    made = given(path, 1e4 / NU, bands(), abscissa=unit)
    assert height(made, 1715) > 0.9 > 0.1 > height(made, 2000)
    assert ("in µm" in caplog.text) == (unit is None)
    for x in (1e7 / NU, 1e7 / NU[NU > 1000] + 6000, NU * 0.03):  # nm, nm far away, THz
        with pytest.raises(MimyriaError, match="--abscissa nm"):
            given(path, x, bands(1e7 / x if x.max() > 4000 else x / 0.03))
    assert height(given(path, 1e7 / NU, bands(), abscissa="nm"), 1715) > 0.9
    assert height(given(path, NU * 0.0299792458, bands(), abscissa="THz"), 1715) > 0.9


@pytest.mark.parametrize(("unit", "title"), [("nm", "nm"), ("um", "wavelength (µm)")])
def test_a_unit_that_the_file_says_too_counts_once(path: Path, unit: str, title: str) -> None:
    x = {"nm": 1e7, "um": 1e4}[unit] / NU
    as_file = f"##TITLE=s\n##XUNITS={unit}\n##YUNITS=ABSORBANCE\n##XYPOINTS=(XY..XY)\n"
    for head in (f"{title},absorbance\n", as_file):
        usual, stated = given(path, x, bands(), head), given(path, x, bands(), head, abscissa=unit)
        assert np.array_equal(stated.wavenumber, usual.wavenumber)
        with pytest.raises(MimyriaError, match=r"says that it is over .* but --abscissa says cm-1"):
            given(path, x, bands(), head, abscissa="cm-1")
    with pytest.raises(MimyriaError, match="says that it is over 'cm-1', but --abscissa says nm"):
        given(path, NU, bands(), "# mimyria 1: ir\nwavenumber_cm-1,n_alpha_cm-1\n", abscissa="nm")


@pytest.mark.parametrize("factor", [1.0, 100.0])
def test_a_transmittance_that_does_not_say_so(path: Path, caplog: pytest.LogCaptureFixture, factor: float) -> None:
    made = given(path, NU, factor * 10 ** -bands())
    assert "read as a transmittance" in caplog.text
    assert height(made, 1715) == pytest.approx(1, abs=0.02)
    caplog.clear()
    stated = given(path, NU, factor * 10 ** -bands(), quantity="transmittance")
    assert not caplog.text
    assert np.array_equal(stated.values, made.values)
    kept = given(path, NU, factor * 10 ** -bands(), quantity="absorbance")
    assert height(kept, 1715) < height(kept, 2000)


def test_what_a_file_says_and_its_bands_deny(path: Path) -> None:
    with pytest.raises(MimyriaError, match="point down"):
        given(path, NU, 10 ** -bands(), "wavenumber,absorbance\n")
    with pytest.raises(MimyriaError, match="point up"):
        given(path, NU, 0.05 + 0.9 * bands() / bands().max(), "wavenumber,transmittance\n")
    made = given(path, NU, 0.05 + 0.9 * bands() / bands().max(), "wavenumber,transmittance\n", quantity="absorbance")
    assert height(made, 1715) > 5 * height(made, 2000)
    with pytest.raises(MimyriaError, match="point down"):
        given(path, NU, 10 ** -bands(), prefix="raman=")


def test_another_quantity_than_the_file_says(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is refused as a contradiction, unless the bands of the file contradict it, too."""
    light = 10 ** -bands()
    ours = "# mimyria 1: ir\nwavenumber_cm-1,n_alpha_cm-1\n"
    for y, head, asked in (
        (light, "wavenumber,transmittance\n", "absorbance"),
        (bands(), "wavenumber,absorbance\n", "transmittance"),
        (bands(), ours, "transmittance"),
    ):
        with pytest.raises(MimyriaError, match=f"but --quantity says {asked}: correct either"):
            given(path, NU, y, head, quantity=asked)
    same = given(path, NU, light, "wavenumber,transmittance\n", quantity="transmittance")
    assert np.array_equal(same.values, given(path, NU, light, "wavenumber,transmittance\n").values)
    with caplog.at_level(logging.INFO):
        caplog.clear()
        given(path, NU, 0.05 + 0.9 * bands() / bands().max(), "wavenumber,transmittance\n", quantity="absorbance")
    assert "is read as absorbance" not in caplog.text
    taken = given(path, NU, light, "wavenumber,absorbance\n", quantity="transmittance")
    assert height(taken, 1715) > 5 * height(taken, 2000)
    with pytest.raises(ConfigError, match=r"--quantity is of an infrared spectrum, and .* is read as Raman"):
        given(path, NU, bands(), prefix="raman=", quantity="absorbance")


def test_values_at_one_place(path: Path) -> None:
    """Noise, joined pieces and rounded wavenumbers are read, the first of each; several spectra in a row are not."""
    noisy = bands() + np.random.default_rng(0).normal(scale=0.01, size=len(NU))
    made = given(path, np.concatenate([NU, NU]), np.concatenate([bands(), noisy]))
    np.testing.assert_allclose(made.values, bands(), atol=1e-7)
    fine = np.arange(450.0, 3900, 0.25)
    given(path, np.round(fine), bands(fine) * (1 + np.sin(2.5 * fine)))
    with pytest.raises(MimyriaError, match=r"several values at .*Give a file for each"):
        given(path, np.concatenate([NU, NU]), np.concatenate([bands(), bands(NU, 800, 1600)]))


def test_infrared_spectra_have_no_wavenumbers_below_zero(path: Path) -> None:
    for x in (-NU, NU - 900):
        with pytest.raises(MimyriaError, match="no wavenumbers below zero; here they begin at"):
            given(path, x, bands())


@pytest.mark.parametrize("first", ["Raman shift (cm-1)", "Raman shift / cm^-1", "Raman Shift"])
def test_the_title_of_the_abscissa_tells_raman_spectra(path: Path, first: str) -> None:
    assert given(path, NU, bands(), f"{first},Intensity (a.u.)\n").kind == "raman"
    assert given(path, NU, bands(), "wavenumber (cm-1),Intensity (a.u.)\n").kind == "infrared"


def test_light_that_did_not_come_through_is_the_strongest_absorption(path: Path) -> None:
    light = 10 ** (-3 * bands())
    light[light < 0.01] = 0.0
    made = given(path, NU, light, "wavenumber,transmittance\n")
    assert height(made, 1715) == made.values.max()


NOISE = np.random.default_rng(2).normal(size=len(NU))


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.full(len(NU), 0.3), "constant"),
        (np.exp(-(((NU - 1800) / 900) ** 2)), "smooth: its highest band is"),
        (50 * np.exp(-(((NU - 2000) / 1500) ** 2)) + 0.2 * bands(), "smooth"),
        (NU**3 / (np.exp(NU / 400) - 1), "smooth"),  # a black body
        (NOISE, "noise"),
        (np.gradient(bands()), "difference, a derivative"),
        (np.where(NU > 1000, np.nan, bands()), "are no numbers"),
        (np.full(len(NU), np.nan), "none of its 1725 values is a number"),
    ],
)
def test_what_shows_nothing(path: Path, y: np.ndarray, said: str) -> None:
    with pytest.raises(MimyriaError, match=said) as caught:
        given(path, NU, y)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ranges(path: Path) -> None:
    for x, said in (
        (np.linspace(1600, 1800, 200), "600 are needed"),
        (np.r_[np.linspace(400, 500, 60), np.linspace(3800, 3900, 60)], "600 are needed"),
        (np.array([500.0, 1500.0]), "600 are needed"),
        (np.linspace(5000, 9000, 200), "outside 300 to 4000"),
        (np.arange(400.0, 4000, 50), "50 cm⁻¹ apart"),
    ):
        with pytest.raises(MimyriaError, match=said):
            given(path, x, bands(x))
    few = bands()
    few[::50] = np.nan
    assert np.isfinite(given(path, NU, few).values).all()
    negative = given(path, NU, bands() - 0.05)
    assert height(negative, 1715) > 0.9
    stokes = np.arange(-2000.0, 3900, 2)
    with pytest.raises(MimyriaError, match="no wavenumbers below zero; here they begin at -2000"):
        given(path, stokes, bands(stokes))
    assert height(given(path, stokes, bands(stokes), prefix="raman="), 1715) > 0.9


def test_kinds(path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert given(path, NU, bands()).kind == "infrared"
    assert given(path, NU, bands(), prefix="raman=").kind == "raman"
    assert given(tmp_path / "sample-Raman.csv", NU, bands()).kind == "raman"
    assert given(tmp_path / "sample-Raman.csv", NU, bands(), prefix="ir=").kind == "infrared"
    assert given(path, NU, bands(), prefix="Raman= ").kind == "raman"
    columns = "# mimyria 1: {}\n{}wavenumber_cm-1,n_alpha_cm-1\n"
    with pytest.raises(MimyriaError, match="says that it is raman, but it is given as infrared"):
        given(path, NU, bands(), columns.format("raman", ""), "ir=")
    with pytest.raises(MimyriaError, match="kind vdos"):
        given(path, NU, bands(), columns.format("vdos", ""))
    with caplog.at_level(logging.WARNING):
        given(path, NU, bands(), columns.format("ir", "# resolution: 10 cm-1\n"))
    assert "liquid or solution" in caplog.text
    path.write_text(
        "cm-1,first,second\n" + "".join(f"{x},{y:.6f},{1 - y:.6f}\n" for x, y in zip(NU, bands(), strict=True))
    )
    with caplog.at_level(logging.INFO):
        (made,) = read_given([str(path)], IdentifySettings())
    assert height(made, 1715) > 0.9
    assert "has 2 spectra; first is read" in caplog.text
    with pytest.raises(ConfigError, match="one sample at a time"):
        read_given([str(path), str(path)], IdentifySettings(model="m"))
    with pytest.raises(ConfigError, match="no spectrum"):
        read_given([], IdentifySettings(model="m"))
    with pytest.raises(ConfigError, match="the same curve"):
        read_given([f"ir={path}", f"raman={path}"], IdentifySettings(model="m"))
    scaled = tmp_path / "scaled.csv"
    scaled.write_text("".join(f"{x},{3e-20 * y:.9g}\n" for x, y in zip(NU, np.round(bands(), 6), strict=True)))
    with pytest.raises(ConfigError, match="the same curve"):
        read_given([f"ir={path}", f"raman={scaled}"], IdentifySettings(model="m"))
    other = tmp_path / "other.csv"
    other.write_text("".join(f"{x},{1e-20 * y:.9g}\n" for x, y in zip(NU, bands(NU, 800, 1600), strict=True)))
    kinds = [each.kind for each in read_given([f"ir={scaled}", f"raman={other}"], IdentifySettings(model="m"))]
    assert kinds == ["infrared", "raman"]


JCAMP = """##TITLE=butanone
##JCAMP-DX=4.24
##DATA TYPE={kind}
##XUNITS=1/CM
##YUNITS={unit}
##FIRSTX=450
##LASTX=3898
##NPOINTS=1725
##XFACTOR=1
##YFACTOR=0.001
##XYDATA=(X++(Y..Y))
{lines}
##END=
"""
FIRST, NEXT = "@ABCDEFGHI", "%JKLMNOPQR"


def squeezed(values: np.ndarray) -> str:
    """Return lines of JCAMP-DX with differences, and repeated differences joined (DIF and DUP)."""
    lines = []
    numbers = np.round(1000 * values).astype(int)
    for begin in range(0, len(numbers), 25):
        part = numbers[begin : begin + 26]
        text = letters(part[0], FIRST, "abcdefghi")
        steps = np.diff(part)
        place = 0
        while place < len(steps):
            run = 1
            while place + run < len(steps) and steps[place + run] == steps[place] and run < 8:
                run += 1
            text += letters(steps[place], NEXT, "jklmnopqr") + (f"{'STUVWXYZ'[run - 1]}" if run > 1 else "")
            place += run
        lines.append(f"{450 + 2 * begin}{text}")
    return "\n".join(lines)


def letters(value: int, positive: str, negative: str) -> str:
    digits = str(abs(value))
    return (positive[int(digits[0])] if value >= 0 else negative[int(digits[0]) - 1]) + digits[1:]


def test_jcamp_with_differences_and_its_kinds(tmp_path: Path) -> None:
    path = tmp_path / "s.jdx"
    for kind, unit, read in (
        ("INFRARED SPECTRUM", "ABSORBANCE", "infrared"),
        ("INFRARED SPECTRUM", "TRANSMITTANCE", "infrared"),
        ("RAMAN SPECTRUM", "ARBITRARY UNITS", "raman"),
    ):
        values = 10 ** -bands() if unit == "TRANSMITTANCE" else bands()
        path.write_text(JCAMP.format(kind=kind, unit=unit, lines=squeezed(values)))
        (made,) = read_given([str(path)], IdentifySettings(model="m"))
        assert made.kind == read
        assert height(made, 1715) == pytest.approx(1, abs=0.03)
    with pytest.raises(MimyriaError, match="says that it is raman"):
        read_given([f"ir={path}"], IdentifySettings(model="m"))
    path.write_text(JCAMP.format(kind="UV/VIS SPECTRUM", unit="ABSORBANCE", lines=squeezed(bands())))
    with pytest.raises(MimyriaError, match="UV/VIS"):
        read_given([str(path)], IdentifySettings(model="m"))


def test_of_several_spectra_what_the_chosen_one_says_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each block of a LINK as it is read from a file of its own: kind, unit, T ≤ 0."""
    light = 10 ** (-3 * bands())
    light[light < 0.01] = 0.0
    blocks = {
        "first": JCAMP.format(kind="INFRARED SPECTRUM", unit="ABSORBANCE", lines=squeezed(bands())),
        "scattered": JCAMP.format(kind="RAMAN SPECTRUM", unit="ARBITRARY UNITS", lines=squeezed(bands(NU, 800, 1600))),
        "absorbance of dark": JCAMP.format(kind="INFRARED SPECTRUM", unit="TRANSMITTANCE", lines=squeezed(light)),
    }
    path = tmp_path / "s.jdx"
    for names in (list(blocks), list(blocks)[::-1]):
        link = "".join(blocks[name].replace("butanone", name.removeprefix("absorbance of ")) for name in names)
        path.write_text(f"##TITLE=all\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS=3\n{link}##END=\n")
        for name in names:
            (tmp_path / "one.jdx").write_text(blocks[name])
            (alone,) = read_given([str(tmp_path / "one.jdx")], IdentifySettings())
            caplog.clear()
            with caplog.at_level(logging.INFO):
                (made,) = read_given([str(path)], IdentifySettings(column=name))
            assert (made.kind, made.stated) == (alone.kind, True)
            np.testing.assert_array_equal(made.values, alone.values)
            assert caplog.text.count("-log10 T") == (name == "absorbance of dark")


def test_of_our_own_raman_spectra_what_spectrometers_show_is_read(path: Path) -> None:
    """Stokes intensities where there was a laser, else line shapes, and not VV, which stands first."""
    shown, others = bands(NU, 700, 1450), bands(NU, 1000, 2950)
    for columns, names in (
        ([others, others, shown], "VV,unpolarised,stokes_unpolarised"),
        ([others, shown], "VV,unpolarised"),
    ):
        lines = [
            f"# mimyria 1: raman\nwavenumber_cm-1,{names}",
            *(",".join(map(str, row)) for row in zip(NU, *columns, strict=True)),
        ]
        path.write_text("\n".join(lines) + "\n")
        (made,) = read_given([str(path)], IdentifySettings(model="m"))
        assert made.kind == "raman"
        assert height(made, 700) > 0.9
        assert height(made, 1000) < 0.1


def jcamp(title: str, data_type: str, y: np.ndarray) -> str:
    rows = "".join(f"{a:.6g},{b:.8g}\n" for a, b in zip(NU, y, strict=True))
    return f"##TITLE={title}\n##DATA TYPE={data_type}\n##XUNITS=1/CM\n##XYPOINTS=(XY..XY)\n{rows}##END=\n"


def test_a_file_with_the_infrared_and_the_raman_spectrum_gives_both(tmp_path: Path) -> None:
    path = tmp_path / "both.jdx"
    infrared, raman = bands(), bands(NU, 800, 1600, 3050)
    blocks = jcamp("a", "RAMAN SPECTRUM", raman) + jcamp("b", "INFRARED SPECTRUM", infrared)
    path.write_text(f"##TITLE=all\n##DATA TYPE=LINK\n##BLOCKS=2\n{blocks}##END=\n")
    made = read_given([str(path)], IdentifySettings(model="m"))
    assert [(each.kind, each.stated) for each in made] == [("infrared", True), ("raman", True)]
    assert [height(each, 1715) > 0.9 for each in made] == [True, False]
    (one,) = read_given([f"raman={path}"], IdentifySettings(model="m", column="a"))
    assert (one.kind, height(one, 1600) > 0.9) == ("raman", True)


def test_a_kind_is_a_word_of_its_own_and_a_data_type_may_say_none(tmp_path: Path) -> None:
    for name in ("tetramantane.csv", "tetramannose ir.csv"):
        assert given(tmp_path / name, NU, bands()).kind == "infrared"
    for name in (
        "acetone_raman.csv",
        "AcetoneRaman.csv",
        "MicroRaman.csv",
        "FTRaman.csv",
        "Ramanspektrum.csv",
        "2raman.csv",
    ):
        assert given(tmp_path / name, NU, bands()).kind == "raman"
    path = tmp_path / "s.jdx"
    for title, data_type, kind in (("Raman spectrum", "SPECTRUM", "raman"), ("a", "SPECTRUM", "infrared")):
        path.write_text(jcamp(title, data_type, bands()))
        (made,) = read_given([str(path)], IdentifySettings(model="m"))
        assert (made.kind, made.stated) == (kind, False)
    for data_type in ("INFRARED EMISSION SPECTRUM", "INFRARED INTERFEROGRAM"):
        path.write_text(jcamp("a", data_type, bands()))
        with pytest.raises(MimyriaError, match=f"is a {data_type}"):
            read_given([str(path)], IdentifySettings(model="m"))


def test_a_range_elsewhere_is_said_without_asking_for_what_the_file_says(path: Path) -> None:
    for title in ("Longueur d'onde", "longitud de onda", "Lunghezza d'onda"):
        with pytest.raises(MimyriaError, match="convert it first"):
            given(path, NU, bands(), head=f"{title};y\n".replace(";", ","))
    with pytest.raises(MimyriaError, match="outside 300 to 4000, where groups are told"):
        given(path, NU + 4000, bands(), head="wavenumber (cm-1),y\n")
    with pytest.raises(MimyriaError, match="a Raman spectrum is over its shift from the line of the laser"):
        given(path, 1e7 / 532 - NU, bands(), prefix="raman=")


def test_an_absorptance_becomes_an_absorbance(path: Path) -> None:
    usual = 0.9 * bands()
    weak = given(path, NU, 100 * (1 - 10.0 ** (-usual / 200)), head="cm-1,Absorption (%)\n")
    assert weak.values == pytest.approx(usual / 200, abs=1e-6)
    for factor, title in ((100, "Absorption (%)"), (1, "absorptance")):
        made = given(path, NU, factor * (1 - 10.0**-usual), head=f"cm-1,{title}\n")
        assert made.values == pytest.approx(usual, abs=1e-6)
        assert not made.unsaid


def test_cells_that_are_missing_are_left_out(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for word in ("", "NA", "n/a", "NaN"):
        cells = [word if k % 50 == 7 else f"{value:.8g}" for k, value in enumerate(bands())]
        rows = [f"{a:.6g},{cell}" for a, cell in zip(NU, cells, strict=True)]
        path.write_text("cm-1,absorbance\n" + "\n".join(rows))
        (made,) = read_given([str(path)], IdentifySettings(model="m"))
        assert len(made.values) == len(NU) - sum(k % 50 == 7 for k in range(len(NU)))
    assert "are no numbers and are left out" in caplog.text
    for title, values in (("%T", 100 * 10 ** -bands()), ("Absorption (%)", 100 - 100 * 10 ** -bands())):
        rows = [
            f"{a:.6g},{'' if k % 50 == 7 else format(b, '.8g')}"
            for k, (a, b) in enumerate(zip(NU, values, strict=True))
        ]
        path.write_text(f"cm-1,{title}\n" + "\n".join(rows))
        (made,) = read_given([str(path)], IdentifySettings(model="m"))
        assert len(made.values) == len(NU) - sum(k % 50 == 7 for k in range(len(NU)))
        assert height(made, 2000) < 0.01  # where a point is missing and no band is


def test_whole_numbers_between_commas_without_titles_may_be_decimals(path: Path) -> None:
    path.write_text("\n".join(f"{a:.0f},{int(b)},{int(10 * b) % 10}" for a, b in zip(NU, 9 * bands(), strict=True)))
    with pytest.raises(MimyriaError, match="its commas may be separators or decimal signs"):
        read_given([str(path)], IdentifySettings(model="m"))
    titled = "# wavenumber,a,b\n" + "".join(f"{a:.0f},{1000 * b:.0f},7\n" for a, b in zip(NU, bands(), strict=True))
    path.write_text(titled)
    (made,) = read_given([str(path)], IdentifySettings(model="m"))
    assert height(made, 1715) > 900


def test_what_was_read_as_a_transmittance_is_not_asked_for_again(path: Path) -> None:
    assert given(path, NU, bands()).unsaid
    assert not given(path, NU, 10.0 ** -bands()).unsaid  # its bands point down
    assert not given(path, NU, bands(), quantity="absorbance").unsaid
    assert not given(path, NU, bands(), head="cm-1,absorbance\n").unsaid
