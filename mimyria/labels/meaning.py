"""Which field a label answers, in words for its header: outside, of the medium, or the mean of a periodic cell.

In a periodic cell the field of a finite-field calculation (Berry phase) is the mean of the total field over the cell.
In a liquid that fills it, that is the macroscopic field. Across a slab in vacuum it lies between the fields outside and
inside, E = E_outside [(1 - f) + f/ε∞] with the filled part f of the cell.
"""

from __future__ import annotations

from mimyria.frame import Frame
from mimyria.rates.faces import vacua

KEY_OF_MEANING = "field_meaning"


def field_meaning(frame: Frame) -> str:
    """Return which field the tensors of a labelled frame answer."""
    if "cluster_centres" in frame.info:
        epsilon = float(frame.info.get("cluster_epsilon", 1.0))
        return "outside of a cluster" if epsilon == 1 else f"macroscopic, by Lorentz's factor of ε∞ {epsilon:g}"
    if not frame.periodic.any():
        return "outside"
    empty = [f"{gap:.1f} of {width:.1f} Å along {name} empty" for name, gap, width in vacua(frame)]
    return ", ".join(["mean of the cell", *empty])
