"""The settings of `mimyria app`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mimyria.choices import SOURCE, positive
from mimyria.declare import Settings, setting
from mimyria.values import File, Number, Switch


@dataclass(frozen=True, kw_only=True)
class AppSettings(Settings):
    """Settings of `mimyria app`."""

    port: int = setting(
        Number(integer=True, minimum=0, maximum=65535), "Port on 127.0.0.1; 0 takes any that is free.", "nothing", 8642
    )
    no_browser: bool = setting(Switch(), "Print the address, and open no browser.", "nothing", False)
    folder: Path | None = setting(
        File(metavar="FOLDER"), "Keeps the results; without it, they go when the program ends.", "nothing"
    )
    model: str = setting(
        SOURCE, "Model of functional groups; without it, the one that comes with the package.", "result", "groups"
    )
    largest: float = setting(positive("MB"), "Of the files of a trajectory, unpacked.", "nothing", 4000.0)
