"""What a process sets for itself."""

import os
import subprocess
import sys

import pytest

from mimyria.process import set_up_memory
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
