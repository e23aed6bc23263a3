"""Write GTH_DIFFUSE: sets of GTH_BASIS_SETS of CP2K with diffuse functions that a liquid bears.

    python make_basis.py /usr/share/cp2k/GTH_BASIS_SETS > GTH_DIFFUSE

The aug- sets of that file have an s function of exponent 0.03 on hydrogen, which makes the overlap matrix of the liquid
singular, and no diffuse d on oxygen.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ADDED: dict[str, dict[str, tuple[str, list[tuple[int, float]]]]] = {
    # name: element: (set that is extended, functions (l, exponent))
    "DZVP-HP": {"O": ("DZVP-GTH", []), "H": ("DZVP-GTH", [(1, 0.15)])},
    "DZVP-OP": {"O": ("DZVP-GTH", [(1, 0.07)]), "H": ("DZVP-GTH", [])},
    "DZVP-OD": {"O": ("DZVP-GTH", [(2, 0.30)]), "H": ("DZVP-GTH", [])},
    "DZVP-D1": {"O": ("DZVP-GTH", [(1, 0.07)]), "H": ("DZVP-GTH", [(1, 0.15)])},
    "DZVP-D2": {"O": ("DZVP-GTH", [(1, 0.07), (2, 0.25)]), "H": ("DZVP-GTH", [])},
    "DZVP-D3": {"O": ("DZVP-GTH", [(1, 0.07), (2, 0.25)]), "H": ("DZVP-GTH", [(1, 0.15)])},
    "DZVP-D4": {"O": ("DZVP-GTH", [(2, 0.30)]), "H": ("DZVP-GTH", [(1, 0.15)])},
    "TZV2P-D4": {"O": ("TZV2P-GTH", [(2, 0.20)]), "H": ("TZV2P-GTH", [(1, 0.13)])},
    "TZV2P-D1": {"O": ("TZV2P-GTH", [(1, 0.06)]), "H": ("TZV2P-GTH", [(1, 0.11)])},
    "TZV2P-D2": {"O": ("TZV2P-GTH", [(1, 0.06), (2, 0.20)]), "H": ("TZV2P-GTH", [])},
    "TZV2P-D3": {"O": ("TZV2P-GTH", [(1, 0.06), (2, 0.20)]), "H": ("TZV2P-GTH", [(1, 0.11)])},
    "QZV3P-D4": {"O": ("QZV3P-GTH", [(2, 0.15)]), "H": ("QZV3P-GTH", [(1, 0.10)])},
    "QZV3P-D3": {"O": ("QZV3P-GTH", [(0, 0.07), (1, 0.05), (2, 0.15)]), "H": ("QZV3P-GTH", [(1, 0.085)])},
}


def blocks(path: Path) -> dict[tuple[str, str], list[str]]:
    """Return the lines of every set without its name, by element and name."""
    found: dict[tuple[str, str], list[str]] = {}
    current: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if re.fullmatch(r"[A-Z][a-z]?", words[0]):
            current = []
            for name in words[1:]:
                found[words[0], name] = current
        else:
            current.append(line)
    return found


def main() -> None:
    """Print the file."""
    known = blocks(Path(sys.argv[1]))
    print("# Sets of GTH_BASIS_SETS with diffuse functions, written by scripts/water_labels/make_basis.py")
    for name, elements in ADDED.items():
        for element, (base, functions) in elements.items():
            count, *rest = known[element, base]
            print(f"{element} {name}\n{int(count) + len(functions):3d}")
            print("\n".join(rest))
            for momentum, exponent in functions:
                print(f"  {3 + momentum} {momentum} {momentum} 1 1\n      {exponent:16.10f}   1.0000000000")
            print("#")


if __name__ == "__main__":
    main()
