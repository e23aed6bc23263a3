"""The low end of the conductivity: a slow relaxation, and conduction beside it, by maximum likelihood.

Below all vibrations the current J = dM/dt of a liquid has the conductivity

    σ(ω) = σ_0 + ε0 Δε ω²τ/(1 + ω²τ²) + b ω²

of conduction, of one relaxation of Debye's form, and of all that is faster. A run of length T knows differences
M(t) - M(0) only. Its sine transform needs nothing else, as a sine vanishes at both ends,

    J_j = ∫_0^T J(t) sin(πjt/T) dt = -(πj/T) ∫_0^T [M(t) - M(0)] cos(πjt/T) dt          j = 1, 2, ...

where the usual periodogram has |M(T) - M(0)|²/T added at every frequency: an apparent conductivity of ε0 Δε/T, which
is 7 S/m for water in 100 ps. The powers 2|J_j|²/T are nearly independent, each σ(πj/T) times χ²(3)/3, so that

    -ln L = 3/2 Σ_j [σ_j/σ(ω_j) + ln σ(ω_j)]

(P. Whittle, J. R. Stat. Soc. B 15, 125 (1953)). Its least value gives the parameters, its expected curvature their
covariance. Powers are kept as means in narrow bins. The range of a fit is as wide as the form describes the data: it
ends where Σ (D - 2) over its bins, D the deviance of each, is least: Akaike's criterion against a free value for each.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from mimyria.frame import Array
from mimyria.units import VACUUM_PERMITTIVITY

COMPONENTS = 3
SINGLE, WIDTH = 12, 1.06
"""The first powers have a bin each; then each bin ends this factor above where it begins."""
LEAST_BINS, RANGES = 8, 12
"""Bins of the narrowest range, and how many ranges are tried."""
STARTS, MOST_STEPS = 4, 60
"""Relaxation times to begin at where no fit is known, and steps from each."""
SMALLEST = 1e-9
"""Parts of σ(ω) below this part of its mean are none."""
PARTS = ("relaxation", "conduction", "fast")


@dataclass(frozen=True)
class Powers:
    """Conductivities σ_j of runs in bins of the angular frequency."""

    omega: Array
    """Root mean square in each bin, rad/fs, shape (bins,)."""
    edges: Array
    """Upper ends of the bins, rad/fs, shape (bins,)."""
    counts: Array
    """How many powers each run has in each bin, shape (runs, bins)."""
    sums: Array
    """Their sums, S/m, shape (runs, bins)."""

    def of(self, runs: Sequence[int]) -> Bins:
        """Return the powers of some runs together."""
        counts, sums = self.counts[runs].sum(axis=0), self.sums[runs].sum(axis=0)
        there = counts > 0
        return Bins(self.omega[there], self.edges[there], counts[there], sums[there] / counts[there])


@dataclass(frozen=True)
class Bins:
    """Mean conductivities in bins, each of shape (bins,)."""

    omega: Array
    edges: Array
    counts: Array
    means: Array
    """S/m."""

    def below(self, omega: float) -> Bins:
        """Return the bins up to a frequency, rad/fs."""
        end = int(np.searchsorted(self.omega, omega, side="right"))
        return Bins(*(values[:end] for values in (self.omega, self.edges, self.counts, self.means)))


@dataclass(frozen=True)
class Relaxation:
    """The parameters of σ(ω) from a fit, and their covariance; what was left out of the fit is zero."""

    strength: float
    """Δε."""
    time: float
    """τ, fs."""
    conduction: float
    """σ_0, S/m."""
    fast: float
    """b, S/m fs²."""
    covariance: Array
    """Of ln Δε, ln τ, σ_0 and b, shape (4, 4)."""
    likelihood: float
    """2 ln L, apart from a constant of the data."""
    limit: float
    """The highest fitted frequency, rad/fs."""

    def conductivity(self, omega: Array) -> Array:
        """Return σ, S/m, at ω, rad/fs."""
        return np.asarray(conductivity_parts(omega, self.values)[[0, 2, 3]].sum(axis=0))

    @property
    def values(self) -> Array:
        """Δε, τ, σ_0 and b, shape (4,)."""
        return np.array([self.strength, self.time, self.conduction, self.fast])

    @property
    def errors(self) -> Array:
        """Relative standard errors of Δε and τ, standard errors of σ_0 and b, shape (4,)."""
        return np.sqrt(np.diag(self.covariance))


def sine_powers(current: Array, timestep: float) -> Array:
    """Return 2|J_j|²/T, summed over components, of a current (frames, 3), in its unit squared · fs, shape (frames,).

    They belong to ω_j = πj/T, j = 1, 2, ..., where T is ``timestep`` (fs) times the number of frames and one.
    """
    # scipy's transform has a factor of two before the sum
    return np.asarray(timestep / (2 * (len(current) + 1)) * (scipy.fft.dst(current, type=1, axis=0) ** 2).sum(axis=1))


def bin_powers(powers: Sequence[Array], timestep: float) -> Powers:
    """Return the conductivities of runs, (frames,) as `sine_powers` orders them, in bins."""
    longest = np.pi / ((max(map(len, powers)) + 1) * timestep)
    single = longest * (np.arange(SINGLE + 1) + 0.5)
    further = max(0, int(np.ceil(np.log(np.pi / timestep / single[-1]) / np.log(WIDTH))))
    edges = np.append(single, single[-1] * WIDTH ** np.arange(1, further + 1))
    grids = [np.pi * np.arange(1, len(power) + 1) / ((len(power) + 1) * timestep) for power in powers]
    counts = np.array([np.histogram(omega, edges)[0] for omega in grids])
    sums = np.array([np.histogram(omega, edges, weights=power)[0] for omega, power in zip(grids, powers, strict=True)])
    squares = np.sum([np.histogram(omega, edges, weights=omega**2)[0] for omega in grids], axis=0)
    total = counts.sum(axis=0)
    there = total > 0
    return Powers(np.sqrt(squares[there] / total[there]), edges[1:][there], counts[:, there], sums[:, there])


def conductivity_parts(omega: Array, values: Array) -> Array:
    """Return σ_D, ∂σ_D/∂ln τ, σ_0 and b ω² at ω for the ``values`` of a `Relaxation`, shape (4, n)."""
    strength, time, conduction, fast = values
    square = (omega * time) ** 2
    debye = VACUUM_PERMITTIVITY * strength / time * square / (1 + square)
    return np.array([debye, debye * (1 - square) / (1 + square), np.full_like(omega, conduction), fast * omega**2])


def fit(
    bins: Bins, without: Collection[str] = (), *, most: float = np.inf, start: Relaxation | None = None
) -> Relaxation:
    """Return the parameters of the greatest likelihood.

    Parameters
    ----------
    bins
        All are fitted.
    without
        `PARTS` of σ(ω) that are left out.
    most
        The largest Δε.
    start
        A fit to begin at, beside one other.
    """
    omega, top = bins.omega, float(bins.omega[-1])
    level = float(np.average(bins.means, weights=bins.counts))
    least = SMALLEST * level
    lower = np.log([least / top / VACUUM_PERMITTIVITY, 0.2 / top, least, least / top**2])
    upper = np.log([most, 30 / omega[0], np.inf, np.inf])
    starts = []
    for time in 1 / np.geomspace(2 * omega[0], top, STARTS)[:: 1 if start is None else 2]:
        near, low = max(float(np.interp(1 / time, omega, bins.means)), least), max(float(bins.means[:3].mean()), least)
        starts.append([2 * near * time / VACUUM_PERMITTIVITY, time, low / 2, near / 10 / top**2])
    starts += [list(np.maximum(start.values, np.exp(lower)))] if start is not None else []
    free = np.array([part not in without for part in PARTS])[[0, 0, 1, 2]]
    found = [_climb(bins, np.clip(np.log(one), lower, upper), (lower, upper), free) for one in starts]
    values, loss = min(found, key=lambda pair: pair[1])
    # The curvature in σ_0 and b themselves, which may be zero.
    parts = conductivity_parts(omega, values)
    slopes = np.array([*parts[:2], np.ones_like(omega), omega**2])[free] / parts[[0, 2, 3]].sum(axis=0)
    weights = COMPONENTS / 2 * bins.counts
    scale = np.sqrt((weights * slopes**2).sum(axis=1))
    scale[scale == 0] = 1.0
    covariance = np.zeros((4, 4))
    information = (weights * slopes) @ slopes.T / np.outer(scale, scale)
    covariance[np.ix_(free, free)] = np.linalg.pinv(information, rcond=1e-12) / np.outer(scale, scale)
    strength, relaxation_time, conduction, fast = values.tolist()
    return Relaxation(strength, relaxation_time, conduction, fast, covariance, -2 * loss, top)


def _climb(bins: Bins, logs: Array, bounds: tuple[Array, Array], free: Array) -> tuple[Array, float]:
    """Return the parameters, and -ln L there, that steps of Fisher's scoring, damped, reach in their logarithms."""
    weights, damping = COMPONENTS / 2 * bins.counts, 1e-2
    absent = np.array([free[0], True, free[2], free[3]])

    def look(logs: Array) -> tuple[Array, Array, float]:
        parts = conductivity_parts(bins.omega, np.exp(logs) * absent)
        whole = parts[[0, 2, 3]].sum(axis=0)
        return parts, whole, float(weights @ (bins.means / whole + np.log(whole)))

    parts, whole, loss = look(logs)
    for _ in range(MOST_STEPS):
        slopes = parts[free] / whole
        curvature = (weights * slopes) @ slopes.T
        curvature[np.diag_indices(len(curvature))] *= 1 + damping
        curvature[np.diag_indices(len(curvature))] += SMALLEST * np.trace(curvature)
        step = np.zeros(4)
        step[free] = np.clip(np.linalg.solve(curvature, slopes @ (weights * (bins.means / whole - 1))), -2, 2)
        trial = np.clip(logs + step, *bounds)
        there = look(trial)
        if there[2] < loss:
            gain, logs, (parts, whole, loss), damping = loss - there[2], trial, there, damping / 5
            if gain < 1e-6:
                break
        else:
            damping *= 8
            if damping > 1e6:
                break
    return np.exp(logs) * absent, loss


def fit_widest(bins: Bins) -> Relaxation:
    """Return the fit of all parts to the widest range that they describe."""
    ends = np.unique(np.geomspace(min(LEAST_BINS, len(bins.omega)), len(bins.omega), RANGES).astype(int))
    fits: list[Relaxation] = []
    criteria = []
    for end in ends:
        part = bins.below(bins.omega[end - 1])
        fits.append(fit(part, start=fits[-1] if fits else None))
        ratio = part.means / fits[-1].conductivity(part.omega)
        deviance = COMPONENTS * part.counts * (ratio - 1 - np.log(np.maximum(ratio, np.finfo(float).tiny)))
        criteria.append(float((deviance - 2).sum()))
    return fits[int(np.argmin(criteria))]
