"""Clusters: whole molecules, the right charge, tensors that go back to the right atoms, which converge."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from here import Here
from scripts_of import script

from conftest import DATA
from mimyria.engines.tblite import TBLite
from mimyria.errors import LabelError
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.labels.cluster import IONS, cut_clusters, merge
from mimyria.labels.label import label_frames
from mimyria.molecules import find_molecules
from mimyria.neighbours import neighbour_pairs
from mimyria.settings import LabelSettings
from mimyria.targets import labelled_atoms


@pytest.fixture(scope="module")
def water() -> Frame:
    return next(read_frames(DATA / "water32_labels.extxyz.xz"))


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_molecules_are_found_whole_however_they_are_wrapped(water: Frame) -> None:
    shifted = replace(water, positions=(water.positions + 3.3) % water.cell[0, 0])
    molecules, whole = find_molecules(shifted)
    assert np.bincount(molecules).tolist() == [3] * 32
    for molecule in range(32):
        inside = whole[molecules == molecule]
        assert np.linalg.norm(inside[:, None] - inside, axis=-1).max() < 2.0


@pytest.mark.parametrize("radius", [1.5, 3.0, 5.0, 7.0])
def test_a_cluster_is_the_neighbourhood(water: Frame, radius: float) -> None:
    """Counted again by brute force over images; beyond half the cell a molecule is there more than once."""
    (cluster,) = cut_clusters(water, radius, 1, draw())
    molecules, whole = find_molecules(water)
    centre = whole[cluster.centre]
    expected = 0
    for shift in np.ndindex(5, 5, 5):
        move = (np.array(shift) - 2) @ water.cell
        for molecule in range(32):
            atoms = whole[molecules == molecule] + move
            expected += np.linalg.norm(atoms[:, None] - centre, axis=-1).min() < radius
    assert len(cluster.frame) == 3 * expected
    np.testing.assert_array_equal(cluster.frame.numbers[:3], water.numbers[cluster.centre])
    distances = np.linalg.norm(cluster.frame.positions[:, None] - cluster.frame.positions, axis=-1)
    assert distances[~np.eye(len(distances), dtype=bool)].min() > 0.8


def test_another_choice_of_cell_vectors_cuts_the_same_cluster(water: Frame) -> None:
    """The same lattice by vectors 45° and 55° apart; wrapped into that cell, molecules are torn elsewhere."""
    oblique = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]]) @ water.cell
    wrapped = (np.linalg.solve(oblique.T, water.positions.T).T % 1) @ oblique
    for radius in (3.0, 6.0):
        (one,) = cut_clusters(water, radius, 1, draw())
        (other,) = cut_clusters(replace(water, cell=oblique, positions=wrapped), radius, 1, draw())
        places = [{tuple(row) for row in np.round(cut.frame.positions, 6) + 0.0} for cut in (one, other)]
        assert len(places[0]) == len(one.frame) > 3
        assert places[0] == places[1]


def test_ions_give_the_charge() -> None:
    sulfate = np.array(
        [[0, 0, 0], [0.87, 0.87, 0.87], [-0.87, -0.87, 0.87], [-0.87, 0.87, -0.87], [0.87, -0.87, -0.87]]
    )
    positions = np.concatenate([sulfate, [[2.6, 1.2, 1.2]]])
    charge = {"total_charge": -1.0}
    frame = Frame(np.array([16, 8, 8, 8, 8, 11]), positions, 12 * np.eye(3), np.ones(3, dtype=bool), info=charge)
    both, alone = (cut_clusters(frame, radius, 2, draw())[0].frame for radius in (3.0, 1.0))
    assert both.info["total_charge"] == -1
    assert alone.info["total_charge"] == -2
    assert len(alone) == 5


def test_charges_that_do_not_add_up_are_refused() -> None:
    positions = np.array([[0.0, 0, 0], [4, 0, 0], [8, 0, 0]])
    frame = Frame(np.array([30, 17, 26]), positions, 15 * np.eye(3), np.ones(3, dtype=bool), info={"total_charge": 3})
    with pytest.raises(LabelError, match=r"add up to \+1, the total charge is \+3: .*1 Fe \(\+0\).*--ion"):
        cut_clusters(frame, 2.0, 1, draw())
    (cluster,) = cut_clusters(frame, 5.0, 1, draw(2), IONS | {"Fe": 2})
    assert cluster.frame.info["total_charge"] in (1, 3)


@pytest.mark.parametrize("edge", [9.8035, 9.855, 10.0005])
def test_an_image_is_there_once(edge: float) -> None:
    """Atoms on both sides of a molecule give the shift of its image with other roundings."""
    molecule = np.array([[0.0, 0.0, 0.1], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]])
    centres = np.array([[0.3, 0.1, 0.2], [edge - 2.5, 0.3, 0.1], [0.1, edge - 2.4, edge - 0.2]])
    positions = (centres[:, None] + molecule).reshape(-1, 3) % edge
    frame = Frame(np.array([8, 1, 1] * 3), positions, edge * np.eye(3), np.ones(3, dtype=bool))
    for seed in range(5):
        for cluster in cut_clusters(frame, 4.0, 3, draw(seed)):
            i, _, _ = neighbour_pairs(cluster.frame, 0.5)
            assert not len(i)


def test_tensors_go_back_to_the_atoms_of_the_centre(water: Frame) -> None:
    clusters = cut_clusters(water, 3.0, 2, draw())
    headers = {
        "field": 1e-3,
        "engine": "x",
        "mimyria": "1",
        "scf_steps": 1,
        "seconds": 1.0,
        "qa_residual": 1e-9,
        "qa_apt_sigma": 1e-3,
    }
    labelled = []
    for number, cluster in enumerate(clusters, 1):
        tensors = {
            "apt": np.full((len(cluster.frame), 3, 3), float(number)),
            "pgt": np.ones((len(cluster.frame), 3, 3, 3)),
        }
        labelled.append((cluster, replace(cluster.frame, tensors=tensors, info=headers)))
    whole = merge(water, labelled, epsilon=1.78)
    known = labelled_atoms(whole.tensors["apt"])
    np.testing.assert_array_equal(np.flatnonzero(known), np.sort(np.concatenate([one.centre for one in clusters])))
    np.testing.assert_allclose(whole.tensors["apt"][clusters[1].centre], 2 * 3.78 / 3)
    np.testing.assert_allclose(whole.tensors["pgt"][clusters[1].centre], (3.78 / 3) ** 2)
    assert whole.info["scf_steps"] == 2
    assert whole.info["qa_apt_sigma"] == pytest.approx(1e-3 * 3.78 / 3)


def test_too_many_centres(water: Frame) -> None:
    with pytest.raises(LabelError, match="--centres 33: a frame has only 32 molecules"):
        cut_clusters(water, 3.0, 33, draw())


def test_the_apt_of_the_centre_converges_with_the_radius(water: Frame, tmp_path: Path) -> None:
    """Measured with GFN2-xTB: from 4.5 Å on it changes by less than 7 %, from one molecule alone by half."""
    labels = []
    for radius in (1.5, 3.0, 5.0, 5.8):
        (cluster,) = cut_clusters(water, radius, 1, draw(1))
        done = label_frames({f"{radius}": cluster.frame}, TBLite(), Here(), tmp_path, LabelSettings(target="apt"))
        labels.append(done.frames[f"{radius}"].tensors["apt"][:3])
    errors = [np.linalg.norm(one - labels[-1]) / np.linalg.norm(labels[-1]) for one in labels[:-1]]
    assert errors[0] > 0.2
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.07


def test_what_goes_on_without_end_cannot_be_cut() -> None:
    """Bonds of diamond lead from every atom to its own images."""
    corners = np.array([(0, 0, 0), (0, 2, 2), (2, 0, 2), (2, 2, 0)])
    positions = np.concatenate([corners, corners + 1]) * 3.567 / 4
    diamond = Frame(np.full(8, 6), positions, 3.567 * np.eye(3), np.ones(3, dtype=bool))
    with pytest.raises(LabelError, match="go on through the cell without end, as in a crystal"):
        cut_clusters(diamond, 3.0, 1, draw())


def test_sulfate_is_cut_out_with_whole_waters_and_without_sodium() -> None:
    frame = next(read_frames(DATA / "sulfate_labels.extxyz.xz"))
    moved = replace(frame, positions=(frame.positions + 4.7) % frame.cell[0, 0])
    clusters_of = script("scripts/sulfate/clusters.py").clusters_of
    (cluster,), (again,) = (clusters_of(each, 4.5) for each in (frame, moved))
    assert cluster.numbers[cluster.numbers == 16].size == 1
    assert 11 not in cluster.numbers
    assert not cluster.periodic.any()
    molecules, _ = find_molecules(cluster)
    assert Counter(np.bincount(molecules).tolist()) == {3: (len(cluster) - 5) // 3, 5: 1}
    assert 25 < len(cluster) < 60
    away = np.linalg.norm(cluster.positions, axis=1)
    assert away[cluster.numbers == 8].max() < 4.5
    np.testing.assert_allclose(np.sort(np.linalg.norm(again.positions, axis=1)), np.sort(away), atol=1e-6)
