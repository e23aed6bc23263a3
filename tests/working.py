"""What processes compute in tests of them, in a module of little that they import quickly."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from mimyria.errors import SpectrumError
from mimyria.parallel import pool as pools


@contextmanager
def processes_at_once() -> Iterator[None]:
    """Pools of several workers wait until their processes are there, so that these do all the work."""
    ready = pools.Pool._ready

    def patiently(pool: pools.Pool, code: pools._Code, seconds: float) -> bool:
        while not ready(pool, code, seconds):
            if pool._refused or not code.pickled:
                return False
            time.sleep(0.005)
        return True

    with mock.patch.object(pools, "SECONDS_ALONE", 0.0), mock.patch.object(pools.Pool, "_ready", patiently):
        yield


def squares(items: list[int]) -> list[tuple[int, int]]:
    """The squares, and who computed them."""
    return [(item**2, os.getpid()) for item in items]


def slowly(items: list[int]) -> list[tuple[int, int]]:
    time.sleep(0.02 * len(items))
    return squares(items)


def but_for_seven(items: list[int]) -> list[tuple[int, int]]:
    if 7 in items:
        raise SpectrumError("frame 7 is not a number")
    return squares(items)


def made(
    function: Callable[[list[int]], list[Any]],
    number: int,
    items: Any = range(50),
    most: int = 4,
    into: list[Any] | None = None,
) -> list[Any]:
    """The results, which are also appended to a list."""
    results = [] if into is None else into
    with pools.Pool(number) as pool:
        for stretch in pool.in_order(function, items, most):
            results += stretch
    return results


class Strange(Exception):
    """Cannot be unpickled."""

    def __init__(self, one: object, other: object) -> None:
        super().__init__(f"{one} and {other}")


def strangely(items: list[int]) -> list[Any]:
    raise Strange(1, 2)


class Deadly:
    """Kills the process that computes seven: so many of them, who leave a mark each."""

    def __init__(self, folder: Path, times: int) -> None:
        self.folder, self.times = folder, times

    def __call__(self, items: list[int]) -> list[tuple[int, int]]:
        marks = len(list(self.folder.iterdir()))
        if 7 in items and marks < self.times:
            (self.folder / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return slowly(items)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, if nobody has asked yet how


def gone(pids: list[int], seconds: float = 3.0) -> bool:
    """Whether none of the processes is left after at most so many seconds."""
    end = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(map(alive, pids))
