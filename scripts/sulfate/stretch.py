"""Raman of the O-H stretch of the solution beside that of other runs of as many waters, by the same networks.

    python stretch.py shells effective=effective classical=classical --out stretch.json

`shells` is the run of the solution as `bands.py` takes it, the others are finished runs by the name they get in the
table. What is compared is ∫ (VV + VH) dν, Stokes, over the O-H stretch; its error is of blocks and trajectories, 68 %.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from bands import STRETCH_OF_WATER, area, networks, number, plain

from mimyria.spectra.bands import Measured
from mimyria.spectra.remade import remake_spectra

COLUMN = "stokes_unpolarised"


def stretch_of(folder: Path) -> Measured:
    """Return the area of the O-H stretch of a run."""
    raman = remake_spectra(folder)["raman"]
    return number(raman, area(raman, raman.lines[COLUMN], STRETCH_OF_WATER))


def over(above: Measured, below: Measured) -> Measured:
    """Return the ratio of two independent numbers."""
    value = above.value / below.value
    return Measured(value, value * float(np.hypot(above.error / above.value, below.error / below.value)))


def main() -> None:
    """Measure, write and print the areas and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("solution", type=Path)
    parser.add_argument("others", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--out", type=Path, default=Path("stretch.json"))
    options = parser.parse_args()
    own = stretch_of(options.solution)
    found: dict[str, Any] = {"networks": networks(options.solution)}
    for name, given, folder in (other.partition("=") for other in options.others):
        if not given:
            parser.error(f"{name} is no NAME=FOLDER: effective=effective, say")
        if networks(Path(folder)) != found["networks"]:
            parser.error(f"{folder} and {options.solution} are of different networks")
        ratio = over(stretch_of(Path(folder)), own)
        found[name] = plain(ratio)
        print(f"{name}: {ratio}")
    options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
