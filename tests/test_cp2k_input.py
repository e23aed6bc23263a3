"""CP2K inputs and outputs as text: no CP2K is needed for these."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts import TRICLINIC, WATER
from mimyria.engines.cp2k import CP2K, check_end, read_run
from mimyria.engines.cp2k_input import read_template, run_input, scf_noise
from mimyria.engines.engine import Configuration
from mimyria.errors import LabelError
from mimyria.labels.fields import stencil
from mimyria.level import Level
from mimyria.units import DEBYE

TEMPLATES = Path(__file__).parents[1] / "configs" / "cp2k"
CHEAP = TEMPLATES / "water-cheap.inp"
BOX = replace(WATER, cell=6 * np.eye(3), periodic=np.ones(3, dtype=bool))


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.inp")), ids=lambda path: path.stem)
def test_our_templates_are_what_we_ask_for(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = CP2K(path, kinds="O1=element O" if "&KIND O1" in path.read_text() else "")
    with caplog.at_level(logging.WARNING, "mimyria"):
        engine.prepare(2e-3, 2)
    engine.check(Configuration(BOX))
    assert not caplog.records
    assert "EPS_SCF 1e-8" in engine.summary


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ("", "", Level("CP2K", "PBE", "DZVP-GTH", "280/40 Ry", "NN50/NN50_SMOOTH")),
        ("&XC_FUNCTIONAL PBE", "&XC_FUNCTIONAL\n&PBE\nPARAMETRIZATION REVPBE\n&END PBE", {"functional": "REVPBE"}),
        (
            "&XC_FUNCTIONAL PBE",
            "&HF\nFRACTION 0.25\n&END HF\n&XC_FUNCTIONAL\n&PBE\nSCALE_X 0.75\n&END PBE",
            {"functional": "PBE+0.25 HF"},
        ),
        ("BASIS_SET DZVP-GTH", "BASIS_SET ORB TZV2P-GTH", {"basis": "H DZVP-GTH, O TZV2P-GTH"}),
        ("BASIS_SET DZVP-GTH", "BASIS_SET DZVP-GTH\nBASIS_SET AUX_FIT cFIT3", {}),
        ("XC_SMOOTH_RHO NN50", "", {"xc_grid": "NN50_SMOOTH"}),
        ("CUTOFF 280", "", {}),  # CP2K's own default
        ("CUTOFF 280", "CUTOFF [Ry] 400", {"cutoff": "400/40 Ry"}),
    ],
)
def test_the_level_of_theory_of_a_template(tmp_path: Path, old: str, new: str, level: Level | dict[str, str]) -> None:
    text = CHEAP.read_text()
    assert old in text
    (tmp_path / "own.inp").write_text(text.replace(old, new, 1))
    plain = CP2K(CHEAP).level
    assert CP2K(tmp_path / "own.inp").level == (level if isinstance(level, Level) else replace(plain, **level))


def test_the_input_of_a_run() -> None:
    tree = read_template(CHEAP)
    field = np.array([0.0, 1e-3, -1e-3]) / np.sqrt(2)
    text = run_input(tree, Configuration(BOX, -2), field, "../run_00/mimyria-RESTART.wfn")
    said = {line.strip() for line in text.splitlines()}
    assert "CHARGE -2" in said
    assert "A 6.0 0.0 0.0" in said
    assert "NDIGITS 14" in said
    assert "SCF_GUESS RESTART" in said
    assert "WFN_RESTART_FILE_NAME ../run_00/mimyria-RESTART.wfn" in said
    assert "H 0.3000000000 -0.7500000000 -0.4600000000" in said
    values = {line.split()[0]: line.split()[1:] for line in said}
    assert float(values["INTENSITY"][0]) == pytest.approx(1e-3)
    np.testing.assert_allclose(np.array(values["POLARISATION"], dtype=float), [0, 0.5**0.5, -(0.5**0.5)])


def test_an_oblique_cell_is_written_by_its_vectors() -> None:
    text = run_input(read_template(CHEAP), Configuration(replace(BOX, cell=TRICLINIC), 0), np.zeros(3), None)
    rows = {words[0]: words[1:] for words in map(str.split, text.splitlines()) if words[:1] in (["A"], ["B"], ["C"])}
    np.testing.assert_allclose(np.array([rows[axis] for axis in "ABC"], dtype=float), TRICLINIC)


def test_the_run_without_a_field_has_no_field_section() -> None:
    text = run_input(read_template(CHEAP), Configuration(BOX), np.zeros(3), None)
    assert "PERIODIC_EFIELD" not in text
    assert "SCF_GUESS ATOMIC" in text


def test_later_attempts_start_from_scratch_and_then_more_safely(tmp_path: Path) -> None:
    """The repeat never starts from scratch: it would be the first run again, and tell of no noise."""
    fields, texts = stencil(1, 1e-3), []
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        CP2K(CHEAP).write_inputs(folder, Configuration(BOX, attempt=attempt), fields)
        texts.append([(folder / f"run_{index:02d}" / "cp2k.inp").read_text() for index in range(len(fields))])
    first = [["run_00/mimyria-RESTART.wfn" in text for text in inputs] for inputs in texts]
    assert first == [[False] + 6 * [True] + [False], 8 * [False], 8 * [False]]
    assert all("../run_06/mimyria-RESTART.wfn" in inputs[7] for inputs in texts)
    assert all("MINIMIZER CG" in text for text in texts[2])
    assert not any("MINIMIZER CG" in text for text in texts[0] + texts[1])
    kept = ["&RESTART ON" in text for text in texts[0]]
    assert kept == [True] + 5 * [False] + [True, False]  # wave functions are by far the largest files


def test_variables_and_includes_are_resolved(tmp_path: Path) -> None:
    body = CHEAP.read_text().replace("EPS_SCF 1.0E-8", "EPS_SCF ${EPS}")
    (tmp_path / "part.inc").write_text(body)
    (tmp_path / "whole.inp").write_text("@SET EPS 1.0E-8\n@INCLUDE part.inc\n")
    assert CP2K(tmp_path / "whole.inp").identity == CP2K(CHEAP).identity


def test_files_beside_the_template_are_found_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "MY_BASIS").write_text("")
    (tmp_path / "a.inp").write_text(CHEAP.read_text().replace("GTH_BASIS_SETS", "MY_BASIS"))
    text = run_input(read_template(tmp_path / "a.inp"), Configuration(BOX), np.zeros(3), None)
    assert f"BASIS_SET_FILE_NAME {tmp_path / 'MY_BASIS'}" in text
    assert "POTENTIAL_FILE_NAME GTH_POTENTIALS" in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MAX_SCF 8 ", "MAX_SFC 8 ", "line 1[0-9]: .*MAX_SFC"),
        ("  &END SUBSYS", "", "a.inp.*"),
        ("METHOD Quickstep", "METHOD FIST", "METHOD FIST has no electrons"),
        ("&OT ON", "&SMEAR ON\n &END SMEAR\n &OT ON", "SMEAR is for metals"),
        (
            "EPS_SCF 1.0E-8\n      MAX",
            "EPS_SCF 1.0E-5\n      MAX",
            "PGT about .*% wrong; EPS_SCF 1e-8 and --field",
        ),
    ],
)
def test_templates_that_cannot_work(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = CHEAP.read_text()
    assert old in text
    (tmp_path / "a.inp").write_text(text.replace(old, new))
    with pytest.raises(LabelError, match=message):
        CP2K(tmp_path / "a.inp").prepare(1e-3, 2)


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ("XC_DERIV NN50_SMOOTH", "", "without smoothing"),
        ("EPS_DEFAULT 1.0E-10", "EPS_DEFAULT 1.0E-8", "EPS_DEFAULT above 1e-10"),
        ("EPS_SCF 1.0E-8\n      MAX", "EPS_SCF 1.0E-7\n      MAX", "makes the PGT about 3 % wrong"),
        ("        EPS_SCF 1.0E-8\n        MAX", "        EPS_SCF 1.0E-6\n        MAX", "OUTER_SCF is looser"),
        ("    &MGRID", "    &EFIELD\n    &END EFIELD\n    &MGRID", "EFIELD section is replaced"),
    ],
)
def test_templates_that_may_spoil_a_label(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, old: str, new: str, advice: str
) -> None:
    text = CHEAP.read_text()
    assert old in text
    (tmp_path / "a.inp").write_text(text.replace(old, new))
    with caplog.at_level(logging.WARNING, "mimyria"):
        CP2K(tmp_path / "a.inp").prepare(1e-3, 2)
    assert advice in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "charge", "message"),
    [
        ("&KIND H\n", "&KIND He\n", 0, "no &KIND H"),
        ("  &DFT", "  &DFT\n    CHARGE -2", 0, "says CHARGE -2, the label is for .0: give --charge"),
        ("", "", 1, "odd number of electrons"),
    ],
)
def test_templates_that_do_not_fit(tmp_path: Path, old: str, new: str, charge: int, message: str) -> None:
    (tmp_path / "a.inp").write_text(CHEAP.read_text().replace(old, new, 1) if old else CHEAP.read_text())
    with pytest.raises(LabelError, match=message):
        CP2K(tmp_path / "a.inp").check(Configuration(BOX, charge))


def test_scf_noise_is_what_was_measured() -> None:
    """The measured table: field, EPS_SCF, error of the PGT in %, as far as noise and not truncation makes it."""
    measured = [
        (1e-3, 1e-6, 43),
        (2e-3, 1e-6, 10.7),
        (4e-3, 1e-6, 2.67),
        (1e-3, 1e-7, 2.55),
        (2e-3, 1e-7, 0.623),
        (1e-3, 1e-8, 0.217),
        (2e-3, 1e-8, 0.0571),
    ]
    for field, eps, percent in measured:
        assert 1 / 1.3 < scf_noise(eps, field) / percent < 1.3


OUTPUT = """ CP2K| version string:                 CP2K version 2026.1
  *** SCF run converged in     8 steps ***
  outer SCF loop converged in   2 iterations or   11 steps
 ENERGY| Total FORCE_EVAL ( QS ) energy [hartree]            -17.196471234567
  **** **** ******  **  PROGRAM ENDED AT   2026-11-21
"""
OLD_FORCES = """ # Atom   Kind   Element          X              Y              Z
      1      1      O           0.10000000000001   0.2   0.3
      2      2      H          -0.1 -0.2 -0.3
      3      2      H           0.0 0.0 1.0
 SUM OF ATOMIC FORCES           0.0 0.0 1.0 1.0
"""
NEW_FORCES = """ FORCES| Atomic forces [hartree/bohr]
 FORCES| Atom     x               y               z               |f|
 FORCES|      1  0.10000000000001   0.2   0.3  0.4
 FORCES|      2 -0.1 -0.2 -0.3 0.4
 FORCES|      3  0.0 0.0 1.0 1.0
 FORCES| Sum      0.0 0.0 1.0 1.0
"""


@pytest.mark.parametrize("forces", [OLD_FORCES, NEW_FORCES])
def test_outputs_of_old_and_new_versions(tmp_path: Path, forces: str) -> None:
    (tmp_path / "cp2k.out").write_text(OUTPUT)
    (tmp_path / "forces.dat").write_text(forces)
    (tmp_path / "moments.dat").write_text("  Dipole moment [Debye]\n    X=   2.0 Y=   0.0 Z=  -1.0     Total=  2.2\n")
    run = read_run(tmp_path, 3)
    np.testing.assert_allclose(run.forces, [[0.10000000000001, 0.2, 0.3], [-0.1, -0.2, -0.3], [0, 0, 1]])
    assert (run.energy, run.steps, run.program) == (-17.196471234567, 11, "CP2K 2026.1")
    np.testing.assert_allclose(run.dipole, np.array([2.0, 0.0, -1.0]) / DEBYE)


@pytest.mark.parametrize(
    ("output", "status", "message"),
    [
        (" PROGRAM STARTED AT\n half an SCF\n", -9, "CP2K was killed by signal 9, saying: half an SCF; see .*cp2k.out"),
        ("mpirun: no such program\n", 1, "CP2K did not start: it ended with status 1, saying: mpirun: no such program"),
        (" PROGRAM STARTED AT\n", 0, "CP2K ended with status 0; see"),
    ],
)
def test_a_run_that_the_machine_did_not_let_end_is_no_failure(
    tmp_path: Path, output: str, status: int, message: str
) -> None:
    (tmp_path / "cp2k.out").write_text(output)
    with pytest.raises(OSError, match=message):
        check_end(tmp_path, status)
    (tmp_path / "cp2k.out").write_text(OUTPUT)
    check_end(tmp_path, 0)
    (tmp_path / "cp2k.out").write_text(" *  [ABORT]\n")
    check_end(tmp_path, 1)


def test_files_beside_the_template_count_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "MY_BASIS").write_text("one")
    (tmp_path / "a.inp").write_text(CHEAP.read_text().replace("GTH_BASIS_SETS", "MY_BASIS"))
    before = CP2K(tmp_path / "a.inp").identity
    (tmp_path / "elsewhere").mkdir()
    for name in ("a.inp", "MY_BASIS"):
        (tmp_path / "elsewhere" / name).write_bytes((tmp_path / name).read_bytes())
    assert CP2K(tmp_path / "elsewhere" / "a.inp").identity == before
    (tmp_path / "MY_BASIS").write_text("two")
    assert CP2K(tmp_path / "a.inp").identity != before


def test_a_retry_keeps_the_thresholds() -> None:
    tree = read_template(CHEAP)
    tree["+force_eval"][0]["+dft"]["+scf"]["eps_scf"] = 1e-6
    text = run_input(tree, Configuration(BOX, attempt=2), np.zeros(3), None)
    assert "MINIMIZER CG" in text
    assert text.count("EPS_SCF 1e-08") == 1  # of the outer loop
    assert text.count("EPS_SCF 1e-06") == 1


@pytest.mark.parametrize(
    ("output", "forces", "message"),
    [
        (OUTPUT.replace("SCF run converged in     8", "SCF run NOT converged in 8"), OLD_FORCES, "did not converge"),
        (OUTPUT.rpartition("  ****")[0].replace("  **** **** ******  **  PROGRAM ENDED AT", ""), OLD_FORCES, "CP2K"),
        (OUTPUT, OLD_FORCES.replace("-0.1 -0.2", "**** -0.2"), "forces.dat"),
        (OUTPUT, "\n".join(OLD_FORCES.splitlines()[:3]), "holds 2 forces for 3 atoms"),
        (OUTPUT.replace("Total FORCE_EVAL", ""), OLD_FORCES, "no energy"),
    ],
)
def test_outputs_that_are_no_result(tmp_path: Path, output: str, forces: str, message: str) -> None:
    (tmp_path / "cp2k.out").write_text(output)
    (tmp_path / "forces.dat").write_text(forces)
    with pytest.raises(LabelError, match=message):
        read_run(tmp_path, 3)
