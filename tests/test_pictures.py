"""Pictures of a folder: the formats asked for last, the same file each time."""

from pathlib import Path

from conftest import made_spectra
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
