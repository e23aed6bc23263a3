"""`RunFolder`: the folder of a loop, which is all the memory it has: kill it anywhere, start again, and it goes on.

    settings.yaml  trajectories.json  history.csv  report.html
    test/          {selected,labels}.extxyz
    cycle-01/      {selected,labels}.extxyz  apt.mym  pgt.mym  errors.json  ir.csv  raman.csv  spectra.png  times.json
    final/         what `mimyria spectrum` makes of all trajectories
    work/          the calculations of the labels

Every file appears whole, and what is there is not made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimyria.autotrain.settings import AutotrainSettings, differences
from mimyria.config import read_yaml, write_settings
from mimyria.errors import ConfigError

SETTINGS, TRAJECTORIES, TIMES, HISTORY = "settings.yaml", "trajectories.json", "times.json", "history.csv"


class RunFolder:
    """The folder, checked against the settings.

    Parameters
    ----------
    path
        Made if it is not there.
    settings
        Of this start.

    Raises
    ------
    ConfigError
        If the folder was made with settings that may not change, or the trajectories have changed since.
    """

    def __init__(self, path: Path, settings: AutotrainSettings) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        now = settings.model_dump(mode="json")
        stated = path / SETTINGS
        if stated.exists() and (found := differences(read_yaml(stated), now)):
            raise ConfigError(
                f"{path} was begun with other settings ({'; '.join(found)}): give another --folder, or the settings of "
                f"{stated}"
            )
        self._check_trajectories(settings)
        write_settings(stated, now)

    def _check_trajectories(self, settings: AutotrainSettings) -> None:
        """Refuse trajectories whose beginning has changed; they may have grown."""
        stored = self.path / TRAJECTORIES
        before: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
        now = {}
        for path in settings.trajectories:
            digest, size = _beginning(path), path.stat().st_size
            earlier = before.get(str(path))
            if earlier and (earlier["beginning"] != digest or size < earlier["bytes"]):
                raise ConfigError(f"{path} has changed since {self.path} was begun: give another --folder")
            now[str(path)] = {"beginning": digest, "bytes": size}
        write_text(stored, json.dumps(now, indent=1))

    @property
    def test(self) -> Path:
        """Folder of the test set."""
        return self.path / "test"

    @property
    def final(self) -> Path:
        """Folder of the final spectra."""
        return self.path / "final"

    @property
    def work(self) -> Path:
        """Folder of the calculations."""
        return self.path / "work"

    def cycle(self, number: int) -> Path:
        """Folder of a cycle, counted from one."""
        return self.path / f"cycle-{number:02d}"

    def cycles(self) -> list[Path]:
        """Return the folders of all cycles begun, in order."""
        return sorted(self.path.glob("cycle-*"))

    def seconds(self) -> float:
        """Return the seconds of all finished steps."""
        return sum(sum(read_times(folder).values()) for folder in (self.test, *self.cycles(), self.final))


def read_times(folder: Path) -> dict[str, float]:
    """Return the seconds that each finished step of a cycle took."""
    path = folder / TIMES
    times: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return times


def add_time(folder: Path, step: str, seconds: float) -> None:
    """Count the seconds of a step in."""
    times: Mapping[str, float] = read_times(folder)
    write_text(folder / TIMES, json.dumps({**times, step: round(times.get(step, 0.0) + seconds, 2)}, indent=1))


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.sha256(stream.read(1 << 16)).hexdigest()[:16]
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
