"""Spectra as arrays of numpy, ``.npy``: columns, or rows, of which the first is the wavenumber."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array

MAGIC = b"\x93NUMPY"


def is_array(path: Path) -> bool:
    """Return whether a file is an array of numpy."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_array(path: Path) -> Array:
    """Return the columns of an array, shape (n, columns).

    An array of less than a tenth as many rows as columns holds them as rows.

    Raises
    ------
    SpectrumError
        If it is cut, holds no real numbers, or has not two axes of at least two.
    """
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped, so that its header cannot ask for memory
    except (ValueError, OSError, EOFError) as error:
        raise SpectrumError(f"{path} is a damaged array of numpy, or one of Python objects, which are not read") from (
            error
        )
    if values.ndim != 2 or min(values.shape) < 2 or values.dtype.kind not in "fiu":
        raise SpectrumError(
            f"{path} holds an array of the shape {values.shape} and type {values.dtype}; a spectrum has columns of "
            "numbers, the wavenumber first"
        )
    columns = values.T if 10 * values.shape[0] < values.shape[1] else values
    return columns.astype(float)
