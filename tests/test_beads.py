"""Beads of a path integral: read in step and averaged, they give what theory says; each wrong file of them is named."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from rings import (
    CHARGE,
    LENGTH,
    OMEGA,
    POLARIZABILITY,
    REDUCED,
    TEMPERATURE,
    THERMAL,
    WAVENUMBER,
    mean_of,
    ring,
    write_beads,
)  # fmt: skip
from scipy import constants
from test_tensor_pass import stopped_after

from conftest import DATA, Run, moving_charges, refused
from ensembles import SETTINGS
from mimyria.elements import masses_of, symbols_of
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.pipeline import make_spectra
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import read_series
from mimyria.spectra.spectrum import read_spectrum
from mimyria.trajectory import Trajectory
from mimyria.trajectory.beads import centroid, files_of
from mimyria.trajectory.kinetics import kinetic_temperature, without_drift
from mimyria.units import BOHR, LIGHT_SPEED, VELOCITY

TENSORS = ("--apt", "frames", "--pgt", "frames")


@pytest.fixture(scope="module")
def beads() -> list[list[Frame]]:
    """Three beads of the molecule along 120 frames."""
    return ring(3, 120)


def assert_same(
    one: Path, other: Path, exactly: bool = False, kinds: tuple[str, ...] = ("ir", "raman", "vdos")
) -> None:
    """All columns of the spectra in two folders are equal, to the rounding in the files of frames."""
    for kind in kinds:
        first, second = (read_spectrum(folder / f"{kind}.csv").columns for folder in (one, other))
        assert list(first) == list(second)
        for name, values in first.items():
            stem = name.removesuffix("_error")
            quantity = first.get(stem, first.get(f"{stem}_cm-1", values))
            largest = np.max(abs(quantity), initial=0.0, where=np.isfinite(quantity))
            rtol, atol = (0, 0) if exactly else (1e-5, 1e-6 * largest + 1e-25)
            np.testing.assert_allclose(second[name], values, rtol=rtol, atol=atol, err_msg=f"{kind}, {name}")


def test_one_bead_is_the_classical_trajectory(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    options = ["--apt", models / "apt.mym", "--pgt", models / "pgt.mym", "--groups", "molecules"]
    assert run("spectrum", water, *options, "--out", tmp_path / "classical")[0] == 0
    status, _, error = run("spectrum", "--beads", water, *options, "--out", tmp_path / "beads")
    assert status == 0, error
    assert_same(tmp_path / "classical", tmp_path / "beads", exactly=True)


def test_copies_of_a_classical_trajectory_are_the_classical_trajectory(
    run: Run, committee: Path, water: Path, tmp_path: Path
) -> None:
    frames = list(read_frames(water))
    write_beads(tmp_path / "b", [frames] * 3)
    options = ["--apt", committee, "--groups", "shell 3 around index 0"]
    assert run("spectrum", water, *options, "--out", tmp_path / "classical")[0] == 0
    status, _, error = run("spectrum", "--beads", tmp_path / "b/*", *options, "--out", tmp_path / "beads")
    assert status == 0, error
    assert "its 3 beads have the same velocities" in error
    assert_same(tmp_path / "classical", tmp_path / "beads", kinds=("ir", "vdos"))


@pytest.mark.parametrize("n_beads", [1, 6])
def test_a_harmonic_oscillator_is_exact_in_quantum_mechanics(tmp_path: Path, n_beads: int) -> None:
    """The golden rule, with ⟨u(0)·u(t)⟩ = 3ħ/(2μω) [(n+1) e^{-iωt} + n e^{iωt}], against P beads at P·T."""
    pattern = write_beads(tmp_path, ring(n_beads, 300))
    spectra = make_spectra(
        (), tmp_path / "o", beads=pattern, apt="frames", pgt="frames", laser=532.0, plot_format=(), resolution=80.0
    )
    ir, raman = spectra["ir"], spectra["raman"]
    nu, energy = ir.wavenumber, constants.h * constants.c * 100 * WAVENUMBER  # J
    step, x = nu[1], energy / (constants.k * TEMPERATURE)
    occupation = 1 / np.expm1(x)
    omega, mass = OMEGA / constants.femto, REDUCED * constants.atomic_mass
    squares = 3 * constants.hbar / (2 * mass * omega) * (occupation + 1)  # m², of the line at +ω
    # n·α = ω (1 - e^{-x})/(6 ħ ε0 c V) ∫⟨M(0)·M(t)⟩ e^{-iωt} dt, whose line has the weight 2π q² squares
    strength = (CHARGE * constants.e) ** 2 * squares * omega * -np.expm1(-x) * 2 * np.pi
    strength /= 6 * constants.hbar * constants.epsilon_0 * constants.c * (LENGTH * constants.angstrom) ** 3
    exact = strength / (2 * np.pi * constants.c) / 100**2  # dω to dν, m⁻² to cm⁻²
    assert ir.values().sum() * step - ir.values()[0] * step / 2 == pytest.approx(exact, rel=1e-4)
    line = abs(nu - WAVENUMBER) < 200
    weights = ir.values()[line]
    assert weights @ nu[line] / weights.sum() == pytest.approx(WAVENUMBER, abs=0.5)
    # Stokes: (1 - ν/ν_L)⁴ (2πc)² (k_B T/hc) c∫⟨α(0)α(t)⟩ e^{-iωt} dt, α = a u_z in the three diagonal components
    light, (lower, upper) = 1e7 / 532.0, (1 - nu[line] / (1e7 / 532.0), 1 + nu[line] / (1e7 / 532.0))
    weight = POLARIZABILITY**2 * squares / 3 / constants.angstrom**2
    expected = (1 - WAVENUMBER / light) ** 4 * (2 * np.pi * LIGHT_SPEED) ** 2 * WAVENUMBER / x * weight
    stokes, antistokes = (raman.columns[f"{name}_VV"][line] for name in ("stokes", "antistokes"))
    assert stokes.sum() * step == pytest.approx(expected, rel=0.005)  # (1 - ν/ν_L)⁴/ν along the width of the line
    ratio = (upper / lower) ** 4 * np.exp(-constants.h * constants.c * 100 * nu[line] / (constants.k * TEMPERATURE))
    np.testing.assert_allclose(antistokes, ratio * stokes, rtol=1e-4)
    # 3N - 3 modes, all of them at the frequency, as of Kubo-transformed velocities
    assert spectra["vdos"].values()[line].sum() * step == pytest.approx(3, rel=0.01)


def test_the_beads_of_a_linear_dipole_are_their_centroid(run: Run, beads: list[list[Frame]], tmp_path: Path) -> None:
    write_frames(tmp_path / "c.extxyz", mean_of(beads))
    status, _, error = run(
        "spectrum", "--beads", write_beads(tmp_path, beads), *TENSORS, "--laser", 532, "--out", tmp_path / "b"
    )
    assert status == 0, error
    assert "the velocities of the 3 beads correspond to 3 × 300 K, those of the centroid to 300 K" in error
    status, _, error = run(
        "spectrum", tmp_path / "c.extxyz", *TENSORS, "--laser", 532, "--nuclei", "centroid", "--out", tmp_path / "c"
    )
    assert status == 0, error
    assert_same(tmp_path / "b", tmp_path / "c")
    assert "path integral of 3 beads" in read_spectrum(tmp_path / "b" / "raman.csv").header["nuclei"]
    assert "centroid of a path integral" in read_spectrum(tmp_path / "c" / "vdos.csv").header["nuclei"]


def drawn(seed: int, n_atoms: int, n_frames: int) -> list[Frame]:
    """Frames with velocities and tensors drawn at random, neutral as a whole."""
    rng = np.random.default_rng(seed)
    numbers = np.resize([8, 1, 1], n_atoms)
    frames = []
    for _ in range(n_frames):
        tensors = {"apt": rng.normal(size=(n_atoms, 3, 3)), "pgt": rng.normal(size=(n_atoms, 3, 3, 3))}
        tensors = {name: values - values.mean(axis=0) for name, values in tensors.items()}
        velocities = rng.normal(size=(n_atoms, 3))
        frames.append(
            Frame(numbers, np.zeros((n_atoms, 3)), 9 * np.eye(3), np.ones(3, dtype=bool), velocities, 0.0, tensors)
        )
    return frames


@pytest.mark.parametrize(("n_beads", "seconds"), [(3, 5.0), (20, 5.0), (3, 0.0), (20, 0.0)])
def test_rates_are_means_over_beads_of_their_own_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_beads: int, seconds: float
) -> None:
    """Also where a frame has more beads than are contracted together (16), or fewer, and where they take long."""
    monkeypatch.setattr("mimyria.rates.response.SECONDS_PER_PART", seconds)
    beads = [drawn(seed, 6, 11) for seed in range(n_beads)]
    series = response_series(
        iter(()),
        (bead for frames in zip(*beads, strict=True) for bead in frames),
        targets=("apt", "pgt"),
        grouping=Grouping.by_species(beads[0][0].numbers),
        timestep=1.0,
        lags=5,
        store=PartStore(tmp_path, SETTINGS),
        n_beads=n_beads,
    )
    for name, axes in (("apt", "a"), ("pgt", "ab")):
        of_beads = [
            [np.einsum(f"n{axes}x,nx->{axes}", f.tensors[name], np.asarray(f.velocities)) for f in frames]
            for frames in beads
        ]
        expected = np.mean(of_beads, axis=0)
        np.testing.assert_allclose(series.rates[name][0:11].sum(axis=1), expected, atol=1e-12)
    assert len(series) == 11
    velocities = np.array([[frame.velocities for frame in frames] for frames in beads])
    masses = masses_of(beads[0][0].numbers)
    for found, expected in (
        (series.temperature, kinetic_temperature(without_drift(velocities.mean(axis=0), masses), masses)),
        (series.bead_temperature, kinetic_temperature(without_drift(velocities, masses), masses).mean(axis=0)),
    ):
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12)


def test_memory_does_not_hold_the_tensors_of_all_beads(tmp_path: Path) -> None:
    """300 atoms: 65 kB a PGT, 7 kB their velocities."""

    def peak(n_beads: int) -> int:
        grouping = Grouping.by_species(np.resize([8, 1, 1], 300))
        frames = (frame for k in range(3 * n_beads) for frame in drawn(k, 300, 1))
        store = PartStore(tmp_path / str(n_beads), SETTINGS)
        tracemalloc.start()
        response_series(
            iter(()), frames, targets=("pgt",), grouping=grouping, timestep=1.0, lags=2, store=store, n_beads=n_beads
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few, many = peak(16), peak(64)
    assert many - few < 48 * 3 * 7_200 + 500_000  # 48 more PGT would be 3.1 MB


def cut(text: str) -> str:
    return text[: int(len(text) * 0.6)]


def shorter(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: 4 * 80])


def reordered(text: str) -> str:
    """H and Cl change places in all frames."""
    lines = text.splitlines(keepends=True)
    for start in range(0, len(lines), 4):
        lines[start + 2], lines[start + 3] = lines[start + 3], lines[start + 2]
    return "".join(lines)


WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "cut": (cut, r"sim\.pos_2\.extxyz: cut in the middle of frame \d+: .*--frames 0:\d+"),
    "shorter": (
        shorter,
        r"sim\.pos_2\.extxyz: ends before frame 80, which .*sim\.pos_0\.extxyz has: .*--frames 0:80",
    ),
    "other order": (reordered, r"sim\.pos_2\.extxyz, frame 0: atom 0 is Cl, but H in .*sim\.pos_0\.extxyz; all beads"),
    "other times": (
        lambda text: re.sub(r"time=(\S+)", lambda found: f"time={float(found[1]) + 2}", text),
        r"sim\.pos_2\.extxyz, frame 0: its time is 2\.0, but 0\.0 in .*sim\.pos_0\.extxyz",
    ),
    "not a number": (
        lambda text: re.sub(r"(?m)^(H +)\S+", r"\1nan", text),
        r"sim\.pos_2\.extxyz, frame 0: the position of atom 0 is \[ *nan",
    ),
    "other cell": (
        lambda text: text.replace('Lattice="10', 'Lattice="11'),
        r"sim\.pos_2\.extxyz, frame 0: another cell than that of .*sim\.pos_0",
    ),
    "another run": (
        lambda text: re.sub(r"(?m)^(H +)(\S+)", lambda found: found[1] + str(float(found[2]) + 5), text),
        r"bead 2 of atom 0 is \S+ Å away from bead 0: the files are not the beads of one run",
    ),
    "empty": (lambda text: "", r"sim\.pos_2\.extxyz: holds no frame"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_bead_is_named(run: Run, beads: list[list[Frame]], tmp_path: Path, name: str) -> None:
    pattern, (change, words) = write_beads(tmp_path, beads), WRONG[name]
    path = tmp_path / "sim.pos_2.extxyz"
    text = path.read_text(encoding="utf-8")
    path.write_text(change(text), encoding="utf-8")
    assert change(text) != text
    result = run("spectrum", "--beads", pattern, *TENSORS, "--out", tmp_path / "o")
    refused(result)
    assert re.search(words, result[2]), result[2]
    assert not (tmp_path / "o" / "ir.csv").exists()


def test_the_part_that_all_beads_have_can_be_used(run: Run, beads: list[list[Frame]], tmp_path: Path) -> None:
    pattern = write_beads(tmp_path, beads)
    path = tmp_path / "sim.pos_2.extxyz"
    path.write_text(shorter(path.read_text(encoding="utf-8")), encoding="utf-8")
    status, _, error = run("spectrum", "--beads", pattern, *TENSORS, "--out", tmp_path / "o", "--frames", "0:80")
    assert status == 0, error


def test_a_bead_without_velocities_is_named(beads: list[list[Frame]], tmp_path: Path) -> None:
    still = [replace(frame, velocities=None) for frame in beads[1]]
    pattern = write_beads(tmp_path, [beads[0], still])
    with pytest.raises(TrajectoryError, match=r"sim\.pos_1\.extxyz, frame 0: no velocities, but .*sim\.pos_0\.extxyz"):
        Trajectory(pattern, beads=pattern)


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def test_files_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    touched(tmp_path, *(f"run-3.pos_{k}.xyz" for k in range(12)))
    assert [path.name for path in files_of(tmp_path / "run-3.pos_*.xyz")] == [f"run-3.pos_{k}.xyz" for k in range(12)]
    assert files_of(tmp_path / "run-3.pos_4.xyz") == [tmp_path / "run-3.pos_4.xyz"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), r"no such file, and no file that matches it as a pattern"),
        (("a.pos_0.xyz", "a.pos_1.xyz", "a.pos_3.xyz"), r"of bead 2 there is no file; 3 are there"),
        (("a.pos_01.xyz", "a.pos_02.xyz", "a.pos_05.xyz"), r"of bead 3, 4 there is no file"),
        (("a.pos_2.xyz", "a.pos_3.xyz"), r"of bead 1 there is no file"),
        (("a.pos_0.xyz", "b.pos_0.xyz"), r"differ in more than the number of a bead"),
        (("a-1.pos_0.xyz", "a-2.pos_1.xyz"), r"differ in more than the number of a bead"),
        (("a.pos_0.xyz", "a.pos_00.xyz"), r"differ in more than the number of a bead"),
        (("a.pos_0.xyz", "a.pos_1.xyz", "a.pos_1.old.xyz"), r"differ in more than the number of a bead"),
    ],
)
def test_a_pattern_that_does_not_fit_is_refused(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    touched(tmp_path, *names)
    with pytest.raises(TrajectoryError, match=words):
        files_of(tmp_path / "*pos_*xyz")


def test_numbers_may_begin_with_one(tmp_path: Path) -> None:
    touched(tmp_path, "w-pos-1-1.xyz", "w-pos-2-1.xyz")
    assert len(files_of(tmp_path / "w-pos-*-1.xyz")) == 2


@pytest.mark.parametrize("suffix", ["xyz", "xyz.xz"])
def test_positions_and_velocities_in_two_files_a_bead(
    run: Run, beads: list[list[Frame]], models: Path, tmp_path: Path, suffix: str
) -> None:
    whole = write_beads(tmp_path, beads)
    write_beads(tmp_path, [[replace(f, velocities=None) for f in of] for of in beads], f"p_{{}}.{suffix}")
    moving = [[replace(f, positions=f.velocities, velocities=None, tensors={}) for f in of] for of in beads]  # type: ignore[arg-type]
    write_beads(tmp_path, moving, f"v_{{}}.{suffix}")
    pair = [
        "--beads",
        tmp_path / f"p_*.{suffix}",
        "--velocities",
        tmp_path / f"v_*.{suffix}",
        "--velocity-unit",
        "A/fs",
    ]
    assert run("spectrum", "--beads", whole, *TENSORS, "--out", tmp_path / "a")[0] == 0
    status, _, error = run("spectrum", *pair, *TENSORS, "--out", tmp_path / "b")
    assert status == 0, error
    assert_same(tmp_path / "a", tmp_path / "b")
    (tmp_path / f"v_2.{suffix}").unlink()
    refused(run("spectrum", *pair, *TENSORS, "--out", tmp_path / "c"), "bead 2 has a file that matches", "v_*.xyz")


@pytest.mark.parametrize("together", [True, False])
def test_one_file_of_all_beads(run: Run, beads: list[list[Frame]], tmp_path: Path, together: bool) -> None:
    """The beads of one time follow each other, or one bead's run follows another's."""
    frames = [frame for instant in (zip(*beads, strict=True) if together else beads) for frame in instant]
    write_frames(tmp_path / "all.extxyz", frames)
    assert run("spectrum", "--beads", write_beads(tmp_path, beads), *TENSORS, "--out", tmp_path / "a")[0] == 0
    status, _, error = run("spectrum", "--beads", tmp_path / "all.extxyz", *TENSORS, "--out", tmp_path / "b")
    assert status == 0, error
    assert "the 3 beads" in error
    assert_same(tmp_path / "a", tmp_path / "b")
    write_frames(tmp_path / "all.extxyz", frames[:-2])
    result = run("spectrum", "--beads", tmp_path / "all.extxyz", *TENSORS, "--out", tmp_path / "c")
    refused(result, f"all.extxyz, bead {1 if together else 2}: ends before frame {119 if together else 118}")


def as_ipi(frame: Frame, step: int, bead: int, quantity: str) -> str:
    """A frame in the default form of i-PI, in atomic units."""
    values = frame.positions / BOHR if quantity == "positions" else np.asarray(frame.velocities) / VELOCITY["au"]
    cell = "".join(f"{length / BOHR:11.5f}" for length in np.diag(frame.cell)) + 3 * "   90.00000"
    head = f"# CELL(abcABC): {cell}  Step: {step:11d}  Bead: {bead:7d} {quantity}{{atomic_unit}}  cell{{atomic_unit}}"
    symbols = symbols_of(frame.numbers)
    rows = [f"{name:>8} {x:12.5e} {y:12.5e} {z:12.5e}" for name, (x, y, z) in zip(symbols, values, strict=True)]
    return "\n".join([str(len(frame)), head, *rows, ""])


@pytest.mark.parametrize("in_one_file", [True, False])
def test_beads_of_i_pi(run: Run, models: Path, tmp_path: Path, in_one_file: bool) -> None:
    """They have no tensors: a network of waters at rest, whose beads are moved apart, gives them."""
    rng, frames = np.random.default_rng(0), list(islice(read_frames(DATA / "water32.extxyz.xz"), 12))
    apart = rng.normal(size=(3, len(frames[0]), 3))
    apart -= apart.mean(axis=0)
    speed = np.sqrt(3 * THERMAL / masses_of(frames[0].numbers))[:, None]  # of beads at 3·300 K
    beads = [
        [replace(f, positions=f.positions + 0.05 * d, velocities=np.asarray(f.velocities) + speed * d) for f in frames]
        for d in apart
    ]
    for name, quantity in (("pos", "positions"), ("vel", "velocities")):
        texts = [[as_ipi(f, 8 * t, k, quantity) for t, f in enumerate(of)] for k, of in enumerate(beads)]
        if in_one_file:
            (tmp_path / f"{name}.xyz").write_text("".join("".join(each) for each in zip(*texts, strict=True)))
        else:
            for k, of in enumerate(texts):
                (tmp_path / f"sim.{name}_{k}.xyz").write_text("".join(of))
    step = frames[1].time - frames[0].time  # type: ignore[operator]
    options = ["--apt", models / "apt.mym", "--temperature", 300, "--timestep", step]
    pair = [tmp_path / f"{name}.xyz" if in_one_file else tmp_path / f"sim.{name}_*.xyz" for name in ("pos", "vel")]
    status, _, error = run("spectrum", "--beads", pair[0], "--velocities", pair[1], *options, "--out", tmp_path / "a")
    assert status == 0, error
    status, _, error = run("spectrum", "--beads", write_beads(tmp_path / "b", beads), *options, "--out", tmp_path / "c")
    assert status == 0, error
    one, other = (read_spectrum(tmp_path / name / "ir.csv").values() for name in "ac")
    np.testing.assert_allclose(one, other, atol=1e-3 * other.max())  # i-PI prints six digits
    if in_one_file:
        refused(run("spectrum", pair[0], *options, "--out", tmp_path / "d"), "the beads 0 to 2", "--beads")


@pytest.mark.parametrize("with_velocities", [True, False])
def test_an_interrupted_pass_goes_on(run: Run, beads: list[list[Frame]], tmp_path: Path, with_velocities: bool) -> None:
    """It stops between the beads of a frame, whose first ones are computed again."""
    if not with_velocities:
        beads = [[replace(frame, velocities=None) for frame in of] for of in beads]
    options = ["--beads", write_beads(tmp_path, beads), *TENSORS, "--temperature", 300, "--frames", "10:110"]
    assert run("spectrum", *options, "--out", tmp_path / "whole")[0] == 0
    with stopped_after(3 * 50 + 2):
        status, _, error = run("spectrum", *options, "--out", tmp_path / "parts")
    assert status == 130
    assert "50 frames of" in error
    status, _, error = run("spectrum", *options, "--out", tmp_path / "parts", "--resume")
    assert status == 0, error
    assert "resuming after 50 frames" in error
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_a_stride_takes_every_bead_of_the_frames_it_takes(run: Run, tmp_path: Path) -> None:
    """What it folds back is that of the means over the beads, not of the modes of the ring, which are faster."""
    beads = ring(3, 140)
    write_beads(tmp_path / "few", [of[::2] for of in beads])
    options = [*TENSORS, "--temperature", 300, "--resolution", 500, "--groups", "none"]
    pattern = write_beads(tmp_path, beads)
    _, _, error = run("spectrum", "--beads", pattern, *options, "--out", tmp_path / "a", "--stride", 2)
    folded = re.search(r"APT: (\S+) % of the power lies above 4170 cm", error)
    assert folded is not None
    assert float(folded[1]) < 1
    assert run("spectrum", "--beads", tmp_path / "few" / "*", *options, "--out", tmp_path / "b")[0] == 0
    assert_same(tmp_path / "a", tmp_path / "b")


def test_differences_of_the_positions_of_every_bead(run: Run, beads: list[list[Frame]], tmp_path: Path) -> None:
    """The centroid's are attenuated by a known factor, which is undone; they need the temperature."""
    still = [[replace(frame, velocities=None) for frame in of] for of in beads]
    pattern = write_beads(tmp_path, still)
    refused(run("spectrum", "--beads", pattern, *TENSORS, "--out", tmp_path / "a"), "give --temperature K")
    options = [*TENSORS, "--temperature", 300, "--out", tmp_path / "a"]
    status, _, error = run("spectrum", "--beads", pattern, *options)
    assert status == 0, error
    assert "made by central differences" in error
    moving = write_beads(tmp_path, beads, "moving_{}.extxyz")
    assert run("spectrum", "--beads", moving, *TENSORS, "--temperature", 300, "--out", tmp_path / "b")[0] == 0
    weights = []
    for name in "ab":
        ir = read_spectrum(tmp_path / name / "ir.csv")
        line = abs(ir.wavenumber - WAVENUMBER) < 1000  # the line has a width of 400 cm⁻¹ after so short a time
        weights.append(ir.values()[line].sum() * ir.wavenumber[1])
    assert weights[0] == pytest.approx(weights[1], rel=0.01)


def test_a_gap_is_one_in_all_beads(run: Run, beads: list[list[Frame]], tmp_path: Path) -> None:
    pattern = write_beads(tmp_path, [of[:50] + of[70:] for of in beads])
    status, _, error = run("spectrum", "--beads", pattern, *TENSORS, "--out", tmp_path / "o", "--resolution", 500)
    assert status == 0, error
    assert error.count("the time jumps at") == 1
    assert [len(series) for series in read_series(tmp_path / "o" / "series.h5")] == [50, 50]


def test_atoms_at_the_face_of_the_cell_have_their_centroid_there(beads: list[list[Frame]]) -> None:
    """Wrapped into the cell, bead by bead."""
    shift = [LENGTH - np.mean([of[7].positions[0, 0] for of in beads]), 0, 0]  # H has its centroid at the face
    shifted = [replace(of[7], positions=(of[7].positions + shift)) for of in beads]
    wrapped = [replace(frame, positions=frame.positions % LENGTH) for frame in shifted]
    assert np.ptp([frame.positions[0, 0] for frame in wrapped]) > 9
    found = centroid("a.xyz", replace(wrapped[0], beads=tuple(wrapped)))
    expected = np.mean([frame.positions for frame in shifted], axis=0)
    apart = (found.positions - expected + LENGTH / 2) % LENGTH - LENGTH / 2
    np.testing.assert_allclose(apart, 0, atol=1e-12)


def hot_charges(n_beads: int, factor: float) -> list[list[Frame]]:
    """Beads of free charges at 300 K times a factor, around one centroid."""
    each = [moving_charges(40, 2.0, seed=seed, temperature=300.0 * factor)[0] for seed in range(n_beads)]
    return [[replace(f, positions=g.positions) for f, g in zip(of, each[0], strict=True)] for of in each]


def test_beads_at_another_temperature_than_that_of_a_ring_are_refused(run: Run, tmp_path: Path) -> None:
    """P·T with the masses of the atoms; a generalised Langevin thermostat or scaled masses give something else."""
    command = ["--apt", "frames", "--out", tmp_path / "o"]
    pattern = write_beads(tmp_path, hot_charges(8, 8.0))
    status, _, error = run("spectrum", "--beads", pattern, *command)
    assert status == 0, error
    beads = hot_charges(8, 8.0)
    middle = mean_of(beads)
    for of in beads:  # the motion of the ring slowed down, that of the centroid as it was
        of[:] = [
            replace(f, velocities=c.velocities + 0.4 * (f.velocities - c.velocities))  # type: ignore[operator]
            for f, c in zip(of, middle, strict=True)
        ]
    pattern = write_beads(tmp_path / "slow", beads)
    result = run("spectrum", "--beads", pattern, *command)
    refused(result, "8 beads correspond to 8 ×", "scaled masses or a generalised Langevin thermostat (PIGLET)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--beads", "b/sim.pos_*.extxyz", "--correction", "standard"),
            "--correction standard is for classical nuclei",
        ),
        (("c.extxyz", "--nuclei", "centroid", "--correction", "none"), "not for --nuclei centroid"),
        (("c.extxyz", "--nuclei", "effective", "--correction", "schofield"), "not for --nuclei effective"),
        (("c.extxyz", "--beads", "b/sim.pos_*.extxyz"), "leave c.extxyz out"),
        (("--beads", "b/sim.pos_0.extxyz", "b/sim.pos_1.extxyz"), "needs its quotes"),
        (("c.extxyz", "--nuclei", "beads"), "--nuclei beads needs --beads PATTERN"),
        (("--beads", "b/sim.pos_*.extxyz", "--nuclei", "centroid"), "takes a single trajectory"),
        (("--beads", "nothing_*.xyz"), "nothing_*.xyz: no such file, and no file that matches it"),
        ((), "no trajectory is given"),
        (("c.extxyz", "--nuclei", "quantum"), "--nuclei takes classical, beads, centroid, effective, not 'quantum'"),
    ],
)
def test_settings_that_contradict_are_refused(
    run: Run,
    beads: list[list[Frame]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_beads(Path("b"), [of[:20] for of in beads])
    write_frames(Path("c.extxyz"), beads[0][:20])
    refused(run("spectrum", *words, "--apt", "frames", "--out", "o"), said)
    assert not Path("o").exists()


def test_rates_remember_their_nuclei(run: Run, beads: list[list[Frame]], tmp_path: Path) -> None:
    assert run("spectrum", "--beads", write_beads(tmp_path, beads), *TENSORS, "--out", tmp_path / "a")[0] == 0
    again = ["spectrum", tmp_path / "a" / "series.h5", "--out", tmp_path / "b"]
    status, _, error = run(*again)
    assert status == 0, error
    assert_same(tmp_path / "a", tmp_path / "b")
    assert "path integral of 3 beads" in read_spectrum(tmp_path / "b" / "ir.csv").header["nuclei"]
    refused(run(*again, "--correction", "standard"), "not for --nuclei beads")
    refused(run(*again, "--nuclei", "classical"), "does not fit rates of --nuclei beads")
    # what was given can be given again
    status, _, error = run("spectrum", "--config", tmp_path / "a" / "settings.yaml", "--out", tmp_path / "c")
    assert status == 0, error
    assert_same(tmp_path / "a", tmp_path / "c")


def test_velocities_of_lammps_are_of_modes_and_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for bead in (1, 2):
        with (tmp_path / f"p.{bead}.lammpstrj").open("w") as file:
            for step in range(5):
                file.write(
                    f"ITEM: UNITS\nmetal\nITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n2\n"
                    "ITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\nITEM: ATOMS id element x y z vx vy vz\n"
                    f"1 O 1 1 {1 + 0.01 * bead} 50 0 0\n2 H 1.96 {1 + 0.01 * step} 1 0 70 0\n"
                )
    with caplog.at_level("INFO", "mimyria"):
        trajectory = Trajectory(beads=tmp_path / "p.*.lammpstrj", path="", timestep=1.0)
        frames = list(trajectory.frames())
    assert trajectory.differenced
    np.testing.assert_allclose(frames[0].velocities[1], [0, 0.01, 0], atol=1e-9)
    assert "LAMMPS keeps those of the modes of the ring" in caplog.text


def test_beads_one_after_the_other_repeat_their_time(beads: list[list[Frame]], tmp_path: Path) -> None:
    write_frames(tmp_path / "all.extxyz", [bead for together in zip(*beads, strict=True) for bead in together])
    with pytest.raises(
        TrajectoryError, match=r"repeat the time of the frame before .*beads of a ring polymer.*--beads"
    ):
        Trajectory(tmp_path / "all.extxyz")
    write_frames(tmp_path / "doubled.extxyz", [frame for frame in beads[0] for _ in range(2)])
    (segment,) = Trajectory(tmp_path / "doubled.extxyz").segments()
    assert segment.n_frames == len(beads[0])
