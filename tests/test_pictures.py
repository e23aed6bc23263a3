"""Pictures of a folder: the formats asked for last, the same file each time."""

from pathlib import Path

import pytest

from conftest import Run, made_spectra
from mimyria.choices import PICTURES
from mimyria.figures.pictures import write_pictures
from mimyria.settings import Pictures
from mimyria.spectra.spectrum import write_csv


def test_a_folder_holds_the_formats_that_were_asked_for_last(tmp_path: Path) -> None:
    spectra = {"vdos": made_spectra()["vdos"]}
    (tmp_path / "settings.yaml").write_text("title: water\n", encoding="utf-8")
    write_csv(tmp_path / "vdos.csv", spectra["vdos"])
    for formats in (PICTURES, ("svg",), ()):
        write_pictures(tmp_path, spectra, Pictures(plot_format=formats))
        assert {path.suffix[1:] for path in tmp_path.glob("spectra.*")} == set(formats)


@pytest.mark.pictures
def test_pictures_may_be_left_out(run: Run, charges: Path, tmp_path: Path) -> None:
    """The settings of such a run, given back, leave them out too."""
    out = tmp_path / "o"
    status, told, _ = run("spectrum", charges, "--apt", "frames", "--plot-format", "none", "--out", out)
    assert (status, told.strip()) == (0, f"{out}: ir.csv, vdos.csv")
    status, _, _ = run("spectrum", "--config", out / "settings.yaml", "--out", tmp_path / "again")
    assert status == 0
    for folder in (out, tmp_path / "again"):
        assert not list(folder.glob("spectra.*"))
    assert Pictures(plot_format="none").plot_format == ()  # type: ignore[arg-type]
