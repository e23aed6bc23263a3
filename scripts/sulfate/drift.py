"""Whether the drift of a charged cell leaks into the far infrared.

    python drift.py charged-run-1.extxyz --apt apt.mym --charge -2 --frames 0:2000 --out drift.json

A charge Q that moves with the velocity v of the whole cell has dM/dt = Q·v, and with a constant v absorbs at ν = 0, in
a line as broad as the resolution. The program takes v from each frame. The same run is computed as it is, and with
2·10⁻³ Å/fs added to all velocities, and without the acoustic sum rule; and Q·v is added to the rates, as it would be if
nothing were taken.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from bands import networks

import mimyria
from mimyria.frame import Frame
from mimyria.process import set_up_memory
from mimyria.spectra.infrared import infrared
from mimyria.spectra.remade import stored_run
from mimyria.spectra.sampling import choose_sampling

Array = np.ndarray[Any, Any]

DRIFT = np.array([2e-3, 0.0, 0.0])
"""Å/fs; three times what 300 K give to the centre of mass of 100 atoms of water along an axis."""
RANGES = ((0.0, 30.0), (30.0, 200.0), (200.0, 4000.0))
"""cm⁻¹."""


def moved(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Yield frames in a cell that drifts."""
    for frame in frames:
        yield replace(frame, velocities=np.asarray(frame.velocities) + DRIFT)


def means(wavenumber: Array, n_alpha: Array) -> dict[str, float]:
    """Return the mean of n·α in each of the ranges, cm⁻¹."""
    return {
        f"{low:g}-{high:g}": float(n_alpha[(wavenumber >= low) & (wavenumber <= high)].mean()) for low, high in RANGES
    }


def main() -> None:
    """Compute the four, write and print their means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--apt", type=Path, required=True)
    parser.add_argument("--charge", type=float, default=-2.0)
    parser.add_argument("--frames", default="0:2000")
    parser.add_argument("--out", type=Path, default=Path("drift.json"))
    options = parser.parse_args()
    set_up_memory()
    first, last = map(int, options.frames.split(":"))
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        still, drifting = folder / "still.extxyz", folder / "drifting.extxyz"
        mimyria.write_frames(still, islice(mimyria.read_frames(options.run), first, last))
        mimyria.write_frames(drifting, moved(mimyria.read_frames(still)))
        for name, path, rule in (
            ("as it is", still, "project"),
            ("without the sum rule", still, "none"),
            ("drifting", drifting, "project"),
        ):
            spectra = mimyria.make_spectra(
                path,
                folder / name,
                apt=options.apt,
                charge=options.charge,
                sum_rule=rule,
                stride=2,
                resolution=30,
                kinds=("ir",),
                plot_format=("none",),
            )
            found[name] = means(spectra["ir"].wavenumber, spectra["ir"].values())
        series, conditions, settings = stored_run(folder / "as it is")
        extra = options.charge * DRIFT / len(series[0].groups)
        kept = [replace(run, rates={name: rates[:] + extra for name, rates in run.rates.items()}) for run in series]
        spectrum = infrared(kept, conditions, choose_sampling(kept, settings.resolution, None, settings.window))
        found["drifting, if nothing were taken"] = means(spectrum.wavenumber, spectrum.values())
        of_networks = networks(folder / "as it is")
    options.out.write_text(json.dumps({"networks": of_networks, **found}, indent=1) + "\n", encoding="utf-8")
    print("\n".join(f"{name}: {values}" for name, values in found.items()))


if __name__ == "__main__":
    main()
