"""Progress: bars and tables on a terminal, plain lines elsewhere, few of them."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr

import pytest

from mimyria import progress as module
from mimyria.progress import progress, progress_table


class Terminal(io.StringIO):
    """What a terminal shows."""

    def isatty(self) -> bool:
        return True

    def said(self) -> str:
        """All that was written, without colours and movements."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 100 columns, for `redirect_stderr`: pytest takes stderr itself between fixtures and test."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def test_a_bar_on_a_terminal(terminal: Terminal) -> None:
    with redirect_stderr(terminal), progress("the pass") as advance:
        advance(0.5, "150 frames")
        advance(None, "of unknown length")
        advance(2.0, "done")
    said = terminal.said()
    assert "the pass" in said
    assert "100 %, left" in said
    assert said.rstrip().endswith("done")


def test_a_table_on_a_terminal_holds_the_last_rows(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(float(2 * k) for k in range(100))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    with redirect_stderr(terminal), progress_table("training", shown=3) as advance:
        for epoch in range(6):
            advance(epoch / 10, {"epoch": float(epoch), "error": 0.25 / (1 + epoch)})
    last = terminal.said()[terminal.said().rindex("training") :]
    assert re.findall(r"^ *(\d) ", last, re.MULTILINE) == ["3", "4", "5"]
    assert "0.04167" in last
    assert "━" in last


def test_rows_come_no_more_than_one_a_second_but_for_the_last(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.time, "monotonic", lambda: 10.0)
    with redirect_stderr(terminal), progress_table("training") as advance:
        advance(0.1, {"epoch": 111.0})
        advance(0.2, {"epoch": 222.0})
        advance(1.0, {"epoch": 333.0})
    said = terminal.said()
    assert "111" in said
    assert "222" not in said
    assert "333" in said


@pytest.mark.parametrize("table", [False, True])
def test_lines_elsewhere(table: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    with caplog.at_level("INFO", "mimyria"), (progress_table if table else progress)("the pass") as advance:
        for clock[0] in (1.0, 31.0, 32.0, 62.0):
            advance(clock[0] / 100, {"epoch": clock[0]} if table else "some")  # type: ignore[operator]
        if not table:
            clock[0] = 100.0
            advance(None, "unknown")  # type: ignore[operator]
    words = ("epoch 31", "epoch 62") if table else ("some", "some")
    expected = [f"the pass: {share} %, {word}" for share, word in zip((31, 62), words, strict=True)]
    assert caplog.messages == expected + ([] if table else ["the pass: unknown"])
