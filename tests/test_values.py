"""Values of settings: from words and back, and what is wrong with them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from mimyria.values import Choice, File, FrameRange, Kind, Many, Number, Numbers, Pairs, Refused, Switch


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind(), "a b", "a b"),
        (File(), "a/b", Path("a/b")),
        (Choice(names=("a", "b")), "b", "b"),
        (Number(), "1e-3", 1e-3),
        (Number(integer=True), "-3", -3),
        (Number(other=File()), "0.2", 0.2),
        (Number(other=File()), "a.xyz", Path("a.xyz")),
        (Numbers(counts=(3,)), "1, 2 3", (1.0, 2.0, 3.0)),
        (FrameRange(), "2:", (2, None)),
        (FrameRange(), " :7", (0, 7)),
        (Switch(), "true", True),
        (Many(of=Kind()), "a b", ("a b",)),
        (Many(of=Kind(), words=True), "a, b", ("a", "b")),
        (Pairs(of=Number()), "S=4", {"S": 4.0}),
    ],
)
def test_words_are_values_and_values_words(kind: Kind, text: str, value: Any) -> None:
    assert kind.check(kind.read(text)) == value
    written = kind.write(value)
    texts = written if isinstance(written, tuple) and isinstance(kind, Many | Pairs) else [written]
    if not isinstance(kind, Numbers):
        assert kind.check(kind.read(", ".join(map(str, texts)))) == value


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Kind(pattern="[a-z]", takes="a letter"), "ab", "takes a letter, not 'ab'"),
        (Kind(), 3, "takes text, not 3"),
        (File(), "", "takes the path of a file, not ''"),
        (Choice(names=("a", "b")), "c", "takes a or b, not 'c'"),
        (Choice(names=lambda: ("a", "b", "c")), None, "takes a, b, c, not None"),
        (Number(above=0), 0.0, "must be positive, not 0"),
        (Number(minimum=1, maximum=3), 3.5, "must be at least 1 and at most 3, not 3.5"),
        (Number(minimum=0, below=1), 1, "must be at least 0 and below 1, not 1"),
        (Number(), math.inf, "must be finite, not inf"),
        (Number(), True, "takes a number, not True"),
        (Number(integer=True), 2.5, "takes a whole number, not 2.5"),
        (Numbers(counts=(3, 9)), 4, "takes 3 or 9 numbers, not 4"),
        (Numbers(counts=(3, 9)), "1 2 3", "takes 3 or 9 numbers, not '1 2 3'"),
        (FrameRange(), (True, "x"), "takes FIRST:LAST, counted from 0"),
        (FrameRange(), (-1, 4), "takes FIRST:LAST, counted from 0, LAST left out (in YAML in quotes), not '-1:4'"),
        (Switch(), "yes", "takes true or false, not 'yes'"),
        (Many(of=Number()), 3, "takes"),
        (Pairs(of=Number()), "S", "takes NAME=VALUE, not 'S'"),
        (Pairs(of=Number()), {"S": "x"}, "S takes a number, not 'x'"),
    ],
)
def test_what_is_wrong_is_said(kind: Kind, value: Any, words: str) -> None:
    with pytest.raises(Refused) as error:
        kind.check(value)
    assert str(error.value).startswith(words)
