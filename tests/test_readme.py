"""The README is true: its commands run, its promises about make hold."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mimyria.cli import app
from mimyria.config import read_settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.S | re.M)


def test_it_leads_with_the_two_commands() -> None:
    first = README.split("```")[1]
    commands = [line.split("#")[0].strip() for line in first.splitlines()[1:] if line.strip()]
    assert commands == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test", "check", "bench"):
        assert re.search(rf"^{target}: ", makefile, flags=re.M), target


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the clone, in which the commands may write."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "mimyria").mkdir()
    (folder / "mimyria" / "data").symlink_to(ROOT / "mimyria" / "data")
    return folder


def test_its_commands_run(clone: Path) -> None:
    for line in "".join(blocks("sh")).splitlines():
        command = [sys.executable, "-m", *line.split()]
        done = subprocess.run(command, cwd=clone, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout
    for python in blocks("python"):
        script = clone / "script.py"
        script.write_text(python, encoding="utf-8")
        done = subprocess.run([sys.executable, script], cwd=clone, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert {"parity.png", "apt.mym", "pgt.mym", "spectra", "coarse"} <= {path.name for path in clone.iterdir()}


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_example_settings_are_known_to_the_command(path: Path) -> None:
    from typer.main import get_command

    known = {parameter.name or "" for parameter in get_command(app).commands["spectrum"].params}  # type: ignore[attr-defined]
    assert read_settings(path, known) == yaml.safe_load(path.read_text(encoding="utf-8"))
