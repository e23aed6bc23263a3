"""The graph of a batch: every pair is kept, atoms are sorted by species, an unknown species is named."""

import numpy as np
import pytest
import torch

from conftest import random_frame
from mimyria.errors import ModelError
from mimyria.model.graph import build_graph
from mimyria.neighbours import neighbour_pairs
from networks import SPECIES


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
