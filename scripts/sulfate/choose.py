"""Choose the frames to label: of each run in turn the frame at 1.2 ps, then that at 2.4 ps, and so on.

    python choose.py run-1.extxyz run-2.extxyz run-3.extxyz run-4.extxyz --every 1.2 --out pool.extxyz
    python choose.py data/dear-run-4.extxyz.xz --between labels-*.extxyz --number 48 --out pool.extxyz

Every first few of them are of all runs, and it ends where the shortest run does: when the runs have gone on, the same
command adds to the end of the list and changes nothing before. The second is of one run that has labels: always the
frame that is farthest in time from all that are labelled and chosen. `run` and `md_time` (fs) in the header say where a
frame is from. Times are those of the files.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

import mimyria
from mimyria.frame import Frame, changed


def with_times(path: Path) -> Iterator[tuple[float, Frame]]:
    """Yield the frames of a run with their times, fs, as they are to be labelled."""
    for frame in mimyria.read_frames(path):
        if frame.time is None:
            raise SystemExit(f"{path} states no times")
        info = {"run": name_of(path), "md_time": frame.time}
        yield frame.time, changed(frame, info=info, velocities=None, forces=None, time=None)


def name_of(path: Path) -> str:
    """Return the name of a run."""
    return path.name.split(".")[0]


def at_even_times(path: Path, every: float) -> Iterator[Frame]:
    """Yield the first frame of a run at or after each multiple of ``every`` fs."""
    wanted = every
    for time, frame in with_times(path):
        if time >= wanted - 1e-6:
            wanted += every
            yield frame


def between(path: Path, labels: Iterable[Path], number: int) -> Iterator[Frame]:
    """Yield so many frames of a run, each farthest in time from its labels and the frames before it."""
    labelled = (frame for file in labels for frame in mimyria.read_frames(file))
    known = [float(frame.info["md_time"]) for frame in labelled if frame.info["run"] == name_of(path)]
    frames = dict(with_times(path))
    times = np.array(list(frames))
    distance = np.min(np.abs(times[:, None] - np.array(known)), axis=1, initial=np.inf)
    for _ in range(min(number, int(np.count_nonzero(distance)))):
        time = times[int(distance.argmax())]
        distance = np.minimum(distance, abs(times - time))
        yield frames[time]


def main() -> None:
    """Choose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--every", type=float, default=1.2, help="ps")
    parser.add_argument("--between", type=Path, nargs="+", metavar="LABELS", help="of one run, with --number")
    parser.add_argument("--number", type=int, default=48, help="of frames between labels")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.between and len(given.runs) > 1:
        parser.error("--between is of one run")
    if given.between:
        frames = list(between(given.runs[0], given.between, given.number))
    else:
        turns = zip(*(at_even_times(path, 1000 * given.every) for path in given.runs), strict=False)
        frames = [frame for turn in turns for frame in turn]
    mimyria.write_frames(given.out, frames)


if __name__ == "__main__":
    main()
