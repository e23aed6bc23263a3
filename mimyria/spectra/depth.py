"""Spectra of the layers of a slab: what lies so deep below its surfaces contributes to sum frequency and infrared.

With dα/dt and dM/dt of the molecules that are in the layer k at the time, a_k and M_k, a = Σ_k a_k and M = Σ_k M_k,

    [k] = ½ (S of ⟨a_k M⟩ + S of ⟨a M_k⟩)          Σ_k [k] = S of ⟨a M⟩

so that cross terms of two layers are split equally between both, and the layers add up to the whole: the mean of both
faces in `sum_frequency`, n·α in `infrared`. Depth is measured from Gibbs's dividing surface inwards (`gibbs_height`),
or from the middle of the slab outwards; the same layer of both faces is one. Molecules farther out than all layers
belong to the outermost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import AXES, Array
from mimyria.rates.faces import axis_of, face_area, face_weights
from mimyria.rates.places import molecule_heights, require_molecules, sums_over_near
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.gibbs import gibbs_height, half_thickness
from mimyria.spectra.infrared import dipole_rate
from mimyria.spectra.quantum import correction_header, correction_ratio
from mimyria.spectra.sampling import Sampling, power_spectra, replicated
from mimyria.spectra.sfg import UNITS, pairs_in_words, susceptibility
from mimyria.spectra.spectrum import Spectrum, write_columns
from mimyria.targets import APT, PGT
from mimyria.units import MASS_DENSITY, infrared_prefactor

OUTSIDE = 5.0
"""Å; how far beyond the surface layers reach."""
MOST_LAYERS = 200
NUMBERS_OF_FRAME = 1 << 14
"""Signals of one frame that are transformed together; each takes some 50 kB."""


@dataclass(frozen=True)
class Layers:
    """The layers of a slab."""

    edges: Array
    """Å, ascending, shape (layers + 1,)."""
    surface: float | None
    """Height (Å) of the surface from which depth is measured inwards; None if it is the distance from the middle."""

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def names(self) -> list[str]:
        """The depth of the middle of each layer, Å, as columns name it."""
        return [f"{middle:.6g}" for middle in (self.edges[1:] + self.edges[:-1]) / 2]

    @property
    def thickness(self) -> Array:
        """Å, shape (layers,); the innermost one may be cut off by the middle of the slab."""
        inner = self.edges[1:] if self.surface is None else np.minimum(self.edges[1:], self.surface)
        return inner - self.edges[:-1]

    def place(self, height: Array) -> Array:
        """Return the index of the layer at heights over the middle of the slab."""
        depth = abs(height) if self.surface is None else self.surface - abs(height)
        return np.clip(np.searchsorted(self.edges, depth, side="right") - 1, 0, len(self) - 1)


def choose_layers(series: Sequence[ResponseSeries], thickness: float, depth_from: str) -> Layers:
    """Return layers of a thickness (Å) from outside of the slab to its middle, or the other way round."""
    surface = gibbs_height(series) if depth_from == "surface" else None
    first = 0 if surface is None else -int(np.ceil(OUTSIDE / thickness))
    end = half_thickness(series) + OUTSIDE if surface is None else surface
    last = int(np.ceil(end / thickness - 1e-9))
    if last - first > MOST_LAYERS:
        raise SpectrumError(
            f"--depth-step {thickness:g} makes {last - first} layers of this slab: at most {MOST_LAYERS}"
        )
    return Layers(thickness * np.arange(first, last + 1), surface)


def depth_resolved(series: Sequence[ResponseSeries], conditions: Conditions, sampling: Sampling) -> Spectrum:
    """Return Im χ and Re χ of the mean of both faces, and n·α, of every layer and of all together."""
    for run in series:
        require_molecules(run, "--kinds depth")
    layers = choose_layers(series, conditions.depth_step, conditions.depth_from)
    n = series[0].normal
    lines: dict[str, Array] = {}
    wavenumber = np.empty(0)
    for name in ("ssp", "sps", 3 * n):
        wavenumber, shapes = layer_shapes(name, series, layers, sampling, conditions.pair_cutoff)
        chi = susceptibility(wavenumber, shapes, conditions)
        for k, place in enumerate(["", *(f"[{each}]" for each in layers.names)]):
            lines |= {f"{name}_im{place}": chi[:, k].imag, f"{name}_re{place}": chi[:, k].real}
    ratio = correction_ratio(wavenumber, conditions.temperature, conditions.correction)
    shapes = infrared_prefactor(1.0, conditions.temperature) * ratio * _dipole_shapes(series, layers, sampling)
    lines |= {f"n_alpha{place}": shapes[:, k] for k, place in enumerate(["", *(f"[{name}]" for name in layers.names)])}
    start = "the middle of the slab, outwards"
    if layers.surface is not None:
        start = f"Gibbs's dividing surface, {layers.surface:.3f} Å from the middle of the slab, inwards"
    header = {
        "[d]": "the layer whose middle is at the depth d (Å): its own term and half of every cross term; layers add up "
        "to the columns without brackets, and molecules beyond the outermost are in it",
        "depth": f"of centres of mass from {start}; layers of {conditions.depth_step:g} Å",
        "_im, _re": "χ⁽²⁾ as in sfg.csv, mean of both faces, each with its own normal outwards",
        "n_alpha": "n·α as in ir.csv, of the volume of the cell",
        **({} if conditions.pair_cutoff is None else {"pairs": pairs_in_words(conditions.pair_cutoff)}),
        **correction_header(conditions.correction),
        "temperature": f"{conditions.temperature:.2f} K",
    }
    units = {f"{name}_{part}": UNITS[part] for name in ("ssp", "sps", 3 * n) for part in ("im", "re")}
    return sampling.spectrum("depth", wavenumber, lines, header, units | {"n_alpha": "cm-1"})


def layer_shapes(
    name: str, series: Sequence[ResponseSeries], layers: Layers, sampling: Sampling, cutoff: float | None
) -> tuple[Array, Array]:
    """Return wavenumbers and S per area of all layers together and of each, (1 + replicates, 1 + layers, n).

    ``ssp`` is (xxz + yyz)/2 and ``sps`` (xzx + yzy)/2 for the normal z; another name gives the axes, ``zzz``. Layers
    are taken a few at a time, so that memory is bounded.
    """
    n = series[0].normal
    p, q = (axis for axis in AXES if axis != n)
    pairs = {"ssp": [(p + p, n), (q + q, n)], "sps": [(p + n, p), (q + n, q)]}.get(name, [(n + n, n)])
    size = 4 * len(pairs) * (1 if cutoff is None else len(series[0].groups))
    at_once = max(1, NUMBERS_OF_FRAME // size - 1)
    found, wavenumber = [], np.empty(0)
    for start in range(0, len(layers), at_once):
        chosen = range(start, min(start + at_once, len(layers)))
        groups = tuple(f"{what} {k}" for k in (-1, *chosen) for what in "aM")

        def signal(run: ResponseSeries, frames: slice, chosen: range = chosen) -> Array:
            return _face_rates(run, frames, pairs, layers, chosen, cutoff)

        wavenumber, shapes = power_spectra([replace(run, groups=groups) for run in series], signal, sampling, first=2)
        if not start:
            found.append(shapes[:, 0, 1])
        found += [(shapes[:, 0, 2 * k + 1] + shapes[:, 1, 2 * k]) / 2 for k in range(1, len(chosen) + 1)]
    return wavenumber, np.stack(found, axis=1)


def _face_rates(
    run: ResponseSeries,
    frames: slice,
    pairs: Sequence[tuple[str, str]],
    layers: Layers,
    chosen: Sequence[int],
    cutoff: float | None,
) -> Array:
    """Return a, M, and a_k, M_k of the chosen layers, shape (t, groups, components).

    Components are both faces, of which the lower one is turned over, times the pairs of ab and c, over √(2A) and the
    root of their number, and, with a cutoff, the molecules (`near_rates`).
    """
    height = molecule_heights(run, frames)
    weights = face_weights(height)
    scale = np.sqrt(2 * len(pairs) * face_area(run.cell, axis_of(run.normal)))
    alpha, moment = run.rates[PGT.name][frames], run.rates[APT.name][frames]
    both = []
    for values, names in ((alpha, [ab for ab, _ in pairs]), (moment, [c for _, c in pairs])):
        parts = []
        for name in names:
            turned = np.array([1, (-1) ** name.count(run.normal)])  # the lower face, its normal outwards
            chosen_axis = values
            for axis in reversed(name):
                chosen_axis = chosen_axis[..., AXES.index(axis)]
            parts += list(turned[:, None, None] * weights * chosen_axis / scale)
        both.append(np.stack(parts, axis=1))  # (t, components, m)
    place = layers.place(height)
    inside = [np.ones(height.shape), *(place == k for k in chosen)]
    every = np.stack([values * each[:, None] for each in inside for values in both], axis=1)
    if cutoff is None:
        return np.asarray(every.sum(axis=-1))
    every[:, 1::2] = sums_over_near(run, frames, every[:, 1::2], cutoff)
    return every.reshape(*every.shape[:2], -1).astype(np.float32)


def _dipole_shapes(series: Sequence[ResponseSeries], layers: Layers, sampling: Sampling) -> Array:
    """Return S of dM/dt over √V, of all layers together and of each, shape (1 + replicates, 1 + layers, n)."""

    def signal(run: ResponseSeries, frames: slice) -> Array:
        rates, place = dipole_rate(run, frames), layers.place(molecule_heights(run, frames))
        inside = [np.ones(place.shape), *(place == k for k in range(len(layers)))]
        return np.stack([np.einsum("tm,tmx->tx", each, rates) for each in inside], axis=1)

    groups = ("all", *layers.names)
    return power_spectra([replace(run, groups=groups) for run in series], signal, sampling, first=1)[1][:, 0]


def write_profile(
    path: Path, spectrum: Spectrum, series: Sequence[ResponseSeries], conditions: Conditions, sampling: Sampling
) -> None:
    """Write a table over depth: density and molecules of each layer, and the integrals of its spectra, with errors."""
    layers = choose_layers(series, conditions.depth_step, conditions.depth_from)
    counts = _means(series, layers, sampling)
    area = np.average([face_area(run.cell, axis_of(run.normal)) for run in series], weights=list(map(len, series)))
    density = counts[:, 1] * MASS_DENSITY / (2 * area * layers.thickness)
    columns: dict[str, Array] = {
        "depth_A": (layers.edges[1:] + layers.edges[:-1]) / 2,
        "from_A": layers.edges[:-1],
        "to_A": layers.edges[1:],
    }
    table = {"density_g_cm-3": density, "molecules": counts[:, 0]}
    for quantity in [name for name in spectrum.quantities if not name.endswith("_re")]:
        of_layers = [np.nan_to_num(spectrum.lines[f"{quantity}[{name}]"]) for name in layers.names]
        table[f"{quantity}_integral"] = np.trapezoid(np.stack(of_layers, axis=1), spectrum.wavenumber, axis=-1)
    for name, values in table.items():
        columns |= {name: values[0], f"{name}_error": sampling.replicates.error(values)}
    remarks = {
        "depth": spectrum.header["depth"],
        "molecules": "mean number in the layer, of both faces; the outermost layer holds all that is beyond",
        "integral": "of the columns of depth.csv over all wavenumbers: m²/V cm-1, n_alpha cm-2",
    }
    write_columns(path, remarks, columns)


def _means(series: Sequence[ResponseSeries], layers: Layers, sampling: Sampling) -> Array:
    """Return the mean number of molecules, and their mass (u), of each layer: (1 + replicates, 2, layers)."""
    each = []
    for run in series:
        rows = []
        for frames in run.chunks(0, len(run)):
            place = layers.place(molecule_heights(run, frames))
            weights = np.stack([np.ones(place.shape[1]), np.asarray(run.molecule_mass)])
            rows += [np.stack([np.bincount(of, w, len(layers)) for w in weights]) for of in place]
        each.append(np.array(rows)[..., None])
    size = sampling.block_frames
    blocks = [of[: len(of) // size * size].reshape(-1, size, *of.shape[1:]).mean(axis=1) for of in each] if size else []
    return replicated(series, [of.mean(axis=0) for of in each], blocks)[..., 0]
