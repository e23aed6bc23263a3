"""The command of functional groups: identify."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from mimyria.cli.options import Config, Json, with_options
from mimyria.settings import IdentifySettings


@with_options
def identify(
    spectra: Annotated[
        list[str],
        typer.Argument(metavar="[ir=|raman=]FILE...", help="Spectra of one sample: JCAMP-DX, tables, npy, ours."),
    ],
    settings: IdentifySettings,
    out: Annotated[Path | None, typer.Option(help="Folder for groups.csv and a picture with the bands marked.")] = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Tell which functional groups a sample has by its infrared spectrum, its Raman spectrum, or both."""
    from mimyria.identify.command import identify as run
    from mimyria.identify.command import write_identified

    made = run(spectra, settings)
    if out is not None:
        write_identified(out, made, settings)
    typer.echo(json_format.dumps(made.as_dict()) if json else made.table(settings.least))
