"""The report of a loop: right in every state of the folder, and looked at in a real browser."""

import json
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import made_spectra, random_frame, unopposed
from mimyria.autotrain.convergence import BandChange, Relative, SpectrumChange
from mimyria.autotrain.folder import RunFolder, add_time
from mimyria.autotrain.history import Cycle, write_history
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.execute import cores_here
from mimyria.figures.charts import shades
from mimyria.formats import read_frames, write_frames
from mimyria.report.costs import Cost, cost_of, label_cores
from mimyria.report.report import LIVE, REPORT, SECONDS_BETWEEN_LOOKS, SECONDS_OF_REST, write_report
from mimyria.report.status import Status, read_headers
from mimyria.spectra.spectrum import WAVENUMBER, write_csv
from mimyria.training import history as learning

STEPS = ("label", "train", "evaluate", "spectrum")
LABELS, MEMBERS, EPOCHS = 10, 2, 30
MODELS = "Bokeh.documents.flatMap(one => [...one._all_models.values()])"


@dataclass
class Loop:
    """A made-up loop: a folder, and what the real one knows."""

    folder: RunFolder
    settings: AutotrainSettings
    cycles: list[Cycle]

    def write(self, reason: str = "", **words: str) -> str:
        write_report(self.status(reason, **words))
        return (self.folder.path / REPORT).read_text(encoding="utf-8")

    def status(self, reason: str = "", **words: str) -> Status:
        return Status(self.folder, self.settings, self.cycles, reason, **words)


def begun(path: Path, **changes: Any) -> Loop:
    """A loop that has only just begun."""
    path.mkdir(parents=True)
    (path / "md.xyz").write_text("made up")
    settings = AutotrainSettings(
        trajectories=[path / "md.xyz"], convergence={"score": 0.05, "patience": 2}, limits={"labels": 90}, **changes
    )
    return Loop(RunFolder(path / "loop <1>", settings), settings, [])


def write_labels(folder: Path, number: int = LABELS, failed: int = 0, **changes: Any) -> None:
    folder.mkdir(exist_ok=True)
    frame = random_frame(1)
    figures = {"qa_residual": 1e-6, "qa_apt_sum": 1e-3, "qa_pgt_sum": 0.1, "seconds": 360.0, "engine": "CP2K"}
    tensors = {"apt": np.zeros((len(frame), 3, 3)), "pgt": np.zeros((len(frame), 3, 3, 3))}
    frames = [replace(frame, tensors=tensors, info=figures | {"qa_apt_difference": 1e-4 * k}) for k in range(1, number)]
    write_frames(folder / "labels.extxyz", [*frames, replace(frame, tensors=tensors, info=figures | changes)])
    reason = "SCF did not converge <here>" if failed else ""
    (folder / "labels.json").write_text(json.dumps({"selected": number + failed, "labelled": number, "reason": reason}))
    add_time(folder, "label", 1800.0)


def write_spectra(folder: Path, height: float, *, error: bool = True, raman: bool = True) -> None:
    folder.mkdir(exist_ok=True)
    for kind, spectrum in made_spectra().items():
        if kind == "ir" or (kind == "raman" and raman):
            columns = {
                name: values * (1 if name == WAVENUMBER else height) for name, values in spectrum.columns.items()
            }
            name = {"ir": "n_alpha", "raman": "VV"}[kind]
            columns[f"{name}_spread"] = 0.05 * abs(columns[f"{name}_error"])
            kept = {name: values for name, values in columns.items() if error or not name.endswith(("error", "spread"))}
            write_csv(folder / f"{kind}.csv", replace(spectrum, columns=kept))
    networks = max((path.name for path in folder.parent.glob("cycle-*")), default="")
    (folder / "made.json").write_text(json.dumps({"networks": networks, "frames": [100]}))


def add_cycle(loop: Loop, *, error: bool = True, pgt: bool = True) -> Path:
    """Add a finished cycle as the loop does."""
    number = len(loop.cycles) + 1
    here = loop.folder.cycle(number)
    write_labels(here, failed=1 if number == 2 else 0)
    write_spectra(here, 1 + 0.1 / number, error=error, raman=pgt)
    targets = ("apt", "pgt") if pgt else ("apt",)
    found = {}
    for name in targets:
        lines = [
            {"epoch": k, "steps": 5 * k, "seconds": 4.0 * k, "training": 1 / k, "held_out": 1.5 / k}
            for k in range(1, EPOCHS + 1)
        ]
        learning.write_history(learning.history_of(here / f"{name}.mym"), [lines] * MEMBERS)
        species = {"H": {"rmse": 0.1 / number}, "O": {"rmse": 0.2 / number}}
        bias = {"bias": -0.02, "bias_error": 0.005, "slope": 0.98, "slope_error": 0.004}
        found[name] = {"rmse": 0.15 / number, "relative_rmse": 0.3 / number, "species": species}
        found[name]["intensities"] = {"2e": bias | {"species": {"H": bias}, "groups": {"ion": bias}}}
        picture(here / f"parity-{name}.png")
    for step in STEPS[1:]:
        add_time(here, step, 900.0)
    known = float("nan") if number == 1 else 0.04 / number
    spread, floor = (0.01, known / 2) if error else (float("nan"), float("nan"))
    moved = SpectrumChange(known, spread, floor, half=known, bias=Relative(-0.02, 0.005))
    loop.cycles.append(Cycle(here, LABELS * number, found, dict.fromkeys(["ir", "VV", "VH"] if pgt else ["ir"], moved)))
    write_history(loop.folder.path, loop.cycles, loop.settings.convergence, "")
    return here


def picture(path: Path) -> None:
    from matplotlib.image import imsave

    imsave(path, np.zeros((40, 40, 3)))


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """After three cycles, before the fourth."""
    made = begun(tmp_path / "run")
    write_labels(made.folder.test)
    for _ in range(3):
        add_cycle(made)
    return made


def words(page: str) -> str:
    """What the page says, without its figures."""
    body = page.split("</head>\n<body>")[1].split('<script type="application/json"')[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


# --- what it says -------------------------------------------------------------------------------


def test_it_runs_and_says_what_it_does_and_how_far_it_is(loop: Loop) -> None:
    for name in ("labelling", "training-apt", "training-pgt"):
        (loop.folder.cycle(4) / name).mkdir(parents=True)
        (loop.folder.cycle(4) / name / "run.log").write_text(f"begin\n{name}: 41 %\n")
    page = loop.write(now="cycle-04: training")
    assert "Running (cycle-04: training)" in words(page)
    assert "every spectrum must converge in 2 cycles in a row (so far: 2); it ends in any case at 90 labels" in words(
        page
    )
    alive = "Updated every minute: if this is older, the loop was killed, and the same command resumes it."
    assert f"90 labels or 20 cycles. {alive} training-apt: 41 % training-pgt: 41 %" in words(page)
    assert LIVE in page


@pytest.mark.parametrize(
    ("reason", "final", "headline", "live"),
    [
        ("converged", False, "Converged after 3 cycles and 30 labels; the final spectra are being made", True),
        ("converged", True, "Converged after 3 cycles and 30 labels Every spectrum has converged in 2 cycles", False),
        ("limit of 3 cycles", True, "Not converged: the limit of 3 cycles was reached after 3 cycles", False),
    ],
)
def test_the_end_is_told_with_its_reason(loop: Loop, reason: str, final: bool, headline: str, live: bool) -> None:
    if final:
        write_spectra(loop.folder.final, 1.0)
    page = loop.write(reason)
    assert headline in words(page)
    assert (LIVE in page) == live


def test_a_stop_is_told_with_its_reason(loop: Loop) -> None:
    page = loop.write(stopped="cycle-04/run.log: <broken>.")
    assert (
        "Stopped after 3 cycles and 30 labels cycle-04/run.log: <broken>. The same command resumes the loop"
        in words(page)
    )
    assert LIVE not in page


def test_every_number_of_the_decision_is_there(loop: Loop) -> None:
    bands = tuple(BandChange(low, 4000, Relative(change, 0.01)) for low, change in ((300, 0.1), (3000, -0.005)))
    moved = {
        "ir": SpectrumChange(0.0423, 0.0234, 0.0545, half=0.0478, bands=bands[1:], bias=Relative(-0.0123, 0.004)),
        "VV": SpectrumChange(0.0612, 0.01, 0.0601, half=0.07, bands=bands),
        "VH": SpectrumChange(0, 0.07, 0),
        "ir[ion <2>]": SpectrumChange(0.01, np.nan, 0.05, half=0.01, bias=Relative(-0.2, 0.01)),
    }
    loop.cycles[-1] = replace(loop.cycles[-1], changes=moved)
    said = words(loop.write())
    assert "IR 0.0423 0.0478 0.0234 0.0545 -0.5 ± 1 % -1.2 ± 0.4 % converged" in said
    assert "Raman VV 0.0612 0.07 0.01 0.0601 +10 ± 1 % – changes too much; changed too much since half as many" in said
    assert "integrals changed since half as many labels: 300-4000 cm⁻¹ by +10 ± 1 %" in said
    assert "Raman VH 0 – 0.07 0 – – no cycle has half as many labels yet; networks differ too much" in said
    assert "IR of ion <2> 0.01 0.01 – 0.05 – -20 ± 1 % intensity biased by -20 ± 1 %" in said
    assert "the bias of Raman VV, Raman VH on the test set is not known" in said
    assert "(so far: 0)" in said
    assert "95.8 % similarity of IR" in said
    assert "statistical floor of the final spectra (IR 0.0545, Raman VV 0.0601) is above the score" in said


def test_biases_are_shown_by_species_irrep_and_group(loop: Loop) -> None:
    assert "all atoms H ion APT 2e -2 ± 0.5 % -2 ± 0.5 % -2 ± 0.5 % PGT 2e" in words(loop.write())


def test_failures_outliers_and_warnings_are_named(loop: Loop) -> None:
    write_labels(loop.folder.test, number=12, qa_residual=9e-3, qa_apt_sum=0.2)
    (loop.folder.cycle(1) / "prediction").mkdir()
    (loop.folder.cycle(1) / "prediction" / "run.log").write_text("fine\nwarning: an atom is <far> away\n")
    said = words(loop.write())
    assert "cycle-02 10 1 SCF did not converge <here>" in said
    assert "frame 11: qa_residual 0.009, qa_apt_sum 0.2" in said
    assert "labels of test: 1 of 12 frames have qa_residual above 0.0001" in said
    assert "cycle-01/prediction: an atom is <far> away" in said


def test_core_hours_are_seconds_times_cores(loop: Loop, tmp_path: Path) -> None:
    here, headers = loop.folder.cycle(1), list(read_headers(loop.folder.cycle(1) / "labels.extxyz"))
    flags = {"command": "mpirun -np 16 cp2k.psmp", "cores": 2}
    (tmp_path / "gpu.yaml").write_text("executor: parsl\ncores: 4\n")
    executors = replace(loop.settings.executors, train=str(tmp_path / "gpu.yaml"))
    settings = replace(loop.settings, label=flags, executors=executors)
    cost = cost_of(here, settings, headers)
    assert label_cores(settings) == 32
    assert cost.label_core_hours == pytest.approx(LABELS * 0.1 * 32)  # 360 s a label
    assert cost.training_core_hours == pytest.approx(2 * MEMBERS * 4.0 * EPOCHS / 3600 * 4)  # two networks
    assert cost.prediction_core_hours == pytest.approx(0.25 + 0.25 * cores_here())  # a pass takes all there are
    assert cost.hours == {"label": 0.5, "train": 0.25, "evaluate": 0.25, "spectrum": 0.25}
    twice = Cost.sum([cost, cost])
    assert twice.core_hours == pytest.approx(2 * cost.core_hours)
    assert "together 40 2 0.75 0.75 0.75 4" in words(loop.write())


def test_headers_are_those_of_the_frames(loop: Loop) -> None:
    path = loop.folder.test / "labels.extxyz"
    for header, frame in zip(read_headers(path), read_frames(path), strict=True):
        assert frame.info.items() <= header.items()


def test_settings_are_there_to_copy(loop: Loop) -> None:
    page = loop.write()
    assert "score: 0.05" in page
    content = json.loads(page.split('id="content">')[1].split("</script>")[0])
    for name in ("settings.yaml", "history.csv"):
        assert content["files"][name] == (loop.folder.path / name).read_text(encoding="utf-8")


# --- whatever is missing ------------------------------------------------------------------------


def test_nothing_is_there_yet(tmp_path: Path) -> None:
    said = words(begun(tmp_path / "run").write(now="test: labelling"))
    assert "Running (test: labelling)" in said
    assert said.count("Nothing yet.") == 6
    assert "could not" not in said


def test_the_first_cycle_has_nothing_to_compare_with(tmp_path: Path) -> None:
    loop = begun(tmp_path / "run")
    write_labels(loop.folder.test)
    add_cycle(loop)
    said = words(loop.write())
    assert "IR – – 0.01 – – -2 ± 0.5 % nothing to compare with yet" in said
    assert "could not" not in said


def test_without_error_bars_and_without_pgt(tmp_path: Path) -> None:
    loop = begun(tmp_path / "run")
    for _ in range(2):
        add_cycle(loop, error=False, pgt=False)
    said = words(loop.write())
    assert "no error bars (IR)" in said
    assert "a single network (IR)" in said
    assert "not made, and not part of the decision: Raman VV, Raman VH" in said
    assert "could not" not in said


@pytest.mark.parametrize(
    ("file", "lost"),
    [("ir.csv", 1), ("apt.history.csv", 2), ("labels.extxyz", 3), ("labels.json", 1), ("times.json", 1)],
)
def test_a_broken_file_costs_its_parts_only(loop: Loop, file: str, lost: int, caplog: pytest.LogCaptureFixture) -> None:
    (loop.folder.cycle(2) / file).write_text("broken\n1\n")
    said = words(loop.write())
    assert said.count("This could not be shown") == lost
    assert "Running" in said
    assert "score: 0.05" in said
    assert not caplog.records


def test_it_never_breaks_the_loop(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    (loop.folder.path / REPORT).mkdir()
    with caplog.at_level(logging.WARNING):
        write_report(loop.status())
    assert "report.html could not be written" in caplog.text


def test_twenty_cycles_take_seconds(tmp_path: Path) -> None:
    loop = begun(tmp_path / "run")
    for _ in range(20):
        add_cycle(loop)
    begin = time.process_time()
    loop.write()
    assert time.process_time() - begin < 10  # one second on a quiet machine


def test_of_many_cycles_those_between_share_a_name(tmp_path: Path) -> None:
    loop = begun(tmp_path / "run")
    for _ in range(6):
        add_cycle(loop, pgt=False)
    page = loop.write()
    assert set(re.findall(r"cycles? \d[^\"<]*?(?=\")", page.split('id="content">')[1])) == {
        "cycle 1, 10 labels", "cycles 2 to 3", "cycle 4, 40 labels", "cycle 5, 50 labels", "cycle 6, 60 labels"
    }  # fmt: skip


def test_shades_go_from_light_to_dark() -> None:
    for number in (1, 2, 7):
        lightness = [sum(int(color[k : k + 2], 16) for k in (1, 3, 5)) for color in shades(number)]
        assert lightness == sorted(lightness, reverse=True)
        assert len(set(lightness)) == number
    assert shades(1)[0] == shades(5)[-1]  # the last cycle is always as dark


# --- in a browser -------------------------------------------------------------------------------


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A window that must hear no complaint, and be asked for nothing but the page."""
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    with unopposed(opened) as asked:
        yield opened
        opened.close()
    assert {url.split("/")[-1] for url in asked if not url.startswith(("blob:", "data:"))} == {REPORT}


def show(page: Any, loop: Loop) -> None:
    page.goto((loop.folder.path / REPORT).as_uri())
    page.wait_for_function("Bokeh.documents.length == 5 && Bokeh.documents.every(one => one.is_idle)")


def test_it_shows_every_cycle(page: Any, loop: Loop) -> None:
    write_spectra(loop.folder.final, 1.0)
    loop.write("converged")
    show(page, loop)
    assert page.title() == "mimyria autotrain: loop <1>"
    assert page.locator(".state b").inner_text() == "Converged after 3 cycles and 30 labels"
    legends = page.evaluate(f"() => {MODELS}.filter(one => one.type == 'LegendItem').map(one => one.label.value)")
    curves = [*(f"cycle {k}, {LABELS * k} labels" for k in (1, 2, 3)), "its networks", "final"]
    assert sorted(legends) == sorted(3 * curves[:3] + 2 * curves[3:4] + 3 * curves[4:])  # VH has no spread
    lines = page.evaluate(
        f"() => {MODELS}.filter(one => one.type == 'ColumnDataSource' && one.data.xs).map(one => one.data.label.length)"
    )
    assert sorted(lines) == sorted([5, 5, 5, 2, 3, 3, 3 * MEMBERS * 2, 3 * MEMBERS * 2])
    for image in page.locator(".parity img").all():
        assert image.evaluate("one => one.complete && one.naturalWidth") == 40
    for place in ("spectra", "similarity", "errors", "learning", "quality"):
        assert page.locator(f"#{place} canvas").first.bounding_box()["width"] > 200
    page.get_by_text("all numbers").click()
    assert page.get_by_text("statistical floor").last.is_visible()


def test_pointing_at_a_chart_tells_its_values(page: Any, loop: Loop) -> None:
    loop.write()
    show(page, loop)
    canvas = page.locator("#learning .bk-CartesianFrame").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for height in range(4, int(box["height"]), 4):  # from above down to the first line
        page.mouse.move(box["x"] + box["width"] / 3, box["y"] + height)
        if page.locator(".bk-tooltip-content").count():
            break
    told = page.locator(".bk-tooltip-content").first.inner_text()
    assert re.search(r"cycle-0\d, network \d, (held out|training)", told)
    assert re.search(r"steps:\s\d+", told)
    assert re.search(r"scale of the labels / %:\s\d", told)


def test_the_room_for_figures_is_what_they_take(page: Any, loop: Loop) -> None:
    """Else a page that is loaded anew would jump."""
    loop.write()
    page.goto((loop.folder.path / REPORT).as_uri(), wait_until="commit")
    show(page, loop)
    for place in ("spectra", "similarity", "errors", "learning", "quality"):
        wanted = float(page.locator(f"#{place}").evaluate("one => parseFloat(one.style.minHeight)"))
        assert page.locator(f"#{place}").bounding_box()["height"] == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize("reason", ["", "converged"])
def test_it_loads_itself_anew_while_the_loop_runs(page: Any, loop: Loop, reason: str) -> None:
    if reason:
        write_spectra(loop.folder.final, 1.0)
    loop.write(reason)
    page.clock.install()
    show(page, loop)
    page.evaluate("window.old = true")
    loads: list[int] = []
    page.on("load", lambda _: loads.append(1))
    page.mouse.move(300, 300)
    page.clock.run_for(1000 * SECONDS_BETWEEN_LOOKS + 100)
    page.wait_for_timeout(300)
    assert loads == []  # its reader is at it
    page.clock.run_for(1000 * (SECONDS_BETWEEN_LOOKS + SECONDS_OF_REST))
    if reason:
        page.wait_for_timeout(1000)
        assert loads == []
    else:
        page.wait_for_function("!window.old && Bokeh.documents.length == 5")
