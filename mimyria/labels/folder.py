"""The folder of a configuration: what it was made with, who works in it, what failed in it."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

SHOWN = 3


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


def locked(path: Path, locks: ExitStack) -> bool:
    """Lock a file until the stack closes; False if another process holds it. The lock of a dead process is free."""
    stream: TextIO = locks.enter_context(path.open("w", encoding="utf-8"))
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def attempts(path: Path) -> int:
    """Return how many attempts a file of failures counts."""
    return int(json.loads(path.read_text(encoding="utf-8"))["attempts"]) if path.exists() else 0


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, whole."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(json.dumps(content), encoding="utf-8")
    os.replace(unfinished, path)
