"""`ResponseCalculator`: a trained model as a calculator of ASE, for phonon codes, i-PI and the like."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from mimyria.frame import Frame, stated_charge
from mimyria.model.files import choose_device, read_models
from mimyria.model.predict import predict_with_spread
from mimyria.targets import TARGETS

PROPERTIES = {name: target.ase_property for name, target in TARGETS.items()}


class ResponseCalculator(Calculator):  # type: ignore[misc]
    """Response tensors of the atoms; no energy and no forces.

    ``born_effective_charges`` P[n, α, γ] = ∂M_α/∂R_nγ, e, shape (n, 3, 3); ``polarizability_gradient``
    Q[n, α, β, γ] = ∂α_αβ/∂R_nγ, e² a0² E_h⁻¹ Å⁻¹, shape (n, 3, 3, 3); ``hyperpolarizability_gradient``, ∂β/∂R likewise.
    Of a committee ``results`` also hold ``born_effective_charges_spread`` and so on, shape (n,).

    Parameters
    ----------
    models
        Model files, one of each target at most; or the name of a bundled pair, ``water`` or ``molecules``.
    charge
        Total charge, e, for the sum rule; by default what ``atoms.info`` or the initial charges state, else zero.
    project
        Make the sums over the atoms exact, Σ P = charge · 1 and Σ Q = 0.
    device
        ``auto``, ``cpu``, ``cuda``, ``mps``.
    level
        The level of theory, if a model has several: a part of its name.
    """

    implemented_properties: ClassVar[list[str]] = list(PROPERTIES.values())

    def __init__(
        self,
        *models: str | Path,
        charge: float | None = None,
        project: bool = True,
        device: str = "auto",
        level: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        place = choose_device(device)
        self.models = {model.target.name: model for model in read_models(*models, device=place, level=level)}
        self.charge, self.project = charge, project
        self._used = 0.0
        self.implemented_properties = [PROPERTIES[name] for name in self.models]  # type: ignore[misc]

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """Return what has changed since the last calculation, the total charge in ``atoms.info`` too."""
        changed: list[str] = super().check_state(atoms, tol)
        return [*changed, "charge"] if self.results and self._charge(atoms) != self._used else changed

    def _charge(self, atoms: Atoms) -> float:
        """Return the total charge, e."""
        if self.charge is not None:
            return self.charge
        return stated_charge(atoms.info, len(atoms), atoms.arrays.get("initial_charges")) or 0.0

    def calculate(
        self, atoms: Atoms | None = None, properties: list[str] | None = None, system_changes: list[str] = all_changes
    ) -> None:
        """Compute every tensor there is a model for."""
        super().calculate(atoms, properties, system_changes)
        frame = Frame(self.atoms.numbers, self.atoms.positions, self.atoms.cell.array, self.atoms.pbc)
        self._used = self._charge(self.atoms)
        for name, model in self.models.items():
            ((tensors, unsure, *_),) = predict_with_spread(model, [frame])
            if self.project:
                tensors = model.target.project_translation(tensors, self._used)
            self.results[PROPERTIES[name]] = tensors
            if len(model.members) > 1:
                self.results[f"{PROPERTIES[name]}_spread"] = unsure
