"""The demo of sulfate, shortened: parts that add up, errors by kind of atom, and modes that are what symmetry says."""

import re
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from mimyria import demo_sulfate
from mimyria.formats import read_frames
from mimyria.rates.window import window_resolution
from mimyria.settings import SpectrumSettings
from mimyria.spectra.spectrum import read_spectrum


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Its folder and what it tells."""
    out = tmp_path_factory.mktemp("sulfate")
    with pytest.MonkeyPatch.context() as shorter:
        shorter.setattr(demo_sulfate, "QUICK_FRAMES", 80)
        shorter.setattr(demo_sulfate, "QUICK_RESOLUTION", 160.0)
        return out, demo_sulfate.run_sulfate(out, quick=True)


def test_parts_add_up_to_the_whole(demo: tuple[Path, str]) -> None:
    for folder, groups in (
        (demo[0], {"solute", "sodium", "shell", "bulk"}),
        (demo[0] / "motions", {"SO4_symmetric_bend"}),
    ):
        spectrum = read_spectrum(folder / "ir.csv")
        parts = spectrum.contributions()
        assert groups <= {group for pair in parts for group in pair}
        whole = spectrum.values()
        np.testing.assert_allclose(sum(parts.values()), whole, atol=1e-4 * whole.max())


def test_breathing_is_polarised_and_absorbs_little(demo: tuple[Path, str]) -> None:
    breathing, stretch = (
        re.split(r" {2,}", next(line for line in demo[1].splitlines() if start in line)) for start in ("ν1,", "ν3,")
    )
    assert float(breathing[-2]) < 0.2  # ρ
    assert float(stretch[-2]) > 0.4
    absorbed = [float(row[-3].split(" ± ")[0]) for row in (breathing, stretch)]
    assert absorbed[0] < 0.2 * absorbed[1]


def test_errors_are_told_by_kind_of_atom() -> None:
    from conftest import DATA

    held_out = [frame for frame in read_frames(DATA / demo_sulfate.LABELS) if frame.info[demo_sulfate.HELD_OUT]]
    assert held_out
    text = demo_sulfate.errors(held_out[:1], "apt")
    for kind in ("sulfate S", "sulfate O", "water O", "water H"):
        assert kind in text


def test_the_bundled_run_is_long_enough() -> None:
    """Of the demo as it is, which no test here makes."""
    with as_file(files("mimyria") / "data" / demo_sulfate.RUN) as path:
        times = [frame.time for frame in read_frames(path)]
    interval = times[1] - times[0]
    for frames, resolution in (
        (len(times), demo_sulfate.RESOLUTION),
        (demo_sulfate.QUICK_FRAMES, demo_sulfate.QUICK_RESOLUTION),
    ):
        assert window_resolution(frames, interval, SpectrumSettings().window) <= resolution
