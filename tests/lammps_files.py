"""Files as LAMMPS writes them: dumps as text and yaml, in any of its units and kinds of cells, and data files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import frame_masses, symbols_of
from mimyria.frame import Frame
from mimyria.units import BOHR

ORIGIN = np.array([0.5, -1.5, 2.5])
UNITS = {
    "real": (1.0, 1.0, 1.0),
    "metal": (1.0, 1e3, 1.0),
    "electron": (BOHR, 1.0, 1.0),
    "si": (1e10, 1e15, 1 / 1.66053907e-27),
    "cgs": (1e8, 1e15, 1 / 1.66053907e-24),
    "micro": (1e4, 1e9, 1 / 1.66053907e-12),
    "nano": (10.0, 1e6, 1 / 1.66053907e-6),
}
"""Å, fs and u, as the manual of LAMMPS has them."""
TYPES = {"H": 2, "O": 1, "Cl": 3}
STEP = 0.5
"""fs."""


def restricted(cell: Any) -> Any:
    """Return the cell with its first vector along x and the second in the xy plane, as LAMMPS turns it."""
    return np.linalg.cholesky(cell @ cell.T)


def bounds(cell: Any, style: str, origin: Any = ORIGIN) -> tuple[str, Any]:
    """Return the words after BOX BOUNDS, and the numbers of the three lines, in the unit of the cell."""
    if style == "general":
        return "abc origin", np.column_stack([cell, origin])
    (lx, _, _), (xy, ly, _), (xz, yz, lz) = cell
    low = origin + np.array([min(0, xy, xz, xy + xz), min(0, yz), 0])
    high = origin + np.array([lx + max(0, xy, xz, xy + xz), ly + max(0, yz), lz])
    if style == "orthogonal":
        return "", np.column_stack([low, high])
    return "xy xz yz", np.column_stack([low, high, (xy, xz, yz)])


def columns_of(frame: Frame, columns: Sequence[str], units: str, origin: Any = ORIGIN) -> list[list[str]]:
    """Return the words of every atom, in the order of the atoms."""
    length, time, mass = UNITS[units]
    symbols = symbols_of(frame.numbers)
    velocities = np.zeros((len(frame), 3)) if frame.velocities is None else frame.velocities
    places = {
        "": (frame.positions + origin) / length,
        "u": (frame.positions + origin + 2 * frame.cell[0]) / length,
        "s": frame.positions @ np.linalg.inv(frame.cell),
        "su": frame.positions @ np.linalg.inv(frame.cell) - 3.0,
    }
    texts: dict[str, list[str]] = {
        "id": [str(3 * k + 1) for k in range(len(frame))],
        "type": [str(TYPES[symbol]) for symbol in symbols],
        "element": symbols,
        "typelabel": [f"{symbol}w" for symbol in symbols],
        "mass": [f"{x:.10g}" for x in frame_masses(frame) / mass],
        "q": ["0.1"] * len(frame),
        **{f"i{axis}": ["0"] * len(frame) for axis in "xyz"},
        **{
            f"{axis}{kind}": [f"{x:.12g}" for x in values[:, k]]
            for kind, values in places.items()
            for k, axis in enumerate("xyz")
        },
        **{f"v{axis}": [f"{x:.12g}" for x in velocities[:, k] * time / length] for k, axis in enumerate("xyz")},
    }
    return [list(words) for words in zip(*(texts[name] for name in columns), strict=True)]


def dump(
    path: Path,
    run: list[Frame],
    columns: str = "id type element x y z vx vy vz",
    *,
    style: str = "triclinic",
    units: str = "metal",
    stated: bool = True,
    boundary: str = "pp pp pp",
    yaml: bool = False,
    origin: Any = ORIGIN,
) -> Path:
    """Write a run, whose atoms stand in another order in every frame; ``stated`` units and times are said."""
    random = np.random.default_rng(1)
    names = columns.split()
    length, time, _ = UNITS[units]
    lines = [f"ITEM: UNITS\n{units}"] if stated and not yaml else []
    for frame in run:
        assert frame.time is not None
        words, box = bounds(frame.cell, style, origin)
        box = box / length
        step, rows = round(frame.time / STEP), columns_of(frame, names, units, origin)
        order = random.permutation(len(frame))
        if yaml:
            lines += ["---", "creator: LAMMPS", f"timestep: {step}"]
            lines += [f"units: {units}", f"time: {frame.time / time:.12g}"] if stated else []
            lines += [f"natoms: {len(frame)}", f"boundary: [ {', '.join(boundary.replace(' ', ''))}, ]"]
            lines += ["thermo:", "  - keywords: [ Step, Temp, ]", f"  - data: [ {step}, 300.1, ]", "box:"]
            lines += [f"  - [ {low:.15g}, {high:.15g} ]" for low, high in box[:, :2]]
            lines += [f"  - [ {', '.join(f'{x:.15g}' for x in box[:, 2])} ]"] if box.shape[1] == 3 else []
            lines += [f"keywords: [ {', '.join(names)},  ]", "data:"]
            lines += [f"  - [ {' , '.join(rows[k])}, ]" for k in order] + ["..."]
        else:
            lines += [f"ITEM: TIME\n{frame.time / time:.12g}"] if stated else []
            lines += [f"ITEM: TIMESTEP\n{step}", f"ITEM: NUMBER OF ATOMS\n{len(frame)}"]
            lines += [" ".join(f"ITEM: BOX BOUNDS {words} {boundary}".split())]
            lines += [" ".join(f"{x:.15g}" for x in row) for row in box]
            lines += [f"ITEM: ATOMS {columns}"] + [" ".join(rows[k]) for k in order]
    path.write_text("\n".join(lines) + "\n")
    return path


ATOMS = {
    "atomic": "{id} {type} {x} 0 0 0",
    "charge": "{id} {type} -0.8 {x}",
    "molecular": "{id} {molecule} {type} {x} 1 0 -1",
    "bond": "{id} {molecule} {type} {x}",
    "angle": "{id} {molecule} {type} {x}",
    "full": "{id} {molecule} {type} -0.8 {x} 0 0 0",
    "sphere": "{id} {type} 1.0 2.5 {x}",
    "dipole": "{id} {type} 0.0 {x} 1.0 0.0 0.0",
    "hybrid": "{id} {type} {x} 0.5 1.0",
}
"""A line of the section Atoms by atom style, without image flags and with them."""


def data(
    path: Path, frame: Frame, style: str = "full", *, comment: bool = True, masses: str = "{type} {mass:.6g} # {symbol}"
) -> Path:
    """Write a data file of water, molecule by molecule; its atoms do not stand in the order of their ids."""
    symbols = symbols_of(frame.numbers)
    used = {symbol: float(mass) for symbol, mass in zip(symbols, frame_masses(frame), strict=True)}
    lines = ["LAMMPS data file", "", f"{len(frame)} atoms", f"{len(used)} atom types", ""]
    lines += ["0 9 xlo xhi", "0 9 ylo yhi", "0 9 zlo zhi", ""]
    if masses:
        lines += ["Masses", ""]
        lines += [masses.format(type=TYPES[s], mass=used[s], symbol=s) for s in sorted(used, key=lambda s: TYPES[s])]
    lines += ["", f"Atoms  # {style}" if comment else "Atoms", ""]
    for k in reversed(range(len(frame))):
        values = {"id": 3 * k + 1, "type": TYPES[symbols[k]], "molecule": 11 + k // 3}
        lines.append(ATOMS[style].format(**values, x=" ".join(f"{x:.6f}" for x in frame.positions[k])))
    lines += ["", "Velocities", "", *(f"{3 * k + 1} 0 0 0" for k in range(len(frame)))]
    path.write_text("\n".join(lines) + "\n")
    return path
