"""Text files, plain or compressed, as the suffix says: .zst, .xz or .gz."""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

from mimyria.contents import HEAD, contents_of
from mimyria.errors import TrajectoryError

SUFFIXES = (".zst", ".xz", ".gz")


def plain_suffix(path: Path) -> str:
    """Return the suffix of the format, without that of the compression, in lower case."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() in SUFFIXES else path.suffix.lower()


@contextmanager
def open_lines(path: Path) -> Iterator[tuple[io.BufferedReader[io.RawIOBase], Callable[[], float]]]:
    """Open a text file; yield its lines, and a function that returns the fraction of its bytes read so far."""
    size = max(path.stat().st_size, 1)
    with (
        path.open("rb", buffering=0) as raw,
        io.BufferedReader(cast(io.RawIOBase, _decompressed(raw, path.suffix.lower())), 1 << 16) as lines,
    ):
        yield lines, lambda: min(raw.tell() / size, 1.0)


def check_compression(path: Path) -> None:
    """Raise TrajectoryError for a compressed file whose name says otherwise, and for one that holds no text."""
    what = contents_of(path)
    if path.suffix.lower() not in SUFFIXES:
        if "compressed" in what:
            raise TrajectoryError(f"{path} is {what}; decompress it first")
        return
    with suppress(*read_errors(path)), open_lines(path) as (lines, _):
        if b"\0" in lines.read(HEAD):
            raise TrajectoryError(f"{path}: a compressed binary file cannot be read; decompress it first")


def read_text(path: Path) -> str:
    """Return the whole text of a file; raise TrajectoryError if it is damaged."""
    try:
        with open_lines(path) as (lines, _):
            return lines.read().decode("utf-8", errors="replace")
    except read_errors(path) as error:
        raise TrajectoryError(f"{path} cannot be read: {error}; it is damaged") from error


def _decompressed(raw: IO[bytes], suffix: str) -> IO[bytes]:
    if suffix == ".zst":
        import zstandard

        # Every append adds a zstd frame, so reading must go on across frames; `zstd --long=31` needs a window of 2 GiB.
        return cast(
            "IO[bytes]",
            zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(
                raw, read_size=1 << 17, read_across_frames=True, closefd=False
            ),
        )
    if suffix == ".xz":
        return cast("IO[bytes]", lzma.LZMAFile(raw))
    if suffix == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    return raw


def read_errors(path: Path) -> tuple[type[Exception], ...]:
    """Return the exceptions that reading a damaged or truncated file raises."""
    if path.suffix.lower() == ".zst":
        import zstandard

        return (OSError, zstandard.ZstdError)
    return (OSError, EOFError, lzma.LZMAError, zlib.error)


@contextmanager
def open_written(path: Path, suffix: str, *, append: bool) -> Iterator[BinaryIO]:
    """Open a file for writing, compressed as the suffix says."""
    with path.open("ab" if append else "wb") as raw:
        if suffix == ".zst":
            import zstandard

            with zstandard.ZstdCompressor(level=6).stream_writer(raw, closefd=False) as compressed:
                yield cast(BinaryIO, compressed)
        elif suffix == ".xz":
            with lzma.LZMAFile(raw, "wb", preset=3) as packed:
                yield cast(BinaryIO, packed)
        elif suffix == ".gz":
            with gzip.GzipFile(fileobj=raw, mode="wb") as zipped:
                yield cast(BinaryIO, zipped)
        else:
            yield cast(BinaryIO, raw)
