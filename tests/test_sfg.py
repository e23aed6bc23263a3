"""Sum-frequency spectra: known vibrations of oriented molecules, the symmetry of slabs, the weights of their faces."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import constants

from ensembles import TEMPERATURE, WARM, made_series, noise
from mimyria.elements import masses_of
from mimyria.errors import ConfigError, SpectrumError
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.pipeline import make_spectra
from mimyria.rates.faces import SWITCH, face_area, heights, normal_of, split_faces
from mimyria.rates.series import ResponseSeries
from mimyria.settings import SpectrumSettings
from mimyria.spectra.quantum import correction_ratio
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.sfg import components, sum_frequency
from mimyria.spectra.spectrum import Spectrum
from mimyria.units import LIGHT_SPEED

CELL = np.diag([10.0, 20.0, 50.0])
AREA = 200.0  # Å²
TIMESTEP = 4.0
UP = np.array([0.0, 0.0, 1.0])


def slab(alpha: np.ndarray, moment: np.ndarray, normal: str = "z") -> ResponseSeries:
    """The series of a slab from dα/dt (t, 2, 3, 3) and dM/dt (t, 2, 3) of its two faces."""
    series = made_series({"pgt": alpha[:, 0], "apt": moment[:, 0]}, TIMESTEP)
    return replace(series, rates={"pgt": alpha, "apt": moment}, groups=(f"+{normal}", f"-{normal}"), cell=CELL)


def molecules(axes: np.ndarray, frames: int = 20_000, position: float = 2000.0, seed: int = 0) -> list[np.ndarray]:
    """dα/dt = n n n·... and dM/dt of molecules that stretch along unit vectors n (m, 3), each for itself: ⟨q̇²⟩ = 1."""
    rates = noise(frames, len(axes), position, 40.0, TIMESTEP, seed)
    return [np.einsum("tm,ma,mb->tab", rates, axes, axes), rates @ axes]


def mirrored_slab() -> ResponseSeries:
    """A slab whose faces have the same dα/dt and opposite dM/dt, as mirror images have for ssp and zzz."""
    alpha, moment = molecules(cone(0.7), 4000)
    return slab(np.stack([alpha, alpha], axis=1), np.stack([moment, -moment], axis=1))


def spectrum_of(upper: list[np.ndarray], lower: list[np.ndarray], **options: str) -> Spectrum:
    series = slab(*(np.stack(pair, axis=1) for pair in zip(upper, lower, strict=True)), **options)
    return sum_frequency([series], WARM, choose_sampling([series], 30.0, 10))


def area(spectrum: Spectrum, name: str, low: float = 1700.0, high: float = 2300.0) -> float:
    """∫ ω Im χ dν: what a vibration gives, whatever its line shape."""
    inside = (spectrum.wavenumber > low) & (spectrum.wavenumber < high)
    return float((spectrum.columns[name] * spectrum.wavenumber)[inside].sum())


def cone(tilt: float, count: int = 6) -> np.ndarray:
    """Unit vectors at an angle from z, evenly around it."""
    turn = 2 * np.pi * np.arange(count) / count
    return np.stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.full(count, np.cos(tilt))], axis=1)


# --- one vibration ------------------------------------------------------------------------------


def test_a_harmonic_vibration_has_its_absolute_area() -> None:
    """∫ ω Im χ dω = π α' M'/(2 ε0 A) by the mass-weighted coordinate q, ⟨q̇²⟩ = k_B T: the temperature drops out."""
    position, derivatives = 2000.0, (3.0, 0.4)  # e² a0² E_h⁻¹ and e Å, per √u Å
    rate = noise(20_000, 1, position, 10.0, TIMESTEP)[:, 0]
    thermal = np.sqrt(constants.k * TEMPERATURE / constants.atomic_mass) * constants.femto / constants.angstrom  # Å/fs
    rate *= thermal / np.sqrt((rate**2).mean())
    alpha, moment = np.zeros((20_000, 2, 3, 3)), np.zeros((20_000, 2, 3))
    alpha[:, 0, 2, 2], moment[:, 0, 2] = derivatives[0] * rate, derivatives[1] * rate
    series = slab(alpha, moment)
    spectrum = sum_frequency([series], WARM, choose_sampling([series], 20.0, None))
    per_length = 1 / (np.sqrt(constants.atomic_mass) * constants.angstrom)
    polarizability = derivatives[0] * constants.physical_constants["atomic unit of electric polarizability"][0]
    product = polarizability * derivatives[1] * constants.e * constants.angstrom * per_length**2
    expected = np.pi * product / (2 * constants.epsilon_0 * AREA * constants.angstrom**2)
    imaginary = spectrum.columns["zzz_im[+z]"]
    omega = 2 * np.pi * constants.c * 100 * spectrum.wavenumber
    assert np.nansum(omega * imaginary) * omega[1] == pytest.approx(expected, rel=1e-4)
    assert spectrum.wavenumber[np.nanargmax(imaginary)] == pytest.approx(position, abs=5)


def test_real_part_changes_its_sign_at_the_line_and_is_static_below() -> None:
    """χ = α'M'/(ε0 A)/(ω0² - ω² - iωγ): positive below, negative above; half of the width to the extrema of Re."""
    rate = np.cos(2 * np.pi * LIGHT_SPEED * 2000.0 * TIMESTEP * np.arange(4000))
    alpha, moment = np.zeros((4000, 2, 3, 3)), np.zeros((4000, 2, 3))
    alpha[:, 0, 2, 2], moment[:, 0, 2] = rate, rate
    series = slab(alpha, moment)
    columns = sum_frequency([series], WARM, choose_sampling([series], 30.0, None)).columns
    nu, real, imaginary = (columns[name] for name in ("wavenumber_cm-1", "zzz_re[+z]", "zzz_im[+z]"))
    assert (real[1:][nu[1:] < 1980] > 0).all()
    assert (real[nu > 2020] < 0).all()
    ratio = real[(nu > 100) & (nu < 1800)] * (2000.0**2 - nu[(nu > 100) & (nu < 1800)] ** 2)
    np.testing.assert_allclose(ratio, ratio[0], rtol=0.02)  # far from the line: 1/(ω0² - ω²)
    strength = np.nansum(imaginary * nu) * nu[1] * 2 / np.pi  # Kramers-Kronig: ∫ ω Im χ dω = π/2 of that strength
    assert ratio.mean() == pytest.approx(strength, rel=0.02)
    np.testing.assert_allclose(columns["zzz_abs2[+z]"][1:], (real**2 + imaginary**2)[1:], rtol=0.01)


def test_quantum_corrections_change_the_imaginary_part_as_they_do_absorption() -> None:
    """And the real part follows from it: beside a line at ν0 both are those of the line times the factor at ν0."""
    series = mirrored_slab()
    how = choose_sampling([series], 60.0, None)
    plain, other = (sum_frequency([series], replace(WARM, correction=name), how) for name in ("harmonic", "standard"))
    nu = plain.wavenumber[1:]
    factor = correction_ratio(nu, TEMPERATURE, "standard")
    np.testing.assert_allclose(other.columns["ssp_im"][1:], factor * plain.columns["ssp_im"][1:])
    middle = np.nanargmax(plain.columns["ssp_im"][1:])
    beside = (abs(nu - nu[middle]) > 30) & (abs(nu - nu[middle]) < 100)
    ratio = other.columns["ssp_re"][1:][beside] / plain.columns["ssp_re"][1:][beside]
    np.testing.assert_allclose(ratio, factor[middle], rtol=0.1)  # the factor falls by 5 % over 100 cm⁻¹


# --- symmetry -----------------------------------------------------------------------------------


def test_tilted_molecules_have_the_components_of_their_cone() -> None:
    """χ_abc ∝ ⟨n_a n_b n_c⟩: zzz cos³θ, xxz = yyz = xzx = yzy = ½ sin²θ cosθ, and none for xyz."""
    tilt = np.radians(50.0)
    up, down = cone(tilt), cone(tilt) * [1, 1, -1]
    spectrum = spectrum_of(molecules(up), molecules(down, seed=1))
    expected = np.sin(tilt) ** 2 / np.cos(tilt) ** 2 / 2
    for name in ("xxz", "yyz", "xzx", "yzy", "ssp", "sps"):
        ratio = area(spectrum, f"{name}_im") / area(spectrum, "zzz_im")
        assert ratio == pytest.approx(expected, rel=0.15)  # some 300 independent times, six molecules, two faces
    middle = np.nanargmax(spectrum.columns["zzz_im"])
    for name in ("ssp", "sps"):
        assert spectrum.columns[f"{name}_im"][middle] > 5 * spectrum.columns[f"{name}_im_error"][middle]
    series = slab(*(np.stack(pair, axis=1) for pair in zip(molecules(up), molecules(down, seed=1), strict=True)))
    how = choose_sampling([series], 30.0, 10)
    chiral, straight = (components([series], [name], how)[1][name][0, 0].max() for name in ("xyz", "zzz"))
    assert abs(chiral) < 0.1 * straight


def test_the_faces_of_a_symmetric_slab_are_opposite_and_cancel() -> None:
    up, down = cone(0.5), cone(0.5) * [1, 1, -1]
    columns = (spectrum := spectrum_of(molecules(up), molecules(down, seed=1))).columns
    for name in ("ssp", "sps", "zzz"):
        assert area(spectrum, f"{name}_im[+z]") > 0
        assert area(spectrum, f"{name}_im[-z]") == pytest.approx(-area(spectrum, f"{name}_im[+z]"), rel=0.15)
        np.testing.assert_allclose(columns[f"{name}_im"], (columns[f"{name}_im[+z]"] - columns[f"{name}_im[-z]"]) / 2)
        assert abs(area(spectrum, f"{name}_im[both]")) < 0.3 * area(spectrum, f"{name}_im")
        near = abs(spectrum.wavenumber - 2000) < 100
        off = columns[f"{name}_im[both]"][near] / columns[f"{name}_im[both]_error"][near]
        assert np.sqrt((off**2).mean()) < 2.5  # zero within its errors of ten blocks
    exact = spectrum_of(molecules(up), [rates * sign for rates, sign in zip(molecules(up), (1, -1), strict=True)])
    np.testing.assert_allclose(exact.columns["zzz_im[-z]"], -exact.columns["zzz_im[+z]"])
    np.testing.assert_allclose(exact.columns["zzz_im[both]"][1:], 0, atol=1e-12 * np.nanmax(exact.columns["zzz_im"]))


def test_an_isotropic_liquid_gives_nothing() -> None:
    """Molecules that point everywhere: every component is zero within its error."""
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(2, 40, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    axes = np.concatenate([axes, -axes], axis=1)  # no net direction by chance
    spectrum = spectrum_of(molecules(axes[0], seed=2), molecules(axes[1], seed=3))
    near = abs(spectrum.wavenumber - 2000) < 60
    off = [
        spectrum.columns[f"{name}_im{part}"][near] / spectrum.columns[f"{name}_im{part}_error"][near]
        for name in ("ssp", "sps", "zzz")
        for part in ("", "[+z]", "[-z]", "[both]")
    ]
    assert 0.3 < np.sqrt(np.mean(np.square(off))) < 1.8  # 1 for errors that are known; ten blocks


def test_the_normal_may_lie_along_any_axis() -> None:
    """The same slab, its axes permuted: z → x, x → y, y → z."""
    upper, lower = molecules(cone(0.7)), molecules(cone(0.7) * [1, 1, -1], seed=1)
    turned = [[np.roll(a, 1, axis=(1, 2)), np.roll(m, 1, axis=1)] for a, m in (upper, lower)]
    series = slab(*(np.stack(pair, axis=1) for pair in zip(*turned, strict=True)), normal="x")
    series = replace(series, cell=np.roll(CELL, 1, axis=(0, 1)))
    along_z, along_x = spectrum_of(upper, lower), sum_frequency([series], WARM, choose_sampling([series], 30.0, 10))
    for one, other in (("zzz", "xxx"), ("xxz", "yyx"), ("yyz", "zzx"), ("xzx", "yxy"), ("yzy", "zxz"), ("ssp", "ssp")):
        np.testing.assert_allclose(along_x.columns[f"{other}_im"], along_z.columns[f"{one}_im"], rtol=1e-9)
    assert "ssp_im[+x]" in along_x.columns


def test_double_the_area_of_the_same_surface_changes_nothing() -> None:
    """Two like patches that know nothing of each other: as much per area. Here the same one twice: double the terms."""
    one = mirrored_slab()
    two = replace(one, cell=CELL * [[2], [1], [1]], rates={"pgt": 2 * one.rates["pgt"][:], "apt": one.rates["apt"]})
    how = choose_sampling([one], 60.0, None)
    expected = sum_frequency([one], WARM, how).columns["ssp_re"]
    assert np.nanmax(expected) > 0
    np.testing.assert_allclose(sum_frequency([two], WARM, how).columns["ssp_re"], expected)


# --- the faces as groups ------------------------------------------------------------------------


def hydroxyls(heights_: list[float], up: list[bool]) -> Frame:
    """O-H molecules that stand upright at some heights, H up or down, in a cell of 10 x 20 x 50 Å."""
    count = len(heights_)
    numbers = np.array([8, 1] * count)
    positions = np.zeros((2 * count, 3))
    mass = masses_of([8, 1])
    for k, (height, sign) in enumerate(zip(heights_, np.where(up, 0.97, -0.97), strict=True)):
        centre = np.array([4.0 * (k % 2), 4.0 * (k // 2), height])
        positions[2 * k] = centre - sign * mass[1] / mass.sum() * UP
        positions[2 * k + 1] = centre + sign * mass[0] / mass.sum() * UP
    return Frame(numbers, positions, CELL, np.ones(3, dtype=bool))


def test_weights_are_those_of_whole_molecules_and_add_up() -> None:
    frame = hydroxyls([-8.0, -1.0, 0.0, 1.0, 8.0], [False, True, False, True, True])
    upper, lower = split_faces("z").weights(frame)
    np.testing.assert_allclose(upper + lower, 1)
    expected = [0, 0.5 - 0.5 * np.sin(np.pi / 2 / SWITCH), 0.5, 0.5 + 0.5 * np.sin(np.pi / 2 / SWITCH), 1]
    np.testing.assert_allclose(upper, np.repeat(expected, 2), atol=1e-9)
    assert split_faces("z").names == ("+z", "-z")


@pytest.mark.parametrize("shift", [0.0, 13.0, 24.9, 25.1, 40.0])
def test_a_slab_may_lie_anywhere_and_be_wrapped(shift: float) -> None:
    """Above, below and across the boundary of the cell, molecules cut by it."""
    frame = hydroxyls([-8.0, -1.0, 0.4, 1.0, 9.0], [False, True, False, True, True])
    moved = replace(frame, positions=(frame.positions + np.array([3.0, 5.0, shift])) % np.diag(CELL))
    np.testing.assert_allclose(heights(moved, 2), heights(frame, 2), atol=1e-9)
    mirrored = replace(frame, positions=frame.positions * [1, 1, -1])
    np.testing.assert_allclose(split_faces("z").weights(mirrored)[0], split_faces("z").weights(frame)[1], atol=1e-9)
    open_ = replace(moved, positions=frame.positions + 200 * UP, periodic=np.array([True, True, False]))
    np.testing.assert_allclose(heights(open_, 2), heights(frame, 2), atol=1e-9)


def test_atoms_of_an_endless_network_count_each_by_itself() -> None:
    """A zigzag of carbon along x that closes over the cell: its atoms have their own heights; a short one has one."""
    x = np.arange(8) * 1.25
    positions = np.stack([x, np.zeros(8), np.where(np.arange(8) % 2, 0.4, -0.4)], axis=1)
    frame = Frame(np.full(8, 6), positions, CELL, np.ones(3, dtype=bool))
    np.testing.assert_allclose(heights(frame, 2), positions[:, 2], atol=1e-9)
    np.testing.assert_allclose(heights(replace(frame, cell=2 * CELL), 2), 0, atol=1e-9)


def test_the_face_is_made_of_the_two_vectors_across_the_normal() -> None:
    cell = np.array([[10.0, 0, 0], [4.0, 20.0, 0], [1.0, 2.0, 50.0]])
    assert face_area(cell, 2) == pytest.approx(200)
    with pytest.raises(SpectrumError, match="normal along x has two cell vectors perpendicular to it, this cell has"):
        face_area(cell, 0)
    assert face_area(np.diag([10.0, 20.0, 0.0]), 2) == pytest.approx(200)  # no vector along the normal
    with pytest.raises(ConfigError, match="x, y or z"):
        split_faces("up")
    assert normal_of(("+y", "-y")) == "y"
    with pytest.raises(SpectrumError, match="of the groups O, H, not of the faces of a slab"):
        normal_of(("O", "H"))


def vibrating(up: list[bool], path: Path) -> Path:
    """Two O-H on each face of a slab that stretch at 3500 and 3600 cm⁻¹; H is positive, and α grows with the bond."""
    timestep, charge, growth = 2.0, 0.3, 2.0
    frame = hydroxyls([8.0, 9.0, -8.0, -9.0], up)
    axes = (frame.positions[1::2] - frame.positions[::2]) / 0.97
    apt, pgt = np.zeros((8, 3, 3)), np.zeros((8, 3, 3, 3))
    apt[1::2], apt[::2] = charge * np.eye(3), -charge * np.eye(3)
    pgt[1::2] = growth * np.einsum("ab,mc->mabc", np.diag([0.3, 0.3, 1.0]), axes)
    pgt[::2] = -pgt[1::2]
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, size=4)
    frames = []
    for time in timestep * np.arange(300):
        stretch = np.cos(2 * np.pi * LIGHT_SPEED * np.array([3600, 3500, 3600, 3500]) * time + phases)
        velocities = np.zeros((8, 3))
        velocities[1::2] = 0.05 * stretch[:, None] * axes
        velocities[::2] = -velocities[1::2] / 16
        frames.append(replace(frame, velocities=velocities, time=time, tensors={"apt": apt, "pgt": pgt}))
    write_frames(path, frames)
    return path


SLAB = SpectrumSettings(kinds=("sfg",), apt="frames", pgt="frames", stride=1, resolution=100.0)


@pytest.mark.pictures
@pytest.mark.parametrize(("outwards", "sign"), [(True, 1), (False, -1)])
def test_hydroxyls_are_positive_where_hydrogen_points_out(tmp_path: Path, outwards: bool, sign: int) -> None:
    """The sign of the literature, from frames to files: O-H that points out of a face has Im χ > 0, into it < 0."""
    path = vibrating([outwards, outwards, not outwards, not outwards], tmp_path / "md.extxyz")
    spectra = make_spectra([path], tmp_path / "a", SLAB)
    assert list(spectra) == ["sfg"]
    columns = spectra["sfg"].columns
    near = abs(columns["wavenumber_cm-1"] - 3550) < 100
    for name in ("ssp_im", "zzz_im", "ssp_im[+z]", "zzz_im[+z]"):
        assert (sign * columns[name][near]).min() > 0
    assert (sign * columns["zzz_im[-z]"][near]).max() < 0
    assert (tmp_path / "a" / "spectra.png").exists()
    again = make_spectra([tmp_path / "a" / "series.h5"], tmp_path / "b", SpectrumSettings(kinds=("sfg", "ir")))
    assert "n_alpha[+z,-z]" in again["ir"].columns
    assert again["sfg"].header["area"] == "200.000 Å²"


def test_rates_of_other_groups_are_refused(tmp_path: Path) -> None:
    path = vibrating([True, True, False, False], tmp_path / "md.extxyz")
    make_spectra([path], tmp_path / "a", replace(SLAB, kinds=None))
    with pytest.raises(SpectrumError, match="groups O, H, not of the faces of a slab: ask for sfg when they are made"):
        make_spectra([tmp_path / "a" / "series.h5"], tmp_path / "b", SpectrumSettings(kinds=("sfg",)))
