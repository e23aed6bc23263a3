"""Lines of molecules, and spectra as instruments would show them, made of lines at random.

A computed spectrum is exact sticks; a measured one is broadened by its surroundings and the instrument, shifted where
the computation is wrong or hydrogen bonds pull, noisy, saturated, on a baseline, and cut. A network learns to look
through what varies in training, so that all of it does here:

- wavenumbers: all by a factor, each by some wavenumbers; O-H and N-H stretches pulled down and broadened by hydrogen
  bonds, of carboxylic acids by up to a thousand wavenumbers
- intensities: each by a factor
- faint overtones and combinations, where two wavenumbers add up
- profiles: sums of Lorentz and Gauss of one width for the sample, varied by line; in gases the branches of rotation
- smooth backgrounds, luminescence under Raman spectra, noise, saturated bands, ranges that are cut or left out
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mimyria.frame import Array
from mimyria.identify.channels import GRID, HIGHEST, KINDS, LOWEST, PLACES, Curve

LOG2 = float(np.log(2))
FAINT = 1e-3
"""Of the highest band: where less stands there is none, and it is nobody's."""
TINY = 1e-30
OVERTONES = 15
STRETCH = 3000.0
"""cm⁻¹; lines above in which hydrogen on O or N moves are stretches."""
NITROGEN = 0.4
"""What hydrogen bonds pull of N-H, over what they do of O-H."""


@dataclass(frozen=True)
class Molecule:
    """The lines of a molecule and the groups it has."""

    wavenumbers: Array
    """cm⁻¹, near measured ones, shape (modes,)."""
    lines: dict[str, Array]
    """Infrared intensities (km/mol) and Raman activities (Å⁴/u) by kind, (modes,) each."""
    polar: Array
    """Share of the kinetic energy that hydrogen on O or N has, shape (modes,)."""
    groups: Array
    """Which it has, shape (groups,), bool."""
    acid: bool = False
    """Whether its hydrogen bonds are those of a carboxylic acid."""
    name: str = ""
    hydroxyl: Array | None = None
    """Share of the kinetic energy that hydrogen on O has, shape (modes,); None as if all of ``polar`` were."""
    shares: Array | None = None
    """Share of the kinetic energy that the atoms of each group have, shape (groups, modes); None if not known."""

    def on_oxygen(self) -> Array:
        """Return the share of hydrogen on O."""
        return self.polar if self.hydroxyl is None else self.hydroxyl


def mixture(one: Molecule, other: Molecule, share: float) -> Molecule:
    """Return what two molecules are together, ``share`` of all being the first."""
    return Molecule(
        np.concatenate([one.wavenumbers, other.wavenumbers]),
        {kind: np.concatenate([share * one.lines[kind], (1 - share) * other.lines[kind]]) for kind in KINDS},
        np.concatenate([one.polar, other.polar]),
        one.groups | other.groups,
        one.acid or other.acid,
        f"{one.name} + {other.name}",
        np.concatenate([one.on_oxygen(), other.on_oxygen()]),
        None if one.shares is None or other.shares is None else np.hstack([one.shares, other.shares]),
    )


@dataclass(frozen=True)
class Variation:
    """How much spectra differ from computed lines; standard deviations unless said otherwise."""

    scale: float = 0.01
    """Of the factor of all wavenumbers."""
    shift: float = 10.0
    """cm⁻¹; of each wavenumber."""
    intensity: float = 0.4
    """Of the logarithm of each intensity."""
    overtones: float = 0.015
    """Of the highest line: how high overtones and combinations are on average, `OVERTONES` of them."""
    widths: tuple[float, float] = (6.0, 40.0)
    """cm⁻¹; smallest and largest full width at half maximum."""
    bonded: float = 0.4
    """Share of the samples with hydrogen bonds."""
    gas: float = 0.2
    """Share of the samples with branches of rotation."""
    noise: tuple[float, float] = (1e-4, 2e-2)
    """Of the highest band: smallest and largest."""
    background: float = 0.15
    """Of the highest band; luminescence is five times that."""
    saturated: float = 0.15
    """Share of the samples whose highest bands are cut off."""
    cut: float = 0.5
    """Share of the samples that do not span the whole range."""


USUAL = Variation()
EXACT = Variation(0.0, 0.0, 0.0, 0.0, (10.0, 10.0), 0.0, 0.0, (0.0, 0.0), 0.0, 0.0, 0.0)
"""Lines as computed, 10 cm⁻¹ wide."""


def as_measured(
    molecule: Molecule, random: np.random.Generator, how: Variation, kinds: Sequence[str] = KINDS
) -> dict[str, Curve]:
    """Return infrared and Raman spectrum of a molecule, or one of them, as instruments might show them."""
    return assigned(replace(molecule, shares=None), random, how, kinds)[0]


def assigned(
    molecule: Molecule, random: np.random.Generator, how: Variation, kinds: Sequence[str] = KINDS
) -> tuple[dict[str, Curve], dict[str, Array]]:
    """Return spectra as instruments might show them, and whose their bands are: shares, (groups, len(PLACES)) each.

    The share of a group is the part of the lines' intensity around a place that is due to its atoms, by the kinetic
    energy distribution of the modes,

        s_g(ν) = Σ_k I_k s_gk L_k(ν) / Σ_k I_k L_k(ν)          s_gk the share of its atoms in the energy of mode k

    L_k is a Gaussian as wide as the line, at least the distance of two places. Overtones, and what is far from every
    line, are nobody's. Groups overlap, so that their shares may add up to more than one. There are none where the
    molecule has none.
    """
    places = molecule.wavenumbers * random.normal(1.0, how.scale)
    places = places + random.normal(0.0, how.shift, len(places)) * np.sqrt(np.clip(places, 200, None) / 1500)
    ratio = how.widths[1] / how.widths[0]
    widths = how.widths[0] * ratio ** random.uniform() * np.exp(random.normal(0.0, 0.25, len(places)) * (ratio > 1))
    strength = np.ones(len(places))
    if random.uniform() < how.bonded:
        places, widths, strength = _bonded(molecule, places, widths, random)
    gas = random.uniform() < how.gas
    pairs = random.integers(0, len(places), (2, OVERTONES)) if how.overtones else np.zeros((2, 0), dtype=int)
    places = np.append(places, places[pairs].sum(axis=0) * random.uniform(0.97, 1.0))
    widths = np.append(widths, widths[pairs].max(axis=0))
    heights = np.array([molecule.lines[kind] * (strength if kind == "infrared" else 1.0) for kind in kinds])
    heights = heights * np.exp(random.normal(0.0, how.intensity, heights.shape))
    faint = how.overtones * random.exponential(1.0, (len(kinds), pairs.shape[1]))
    heights = np.hstack([heights, heights.max(axis=1, keepdims=True) * faint])
    values = broadened(places, heights.T, widths, random.uniform(), 0.0).T
    if gas and kinds[0] == "infrared":
        values[0] = _branches(places, heights[0], widths, random)
    curves = {kind: _measured(each, kind, random, how) for kind, each in zip(kinds, values, strict=True)}
    if molecule.shares is None:
        return curves, {}
    known = len(molecule.wavenumbers)  # lines after these are overtones and combinations
    shares = _shares(molecule.shares, places[:known], heights[:, :known], widths[:known])
    return curves, dict(zip(kinds, shares, strict=True))


def _shares(shares: Array, places: Array, heights: Array, widths: Array) -> Array:
    """Return the shares of the groups around `PLACES`, shape (kinds, groups, len(PLACES)); zero where no line is."""
    parts = np.vstack([np.ones(len(places)), shares])  # (1 + groups, modes)
    each = (heights[:, None] * parts).reshape(-1, len(places)).T
    wide = np.maximum(widths, PLACES[1] - PLACES[0])
    sums = broadened(places, each, wide, 0.0, 0.0, PLACES).T.reshape(len(heights), len(parts), len(PLACES))
    whole = sums[:, :1]
    return sums[:, 1:] / (whole + FAINT * whole.max(axis=2, keepdims=True) + TINY)


def broadened(
    places: Array, heights: Array, widths: Array, lorentz: float, apart: float, points: Array = GRID
) -> Array:
    """Return the sum of lines at some wavenumbers, each with its area and its full width w, shape (points,).

    Of more than one kind ``heights`` have the shape (lines, kinds), and so have the sums (points, kinds).

        2/(π w) · (η / (1 + u²) + (1 - η) · √(π ln 2) · exp(-u² ln 2))          u = 2ν/w
    """
    # In single precision, which is plenty here; in place, as most of the time of training would be spent here.
    w = np.maximum(widths, 2.0)
    square = points.astype(np.float32)[:, None] - (places + apart).astype(np.float32)
    square *= (2 / w).astype(np.float32)
    np.square(square, out=square)
    areas = (heights.T * (2 / (np.pi * w))).T.astype(np.float32)
    bell = np.exp(square * np.float32(-LOG2)) @ areas
    square += 1
    np.reciprocal(square, out=square)
    return lorentz * (square @ areas) + (1 - lorentz) * np.sqrt(np.pi * LOG2) * bell


def _bonded(
    molecule: Molecule, places: Array, widths: Array, random: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return places, widths and factors of intensity with stretches of O-H and N-H in hydrogen bonds."""
    stretch = (molecule.polar > 0.5) & (places > STRETCH)
    most = random.uniform(300, 1000) if molecule.acid else random.uniform(30, 400)
    pull = np.where(molecule.on_oxygen() > 0.5, most, NITROGEN * most)
    return (
        np.where(stretch, places - pull * random.uniform(0.7, 1.3, len(places)), places),
        np.where(stretch, 0.5 * pull + widths, widths),
        np.where(stretch, 1 + pull / 60, 1.0),
    )


def _branches(places: Array, heights: Array, widths: Array, random: np.random.Generator) -> Array:
    """Return lines with the P, Q and R branches that rotation gives them in a gas, of like area together."""
    apart, middle = random.uniform(5, 20), random.uniform(0, 0.6)
    sides = [broadened(places, heights, np.maximum(widths, apart), 0.0, sign * apart) for sign in (-1, 1)]
    return (1 - middle) / 2 * sum(sides) + middle * broadened(places, heights, widths, 0.5, 0.0)


def _measured(values: Array, kind: str, random: np.random.Generator, how: Variation) -> Curve:
    """Return a spectrum with background, noise, saturation, and a range."""
    values = values / (values.max() or 1.0)
    across = (GRID - LOWEST) / (HIGHEST - LOWEST)
    most = how.background * (5 if kind == "raman" and random.uniform() < 0.3 else 1)
    bent = np.polynomial.polynomial.polyval(across, random.normal(0, 1, 4) * np.array([0, 1, 1, 0.5]))
    values = values + most * random.uniform() ** 2 * bent
    if kind == "infrared" and random.uniform() < how.saturated:
        values = np.minimum(values, values.min() + random.uniform(0.3, 0.9) * np.ptp(values))
    low, high = how.noise
    if high:
        values = values + random.normal(0, low * (high / low) ** random.uniform(), len(values))
    kept = np.ones(len(GRID), dtype=bool)
    if random.uniform() < how.cut:
        kept = (random.uniform(LOWEST, 750) < GRID) & (
            random.choice([1850, 3200, 3600, 4000], p=[0.15, 0.1, 0.15, 0.6]) > GRID
        )
        if random.uniform() < 0.2:
            kept &= (random.uniform(1800, 2000) > GRID) | (random.uniform(2400, 2750) < GRID)
    return GRID[kept], values[kept]
