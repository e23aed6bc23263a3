"""The README is true: its commands run, its promises about make hold."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from conftest import Run
from mimyria.cli import app
from mimyria.config import read_settings

ROOT = Path(__file__).parents[1]
SETTINGS = sorted(set((ROOT / "configs").glob("*.yaml")) - set((ROOT / "configs").glob("autotrain-*.yaml")))
README = (ROOT / "README.md").read_text(encoding="utf-8")

SHORTER = {
    "--time-limit 0.25": "--time-limit 0.25 --epochs 1",
    "--frames 0:200": "--frames 0:40",
    "--frames 0:400": "--frames 0:200",
    "frames=(0, 200)": "frames=(0, 40)",
}
"""What the commands are run with, for whether they run does not depend on it."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.S | re.M)


def shortened(block: str) -> str:
    for words, fewer in SHORTER.items():
        block = block.replace(words, fewer)
    return block


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


@pytest.mark.pictures
def test_its_commands_run(clone: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)
    assert all(words in README for words in SHORTER)
    for line in "".join(map(shortened, blocks("sh"))).splitlines():
        program, *arguments = line.split()
        assert program == "mimyria"
        status, said, errors = run(*arguments)
        assert status == 0, f"{line}\n{errors}"
        assert said
    for python in map(shortened, blocks("python")):
        exec(compile(python, "README.md", "exec"), {})
    assert {"parity.png", "apt.mym", "pgt.mym", "spectra", "coarse"} <= {path.name for path in clone.iterdir()}


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.name)
def test_example_settings_are_known_to_the_command(path: Path) -> None:
    from typer.main import get_command

    parameters = get_command(app).commands["spectrum"].params  # type: ignore[attr-defined]
    known = {each.name or "": getattr(each, "multiple", False) for each in parameters}
    repeated = [name for name, several in known.items() if several]
    stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    listed = {name: [value] for name, value in stated.items() if name in repeated and not isinstance(value, list)}
    assert read_settings(path, known, repeated) == stated | listed


ELSEWHERE = {"--cpus", "--hess", "--no-deps"}
"""Flags of other programs that the pages name: docker's, xtb's and pip's."""
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
SCRIPT = re.compile(r"^(?:.* )?python ((?:scripts|benchmarks)/\S+\.py)(.*)", re.MULTILINE)
"""A line that runs a program of the repository, and its words."""


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_commands_flags_and_files_that_a_page_names_exist(page: Path) -> None:
    from typer.main import get_command

    commands = get_command(app).commands  # type: ignore[attr-defined]
    known = {name: {"--help", *(flag for each in one.params for flag in each.opts)} for name, one in commands.items()}
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```(?:sh|console)\n(.*?)^```", text, flags=re.S | re.M):
        for line in block.replace("\\\n", " ").splitlines():
            program, _, words = line.partition(" ")
            if program == "mimyria":
                command, *arguments = shlex.split(words, comments=True)
                assert {word for word in arguments if word.startswith("--")} <= known[command], line
    for script, words in SCRIPT.findall(text):
        source = (ROOT / script).read_text(encoding="utf-8")
        assert all(f'"{flag}"' in source for flag in FLAG.findall(words)), script
    named = set(FLAG.findall(SCRIPT.sub("", text)))
    assert named <= {"--version", "--debug"} | ELSEWHERE | set().union(*known.values())
    for path in re.findall(r"\]\((?!http)([\w./-]+\.\w+)[)#]", text):
        assert (page.parent / path).exists(), path
    for path in re.findall(r"`((?:mimyria|scripts|benchmarks|configs|docs|tests)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
