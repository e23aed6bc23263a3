"""`Pool`: work on a stream of items in several processes, in order, with the results of one.

    with Pool(workers) as pool:
        for result in pool.in_order(function, items): ...          results of stretches of successive items, in order

The items, frames of a trajectory say, are read here, and the processes get stretches of them, so that nothing is read
twice whatever the format. The function must give the same for an item whatever stretch it is in.

Threads wait for each other: Python's lock is held for a quarter of a frame. Processes cost seconds to start. So threads
begin, and short work is done before any process is started; see `nursery`.
"""

from __future__ import annotations

import functools
import logging
import pickle
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mimyria.execute import cores_here
from mimyria.parallel.nursery import Nursery
from mimyria.parallel.stretches import MOST, Stretches

A = TypeVar("A")
B = TypeVar("B")

log = logging.getLogger("mimyria")

SECONDS_ALONE = 1.0
"""Of work by threads before processes are started, which takes some two to four seconds of a core."""
MOST_THREADS = 4
"""More hardly help."""


class Pool:
    """Processes for work that lasts; at first, and where only one is wanted, threads of this process.

    Parameters
    ----------
    workers
        How many; None for one on each core that this process may use.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = cores_here() if workers is None else workers
        self._nursery: Nursery | None = None
        self._seconds = 0.0  # of work without processes
        # Inside another program, that which is executed may not be Python.
        self._refused = self.workers < 2 or "python" not in Path(sys.executable or "").name

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._nursery is not None:
            self._nursery.close()
            self._nursery, self._refused = None, True

    def start(self, function: Callable[..., object]) -> None:
        """Start the processes before there is work, for what a function needs, and wait until they are there."""
        self._seconds = SECONDS_ALONE
        code = _Code(function)
        while code.pickled and not self._ready(code, 0.0) and not self._refused:
            time.sleep(0.01)

    def in_order(self, function: Callable[[list[A]], B], items: Iterable[A], most: int = MOST) -> Generator[B]:
        """Yield what the function makes of stretches of successive items, in order.

        Parameters
        ----------
        function
            Must be picklable, or is computed by threads alone. It is called with one to ``most`` items.
        items
            Read here, a few stretches ahead. Where reading one fails, the results of those before it come first.

        Raises
        ------
        RunFailed
            If processes are killed again and again.
        """
        stretches, code = Stretches(items, most), _Code(function)
        yield from self._in_threads(function, code, stretches)
        if self._nursery is not None and code.pickled:
            yield from self._nursery.in_order(code.pickled, stretches)
        stretches.finish()

    def _in_threads(self, function: Callable[[list[A]], B], code: _Code, stretches: Stretches) -> Iterator[B]:
        """Yield results until the processes are there."""
        threads = min(self.workers, MOST_THREADS)
        waiting: deque[tuple[int, Future[tuple[float, B]]]] = deque()

        def first() -> B:
            n_items, future = waiting.popleft()
            seconds, result = future.result()
            stretches.took(seconds, n_items)
            return result

        begin, paced = time.monotonic(), False
        executor = ThreadPoolExecutor(threads)
        try:
            while not self._ready(code, time.monotonic() - begin) and (stretch := stretches.next()) is not None:
                waiting.append((len(stretch), executor.submit(_timed, function, stretch)))
                # The first stretch, a single item, is waited for: its time tells how long the others shall be.
                if len(waiting) == 2 * threads or not paced:
                    paced = True
                    yield first()
            while waiting:
                yield first()
        finally:
            self._seconds += time.monotonic() - begin
            executor.shutdown(cancel_futures=True)

    def _ready(self, code: _Code, seconds: float) -> bool:
        """Return whether the processes can compute a function; start them when their time has come."""
        if self._refused or (self._nursery is None and self._seconds + seconds < SECONDS_ALONE) or not code.pickled:
            return False
        try:
            if self._nursery is None:
                self._nursery = Nursery(code.pickled, self.workers)
            return self._nursery.ready()
        except (OSError, EOFError) as error:
            reason = str(error) or (self._nursery.last_words() if self._nursery else "")
            log.warning(f"no processes could be started, threads go on: {reason}")
            self.__exit__()
            return False


@dataclass(frozen=True)
class _Code:
    """A function for other processes."""

    function: Callable[..., object]

    @functools.cached_property
    def pickled(self) -> bytes:
        """What they are sent, made when it is needed; empty where it cannot be."""
        with suppress(pickle.PicklingError, AttributeError, TypeError):
            return pickle.dumps(self.function, pickle.HIGHEST_PROTOCOL)
        return b""


def _timed(function: Callable[[A], B], argument: A) -> tuple[float, B]:
    begin = time.monotonic()
    result = function(argument)
    return time.monotonic() - begin, result
