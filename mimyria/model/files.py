"""Model files ``.mym``: settings, weights and a summary of the training, readable without running any code in them."""

from __future__ import annotations

import functools
import logging
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mimyria import __version__
from mimyria.choices import DEVICE
from mimyria.config import path_of
from mimyria.contents import contents_of
from mimyria.errors import ModelError
from mimyria.level import UNKNOWN, Level, find_level, from_stated, in_words
from mimyria.memory import whole
from mimyria.model.architecture import ARCHITECTURES, name_of
from mimyria.model.model import ResponseModel
from mimyria.model.original import is_original
from mimyria.model.packing import unpack
from mimyria.model.transfer import at_level
from mimyria.targets import TARGETS
from mimyria.values import Refused

log = logging.getLogger("mimyria")

FORMAT = "mimyria model 3"
FORMATS = {
    "mimyria model": "a model of response tensors",
    "mimyria groups": "a model of functional groups",
    "mimyria checkpoint": "the checkpoint of a training",
}
"""What the formats of files written by `write_content` are, by their names without the version."""
HOLDS_MODEL = ("an empty file", "a damaged zip archive", "a file of torch, such as a model")
"""What a file may hold that was written as a model: another is of another kind."""
BUNDLED = Path(__file__).parents[1] / "data"
"""Where the models that come with the package lie: ``water_apt.mym``."""


def write_model(path: Path, model: ResponseModel, summary: dict[str, Any]) -> None:
    """Write a model, and a summary of its training: numbers, strings, lists and dictionaries."""
    write_content(
        path,
        {
            "format": FORMAT,
            "version": __version__,
            "unit": model.target.unit,
            "index_order": model.target.index_order,
            "network": name_of(model.settings),
            "settings": asdict(model.settings),
            "members": len(model.members),
            "levels": [asdict(level) for level in model.levels],
            "weights": {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()},
            "summary": summary,
        },
    )


def write_content(path: Path, content: dict[str, Any]) -> None:
    """Write what `read_content` reads, atomically."""
    with whole(path) as unfinished, unfinished.open("wb") as stream:
        torch.save(content, stream)


def read_model(
    path: str | os.PathLike[str],
    target: str | None = None,
    device: torch.device | str = "cpu",
    level: str | None = None,
) -> ResponseModel:
    """Return the model of a file, ready to predict; its ``summary`` says how it was trained.

    Parameters
    ----------
    path
        As written by `write_model`, or the name of a bundled model: ``water_apt``, or ``water`` and a target.
    target
        Name of the target it must have, or None for any.
    device
        Where it shall compute.
    level
        The level of theory at which it predicts, by a part of its name, such as ``PBE`` or ``def2-svpd``; by default
        the last one, of the fewest labels.

    Returns
    -------
    ResponseModel
        As `predict` and `evaluate` take it.

    Raises
    ------
    ModelError
        If the file is missing, damaged, not a model, of another target, or has weights that are not finite, or there
        is no such device.
    ConfigError
        If the model has no such level, or several.
    """
    model = read_every_level(path, target, device)
    levels = model.levels
    number = len(levels) - 1 if level is None else find_level(levels, level, str(path))
    if level is None and len(levels) > 1:
        log.info(f"{path} predicts at the level {levels[-1]}; --level chooses another of {in_words(levels)}")
    return at_level(model, number).to(model.mean.device).eval()


def read_every_level(
    path: str | os.PathLike[str], target: str | None = None, device: torch.device | str = "cpu"
) -> ResponseModel:
    """Return the model of a file with the read-outs of all of its levels of theory; see `read_model`."""
    place = choose_device(str(device))
    path = bundled(path_of(path), target)
    content = _read_once(path)
    try:
        stored, name = content["settings"], content["network"]
        new = [f"the networks {name!r}"]
        if name in ARCHITECTURES:
            new = sorted(stored.keys() - ARCHITECTURES[name].settings.__dataclass_fields__)
        if new:
            raise ModelError(
                f"{path} is of another version of mimyria, {content['version']}, and this one, {__version__}, does not "
                f"know {', '.join(new)}: use a newer one"
            )
        tuples = {key: tuple(value) for key, value in stored.items() if isinstance(value, list)}
        settings = ARCHITECTURES[name].settings(**stored | tuples)
        levels = [from_stated(stated) for stated in content.get("levels", [{}])]
        model = ResponseModel(settings, content["members"], levels)
        model.load_state_dict({name: unpack(weights) for name, weights in content["weights"].items()})
        model.summary = content["summary"] | {"version": content["version"]}
    except RuntimeError as error:  # torch lists every weight
        raise ModelError(f"{path} is a damaged model file: it lacks weights of its networks, or has others") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is a damaged model file: {error}") from error
    if not all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
        raise ModelError(f"{path} has weights that are not finite: its training went wrong; train it anew")
    if target is not None and settings.target != target:
        raise ModelError(
            f"{path} holds a model of the {TARGETS[settings.target].title} ({settings.target}), not of the "
            f"{TARGETS[target].title} ({target}): give it to {TARGETS[settings.target].flag}"
        )
    if place.type == "mps":  # which has no double precision
        model = model.float()
    return model.to(place).eval()


def stated_level(path: Path, target: str, level: str | None) -> str:
    """Return the level of theory, in words, at which the model of a file predicts; empty where it is not known."""
    place = bundled(path, target)
    levels = _stated_levels(place)
    chosen = levels[-1 if level is None else find_level(levels, level, str(place))]
    return "" if chosen == UNKNOWN else str(chosen)


def levels_asked(files: Mapping[str, Path], level: str | None) -> dict[str, str | None]:
    """Return at which level each of several models shall predict, by its target or another name of its own.

    One of a single level keeps it where another has several, from which ``level`` chooses.
    """
    if level is None:
        return dict.fromkeys(files)
    choosing = {name for name, path in files.items() if len(_stated_levels(bundled(path, name))) > 1} or set(files)
    return {name: level if name in choosing else None for name in files}


def read_models(
    *paths: str | os.PathLike[str], device: torch.device | str = "cpu", level: str | None = None
) -> list[ResponseModel]:
    """Return the models of files, or the bundled ones of a name, such as ``water``; see `read_model`."""
    given = [path_of(path) for path in paths]
    files = [file for path in given for file in bundled_pair(str(path)) or [path]]
    asked = levels_asked({str(file): file for file in files}, level)
    return [read_model(file, device=device, level=asked[str(file)]) for file in files]


def bundled(path: Path, target: str | None = None) -> Path:
    """Return the file of a bundled model where a path is its name: ``water_apt``, or ``water`` with a target."""
    if path.is_file() or path.suffix:
        return path
    names = [f"{path}.mym", f"{path}_{target}.mym"]
    return next((BUNDLED / name for name in names if (BUNDLED / name).exists()), path)


def bundled_pair(name: str) -> list[Path]:
    """Return the files of the bundled models of a name, such as ``water`` or ``water_apt``; empty if there are none."""
    files = BUNDLED.glob(f"{name}*.mym") if re.fullmatch(r"[\w-]+", name) else ()
    return sorted(file for file in files if name in (file.stem, file.stem.rpartition("_")[0]))


def _stated_levels(path: Path) -> list[Level]:
    """Return the levels of theory of the model of a file."""
    return [from_stated(stated) for stated in _read_once(path).get("levels", [{}])]


def _read_once(path: Path) -> dict[str, Any]:
    """Return the content of a model file, which is read again only where it has changed: a command asks it twice."""
    stated = path.stat() if path.is_file() else None
    return _read_of(path, (stated.st_mtime_ns, stated.st_size, stated.st_ino) if stated else ())


@functools.lru_cache(maxsize=4)
def _read_of(path: Path, state: tuple[int, ...]) -> dict[str, Any]:
    return read_content(path, FORMAT)


def read_content(path: Path, expected: str) -> dict[str, Any]:
    """Return the dictionary in a file written by `write_content`, whose ``format`` must be as expected."""
    remedy = "; give a file of `mimyria train`, or the name of a bundled model, such as water" * (expected == FORMAT)
    if path.is_dir():
        raise ModelError(f"{path} is a folder, not a model file{remedy}")
    if not path.is_file() and expected != FORMAT:
        raise ModelError(f"{path} does not exist")
    if not path.is_file():
        names = " or ".join(file.stem for file in bundled_pair(str(path)))
        if names:
            raise ModelError(f"{path} are two models, of a tensor each, and one is needed here: give {names}")
        own = sorted({file.stem.rpartition("_")[0] for file in BUNDLED.glob("*_*.mym")})
        named = f"; with the package come {', '.join(own)}" if path.name == str(path) and not path.suffix else ""
        raise ModelError(f"{path} does not exist{named}")
    if is_original(path):
        raise ModelError(
            f"{path} is of the original Mimyria program: convert it with `mimyria convert {path} --out NEW.mym`"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        intact = _is_intact(path)
    except Exception as error:  # what is no such file makes the unpickler fail in any way
        what = contents_of(path)
        if what in HOLDS_MODEL:
            raise ModelError(f"{path} is damaged or not written by mimyria") from error
        raise ModelError(f"{path} is {f'{what}, not a' if what else 'no mimyria'} model{remedy}") from error
    if not intact:
        raise ModelError(f"{path} is damaged: its checksums are not those of its content; copy or train it anew")
    stored = str(content.get("format")) if isinstance(content, dict) else ""
    if stored != expected:
        is_of, wanted = (FORMATS.get(name.rpartition(" ")[0], "") for name in (stored, expected))
        if is_of and is_of != wanted:
            raise ModelError(f"{path} is {is_of}, not {wanted}")
        if is_of:
            raise ModelError(f"{path} is {wanted} in the format {stored!r}, and this version reads {expected!r} alone")
        raise ModelError(f"{path} is not a file of the kind {expected!r}")
    return dict(content)


def _is_intact(path: Path) -> bool:
    """Return whether all parts of a zip archive have the checksums written with them, at which torch does not look."""
    if not zipfile.is_zipfile(path):
        return True  # torch reads archives of an older kind, which have none
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def format_of(path: Path) -> str:
    """Return the ``format`` of a file written by `write_content`, without reading its weights; empty of any other."""
    try:
        return str(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["format"])
    except Exception:  # as in `read_content`, which says what is wrong
        return ""


def choose_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` takes CUDA, then MPS, then the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(DEVICE.check(name))
        torch.zeros(1, device=device)
        torch.set_float32_matmul_precision("highest")  # TF32 would leave three digits, and some environments set it
    except Refused as error:
        raise ModelError(f"--device {error}") from None
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"the device {name!r} cannot be used: this machine, or this build of torch, has none; try --device auto "
            "or cpu"
        ) from error
    return device
