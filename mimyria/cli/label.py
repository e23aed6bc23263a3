"""The command `label`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimyria.cli.options import Config, with_options
from mimyria.errors import ConfigError
from mimyria.settings import LabelSettings


@with_options
def label(
    settings: LabelSettings,
    configurations: Annotated[list[Path] | None, typer.Argument(help="Configurations, or trajectories.")] = None,
    out: Annotated[Path, typer.Option(help="extxyz with the labelled frames.")] = Path("labels.extxyz"),
    work: Annotated[Path, typer.Option(help="Folder of the calculations, kept.")] = Path("labels"),
    import_: Annotated[list[Path] | None, typer.Option("--import", help="Tensors of another program.")] = None,
    config: Config = None,
) -> None:
    """Compute APT and PGT of configurations from forces in electric fields, or import tensors of other programs."""
    if import_:
        if configurations:
            raise ConfigError("--import takes the file with the tensors; leave the configurations out")
        from mimyria.labels.imports import import_labels

        typer.echo(import_labels(import_, out, settings))
        return
    if not configurations:
        raise ConfigError("nothing to label: give files with configurations, or --import FILE")
    from mimyria.labels.command import make_labels

    typer.echo(make_labels(configurations, out, work, settings))
