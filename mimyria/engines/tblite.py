"""GFN2-xTB by tblite: milliseconds a run, for trying the whole way and for large clusters. Isolated systems."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mimyria.engines.engine import Calculation, Configuration, Engine, Run, Task, check_isolated, version_of
from mimyria.errors import LabelError
from mimyria.frame import Array
from mimyria.units import BOHR

METHODS = ("GFN2-xTB", "GFN1-xTB")
HEAVIEST = 86
ACCURACY = 1e-4
"""tblite's accuracy factor: a self-consistency of 1e-10 E_h, which second differences of forces need."""


@dataclass(frozen=True)
class TBLite(Engine):
    """The engine.

    Parameters
    ----------
    method
        GFN2-xTB or GFN1-xTB.
    """

    method: str = "GFN2-xTB"

    @property
    def identity(self) -> dict[str, Any]:
        """See `Engine`."""
        return {"engine": "tblite", "accuracy": ACCURACY, **asdict(self)}

    @property
    def summary(self) -> str:
        """See `Engine`."""
        return self.method

    def prepare(self, field: float, order: int) -> None:
        """See `Engine`."""
        version_of("tblite")
        if self.method not in METHODS:
            raise LabelError(f"tblite knows {', '.join(METHODS)}, not method={self.method}")

    def check(self, configuration: Configuration) -> None:
        """See `Engine`."""
        check_isolated(configuration)
        if configuration.frame.numbers.max() > HEAVIEST:
            raise LabelError(f"{self.method} knows the elements up to radon")

    def calculation(self, task: Task) -> Calculation:
        """See `Engine`. Each run starts from the same guess, so that runs differ by the field alone."""
        from tblite import library
        from tblite.interface import Calculator

        frame, program = task.frame, f"tblite {version_of('tblite')}"

        def calculate(index: int, field: Array) -> Run:
            calculator = Calculator(self.method, frame.numbers, frame.positions / BOHR, charge=float(task.charge))
            calculator.set("verbosity", 0)
            calculator.set("accuracy", ACCURACY)
            calculator.set("max-iter", 250 * (task.attempt + 1))
            if task.attempt > 1:
                calculator.set("mixer-damping", 0.1)
            vector = np.ascontiguousarray(field, dtype=float)
            # The interface of 0.5 to 0.8 hands the vector on as it is, and the library takes a pointer alone.
            calculator.add("electric-field", library.ffi.cast("double*", vector.ctypes.data))
            try:
                result = calculator.singlepoint()
            except RuntimeError as error:
                raise LabelError(f"tblite: {' '.join(str(error).split())}") from error
            return Run(
                forces=-result.get("gradient"),
                energy=float(result.get("energy")),
                dipole=result.get("dipole"),
                steps=0,
                program=program,
            )

        return calculate
