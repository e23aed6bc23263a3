"""`mimyria app` as a program: it says where the page is, ends with Ctrl-C, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dropped import a_page

from conftest import Run, refused
from mimyria.app.serve import LOCK, PREFIX, sweep
from mimyria.memory import locked


@contextmanager
def running(temporary: Path, *words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the program; yield it, and the address that it prints."""
    command = [sys.executable, "-m", "mimyria", "app", "--no-browser", "--port", "0", *map(str, words)]
    environment = os.environ | {"TMPDIR": str(temporary)}
    # What a program inherits; it is ignored where the tests run in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    program = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    try:
        assert program.stdout is not None
        line = program.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", line)
        assert found, line
        yield program, found[0]
    finally:
        program.kill()
        program.communicate()


def test_from_the_start_to_ctrl_c(tmp_path: Path) -> None:
    stale, used, foreign = (tmp_path / f"{PREFIX}{name}" for name in ("stale", "used", "foreign"))
    for folder in (stale, used, foreign):
        folder.mkdir()
    (stale / LOCK).touch()
    with locked(used / LOCK), running(tmp_path) as (program, address):
        with urllib.request.urlopen(address) as reply:
            assert b"<h1>mimyria</h1>" in reply.read()
        (own,) = set(tmp_path.iterdir()) - {used, foreign}
        assert own.name.startswith(PREFIX)
        assert own.stat().st_mode & 0o77 == 0
        program.send_signal(signal.SIGINT)
        out, error = program.communicate(timeout=60)
        assert program.returncode == 0, error
        assert out.splitlines()[-1] == "stopped"
        assert error == ""
    assert set(tmp_path.iterdir()) == {used, foreign}


def test_a_folder_keeps_the_results_and_has_one_page(tmp_path: Path, run: Run) -> None:
    (tmp_path / "kept" / "0001-spectrum").mkdir(parents=True)
    with running(tmp_path, "--folder", tmp_path / "kept") as (program, _):
        refused(run("app", "--no-browser", "--port", 0, "--folder", tmp_path / "kept"), "another run is working in")
        program.send_signal(signal.SIGTERM)
        out, _ = program.communicate(timeout=60)
        assert "the results are in" in out
    assert (tmp_path / "kept" / "0001-spectrum").is_dir()


def test_what_a_killed_page_leaves_is_swept_by_the_next_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "mine"
    mine = ["app.lock", "0001-notes/given/a.txt", "0002-structure/out/ir.csv"]  # a task makes it ours
    ours = ["0003-structure/given/a.xyz", "0004-spectrum/given/b.csv", "0004-spectrum/out/groups.csv"]
    for name in (*mine, *ours, "0003-structure/task.json", "0004-spectrum/task.json", "0004-spectrum/result.json"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("{}")
    (place / LOCK).touch()  # of one that was killed
    with running(tmp_path, "--folder", place) as (program, _):
        program.send_signal(signal.SIGINT)
        program.wait(60)
    kept = [*mine, "0004-spectrum/out/groups.csv", "0004-spectrum/result.json", "0004-spectrum/task.json"]
    assert sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()) == sorted(kept)
    assert (place / "app.lock").read_text() == "{}"


def test_what_cannot_be_is_one_line(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with a_page(tmp_path) as page:
        port = page.server.server_port
        for words in ((), ("--folder", tmp_path / "new")):
            refused(run("app", "--no-browser", "--port", port, *words), f"port {port} cannot be used", "--port 0")
    assert not (tmp_path / "new").exists()
    file = tmp_path / "file"
    file.touch()
    refused(run("app", "--folder", file), "is a file; --out takes a folder")
    refused(run("app", "--port", "70000"), "--port must be at least 0 and at most 65535")
    refused(run("app", "--port", "http"), "--port takes a whole number")
    refused(run("app", "--model", "nothing.mym"), "nothing.mym: no such file")
    refused(run("app", "--largest", "0"), "--largest must be positive")


def test_only_own_folders_without_a_program_are_swept(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / LOCK).touch()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "other").mkdir()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", f"{PREFIX}link", "other"]
    assert (tmp_path / "elsewhere" / LOCK).exists()
