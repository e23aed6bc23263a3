"""Labels of others are turned into ours."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from conftest import DATA, Run
from mimyria.formats import read_frames, write_frames


def test_import_turns_the_tensors(run: Run, tmp_path: Path) -> None:
    frame = next(read_frames(DATA / "water32_labels.extxyz.xz"))
    theirs = replace(frame, tensors={"apt": frame.tensors["apt"].swapaxes(1, 2)}, info={})
    path, out = tmp_path / "theirs.extxyz", tmp_path / "ours.extxyz"
    write_frames(path, [theirs])
    path.write_text(path.read_text().replace("apt_order=field,displacement", ""))
    status, _, errors = run("label", "--import", path, "--out", out)
    assert status == 2
    assert "give --layout" in errors
    status, said, errors = run("label", "--import", path, "--layout", "mimyria-field", "--out", out)
    assert status == 0, errors
    assert "apt in 1 frames" in said
    np.testing.assert_allclose(next(read_frames(out)).tensors["apt"], frame.tensors["apt"], atol=1e-9)
