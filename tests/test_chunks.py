"""Atoms in chunks: the tensors of the whole for every size of a chunk, cell and network."""

from dataclasses import replace

import pytest
import torch

from conftest import frames_of_all_kinds, random_frame
from mimyria.frame import Frame
from mimyria.model import room as rooms
from mimyria.model.architecture import Settings
from mimyria.model.chunks import apart, chunks_of, tensors_in_chunks
from mimyria.model.graph import build_graph
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.model.predict import predict_together
from mimyria.model.published import PublishedSettings
from networks import SPECIES, assert_same, made_model, made_of, tensors_of

PUBLISHED = PublishedSettings("apt", SPECIES, cutoff=4.0, radial=4, channels=(4, 2, 2), layers=2, hidden=8)
SHAPES: dict[str, Settings] = {
    "far": replace(PRESETS["small"]["pgt"], species=SPECIES, cutoff=4.0, far_channels=3),
    "small": replace(PRESETS["small"]["apt"], species=SPECIES, cutoff=4.0),
    "published": PUBLISHED,
    "of the original program": replace(PUBLISHED, minimum_image=True),
}


@pytest.fixture(scope="module")
def model() -> ResponseModel:
    return made_model("small", "apt")


def whole(model: ResponseModel, frames: list[Frame]) -> torch.Tensor:
    settings = model.settings
    return model.tensors(model.geometry(build_graph(frames, settings.species, settings.cutoff, dtype=model.mean.dtype)))


def in_chunks(model: ResponseModel, frames: list[Frame], pairs: int) -> torch.Tensor:
    chunks = chunks_of(frames, model.settings.species, model.settings.cutoff, pairs, model.mean)
    (tensors,) = tensors_in_chunks([model], chunks)
    return tensors


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_size_of_a_chunk_gives_the_same(shape: Settings) -> None:
    model, frames, sizes = made_of(shape).double(), frames_of_all_kinds(), (1, 40, 300, 10**6)
    if isinstance(shape, PublishedSettings):  # which is slow
        frames, sizes = frames[2:7], (60,)
    with torch.inference_mode():
        expected = whole(model, frames)
        for pairs in sizes:
            error = (in_chunks(model, frames, pairs) - expected).abs().max() / expected.abs().max()
            assert error < 1e-12


@pytest.mark.parametrize("pairs", [1, 150, 10**6])
def test_compiled_chunks_give_the_same(model: ResponseModel, pairs: int) -> None:
    """Of several frames too, and where a species is missing."""
    frames = [*frames_of_all_kinds(), random_frame(3, n_atoms=300, length=16.0)]
    with torch.inference_mode():
        expected = whole(model, frames)
        assert_same(in_chunks(model, frames, pairs).numpy(), expected.numpy())


def test_models_of_one_shape_share_the_chunks(model: ResponseModel) -> None:
    frames, other = [random_frame(3, n_atoms=100, length=11.0)], made_model("small", "pgt")
    chunks = chunks_of(frames, SPECIES, model.settings.cutoff, 300, model.mean)
    assert len(chunks) > 5
    with torch.inference_mode():
        for one, tensors in zip([model, other], tensors_in_chunks([model, other], chunks), strict=True):
            assert_same(tensors.numpy(), whole(one, frames).numpy())


def test_a_chunk_has_few_pairs_and_the_atoms_are_all_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from mimyria.model import nearby

    monkeypatch.setattr(nearby, "GROUP", 20)
    frame = random_frame(3, n_atoms=300, length=16.0)
    model = made_model("small", "pgt").double()
    chunks = chunks_of([frame], SPECIES, 4.0, 400, model.mean)
    assert len(chunks) > 10
    assert sorted(torch.cat([chunk.order for chunk in chunks]).tolist()) == list(range(300))
    for chunk in chunks:
        pairs = int((chunk.vectors.norm(dim=-1) < 4.0).sum())
        assert pairs <= 400
        for number, places in zip(SPECIES, chunk.slices, strict=True):
            assert (frame.numbers[chunk.order[places].numpy()] == number).all()
    with torch.inference_mode():
        expected = whole(model, [frame])
        assert (tensors_in_chunks([model], chunks)[0] - expected).abs().max() < 1e-12 * expected.abs().max()


def test_predictions_of_a_large_frame_are_those_of_its_repeated_part(
    model: ResponseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tensors, spread, extrapolations in the order of the atoms, whether in chunks or at once."""
    monkeypatch.setattr(rooms, "CPU_BYTES", 200 * 800)
    frames = [random_frame(seed, n_atoms=40, length=8.0) for seed in range(2)]
    (several,) = predict_together([model], frames)
    monkeypatch.undo()
    for frame, chunked in zip(frames, several, strict=True):
        assert_same(chunked.tensors, tensors_of(model, frame))


def test_what_is_kept_is_the_same_in_pages_of_its_own() -> None:
    kept = torch.arange(6.0).reshape(2, 3).T, {"a": torch.ones(2, dtype=torch.int32), "b": [torch.empty(0)]}, None
    matrix, others, nothing = apart(kept)
    assert torch.equal(matrix, kept[0])
    assert torch.equal(others["a"], kept[1]["a"])
    assert others["b"][0].shape == (0,)
    assert nothing is None
    assert matrix.data_ptr() != kept[0].data_ptr()
