"""Scripts and benchmarks, which are no package, as modules."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def script(path: str) -> ModuleType:
    """Return the module of a script by its path from the root of the repository; scripts beside it can be imported."""
    folder = str((ROOT / path).parent)
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(Path(path).stem)
    finally:
        sys.path.remove(folder)
