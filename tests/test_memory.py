"""A kill between any two system calls spoils nothing, locks hold, identities tell what differs."""

import errno
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pytest
from kills import killed_everywhere

from conftest import moving_charges
from mimyria import memory
from mimyria.errors import Busy, ConfigError
from mimyria.memory import (
    SAMPLED,
    Identity,
    alone,
    digest,
    file_facts,
    locked,
    read_json,
    require_distinct,
    require_writable,
    whole,
    write_json,
    write_text,
)
from mimyria.rates import response
from mimyria.rates.checkpoint import FRAMES, PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import ResponseSeries, read_series

OLD, NEW = "old\n" * 5000, "new\n" * 7000
"""Longer than the buffer of a file, so that the content comes in several system calls."""
SOME, OTHER = Identity({"groups": ["species"]}), Identity({"groups": ["molecules"]})


# --- files appear whole ----------------------------------------------------------------------------


def write_in_pieces(path: Path, text: str) -> None:
    with whole(path) as unfinished, unfinished.open("wb", buffering=0) as stream:
        for start in range(0, len(text), 2000):
            stream.write(text[start : start + 2000].encode())


@pytest.mark.parametrize("write", [write_text, write_in_pieces])
@pytest.mark.parametrize("before", [None, OLD], ids=["new", "over"])
def test_a_kill_leaves_the_old_or_the_new_content(
    tmp_path: Path, before: str | None, write: Callable[[Path, str], None]
) -> None:
    path = tmp_path / "file.txt"
    seen: list[str | None] = []

    def prepare() -> None:
        path.unlink(missing_ok=True)  # what else the kill before has left stays
        if before is not None:
            path.write_text(before)

    for _ in killed_everywhere(lambda: write(path, NEW), prepare):
        seen.append(path.read_text() if path.exists() else None)
    changed = seen.index(NEW)
    assert seen == [before] * changed + [NEW] * (len(seen) - changed)
    assert changed > 3  # deaths before the new name
    assert list(tmp_path.iterdir()) == [path]  # the last write has taken away what the deaths left


def test_content_is_on_the_disk_before_its_name_and_the_name_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, str, int]] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        said.append(("fsync", name, os.fstat(descriptor).st_size if name.endswith("part") else 0))
        fsync(descriptor)

    def noted_replace(old: Path, new: Path) -> None:
        said.append(("replace", new.name, 0))
        replace(old, new)

    monkeypatch.setattr(memory.os, "fsync", noted_fsync)
    monkeypatch.setattr(memory.os, "replace", noted_replace)
    write_text(tmp_path / "a.txt", NEW)
    assert said == [("fsync", ".a.txt.part", len(NEW)), ("replace", "a.txt", 0), ("fsync", tmp_path.name, 0)]


def test_an_error_leaves_what_was(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, OLD)
    with pytest.raises(UnicodeEncodeError):
        write_text(path, NEW + "\ud800")
    assert path.read_text() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_synced_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def refused(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(memory.os, "fsync", refused)
    write_json(tmp_path / "a.json", {"a": 1})
    assert read_json(tmp_path / "a.json") == {"a": 1}
    assert read_json(tmp_path / "b.json") == {}


# --- locks -----------------------------------------------------------------------------------------

HOLDER = """
import sys, time
from pathlib import Path
from mimyria.memory import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_keeps_another_process_out_until_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Busy, match=f"another run is working in {path.parent}; wait for it"):
            locked(path)
        with pytest.raises(Busy):
            locked(path, 0.3)
        holder.kill()  # -9
    with locked(path, math.inf), pytest.raises(Busy):
        locked(path)
    locked(path).close()


def test_a_child_that_inherits_the_file_keeps_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path) as held:
        child = subprocess.Popen(["sleep", "600"], pass_fds=(held.fileno(),))
    with pytest.raises(Busy):
        locked(path)
    child.kill()
    child.wait()
    locked(path, 10.0).close()


def test_the_lock_of_a_removed_folder_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder removes the folder at its end, between another's opening of the file and the other's lock."""
    path = tmp_path / "folder" / "lock"
    flock, removed = memory.fcntl.flock, []

    def late(stream: Any, how: int) -> None:
        if not removed:
            shutil.rmtree(path.parent)
            removed.append(path)
        flock(stream, how)

    monkeypatch.setattr(memory.fcntl, "flock", late)
    with locked(path, 10.0), pytest.raises(Busy):
        locked(path)


@pytest.mark.parametrize("name", ["lock", "inside/lock"])
def test_a_refused_folder_is_gone_before_another_process_may_begin_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder, clear, unlink = tmp_path / "new" / "folder", memory._clear, Path.unlink
    begun: list[TextIO] = []

    def refuse() -> None:
        with alone(folder, name, "*.npz"):
            (folder / "there" / "it is").mkdir(parents=True)
            (folder / "settings.yaml").touch()
            raise ConfigError("refused")

    def watched(inside: Path, spared: Path) -> None:
        clear(inside, spared)
        with pytest.raises(Busy):
            locked(folder / name)

    def overtaken(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        if path == folder / name:  # the other one does not wait
            begun.append(locked(path))
            (path.parent / "begun").touch()

    monkeypatch.setattr(memory, "_clear", watched)
    with pytest.raises(ConfigError, match="refused"):
        refuse()
    assert not (tmp_path / "new").exists()
    monkeypatch.setattr(Path, "unlink", overtaken)
    with pytest.raises(ConfigError, match="refused"):
        refuse()
    begun[0].close()
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == [
        (folder / name).with_name("begun"),
        folder / name,
    ]


def test_a_refusal_is_told_though_the_user_has_removed_the_folder(tmp_path: Path) -> None:
    def refuse() -> None:
        with alone(tmp_path / "new", "lock", "*.npz"):
            shutil.rmtree(tmp_path / "new")
            raise ConfigError("refused")

    with pytest.raises(ConfigError, match="refused"):
        refuse()


def test_a_file_of_the_user_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("of my bicycle")
    for _ in range(2):
        with pytest.raises(
            ConfigError, match=f"{tmp_path / 'lock'} is not empty, so it is no lock of this program: move"
        ):
            locked(tmp_path / "lock")
        assert (tmp_path / "lock").read_text() == "of my bicycle"


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(memory.fcntl, "flock", none)
    with pytest.raises(ConfigError, match=f"{tmp_path}: the file system has no locks .No locks available.; choose"):
        locked(tmp_path / "lock")


# --- identities ------------------------------------------------------------------------------------


def test_identities_are_equal_if_nothing_in_them_differs(tmp_path: Path) -> None:
    one = Identity({"cell": (9.8, 9.8), "file": Path("a.xyz"), "engine": {"level": 1}})
    same = Identity({"file": "a.xyz", "engine": {"level": 1}, "cell": [9.8, 9.8]})
    other = Identity({"file": "a.xyz", "engine": {"level": 2}, "cell": [9.8, 9.8]})
    assert one == same
    assert one.key == same.key
    assert one != other
    assert one.key != other.key
    assert one["engine"]["level"] == 1
    assert one.get("charge") is None
    one.write(tmp_path / "identity.json")
    assert Identity.read(tmp_path / "identity.json") == one
    assert Identity.read(tmp_path / "none.json") == Identity()
    with pytest.raises(TypeError):
        Identity({"positions": np.zeros(3)})


def test_the_key_is_the_one_of_every_folder_there_is() -> None:
    """Folders of labels are named by it."""
    content = {"charge": 0, "engine": {"level": "exact"}, "configuration": {"positions": [[0.1, 1e-7, 3.0]]}}
    expected = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    assert Identity(content).key == expected == "38b65ef74ead"


def test_differences_are_told_in_words() -> None:
    before = Identity({"field": 2e-3, "engine": {"level": "exact", "grid": 3}, "charge": None})
    now = Identity({"field": 1e-3, "engine": {"level": "rough", "grid": 3}, "charge": 1.0})
    assert now.differences(now) == ""
    assert now.differences(before) == (
        "field was 0.002, now it is 0.001; engine level was exact, now it is rough; charge was not set, now it is 1.0"
    )
    many = Identity({**now, "order": 1, "engine": "none"})
    assert many.differences(before).endswith("and 3 more")
    assert str(now) == "field: 0.001; engine level: rough; engine grid: 3; charge: 1.0"


def test_a_file_may_grow_but_not_change(tmp_path: Path) -> None:
    path = tmp_path / "md.xyz"
    path.write_bytes(b"a" * 500)
    before = Identity({"stride": 2}, [path])
    assert before.as_of(before) == before
    path.write_bytes(b"a" * 600)
    grown = Identity({"stride": 2}, [path])
    assert grown != before
    assert grown.as_of(before) == before
    assert Identity({"stride": 3}, [path]).as_of(before) != before
    assert grown.as_of(Identity()) == grown
    path.write_bytes(b"b" + b"a" * 599)
    changed = Identity({"stride": 2}, [path])
    assert changed.as_of(before) != before
    path.write_bytes(b"a" * 400)
    shorter = Identity({"stride": 2}, [path])
    assert shorter.as_of(before) != before
    assert shorter.differences(before) == (
        f"files {path} was 500 bytes with digest {before['files'][str(path)]['digest']}, now it is 400 bytes with "
        f"digest {shorter['files'][str(path)]['digest']}"
    )
    with pytest.raises(ConfigError, match=r"none.xyz cannot be read: No such file"):
        Identity({}, [tmp_path / "none.xyz"])


@pytest.mark.parametrize("size", [10, SAMPLED, 2 * SAMPLED + 7, 3 * SAMPLED, 50 * SAMPLED])
def test_a_digest_sees_a_change_in_begin_middle_and_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    facts, of_all = file_facts(path), digest(path)
    assert facts["bytes"] == size
    for place in (0, size // 2, size - 1):
        content = bytearray(size)
        content[place] = 1
        path.write_bytes(content)
        assert file_facts(path)["digest"] != facts["digest"]
        assert digest(path) != of_all
    path.write_bytes(bytes(size) + b"more")
    assert file_facts(path, size) == facts
    assert digest(path) != of_all


# --- the checkpoint of a pass ----------------------------------------------------------------------


def pass_in(folder: Path, frames: list[Any]) -> ResponseSeries:
    """Rates of the frames, from where the folder's parts end."""
    store = PartStore(folder, SOME)
    return response_series(
        iter(frames[: store.n_frames]),
        frames[store.n_frames :],
        targets=("apt",),
        grouping=Grouping.by_species(frames[0].numbers),
        timestep=1.0,
        lags=10,
        store=store,
    )


def test_a_killed_pass_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "FRAMES_AT_ONCE", 4)
    monkeypatch.setattr(response, "ROWS_PER_PART", 2)
    monkeypatch.setattr(response, "SECONDS_PER_PART", math.inf)
    frames, _ = moving_charges(30, 1.0)
    uninterrupted = pass_in(tmp_path / "whole", frames)
    folder, done = tmp_path / "killed", set()
    for _ in killed_everywhere(lambda: pass_in(folder, frames), lambda: shutil.rmtree(folder, True), every=37):
        done.add(PartStore(folder, SOME).n_frames)
        resumed = pass_in(folder, frames)
        for name, value in vars(uninterrupted).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(resumed, name), value)
        np.testing.assert_array_equal(resumed.rates["apt"][:], uninterrupted.rates["apt"][:])
    assert done == {0, 8, 16, 24, 30}


def test_parts_are_whole_and_in_order_after_any_kill(tmp_path: Path) -> None:
    parts = [{FRAMES: np.full(3, k), "apt": np.arange(3.0)} for k in range(3)]
    folder, counts = tmp_path / "parts", []

    def fill() -> None:
        store = PartStore(folder, SOME)
        for part in parts[len(store.paths) :]:
            store.append(part)

    for _ in killed_everywhere(fill, lambda: shutil.rmtree(folder, ignore_errors=True), every=3):
        store = PartStore(folder, SOME)
        counts.append(store.n_frames)
        if store.paths:
            np.testing.assert_array_equal(store.column(FRAMES)[:], np.arange(store.n_frames) // 3)
    assert counts == sorted(counts)
    assert set(counts) == {0, 3, 6, 9}


def test_a_kill_while_parts_are_removed_leaves_none_to_go_on_with(tmp_path: Path) -> None:
    folder, counts = tmp_path / "parts", []

    def prepare() -> None:
        store = PartStore(folder, SOME)
        for number in range(len(store.paths), 3):
            store.append({FRAMES: np.full(3, number)})

    for _ in killed_everywhere(lambda: PartStore(folder, OTHER), prepare):
        counts.append(PartStore(folder, SOME).n_frames)
    assert set(counts) == {9, 0}
    assert counts == sorted(counts, reverse=True)


def test_a_series_of_an_earlier_version_says_what_it_was_made_from() -> None:
    (series,) = read_series(Path(__file__).parent / "earlier" / "series.h5")
    assert series.origin == Identity(
        {
            "files": {"md.xyz": {"digest": "b47260f6e2828129"}},
            **{"mimyria": "0.1.0", "velocity_unit": "None", "cell": "None", "timestep": "None", "layout": "None"},
            **{"sources": "{'apt': 'frames'}", "groups": "('species',)", "charge": "0.0", "project": "True"},
            **{"frames": [[0, 35], [40, None]], "stride": 2},
        }
    )
    assert str(series.origin).startswith("files md.xyz: some bytes with digest b47260f6e2828129; ")


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder; give the name of a file"):
        write_text(tmp_path, "text")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["folder", "file/lock"])
def test_a_lock_that_cannot_be_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"(folder|file) cannot be (written: Is a directory|made: File exists)"):
        locked(tmp_path / place)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no folder to which nobody can write")
@pytest.mark.parametrize("write", [lambda path: write_text(path, NEW), locked, require_writable])
@pytest.mark.parametrize("place", ["/proc/x", "/proc/x/y"])
def test_what_cannot_be_written_is_named(place: str, write: Callable[[Path], object]) -> None:
    with pytest.raises(ConfigError, match=r"/proc.* cannot be (written|made)|there is no folder /proc/x"):
        write(Path(place))


def test_a_file_that_is_read_is_not_written_over_by_another_of_its_names(tmp_path: Path) -> None:
    read = tmp_path / "read.csv"
    read.write_text("1\n")
    (tmp_path / "hard.csv").hardlink_to(read)
    (tmp_path / "soft.csv").symlink_to(read)
    for name in ("read.csv", "hard.csv", "soft.csv"):
        with pytest.raises(ConfigError, match=rf"{name} is what was measured; give another --difference"):
            require_distinct(tmp_path / name, [tmp_path / "absent.csv", read], "what was measured", "--difference")
    (tmp_path / "copy.csv").write_text("1\n")
    for name in ("copy.csv", "new.csv"):
        require_distinct(tmp_path / name, [tmp_path / "absent.csv", read], "what was measured")
