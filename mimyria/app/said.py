"""`Said`: what the log of a piece of work has said so far, of which every look reads only what is new."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from threading import Lock

WARNING = "warning: "
PROGRESS = re.compile(r"(?P<title>.*): (?P<percent>\d{1,3}) %, (?P<words>.*)")


class Said:
    """The warnings of a log, each once, and its last line of progress; of one that only grows."""

    def __init__(self) -> None:
        self._place = 0
        """Bytes that were read."""
        self._warnings: dict[str, None] = {}
        self._progress: re.Match[str] | None = None
        self._lock = Lock()

    def look(self, log: Path) -> tuple[list[str], re.Match[str] | None]:
        """Return the warnings, and title, percent and words of the progress, where there is any."""
        with self._lock:
            with suppress(FileNotFoundError), log.open("rb") as file:
                file.seek(self._place)
                for line in file:
                    if not line.endswith(b"\n"):  # it is still being written
                        break
                    self._place += len(line)
                    self._hear(line.decode("utf-8", errors="replace").rstrip())
            return list(self._warnings), self._progress

    def _hear(self, line: str) -> None:
        if line.startswith(WARNING):
            self._warnings[line.removeprefix(WARNING)] = None
        self._progress = PROGRESS.fullmatch(line) or self._progress
