"""Small networks that several tests train, and the contract of all networks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule

from conftest import random_frame, rotation, turned, turned_tensor
from mimyria.frame import Frame
from mimyria.model.architecture import Settings
from mimyria.model.chunks import chunks_of, tensors_in_chunks
from mimyria.model.files import read_model, write_model
from mimyria.model.graph import build_graph
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.model.predict import predict_with_spread
from mimyria.settings import TrainSettings

SPECIES = (1, 6, 8)
FLOAT = 2e-4
"""Rounding of single precision through some twenty products, relative to the largest element."""


def made_model(preset: str, target: str) -> ResponseModel:
    """An untrained network of a preset that knows H, C and O, none of its branches closed."""
    return made_of(replace(PRESETS[preset][target], species=SPECIES, cutoff=4.0))


def made_of(shape: Settings) -> ResponseModel:
    """An untrained network of a shape, for random frames."""
    torch.manual_seed(1)
    made = ResponseModel(shape)
    graphs = [build_graph([random_frame(seed)], SPECIES, shape.cutoff, dtype=made.mean.dtype) for seed in range(3)]
    for network in made.networks:
        network.set_scales([network.geometry(graph) for graph in graphs])
    with torch.no_grad():
        for parameter in made.parameters():
            if not parameter.any():  # the published network starts with a branch closed
                parameter.normal_(0.0, 0.02)
    return made.eval()


def doubled(model: ResponseModel) -> ResponseModel:
    """The same in double precision; a deepcopy changes modules of e3nn."""
    double = ResponseModel(model.settings, len(model.members), model.levels)
    double.load_state_dict(model.state_dict())
    return double.double()


def tensors_of(model: ResponseModel, frame: Frame) -> np.ndarray:
    return predict_with_spread(model, [frame])[0].tensors


def assert_same(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one, other, atol=FLOAT * abs(other).max(), rtol=0)


def assert_derivatives_by_place(model: ResponseModel) -> None:
    """Compare derivatives of a sum of its tensors by the places of atoms with differences."""
    model, frame = doubled(model), random_frame(6)
    along = np.random.default_rng(0).normal(size=(len(frame), 3))
    weights = torch.from_numpy(np.random.default_rng(1).normal(size=(len(frame), *model.target.shape)))

    def component(by: float, moved: torch.Tensor | None = None) -> torch.Tensor:
        displaced = replace(frame, positions=frame.positions + by * along)
        graph = build_graph([displaced], SPECIES, model.settings.cutoff, dtype=torch.float64)
        graph = graph if moved is None else graph.moved(moved[graph.order])
        return (weights * model.tensors(model.geometry(graph))[0]).sum()

    zero = torch.zeros(len(frame), 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(component(0.0, zero), zero)
    with torch.no_grad():
        slope = (component(1e-5) - component(-1e-5)) / 2e-5
    torch.testing.assert_close((gradient * torch.from_numpy(along)).sum(), slope, rtol=1e-5, atol=1e-5)


class NetworkContract:
    """What every network must do; a subclass may have another `model` than those of the presets."""

    @pytest.mark.parametrize("improper", [False, True])
    def test_rotation_and_reflection_turn_the_tensors(self, model: ResponseModel, improper: bool) -> None:
        for seed in range(8):
            frame, matrix = random_frame(seed), rotation(seed, improper=improper)
            assert_same(tensors_of(model, turned(frame, matrix)), turned_tensor(tensors_of(model, frame), matrix))

    def test_permutation_permutes(self, model: ResponseModel) -> None:
        for seed in range(10):
            frame = random_frame(seed)
            order = np.random.default_rng(seed).permutation(len(frame))
            shuffled = replace(frame, numbers=frame.numbers[order], positions=frame.positions[order])
            assert_same(tensors_of(model, shuffled), tensors_of(model, frame)[order])

    def test_translation_and_wrapping_change_nothing(self, model: ResponseModel) -> None:
        for seed in range(10):
            frame, rng = random_frame(seed), np.random.default_rng(seed)
            images = rng.integers(-2, 3, size=(len(frame), 3)) @ frame.cell
            moved = replace(frame, positions=frame.positions + rng.normal(size=3) + images)
            assert_same(tensors_of(model, moved), tensors_of(model, frame))

    def test_supercell_repeats_the_tensors(self, model: ResponseModel) -> None:
        frame = random_frame(3, n_atoms=5, length=4.0)  # smaller than the cutoff
        shifts = np.array([(a, b, c) for a in range(2) for b in range(3) for c in range(1)]) @ frame.cell
        larger = replace(
            frame,
            numbers=np.tile(frame.numbers, len(shifts)),
            positions=np.concatenate([frame.positions + shift for shift in shifts]),
            cell=frame.cell * np.array([[2], [3], [1]]),
        )
        assert_same(tensors_of(model, larger), np.concatenate([tensors_of(model, frame)] * len(shifts)))

    def test_frames_in_a_batch_do_not_see_each_other(self, model: ResponseModel) -> None:
        frames = [random_frame(seed, n_atoms=n) for seed, n in ((0, 4), (1, 9), (2, 6))]
        water = molecule("H2O")
        frames.append(Frame(water.numbers, water.positions, np.zeros((3, 3)), np.zeros(3, dtype=bool)))
        for frame, together in zip(frames, predict_with_spread(model, frames), strict=True):
            assert_same(together.tensors, tensors_of(model, frame))

    def test_tensors_have_the_symmetry_of_the_target(self, model: ResponseModel) -> None:
        tensors = tensors_of(model, random_frame(5))
        for first in range(1, model.target.order):
            np.testing.assert_allclose(tensors, tensors.swapaxes(first, first + 1), atol=1e-5 * abs(tensors).max())
        assert abs(tensors - tensors.swapaxes(-2, -1)).max() > 0.01 * abs(tensors).max()

    def test_atoms_at_the_cutoff_come_and_go_smoothly(self, model: ResponseModel) -> None:
        def at(distance: float) -> np.ndarray:
            positions = np.array([[0.0, 0, 0], [-1.7, 0.6, 0], [distance, 0, 0]])
            frame = Frame(np.array([8, 1, 6]), positions, np.zeros((3, 3)), np.zeros(3, dtype=bool))
            return tensors_of(model, frame)[0]

        assert_same(at(4 - 2e-6), at(4 + 2e-6))
        assert abs(at(2.0) - at(4.1)).max() > 0.01 * abs(at(4.1)).max()

    def test_a_lone_atom_has_an_isotropic_tensor(self, model: ResponseModel) -> None:
        tensor = tensors_of(model, Frame(np.array([8]), np.zeros((1, 3)), np.zeros((3, 3)), np.zeros(3, dtype=bool)))[0]
        pairs = np.einsum("ab,cx->abcx", np.eye(3), np.eye(3))
        triple = (pairs + pairs.swapaxes(0, 2) + pairs.swapaxes(1, 2)) / 3
        isotropic = {1: np.eye(3), 2: np.zeros((3, 3, 3)), 3: triple}[model.target.order]
        expected = tensor.ravel()[0] * isotropic
        np.testing.assert_allclose(tensor, expected, atol=1e-6)

    def test_its_geometry_serves_all_weights(self, model: ResponseModel) -> None:
        graph = build_graph([random_frame(3)], SPECIES, model.settings.cutoff, dtype=model.mean.dtype)
        geometry = ResponseModel(model.settings).geometry(graph)
        assert geometry.graph is graph
        assert geometry.nbytes > 0
        assert_same(model.tensors(geometry)[0].detach().numpy(), tensors_of(model, random_frame(3)))

    def test_its_steps_one_after_the_other_are_the_whole(self, model: ResponseModel) -> None:
        graph = build_graph([random_frame(4)], SPECIES, model.settings.cutoff, dtype=model.mean.dtype)
        own, sent, (network,) = None, None, model.networks
        with torch.inference_mode():
            for number in range(network.steps):
                told = None if sent is None else network.gathered(sent)
                own, sent = network.step(number, network.geometry(graph, number), own, told)
            assert_same(own.numpy(), network(network.geometry(graph)).numpy())

    def test_chunks_of_the_atoms_give_the_whole(self, model: ResponseModel) -> None:
        frame = random_frame(4)
        with torch.inference_mode():
            chunks = chunks_of([frame], SPECIES, model.settings.cutoff, 20, model.mean)
            assert len(chunks) > 1
            (tensors,) = tensors_in_chunks([model], chunks)[0].numpy()
        assert_same(tensors, tensors_of(model, frame))

    def test_every_weight_can_be_trained(self, model: ResponseModel) -> None:
        graph = build_graph([random_frame(2)], SPECIES, model.settings.cutoff, dtype=model.mean.dtype)
        model(model.geometry(graph)).square().sum().backward()
        gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
        model.zero_grad()
        assert [name for name, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()] == []

    def test_its_derivatives_by_the_places_of_atoms_are_right(self, model: ResponseModel) -> None:
        assert_derivatives_by_place(model)

    def test_a_file_keeps_it(self, model: ResponseModel, tmp_path: Path) -> None:
        write_model(tmp_path / "m.mym", model, {"note": 1})
        again = read_model(tmp_path / "m.mym", model.target.name)
        assert again.settings == model.settings
        assert again.summary["note"] == 1
        assert again.mean.dtype == model.mean.dtype
        np.testing.assert_array_equal(tensors_of(again, random_frame(1)), tensors_of(model, random_frame(1)))

    @pytest.mark.parametrize("device", ["cuda", "mps"])
    def test_devices_agree(self, model: ResponseModel, tmp_path: Path, device: str) -> None:
        if not getattr(torch, device).is_available():
            pytest.skip(f"this machine has no {device}")
        write_model(tmp_path / "m.mym", model, {})
        moved = read_model(tmp_path / "m.mym", device=device)
        assert_same(tensors_of(moved, random_frame(1)), tensors_of(model, random_frame(1)))


def quick(name: str, **changes: object) -> TrainSettings:
    return replace(TrainSettings(target=name, preset="small", epochs=4), **changes)  # type: ignore[arg-type]


def stopping(at: float = 0.0) -> Callable[[float, dict[str, float]], None]:
    """A report of progress that presses Ctrl-C when a fraction of the training is done."""

    def stop(fraction: float, line: dict[str, float]) -> None:
        if fraction >= at:
            raise KeyboardInterrupt

    return stop
