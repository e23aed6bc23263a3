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

from mimyria.app.desk import Desk
from mimyria.app.menu import drops
from mimyria.app.server import HERE, Server
from mimyria.errors import Busy, ConfigError
from mimyria.memory import locked, make_folder, require_folder
from mimyria.settings import AppSettings

PREFIX, LOCK = "mimyria-app-", "app.lock"


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
    with _place(settings.folder) as folder:
        desk = Desk(folder, drops(settings.largest), model, settings.largest)
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
def _place(folder: Path | None) -> Iterator[Path]:
    """Give the folder of the work: the user's, or one that nobody else can read and that is removed in the end."""
    if folder is not None:
        require_folder(folder)
        make_folder(folder)
        with locked(folder / LOCK):
            try:
                yield folder.resolve()
            finally:
                (folder / LOCK).unlink(missing_ok=True)
        return
    sweep(Path(gettempdir()))
    with TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as made, locked(Path(made) / LOCK):
        yield Path(made)


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
