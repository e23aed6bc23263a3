"""`RunFolder`: the folder of a loop, all the memory it has: kill it anywhere, and the next start resumes.

    settings.yaml  trajectories.json  history.csv  report.html
    test/          {selected,labels}.extxyz
    cycle-01/      {selected,labels}.extxyz  apt.mym  pgt.mym  errors.json  ir.csv  raman.csv  spectra.png  times.json
    final/         what `mimyria spectrum` makes of all trajectories
    work/          the calculations of the labels

Every file is written atomically, and what is there is not made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mimyria.autotrain.settings import AutotrainSettings, lasting
from mimyria.config import read_yaml, write_settings
from mimyria.errors import ConfigError
from mimyria.memory import file_facts, make_folder, read_json, write_json

SETTINGS, TRAJECTORIES, TIMES, HISTORY = "settings.yaml", "trajectories.json", "times.json", "history.csv"
MADE = "made.json"
"""Tells of which networks and frames the spectra of a folder are; it is written last."""


def check_same_settings(path: Path, settings: AutotrainSettings) -> None:
    """Raise ConfigError if a loop was begun in a folder with other settings that decide its results."""
    stated = path / SETTINGS
    if not stated.exists():
        return
    before = read_yaml(stated)
    if "trajectories" not in before:
        raise ConfigError(f"{path} holds what another command made: give another --folder")
    if changes := lasting(asdict(settings)).differences(lasting(before)):
        raise ConfigError(
            f"{path} was begun with other settings ({changes}): give another --folder, or the settings of {stated}"
        )


class RunFolder:
    """The folder, made if need be, and checked against the settings of this start.

    Raises
    ------
    ConfigError
        If the folder was made with settings that may not change, or the trajectories have changed since.
    """

    def __init__(self, path: Path, settings: AutotrainSettings) -> None:
        self.path = path
        make_folder(path)
        check_same_settings(path, settings)
        self._check_files(settings)
        write_settings(path / SETTINGS, asdict(settings))

    def _check_files(self, settings: AutotrainSettings) -> None:
        """Refuse trajectories, and files read beside them, that are not what they were; they may have grown."""
        stored = self.path / TRAJECTORIES
        before = read_json(stored)
        now = {}
        for path in [*settings.trajectories, *settings.files]:
            earlier = before.get(str(path), {})
            facts = file_facts(path, earlier.get("bytes"))
            now[str(path)] = earlier or facts
            if not facts.items() <= now[str(path)].items():
                raise ConfigError(f"{path} has changed since {self.path} was begun: give another --folder")
        write_json(stored, now)

    def segment_lengths(self, trajectories: Sequence[Path]) -> list[list[int]]:
        """Return the lengths of the segments of each trajectory, as they were stored; empty before."""
        stored = read_json(self.path / TRAJECTORIES)
        known = [stored[str(path)].get("pieces") for path in trajectories]
        return known if all(known) else []

    def store_segment_lengths(self, trajectories: Sequence[Path], segments: Sequence[Sequence[int]]) -> None:
        """Store the lengths of the segments of each trajectory: a growing one keeps the frames it had at first."""
        stored = read_json(self.path / TRAJECTORIES)
        for path, lengths in zip(trajectories, segments, strict=True):
            stored[str(path)]["pieces"] = list(lengths)
        write_json(self.path / TRAJECTORIES, stored)

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


def read_provenance(folder: Path) -> dict[str, Any]:
    """Return of which networks and frames the spectra of a folder are; empty where there are none."""
    return read_json(folder / MADE)


def read_times(folder: Path) -> dict[str, float]:
    """Return the seconds that each finished step of a cycle took."""
    return read_json(folder / TIMES)


def add_time(folder: Path, step: str, seconds: float) -> None:
    """Add seconds to those that a step took before, if it was stopped."""
    times = read_times(folder)
    write_json(folder / TIMES, {**times, step: round(times.get(step, 0.0) + seconds, 2)})
