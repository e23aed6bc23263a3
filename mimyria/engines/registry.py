"""The engines by name, and how one is made from settings given as text."""

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
    """Return an engine of `ENGINES`; text among its settings is given the type of the default, None keeps the default.

    Raises
    ------
    ConfigError
        If there is no such engine, it has no such setting, or a setting is not a number where it must be.
    """
    if name not in ENGINES:
        raise ConfigError(f"--engine takes {', '.join(ENGINES)}, not {name!r}")
    defaults: dict[str, Any] = {field.name: field.default for field in fields(ENGINES[name])}
    given = {key: value for key, value in settings.items() if value is not None}
    for key, value in given.items():
        if key not in defaults:
            raise ConfigError(f"{name} has no setting {key!r}; it has {', '.join(defaults)}")
        try:
            given[key] = Path(value) if defaults[key] is None else type(defaults[key])(value)
        except (TypeError, ValueError):
            raise ConfigError(f"--set {key} takes a number, not {value!r}") from None
    return ENGINES[name](**given)
