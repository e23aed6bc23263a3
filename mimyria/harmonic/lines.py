"""The lines of normal modes: infrared intensities, Raman activities and depolarisation ratios from the tensors.

∂M/∂Q_k = Σ_n P_n · x_nk          ∂α/∂Q_k = Σ_n Q_n · x_nk          the same line as for rates, x for v

A_k = N_A/(12 ε0 c²) |∂M/∂Q_k|²          integrated molar absorption coefficient, natural logarithm, km/mol
S_k = 45 a'² + 7 γ'²          a' = Tr α'/3          γ'² = 3/2 Tr β'β'          β' = α' - a'·1          Å⁴/u
ρ_k = 3 γ'²/(45 a'² + 4 γ'²)          perpendicular over parallel scattering of polarised light, in [0, 3/4]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimyria.frame import Array
from mimyria.harmonic.modes import Modes
from mimyria.targets import APT, PGT
from mimyria.units import BOHR, INTENSITY

SILENT = 1e-6
"""Modes whose activity is less than this part of the strongest have no depolarisation ratio."""


@dataclass(frozen=True)
class Lines:
    """What the tensors give each mode; None without the tensors."""

    dipole: Array | None = None
    """∂M/∂Q, e u^-½, shape (modes, 3)."""
    polarizability: Array | None = None
    """∂α/∂Q, e² a0² E_h⁻¹ Å⁻¹ u^-½, shape (modes, 3, 3)."""

    @property
    def intensity(self) -> Array | None:
        """Infrared, km/mol, shape (modes,)."""
        return None if self.dipole is None else INTENSITY * (self.dipole**2).sum(axis=1)

    @property
    def isotropic(self) -> Array:
        """a'², a.u. as above squared, shape (modes,)."""
        assert self.polarizability is not None
        return np.trace(self.polarizability, axis1=1, axis2=2) ** 2 / 9

    @property
    def anisotropic(self) -> Array:
        """Tr β'β', a.u. as above squared, shape (modes,)."""
        assert self.polarizability is not None
        mean = np.trace(self.polarizability, axis1=1, axis2=2) / 3
        return ((self.polarizability - mean[:, None, None] * np.eye(3)) ** 2).sum(axis=(1, 2))

    @property
    def activity(self) -> Array | None:
        """Raman, Å⁴/u, shape (modes,); a0³ is the polarizability of one atomic unit as a volume."""
        if self.polarizability is None:
            return None
        return BOHR**6 * (45 * self.isotropic + 7 * 1.5 * self.anisotropic)

    @property
    def depolarisation_ratio(self) -> Array | None:
        """Shape (modes,); NaN where a mode hardly scatters."""
        activity = self.activity
        if activity is None:
            return None
        crossed, parallel = 4.5 * self.anisotropic, 45 * self.isotropic + 6 * self.anisotropic
        seen = activity > SILENT * activity.max(initial=0.0)
        return np.divide(crossed, parallel, out=np.full_like(crossed, np.nan), where=seen & (parallel > 0))


def lines_of(modes: Modes, tensors: dict[str, Array]) -> Lines:
    """Return the lines of modes from the tensors of the atoms, by target name, shape (n, 3, ..., 3)."""
    along = {
        name: np.einsum("n...x,knx->k...", tensors[name], modes.displacements)
        for name in (APT.name, PGT.name)
        if name in tensors
    }
    return Lines(along.get(APT.name), along.get(PGT.name))
