"""The page of modes, in a browser: it moves, a click chooses a mode, and nothing is asked of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from test_output import made

from conftest import unopposed
from mimyria.harmonic.output import write_harmonic
from mimyria.settings import HarmonicSettings


def test_the_molecule_moves_in_the_mode_that_is_clicked(tmp_path: Path, browser: Any) -> None:
    whole = made("H2O")
    write_harmonic(tmp_path, whole, HarmonicSettings(plot_format=("html",), title="<b>water</b> & steam"))
    page = browser.new_page()
    with unopposed(page) as asked:
        page.goto((tmp_path / "modes.html").as_uri())
        page.wait_for_selector("#panels canvas")
        assert page.title() == "<b>water</b> & steam"
        rows = page.locator("#list tr")
        assert rows.count() == 4
        picture = "() => document.getElementById('molecule').toDataURL()"
        first = page.evaluate(picture)
        page.wait_for_function(f"before => ({picture})() !== before", arg=first)  # it moves
        page.uncheck("#running")
        rows.nth(2).click()
        assert "chosen" in (rows.nth(2).get_attribute("class") or "")
        page.wait_for_timeout(100)
        still = page.evaluate(picture)
        page.check("#arrows")
        page.wait_for_function(f"before => ({picture})() !== before", arg=still)
        arrows = page.evaluate(picture)
        box = page.locator("#molecule").bounding_box()
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 160)
        page.mouse.up()
        page.wait_for_function(f"before => ({picture})() !== before", arg=arrows)  # turned
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
