"""Progress of long work: a bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

log = logging.getLogger("mimyria")

SECONDS_PER_LINE = 30.0
EVERY = "MIMYRIA_SECONDS_PER_LINE"
"""Environment variable with another number of seconds, for who reads the lines while they come."""
SECONDS_PER_ROW = 1.0

Advance = Callable[[float | None, str], None]
"""Takes the fraction done, or None if unknown, and a few words."""


@contextmanager
def progress(title: str) -> Iterator[Advance]:
    """Show the progress of the work in the block; the title names it in two or three words."""
    if not sys.stderr.isatty():
        yield _log_lines(title)
        return
    from rich.console import Console  # slow to import, and of no use on a batch node
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


@contextmanager
def progress_table(title: str, shown: int = 8) -> Iterator[Callable[[float, Mapping[str, float]], None]]:
    """Show a bar, and the last rows of a table (at most one new row a second), during the block."""
    if not sys.stderr.isatty():
        log_line = _log_lines(title)
        yield lambda fraction, row: log_line(fraction, ", ".join(f"{name} {value:.4g}" for name, value in row.items()))
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    rows: deque[Mapping[str, float]] = deque(maxlen=shown)
    last = 0.0
    with Live(console=Console(stderr=True), auto_refresh=False) as live:

        def advance(fraction: float, row: Mapping[str, float]) -> None:
            nonlocal last
            if time.monotonic() - last < SECONDS_PER_ROW and fraction < 1:
                return
            last = time.monotonic()
            rows.append(row)
            table = Table(*row, title=title, title_justify="left", box=None)
            for kept in rows:
                table.add_row(*(f"{value:.4g}" for value in kept.values()))
            live.update(Group(table, ProgressBar(total=1.0, completed=min(fraction, 1.0), width=60)), refresh=True)

        yield advance


def _log_lines(title: str) -> Advance:
    last, seconds = time.monotonic(), float(os.environ.get(EVERY, SECONDS_PER_LINE))

    def advance(fraction: float | None, words: str = "") -> None:
        nonlocal last
        if time.monotonic() - last > seconds:
            last = time.monotonic()
            log.info(f"{title}: {'' if fraction is None else f'{100 * fraction:.0f} %, '}{words}")

    return advance
