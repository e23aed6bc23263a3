"""The shape of the package: imports only go down, heavy ones live in one room, files stay small."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mimyria"

FLOORS = (
    {"__init__", "units", "errors", "frame", "elements", "targets", "neighbours", "molecules"}
    | {"config", "progress", "execute", "memory"},
    {"formats"},
    {"trajectory"},
    {"engines", "model", "rates"},
    {"labels", "training", "spectra"},
    {"figures"},
    {"settings", "tensor_pass", "pipeline", "ase"},
    {"autotrain"},
    {"report"},
    {"loop", "demo", "info"},
    {"cli"},
    {"__main__"},
)
"""From the ground up. Imports only go down; folders of one floor never see each other, single files of one may."""
UPWARD = {"spectra/spectrum.py": "mimyria.figures.plot."}
"""The one arrow upwards, taken when it is called: a spectrum draws itself."""
ROOMS = {
    "torch": {"model", "training"},
    "e3nn": {"model"},
    "vesin": {"neighbours"},
    "cp2k_input_tools": {"engines"},
    "pyscf": {"engines"},
    "tblite": {"engines"},
    "parsl": {"execute"},
    "ase": {"ase", "elements", "formats"},
    "MDAnalysis": {"formats", "rates"},
    "zstandard": {"formats"},
    "h5py": {"rates"},
    "matplotlib": {"figures"},
    "pandas": {"spectra"},
    "bokeh": {"figures", "report"},
    "typer": {"cli"},
    "rich": {"progress"},
    "yaml": {"config"},
    "pydantic": {"autotrain"},
}
"""Which rooms may import a library that is slow to import or not always installed."""
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor_of(room: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if room in rooms)


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
    allowed = UPWARD.get(str(path.relative_to(PACKAGE)), "nothing")
    for name in imports(path):
        if name.startswith(allowed):
            continue
        top, *rest = name.split(".")
        if top == "mimyria":
            there = rest[0] if any(rest[0] in floor for floor in FLOORS) else "__init__"
            both_files = not any((PACKAGE / one).is_dir() for one in (here, there))
            down = floor_of(there) < floor_of(here) or (both_files and floor_of(there) == floor_of(here))
            assert there == here or down, f"{path} imports {name}"
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
