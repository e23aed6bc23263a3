"""Which atoms are in which box, and how its potential is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from conftest import frames_of_all_kinds, random_frame
from mimyria.model import whole_box
from mimyria.model.chunks import chunks_of
from mimyria.model.graph import build_graph
from mimyria.model.mesh import Mesh
from mimyria.model.model import PRESETS
from mimyria.model.waves import Reach, Waves
from mimyria.model.whole_box import box_of, parts_of, potential_of
from networks import SPECIES, assert_derivatives_by_place, made_of, tensors_of

REACH, LIKE = Reach(2, (0.5, 0.8), 0.3, 3), torch.empty(0)


@pytest.fixture
def always_a_mesh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_box, "MANY_WAVES", 0)
    whole_box._periodic.cache_clear()


def test_a_large_box_has_a_mesh() -> None:
    small = random_frame(0)
    large = replace(small, cell=10 * small.cell)
    assert isinstance(box_of(small, REACH, LIKE), Waves)
    assert isinstance(box_of(large, REACH, LIKE), Mesh)
    assert isinstance(box_of(replace(large, periodic=np.zeros(3, dtype=bool)), REACH, LIKE), Waves)


def test_the_waves_of_one_cell_are_computed_once() -> None:
    frame = random_frame(0)
    moved = replace(frame, positions=frame.positions + 1.0)
    assert box_of(frame, REACH, LIKE) is box_of(moved, REACH, LIKE)
    assert box_of(frame, REACH, LIKE) is not box_of(replace(frame, cell=1.1 * frame.cell), REACH, LIKE)


def test_what_a_prediction_has_computed_serves_a_training() -> None:
    whole_box._periodic.cache_clear()
    frame = random_frame(0)
    with torch.inference_mode():
        box_of(frame, REACH, LIKE)
    (part,) = parts_of(build_graph([frame], SPECIES, 3.0), REACH)
    sent = torch.ones(len(frame), 4, 2, requires_grad=True)
    part.heard(potential_of([(part, sent)])).sum().backward()  # type: ignore[no-untyped-call]
    assert sent.grad is not None


@pytest.mark.parametrize("pairs", [30, 10**6])
def test_every_atom_is_in_its_box_once(pairs: int) -> None:
    """In chunks, of which each has atoms of some boxes."""
    frames = frames_of_all_kinds()
    found: dict[int, list[int]] = {}
    for chunk in chunks_of(frames, SPECIES, 3.0, pairs, LIKE):
        for part in parts_of(chunk, REACH):
            found.setdefault(part.frame, []).extend(chunk.order[part.here].tolist())
    ends = np.cumsum([len(frame) for frame in frames]).tolist()
    assert {number: sorted(atoms) for number, atoms in found.items()} == {
        number: list(range(start, end)) for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
    }


@pytest.mark.parametrize("many", [0, 10**9])
def test_the_potential_is_that_of_all_parts(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    """By a mesh and by waves."""
    monkeypatch.setattr(whole_box, "MANY_WAVES", many)
    whole_box._periodic.cache_clear()
    frame = random_frame(3, n_atoms=40, length=8.0)
    sent = torch.randn(len(frame), 4, 2, generator=torch.Generator().manual_seed(0))
    (whole,) = parts_of(build_graph([frame], SPECIES, 3.0), REACH)
    chunks = chunks_of([frame], SPECIES, 3.0, 60, LIKE)
    assert len(chunks) > 2
    told = [(part, sent[chunk.order[part.here]]) for chunk in chunks for part in parts_of(chunk, REACH)]
    torch.testing.assert_close(potential_of(told), potential_of([(whole, sent)]), rtol=1e-4, atol=1e-4)
    whole_box._periodic.cache_clear()


def test_tensors_by_a_mesh_are_those_by_waves(always_a_mesh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = replace(PRESETS["small"]["pgt"], species=SPECIES, cutoff=4.0, far_channels=3)
    model = made_of(shape).double()
    frame = random_frame(5)
    by_mesh = tensors_of(model, frame)
    monkeypatch.undo()
    whole_box._periodic.cache_clear()
    by_waves = tensors_of(model, frame)
    difference = abs(by_mesh - by_waves).max()
    assert 0 < difference < 1e-4 * abs(by_waves).max()


@pytest.mark.parametrize("many", [0, 10**9])
def test_derivatives_by_the_places_of_atoms(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    """By a mesh and by waves."""
    monkeypatch.setattr(whole_box, "MANY_WAVES", many)
    whole_box._periodic.cache_clear()
    assert_derivatives_by_place(made_of(replace(PRESETS["small"]["pgt"], species=SPECIES, cutoff=4.0, far_channels=3)))
    whole_box._periodic.cache_clear()
