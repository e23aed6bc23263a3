"""The shape of the package: imports only go down, heavy ones live in one room, files stay small."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mimyria"

FLOORS = {
    "__init__": 0,
    "units": 0,
    "errors": 0,
    "frame": 1,
    "elements": 1,
    "targets": 1,
    "progress": 2,
    "config": 2,
    "trajectory": 2,
    "execute": 3,
    "neighbours": 2,
    "molecules": 2,
    "labels": 4,
    "model": 4,
    "spectra": 4,
    "settings": 5,
    "grouping": 5,
    "along": 6,
    "pipeline": 7,
    "labelling": 5,
    "importing": 5,
    "ase": 5,
    "autotrain": 8,
    "demo": 8,
    "info": 9,
    "cli": 10,
    "__main__": 11,
}
SAME_FLOOR = {("targets", "frame"), ("elements", "frame"), ("molecules", "neighbours")}
ROOMS = {
    "torch": {"model"},
    "e3nn": {"model"},
    "vesin": {"neighbours"},
    "cp2k_input_tools": {"labels"},
    "pyscf": {"labels"},
    "tblite": {"labels"},
    "parsl": {"execute"},
    "ase": {"ase", "elements", "trajectory"},
    "MDAnalysis": {"trajectory"},
    "zstandard": {"trajectory"},
    "h5py": {"spectra"},
    "matplotlib": {"spectra", "model"},
    "bokeh": {"spectra", "autotrain"},
    "typer": {"cli"},
    "rich": {"progress"},
    "yaml": {"config"},
    "pydantic": {"autotrain"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        top, *rest = name.split(".")
        if top == "mimyria":
            there = rest[0] if rest[0] in FLOORS else "__init__"
            down = FLOORS[there] < FLOORS[here]
            assert there == here or down or (here, there) in SAME_FLOOR, f"{path} imports {name}"
        if top in ROOMS:
            assert here in ROOMS[top], f"{path} imports {name}, which belongs in {ROOMS[top]}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text))


def test_help_is_quick() -> None:
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mimyria", "--help"], capture_output=True, text=True
    )
    seconds = time.perf_counter() - begin
    assert done.returncode == 0
    assert seconds < 5  # what it takes on a quiet machine is 0.3 s; what follows keeps it so
    for heavy in ("numpy", "scipy", "torch", "ase", "MDAnalysis", "matplotlib", "bokeh", "h5py"):
        assert not any(line.split("|")[-1].strip() == heavy for line in done.stderr.splitlines()), heavy
