"""Rates of frames are the same, to the last bit, however many are contracted together; any process can make them."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from conftest import random_frame
from mimyria.elements import frame_masses
from mimyria.frame import Frame
from mimyria.rates.contraction import Contraction
from mimyria.rates.faces import split_faces
from mimyria.rates.grouping import make_grouping
from mimyria.rates.groups import Grouping
from mimyria.rates.places import split_molecules
from mimyria.trajectory.freedom import unconstrained

N_FRAMES = 19


def water(seed: int) -> Frame:
    """A few waters that move, with tensors of two targets and those of three networks, whose bonds stay."""
    rng = np.random.default_rng(seed)
    centres = np.array([[x, y, z] for x in (0, 4, 8) for y in (0, 4) for z in (3.0, 7.0)])
    shape = np.array([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
    positions = (centres[:, None] + shape).reshape(-1, 3) + rng.normal(scale=0.02, size=(36, 3))
    tensors = {name: rng.normal(size=(36, *[3] * k)) for name, k in (("apt", 2), ("pgt", 3))}
    return Frame(
        numbers=np.tile([8, 1, 1], 12),
        positions=positions,
        cell=np.diag([12.0, 8.0, 30.0]),
        periodic=np.ones(3, dtype=bool),
        velocities=rng.normal(scale=0.01, size=(36, 3)),
        time=float(seed),
        tensors=tensors,
        members={name: rng.normal(size=(3, *tensor.shape)) for name, tensor in tensors.items()},
    )


GROUPINGS: dict[str, Callable[[Frame], Grouping]] = {
    **{
        name: lambda first, name=name: make_grouping([name], first)  # type: ignore[misc]
        for name in ("species", "none", "molecules", "motions", "shell 3 5 around index 0")
    },
    "selections": lambda first: make_grouping(["one=index 0:2", "near=(around 4 index 4) and not index 0:2"], first),
    "modes": lambda first: make_grouping(["modes"], first, None, (map(water, range(40)), 4.0, 200.0)),
    "faces": lambda first: split_faces("z"),
    "slab": lambda first: split_molecules(first, "z"),
}


@pytest.mark.parametrize("groups", GROUPINGS)
@pytest.mark.parametrize("n_beads", [1, 3])
def test_a_frame_is_contracted_alike_alone_and_among_others(groups: str, n_beads: int) -> None:
    first = water(0)
    masses = frame_masses(first)
    contraction = Contraction(
        ("apt", "pgt"), GROUPINGS[groups](first), masses, [np.arange(0, 36, 3), np.flatnonzero(np.arange(36) % 3)],
        unconstrained(masses), n_beads, powers=True,
    )  # fmt: skip
    instants = [[water(10 * number + bead) for bead in range(n_beads)] for number in range(N_FRAMES)]
    whole = contraction(chain.from_iterable(instants))
    elsewhere = pickle.loads(pickle.dumps(contraction))
    for size in (1, 5):
        rows = [elsewhere(chain.from_iterable(instants[start : start + size])) for start in range(0, N_FRAMES, size)]
        assert all(set(row) == set(whole) for row in rows)
        for name, values in whole.items():
            assert np.concatenate([row[name] for row in rows]).tobytes() == values.tobytes(), name


def test_large_frames_too() -> None:
    """So many atoms that sums are made by blocks and by vectors."""
    rng = np.random.default_rng(1)
    base = random_frame(1)
    n = 1537
    numbers = np.resize(base.numbers, n)
    frames = [
        replace(
            base,
            numbers=numbers,
            positions=rng.normal(size=(n, 3)),
            velocities=rng.normal(size=(n, 3)),
            tensors={"apt": rng.normal(size=(n, 3, 3))},
            members={},
        )
        for _ in range(7)
    ]
    masses = frame_masses(frames[0])
    species = Grouping.by_species(numbers)
    places = list(map(np.flatnonzero, species.weights(frames[0])))
    contraction = Contraction(("apt",), species, masses, places, unconstrained(masses))
    whole = contraction(iter(frames))
    for number, frame in enumerate(frames):
        for name, values in contraction(iter([frame])).items():
            assert values.tobytes() == whole[name][number : number + 1].tobytes(), name
