"""The public surface: what `import mimyria` offers is complete, documented, light, typed, and does what commands do."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mimyria

ROOT = Path(__file__).parents[1]
FUNCTIONS = [name for name in mimyria.__all__ if inspect.isfunction(getattr(mimyria, name))]
HEAVY = ("numpy", "scipy", "torch", "ase", "MDAnalysis", "matplotlib", "bokeh", "h5py", "typer", "yaml")


def test_every_name_is_there_and_nothing_else() -> None:
    assert 10 <= len(mimyria.__all__) <= 16
    assert dir(mimyria) == sorted([*mimyria.__all__, "__version__"])
    assert all(callable(getattr(mimyria, name)) for name in mimyria.__all__)
    namespace: dict[str, object] = {}
    exec("from mimyria import *", namespace)
    assert set(mimyria.__all__) <= set(namespace)
    with pytest.raises(AttributeError, match="module 'mimyria' has no attribute 'spectre'"):
        mimyria.spectre  # type: ignore[attr-defined]  # noqa: B018


def test_type_checkers_see_what_is_imported() -> None:
    imports = [node for node in ast.walk(ast.parse(inspect.getsource(mimyria))) if isinstance(node, ast.ImportFrom)]
    seen = {one.module: tuple(name.name for name in one.names) for one in imports if str(one.module).startswith("mim")}
    assert seen == mimyria._HOMES
    assert sorted(name for names in seen.values() for name in names) == sorted(mimyria.__all__)
    assert (ROOT / "mimyria" / "py.typed").exists()


def test_importing_it_is_quick() -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import mimyria; print(mimyria.__version__)"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == mimyria.__version__
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert not imported & set(HEAVY)


@pytest.mark.parametrize("name", mimyria.__all__)
def test_a_name_is_documented(name: str) -> None:
    offered = getattr(mimyria, name)
    text = inspect.getdoc(offered) or ""
    assert re.search(r"^Parameters\n-+$", text, flags=re.M), "no parameters"
    body = text.split("Parameters\n")[1].split("Returns\n")[0]
    lines = [line.split(" : ")[0] for line in body.splitlines() if not line.startswith(" ")]
    entries = {word for line in lines for word in line.split(", ")}
    assert set(inspect.signature(offered).parameters) <= entries
    if name in FUNCTIONS:
        returns = inspect.signature(offered, eval_str=False).return_annotation
        assert returns == "None" or re.search(r"^Returns\n-+$", text, flags=re.M), "nothing about what it returns"
    if name in ("Frame", "Spectrum", "compare", "evaluate", "label", "make_spectra", "predict", "read_spectrum"):
        assert re.search(r"Å|cm⁻¹|\be\b", text), "no unit"


def test_the_readme_names_all_of_it() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("### From Python\n")[1].split("\n### ")[0]
    assert not [name for name in mimyria.__all__ if not re.search(rf"\b{name}\b", section)]


SCRIPT = """
import mimyria
from mimyria import read_spectrum

spectra = mimyria.make_spectra("md.extxyz", "out", apt="water", frames=(0, 200))
reveal_type(spectra["ir"].values())
reveal_type(mimyria.compare(spectra["ir"], "other.csv").similarity)
reveal_type(next(mimyria.predict("water", ["md.extxyz"])).positions)
reveal_type(read_spectrum("ir.csv").unit())
mimyria.make_spectre
"""


def test_a_script_of_a_user_is_checked_strictly(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", tmp_path / "script.py"]  # strict, and quick with what the lint has cached
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    found = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if "script.py:" in line]
    assert [line for line in found if line.startswith("error")] == [
        'error: Module has no attribute "make_spectre"; maybe "make_spectra"?  [attr-defined]'
    ]
    revealed = [line.split('"')[1].split("[")[0] for line in found if line.startswith("note: Revealed")]
    assert revealed == ["numpy.ndarray", "float", "numpy.ndarray", "str"]
