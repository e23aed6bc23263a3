"""Terms of spectra: they add up to the whole, and say of known ensembles what is known."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from conftest import DATA, interrupted
from ensembles import VOLUME, WARM, made_series
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.memory import Identity
from mimyria.rates import series as series_module
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.grouping import make_grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import ResponseSeries, read_series, write_series
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum
from mimyria.units import LITRE_PER_MOLE

ROUNDING = 1e-12
"""Of the largest value: sums of some thousand products of double precision."""


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Liquid water with tensors drawn at random, symmetric in the fields."""
    rng = np.random.default_rng(0)
    labelled = []
    for frame in islice(read_frames(DATA / "water32.extxyz.xz"), 0, 240, 4):
        apt, pgt = rng.normal(size=(96, 3, 3)), rng.normal(size=(96, 3, 3, 3))
        labelled.append(replace(frame, tensors={"apt": apt, "pgt": pgt + pgt.swapaxes(1, 2)}))
    return labelled


def series_of(
    frames: list[Frame], asked: tuple[str, ...], folder: Path, stop: int | None = None, again: int = 0
) -> ResponseSeries:
    coming: Iterator[Frame] = iter(frames[again:])
    return response_series(
        iter(frames[:again]),
        coming if stop is None else interrupted(coming, stop),
        targets=("apt", "pgt"),
        grouping=make_grouping(asked, frames[0]),
        timestep=4.0,
        lags=20,
        store=PartStore(folder, Identity()),
    )


def grouped(groups: tuple[str, ...], rates: dict[str, np.ndarray], counts: dict[str, float]) -> ResponseSeries:
    """A series of given rates (t, groups, ...) of groups of whole molecules."""
    totals = {name: value.sum(axis=1) for name, value in rates.items()}
    frames = len(next(iter(rates.values())))
    of_groups = {name: np.full(frames, count) for name, count in counts.items()}
    return replace(made_series(totals, 4.0), groups=groups, rates=rates, counts=of_groups, molecular=True)


def spectra_of(series: ResponseSeries) -> dict[str, Spectrum]:
    how = choose_sampling([series], None, None)
    return {"ir": infrared([series], WARM, how), "raman": raman([series], WARM, how)}


def near(found: np.ndarray, expected: np.ndarray, of: float = ROUNDING) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=of * np.nanmax(abs(expected)))


WHOLES = [
    ("ir", "n_alpha_cm-1", "n_alpha"),
    ("raman", "isotropic", "isotropic"),
    ("raman", "anisotropic", "anisotropic"),
]


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        (("species",), 3),
        (("a=index 0:9", "b=element O and not index 0:9"), 6),
        (("near=around 3.5 index 0",), 3),
        (("shell 3.5 around index 0",), 6),
        (("molecules",), 0),
        (("none",), 0),
    ],
)
def test_the_terms_of_groups_add_up_to_the_whole(
    frames: list[Frame], tmp_path: Path, asked: tuple[str, ...], number: int
) -> None:
    spectra = spectra_of(series_of(frames, asked, tmp_path / "a"))
    plain = spectra_of(series_of(frames, ("none",), tmp_path / "b"))
    for kind, whole, name in WHOLES:
        columns = spectra[kind].columns
        near(columns[whole], plain[kind].columns[whole])  # whatever the groups
        parts = [values for column, values in columns.items() if column.startswith(f"{name}[") and column[-1] == "]"]
        assert len(parts) == number
        if parts:
            near(sum(parts), columns[whole])


def test_intra_and_intermolecular_add_up_to_the_whole(frames: list[Frame], tmp_path: Path) -> None:
    """Counted again: the self terms are what each molecule has when it is a group of its own."""
    spectra = spectra_of(series_of(frames, ("molecules",), tmp_path / "a"))
    asked = tuple(f"m{k}=byres index {3 * k}" for k in range(32))
    single = spectra_of(series_of(frames, asked, tmp_path / "b"))
    for kind, whole, name in WHOLES:
        columns = spectra[kind].columns
        inside, between = columns[f"{name}_intramolecular"], columns[f"{name}_intermolecular"]
        near(inside + between, columns[whole])
        near(sum(single[kind].columns[f"{name}[m{k},m{k}]"] for k in range(32)), inside)
        assert np.abs(between).max() > 0.01 * columns[whole].max()


def test_molecules_that_know_nothing_of_each_other_have_no_intermolecular_part() -> None:
    rng, n = np.random.default_rng(0), 50
    dipoles = rng.normal(size=(20_000, n, 3))
    series = grouped(("X",) * n, {"apt": dipoles}, {"X": n})
    columns = infrared([series], WARM, choose_sampling([series], 100.0, None)).columns
    inside, between = columns["n_alpha_intramolecular"], columns["n_alpha_intermolecular"]
    error = columns["n_alpha_intermolecular_error"]
    # the mean of some hundred points, each zero within its error
    assert abs(between.mean()) < 0.02 * inside.mean()
    assert np.sqrt(np.mean((between / error) ** 2)) == pytest.approx(1, abs=0.4)
    np.testing.assert_allclose(inside / inside.mean(), 1, atol=0.05)


def molecules_of_rates(dipoles: np.ndarray) -> ResponseSeries:
    """A series of given dM/dt (t, molecules, 3), and dα/dt made from it."""
    n = dipoles.shape[1]
    tensors = np.einsum("...a,ab->...ab", dipoles, np.eye(3)) + dipoles.sum(axis=-1)[..., None, None]
    return grouped(("X",) * n, {"apt": dipoles, "pgt": tensors}, {"X": n})


def test_molecules_that_move_as_one_have_n_minus_one_times_the_intramolecular_part() -> None:
    n = 7
    one = np.random.default_rng(0).normal(size=(2000, 1, 3))
    spectra = spectra_of(molecules_of_rates(np.repeat(one, n, axis=1)))
    for kind, _, name in WHOLES:
        columns = spectra[kind].columns
        near(columns[f"{name}_intermolecular"], (n - 1) * columns[f"{name}_intramolecular"])
        near(columns[f"{name}_intermolecular_error"], (n - 1) * columns[f"{name}_intramolecular_error"])


def test_groups_of_the_same_name_are_added_up() -> None:
    rng = np.random.default_rng(1)
    dipoles, tensors = rng.normal(size=(2000, 4, 3)), rng.normal(size=(2000, 4, 3, 3))
    apart = grouped(("A", "B", "A", "B"), {"apt": dipoles, "pgt": tensors}, {"A": 2, "B": 2})
    rates = {
        name: np.stack([values[:, [0, 2]].sum(axis=1), values[:, [1, 3]].sum(axis=1)], axis=1)
        for name, values in apart.rates.items()
    }
    together = spectra_of(grouped(("A", "B"), rates, {"A": 2, "B": 2}))
    for kind, spectrum in spectra_of(apart).items():
        for name, values in together[kind].columns.items():
            near(spectrum.columns[name], values)


# --- one molecule -------------------------------------------------------------------------------


def test_what_one_molecule_contributes_adds_up_to_the_whole() -> None:
    rng, counts = np.random.default_rng(2), {"solute": 1.0, "shell": 5.5, "bulk": 57.5}
    rates = {"apt": rng.normal(size=(3000, 3, 3)), "pgt": rng.normal(size=(3000, 3, 3, 3))}
    spectra = spectra_of(grouped(tuple(counts), rates, counts))
    infrared, raman = spectra["ir"].columns, spectra["raman"].columns
    # molar n·α times the concentration, mol/L
    litres = VOLUME * LITRE_PER_MOLE
    near(sum(infrared[f"n_alpha_molar[{name}]"] * n / litres for name, n in counts.items()), infrared["n_alpha_cm-1"])
    near(sum(raman[f"isotropic_per_molecule[{name}]"] * n for name, n in counts.items()), raman["isotropic"])
    for columns, name in ((infrared, "n_alpha_molar"), (raman, "anisotropic_per_molecule")):
        near(columns[f"{name}[shell-bulk]"], columns[f"{name}[shell]"] - columns[f"{name}[bulk]"])
        assert f"{name}[solute-bulk]" not in columns


def test_molar_spectrum_of_pure_water_is_the_spectrum_over_the_concentration() -> None:
    """One gram a cubic centimetre is 55.51 mol/L."""
    series = molecules_of_rates(np.random.default_rng(3).normal(size=(2000, 4, 3)))
    series = replace(series, volume=series.volume * 4 * 29.915 / VOLUME)  # 29.915 Å³ a molecule: 18.015 g/mol, 1 g/cm³
    columns = spectra_of(series)["ir"].columns
    near(columns["n_alpha_molar[X]"], columns["n_alpha_cm-1"] / 55.51, 1e-4)


def test_the_header_says_the_unit_of_one_molecule() -> None:
    spectra = spectra_of(molecules_of_rates(np.random.default_rng(3).normal(size=(2000, 4, 3))))
    assert spectra["ir"].header["n_alpha_molar[A]"].endswith("L mol-1 cm-1, natural logarithm")
    assert spectra["raman"].header["isotropic_per_molecule[A]"].endswith("unit of S")


def test_molar_spectra_do_not_know_the_volumes_of_the_trajectories() -> None:
    series = molecules_of_rates(np.random.default_rng(3).normal(size=(2000, 4, 3)))
    how = choose_sampling([series], None, None)
    dilute = replace(series, volume=3 * series.volume)
    one, other = (infrared(both, WARM, how).columns for both in ([series, series], [series, dilute]))
    near(other["n_alpha_molar[X]"], one["n_alpha_molar[X]"])
    near(other["n_alpha_cm-1"], 2 / 3 * one["n_alpha_cm-1"])


def test_molecules_that_are_all_alike_have_no_difference_spectrum() -> None:
    """Twenty molecules, each for itself, that go in and out of the shell at random: zero within the error."""
    rng = np.random.default_rng(4)
    dipoles, near_ion = rng.normal(size=(20_000, 20, 3)), np.repeat(rng.random((200, 20)) < 0.25, 100, axis=0)
    groups = [(dipoles * inside[:, :, None]).sum(axis=1) for inside in (near_ion, ~near_ion)]
    rates = {"apt": np.stack([np.zeros((20_000, 3)), *groups], axis=1)}
    series = replace(
        grouped(("solute", "shell", "bulk"), rates, {}),
        counts={"solute": np.ones(20_000), "shell": near_ion.sum(axis=1), "bulk": (~near_ion).sum(axis=1)},
    )
    columns = infrared([series], WARM, choose_sampling([series], 60.0, None)).columns
    difference = columns["n_alpha_molar[shell-bulk]"] / columns["n_alpha_molar[shell-bulk]_error"]
    assert np.sqrt(np.mean(difference**2)) == pytest.approx(1, abs=0.4)
    assert abs(columns["n_alpha_molar[shell-bulk]"].mean()) < 0.03 * columns["n_alpha_molar[bulk]"].mean()


def test_the_error_of_a_difference_is_that_of_the_difference() -> None:
    """A shell that does what the bulk does, for all that both scatter: no difference, no error."""
    one = np.random.default_rng(7).normal(size=(2000, 1, 3))
    rates = {"apt": np.concatenate([0 * one, one, one], axis=1)}
    series = grouped(("solute", "shell", "bulk"), rates, {"solute": 1, "shell": 4, "bulk": 4})
    columns = infrared([series], WARM, choose_sampling([series], None, None)).columns
    error = columns["n_alpha_molar[bulk]_error"]
    assert error.min() > 0
    np.testing.assert_allclose(columns["n_alpha_molar[shell-bulk]"], 0, atol=ROUNDING * error.max())
    np.testing.assert_allclose(columns["n_alpha_molar[shell-bulk]_error"], 0, atol=ROUNDING * error.max())


def test_a_group_that_is_never_there_has_no_spectrum_of_one_molecule() -> None:
    rates = {"apt": np.random.default_rng(5).normal(size=(2000, 3, 3)) * [[1], [0], [1]]}
    series = grouped(("solute", "shell", "bulk"), rates, {"solute": 1, "shell": 0, "bulk": 10})
    columns = infrared([series], WARM, choose_sampling([series], None, None)).columns
    assert "n_alpha_molar[bulk]" in columns
    assert not any("shell]" in name or "shell-" in name for name in columns if "molar" in name)


def test_the_header_says_how_many_molecules_there_are(frames: list[Frame], tmp_path: Path) -> None:
    series = series_of(frames, ("shell 3.5 around index 0",), tmp_path)
    grouping = make_grouping(("shell 3.5 around index 0",), frames[0])
    mean = np.mean([grouping.counts(grouping.weights(frame)) for frame in frames], axis=0)
    header = spectra_of(series)["ir"].header
    assert header["mean number of molecules"] == f"solute 1, shell {mean[1]:.6g}, bulk {mean[2]:.6g}"
    atoms = series_of(frames, ("species",), tmp_path / "species")
    assert spectra_of(atoms)["raman"].header["mean number of atoms"] == "O 32, H 64"


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [("molecules",), ("shell 3.5 around index 0",), ("near=around 3.5 index 0",)])
def test_a_stopped_pass_goes_on_and_the_file_gives_the_same_spectra(
    frames: list[Frame], tmp_path: Path, asked: tuple[str, ...]
) -> None:
    whole = series_of(frames, asked, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        series_of(frames, asked, tmp_path / "parts", stop=25)
    resumed = series_of(frames, asked, tmp_path / "parts", again=25)
    write_series(tmp_path / "series.h5", [resumed])
    (read,) = read_series(tmp_path / "series.h5")
    assert read.groups == whole.groups
    for name in whole.group_names:
        np.testing.assert_array_equal(read.counts[name], whole.counts[name])
    for kind, spectrum in spectra_of(whole).items():
        again = spectra_of(read)[kind]
        assert again.header == spectrum.header
        for name, values in spectrum.columns.items():
            np.testing.assert_array_equal(again.columns[name], values)


def test_frames_are_read_in_pieces_that_do_not_grow_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    series = molecules_of_rates(np.random.default_rng(6).normal(size=(3000, 10, 3)))
    before = spectra_of(series)
    monkeypatch.setattr(series_module, "NUMBERS_AT_ONCE", 9 * 10 * 37)
    lengths = [len(range(3000)[piece]) for piece in series.chunks(0, 3000)]
    assert max(lengths) == 37
    assert sum(lengths) == 3000
    for kind, spectrum in spectra_of(series).items():
        for name, values in spectrum.columns.items():
            near(before[kind].columns[name], values, 1e-9)  # other blocks of the transforms, other roundings
