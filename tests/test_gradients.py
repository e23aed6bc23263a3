"""What pairs of labels tell besides: which frames are pairs, whose gradients they are, and that networks learn them."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import random_frame
from mimyria.errors import Interrupted
from mimyria.frame import Frame
from mimyria.level import UNKNOWN, Level
from mimyria.model.files import read_model
from mimyria.model.model import ResponseModel
from mimyria.training.gradients import GradientLabels, gradient_labels, gradient_of, groups_of, pairs_of
from mimyria.training.history import history_of, read_history, write_history
from mimyria.training.labelled import split
from mimyria.training.train import train
from networks import made_model, quick, stopping, tensors_of

ATOM = 4


def response(positions: torch.Tensor, order: int) -> torch.Tensor:
    """A dipole or polarizability of the places of atoms, whose derivative by them is a response tensor."""
    vectors = positions[:, None] - positions
    weight = torch.exp(-vectors.square().sum(-1)) * torch.arange(len(positions))[:, None]
    return torch.einsum("ij,ija->a" if order == 1 else "ij,ija,ijb->ab", weight, *order * [vectors])


def made_label(frame: Frame, order: int) -> Frame:
    positions = torch.from_numpy(frame.positions)
    by_place = torch.autograd.functional.jacobian(lambda r: response(r, order), positions)  # (fields, n, 3)
    tensors = by_place.movedim(-2, 0).numpy()
    return replace(frame, tensors={{1: "apt", 2: "pgt"}[order]: tensors})


def displaced(frame: Frame, by: float, atom: int = ATOM, seed: int = 0) -> Frame:
    positions = frame.positions.copy()
    step = np.random.default_rng(seed).normal(size=3)
    positions[atom] += by * step / np.linalg.norm(step)
    return replace(frame, positions=positions)


def pairs(frames: list[Frame]) -> list[tuple[int, int, int]]:
    return [(pair.first, pair.second, pair.atom) for pair in pairs_of(frames)]


def test_pairs_are_of_frames_that_differ_in_the_place_of_one_atom() -> None:
    frame, other = random_frame(0), random_frame(1)
    for atom in (0, ATOM, 8):
        assert pairs([other, frame, displaced(frame, 0.1, atom)]) == [(1, 2, atom)]
    assert pairs([frame, displaced(frame, 0.1), displaced(frame, -0.1)]) == [(0, 1, 4), (0, 2, 4), (1, 2, 4)]
    for no_pair in (
        other,
        frame,
        displaced(frame, 0.002),
        displaced(frame, 0.6),
        displaced(displaced(frame, 0.1), 0.1, atom=0),
        replace(displaced(frame, 0.1), cell=1.001 * frame.cell),
        replace(displaced(frame, 0.1), numbers=frame.numbers[::-1]),
        replace(displaced(frame, 0.1), info=Level("a", "PBE", "def2-svp").header),
    ):
        assert pairs([frame, no_pair]) == []
    noise = replace(frame, positions=frame.positions + 1e-7)  # of a file of fewer digits
    assert pairs([frame, displaced(noise, 0.1)]) == [(0, 1, 4)]


@pytest.mark.parametrize("order", [1, 2])
def test_what_a_displacement_changes_is_the_gradient_of_the_atom_s_own_tensor(order: int) -> None:
    frame = random_frame(3)
    name = {1: "apt", 2: "pgt"}[order]
    first, second = made_label(frame, order), made_label(displaced(frame, 0.01), order)
    (label,) = gradient_labels([first, second], ResponseModel(made_model("small", name).settings))
    assert (label.atom, label.species) == (ATOM, int(frame.numbers[ATOM]))

    def own(positions: torch.Tensor) -> torch.Tensor:
        by_place = torch.autograd.functional.jacobian(lambda r: response(r, order), positions, create_graph=True)
        return by_place.select(-2, ATOM) @ torch.from_numpy(label.direction)  # (fields)

    expected = torch.autograd.functional.jacobian(own, torch.from_numpy(label.frame.positions))
    np.testing.assert_allclose(label.rates, expected.movedim(-2, 0), atol=2e-4 * abs(expected).max())


def test_pairs_without_rates_teach_nothing() -> None:
    first = made_label(random_frame(3), 2)
    model = made_model("small", "pgt")
    second = replace(displaced(first, 0.1), tensors=first.tensors)
    assert gradient_labels([first, second], model) == []
    pgt = first.tensors["pgt"].copy()
    pgt[:] = np.nan
    assert gradient_labels([first, replace(second, tensors={"pgt": pgt})], model) == []


@pytest.fixture(scope="module")
def made() -> list[Frame]:
    """Labels of five frames, and of the same with an atom displaced."""
    frames = [random_frame(seed) for seed in range(5)]
    return [made_label(frame, 2) for frame in [*frames, *(displaced(f, 0.1, seed=k) for k, f in enumerate(frames))]]


def mean_loss(labels: GradientLabels, model: ResponseModel) -> float:
    generator = torch.Generator().manual_seed(0)
    return float(np.mean([labels.loss(model, generator).item() for _ in range(100)]))


def test_the_loss_is_that_of_the_gradients(made: list[Frame]) -> None:
    model = made_model("small", "pgt")
    every = gradient_labels(made, model)
    assert len(every) == 5
    ones = [replace(label, rates=0 * label.rates + 1.0) for label in every]
    loss = mean_loss(GradientLabels(ones, 1.0), model)

    squares = []
    for label in every:
        for a in range(3):
            for b in range(3):
                c = torch.zeros(3, 3, dtype=torch.float64)
                c[a, b] = 1.0
                squares.append((gradient_of(model, label, c) - 1.0).square().mean().item())
    assert loss == pytest.approx(np.mean(squares), rel=0.3)
    assert mean_loss(GradientLabels(ones, 0.5), model) == pytest.approx(loss / 2)


def test_atoms_count_by_the_size_of_their_rates(made: list[Frame]) -> None:
    (label, *_) = gradient_labels(made, made_model("small", "pgt"))
    rates = np.ones_like(label.rates)
    rates[1] *= 4.0
    rates[2] *= 1e-6
    rates[3, 0, 0, 0] = np.nan
    label = replace(label, rates=rates)
    expected = np.ones(9)
    expected[[1, 2, 3]] = 1 / 4, 1 / 0.04, 0.0
    np.testing.assert_allclose(label.weights / label.weights[0], expected)
    assert label.size == pytest.approx(27**0.5 * (6 + 4 + 1e-12 / 0.04))


def test_networks_learn_the_gradients(made: list[Frame], tmp_path: Path) -> None:
    def error(name: str, weight: float) -> float:
        train(made, quick("pgt", validation=0.0, epochs=60, gradient_weight=weight), tmp_path / name)
        model = read_model(tmp_path / name)
        return mean_loss(GradientLabels(gradient_labels(made, model), 1.0), model) ** 0.5

    assert error("with", 0.3) < 0.7 * error("without", 0.0)
    assert read_model(tmp_path / "with").summary["gradient_labels"] == 5
    assert "gradient_labels" not in read_model(tmp_path / "without").summary
    (lines,), (bare,) = (read_history(history_of(tmp_path / name)) for name in ("with", "without"))
    assert lines[-1]["gradients"] < 0.7 * lines[0]["gradients"]
    assert "gradients" not in bare[0]


def test_a_training_with_pairs_resumes_to_the_same_bits(made: list[Frame], tmp_path: Path) -> None:
    settings = quick("pgt", validation=0.0)
    train(made, settings, tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(made, settings, tmp_path / "parts", on_progress=stopping(0.5))
    train(made, settings, tmp_path / "parts", resume=True)
    whole, parts = (tensors_of(read_model(tmp_path / name), made[0]) for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole, parts)


def test_histories_that_began_without_gradients_go_on(tmp_path: Path) -> None:
    write_history(tmp_path / "h.csv", [[{"epoch": 1}, {"epoch": 2, "gradients": 0.5}]])
    ((first, second),) = read_history(tmp_path / "h.csv")
    assert math.isnan(first["gradients"])
    assert second == {"epoch": 2, "gradients": 0.5}


def test_frames_of_a_pair_are_held_out_together(made: list[Frame]) -> None:
    assert groups_of(made) == [*range(5), *range(5)]
    for seed in range(6):
        training, held_out = split(made, (UNKNOWN,), quick("pgt", validation=0.2, seed=seed))
        assert len(training) + len(held_out) == 10
        assert held_out
        assert groups_of([*training, *held_out])[: len(training)] == groups_of(training)
        assert not {*groups_of([*training, *held_out])[len(training) :]} & {*range(len(training))}
    training, held_out = split([made[0], made[5]], (UNKNOWN,), quick("pgt"))
    assert (len(training), len(held_out)) == (2, 0)  # all of it is one group
