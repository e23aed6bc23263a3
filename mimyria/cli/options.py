"""Options that several commands share, and how their words become values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from mimyria.config import read_settings
from mimyria.errors import ConfigError


def use_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the defaults of a command from a YAML file, so that flags win."""
    if path is not None:
        parameters = [parameter for parameter in context.command.params if parameter.name not in ("config", "help")]
        plural = {one.name or "" for one in parameters if one.nargs != 1 or getattr(one, "multiple", False)}
        context.default_map = read_settings(path, {parameter.name or "" for parameter in parameters}, plural)
    return path


def assignments(words: list[str], flag: str) -> dict[str, str]:
    """Return the pairs of a flag such as ``--set NAME=VALUE``."""
    for word in words:
        if "=" not in word:
            raise ConfigError(f"{flag} takes NAME=VALUE, not {word!r}")
    return dict(word.split("=", 1) for word in words)


def words(texts: list[str] | None) -> tuple[str, ...]:
    """Return the words of a flag that may be repeated, or hold several with commas."""
    return tuple(word for text in texts or () for word in text.replace(",", " ").split())


def frame_range(text: str | None) -> tuple[int, int | None]:
    """Return first and last (exclusive) of ``--frames 100:2000``."""
    match = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", ":" if text is None else text)
    first, last = (int(match[1] or 0), int(match[2]) if match[2] else None) if match else (-1, None)
    if first < 0 or (last is not None and last <= first):
        raise ConfigError(f"--frames takes FIRST:LAST, counted from 0, LAST left out (in YAML in quotes), not {text!r}")
    return first, last


def plot_path(path: Path | None) -> Path | None:
    """Return the path of a picture after checking that it can be written there."""
    if path is not None:
        if path.suffix.lower() not in (".png", ".pdf", ".svg"):
            raise ConfigError(f"{path}: a picture is .png, .pdf or .svg")
        path.parent.mkdir(parents=True, exist_ok=True)
    return path


Config = Annotated[
    Path | None,
    typer.Option("--config", help="YAML file with the names of these flags.", callback=use_config, is_eager=True),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Topology = Annotated[Path | None, typer.Option(help="File that names the atoms (PDB, GRO, PSF, LAMMPS data, ...).")]
Velocities = Annotated[Path | None, typer.Option(help="Second file with the velocities, as CP2K writes them.")]
VelocityUnit = Annotated[str | None, typer.Option(help="au, A/fs, A/ps, nm/ps, ase or bohr/fs.")]
Cell = Annotated[str | None, typer.Option(help='Å: "a b c" or nine numbers, rows first, where the file has none.')]
Timestep = Annotated[float | None, typer.Option(help="fs between stored frames, where the file does not say.")]
Layout = Annotated[
    str | None, typer.Option(help="Index order of stored tensors: field,displacement, the reverse, or a program.")
]
Frames = Annotated[str | None, typer.Option(help="FIRST:LAST stored frame to use, counted from 0, LAST left out.")]
Charge = Annotated[float | None, typer.Option(help="Total charge of the cell, e; else what the frames say, else 0.")]
SumRule = Annotated[str, typer.Option(help="project: make the sum over the atoms exact; none: do not.")]


def project(sum_rule: str) -> bool:
    """Return whether ``--sum-rule`` asks for exact sums over the atoms."""
    if sum_rule not in ("project", "none"):
        raise ConfigError(f"--sum-rule takes project or none, not {sum_rule!r}")
    return sum_rule == "project"
