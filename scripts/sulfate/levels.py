"""Compare levels of theory on one configuration: no field, and a field along +x and -x.

    python levels.py work/00000/HASH --out tzv2p --basis O=TZV2P-GTH H=TZV2P-GTH S=TZV2P-GTH Na=TZV2P-GTH
    python levels.py work/00000/HASH --out diffuse --file BASIS_DIFFUSE --basis O=DZVP-GTH-DIFFUSE H=DZVP-GTH-DIFFUSE
    python levels.py work/00000/HASH --out ion --ion aug-TZV2P-GTH
    python levels.py work/00000/HASH --out coarse --set REL_CUTOFF=30

The folder is that of a configuration of `mimyria label`, whose first three runs these are; their inputs are used again
with other basis sets (--ion: of the oxygens of sulfate alone) or keywords. For each kind of atom is printed how far the
x row of the APT and ∂α_xx/∂R of the folder are from those of the other level (rms, and relative to the rms of these),
and the slope of the former against the latter. What was computed is not computed again.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

BOHR = 0.529177210903
RUNS = ("run_00", "run_01", "run_02")
"""No field, +x, -x."""


def compute(text: str, folder: Path, command: list[str]) -> None:
    """Run CP2K in a folder, unless that was done."""
    done, copy = folder / "done", folder / "cp2k.inp"
    folder.mkdir(parents=True, exist_ok=True)
    if done.exists() and copy.read_text(encoding="utf-8") == text:
        return
    copy.write_text(text, encoding="utf-8")
    (folder / "forces.dat").unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with (folder / "cp2k.out").open("w") as out:
        subprocess.run([*command, "-i", "cp2k.inp"], cwd=folder, stdout=out, stderr=out, check=True)
    said = (folder / "cp2k.out").read_text(errors="replace")
    if "PROGRAM ENDED AT" not in said or "SCF run NOT converged" in said:
        raise SystemExit(f"{folder}: CP2K failed")
    done.write_text(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before:.0f}")


def with_ion(text: str, oxygens: Array, basis: str) -> str:
    """Return an input in which these atoms are of a &KIND of their own."""
    before, start, rest = text.partition("&COORD\n")
    lines = rest.split("\n")
    for atom in oxygens.tolist():
        lines[atom] = re.sub(r"O1?\b", "O1", lines[atom], count=1)
    text = before + start + "\n".join(lines)
    kind = f"&KIND O1\nELEMENT O\nBASIS_SET {basis}\nPOTENTIAL GTH-PBE\n&END KIND\n"
    return re.sub(r"&KIND O1\n.*?&END KIND\n", "", text, flags=re.DOTALL).replace("&KIND O\n", f"{kind}&KIND O\n", 1)


def responses(folder: Path, field: float) -> tuple[Array, Array]:
    """Return the x row of the APT (e) and ∂α_xx/∂R (e² a0² E_h⁻¹ Å⁻¹), each of shape (N, 3)."""
    rows = [[line.split() for line in (folder / name / "forces.dat").read_text().splitlines()] for name in RUNS]
    still, plus, minus = (np.array([r[3:] for r in run if len(r) == 6 and r[0].isdigit()], dtype=float) for run in rows)
    return (plus - minus) / (2 * field), (plus + minus - 2 * still) / field**2 / BOHR


def main() -> None:
    """Run and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--basis", nargs="*", default=[], metavar="ELEMENT=NAME")
    parser.add_argument("--ion", metavar="NAME", help="basis of the oxygens of sulfate")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEYWORD=VALUE", help="keywords of CP2K's input")
    parser.add_argument("--file", type=Path, nargs="*", default=[], help="further files of basis sets")
    parser.add_argument("--command", nargs="+", default=["cp2k.psmp"])
    given = parser.parse_args()
    configuration = np.load(given.folder / "configuration.npz")
    numbers, edge = configuration["numbers"], configuration["cell"][0, 0]
    apart = configuration["positions"] - configuration["positions"][numbers == 16][0]
    near = np.linalg.norm(apart - edge * np.round(apart / edge), axis=1) < 2.0
    for name in RUNS:
        text = (given.folder / name / "cp2k.inp").read_text(encoding="utf-8")
        for element, basis in (item.split("=", 1) for item in given.basis):
            text = re.sub(rf"(&KIND {element}\n(?:(?!.*&END).*\n)*?\s*BASIS_SET )\S+", rf"\g<1>{basis}", text)
        for keyword, value in (item.split("=", 1) for item in given.set):
            text = re.sub(rf"^(\s*{keyword} )\S+", rf"\g<1>{value}", text, flags=re.MULTILINE)
        if given.ion:
            text = with_ion(text, np.flatnonzero((numbers == 8) & near), given.ion)
        more = "".join(f"BASIS_SET_FILE_NAME {path.resolve()}\n" for path in given.file)
        text = text.replace("&DFT\n", f"&DFT\n{more}", 1)
        text = re.sub(r"SCF_GUESS \w+", f"SCF_GUESS {'ATOMIC' if name == RUNS[0] else 'RESTART'}", text)
        text = re.sub(r"(WFN_RESTART_FILE_NAME )\S+", r"\g<1>../run_00/mimyria-RESTART.wfn", text)
        compute(text, given.out / name, given.command)
    kinds = {"S": numbers == 16, "O of SO4": (numbers == 8) & near, "Na": numbers == 11}
    kinds |= {"O of water": (numbers == 8) & ~near, "H": numbers == 1}
    field = configuration["fields"][1, 0]
    print("seconds of CPU:", ", ".join((given.out / name / "done").read_text() for name in RUNS))
    here, there = responses(given.folder, field), responses(given.out, field)
    for label, this, other in zip(("APT", "PGT"), here, there, strict=True):
        print(
            f"{label}: sums over atoms {np.abs(this.sum(axis=0)).max():.3f} and {np.abs(other.sum(axis=0)).max():.3f}"
        )
        for kind, rows in kinds.items():
            if rows.any():
                size, off = np.sqrt((other[rows] ** 2).mean()), np.sqrt(((this - other)[rows] ** 2).mean())
                slope = (this[rows] * other[rows]).sum() / (other[rows] ** 2).sum()
                print(f"  {kind:10s} {off:.4f} of {size:.4f} ({100 * off / size:.1f} %), slope {slope:.3f}")


if __name__ == "__main__":
    main()
