"""Frames written as extended xyz, which ASE reads: atomically, and compressed as the suffix says."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from mimyria.config import path_of
from mimyria.elements import symbols_of
from mimyria.errors import ConfigError
from mimyria.files.compression import open_written, plain_suffix
from mimyria.formats.extxyz import SUFFIXES
from mimyria.frame import Frame
from mimyria.memory import make_folder, require_writable, whole, withdrawn
from mimyria.targets import TARGETS


def write_frames(path: str | os.PathLike[str], frames: Iterable[Frame], *, append: bool = False) -> None:
    """Write frames one by one as they arrive.

    Parameters
    ----------
    path
        Ends in .xyz or .extxyz, then .zst, .xz or .gz to compress. It appears when all frames are written.
    frames
        With their velocities (``vel``, Å/fs), forces (eV/Å), tensors (row-major, in our index order) and info.
    append
        Add to a file that exists, at once.

    Raises
    ------
    ConfigError
        If the file cannot be written, its name ends otherwise, or there are no frames; then it stays as it was.
    """
    path = path_of(path)
    if isinstance(frames, Frame) or not isinstance(frames, Iterable):
        raise ConfigError(f"frames to write are given as a list, not as {type(frames).__name__}")
    check_writable(path)
    suffix, none = path.suffix.lower(), not append
    with withdrawn(path.parent):
        make_folder(path.parent)
        with (
            nullcontext(path) if append else whole(path) as target,
            open_written(target, suffix, append=append) as file,
        ):
            for frame in frames:
                file.write(_text(frame).encode())
                none = False
            if none:
                raise ConfigError(f"{path}: there are no frames to write")


def check_writable(path: Path) -> None:
    """Raise ConfigError if frames cannot be written to a path; called before they are computed."""
    if plain_suffix(path) not in SUFFIXES:
        raise ConfigError(f"{path}: frames are written as .extxyz or .xyz, with .xz, .gz or .zst to compress them")
    require_writable(path)


def _text(frame: Frame) -> str:
    """Return the lines of one frame, with ten digits, more than labels and trajectories have."""
    from ase.io.extxyz import key_val_dict_to_str

    optional = {"vel": frame.velocities, "forces": frame.forces, "masses": frame.masses}
    present = {"pos": frame.positions} | {name: values for name, values in optional.items() if values is not None}
    present |= frame.tensors | frame.extra
    columns = {name: values.reshape(len(frame), -1) for name, values in present.items()}
    header: dict[str, object] = {}
    for name in frame.tensors:
        header |= {f"{name}_order": TARGETS[name].index_order, f"{name}_unit": TARGETS[name].unit}
    if frame.time is not None:
        header["time"] = float(frame.time)
    header |= {key: value for key, value in frame.info.items() if key not in header}
    properties = ":".join(["species:S:1", *(f"{name}:R:{values.shape[1]}" for name, values in columns.items())])
    lattice = f'Lattice="{" ".join(map(str, frame.cell.ravel().tolist()))}" ' if frame.cell.any() else ""
    periodic = " ".join("T" if repeats else "F" for repeats in frame.periodic)
    comment = f'{lattice}Properties={properties} pbc="{periodic}" {key_val_dict_to_str(header)}'
    table = np.hstack(list(columns.values()))
    row = "%-2s" + " %.10g" * table.shape[1]
    atoms = [row % (symbol, *values) for symbol, values in zip(symbols_of(frame.numbers), table.tolist(), strict=True)]
    return "\n".join([str(len(frame)), comment.rstrip(), *atoms, ""])
