"""A process that is killed, as by kill -9, between any two of its calls into the system, and started again."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

KILLED = 9
SYSTEM = {"posix", "_io", "fcntl"}
"""Modules whose functions call the system."""
MOST = 100_000
"""Calls of work that ends."""


def killed_everywhere(work: Callable[[], object], prepare: Callable[[], object], every: int = 1) -> Iterator[int]:
    """Do the work in a child that ends before its first call of the system, then before its second, ...

    It yields after each death, and at last when a child gets through. Calls are those of the functions written in C of
    ``os`` and of open files, which numpy's files go through too.

    Parameters
    ----------
    work
        What to do; a child begins with the memory of this process.
    prepare
        Done, in this process, before each child.
    every
        Die only at every so many of the calls.
    """
    for number in range(1, MOST, every):
        prepare()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which the work has no use for
            child = os.fork()
        if not child:
            _work_until(work, number)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, KILLED), f"the work failed before its call {number}"
        yield number
        if status == 0:
            return
    raise AssertionError("it never came to its end")


def _work_until(work: Callable[[], object], number: int) -> None:
    left = number

    def count(frame: FrameType, event: str, called: Any) -> None:
        nonlocal left
        if event == "c_call" and (called.__module__ or type(called.__self__).__module__) in SYSTEM:
            left -= 1
            if not left:
                os._exit(KILLED)

    status = 1
    try:
        sys.setprofile(count)
        work()
        sys.setprofile(None)
        status = 0
    finally:
        os._exit(status)
