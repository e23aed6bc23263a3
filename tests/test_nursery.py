"""Processes that are killed, stopped, and left alone; and who may start them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mimyria.errors import RunFailed
from working import Deadly, gone, made, processes_at_once


@pytest.fixture
def at_once() -> Iterator[None]:
    with processes_at_once():
        yield


def test_the_others_do_the_work_of_one_that_is_killed(
    at_once: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "mimyria"):
        assert [square for square, _ in made(Deadly(tmp_path, 1), 3)] == [item**2 for item in range(50)]
    (killed,) = tmp_path.iterdir()
    (record,) = caplog.records
    assert record.message == (
        f"worker process {killed.name} was killed by SIGKILL; its frames are computed again by those left (2): give "
        "fewer --workers than 3 if memory runs out"
    )


def test_fewer_than_one_worker_is_no_advice(at_once: None, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"was killed by SIGKILL, .*: free memory if it runs out"):
        made(Deadly(tmp_path, 9), 2)


def test_frames_that_kill_again_and_again_are_given_up(at_once: None, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"was killed by SIGKILL, the second one at the same frames: give fewer"):
        made(Deadly(tmp_path, 9), 4)


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which is ignored where the tests run in the background
from mimyria.parallel.pool import Pool
from working import processes_at_once, slowly
with processes_at_once(), Pool(2) as pool:
    for (each,) in pool.in_order(slowly, range(int(sys.argv[1])), 1):
        print(*each, flush=True)
"""


def started(folder: Path, how: str, items: int) -> subprocess.Popen[str]:
    """The script, which has no guard, in a file, on the standard input or as a cell; modules of any name lie there."""
    (folder / "random.py").write_text("raise SystemExit('not this one')")
    (folder / "script.py").write_text(SCRIPT)
    command = {"file": ["script.py"], "input": ["-"], "cell": ["-c", f"exec({SCRIPT!r})"]}[how]
    process = subprocess.Popen(
        [sys.executable, "-P", *command, str(items)], cwd=folder, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(SCRIPT if how == "input" else "")
    process.stdin.close()
    return process


@pytest.mark.parametrize("how", ["file", "input", "cell"])
def test_scripts_need_no_guard(tmp_path: Path, how: str) -> None:
    with started(tmp_path, how, 20) as process:
        assert process.stdout is not None
        lines = [line.split() for line in process.stdout]
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert [int(square) for square, _ in lines] == [item**2 for item in range(20)]
    assert len({pid for _, pid in lines}) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they end with their stretch")
def test_nobody_is_left_when_the_first_process_is_killed_or_stopped(tmp_path: Path, number: int) -> None:
    with started(tmp_path, "file", 100_000) as process:
        assert process.stdout is not None
        pids = {int(process.stdout.readline().split()[1]) for _ in range(20)}
        begin = time.monotonic()
        process.send_signal(number)
        process.wait()
        assert gone([*pids])
        assert time.monotonic() - begin < 3
        process.stdout.read()
        assert process.stderr is not None
        process.stderr.read()
    assert len(pids) == 2
