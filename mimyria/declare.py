"""`setting`: a setting is declared once, as a field of a frozen dataclass, with its values, its help and its effect.

Command line, YAML and Python make the same `Settings`, whose ``__post_init__`` refuses a wrong value in the same words.
Whatever has to know all settings, or some of them, loops over `declared`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from mimyria.errors import ConfigError

Decides = Literal["result", "duration", "use", "nothing"]
"""What a change of the setting changes: the ``result`` of a long computation (rates, labels, networks), whose identity
it enters; the ``duration`` of a training, which may differ when it is resumed; the ``use`` of the result, which is
quickly repeated; or ``nothing``, only where and how fast the work is done."""
Names = tuple[str, ...]


class Refused(ValueError):
    """A wrong value, with what would be right."""

    def __init__(self, right: str, value: Any) -> None:
        shown = f"{value:g}" if isinstance(value, Real) and not isinstance(value, bool) else repr(value)
        super().__init__(f"{right}, not {shown}")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The values that a setting may have: here text that matches a pattern."""

    pattern: str = ".*"
    takes: str = "text"
    """What a message says that it takes."""
    metavar: str = "TEXT"
    without: str = ""
    """The text that means None."""

    def read(self, *texts: str) -> Any:
        """Return the value that one or several texts mean; a text without meaning as it is, for `check` to refuse."""
        return " ".join(texts)

    def check(self, value: Any) -> Any:
        """Return the value in its own type; raise Refused if it is wrong."""
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(text, str) or not re.fullmatch(self.pattern, text, re.DOTALL):
            raise Refused(f"takes {self.takes}", value)
        return text

    def write(self, value: Any) -> Any:
        """Return the value as YAML states it, from which `read` makes it again; None to leave it out."""
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
    """One of some names, or of those that a function returns which imports a slow library."""

    names: Sequence[str] | Callable[[], Collection[str]]
    metavar: str = "NAME"

    def check(self, value: Any) -> Any:
        names = tuple(self.names() if callable(self.names) else self.names)
        if value not in names:
            raise Refused(f"takes {(' or ' if len(names) == 2 else ', ').join(names)}", value)
        return value


@dataclass(frozen=True, kw_only=True)
class Number(Kind):
    """A finite number in a range, or text of an ``other`` kind."""

    above: float = -math.inf
    minimum: float = -math.inf
    maximum: float = math.inf
    below: float = math.inf
    integer: bool = False
    takes: str = ""
    metavar: str = "NUMBER"
    other: Kind | None = None

    def read(self, *texts: str) -> Any:
        text = " ".join(texts)
        if text == self.without:
            return None
        try:
            return int(text) if self.integer else float(text)
        except ValueError:
            return self.other.read(text) if self.other else text

    def check(self, value: Any) -> Any:
        if self.other and isinstance(value, str | os.PathLike):
            return self.other.check(value)
        if self.without and value == self.without:
            return None
        if not isinstance(value, Integral if self.integer else Real) or isinstance(value, bool):
            right = "a whole number" if self.integer else "a number"
            raise Refused(f"takes {self.takes or (self.other.takes if self.other else right)}", value)
        number = int(value) if self.integer else float(value)  # type: ignore[call-overload]
        if not (self.above < number < self.below and self.minimum <= number <= self.maximum):
            raise Refused(f"takes {self.takes}" if self.takes else f"must be {self._range(number)}", value)
        return number

    def _range(self, number: float) -> str:
        limits = {
            "positive": self.above == 0,
            f"at least {self.minimum:g}": self.minimum > -math.inf,
            f"at most {self.maximum:g}": self.maximum < math.inf,
            f"below {self.below:g}": self.below < math.inf,
            "finite": not math.isfinite(number),
        }
        return " and ".join(words for words, holds in limits.items() if holds)


@dataclass(frozen=True, kw_only=True)
class Numbers(Kind):
    """Several numbers, as many as one of the counts, or text of an ``other`` kind."""

    counts: tuple[int, ...]
    metavar: str = "NUMBERS"
    other: Kind | None = None

    def read(self, *texts: str) -> Any:
        try:
            return tuple(float(word) for word in " ".join(texts).replace(",", " ").split())
        except ValueError:
            return self.other.read(*texts) if self.other else " ".join(texts)

    def check(self, value: Any) -> Any:
        if self.other and isinstance(value, str | os.PathLike):
            return self.other.check(value)
        flat = value.ravel().tolist() if hasattr(value, "ravel") else value  # an array of numpy, which is not imported
        right = f"takes {self.other.takes if self.other else ' or '.join(map(str, self.counts)) + ' numbers'}"
        if isinstance(flat, str) or not isinstance(flat, Iterable):
            raise Refused(right, value)
        numbers = tuple(flat)
        if not all(isinstance(number, Real) and not isinstance(number, bool) for number in numbers):
            raise Refused(right, " ".join(map(str, numbers)))
        if len(numbers) not in self.counts or not all(map(math.isfinite, numbers)):
            raise Refused(right, " ".join(map("{:g}".format, numbers)))
        return tuple(map(float, numbers))

    def write(self, value: Any) -> Any:
        return self.other.write(value) if self.other and isinstance(value, os.PathLike) else value


@dataclass(frozen=True, kw_only=True)
class FrameRange(Kind):
    """First and last (exclusive; None for the end) of a range of frames."""

    metavar: str = "FIRST:LAST"

    def read(self, *texts: str) -> Any:
        match = re.fullmatch(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*", text := " ".join(texts))
        return (int(match[1] or 0), int(match[2]) if match[2] else None) if match else text

    def check(self, value: Any) -> Any:
        value = self.read(value) if isinstance(value, str) else value
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
    """True or false."""

    def read(self, *texts: str) -> Any:
        return {"true": True, "false": False}.get(texts[0].lower(), texts[0])

    def check(self, value: Any) -> Any:
        if not isinstance(value, bool):
            raise Refused("takes true or false", value)
        return value


@dataclass(frozen=True, kw_only=True)
class Many(Kind):
    """Several values of a kind; with ``words``, one text may hold several, separated by commas or spaces."""

    of: Kind
    words: bool = False
    some: bool = False
    """At least one is needed."""
    none: str = ""
    """The text that means not even one."""

    def read(self, *texts: str) -> Any:
        if self.none and texts == (self.none,):
            return ()
        return tuple(map(self.of.read, " ".join(texts).replace(",", " ").split() if self.words else texts))

    def check(self, value: Any) -> Any:
        values = value
        if isinstance(value, str | os.PathLike):
            values = () if self.none and value == self.none else (value,)
        if not isinstance(values, Iterable):
            raise Refused(f"takes {self.of.takes}, one or several", value)
        values = tuple(values)
        if self.none and self.none in values:
            if len(values) > 1:
                raise Refused(f"takes {self.none} alone, or others without it", ",".join(map(str, values)))
            values = ()
        checked = tuple(map(self.of.check, values))
        if self.some and not checked:
            raise Refused("takes at least one", value)
        return checked

    def write(self, value: Any) -> Any:
        return tuple(map(self.of.write, value)) or self.none


@dataclass(frozen=True, kw_only=True)
class Pairs(Kind):
    """Values of a kind by name, written ``NAME=VALUE``."""

    of: Kind
    names: Kind = Kind(pattern=".+", takes="a name")
    metavar: str = "NAME=VALUE"

    def read(self, *texts: str) -> Any:
        pairs = [text.partition("=") for text in texts]
        names = [name for name, _, _ in pairs]
        wrong = [name for name, equals, _ in pairs if not equals or names.count(name) > 1]
        return wrong[0] if wrong else {name: self.of.read(value) for name, _, value in pairs}

    def check(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Refused(f"takes {self.metavar}", value)
        checked = {}
        for name, part in value.items():
            name = self.names.check(name)
            try:
                checked[name] = self.of.check(part)
            except Refused as error:
                error.args = (f"{name} {error}",)
                raise
        return checked

    def write(self, value: Any) -> Any:
        return tuple(f"{name}={self.of.write(part)}" for name, part in value.items())


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
                try:
                    object.__setattr__(self, name, declaration.kind.check(value))
                except Refused as error:
                    raise ConfigError(f"{flag(name, self.prefix)} {error}") from None


S = TypeVar("S", bound=Settings)


def flag(name: str, prefix: str = "--") -> str:
    """Return the name of a setting as the command line writes it, and every message."""
    return f"{prefix}{name.replace('_', '-')}"


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
