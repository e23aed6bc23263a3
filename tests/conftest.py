"""What several tests share: the sample in the package, and small systems made up on the spot."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.resources import files
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as the command does, before torch is imported

import numpy as np
import pytest

from mimyria import __main__
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum
from mimyria.targets import TARGETS

if TYPE_CHECKING:
    from mimyria.model.model import ResponseModel

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DATA = Path(str(files("mimyria") / "data"))

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spectra without pictures, which take most of their time; the mark ``pictures`` has them drawn."""
    if request.node.get_closest_marker("pictures") is None:
        monkeypatch.setattr("mimyria.pipeline.write_pictures", lambda *_: None)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run side by side; those of several processes start them, see `working`."""
    monkeypatch.setattr("mimyria.parallel.pool.SECONDS_ALONE", 1e9)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Call the command in this process; return status, standard output, standard error."""
    logger = logging.getLogger("mimyria")
    before = list(logger.handlers)

    def call(*arguments: object) -> tuple[int, str, str]:
        logger.handlers[:] = []
        monkeypatch.setattr("sys.argv", ["mimyria", *map(str, arguments)])
        capfd.readouterr()
        try:
            __main__.main()
            status = 0
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    yield call
    logger.handlers[:] = before


@pytest.fixture(scope="session")
def labels() -> list[Frame]:
    """The first twelve labelled frames of the sample."""
    return list(islice(read_frames(DATA / "water32_labels.extxyz.xz"), 12))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a preset with every one there is; torch is imported by these tests alone."""
    if "preset" in metafunc.fixturenames:
        from mimyria.model.model import PRESETS

        pairs = [(preset, target) for preset, shapes in PRESETS.items() for target in shapes]
        metafunc.parametrize("preset", pairs, ids=" ".join, scope="session")


@pytest.fixture(scope="session")
def model(preset: tuple[str, str]) -> ResponseModel:
    """An untrained network of each preset and target."""
    from networks import made_model

    return made_model(*preset)


@pytest.fixture(scope="session")
def committee(labels: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with three networks trained on the first six labels."""
    from mimyria.training.train import train
    from networks import quick

    path = tmp_path_factory.mktemp("committee") / "m.mym"
    train(labels[:6], quick("apt", committee=3, epochs=12, weight_decay=0.02), path)
    return path


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings look at a clock that goes on by 50 ms at every look, however busy the machine is."""
    clock = SimpleNamespace(monotonic=partial(next, count(0.0, 0.05)))
    for module in ("fit", "train"):
        monkeypatch.setattr(f"mimyria.training.{module}.time", clock)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained water model of each target."""
    import torch

    from mimyria.model.files import write_model
    from mimyria.model.model import PRESETS, ResponseModel

    folder = tmp_path_factory.mktemp("models")
    for name in TARGETS:
        torch.manual_seed(0)
        settings = replace(PRESETS["default"][name], species=(1, 8), cutoff=4.0)
        write_model(folder / f"{name}.mym", ResponseModel(settings), {})
    return folder


@pytest.fixture
def charges(tmp_path: Path) -> Path:
    """A trajectory of free charges with their APT in the frames."""
    path = tmp_path / "charges.extxyz"
    write_frames(path, moving_charges(300, 4.0)[0])
    return path


@pytest.fixture
def water(tmp_path: Path) -> Path:
    """Sixty frames of the sample."""
    path = tmp_path / "water.extxyz"
    write_frames(path, islice(read_frames(DATA / "water32.extxyz.xz"), 60))
    return path


@pytest.fixture
def molecules(tmp_path: Path) -> Path:
    """Three isolated waters, each a little different."""
    from contracts import WATER

    path = tmp_path / "water.xyz"
    write_frames(path, [replace(WATER, positions=WATER.positions * (1 + 0.01 * k)) for k in range(3)])
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without a screen."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser is installed: {', '.join(BROWSERS)}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def unopposed(tab: Any) -> Iterator[list[str]]:
    """Gather the addresses that a tab asks for; in the end it must not have complained."""
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    yield asked
    assert said == []


def refused(result: tuple[int, str, str], *words: str) -> None:
    """The command ended with one clear error that says these words."""
    status, _, error = result
    assert status == 2, error
    assert "Traceback" not in error
    for word in words:
        assert word in error


def random_frame(seed: int, n_atoms: int = 9, length: float = 7.0) -> Frame:
    """H, C and O at random in a triclinic cell, no two closer than 0.8 Å."""
    rng = np.random.default_rng(seed)
    cell = length * np.eye(3) + rng.uniform(-1.5, 1.5, size=(3, 3))
    positions: list[np.ndarray] = []
    while len(positions) < n_atoms:
        trial = rng.uniform(size=3) @ cell
        if all(np.linalg.norm(trial - other) > 0.8 for other in positions):
            positions.append(trial)
    numbers = rng.choice([1, 6, 8], size=n_atoms)
    numbers[:3] = [1, 6, 8]
    return Frame(numbers, np.array(positions), cell, np.ones(3, dtype=bool))


def frames_of_all_kinds() -> list[Frame]:
    """Small and skewed cells, slabs, wires, drops, atoms outside their cell, a lone atom, no two of one size."""
    frames = [random_frame(seed, n_atoms=3 + seed, length=4.0 + 2 * seed) for seed in range(5)]
    for seed, periodic in enumerate(((1, 1, 0), (0, 1, 0), (0, 0, 0), (1, 0, 1)), 5):
        flags = np.array(periodic, dtype=bool)
        frame = random_frame(seed, n_atoms=4 + seed, length=6.0)
        frames.append(replace(frame, periodic=flags, cell=np.where(flags[:, None], frame.cell, 0.0)))
    far = np.random.default_rng(0).integers(-3, 4, (len(frames[4]), 3)) @ frames[4].cell
    frames.append(replace(frames[4], positions=frames[4].positions + far))
    frames.append(Frame(np.array([8]), np.zeros((1, 3)), np.zeros((3, 3)), np.zeros(3, dtype=bool)))
    return frames


def moving_charges(
    n_frames: int, timestep: float, *, seed: int = 0, temperature: float = 300.0
) -> tuple[list[Frame], np.ndarray]:
    """Free flight of point charges, neutral as a whole, with the APT q·1 in every frame; and the charges."""
    from mimyria.elements import masses_of
    from mimyria.trajectory.kinetics import kinetic_temperature, without_drift

    rng = np.random.default_rng(seed)
    numbers = np.array([1, 8, 11, 17] * 8)
    charges = rng.normal(size=len(numbers))
    charges -= charges.mean()
    masses = masses_of(numbers)
    velocities = without_drift(rng.normal(size=(len(numbers), 3)) / np.sqrt(masses)[:, None], masses)
    velocities *= np.sqrt(temperature / kinetic_temperature(velocities, masses))
    start = rng.uniform(0, 12.0, size=(len(numbers), 3))
    frames = [
        Frame(
            numbers,
            start + k * timestep * velocities,
            12.0 * np.eye(3),
            np.ones(3, dtype=bool),
            velocities,
            k * timestep,
            {"apt": charges[:, None, None] * np.eye(3)},
        )
        for k in range(n_frames)
    ]
    return frames, charges


def rotation(seed: int, *, improper: bool = False) -> np.ndarray:
    """A random rotation, or rotation with reflection, shape (3, 3)."""
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix)) * (-1 if improper else 1)


def turned(frame: Frame, matrix: np.ndarray) -> Frame:
    """The frame with positions, cell and velocities rotated."""
    velocities = None if frame.velocities is None else frame.velocities @ matrix.T
    return Frame(frame.numbers, frame.positions @ matrix.T, frame.cell @ matrix.T, frame.periodic, velocities)


def turned_tensor(tensor: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Tensors (n, 3, ..., 3) with every Cartesian index rotated."""
    for axis in range(1, tensor.ndim):
        tensor = np.moveaxis(np.tensordot(tensor, matrix, axes=(axis, 1)), -1, axis)
    return tensor


def made_spectra() -> dict[str, Spectrum]:
    """Spectra of Gaussian bands: infrared with a negative dip at 2600 cm⁻¹, Raman with a band of 1 % at 1600 cm⁻¹."""
    nu = np.arange(0.0, 4200.0, 4.0)

    def bands(**heights: float) -> np.ndarray:
        return sum(height * np.exp(-(((nu - float(name[1:])) / 60) ** 2)) for name, height in heights.items())  # type: ignore[return-value]

    whole = bands(_600=5e3, _1600=4e3, _3400=2e4, _2600=-1e3)
    parts = {"n_alpha[O,O]": 0.1 * whole, "n_alpha[O,H]": -0.3 * whole, "n_alpha[H,H]": 1.2 * whole}
    parallel = bands(_1600=1e-4, _3400=1e-2)
    raman = {"VV": parallel, "VH": 0.2 * parallel, "VV_error": 0.1 * parallel, "VH_error": 0.02 * parallel}
    raman |= {"isotropic": 0.7 * parallel, "depolarisation_ratio": np.full_like(nu, 0.2)}
    density = {"vdos": bands(_600=0.5, _3400=0.3), "vdos[O]": bands(_600=0.1), "vdos[H]": bands(_600=0.4, _3400=0.3)}
    return {
        "ir": Spectrum("ir", {WAVENUMBER: nu, "n_alpha_cm-1": whole, "n_alpha_error": 0.1 * abs(whole), **parts}),
        "raman": Spectrum("raman", {WAVENUMBER: nu, **raman}, {"VV": "S_iso + 2/15 S_ani"}),
        "vdos": Spectrum("vdos", {WAVENUMBER: nu, **density}),
    }


def interrupted(frames: Iterator[Frame], after: int) -> Iterator[Frame]:
    """Frames until Ctrl-C is pressed."""
    for index, frame in enumerate(frames):
        if index == after:
            raise KeyboardInterrupt
        yield frame


@pytest.fixture(scope="class")
def made_up_engines() -> Iterator[None]:
    """The engines of the tests are among `ENGINES`, here and in the jobs."""
    from program import COMMAND, MADE_UP

    from mimyria import choices
    from mimyria.engines import job
    from mimyria.engines.registry import ENGINES

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "COMMAND", COMMAND)
        patch.setattr(choices, "ENGINES", (*choices.ENGINES, *MADE_UP))
        for name, engine in MADE_UP.items():
            patch.setitem(ENGINES, name, engine)
        yield


def band_maximum(wavenumber: np.ndarray, intensity: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Return position (cm⁻¹) and height of the largest value in a range, by a parabola through its top.

    NaN where the range holds no points.
    """
    inside = np.flatnonzero((wavenumber >= low) & (wavenumber <= high) & np.isfinite(intensity))
    if not len(inside):
        return float("nan"), float("nan")
    top = int(inside[np.argmax(intensity[inside])])
    if top in (inside[0], inside[-1]):
        return float(wavenumber[top]), float(intensity[top])
    left, middle, right = (float(value) for value in intensity[top - 1 : top + 2])
    curvature = left - 2 * middle + right
    shift = 0.5 * (left - right) / curvature if curvature else 0.0
    spacing = float(wavenumber[top + 1] - wavenumber[top])
    return float(wavenumber[top]) + shift * spacing, middle - 0.25 * (left - right) * shift
