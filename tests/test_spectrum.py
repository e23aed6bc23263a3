"""Spectra of ensembles whose spectra are known: free charges, damped oscillators, known depolarisation ratios."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import constants

from conftest import moving_charges, rotation
from ensembles import TEMPERATURE, WARM, made_series, noise
from mimyria.errors import ConfigError, SpectrumError
from mimyria.memory import Identity
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.correlation import Correlator, correlation
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import line_shape, window_lags
from mimyria.spectra.compare import band_maximum
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import sampling
from mimyria.spectra.spectrum import Spectra, Spectrum, read_spectrum, write_csv
from mimyria.spectra.vdos import vibrational_density
from mimyria.units import BOLTZMANN, LIGHT_SPEED, MASS_VELOCITY_SQUARED, infrared_prefactor

# --- infrared -----------------------------------------------------------------------------------


def free_charges(folder: Path, n_frames: int = 800, timestep: float = 4.0) -> tuple[ResponseSeries, float]:
    """The series of charges in free flight and what ∫ nα dν (cm⁻²) must be."""
    frames, charges = moving_charges(n_frames, timestep)
    numbers, velocities = frames[0].numbers, frames[0].velocities
    series = response_series(
        iter(()),
        frames,
        targets=("apt",),
        grouping=Grouping.by_species(numbers),
        timestep=timestep,
        lags=window_lags(20.0, timestep),
        store=PartStore(folder, Identity()),
    )
    # ∫ nα dω = π/(6 ε0 c V k_B T) ⟨|dM/dt|²⟩, in SI; with dω = 2πc dν
    moment = constants.e * constants.angstrom / constants.femto * (charges @ velocities)
    volume = frames[0].volume * constants.angstrom**3
    integral = np.pi * (moment @ moment) / (6 * constants.epsilon_0 * constants.c * volume * constants.k * TEMPERATURE)
    return series, integral / (2 * np.pi * constants.c) * 1e-4


def test_free_charges_have_the_analytic_integral(tmp_path: Path) -> None:
    series, expected = free_charges(tmp_path)
    spectrum = infrared([series], WARM, sampling([series], None, None))
    assert np.trapezoid(spectrum.columns["n_alpha_cm-1"], spectrum.wavenumber) == pytest.approx(expected, rel=1e-3)


def test_free_charges_at_equipartition_have_the_textbook_integral() -> None:
    """∫ nα dω = π Σ q²/m / (2 ε0 c V): the sum of squares of many charges that fly at random, each for itself."""
    rng, charge, mass = np.random.default_rng(0), 0.7, 12.0
    thermal = np.sqrt(BOLTZMANN * TEMPERATURE / (mass * MASS_VELOCITY_SQUARED))  # Å/fs
    series = [made_series({"apt": np.tile(charge * thermal * rng.normal(size=3), (300, 1))}, 4.0) for _ in range(4000)]
    spectrum = infrared(series, WARM, sampling(series, 100.0, 1))
    found = np.trapezoid(spectrum.columns["n_alpha_cm-1"], spectrum.wavenumber) * 100**2 * 2 * np.pi * constants.c
    square = (charge * constants.e) ** 2 / (mass * constants.atomic_mass)
    expected = np.pi * square / (2 * constants.epsilon_0 * constants.c * 1000 * constants.angstrom**3)
    assert found == pytest.approx(expected, rel=0.04)  # 12 000 squares of normal numbers: 1.3 % standard error


def test_damped_oscillator_has_its_line_and_area() -> None:
    """dM/dt = x(t) per component: ∫ nα dω = π/(6 ε0 c V k_B T) ⟨|dM/dt|²⟩, Lorentzian of the damping."""
    timestep, position, width = 4.0, 1500.0, 60.0
    moment = 0.01 * noise(200_000, 3, position, width, timestep)
    series = made_series({"apt": moment}, timestep)
    spectrum = infrared([series], WARM, sampling([series], 8.0, None))
    line = spectrum.columns["n_alpha_cm-1"]
    rate_si = 0.01 * constants.e * constants.angstrom / constants.femto
    area = np.pi * 3 * rate_si**2 / (6 * constants.epsilon_0 * constants.c * 1e-27 * constants.k * TEMPERATURE)
    area_cm = area / (2 * np.pi * constants.c) * 1e-4
    assert np.trapezoid(line, spectrum.wavenumber) == pytest.approx(area_cm, rel=0.03)
    omega, gamma = 2 * np.pi * LIGHT_SPEED * (spectrum.wavenumber - position), np.pi * LIGHT_SPEED * width
    exact = area_cm * gamma / (gamma**2 + omega**2) * 2 * LIGHT_SPEED
    near = abs(spectrum.wavenumber - position) < 150
    assert abs(line - exact)[near].mean() < 0.06 * exact.max()
    assert band_maximum(spectrum.wavenumber, line, 1000, 2000)[0] == pytest.approx(position, abs=0.25 * width)


def test_error_bars_have_the_size_of_the_scatter() -> None:
    rng = np.random.default_rng(0)
    lines, errors = [], []
    for _ in range(150):
        series = made_series({"apt": rng.normal(size=(4000, 3))}, 4.0)
        columns = infrared([series], WARM, sampling([series], 60.0, 10)).columns
        lines.append(columns["n_alpha_cm-1"])
        errors.append(columns["n_alpha_error"])
    assert 0.8 < np.mean(errors) / np.std(lines, axis=0).mean() < 1.25


def test_parts_add_up_and_copies_scale(tmp_path: Path) -> None:
    series, _ = free_charges(tmp_path)
    how = sampling([series], None, None)
    columns = infrared([series], WARM, how).columns
    parts = sum(values for name, values in columns.items() if "[" in name)
    np.testing.assert_allclose(parts, columns["n_alpha_cm-1"], rtol=1e-9, atol=1e-9 * columns["n_alpha_cm-1"].max())
    copies = replace(series, rates={"apt": 3 * series.rates["apt"][:]}, volume=3 * series.volume)
    tripled = infrared([copies], WARM, how).columns["n_alpha_cm-1"]
    np.testing.assert_allclose(tripled, 3 * columns["n_alpha_cm-1"], rtol=1e-9, atol=1e-12 * tripled.max())


def test_rotating_the_sample_changes_no_spectrum() -> None:
    rng, matrix = np.random.default_rng(0), rotation(1)
    alpha = rng.normal(size=(3000, 3, 3))
    alpha = alpha + alpha.transpose(0, 2, 1)
    rates = {"apt": rng.normal(size=(3000, 3)), "pgt": alpha}
    turned = {"apt": rates["apt"] @ matrix.T, "pgt": matrix @ alpha @ matrix.T}
    for make in (infrared, raman):
        one, other = (make([s], WARM, sampling([s], None, None)) for s in (made_series(rates), made_series(turned)))
        for name, values in one.columns.items():
            np.testing.assert_allclose(other.columns[name], values, rtol=1e-6, atol=1e-9 * np.nanmax(abs(values)))


def test_epsilon_is_n_alpha_over_two_pi_nu() -> None:
    series = made_series({"apt": np.random.default_rng(0).normal(size=(4000, 3))})
    columns = infrared([series], WARM, sampling([series], None, None)).columns
    expected = columns["n_alpha_cm-1"][1:] / (2 * np.pi * columns["wavenumber_cm-1"][1:])
    np.testing.assert_allclose(columns["epsilon_imag"][1:], expected)
    assert np.isnan(columns["epsilon_imag"][0])


def test_trajectories_are_pooled_by_their_length() -> None:
    moment = np.random.default_rng(3).normal(size=(6000, 3))
    parts = [made_series({"apt": moment[:4000]}), made_series({"apt": moment[4000:]})]
    how = sampling(parts, 60.0, None)
    pooled = infrared(parts, WARM, how).columns["n_alpha_cm-1"]
    lags = np.arange(how.lags)
    each = [correlation(part.rates["apt"], how.lags)[0, 0] for part in parts]
    pairs = [4000 - lags, 2000 - lags]
    mean = sum(c * n for c, n in zip(each, pairs, strict=True)) / sum(pairs)
    _, line = line_shape(mean, how.timestep, how.resolution)
    np.testing.assert_allclose(pooled, infrared_prefactor(1000.0, TEMPERATURE) * line, rtol=1e-9)
    larger = [replace(part, volume=2 * part.volume) for part in parts]
    halved = infrared(larger, WARM, how).columns["n_alpha_cm-1"]
    np.testing.assert_allclose(halved, pooled / 2, rtol=1e-9)


# --- density of states, differences, sampling ---------------------------------------------------


def test_density_of_states_counts_the_modes(tmp_path: Path) -> None:
    frames, _ = moving_charges(800, 4.0)
    series, _ = free_charges(tmp_path)
    spectrum = vibrational_density([series], WARM, sampling([series], 60.0, None))
    area = {name: np.trapezoid(values, spectrum.wavenumber) for name, values in spectrum.columns.items()}
    assert area["vdos"] == pytest.approx(3 * len(frames[0]) - 3, rel=1e-4)
    heavy = frames[0].numbers == 17
    kinetic = 35.45 * np.square(frames[0].velocities[heavy]).sum() * MASS_VELOCITY_SQUARED
    assert area["vdos[Cl]"] == pytest.approx(kinetic / (BOLTZMANN * TEMPERATURE), rel=1e-3)


def test_density_of_states_has_error_bars_of_the_size_of_the_scatter() -> None:
    position, velocities = 1500.0, noise(5000, 300, 1500.0, 80.0, 4.0)
    lines, errors = [], []
    for k in range(0, 300, 3):
        correlator = Correlator(window_lags(60.0, 4.0))
        correlator.add(velocities[:, None, k : k + 3])
        of_velocities = {
            "velocity_correlation": correlator.result()[0],
            "velocity_blocks": correlator.blocks()[:, 0],
            "velocity_block_frames": correlator.block,
        }
        series = made_series({"apt": np.zeros((5000, 3))}, 4.0, **of_velocities)
        spectrum = vibrational_density([series], WARM, sampling([series], 60.0, 10))
        inside = abs(spectrum.wavenumber - position) < 100
        lines.append(spectrum.columns["vdos"][inside])
        errors.append(spectrum.columns["vdos_error"][inside])
        np.testing.assert_array_equal(spectrum.columns["vdos[H]_error"], spectrum.columns["vdos_error"])
    assert 0.8 < np.mean(errors) / np.std(lines, axis=0).mean() < 1.25  # 100 spectra of 8 blocks: 5 %
    assert "blocks of 2.34 ps" in spectrum.header["errors"]  # 3 stored blocks of 195 frames make about 500
    unknown = replace(series, velocity_blocks=np.empty((0, 1, 1)))
    spectrum = vibrational_density([unknown], WARM, sampling([unknown], 60.0, 10))
    assert np.isnan(spectrum.columns["vdos_error"]).all()
    assert spectrum.header["errors"] == "none: fewer than two blocks"


def test_short_trajectories_are_blocks_of_the_density_of_states() -> None:
    rng, correlation_of_one = np.random.default_rng(0), np.exp(-np.arange(250) / 20.0)
    strengths = rng.uniform(1, 2, size=4)
    series = [
        made_series(
            {"apt": np.zeros((500, 3))},
            4.0,
            velocity_correlation=strength * correlation_of_one[None],
            velocity_blocks=strength * correlation_of_one[None, None],
            velocity_block_frames=500,
        )
        for strength in strengths
    ]
    columns = vibrational_density(
        series, WARM, sampling(series, 60.0, 2)
    ).columns  # two blocks of two would be asked for
    relative = strengths.std(ddof=1) / np.sqrt(4) / strengths.mean()
    np.testing.assert_allclose(columns["vdos_error"], relative * abs(columns["vdos"]), rtol=1e-9)


def test_central_differences_are_undone() -> None:
    timestep, omega = 2.0, 2 * np.pi * LIGHT_SPEED * 2500.0
    wave = np.cos(omega * timestep * np.arange(20_000))[:, None] * np.ones(3)
    shrunk = np.sin(omega * timestep) / (omega * timestep) * wave
    true, made = made_series({"apt": wave}, timestep), made_series({"apt": shrunk}, timestep, differenced=timestep)
    one, other = (infrared([s], WARM, sampling([s], 20.0, None)) for s in (true, made))
    end = len(other.wavenumber)
    assert 5000 < other.wavenumber[-1] < one.wavenumber[-1]
    expected = one.columns["n_alpha_cm-1"][:end]
    np.testing.assert_allclose(other.columns["n_alpha_cm-1"], expected, atol=0.02 * expected.max())


def test_sampling_follows_the_data_and_refuses_what_they_do_not_allow() -> None:
    long, short = made_series({"apt": np.zeros((5000, 3))}, 4.0), made_series({"apt": np.zeros((300, 3))}, 4.0)
    assert sampling([long], None, None).resolution == 20.0
    assert sampling([short], None, None).resolution > 60.0
    with pytest.raises(SpectrumError, match=r"resolution of 2 cm⁻¹ needs a longer trajectory: 300 frames .* allow"):
        sampling([short], 2.0, None)
    with pytest.raises(SpectrumError, match=r"9 blocks of 555 frames are shorter .* at most --blocks 8"):
        sampling([long], 20.0, 9)
    with pytest.raises(SpectrumError, match=r"sampled at different intervals .*: 4\.0 and 2\.0"):
        sampling([long, made_series({"apt": np.zeros((5000, 3))}, 2.0)], None, None)
    for change, words in (
        ({"differenced": 4.0}, "velocities made over different intervals"),
        ({"n_atoms": 4}, "different numbers of atoms"),
        ({"groups": ("H",)}, "different groups"),
        ({"velocity_species": ("O",)}, "different species"),
    ):
        with pytest.raises(SpectrumError, match=words):
            sampling([long, replace(long, **change)], None, None)  # type: ignore[arg-type]
    with pytest.raises(SpectrumError, match="too few"):
        sampling([made_series({"apt": np.zeros((3, 3))})], None, None)
    with pytest.raises(SpectrumError, match="no trajectory"):
        sampling([], None, None)
    assert np.isnan(infrared([long], WARM, sampling([long], None, 1)).columns["n_alpha_error"]).all()


@pytest.mark.parametrize(
    ("lengths", "blocks", "frames"),
    [
        ([5000], None, 625),  # 8 windows of 582 frames
        ([700] * 20, None, 700),  # more trajectories than blocks: each is one
        ([700, 600], None, 600),
        ([2000, 1000, 1000], 4, 1000),
        ([3000, 700], 3, 1000),
        ([3000, 700], 5, 700),
    ],
)
def test_no_block_goes_over_the_end_of_a_trajectory(lengths: list[int], blocks: int | None, frames: int) -> None:
    series = [made_series({"apt": np.random.default_rng(0).normal(size=(n, 3))}, 4.0) for n in lengths]
    how = sampling(series, 20.0, blocks)
    assert how.block_frames == frames
    assert sum(n // frames for n in lengths) >= (blocks or 2)
    assert np.isfinite(infrared(series, WARM, how).columns["n_alpha_error"]).all()


# --- files -----------------------------------------------------------------------------------------


def test_csv_round_trip(tmp_path: Path) -> None:
    series = made_series({"apt": np.random.default_rng(0).normal(size=(2000, 3))})
    spectrum = infrared([series], WARM, sampling([series], None, None))
    write_csv(tmp_path / "ir.csv", spectrum)
    again = read_spectrum(tmp_path / "ir.csv")
    assert list(again.columns) == list(spectrum.columns)
    for name, values in spectrum.columns.items():
        np.testing.assert_allclose(again.columns[name], values, rtol=1e-6, atol=1e-12)
    assert "temperature: 300.00 K" in (tmp_path / "ir.csv").read_text(encoding="utf-8")


CONDITIONS = replace(WARM, laser=532.0, epsilon_infinity=1.78, porto=("z(xy)-z",))


def made_spectra() -> dict[str, Spectrum]:
    """Infrared, Raman and density of states of two groups, with every column there is."""
    rng = np.random.default_rng(0)
    shapes = {"apt": (2000, 2, 3), "pgt": (2000, 2, 3, 3)}
    of_networks = {name: rng.normal(size=(2000, 3, *shape[2:])) for name, shape in shapes.items()}
    series = replace(
        made_series({"apt": np.zeros((2000, 3))}),
        rates={name: rng.normal(size=shape) for name, shape in shapes.items()},
        groups=("H2O", "SO4"),
        counts={"H2O": np.full(2000, 8), "SO4": np.full(2000, 1)},
        molecular=True,
        member_rates=of_networks,
    )
    how = sampling([series], None, None)
    makers = {"ir": infrared, "raman": raman, "vdos": vibrational_density}
    return {kind: make([series], CONDITIONS, how) for kind, make in makers.items()}


def test_a_file_gives_back_kind_units_and_header(tmp_path: Path) -> None:
    for kind, spectrum in made_spectra().items():
        write_csv(tmp_path / "a.csv", spectrum)
        again = read_spectrum(str(tmp_path / "a.csv"))
        assert (again.kind, again.units, again.header) == (kind, spectrum.units, spectrum.header)
        assert all(again.unit(name) for name in again.columns), kind
        assert repr(again) == repr(spectrum)


def test_a_column_knows_its_error_spread_unit_and_contributions() -> None:
    spectra = made_spectra()
    ir, lines, density = spectra["ir"], spectra["raman"], spectra["vdos"]
    assert ir.error() is ir.error("n_alpha_cm-1") is ir.columns["n_alpha_error"]
    assert ir.spread() is ir.columns["n_alpha_spread"]
    assert lines.spread("VH") is lines.columns["VH_spread"]
    assert ir.error("epsilon_imag") is None
    assert ir.error("n_alpha_molar[H2O]") is ir.columns["n_alpha_molar[H2O]_error"]
    for spectrum, name, unit in (
        (ir, "wavenumber_cm-1", "cm-1"),
        (ir, "n_alpha_error", "cm-1"),
        (ir, "n_alpha[H2O,SO4]", "cm-1"),
        (ir, "n_alpha_molar[H2O]_error", "L mol-1 cm-1"),
        (ir, "alpha_error", "cm-1"),
        (ir, "n", "1"),
        (lines, "z(xy)-z_error", "a.u.² fs⁻² cm"),
        (lines, "isotropic_per_molecule[H2O]", "a.u.² fs⁻² cm"),
        (lines, "stokes_z(xy)-z", "a.u.² fs⁻² cm²"),
        (lines, "depolarisation_ratio_error", "1"),
        (density, "vdos[H]_error", "modes per cm-1"),
        (Spectrum("table", {"wavenumber_cm-1": np.arange(2), "b": np.arange(2)}), "b", ""),
    ):
        assert spectrum.unit(name) == unit, name
    parts = ir.contributions()
    assert list(parts) == [("H2O", "H2O"), ("H2O", "SO4"), ("SO4", "SO4")]
    np.testing.assert_allclose(sum(parts.values()), ir.values(), rtol=1e-9, atol=1e-9 * ir.values().max())
    assert list(lines.contributions("anisotropic")) == list(parts)
    assert list(density.contributions()) == [("H",)]
    assert ir.quantities[:3] == ["n_alpha_cm-1", "epsilon_imag", "epsilon_real"]
    _, values, error = ir.curve(scale=-2.0)
    np.testing.assert_array_equal(values, -2 * ir.values())
    np.testing.assert_array_equal(error, 2 * ir.columns["n_alpha_error"])


def test_a_spectrum_says_what_it_is() -> None:
    spectrum = Spectrum(
        "ir", {"wavenumber_cm-1": np.arange(3), "n_alpha_cm-1": np.ones(3), "n_alpha_error": np.ones(3)}
    )
    assert repr(spectrum) == "<Spectrum ir: 3 points, 0 to 2 cm⁻¹; n_alpha_cm-1 ± error>"
    assert repr(Spectra({"ir": spectrum, "vdos": spectrum})).count("<Spectrum ir") == 2


def test_a_data_frame_has_the_columns_and_their_units(monkeypatch: pytest.MonkeyPatch) -> None:
    spectrum = made_spectra()["ir"]
    table = spectrum.to_dataframe()
    assert table.index.name == "wavenumber_cm-1"
    assert list(table.columns) == list(spectrum.columns)[1:]
    np.testing.assert_array_equal(table["n_alpha_cm-1"], spectrum.values())
    assert table.attrs["units"]["n_alpha_error"] == "cm-1"
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SpectrumError, match=r"needs pandas: pip install 'mimyria\[pandas\]'"):
        spectrum.to_dataframe()


def test_a_spectrum_draws_itself(tmp_path: Path) -> None:
    spectra = Spectra(made_spectra())
    whole = spectra.plot(title="Water", width="single")
    assert len(whole.axes) == 5  # infrared, refractive index, Raman, depolarisation, density of states
    assert whole._repr_png_().startswith(b"\x89PNG")
    write_csv(tmp_path / "a.csv", spectra["ir"])
    (tmp_path / "b.csv").write_text("".join(f"{k} {1 + k}\n" for k in range(0, 4000, 100)))
    alone = read_spectrum(tmp_path / "a.csv").plot(reference=[f"{tmp_path / 'b.csv'},label=Bertie"])
    assert "Bertie" in {line.get_label() for line in alone.axes[0].lines}
    with pytest.raises(ConfigError, match="takes single or double, not 'wide'"):
        spectra["ir"].plot(width="wide")


def test_tables_of_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# Bertie\n300 2.0\n100 1.0\n\n200 1.5\n")
    table = read_spectrum(tmp_path / "a.txt")
    np.testing.assert_array_equal(table.wavenumber, [100, 200, 300])
    np.testing.assert_array_equal(table.values(), [1.0, 1.5, 2.0])
    with pytest.raises(SpectrumError, match=r"a\.txt has no column n_alpha; it has column_2"):
        table.values("n_alpha")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ("1 2\n3\n", "line 2: 1 columns"),
        ("1 2\n3 x\n", "line 2: not a row"),
        ("1\n2\n", "at least two"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(SpectrumError, match=message):
        read_spectrum(tmp_path / "a.txt")
    with pytest.raises(SpectrumError, match="cannot be read"):
        read_spectrum(tmp_path / "absent.txt")
