"""What atoms hear of all others: potentials of charges and dipoles, and their derivatives."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import random_frame
from mimyria.frame import Frame
from mimyria.model.graph import build_graph
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.model.waves import Reach
from mimyria.model.whole_box import parts_of, potential_of
from networks import SPECIES, made_of, tensors_of

WIDTHS, SCREENING = (0.5, 0.8), 0.3
STEP = 1e-3


def heard(frame: Frame, multipoles: Tensor) -> Tensor:
    """Return the potentials (harmonics, n, channels) of multipoles (n, lm, channels), atoms in the frame's order."""
    graph = build_graph([frame], SPECIES, 3.0, dtype=torch.float64)
    (part,) = parts_of(graph, Reach(multipoles.shape[2], WIDTHS, SCREENING, 3))
    return part.heard(potential_of([(part, multipoles)])).transpose(0, 1)


def charges(frame: Frame, seed: int = 0) -> Tensor:
    """Return charges of two channels on all atoms but the first, which hears alone."""
    made = torch.zeros(len(frame), 4, 2, dtype=torch.float64)
    made[1:, 0] = torch.randn(len(frame) - 1, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return made


def moved(frame: Frame, atom: int, by: np.ndarray) -> Frame:
    positions = frame.positions.copy()
    positions[atom] += by
    return replace(frame, positions=positions)


@pytest.mark.parametrize("periodic", [True, False])
def test_higher_harmonics_are_derivatives_of_the_potential(periodic: bool) -> None:
    frame = random_frame(2)
    frame = frame if periodic else replace(frame, cell=np.zeros((3, 3)), periodic=np.zeros(3, dtype=bool))
    sources = charges(frame)

    def at(by: np.ndarray) -> Tensor:
        return heard(moved(frame, 0, STEP * by), sources)[0, 0]

    here, axes = heard(frame, sources)[:, 0], np.eye(3)
    for axis in range(3):
        slope = (at(axes[axis]) - at(-axes[axis])) / (2 * STEP)
        torch.testing.assert_close(here[1 + axis], math.sqrt(3) * slope, atol=1e-5, rtol=1e-4)
    bends = torch.stack([(at(axis) + at(-axis) - 2 * at(0 * axis)) / STEP**2 for axis in axes])
    polar = math.sqrt(5) / 2 * (3 * bends[1] - bends.sum(0))  # Y_20 of e3nn's axes
    torch.testing.assert_close(here[6], polar, atol=1e-4, rtol=1e-3)


def test_a_dipole_is_two_charges() -> None:
    frame, atom, direction = random_frame(1), 2, np.array([0.3, -0.5, 0.8])
    dipole = torch.zeros(len(frame), 4, 2, dtype=torch.float64)
    dipole[atom, 1:] = torch.from_numpy(direction / math.sqrt(3))[:, None]
    charge = torch.zeros_like(dipole)
    charge[atom, 0] = 1 / (2 * STEP)
    both = heard(moved(frame, atom, STEP * direction), charge) - heard(moved(frame, atom, -STEP * direction), charge)
    others = [index for index in range(len(frame)) if index != atom]
    torch.testing.assert_close(heard(frame, dipole)[:, others], both[:, others], atol=1e-4, rtol=1e-3)


def test_channels_have_the_widths_by_turns() -> None:
    frame = random_frame(3)
    made = heard(frame, charges(frame)[..., :1].expand(-1, -1, 4))
    torch.testing.assert_close(made[..., 0], made[..., 2])
    torch.testing.assert_close(made[..., 1], made[..., 3])
    assert abs(made[..., 0] - made[..., 1]).max() > 0.01


def shape_of(far_channels: int) -> object:
    shape = replace(PRESETS["small"]["pgt"], species=SPECIES, cutoff=4.0)
    return replace(shape, far_channels=far_channels, far_widths=WIDTHS, far_screening=SCREENING)


def test_an_atom_beyond_all_cutoffs_is_heard() -> None:
    """Two pairs in a box, the second turned: without waves the first does not notice."""
    positions = np.array([[0.0, 0, 0], [0.9, 0, 0], [0, 0, 9.0], [0, 0.9, 9.0]])
    frame = Frame(np.array([8, 1, 8, 1]), positions, 40.0 * np.eye(3), np.ones(3, dtype=bool))
    turned = moved(frame, 3, np.array([0.0, -1.8, 0.5]))
    for far_channels, notices in ((0, False), (4, True)):
        model = made_of(shape_of(far_channels))  # type: ignore[arg-type]
        change = abs(tensors_of(model, frame) - tensors_of(model, turned))[:2].max()
        assert bool(change > 1e-6) is notices


def test_what_is_heard_is_of_order_one_and_stays_once_it_is_set() -> None:
    model = made_of(shape_of(4))  # type: ignore[arg-type]
    (network,) = model.networks
    graph = build_graph([random_frame(seed) for seed in range(3)], SPECIES, 4.0)
    scales = [far.scale.clone() for far in network.far]  # type: ignore[attr-defined]
    assert all(bool((scale > 0).all()) for scale in scales)
    network.set_scales([network.geometry(graph)], trained=True)
    for far, scale in zip(network.far, scales, strict=True):  # type: ignore[attr-defined]
        torch.testing.assert_close(far.scale, scale)
        far.scale.zero_()
    network.set_scales([network.geometry(graph)], trained=True)
    with torch.no_grad():
        for number, far in enumerate(network.far):  # type: ignore[attr-defined]
            potentials = far.scale * network._far_potentials(number, [network.geometry(graph)])  # type: ignore[attr-defined]
            for degree in range(4):
                size = potentials[degree**2 : (degree + 1) ** 2].square().mean().sqrt()
                assert float(size) == pytest.approx(1.0, rel=0.05)


def test_what_nothing_is_heard_of_is_left_as_it_is() -> None:
    """Atoms that are alone have no features: else what others hear would be a million times too large."""
    model = made_of(shape_of(4))  # type: ignore[arg-type]
    (network,) = model.networks
    alone = Frame(np.array([8]), np.zeros((1, 3)), np.zeros((3, 3)), np.zeros(3, dtype=bool))
    far = network.far[0]  # type: ignore[attr-defined]
    far.scale.zero_()
    network.set_scales([network.geometry(build_graph([alone], SPECIES, 4.0))], trained=True)
    assert bool((far.scale == 1).all())


def test_a_network_without_it_has_no_weights_of_it() -> None:
    assert not [
        name
        for name in ResponseModel(replace(PRESETS["large"]["pgt"], species=SPECIES)).state_dict()
        if ".far." in name
    ]
