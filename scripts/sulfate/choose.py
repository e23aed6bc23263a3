"""Choose the frames to label: of each run in turn the frame at 1.2 ps, then that at 2.4 ps, and so on.

    python choose.py run-1.extxyz run-2.extxyz run-3.extxyz run-4.extxyz --every 1.2 --out pool.extxyz

Every first few of them are of all runs, and it ends where the shortest run does: when the runs have gone on, the same
command adds to the end of the list and changes nothing before. `run` and `md_time` (fs) in the header say where a frame
is from. Times are those of the files.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import mimyria
from mimyria.frame import Frame, changed


def at_even_times(path: Path, every: float) -> Iterator[Frame]:
    """Yield the first frame of a run at or after each multiple of ``every`` fs."""
    wanted = every
    for frame in mimyria.read_frames(path):
        if frame.time is None:
            raise SystemExit(f"{path} states no times")
        if frame.time >= wanted - 1e-6:
            wanted += every
            info = {"run": path.name.split(".")[0], "md_time": frame.time}
            yield changed(frame, info=info, velocities=None, forces=None, time=None)


def main() -> None:
    """Choose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--every", type=float, default=1.2, help="ps")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    turns = zip(*(at_even_times(path, 1000 * given.every) for path in given.runs), strict=False)
    mimyria.write_frames(given.out, [frame for turn in turns for frame in turn])


if __name__ == "__main__":
    main()
