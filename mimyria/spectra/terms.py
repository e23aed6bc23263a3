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
        The arguments of `power_spectra`.
    shapes, blocks
        Its results, (groups, groups, n) and (blocks, groups, groups, n).
    factor
        Converts these to the unit of the columns.
    each
        Name of the columns of one molecule, and their additional factor.
    """
    shapes, blocks = factor * shapes, factor * blocks
    columns = pair_terms(name, series[0].group_names, shapes)
    # More groups than names: the rates of single molecules are known, and with them the intramolecular terms.
    if len(series[0].groups) > len(series[0].group_names):
        own, own_blocks = self_spectra(series, signal, sampling)
        inside, inside_blocks = factor * own, factor * own_blocks
        columns[f"{name}_intramolecular"] = inside
        columns[f"{name}_intramolecular_error"] = standard_error(inside_blocks)
        columns[f"{name}_intermolecular"] = shapes.sum(axis=(0, 1)) - inside
        columns[f"{name}_intermolecular_error"] = standard_error(blocks.sum(axis=(1, 2)) - inside_blocks)
    if series[0].molecular:
        molecular, further = each
        columns |= molecule_terms(molecular, mean_counts(series), further * shapes, further * blocks)
    return columns


def pair_terms(name: str, group_names: Sequence[str], shapes: Array) -> dict[str, Array]:
    """Return ``name[A,A]`` and ``name[A,B]`` from line shapes (groups, groups, n); nothing for a single group."""
    if len(group_names) == 1:
        return {}
    return {
        f"{name}[{first},{second}]": shapes[a, b] * (1 if a == b else 2)
        for a, first in enumerate(group_names)
        for b, second in enumerate(group_names[a:], start=a)
    }


def molecule_terms(name: str, counts: dict[str, float], shapes: Array, blocks: Array) -> dict[str, Array]:
    """Return ``name[A]`` of one molecule of each group, and ``name[A-bulk]`` if there is a bulk, with errors.

    ``counts`` are the mean numbers of molecules; groups without any are left out. ``shapes`` and ``blocks`` have the
    shapes (groups, groups, n) and (blocks, groups, groups, n).
    """
    molecules = {
        group: (shapes[a].sum(axis=0) / count, blocks[:, a].sum(axis=1) / count)
        for a, (group, count) in enumerate(counts.items())
        if count
    }
    if BULK in molecules:
        molecules |= {
            f"{group}-{BULK}": (shape - molecules[BULK][0], block - molecules[BULK][1])
            for group, (shape, block) in molecules.items()
            if group not in (SOLUTE, BULK)
        }
    columns = {}
    for group, (shape, block) in molecules.items():
        columns[f"{name}[{group}]"] = shape
        columns[f"{name}[{group}]_error"] = standard_error(block)
    return columns


def mean_counts(series: Sequence[ResponseSeries]) -> dict[str, float]:
    """Return the mean number of molecules (or atoms) of each group over all trajectories."""
    return {
        name: float(np.concatenate([one.counts[name] for one in series]).mean())
        for name in (series[0].group_names if series[0].counts else ())
    }


def group_terms_header(series: Sequence[ResponseSeries], name: str, each: str, unit: str) -> dict[str, str]:
    """Return the header entries that explain the columns of `group_terms`, and the size of each group."""
    first = series[0]
    header = {}
    if len(first.group_names) > 1:
        header[f"{name}[A,B]"] = "A-B and B-A terms together; with the A-A terms they add up to the total"
    if len(first.groups) > len(first.group_names):
        header[f"{name}_intramolecular"] = "terms of every molecule with itself; intermolecular: all others"
    if first.molecular:
        header[f"{each}[A]"] = f"(A-A + half of every A-B term) of one molecule of A; {unit}"
        if BULK in first.group_names:
            header[f"{each}[A-{BULK}]"] = f"a molecule of A minus one of the {BULK}"
    what = "molecules" if first.molecular else "atoms"
    counts = ", ".join(f"{group} {count:.6g}" for group, count in mean_counts(series).items())
    return header | ({f"mean number of {what}": counts} if counts else {})
