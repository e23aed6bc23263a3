"""The demo, quick version, judged as a spectroscopist would."""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mimyria.demo import BANDS
from mimyria.spectra.spectrum import read_spectrum


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    """Its folder, what it printed, and how long it took."""
    out = tmp_path_factory.mktemp("demo")
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "mimyria", "demo", "--quick", "--out", str(out)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out, done.stdout, time.perf_counter() - begin


def test_infrared_bands_are_where_water_has_them(demo: tuple[Path, str, float]) -> None:
    expected = {"libration": (600, 720), "bend": (1620, 1680), "O-H stretch": (3310, 3420)}
    quantum, classical = (read_spectrum(folder / "ir.csv") for folder in (demo[0], demo[0] / "classical"))
    for name, (ends, _, integral) in BANDS.items():
        (band,) = quantum.bands(ranges=[ends])
        assert expected[name][0] < band.centre.value < expected[name][1], name
        assert 0.5 < band.integral.value / (1e6 * integral) < 2, name  # the quick networks see few epochs
    stretches = [one.bands(ranges=[BANDS["O-H stretch"][0]])[0].centre.value for one in (quantum, classical)]
    assert 120 < stretches[1] - stretches[0] < 260  # what quantum nuclei change


def test_raman_depolarisation_is_physical(demo: tuple[Path, str, float]) -> None:
    columns = read_spectrum(demo[0] / "raman.csv").columns
    ratio, nu, vv = columns["depolarisation_ratio"], columns["wavenumber_cm-1"], columns["VV"]
    visible = np.isfinite(ratio)
    assert visible.sum() > 100
    assert ratio[visible].min() >= 0
    assert ratio[visible].max() <= 0.75 + 1e-6
    stretch = (nu > 3000) & (nu < 3800)
    assert columns["VH"][stretch].sum() / vv[stretch].sum() < 0.3
    assert ratio[np.argmax(vv)] < 0.3


def test_it_tells_the_bands_and_writes_the_files(demo: tuple[Path, str, float]) -> None:
    out, text, seconds = demo
    assert "experiment" in text
    for name, (_, centre, integral) in BANDS.items():
        assert re.search(rf"^{name} .* {centre} +{integral}$", text, flags=re.M)
    for file in (
        "ir.csv",
        "raman.csv",
        "vdos.csv",
        "spectra.png",
        "apt.mym",
        "pgt.mym",
        "series.h5",
        "classical/ir.csv",
    ):
        assert (out / file).stat().st_size > 1000, file
    assert seconds < 600  # no timed test: only that it ends at all on a slow machine; two minutes are usual
