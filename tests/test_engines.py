"""Engines: real electronic structure, checked by what must hold for any, and one derivative against the other."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from here import Here
from springs import Springs

from contracts import WATER, EngineContract
from mimyria.declare import declared
from mimyria.engines.cp2k import CP2K
from mimyria.engines.engine import Configuration, Engine, Task
from mimyria.engines.job import read_runs, write_task
from mimyria.engines.pyscf import PySCF
from mimyria.engines.registry import ENGINES, make_engine
from mimyria.engines.tblite import TBLite
from mimyria.errors import ConfigError, LabelError
from mimyria.execute import LocalExecutor
from mimyria.frame import Frame
from mimyria.labels.displacement import displace, displacement_tensors
from mimyria.labels.label import _Session, label_frames
from mimyria.memory import Identity
from mimyria.settings import LabelSettings
from mimyria.units import BOHR, HARTREE

ROOT = Path(__file__).parents[1]
SMALL = PySCF(functional="svwn", basis="sto-3g")
LEVI_CIVITA = np.array([[[(i - j) * (j - k) * (k - i) / 2 for k in range(3)] for j in range(3)] for i in range(3)])


class TestTBLite(EngineContract):
    engine = TBLite()

    def test_rotational_sum_rules(self, label: Frame) -> None:
        check_rotational_sum_rules(label, 1e-4)


@pytest.mark.usefixtures("made_up_engines")
class TestMadeUp(EngineContract):
    """One file, one entry, and this."""

    engine = Springs()


class TestPySCF(EngineContract):
    engine = SMALL

    def test_rotational_sum_rules(self, label: Frame) -> None:
        check_rotational_sum_rules(label, 3e-3)  # the integration grid turns with the molecule, but not exactly

    @pytest.mark.parametrize("attempt", [1, 2])
    def test_other_ways_to_self_consistency_end_at_the_same(self, tmp_path: Path, label: Frame, attempt: int) -> None:
        (run,) = self.runs(tmp_path / "again", self.frame, np.zeros((1, 3)), attempt)
        assert run.energy * HARTREE == pytest.approx(label.info["energy"], abs=1e-4)


def test_every_engine_is_under_contract() -> None:
    pages = [page for page in globals().values() if isinstance(page, type) and issubclass(page, EngineContract)]
    assert {type(page.engine) for page in pages if hasattr(page, "engine")} >= {*ENGINES.values()}


def test_heavy_elements_have_effective_cores(tmp_path: Path) -> None:
    """HI: -298.3 E_h with the core that belongs to the basis, -1999.9 without; its dipole is 0.45 D, 0.18 e a0."""
    iodide = Frame(np.array([53, 1]), np.array([[0, 0, 0], [0, 0, 1.609]]), np.zeros((3, 3)), np.zeros(3, dtype=bool))
    engine = PySCF(grid=1)
    engine.check(Configuration(iodide))
    job = write_task(tmp_path, engine, Configuration(iodide), np.zeros((1, 3)))
    (outcome,) = LocalExecutor().run([job])
    assert outcome.status == 0
    (run,) = read_runs(tmp_path, 1)
    assert run.energy == pytest.approx(-298.3, abs=0.2)
    assert abs(run.dipole[2]) == pytest.approx(0.18, abs=0.08)


@pytest.mark.parametrize("engine", [PySCF(), TBLite()])
def test_labels_of_another_version_are_read_and_of_another_convergence_refused(tmp_path: Path, engine: Engine) -> None:
    """As with CP2K, whose version only a run tells. What earlier versions did not state is no difference."""
    settings, work = LabelSettings(), tmp_path / "work"
    identity = _Session(engine, settings, {work / "0": WATER}).identities[work / "0"]
    ours = identity["engine"]
    assert "version" not in ours
    bare = {name: value for name, value in ours.items() if name not in ("gradient", "fitting")}
    for stated in (ours, {**ours, "version": "0.1"}, bare, {**bare, "version": "0.1"}):
        before = Identity({**identity, "engine": stated})
        inside = work / "0" / before.key
        inside.mkdir(parents=True)
        before.write(inside / "identity.json")
        (inside / "label.npz").touch()
        assert _Session(engine, settings, {work / "0": WATER}).inside[work / "0"] == inside
        # A label that is not finished: of what version, and convergence, its runs are nobody knows.
        (inside / "label.npz").rename(inside / "run_00.npz")
        session = _Session(engine, settings, {work / "0": WATER})
        session.check_earlier_settings()
        assert session.inside[work / "0"] == work / "0" / identity.key
        shutil.rmtree(inside)
    for name in {"gradient", "accuracy"} & {*ours}:
        before = Identity({**identity, "engine": {**ours, name: 1.0}})
        inside = work / "0" / before.key
        inside.mkdir(parents=True)
        before.write(inside / "identity.json")
        (inside / "label.npz").touch()
        was = rf"engine {name} was 1.0, now it is {ours[name]}; use another"
        with pytest.raises(LabelError, match=rf"0 was made with other settings: {was} --work"):
            label_frames({"0": WATER}, engine, LocalExecutor(), work, settings)


def test_fitted_densities_change_little(tmp_path: Path) -> None:
    """Forces within 1e-4 E_h/a0 of exact integrals."""
    found: list[Any] = []
    for fitting in ("none", "auto", "weigend"):
        engine = make_engine("pyscf", {"basis": "def2-svp", "grid": "0", "fitting": fitting})
        assert engine.identity["fitting"] == fitting
        engine.check(Configuration(WATER))
        (tmp_path / fitting).mkdir()
        job = write_task(tmp_path / fitting, engine, Configuration(WATER), np.array([[0, 0, 5e-3]]))
        assert [outcome.status for outcome in LocalExecutor().run([job])] == [0]
        found.append(read_runs(tmp_path / fitting, 1)[0].forces)
    for fitted in found[1:]:
        assert 1e-9 < abs(fitted - found[0]).max() < 1e-4
    with pytest.raises(LabelError, match="no fitting=no-such for O"):
        PySCF(fitting="no-such").check(Configuration(WATER))


@pytest.mark.parametrize("fitting", ["none", "auto"])
def test_a_run_takes_grid_and_integrals_of_the_first_and_nothing_else(tmp_path: Path, fitting: str) -> None:
    engine = make_engine("pyscf", {"basis": "def2-svp", "grid": "0", "fitting": fitting})
    field, forces = [0, 0, 5e-3], {}
    for name, several in (("alone", [field]), ("after", [[0, 0, 0], field])):
        (tmp_path / name).mkdir()
        job = write_task(tmp_path / name, engine, Configuration(WATER), np.array(several))
        assert [outcome.status for outcome in LocalExecutor().run([job])] == [0]
        forces[name] = read_runs(tmp_path / name, len(several))[-1].forces
    np.testing.assert_allclose(forces["after"], forces["alone"], atol=2e-6)


def test_elements_that_a_basis_does_not_have() -> None:
    iodide = Frame(np.array([53, 1]), np.array([[0, 0, 0], [0, 0, 1.609]]), np.zeros((3, 3)), np.zeros(3, dtype=bool))
    with pytest.raises(LabelError, match="no basis=cc-pvdz for I"):
        PySCF(basis="cc-pvdz").check(Configuration(iodide))


def check_rotational_sum_rules(label: Frame, tolerance: float) -> None:
    """Check Σ P ε R = ε M and Σ Q ε R = ε α + ε α, for the dipole and the polarizability of the same label."""
    apt, pgt, positions = label.tensors["apt"], label.tensors["pgt"], label.positions
    turned_dipole = np.einsum("nag,gkd,nd->ak", apt, LEVI_CIVITA, positions)
    dipole = np.einsum("akm,m->ak", LEVI_CIVITA, label.info["dipole"])
    np.testing.assert_allclose(turned_dipole, dipole, atol=tolerance)
    alpha = np.reshape(label.info["alpha"], (3, 3))
    turned_alpha = np.einsum("nabg,gkd,nd->abk", pgt, LEVI_CIVITA, positions)
    expected = np.einsum("akm,mb->abk", LEVI_CIVITA, alpha) + np.einsum("bkm,am->abk", LEVI_CIVITA, alpha)
    np.testing.assert_allclose(turned_alpha, expected, atol=20 * tolerance)


@pytest.mark.skipif(shutil.which("cp2k.psmp") is None, reason="CP2K (cp2k.psmp) is not installed")
class TestCP2K(EngineContract):
    """A coarse grid and a small cell make it quick; the tolerances are those of such a grid."""

    engine: Engine = CP2K()
    field = 2e-3
    frame = replace(WATER, cell=5.5 * np.eye(3), periodic=np.ones(3, dtype=bool))
    dipole_tolerance = 0.02
    force_tolerance = 3e-3
    turn_tolerance = 0.02
    sum_tolerance = 0.05

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def template(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        text = (ROOT / "configs" / "cp2k" / "water-cheap.inp").read_text()
        path = tmp_path_factory.mktemp("template") / "water.inp"
        path.write_text(text.replace("CUTOFF 280", "CUTOFF 200").replace("DZVP-GTH", "SZV-GTH"))
        cls.engine = CP2K(path)

    def test_no_wave_function_is_left(self, tmp_path: Path) -> None:
        self.runs(tmp_path / "one", self.frame, np.zeros((1, 3)))
        assert not list(tmp_path.rglob("*.wfn*"))

    def test_fields_start_from_the_wave_function_without_one(self, tmp_path: Path) -> None:
        """It shows in the steps; from scratch, and with the safer minimiser, the end is the same."""
        fields = np.array([[0.0, 0, 0], [0, 0, self.field]])
        ways = [self.runs(tmp_path / str(attempt), self.frame, fields, attempt) for attempt in range(3)]
        assert ways[0][1].steps < 0.75 * ways[1][1].steps
        for other in ways[1:]:
            for one, same in zip(ways[0], other, strict=True):
                np.testing.assert_allclose(one.forces, same.forces, atol=1e-6)

    @pytest.mark.parametrize("order", [1, 2])
    def test_extrapolated_wave_functions_take_fewer_steps_to_the_same_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: int
    ) -> None:
        """A first axis on which two runs are known, and a diagonal of which the one side is."""
        axis, diagonal = np.eye(3)[0], np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
        vectors = (np.zeros(3), axis, -axis, np.eye(3)[1], -np.eye(3)[1], diagonal, -diagonal)
        fields = self.field * np.array(vectors)
        plain = self.runs(tmp_path / "plain", self.frame, fields)
        monkeypatch.setattr(type(self), "engine", replace(self.engine, extrapolation=order))  # type: ignore[type-var]
        quick = self.runs(tmp_path / "quick", self.frame, fields)
        for one, same in zip(plain, quick, strict=True):
            np.testing.assert_allclose(one.forces, same.forces, atol=1e-6)
        for run in (2, 4, 6):
            assert quick[run].steps < 0.8 * plain[run].steps
        assert not list(tmp_path.rglob("*.wfn*"))

    def test_orders_of_extrapolation_that_no_label_has_are_refused(self) -> None:
        with pytest.raises(LabelError, match="--set extrapolation takes an order from 0 to 2, not 3"):
            replace(self.engine, extrapolation=3).prepare(self.field, 2)  # type: ignore[type-var]

    def test_what_cp2k_says_is_the_reason(self, tmp_path: Path) -> None:
        text = Path(str(self.engine.template)).read_text()
        (tmp_path / "a.inp").write_text(text.replace("GTH_BASIS_SETS", "NO_SUCH_FILE"))
        (tmp_path / "b.inp").write_text(text.replace("MAX_SCF 8", "MAX_SCF 1").replace("MAX_SCF 25", "MAX_SCF 1"))
        (tmp_path / "c.inp").write_text(text)
        engines = [CP2K(tmp_path / "a.inp"), CP2K(tmp_path / "b.inp"), CP2K(tmp_path / "c.inp", command="no-cp2k -x")]
        reasons = [
            "NO_SUCH_FILE",
            "did not converge",
            "no-cp2k was not found: install CP2K, or give its command by --command",
        ]
        for index, (engine, reason) in enumerate(zip(engines, reasons, strict=True)):
            work = tmp_path / str(index)
            done = label_frames(
                {"0": self.frame}, engine, LocalExecutor(), work, LabelSettings(target="apt", field=self.field)
            )
            assert not done.frames
            assert reason in done.failures[work / "0"]
            assert str(work) in done.failures[work / "0"]


def test_fields_and_displacements_are_two_derivatives_of_one_energy(tmp_path: Path) -> None:
    """The largest difference comes from the second differences; a symmetric APT could not tell its index order."""
    engine = replace(SMALL, grid=1)  # a finer grid gives the same differences
    field = label_frames({"0": WATER}, engine, LocalExecutor(), tmp_path / "field", LabelSettings(field=2e-3))
    moved = displace(WATER)
    labels = label_frames(moved, engine, LocalExecutor(2), tmp_path / "moved", LabelSettings(target="apt", field=2e-3))
    other = displacement_tensors(WATER, labels.frames, 2)
    apt, pgt = field.frames["0"].tensors["apt"], field.frames["0"].tensors["pgt"]
    assert abs(apt - apt.swapaxes(1, 2)).max() > 0.02
    np.testing.assert_allclose(other.tensors["apt"], apt, atol=1e-4)
    assert np.linalg.norm(other.tensors["pgt"] - pgt) < 0.01 * np.linalg.norm(pgt)


def test_alpha_is_the_slope_of_the_dipole(tmp_path: Path) -> None:
    label = label_frames({"0": WATER}, TBLite(), Here(), tmp_path, LabelSettings(field=1e-3)).frames["0"]
    alpha = np.reshape(label.info["alpha"], (3, 3))
    np.testing.assert_allclose(alpha, alpha.T, atol=1e-4)
    assert (np.linalg.eigvalsh(alpha) > 0).all()
    energies = []
    calculate = TBLite().calculation(Task(frame=WATER, folder=tmp_path))
    for strength in (-2e-3, 0.0, 2e-3):
        energies.append(calculate(0, np.array([0.0, strength, 0.0])).energy)
    assert -(energies[2] - energies[0]) / 4e-3 == pytest.approx(label.info["dipole"][1] / BOHR, abs=1e-5)
    assert -(energies[0] - 2 * energies[1] + energies[2]) / 4e-6 == pytest.approx(alpha[1, 1], rel=1e-3)


def test_clusters_and_cells_are_told_apart() -> None:
    periodic = replace(WATER, cell=9 * np.eye(3), periodic=np.ones(3, dtype=bool))
    with pytest.raises(LabelError, match=r"isolated molecules alone.*--engine cp2k.*--cluster"):
        TBLite().check(Configuration(periodic))
    with pytest.raises(LabelError, match="three directions"):
        CP2K(ROOT / "configs" / "cp2k" / "water-cheap.inp").check(Configuration(WATER))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("vasp", {}, "--engine takes cp2k, pyscf, tblite, not 'vasp'"),
        ("pyscf", {"fuctional": "pbe"}, "pyscf has no setting 'fuctional'; it has functional, basis"),
        ("pyscf", {"grid": "fine"}, "grid takes a number, not 'fine'"),
        ("tblite", {"template": Path("a.inp")}, "has no setting 'template'"),
    ],
)
def test_settings_that_an_engine_does_not_have(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_engine(name, settings)


def test_an_engine_without_an_entry_is_named(tmp_path: Path) -> None:
    done = label_frames({"0": WATER}, Springs(), LocalExecutor(), tmp_path, LabelSettings())
    assert list(done.failures.values()) == ["the engine Springs has no entry in ENGINES, so its jobs cannot find it"]


def test_the_help_names_the_settings_of_every_engine() -> None:
    words = declared(LabelSettings)["set"].help
    flags = {"template", "command"}
    for name, engine in ENGINES.items():
        assert f"{name}: {', '.join(one.name for one in fields(engine) if one.name not in flags)}." in words


def test_settings_take_the_type_of_their_default() -> None:
    assert make_engine("pyscf", {"grid": "5", "functional": "pbe0", "template": None}) == PySCF("pbe0", grid=5)


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr("mimyria.engines.engine.version", missing)
    with pytest.raises(LabelError, match=r"pyscf is not installed; `pip install 'mimyria\[pyscf\]'` adds it"):
        PySCF().prepare(1e-3, 2)
