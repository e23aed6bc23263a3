"""Spectra of runs made again with their replicates; pairs of the same frames, whose shared noise is no difference."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from ensembles import WARM, made_series, noise
from mimyria.rates.window import window_lags
from mimyria.spectra.compare import compare
from mimyria.spectra.infrared import infrared
from mimyria.spectra.remade import of_same_frames, with_replicates
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum, read_spectrum

FRAMES = "frames: [[0, None]]; stride: 1; sources apt: {0}; files md.xyz: 9 bytes with digest aa"
FRAMES += "; files {0}: 7 bytes with digest {1}"
LAGS = window_lags(60.0, 8.0)


def pair(seed: int, blocks: int, windows: int, apart: float | None) -> list[Spectrum]:
    """Two spectra of one truth: of signals that differ by so much, or, with None, of independent ones."""
    one, other = (noise(windows * LAGS, 3, 1200.0, 300.0, 8.0, number) for number in (2 * seed, 2 * seed + 1))
    if apart is not None:
        other = (one + apart * other) / np.sqrt(1 + apart**2)
    spectra = []
    for signal, model in ((one, "a.mym"), (other, "b.mym")):
        series = [made_series({"apt": signal}, 8.0)]
        made = infrared(series, WARM, choose_sampling(series, 60.0, blocks))
        rates = {} if apart is None else {"rates 1": FRAMES.format(model, model)}
        spectra.append(replace(made, header=made.header | rates))
    return spectra


@pytest.mark.parametrize("apart", [None, 0.3])
@pytest.mark.parametrize(("blocks", "windows"), [(2, 4), (3, 9), (5, 10), (10, 20)])
def test_the_floor_is_what_noise_scores_on_average(blocks: int, windows: int, apart: float | None) -> None:
    """Also where the two are of the same frames: by then it is a third of the other, or less."""
    found = []
    for seed in range(60):
        result = compare(*pair(seed, blocks, windows, apart), range=(700, 1700))
        assert result.paired == (apart is not None)
        found.append((result.score, result.floor))
    score, floor = np.array(found).T
    uncertainty = np.hypot(*(each.std(ddof=1) / np.sqrt(len(each)) for each in (score, floor)))
    assert floor.mean() == pytest.approx(score.mean(), abs=3 * uncertainty + 0.03 * score.mean())


def test_few_blocks_without_c4_would_state_too_little() -> None:
    one, other = pair(0, 2, 4, None)
    unknown = [
        replace(each, header={}, lines={}, replicates=replace(each.replicates, blocks=0)) for each in (one, other)
    ]
    corrected, plain = (compare(*both, range=(700, 1700)).floor for both in ((one, other), unknown))
    assert corrected is not None
    assert plain is not None
    assert corrected / plain == pytest.approx(1 / 0.8862, abs=0.04)  # c4 of three, as two errors have two degrees


def test_headers_tell_the_frames_whatever_the_models() -> None:
    def spectrum(**changes: str) -> Spectrum:
        words = FRAMES.format("a.mym", "bb")
        for old, new in changes.items():
            words = words.replace(*{"digest": ("digest aa", new), "stride": ("stride: 1", new)}[old])
        return Spectrum("ir", {}, {"rates 1": words})

    other = Spectrum("ir", {}, {"rates 1": FRAMES.format("other.mym", "cc").replace("md.xyz", "moved/md.xyz")})
    assert of_same_frames(spectrum(), other)
    assert not of_same_frames(spectrum(digest="digest ab"), other)
    assert not of_same_frames(spectrum(stride="stride: 2"), other)
    assert not of_same_frames(Spectrum("ir", {}), Spectrum("ir", {}))
    twice = Spectrum("ir", {}, other.header | {"rates 2": other.header["rates 1"]})
    assert not of_same_frames(spectrum(), twice)


def test_files_of_runs_are_paired_by_their_rates(
    run: Run, charges: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fine, coarse = tmp_path / "fine", tmp_path / "coarse"
    run("spectrum", charges, "--apt", "frames", "--out", fine, "--resolution", 90, "--blocks", 2)
    run("spectrum", fine / "series.h5", "--out", coarse, "--resolution", 120, "--blocks", 2)
    files = fine / "ir.csv", coarse / "ir.csv"
    alone = compare(*(replace(read_spectrum(file), header={}) for file in files), range=(50, 4000))
    status, text, error = run("compare", *files, "--range", 50, 4000, "--json", "--difference", tmp_path / "d.csv")
    assert status == 0, error
    told = json.loads(text)
    assert told["paired"] is True
    assert told["floor"] < alone.floor
    assert "along the same frames" in run("compare", *files)[1]
    difference = read_spectrum(tmp_path / "d.csv").error()
    assert difference is not None
    assert told["floor"] == pytest.approx(compare(*files, range=(50, 4000)).floor)
    edited = read_spectrum(files[0])
    edited.columns["n_alpha_cm-1"][:] *= 2
    assert not with_replicates(edited).lines
    (fine / "series.h5").unlink()
    with caplog.at_level(logging.INFO, "mimyria"):
        lost = compare(*files, range=(50, 4000))
    assert not lost.paired
    assert "not of the same blocks of them with series.h5" in caplog.text
