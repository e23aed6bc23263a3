"""Index orders of stored tensors: named, transposed, settled by symmetry, and never guessed."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts import labelled
from mimyria.errors import LabelError
from mimyria.files.layout import LAYOUTS, check_layout, own_header, stored_tensors
from mimyria.formats import read_frames
from mimyria.targets import APT, PGT, TARGETS
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


STORED = {
    "field,displacement": {"apt": -1, "pgt": -1, "hgt": -1},
    "displacement,field": {"apt": 1, "pgt": 1, "hgt": 1},
    "mimyria-field": {"apt": 1, "pgt": -1},
    "mimyria-displacement": {"apt": -1, "pgt": -1},
    "mimyria-auto": {"apt": 1, "pgt": -1},
    "vasp": {"apt": -1, "pgt": -1},
    "nequip": {"apt": -1, "pgt": -1},
    "mace": {"apt": 1, "pgt": 1},
}
"""By layout, the axis of the displacement in the files of each program, as its documentation says."""


def made_up(name: str) -> Any:
    """Tensors of three atoms, symmetric in their field indices alone."""
    order = TARGETS[name].order
    tensors = np.random.default_rng(order).normal(size=(3, *(3,) * (order + 1)))
    return np.mean([tensors.transpose(0, *p, order + 1) for p in permutations(range(1, order + 1))], axis=0)


def stored(name: str, values: Any, layout: str | None = None, **header: Any) -> Any:
    return stored_tensors({name: values.reshape(len(values), -1)}, header, layout, "a.xyz")[name]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_that_of_its_program(layout: str) -> None:
    for name in TARGETS:
        if name not in STORED[layout]:
            with pytest.raises(LabelError, match=f"{layout} says nothing about {name}; known: apt, pgt"):
                stored(name, made_up(name), layout)
            continue
        values = np.moveaxis(made_up(name), -1, STORED[layout][name])
        unit = 1 / BOHR if (layout, name) == ("mimyria-auto", "pgt") else 1.0
        np.testing.assert_allclose(stored(name, values, layout), unit * made_up(name))
    check_layout(layout)
    with pytest.raises(LabelError, match=f"--layout takes field,displacement, .*, not '{layout}x'"):
        check_layout(f"{layout}x")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_zeros_are_no_label_only_where_the_program_means_that(layout: str) -> None:
    """And only where all of an atom's are."""
    tensors = made_up("pgt")
    tensors[1], tensors[2, 0], tensors[2, :, 0], tensors[2, ..., 0] = 0.0, 0.0, 0.0, 0.0
    found = stored("pgt", np.moveaxis(tensors, -1, STORED[layout]["pgt"]), layout)
    assert np.isnan(found[1]).all() == (layout == "mimyria-displacement")
    assert np.isfinite(found[[0, 2]]).all()


@pytest.mark.parametrize("name", ["pgt", "hgt"])
def test_symmetry_tells_the_order_up_to_the_noise_of_labels(name: str) -> None:
    """A thousandth of the largest element is noise, in either order and with an atom without a label; more is not."""
    elements: Any = {"pgt": [(0, 1, 2, 0)], "hgt": [(0, 1, 2, 2, 0), (0, 0, 0, 1, 0)]}[name]
    for axis, size in ((-1, 1.0), (1, 1.0), (-1, 1e-4), (1, 1e4)):
        tensors = size * made_up(name) / abs(made_up(name)).max()
        tensors[1] = np.nan
        for noise, told in ((0.9e-3, True), (1.1e-3, False)):
            for element in elements:
                noisy = tensors.copy()
                noisy[element] += noise * size
                values = np.moveaxis(noisy, -1, axis)
                if told:
                    np.testing.assert_array_equal(stored(name, values), noisy)
                else:
                    with pytest.raises(LabelError, match=f"the index order of {name} is not known"):
                        stored(name, values)


def test_an_apt_of_which_nothing_is_labelled_is_read() -> None:
    assert np.isnan(stored("apt", np.full((2, 3, 3), np.nan))).all()


def test_two_columns_of_one_tensor_must_be_alike() -> None:
    columns = {name: SYMMETRIC.reshape(-1, 9).copy() for name in ("REF_becs", "bec")}
    np.testing.assert_allclose(stored_tensors(columns, {}, None, "a.xyz")["apt"], SYMMETRIC)
    columns["bec"][0, 0] += 0.1
    with pytest.raises(LabelError, match=r"a\.xyz: the columns bec and REF_becs both hold the apt, and differ; leave"):
        stored_tensors(columns, {}, None, "a.xyz")


def test_units_and_widths_of_every_target_are_checked() -> None:
    for name, target in TARGETS.items():
        values = made_up(name)
        header = {f"{name}_unit": target.unit.replace(" ", "").replace("/", " / "), f"{name}_order": target.index_order}
        np.testing.assert_array_equal(stored(name, values, **header), values)
        with pytest.raises(LabelError, match=rf"{name}_unit is 'x', not '{target.unit[:3]}".replace("^", r"\^")):
            stored(name, values, **{**header, f"{name}_unit": "x"})
        with pytest.raises(LabelError, match=rf"a.xyz: {name} has {3**target.order} columns, not {values[0].size}"):
            stored(name, values[:, 0], **header)
        assert own_header({**header, "engine": "x"}, 3, None, "a.xyz") == {"engine": "x"}
    both = {name: made_up(name).reshape(3, -1) for name in ("hgt", "pgt")}
    assert set(stored_tensors(both, {}, None, "a.xyz")) == {"hgt", "pgt"}
