"""The folder of a configuration: what it was made with, who works in it, what failed in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TextIO
from zipfile import BadZipFile

import numpy as np

from mimyria.errors import LabelError

SHOWN = 3
UNREADABLE = (BadZipFile, EOFError, UnpicklingError, ValueError, KeyError, TypeError, FileNotFoundError)
"""What reading an npz file raises that is not there, or was cut when a machine went down."""


def fingerprint(identity: dict[str, Any]) -> str:
    """Return the name of the folder in which everything is made with this identity and nothing else."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


def differences(path: Path, now: dict[str, Any]) -> str:
    """Return in words how what a file says differs from what is wanted now; empty if it does not."""
    before, wanted = flat(json.loads(path.read_text(encoding="utf-8"))), flat(json.loads(json.dumps(now)))
    keys = [key for key in sorted({*before, *wanted}) if before.get(key) != wanted.get(key)]
    if any(key.startswith("configuration") for key in keys):
        return "it holds another configuration"
    shown = [f"{key} was {before.get(key, 'not set')}, now it is {wanted.get(key, 'not set')}" for key in keys[:SHOWN]]
    return "; ".join(shown) + (f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else "")


def flat(content: Any, name: str = "") -> dict[str, Any]:
    """Return the values of nested dicts by their path."""
    if not isinstance(content, dict):
        return {name: content}
    return {
        key: value for part, inside in content.items() for key, value in flat(inside, f"{name} {part}".strip()).items()
    }


def lock(path: Path, *, wait: bool = False) -> TextIO | None:
    """Lock a file until what is returned is closed; None if another process holds it. A dead process holds none."""
    stream: TextIO = path.open("w", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        stream.close()
        return None
    except OSError as error:
        stream.close()
        raise LabelError(
            f"{path.parent}: the file system has no locks ({error.strerror}); put --work on another one, or have this "
            "one mounted with flock"
        ) from error
    return stream


def write_npz(path: Path, content: dict[str, Any]) -> None:
    """Write arrays whole, and on the disk before the file has its name."""
    unfinished = path.with_name(f"{path.stem}.unfinished.npz")
    with unfinished.open("wb") as file:
        np.savez(file, **content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def read_npz(path: Path) -> dict[str, Any] | None:
    """Return the content of a file of `write_npz`, scalars as such; None if it is not there or damaged."""
    try:
        with path.open("rb") as file, np.load(file) as stored:
            return {name: stored[name] if stored[name].ndim else stored[name].item() for name in stored.files}
    except UNREADABLE:
        return None


def attempts(path: Path) -> int:
    """Return how many attempts a file of failures counts."""
    return int(json.loads(path.read_text(encoding="utf-8"))["attempts"]) if path.exists() else 0


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, whole."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(json.dumps(content), encoding="utf-8")
    os.replace(unfinished, path)
