"""What a model does to intensities, measured on labels: too much or too little, with an error, by species and group.

Positions and velocities are independent of each other in thermal equilibrium, so the integral of a spectrum over all
wavenumbers is a sum over atoms, whatever their motion, and labels tell it without any trajectory:

    ∫ n·α dν ∝ ⟨|dM/dt|²⟩ = k_B T Σ_n ⟨|P_n|²⟩/m_n            ∫ VV dν ∝ k_B T Σ_n ⟨VV(Q_n)⟩/m_n            ...

with |P|² the sum of squares of all elements, and VV(Q) that of the geometry. With predictions T̂, labels T and the form
f of the intensity, sums over all labelled atoms,

    bias  = Σ f(T̂, T̂)/m / Σ f(T, T)/m - 1        of the integral
    slope = Σ f(T̂, T)/m / Σ f(T, T)/m            of predictions over labels

A network that misses part of the variation has both below one by as much; one that adds noise has the bias alone above.
The error is that of a ratio of sums a_i, b_i over K frames: σ² = K/(K - 1) Σ (a_i - r b_i)² / (Σ b_i)².
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mimyria.elements import frame_masses, symbols_of
from mimyria.errors import EmptySelection
from mimyria.frame import Array, Frame
from mimyria.rates.grouping import make_grouping
from mimyria.rates.groups import BULK, REST, summed_by_name
from mimyria.settings import EvaluateSettings
from mimyria.targets import Target, labelled_atoms

log = logging.getLogger("mimyria")

Parts = Mapping[str, Array]
"""By name, the elements (n, m) of what rotations do not mix; the sum of their squares is the intensity of the part."""
GEOMETRIES: dict[int, dict[str, dict[str, float]]] = {
    1: {},
    2: {"VV": {"isotropic": 1.0, "anisotropic": 2 / 15}, "VH": {"anisotropic": 1 / 10}},
    3: {"VV": {"dipolar": 1 / 5, "octupolar": 2 / 35}, "HV": {"dipolar": 1 / 45, "octupolar": 4 / 105}},
}
"""By order of the target: the intensities of an isotropic sample as sums of those of the parts."""


def parts_of(target: Target, tensors: Array) -> dict[str, Array]:
    """Return the parts of tensors (n, 3, ..., 3) that scatter, or absorb, each by itself, named as columns of spectra.

    isotropic = Tr Q/3          anisotropic = Q - 1·Tr Q/3
    dipolar = √(3/5) v, v_i = Σ_j β_ijj          octupolar = β - (v_i δ_jk + v_j δ_ik + v_k δ_ij)/5
    """
    n, unit = len(tensors), np.eye(3)
    if target.order == 2:
        mean = np.einsum("nijx,ij->nx", tensors, unit) / 3
        rest = tensors - np.einsum("nx,ij->nijx", mean, unit)
        return {"isotropic": mean, "anisotropic": rest.reshape(n, -1)}
    if target.order == 3:
        vector = np.einsum("nijkx,jk->nix", tensors, unit)
        dipolar = sum(np.einsum(f"nix,jk->n{order}x", vector, unit) for order in ("ijk", "jik", "jki")) / 5
        octupolar = tensors - dipolar
        return {"dipolar": np.sqrt(3 / 5) * vector.reshape(n, -1), "octupolar": octupolar.reshape(n, -1)}
    return {"n_alpha": tensors.reshape(n, -1)}


def overlaps(target: Target, first: Parts, second: Parts) -> dict[str, Array]:
    """Return f(first, second) of each atom, (n,), for every part and geometry by name."""
    products = {name: np.einsum("nm,nm->n", values, second[name]) for name, values in first.items()}
    return products | {
        name: np.asarray(sum(weight * products[part] for part, weight in of_parts.items()))
        for name, of_parts in GEOMETRIES[target.order].items()
    }


def intensity_biases(
    target: Target,
    frames: Sequence[Frame],
    labels: Array,
    predictions: Array,
    irreps: Mapping[str, Array],
    groups: Sequence[Mapping[str, Array]] = (),
) -> dict[str, dict[str, Any]]:
    """Return ``bias``, ``bias_error``, ``slope`` and ``slope_error`` of each intensity by name, pure numbers.

    Parameters
    ----------
    target, frames
        What is predicted, and of which frames.
    labels, predictions
        Of all atoms of the frames, (n, 3, ..., 3); NaN where there is no label.
    irreps
        By name, the basis (m, 3ᵏ) of the irreps of the tensor, whose intensities are told too.
    groups
        Of each frame, how much of each atom is in each group, (n of the frame,), see `groups_in`.

    Returns
    -------
    dict
        By part, geometry and irrep. ``species`` and ``groups`` hold the same of some of the atoms.
    """
    labelled = labelled_atoms(labels)
    known = [np.where(np.expand_dims(labelled, tuple(range(1, labels.ndim))), t, 0.0) for t in (predictions, labels)]
    parts = [
        parts_of(target, t) | {name: t.reshape(len(t), -1) @ basis.T for name, basis in irreps.items()} for t in known
    ]
    masses = np.concatenate([frame_masses(frame) for frame in frames])
    numbers = np.concatenate([frame.numbers for frame in frames])
    ends = np.cumsum([len(frame) for frame in frames])[:-1]
    square, cross, norm = (overlaps(target, parts[a], parts[b]) for a, b in ((0, 0), (0, 1), (1, 1)))
    species = {
        symbol: numbers == z for symbol, z in zip(symbols_of(np.unique(numbers)), np.unique(numbers), strict=True)
    }
    names = dict.fromkeys(name for of_frame in groups for name in of_frame)
    named = {
        name: np.concatenate([of.get(name, np.zeros(len(frame))) for of, frame in zip(groups, frames, strict=True)])
        for name in names
    }

    def measure(name: str, weights: Array) -> dict[str, float] | None:
        sums = [
            np.array([of_frame.sum() for of_frame in np.split(weights * values[name] / masses, ends)])
            for values in (square, cross, norm)
        ]
        if not sums[2].sum() > 0:
            return None
        (ratio, error), (slope, slope_error) = (_ratio(sums[k], sums[2]) for k in (0, 1))
        return {"bias": ratio - 1, "bias_error": error, "slope": slope, "slope_error": slope_error}

    found = {}
    for name in norm:
        if whole := measure(name, np.ones(len(masses))):
            kinds = {"species": species, "groups": named}
            found[name] = whole | {
                kind: {one: row for one, weights in of_kind.items() if (row := measure(name, weights.astype(float)))}
                for kind, of_kind in kinds.items()
            }
    return found


def _ratio(a: Array, b: Array) -> tuple[float, float]:
    """Return r = Σa/Σb and its standard error; NaN of a single frame."""
    b_sum, used = b.sum(), np.count_nonzero(b)
    ratio = float(a.sum() / b_sum)
    if used < 2:
        return ratio, float("nan")
    return ratio, float(np.sqrt(used / (used - 1) * np.square(a - ratio * b).sum()) / b_sum)


def groups_in(frames: Sequence[Frame], settings: EvaluateSettings) -> list[dict[str, Array]]:
    """Return, for each frame, how much of each of its atoms is in each group that is asked for; empty where none is.

    Frames may be clusters or of other ions, not all of which hold all groups. A group that no frame holds is warned of.
    """
    if not settings.groups:
        return []
    found: list[dict[str, Array]] = []
    missing: dict[str, str] = {}
    held: set[str] = set()
    for frame in frames:
        own = settings.groups
        try:
            of_frame = _shares(own, frame, settings)
        except EmptySelection:
            reasons = {group: _missing(group, frame, settings) for group in settings.groups}
            missing |= {group: reason for group, reason in reasons.items() if reason}
            own = tuple(group for group, reason in reasons.items() if not reason)
            of_frame = _shares(own, frame, settings) if own else {}
        held.update(own)
        found.append(of_frame)
    for group, reason in missing.items():
        if group not in held:
            log.warning(f"--groups {group!r}: the labels do not hold it: {reason}")
    return found


def _missing(group: str, frame: Frame, settings: EvaluateSettings) -> str:
    """Return why a frame does not hold a group; nothing if it does."""
    try:
        _shares((group,), frame, settings)
    except EmptySelection as error:
        return str(error)
    return ""


def _shares(groups: Sequence[str], frame: Frame, settings: EvaluateSettings) -> dict[str, Array]:
    """Return how much of each atom of a frame is in each of the groups, by name; EmptySelection where one has none."""
    grouping = make_grouping(groups, frame, settings.topology)
    weights = grouping.weights(frame)
    dense = weights if isinstance(weights, np.ndarray) else weights.toarray()
    rows = summed_by_name(grouping.names, np.asarray(dense)[None])[0]
    return {name: row for name, row in zip(grouping.group_names, rows, strict=True) if name not in (REST, BULK)}


def in_words(found: Mapping[str, Any]) -> str:
    """Return a bias with its error, and those of species and groups, in words."""
    parts = [f"{name} {_percent(row)}" for kind in ("species", "groups") for name, row in found.get(kind, {}).items()]
    return f"{_percent(found)} of the integral" + (f" ({', '.join(parts)})" if parts else "")


def _percent(row: Mapping[str, float]) -> str:
    error = row["bias_error"]
    return f"{100 * row['bias']:+.2f}" + (f" ± {100 * error:.2f} %" if np.isfinite(error) else " %")
