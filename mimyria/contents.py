"""What a file holds, told by its first bytes, for messages about files that are given in the wrong place."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

HEAD = 4096
"""Bytes that are looked at."""
SIGNATURES = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"\x89HDF": "an HDF5 file",
    b"CDF": "a NetCDF file",
    b"\x1f\x8b": "a file compressed by gzip",
    b"\xfd7zXZ": "a file compressed by xz",
    b"\x28\xb5\x2f\xfd": "a file compressed by zstd",
    b"BZh": "a file compressed by bzip2",
    b"\x7fELF": "a program",
    b"\xd0\xcf\x11\xe0": "an Office document",
    b"SQLite format 3": "an SQLite database",
}
TEXTS = {
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!DOCTYPE svg[^>]*>\s*)?<svg": "an SVG picture",
    r"\s*<!DOCTYPE html|\s*<html": "a web page",
    r"\s*<\?xml": "an XML file",
    r"# mimyria \S+: \w+": "a table of spectra",
    r"##\s*(?:TITLE|JCAMP)": "a JCAMP-DX spectrum",
    r"\s*\{\s*\"": "a JSON file",
    r"(?:\s*#[^\n]*\n|\s*\n|---\n)*[A-Za-z_][\w-]*:(?: [^\n]*)?\n": "a YAML file",
    r"(?:#[^\n]*\n)*(?:\"?[A-Za-z_][^\n,;\"]*\"?[,;][^\n]*\n)?\s*[\d.eE+-]+\s*[,;]": "a table of numbers",
}
"""Patterns of the beginning of a text."""


def contents_of(path: Path) -> str:
    """Return what a file holds, such as ``a PNG picture``, as far as its beginning tells; else ``""``."""
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError:
        return ""
    if not head:
        return "an empty file"
    if head.startswith(b"PK\x03\x04"):
        return _archive(path)
    known = next((what for signature, what in SIGNATURES.items() if head.startswith(signature)), "")
    if known:
        return known
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "a binary file"
    text = head.decode("utf-8", errors="replace")
    return next((what for pattern, what in TEXTS.items() if re.match(pattern, text, re.DOTALL)), "")


def misplaced(path: Path, wanted: str) -> str:
    """Return the words that a file is something else than what is wanted; ``""`` if its beginning tells nothing."""
    what = contents_of(path)
    return f"{path} is {what}, not {wanted}" if what else ""


def _archive(path: Path) -> str:
    """Return which of the formats that are zip archives a file has."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "a damaged zip archive"
    formats = {"data.pkl": "a file of torch, such as a model", "xl/workbook.xml": "an Excel workbook"}
    formats |= {"word/document.xml": "a Word document", ".npy": "arrays of numpy"}
    return next((what for end, what in formats.items() if any(name.endswith(end) for name in names)), "a zip archive")
