"""A look at files before they are read: no larger than allowed when unpacked, and text where they must be text."""

from __future__ import annotations

from pathlib import Path

from mimyria.app.drops import Role
from mimyria.errors import ConfigError
from mimyria.files.compression import open_lines, read_errors

PIECE = 1 << 20
"""Bytes."""
HDF5 = b"\x89HDF\r\n\x1a\n"
"""Signature of HDF5, whose links could lead to other files, whatever their names say."""
NETCDF = b"CDF"
"""Beginning of the files of NetCDF that are no HDF5."""


def _is_hdf5(path: Path) -> bool:
    """Return whether the signature of HDF5 stands where its readers look for it: at 0, 512, 1024, 2048, ... bytes."""
    place, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while place < size:
            file.seek(place)
            if file.read(len(HDF5)) == HDF5:
                return True
            place = max(512, 2 * place)
    return False


def check_given(path: Path, role: Role, largest: float) -> float:
    """Return the bytes of a file, unpacked.

    Raises
    ------
    ConfigError
        If these are more than ``largest``, it is HDF5, or neither text nor of a format that may be something else.
    """
    with path.open("rb") as file:
        begin = file.read(len(NETCDF))
    if begin and path.suffix in (".nc", ".ncdf") and begin != NETCDF:
        raise ConfigError(f"{path} is no NetCDF file of the classic kind, as AMBER writes it")
    if _is_hdf5(path):
        raise ConfigError(f"{path} is an HDF5 file, which the page does not take; `mimyria spectrum` reads H5MD")
    size = 0
    try:
        with open_lines(path) as (lines, _):
            piece = head = lines.read(PIECE)
            while piece:
                size += len(piece)
                if size > largest:
                    raise ConfigError(f"{path} unpacks to more than {largest / 1e6:g} MB, which the page takes")
                piece = lines.read(PIECE)
    except read_errors(path):
        return size  # its reader says what is damaged, and where
    if not size:
        raise ConfigError(f"{path} is empty")
    if path.suffix not in role.binary and b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(f"{path} is a binary file, and not the text that its name says")
    return size
