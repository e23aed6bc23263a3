"""What a kill at any moment must not spoil: files are written atomically, a folder has one user and a known origin.

    with whole(path) as unfinished: ...     atomic write: what is written there becomes the file, and is on the disk
    with locked(path): ...                  no other process is in here; the lock of a dead process is free
    with withdrawn(folder): ...             what is refused leaves no folder behind
    with alone(folder, "lock"): ...         both: it is gone before the next process may begin in it
    Identity({...}, files)                  what something was made from; its differences from another, in words

Whatever a command leaves behind goes through these, so every command can be killed and run again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TextIO

from mimyria.errors import Busy, ConfigError, Interrupted, MimyriaError, RunFailed

SAMPLED = 1 << 16
"""Bytes at each of three places of a file that tell it from another."""
SHOWN = 3
"""Differences that are shown; the others are counted."""
SECONDS_BETWEEN_TRIES = 0.1


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a path to write to; at the end of the block what was written becomes the file ``path``, by one rename.

    A reader, and whoever comes after a kill or a power cut, finds the whole old or the whole new content. Processes
    that may write the same file at once keep each other out with `locked`.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no folder {path.parent}")
    # A fixed name: what a kill left of an earlier write is overwritten, so nothing piles up.
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(b"")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield unfinished
        _sync(unfinished, os.O_RDWR)  # before the rename: else a power cut may leave the name without the content
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # some network file systems cannot sync a folder; the file is whole all the same
        _sync(path.parent, os.O_RDONLY)


def _sync(path: Path, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they are there; raise ConfigError if that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the folder {path} cannot be made: {error.strerror}; choose another place") from error


def require_folder(path: Path) -> None:
    """Raise ConfigError if the folder of the results of a command is a file."""
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path} is a file; --out takes a folder")


def require_writable(path: Path) -> None:
    """Raise ConfigError if a file, or its folder, cannot be written; called before what is to be in it is computed."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file")
    try:
        with TemporaryFile(dir=next(filter(Path.exists, path.absolute().parents))):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def require_distinct(out: Path, read: Iterable[Path], what: str, option: str = "--out") -> None:
    """Raise ConfigError if a file to write is one of those that are read, ``what`` they are: it would be lost."""
    if out.exists() and any(path.exists() and out.samefile(path) for path in read):
        raise ConfigError(f"{out} is {what}; give another {option}")


@contextmanager
def withdrawn(folder: Path, *results: str) -> Iterator[None]:
    """Remove a folder that the block has made if it is refused before there are results in it, or anything.

    Results have names of these patterns, such as ``*.npz``. What has failed or was stopped stays, with its logs.
    """
    folder = folder.resolve()  # typo/../here is a folder that exists, though it does not before typo is made
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    except MimyriaError as error:
        if folder in made and _is_refused(error, folder, results):
            shutil.rmtree(folder, ignore_errors=True)
        for each in made:
            with suppress(OSError):  # it holds something
                each.rmdir()
        raise


@contextmanager
def alone(folder: Path, name: str, *results: str, patience: float = 0.0) -> Iterator[TextIO]:
    """Keep other processes out of a folder by a file in it that is `locked`; a refused folder is `withdrawn` before.

    The file goes last, so that a process that waits for it finds the folder whole or gone, and may make it anew. Where
    nothing is left beside it, it goes too, and its own folder below.
    """
    lock, new = folder / name, not folder.resolve().exists()
    with withdrawn(folder), locked(lock, patience) as stream:
        try:
            yield stream
        except MimyriaError as error:
            if new and _is_refused(error, folder, results):
                with suppress(OSError):  # the refusal is what the user must hear of
                    _clear(folder, lock)
            raise
        finally:
            with suppress(OSError):  # the user has removed it
                if list(lock.parent.iterdir()) == [lock]:
                    lock.unlink()
                    if lock.parent != folder:
                        lock.parent.rmdir()


def _is_refused(error: MimyriaError, folder: Path, results: tuple[str, ...]) -> bool:
    """Return whether an error, not of work that failed or was stopped, came before any of the results in a folder."""
    refused = results and not isinstance(error, RunFailed | Interrupted | Busy)
    return bool(refused) and not any(any(folder.rglob(name)) for name in results)


def _clear(folder: Path, spared: Path) -> None:
    """Remove all that is in a folder but one file, and the folders in which that is."""
    for inside in folder.iterdir():
        if inside in spared.parents:
            _clear(inside, spared)
        elif inside.is_dir() and not inside.is_symlink():
            shutil.rmtree(inside, ignore_errors=True)
        elif inside != spared:
            inside.unlink()


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be written: {error.strerror}; choose another place")


def write_text(path: Path, text: str) -> None:
    """Write a text file, `whole`."""
    with whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, `whole`."""
    write_text(path, json.dumps(content, indent=1))


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a file of `write_json`; nothing where there is no such file."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def locked(path: Path, patience: float = 0.0) -> TextIO:
    """Lock a file, which stays empty, until the stream that is returned is closed; it is a context manager.

    The system frees the lock when the last process that has the file open ends, however it ends: a child that inherits
    the file descriptor keeps the lock. Another process is waited for as many seconds as ``patience``, or without end.

    Raises
    ------
    Busy
        If another process holds the lock.
    ConfigError
        If the folder cannot be made or written to, or the file system has no locks.
    """
    end = time.monotonic() + patience
    while True:
        make_folder(path.parent)
        try:
            stream: TextIO = path.open("a", encoding="utf-8")  # a file of the user that has this name is not emptied
            if _taken(path, stream):
                return stream
            stream.close()
        except OSError as error:
            # Between both lines the folder may be removed, by who has just finished; else no file can be in it.
            if not isinstance(error, FileNotFoundError) or path.parent.is_dir():
                raise _unwritable(path, error) from error
        if time.monotonic() >= end:
            raise Busy(f"another run is working in {path.parent}; wait for it, or choose another folder")
        time.sleep(SECONDS_BETWEEN_TRIES)


@contextmanager
def writing_alone(path: Path, patience: float = 0.0, who: str = "process") -> Iterator[None]:
    """Keep others that ask so from writing a file and what belongs to it; raise Busy if ``who`` is one that does."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        stream = locked(lock, patience)
    except Busy:
        raise Busy(f"another {who} is writing {path}; wait for it, or give another --out") from None
    with stream:
        try:
            yield
        finally:
            lock.unlink()


def _taken(path: Path, stream: TextIO) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who held it may have removed the folder after the file was opened here: then this lock keeps nobody out.
        own = os.path.samestat(found := os.fstat(stream.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError as error:
        stream.close()
        raise ConfigError(
            f"{path.parent}: the file system has no locks ({error.strerror}); choose a folder on another one, or have "
            "this one mounted with flock"
        ) from error
    if found.st_size:
        stream.close()
        raise ConfigError(f"{path} is not empty, so it is no lock of this program: move it, or choose another folder")
    return own


class Identity(dict[str, Any]):
    """What something was made from: numbers, texts, paths, and lists and dictionaries of them, by name.

    Of files that were read it holds lengths and digests, so that a file which has only grown since can be told from one
    that has changed; see `as_of`.
    """

    def __init__(self, facts: Mapping[str, Any] | None = None, files: Iterable[Path] = ()) -> None:
        read = {"files": {str(path): file_facts(path) for path in files}}
        stated = {**(facts or {}), **(read if read["files"] else {})}
        super().__init__(json.loads(json.dumps(stated, default=os.fspath)))  # as it will be read again

    def __repr__(self) -> str:
        return "; ".join(f"{name}: {_shown(value)}" for name, value in _flat(self).items())

    @classmethod
    def read(cls, path: Path) -> Identity:
        """Return what `write` wrote; an empty identity where there is no such file."""
        return cls(read_json(path))

    def write(self, path: Path) -> None:
        """Write it as JSON, `whole`."""
        write_json(path, self)

    @property
    def key(self) -> str:
        """A short name of it, for a folder in which everything is made with this identity and nothing else."""
        return digest_of([json.dumps(self, sort_keys=True).encode()])[:12]

    def as_of(self, earlier: Identity) -> Identity:
        """Return this identity at the lengths that its files had in an earlier one: equal to it if they only grew."""
        before = earlier.get("files", {})
        lengths = {name: before.get(name, {}).get("bytes") for name in self.get("files", {})}
        files = {name: file_facts(Path(name), length) for name, length in lengths.items()}
        return Identity({**self, **({"files": files} if files else {})})

    def differences(self, earlier: Identity) -> str:
        """Return in words how this differs from an earlier one; empty where it does not."""
        before, now = _flat(earlier), _flat(self)
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        shown = [f"{name} was {_shown(before.get(name))}, now it is {_shown(now.get(name))}" for name in names[:SHOWN]]
        return "; ".join(shown) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _flat(content: Any, name: str = "") -> dict[str, Any]:
    """Return the values of nested dictionaries by their path; what is known of one file is one value."""
    if not isinstance(content, dict) or "digest" in content:
        return {name: content}
    return {
        key: value for part, inside in content.items() for key, value in _flat(inside, f"{name} {part}".strip()).items()
    }


def _shown(value: Any) -> str:
    if isinstance(value, dict):  # of a file
        return f"{value.get('bytes', 'some')} bytes with digest {value['digest']}"
    return "not set" if value is None else str(value)[:200]


def file_facts(path: Path, length: int | None = None) -> dict[str, Any]:
    """Return the length of a file, or of its beginning, and a digest of so much of it.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    try:
        size = path.stat().st_size if length is None else length
        return {"bytes": size, "digest": digest(path, size)}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def digest(path: Path, length: int | None = None) -> str:
    """Return a digest of a whole file; or, of any length at once, of begin, middle and end of its first bytes."""
    if length is None:
        return digest_of([path.read_bytes()])
    with path.open("rb") as stream:
        places = (max(place, 0) for place in (0, (length - SAMPLED) // 2, length - SAMPLED))
        return digest_of(stream.read(min(SAMPLED, length)) for place in places if stream.seek(place) == place)


def digest_of(chunks: Iterable[bytes]) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of bytes."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()[:16]
