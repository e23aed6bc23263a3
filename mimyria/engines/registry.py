"""Which engines there are, and how one is chosen by name and by settings given as words."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from mimyria.engines.cp2k import CP2K
from mimyria.engines.engine import Engine
from mimyria.engines.pyscf import PySCF
from mimyria.engines.tblite import TBLite
from mimyria.errors import ConfigError, LabelError

ENGINES: dict[str, type[Engine]] = {"cp2k": CP2K, "pyscf": PySCF, "tblite": TBLite}
"""By the name that ``--engine`` and the files of jobs use."""


def name_of(engine: Engine) -> str:
    """Return the name of an engine in `ENGINES`, by which its jobs find it."""
    name = next((name for name, kind in ENGINES.items() if type(engine) is kind), None)
    if name is None:
        raise LabelError(f"the engine {type(engine).__name__} has no entry in ENGINES, so its jobs cannot find it")
    return name


def make_engine(name: str, settings: dict[str, Any]) -> Engine:
    """Return an engine.

    Parameters
    ----------
    name
        In `ENGINES`.
    settings
        Of that engine, by name; words are turned into what the default is, None leaves it.
    """
    if name not in ENGINES:
        raise ConfigError(f"--engine takes {', '.join(ENGINES)}, not {name!r}")
    known = {one.name: one.default for one in fields(ENGINES[name])}
    given = {key: value for key, value in settings.items() if value is not None}
    for key, value in given.items():
        if key not in known:
            raise ConfigError(f"--engine {name} has no setting {key!r}; it has {', '.join(known)}")
        given[key] = _as_default(key, value, known[key])
    return ENGINES[name](**given)


def _as_default(key: str, value: Any, default: Any) -> Any:
    """Return a setting with the type of its default; a path where there is none."""
    kind = Path if default is None else type(default)
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{key} takes a number, not {value!r}") from None
