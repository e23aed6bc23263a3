"""What a process sets for itself."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mimyria.process import give_back_memory, set_up_memory
from working import gone

CHILD = "import os, signal, time; from mimyria.process import end_with_parent as end; end({}, signal.SIGKILL); {}"
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}.replace("PARENT", str(os.getpid()))], stdout=subprocess.PIPE)
print(child.pid, child.stdout.readline(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a call of Linux")
def test_a_process_ends_with_its_parent() -> None:
    child = CHILD.format("PARENT", "print('set', flush=True); time.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", PARENT.format(child=child)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        parent.kill()
    assert gone([pid])


@pytest.mark.skipif(sys.platform != "linux", reason="a call of Linux")
def test_a_process_ends_if_its_parent_has_ended_before() -> None:
    late = CHILD.format(os.getpid() + 1, "print('not reached')")
    done = subprocess.run([sys.executable, "-c", late], capture_output=True, check=False)
    assert done.returncode == 128 + 9
    assert done.stdout == b""


def test_the_allocator_of_the_user_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr("ctypes.CDLL", called.append)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    set_up_memory()
    assert not called


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the allocator is not glibc's")
def test_memory_in_holes_is_given_back() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    blocks = [bytearray(b"x" * 100_000) for _ in range(2000)]
    kept = blocks[::20]
    del blocks
    before = resident()
    give_back_memory()
    assert before - resident() > 100_000_000
    assert all(block[-1:] == b"x" for block in kept)
