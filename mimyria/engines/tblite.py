"""GFN2-xTB by tblite: milliseconds a run, for first tries and large clusters. Isolated systems."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mimyria.engines.engine import (
    Calculation,
    Configuration,
    Engine,
    FieldRun,
    Task,
    check_isolated,
    is_repeat,
    version_of,
)
from mimyria.errors import LabelError
from mimyria.frame import Array
from mimyria.level import Level
from mimyria.units import BOHR

METHODS = ("GFN2-xTB", "GFN1-xTB")
HEAVIEST = 86
ACCURACY = 1e-4
"""tblite's accuracy factor: a self-consistency of 1e-10 E_h, which second differences of forces need."""


@dataclass(frozen=True)
class TBLite(Engine):
    """The engine, with the name of its Hamiltonian."""

    method: str = METHODS[0]

    @property
    def identity(self) -> dict[str, Any]:
        return {"engine": "tblite", "version": version_of("tblite"), "accuracy": ACCURACY, **asdict(self)}

    @property
    def summary(self) -> str:
        return self.method

    @property
    def level(self) -> Level:
        return Level("tblite", self.method)

    def prepare(self, field: float, order: int) -> None:
        version_of("tblite")
        if self.method not in METHODS:
            raise LabelError(f"--set method takes {' or '.join(METHODS)}, not {self.method!r}")

    def check(self, configuration: Configuration) -> None:
        check_isolated(configuration)
        if configuration.frame.numbers.max() > HEAVIEST:
            raise LabelError(f"{self.method} has no parameters for elements beyond radon")

    def calculation(self, task: Task) -> Calculation:
        from tblite import library
        from tblite.interface import Calculator

        frame, program = task.frame, f"tblite {version_of('tblite')}"
        latest: list[Any] = [None]  # the result of the latest run

        def calculate(index: int, field: Array) -> FieldRun:
            # Each run but a repeat starts from the same guess, so that runs differ by the field alone.
            calculator = Calculator(self.method, frame.numbers, frame.positions / BOHR, charge=float(task.charge))
            calculator.set("verbosity", 0)
            calculator.set("accuracy", ACCURACY)
            calculator.set("max-iter", 250 * (task.attempt + 1))
            if task.attempt > 1:
                calculator.set("mixer-damping", 0.1)
            vector = np.ascontiguousarray(field, dtype=float)
            # The Python interface of 0.5 to 0.8 passes the array on as it is, but the C library needs a pointer.
            calculator.add("electric-field", library.ffi.cast("double*", vector.ctypes.data))
            try:
                result = calculator.singlepoint(latest[0] if is_repeat(index, field) else None)
            except RuntimeError as error:
                raise LabelError(f"tblite: {' '.join(str(error).split())}") from error
            latest[0] = result
            energy = float(result.get("energy"))
            return FieldRun(-result.get("gradient"), energy, result.get("dipole"), steps=0, program=program)

        return calculate
