"""The terms of a spectrum: auto and cross terms of groups, intra- and intermolecular terms, terms of one molecule.

With the rate J_A of a group, J = Σ_A J_A and S_AB = ∫⟨J_A(0) J_B(t)⟩ e^{-iωt} dt,

    [A,A] = S_AA                    [A,B] = S_AB + S_BA                 Σ_A [A,A] + Σ_{A<B} [A,B] = S
    intramolecular = Σ_m S_mm       intermolecular = S - Σ_m S_mm       (m every single molecule)
    one molecule of A: Re ∫⟨J_A(0) J(t)⟩ e^{-iωt} dt / N_A = (S_AA + ½ Σ_{B≠A} [A,B]) / N_A

In the last, cross terms are split equally between both groups, so that the terms of one molecule, times N_A, sum to S.
A group whose atoms change with time has, at each time, the rate of the atoms it then has.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from mimyria.frame import Array
from mimyria.rates.groups import BULK, SOLUTE
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.distance import distance_terms
from mimyria.spectra.sampling import Sampling, Signal, self_spectra


def group_terms(
    name: str,
    series: Sequence[ResponseSeries],
    signal: Signal,
    sampling: Sampling,
    shapes: Array,
    factor: Array | float,
    each: tuple[str, float, str],
    radii: Sequence[float] | None = None,
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return every term that the groups allow, as lines, and the header entries that explain them.

    Parameters
    ----------
    name
        Of the columns.
    series, signal, sampling
        The arguments of `power_spectra`.
    shapes
        Its line shapes, (1 + replicates, groups, groups, n).
    factor
        Converts these to the unit of the columns.
    each
        Name of the columns of one molecule, their additional factor, and their unit.
    radii
        By which intermolecular terms are split, see `distance_terms`.
    """
    first, names, shapes = series[0], series[0].group_names, factor * shapes
    lines: dict[str, Array] = {}
    header: dict[str, str] = {}
    if len(names) > 1:
        header[f"{name}[A,B]"] = "A-B and B-A terms together; with the A-A terms they add up to the total"
        for (a, one), (b, other) in combinations_with_replacement(enumerate(names), 2):
            lines[f"{name}[{one},{other}]"] = shapes[:, a, b] * (1 if a == b else 2)
    # More groups than names: the rates of single molecules are known, and with them the intramolecular terms.
    if len(first.groups) > len(names):
        header[f"{name}_intramolecular"] = "terms of every molecule with itself; intermolecular: all others"
        inside = factor * self_spectra(series, signal, sampling)
        lines[f"{name}_intramolecular"] = inside
        lines[f"{name}_intermolecular"] = shapes.sum(axis=(1, 2)) - inside
    counts = mean_counts(series)
    if first.molecular:
        molecular, further, unit = each
        header[f"{molecular}[A]"] = f"(A-A + half of every A-B term) of one molecule of A; {unit}"
        # Empty groups have no molecule whose terms could be told.
        filled = [(a, group, count) for a, (group, count) in enumerate(counts.items()) if count]
        molecules = {group: further * shapes[:, a].sum(axis=1) / count for a, group, count in filled}
        if BULK in names:
            header[f"{molecular}[A-{BULK}]"] = f"a molecule of A minus one of the {BULK}"
        if BULK in molecules:
            others = {group: terms for group, terms in molecules.items() if group not in (SOLUTE, BULK)}
            molecules |= {f"{group}-{BULK}": terms - molecules[BULK] for group, terms in others.items()}
        for group, terms in molecules.items():
            lines[f"{molecular}[{group}]"] = terms
    if counts:
        what = "molecules" if first.molecular else "atoms"
        header[f"mean number of {what}"] = ", ".join(f"{group} {count:.6g}" for group, count in counts.items())
    if radii:
        pairs, of_pairs = distance_terms(name, series, signal, sampling, radii, factor, lines)
        lines, header = lines | pairs, header | of_pairs
    return lines, header


def mean_counts(series: Sequence[ResponseSeries]) -> dict[str, float]:
    """Return the mean number of molecules (or atoms) of each group over all trajectories."""
    names = series[0].group_names if series[0].counts else ()
    return {name: float(np.concatenate([run.counts[name] for run in series]).mean()) for name in names}
