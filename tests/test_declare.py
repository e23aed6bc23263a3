"""Declarations: parts that are put together, and which part of the help they stand in."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

import pytest

from mimyria.declare import Settings, declared, from_words, in_words, panel_of, setting, values_of
from mimyria.errors import ConfigError
from mimyria.settings import SpectrumSettings
from mimyria.values import Kind, Many, Number, Switch


@dataclass(frozen=True, kw_only=True)
class Bare(Settings):
    """A part without a panel."""

    first: float | None = setting(Number(above=0), "One.", "result")


@dataclass(frozen=True, kw_only=True)
class Framed(Bare):
    """A part with one."""

    panel: ClassVar[str] = "A panel"
    second: tuple[str, ...] = setting(Many(of=Kind()), "Two.", "use", ("a",))
    third: bool = setting(Switch(), "Three.", "nothing", False)


@dataclass(frozen=True, kw_only=True)
class Whole(Framed):
    """All of them, and one that must be given."""

    panel: ClassVar[str] = "Another"
    fourth: str = setting(Kind(), "Four.", "result", MISSING)


def test_parts_are_put_together() -> None:
    whole = Whole(fourth="x", second="one word")  # type: ignore[arg-type]
    assert whole.second == ("one word",)
    assert list(declared(Whole)) == ["first", "second", "third", "fourth"]
    assert list(declared(Whole, "result")) == ["first", "fourth"]
    assert [panel_of(Whole, name) for name in declared(Whole)] == ["A panel"] * 3 + ["Another"]
    assert panel_of(Bare, "first") == ""
    assert values_of(whole, Bare) == {"first": None}
    assert (declared(Whole)["second"].default, declared(Whole)["fourth"].default) == (("a",), MISSING)
    assert in_words(whole) == {"second": ("one word",), "fourth": "x"}
    assert from_words(Whole, {"first": 2, "second": ["a", 3], "third": True, "fourth": "y"}) == Whole(
        first=2.0, second=("a", "3"), third=True, fourth="y"
    )


def test_a_new_setting_is_one_line() -> None:
    """Its declaration alone is a flag, a name in Python and YAML, and is checked."""

    @dataclass(frozen=True, kw_only=True)
    class More(SpectrumSettings):
        pressure: float | None = setting(Number(above=0, metavar="GPA"), "Of the sample.", "use")

    assert from_words(More, {"pressure": 3}) == More(pressure=3.0)
    assert in_words(More(pressure=3.0))["pressure"] == 3.0
    with pytest.raises(ConfigError, match="--pressure must be positive, not -1"):
        More(pressure=-1)
