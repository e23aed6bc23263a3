"""Neighbours, geometry and the costly layers, compiled where there is a C compiler: for inference on a CPU.

`kernels.c` is built once for each type of processor. Without a compiler, in training, on other devices and in double
precision torch computes the same; CC names another compiler, and an empty CC none.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mimyria.frame import Array

log = logging.getLogger("mimyria")

SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = ("-O3", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")
TUNINGS: tuple[list[str], ...] = (["-march=native"], ["-mcpu=native"], [])
"""The first that a compiler knows is taken: for this processor, in the words of all or of some for ARM, or for any."""
LONGEST = 120.0
"""Seconds that a compiler may take."""
OF_PROCESSOR = {
    *("vendor_id", "cpu family", "model", "model name", "flags"),
    *("CPU implementer", "CPU architecture", "CPU part", "Features"),
}
"""Lines of /proc/cpuinfo that tell types of processors apart."""

KNOWN = (np.float32, np.float64, np.int64, torch.float32, torch.int64)


def available() -> bool:
    """Return whether there are compiled functions."""
    return _library() is not None


def usable(x: Tensor) -> bool:
    """Return whether a layer may compute this with `call`: nothing that needs gradients, single precision, a CPU."""
    return not torch.is_grad_enabled() and x.dtype == torch.float32 and x.device.type == "cpu" and available()


def call(name: str, *arguments: Tensor | Array | Sequence[int] | float | None) -> None:
    """Call a function of `kernels.c`; sequences are handed over as whole numbers.

    Raises
    ------
    ValueError
        If a tensor or an array is not contiguous, or has not one of the types that `kernels.c` knows.
    MemoryError
        If it has not the memory that it needs.
    """
    library = _library()
    if library is None:
        raise RuntimeError("there are no compiled layers; ask `usable` first")
    if getattr(library, name)(*map(_handed, arguments)):
        raise MemoryError(f"{name} has not enough memory")


def _handed(argument: Tensor | Array | Sequence[int] | float | None) -> object:
    if isinstance(argument, Tensor | np.ndarray):
        contiguous = argument.is_contiguous() if isinstance(argument, Tensor) else argument.flags.c_contiguous
        if not contiguous or argument.dtype not in KNOWN:
            raise ValueError(f"an array of {argument.dtype}, {'' if contiguous else 'not '}contiguous, is not for C")
    if isinstance(argument, Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    if isinstance(argument, np.ndarray):
        return ctypes.c_void_p(argument.ctypes.data)
    if argument is None:
        return ctypes.c_void_p(None)
    if isinstance(argument, float):
        return ctypes.c_double(argument)
    return ctypes.c_int64(argument) if isinstance(argument, int) else (ctypes.c_int64 * len(argument))(*argument)


@functools.cache
def _library() -> ctypes.CDLL | None:
    """Return the compiled functions, from where they are kept or compiled anew; None where there is no compiler."""
    named = os.environ.get("CC", "cc")
    reason: Exception | None = None
    try:
        compiler = shlex.split(named)
        if not compiler or shutil.which(compiler[0]) is None:
            return None
        key, folders = _key(compiler), list(_folders())
        for folder in folders:
            if (library := _kept(folder, key)) is not None:
                return library
        for folder in folders:
            try:
                return _build(folder, key, compiler)
            except OSError as error:  # it cannot be written there, or not loaded from there
                reason = error
    except (ValueError, subprocess.SubprocessError) as error:  # ill quoted, or it fails
        reason = error
    log.info(f"{SOURCE.name} could not be compiled with {named}; torch computes instead, more slowly")
    log.debug(f"{reason}")
    return None


def _folders() -> Iterator[Path]:
    """Yield where libraries may be kept: in the user's cache and, where that cannot be, in the temporary folder."""
    with suppress(RuntimeError):  # there is no home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mimyria"
    yield Path(tempfile.gettempdir()) / f"mimyria-{os.getuid()}"


def _kept(folder: Path, key: str) -> ctypes.CDLL | None:
    """Return a library that an earlier run has kept, if it is whole: loading one that is cut short ends the process."""
    for path in sorted(folder.glob(f"kernels-{key}-*.so")):
        with suppress(OSError):
            if _is_ours(folder) and _is_whole(path, key):
                return ctypes.CDLL(str(path))
    return None


def _build(folder: Path, key: str, compiler: Sequence[str]) -> ctypes.CDLL:
    """Compile, keep and load the library; the file appears at once or never.

    Raise OSError where that cannot be in this folder, and CalledProcessError where the compiler fails.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(folder):
        raise PermissionError(f"{folder} belongs to another user")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        built = Path(place) / SOURCE.with_suffix(".so").name
        for tuning in TUNINGS:
            command = [*compiler, *FLAGS, *tuning, str(SOURCE), "-lm", "-o", str(built)]
            if not subprocess.run(
                command, check=tuning == TUNINGS[-1], capture_output=True, timeout=LONGEST
            ).returncode:
                break
        kept = folder / _name(key, built.read_bytes())
        try:
            os.link(built, kept)
        except OSError:  # it is there already, or the file system has no links
            if not _is_whole(kept, key):  # else another machine may have loaded it, for which it must stay
                built.replace(kept)
    try:
        return ctypes.CDLL(str(kept))
    except OSError:
        kept.unlink()
        raise


def _is_ours(folder: Path) -> bool:
    """Return whether a folder is this user's: what is loaded from it is executed."""
    return folder.stat().st_uid == os.getuid()


def _is_whole(path: Path, key: str) -> bool:
    with suppress(OSError):
        return path.name == _name(key, path.read_bytes())
    return False


def _name(key: str, content: bytes) -> str:
    """Return the name of a library, by which it is seen to be whole."""
    return f"kernels-{key}-{hashlib.sha256(content).hexdigest()[:16]}.so"


def _key(compiler: Sequence[str]) -> str:
    """Return what tells libraries of different sources, compilers, processors and C libraries apart."""
    facts = (SOURCE.read_bytes(), " ".join([*compiler, *FLAGS]).encode(), _machine().encode())
    return hashlib.sha256(b"|".join(facts)).hexdigest()[:16]


def _machine() -> str:
    """Return what tells machines apart of which one cannot load the other's library: a home may be shared by many."""
    facts = Path("/proc/cpuinfo")
    first = facts.read_text(encoding="utf-8").partition("\n\n")[0].splitlines() if facts.exists() else []
    own = [line for line in first if line.partition(":")[0].strip() in OF_PROCESSOR]
    return " ".join([platform.machine(), platform.processor(), *platform.libc_ver(), *own])
