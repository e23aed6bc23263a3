"""What a command imports: nothing slow that its task does not need.

Modules are listed, for seconds depend on the load of the machine; `benchmarks/start.py` has these.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import DATA
from mimyria.rates.contraction import rates_of_groups

SCRIPT = """
import json, sys
from mimyria.__main__ import main
try:
    main()
finally:
    print(json.dumps(list(sys.modules)), file=sys.stderr)
"""
AT_THE_FIRST_FRAME = f"""
import json, os, sys
import mimyria.__main__
import mimyria.rates.contraction as contraction

def stop(*given):
    print(json.dumps(list(sys.modules)), file=sys.stderr)
    os._exit(0)

contraction.{rates_of_groups.__name__} = stop
mimyria.__main__.main()
"""
"""A command that ends as soon as frames have their tensors, which are then contracted with the velocities."""
NEVER = ("e3nn", "sympy", "torch._dynamo", "matplotlib", "bokeh", "MDAnalysis", "pandas")
"""What no command needs that draws nothing and makes no network of the published design."""
SLOW = ("scipy.signal", "scipy.stats", "scipy.ndimage", "scipy.optimize", "scipy.integrate", "scipy.interpolate")
"""Parts of scipy that take a third of a second and more."""
REST = ("scipy.constants", "scipy.fft", "scipy.linalg", "scipy.sparse", "scipy.special")
"""The others, of which the first takes as much."""


def imported(*arguments: object, script: str = SCRIPT) -> set[str]:
    """The modules that a command has imported when it ends, or where a script of its own ends it."""
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    words = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, env=here)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("imports")


@pytest.fixture(scope="module")
def of_networks(folder: Path) -> set[str]:
    """The modules of a spectrum of networks, which is in the folder then."""
    trajectory, out = DATA / "water32.extxyz.xz", folder / "spectra"
    words = ("spectrum", trajectory, "--apt", "water", "--frames", "0:64", "--plot-format", "none", "--out", out)
    return imported(*words)


def test_spectra_of_networks(of_networks: set[str]) -> None:
    assert not of_networks & {*NEVER, *SLOW}


@pytest.mark.usefixtures("of_networks")
def test_spectra_remade(folder: Path) -> None:
    words = ("spectrum", folder / "spectra" / "series.h5", "--plot-format", "none", "--out", folder / "again")
    assert not imported(*words) & {*NEVER, *SLOW, "torch", "ase"}


def test_the_first_frame(folder: Path) -> None:
    """Up to its tensors, no part of scipy at all."""
    words = ("spectrum", DATA / "water32.extxyz.xz", "--pgt", "water", "--frames", "0:8", "--out", folder / "first")
    assert not imported(*words, script=AT_THE_FIRST_FRAME) & {*NEVER, *SLOW, *REST}


def test_a_model_card() -> None:
    assert not imported("info", "water") & {*NEVER, *SLOW}
