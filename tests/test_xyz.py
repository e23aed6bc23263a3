"""The text of xyz files: blocks of lines, which are counted and skipped, and the columns of each."""

import re
from pathlib import Path

import numpy as np
import pytest

from mimyria.errors import TrajectoryError
from mimyria.files.xyz import Block, parse_header, parse_rows, read_blocks, read_names, table_of

FRAME = "2\nProperties=species:S:1:pos:R:3 Time={}\nO 0 0 1.5\nH 0 0 2.5D+00\n"


def blocks(text: str, *indices: int, **how: int) -> list[Block]:
    return list(read_blocks(Path("a.xyz"), iter(text.encode().splitlines(keepends=True)), indices, **how))


def test_wanted_blocks_have_their_place() -> None:
    first, last = blocks("\n".join(FRAME.format(k) for k in range(4)), 1, 3)
    assert (first.index, first.line, last.index, last.line) == (1, 8, 3, 18)
    assert "Time=3" in last.comment
    assert blocks(FRAME, 5) == []
    (titled,) = blocks("1 water\nH 1 2 3\n", 0, n_comments=0, titled=True)
    assert (titled.rows, titled.comment) == ([b"H 1 2 3\n"], "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.xyz: holds no frame"),
        ("two\n\n", "line 1: expected a number of atoms, found 'two'"),
        (5000 * "9" + "\n\n", "line 1: expected a number of atoms, found '999"),
        (FRAME + FRAME[:-14], "cut in the middle of frame 1: 2 atoms announced, 1 present; cut .* `--frames 0:1`"),
        (FRAME[:-8], "no frame is complete"),
    ],
)
def test_what_is_no_block_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(TrajectoryError, match=message):
        blocks(text, 0, 1)


def test_rows_are_parsed_with_any_exponent_and_refused_by_line() -> None:
    (block,) = blocks(FRAME, 0)
    table = table_of(parse_header(block.comment), positions=True)
    np.testing.assert_array_equal(parse_rows(block, table)["pos"][:, 2], [1.5, 2.5])
    (wrong,) = blocks(FRAME.replace("2.5D+00", "x"), 0)
    with pytest.raises(TrajectoryError, match="line 4: 'x' is not a number"):
        parse_rows(wrong, table)
    for columns, message in (("pos:R:3", "no column species"), ("species:S:1:vel:R:3", "holds velocities, no pos")):
        with pytest.raises(TrajectoryError, match=re.escape(message)):
            table_of(parse_header(f"Properties={columns}"), positions=True)


def test_names_of_the_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text(FRAME.format(0))
    assert read_names(path) == (["O", "H"], True)
    path.write_text("1\n\nOW 0 0 0\n")
    assert read_names(path) == (["OW"], False)
