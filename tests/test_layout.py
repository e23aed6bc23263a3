"""Index orders of stored tensors: named, transposed, settled by symmetry, and never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts import labelled
from mimyria.errors import LabelError
from mimyria.formats import read_frames
from mimyria.targets import APT, PGT
from mimyria.units import BOHR

APT_OURS, PGT_OURS = labelled(1)[0].tensors["apt"], labelled(1)[0].tensors["pgt"]
APT_FIRST, PGT_FIRST = np.moveaxis(APT_OURS, -1, 1), np.moveaxis(PGT_OURS, -1, 1)
PGT_MIDDLE = np.moveaxis(PGT_OURS, -1, 2)
SYMMETRIC = APT_OURS + APT_OURS.swapaxes(1, 2)
FIRST, LAST = "displacement,field", "field,displacement"


def write_tensor(path: Path, name: str, values: Any, header: str = "") -> Path:
    rows = [f"O {k} 0 0 " + " ".join(map(str, row)) for k, row in enumerate(values.reshape(len(values), -1).tolist())]
    width = values[0].size
    path.write_text("\n".join([str(len(rows)), f"Properties=species:S:1:pos:R:3:{name}:R:{width} {header}", *rows, ""]))
    return path


@pytest.mark.parametrize(
    ("name", "values", "header", "layout", "expected"),
    [
        ("apt", APT_OURS, f"apt_order={LAST}", None, APT_OURS),
        ("apt", APT_OURS, "", LAST, APT_OURS),
        ("apt", APT_FIRST, "", FIRST, APT_OURS),
        ("apt", APT_FIRST, f"apt_order={FIRST}", FIRST, APT_OURS),
        ("REF_becs", APT_FIRST, "", FIRST, APT_OURS),
        ("bec", SYMMETRIC, "", None, SYMMETRIC),
        ("pgt", PGT_OURS, f"pgt_order=field,{LAST}", None, PGT_OURS),
        ("pgt", PGT_OURS, "", None, PGT_OURS),
        ("pgt", PGT_FIRST, "", None, PGT_OURS),
        ("pgt", PGT_FIRST, "", FIRST, PGT_OURS),
        ("pgt", PGT_FIRST, f'pgt_order="{FIRST},field"', FIRST, PGT_OURS),
    ],
)
def test_index_orders(tmp_path: Path, name: str, values: Any, header: str, layout: str | None, expected: Any) -> None:
    (frame,) = read_frames(write_tensor(tmp_path / "a.xyz", name, values, header), layout=layout)
    target = PGT if name == "pgt" else APT
    np.testing.assert_allclose(frame.tensors[target.name], expected)
    assert not frame.info


@pytest.mark.parametrize(
    ("name", "values", "header", "layout", "message"),
    [
        ("apt", APT_OURS, "", None, "the index order of apt is not known: .*give --layout"),
        ("apt", APT_FIRST, f"apt_order={FIRST}", None, "is not our order; `--layout displacement,field` transposes it"),
        (
            "apt",
            APT_OURS,
            f"apt_order={LAST}",
            FIRST,
            f"--layout {FIRST} contradicts apt_order={LAST} in the header",
        ),
        (
            "apt",
            APT_OURS,
            "apt_order=dipole,atom",
            None,
            "unknown apt_order 'dipole,atom'; known: field,displacement and",
        ),
        ("apt", APT_OURS[:, :2], "", None, "apt has 6 columns, not 9"),
        ("apt", APT_OURS, f"apt_order={LAST} apt_unit=D/A", None, "apt_unit is 'D/A', not 'e'"),
        ("pgt", PGT_MIDDLE, "", None, "the index order of pgt is not known"),
        ("pgt", PGT_FIRST, "", LAST, "pgt is not symmetric in its field indices"),
        ("pgt", PGT_FIRST, f"pgt_order=field,{LAST}", None, "pgt is not symmetric in its field indices"),
        ("pgt", PGT_FIRST, f"pgt_order={FIRST},field", None, "`--layout displacement,field` transposes it"),
    ],
)
def test_index_orders_are_never_guessed(
    tmp_path: Path, name: str, values: Any, header: str, layout: str | None, message: str
) -> None:
    with pytest.raises(LabelError, match=message) as error:
        list(read_frames(write_tensor(tmp_path / "a.xyz", name, values, header), layout=layout))
    assert "a.xyz, frame 0" in str(error.value)


def test_published_files_by_the_name_of_their_route(tmp_path: Path) -> None:
    """Its tensors from fields store the APT the other way round; from displacements, atoms left out have zeros."""
    path = tmp_path / "a.xyz"
    (frame,) = read_frames(write_tensor(path, "apt", APT_FIRST), layout="mimyria-field")
    np.testing.assert_allclose(frame.tensors["apt"], APT_OURS)
    (frame,) = read_frames(write_tensor(path, "pgt", PGT_OURS), layout="mimyria-field")
    np.testing.assert_allclose(frame.tensors["pgt"], PGT_OURS)
    (frame,) = read_frames(write_tensor(path, "pgt", np.nan_to_num(PGT_OURS)), layout="mimyria-displacement")
    np.testing.assert_allclose(frame.tensors["pgt"], PGT_OURS)
    (frame,) = read_frames(write_tensor(path, "pgt", PGT_OURS * BOHR), layout="mimyria-auto")
    np.testing.assert_allclose(frame.tensors["pgt"], PGT_OURS)
    (frame,) = read_frames(write_tensor(path, "bec", APT_FIRST), layout="mace")
    np.testing.assert_allclose(frame.tensors["apt"], APT_OURS)
