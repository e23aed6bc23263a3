"""Layers of a slab: they add up to the whole, each holds what is in it, and the profile knows its density."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_pair_cutoff import liquid, moving_liquid
from test_sfg import AREA, TIMESTEP, vibrating

from ensembles import WARM, noise
from mimyria.errors import ConfigError, SpectrumError
from mimyria.pipeline import make_spectra
from mimyria.rates.series import ResponseSeries
from mimyria.settings import SpectrumSettings
from mimyria.spectra.depth import choose_layers, depth_resolved, write_profile
from mimyria.spectra.gibbs import gibbs_height
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.sfg import sum_frequency


def crowded() -> ResponseSeries:
    """The molecules of `moving_liquid` on both sides of a layer of still ones, which fill the middle."""
    run = moving_liquid()
    rng = np.random.default_rng(2)
    alpha, moment = (np.asarray(run.rates[name]) for name in ("pgt", "apt"))
    sign = np.where(np.arange(7) % 2, 1, -1)
    places = np.asarray(run.centres) + [0, 0, 1] * (6 * sign)[None, :, None]
    middle = np.broadcast_to(
        np.column_stack([rng.uniform(size=(40, 2)) * [10, 20], np.linspace(-8, 8, 40)]), (600, 40, 3)
    )
    alpha = np.concatenate([alpha, np.zeros((600, 40, 3, 3))], axis=1)
    moment = np.concatenate([moment, 0.1 * np.repeat(moment[:, :1], 40, axis=1)], axis=1)
    return liquid(alpha, moment, np.concatenate([places, middle], axis=1))


@pytest.mark.parametrize("depth_from", ["surface", "middle"])
@pytest.mark.parametrize("cutoff", [None, 5.0])
def test_layers_add_up_to_the_whole(depth_from: str, cutoff: float | None) -> None:
    run = crowded()
    sampling = choose_sampling([run], 150.0, None)
    conditions = replace(WARM, pair_cutoff=cutoff, depth_step=1.7, depth_from=depth_from)
    found = depth_resolved([run], conditions, sampling)
    whole, absorption = sum_frequency([run], conditions, sampling), infrared([run], conditions, sampling)
    pairs = [
        (f"{name}_{part}", whole.columns[f"{name}_{part}"]) for name in ("ssp", "sps", "zzz") for part in ("im", "re")
    ]
    for name, expected in [*pairs, ("n_alpha", absorption.columns["n_alpha_cm-1"])]:
        layers = found.contributions(name)
        assert len(layers) > 5
        scale = np.nanmax(abs(expected))
        np.testing.assert_allclose(sum(layers.values()), expected, atol=1e-5 * scale)
        np.testing.assert_allclose(found.columns[name], expected, atol=1e-5 * scale)
    assert len([each for each in found.contributions("n_alpha").values() if abs(each).max() > 0]) > 3


def test_a_layer_holds_what_is_in_it() -> None:
    """Molecules 0.5 Å outside and 3.5 Å inside of the surface, with lines of their own and nothing in common."""
    frames, filling = 4000, np.linspace(-9.5, 9.5, 39)
    outer, inner = (noise(frames, 2, position, 60.0, TIMESTEP, seed) for seed, position in enumerate((1500.0, 2500.0)))
    heights = np.concatenate([filling, np.zeros(4)])
    surface = 9.0
    for _ in range(20):  # the four move the surface a little themselves
        heights[-4:] = surface + np.array([0.5, -2 * surface - 0.5, -3.5, -2 * surface + 3.5])
        places = np.zeros((frames, 43, 3))
        places[..., 2] = heights
        alpha, moment = np.zeros((frames, 43, 3, 3)), np.zeros((frames, 43, 3))
        surface = gibbs_height([liquid(alpha[:2], moment[:2], places[:2])])
    signal = np.concatenate([outer, inner], axis=1)
    alpha[:, -4:, 2, 2], moment[:, -4:, 2] = signal, signal * [1, -1, 1, -1]  # both faces point outwards
    run = liquid(alpha, moment, places)
    sampling = choose_sampling([run], 40.0, None)
    found = depth_resolved([run], WARM, sampling)
    nu = found.wavenumber

    def line(name: str, position: float) -> float:
        return float(np.nansum((found.columns[name] * nu)[abs(nu - position) < 300]))

    for position, own, other in ((1500.0, "-0.5", "3.5"), (2500.0, "3.5", "-0.5")):
        assert line(f"zzz_im[{own}]", position) == pytest.approx(line("zzz_im", position), rel=0.05)
        assert abs(line(f"zzz_im[{other}]", position)) < 0.05 * line("zzz_im", position)
        assert line("zzz_im", position) > 0
    assert found.columns["zzz_im[1.5]"][1:] == pytest.approx(0)


def test_the_profile_has_density_and_integrals(tmp_path: Path) -> None:
    """4000 molecules of 18 u between ±12 Å over 200 Å²: 24.9 g/cm³; none outside."""
    places = np.zeros((16, 4000, 3))
    places[..., 2] = np.linspace(-12, 12, 4000)
    run = liquid(np.ones((16, 4000, 3, 3)), np.ones((16, 4000, 3)), places)
    sampling = choose_sampling([run], 4000.0, 2)
    conditions = replace(WARM, depth_step=2.5)
    spectrum = depth_resolved([run], conditions, sampling)
    write_profile(tmp_path / "profile.csv", spectrum, [run], conditions, sampling)
    lines = [line for line in (tmp_path / "profile.csv").read_text().splitlines() if line[0] != "#"]
    table = dict(zip(lines[0].split(","), np.array([line.split(",") for line in lines[1:]], float).T, strict=True))
    density = 4000 * 18.0 * 1.66054 / (AREA * 24)
    assert table["from_A"][0] == -5
    np.testing.assert_allclose(table["density_g_cm-3"], [0, 0, *[density] * 5], rtol=0.005)
    assert table["molecules"].sum() == pytest.approx(4000)
    integral = np.trapezoid(spectrum.columns["n_alpha"], spectrum.wavenumber)
    assert table["n_alpha_integral"].sum() == pytest.approx(integral, rel=1e-6)
    assert {"ssp_im_integral", "zzz_im_integral_error", "density_g_cm-3_error"} <= set(table)


def test_too_many_layers_are_refused() -> None:
    run = crowded()
    with pytest.raises(SpectrumError, match=r"--depth-step 0\.01 makes \d+ layers of this slab: at most 200"):
        choose_layers([run], 0.01, "middle")


def test_from_a_trajectory_to_files(tmp_path: Path) -> None:
    path = vibrating([True, True, False, False], tmp_path / "md.extxyz")
    asked = SpectrumSettings(
        kinds=("sfg", "depth"), depth_from="middle", apt="frames", pgt="frames", stride=1, resolution=100.0
    )
    spectra = make_spectra([path], tmp_path / "a", asked, plot_format=("html",))
    assert list(spectra) == ["sfg", "depth"]
    assert (tmp_path / "a" / "profile.csv").exists()
    assert "zzz_im[8.5]" in spectra["depth"].columns
    again = SpectrumSettings(
        kinds=("depth",), depth_from="middle", depth_step=3.0, resolution=100.0, plot_format=("html",)
    )
    remade = make_spectra([tmp_path / "a" / "series.h5"], tmp_path / "b", again)["depth"]
    np.testing.assert_allclose(remade.columns["zzz_im"][1:], spectra["sfg"].columns["zzz_im"][1:], rtol=1e-6)
    with pytest.raises(SpectrumError, match="no molecules in its middle"):
        make_spectra([tmp_path / "a" / "series.h5"], tmp_path / "c", again, depth_from="surface")
    with pytest.raises(ConfigError, match="--kinds depth takes the faces of the slab as groups: leave --groups out"):
        SpectrumSettings(kinds=("depth",), groups=("none",))
