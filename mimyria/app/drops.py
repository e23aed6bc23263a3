"""`Drop`: a kind of work that the page offers, with the files, sizes and settings that it takes.

A file is told by the ending of its name, which must be one of those listed: none of their readers executes anything,
and none follows links to other files. What the user calls a file is shown, and never becomes a path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mimyria.app.answers import Refusal
from mimyria.declare import Settings, declared, flag, from_words
from mimyria.errors import MimyriaError
from mimyria.values import Choice, Many, Pairs, Switch

TASK, RESULT, GIVEN, OUT = "task.json", "result.json", "given", "out"
"""In the folder of a piece of work: what is to be done, what the page shows of it, its files, what it has made."""
LONGEST_NAME = 100
LONGEST_WORDS = 300
"""Letters of a setting."""
BARE = ("POSCAR", "CONTCAR")
"""Whole names that say what ``.poscar`` says."""


@dataclass(frozen=True)
class Role:
    """What a file can be in a piece of work."""

    name: str
    words: str
    endings: tuple[str, ...]
    binary: tuple[str, ...] = ()
    """Those of the endings whose files may hold bytes that are no text."""
    needed: bool = False
    most: int = 1


@dataclass(frozen=True)
class Example:
    """A file to try, and the settings that go with it."""

    name: str
    words: str
    place: str
    """Below the folder of the package."""
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop:
    """A kind of work."""

    kind: str
    title: str
    words: str
    """What it makes of the file."""
    roles: tuple[Role, ...]
    most_files: int
    largest: float
    """Bytes of all its files, unpacked."""
    settings: type[Settings]
    fields: tuple[str, ...]
    """Settings that the page offers."""
    hours: float
    """The longest that it may run."""
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What some of the fields may be, the first by default; fields of the page alone are among them."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    help: Mapping[str, str] = field(default_factory=dict)
    """Of fields, in place of that of the command line."""
    missing: str = ""
    """Why the work cannot be done here, with the remedy; empty where it can."""
    spared: tuple[str, ...] = ()
    """Endings of files for which it can be done all the same."""

    def read(self, given: Mapping[str, str]) -> Settings:
        """Return the settings that the words of the fields mean.

        Raises
        ------
        Refusal
            If there is no such field, or a value is wrong, in the words of the command line.
        """
        for name, words in given.items():
            if name not in self.fields and name not in self.choices:
                raise Refusal(400, f"there is no field {name[:LONGEST_NAME]!r}")
            if len(words) > LONGEST_WORDS:
                raise Refusal(400, f"{flag(name)} takes at most {LONGEST_WORDS} letters")
            if name in self.choices and words not in self.choices[name]:
                raise Refusal(400, f"{flag(name)} takes {', '.join(self.choices[name])}, not {words!r}")
        known = declared(self.settings)
        words_of = {
            name: words.split() if isinstance(known[name].kind, Many | Pairs) else words
            for name, words in given.items()
            if name in known and words.strip()
        }
        try:
            read = from_words(self.settings, words_of)
        except MimyriaError as error:
            raise Refusal(400, str(error)) from None
        if any(hasattr(getattr(read, name), "__fspath__") for name in self.fields if name in known):
            raise Refusal(400, "a field takes no files; drop them with the others")
        return read

    def described(self) -> dict[str, Any]:
        """Return what the page shows of it, as JSON has it."""
        known = declared(self.settings)
        shown = []
        for name in (*self.choices, *self.fields):
            kind = known[name].kind if name in known else None
            names = self.choices.get(name, kind.names if isinstance(kind, Choice) and not callable(kind.names) else ())
            default = self.defaults.get(name, "" if name not in self.choices else self.choices[name][0])
            shown.append(
                {
                    "name": name,
                    "flag": flag(name),
                    "help": self.help.get(name) or known[name].help,
                    "metavar": known[name].metavar if name in known else "",
                    "switch": isinstance(kind, Switch),
                    "choices": list(names),
                    "empty": name not in self.choices,
                    "default": default,
                }
            )
        return {
            "kind": self.kind,
            "title": self.title,
            "words": self.words,
            "roles": [{"name": one.name, "words": one.words, "endings": one.endings} for one in self.roles],
            "most": self.most_files,
            "fields": shown,
            "examples": [
                {"name": each.name, "words": each.words, "settings": dict(each.settings)} for each in self.examples
            ],
            "missing": self.missing,
        }


def shown_name(name: str) -> str:
    """Return what a user's file is called on the page: its last part, without what cannot be printed."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:LONGEST_NAME].strip() or "a file without a name"


def stored_name(role: Role, shown: str, number: int) -> str:
    """Return the name under which a file is stored: words of ours, a number, and a known ending.

    Raises
    ------
    Refusal
        If the ending of the user's name is not one that is read in this role.
    """
    lower = f"{shown}.poscar" if shown in BARE else shown.lower()
    ending = next((each for each in sorted(role.endings, key=len, reverse=True) if lower.endswith(each)), None)
    if ending is None:
        raise Refusal(415, f"{shown} is not taken as {role.words}: such files end in {', '.join(role.endings)}")
    stem = role.name
    if stem == "any":
        stem = "raman" if "raman" in lower else "spectrum"
    return f"{stem}-{number}{ending.upper() if ending in ('.poscar', '.contcar') else ending}"
