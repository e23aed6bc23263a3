"""The desk: what has been dropped, what of it is running, and how far it is.

Each piece of work has a folder and a process of its own, which can be stopped with all that it started; one thread
starts them, in turn, and looks after them.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any, BinaryIO

from mimyria.app.answers import Refusal
from mimyria.app.drops import GIVEN, OUT, RESULT, TASK, Drop, Role, shown_name, stored_name
from mimyria.app.said import Said
from mimyria.execute import LOG, Job, last_line, program, start, stop
from mimyria.memory import whole, write_json

AT_ONCE = 2
"""Processes side by side; of one kind there is one at a time, so that a long trajectory lets a spectrum pass."""
MOST_WORK = 30
"""Pieces that are kept until they are removed."""
SECONDS_BETWEEN_LOOKS = 0.2
PATIENCE = 120.0
"""Seconds without a byte of a file that is expected."""
PIECE = 1 << 18
"""Bytes that are received at a time."""
SPARE = 500_000_000
"""Bytes that stay free on the disk."""
LONGEST_TITLE = 70
KEPT = re.compile(r" \(the rates are kept: [^\n]*\)$|; see \S+; what is finished is kept, [^\n]*$")
"""What commands say of files that can be used again; what has failed here leaves none."""
ENDED = ("finished", "failed", "stopped")


@dataclass
class Given:
    """A file of a piece of work."""

    role: Role
    shown: str
    """What the user calls it."""
    stored: str
    """Its name in the folder."""
    size: int
    """Bytes."""
    state: str = "expected"
    """``expected``, ``arriving``, or ``there``."""


@dataclass
class Work:
    """A piece of work."""

    number: int
    drop: Drop
    folder: Path
    given: list[Given]
    state: str = "receiving"
    """``receiving``, ``waiting``, ``running``, or one of `ENDED`."""
    words: str = ""
    """What went wrong."""
    began: float = 0.0
    ended: float = 0.0
    """Seconds of a clock that only goes forward; zero before."""
    touched: float = field(default_factory=time.monotonic)
    """When something of it last arrived, on the same clock."""
    unwanted: bool = False
    """It is to be stopped."""
    process: Popen[bytes] | None = field(default=None, repr=False)
    said: Said = field(default_factory=Said, repr=False)
    """What its log has said so far."""

    @property
    def title(self) -> str:
        """The names of its files as pictures show them: not too long, and without what they take for formulas."""
        names = " and ".join(each.shown for each in self.given[:2]).replace("$", "")
        return names if len(names) <= LONGEST_TITLE else f"{names[: LONGEST_TITLE - 1]}…"

    def made(self) -> list[Path]:
        """Return the files that it has made, which are none before it is finished."""
        if self.state != "finished":
            return []
        found = sorted((self.folder / OUT).glob("[!.]*.*"))
        return [file for file in found if file.is_file() and not file.is_symlink()]

    def in_words_of_the_user(self, text: str) -> str:
        """Return a text with the names of files as the user knows them."""
        names = {
            name: each.shown
            for each in self.given
            for name in (f"{GIVEN}/{each.stored}", each.stored, each.stored.partition(".")[0])
        }
        # At once, the longest first: what the user calls one file may be our name of another.
        ours = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        return re.sub(ours, lambda found: names[found[0]], KEPT.sub("", text).replace(f"{self.folder}/", ""))

    def described(self) -> dict[str, Any]:
        """Return how it stands, as JSON has it."""
        warnings, last = self.said.look(self.folder / LOG)
        until = self.ended or time.monotonic()
        return {
            "number": self.number,
            "kind": self.drop.kind,
            "title": " and ".join(each.shown for each in self.given),
            "state": self.state,
            "words": self.in_words_of_the_user(self.words),
            "fraction": int(last["percent"]) / 100 if last else None,
            "doing": self.in_words_of_the_user(f"{last['title']}, {last['words']}") if last else "",
            "seconds": round(until - self.began) if self.began else 0,
            "warnings": [self.in_words_of_the_user(line) for line in warnings],
            "files": [{"name": file.name, "bytes": file.stat().st_size} for file in self.made()],
        }


class Desk:
    """All pieces of work, in a folder of their own; their processes inherit the open files ``held``, as its lock."""

    def __init__(
        self, folder: Path, drops: Mapping[str, Drop], model: str, largest: float, held: tuple[int, ...] = ()
    ) -> None:
        self.folder, self.drops, self._held = folder, drops, held
        self._of_all = {"model": model, "largest": largest}
        self._works: dict[int, Work] = {}
        earlier = [int(each.name[:4]) for each in folder.iterdir() if re.match(r"\d{4}-", each.name)]
        self._last = max(earlier, default=0)
        self._lock, self._packing = threading.RLock(), threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._tend, name="desk")
        self._thread.start()

    # --- what the page asks for -------------------------------------------------------------------

    def make(self, kind: str, files: Sequence[tuple[str, str, int]], settings: Mapping[str, str]) -> Work:
        """Return a new piece of work, whose files are received next.

        Parameters
        ----------
        kind
            Of the drop.
        files
            Role, the user's name, and bytes of each.
        settings
            Fields and their words.

        Raises
        ------
        Refusal
            If there is no such kind, a file or a setting is not taken, or there is no room.
        """
        if kind not in self.drops:
            raise Refusal(404, f"there is no work of the kind {kind!r}")
        drop = self.drops[kind]
        given = _expected(drop, files)
        drop.read(settings)
        size = sum(each.size for each in given)
        if size > drop.largest:
            raise Refusal(
                413, f"{size / 1e6:.0f} MB are more than the {drop.largest / 1e6:g} MB that the page takes here"
            )
        if shutil.disk_usage(self.folder).free < size + SPARE:
            raise Refusal(507, f"the disk with {self.folder} has no room for {size / 1e6:.0f} MB more")
        with self._lock:
            if len(self._works) >= MOST_WORK:
                raise Refusal(429, f"{MOST_WORK} results are on the page: remove some of them first")
            self._last += 1
            work = Work(self._last, drop, self.folder / f"{self._last:04d}-{kind}", given)
            (work.folder / GIVEN).mkdir(parents=True, mode=0o700)
            task = {
                **self._of_all,
                "kind": kind,
                "title": work.title,
                "settings": dict(settings),
                "files": [(each.role.name, each.stored) for each in given],
            }
            write_json(work.folder / TASK, task)
            self._works[work.number] = work
            return work

    def receive(self, number: int, place: int, stream: BinaryIO, length: int) -> Work:
        """Store a file of a piece of work; with the last of them it waits for its turn.

        Raises
        ------
        Refusal
            If no such file is expected, it has another length than was said, or the connection breaks.
        """
        with self._lock:
            work = self.get(number)
            if not 0 <= place < len(work.given) or work.given[place].state != "expected":
                raise Refusal(409, "no such file is expected")
            expected = work.given[place]
            if length != expected.size:
                raise Refusal(400, f"{expected.shown} was to have {expected.size} bytes, not {length}")
            expected.state = "arriving"
        try:
            with (work.folder / GIVEN / expected.stored).open("xb") as file:
                left = length
                while left and work.state not in ENDED and (piece := stream.read(min(PIECE, left))):
                    file.write(piece)
                    left -= len(piece)
                    work.touched = time.monotonic()
        except OSError as error:
            self._fail(work, f"{expected.shown} did not arrive: {error.strerror or error}")
            raise Refusal(400, work.words) from error
        if work.state in ENDED:
            raise Refusal(409, work.words or "it was stopped")
        if left:
            self._fail(work, f"{expected.shown} did not arrive: the connection ended {left} bytes before its end")
            raise Refusal(400, work.words)
        with self._lock:
            expected.state = "there"
            if work.state == "receiving" and all(each.state == "there" for each in work.given):
                work.state = "waiting"
        return work

    def get(self, number: int) -> Work:
        """Return a piece of work; raise Refusal if there is none of the number."""
        with self._lock:
            if number not in self._works:
                raise Refusal(404, "there is no such work; it may have been removed")
            return self._works[number]

    def file(self, number: int, name: str) -> Path:
        """Return one of the files that were made; raise Refusal if there is none of the name."""
        work = self.get(number)
        made = {each.name: each for each in work.made()}
        if made and name == RESULT:
            return work.folder / RESULT
        if name not in made:
            raise Refusal(404, "this work has made no file of that name")
        return made[name]

    def archive(self, number: int) -> Path:
        """Return a zip archive of all that was made; raise Refusal if nothing was."""
        work = self.get(number)
        path = work.folder / f"{work.folder.name}.zip"
        with self._packing:
            if not path.exists():
                if not (made := work.made()):
                    raise Refusal(404, "this work has made nothing")
                with whole(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
                    for file in made:
                        archive.write(file, f"{work.folder.name}/{file.name}")
        return path

    def stop(self, number: int) -> None:
        """Have a piece of work stopped."""
        with self._lock:
            work = self.get(number)
            if work.state not in ENDED:
                work.unwanted = True

    def remove(self, number: int) -> None:
        """Remove a piece of work that has ended, with its results; raise Refusal for another."""
        with self._lock:
            if self.get(number).state not in ENDED:
                raise Refusal(409, "stop it first")
            work = self._works.pop(number)
        shutil.rmtree(work.folder, ignore_errors=True)

    def described(self) -> list[dict[str, Any]]:
        """Return how all pieces of work stand, the newest first."""
        with self._lock:
            works = list(self._works.values())
        return [work.described() for work in reversed(works)]

    def close(self) -> None:
        """Stop everything, and remove what is not finished."""
        self._closing.set()
        self._thread.join()
        for work in list(self._works.values()):
            if work.state != "finished":
                shutil.rmtree(work.folder, ignore_errors=True)

    # --- the thread -------------------------------------------------------------------------------

    def _tend(self) -> None:
        while not self._closing.wait(SECONDS_BETWEEN_LOOKS):
            with self._lock:
                works = list(self._works.values())
            for work in works:
                self._look_after(work)
            running = [work for work in works if work.state == "running"]
            for work in works:
                busy = {each.drop.kind for each in running}
                if work.state == "waiting" and len(running) < AT_ONCE and work.drop.kind not in busy:
                    self._start(work)
                    running.append(work)
        with self._lock:
            works = list(self._works.values())
        stop([work.process for work in works if work.state == "running" and work.process is not None])

    def _start(self, work: Work) -> None:
        """Start a process, from this thread alone: the system ends it with the thread that started it."""
        work.began = time.monotonic()
        try:
            work.process = start(Job(work.folder, program("treat", "."), self._held), cores=1)
        except OSError as error:
            self._fail(work, f"no process could be started: {error.strerror or error}")
        else:
            work.state = "running"

    def _look_after(self, work: Work) -> None:
        """Note what has ended, and stop what is unwanted or has run too long."""
        if work.unwanted and work.state not in ENDED:
            if work.process is not None:
                stop([work.process])
            self._end(work, "stopped", "")
        elif work.state == "receiving" and time.monotonic() - work.touched > PATIENCE:
            self._fail(work, "the files did not arrive")
        elif work.state == "running" and work.process is not None:
            status = work.process.poll()
            if status == 0:
                self._end(work, "finished", "")
            elif status is not None:
                died = f"the machine ended this work (signal {-status}), perhaps for want of memory"
                self._fail(work, died if status < 0 else last_line(work.folder / LOG))
            elif time.monotonic() - work.began > 3600 * work.drop.hours:
                stop([work.process])
                self._fail(work, f"stopped after {work.drop.hours:g} hours, the longest that the page allows")

    def _fail(self, work: Work, words: str) -> None:
        self._end(work, "failed", words)

    def _end(self, work: Work, state: str, words: str) -> None:
        with self._lock:
            if work.state not in ENDED:
                work.state, work.words, work.ended = state, words, time.monotonic()
        for name in (GIVEN,) if state == "finished" else (GIVEN, OUT):
            shutil.rmtree(work.folder / name, ignore_errors=True)


def _expected(drop: Drop, files: Sequence[tuple[str, str, int]]) -> list[Given]:
    """Return the files of a piece of work as they are expected; raise Refusal for what it does not take."""
    if not 1 <= len(files) <= drop.most_files:
        many = f"one to {drop.most_files} files" if drop.most_files > 1 else "one file"
        raise Refusal(400, f"{drop.title.lower()} is {many}, not {len(files)}")
    roles = {role.name: role for role in drop.roles}
    given: list[Given] = []
    for number, (what, name, size) in enumerate(files):
        if what not in roles:
            raise Refusal(400, f"a file is one of {', '.join(roles)}, not {what!r}")
        shown = shown_name(name)
        if size < 1:
            raise Refusal(400, f"{shown} is empty")
        given.append(Given(roles[what], shown, stored_name(roles[what], shown, number), size))
    names = [each.role.name for each in given]
    for role in drop.roles:
        if role.needed and role.name not in names:
            raise Refusal(400, f"{role.words} is missing")
        if names.count(role.name) > role.most:
            raise Refusal(400, f"two files are given as {role.words}")
    if drop.missing and not all(each.stored.endswith(drop.spared or ("/",)) for each in given):
        raise Refusal(503, drop.missing)
    return given
