"""Print positions and areas of the infrared bands of liquid water in spectra, and how alike they are to the first.

    python bands.py "bertie-lan.txt,1000" classical/ir.csv trpmd/ir.csv

Each is a table with the wavenumber (cm⁻¹) first and n·α (cm⁻¹) second, times what stands after a comma. The similarity
is 1 - Σ|A - B| / Σ|A + B| over 300 to 4000 cm⁻¹, of all interpolated to one grid of 10 cm⁻¹.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
BANDS = {"libration": (350.0, 1000.0), "bend": (1500.0, 1800.0), "stretch": (2800.0, 4000.0)}
GRID = np.arange(300.0, 4000.0, 10.0)


def read(argument: str) -> tuple[str, Array, Array]:
    """Return name, wavenumber and n·α."""
    name, _, factor = argument.partition(",")
    rows = []
    for line in Path(name).read_text(encoding="utf-8").splitlines():
        words = line.replace(",", " ").split()
        try:
            rows.append((float(words[0]), float(words[1])))
        except (ValueError, IndexError):
            continue
    x, y = np.array(sorted(rows)).T
    path = Path(name)
    return (path.parent.name if path.name == "ir.csv" else path.stem), x, y * float(factor or 1)


def measures(x: Array, y: Array) -> dict[str, float]:
    """Return maximum, centroid, area and width of every band."""
    fine = np.arange(x.min(), min(x.max(), 4500.0), 1.0)
    smooth = np.interp(fine, x, y)
    found: dict[str, float] = {}
    for band, (low, high) in BANDS.items():
        inside = (fine >= low) & (fine <= high)
        v, a = fine[inside], smooth[inside]
        half = v[a > a.max() / 2]
        found |= {
            f"{band} max": v[a.argmax()],
            f"{band} centroid": np.sum(v * a) / np.sum(a),
            f"{band} width": half.max() - half.min(),
            f"{band} height": a.max(),
            f"{band} area": np.sum(a) / 1e6,
        }
    return found


def main() -> None:
    """Print a table."""
    spectra = [read(argument) for argument in sys.argv[1:]]
    results = [measures(x, y) for _, x, y in spectra]
    first = np.interp(GRID, *spectra[0][1:])
    print(f"| | {' | '.join(name for name, _, _ in spectra)} |\n|---{'|---' * len(spectra)}|")
    for key in results[0]:
        form = "{:.2f}" if key.endswith("area") else "{:.0f}"
        print(f"| {key} | {' | '.join(form.format(one[key]) for one in results)} |")
    alike = [np.interp(GRID, x, y) for _, x, y in spectra]
    values = [1 - np.abs(first - one).sum() / np.abs(first + one).sum() for one in alike]
    print(f"| similarity | {' | '.join(f'{value:.3f}' for value in values)} |")


if __name__ == "__main__":
    main()
