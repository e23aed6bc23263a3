"""Neighbours, geometry and the costly layers, compiled where there is a C compiler: for inference on a CPU.

`kernels.c` is built once a machine. Without a compiler, in training, on other devices and in double precision torch
computes the same; CC names another compiler, and an empty CC none.
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
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mimyria.frame import Array

log = logging.getLogger("mimyria")

SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")

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
    """Return the compiled functions, from the cache of the user if they are there; None where there is no compiler."""
    named = os.environ.get("CC", "cc")
    try:
        compiler = shlex.split(named)
        if not compiler or shutil.which(compiler[0]) is None:
            return None
        return ctypes.CDLL(str(_build(compiler)))
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:  # ill quoted, no home, ...
        log.info(f"{SOURCE.name} could not be compiled with {named}; torch computes instead, more slowly")
        log.debug(f"{error}")
        return None


def _build(compiler: Sequence[str]) -> Path:
    """Compile, unless it was done for this source, compiler and processor before; the file appears at once or never."""
    command = [*compiler, *FLAGS]
    facts = [SOURCE.read_bytes(), " ".join(command).encode(), _processor().encode()]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mimyria"
    built = folder / f"kernels-{hashlib.sha256(b'|'.join(facts)).hexdigest()[:16]}.so"
    if not built.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            unfinished = Path(place) / built.name
            subprocess.run(
                [*command, str(SOURCE), "-lm", "-o", str(unfinished)], check=True, capture_output=True, timeout=120
            )
            try:
                os.link(unfinished, built)
            except FileExistsError:  # of another machine, say, which has it loaded: what is there is never replaced
                pass
            except OSError:  # no links in this file system
                unfinished.replace(built)
    return built


def _processor() -> str:
    """Return what tells processors with different instructions apart: a home may be shared by many machines."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {platform.processor()} {flags}"
