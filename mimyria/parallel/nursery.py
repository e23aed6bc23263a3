"""`Nursery`: processes that compute stretches of items, in order; a process that is killed is replaced by the others.

One process, the nursery, imports what the function needs and copies itself by fork, before it has computed anything.
This is quick, and the copies share their memory. Neither is a process forked that has threads, nor is the program of
the user imported, as `multiprocessing` does, for which scripts need a guard.

If this process is killed, so are all of them: by the system on Linux; elsewhere each ends with its stretch.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from mimyria.errors import RunFailed
from mimyria.parallel.stretches import Stretches
from mimyria.process import end_with_parent, set_up_memory

log = logging.getLogger("mimyria")

AHEAD = 2
"""Stretches for each process that may be read before the earliest one is finished."""
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")} | {"OMP_WAIT_POLICY": "PASSIVE"}
GRACE_PERIOD = 1.0
"""Seconds for processes that wait for work to end."""


@dataclass(eq=False)
class _Worker:
    """A process that computes."""

    pipe: Connection
    pid: int = 0
    task: int = -1
    """Whose function it has."""
    stretch: _Sent | None = None
    """What it computes."""


@dataclass(frozen=True)
class _Sent:
    """A stretch on its way."""

    task: int
    number: int
    items: list[Any]
    killed: bool = False
    """Whether it had been given to a process that was killed."""


class Nursery:
    """The process whose children compute, and these.

    Parameters
    ----------
    code
        A pickled function, which is unpickled there for what it imports.
    workers
        How many children.
    """

    def __init__(self, code: bytes, workers: int) -> None:
        # A file, for a pipe that nobody reads would fill, and stop the processes.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, open as long as the process
        self._workers: list[_Worker] = []
        self._tasks, self._is_ready = count(), False
        ends: list[Connection] = []
        with tempfile.TemporaryFile() as task:  # a pipe would have to wait until it is read
            task.write(code)
            task.flush()
            self._control, theirs = Pipe()
            try:
                for _ in range(workers):
                    ours, end = Pipe()
                    ends.append(end)
                    self._workers.append(_Worker(ours))
                inherited = [task.fileno(), theirs.fileno(), *(end.fileno() for end in ends)]
                call = f"nursery({os.getpid()}, {inherited[0]}, {inherited[1]}, {inherited[2:]})"
                # Before anything is imported: the folder of this process may hold a file of any name.
                program = (
                    f"import sys; sys.path[:] = {sys.path!r}; from mimyria.parallel.nursery import nursery; {call}"
                )
                # In a session of its own: Ctrl-C in a terminal reaches this process alone, which then ends the others.
                self._process = subprocess.Popen(
                    [sys.executable, "-c", program], env=os.environ | ONE_THREAD, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=self._errors, pass_fds=inherited, start_new_session=True,
                )  # fmt: skip
            except BaseException:
                for each in (self._control, *(worker.pipe for worker in self._workers)):
                    each.close()
                raise
            finally:
                # Where a copy of their end stays open here, the death of a process would never be seen.
                for each in (theirs, *ends):
                    each.close()

    def ready(self) -> bool:
        """Return whether there are processes; raise EOFError if there will be none."""
        if not self._is_ready and self._control.poll():
            for worker, pid in zip(self._workers, self._control.recv(), strict=False):
                worker.pid = pid
            for worker in self._workers:
                if not worker.pid:
                    worker.pipe.close()
            self._workers = [worker for worker in self._workers if worker.pid]
            if not self._workers:
                raise OSError("the system allows no more processes")
            self._is_ready = True
        return self._is_ready

    def last_words(self) -> str:
        """Return the last line of what the process wrote on its standard error."""
        self._errors.seek(0)
        return (self._errors.read().decode(errors="replace").strip().splitlines() or ["without a message"])[-1]

    def close(self) -> None:
        """End all processes at once."""
        for each in (self._control, *(worker.pipe for worker in self._workers)):
            each.close()
        # Who waits for work sees that none will come; who computes is not waited for.
        if any(worker.stretch for worker in self._workers) or not self._is_ready or not self._ended():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._errors.close()

    def _ended(self) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_PERIOD)
        return self._process.returncode is not None

    def in_order(self, code: bytes, stretches: Stretches) -> Iterator[Any]:
        """Yield what a pickled function makes of stretches, in order."""
        task = next(self._tasks)
        waiting: deque[_Sent] = deque()
        done: dict[int, list[Any]] = {}
        read = following = 0
        more = True
        while True:
            for worker in [worker for worker in self._workers if worker.stretch is None][: len(waiting)]:
                self._send(worker, waiting, task, code)
            # What is read, but not yet wanted, is in memory: one slow stretch must not let the others run far ahead.
            room = more and len(waiting) < len(self._workers) and read - following < AHEAD * len(self._workers)
            if room:
                items = stretches.next()
                if items is None:
                    more = False
                else:
                    waiting.append(_Sent(task, read, items))
                    read += 1
            elif following == read:
                return
            for sent, answer in self._receive(block=not room and following not in done):
                if sent.task != task:  # left from before
                    continue
                if answer is None:
                    waiting.appendleft(replace(sent, killed=True))  # first: all later results wait for it
                    continue
                seconds, *done[sent.number] = answer
                stretches.took(seconds, len(sent.items))
            while following in done:
                good, result = done.pop(following)
                if not good:
                    raise result
                yield result
                following += 1

    def _send(self, worker: _Worker, waiting: deque[_Sent], task: int, code: bytes) -> None:
        """Give a process that waits for it the next stretch."""
        worker.stretch = waiting.popleft()
        with suppress(OSError):  # it has been killed, which is seen when its answer is waited for
            if worker.task != task:
                worker.pipe.send_bytes(code)
                worker.task = task
            worker.pipe.send(worker.stretch.items)

    def _receive(self, *, block: bool) -> Iterator[tuple[_Sent, tuple[float, bool, Any] | None]]:
        """Yield stretches with what has been computed of them; with None where the process was killed."""
        busy = {worker.pipe: (worker, worker.stretch) for worker in self._workers if worker.stretch is not None}
        for pipe in wait(list(busy), None if block else 0) if busy else ():
            worker, sent = busy[pipe]  # type: ignore[index]
            answer, worker.stretch = None, None
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker, sent)
            yield sent, answer

    def _bury(self, worker: _Worker, sent: _Sent) -> None:
        """Go on without a process; raise RunFailed if that makes no sense."""
        self._workers.remove(worker)
        worker.pipe.close()
        fate = f"worker process {worker.pid} {self._fate(worker.pid)}"
        others = len(self._workers)
        less = f"give fewer --workers than {others + 1} if memory runs out" if others else "free memory if it runs out"
        # A second death at the same frames: they want more memory than there is, and would kill one after another.
        if sent.killed or not self._workers:
            reason = "the second one at the same frames" if sent.killed else "and no other is left"
            raise RunFailed(f"{fate}, {reason}: {less}")
        log.warning(f"{fate}; its frames are computed again by those left ({len(self._workers)}): {less}")

    def _fate(self, pid: int) -> str:
        """Return how a process has ended, in words."""
        with suppress(EOFError, OSError):
            while self._control.poll(1.0):
                ended, status = self._control.recv()
                if ended == pid:
                    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with {status}"
        return "was killed"


def nursery(parent: int, task: int, control: int, pipes: Sequence[int]) -> None:
    """Copy this process for each of the pipes, whose other ends the process ``parent`` has, and wait for the copies."""
    # Batch systems send these to every process; the first one decides what becomes of the others.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end_with_parent(parent, signal.SIGKILL)
    set_up_memory()
    this = os.getpid()
    children: list[int] = []
    with os.fdopen(task, "rb", closefd=False) as stored:
        stored.seek(0)  # the parent, with which the descriptor is shared, has written to the end
        pickle.load(stored)  # for what it imports
    for pipe in pipes:
        try:
            child = os.fork()
        except OSError:  # so many are not allowed
            break
        if not child:
            # Held open by one child, the pipe of another would never tell that this one is dead.
            for other in {task, control, *pipes} - {pipe}:
                os.close(other)
            end_with_parent(this, signal.SIGKILL)
            _serve(Connection(pipe))
        children.append(child)
    for pipe in pipes:
        os.close(pipe)
    told = Connection(control)
    with suppress(OSError):
        told.send(children)
    # It outlives its children to say how each has ended, which the pipes do not tell.
    while children:
        child, status = os.wait()
        children.remove(child)
        with suppress(OSError):
            told.send((child, os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _serve(pipe: Connection) -> None:
    """Compute what comes, until the other end is closed."""
    function: Callable[[list[Any]], Any] = list
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            content = pickle.loads(pipe.recv_bytes())
            if not isinstance(content, list):
                function = content
                continue
            begin = time.monotonic()
            try:
                good, result = True, function(content)
            except Exception as error:
                good, result = False, _sendable(error)
            pipe.send((time.monotonic() - begin, good, result))
    os._exit(0)  # without what the process of which this is a copy would do at its end


def _sendable(error: Exception) -> Exception:
    """Return an error that arrives as it was sent: itself, or its words."""
    with suppress(Exception):
        pickle.loads(pickle.dumps(error))
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")
