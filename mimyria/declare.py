"""`setting`: a setting is declared once, as a field of a frozen dataclass that knows its values and what they decide.

Command line, YAML and Python make the same `Settings`, whose ``__post_init__`` refuses a wrong value: all three say the
same words. Whatever has to know all settings, or some of them, loops over `declared`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from mimyria.errors import ConfigError

Decides = Literal["result", "duration", "use", "nothing"]
"""What another value makes different: the ``result`` that is computed at length (rates, labels, networks) and has this
setting in its identity; the ``use`` that is made of it, which costs little; the ``duration`` of a training, which may
change when it is resumed; or ``nothing`` but where, and how fast, the work is done."""


class Refused(ValueError):
    """A wrong value: says what is right, and what it is."""

    def __init__(self, right: str, value: Any) -> None:
        shown = f"{value:g}" if isinstance(value, Real) and not isinstance(value, bool) else repr(value)
        super().__init__(f"{right}, not {shown}")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Which values a setting has: here text in the form of a pattern.

    Parameters
    ----------
    pattern, takes
        A regular expression, and what a message says of it.
    metavar
        What stands for the value in the help.
    without
        The word for None.
    """

    pattern: str = ".*"
    takes: str = "text"
    metavar: str = "TEXT"
    without: str = ""

    @property
    def shown(self) -> str:
        """What the help shows instead of a value."""
        return self.metavar

    def read(self, *texts: str) -> Any:
        """Return the value that texts mean, one or several, or the text itself where it means none."""
        return " ".join(texts)

    def check(self, value: Any) -> Any:
        """Return the value as it is kept; raise Refused if it is wrong."""
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(text, str) or not re.fullmatch(self.pattern, text, re.DOTALL):
            raise Refused(f"takes {self.takes}", value)
        return text

    def write(self, value: Any) -> Any:
        """Return the value as YAML holds it, from which `read` makes it again; None to leave it out."""
        return value


@dataclass(frozen=True, kw_only=True)
class File(Kind):
    """A path."""

    pattern: str = ".+"
    takes: str = "the path of a file"
    metavar: str = "FILE"

    def check(self, value: Any) -> Any:
        return Path(super().check(value))

    def write(self, value: Any) -> Any:
        return str(value)


@dataclass(frozen=True, kw_only=True)
class Choice(Kind):
    """One of some names; a function returns those that only a library knows which is slow to import."""

    names: Sequence[str] | Callable[[], Collection[str]]
    metavar: str = ""

    @property
    def shown(self) -> str:
        return self.metavar or "|".join(self._known())

    def _known(self) -> tuple[str, ...]:
        return tuple(self.names() if callable(self.names) else self.names)

    def check(self, value: Any) -> Any:
        if value not in (names := self._known()):
            raise Refused(f"takes {(' or ' if len(names) == 2 else ', ').join(names)}", value)
        return value


@dataclass(frozen=True, kw_only=True)
class Number(Kind):
    """A finite number in a range, or text of an ``other`` kind."""

    above: float = -math.inf
    least: float = -math.inf
    most: float = math.inf
    below: float = math.inf
    whole: bool = False
    takes: str = ""
    metavar: str = "NUMBER"
    other: Kind | None = None

    def read(self, *texts: str) -> Any:
        text = " ".join(texts)
        if text == self.without:
            return None
        try:
            return int(text) if self.whole else float(text)
        except ValueError:
            return self.other.read(text) if self.other else text

    def check(self, value: Any) -> Any:
        if self.other and isinstance(value, str | os.PathLike):
            return self.other.check(value)
        if not isinstance(value, Integral if self.whole else Real) or isinstance(value, bool):
            raise Refused(f"takes {self.takes or ('a whole number' if self.whole else 'a number')}", value)
        number = int(value) if self.whole else float(value)  # type: ignore[call-overload]
        if not (self.above < number < self.below and self.least <= number <= self.most):
            raise Refused(f"takes {self.takes}" if self.takes else f"must be {self._range(number)}", value)
        return number

    def _range(self, number: float) -> str:
        stated = {
            "positive": self.above == 0,
            f"at least {self.least:g}": self.least > -math.inf,
            f"at most {self.most:g}": self.most < math.inf,
            f"below {self.below:g}": self.below < math.inf,
            "finite": not math.isfinite(number),
        }
        return " and ".join(words for words, holds in stated.items() if holds)


@dataclass(frozen=True, kw_only=True)
class Numbers(Kind):
    """As many numbers as one of the counts says."""

    counts: tuple[int, ...]
    metavar: str = "NUMBERS"

    def read(self, *texts: str) -> Any:
        try:
            return tuple(float(word) for word in " ".join(texts).replace(",", " ").split())
        except ValueError:
            return " ".join(texts)

    def check(self, value: Any) -> Any:
        try:
            numbers = tuple(float(one) for one in value if not isinstance(one, str))
        except TypeError:
            numbers = ()
        if len(numbers) not in self.counts or not all(map(math.isfinite, numbers)):
            raise Refused(
                f"takes {' or '.join(map(str, self.counts))} numbers", " ".join(map("{:g}".format, numbers)) or value
            )
        return numbers


@dataclass(frozen=True, kw_only=True)
class FrameRange(Kind):
    """First and last (exclusive, None for the end) of stored frames."""

    metavar: str = "FIRST:LAST"

    def read(self, *texts: str) -> Any:
        match = re.fullmatch(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*", text := " ".join(texts))
        return (int(match[1] or 0), int(match[2]) if match[2] else None) if match else text

    def check(self, value: Any) -> Any:
        match value:
            case (Integral() as first, Integral() | None as last) if int(first) >= 0 and (last is None or first < last):
                return int(first), None if last is None else int(last)
            case (Integral(), Integral() | None):
                value = self.write(value)
        raise Refused("takes FIRST:LAST, counted from 0, LAST left out (in YAML in quotes)", value)

    def write(self, value: Any) -> Any:
        first, last = value
        return None if (first, last) == (0, None) else f"{first}:{'' if last is None else last}"


@dataclass(frozen=True, kw_only=True)
class Switch(Kind):
    """Whether, or not."""

    def read(self, *texts: str) -> Any:
        return {"true": True, "false": False}.get(texts[0].lower(), texts[0])

    def check(self, value: Any) -> Any:
        if not isinstance(value, bool):
            raise Refused("takes true or false", value)
        return value


@dataclass(frozen=True, kw_only=True)
class Many(Kind):
    """Several values of a kind; with ``words``, several may stand in one text, with commas or spaces between."""

    of: Kind
    words: bool = False

    @property
    def shown(self) -> str:
        return self.of.shown

    def read(self, *texts: str) -> Any:
        return tuple(map(self.of.read, " ".join(texts).replace(",", " ").split() if self.words else texts))

    def check(self, value: Any) -> Any:
        values = (value,) if isinstance(value, str | os.PathLike) else value
        if not isinstance(values, Iterable):
            raise Refused(f"takes {self.of.takes}, one or several", value)
        return tuple(map(self.of.check, values))

    def write(self, value: Any) -> Any:
        return tuple(map(self.of.write, value))


@dataclass(frozen=True, kw_only=True)
class Pairs(Kind):
    """Values of a kind by name, written ``NAME=VALUE``."""

    of: Kind
    names: Kind = Kind(pattern=".+", takes="a name")
    metavar: str = "NAME=VALUE"

    def read(self, *texts: str) -> Any:
        pairs = [text.partition("=") for text in texts]
        wrong = [name for name, equals, _ in pairs if not equals]
        return wrong[0] if wrong else {name: self.of.read(value) for name, _, value in pairs}

    def check(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Refused(f"takes {self.metavar}", value)
        checked = {}
        for name, one in value.items():
            name = self.names.check(name)
            try:
                checked[name] = self.of.check(one)
            except Refused as error:
                error.args = (f"{name} {error}",)
                raise
        return checked

    def write(self, value: Any) -> Any:
        return tuple(f"{name}={self.of.write(one)}" for name, one in value.items())


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is known of a setting, beside its name and type.

    Parameters
    ----------
    kind
        Its values.
    help
        What it means.
    decides
        What another value makes different.
    default
        The value of one that is not given; MISSING if it must be.
    file
        A pattern of the texts that name a file, which is its last group; empty if none do.
    given
        The loop gives it to its steps itself.
    """

    kind: Kind
    help: str
    decides: Decides
    default: Any
    file: str
    given: bool


def setting(
    kind: Kind, help: str, decides: Decides, default: Any = None, *, file: str = "", given: bool = False
) -> Any:
    """Return the field of a setting; see `Setting`."""
    if isinstance(kind, File) or (isinstance(kind, Many) and isinstance(kind.of, File)):
        file = "(.+)"
    known = {"setting": Setting(kind=kind, help=help, decides=decides, default=default, file=file, given=given)}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=known)
    return field(default=default, metadata=known)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that belong together; a command takes those of several such parts, by inheritance.

    A part that names its ``panel`` has one of that name in the help of the command.
    """

    panel: ClassVar[str] = ""
    prefix: ClassVar[str] = "--"
    """What every message writes before the name of a setting; only a file has settings without dashes."""

    def __init_subclass__(cls) -> None:
        """Say in the docstring of a part what each setting means, in the words of the help."""
        known: dict[str, Setting] = {}
        for part in reversed(cls.__mro__):  # whose own fields are not yet among those of the dataclass
            fields = {**vars(part), **vars(part).get("__dataclass_fields__", {})}
            known |= {name: one.metadata["setting"] for name, one in fields.items() if _is_setting(one)}
        entries = "".join(f"\n{name} : {one.kind.shown}\n    {one.help}" for name, one in known.items())
        cls.__doc__ = f"{cls.__doc__}\n\nParameters\n----------{entries}"

    def __post_init__(self) -> None:
        for name, one in declared(type(self)).items():
            value = getattr(self, name)
            if value is not None or (one.default is not None and not one.kind.without):
                try:
                    object.__setattr__(self, name, one.kind.check(value))
                except Refused as error:
                    raise ConfigError(f"{flag(name, self.prefix)} {error}") from None


def _is_setting(one: Any) -> bool:
    return isinstance(one, Field) and "setting" in one.metadata


S = TypeVar("S", bound=Settings)


def flag(name: str, prefix: str = "--") -> str:
    """Return a setting as the command line writes it, and every message."""
    return f"{prefix}{name.replace('_', '-')}"


def declared(part: type[Settings], *decides: Decides) -> dict[str, Setting]:
    """Return the settings of a part by name; only those that decide one of some things, if any are named."""
    known: dict[str, Setting] = {one.name: one.metadata["setting"] for one in fields(part)}
    return {name: one for name, one in known.items() if not decides or one.decides in decides}


def values_of(settings: Settings, part: type[Settings]) -> dict[str, Any]:
    """Return the values of the settings of one part, by name."""
    return {name: getattr(settings, name) for name in declared(part)}


def panel_of(part: type[Settings], name: str) -> str:
    """Return the panel of the help in which a setting stands: of the first part that has it and one."""
    parts = [one for one in reversed(part.__mro__) if issubclass(one, Settings) and name in one.__dataclass_fields__]
    return next(filter(None, (vars(one).get("panel", "") for one in parts)), "")


def from_words(part: type[S], given: Mapping[str, Any]) -> S:
    """Return settings from what the command line or YAML says; None is not said."""
    values = {}
    for name, one in given.items():
        several = [f"{key}={value}" for key, value in one.items()] if isinstance(one, Mapping) else one
        texts = map(str, several if isinstance(several, list | tuple) else [several])
        if one is not None:
            values[name] = declared(part)[name].kind.read(*texts)
    return part(**values)


def in_words(settings: Settings, *decides: Decides) -> dict[str, Any]:
    """Return settings as YAML holds them, all or those that decide some things, without those that are empty."""
    written = {}
    for name, one in declared(type(settings), *decides).items():
        value = getattr(settings, name)
        written[name] = one.kind.without if value is None else one.kind.write(value)
    return {name: value for name, value in written.items() if value not in (None, "", (), False)}
