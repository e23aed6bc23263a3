"""Progress of long work: a bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger("mimyria")

SECONDS_PER_LINE = 30.0

Advance = Callable[[float | None, str], None]
"""Takes the fraction done (None if it cannot be known) and a few words."""


@contextmanager
def progress(title: str) -> Iterator[Advance]:
    """Show how far a piece of work is, for as long as the block lasts.

    Parameters
    ----------
    title
        What is being done, in two or three words.
    """
    if not sys.stderr.isatty():
        yield _lines(title)
        return
    from rich.console import Console  # not needed, and not fast, on a batch node
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.percentage:3.0f} %, left"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=1.0, words="")

        def advance(fraction: float | None, words: str = "") -> None:
            bar.update(task, total=None if fraction is None else 1.0, completed=min(fraction or 0.0, 1.0), words=words)

        yield advance


def _lines(title: str) -> Advance:
    last = time.monotonic()

    def advance(fraction: float | None, words: str = "") -> None:
        nonlocal last
        if time.monotonic() - last > SECONDS_PER_LINE:
            last = time.monotonic()
            log.info(f"{title}: {'' if fraction is None else f'{100 * fraction:.0f} %, '}{words}")

    return advance
