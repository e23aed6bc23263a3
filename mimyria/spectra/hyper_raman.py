"""Polarised hyper-Raman spectra: two photons of the laser make one scattered photon and a vibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.raman import scattering
from mimyria.spectra.sampling import Sampling
from mimyria.spectra.spectrum import Spectrum
from mimyria.targets import HGT


def hyper_raman(series: Sequence[ResponseSeries], conditions: Conditions, sampling: Sampling) -> Spectrum:
    """Return the hyper-Raman line shapes for parallel (VV) and crossed (HV) polarisation, with standard errors.

    Far from resonance β is symmetric in all three indices (Kleinman), as a derivative in a static field is. Such a
    tensor is a vector (l = 1, dipolar) and a part without any trace (l = 3, octupolar), which rotations do not mix:

    β = β⁽¹⁾ + β⁽³⁾     β⁽¹⁾_ijk = (v_i δ_jk + v_j δ_ik + v_k δ_ij)/5     v_i = Σ_j β_ijj     |β⁽¹⁾|² = 3/5 |v|²

    S_l = ∫⟨Σ_ijk β̇⁽ˡ⁾_ijk(0) β̇⁽ˡ⁾_ijk(t)⟩ e^{-iωt} dt

    VV = ∫⟨β̇_ZZZ β̇_ZZZ⟩ = S_1/5 + 2/35 S_3        HV = ∫⟨β̇_ZXX β̇_ZXX⟩ = S_1/45 + 4/105 S_3        ρ = HV/VV

    are the averages over all orientations of S. J. Cyvin, J. E. Rauch and J. C. Decius, J. Chem. Phys. 43, 4083 (1965),
    and R. Bersohn, Y.-H. Pao and H. L. Frisch, J. Chem. Phys. 45, 3184 (1966): with A = |v|² and B = Σ β_ijk²,
    ⟨β_ZZZ²⟩ = (3A + 2B)/35 and ⟨β_ZXX²⟩ = (4B - A)/105. So ρ lies between 1/9 (a vector) and 2/3 (an octupole). The
    first letter of a geometry is the polarisation of the laser, the second that of the scattered light. With a laser
    come Stokes and anti-Stokes intensities, at 2ν_L ∓ ν; see `intensity_scales`.
    """
    explained = {
        "line shape S": "c ∫<x(0) x(t)> exp(-iωt) dt over both signs of t, x of dβ/dt; a.u.² fs⁻² cm; ∝ ν·Im χ",
        "VV": "<β_ZZZ²> = S_dipolar/5 + 2/35 S_octupolar, of an isotropic sample or a powder",
        "HV": "<β_ZXX²> = S_dipolar/45 + 4/105 S_octupolar; the laser's polarisation comes first",
        "depolarisation_ratio": "HV/VV, between 1/9 and 2/3; empty (nan) where VV is very small",
    }
    parts = {"dipolar": dipolar_rate, "octupolar": octupolar_rate}
    return scattering(
        "hyper_raman", series, conditions, sampling, HGT.name, parts, average_hyper_raman, explained, photons=2
    )


def average_hyper_raman(dipolar: Array, octupolar: Array) -> dict[str, Array]:
    """Return the line shapes of every geometry, averaged over all orientations, from those of the two parts."""
    parallel, crossed = dipolar / 5 + 2 / 35 * octupolar, dipolar / 45 + 4 / 105 * octupolar
    return {"VV": parallel, "HV": crossed, "dipolar": dipolar, "octupolar": octupolar}


def dipolar_rate(run: ResponseSeries, frames: slice) -> Array:
    """Return √(3/5) v of dβ/dt of each group, whose square is that of β⁽¹⁾, shape (t, groups, 3)."""
    return np.sqrt(3 / 5) * _vector(run.rates[HGT.name][frames])


def octupolar_rate(run: ResponseSeries, frames: slice) -> Array:
    """Return β⁽³⁾ of dβ/dt of each group, shape (t, groups, 27)."""
    rates = run.rates[HGT.name][frames]
    product = _vector(rates)[..., None, None] * np.eye(3) / 5  # v_i δ_jk / 5
    dipolar = product + np.moveaxis(product, -3, -2) + np.moveaxis(product, -3, -1)
    return (rates - dipolar).reshape(*rates.shape[:2], 27)


def _vector(rates: Array) -> Array:
    """Return v_i = Σ_j β_ijj."""
    return np.asarray(np.trace(rates, axis1=-2, axis2=-1))
