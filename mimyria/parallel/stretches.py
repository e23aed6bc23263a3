"""`Stretches`: successive items in lists that take a certain time each, as work for threads and processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

MOST = 16
"""Items of a stretch."""
SECONDS = 0.4
"""Of a stretch, as far as items can be divided: long beside its way there and back, short to lose."""


A = TypeVar("A")


class UntilError(Generic[A]):
    """An iterator that ends at an error of another one, Ctrl-C too, which `finish` raises when the rest is done."""

    def __init__(self, items: Iterable[A]) -> None:
        self._items = iter(items)
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[A]:
        return self

    def __next__(self) -> A:
        if self._error is None:
            try:
                return next(self._items)
            except StopIteration:
                raise
            except BaseException as error:
                self._error = error
        raise StopIteration

    def finish(self) -> None:
        """Raise the error, if there was one."""
        if self._error is not None:
            raise self._error


class Stretches:
    """Successive items in lists, as many as take `SECONDS`; errors wait as in `UntilError`."""

    def __init__(self, items: Iterable[Any], most: int) -> None:
        self._items, self._most, self._size = UntilError(items), most, 1

    def next(self) -> list[Any] | None:
        """Return the next items, None after the last."""
        return list(islice(self._items, self._size)) or None

    def took(self, seconds: float, n_items: int) -> None:
        """Take note of the time of a stretch."""
        self._size = max(1, min(self._most, int(SECONDS / max(seconds / n_items, 1e-9))))

    def finish(self) -> None:
        """Raise the error of an item, if there was one."""
        self._items.finish()
