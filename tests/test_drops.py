"""What may be dropped: every field is a setting, and a name of a user never becomes one of ours."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mimyria.app.answers import Refusal
from mimyria.app.drops import shown_name, stored_name
from mimyria.app.menu import drops
from mimyria.declare import declared
from mimyria.values import File

DROPS = drops(100.0)
DANGEROUS = (".pckl", ".pkl", ".pickle", ".py", ".pyc", ".so", ".sh", ".mym", ".pt", ".npz", ".json", ".yaml", ".db")
DANGEROUS += (".h5", ".hdf5", ".h5md", ".traj", ".top", ".itp", ".tpr", ".html", ".svg", ".zip", ".tar", ".exe", "")


@pytest.mark.parametrize("kind", DROPS)
def test_a_drop_is_described(kind: str) -> None:
    drop = DROPS[kind]
    told = json.loads(json.dumps(drop.described()))
    assert told["kind"] == kind
    known = declared(drop.settings)
    for field in told["fields"]:
        assert field["help"]
        assert field["name"] in known or field["name"] in drop.choices
        if field["name"] not in drop.choices:
            assert type(known[field["name"]].kind) is not File, "a field must not name a file of this machine"
    assert drop.read({field["name"]: field["default"] for field in told["fields"] if field["default"]})
    for example in drop.examples:
        assert drop.read(example.settings)
        assert stored_name(drop.roles[0], example.name, 0)


@pytest.mark.parametrize("ending", DANGEROUS)
def test_what_could_execute_or_lead_elsewhere_is_not_taken(ending: str) -> None:
    for drop in DROPS.values():
        for role in drop.roles:
            for name in (f"a{ending}", f"a.xyz{ending}" if ending else "a", f"a{ending.upper()}"):
                with pytest.raises(Refusal) as refused:
                    stored_name(role, name, 0)
                assert refused.value.status == 415


@settings(max_examples=30, deadline=None)
@given(name=some.text(max_size=200), ending=some.sampled_from([".xyz", ".csv", ".XYZ.gz", ".jdx", "POSCAR"]))
def test_a_stored_name_is_ours_whatever_the_user_says(name: str, ending: str) -> None:
    shown = shown_name(name + ending)
    assert len(shown) <= 100
    assert shown.isprintable()
    assert "/" not in shown
    for drop in DROPS.values():
        for role in drop.roles:
            try:
                stored = stored_name(role, shown, 3)
            except Refusal:
                continue
            assert re.fullmatch(r"[a-z]+-3(\.\w+){1,2}", stored, re.ASCII)
            assert stored.partition(".")[2].lower() in [each[1:] for each in role.endings]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.xyz", "a.xyz"),
        ("C:\\data\\a.xyz", "a.xyz"),
        ("../../etc/a.xyz", "a.xyz"),
        ("a\x00\n\u202eb.xyz", "ab.xyz"),
        ("", "a file without a name"),
        ("\n", "a file without a name"),
        ("x/", "a file without a name"),
    ],
)
def test_a_shown_name_is_one_line_without_folders(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_names_that_say_something() -> None:
    spectrum, infrared, _ = DROPS["spectrum"].roles
    assert stored_name(spectrum, "My Raman.CSV", 1) == "raman-1.csv"
    assert stored_name(infrared, "My Raman.CSV", 1) == "infrared-1.csv"
    assert stored_name(DROPS["structure"].roles[0], "POSCAR", 0) == "structure-0.POSCAR"
    assert stored_name(DROPS["trajectory"].roles[0], "md.lammpstrj.gz", 0) == "trajectory-0.lammpstrj.gz"
