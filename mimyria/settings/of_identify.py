"""The settings of `mimyria identify`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mimyria.choices import PICTURES, SOURCE, WORD
from mimyria.declare import Settings, setting
from mimyria.values import Choice, Kind, Many, Number

ABSCISSAE = {"cm-1": "cm-1", "um": "µm", "nm": "nm", "THz": "THz"}
"""Names on the command line, and what files call them."""


@dataclass(frozen=True, kw_only=True)
class IdentifySettings(Settings):
    """Settings of `identify`."""

    panel: ClassVar[str] = "Reading"
    model: str = setting(SOURCE, "Model file; without it, the one that comes with the package.", "result", "groups")
    quantity: str | None = setting(
        Choice(names=("absorbance", "transmittance")), "Of an infrared spectrum that does not say it.", "result"
    )
    abscissa: str | None = setting(
        Choice(names=tuple(ABSCISSAE)), "Unit of the first column where the file does not say it.", "result"
    )
    column: str | None = setting(WORD, "Name of the intensity; without it, the first.", "result")
    least: float = setting(Number(minimum=0, maximum=1), "Probability from which on a group is shown.", "use", 0.5)
    title: str = setting(Kind(), "Title of the picture.", "use", "")
    plot_format: tuple[str, ...] = setting(
        Many(of=Choice(names=PICTURES[:3]), words=True, none="none"),
        "Formats of the picture, repeatable or with commas; none draws nothing.",
        "use",
        PICTURES[:1],
    )
