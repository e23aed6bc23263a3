"""The commands that show what the program does and what a file holds: demo, info."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from mimyria.cli.options import Config, Json, with_options
from mimyria.declare import values_of
from mimyria.settings import Stored

LARGEST_INLINE = 8
"""Facts about a thing that stand on one line."""


class System(StrEnum):
    """What the demo is of."""

    WATER = "water"
    SULFATE = "sulfate"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for models and spectra.")] = Path("demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Less training, fewer frames: under two minutes.")] = False,
    system: Annotated[
        System, typer.Option(help="Liquid water, with training; or sulfate in water, by parts and motions.")
    ] = System.WATER,
    config: Config = None,
) -> None:
    """Make spectra of bundled trajectories, with networks of bundled DFT labels, and set them beside experiment."""
    from mimyria.demo import run_demo
    from mimyria.demo_sulfate import run_sulfate

    typer.echo((run_demo if system is System.WATER else run_sulfate)(out, quick=quick))


@with_options
def info(
    file: Annotated[Path, typer.Argument(help="Model, label file, trajectory, series.h5, or folder of spectra.")],
    settings: Stored,
    json: Json = False,
    config: Config = None,
) -> None:
    """Say what is in a file or folder."""
    from mimyria.info import describe

    facts = describe(file, **values_of(settings, Stored))
    typer.echo(json_format.dumps(facts) if json else "\n".join(_lines(facts)))


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each fact; what describes a thing of its own, such as one model of a pair, is indented."""
    for key, value in facts.items():
        if isinstance(value, dict) and len(value) > LARGEST_INLINE:
            yield f"{key}:"
            yield from (f"  {line}" for line in _lines(value))
        else:
            yield f"{key}: {value}"
