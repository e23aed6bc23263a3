"""The command `label`, from file to file, and what it refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import DATA, Run
from contracts import TRICLINIC
from mimyria.engines.cp2k import CP2K
from mimyria.errors import ConfigError, MimyriaError, RunFailed
from mimyria.formats import read_frames
from mimyria.labels import command
from mimyria.labels.command import draw, finished, make_labels
from mimyria.labels.label import unlabelled
from mimyria.labels.lattice import width
from mimyria.level import KEYS, level_of
from mimyria.settings import LabelSettings

PROFILE = str(Path(__file__).parents[1] / "configs" / "cluster" / "laptop.yaml")


def test_labels_of_molecules_from_file_to_file(run: Run, tmp_path: Path, molecules: Path) -> None:
    out, work = tmp_path / "labels.extxyz", tmp_path / "work"
    arguments = ("label", molecules, "--engine", "tblite", "--out", out, "--work", work)
    status, said, errors = run(*arguments, "--sample", 2, "--sum-rule", "project")
    assert status == 0, errors
    assert "2 labelled frames, GFN2-xTB" in said
    first = list(read_frames(out))
    assert first[0].forces is not None
    assert "tblite" in first[0].info["engine"]
    assert first[0].info["functional"] == "GFN2-xTB"
    assert first[0].info["program"].startswith("tblite ")
    assert "epsilon_infinity" not in first[0].info  # of a cell alone
    assert abs(first[0].tensors["pgt"].sum(axis=0)).max() < 1e-8
    status, _, errors = run(*arguments)
    assert status == 0, errors
    assert len(list(read_frames(out))) == 3
    assert len(list(work.glob("*/*/label.npz"))) == 3
    status, said, _ = run("info", out)
    assert "qa_residual: median" in said
    assert "outliers: not recognised among fewer than 8 labels" in said
    status, _, errors = run(*arguments, "--field", "1e-3")
    assert status == 2
    assert "made with other settings: field was 0.002, now it is 0.001" in errors


def test_the_header_says_the_level_of_theory(caplog: pytest.LogCaptureFixture) -> None:
    frame = next(read_frames(DATA / "water32_labels.extxyz.xz"))
    bare = replace(frame, info={"engine": "CP2K 2023.1", "field": 2e-3, "alpha": frame.info["alpha"]})
    engine = CP2K(Path(__file__).parents[1] / "configs" / "cp2k" / "water-cheap.inp")
    info = finished(bare, engine, project=False).info
    stated = {key: info[key] for key in ("functional", "basis", "cutoff", "xc_grid", "program", "diffuse")}
    assert stated == {
        "functional": "PBE",
        "basis": "DZVP-GTH",
        "cutoff": "280/40 Ry",
        "xc_grid": "NN50/NN50_SMOOTH",
        "program": "CP2K 2023.1",
        "diffuse": False,
    }
    assert info["epsilon_infinity"] == pytest.approx(1.554, abs=1e-3)  # what this polarizability means, by hand
    assert info["engine"] == frame.info["engine"]
    assert level_of(info) == level_of(frame.info)  # of labels of earlier versions, which have the sentence alone
    assert not {*KEYS} & {*unlabelled(replace(frame, info=info)).info}


@pytest.mark.parametrize(
    ("basis", "target", "warned"), [("sto-3g", "pgt", 1), ("sto-3g", "apt", 0), ("6-31+g", "pgt", 0)]
)
def test_a_basis_without_diffuse_functions_is_warned_of(
    tmp_path: Path, molecules: Path, caplog: pytest.LogCaptureFixture, basis: str, target: str, warned: int
) -> None:
    pytest.importorskip("pyscf")
    settings = LabelSettings(engine="pyscf", set={"basis": basis}, target=target, sample=9)
    with pytest.raises(ConfigError, match="from 1 to the 3 frames"):  # nothing is computed
        make_labels([molecules], tmp_path / "out.xyz", tmp_path / "work", settings)
    settings = replace(settings, sample=None, frames=(0, 1), charge=1)
    with pytest.raises(RunFailed, match="open shells"):
        make_labels([molecules], tmp_path / "out.xyz", tmp_path / "work", settings)
    assert caplog.text.count("has no diffuse functions") == warned


def test_labels_by_displacements(run: Run, tmp_path: Path, molecules: Path) -> None:
    results = []
    for scheme in ("field", "displacement"):
        out = tmp_path / f"{scheme}.extxyz"
        arguments = ("--engine", "tblite", "--scheme", scheme, "--sample", 1, "--work", tmp_path / scheme)
        status, _, errors = run("label", molecules, "--out", out, *arguments)
        assert status == 0, errors
        results.append(next(read_frames(out)).tensors)
    np.testing.assert_allclose(results[0]["apt"], results[1]["apt"], atol=1e-4)
    np.testing.assert_allclose(results[0]["pgt"], results[1]["pgt"], atol=0.02)


def test_clusters_of_a_liquid(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "clusters.extxyz"
    arguments = ("--engine", "tblite", "--cluster", 2.5, "--centres", 2, "--sample", 1, "--epsilon", 1.78)
    status, _, errors = run(
        "label", DATA / "water32_labels.extxyz.xz", "--out", out, "--work", tmp_path / "work", *arguments
    )
    assert status == 0, errors
    (frame,) = read_frames(out)
    assert len(frame) == 96
    assert np.isfinite(frame.tensors["apt"]).all(axis=(1, 2)).sum() == 6
    _, said, _ = run("info", out)
    assert "6 of 96 atoms are labelled" in said
    assert "cluster_radius: 2.5 Å" in said
    assert "cluster_epsilon: 1.78" in said
    assert frame.forces is None  # those of the cell are not the cluster's
    assert "alpha" not in frame.info
    assert (frame.info["source"], frame.info["source_frame"]) == ("water32_labels.extxyz.xz", draw(90, 1, 0)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to label"),
        (("{molecules}", "--engine", "vasp"), "--engine takes cp2k, pyscf, tblite"),
        (("{molecules}", "--engine", "cp2k"), "CP2K needs --template"),
        (("{molecules}", "--engine", "tblite", "--sample", "9"), "from 1 to the 3 frames"),
        (("{molecules}", "--engine", "tblite", "--set", "method"), "--set takes NAME=VALUE"),
        (("{molecules}", "--engine", "tblite", "--set", "method=GFN9"), "--set method takes GFN2-xTB or GFN1-xTB"),
        (("{molecules}", "--engine", "pyscf", "--set", "functional=pbee"), "PySCF has no functional=pbee"),
        (("{molecules}", "--engine", "tblite", "--workers", "0"), "workers takes a positive whole number"),
        (("{molecules}", "--engine", "tblite", "--executor", PROFILE, "--workers", "2"), "for this machine"),
        (("{molecules}", "--engine", "tblite", "--epsilon", "1.78"), "they need --cluster"),
        (("{molecules}", "--engine", "tblite", "--cluster", "3", "--epsilon", "78"), "the static constant"),
        (("{molecules}", "--engine", "tblite", "--cluster", "3", "--sum-rule", "project"), "only the centres"),
        (("{molecules}", "--engine", "tblite", "--displace", "Na"), "no atom of Na, which --displace names"),
        (("{molecules}", "--engine", "tblite", "--displace", "C", "--cluster", "3"), "do not go together"),
        (("{molecules}", "--engine", "tblite", "--target", "apt", "--max-residual", "0"), "must be positive"),
        (("{molecules}", "--scheme", "displacement", "--max-residual", "1e-5"), "leave out --max-residual"),
        (("{molecules}", "--engine", "tblite", "--out", "{molecules}"), "give another --out"),
        (("--import", "{molecules}", "--out", "{molecules}"), "give another --out"),
        (("--import", "{molecules}"), "no tensors; its columns are"),
        (("{molecules}", "--engine", "tblite", "--out", "labels.csv"), "written as .extxyz or .xyz"),
        (("--import", "{molecules}", "--sample", "2"), "takes every frame"),
        (("{molecules}", "--engine", "tblite", "--field", "10"), "not 10"),
        (("{molecules}", "--engine", "tblite", "--executor", "nowhere.yaml"), "not 'nowhere.yaml'"),
        (("{molecules}", "--engine", "tblite", "--field", "0"), "E_h/(e a0)"),
        (("{molecules}", "--engine", "tblite", "--target", "dipole"), "--target takes apt, pgt, hgt"),
        (("{molecules}", "--engine", "tblite", "--scheme", "wannier"), "--scheme takes field or displacement"),
        (("missing.xyz", "--engine", "tblite"), "missing.xyz"),
    ],
)
def test_what_label_refuses(
    run: Run, tmp_path: Path, molecules: Path, arguments: tuple[str, ...], message: str
) -> None:
    given = [word.format(molecules=molecules) for word in arguments]
    before = molecules.read_bytes()
    out = [] if "--out" in given else ["--out", tmp_path / "out.extxyz"]
    status, _, errors = run("label", *given, "--work", tmp_path / "work", *out)
    assert status == 2
    assert molecules.read_bytes() == before
    assert message in errors
    assert not (tmp_path / "out.extxyz").exists()


@pytest.mark.parametrize(("radius", "images"), [(2.5, False), (5.0, True)])
def test_clusters_that_hold_images_are_warned_of(radius: float, images: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The cell of the sample is 9.855 Å wide; in one of 60° its faces are nearer than its vectors are long."""
    frame = next(read_frames(DATA / "water32_labels.extxyz.xz"))
    command._cluster_plan({0: frame}, LabelSettings(engine="tblite", cluster=radius, centres=1, epsilon=1.78))
    assert ("contain periodic images: the cell is 9.9 Å wide" in caplog.text) == images
    assert "answer the field outside" not in caplog.text
    oblique = replace(frame, cell=TRICLINIC)  # as far as vectors of 8 Å have their faces apart
    assert width(oblique) == pytest.approx(8.0 * (2 / 3) ** 0.5)


@pytest.mark.parametrize(
    ("lattice", "said"),
    [
        ("nan 0 0 0 10 0 0 0 10", "the cell is .*nan"),
        ("10 0 0 10 0 0 0 0 10", "the cell vectors .* span no volume; give --cell"),
    ],
)
def test_a_cell_without_volume_is_refused(lattice: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.extxyz"
    path.write_text(
        f'2\nLattice="{lattice}" Properties=species:S:1:pos:R:3 pbc="T T T"\nO 0 0 0\nH 0 0 1\n', encoding="utf-8"
    )
    with pytest.raises(MimyriaError, match=rf"a\.extxyz, frame 0: {said}"):
        make_labels([path], tmp_path / "o.extxyz", tmp_path / "w", LabelSettings(charge=0))
