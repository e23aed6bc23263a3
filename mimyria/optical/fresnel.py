"""Fresnel factors: from the susceptibility of a surface to what a sum-frequency spectrometer shows, χ_eff.

The surface is the plane z = 0, the plane of incidence xz, light comes and goes in air (n1 = 1, z > 0); the liquid has
the index n, the layer whose polarisation radiates n'. A beam at the angle β, refracted to γ, has there the field L·E:

    sin β = n sin γ          L_xx = 2 cos γ/(cos γ + n cos β)          L_yy = 2 cos β/(cos β + n cos γ)
                             L_zz = 2 n cos β/(cos γ + n cos β) · 1/n'²

and radiates, by reciprocity, with the same factors. With the beams ω = ω1 + ω2 (sum, visible, infrared) at β, β1, β2,
k sin β = k1 sin β1 + k2 sin β2, and their vectors e = (0, L_yy, 0) for s, (L_xx cos β, 0, L_zz sin β) for p coming in
and (-L_xx cos β, 0, L_zz sin β) for p going out,

    χ_eff = Σ_abc e_a(ω) e_b(ω1) e_c(ω2) χ_abc

    ssp:  L_yy L_yy L_zz sin β2 χ_yyz
    sps:  L_yy L_zz L_yy sin β1 χ_yzy
    pss:  L_zz L_yy L_yy sin β  χ_zyy
    ppp: -L_xx L_xx L_zz cos β cos β1 sin β2 χ_xxz - L_xx L_zz L_xx cos β sin β1 cos β2 χ_xzx
         +L_zz L_xx L_xx sin β cos β1 cos β2 χ_zxx + L_zz L_zz L_zz sin β sin β1 sin β2 χ_zzz

X. Zhuang, P. B. Miranda, D. Kim and Y. R. Shen, Phys. Rev. B 59, 12632 (1999). χ_zxx = χ_xzx here, as α is symmetric.
The index n' is where the convention of the field enters: χ answers the field E of the tensors, and E_z = E_z(air)/n'².
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mimyria.frame import Array
from mimyria.settings.of_slab import Light

GEOMETRIES = ("ssp", "sps", "pss", "ppp")
"""Polarisations of sum frequency, visible, infrared."""
EFFECTIVE = "effective_"
NANOMETRE = 1e7
"""1/nm in cm⁻¹."""


@dataclass(frozen=True)
class Beam:
    """A beam at the angle of incidence or reflection (radians), and the indices that it meets, (..., n) or numbers."""

    angle: Array
    index: Array
    interface: Array
    outgoing: bool = False

    def vector(self, polarisation: str) -> list[Array | float]:
        """Return e along x, y and z."""
        xx, yy, zz = fresnel_factors(self.angle, self.index, self.interface)
        if polarisation == "s":
            return [0.0, yy, 0.0]
        along = xx * np.cos(self.angle)
        return [-along if self.outgoing else along, 0.0, zz * np.sin(self.angle)]


def fresnel_factors(angle: Array, index: Array, interface: Array) -> tuple[Array, Array, Array]:
    """Return L_xx, L_yy, L_zz of a beam from air at an angle (radians), for complex indices n and n'."""
    cosine, n = np.cos(angle), np.asarray(index, dtype=complex)
    refracted = np.sqrt(1 - (np.sin(angle) / n) ** 2)  # cos γ
    refracted = np.where((n * refracted).imag < 0, -refracted, refracted)  # the wave in the liquid decays
    p, s = refracted + n * cosine, cosine + n * refracted
    return 2 * refracted / p, 2 * cosine / s, 2 * n * cosine / p / interface**2


def interface_index(model: float | str, index: Array) -> Array:
    """Return n' of the models: a number; ``inside``, n; ``external``, 1; ``lorentz``, of Zhuang et al.

    n'² = n² (n² + 5)/(4 n² + 2): the layer is that of half of a sphere of Lorentz.
    """
    square = np.asarray(index) ** 2
    if model == "inside":
        return np.asarray(index)
    if model == "lorentz":
        return np.asarray(np.sqrt(square * (square + 5) / (4 * square + 2)))
    return np.asarray(1.0 if model == "external" else model)


def effective(wavenumber: Array, chi: Mapping[str, Array], light: Light, infrared_index: Array) -> dict[str, Array]:
    """Return χ_eff of the `GEOMETRIES`, complex, in the unit of χ.

    Parameters
    ----------
    wavenumber
        Of the infrared, cm⁻¹, shape (n,).
    chi
        χ_xxz = χ_yyz as ``ssp``, χ_xzx = χ_yzy = χ_zxx = χ_zyy as ``sps``, and ``zzz``, complex, shape (..., n).
    infrared_index
        Complex, shape (n,) or ().
    """
    visible, one, two = NANOMETRE / light.wavelength, *np.radians([light.visible, light.infrared])
    sine = (visible * np.sin(one) + wavenumber * np.sin(two)) / (visible + wavenumber)
    n_visible = np.asarray(light.index)
    of_visible = interface_index(light.interface, n_visible)
    beams = (
        Beam(np.arcsin(sine), n_visible, of_visible, outgoing=True),
        Beam(one, n_visible, of_visible),
        Beam(two, infrared_index, interface_index(light.infrared_interface, infrared_index)),
    )
    elements = {"ssp": ((0, 0, 2), (1, 1, 2)), "zzz": ((2, 2, 2),)}
    elements["sps"] = ((0, 2, 0), (1, 2, 1), (2, 0, 0), (2, 1, 1))
    found: dict[str, Array] = {}
    for geometry in GEOMETRIES:
        first, second, third = (beam.vector(each) for beam, each in zip(beams, geometry, strict=True))
        terms = [first[a] * second[b] * third[c] * chi[name] for name, axes in elements.items() for a, b, c in axes]
        found[geometry] = sum(terms, np.zeros_like(chi["zzz"]))
    return found


def light_header(light: Light) -> dict[str, str]:
    """Return the header entries that explain χ_eff."""
    return {
        f"{EFFECTIVE}ssp, sps, pss, ppp": "χ_eff = Σ e_a(ω) e_b(ω1) e_c(ω2) χ_abc; sum frequency, visible, infrared; "
        "in reflection, with Fresnel factors as Zhuang et al., Phys. Rev. B 59, 12632 (1999); no constant background",
        "light": f"visible {light.wavelength:g} nm at {light.visible:g}°, infrared at {light.infrared:g}°, from air; "
        f"index {light.index:g}, in the infrared {light.infrared_index}; n' of the interface {light.interface}, in the "
        f"infrared {light.infrared_interface}",
    }
