"""Models of the original program: evaluated pair by pair, without our graph, they give the same tensors."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from e3nn import o3
from e3nn.math import soft_one_hot_linspace
from e3nn.nn.models.v2106.gate_points_message_passing import MessagePassing

from conftest import random_frame
from mimyria.elements import symbols_of
from mimyria.errors import ModelError
from mimyria.model.files import read_model, write_model
from mimyria.model.irreps import tensor_irreps
from mimyria.model.original import read_original
from mimyria.neighbours import neighbour_pairs
from mimyria.targets import TARGETS
from networks import tensors_of


@pytest.mark.parametrize("target", ["apt", "pgt"])
def test_a_model_of_the_original_program_gives_the_same(tmp_path: Path, target: str) -> None:
    """Written here as that program writes it, and evaluated pair by pair, without our graph."""
    torch.manual_seed(0)
    kinds, irreps = ["O", "H"], tensor_irreps(TARGETS[target])[0]
    features = o3.Irreps([(mul, (degree, parity)) for degree, mul in enumerate((8, 4)) for parity in (-1, 1)])
    passing = MessagePassing(["2x0e", features, str(irreps)], "0e", "1x0e+1x1o", [5, 100], 7.0).double()
    change = tensor_irreps(TARGETS[target])[1].double()
    statistics = {kind: torch.rand(irreps.size, dtype=torch.float64) + 0.5 for kind in kinds}
    shape = {
        "atom_kinds": kinds, "radial_cutoff": 3.0, "num_radial_basis": 5, "num_neighbors": 7, "num_features": 8,
        "num_layers": 1, "lmax": 1, "normalization": "NORM_IRREPS", "equal_num_features_per_channel": False,
        "natural_parities_only": False,
    }  # fmt: skip
    state = {"change_of_basis": change, "normalize_mean": statistics, "normalize_std": statistics}
    path = tmp_path / "original.mym"
    with ZipFile(path, "w") as archive:
        archive.writestr("params.json", json.dumps(shape))
        archive.writestr("info.json", json.dumps({"class_name": f"{target.upper()}Network", "last_epoch": 3}))
        for name, content in (("net", {f"mp.{k}": v for k, v in passing.state_dict().items()}), ("state", state)):
            buffer = BytesIO()
            torch.save(content, buffer)
            archive.writestr(f"{name}.torch", buffer.getvalue())

    frame = random_frame(2, n_atoms=7)
    frame = replace(frame, numbers=np.array([8, 1, 1, 8, 1, 8, 1]))
    i, j, vectors = neighbour_pairs(frame, 3.0)
    away = -torch.from_numpy(vectors)
    radial = soft_one_hot_linspace(away.norm(dim=1), 0.0, 3.0, 5, "smooth_finite", True) * 5**0.5
    species = torch.tensor([kinds.index(symbol) for symbol in symbols_of(frame.numbers)])
    inside = passing(
        torch.eye(2, dtype=torch.float64)[species],
        torch.ones(7, 1, dtype=torch.float64),
        torch.from_numpy(j),
        torch.from_numpy(i),
        o3.spherical_harmonics([0, 1], away, True, "component"),
        radial,
    )
    scale = torch.stack([statistics[kinds[index]] for index in species])
    expected = torch.einsum("i...,ni->n...", change, inside * scale + scale).detach().numpy()

    if target == "apt":
        with pytest.raises(ModelError, match="--layout mimyria-field or mimyria-displacement"):
            read_original(path)
        expected = expected.swapaxes(1, 2)  # labels of the field route: displacement first
    np.testing.assert_allclose(tensors_of(read_original(path, "mimyria-field"), frame), expected, atol=1e-5)
    write_model(tmp_path / "ours.mym", read_original(path, "mimyria-field"), {})
    np.testing.assert_allclose(tensors_of(read_model(tmp_path / "ours.mym"), frame), expected, atol=1e-5)
    with pytest.raises(ModelError, match="`mimyria convert"):
        read_model(path)
