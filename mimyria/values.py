"""The values that a setting may have: texts, paths, names, numbers, ranges, and several of them.

Each kind reads them from words, checks them whoever gives them, and writes them as YAML states them.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any


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
        """Return the values by name; raise Refused where several have one name, of which `check` would see the last."""
        pairs = [text.partition("=") for text in texts]
        names = [name for name, _, _ in pairs]
        twice = [text for text, name in zip(texts, names, strict=True) if names.count(name) > 1]
        if twice:
            raise Refused(f"takes each {self.metavar.partition('=')[0]} once", " ".join(twice))
        wrong = [name for name, equals, _ in pairs if not equals]
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
