"""Pack positions and velocities that i-PI wrote (two files, its default xyz) into one extxyz.xz.

    python pack.py trpmd-1/produce.xc.xyz trpmd-1/produce.vc.xyz --timestep 0.25 --every 2 --out trpmd-1.extxyz.xz

Units stand in the comments of the files, the time is that of the step. Steps that were written twice, after a restart,
are left out the second time. Positions are not wrapped.
"""

from __future__ import annotations

import argparse
import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

BOHR, ATOMIC_TIME = 0.529177210903, 0.024188843265857
UNITS = {"angstrom": 1.0, "atomic_unit": BOHR}
SPEEDS = {"atomic_unit": BOHR / ATOMIC_TIME}
CELL = r"CELL\(abcABC\):\s*(\S+)\s+(\S+)\s+(\S+)"
PROPERTIES = "Properties=species:S:1:pos:R:3:vel:R:3"
Array = np.ndarray[Any, Any]


def found(pattern: str, text: str) -> tuple[str, ...]:
    """Return the groups of a pattern that has to be there."""
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"{pattern} does not stand in: {text}")
    return match.groups()


def frames(path: Path) -> Iterator[tuple[int, str, list[str], Array]]:
    """Yield step, comment, elements and numbers of every frame that is whole."""
    with path.open(encoding="utf-8") as stream:
        while head := stream.readline():
            comment = stream.readline()
            rows = [stream.readline() for _ in range(int(head))]
            if not rows[-1].endswith("\n"):
                return
            words = [row.split() for row in rows]
            step = int(found(r"Step:\s*(\d+)", comment)[0])
            yield step, comment, [word[0] for word in words], np.array([word[1:4] for word in words], dtype=float)


def once(read: Iterator[tuple[int, str, list[str], Array]]) -> Iterator[tuple[int, str, list[str], Array]]:
    """Leave out steps that came before."""
    last = -1
    for frame in read:
        if frame[0] > last:
            last = frame[0]
            yield frame


def unit(comment: str, quantities: tuple[str, ...]) -> str:
    """Return the unit of one of these quantities."""
    return found(rf"(?:{'|'.join(quantities)})\{{(\w+)\}}", comment)[0]


def main() -> None:
    """Pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("positions", type=Path)
    parser.add_argument("velocities", type=Path)
    parser.add_argument("--timestep", type=float, default=0.25, help="fs, of the integration")
    parser.add_argument("--every", type=int, default=1, help="keep every Nth stored frame")
    parser.add_argument("--digits", type=int, default=7, help="decimals of the velocities, Å/fs")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    count = 0
    with lzma.open(given.out, "wt", preset=9 | lzma.PRESET_EXTREME, encoding="utf-8") as out:
        pairs = zip(once(frames(given.positions)), once(frames(given.velocities)), strict=False)
        for index, ((step, head, elements, places), (other, second, _, speeds)) in enumerate(pairs):
            if step != other:
                raise SystemExit(f"step {step} of the positions meets step {other} of the velocities")
            if index % given.every:
                continue
            length = UNITS[unit(head, ("cell",))]
            abc = [float(part) * length for part in found(CELL, head)]
            places = places * UNITS[unit(head, ("x_centroid", "positions"))]
            speeds = speeds * SPEEDS[unit(second, ("v_centroid", "velocities"))]
            lattice = f"{abc[0]:.6g} 0 0 0 {abc[1]:.6g} 0 0 0 {abc[2]:.6g}"
            rows = [
                f"{e} {x:.4f} {y:.4f} {z:.4f} {u:.{given.digits}f} {v:.{given.digits}f} {w:.{given.digits}f}"
                for e, (x, y, z), (u, v, w) in zip(elements, places, speeds, strict=True)
            ]
            comment = f'Lattice="{lattice}" {PROPERTIES} pbc="T T T" time={step * given.timestep:g}'
            out.write("\n".join([str(len(rows)), comment, *rows]) + "\n")
            count += 1
    print(f"{given.out}: {count} frames, {given.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
