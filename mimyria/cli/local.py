"""The command of the local page: app, and its hidden command for a piece of work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimyria.cli.options import Config, with_options
from mimyria.settings import AppSettings


@with_options
def app(settings: AppSettings, config: Config = None) -> None:
    """Open a page for files to drop: a spectrum, a molecule, a trajectory of water. Only this machine reaches it."""
    from mimyria.app.serve import serve

    serve(settings, typer.echo)


def treat(folder: Annotated[Path, typer.Argument(help="The folder of the work.")]) -> None:
    """Do a piece of work of the page."""
    from mimyria.app.treat import treat as run

    run(folder)
