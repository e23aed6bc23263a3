"""Compare levels of theory for the response of liquid water: three CP2K runs each (no field, and a field along +x, -x).

    python scan.py FRAME.extxyz --work scan --levels dzvp aug-tzv2p --reference aug-tzv2p

From the three: epsilon_infinity along x (Berry phase, modulo the cell), the x row of every APT, Q_xx of every atom. The
table has each level's distance from the reference's. A level that was computed is read from --work.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

BOHR, DEBYE = 0.529177210903, 2.541746473
FIELD = 2e-3

PLAIN: dict[str, Any] = {
    "file": "GTH_BASIS_SETS",
    "functional": "&PBE\n&END PBE",
    "cutoff": 280,
    "relative": 40,
    "eps": "1.0E-10",
    "smooth": True,
    "field": FIELD,
    "preconditioner": "FULL_ALL",
    "potential": "GTH-PBE",
}
REVPBE = "&PBE\nPARAMETRIZATION REVPBE\n&END PBE"
RPBE = "&GGA_X_RPBE\n&END GGA_X_RPBE\n&GGA_C_PBE\n&END GGA_C_PBE"


def gth(name: str, **other: Any) -> dict[str, Any]:
    """Return a level with a basis of GTH_BASIS_SETS."""
    return {**PLAIN, "O": name, "H": name, **other}


MOLOPT = {"file": "BASIS_MOLOPT"}
UZH = {"file": "BASIS_MOLOPT_UZH"}
OWN = {"file": "GTH_DIFFUSE"}
"""Written by make_basis.py."""
LEVELS: dict[str, dict[str, Any]] = {
    "dzvp": gth("DZVP-GTH"),
    "tzv2p": gth("TZV2P-GTH"),
    "qzv3p": gth("QZV3P-GTH"),
    "aug-dzvp": gth("aug-DZVP-GTH"),
    "aug-tzv2p": gth("aug-TZV2P-GTH"),
    "aug-qzv2p": gth("aug-QZV2P-GTH"),
    "aug-qzv3p": gth("aug-QZV3P-GTH"),
    "dzvp-molopt-sr": gth("DZVP-MOLOPT-SR-GTH", **MOLOPT),
    "dzvp-molopt": gth("DZVP-MOLOPT-GTH", **MOLOPT),
    "tzv2p-molopt": gth("TZV2P-MOLOPT-GTH", **MOLOPT),
    "tzv2px-molopt": gth("TZV2PX-MOLOPT-GTH", **MOLOPT),
    "tzvp-uzh": {**PLAIN, **UZH, "O": "TZVP-MOLOPT-PBE-GTH-q6", "H": "TZVP-MOLOPT-PBE-GTH-q1"},
    **{
        f"{base}-{kind}".lower(): gth(f"{base}-{kind}", **OWN)
        for base, kinds in {"DZVP": "HP OP OD D1 D2 D3 D4", "TZV2P": "D1 D2 D3 D4", "QZV3P": "D3 D4"}.items()
        for kind in kinds.split()
    },
    "tzv2p-uzh": {**PLAIN, **UZH, "O": "TZV2P-MOLOPT-PBE-GTH-q6", "H": "TZV2P-MOLOPT-PBE-GTH-q1"},
}


def input_text(level: dict[str, Any], symbols: list[str], positions: Any, length: float, sign: int) -> str:
    """Return the input of one run."""
    field = f"&PERIODIC_EFIELD\nINTENSITY {level['field']}\nPOLARISATION {sign} 0 0\n&END" if sign else ""
    smooth = "&XC_GRID\nXC_SMOOTH_RHO NN50\nXC_DERIV NN50_SMOOTH\n&END" if level["smooth"] else ""
    guess = "RESTART" if sign else "ATOMIC"
    atoms = "\n".join(f"{s} {x:.8f} {y:.8f} {z:.8f}" for s, (x, y, z) in zip(symbols, positions, strict=True))
    kinds = "\n".join(
        f"&KIND {e}\nBASIS_SET {level[e]}\nPOTENTIAL {level['potential']}\n&END" for e in sorted(set(symbols))
    )
    return f"""&GLOBAL
PROJECT scan
RUN_TYPE ENERGY_FORCE
PRINT_LEVEL LOW
&END
&FORCE_EVAL
METHOD Quickstep
&PRINT
&FORCES
NDIGITS 14
FILENAME =forces.dat
&END
&END
&DFT
BASIS_SET_FILE_NAME {level["file"]}
POTENTIAL_FILE_NAME GTH_POTENTIALS
WFN_RESTART_FILE_NAME ../0/scan-RESTART.wfn
&MGRID
CUTOFF {level["cutoff"]}
REL_CUTOFF {level["relative"]}
&END
&QS
EPS_DEFAULT {level["eps"]}
&END
{field}
&SCF
SCF_GUESS {guess}
EPS_SCF 1.0E-8
MAX_SCF 8
&OT ON
MINIMIZER DIIS
PRECONDITIONER {level["preconditioner"]}
&END
&OUTER_SCF
EPS_SCF 1.0E-8
MAX_SCF 25
&END
&END
&XC
&XC_FUNCTIONAL
{level["functional"]}
&END
{smooth}
&END
&PRINT
&MOMENTS
PERIODIC T
FILENAME =moments.dat
&END
&END
&END
&SUBSYS
&CELL
ABC {length} {length} {length}
&END
&COORD
{atoms}
&END
{kinds}
&END
&END
"""


def one_run(folder: Path, text: str, command: list[str]) -> None:
    """Run CP2K in a folder, unless that was done."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done.json"
    if done.exists() and (folder / "cp2k.inp").read_text() == text:
        return
    for name in ("forces.dat", "moments.dat"):
        (folder / name).unlink(missing_ok=True)
    (folder / "cp2k.inp").write_text(text)
    began, before = time.time(), _children()
    with (folder / "cp2k.out").open("w") as out:
        subprocess.run([*command, "-i", "cp2k.inp"], cwd=folder, stdout=out, stderr=out, check=False)
    said = (folder / "cp2k.out").read_text(errors="replace")
    if "PROGRAM ENDED AT" not in said or "SCF run NOT converged" in said:
        raise RuntimeError(f"{folder}: CP2K failed")
    loops = re.findall(r"outer SCF loop converged in\s+\d+ iterations or\s+(\d+) steps", said)
    steps = loops or re.findall(r"SCF run converged in\s+(\d+) steps", said)
    done.write_text(json.dumps({"wall": time.time() - began, "cpu": _children() - before, "steps": int(steps[-1])}))


def _children() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def forces(folder: Path) -> np.ndarray[Any, Any]:
    """Return the forces, E_h/a0."""
    rows = [line.split() for line in (folder / "forces.dat").read_text().splitlines()]
    return np.array([row[3:] for row in rows if len(row) == 6 and row[0].isdigit()], dtype=float)


def dipole(folder: Path) -> np.ndarray[Any, Any]:
    """Return the dipole, e a0, known modulo the cell."""
    found = re.search(r"X=\s*(\S+)\s+Y=\s*(\S+)\s+Z=\s*(\S+)", (folder / "moments.dat").read_text())
    assert found is not None
    return np.array([float(part) for part in found.groups()]) / DEBYE


def results(folder: Path, length: float, field: float) -> dict[str, Any]:
    """Return what the three runs of a level say."""
    f0, fp, fm = (forces(folder / name) for name in ("0", "p", "m"))
    cell = length / BOHR
    change = dipole(folder / "p") - dipole(folder / "m")
    change -= cell * np.round(change / cell)
    alpha = change[0] / (2 * field)
    used = [json.loads((folder / name / "done.json").read_text()) for name in ("0", "p", "m")]
    return {
        "epsilon": 1 + 4 * np.pi * alpha / cell**3,
        "apt": (fp - fm) / (2 * field),
        "pgt": (fp + fm - 2 * f0) / field**2 / BOHR,
        "forces": f0,
        "cpu": [one["cpu"] for one in used],
        "steps": [one["steps"] for one in used],
    }


def main() -> None:
    """Run and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frame", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--levels", nargs="+", required=True, help="NAME or NAME:KEY=VALUE:..., of LEVELS above")
    parser.add_argument("--reference", required=True)
    parser.add_argument("--command", nargs="+", default=["cp2k.psmp"])
    given = parser.parse_args()
    lines = given.frame.read_text().splitlines()
    count = int(lines[0])
    length = float(lines[1].partition('Lattice="')[2].split()[0])
    rows = [line.split() for line in lines[2 : 2 + count]]
    symbols, positions = [row[0] for row in rows], np.array([row[1:4] for row in rows], dtype=float)
    found = {}
    for name in given.levels:
        base, *changes = name.split(":")
        level = {**LEVELS[base], **dict(change.split("=", 1) for change in changes)}
        level["functional"] = {"RPBE": RPBE, "REVPBE": REVPBE}.get(level["functional"], level["functional"])
        level["smooth"] = level["smooth"] in (True, "True", "1")
        level["field"] = float(level["field"])
        beside = Path(__file__).with_name(level["file"])
        if beside.exists():
            level["file"] = beside.resolve()
        folder = given.work / name.replace(":", "_").replace("=", "")
        try:
            for label, sign in (("0", 0), ("p", 1), ("m", -1)):
                one_run(folder / label, input_text(level, symbols, positions, length, sign), given.command)
        except RuntimeError as error:
            print(error, flush=True)
            continue
        found[name] = results(folder, length, level["field"])
        one = found[name]
        print(f"{name}: eps {one['epsilon']:.4f} cpu {sum(one['cpu']):.0f} s steps {one['steps']}", flush=True)
    if given.reference not in found:
        return
    best = found[given.reference]
    columns = ["level", "ε∞ (x)", "APT − ref. (e, rms)", "Σ APT (e)", "Q_xx − ref. (%)", "slope of Q_xx", "Σ Q_xx"]
    columns += ["CPU s", "steps"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for name, one in found.items():
        apt = np.sqrt(np.mean((one["apt"] - best["apt"]) ** 2))
        pgt = 100 * np.sqrt(np.sum((one["pgt"] - best["pgt"]) ** 2) / np.sum(best["pgt"] ** 2))
        slope = np.sum(one["pgt"] * best["pgt"]) / np.sum(best["pgt"] ** 2)
        sums = np.abs(one["apt"].sum(0)).max(), np.abs(one["pgt"].sum(0)).max()
        print(
            f"| {name} | {one['epsilon']:.3f} | {apt:.4f} | {sums[0]:.4f} | {pgt:.1f} | {slope:.3f} | {sums[1]:.2f} "
            f"| {sum(one['cpu']):.0f} | {'+'.join(map(str, one['steps']))} |"
        )


if __name__ == "__main__":
    main()
