"""What the server answers: a reply with its headers, or a refusal in one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from mimyria.errors import MimyriaError

OURS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: only what this server sends, and nothing written into the page itself."""
RESULT = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of the pages that results are: they hold their scripts, may reach nothing, and have an origin of their own."""
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
}
"""By the ending of a file; of any other it is bytes."""


class Refusal(MimyriaError):
    """A request that is not answered, with its HTTP status and the reason as the page shows it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Reply:
    """An answer."""

    body: bytes | Path = b""
    """A file is sent in pieces."""
    kind: str = TYPES[".json"]
    status: int = HTTPStatus.OK
    policy: str = OURS
    headers: Mapping[str, str] = field(default_factory=dict)


def of_json(content: Any, status: int = HTTPStatus.OK) -> Reply:
    """Return content as JSON; ValueError for numbers that are none, which JSON has not."""
    return Reply(json.dumps(content, ensure_ascii=False, allow_nan=False).encode(), status=status)


def of_words(words: str, status: int) -> Reply:
    """Return a sentence as plain text."""
    return Reply(f"{words}\n".encode(errors="replace"), "text/plain; charset=utf-8", status)


def of_file(path: Path, *, download: bool = False, policy: str = RESULT) -> Reply:
    """Return a file, to be shown or, with ``download``, to be stored."""
    headers = {"Content-Disposition": f'attachment; filename="{path.name}"'} if download else {}
    return Reply(path, TYPES.get(path.suffix, "application/octet-stream"), policy=policy, headers=headers)
