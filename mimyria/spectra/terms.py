"""The terms of a spectrum: of groups with themselves and each other, of single molecules, of one molecule on average.

With the rate J_A of a group, J = Σ_A J_A and S_AB = ∫⟨J_A(0) J_B(t)⟩ e^{-iωt} dt,

    [A,A] = S_AA                    [A,B] = S_AB + S_BA                 Σ_A [A,A] + Σ_{A<B} [A,B] = S
    intramolecular = Σ_m S_mm       intermolecular = S - Σ_m S_mm       (m every single molecule)
    one molecule of A: Re ∫⟨J_A(0) J(t)⟩ e^{-iωt} dt / N_A = (S_AA + ½ Σ_{B≠A} [A,B]) / N_A

In the last, two groups share what they have in common by halves, so that Σ_A N_A times it is S again. A group whose
atoms change with time has the rate of those that it holds at each time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimyria.frame import Array
from mimyria.rates.groups import BULK, SOLUTE
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.sampling import Sampling, Signal, self_spectra, standard_error


def group_terms(
    name: str,
    series: Sequence[ResponseSeries],
    signal: Signal,
    sampling: Sampling,
    shapes: Array,
    blocks: Array,
    factor: Array | float,
    each: tuple[str, float],
) -> dict[str, Array]:
    """Return every term that the groups allow, as columns.

    Parameters
    ----------
    name
        Of the columns.
    series, signal, sampling
        What `power_spectra` was asked for.
    shapes, blocks
        What it gave: (groups, groups, n) and (blocks, groups, groups, n).
    factor
        From these to the unit of the columns.
    each
        Name of the columns for one molecule, and what they are multiplied with beside.
    """
    shapes, blocks = factor * shapes, factor * blocks
    columns = pair_terms(name, series[0].group_names, shapes)
    if len(series[0].groups) > len(series[0].group_names):
        own, own_blocks = self_spectra(series, signal, sampling)
        inside, inside_blocks = factor * own, factor * own_blocks
        columns[f"{name}_intramolecular"] = inside
        columns[f"{name}_intramolecular_error"] = standard_error(inside_blocks)
        columns[f"{name}_intermolecular"] = shapes.sum(axis=(0, 1)) - inside
        columns[f"{name}_intermolecular_error"] = standard_error(blocks.sum(axis=(1, 2)) - inside_blocks)
    if series[0].molecular:
        title, volume = each
        columns |= molecule_terms(title, mean_counts(series), volume * shapes, volume * blocks)
    return columns


def pair_terms(name: str, group_names: Sequence[str], shapes: Array) -> dict[str, Array]:
    """Return ``name[A,A]`` and ``name[A,B]`` of line shapes (groups, groups, n); nothing of a single group."""
    if len(group_names) == 1:
        return {}
    return {
        f"{name}[{first},{second}]": shapes[a, b] * (1 if a == b else 2)
        for a, first in enumerate(group_names)
        for b, second in enumerate(group_names[a:], start=a)
    }


def molecule_terms(name: str, counts: dict[str, float], shapes: Array, blocks: Array) -> dict[str, Array]:
    """Return ``name[A]`` of one molecule of each group, and ``name[A-bulk]`` where there is a bulk, with errors.

    Parameters
    ----------
    name
        Of the columns.
    counts
        Mean number of molecules of each group; one that has none is left out.
    shapes, blocks
        Shape (groups, groups, n) and (blocks, groups, groups, n).
    """
    ones = {
        label: (shapes[a].sum(axis=0) / count, blocks[:, a].sum(axis=1) / count)
        for a, (label, count) in enumerate(counts.items())
        if count
    }
    if BULK in ones:
        ones |= {
            f"{label}-{BULK}": (shape - ones[BULK][0], block - ones[BULK][1])
            for label, (shape, block) in ones.items()
            if label not in (SOLUTE, BULK)
        }
    columns = {}
    for label, (shape, block) in ones.items():
        columns[f"{name}[{label}]"] = shape
        columns[f"{name}[{label}]_error"] = standard_error(block)
    return columns


def mean_counts(series: Sequence[ResponseSeries]) -> dict[str, float]:
    """Return the mean number of molecules, or of atoms, of each group over all trajectories."""
    return {
        name: float(np.concatenate([one.counts[name] for one in series]).mean())
        for name in (series[0].group_names if series[0].counts else ())
    }


def group_terms_header(series: Sequence[ResponseSeries], name: str, each: str, unit: str) -> dict[str, str]:
    """Say what the columns of `group_terms` are, the unit of one molecule's, and how much each group holds."""
    first = series[0]
    header = {}
    if len(first.group_names) > 1:
        header[f"{name}[A,B]"] = "A-B and B-A terms together; with the A-A terms they add up to the whole"
    if len(first.groups) > len(first.group_names):
        header[f"{name}_intramolecular"] = "terms of every molecule with itself; intermolecular: all others"
    if first.molecular:
        header[f"{each}[A]"] = f"(A-A + half of every A-B term) of one molecule of A; {unit}"
        if BULK in first.group_names:
            header[f"{each}[A-{BULK}]"] = f"what a molecule of A has more than one of the {BULK}"
    what = "molecules" if first.molecular else "atoms"
    counts = ", ".join(f"{label} {count:.6g}" for label, count in mean_counts(series).items())
    return header | ({f"mean number of {what}": counts} if counts else {})
