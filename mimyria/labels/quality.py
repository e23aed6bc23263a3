"""The quality of labels: a summary of the figures in their headers, and the outliers among them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mimyria.frame import Array
from mimyria.level import UNKNOWN, level_of
from mimyria.statistics.outliers import outlier_threshold
from mimyria.targets import TARGETS

log = logging.getLogger("mimyria")

FIGURES = {
    "qa_residual": "E_h/a0 that the fit leaves of the forces",
    **{
        f"qa_{t.name}_sigma": f"{t.unit}, standard error of an element of the {t.name.upper()}"
        for t in TARGETS.values()
    },
    **{
        f"qa_{t.name}_difference": f"{t.unit} between the {t.name.upper()} of axis runs and of all"
        for t in TARGETS.values()
    },
    **{f"qa_{t.name}_sum": f"{t.unit} by which the {t.name.upper()} violates its sum rule" for t in TARGETS.values()},
    "scf_steps": "steps to self-consistency, all runs",
    "seconds": "s, all runs",
}
"""Unit and meaning of each figure by its header key."""
OUTLIER_DEVIATIONS = 5.0
"""An outlier is so many standard deviations (from the median absolute deviation) above the median,"""
OUTLIER_FACTOR = 2.0
"""and so many times the median, so that nearly identical labels have no outliers."""
WRONG_CHARGE, WHOLE = 0.3, 0.1
"""e; a sum of the APT that is off by more than the first is that of another charge, if it is a whole number within the
second."""
FEWEST = 8
"""Labels needed to recognise an outlier."""
LARGEST = {"qa_residual": 1e-4, "qa_apt_difference": 0.01, "qa_apt_sum": 0.1, "qa_pgt_sum": 5.0}
"""Largest figures of any sensible label."""
LARGE_SUM = 0.05
"""e; a larger sum of the APT indicates a grid too coarse, or CP2K before mid-2026 in a small cell."""


def summarise_quality(headers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return statistics of the figures in headers, any of which may be missing, with outliers and advice, by name."""
    facts: dict[str, Any] = {}
    engines = Counter(str(header["engine"]) for header in headers if "engine" in header)
    if engines:
        facts["engine"] = "; ".join(f"{name} ({count} frames)" for name, count in engines.items())
    levels = Counter(level_of(header) for header in headers if header)
    if set(levels) - {UNKNOWN}:
        facts["level"] = "; ".join(f"{level} ({count} frames)" for level, count in levels.items())
    outliers: dict[int, list[str]] = {}
    excessive: list[str] = []
    for name, meaning in FIGURES.items():
        values = np.array([float(header.get(name, np.nan)) for header in headers])
        if not np.isfinite(values).any() or (name == "scf_steps" and not np.nanmax(values)):
            continue
        middle, largest = float(np.nanmedian(values)), int(np.nanargmax(values))
        facts[name] = f"median {middle:.3g}, largest {values[largest]:.3g} (frame {largest}); {meaning}"
        if name.startswith("qa_"):
            beyond = values > LARGEST.get(name, np.inf)
            if beyond.any():
                excessive.append(f"{beyond.sum()} of {len(values)} frames have {name} above {LARGEST[name]:g}")
            for frame in np.flatnonzero(is_outlier(values)):
                outliers.setdefault(int(frame), []).append(f"{name} {values[frame]:.2g}")
    if excessive:
        facts["not_sensible"] = "; ".join(excessive) + ": look at field strength, grid, self-consistency and cell"
    if outliers:
        facts["outliers"] = "; ".join(f"frame {frame}: {', '.join(words)}" for frame, words in sorted(outliers.items()))
    elif any(name in facts for name in FIGURES):
        enough = sum(any(name in header for name in FIGURES) for header in headers) >= FEWEST
        facts["outliers"] = "none" if enough else f"not recognised among fewer than {FEWEST} labels"
    if any(float(header.get("qa_apt_sum", 0)) > LARGE_SUM for header in headers):
        facts["advice"] = (
            f"sums of the APT above {LARGE_SUM} e: smooth the XC grid or raise the cutoff; CP2K before mid-2026 counts "
            "image pairs twice in small cells; `--sum-rule project` makes the sums exact"
        )
    return facts


def warn_of_charges(
    sums: Sequence[tuple[str, Array, float]], remedy: str = "--charge, or total_charge in the header"
) -> None:
    """Warn if Σ P, shape (3, 3), e, of the atoms of a labelled frame is not its total charge.

    ``sums`` are the place of a frame in words, its Σ P, and its charge, e; ``remedy`` says where a charge is stated.
    NaN, where not all atoms have a label, is not compared.
    """
    errors = np.array([abs(total - charge * np.eye(3)).max() for _, total, charge in sums])
    wrong = np.flatnonzero(errors > WRONG_CHARGE)
    if not wrong.size:
        return
    place, total, charge = sums[int(wrong[0])]
    found = float(np.trace(total)) / 3
    whole = round(found)
    cause = "the labels are not converged, or a number in the file is wrong"
    if whole != round(charge) and abs(found - whole) < WHOLE:
        cause = f"they are labels of a charge of {whole:+d}: state it with {remedy}"
    log.warning(
        f"Σ P of {wrong.size} of {len(sums)} frames is up to {errors[wrong].max():.2f} e off the total charge; in "
        f"{place}, the first, it is {found:.2f} e, and the charge {charge:+g} e; {cause}"
    )


def is_outlier(values: Array) -> Array:
    """Return which values are far above the others, a mask of the same shape; NaN is no outlier."""
    threshold = outlier_threshold(values, OUTLIER_DEVIATIONS, OUTLIER_FACTOR)
    return np.asarray((np.isfinite(values).sum() >= FEWEST) & (values > threshold))
