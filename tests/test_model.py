"""Symmetries of the networks, neighbour lists against ASE, training, files."""

import json
import time
from collections import Counter
from copy import deepcopy
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list
from e3nn import o3
from e3nn.math import soft_one_hot_linspace
from e3nn.nn.models.v2106.gate_points_message_passing import MessagePassing
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import random_frame, rotation, turned, turned_tensor
from mimyria.elements import symbols_of
from mimyria.errors import ConfigError, Interrupted, LabelError, ModelError
from mimyria.figures.training import plot_history, plot_parity
from mimyria.frame import Frame
from mimyria.model import predict as prediction
from mimyria.model.batches import make_data
from mimyria.model.files import choose_device, read_model, write_model
from mimyria.model.graph import Graph, build_graph
from mimyria.model.model import PRESETS, ResponseModel, tensor_irreps
from mimyria.model.network import Network, harmonics, radial_functions, sphere
from mimyria.model.original import read_original
from mimyria.model.predict import predict, predict_all, predict_tensors, predict_with_spread
from mimyria.model.published import PublishedNetwork, PublishedSettings
from mimyria.neighbours import neighbour_pairs
from mimyria.targets import TARGETS
from mimyria.training.evaluate import Comparison, calibration, compare_with_labels, evaluate
from mimyria.training.history import history_of, read_history
from mimyria.training.train import TrainSettings, train

SPECIES = (1, 6, 8)
FLOAT = 2e-4
"""Rounding of single precision through some twenty products, relative to the largest element."""


@pytest.fixture(
    scope="module",
    params=[(preset, target) for preset in ("default", "published") for target in TARGETS],
    ids=lambda pair: " ".join(pair),
)
def model(request: pytest.FixtureRequest) -> ResponseModel:
    preset, target = request.param
    torch.manual_seed(1)
    made = ResponseModel(replace(PRESETS[preset][target], species=SPECIES, cutoff=4.0))
    with torch.no_grad():
        for network in made.members:
            if isinstance(network, Network):
                network.density_scale.fill_(3.0)
                network.message_scale.fill_(0.02)
            for name, parameter in network.named_parameters():  # the published one starts with this branch closed
                if "alpha" in name:
                    parameter.normal_(0.0, 0.02)
    return made.eval()


def tensors_of(model: ResponseModel, frame: Frame) -> np.ndarray:
    return predict_tensors(model, [frame])[0]


def assert_same(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one, other, atol=FLOAT * abs(other).max(), rtol=0)


# --- symmetries ---------------------------------------------------------------------------------


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


# --- neighbours ---------------------------------------------------------------------------------


def pairs_of(i: np.ndarray, j: np.ndarray, vectors: np.ndarray) -> Counter[tuple[float, ...]]:
    return Counter((int(a), int(b), *np.round(v + 1e-9, 5)) for a, b, v in zip(i, j, vectors, strict=True))


TRICLINIC = Atoms("NaCl", [[0, 0, 0], [1.1, 1.3, 0.9]], cell=[[3, 0, 0], [1.2, 2.8, 0], [-0.7, 0.9, 3.1]], pbc=True)
TINY = bulk("Cu", "fcc", a=2.2)
SLAB = Atoms("OH2", [[0, 0, 0.1], [0.9, 0, 0], [0, 0.9, 0]], cell=[3.5, 3.0, 9.0], pbc=[True, True, False])
LONG = Atoms("CO", [[0, 0, 0], [0, 0, 1.1]], cell=[[20, 0, 0], [15, 2.1, 0], [0, 0, 30]], pbc=True)


@pytest.mark.parametrize("atoms", [molecule("CH3CH2OH"), TRICLINIC, TINY, SLAB, LONG, Atoms("Ar")])
@pytest.mark.parametrize("cutoff", [1.5, 5.0])
def test_neighbours_are_those_of_ase(atoms: Atoms, cutoff: float) -> None:
    frame = Frame(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)
    assert pairs_of(*neighbour_pairs(frame, cutoff)) == pairs_of(*neighbor_list("ijD", atoms, cutoff))


def test_graph_keeps_every_pair_and_sorts_by_species() -> None:
    frame = random_frame(7)
    i, _, vectors = neighbour_pairs(frame, 4.0)
    graph = build_graph([frame], SPECIES, 4.0, dtype=torch.float64)
    real = graph.vectors.norm(dim=-1) < 4.0
    assert int(real.sum()) == len(i)
    assert sorted(graph.vectors[real].norm(dim=-1).tolist()) == pytest.approx(sorted(np.linalg.norm(vectors, axis=1)))
    for number, places in zip(SPECIES, graph.slices, strict=True):
        assert set(frame.numbers[graph.order[places]]) == {number}


def test_unknown_species_is_named() -> None:
    with pytest.raises(ModelError, match=r"does not know C; it was trained on H, O"):
        build_graph([random_frame(0)], (1, 8), 4.0)


# --- parts of the network -----------------------------------------------------------------------


def test_lebedev_rule_is_exact_for_the_products_taken() -> None:
    values, weights = sphere(6)
    np.testing.assert_allclose(torch.einsum("p,pa,pb->ab", weights, values, values), np.eye(16), atol=1e-12)


def test_radial_functions_vanish_smoothly() -> None:
    distances = torch.tensor([4.999, 5.0, 5.001, 7.0], dtype=torch.float64)
    values = radial_functions(distances, 5.0, 8, 14)
    assert values[0].abs().max() < 1e-6
    assert values[1:].abs().max() < 1e-12
    assert torch.isfinite(harmonics(torch.randn(5, 3, dtype=torch.float64))).all()


@pytest.mark.parametrize(("name", "irreps"), [("apt", "1x0e+1x1e+1x2e"), ("pgt", "2x1o+1x2o+1x3o")])
def test_irreps_of_the_targets(name: str, irreps: str) -> None:
    found, change = tensor_irreps(TARGETS[name])
    assert str(found) == irreps
    flat = change.flatten(1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-6)


# --- training -----------------------------------------------------------------------------------


def quick(name: str, **changes: object) -> TrainSettings:
    return replace(TrainSettings(name, preset="small", epochs=4), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list(TARGETS))
def test_training_learns_and_generalises(labels: list[Frame], tmp_path: Path, name: str) -> None:
    summary = train(labels[:8], quick(name, epochs=25), tmp_path / "m.mym")
    report = evaluate(compare_with_labels(read_model(tmp_path / "m.mym"), labels[8:], "labels"))
    assert summary["training_frames"] == 7
    assert summary["validation_frames"] == 1
    assert report["relative_rmse"] < 0.4
    assert report["r2"] == pytest.approx(1 - report["relative_rmse"] ** 2)
    assert set(report["species"]) == {"H", "O"}


def test_the_same_seed_gives_the_same_model(labels: list[Frame], tmp_path: Path) -> None:
    frames = labels[:4]
    for name in ("a", "b"):
        train(frames, quick("apt"), tmp_path / name)
    one, other = (read_model(tmp_path / name) for name in ("a", "b"))
    assert_same(tensors_of(one, frames[0]), tensors_of(other, frames[0]))
    train(frames, quick("apt", seed=1), tmp_path / "c")
    assert abs(tensors_of(read_model(tmp_path / "c"), frames[0]) - tensors_of(one, frames[0])).max() > 1e-4


def test_interrupted_and_resumed_is_the_same_as_in_one_go(labels: list[Frame], tmp_path: Path) -> None:
    frames = labels[:4]
    train(frames, quick("apt"), tmp_path / "whole")

    def stop(fraction: float, line: dict[str, float]) -> None:
        if fraction >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"stopped after 2 epochs.*--resume"):
        train(frames, quick("apt"), tmp_path / "parts", report=stop)
    usable = tensors_of(read_model(tmp_path / "parts"), frames[0])
    assert np.isfinite(usable).all()
    summary = train(frames, quick("apt"), tmp_path / "parts", resume=True)
    assert summary["epochs"] == 4
    whole, parts = (tensors_of(read_model(tmp_path / name), frames[0]) for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole, parts)
    assert not (tmp_path / "parts.checkpoint").exists()


def test_resume_refuses_another_training(labels: list[Frame], tmp_path: Path) -> None:
    def stop(fraction: float, line: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train(labels[:3], quick("apt"), tmp_path / "m", report=stop)
    with pytest.raises(ModelError, match=r"belongs to another training: its seed is 0, now it is 5"):
        train(labels[:3], quick("apt", seed=5), tmp_path / "m", resume=True)
    with pytest.raises(ModelError, match="its data is"):
        train(labels[1:4], quick("apt"), tmp_path / "m", resume=True)
    with pytest.raises(ModelError, match="does not exist"):
        train(labels[:3], quick("apt"), tmp_path / "other", resume=True)


def test_time_limit_is_kept(labels: list[Frame], tmp_path: Path) -> None:
    summary = train(labels[:4], quick("apt", epochs=None, time_limit=0.03), tmp_path / "m")
    assert 1.8 <= summary["seconds"] < 10  # one step more than the limit, on however busy a machine


def test_atoms_without_a_label_do_not_count(labels: list[Frame], tmp_path: Path) -> None:
    def masked(frame: Frame, value: float) -> Frame:
        apt = frame.tensors["apt"].copy()
        apt[10:] = value
        return replace(frame, tensors={"apt": apt})

    train([masked(frame, np.nan) for frame in labels[:3]], quick("apt"), tmp_path / "masked")
    model = read_model(tmp_path / "masked")
    assert np.isfinite(tensors_of(model, labels[0])).all()
    report = evaluate(compare_with_labels(model, [masked(labels[0], np.nan)], "labels"))
    assert report["atoms"] == 10


def test_errors_of_known_predictions() -> None:
    frame = replace(random_frame(0, n_atoms=6), info={"total_charge": 1.0})
    labels = np.random.default_rng(0).normal(size=(6, 3, 3))
    report = evaluate(Comparison(TARGETS["apt"], [frame], frame.numbers, labels, labels + 0.25))
    assert report["bias"] == pytest.approx(0.25)
    assert report["rmse"] == pytest.approx(0.25)
    assert report["sum_rule"] == pytest.approx(abs((labels + 0.25).sum(axis=0) - np.eye(3)).max())
    exact = evaluate(Comparison(TARGETS["apt"], [frame], frame.numbers, labels, labels))
    assert exact["r2"] == 1.0


def test_a_species_without_any_label_is_refused(labels: list[Frame], tmp_path: Path) -> None:
    apt = labels[0].tensors["apt"].copy()
    apt[labels[0].numbers == 1] = np.nan
    settings = quick("apt")
    with pytest.raises(LabelError, match="no atom of H has a label of apt"):
        train([replace(labels[0], tensors={"apt": apt})], settings, tmp_path / "m")


def test_nothing_is_written_before_there_is_something(
    labels: list[Frame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mimyria.training import fit as module

    def stop(*_: object) -> float:
        raise KeyboardInterrupt

    (tmp_path / "m").write_text("an older model")
    monkeypatch.setattr(module.Fit, "_step", stop)
    settings = quick("apt")
    with pytest.raises(Interrupted, match="before the first epoch"):
        train(labels[:2], settings, tmp_path / "m")
    assert (tmp_path / "m").read_text() == "an older model"


def test_a_training_that_diverges_says_so(labels: list[Frame], tmp_path: Path) -> None:
    settings = quick("apt", learning_rate=1e30)
    with pytest.raises(ModelError, match="diverged in epoch"):
        train(labels[:3], settings, tmp_path / "m")


def test_validation_labels_are_checked(labels: list[Frame], tmp_path: Path) -> None:
    settings = quick("pgt")
    bare = replace(labels[1], tensors={})
    with pytest.raises(LabelError, match="the validation file, frame 0 has no pgt"):
        train(labels[:1], settings, tmp_path / "m", validation=[bare])


def test_one_frame_is_enough(labels: list[Frame], tmp_path: Path) -> None:
    summary = train(labels[:1], quick("pgt"), tmp_path / "m")
    assert summary["validation_frames"] == 0
    assert np.isfinite(tensors_of(read_model(tmp_path / "m", "pgt"), labels[0])).all()


def test_geometries_that_are_not_kept_give_the_same(
    labels: list[Frame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mimyria.model import batches as module

    settings, frames = quick("apt", epochs=2), [labels[0]] * 4  # alike, so that any of them sets the scales
    train(frames, settings, tmp_path / "kept")
    monkeypatch.setattr(module, "KEPT_BYTES", 1)
    train(frames, settings, tmp_path / "computed")
    kept, computed = (tensors_of(read_model(tmp_path / name), labels[5]) for name in ("kept", "computed"))
    assert_same(computed, kept)


def test_small_molecules_share_a_step(tmp_path: Path) -> None:
    water = molecule("H2O")
    frames = [
        Frame(
            water.numbers,
            water.positions + 0.05 * np.random.default_rng(k).normal(size=(3, 3)),
            np.zeros((3, 3)),
            np.zeros(3, dtype=bool),
            tensors={"apt": np.random.default_rng(k).normal(size=(3, 3, 3))},
        )
        for k in range(50)
    ]
    summary = train(frames, quick("apt", validation=0.2), tmp_path / "m")
    assert summary["steps"] == 4 * 2  # 40 molecules of three atoms make two steps of at least 64 atoms


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "dipole"}, "no target 'dipole'; known are apt, pgt"),
        ({"preset": "huge"}, "no preset 'huge'"),
        ({"validation": 1.0}, "between 0 and 1"),
        ({"epochs": -1}, "epochs must be positive"),
        ({"time_limit": 0.0}, "time limit must be positive"),
    ],
)
def test_wrong_settings_are_refused(
    labels: list[Frame], tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(labels[:2], quick("apt", **change), tmp_path / "m")


def test_missing_labels_are_named(labels: list[Frame], tmp_path: Path) -> None:
    bare = replace(labels[1], tensors={"apt": labels[1].tensors["apt"]}, info={})
    settings = quick("pgt")
    with pytest.raises(LabelError, match=r"a\.xyz, frame 1 has no pgt .*; its columns are: species, pos, forces, apt"):
        train([labels[0], bare], settings, tmp_path / "m", origin="a.xyz")
    with pytest.raises(LabelError, match="holds no frames"):
        train([], settings, tmp_path / "m")


# --- prediction and files -----------------------------------------------------------------------


def test_predicted_sum_rule_is_exact(model: ResponseModel) -> None:
    frames = [random_frame(seed) for seed in range(3)]
    for frame in predict(model, frames, charge=-2.0):
        tensors = frame.tensors[model.target.name]
        assert model.target.translation_error(tensors, -2.0) < 1e-13 * len(frame) * max(1.0, abs(tensors).max())
    for frame, raw in zip(predict(model, frames, project=False), predict_tensors(model, frames), strict=True):
        assert_same(frame.tensors[model.target.name], raw)


def test_models_of_the_same_shape_share_one_geometry(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def counted(*arguments: object) -> Graph:
        calls.append(arguments)
        return build_graph(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(prediction, "build_graph", counted)
    frame = random_frame(3)
    apt, pgt = (ResponseModel(replace(PRESETS["default"][name], species=SPECIES)) for name in ("apt", "pgt"))
    other = ResponseModel(replace(PRESETS["small"]["pgt"], species=SPECIES))
    for models, graphs in (([apt, pgt], 1), ([apt, other], 2)):
        calls.clear()
        (both,) = predict_all(models, [frame], project=False)
        assert len(calls) == graphs
        for model in models:
            assert_same(both.tensors[model.target.name], tensors_of(model, frame))


def test_model_file_keeps_everything(model: ResponseModel, tmp_path: Path) -> None:
    frame = random_frame(1)
    write_model(tmp_path / "m.mym", model, {"note": "x"})
    again = read_model(tmp_path / "m.mym")
    np.testing.assert_array_equal(tensors_of(again, frame), tensors_of(model, frame))
    assert again.settings == model.settings
    assert again.summary["note"] == "x"


def test_wrong_model_files_are_refused(model: ResponseModel, tmp_path: Path) -> None:
    path = tmp_path / "m.mym"
    write_model(path, model, {})
    other = next(name for name in TARGETS if name != model.settings.target)
    with pytest.raises(ModelError, match=f"give it to --{model.settings.target}"):
        read_model(path, other)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"not a model", b""):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"m\.mym is damaged"):
            read_model(path)
    torch.save({"format": "something"}, path)
    with pytest.raises(ModelError, match="not a file of the kind"):
        read_model(path)
    with pytest.raises(ModelError, match="does not exist"):
        read_model(tmp_path / "absent.mym")


def test_devices() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ModelError, match="'moon' cannot be used"):
        choose_device("moon")


def test_parity_plot(labels: list[Frame], tmp_path: Path) -> None:
    train(labels[:2], quick("apt", epochs=1), tmp_path / "m")
    plot_parity(tmp_path / "parity.png", compare_with_labels(read_model(tmp_path / "m"), labels[:2], "labels"))
    assert (tmp_path / "parity.png").stat().st_size > 5000
    assert symbols_of(np.array([1, 8])) == ["H", "O"]


# --- committees, weights, projection, originals ----------------------------------------------------


@pytest.fixture(scope="module")
def committee(labels: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with three networks trained on the first six labels."""
    path = tmp_path_factory.mktemp("committee") / "m.mym"
    train(labels[:6], quick("apt", committee=3, epochs=12), path)
    return path


def test_a_committee_gives_mean_and_spread(
    labels: list[Frame], committee: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = read_model(committee)
    assert len(model.members) == 3
    ((tensors, unsure, *_),) = predict_with_spread(model, labels[8:9])
    assert unsure.shape == (96,)
    one = [replace_members(model, k) for k in range(3)]
    alone = np.array([tensors_of(member, labels[8]) for member in one])
    assert_same(tensors, alone.mean(0))
    away = alone - alone.mean(0)
    away = away - away.mean(1, keepdims=True)  # the sum over the atoms is made exact
    np.testing.assert_allclose(unsure, np.sqrt(away.var(0, ddof=1).mean((1, 2))), rtol=1e-3)
    assert model.summary["spread_error"] > model.summary["spread"] > 0
    with caplog.at_level("INFO", "mimyria"):
        (frame,) = predict(model, labels[8:9])
    assert "the committee spreads by" in caplog.text
    assert frame.extra["apt_spread"].shape == (96,)
    squeezed = replace(labels[8], positions=labels[8].positions * 0.85, cell=labels[8].cell * 0.85)
    with caplog.at_level("WARNING", "mimyria"):
        list(predict(model, [squeezed]))
    assert "unlike those it was trained on" in caplog.text
    lines = read_history(history_of(committee))
    assert [len(member) for member in lines] == [12, 12, 12]
    assert lines[0][-1]["held_out"] < lines[0][0]["held_out"]
    plot_history(tmp_path / "h.png", lines, "m")
    assert (tmp_path / "h.png").stat().st_size > 5000


def test_calibration_groups_atoms_of_like_spread() -> None:
    frame = random_frame(0, n_atoms=40)
    spreads = np.linspace(1.0, 4.0, 40)
    labels = np.zeros((40, 3, 3))
    pairs = Comparison(TARGETS["apt"], [frame], frame.numbers, labels, labels + 2 * spreads[:, None, None], spreads)
    unsure, wrong = calibration(pairs)
    assert len(unsure) == 10
    np.testing.assert_allclose(wrong, 2 * unsure)
    with pytest.raises(ModelError, match="--committee"):
        calibration(replace(pairs, spreads=np.full(40, np.nan)))


def replace_members(model: ResponseModel, k: int) -> ResponseModel:
    alone = deepcopy(model)
    alone.members = torch.nn.ModuleList([model.members[k]])
    return alone


def test_an_interrupted_committee_goes_on_where_it_was(labels: list[Frame], tmp_path: Path) -> None:
    settings = quick("apt", committee=2)
    train(labels[:3], settings, tmp_path / "whole")

    def stop(fraction: float, line: dict[str, float]) -> None:
        if fraction > 0.7:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train(labels[:3], settings, tmp_path / "parts", report=stop)
    assert len(read_model(tmp_path / "parts").members) == 2
    train(labels[:3], settings, tmp_path / "parts", resume=True)
    whole, parts = (tensors_of(read_model(tmp_path / name), labels[0]) for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole, parts)
    assert (tmp_path / "whole.history.csv").read_text().splitlines()[0].startswith("member,epoch,steps,seconds")


def test_weights_make_a_species_or_an_irrep_count(labels: list[Frame], tmp_path: Path) -> None:
    def errors(weights: dict[str, float]) -> dict[str, dict[str, float]]:
        train(labels[:4], quick("apt", epochs=25, weights=weights), tmp_path / "m")
        report = evaluate(compare_with_labels(read_model(tmp_path / "m"), labels[8:], "labels"))
        return report["species"] | report["irreps"]

    plain, oxygen, trace = errors({}), errors({"H": 0.0}), errors({"1e": 0.0, "2e": 0.0})
    assert oxygen["H"]["rmse"] > 2 * plain["H"]["rmse"]
    assert oxygen["O"]["rmse"] < 1.3 * plain["O"]["rmse"]
    assert trace["2e"]["rmse"] > 2 * plain["2e"]["rmse"]
    with pytest.raises(ConfigError, match="--weight S: the labels have 0e, 1e, 2e, H, O"):
        errors({"S": 2.0})


def test_irreps_and_components_add_up(labels: list[Frame], tmp_path: Path) -> None:
    train(labels[:2], quick("pgt", epochs=2), tmp_path / "m")
    report = evaluate(compare_with_labels(read_model(tmp_path / "m"), labels[8:], "labels"))
    assert set(report["irreps"]) == {"1o", "2o", "3o"}
    assert len(report["components"]) == 27
    squares = np.mean([row["rmse"] ** 2 for row in report["components"].values()])
    assert squares == pytest.approx(report["rmse"] ** 2)
    sizes = {"1o": 6, "2o": 5, "3o": 7}  # the basis is orthonormal, so the squares of the parts are those of the whole
    assert sum(sizes[name] * row["rmse"] ** 2 for name, row in report["irreps"].items()) == pytest.approx(
        27 * report["rmse"] ** 2, rel=1e-4
    )


def test_a_constant_excess_is_no_error_when_the_sum_is_made_exact(labels: list[Frame], tmp_path: Path) -> None:
    masked = labels[2].tensors["apt"].copy()
    masked[5] = np.nan
    frames = [*labels[:2], replace(labels[2], tensors={"apt": masked})]
    model = ResponseModel(replace(PRESETS["small"]["apt"], species=(1, 8)))
    data = make_data(model, frames, [], project=True, weights={}, device=torch.device("cpu"))
    for number, batch in enumerate(data.training):
        constant = torch.ones_like(batch.labels) * 0.3 / model.scale[batch.graph.species]
        left = batch.without_excess(constant, model)
        assert bool(left.abs().max() > 0.01) == (number == 2)  # where an atom has no label nothing is known of the sum
        random = torch.randn_like(batch.labels)
        twice = batch.without_excess(batch.without_excess(random, model), model)
        torch.testing.assert_close(twice, batch.without_excess(random, model), atol=1e-4, rtol=1e-4)
    summary = train(labels[:4], quick("apt", project=True), tmp_path / "m")
    assert summary["project"]


@pytest.mark.parametrize("target", list(TARGETS))
def test_a_model_of_the_original_program_gives_the_same(tmp_path: Path, target: str) -> None:
    """Written here as that program writes it, and evaluated pair by pair, without our graph."""
    torch.manual_seed(0)
    kinds, irreps = ["O", "H"], tensor_irreps(TARGETS[target])[0]
    features = o3.Irreps([(mul, (degree, parity)) for degree, mul in enumerate((8, 4)) for parity in (-1, 1)])
    passing = MessagePassing(["2x0e", features, irreps], "0e", "1x0e+1x1o", [5, 100], 7.0).double()
    change = tensor_irreps(TARGETS[target])[1].double()
    statistics = {kind: torch.rand(irreps.dim, dtype=torch.float64) + 0.5 for kind in kinds}
    shape = {
        "atom_kinds": kinds, "radial_cutoff": 3.0, "num_radial_basis": 5, "num_neighbors": 7, "num_features": 8,
        "num_layers": 1, "lmax": 1, "normalization": "NORM_IRREPS", "equal_num_features_per_channel": False,
        "natural_parities_only": False,
    }  # fmt: skip
    state = {"change_of_basis": change, "normalize_mean": statistics, "normalize_std": statistics}
    path = tmp_path / "original.mym"
    with ZipFile(path, "w") as archive:
        archive.writestr("params.json", json.dumps(shape))
        archive.writestr("info.json", json.dumps({"class_name": f"{target.upper()}Network", "last_epoch": 3}))
        for name, content in (("net", {f"mp.{k}": v for k, v in passing.state_dict().items()}), ("state", state)):
            buffer = BytesIO()
            torch.save(content, buffer)
            archive.writestr(f"{name}.torch", buffer.getvalue())

    frame = random_frame(2, n_atoms=7)
    frame = replace(frame, numbers=np.array([8, 1, 1, 8, 1, 8, 1]))
    i, j, vectors = neighbour_pairs(frame, 3.0)
    away = -torch.from_numpy(vectors)
    radial = soft_one_hot_linspace(away.norm(dim=1), 0.0, 3.0, 5, "smooth_finite", True) * 5**0.5
    species = torch.tensor([kinds.index(symbol) for symbol in symbols_of(frame.numbers)])
    inside = passing(
        torch.eye(2, dtype=torch.float64)[species],
        torch.ones(7, 1, dtype=torch.float64),
        torch.from_numpy(j),
        torch.from_numpy(i),
        o3.spherical_harmonics([0, 1], away, True, "component"),
        radial,
    )
    scale = torch.stack([statistics[kinds[index]] for index in species])
    expected = torch.einsum("i...,ni->n...", change, inside * scale + scale).detach().numpy()

    if target == "apt":
        with pytest.raises(ModelError, match="--layout mimyria-field or mimyria-displacement"):
            read_original(path)
        expected = expected.swapaxes(1, 2)  # labels of the field route: displacement first
    np.testing.assert_allclose(tensors_of(read_original(path, "mimyria-field"), frame), expected, atol=1e-5)
    write_model(tmp_path / "ours.mym", read_original(path, "mimyria-field"), {})
    np.testing.assert_allclose(tensors_of(read_model(tmp_path / "ours.mym"), frame), expected, atol=1e-5)
    with pytest.raises(ModelError, match="`mimyria convert"):
        read_model(path)


@pytest.mark.parametrize("target", list(TARGETS))
def test_the_bundled_models_of_water(labels: list[Frame], target: str) -> None:
    """Close to labels (they were trained on), sure of themselves on them, and not on what they have never seen."""
    model = read_model(Path("water"), target)
    assert model.summary["system"].startswith("liquid water")
    report = evaluate(compare_with_labels(model, labels[:3], "labels"))
    assert report["relative_rmse"] < 0.08
    ((_, unsure, *_),) = predict_with_spread(model, labels[:1])
    squeezed = replace(labels[0], positions=labels[0].positions * 0.9, cell=labels[0].cell * 0.9)
    ((_, unknown, *_),) = predict_with_spread(model, [squeezed])
    assert np.sqrt(np.square(unsure).mean()) < 1.3 * model.summary["spread"]
    assert np.sqrt(np.square(unknown).mean()) > 2 * model.summary["spread"]


def test_the_calculator_of_ase(labels: list[Frame], tmp_path: Path) -> None:
    from mimyria.ase import ResponseCalculator

    for name in TARGETS:
        train(labels[:2], quick(name, epochs=1), tmp_path / f"{name}.mym")
    frame = labels[3]
    atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.periodic)
    atoms.calc = ResponseCalculator(tmp_path / "apt.mym", tmp_path / "pgt.mym", device="cpu")
    charges = atoms.calc.get_property("born_effective_charges", atoms)
    gradient = atoms.calc.get_property("polarizability_gradient", atoms)
    for name, tensors in (("apt", charges), ("pgt", gradient)):
        (expected,) = predict(read_model(tmp_path / f"{name}.mym"), [frame])
        np.testing.assert_allclose(tensors, expected.tensors[name], atol=1e-12)
    atoms.positions[0] += 0.1
    assert abs(atoms.calc.get_property("born_effective_charges", atoms) - charges).max() > 1e-4


@pytest.mark.parametrize("target", list(TARGETS))
def test_the_published_network_is_trained_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """A small one, for e3nn takes seconds to compile each of the dozen that are made."""

    def stop(fraction: float, line: dict[str, float]) -> None:
        raise KeyboardInterrupt

    water = molecule("H2O")
    frames = []
    for k in range(4):
        noise = np.random.default_rng(k).normal(size=(3, 3))
        tensors = {name: np.random.default_rng(k).normal(size=(3, *TARGETS[name].shape)) for name in TARGETS}
        tensors["pgt"] = tensors["pgt"] + tensors["pgt"].swapaxes(1, 2)
        nowhere = np.zeros((3, 3)), np.zeros(3, dtype=bool)
        frames.append(Frame(water.numbers, water.positions + 0.05 * noise, *nowhere, tensors=tensors))
    small = {name: replace(PRESETS["published"][name], channels=(4, 4), layers=1) for name in TARGETS}
    monkeypatch.setitem(PRESETS, "published", small)
    settings = TrainSettings(target, preset="published", epochs=2)
    with pytest.raises(Interrupted):
        train(frames, settings, tmp_path / "m", report=stop)
    train(frames, settings, tmp_path / "m", resume=True)
    model = read_model(tmp_path / "m", target)
    assert np.isfinite(tensors_of(model, frames[0])).all()


def test_two_interruptions_change_nothing_either(
    labels: list[Frame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mimyria.training import fit as module

    train(labels[:5], quick("apt"), tmp_path / "whole")

    def stop(fraction: float, line: dict[str, float]) -> None:
        if fraction >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train(labels[:5], quick("apt"), tmp_path / "parts", report=stop)
    step, count = module.Fit._step, [0]

    def stop_in_an_epoch(self: module.Fit, batch: object) -> float:
        count[0] += 1
        if count[0] == 3:
            raise KeyboardInterrupt
        return step(self, batch)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module.Fit, "_step", stop_in_an_epoch)
        with pytest.raises(Interrupted, match="stopped after 2 epochs"):
            train(labels[:5], quick("apt"), tmp_path / "parts", resume=True)
    train(labels[:5], quick("apt"), tmp_path / "parts", resume=True)
    whole, parts = (tensors_of(read_model(tmp_path / name), labels[6]) for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole, parts)


def test_the_only_frame_of_a_species_is_trained_on(labels: list[Frame], tmp_path: Path) -> None:
    other = replace(labels[0], numbers=np.where(np.arange(96) == 0, 16, labels[0].numbers))
    for seed in range(6):
        summary = train([*labels[1:4], other], quick("apt", epochs=1, seed=seed), tmp_path / "m")
        assert summary["training_atoms"]["S"] == 1


def test_frames_without_any_label_are_left_out(labels: list[Frame], tmp_path: Path) -> None:
    bare = [replace(frame, tensors={"apt": np.full((96, 3, 3), np.nan)}) for frame in labels[:3]]
    summary = train([*bare, *labels[3:5]], quick("apt", epochs=1), tmp_path / "m")
    assert (summary["training_frames"], summary["validation_frames"]) == (1, 1)
    assert summary["validation_error"] > 0


def test_an_atom_that_the_committee_does_not_know_is_named(
    labels: list[Frame], committee: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A hydrogen drawn out by 1 Å, to 0.7 Å from the oxygen of another molecule."""
    frame = labels[7]
    positions = frame.positions.copy()
    positions[1] += 1.0 * (positions[1] - positions[0]) / np.linalg.norm(positions[1] - positions[0])
    with caplog.at_level("WARNING", "mimyria"):
        list(predict(read_model(committee), [replace(frame, positions=positions)]))
    assert "knows an atom badly" in caplog.text


def test_a_time_limit_counts_everything(labels: list[Frame], tmp_path: Path) -> None:
    begin = time.monotonic()
    train(labels[:4], quick("apt", epochs=None, time_limit=0.06, committee=2), tmp_path / "m")
    assert 3.6 <= time.monotonic() - begin < 3.6 + 3  # the last validation, calibration, and a busy machine


def test_the_original_program_sees_one_image_of_each_neighbour() -> None:
    frame = random_frame(4, n_atoms=6, length=5.0)
    graph = build_graph([frame], SPECIES, 6.0, dtype=torch.float64)
    irreps = tensor_irreps(TARGETS["apt"])[0]
    every, nearest = (
        PublishedNetwork(PublishedSettings("apt", SPECIES, channels=(4, 4), minimum_image=one), irreps).geometry(graph)
        for one in (False, True)
    )
    pairs = list(zip(nearest.receivers.tolist(), nearest.senders.tolist(), strict=True))
    assert len(pairs) == len(set(pairs)) == 6 * 5  # every other atom is within 6 Å, and no atom sees itself
    assert len(every.receivers) > 2 * len(pairs)
    order = graph.order.numpy()
    images = np.array(list(np.ndindex(5, 5, 5))) - 2
    for receiver, sender in pairs:
        apart = frame.positions[order[receiver]] - frame.positions[order[sender]]
        shortest = np.linalg.norm(apart + images @ frame.cell, axis=1).min()
        kept = graph.vectors[receiver][graph.neighbours[receiver] == sender].norm(dim=1).min()
        assert float(kept) == pytest.approx(shortest)
