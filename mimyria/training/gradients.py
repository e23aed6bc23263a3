"""How the tensor of an atom changes with the places of all others, of pairs of labels that differ in its place alone.

Response tensors are derivatives of the energy, whose order does not matter,

    ∂T_i[..., γ]/∂R_jδ = ∂T_j[..., δ]/∂R_iγ

so that what a displacement u of atom i changes in the tensors of all atoms j is the gradient of its own along u,

    ∂(T_i·u)[...]/∂R_jδ = T_j(R + u)[..., δ] - T_j(R)[..., δ]        at R + u/2, to third order in u

A label says what a tensor is at one point of many coordinates, a pair of them how it changes with each: of a rare atom,
which is there once in a frame, these are a hundred times as many numbers.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mimyria.frame import Array, Frame
from mimyria.level import level_of
from mimyria.model.graph import build_graph
from mimyria.model.model import ResponseModel

LEAST, MOST = 0.005, 0.5
"""Å, of a displacement: the changes of a smaller one are noise, those of a larger one no gradient."""
SMALL = 0.01
"""Atoms whose rates are smaller than this part of the largest count as if theirs were so large."""
DIGITS = 5
"""Of Å, to which the places of all other atoms are the same."""


@dataclass(frozen=True)
class Pair:
    """Two frames, counted from zero, and the atom in whose place they differ."""

    first: int
    second: int
    atom: int


@dataclass(frozen=True)
class GradientLabel:
    """What the displacement of an atom changes."""

    frame: Frame  # halfway between both
    atom: int
    direction: Array  # (3,), of length one
    rates: Array  # of the tensors of all atoms per Å, (n, 3, ..., 3); NaN where a label is missing
    level: int

    @property
    def species(self) -> int:
        """The atomic number of the displaced atom."""
        return int(self.frame.numbers[self.atom])

    @property
    def weights(self) -> Array:
        """Of the squared errors of the atoms, (n,): one by the size of their rates, zero without a label.

        The rates of the nearest are a hundred times as large as those of most others, which move farther.
        """
        sizes = np.sqrt(self._squares)
        return np.nan_to_num(1 / np.maximum(sizes, SMALL * np.nanmax(sizes)))

    @property
    def size(self) -> float:
        """Σ_j w_j rates_j², over all atoms."""
        return float(np.nansum(self.weights * self._squares))

    @property
    def _squares(self) -> Array:
        """Σ rates² of each atom, (n,)."""
        return np.asarray(np.square(self.rates).sum(axis=tuple(range(1, self.rates.ndim))))


@dataclass(frozen=True)
class GradientLabels:
    """All of a training, and how much they count."""

    every: Sequence[GradientLabel]
    weight: float  # of the squared errors, relative to the mean square of what is labelled

    def loss(self, model: ResponseModel, generator: torch.Generator) -> Tensor:
        """Return the weighted squared error of one of them, of a random component of the fields.

        Σ_j w_j |∂(c·T_i·u)/∂R_j - c·rates_j|² / ⟨Σ_j w_j |c·rates_j|²⟩, |c| = |u| = 1
        """
        label = self.every[int(torch.randint(len(self.every), (1,), generator=generator))]
        c = torch.randn(label.rates.shape[1:-1], generator=generator, dtype=torch.float64)
        c = c / c.norm()
        found = gradient_of(model, label, c, create_graph=True)
        wanted = torch.einsum("f,nfd->nd", c.flatten(), torch.from_numpy(label.rates).flatten(1, -2)).to(found)
        error = torch.where(wanted.isfinite(), found - wanted, 0.0).square().sum(1)
        mean = self._sizes[label.species] / c.numel()
        return self.weight / mean * (torch.from_numpy(label.weights).to(error) @ error)

    @cached_property
    def _sizes(self) -> dict[int, float]:
        """Mean size of the labels of each displaced element."""
        sizes = defaultdict(list)
        for label in self.every:
            sizes[label.species].append(label.size)
        return {species: float(np.mean(of)) for species, of in sizes.items()}


def gradient_of(model: ResponseModel, label: GradientLabel, c: Tensor, *, create_graph: bool = False) -> Tensor:
    """Return ∂(c·T_i·u)/∂R_j that the first network of a model has, (n, 3), of components c of the fields."""
    dtype, device = model.mean.dtype, model.mean.device
    graph = build_graph([label.frame], model.settings.species, model.settings.cutoff, device, dtype)
    by = torch.zeros(len(graph), 3, dtype=dtype, device=device, requires_grad=True)
    geometry = model.geometry(graph.moved(by[graph.order]))
    tensor = model.tensors(geometry, label.level)[0, label.atom].reshape(-1, 3)  # (fields, 3)
    component = c.flatten().to(tensor) @ tensor @ torch.from_numpy(label.direction).to(tensor)
    (gradient,) = torch.autograd.grad(component, by, create_graph=create_graph)
    return gradient


def gradient_labels(frames: Sequence[Frame], model: ResponseModel) -> list[GradientLabel]:
    """Return what pairs of labelled frames tell, the levels counted as the model counts them."""
    found = []
    for pair in pairs_of(frames):
        first, second = frames[pair.first], frames[pair.second]
        by = second.positions[pair.atom] - first.positions[pair.atom]
        length = np.linalg.norm(by)
        middle = first.positions.copy()
        middle[pair.atom] += by / 2
        rates = (second.tensors[model.target.name] - first.tensors[model.target.name]) / length
        if not np.nan_to_num(rates).any():  # no atom has both labels, or these are the same
            continue
        level = model.levels.index(level_of(first.info)) if len(model.levels) > 1 else 0
        found.append(GradientLabel(replace(first, positions=middle), pair.atom, by / length, rates, level))
    return found


def pairs_of(frames: Sequence[Frame]) -> Iterator[Pair]:
    """Yield the pairs of frames of one level that differ in the place of one atom alone."""
    alike = defaultdict(list)
    for number, frame in enumerate(frames):
        # Of two such frames every other atom is at the same place, from the first or from the second on; of frames
        # that have frozen atoms in common, neither.
        same = str(level_of(frame.info)), frame.numbers.tobytes(), frame.cell.tobytes(), frame.periodic.tobytes()
        places = frame.positions.round(DIGITS) + 0.0
        for first in range(2):
            alike[(*same, first, places[first::2].tobytes())].append(number)
    both = {pair for numbers in alike.values() for pair in itertools.combinations(numbers, 2)}
    for one, other in sorted(both):
        by = np.linalg.norm(frames[other].positions - frames[one].positions, axis=1)
        moved = np.flatnonzero(by > 2 * 10.0**-DIGITS)
        if len(moved) == 1 and LEAST <= by[moved[0]] <= MOST:
            yield Pair(one, other, int(moved[0]))


def groups_of(frames: Sequence[Frame]) -> list[int]:
    """Return for each frame the first of those from which pairs lead to it; itself where there are none.

    Frames of one group are nearly the same, and are held out together or not at all.
    """
    group = list(range(len(frames)))
    for pair in pairs_of(frames):
        one, other = sorted((group[pair.first], group[pair.second]))
        group = [one if number == other else number for number in group]
    return group
