"""From declared settings to options of a command, and what several commands share beside them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from mimyria.choices import Range
from mimyria.config import read_settings
from mimyria.declare import Settings, declared, flag, from_words, panel_of
from mimyria.values import Many, Pairs, Switch


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes each of its ``settings``, which its annotation declares, as an option."""
    parameters = list(inspect.signature(command, eval_str=True).parameters.values())
    (place,) = (k for k, parameter in enumerate(parameters) if parameter.name == "settings")
    part: type[Settings] = parameters[place].annotation
    parameters[place : place + 1] = [_option(part, name) for name in declared(part)]

    @wraps(command)
    def called(**given: Any) -> None:
        words = {name: given.pop(name) for name in declared(part)}
        command(settings=from_words(part, words), **given)

    parameters.sort(
        key=lambda parameter: parameter.default is not inspect.Parameter.empty
    )  # as a signature must have them
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _option(part: type[Settings], name: str) -> inspect.Parameter:
    """Return the parameter of an option; all but switches are texts, so that a wrong value is refused as elsewhere."""
    known = declared(part)[name]
    missing = known.default is MISSING
    switch, several, two = (isinstance(known.kind, kinds) for kinds in (Switch, Many | Pairs, Range))
    option = typer.Option(
        flag(name),
        help=known.help,
        metavar=None if switch else known.metavar,
        rich_help_panel=panel_of(part, name) or None,
        show_default=False,  # it stands in the help
    )
    sort = bool if switch else list[str] | None if several else tuple[str, str] | None if two else str | None
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=inspect.Parameter.empty if missing else False if switch else None,
        annotation=Annotated[str if missing else sort, option],
    )


def use_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the defaults of a command from a YAML file, so that flags win."""
    if path is not None:
        known = {str(flag.name): flag for flag in context.command.params if flag.name not in ("config", "help")}
        plural = [name for name, flag in known.items() if flag.nargs != 1 or getattr(flag, "multiple", False)]
        context.default_map = read_settings(path, known, plural)
    return path


Config = Annotated[
    Path | None,
    typer.Option("--config", help="YAML file with the names of these flags.", callback=use_config, is_eager=True),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
