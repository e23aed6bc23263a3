"""Where outliers begin, whatever the outliers are."""

from __future__ import annotations

import numpy as np

from mimyria.frame import Array

NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


def outlier_threshold(values: Array, deviations: float, factor: float) -> float:
    """Return the larger of so many robust standard deviations above the median and of so many times the median.

    The outliers themselves move neither, as they would the mean and its deviation. NaN counts as no value.
    """
    median = np.nanmedian(values)
    deviation = NORMAL * np.nanmedian(abs(values - median))
    return float(max(median + deviations * deviation, factor * median))
