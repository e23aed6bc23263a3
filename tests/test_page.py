"""The page of spectra in a real browser: it draws, zooms, hides and shows, tells values, gives its data away."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import made_spectra, unopposed
from mimyria.figures.page import write_page
from mimyria.figures.panels import panels_of
from mimyria.spectra.spectrum import write_csv

TITLE = 'Water </script><script>boom()</script> & "ice"'
MODELS = "[...Bokeh.documents[0]._all_models.values()]"
RANGES = f"() => {MODELS}.filter(one => one.type == 'Figure').map(one => [one.x_range.start, one.x_range.end])"
SHOWN = f"""label => {MODELS}.filter(one => one.type == 'LegendItem' && one.label.value == label)
    .map(one => one.renderers.map(line => line.visible))"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of made-up spectra, and the text files that went into it."""
    folder = tmp_path_factory.mktemp("page")
    spectra = made_spectra()
    for kind, spectrum in spectra.items():
        write_csv(folder / f"{kind}.csv", spectrum)
    (folder / "settings.yaml").write_text("title: </script>\n", encoding="utf-8")
    files = [*(folder / f"{kind}.csv" for kind in spectra), folder / "settings.yaml"]
    write_page(folder / "spectra.html", panels_of(spectra), files, title=TITLE, notes=["300 K & <1 bar>"])
    return folder / "spectra.html"


@pytest.fixture
def page(browser: Any, path: Path) -> Iterator[Any]:
    """The page, drawn; it must not complain, nor ask for anything but itself."""
    opened = browser.new_page(viewport={"width": 1200, "height": 1700})
    with unopposed(opened) as asked:
        opened.goto(path.as_uri())
        opened.wait_for_function("Bokeh.documents.length && Bokeh.documents[0].is_idle")
        yield opened
        opened.close()
    assert [url for url in asked if not url.startswith("blob:")] == [path.as_uri()]


def frame(page: Any, number: int) -> Any:
    """Where the axes of a panel lie on the screen."""
    return page.locator(".bk-CartesianFrame").nth(number).bounding_box()


def test_it_is_one_file_of_bearable_size(path: Path) -> None:
    assert path.stat().st_size < 2_000_000  # 1.3 MB of it are Bokeh's


def test_it_shows_what_it_was_given(page: Any) -> None:
    assert page.title() == TITLE
    assert page.locator("h1").inner_text() == TITLE
    assert "300 K & <1 bar>" in page.locator("p").first.inner_text()
    assert page.locator(".bk-CartesianFrame").count() == 4
    for number in range(4):
        assert frame(page, number)["width"] > 800
    page.get_by_text("raman.csv").click()
    assert "VV: S_iso + 2/15 S_ani" in page.locator("pre").nth(1).inner_text()


def test_dragging_zooms_every_panel(page: Any) -> None:
    before = page.evaluate(RANGES)
    assert before == [[0, 4196]] * 4
    box = frame(page, 0)
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 120, steps=5)
    page.mouse.up()
    after = page.evaluate(RANGES)
    for low, high in after:  # to a pixel, which is 5 cm⁻¹
        assert low == pytest.approx(4196 / 4, abs=10)
        assert high == pytest.approx(4196 / 2, abs=10)


def test_a_click_in_the_legend_hides_a_curve_and_its_band(page: Any) -> None:
    assert page.evaluate(SHOWN, "VH") == [[True, True]]
    before = page.locator(".bk-Canvas").nth(1).screenshot()
    page.get_by_text("VH", exact=True).click()
    assert page.evaluate(SHOWN, "VH") == [[False, False]]
    page.wait_for_timeout(200)
    assert page.locator(".bk-Canvas").nth(1).screenshot() != before


def test_bands_are_hidden_by_a_click_and_tell_their_numbers(page: Any) -> None:
    assert page.evaluate(SHOWN, "bands") == [[True] * 3] * 3
    box = frame(page, 0)
    low, top = page.evaluate(
        f"() => {{const y = {MODELS}.find(o => o.type == 'Figure').y_range; return [y.start, y.end]}}"
    )
    page.mouse.move(box["x"] + box["width"] * 3400 / 4196, box["y"] + box["height"] * top / (top - low))
    told = page.locator(".bk-tooltip-content").inner_text()
    for pattern in (r"centre:\s3\d\d\d cm⁻¹|centre:\s3400", r"integral:\s\d+.* 10³ cm⁻¹ cm⁻¹", "width:"):
        assert re.search(pattern, told), told
    page.get_by_text("bands", exact=True).first.click()
    assert page.evaluate(SHOWN, "bands")[0] == [False] * 3


def test_parts_are_hidden_until_asked_for(page: Any) -> None:
    for label in ("O with H", "isotropic"):
        assert page.evaluate(SHOWN, label) == [[False]]
        page.get_by_text(label, exact=True).click()
        assert page.evaluate(SHOWN, label) == [[True]]


def test_pointing_at_a_curve_tells_value_error_and_unit(page: Any) -> None:
    box = frame(page, 0)
    top = page.evaluate(f"() => {MODELS}.find(one => one.type == 'Figure').y_range.end")
    low = page.evaluate(f"() => {MODELS}.find(one => one.type == 'Figure').y_range.start")
    height = (top - 20) / (top - low) * box["height"]
    page.mouse.move(box["x"] + box["width"] * 3400 / 4196, box["y"] + height + 2)
    told = page.locator(".bk-tooltip-content").inner_text()
    assert "total" in told
    for pattern in (r"wavenumber:\s3(39|40)\d.0 cm⁻¹", r"n·α:\s(20|19.\d*) ± 2 10³ cm⁻¹"):  # to a pixel
        assert re.search(pattern, told)


def test_its_data_can_be_taken(page: Any, path: Path) -> None:
    for name in ("ir.csv", "settings.yaml"):
        with page.expect_download() as taken:
            page.locator(f"a[download='{name}']").click()
        assert Path(taken.value.path()).read_text(encoding="utf-8") == (path.parent / name).read_text(encoding="utf-8")


def test_no_text_ends_or_opens_a_script(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("<!--<script> </script> <script>boom()</script>", encoding="utf-8")
    write_page(tmp_path / "spectra.html", panels_of(made_spectra()), [tmp_path / "a.txt"], title="<!--<script>")
    opened = browser.new_page()
    said: list[str] = []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto((tmp_path / "spectra.html").as_uri())
    opened.wait_for_function("Bokeh.documents.length && Bokeh.documents[0].is_idle")
    assert "<!--<script> </script>" in opened.locator("pre").text_content()
    assert said == []
    opened.close()
