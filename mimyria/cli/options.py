"""From declared settings to options of a command, and what several commands share beside them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from mimyria.config import read_settings
from mimyria.declare import Many, Pairs, Settings, Switch, declared, flag, from_words, panel_of


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

    parameters.sort(key=lambda one: one.default is not inspect.Parameter.empty)  # as a signature must have them
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def _option(part: type[Settings], name: str) -> inspect.Parameter:
    """Return the parameter of an option; all but switches are texts, so that a wrong value is refused as elsewhere."""
    one = declared(part)[name]
    missing = one.default is MISSING
    shown = one.kind.without if one.default is None or missing else one.kind.write(one.default)
    texts = " ".join(map(str, shown)) if isinstance(shown, tuple | list) else shown
    switch, several = isinstance(one.kind, Switch), isinstance(one.kind, Many | Pairs)
    option = typer.Option(
        flag(name),
        help=one.help,
        metavar=None if switch else one.kind.shown,
        rich_help_panel=panel_of(part, name) or None,
        show_default=str(texts) if texts and not switch else False,
    )
    sort = bool if switch else list[str] | None if several else str | None
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=inspect.Parameter.empty if missing else False if switch else None,
        annotation=Annotated[str if missing else sort, option],
    )


def use_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the defaults of a command from a YAML file, so that flags win."""
    if path is not None:
        parameters = [parameter for parameter in context.command.params if parameter.name not in ("config", "help")]
        plural = {one.name or "" for one in parameters if one.nargs != 1 or getattr(one, "multiple", False)}
        context.default_map = read_settings(path, {parameter.name or "" for parameter in parameters}, plural)
    return path


Config = Annotated[
    Path | None,
    typer.Option("--config", help="YAML file with the names of these flags.", callback=use_config, is_eager=True),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
