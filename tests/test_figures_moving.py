"""Files and picture of spectra along the run, and that those of an earlier run go."""

from pathlib import Path

import pytest
from test_spectra_moving import jumping

from conftest import Run, refused
from mimyria.rates.series import write_series
from mimyria.spectra.spectrum import read_spectrum


@pytest.mark.pictures
def test_files_and_picture(run: Run, tmp_path: Path) -> None:
    write_series(tmp_path / "series.h5", [jumping()])
    options = [
        "spectrum",
        tmp_path / "series.h5",
        "--resolution",
        "60",
        "--plot-format",
        "png",
        "--out",
        tmp_path / "o",
    ]
    status, _, error = run(*options, "--moving-window", "2")
    assert status == 0, error
    table = read_spectrum(tmp_path / "o" / "moving_ir.csv")
    assert table.kind == "moving_ir"
    assert table.unit("n_alpha[1 ps]") == "cm-1"
    assert "VH[11 ps]" in read_spectrum(tmp_path / "o" / "moving_raman.csv").columns
    assert (tmp_path / "o" / "moving.png").stat().st_size > 5000
    assert run(*options)[0] == 0
    assert not list((tmp_path / "o").glob("moving*"))
    refused(run(*options, "--moving-window", "-1"), "--moving-window")
