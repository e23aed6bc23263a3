"""`serve`: the page from the start of `mimyria app` to Ctrl-C, and its folder, which goes with it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from threading import Thread
from typing import TextIO

from mimyria.app.desk import Desk
from mimyria.app.drops import GIVEN, RESULT, TASK
from mimyria.app.menu import drops
from mimyria.app.server import HERE, Server
from mimyria.errors import Busy, ConfigError
from mimyria.memory import locked, require_folder, withdrawn
from mimyria.settings import AppSettings

PREFIX, LOCK = "mimyria-app-", ".mimyria-app.lock"
SECONDS_TO_END = 2.0
"""In which the work of a page that was killed ends; it has inherited the lock, and holds it until then."""


def serve(settings: AppSettings, say: Callable[[str], None]) -> None:
    """Serve the page until the user stops the program, and say where it is.

    Raises
    ------
    ConfigError, Busy
        If the port or the folder is in use, or cannot be.
    """
    model = settings.model
    if Path(model).is_file():
        model = str(Path(model).resolve())  # as work is done elsewhere
    elif model != AppSettings.model:
        raise ConfigError(f"--model {model}: no such file")
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # the terminal was closed; under nohup it is passed over
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    with _place(settings.folder) as (folder, lock):
        desk = Desk(folder, drops(settings.largest), model, settings.largest, (lock.fileno(),))
        try:
            with Server(settings.port, desk) as server:
                say(f"the page is at {server.address}\nonly this machine reaches it; Ctrl-C ends it")
                if not settings.no_browser and has_screen():
                    # In a thread, as some browsers in a terminal return only when they are closed.
                    opened = (f"http://{HERE}:{server.server_port}/open/{server.ticket}",)
                    Thread(target=webbrowser.open, args=opened, daemon=True).start()
                with suppress(KeyboardInterrupt):
                    server.serve_forever()
        finally:
            desk.close()
    say("stopped" + ("" if settings.folder is None else f"; the results are in {settings.folder}"))


@contextmanager
def _place(folder: Path | None) -> Iterator[tuple[Path, TextIO]]:
    """Give the folder of the work, and its lock: the user's, or one that nobody else can read and that is removed."""
    if folder is not None:
        require_folder(folder)
        with withdrawn(folder), locked(folder / LOCK, SECONDS_TO_END) as lock:
            try:
                forget_unfinished(folder)
                yield folder.resolve(), lock
            finally:
                (folder / LOCK).unlink(missing_ok=True)
        return
    sweep(Path(gettempdir()))
    with TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as made, locked(Path(made) / LOCK) as lock:
        yield Path(made), lock


def forget_unfinished(place: Path) -> None:
    """Remove what was dropped on a page that was killed, and the folders of what it had not finished."""
    for task in place.glob(f"[0-9][0-9][0-9][0-9]-*/{TASK}"):
        folder = task.parent
        if not folder.is_symlink():
            shutil.rmtree(folder / GIVEN if (folder / RESULT).exists() else folder, ignore_errors=True)


def has_screen() -> bool:
    """Return whether a browser opens a window; where there is no screen, one would take over the terminal."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def sweep(place: Path) -> None:
    """Remove the folders of earlier pages of this user whose program was killed."""
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError, Busy, ConfigError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid() or not (folder / LOCK).exists():
                continue
            with locked(folder / LOCK):
                shutil.rmtree(folder)
