"""Model files of the original Mimyria program, read into our published network.

Such a file is a zip archive: ``params.json`` the shape, ``info.json`` the kind, ``net.torch`` the weights,
``state.torch`` change of basis and normalisation. Its edges point from sender to receiver as ours do, so the weights
carry over one to one. Its APT has the order of the labels it was trained on: the files of its field route have the
displacement first, those of its displacement route the field first.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import torch

from mimyria.elements import numbers_of
from mimyria.errors import ModelError
from mimyria.model.model import ResponseModel
from mimyria.model.published import PublishedNetwork, PublishedSettings

CLASSES = {"APTNetwork": "apt", "PGTNetwork": "pgt"}
LAYOUTS = {"mimyria-field": (2, 1), "mimyria-displacement": (1, 2)}
"""Order of the APT's two indices (1 the field) in the labels of each route."""


def is_original(path: Path) -> bool:
    """Return whether a file was written by the original program."""
    try:
        with ZipFile(path) as archive:
            return {"params.json", "net.torch", "state.torch"} <= set(archive.namelist())
    except (BadZipFile, OSError):
        return False


def read_original(path: Path, layout: str | None = None) -> ResponseModel:
    """Return the model of a file of the original program, in double precision as it was trained.

    ``layout`` is the route of the labels it was trained on, ``mimyria-field`` or ``mimyria-displacement``, without
    which the APT is not known but for a transpose. A ModelError says what is wrong with the file.
    """
    if not path.is_file():
        raise ModelError(f"{path} {'is a folder, not a model file' if path.is_dir() else 'does not exist'}")
    if not is_original(path):
        raise ModelError(f"{path} is not a model file of the original program; models of this one need no conversion")
    try:
        with ZipFile(path) as archive:
            shape, info = (json.loads(archive.read(name)) for name in ("params.json", "info.json"))
            weights, state = (
                torch.load(io.BytesIO(archive.read(name)), map_location="cpu", weights_only=True)
                for name in ("net.torch", "state.torch")
            )
    except (BadZipFile, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} is a damaged file of the original program: {error}") from error
    target = CLASSES.get(info.get("class_name", ""))
    if target is None:
        raise ModelError(f"{path} holds a network of the class {info.get('class_name')!r}, not {' or '.join(CLASSES)}")
    if target == "apt" and layout not in LAYOUTS:
        raise ModelError(f"{path}: state the labels it was trained on: --layout {' or '.join(LAYOUTS)}")
    symbols, features = [str(symbol) for symbol in shape["atom_kinds"]], int(shape["num_features"])
    equal = shape["equal_num_features_per_channel"]
    settings = PublishedSettings(
        target,
        tuple(numbers_of(symbols).tolist()),
        cutoff=float(shape["radial_cutoff"]),
        radial=int(shape["num_radial_basis"]),
        channels=tuple(
            features if equal else max(4, features // (degree + 1)) for degree in range(int(shape["lmax"]) + 1)
        ),
        layers=int(shape["num_layers"]),
        natural_parities=bool(shape["natural_parities_only"]),
        minimum_image=True,
    )
    model = ResponseModel(settings)
    network = model.members[0]
    assert isinstance(network, PublishedNetwork)  # for the type checker
    network.passing.load_state_dict({name.removeprefix("mp."): value for name, value in weights.items()})
    network.neighbours.fill_(float(shape["num_neighbors"]))
    axes = (0, *LAYOUTS[str(layout)]) if target == "apt" else (0, 1, 2, 3)
    model.change_of_basis = state["change_of_basis"].double().permute(axes).contiguous()
    for s, symbol in enumerate(symbols if state["normalize_mean"] else ()):
        model.mean[s], model.scale[s] = state["normalize_mean"][symbol], state["normalize_std"][symbol]
    model.summary = {"origin": "the original Mimyria program", "layout": layout, "epochs": info.get("last_epoch")}
    return model.eval()
