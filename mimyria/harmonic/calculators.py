"""What gives the forces: an engine of `mimyria label` without a field, or any calculator of ASE, by its name."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.choices import NOWHERE
from mimyria.engines.engine import Configuration, Engine, Task
from mimyria.engines.registry import ENGINES, make_engine
from mimyria.errors import ConfigError, LabelError
from mimyria.frame import Array, Frame
from mimyria.memory import digest_of
from mimyria.settings import HarmonicSettings
from mimyria.units import BOHR, HARTREE

ELSEWHERE = {"xtb": "xtb.ase.calculator:XTB", "mace_off": "mace.calculators:mace_off"}
"""Calculators by short names that ASE does not know."""

WEIGHTS = (".model", ".pt", ".pth", ".ckpt", ".pb", ".npz", ".json", ".yaml", ".yml")
"""How names of files end from which calculators read potentials; others may be logs that they write."""

Forces = Callable[[Frame], tuple[Array, float]]
"""Forces of a structure, eV/Å, shape (n, 3), and its energy, eV."""


@dataclass(frozen=True)
class Calculator:
    """A calculator as its job makes it again: a name, and settings as plain values."""

    name: str
    settings: Mapping[str, Any]

    @property
    def engine(self) -> Engine | None:
        """The engine of `mimyria label` that it is; None for a calculator of ASE."""
        return ENGINES[self.name](**self.settings) if self.name in ENGINES else None

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that determines its results."""
        engine = self.engine
        if engine is not None:
            return engine.identity
        files = [Path(value) for value in self.settings.values() if isinstance(value, str) and value.endswith(WEIGHTS)]
        if ":" in self.name and (source := getattr(import_module(self.name.partition(":")[0]), "__file__", None)):
            files.append(Path(source))  # a module of the user, whose code may change from run to run
        contents = [digest_of([path.read_bytes()]) for path in files if path.is_file()]
        return {"calculator": self.name, **self.settings, **({"contents": contents} if contents else {})}

    @property
    def words(self) -> str:
        """The calculator in a few words, for headers."""
        engine = self.engine
        if engine is not None:
            return f"{self.name} {engine.summary}"
        given = ", ".join(f"{key}={value}" for key, value in self.settings.items())
        return f"{self.name} of ASE" + (f" ({given})" if given else "")

    def forces(self, frame: Frame, charge: int, folder: Path) -> Forces:
        """Return the function of structures with the same atoms, which works in a folder."""
        engine = self.engine
        return _of_ase(self, charge) if engine is None else _of_engine(engine, charge, folder)


def choose_calculator(name: str, settings: Mapping[str, str], template: Path | None, command: str | None) -> Calculator:
    """Return the calculator of a name, after a look whether there is one.

    Parameters
    ----------
    name
        An engine, a calculator of ASE, or ``module:Class``.
    settings
        Of the engine, or arguments of the calculator, as text.
    template, command
        Of CP2K.

    Raises
    ------
    ConfigError, LabelError
        If there is no such calculator, or it has no such setting.
    """
    if name in ENGINES:
        engine = choose_engine(name, settings, template, command)
        engine.prepare(1e-3, 1)  # which looks at its settings, whatever the field
        return Calculator(name, engine.job_settings)
    _class_of(name)
    return Calculator(name, {key: _plain(value) for key, value in settings.items()})


def require_use(settings: HarmonicSettings) -> None:
    """Raise ConfigError for an option of calculators that none of those that are asked for takes.

    A calculator of ASE takes any ``set``; what no engine knows is refused by the engine.
    """
    asked = (settings.calculator, settings.apt, settings.pgt)
    sources = [name for name in asked if name is not None and name != NOWHERE]
    engines = [ENGINES[name] for name in sources if name in ENGINES]
    taken, known = _options(engines), _options(ENGINES.values())
    files = {"template": settings.template, "command": settings.command}
    unused = [f"--{name}" for name, value in files.items() if value is not None and name not in taken]
    if settings.calculator is None or settings.calculator in ENGINES:
        unused += [f"--set {name}" for name in settings.set if name not in taken and (name in known or not engines)]
    if unused:
        words = " and ".join(dict.fromkeys(sources)) or "a Hessian from a file"
        raise ConfigError(f"{unused[0]} does not belong to {words}: leave it out, or choose another --calculator")


def _plain(text: str) -> Any:
    """Return the value that a text means as JSON, a number or true or a list; else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def choose_engine(name: str, settings: Mapping[str, str], template: Path | None, command: str | None) -> Engine:
    """Return an engine with those of the settings that it has; raise ConfigError for one that no engine has."""
    own = _options([ENGINES[name]]) | (set(settings) - _options(ENGINES.values()))
    files = {"template": template, "command": command}
    given = {key: value for key, value in {**files, **settings}.items() if key in own and value is not None}
    return make_engine(name, given)


def _options(engines: Iterable[type[Engine]]) -> set[str]:
    """Return the names of all settings of some engines."""
    return {each.name for engine in engines for each in fields(engine)}


def _class_of(name: str) -> Callable[..., Any]:
    """Return what makes a calculator of ASE; raise ConfigError if there is none of that name, or it does not load."""
    from ase.calculators.calculator import get_calculator_class, names

    place = ELSEWHERE.get(name, name)
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # where modules of the user lie
    if ":" not in place and place not in names:
        raise ConfigError(
            f"--calculator takes {', '.join(ENGINES)}, a calculator of ASE ({', '.join(names[:3])}, emt, ...) or "
            f"module:Class, not {name!r}"
        )
    module, _, attribute = place.partition(":")
    try:
        made = getattr(import_module(module), attribute) if attribute else get_calculator_class(place)
    except AttributeError:
        raise ConfigError(f"--calculator {name}: {module} has no {attribute}") from None
    except Exception as error:  # of a module of somebody else, which may fail in any way when it is loaded
        missing = f"{error.name} is not installed" if isinstance(error, ModuleNotFoundError) else f"{error}"
        raise ConfigError(f"--calculator {name}: {' '.join(missing.split())}") from error
    if not callable(made):
        raise ConfigError(f"--calculator {name}: {attribute} of {module} is no class and no function")
    return made


def _of_engine(engine: Engine, charge: int, folder: Path) -> Forces:
    none = np.zeros((1, 3))

    def forces(frame: Frame) -> tuple[Array, float]:
        configuration = Configuration(frame, charge)
        engine.check(configuration)
        engine.write_inputs(folder, configuration, none)
        task = Task(frame=frame, charge=charge, folder=folder)
        try:
            run = engine.calculation(task)(0, none[0])
        finally:
            engine.clean(folder)
        return run.forces * HARTREE / BOHR, run.energy * HARTREE

    return forces


def _of_ase(calculator: Calculator, charge: int) -> Forces:
    """Return the function of a calculator of ASE, which is told the charge in every way that is usual."""
    from ase import Atoms

    try:
        made = _class_of(calculator.name)(**calculator.settings)
    except (TypeError, ValueError) as error:
        raise LabelError(f"--set: {calculator.name}: {' '.join(str(error).split())}") from error

    def forces(frame: Frame) -> tuple[Array, float]:
        atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.periodic)
        if charge:
            atoms.set_initial_charges(np.full(len(atoms), charge / len(atoms)))
            atoms.info["charge"] = charge
        atoms.calc = made
        try:
            return np.asarray(atoms.get_forces(), dtype=float), float(atoms.get_potential_energy())
        except Exception as error:  # each calculator fails in its own way
            kind = type(error).__name__
            raise LabelError(f"{calculator.name}: {' '.join(str(error).split()) or kind} ({kind})") from error

    return forces
