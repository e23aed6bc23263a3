"""Motions of molecules: parts that add up, molecules that move in one way only, and the spectra of each motion."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polarizable
import pytest

from conftest import Run, interrupted, refused, rotation
from mimyria.elements import frame_masses
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.memory import Identity
from mimyria.molecules import find_bonds
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.motions import by_motion
from mimyria.rates.response import response_series
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.spectrum import read_spectrum

WATER = ([8, 1, 1], [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0.0]])
TETRAHEDRON = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / np.sqrt(3)
SULFATE = ([16, 8, 8, 8, 8], np.concatenate([[[0, 0, 0]], 1.49 * TETRAHEDRON]))
CARBON_DIOXIDE = ([6, 8, 8], [[0, 0, 0], [0, 0, 1.16], [0, 0, -1.16]])
METHANOL = (
    [6, 8, 1, 1, 1, 1],
    [[0, 0, 0], [1.42, 0, 0], [1.73, 0.9, 0.1], [-0.36, 1.03, 0], [-0.36, -0.5, 0.9], [-0.36, -0.5, -0.9]],
)
HYDROXIDE = ([8, 1], [[0, 0, 0], [0, 0.6, 0.77]])
SODIUM = ([11], [[0, 0, 0]])
LENGTH = 18.0


def frame_of(*molecules: tuple[object, object], seed: int = 0, scatter: float = 0.03) -> Frame:
    """Molecules on a lattice, turned, a little distorted, cut by the boundary, with velocities of a gas."""
    rng = np.random.default_rng(seed)
    numbers, positions = [], []
    for k, (of_atoms, places) in enumerate(molecules):
        numbers.append(np.array(of_atoms))
        where = np.array(places, dtype=float) @ rotation(seed + k) + 6.0 * np.array([k % 3, k // 3 % 3, k // 9])
        positions.append(where + rng.normal(0, scatter, size=where.shape))
    together = np.concatenate(positions) % LENGTH
    velocities = 0.01 * rng.normal(size=together.shape)
    return Frame(np.concatenate(numbers), together, LENGTH * np.eye(3), np.ones(3, dtype=bool), velocities)


def split(frame: Frame, velocities: np.ndarray | None = None) -> dict[str, np.ndarray]:
    grouping = by_motion(frame, find_bonds(frame))
    assert grouping.parts is not None
    assert len(set(grouping.names)) == len(grouping.names)
    moving = frame.velocities if velocities is None else velocities
    return dict(zip(grouping.names, grouping.parts(frame, np.asarray(moving)), strict=True))


ALL = (WATER, SULFATE, CARBON_DIOXIDE, METHANOL, HYDROXIDE, SODIUM, WATER)


def test_the_motions_of_molecules_have_names() -> None:
    names = list(split(frame_of(*ALL)))
    assert [name for name in names if name.startswith("H2O_")] == [
        f"H2O_{motion}" for motion in ("translation", "rotation", "bend", "symmetric_stretch", "antisymmetric_stretch")
    ]
    assert [name for name in names if name.startswith("CH4O_")] == [
        "CH4O_translation",
        "CH4O_rotation",
        "CH4O_torsion",
        "CH4O_bend",
        "CH4O_CO_stretch",
        "CH4O_CH_symmetric_stretch",
        "CH4O_CH_antisymmetric_stretch",
        "CH4O_OH_stretch",
    ]
    assert [name for name in names if name.startswith("HO_")] == ["HO_translation", "HO_rotation", "HO_stretch"]
    assert [name for name in names if name.startswith("Na")] == ["Na_translation"]


@pytest.mark.parametrize("seed", range(3))
def test_parts_add_up_and_so_do_their_kinetic_energies(seed: int) -> None:
    frame = frame_of(*ALL, seed=seed)
    parts, masses = split(frame), frame_masses(frame)
    np.testing.assert_allclose(sum(parts.values()), frame.velocities, atol=1e-14)
    energy = {name: float((masses[:, None] * part**2).sum()) for name, part in parts.items()}
    # Parts of stretches, or of bends, among themselves are not orthogonal where they are not equal by symmetry.
    rest = sum(value for name, value in energy.items() if not name.endswith(("stretch", "bend")))
    for each in ("stretch", "bend"):
        together = sum(part for name, part in parts.items() if name.endswith(each))
        rest += float((masses[:, None] * together**2).sum())
    assert rest == pytest.approx((masses[:, None] * np.asarray(frame.velocities) ** 2).sum(), rel=1e-9)


def test_each_motion_has_its_share_of_the_energy() -> None:
    """k_B T/2 for each of its coordinates: of water 3, 3, 1, 1, 1; of methanol's torsion 1, of its bends 6."""
    frame = frame_of(WATER, SULFATE, CARBON_DIOXIDE, METHANOL, scatter=0.0)
    masses = frame_masses(frame)[:, None]
    grouping = by_motion(frame, find_bonds(frame))
    assert grouping.parts is not None
    energy = np.zeros(len(grouping.names))
    for one in np.eye(3 * len(frame)).reshape(-1, len(frame), 3):  # the trace of each projector
        energy += (masses * grouping.parts(frame, one / np.sqrt(masses)) ** 2).sum(axis=(1, 2))
    found = dict(zip(grouping.names, energy, strict=True))
    expected = {
        **{"H2O_translation": 3, "H2O_rotation": 3, "H2O_bend": 1},
        **{"H2O_symmetric_stretch": 1, "H2O_antisymmetric_stretch": 1},
        **{"CO2_translation": 3, "CO2_rotation": 2, "CO2_bend": 2},
        **{"CO2_symmetric_stretch": 1, "CO2_antisymmetric_stretch": 1},
        **{"SO4_rotation": 3, "SO4_symmetric_stretch": 1, "SO4_antisymmetric_stretch": 3},
        **{"SO4_symmetric_bend": 2, "SO4_antisymmetric_bend": 3},
        **{"CH4O_rotation": 3, "CH4O_torsion": 1, "CH4O_bend": 6, "CH4O_OH_stretch": 1},
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=0.1 if name.endswith("OH_stretch") else 1e-6), name


def test_a_rigid_body_has_neither_stretch_nor_bend() -> None:
    frame = frame_of(*ALL)
    whole = split(frame, np.tile([0.01, -0.02, 0.03], (len(frame), 1)))
    for name, part in whole.items():
        assert name.endswith("translation") or abs(part).max() < 1e-14, name
    lone = frame_of(METHANOL, SULFATE)
    for atoms in (slice(0, 6), slice(6, 11)):
        velocities = np.zeros((11, 3))
        # in the periodic image of the first atom
        apart = lone.positions[atoms] - lone.positions[atoms][0]
        velocities[atoms] = np.cross([0.01, 0.02, -0.03], apart - LENGTH * np.round(apart / LENGTH))
        parts = split(lone, velocities)
        inside = max(abs(part).max() for name, part in parts.items() if not name.endswith(("translation", "rotation")))
        assert inside < 1e-12


@pytest.mark.parametrize("improper", [False, True])
def test_turning_the_frame_turns_the_parts(improper: bool) -> None:
    frame = replace(frame_of(*ALL), periodic=np.zeros(3, dtype=bool))
    frame = replace(frame, positions=frame_of(*ALL).positions)
    turn = rotation(7, improper=improper)
    periodic = replace(frame, periodic=np.ones(3, dtype=bool))
    turned = replace(
        periodic,
        positions=periodic.positions @ turn,
        velocities=np.asarray(periodic.velocities) @ turn,
        cell=periodic.cell @ turn,
    )
    for (name, part), (same, other) in zip(split(periodic).items(), split(turned).items(), strict=True):
        assert name == same
        np.testing.assert_allclose(part @ turn, other, atol=1e-10)


@pytest.mark.parametrize(
    ("molecule", "motion", "displacement"),
    [
        (WATER, "antisymmetric_stretch", lambda r: np.array([(r[2] - r[1]) / 15.999, r[1] / 1.008, -r[2] / 1.008])),
        (CARBON_DIOXIDE, "symmetric_stretch", lambda r: r),
        (CARBON_DIOXIDE, "antisymmetric_stretch", lambda r: np.array([[0, 0, -8 / 3], [0, 0, 1], [0, 0, 1]])),
        (CARBON_DIOXIDE, "bend", lambda r: np.array([[-8 / 3, 1, 0], [1, -3 / 8, 0], [1, -3 / 8, 0]])),
        (SULFATE, "symmetric_stretch", lambda r: r),
        (SULFATE, "symmetric_bend", lambda r: r * [1, 1, -2]),
        (SULFATE, "symmetric_bend", lambda r: r * [1, -1, 0]),
        (SULFATE, "antisymmetric_bend", lambda r: [0, 0, 1] * (r**2).sum(axis=1)[:, None] - r * r[:, 2:]),
    ],
    ids=["water ν3", "CO2 ν1", "CO2 ν3", "CO2 ν2", "sulfate ν1", "sulfate ν2", "sulfate ν2'", "sulfate ν4"],
)
def test_a_normal_mode_is_one_motion(molecule: tuple[object, object], motion: str, displacement: object) -> None:
    """Modes that symmetry alone determines, along the axes of the table above and turned by the lattice."""
    frame = frame_of(molecule, scatter=0.0)
    positions = np.array(molecule[1], dtype=float)
    masses = frame_masses(frame)[:, None]
    mode = displacement(positions)  # type: ignore[operator]
    mode = (mode - (masses * mode).sum(axis=0) / masses.sum()) @ rotation(0)
    parts = split(frame, mode)
    for name, part in parts.items():
        wanted = mode if name.endswith(f"_{motion}") else np.zeros_like(mode)
        np.testing.assert_allclose(part, wanted, atol=1e-8, err_msg=name)


def test_the_bend_of_water_keeps_the_bonds() -> None:
    frame = frame_of(WATER, scatter=0.0)
    across = np.array([[0, 0, 0], [-0.59, 0.76, 0], [0.59, 0.76, 0]])
    masses = frame_masses(frame)[:, None]
    mode = (across - (masses * across).sum(axis=0) / masses.sum()) @ rotation(0)
    np.testing.assert_allclose(split(frame, mode)["H2O_bend"], mode, atol=1e-8)


def test_the_bends_of_a_tetrahedron_of_two_kinds_are_one() -> None:
    frame = frame_of(SULFATE, scatter=0.0)
    numbers = frame.numbers.copy()
    numbers[1] = 9
    assert "SO3F_bend" in split(replace(frame, numbers=numbers))


def test_a_bond_to_deuterium_is_another_one() -> None:
    frame = frame_of(WATER, WATER)
    masses = frame_masses(frame)
    masses[1] = 2.014
    heavy = replace(frame, masses=masses)
    grouping = by_motion(heavy, find_bonds(heavy))
    assert {"H2O_OD_stretch", "H2O_OH_stretch", "H2O_symmetric_stretch"} <= set(grouping.names)
    assert grouping.names.count("H2O_bend") == 2  # of either kind of molecules, summed where they are shown


def test_a_network_moves_as_one() -> None:
    """A chain bonded to its own images has neither place nor axes."""
    positions = np.array([[1.5 * k, 0, 0] for k in range(8)] + [[5.0, 5, 5]])
    frame = Frame(np.array([6] * 8 + [18]), positions, np.diag([12.0, 12, 12]), np.ones(3, dtype=bool))
    velocities = np.random.default_rng(0).normal(size=(9, 3))
    parts = split(frame, velocities)
    assert list(parts) == ["C8_motion", "Ar_translation"]
    np.testing.assert_array_equal(sum(parts.values()), velocities)


@pytest.fixture(scope="module")
def vibrating() -> list[Frame]:
    return [polarizable.labelled(frame) for frame in polarizable.run(3, 300, 3.0)]


def passed(
    frames: list[Frame], folder: Path, n_done: int = 0, stop: int | None = None, **rounding: float
) -> ResponseSeries:
    grouping = by_motion(frames[0], find_bonds(frames[0]))
    bare = [replace(frame, tensors={}) for frame in frames[:n_done]]
    return response_series(
        iter(bare),
        frames[n_done:] if stop is None else interrupted(iter(frames), stop),
        targets=("apt", "pgt"),
        grouping=grouping,
        timestep=3.0,
        lags=60,
        store=PartStore(folder, Identity()),
        **rounding,
    )


def test_rounding_is_taken_from_each_motion(tmp_path: Path) -> None:
    """Waters that stand still but for the rounding of their positions: nothing is left of any motion."""
    still, rng, quantum = frame_of(*[WATER] * 18), np.random.default_rng(5), 0.01
    off = rng.uniform(-quantum / 2, quantum / 2, size=(602, len(still), 3))
    tensors = {name: np.zeros((len(still), *(3,) * order)) for name, order in (("apt", 2), ("pgt", 3))}
    frames = [replace(still, velocities=each, tensors=tensors) for each in (off[2:] - off[:-2]) / 6.0]
    noisy = passed(frames, tmp_path / "a")
    mended = passed(frames, tmp_path / "b", differenced=3.0, quantum=quantum)
    assert noisy.motion_correlation is not None
    assert mended.motion_correlation is not None
    whole = noisy.motion_correlation[:, 0].sum()
    assert abs(mended.motion_correlation[:, [0, 2]]).max() < 0.02 * whole
    assert abs(noisy.motion_correlation[:, [0, 2]]).max() > 0.2 * whole
    np.testing.assert_allclose(
        mended.motion_correlation.sum(axis=0), mended.velocity_correlation.sum(axis=0), atol=0.002 * whole
    )


def test_rates_of_motions_add_up_and_a_stopped_pass_goes_on(vibrating: list[Frame], tmp_path: Path) -> None:
    frames = vibrating[:90]
    series = passed(frames, tmp_path / "whole")
    species = response_series(
        iter(()),
        frames,
        targets=("apt", "pgt"),
        grouping=Grouping.by_species(frames[0].numbers),
        timestep=3.0,
        lags=60,
        store=PartStore(tmp_path / "species", Identity()),
    )
    for name in ("apt", "pgt"):
        np.testing.assert_allclose(series.rates[name][:].sum(axis=1), species.rates[name][:].sum(axis=1), atol=1e-12)
    assert series.motion_correlation is not None
    np.testing.assert_allclose(
        series.motion_correlation.sum(axis=0), series.velocity_correlation.sum(axis=0), atol=1e-5
    )
    with pytest.raises(KeyboardInterrupt):
        passed(frames, tmp_path / "parts", stop=50)
    again = passed(frames, tmp_path / "parts", PartStore(tmp_path / "parts", Identity()).n_frames)
    np.testing.assert_allclose(again.rates["apt"][:], series.rates["apt"][:], atol=1e-14)
    np.testing.assert_allclose(again.motion_correlation, series.motion_correlation, atol=1e-6)


def test_spectra_by_motions(run: Run, vibrating: list[Frame], tmp_path: Path) -> None:
    """Where the molecules were made to bend, at 1640 cm⁻¹, the bend is; the stretches lie about 3450 cm⁻¹."""
    write_frames(tmp_path / "md.extxyz", vibrating)
    options = ["--apt", "frames", "--pgt", "frames", "--resolution", "60", "--groups", "motions"]
    status, _, error = run("spectrum", tmp_path / "md.extxyz", *options, "--out", tmp_path / "a")
    assert status == 0, error
    assert "motions: H2O_translation, H2O_rotation, H2O_bend, H2O_symmetric_stretch" in error
    for kind, name, whole in (
        ("ir", "n_alpha", "n_alpha_cm-1"),
        ("raman", "isotropic", "isotropic"),
        ("raman", "anisotropic", "anisotropic"),
        ("vdos", "vdos", "vdos"),
    ):
        table = read_spectrum(tmp_path / "a" / f"{kind}.csv")
        parts = {pair: values for pair, values in table.contributions(whole).items() if len(pair) == 2}
        assert len(parts) == 15
        total = table.values(whole)
        np.testing.assert_allclose(sum(parts.values()), total, atol=2e-5 * abs(total).max())
        if name == "isotropic":  # in which neither the bend nor the antisymmetric stretch is seen
            continue
        bend = parts["H2O_bend", "H2O_bend"]
        low, high = (abs(table.wavenumber - centre) < 250 for centre in (1640, 3450))
        assert bend[low].max() > 5 * abs(bend[high]).max(), (kind, name)
        stretch = parts["H2O_antisymmetric_stretch", "H2O_antisymmetric_stretch"]
        assert stretch[high].max() > 5 * abs(stretch[low]).max(), (kind, name)
    assert run("spectrum", tmp_path / "a" / "series.h5", "--resolution", "60", "--out", tmp_path / "b")[0] == 0
    for kind in ("ir", "raman", "vdos"):
        assert (tmp_path / "b" / f"{kind}.csv").read_text() == (tmp_path / "a" / f"{kind}.csv").read_text()
    refused(run("spectrum", tmp_path / "md.extxyz", *options, "--groups", "none", "--out", tmp_path / "c"), "--groups")
    refused(
        run("spectrum", tmp_path / "md.extxyz", *options, "--per", "molecule", "--out", tmp_path / "d"),
        "--per molecule",
    )
