"""How often what is no spectrum of a molecule is seen: `python benchmarks/identify_strangers.py MODEL lines.jsonl`.

Curves go the way of a user's file, as arrays on a grid of 4 cm⁻¹: refused when read, or read and said to be unlike
anything trained on, or of the other kind; what is left is believed. Beside spectra of molecules whose scaffolds were
not trained on, which should be believed, stand those over a wrong axis or with a wrong ordinate, and curves of other
kinds, most of which the network has never seen (it was trained to tell those of `mimyria/identify/strangers.py`). A
minute of one core.

With --measured FOLDER the measured infrared spectra of the repository nzhagen/jcamp, as they are and altered likewise.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mimyria.errors import MimyriaError
from mimyria.frame import Array
from mimyria.identify.channels import KINDS, channels
from mimyria.identify.given import read_given
from mimyria.identify.molecules import USUAL, as_measured
from mimyria.identify.recogniser import Recogniser, read_recogniser
from mimyria.settings import IdentifySettings

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "identify"))
from train_groups import factors_for, molecules_of, read_lines, shared_out

NU = np.arange(400.0, 4000, 4)
Random = np.random.Generator


def _peaks(places: Array, widths: Array, heights: Array, random: Random, noise: float = 0.003) -> Array:
    """Return Lorentzian bands with noise on the grid, of the highest."""
    values = (1 / (1 + ((NU[:, None] - places) / (widths / 2)) ** 2)) @ heights
    return values / values.max() + random.normal(0, noise, len(NU))


def _nmr(random: Random) -> Array:
    """Return multiplets, a few hertz apart in a few regions, beside a solvent."""
    middles = random.uniform(500, 3800, random.integers(2, 8))
    lines = [m + 14 * (np.arange(n) - n / 2) for m in middles for n in [random.integers(1, 6)]]
    places = np.concatenate([*lines, [2904.0]])
    return _peaks(places, np.full(len(places), 6.0), random.exponential(1, len(places)), random)


def _pattern(random: Random) -> Array:
    """Return a powder pattern: narrow lines, closer and fainter along the axis, on amorphous scattering."""
    places = np.cumsum(random.exponential(130, 40)) + 600
    heights = random.exponential(1, 40) * np.exp(-(places - 600) / 1500)
    return _peaks(places, np.full(40, 12.0), heights, random) + 0.2 * np.exp(-NU / 900)


def _chromatogram(random: Random) -> Array:
    """Return peaks with tails that widen along the axis."""
    made = np.zeros(len(NU))
    for start in random.uniform(500, 3500, 12):
        after = np.clip(NU - start, 0, None)
        made += random.exponential(1) * after * np.exp(-after / (0.008 * start)) / start
    return made / made.max() + random.normal(0, 0.002, len(NU))


NOTHING: dict[str, Callable[[Random], Array]] = {
    "a straight line": lambda r: NU * r.normal() + r.normal(),
    "a straight line with noise": lambda r: NU / 4000 * r.normal() + r.normal(0, 0.02, len(NU)),
    "white noise": lambda r: r.normal(size=len(NU)),
    "slow noise": lambda r: gaussian_filter1d(r.normal(size=len(NU)), r.uniform(2, 20)),
    "a random walk": lambda r: np.cumsum(r.normal(size=len(NU))),
    "one spike": lambda r: _peaks(r.uniform(600, 3800, 1), np.array([4.0]), np.ones(1), r),
    "one Gaussian": lambda r: np.exp(-(((NU - r.uniform(800, 3600)) / r.uniform(20, 120)) ** 2)),
    "a sine": lambda r: np.sin(NU / r.uniform(10, 150)),
    "a square wave": lambda r: np.sign(np.sin(NU / r.uniform(20, 150))) + r.normal(0, 0.01, len(NU)),
    "a sawtooth": lambda r: (NU / r.uniform(60, 900)) % 1,
    "an NMR spectrum": _nmr,
    "a UV/VIS spectrum": lambda r: _peaks(r.uniform(500, 2500, 3), r.uniform(200, 600, 3), r.uniform(0.2, 1, 3), r),
    "a mass spectrum": lambda r: _peaks(
        400 + 30 * r.integers(0, 100, 25), np.full(25, 4.0), r.exponential(1, 25), r, 0.0
    ),
    "a powder pattern": _pattern,
    "a chromatogram": _chromatogram,
    "a black body with noise": lambda r: NU**3 / (np.exp(NU / 400) - 1) / 1e8 + r.normal(0, 0.01, len(NU)),
    "bands anywhere": lambda r: _peaks(
        r.uniform(400, 4000, 15), np.exp(r.uniform(np.log(8), np.log(60), 15)), r.exponential(1, 15), r
    ),
}
WRONG: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "axis reversed": lambda x, y: (x, y[::-1]),
    "wavenumbers doubled": lambda x, y: (2 * x, y),
    "wavenumbers halved": lambda x, y: (x / 2, y),
    "wavenumbers 500 too high": lambda x, y: (x + 500, y),
    "wavenumbers 200 too low": lambda x, y: (x - 200, y),
    "points numbered from 400": lambda x, y: (400 + np.arange(len(x)) * 1.0, y),
    "transmittance as absorbance": lambda x, y: (x, 10.0 ** (-(y - y.min()) / np.ptp(y))),
    "absorbance squared": lambda x, y: (x, (y - y.min()) ** 2),
    "first derivative": lambda x, y: (x, np.gradient(y)),
    "its absolute": lambda x, y: (x, abs(np.gradient(y))),
}
"""What is made of a good spectrum."""


def judged(recogniser: Recogniser, x: Array, y: Array, kind: str, folder: Path) -> str:
    """Return what becomes of a curve that is given as a file: ``refused``, ``warned`` or ``believed``."""
    path = folder / "curve.npy"
    np.save(path, np.column_stack([x, y]))
    flag = {"infrared": "ir", "raman": "raman"}[kind]
    # A user who says absorbance is taken at his word; the look of a transmittance is seen before that.
    settings = IdentifySettings(quantity="absorbance" if kind == "infrared" else None)
    try:
        (given,) = read_given([f"{flag}={path}"], settings)
    except MimyriaError:
        return "refused"
    seen = channels({given.kind: (given.wavenumber, given.values)})
    return "warned" if recogniser.strangeness(seen) > 1 or recogniser.looks_other(seen) else "believed"


def show(name: str, outcomes: Iterator[str]) -> None:
    """Print how many percent are refused, warned of and believed."""
    counts = Counter(outcomes)
    total = counts.total()
    row = "".join(f"{100 * counts[what] / total:>10.0f}" for what in ("refused", "warned", "believed"))
    print(f"{name:<44}{row}{total:>8}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--number", type=int, default=100, help="Of curves of each kind.")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    recogniser, random = read_recogniser(given.model), np.random.default_rng(3)
    parts = shared_out(read_lines(given.lines))
    rows = [parts["test"][k % len(parts["test"])] for k in range(given.number)]
    molecules = molecules_of(rows, recogniser.groups, factors_for(parts["train"], given.lines))
    print(f"{'percent':<44}{'refused':>10}{'warned':>10}{'believed':>10}{'of':>8}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = {kind: [as_measured(one, random, USUAL, (kind,))[kind] for one in molecules] for kind in KINDS}
        for kind, curves in good.items():
            (other,) = set(KINDS) - {kind}
            show(f"{kind}, as it is", (judged(recogniser, *curve, kind, folder) for curve in curves))
            show(f"{kind} given as {other}", (judged(recogniser, *curve, other, folder) for curve in curves))
            for wrong, make in WRONG.items():
                show(f"{kind}, {wrong}", (judged(recogniser, *make(*curve), kind, folder) for curve in curves))
        for what, draw in NOTHING.items():
            show(what, (judged(recogniser, NU, draw(random), "infrared", folder) for _ in range(given.number)))
        if given.measured:
            measured = list(_measured(given.measured))
            show("measured, as it is", (judged(recogniser, *curve, "infrared", folder) for curve in measured))
            for wrong, make in WRONG.items():
                altered = (judged(recogniser, *make(*curve), "infrared", folder) for curve in measured)
                show(f"measured, {wrong}", altered)


def _measured(folder: Path) -> Iterator[tuple[Array, Array]]:
    """Yield the measured spectra of molecules of which groups are known, as absorbances."""
    from identify import MEASURED

    for name in MEASURED:
        (made,) = read_given([str(folder / f"{name}.jdx")], IdentifySettings())
        yield made.wavenumber, made.values


if __name__ == "__main__":
    main()
