"""The symmetries of every network: rotations, reflections, permutations, translations, supercells, batches."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import random_frame, rotation, turned, turned_tensor
from mimyria.frame import Frame
from mimyria.model.model import ResponseModel, tensor_irreps
from mimyria.model.predict import predict_tensors
from mimyria.targets import TARGETS
from networks import assert_same, tensors_of


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), improper=st.booleans())
def test_rotation_and_reflection_turn_the_tensors(model: ResponseModel, seed: int, improper: bool) -> None:
    frame, matrix = random_frame(seed), rotation(seed, improper=improper)
    assert_same(tensors_of(model, turned(frame, matrix)), turned_tensor(tensors_of(model, frame), matrix))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_permutation_permutes(model: ResponseModel, seed: int) -> None:
    frame = random_frame(seed)
    order = np.random.default_rng(seed).permutation(len(frame))
    shuffled = replace(frame, numbers=frame.numbers[order], positions=frame.positions[order])
    assert_same(tensors_of(model, shuffled), tensors_of(model, frame)[order])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_translation_and_wrapping_change_nothing(model: ResponseModel, seed: int) -> None:
    frame, rng = random_frame(seed), np.random.default_rng(seed)
    images = rng.integers(-2, 3, size=(len(frame), 3)) @ frame.cell
    moved = replace(frame, positions=frame.positions + rng.normal(size=3) + images)
    assert_same(tensors_of(model, moved), tensors_of(model, frame))


def test_supercell_repeats_the_tensors(model: ResponseModel) -> None:
    frame = random_frame(3, n_atoms=5, length=4.0)  # smaller than the cutoff
    shifts = np.array([(a, b, c) for a in range(2) for b in range(3) for c in range(1)]) @ frame.cell
    larger = replace(
        frame,
        numbers=np.tile(frame.numbers, len(shifts)),
        positions=np.concatenate([frame.positions + shift for shift in shifts]),
        cell=frame.cell * np.array([[2], [3], [1]]),
    )
    assert_same(tensors_of(model, larger), np.concatenate([tensors_of(model, frame)] * len(shifts)))


def test_frames_in_a_batch_do_not_see_each_other(model: ResponseModel) -> None:
    frames = [random_frame(seed, n_atoms=n) for seed, n in ((0, 4), (1, 9), (2, 6))]
    water = molecule("H2O")
    frames.append(Frame(water.numbers, water.positions, np.zeros((3, 3)), np.zeros(3, dtype=bool)))
    for frame, together in zip(frames, predict_tensors(model, frames), strict=True):
        assert_same(together, tensors_of(model, frame))


def test_tensors_have_the_symmetry_of_the_target(model: ResponseModel) -> None:
    tensors = tensors_of(model, random_frame(5))
    if model.target.order == 2:
        np.testing.assert_allclose(tensors, tensors.swapaxes(1, 2), atol=1e-5 * abs(tensors).max())
    else:
        assert abs(tensors - tensors.swapaxes(1, 2)).max() > 0.01 * abs(tensors).max()


def test_atoms_at_the_cutoff_come_and_go_smoothly(model: ResponseModel) -> None:
    def at(distance: float) -> np.ndarray:
        positions = np.array([[0.0, 0, 0], [0.9, 0.3, 0], [distance, 0, 0]])
        return tensors_of(model, Frame(np.array([8, 1, 6]), positions, np.zeros((3, 3)), np.zeros(3, dtype=bool)))[0]

    assert_same(at(4 - 2e-6), at(4 + 2e-6))
    assert abs(at(2.0) - at(4.1)).max() > 0.01 * abs(at(4.1)).max()


def test_a_lone_atom_has_an_isotropic_tensor(model: ResponseModel) -> None:
    tensor = tensors_of(model, Frame(np.array([8]), np.zeros((1, 3)), np.zeros((3, 3)), np.zeros(3, dtype=bool)))[0]
    expected = tensor[0, 0] * np.eye(3) if model.target.order == 1 else np.zeros((3, 3, 3))
    np.testing.assert_allclose(tensor, expected, atol=1e-6)


@pytest.mark.parametrize(("name", "irreps"), [("apt", "1x0e+1x1e+1x2e"), ("pgt", "2x1o+1x2o+1x3o")])
def test_irreps_of_the_targets(name: str, irreps: str) -> None:
    found, change = tensor_irreps(TARGETS[name])
    assert str(found) == irreps
    flat = change.flatten(1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-6)
