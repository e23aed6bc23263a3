"""The server: who may ask, for what, and how much.

It listens on 127.0.0.1 alone. Other users of the machine, and pages of the web that the same browser shows, reach that
address too; so every path begins with a secret, and a request is refused whose ``Host`` is not this server (a name on
the web that is made to mean 127.0.0.1), or whose ``Origin`` or ``Sec-Fetch-Site`` tell that another page sent it.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import as_file, files
from pathlib import Path
from socket import SHUT_WR
from socketserver import TCPServer
from threading import BoundedSemaphore
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from mimyria import __version__
from mimyria.app.answers import ALWAYS, TYPES, Refusal, Reply, of_file, of_json, of_words
from mimyria.app.desk import PIECE, Desk
from mimyria.errors import ConfigError, MimyriaError

log = logging.getLogger("mimyria")

HERE = "127.0.0.1"
PLAIN = 80
"""The port that browsers leave out of ``Host``."""
MOST_CONNECTIONS = 40
SECONDS_OF_SILENCE = 30
"""After which a connection is closed."""
LARGEST_REQUEST = 64_000
"""Bytes of what is no file."""
LARGEST_SIZE = 10**15
"""Bytes; no file that is dropped is larger."""
PARTS = ("page.html", "page.css", "page.js", "chart.js")


class Server(ThreadingHTTPServer):
    """The server of a desk."""

    daemon_threads = True

    def __init__(self, port: int, desk: Desk) -> None:
        self.desk = desk
        self.secret = secrets.token_urlsafe(24)
        self.ticket: str | None = secrets.token_urlsafe(24)
        """Opens the page once: the address with which a browser is started can be seen by every user of the machine."""
        self._free = BoundedSemaphore(MOST_CONNECTIONS)
        try:
            super().__init__((HERE, port), Handler)
        except OSError as error:
            raise ConfigError(
                f"port {port} cannot be used: {error.strerror}; perhaps another `mimyria app` runs there; give another "
                "--port, or --port 0 for any that is free"
            ) from error

    def server_bind(self) -> None:
        """Take the port, without asking for the name of this machine, which may take long and is of no use."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HERE, self.server_address[1]

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://{HERE}:{self.server_port}/{self.secret}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, unless there are too many already."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note what went wrong; a browser that goes away is nothing unusual."""
        log.debug("a request failed", exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server_version = f"mimyria/{__version__}"
    sys_version = ""
    timeout = SECONDS_OF_SILENCE

    def _answer(self) -> None:
        try:
            reply = answer(self)
        except Refusal as error:
            reply = of_words(str(error), error.status)
        except MimyriaError as error:
            reply = of_words(str(error), HTTPStatus.BAD_REQUEST)
        except OSError as error:  # such as a disk that is full
            reply = of_words(f"the folder of the page: {error.strerror or error}", HTTPStatus.INSUFFICIENT_STORAGE)
        self.close_connection = True
        with suppress(ConnectionError, TimeoutError):
            self._send(reply)
            if reply.status >= HTTPStatus.BAD_REQUEST and "Content-Length" in self.headers:
                self._read_rest()

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def _send(self, reply: Reply) -> None:
        length = reply.body.stat().st_size if isinstance(reply.body, Path) else len(reply.body)
        self.send_response(reply.status)
        headers = {"Content-Type": reply.kind, "Content-Length": str(length), "Content-Security-Policy": reply.policy}
        for name, value in {**headers, **ALWAYS, "Connection": "close", **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if isinstance(reply.body, Path):
            with reply.body.open("rb") as file:
                shutil.copyfileobj(file, self.wfile)
        else:
            self.wfile.write(reply.body)

    def _read_rest(self) -> None:
        """Read what a browser still sends of a file that is refused: it shows no answer if its sending breaks off."""
        self.connection.shutdown(SHUT_WR)
        end = time.monotonic() + SECONDS_OF_SILENCE
        while time.monotonic() < end and self.rfile.read1(PIECE):
            pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is no proper HTTP in one line."""
        self.close_connection = True
        with suppress(ConnectionError, TimeoutError):
            self._send(of_words(HTTPStatus(code).phrase, code))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the page asks every second, and its path is the secret."""

    @property
    def desk(self) -> Desk:
        """The desk of the server."""
        return cast(Server, self.server).desk


def answer(request: Handler) -> Reply:
    """Return the answer to a request; raise Refusal for one that has none."""
    server = cast(Server, request.server)
    check_sender(request, server.server_port)
    try:
        path = urlsplit(request.path).path
    except ValueError as error:  # such as of http://[
        raise Refusal(400, "the address of the request is none") from error
    if server.ticket is not None and request.command == "GET" and _same(path, f"/open/{server.ticket}"):
        server.ticket = None
        return Reply(status=HTTPStatus.SEE_OTHER, headers={"Location": f"/{server.secret}/"})
    _, secret, *rest = path.split("/", 2) if path.count("/") > 1 else ("", "", "")
    if not _same(secret, server.secret):
        raise Refusal(403, "this page is opened by the whole address that `mimyria app` prints")
    for method, pattern, do in ROUTES:
        found = re.fullmatch(pattern, rest[0], re.ASCII)
        if found and request.command == method:
            return do(request, *found.groups())
    raise Refusal(404, "there is nothing here")


def check_sender(request: Handler, port: int) -> None:
    """Raise Refusal for a request that was not meant for this server, or that a page of another has sent."""
    names = (HERE, "localhost")
    hosts = [f"{name}:{port}" for name in names] + [*(names if port == PLAIN else ())]
    told = request.headers.get_all("Host", [])
    if len(told) != 1 or told[0] not in hosts:
        raise Refusal(403, f"this server is {HERE}:{port}, and has no other name")
    origins = request.headers.get_all("Origin", [])
    if any(origin != f"http://{told[0]}" for origin in origins):
        raise Refusal(403, "another page sent this request")
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Refusal(403, "another page sent this request")


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), secret.encode())


def _length(request: Handler) -> int:
    """Return how many bytes follow; raise Refusal where the request does not say it in one plain number."""
    told = request.headers.get_all("Content-Length", [])
    if request.headers.get("Transfer-Encoding") is not None or not told:
        raise Refusal(411, "a request says its length beforehand")
    if len(told) > 1 or not re.fullmatch(r"\d{1,15}", told[0], re.ASCII):
        raise Refusal(400, "the length of the request is no number")
    return int(told[0])


def _content(request: Handler) -> dict[str, Any]:
    """Return the JSON object that a request holds."""
    length = _length(request)
    if length > LARGEST_REQUEST:
        raise Refusal(413, f"a request has at most {LARGEST_REQUEST} bytes")
    try:
        content = json.loads(request.rfile.read(length))
    except (ValueError, RecursionError, OSError) as error:
        raise Refusal(400, "the request is no JSON") from error
    if not isinstance(content, dict):
        raise Refusal(400, "the request is no JSON object")
    return content


def _part(request: Handler, name: str) -> Reply:
    name = name or "page.html"
    if name not in PARTS:
        raise Refusal(404, "there is nothing here")
    return Reply((files("mimyria.app") / name).read_bytes(), TYPES[Path(name).suffix])


def _menu(request: Handler) -> Reply:
    return of_json([drop.described() for drop in request.desk.drops.values()])


def _example(request: Handler, name: str) -> Reply:
    for drop in request.desk.drops.values():
        for example in drop.examples:
            if example.name == name:
                with as_file(files("mimyria") / example.place) as path:
                    headers = {"Content-Disposition": f'attachment; filename="{example.name}"'}
                    return Reply(path.read_bytes(), "application/octet-stream", headers=headers)
    raise Refusal(404, "there is no example of that name")


def _list(request: Handler) -> Reply:
    return of_json(request.desk.described())


def _make(request: Handler) -> Reply:
    content = _content(request)
    try:
        files = [(str(one["role"]), str(one["name"]), one["size"]) for one in content["files"]]
        settings = {str(name): str(words) for name, words in content["settings"].items()}
        kind = str(content["kind"])
    except (KeyError, TypeError, AttributeError) as error:
        raise Refusal(400, "the request lacks kind, files or settings") from error
    if not all(isinstance(size, int) and not isinstance(size, bool) and size < LARGEST_SIZE for _, _, size in files):
        raise Refusal(400, "the size of a file is a whole number of bytes, of fifteen digits at most")
    return of_json(request.desk.make(kind, files, settings).described(), HTTPStatus.CREATED)


def _receive(request: Handler, number: str, place: str) -> Reply:
    length = _length(request)
    work = request.desk.receive(int(number), int(place), cast(BinaryIO, request.rfile), length)
    return of_json(work.described())


def _stop(request: Handler, number: str) -> Reply:
    request.desk.stop(int(number))
    return of_json({})


def _remove(request: Handler, number: str) -> Reply:
    request.desk.remove(int(number))
    return of_json({})


def _file(request: Handler, number: str, name: str) -> Reply:
    return of_file(request.desk.file(int(number), name), download="download" in urlsplit(request.path).query)


def _archive(request: Handler, number: str) -> Reply:
    return of_file(request.desk.archive(int(number)), download=True)


ROUTES: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
    ("GET", r"([\w.]*)", _part),
    ("GET", r"menu/", _menu),
    ("GET", r"examples/([\w.-]+)", _example),
    ("GET", r"works/", _list),
    ("POST", r"works/", _make),
    ("PUT", r"works/(\d{1,6})/given/(\d)", _receive),
    ("POST", r"works/(\d{1,6})/stop", _stop),
    ("DELETE", r"works/(\d{1,6})", _remove),
    ("GET", r"works/(\d{1,6})/all\.zip", _archive),
    ("GET", r"works/(\d{1,6})/files/([\w.-]+)", _file),
)
"""Method, path behind the secret, and what answers."""
