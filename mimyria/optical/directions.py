"""The infrared of an oriented sample: n·α of fields along x, y and z, the dichroism, and a layer of its own volume.

    n·α_aa = 1/(2 ε0 c V k_B T) ∫⟨dM_a/dt(0) dM_a/dt(t)⟩ e^{-iωt} dt          n·α = (n·α_xx + n·α_yy + n·α_zz)/3

    linear dichroism LD = n·α_∥ - n·α_⊥          LD/(n·α_∥ + n·α_⊥)          order S = LD/(n·α_∥ + 2 n·α_⊥)

with ∥ along an axis, ⊥ the mean of both directions across it. The order is 1 where all that absorbs lies along it, -1/2
where all lies across, 0 in an isotropic sample.

A layer of thickness d, whose normal is the axis, in a cell of height h = V/A that is vacuum besides. Tensors and
trajectory answer the mean field of the periodic cell (tin-foil boundary, as Ewald sums and Berry phases have it). Along
the layer that is the field inside; across it only the displacement is the same inside and outside. So, with ε of the
cell and ε^L of the layer,

    (ε^L_∥ - 1) d = (ε_∥ - 1) h  in the plane          (1 - 1/ε^L_⊥) d = (1 - 1/ε_⊥) h  across it

In much vacuum n·α of the cell across the layer is therefore that of Im(-1/ε^L), with its maxima at the longitudinal
wavenumbers. A thin layer, d ≪ 1/ν, in vacuum absorbs, of light that meets it at an angle θ to the normal (J. D. E.
McIntyre and D. E. Aspnes, Surf. Sci. 24, 417 (1971)),

    A_s = 2πν d Im ε^L_∥ / (ln 10 · cos θ)
    A_p = 2πν d [Im ε^L_∥ cos θ + Im(-1/ε^L_⊥) sin²θ/cos θ] / ln 10
"""

from __future__ import annotations

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import AXES, Array
from mimyria.optical.dielectric import epsilon_imag, epsilon_real
from mimyria.units import ANGSTROM

VISIBLE = 1e-2
"""Ratios are given where n·α exceeds this fraction of its maximum."""
RATIOS = ("dichroism_over_sum", "order")
LAYER = "n_alpha_layer"
ABSORBANCE = "layer_absorbance"
UNITS = {
    **{f"{stem}_{a}{a}": "cm-1" for stem in ("n_alpha", LAYER) for a in AXES},
    **{f"n_alpha_per_molecule_{a}{a}": "L mol-1 cm-1" for a in AXES},
    **dict.fromkeys((f"n_alpha_per_area_{a}{a}" for a in AXES), "1"),
    "linear_dichroism": "cm-1",
    **dict.fromkeys((*RATIOS, f"{ABSORBANCE}_s", f"{ABSORBANCE}_p"), "1"),
}


def directional(along: Array, axis: str, share: tuple[str, float] | None) -> tuple[dict[str, Array], dict[str, str]]:
    """Return n·α along x, y, z and the dichroism about an axis, as lines, and the header entries that explain them.

    Parameters
    ----------
    along
        n·α of fields along x, y, z, shape (1 + replicates, 3, n), cm⁻¹.
    axis
        Special axis: ``x``, ``y`` or ``z``.
    share
        Name of a column of n·α per molecule or area, and its factor; None for none.
    """
    lines = {f"n_alpha_{a}{a}": along[:, k] for k, a in enumerate(AXES)}
    if share is not None:
        lines |= {f"{share[0]}_{a}{a}": share[1] * along[:, k] for k, a in enumerate(AXES)}
    place = AXES.index(axis)
    parallel, across = along[:, place], np.delete(along, place, axis=1).mean(axis=1)
    total = along.mean(axis=1)
    lines["linear_dichroism"] = parallel - across
    with np.errstate(divide="ignore", invalid="ignore"):
        visible = total[0] > VISIBLE * np.nanmax(total[0])
        for name, sums in zip(RATIOS, (parallel + across, parallel + 2 * across), strict=True):
            lines[name] = np.where(visible, (parallel - across) / sums, np.nan)
    others = " and ".join(a for a in AXES if a != axis)
    header = {
        "n_alpha_aa": "n·α of light polarised along an axis a of the trajectory; n·α is the mean of all three. Each "
        "answers the mean field of the cell: across a layer in vacuum that is not the field inside, see --layer",
        "linear_dichroism": f"n·α along {axis} minus the mean of {others}",
        "dichroism_over_sum, order": f"that over the sum of both; over n·α of {axis}{axis} + 2·mean of {others}, 1 if "
        f"all lies along {axis}; empty (nan) where n·α is below {VISIBLE:g} of its maximum; their bias is removed",
    }
    return lines, header


def layer_lines(
    wavenumber: Array,
    along: Array,
    axis: str,
    layer: tuple[float, ...],
    height: float,
    epsilon_infinity: float,
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return n·α of a layer in its own volume and, if an angle is given, its absorbance, and their header entries.

    Parameters
    ----------
    wavenumber, along, axis
        Wavenumbers (n,), and as in `directional`.
    layer
        Thickness (Å) and, if it is met by light, the angle to the normal (°).
    height
        Of the cell, V/A, Å.
    epsilon_infinity
        Of the layer, far above the vibrations.

    Raises
    ------
    SpectrumError
        If the layer is thicker than the cell.
    """
    thickness, part = layer[0], layer[0] / height
    if part > 1 + 1e-6:
        raise SpectrumError(f"--layer {thickness:g}: the cell is only {height:.4g} Å high across {axis}")
    axes = [k for k, a in enumerate(AXES) if a != axis]
    loss = 2 * np.pi * wavenumber
    lines = {f"{LAYER}_{AXES[k]}{AXES[k]}": along[:, k] / part for k in axes}
    plane = along[:, axes].mean(axis=1) / part
    n_alpha = along[:, AXES.index(axis)]
    # ε∞ of the cell from that of the layer: 1 - 1/ε is shared by the whole height
    infinity = 1 / (1 - (1 - 1 / epsilon_infinity) * part)
    cell = epsilon_real(wavenumber, n_alpha, infinity) + 1j * epsilon_imag(wavenumber, n_alpha)
    with np.errstate(invalid="ignore"):  # ε is not known at ν = 0
        inverse = 1 - (1 - 1 / cell) / part
        lines[f"{LAYER}_{axis}{axis}"] = loss * (1 / inverse).imag
    header = {
        f"{LAYER}_aa": f"n·α = 2πν·Im ε in the volume of a layer, {thickness:g} Å of the {height:.4g} Å of the cell "
        f"across {axis}; ε_{axis}{axis} by (1 - 1/ε)·thickness = (1 - 1/ε of the cell)·height, with ε∞ = "
        f"{epsilon_infinity:g} of the layer, for rates that answer the mean field of a periodic cell"
    }
    if len(layer) > 1:
        cosine, sine = np.cos(np.radians(layer[1])), np.sin(np.radians(layer[1]))
        depth = thickness * ANGSTROM / np.log(10)
        lines[f"{ABSORBANCE}_s"] = depth * plane / cosine
        lines[f"{ABSORBANCE}_p"] = depth * (plane * cosine - loss * inverse.imag * sine**2 / cosine)
        header[f"{ABSORBANCE}_s, {ABSORBANCE}_p"] = (
            f"-log10 T of the layer in vacuum at {layer[1]:g}° to {axis}, far thinner than the wavelength, all azimuths"
        )
    return lines, header
