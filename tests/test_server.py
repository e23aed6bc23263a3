"""The server of the page: who may ask, what is refused, and that nothing of a user becomes a path or a script."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest
from dropped import Page, a_page, without_work

from mimyria.app import server as module
from mimyria.app.server import Server
from mimyria.errors import ConfigError

XYZ = b"1\n\nHe 0 0 0\n"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        without_work(patch)
        with a_page(folder) as page:
            yield page


def told(reply: tuple[int, dict[str, str], bytes], status: int, *words: str) -> None:
    """The answer has the status, and is one sentence with these words, as plain text."""
    assert reply[0] == status, reply
    assert reply[1]["Content-Type"].startswith("text/plain")
    text = reply[2].decode()
    assert text.count("\n") == 1
    for word in words:
        assert word in text


def test_it_listens_on_this_machine_alone(page: Page) -> None:
    assert page.server.server_address[0] == "127.0.0.1"
    with pytest.raises(ConfigError, match=rf"port {page.server.server_port} cannot be used.*--port 0"):
        Server(page.server.server_port, page.desk)


@pytest.mark.parametrize("path", ["", "page.js", "chart.js", "page.css", "page.html", "menu/", "works/"])
def test_what_the_page_is_made_of(page: Page, path: str) -> None:
    status, headers, body = page.ask("GET", path)
    assert status == 200
    assert body
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert b"http://" not in body.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"https://" not in body


def test_only_who_knows_the_address_is_answered(page: Page) -> None:
    for path in (
        "/",
        "/works/",
        f"/{page.server.secret[:-1]}/works/",
        f"/{page.server.secret}",
        "/x/works/",
        "//works/",
    ):
        told(page.ask("GET", path, secret=False), 403, "whole address")
    told(page.ask("GET", f"/open/{'x' * 32}", secret=False), 403)


def test_a_ticket_opens_the_page_once(page: Page) -> None:
    ticket = page.server.ticket
    told(page.ask("GET", f"/open/{ticket}", secret=False, Host="evil.example"), 403)
    status, headers, _ = page.ask("GET", f"/open/{ticket}", secret=False)
    assert status == 303
    assert headers["Location"] == f"/{page.server.secret}/"
    told(page.ask("GET", f"/open/{ticket}", secret=False), 403)


def test_other_names_and_other_pages_are_refused(page: Page) -> None:
    port = page.server.server_port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", f"[::1]:{port}", ""):
        told(page.ask("GET", "works/", Host=host), 403, "no other name")
    assert page.ask("GET", "works/", Host=f"localhost:{port}", Origin=f"http://localhost:{port}")[0] == 200
    for origin in (
        "null",
        "http://evil.example",
        f"https://{page.host}",
        f"http://localhost:{port}",
        "http://127.0.0.1",
    ):
        told(page.ask("POST", "works/", {}, Origin=origin), 403, "another page")
    for site in ("cross-site", "same-site"):
        told(page.ask("GET", "works/", Sec_Fetch_Site=site), 403, "another page")
    assert page.ask("GET", "", Sec_Fetch_Site="none")[0] == 200


def test_what_is_no_request(page: Page) -> None:
    head = f"GET /{page.server.secret}/works/ HTTP/1.1\r\nHost: {page.host}\r\n"
    assert page.raw(f"{head}Host: evil.example\r\n\r\n".encode()).startswith(b"HTTP/1.0 403")
    assert page.raw(b"\x16\x03\x01\x02\x00 hello\r\n\r\n") == b"Bad Request\n"
    assert b" 431 " in page.raw(head.encode() + b"a: b\r\n" * 200 + b"\r\n").partition(b"\r\n")[0]
    assert b" 414 " in page.raw(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n").partition(b"\r\n")[0]
    answer = page.raw(f"BREW /<script> HTTP/1.1\r\nHost: {page.host}\r\n\r\n".encode())
    assert b" 501 " in answer.partition(b"\r\n")[0]
    assert b"script" not in answer.partition(b"\r\n\r\n")[2]
    answer = page.raw(f"GET http://[ HTTP/1.1\r\nHost: {page.host}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.0 400")
    for method in ("GET", "PUT", "DELETE", "POST"):
        told(page.ask(method, "nothing/here"), 404)
    told(page.ask("DELETE", "works/"), 404)
    for path in (
        "../menu/",
        "%2e%2e/",
        "works/1/files/..%2f..%2fetc",
        "examples/../page.js",
        "works/0x1/files/a",
        "works/%31/files/a",
    ):
        assert page.ask("GET", path)[0] == 404
    wide = f"GET /{page.server.secret}/works/१/files/a HTTP/1.1\r\nHost: {page.host}\r\n\r\n"
    assert page.raw(wide.encode()).startswith(b"HTTP/1.0 404")


def test_lengths_must_be_said_and_true(page: Page) -> None:
    for said in ("-1", "+5", "1_0", "5 ", "0x5", "1e3", "٥", "9" * 30, ""):
        head = f"POST /{page.server.secret}/works/ HTTP/1.1\r\nHost: {page.host}\r\nContent-Length: {said}\r\n\r\n{{}}"
        answer = page.raw(head.encode())
        assert answer.startswith(b"HTTP/1.0 400"), (said, answer)
    told(page.ask("POST", "works/", Transfer_Encoding="chunked"), 411)
    head = f"POST /{page.server.secret}/works/ HTTP/1.1\r\nHost: {page.host}\r\n"
    assert page.raw(f"{head}\r\n".encode()).startswith(b"HTTP/1.0 411")
    assert page.raw(f"{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}".encode()).startswith(b"HTTP/1.0 400")
    assert page.raw(f"{head}Content-Length: 64001\r\n\r\n".encode()).startswith(b"HTTP/1.0 413")


@pytest.mark.parametrize(
    "body",
    [
        *(
            "",
            "{",
            "[]",
            "null",
            '{"kind": "structure"}',
            '{"kind": "structure", "files": 3, "settings": {}}',
            "[" * 9999,
        ),
        '{"kind": "structure", "files": [{"role": "structure", "name": "a.xyz", "size": "3"}], "settings": {}}',
        '{"kind": "structure", "files": [{"role": "structure", "name": "a.xyz", "size": true}], "settings": {}}',
        '{"kind": "structure", "files": [{"role": "structure", "name": "a.xyz", "size": 3}], "settings": [1]}',
        '{"kind": "structure", "files": [{"role": "structure", "name": "a.xyz", "size": NaN}], "settings": {}}',
        '{"kind": "structure", "files": [{"role": "structure", "name": "a", "size": 1%s}], "settings": {}}'
        % ("0" * 400),
        "\udcff",
    ],
)
def test_what_is_no_work(page: Page, body: str) -> None:
    told(page.ask("POST", "works/", body.encode(errors="surrogateescape")), 400)
    assert json.loads(page.ask("GET", "works/")[2]) == []


@pytest.mark.parametrize(("method", "path"), [("PUT", "works/99/given/0"), ("POST", "works/")])
def test_who_sends_a_large_file_in_vain_hears_why(page: Page, method: str, path: str) -> None:
    """It is more than the buffers between both ends hold, so that it cannot be sent unless it is read."""
    status, _, body = page.ask(method, path, bytes(30_000_000))
    assert (status, b"no such work" in body or b"at most 64000" in body) == (404 if method == "PUT" else 413, True)


def test_a_piece_of_work_from_the_file_to_its_results(page: Page) -> None:
    name = "../../<img src=x onerror=alert(1)>\n$x.xyz"
    number = page.made("structure", ("structure", name, XYZ))
    work = page.wait(number, "finished")
    assert work["title"] == "<img src=x onerror=alert(1)>$x.xyz"
    assert work["warnings"] == ["<img src=x onerror=alert(1)>$x.xyz <b>looks</b> odd"]
    assert [file["name"] for file in work["files"]] == ["ir.csv", "spectra.html"]
    folder = page.desk.get(number).folder
    assert sorted(path.name for path in folder.rglob("*")) == sorted(
        ["task.json", "run.log", "result.json", "out", "ir.csv", "spectra.html", ".hidden.csv"]
    )
    assert "$" not in json.loads((folder / "task.json").read_text())["title"]
    status, headers, body = page.ask("GET", f"works/{number}/files/spectra.html")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"made" in body
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts allow-downloads; default-src 'none'")
    assert "same-origin" not in policy
    assert "connect-src" not in policy
    status, headers, body = page.ask("GET", f"works/{number}/files/ir.csv?download")
    assert headers["Content-Disposition"] == 'attachment; filename="ir.csv"'
    for _ in range(2):
        status, headers, body = page.ask("GET", f"works/{number}/all.zip")
        assert status == 200
        names = zipfile.ZipFile(io.BytesIO(body)).namelist()
        assert names == [f"{folder.name}/ir.csv", f"{folder.name}/spectra.html"]
    for other in (".hidden.csv", "task.json", "run.log", "..", "nothing.csv"):
        told(page.ask("GET", f"works/{number}/files/{other}"), 404)
    assert page.ask("DELETE", f"works/{number}")[0] == 200
    assert not folder.exists()
    told(page.ask("GET", f"works/{number}/files/ir.csv"), 404, "removed")


def test_examples_are_given_away(page: Page) -> None:
    for drop in json.loads(page.ask("GET", "menu/")[2]):
        for example in drop["examples"]:
            status, headers, body = page.ask("GET", f"examples/{example['name']}")
            assert status == 200
            assert len(body) > 200
            assert "attachment" in headers["Content-Disposition"]
            endings = [ending for role in drop["roles"] for ending in role["endings"]]
            assert example["name"].endswith(tuple(endings))
    told(page.ask("GET", "examples/water32_labels.extxyz.xz"), 404)


def test_too_many_connections_are_closed(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    # the thread of a request that was answered may hold its place a moment longer
    taken = [page.server._free.acquire(timeout=10) for _ in range(module.MOST_CONNECTIONS)]
    try:
        with pytest.raises((ConnectionError, HTTPException)):
            page.ask("GET", "works/")
    finally:
        for got in taken:
            if got:
                page.server._free.release()
    assert page.ask("GET", "works/")[0] == 200


def test_who_says_nothing_is_not_waited_for(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Handler, "timeout", 0.1)
    import socket

    with socket.create_connection(("127.0.0.1", page.server.server_port), timeout=10) as connection:
        connection.sendall(b"GET / HT")
        assert connection.recv(100) == b""


def test_a_result_must_not_be_a_link(page: Page, tmp_path: Path) -> None:
    number = page.made("structure", ("structure", "a.xyz", XYZ))
    page.wait(number, "finished")
    (tmp_path / "secret.csv").write_text("secret")
    (page.desk.get(number).folder / "out" / "link.csv").symlink_to(tmp_path / "secret.csv")
    told(page.ask("GET", f"works/{number}/files/link.csv"), 404)
    page.ask("DELETE", f"works/{number}")
