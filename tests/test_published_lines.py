"""Raman lines against what symmetry demands of them, and against numbers that another program has published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import pytest
from ase.build import molecule
from here import Here

from mimyria.harmonic.command import normal_modes
from mimyria.harmonic.output import Harmonic


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run in this process."""
    monkeypatch.setattr("mimyria.harmonic.command.make_executor", lambda *_: Here())


def modes(atoms: ase.Atoms, folder: Path, **settings: Any) -> Harmonic:
    ase.io.write(folder / "start.xyz", atoms)
    (made,) = normal_modes(folder / "start.xyz", folder / "out", plot_format=(), **settings).values()
    return made


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("name", "polarised"), [("CH4", 1), ("C6H6", 2)])
def test_only_totally_symmetric_modes_are_polarised(name: str, polarised: int, tmp_path: Path) -> None:
    """A1 of methane and 2 A1g of benzene; ρ = 3/4 of all others that scatter, and what scatters in benzene is dark."""
    pytest.importorskip("tblite")
    made = modes(molecule(name), tmp_path, calculator="tblite", relax=True, fmax=1e-4)
    activity, ratio = made.columns["raman_activity_A4_u-1"], made.columns["depolarisation_ratio"]
    seen = activity > 1e-3 * activity.max()
    symmetric = seen & (ratio < 0.7)
    assert symmetric.sum() == polarised
    np.testing.assert_allclose(ratio[seen & ~symmetric], 0.75, atol=1e-3)
    if name == "CH4":
        assert ratio[symmetric] < 1e-3
    else:
        intensity = made.columns["ir_intensity_km_mol-1"]
        assert intensity[seen].max() < 1e-3 * intensity.max()


def test_water_as_another_program_has_it(tmp_path: Path) -> None:
    """RHF/cc-pVDZ by PySCFAD, from derivatives that are exact; it states these numbers in its examples."""
    pytest.importorskip("pyscf")
    water = ase.Atoms("OH2", [[0, 0, 0.1157], [0, 0.7488, -0.4629], [0, -0.7488, -0.4629]])
    settings = {"functional": "hf", "basis": "cc-pvdz", "grid": "0"}
    made = modes(water, tmp_path, calculator="pyscf", set=settings, largest_force=1.0)
    np.testing.assert_allclose(made.wavenumbers, [1775.683, 4113.2415, 4211.5568], atol=1.0)
    np.testing.assert_allclose(made.columns["raman_activity_A4_u-1"], [4.78999, 68.87902, 34.78822], rtol=2e-3)
    np.testing.assert_allclose(made.columns["depolarisation_ratio"], [0.52686, 0.17011, 0.75], atol=1e-3)
