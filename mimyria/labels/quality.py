"""How good labels are: the figures in their headers, summed up, and the frames that stand out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mimyria.targets import TARGETS

FIGURES = {
    "qa_residual": "E_h/a0 that the fit leaves of the forces",
    **{
        f"qa_{t.name}_difference": f"{t.unit} between the {t.name.upper()} of axis runs and of all"
        for t in TARGETS.values()
    },
    **{f"qa_{t.name}_sum": f"{t.unit} that the sum of the {t.name.upper()} is off" for t in TARGETS.values()},
    "scf_steps": "steps to self-consistency, all runs",
    "seconds": "s, all runs",
}
"""By their names in the headers."""
OUTLYING = 5.0
"""Standard deviations (from the median absolute deviation) beyond which a frame is named."""
LEAST_FACTOR = 2.0
"""And it must be this many times the median: labels all alike have no outliers."""
FEWEST = 8
"""Labels without which no outlier can be told."""
LARGEST = {"qa_residual": 1e-4, "qa_apt_difference": 0.01, "qa_apt_sum": 0.1, "qa_pgt_sum": 5.0}
"""What no sensible label exceeds, whatever the others are."""
LARGE_SUM = 0.05
"""e; a larger sum of the APT points to a grid too coarse, or to CP2K before mid-2026 in a small cell."""


def summarise(headers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what there is to say about the labels of frames, by name, as plain values.

    Parameters
    ----------
    headers
        What the header of each frame says; figures may be missing.
    """
    facts: dict[str, Any] = {}
    engines = Counter(str(header["engine"]) for header in headers if "engine" in header)
    if engines:
        facts["engine"] = "; ".join(f"{name} ({count} frames)" for name, count in engines.items())
    outliers: dict[int, list[str]] = {}
    bad: list[str] = []
    for name, meaning in FIGURES.items():
        values = np.array([float(header.get(name, np.nan)) for header in headers])
        if not np.isfinite(values).any() or (name == "scf_steps" and not np.nanmax(values)):
            continue
        middle, largest = float(np.nanmedian(values)), int(np.nanargmax(values))
        facts[name] = f"median {middle:.3g}, largest {values[largest]:.3g} (frame {largest}); {meaning}"
        if name.startswith("qa_"):
            beyond = values > LARGEST.get(name, np.inf)
            if beyond.any():
                bad.append(f"{beyond.sum()} of {len(values)} frames have {name} above {LARGEST[name]:g}")
            for frame in np.flatnonzero(outlying(values)):
                outliers.setdefault(int(frame), []).append(f"{name} {values[frame]:.2g}")
    if bad:
        facts["not_sensible"] = "; ".join(bad) + ": look at field strength, grid, self-consistency and cell"
    if outliers:
        facts["outliers"] = "; ".join(f"frame {frame}: {', '.join(said)}" for frame, said in sorted(outliers.items()))
    elif any(name in facts for name in FIGURES):
        enough = sum(any(name in header for name in FIGURES) for header in headers) >= FEWEST
        facts["outliers"] = "none" if enough else f"not told from fewer than {FEWEST} labels"
    if any(float(header.get("qa_apt_sum", 0)) > LARGE_SUM for header in headers):
        facts["advice"] = (
            f"sums of the APT above {LARGE_SUM} e: smooth the XC grid or raise the cutoff; CP2K before mid-2026 counts "
            "image pairs twice in small cells; `--sum-rule project` makes the sums exact"
        )
    return facts


def outlying(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return which of some values are far above the others, shape of the values; NaN is not."""
    middle = np.nanmedian(values)
    spread = 1.4826 * np.nanmedian(abs(values - middle))
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (np.isfinite(values).sum() >= FEWEST)
            & (values > middle + OUTLYING * spread)
            & (values > LEAST_FACTOR * middle)
        )
