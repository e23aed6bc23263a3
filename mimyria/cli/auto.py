"""The command `autotrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def autotrain(
    settings: Annotated[Path, typer.Argument(help="YAML file; see configs/autotrain-*.yaml.")],
    folder: Annotated[Path | None, typer.Option(help="Of the loop; without it, the name of the YAML file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and about how long.")] = False,
) -> None:
    """From a trajectory to spectra, by itself: label, train, compare the spectra, stop when they have converged."""
    from mimyria.autotrain.settings import read_autotrain

    wanted = read_autotrain(settings)
    place = folder or Path(settings.stem)
    if dry_run:
        from mimyria.autotrain.plan import plan

        typer.echo(plan(wanted, place))
        return
    from mimyria.loop import autotrain as run

    typer.echo(run(wanted, place))
