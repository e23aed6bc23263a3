"""A page in this process, requests to it, and pieces of work that take no time."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mimyria.app import desk as module
from mimyria.app.desk import Desk
from mimyria.app.menu import drops
from mimyria.app.server import Server

FAKE = """
import json, pathlib, sys, time
task = json.loads(pathlib.Path("task.json").read_text())
files = [pathlib.Path("given", name) for _, name in task["files"]]
text = files[0].read_bytes()
print("a warning that is none: 5 of 7", file=sys.stderr)
print(f"warning: {files[0]} <b>looks</b> odd", file=sys.stderr, flush=True)
if b"wrong" in text:
    sys.exit(f"mimyria: {files[0]}, line 3: not a number; mend it")
if b"slow" in text:
    print(f"Hessian of {files[0].stem}: 40 %, 12 of 30 structures", file=sys.stderr, flush=True)
    time.sleep(60)
out = pathlib.Path("out")
out.mkdir()
(out / "ir.csv").write_text("wavenumber_cm-1,n\\n1,2\\n")
(out / "spectra.html").write_text("<!DOCTYPE html><title>made</title><p>made</p>")
(out / ".hidden.csv").write_text("x")
pathlib.Path("result.json").write_text(json.dumps({"page": "spectra.html"}))
"""
"""What stands for `mimyria treat`: the text of the first file says how it ends."""


@dataclass
class Page:
    """A server, and how it is asked."""

    server: Server
    desk: Desk

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def ask(
        self, method: str, path: str, body: Any = None, *, secret: bool = True, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body; underscores in the names of headers are dashes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            body = json.dumps(body)
        try:
            connection.request(method, f"/{self.server.secret}/{path}" if secret else path, body, sent)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def raw(self, text: bytes) -> bytes:
        """Return the answer to bytes that need be no proper request."""
        import socket

        with socket.create_connection(("127.0.0.1", self.server.server_port), timeout=10) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(4096), b""))

    def made(self, kind: str, *files: tuple[str, str, bytes], settings: dict[str, str] | None = None) -> int:
        """Return the number of a new piece of work, whose files (role, name, content) are sent."""
        said = [{"role": role, "name": name, "size": len(content)} for role, name, content in files]
        status, _, body = self.ask("POST", "works/", {"kind": kind, "files": said, "settings": settings or {}})
        assert status == 201, body.decode()
        number = json.loads(body)["number"]
        for place, (_, _, content) in enumerate(files):
            assert self.ask("PUT", f"works/{number}/given/{place}", content)[0] == 200
        return number

    def work(self, number: int) -> dict[str, Any]:
        return next(one for one in json.loads(self.ask("GET", "works/")[2]) if one["number"] == number)

    def wait(self, number: int, *states: str, seconds: float = 30) -> dict[str, Any]:
        """Return a piece of work as soon as it is in one of the states."""
        end = time.monotonic() + seconds
        while (work := self.work(number))["state"] not in states:
            assert time.monotonic() < end, work
            time.sleep(0.02)
        return work


@contextmanager
def a_page(folder: Path, *, model: str = "groups", largest: float = 1.0) -> Iterator[Page]:
    """Serve a page of which trajectories may have a megabyte."""
    desk = Desk(folder, drops(largest), model, largest)
    try:
        with Server(0, desk) as server:
            thread = Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield Page(server, desk)
            finally:
                server.shutdown()
                thread.join()
    finally:
        desk.close()


def without_work(patch: pytest.MonkeyPatch) -> None:
    """Have processes of `FAKE` in place of those of the program."""
    patch.setattr(module, "program", lambda *_: (sys.executable, "-c", FAKE))
    patch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.02)
