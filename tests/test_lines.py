"""Infrared intensities and Raman activities of modes: symmetry, sum rules, and known molecules in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from test_harmonic_modes import frame_of, sprung

from conftest import turned, turned_tensor
from mimyria.frame import Array, Frame
from mimyria.harmonic.lines import lines_of
from mimyria.harmonic.modes import normal_modes
from mimyria.units import BOHR, INTENSITY


def bond_tensors(frame: Frame, charge: float = 0.3) -> dict[str, Array]:
    """Tensors of bonds to the first atom: a dipole charge·b, and a polarizability that grows with it, b b/|b| + |b|/3.

    They have the symmetry of the molecule, and vanish when all atoms move together.
    """
    n = len(frame)
    apt, pgt = np.zeros((n, 3, 3)), np.zeros((n, 3, 3, 3))
    for end in range(1, n):
        bond = frame.positions[end] - frame.positions[0]
        length = np.linalg.norm(bond)
        e = bond / length
        slope = np.einsum("ax,b->abx", np.eye(3), e) + np.einsum("bx,a->abx", np.eye(3), e)
        slope += np.einsum("a,b,x->abx", -e, e, e) + np.eye(3)[:, :, None] * e / 3
        for atom, sign in ((0, -1), (end, 1)):
            apt[atom] += sign * charge * np.eye(3)
            pgt[atom] += sign * slope
    return {"apt": apt, "pgt": pgt}


@pytest.mark.parametrize("name", ["CO2", "CH4"])
def test_symmetry(name: str) -> None:
    """ρ is 3/4 but for the totally symmetric mode; CO2's modes are either infrared or Raman; degenerate ones equal."""
    frame = frame_of(name)
    # angles need springs of their own, which those between all pairs are
    modes = normal_modes(frame, sprung(frame) + (bending(frame) if name == "CO2" else 0))
    lines = lines_of(modes, bond_tensors(frame))
    assert lines.intensity is not None
    assert lines.activity is not None
    assert lines.depolarisation_ratio is not None
    infrared, raman, ratio = lines.intensity, lines.activity, lines.depolarisation_ratio
    active = raman > 1e-6 * raman.max()
    symmetric = lines.isotropic > 1e-6 * lines.isotropic.max()
    assert symmetric.sum() == 1
    np.testing.assert_allclose(ratio[active & ~symmetric], 0.75, atol=1e-9)
    assert ((ratio[active] >= 0) & (ratio[active] <= 0.75 + 1e-9)).all()
    if name == "CO2":
        assert not (active & (infrared > 1e-6 * infrared.max())).any()
    for k, j in zip(*np.nonzero(np.triu(abs(modes.wavenumbers[:, None] - modes.wavenumbers) < 1e-3, 1)), strict=True):
        assert infrared[k] == pytest.approx(infrared[j], abs=1e-6)
        assert raman[k] == pytest.approx(raman[j], abs=1e-6)


def bending(frame: Frame, constant: float = 3.0) -> Array:
    """The Hessian of a stiff line: ½ k (r1 + r2 - 2 r0)² across it."""
    along = frame.positions[1] - frame.positions[2]
    across = np.eye(3) - np.outer(along, along) / (along @ along)
    weights = np.array([-2.0, 1.0, 1.0])
    return constant * np.einsum("n,m,xy->nxmy", weights, weights, across).reshape(9, 9)


def test_intensities_add_up_to_what_the_tensors_alone_tell() -> None:
    """Σ_k |∂M/∂Q_k|² over modes and rigid motions is Σ_n |P_n|²/m_n."""
    frame = frame_of("CH3OH")
    tensors = {"apt": np.random.default_rng(0).normal(size=(6, 3, 3))}
    modes = normal_modes(frame, sprung(frame))
    lines = lines_of(modes, tensors)
    assert lines.intensity is not None
    from mimyria.harmonic.modes import rigid_motions

    rigid = rigid_motions(frame, np.zeros(6, dtype=bool)) / np.sqrt(modes.masses)[:, None]
    of_rigid = (np.einsum("nax,knx->ka", tensors["apt"], rigid) ** 2).sum()
    whole = (tensors["apt"] ** 2).sum(axis=(1, 2)) @ (1 / modes.masses)
    assert lines.intensity.sum() + INTENSITY * of_rigid == pytest.approx(INTENSITY * whole)


def test_turning_a_molecule_turns_no_intensity() -> None:
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    frame = frame_of("CH3OH")
    tensors = bond_tensors(frame)
    lines = lines_of(normal_modes(frame, sprung(frame)), tensors)
    other = turned(frame, rotation)
    after = lines_of(
        normal_modes(other, sprung(other)), {name: turned_tensor(tensor, rotation) for name, tensor in tensors.items()}
    )
    for name in ("intensity", "activity", "depolarisation_ratio"):
        np.testing.assert_allclose(getattr(after, name), getattr(lines, name), rtol=1e-6, atol=1e-7)


def test_units() -> None:
    """974.88 km/mol of e²/u, and 45·(a0³/Å)² of an isotropic α' of one atomic unit over Å and u^½."""
    frame = frame_of("N2")
    modes = normal_modes(frame, sprung(frame))
    along = modes.displacements[0, 0] / np.linalg.norm(modes.displacements[0, 0])
    apt = np.zeros((2, 3, 3))
    apt[0, 2], apt[1, 2] = along, -along
    pgt = np.einsum("ab,nx->nabx", np.eye(3), apt[:, 2])
    lines = lines_of(modes, {"apt": apt, "pgt": pgt})
    slope = 2 * np.linalg.norm(modes.displacements[0, 0])
    assert lines.intensity == pytest.approx([974.8801 * slope**2])
    assert lines.activity == pytest.approx([45 * (BOHR**3 * slope) ** 2])
    assert lines.depolarisation_ratio == pytest.approx([0.0])


def test_without_tensors_there_are_no_lines() -> None:
    frame = frame_of("N2")
    lines = lines_of(normal_modes(frame, sprung(frame)), {})
    assert lines.intensity is lines.activity is lines.depolarisation_ratio is None
