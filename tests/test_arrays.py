"""Spectra in arrays of numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimyria.errors import SpectrumError
from mimyria.spectra.spectrum import read_spectrum


@pytest.mark.parametrize("rows", [False, True])
def test_columns_or_rows_in_any_order(tmp_path: Path, rows: bool) -> None:
    table = np.column_stack([np.arange(900.0, 400, -5), np.arange(100.0), np.ones(100)])
    np.save(tmp_path / "s.npy", table.T.astype("f4") if rows else table)
    spectrum = read_spectrum(tmp_path / "s.npy")
    assert spectrum.wavenumber[[0, -1]].tolist() == [405, 900]
    assert spectrum.values()[[0, -1]].tolist() == [99, 0]
    assert spectrum.quantities == ["column_2", "column_3"]


def test_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "s.npy"
    for array in (np.ones(5), np.ones((5, 1)), np.ones((2, 2, 2)), np.ones((5, 2), dtype=complex)):
        np.save(path, array)
        with pytest.raises(SpectrumError, match="the wavenumber first"):
            read_spectrum(path)
    np.save(path, np.array([{"a": 1}, 2], dtype=object), allow_pickle=True)
    with pytest.raises(SpectrumError, match="not read"):
        read_spectrum(path)
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 2), }".ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00v\x00" + header.encode() + bytes(64))
    with pytest.raises(SpectrumError, match="damaged"):
        read_spectrum(path)
    np.save(path, np.ones((50, 2)))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SpectrumError, match="damaged"):
        read_spectrum(path)
