"""A network learns the groups of made-up molecules; its probabilities, its familiarity and its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recognised import GROUPS, MILD, made_up, recogniser

from mimyria.errors import ModelError
from mimyria.identify.channels import GRID, channels
from mimyria.identify.convolutions import Committee
from mimyria.identify.patterns import GROUPS as REAL
from mimyria.identify.recogniser import FORMAT, PATTERNS, probability, read_recogniser, write_recogniser
from mimyria.identify.teaching import Fit, calibrate, calibrated, draw, fit, train
from mimyria.model.files import BUNDLED, read_content, read_model, write_content


@pytest.fixture(scope="module")
def unseen() -> dict[str, object]:
    random, how = np.random.default_rng(3), Fit(variation=MILD, misplaced=0.0, mixed=0.0, strange=0.0)
    return {pattern: draw(made_up(120, seed=5), random, how, (pattern,)) for pattern in PATTERNS}


@pytest.mark.parametrize(("pattern", "least"), [("infrared", 0.9), ("raman", 0.6), ("both", 0.9)])
def test_groups_of_molecules_that_were_not_trained_on(unseen: dict[str, object], pattern: str, least: float) -> None:
    samples = unseen[pattern]
    told = recogniser().probabilities(samples.channels) > 0.5  # type: ignore[attr-defined]
    assert (told == samples.truth[:, : len(GROUPS)]).mean() > least  # type: ignore[attr-defined]  # guessing is right in half


def test_probabilities_are_frequencies(unseen: dict[str, object]) -> None:
    """Where it says p, about p of the molecules have the group, but for what chance makes of so few."""
    p = np.concatenate([recogniser().probabilities(unseen[name].channels).ravel() for name in PATTERNS])  # type: ignore[attr-defined]
    has = np.concatenate([unseen[name].truth[:, : len(GROUPS)].ravel() for name in PATTERNS])  # type: ignore[attr-defined]
    for low, high in ((0, 0.3), (0.3, 0.7), (0.7, 1)):
        inside = (p >= low) & (p <= high)
        spread = np.sqrt((p[inside] * (1 - p[inside])).sum())
        assert abs(has[inside].sum() - p[inside].sum()) < 3 * spread + 0.04 * inside.sum()


def test_training_goes_on_from_a_network(unseen: dict[str, object]) -> None:
    how = Fit(epochs=1, again=1, rate=1e-5, mixed=0.0, repeats=1, variation=MILD)
    given = made_up(60, seed=7), made_up(60, seed=8), GROUPS, how, recogniser().network.shape
    samples = unseen["infrared"]
    right = [
        ((train(*given, start=start).probabilities(samples.channels) > 0.5) == samples.truth[:, : len(GROUPS)]).mean()  # type: ignore[attr-defined]
        for start in (recogniser().network.networks[0], None)
    ]
    assert right[0] > 0.9 > right[1]


def test_a_committee_says_the_mean_and_is_read_as_written(unseen: dict[str, object], tmp_path: Path) -> None:
    how = Fit(epochs=1, again=1, rate=1e-5, mixed=0.0, repeats=1, variation=MILD)
    molecules, held_out = made_up(60, seed=7), made_up(60, seed=8)
    trained = recogniser().network.networks[0]
    other = fit(molecules, held_out, replace(how, seed=3), trained.shape, trained)
    made = calibrated(Committee([trained, other]), molecules, held_out, GROUPS, how)
    channels = torch.tensor(unseen["both"].channels)  # type: ignore[attr-defined]
    with torch.no_grad():
        logits, shares = made.network.with_shares(channels)
        apart = [network.with_shares(channels) for network in (trained, other)]
        torch.testing.assert_close(made.network(channels), logits)
    torch.testing.assert_close(logits, (apart[0][0] + apart[1][0]) / 2)
    torch.testing.assert_close(shares, (apart[0][1] + apart[1][1]) / 2)
    assert not torch.allclose(apart[0][0], apart[1][0])
    write_recogniser(tmp_path / "two.mym", made)
    read = read_recogniser(tmp_path / "two.mym")
    np.testing.assert_allclose(read.probabilities(channels.numpy()), made.probabilities(channels.numpy()), atol=1e-5)


def test_calibration_finds_the_right_slope_and_offset() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, 20000)
    truth = random.uniform(size=20000) < probability(0.5 * logits - 1)
    a, b = calibrate(logits, truth.astype(float), np.ones(20000), 1.0)
    assert (a, b) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1, abs=0.05))
    one = calibrate(np.array([4.0]), np.array([1.0]), np.ones(1), 1.0)
    assert one == (pytest.approx(1, abs=0.1), pytest.approx(0, abs=0.1))  # one molecule proves next to nothing


def test_what_is_familiar_and_what_is_not(unseen: dict[str, object]) -> None:
    known = [recogniser().strangeness(each) for each in unseen["infrared"].channels]  # type: ignore[attr-defined]
    assert np.mean(np.array(known) > 1) < 0.05
    comb = channels({"infrared": (GRID, np.sin(GRID / 15) ** 2)})
    assert recogniser().strangeness(comb) > 1


def test_shares_are_known_of_the_spectra_that_are_right_alone() -> None:
    how = Fit(variation=MILD, misplaced=0.0, mixed=0.0, strange=0.0)
    molecules, random = made_up(20, seed=9), np.random.default_rng(1)
    for pattern, known in (("infrared", [True, False]), ("raman", [False, True]), ("both", [True, True])):
        shares = draw(molecules, random, how, (pattern,)).shares
        assert np.isfinite(shares).all(axis=(0, 2, 3)).tolist() == known
        assert np.isnan(shares).any(axis=(0, 2, 3)).tolist() == np.logical_not(known).tolist()
    for wrong in (replace(how, strange=1.0), replace(how, misplaced=1.0)):
        assert np.isnan(draw(molecules, random, wrong, ("infrared",)).shares).all()
    unknown = [replace(molecule, shares=None) for molecule in molecules]
    assert np.isnan(draw(unknown, random, how, ("infrared",)).shares).all()


@pytest.mark.parametrize(("exact", "least"), [(1.0, 0.95), (0.0, 0.0)])
def test_spectra_as_computed_differ_in_their_profiles_alone(exact: float, least: float) -> None:
    how = Fit(misplaced=0.0, mixed=0.0, strange=0.0, exact=exact)
    drawn = [draw(made_up(20, seed=9), np.random.default_rng(seed), how, ("both",)).channels for seed in (1, 2)]
    alike = [np.corrcoef(a[0], b[0])[0, 1] for a, b in zip(*drawn, strict=True)]
    assert least < min(alike) < least + 0.8


def test_a_raman_spectrum_that_is_given_as_infrared_is_seen() -> None:
    random = np.random.default_rng(4)
    seen = {
        wrong: draw(
            made_up(120, seed=6), random, Fit(variation=MILD, misplaced=wrong, strange=0.0), ("infrared", "raman")
        )
        for wrong in (0.0, 1.0)
    }
    told = {
        wrong: (probability(recogniser().logits(each.channels)[:, len(GROUPS)]) > 0.5).mean()
        for wrong, each in seen.items()
    }
    assert told[0.0] < 0.2
    assert told[1.0] > 0.6
    said = {wrong: np.mean([recogniser().looks_other(one) for one in each.channels]) for wrong, each in seen.items()}
    assert said[0.0] < 0.05
    assert said[1.0] > 0.6


def test_the_file_keeps_everything(tmp_path: Path, unseen: dict[str, object]) -> None:
    write_recogniser(tmp_path / "m.mym", recogniser())
    again = read_recogniser(tmp_path / "m.mym")
    assert again.groups == GROUPS
    assert again.summary == {"trained on": "made-up molecules"}
    seen = unseen["both"].channels  # type: ignore[attr-defined]
    np.testing.assert_allclose(again.probabilities(seen), recogniser().probabilities(seen), atol=1e-3)
    limits = [[model.familiar[pattern].other for pattern in PATTERNS] for model in (again, recogniser())]
    assert limits[0] == limits[1]
    np.testing.assert_allclose(again.shares(seen[:5]), recogniser().shares(seen[:5]), atol=1e-3)
    assert again.strangeness(seen[0]) == pytest.approx(recogniser().strangeness(seen[0]), rel=0.01)  # half precision


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "m.mym"
    write_recogniser(path, recogniser())
    content = read_content(path, FORMAT)
    for part in ("weights", "calibration", "familiar", "groups", "shape"):
        write_content(path, {name: value for name, value in content.items() if name != part})
        with pytest.raises(ModelError, match="damaged"):
            read_recogniser(path)
    write_content(path, content | {"format": "mimyria groups 1"})
    with pytest.raises(ModelError, match=r"is a model of functional groups in the format 'mimyria groups 1', and this"):
        read_recogniser(path)
    write_content(path, content | {"calibration": torch.ones(2, 2)})
    with pytest.raises(ModelError, match="do not fit"):
        read_recogniser(path)
    with pytest.raises(ModelError, match=r"is a model of response tensors, not a model of functional groups"):
        read_recogniser(BUNDLED / "water_apt.mym")
    write_recogniser(path, recogniser())
    with pytest.raises(ModelError, match=r"is a model of functional groups, not a model of response tensors"):
        read_model(path)
    for name in ("groups.mym", "water"):
        with pytest.raises(ModelError, match=rf"{name} does not exist; with the package comes groups"):
            read_recogniser(name)


def test_groups_have_patterns() -> None:
    assert len(REAL) > 30
    assert all(pattern.count("[") == pattern.count("]") for pattern in REAL.values())
