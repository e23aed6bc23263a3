"""The mesh: what it gives is what all waves give, of any box."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from torch import Tensor

from conftest import random_frame
from mimyria.frame import Frame
from mimyria.model.mesh import ORDER, Mesh, mesh_in, powers_of, spline_pieces
from mimyria.model.waves import Reach, Waves, in_box, waves_of, with_space

REACH, LIKE = Reach(3, (0.5, 0.8), 0.3, 3), torch.empty(0, dtype=torch.float64)


def waves_and_mesh(frame: Frame) -> tuple[Waves, Mesh]:
    lattice = with_space(frame)
    return waves_of(*in_box(lattice, REACH.longest), REACH, LIKE), mesh_in(lattice, REACH, LIKE)


def heard(box: Waves | Mesh, frame: Frame, sent: Tensor) -> Tensor:
    basis = box.basis(torch.from_numpy(frame.positions))
    return box.heard(box.potential([(basis, sent)]), basis)  # type: ignore[arg-type,list-item]


@pytest.mark.parametrize("l_max", [0, 1])
@pytest.mark.parametrize("periodic", [(True, True, True), (True, True, False), (False, True, False)])
def test_it_gives_what_all_waves_give(periodic: tuple[bool, bool, bool], l_max: int) -> None:
    """Of charges alone, and with dipoles; the higher a derivative, the more it has of the shortest waves."""
    for seed in range(3):
        frame = replace(random_frame(seed), periodic=np.array(periodic))
        sent = torch.randn(len(frame), (l_max + 1) ** 2, 3, generator=torch.Generator().manual_seed(seed)).double()
        expected, found = (heard(box, frame, sent) for box in waves_and_mesh(frame))
        for degree, least in enumerate((1e-5, 1e-4, 1e-3, 1e-2)):
            own = slice(degree**2, (degree + 1) ** 2)
            assert (found - expected)[:, own].abs().max() < least * expected[:, own].square().mean().sqrt()


def test_atoms_in_any_blocks_and_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = random_frame(1)
    sent = torch.ones(len(frame), 4, 3).double()
    _, mesh = waves_and_mesh(frame)
    whole = heard(mesh, frame, sent)
    monkeypatch.setattr("mimyria.model.mesh.NUMBERS", 1)
    images = np.random.default_rng(0).integers(-2, 3, size=(len(frame), 3)) @ frame.cell
    torch.testing.assert_close(heard(mesh, replace(frame, positions=frame.positions + images), sent), whole)


def test_gradients_are_those_of_the_waves() -> None:
    """A network may be trained on large boxes."""
    frame = random_frame(2)
    gradients = []
    for box in waves_and_mesh(frame):
        sent = torch.ones(len(frame), 4, 3).double().requires_grad_()
        heard(box, frame, sent).square().sum().backward()  # type: ignore[no-untyped-call]
        assert sent.grad is not None
        gradients.append(sent.grad)
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3 * float(gradients[0].abs().max()))


def test_pieces_of_splines_are_scipys() -> None:
    for order in (2, 5, ORDER):
        pieces, spline = spline_pieces(order), BSpline.basis_element(np.arange(order + 1.0))
        for j, piece in enumerate(pieces):
            for step in (0.0, 0.3, 0.9):
                assert np.polynomial.polynomial.polyval(step, piece) == pytest.approx(
                    float(spline(j + step)), abs=1e-12
                )


def test_powers_up_to_a_degree() -> None:
    assert powers_of(1) == [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    assert [len(powers_of(degree)) for degree in range(4)] == [1, 4, 10, 20]
