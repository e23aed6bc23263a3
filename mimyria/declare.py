"""`setting`: a setting is declared once, as a field of a frozen dataclass, with its values, its help and its effect.

Command line, YAML and Python make the same `Settings`, whose ``__post_init__`` refuses a wrong value in the same words.
Whatever has to know all settings, or some of them, loops over `declared`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar

from mimyria.errors import ConfigError
from mimyria.values import Choice, File, Kind, Many, Refused, Switch

Decides = Literal["result", "duration", "use", "nothing"]
"""What a change of the setting changes: the ``result`` of a long computation (rates, labels, networks), whose identity
it enters; the ``duration`` of a training, which may differ when a single network is resumed; the ``use`` of the
result, which is quickly repeated; or ``nothing``, only where and how fast the work is done."""
Names = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The declaration of a setting, beside its name and type."""

    kind: Kind
    metavar: str
    """Stands for the value, or one of several, in the help."""
    help: str
    decides: Decides
    default: Any
    """MISSING if it must be given."""
    file: str
    """A pattern of the texts that name a file, the last group of which is its path; empty if none do."""
    of: Names
    """The kinds of spectra that it is of; it is refused where none of them is made. Empty if it is of all."""
    given: bool
    """Whether `autotrain` itself gives it to its steps, so that users cannot."""


def setting(
    kind: Kind, help: str, decides: Decides, default: Any = None, *, file: str = "", of: Names = (), given: bool = False
) -> Any:
    """Return the field of a `Setting`, to whose help names to choose from and the default are added."""
    single = kind.of if isinstance(kind, Many) else kind
    if isinstance(single, File):
        file = "(.+)"
    if isinstance(single, Choice) and not callable(single.names):
        help = f"{help.removesuffix('.')}: {', '.join(single.names)}."
    stated = kind.without if default is None or default is MISSING else kind.write(default)
    shown = " ".join(map(str, stated)) if isinstance(stated, tuple) else stated
    if isinstance(shown, str | float | int) and shown != "" and not isinstance(kind, Switch):
        help = f"{help.removesuffix('.')} (default: {shown})."
    known = {
        "setting": Setting(
            kind=kind,
            metavar=single.metavar,
            help=help,
            decides=decides,
            default=default,
            file=file,
            of=of,
            given=given,
        )
    }
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=known)
    return field(default=default, metadata=known)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that belong together; a command inherits from several such parts.

    A part that names its ``panel`` has one of that name in the help of the command.
    """

    panel: ClassVar[str] = ""
    prefix: ClassVar[str] = "--"
    """What every message writes before the name of a setting; only a file has settings without dashes."""

    def __init_subclass__(cls) -> None:
        """Add every setting with its help to the docstring."""
        known: dict[str, Setting] = {}
        for part in reversed(cls.__mro__):
            own = {**vars(part), **vars(part).get("__dataclass_fields__", {})}  # before and after it is a dataclass
            metadata = {name: value.metadata for name, value in own.items() if isinstance(value, Field)}
            known |= {name: stated["setting"] for name, stated in metadata.items() if "setting" in stated}
        entries = "".join(f"\n{name} : {each.metavar}\n    {each.help}" for name, each in known.items())
        cls.__doc__ = f"{cls.__doc__}\n\nParameters\n----------{entries}"

    def __post_init__(self) -> None:
        for name, declaration in declared(type(self)).items():
            value = getattr(self, name)
            if value is not None or (declaration.default is not None and not declaration.kind.without):
                with _told_of(flag(name, self.prefix)):
                    object.__setattr__(self, name, declaration.kind.check(value))


S = TypeVar("S", bound=Settings)


def flag(name: str, prefix: str = "--") -> str:
    """Return the name of a setting as the command line writes it, and every message."""
    return f"{prefix}{name.replace('_', '-')}"


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    """Raise a ConfigError that names a setting where a value of it is refused."""
    try:
        yield
    except Refused as error:
        raise ConfigError(f"{name} {error}") from None


def declared(part: type[Settings], *decides: Decides) -> dict[str, Setting]:
    """Return the settings of a part by name: all, or those that decide one of the given things."""
    known: dict[str, Setting] = {each.name: each.metadata["setting"] for each in fields(part)}
    return {name: each for name, each in known.items() if not decides or each.decides in decides}


def values_of(settings: Settings, part: type[Settings]) -> dict[str, Any]:
    """Return the values of the settings of one part, by name."""
    return {name: getattr(settings, name) for name in declared(part)}


def panel_of(part: type[Settings], name: str) -> str:
    """Return the panel of the help in which a setting stands: of its part, or the first after it that has one."""
    parts = [each for each in reversed(part.__mro__) if name in getattr(each, "__dataclass_fields__", ())]
    return next(filter(None, (vars(each).get("panel", "") for each in parts)), "")


def from_words(part: type[S], given: Mapping[str, Any]) -> S:
    """Return settings from values of the command line or of YAML, without those that are None."""
    values = {}
    for name, value in given.items():
        if value is not None:
            with _told_of(flag(name, part.prefix)):
                values[name] = declared(part)[name].kind.read(*texts_of(value))
    return part(**values)


def texts_of(value: Any) -> list[str]:
    """Return a value of YAML, single or several or by name, as the texts that a command line would have."""
    pairs = [f"{key}={each}" for key, each in value.items()] if isinstance(value, Mapping) else value
    return [str(each) for each in (pairs if isinstance(pairs, list | tuple) else [pairs])]


def in_words(settings: Settings, *decides: Decides) -> dict[str, Any]:
    """Return settings as YAML states them, all or those that decide the given things, without empty ones."""
    written = {}
    for name, declaration in declared(type(settings), *decides).items():
        value = getattr(settings, name)
        written[name] = declaration.kind.without if value is None else declaration.kind.write(value)
    empty = (None, "", ())
    return {name: value for name, value in written.items() if value is not False and value not in empty}
