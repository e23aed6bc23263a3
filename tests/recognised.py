"""Made-up molecules whose three groups have a band each, and a tiny network that is taught them in seconds."""

from __future__ import annotations

from functools import cache

import numpy as np

from mimyria.identify.convolutions import Shape
from mimyria.identify.molecules import Molecule, Variation
from mimyria.identify.recogniser import Recogniser
from mimyria.identify.teaching import Fit, train

GROUPS = ("A", "B", "C")
PLACES = {"A": 1700.0, "B": 2200.0, "C": 900.0}
"""cm⁻¹"""
MILD = Variation(overtones=0.0, shift=8.0, gas=0.0, saturated=0.0, cut=0.2)


def made_up(number: int, seed: int = 0) -> list[Molecule]:
    """Return molecules: a band of 2950 cm⁻¹, others at random, and those of the groups that they have."""
    random = np.random.default_rng(seed)
    made = []
    for name in range(number):
        has = random.uniform(size=3) < 0.5
        anywhere = random.uniform(400, 1550, 6)
        own = [PLACES[group] for group, there in zip(GROUPS, has, strict=True) if there]
        places = np.concatenate([[2950.0], anywhere[abs(anywhere - 900) > 60], own])
        heights = random.uniform(0.3, 0.6, (2, len(places)))
        heights[:, len(places) - len(own) :] = 1.0
        # Raman differs in the C-H stretch, which outshines all others.
        heights[0, 0], heights[1, 0] = 0.3, 5.0
        lines = {"infrared": heights[0], "raman": heights[1]}
        shares = np.array([[place == PLACES[group] for place in np.sort(places)] for group in GROUPS], dtype=float)
        polar = np.zeros(len(places))
        made.append(
            Molecule(np.sort(places), _sorted(lines, places), polar, has, name=str(name), shares=shares * has[:, None])
        )
    return made


def _sorted(lines: dict[str, np.ndarray], places: np.ndarray) -> dict[str, np.ndarray]:
    return {kind: heights[np.argsort(places)] for kind, heights in lines.items()}


@cache
def recogniser() -> Recogniser:
    """Return a network that tells the groups of made-up molecules."""
    how = Fit(epochs=14, rate=4e-3, misplaced=0.25, mixed=0.0, repeats=2, variation=MILD)
    shape = Shape(len(GROUPS), widths=(8, 8, 8, 4), features=16, dropout=0.0)
    return train(made_up(400), made_up(150, seed=1), GROUPS, how, shape, {"trained on": "made-up molecules"})
