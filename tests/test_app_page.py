"""The page in a real browser: files are dropped on it, what becomes of them is shown, nothing is asked elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from dropped import Page, a_page, without_work

from conftest import unopposed
from mimyria.app.drops import Drop

HOSTILE = "<img src=x onerror=document.title='hurt'>.xyz"


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """A tab that must not complain, nor ask for anything but the page."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    tab = context.new_page()
    with unopposed(tab) as asked:
        yield tab
        context.close()
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "blob:http://127.0.0.1:", "data:"))] == []


def drop(tab: Any, kind: str, name: str, text: str) -> None:
    """Drop a file, as a mouse does."""
    data = tab.evaluate_handle(
        "([name, text]) => { const data = new DataTransfer(); data.items.add(new File([text], name)); return data; }",
        [name, text],
    )
    tab.dispatch_event(f"[data-kind={kind}] .zone", "drop", {"dataTransfer": data})


def test_groups_of_a_spectrum(tmp_path: Path, opened: Any) -> None:
    with a_page(tmp_path) as page:
        opened.goto(page.server.address)
        opened.click("[data-kind=spectrum] .examples button")
        opened.wait_for_selector(".groups", timeout=120_000)
        assert opened.locator("article h3").inner_text() == "acetone.csv"
        rows = opened.locator(".groups tbody tr")
        assert rows.first.inner_text().split()[0] == "C=O"
        assert "1785" in rows.first.inner_text()
        assert opened.locator(".curve .band").count() >= 1
        assert "1785" in opened.locator(".curve g text").all_text_contents()
        opened.keyboard.press("Tab")
        rows.nth(1).get_by_role("button").focus()
        opened.keyboard.press("Enter")
        assert "chosen" in (rows.nth(1).get_attribute("class") or "")
        with opened.expect_download() as download:
            opened.click("text=groups.csv")
        assert "# mimyria" in download.value.path().read_text(encoding="utf-8")
        opened.get_by_role("button", name=re.compile("remove the results")).click()
        opened.wait_for_selector("article", state="detached")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    without_work(monkeypatch)
    with a_page(tmp_path) as page:
        yield page


def test_dropped_results_stand_in_a_frame_of_their_own(page: Page, opened: Any) -> None:
    opened.goto(page.server.address)
    drop(opened, "structure", HOSTILE, "fine")
    assert HOSTILE in opened.locator("[data-kind=structure] .chosen").inner_text()
    opened.click("[data-kind=structure] button[type=submit]")
    frame = opened.frame_locator("article iframe")
    frame.get_by_text("made").wait_for()
    assert frame.locator("body").evaluate("() => self.origin") == "null"
    assert opened.locator("article h3").inner_text() == HOSTILE
    assert f"{HOSTILE} <b>looks</b> odd" in opened.locator(".warnings").inner_text()
    assert opened.title() == "mimyria"
    opened.reload()
    opened.frame_locator("article iframe").get_by_text("made").wait_for()


def test_a_failure_is_told(page: Page, opened: Any) -> None:
    opened.goto(page.server.address)
    drop(opened, "structure", "a.xyz", "wrong")
    opened.click("[data-kind=structure] button[type=submit]")
    opened.wait_for_selector("article .wrong:visible")
    assert "a.xyz, line 3: not a number; mend it" in opened.locator("article .wrong").inner_text()
    assert "More settings" not in opened.locator("article .wrong").inner_text()
    assert opened.locator("[data-kind=structure] .fields [data-name]").count() > 5
    for field in opened.locator(".fields label").all():
        assert field.locator("code").text_content().startswith("--")


def test_progress_and_stop_with_the_keyboard(page: Page, opened: Any) -> None:
    opened.goto(page.server.address)
    drop(opened, "trajectory", "water.xyz", "slow")
    drop(opened, "trajectory", "water-vel-1.xyz", "slow")
    roles = opened.locator("[data-kind=trajectory] .chosen select")
    assert [role.input_value() for role in roles.all()] == ["trajectory", "velocities"]
    opened.locator("[data-kind=trajectory] button[type=submit]").focus()
    opened.keyboard.press("Enter")
    opened.wait_for_function("() => document.querySelector('article progress')?.value === 0.4")
    opened.locator("article .state", has_text="12 of 30 structures").wait_for()
    opened.get_by_role("button", name="stop the work on water.xyz").focus()
    opened.keyboard.press("Enter")
    opened.get_by_text("Stopped.").wait_for()


def test_settings_of_an_example_are_not_those_of_the_next_file(
    page: Page, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = replace(page.desk.drops["trajectory"], largest=1e7)
    monkeypatch.setitem(cast(dict[str, Drop], page.desk.drops), "trajectory", wide)
    opened.goto(page.server.address)
    for number in (1, 2):
        if number == 1:
            opened.locator("[data-kind=trajectory]").get_by_role("button", name="try it").click()
        else:
            drop(opened, "trajectory", "mine.xyz", "fine")
            opened.click("[data-kind=trajectory] button[type=submit]")
        opened.wait_for_function(f"() => document.querySelectorAll('article').length === {number}")
    settings = [json.loads(path.read_text())["settings"] for path in sorted(page.desk.folder.glob("*/task.json"))]
    assert [one.get("frames") for one in settings] == ["0:600", None]


def test_every_control_has_a_name(page: Page, opened: Any) -> None:
    opened.goto(page.server.address)
    opened.wait_for_selector(".drop")
    drop(opened, "trajectory", "water.xyz", "fine")
    for summary in opened.locator("summary").all():
        summary.click()
    nameless = opened.evaluate(
        """() => [...document.querySelectorAll("input, select, button, a")].filter(one =>
        !(one.labels?.length || one.textContent.trim() || one.getAttribute("aria-label"))).map(one => one.outerHTML)"""
    )
    assert nameless == []
