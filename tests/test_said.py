"""What a log says is heard once, however often it is looked at, and no more of it is read than has come."""

from pathlib import Path

from mimyria.app.said import Said


def test_every_look_reads_what_is_new(tmp_path: Path) -> None:
    log, said = tmp_path / "run.log", Said()
    assert said.look(log) == ([], None)
    warnings: list[str] = []
    for number, line in enumerate(
        ("warning: it is odd", "Hessian of a: b: 40 %, 12 of 30", "half a li", "ne", "warning: it is odd")
    ):
        with log.open("a") as file:
            file.write(line + "\n" * (number != 2))
        warnings, progress = said.look(log)
    assert warnings == ["it is odd"]
    assert progress is not None
    assert progress.groupdict() == {"title": "Hessian of a: b", "percent": "40", "words": "12 of 30"}
    log.write_bytes(b"x" * log.stat().st_size + b"warning: \xff\n")  # what was read is not looked at again
    assert said.look(log)[0] == ["it is odd", "\ufffd"]
