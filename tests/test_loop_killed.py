"""kill -9 of a loop, as a process of its own: its steps end with it, and the next start resumes at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import polarizable
import pytest
import yaml

from mimyria.formats import write_frames

TESTS = Path(__file__).parent
DRIVER = f"""
import sys
from unittest.mock import patch
sys.path.insert(0, {str(TESTS)!r})
import program
program.register()
from mimyria.autotrain import steps
command = lambda *words: (sys.executable, {str(TESTS / "program.py")!r}, *map(str, words))
patch.object(steps, "program", command).start()
from mimyria.__main__ import main
sys.argv = ["mimyria", "autotrain", "loop.yaml", "--folder", "loop"]
main()
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"}
    with (folder / "driver.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-c", DRIVER], cwd=folder, env=environment, stdout=log, stderr=log)


def wait_for(path: Path, process: subprocess.Popen[bytes], seconds: float = 120.0) -> None:
    """Wait until a process has made a file."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, f"it ended with {process.returncode}, before {path}"
        assert time.monotonic() < end, path
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_killed_in_a_training_it_goes_on(tmp_path: Path) -> None:
    write_frames(tmp_path / "md.xyz", polarizable.run(8, 120, 3.0))
    (tmp_path / "loop.yaml").write_text(
        yaml.safe_dump(
            {
                "trajectories": ["md.xyz"],
                "targets": ["apt"],
                "probe": 100,
                "selection": {"test": 2, "first": 2, "batch": 2},
                "limits": {"cycles": 1},
                "label": {"engine": "polarizable"},
                "train": {"preset": "small", "epochs": 200, "validation": 0.5},
                "spectrum": {"temperature": 300, "resolution": 200, "plot_format": ["svg"]},
            }
        )
    )
    killed = start(tmp_path)
    try:
        wait_for(tmp_path / "loop" / "cycle-01" / "training-apt" / "run.log", killed)
        time.sleep(1.0)  # into the training
        assert not (tmp_path / "loop" / "cycle-01" / "apt.mym").exists()
    finally:
        killed.kill()
        killed.wait()
    again = start(tmp_path)
    assert again.wait(timeout=400) == 0, (tmp_path / "driver.log").read_text()
    said = (tmp_path / "driver.log").read_text()
    assert said.count("test: labelling") == 1  # what was done is not done again
    assert "another run is working" not in said
    assert (tmp_path / "loop" / "final" / "ir.csv").exists()
