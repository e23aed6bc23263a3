"""Groups of atoms: partitions in every frame, molecules that stay whole, shells that are followed in time."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from conftest import DATA, random_frame
from mimyria.elements import frame_masses
from mimyria.errors import ConfigError, MimyriaError, TrajectoryError
from mimyria.files.universe import depends_on_positions
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.memory import Identity
from mimyria.molecules import composition_of, find_bonds, find_molecules, formula_of, molecules_of
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.grouping import make_grouping
from mimyria.rates.response import response_series
from mimyria.rates.selection import atom_selection
from mimyria.rates.series import read_series, write_series

KINDS = [
    ("species",),
    ("none",),
    ("molecules",),
    ("first=byres index 0", "oxygen=element O and not byres index 0"),
    ("near=around 3 index 0",),
    ("shell 3.5 around index 0",),
    ("shell 3 4.5 around (element O and around 3 index 1)",),
]


@pytest.fixture(scope="module")
def water() -> list[Frame]:
    return list(islice(read_frames(DATA / "water32.extxyz.xz"), 0, 200, 20))


def distances(frame: Frame, centre: int) -> np.ndarray:
    """Of all atoms from one, over the nearest of 27 images, by brute force."""
    shifts = np.array(list(np.ndindex(3, 3, 3))) - 1
    apart = frame.positions - frame.positions[centre]
    apart -= np.round(apart @ np.linalg.inv(frame.cell)) @ frame.cell
    return np.linalg.norm(apart[:, None] + shifts @ frame.cell, axis=-1).min(axis=1)


def members(asked: tuple[str, ...], first: Frame, frame: Frame) -> np.ndarray:
    found = make_grouping(asked, first).weights(frame)
    return np.asarray(found.todense() if hasattr(found, "todense") else found)


def molecules(frame: Frame) -> np.ndarray:
    i, j, _ = find_bonds(frame)
    return molecules_of(i, j, len(frame))


# --- partitions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", KINDS, ids=lambda asked: asked[0])
def test_every_atom_is_in_one_group_in_every_frame(water: list[Frame], asked: tuple[str, ...]) -> None:
    grouping = make_grouping(asked, water[0])
    for frame in water:
        inside = members(asked, water[0], frame)
        assert inside.shape == (len(grouping.names), 96)
        np.testing.assert_array_equal(inside.sum(axis=0), 1)
        whole = grouping.share is not None
        assert grouping.counts(grouping.weights(frame)).sum() == pytest.approx(32 if whole else 96)


@pytest.mark.parametrize("asked", KINDS, ids=lambda asked: asked[0])
def test_wrapping_the_atoms_changes_no_group(water: list[Frame], asked: tuple[str, ...]) -> None:
    """Shifted and wrapped, molecules lie across the boundary; an atom's group must not notice."""
    frame = water[3]
    moved = replace(frame, positions=(frame.positions + 3.3) % frame.cell[0, 0])
    np.testing.assert_array_equal(members(asked, moved, moved), members(asked, frame, frame))


def test_molecules_are_named_by_their_formula() -> None:
    sulfate = np.array([[0, 0, 0], [1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) * 0.87
    water = np.array([[0, 0, 0.0], [0.76, 0, 0.59], [-0.76, 0, 0.59]])
    positions = np.concatenate([sulfate, water + 5.0, water - 4.0, [[8.5, 0, 0]]])
    frame = Frame(np.array([16, 8, 8, 8, 8, 8, 1, 1, 8, 1, 1, 11]), positions, 12 * np.eye(3), np.ones(3, dtype=bool))
    grouping = make_grouping(("molecules",), frame)
    assert grouping.names == ("SO4", "H2O", "H2O", "Na")
    assert grouping.group_names == ("SO4", "H2O", "Na")
    np.testing.assert_allclose(grouping.counts(grouping.weights(frame)), [1, 2, 1])


@pytest.mark.parametrize(
    ("numbers", "formula"),
    [
        ([1, 8, 1], "H2O"),
        ([8, 16, 8, 8, 8], "SO4"),
        ([1, 7, 1, 1, 1], "NH4"),
        ([6, 1, 1, 1, 8, 1], "CH4O"),
        ([17, 11], "NaCl"),
    ],
)
def test_formulas_are_written_as_chemists_do(numbers: list[int], formula: str) -> None:
    assert formula_of(np.array(numbers)) == formula


@pytest.mark.parametrize("beads", [1, 3])
def test_centres_of_molecules_are_stored_whatever_the_boundary_cuts(
    water: list[Frame], tmp_path: Path, beads: int
) -> None:
    """Against centres of mass of the molecules that `find_molecules` puts together, up to a cell vector."""
    frames = [
        replace(frame, positions=(frame.positions + shift) % frame.cell[0, 0], tensors={"apt": np.zeros((96, 3, 3))})
        for frame in water[:4]
        for shift in (2.0, 2.5, 5.0)[:beads]
    ]
    grouping = make_grouping(("molecules",), water[0])
    store = PartStore(tmp_path / "parts", Identity())
    options = {"targets": ("apt",), "grouping": grouping, "timestep": 1.0, "lags": 2, "store": store}
    written = response_series(iter(()), iter(frames), n_beads=beads, **options)
    write_series(tmp_path / "series.h5", [written])
    (series,) = read_series(tmp_path / "series.h5")
    assert series.centres is not None
    assert series.cells is not None
    found, masses = series.centres[0:4], frame_masses(water[0])
    length = water[0].cell[0, 0]
    for k, frame in enumerate(water[:4]):
        molecule, whole = find_molecules(frame)
        centre = np.stack([np.bincount(molecule, masses * x) / np.bincount(molecule, masses) for x in whole.T], axis=1)
        apart = found[k] - centre - np.mean((2.0, 2.5, 5.0)[:beads])
        np.testing.assert_allclose(apart - length * np.round(apart / length), 0, atol=1e-5)
        np.testing.assert_array_equal(series.cells[k : k + 1][0], frame.cell)


# --- selections ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "updating"),
    [
        ("element O", False),
        ("byres index 3", False),
        ("prop mass > 5", False),
        ("around 3 element O", True),
        ("element O and (around 3.0 index 1)", True),
        ("prop z>5", True),
        ("prop abs x <= 5", True),
        ("same y as index 3", True),
        ("(sphzone 4 index 1)", True),
    ],
)
def test_what_depends_on_positions(text: str, updating: bool) -> None:
    assert depends_on_positions(text) is updating


@pytest.mark.parametrize("cubic", [True, False])
def test_a_geometric_selection_is_the_neighbourhood_in_each_frame(water: list[Frame], cubic: bool) -> None:
    """Counted again over images, in the liquid and in sheared cells; the same atoms all the time would not do."""
    frames = water if cubic else [triclinic(seed) for seed in range(6)]
    select = atom_selection(["around 3.1 index 4"], frames[0], np.zeros(len(frames[0]), dtype=int))
    found = []
    for frame in frames:
        expected = distances(frame, 4) < 3.1
        expected[4] = False  # MDAnalysis's "around" leaves the centre out
        np.testing.assert_array_equal(select(frame)[0], expected)
        found.append(tuple(expected))
    assert len(set(found)) > 1


def triclinic(seed: int) -> Frame:
    frame = random_frame(seed)
    cell = np.array([[7.0, 0, 0], [1.5, 7, 0], [-1, 1.2, 7]])
    return replace(
        frame, numbers=np.full(9, 8), positions=frame.positions @ np.linalg.inv(frame.cell) @ cell, cell=cell
    )


def test_a_static_selection_stays(water: list[Frame]) -> None:
    select = atom_selection(["element O", "prop z > 5"], water[0], np.zeros(96, dtype=int))
    moved = replace(water[0], positions=water[0].positions + 1.0)
    np.testing.assert_array_equal(select(moved), [water[0].numbers == 8, moved.positions[:, 2] > 5])
    np.testing.assert_array_equal(select(water[0])[1], water[0].positions[:, 2] > 5)


def test_names_and_residues_come_from_the_topology(water: list[Frame], tmp_path: Path) -> None:
    pdb = tmp_path / "water.pdb"
    names = ["OW", "HW1", "HW2"] * 2
    few = replace(water[0], numbers=np.array([8, 1, 1] * 2), positions=water[0].positions[:6], masses=None)
    pdb.write_text(
        "".join(
            f"ATOM  {k + 1:5d}  {name:<3s} SOL A{k // 3 + 1:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00\n"
            for k, (name, (x, y, z)) in enumerate(zip(names, few.positions, strict=True))
        )
    )
    select = atom_selection(["name OW", "resid 2 and resname SOL"], few, np.zeros(6, dtype=int), pdb)
    np.testing.assert_array_equal(select(few), [[1, 0, 0, 1, 0, 0], [0, 0, 0, 1, 1, 1]])
    with pytest.raises(TrajectoryError, match="has 6 atoms, the trajectory 96"):
        atom_selection(["name OW"], water[0], molecules(water[0]), pdb)


def test_an_empty_geometric_selection_is_only_warned_of(water: list[Frame], caplog: pytest.LogCaptureFixture) -> None:
    grouping = make_grouping(("far=prop z > 1000",), water[0])
    assert "'prop z > 1000' holds no atom in the first frame" in caplog.text
    np.testing.assert_array_equal(grouping.counts(grouping.weights(water[0])), [0, 96])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("molecule",), r"--groups takes species, none, molecules, .*not 'molecule'"),
        (("species", "a=element O"), "modes alone, or .*not 'species'"),
        ((), "not nothing"),
        (("a=element O", "a=element H"), "two groups are named a"),
        (("rest=element O",), "two groups are named rest"),
        (("a=elemnt O",), "selection 'elemnt O': Unknown selection token: 'elemnt'"),
        (("a=element O and around 3",), "MDAnalysis rejects the selection 'element O and around 3'"),
        (("a=resname SOL",), "no attribute 'resnames'; names and residues .* only with --topology"),
        (("a=element S",), "'element S' holds no atom; .*--topology"),
        (("a=element O", "b=index 0:4"), r"atom \d+ is in the groups a and b"),
        (("shell 3 around element S",), "'element S' holds no atom"),
        (("shell 4 3 around index 0",), "ascending positive numbers .* not '4 3'"),
        (("shell 0 around index 0",), "ascending positive"),
        (("shell 3..5 around index 0",), "ascending positive"),
        (("shell around index 0",), "--groups takes"),
        (
            ("shell 3 around index 0", "shell 5 around index 1"),
            "takes one shell, not 'shell 3 around index 0' and 'shell 5 around index 1'; it",
        ),
        (("shell 3 around index 0", "bulk=index 5"), "two groups are named bulk; rename one .*that the shell makes"),
        (("shell 3 around index 0", "a=index 1"), r"atom \d+ is in the groups solute and a"),
        (("shell 3 around index 0", "a=element S"), "'element S' holds no atom"),
    ],
)
def test_what_is_refused(water: list[Frame], asked: tuple[str, ...], message: str) -> None:
    with pytest.raises(MimyriaError, match=message):
        make_grouping(asked, water[0])


def test_a_cell_that_mdanalysis_cannot_hold(water: list[Frame]) -> None:
    turned = replace(water[0], cell=np.roll(np.diag([9.0, 10, 11]), 1, axis=0))
    make_grouping(("a=element O",), turned)
    with pytest.raises(TrajectoryError, match="first vector is along x"):
        make_grouping(("a=prop z > 5",), turned)


def test_atoms_that_come_into_two_groups_later(water: list[Frame]) -> None:
    grouping = make_grouping(("a=index 0", "b=prop z > 50"), water[0])
    moved = replace(water[0], positions=water[0].positions + 60.0, time=7.0)
    with pytest.raises(MimyriaError, match=r"frame at 7 fs: atom 0 is in the groups a and b"):
        grouping.weights(moved)


def test_atoms_that_leave_every_selection_are_the_rest(water: list[Frame]) -> None:
    grouping = make_grouping(("low=prop z < 50",), water[0])
    moved = replace(water[0], positions=water[0].positions + 60.0)
    for frame, low in ((water[0], 96), (moved, 0)):
        np.testing.assert_array_equal(grouping.weights(frame).sum(axis=1), [low, 96 - low])


# --- shells -------------------------------------------------------------------------------------


def ion_and_water(*centres: tuple[float, float, float]) -> Frame:
    """A sodium ion at the origin of a cell of 15 Å, and whole water molecules with their oxygen at given places."""
    molecule = np.array([[0, 0, 0.0], [0.76, 0, 0.59], [-0.76, 0, 0.59]])
    positions = np.concatenate([[[0.0, 0, 0]], *(molecule + centre for centre in centres)]) % 15.0
    return Frame(np.array([11] + [8, 1, 1] * len(centres)), positions, 15 * np.eye(3), np.ones(3, dtype=bool))


def shells_of(asked: str, frames: list[Frame]) -> Iterator[list[str]]:
    grouping = make_grouping((asked,), frames[0])
    for frame in frames:
        inside = grouping.weights(frame)
        group = np.array(grouping.names)[inside.argmax(axis=0)]
        whole = group[1:].reshape(-1, 3)
        assert (whole == whole[:, :1]).all()  # an O and its two H, always
        yield [group[0], *whole[:, 0]]


def test_a_molecule_that_enters_the_shell_changes_its_group_at_that_frame() -> None:
    """Nearer than 3 Å, in front of the ion and across the boundary, by the oxygen alone."""
    frames = [ion_and_water((2.5, 0, 0), (0, 0, -x)) for x in (3.3, 3.05, 2.95, 2.7, 3.1)]
    found = list(shells_of("shell 3.0 around element Na", frames))
    assert [groups[2] for groups in found] == ["bulk", "bulk", "shell", "shell", "bulk"]
    assert all(groups[:2] == ["solute", "shell"] for groups in found)
    # its hydrogens point to the ion and are nearer than 3 Å long before
    assert np.linalg.norm((frames[0].positions[5] + 7.5) % 15 - 7.5) < 3.0


def test_two_shells() -> None:
    frame = ion_and_water((2.5, 0, 0), (0, 4.0, 0), (0, 0, 7.0))
    (groups,) = shells_of("shell 3 5 around element Na", [frame])
    assert groups == ["solute", "shell1", "shell2", "bulk"]


def test_named_molecules_are_no_part_of_the_shell(water: list[Frame]) -> None:
    """A counter-ion beside the solute has a group of its own, and the rest is grouped as without it."""
    frame = ion_and_water((2.5, 0, 0), (0, 4.0, 0), (0, 0, 7.0))
    asked = ("shell 3 5 around element Na", "near=index 4", "far=index 8 9")
    grouping = make_grouping(asked, frame)
    assert grouping.names == ("solute", "near", "far", "shell1", "shell2", "bulk")
    weights = grouping.weights(frame)
    np.testing.assert_array_equal(weights.argmax(axis=0), np.repeat([0, 3, 1, 2], [1, 3, 3, 3]))  # whole molecules
    np.testing.assert_array_equal(grouping.counts(weights), [1, 1, 1, 1, 0, 0])
    plain, apart = (
        make_grouping(("shell 3.5 around index 0", *more), water[0]).weights(water[0]) for more in ((), ("a=index 60",))
    )
    others = apart[1] == 0
    np.testing.assert_array_equal(plain[:, others], apart[:, others][[0, 2, 3]])


def test_the_molecule_of_a_selected_atom_is_solute() -> None:
    """Around one hydrogen alone: its whole molecule is the solute, the distance counts from that hydrogen."""
    frame = ion_and_water((2.5, 0, 0), (4.0, 2.0, 0.59))
    near = np.linalg.norm(frame.positions[4] - frame.positions[2])
    for radius, group in ((near - 0.01, "bulk"), (near + 0.01, "shell")):
        (groups,) = shells_of(f"shell {radius} around index 2", [frame])
        assert groups[1:] == ["solute", group]


def test_shells_of_a_liquid_by_brute_force(water: list[Frame]) -> None:
    grouping = make_grouping(("shell 3.5 around index 0",), water[0])
    molecule = molecules(water[0])
    seen = set()
    for frame in water:
        oxygens = (frame.numbers == 8) & (distances(frame, 0) < 3.5)
        expected = np.where(np.isin(molecule, molecule[oxygens]), 1, 2)
        expected[molecule == molecule[0]] = 0
        np.testing.assert_array_equal(grouping.weights(frame).argmax(axis=0), expected)
        seen.add(int(grouping.counts(grouping.weights(frame))[1]))
    assert len(seen) > 1


def test_a_molecule_without_heavy_atoms_counts_with_all_of_its_atoms() -> None:
    positions = np.array([[0, 0, 0], [2.9, 0, 0], [3.64, 0, 0.0]])
    frame = Frame(np.array([11, 1, 1]), positions, 15 * np.eye(3), np.ones(3, dtype=bool))
    grouping = make_grouping(("shell 3 around element Na",), frame)
    np.testing.assert_array_equal(grouping.weights(frame).argmax(axis=0), [0, 1, 1])


def test_radii_in_words() -> None:
    with pytest.raises(ConfigError, match="--groups takes"):
        make_grouping(("shell three around index 0",), ion_and_water((2.5, 0, 0)))


@pytest.mark.parametrize(
    ("text", "in_file"),
    [
        ("index 8 5", "index 6 4"),
        ("around 3 index 8", "around 3 index 6"),
        ("byres index 8", "byres index 6"),
        ("element O and prop mass > 2", "element O"),
    ],
)
def test_selections_count_massless_sites_as_the_file_does(water: list[Frame], text: str, in_file: str) -> None:
    """A site behind every third atom: atom 6 of the water is number 8 in the file, and sites are near to nothing."""
    atoms = np.arange(len(water[0]))
    i, j, _ = find_bonds(water[0])
    molecules = molecules_of(i, j, len(atoms))
    sited = [replace(frame, kept=atoms + atoms // 3) for frame in water]
    select = atom_selection([text], sited[0], molecules)
    alone = atom_selection([in_file], water[0], molecules)
    for frame, other in zip(sited, water, strict=True):
        np.testing.assert_array_equal(select(frame), alone(other))
    assert sited[0].in_file(6) == 8
    assert water[0].in_file(6) == 6


def test_the_composition_counts_molecules_by_their_formula() -> None:
    numbers, molecules = np.array([8, 11, 1, 8, 1, 1, 1]), np.array([0, 1, 0, 2, 0, 2, 2])
    assert composition_of(numbers, molecules) == "2 H2O, 1 Na"
