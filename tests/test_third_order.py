"""The whole way of the third order: labels by two routes and their sum rules, a network, prediction, a spectrum."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule
from here import Here

from conftest import Run
from mimyria.engines.pyscf import PySCF
from mimyria.engines.tblite import TBLite
from mimyria.execute import LocalExecutor
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.labels.displacement import displace, displacement_tensors
from mimyria.labels.label import label_frames
from mimyria.model.files import read_model
from mimyria.model.graph import build_graph
from mimyria.model.model import ResponseModel, preset_settings
from mimyria.settings import LabelSettings
from mimyria.spectra.spectrum import read_spectrum
from mimyria.targets import HGT
from mimyria.training.evaluate import compare_with_labels, evaluate
from mimyria.units import BOHR

NOWHERE = np.zeros((3, 3)), np.zeros(3, dtype=bool)


def distorted(name: str, seed: int, size: float = 0.05) -> Frame:
    made, rng = molecule(name), np.random.default_rng(seed)
    return Frame(made.numbers, made.positions + size * rng.normal(size=made.positions.shape), *NOWHERE)


def label(
    frames: dict[str, Frame], target: str, work: Path, engine: object = None, field: float | None = None
) -> dict[str, Frame]:
    pytest.importorskip("tblite")
    # PySCF leaves files open in the process that it runs in
    executor, settings = LocalExecutor() if engine else Here(), LabelSettings(target=target, field=field)
    finished = label_frames(frames, engine or TBLite(), executor, work, settings)  # type: ignore[arg-type]
    assert not finished.failures
    return finished.frames


def done(result: tuple[int, str, str]) -> None:
    status, _, said = result
    assert status == 0, said


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> list[Frame]:
    """Eight distorted waters and an ammonia, by GFN2-xTB."""
    frames = {f"water-{k}": distorted("H2O", k) for k in range(8)} | {"ammonia": distorted("NH3", 0)}
    return list(label(frames, "hgt", tmp_path_factory.mktemp("labels")).values())


@pytest.mark.parametrize("index", [0, -1], ids=["water", "ammonia"])
def test_both_routes_agree(labelled: list[Frame], tmp_path: Path, index: int) -> None:
    """Third derivatives of forces, and β of displaced atoms, which knows nothing of forces.

    What differs is of the order of d² and h², and the noise of β over d: 0.05 % of the root mean square here.
    """
    frame = labelled[index]
    moved = displace(frame)
    other = displacement_tensors(frame, label(moved, "pgt", tmp_path, field=HGT.field), HGT.order).tensors["hgt"]
    size = np.sqrt((other**2).mean())
    assert np.sqrt(((frame.tensors["hgt"] - other) ** 2).mean()) < 1e-3 * size
    assert abs(frame.tensors["hgt"] - other).max() < 5e-3 * size
    assert other.shape == (len(frame), 3, 3, 3, 3)


def test_the_tensors_keep_the_sum_rules(labelled: list[Frame]) -> None:
    """Moving the whole molecule changes nothing; turning it turns β: Σ_n R ε_{xκδ} r_δ = Σ over the indices of ε β."""
    epsilon = np.zeros((3, 3, 3))
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        epsilon[a, b, c], epsilon[a, c, b] = 1.0, -1.0
    for frame in labelled:
        hgt, beta = frame.tensors["hgt"], frame.info["beta"].reshape(3, 3, 3)
        size = abs(hgt).max()
        np.testing.assert_allclose(hgt.sum(axis=0), 0, atol=1e-6 * size)
        assert frame.info["qa_hgt_sum"] < 1e-6 * size
        np.testing.assert_allclose(hgt, hgt.transpose(0, 2, 3, 1, 4), atol=1e-9 * size)
        turning = np.einsum("nabcx,xkd,nd->abck", hgt, epsilon, frame.positions)
        expected = (
            np.einsum("akm,mbc->abck", epsilon, beta)
            + np.einsum("bkm,amc->abck", epsilon, beta)
            + np.einsum("ckm,abm->abck", epsilon, beta)
        )
        np.testing.assert_allclose(turning, expected, atol=2e-3 * abs(beta).max())  # β by the same fields, to h²


def test_the_tensors_of_lower_orders_are_those_of_their_own_stencil(labelled: list[Frame], tmp_path: Path) -> None:
    """The 33 runs give APT and PGT as good as the 13, whose error at 2e-3 is below 1e-4 of them."""
    (lower,) = label({"0": labelled[0]}, "pgt", tmp_path).values()
    for name in ("apt", "pgt"):
        difference = abs(lower.tensors[name] - labelled[0].tensors[name]).max()
        assert difference < 1e-3 * abs(lower.tensors[name]).max()
    assert lower.info["field"] == 2e-3
    assert labelled[0].info["field"] == 8e-3
    assert {"qa_residual", "qa_apt_difference", "qa_hgt_difference"} <= set(labelled[0].info)
    assert "hgt" not in lower.tensors


def test_pyscf_agrees_with_beta_of_a_displaced_atom(tmp_path: Path) -> None:
    """Hartree-Fock in a minimal basis, one column of ∂β/∂R by each route.

    The forces are good to some 1e-8 E_h/a0, of which the third difference along one axis makes 13/h³ times as much:
    0.06 a.u. per Å at twice the usual field, where the largest element is 8.
    """
    pytest.importorskip("pyscf")
    engine = PySCF(functional="hf", basis="sto-3g", grid=0, convergence=1e-13)
    frame, step = distorted("H2O", 3), 0.01
    sides = {}
    for name, sign in (("plus", 1), ("minus", -1)):
        positions = frame.positions.copy()
        positions[1, 2] += sign * step
        sides[name] = Frame(frame.numbers, positions, *NOWHERE)
    by_side = label(sides, "pgt", tmp_path / "b", engine, field=HGT.field)
    beta = {name: one.info["beta"].reshape(3, 3, 3) for name, one in by_side.items()}
    (whole,) = label({"0": frame}, "hgt", tmp_path / "f", engine, field=2 * HGT.field).values()
    column, expected = whole.tensors["hgt"][1, ..., 2], (beta["plus"] - beta["minus"]) / (2 * step)
    assert abs(expected).max() > 1 / BOHR  # a.u. per Å: there is something to see
    np.testing.assert_allclose(column, expected, atol=0.01 * abs(expected).max())


def test_labels_come_back_from_files(labelled: list[Frame], tmp_path: Path) -> None:
    write_frames(tmp_path / "labels.extxyz", labelled)
    header = (tmp_path / "labels.extxyz").read_text(encoding="utf-8").splitlines()[1]
    assert "hgt:R:81" in header
    assert "hgt_order=field,field,field,displacement" in header
    assert f'hgt_unit="{HGT.unit}"' in header
    for one, other in zip(read_frames(tmp_path / "labels.extxyz"), labelled, strict=True):
        np.testing.assert_allclose(one.tensors["hgt"], other.tensors["hgt"], rtol=1e-9)


def test_a_network_learns_them(labelled: list[Frame], tmp_path: Path, run: Run) -> None:
    """From label file to model file to a report of errors, by the commands."""
    write_frames(tmp_path / "labels.extxyz", labelled[:8])
    out = tmp_path / "hgt.mym"
    done(
        run("train", tmp_path / "labels.extxyz", "--target", "hgt", "--preset", "small", "--epochs", 200, "--out", out)
    )
    model = read_model(out, "hgt")
    report = evaluate(compare_with_labels(model, labelled[:8], "labels"))
    assert report["relative_rmse"] < 0.3
    done(run("predict", out, tmp_path / "labels.extxyz", "--out", tmp_path / "predicted.extxyz"))
    (first, *_) = read_frames(tmp_path / "predicted.extxyz")
    np.testing.assert_allclose(first.tensors["hgt"].sum(axis=0), 0, atol=1e-6 * abs(first.tensors["hgt"]).max())


def test_a_hyper_raman_spectrum_along_a_trajectory(models: Path, water: Path, tmp_path: Path, run: Run) -> None:
    source = f"hgt={models / 'hgt.mym'}"
    done(
        run(
            "spectrum",
            water,
            "--tensor",
            source,
            "--kinds",
            "hyper_raman",
            "--resolution",
            400,
            "--out",
            tmp_path / "o",
        )
    )
    table = read_spectrum(tmp_path / "o" / "hyper_raman.csv")
    assert {"VV", "HV", "depolarisation_ratio", "dipolar", "octupolar", "reduced_VV"} <= set(table.columns)
    ratio = table.columns["depolarisation_ratio"]
    assert np.nanmin(ratio) > 1 / 9 - 1e-6
    assert np.nanmax(ratio) < 2 / 3 + 1e-6
    done(
        run("spectrum", tmp_path / "o" / "series.h5", "--laser", 1064, "--resolution", 400, "--out", tmp_path / "again")
    )
    again = read_spectrum(tmp_path / "again" / "hyper_raman.csv")
    np.testing.assert_allclose(again.columns["VV"], table.columns["VV"], rtol=1e-6)
    assert "stokes_VV" in again.columns


def test_a_network_of_the_third_order_begins_at_the_scale_of_its_labels() -> None:
    """An atom with few neighbours sees sharp peaks, whose products must not run away before training begins."""
    torch.manual_seed(0)
    for preset in ("default", "small"):
        model = ResponseModel(preset_settings(preset, "hgt", (1, 8))).eval()
        geometry = model.geometry(build_graph([distorted("H2O", 0)], (1, 8), model.settings.cutoff))
        (network,) = model.members
        with torch.no_grad():
            network.set_scales([geometry])
            assert float(network(geometry).square().mean().sqrt()) < 100
