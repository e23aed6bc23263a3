"""An engine with forces in closed form: water of two springs b₁, b₂ whose charges and polarizability follow its bonds.

    U(R, E) = ¼ k Σ_h (b_h² - d²)² - M·E - ½ a Σ_h (b_h·E)²        M = q (b₁ + b₂) + c (b₂² b₁ + b₁² b₂)

Atoms O, H, H; all in atomic units. The last term of M makes the APT unsymmetric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mimyria.engines.engine import Calculation, Configuration, Engine, FieldRun, Task, check_isolated
from mimyria.frame import Array
from mimyria.units import BOHR

LENGTH, CHARGE, GROWTH = 1.8, 0.3, 0.05
"""d, q and c."""


@dataclass(frozen=True)
class Springs(Engine):
    """The engine; ``constant`` is k and ``polarizability`` a."""

    constant: float = 0.1
    polarizability: float = 0.5

    @property
    def identity(self) -> dict[str, Any]:
        """See `Engine`."""
        return {"engine": "springs", **self.job_settings}

    @property
    def summary(self) -> str:
        """See `Engine`."""
        return "springs"

    def prepare(self, field: float, order: int) -> None:
        """See `Engine`."""

    def check(self, configuration: Configuration) -> None:
        """See `Engine`."""
        check_isolated(configuration)

    def calculation(self, task: Task) -> Calculation:
        """See `Engine`."""
        bonds = (task.frame.positions[1:] - task.frame.positions[0]) / BOHR
        others = bonds[::-1]
        squares, other_squares = ((b**2).sum(axis=1, keepdims=True) for b in (bonds, others))
        moment = (CHARGE * bonds + GROWTH * other_squares * bonds).sum(axis=0)

        def calculate(index: int, field: Array) -> FieldRun:
            along, others_along = (bonds @ field)[:, None], (others @ field)[:, None]
            forces = CHARGE * field + GROWTH * (other_squares * field + 2 * others_along * bonds)
            forces = forces + self.polarizability * along * field - self.constant * (squares - LENGTH**2) * bonds
            spring = 0.25 * self.constant * ((squares - LENGTH**2) ** 2).sum()
            return FieldRun(
                forces=np.vstack([-forces.sum(axis=0), forces]),
                energy=float(spring - moment @ field - 0.5 * self.polarizability * (along**2).sum()),
                dipole=moment + self.polarizability * (along * bonds).sum(axis=0),
                steps=1,
                program="springs 1",
            )

        return calculate
