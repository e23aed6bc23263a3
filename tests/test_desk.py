"""The desk: work is received, waits for its turn, is stopped, fails with its reason, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dropped import Page, a_page, without_work

from mimyria.app import desk as module
from mimyria.app.answers import Refusal
from mimyria.app.desk import Given, Work
from mimyria.app.drops import Role
from mimyria.app.menu import drops

FILE = ("structure", "a.xyz", b"fine")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    without_work(monkeypatch)
    with a_page(tmp_path) as page:
        yield page


def asked(page: Page, kind: str, files: list[tuple[str, str, int]], **settings: str) -> tuple[int, str]:
    said = [{"role": role, "name": name, "size": size} for role, name, size in files]
    status, _, body = page.ask("POST", "works/", {"kind": kind, "files": said, "settings": settings})
    return status, body.decode()


def test_a_message_names_the_file_that_it_is_about(tmp_path: Path) -> None:
    """What the user calls one file is our name of another."""
    role = Role("any", "a spectrum", (".csv",))
    given = [Given(role, f"spectrum-{k + 1}.csv", f"spectrum-{k}.csv", 1) for k in range(2)]
    work = Work(1, drops(1.0)["spectrum"], tmp_path, given)
    said = work.in_words_of_the_user(f"{tmp_path}/given/spectrum-0.csv, line 3: not as in spectrum-1")
    assert said == "spectrum-1.csv, line 3: not as in spectrum-2.csv"


@pytest.mark.parametrize(
    ("kind", "files", "status", "words"),
    [
        ("essay", [("structure", "a.xyz", 3)], 404, "no work of the kind 'essay'"),
        ("structure", [], 400, "one file, not 0"),
        ("structure", [("structure", "a.xyz", 3)] * 2, 400, "one file, not 2"),
        ("structure", [("essay", "a.xyz", 3)], 400, "one of structure, not 'essay'"),
        ("structure", [("structure", "a.xyz", 0)], 400, "a.xyz is empty"),
        ("structure", [("structure", "a.xyz", -5)], 400, "a.xyz is empty"),
        ("structure", [("structure", "a.xyz", 10**14)], 413, "more than the 20 MB"),
        ("structure", [("structure", "a.pckl", 3)], 415, "a.pckl is not taken as a structure: such files end in .xyz"),
        ("structure", [("structure", "a.py", 3)], 415, "end in .xyz"),
        ("structure", [("structure", "xyz", 3)], 415, "end in .xyz"),
        ("trajectory", [("velocities", "v.xyz", 3)], 400, "a trajectory is missing"),
        ("trajectory", [("trajectory", "a.xyz", 3)] * 2, 400, "two files are given as a trajectory"),
        ("trajectory", [("trajectory", "a.xyz", 600_000), ("velocities", "v.xyz", 600_000)], 413, "more than the 1 MB"),
        ("trajectory", [("trajectory", "a.h5", 3)], 415, ".xtc"),
        ("spectrum", [("any", "a.csv", 3)] * 3, 400, "one to 2 files, not 3"),
        ("spectrum", [("raman", "a.csv", 3)] * 2, 400, "two files are given as a Raman spectrum"),
    ],
)
def test_files_that_are_not_taken(page: Page, kind: str, files: list, status: int, words: str) -> None:
    got, text = asked(page, kind, files)
    assert got == status
    assert words in text
    assert not list(page.desk.folder.iterdir())


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("structure", {"scale": "-1"}, "--scale must be positive, not -1"),
        ("structure", {"width": "wide"}, "--width takes a number, not 'wide'"),
        ("structure", {"calculator": "os:system"}, "--calculator takes tblite"),
        ("structure", {"hessian": "/etc/passwd"}, "no field 'hessian'"),
        ("structure", {"command": "rm -rf /"}, "no field 'command'"),
        ("structure", {"executor": "evil.yaml"}, "no field 'executor'"),
        ("structure", {"isotope": "1"}, "--isotope takes ATOM=ISOTOPE"),
        ("structure", {"scale": "1" * 400}, "at most 300 letters"),
        ("trajectory", {"cell": "/etc/passwd"}, "a field takes no files"),
        ("trajectory", {"trained": "../../evil"}, "--trained takes water"),
        ("trajectory", {"frames": "5:2"}, "--frames takes FIRST:LAST"),
        ("trajectory", {"apt": "/etc/passwd"}, "no field 'apt'"),
    ],
)
def test_settings_are_refused_in_the_words_of_the_command_line(
    page: Page, kind: str, settings: dict[str, str], words: str
) -> None:
    status, text = asked(page, kind, [(kind, "a.xyz", 3)], **settings)
    assert status == 400
    assert words in text


def test_the_words_of_several_settings_reach_the_task(page: Page) -> None:
    number = page.made(
        "trajectory", ("trajectory", "a.xyz", b"fine"), settings={"cell": "9.8 9.8 9.8", "mass": "H=2 O=16"}
    )
    page.wait(number, "finished")
    task = json.loads((page.desk.get(number).folder / "task.json").read_text())
    assert task["settings"] == {"cell": "9.8 9.8 9.8", "mass": "H=2 O=16"}
    assert task["files"] == [["trajectory", "trajectory-0.xyz"]]


def test_a_failure_says_its_reason_with_the_name_that_the_user_knows(page: Page) -> None:
    work = page.wait(page.made("structure", ("structure", "my <water>.xyz", b"wrong")), "failed")
    assert work["words"] == "my <water>.xyz, line 3: not a number; mend it"
    assert work["files"] == []


def test_work_shows_its_progress_and_is_stopped(page: Page) -> None:
    number = page.made("structure", ("structure", "benzene.xyz", b"slow"))
    page.wait(number, "running")
    end = time.monotonic() + 20
    while page.work(number)["fraction"] is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert page.work(number)["fraction"] == 0.4
    assert page.work(number)["doing"] == "Hessian of benzene.xyz, 12 of 30 structures"
    process = page.desk.get(number).process
    assert process is not None
    assert page.ask("DELETE", f"works/{number}")[0] == 409
    assert page.ask("GET", f"works/{number}/files/ir.csv")[0] == 404
    assert page.ask("GET", f"works/{number}/all.zip")[0] == 404
    assert page.ask("POST", f"works/{number}/stop")[0] == 200
    page.wait(number, "stopped")
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert page.ask("POST", f"works/{number}/stop")[0] == 200  # once more does no harm


def test_one_of_a_kind_at_a_time(page: Page) -> None:
    first, second = (page.made("structure", ("structure", "a.xyz", b"slow")) for _ in range(2))
    page.wait(first, "running")
    other = page.made("spectrum", ("any", "a.csv", b"fine"))
    page.wait(other, "finished")
    assert page.work(second)["state"] == "waiting"
    page.ask("POST", f"works/{second}/stop")
    page.wait(second, "stopped")
    page.ask("POST", f"works/{first}/stop")
    page.wait(first, "stopped")


def test_what_takes_too_long_is_stopped(page: Page) -> None:
    number = page.made("structure", ("structure", "a.xyz", b"slow"))
    page.wait(number, "running")
    page.desk.get(number).began -= 5 * 3600
    assert "stopped after 4 hours" in page.wait(number, "failed")["words"]


def test_a_process_that_the_machine_ends(page: Page) -> None:
    number = page.made("structure", ("structure", "a.xyz", b"slow"))
    page.wait(number, "running")
    process = page.desk.get(number).process
    assert process is not None
    process.kill()
    assert "signal 9" in page.wait(number, "failed")["words"]


def test_a_process_that_cannot_be_started(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "program", lambda *_: ("/no/such/program",))
    work = page.wait(page.made("structure", ("structure", "a.xyz", b"fine")), "failed")
    assert "no process could be started" in work["words"]
    monkeypatch.undo()


def test_files_arrive_whole_and_once(page: Page) -> None:
    status, text = asked(page, "spectrum", [("infrared", "a.csv", 5), ("raman", "b.csv", 5)])
    assert status == 201
    number = json.loads(text)["number"]
    assert page.ask("PUT", f"works/{number}/given/2", b"12345")[0] == 409
    assert page.ask("PUT", f"works/{number}/given/0", b"1234")[0] == 400
    assert page.ask("PUT", f"works/{number}/given/0", b"12345")[0] == 200
    assert page.ask("PUT", f"works/{number}/given/0", b"54321")[0] == 409
    assert page.work(number)["state"] == "receiving"
    head = (
        f"PUT /{page.server.secret}/works/{number}/given/1 HTTP/1.1\r\nHost: {page.host}\r\nContent-Length: 5\r\n\r\n12"
    )
    assert b"3 bytes before its end" in page.raw(head.encode())
    assert "b.csv did not arrive" in page.wait(number, "failed")["words"]
    assert page.ask("PUT", f"works/{number + 1}/given/0", b"12345")[0] == 404


def test_files_that_never_come(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = asked(page, "structure", [("structure", "a.xyz", 5)])
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    assert page.wait(json.loads(text)["number"], "failed")["words"] == "the files did not arrive"


def test_a_stop_while_a_file_arrives(page: Page) -> None:
    _, text = asked(page, "structure", [("structure", "a.xyz", 10)])
    number = json.loads(text)["number"]
    arrives, goes_on = threading.Event(), threading.Event()

    class Slow:
        def read(self, size: int) -> bytes:
            arrives.set()
            goes_on.wait(10)
            return b"12"

    refused: list[Refusal] = []

    def receive() -> None:
        try:
            page.desk.receive(number, 0, Slow(), 10)  # type: ignore[arg-type]
        except Refusal as error:
            refused.append(error)

    thread = threading.Thread(target=receive)
    thread.start()
    arrives.wait(10)
    page.ask("POST", f"works/{number}/stop")
    page.wait(number, "stopped")
    goes_on.set()
    thread.join()
    assert refused[0].status == 409


def test_no_room(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WORK", 1)
    number = page.made(*("structure", FILE))
    page.wait(number, "finished")
    status, text = asked(page, "structure", [("structure", "a.xyz", 3)])
    assert status == 429
    assert "remove some" in text
    page.ask("DELETE", f"works/{number}")
    monkeypatch.setattr(module, "SPARE", 10**18)
    assert asked(page, "structure", [("structure", "a.xyz", 3)])[0] == 507


def test_the_end_stops_what_runs_and_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_work(monkeypatch)
    with a_page(tmp_path) as page:
        done = page.made(*("structure", FILE))
        page.wait(done, "finished")
        number = page.made("structure", ("structure", "a.xyz", b"slow"))
        page.wait(number, "running")
        process = page.desk.get(number).process
    assert process is not None
    assert process.returncode is not None
    assert [path.name for path in tmp_path.iterdir()] == ["0001-structure"]
    with a_page(tmp_path) as page:
        assert page.made(*("structure", FILE)) == 2


def test_what_is_not_installed_is_said_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_work(monkeypatch)
    from mimyria.app import menu

    monkeypatch.setattr(menu, "find_spec", lambda name: None)
    with a_page(tmp_path) as page:
        status, text = asked(page, "structure", [("structure", "a.xyz", 3)])
        assert status == 503
        assert "pip install 'mimyria[tblite]'" in text
        assert asked(page, "structure", [("structure", "a.fchk", 3)])[0] == 201
