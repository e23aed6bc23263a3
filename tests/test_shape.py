"""The shape of the package: imports only go down, heavy ones live in one room, files are small and have their tests."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mimyria"

FLOORS = (
    {"__init__", "units", "errors", "frame", "elements", "targets", "level", "neighbours", "molecules"}
    | {"config", "contents", "progress", "execute", "memory", "values", "declare", "choices", "process"},
    {"settings", "measured", "statistics", "files", "parallel"},
    {"formats", "odd_labels"},
    {"trajectory"},
    {"engines", "model", "rates"},
    {"labels", "training", "optical"},
    {"spectra"},
    {"figures", "checks"},
    {"tensor_pass", "passes", "pipeline", "commands", "ase", "harmonic", "identify"},
    {"autotrain"},
    {"report"},
    {"loop", "demo", "demo_sulfate", "info", "app"},
    {"cli"},
    {"__main__"},
)
"""From the ground up. Imports only go down; folders of one floor never see each other, single files of one may."""
UPWARD = {"spectra/spectrum.py": "mimyria.figures.plot."}
"""The one arrow upwards, taken when it is called: a spectrum draws itself."""
ROOMS = {
    "torch": {"identify", "model", "training"},
    "e3nn": {"model"},
    "vesin": {"neighbours"},
    "cp2k_input_tools": {"engines"},
    "pyscf": {"engines"},
    "tblite": {"engines"},
    "parsl": {"execute"},
    "ase": {"ase", "elements", "files", "formats", "harmonic"},
    "MDAnalysis": {"files", "formats", "rates"},
    "zstandard": {"files"},
    "h5py": {"formats", "rates"},
    "matplotlib": {"figures"},
    "pandas": {"spectra"},
    "bokeh": {"figures", "report"},
    "typer": {"cli"},
    "rich": {"progress"},
    "yaml": {"config"},
}
"""Which rooms may import a library that is slow to import or not always installed."""
FILES = sorted(PACKAGE.rglob("*.py"))
PAGELESS = {
    "app/answers": "test_server.py",
    "app/check": "test_treat.py",
    "app/menu": "test_drops.py",
    "autotrain/history": "test_loop.py reads what it writes",
    "autotrain/steps": "test_loop.py runs them all",
    "cli/about": "test_info.py",
    "cli/auto": "test_loop_killed.py",
    "cli/label": "test_labels_command.py",
    "cli/local": "test_serve.py",
    "cli/options": "test_cli.py",
    "choices": "test_settings.py",
    "config": "test_cli_spectra.py",
    "engines/cp2k": "test_engines.py and test_cp2k_input.py",
    "engines/engine": "a Protocol: EngineContract in contracts.py",
    "engines/job": "test_engines.py",
    "engines/pyscf": "test_engines.py: the contract of engines",
    "engines/registry": "test_engines.py",
    "engines/tblite": "test_engines.py: the contract of engines",
    "errors": "classes without a body",
    "figures/charts": "test_report.py",
    "figures/document": "test_page.py",
    "figures/markup": "test_report.py",
    "files/compression": "test_readers.py: the contract of readers",
    "formats/ase_formats": "test_readers.py: the contract of readers",
    "formats/born": "test_espresso.py, test_abinit.py and test_phonopy.py",
    "formats/extxyz": "test_readers.py: the contract of readers",
    "identify/command": "test_identify.py",
    "identify/teaching": "test_recogniser.py",
    "identify/patterns": "test_recogniser.py",
    "identify/convolutions": "test_recogniser.py",
    "labels/quality": "test_fields.py",
    "model/calibration": "test_predict.py",
    "settings/of_slab": "test_fresnel.py",
    "rates/faces": "test_sfg.py",
    "rates/selection": "test_groups.py",
    "report/costs": "test_report.py",
    "report/results": "test_report.py",
    "report/status": "test_report.py",
    "settings/of_app": "test_serve.py",
    "settings/of_harmonic": "test_harmonic.py",
    "settings/of_identify": "test_identify.py",
    "settings/of_label": "test_settings.py",
    "settings/reading": "test_settings.py",
    "settings/of_spectrum": "test_settings.py",
    "settings/of_train": "test_settings.py",
    "spectra/conditions": "a record",
    "targets": "",
    "training/history": "test_predict.py",
    "trajectory/frame_checks": "test_trajectory.py",
    "trajectory/times": "test_trajectory.py",
}
"""Modules without a page of tests of their own, and where they are tested; this list only gets shorter."""


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
    if path == PACKAGE / "__init__.py":
        return  # offers the names of all floors, and imports none of them before it is asked; see test_public
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


def test_no_room_holds_too_much() -> None:
    lines = Counter[str]()
    for path in FILES:
        lines[room(path)] += len(path.read_text(encoding="utf-8").splitlines())
    most, number = max(((name, n) for name, n in lines.items() if (PACKAGE / name).is_dir()), key=lambda pair: pair[1])
    assert number <= 0.15 * lines.total(), f"split {most}"


def test_every_module_has_a_page_of_tests() -> None:
    """It is called as the module is, with the room in front where two modules have one name."""
    modules = [path.relative_to(PACKAGE).with_suffix("").parts for path in FILES if path.stem[0] != "_"]
    pages = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    names = Counter(parts[-1] for parts in modules)
    pageless = {
        "/".join(parts) for parts in modules
        if not pages & {"_".join(parts), *([parts[-1]] if names[parts[-1]] == 1 else [])}
    }  # fmt: skip
    assert pageless - set(PAGELESS) == set(), "write a page of tests for it"
    assert set(PAGELESS) - pageless == set(), "it has a page now, or is gone: take it off the list"


def test_the_page_on_the_architecture_names_every_room_on_its_floor() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())
    for name in rooms:
        assert f"| `{name}/` |" in page
    listed = re.findall(r"^\d+\. (.+)$", page, re.MULTILINE)
    floors = [set(re.findall(r"`(\w+)`", line)) for line in listed[1:]]
    assert floors == [floor for floor in FLOORS[1:] if floor != {"__main__"}]
    for name in FLOORS[0] - {"__init__"}:
        assert f"`{name}`" in page


def test_help_is_quick() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mimyria", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) < 600  # modules: 0.3 s on a quiet machine, and on a busy one as few
    for heavy in ("numpy", "scipy", "torch", "ase", "MDAnalysis", "matplotlib", "bokeh", "h5py"):
        assert not any(line.split("|")[-1].strip() == heavy for line in done.stderr.splitlines()), heavy
