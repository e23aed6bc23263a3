"""Settings in YAML: every command takes ``--config FILE.yaml`` with the names of its flags; flags win."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mimyria.contents import contents_of
from mimyria.declare import Settings, declared
from mimyria.errors import ConfigError
from mimyria.memory import write_text

File = str | os.PathLike[str]
S = TypeVar("S", bound=Settings)

TEXT, MERGED = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
REMARKS = ("mimyria", "used", "rates")
"""What a ``settings.yaml`` of ours holds besides the settings."""


def read_settings(path: Path, known: Iterable[str], plural: Iterable[str] = ()) -> dict[str, Any]:
    """Return the settings of a YAML file, by their names with underscores; the file may write dashes.

    Those that are ``plural`` take a list, and may have one value without; a list for any other becomes words, as on the
    command line.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not a list of ``name: value``, or holds an unknown name.
    """
    content = {str(key).replace("-", "_"): value for key, value in read_yaml(path).items()}
    settings = {name: value for name, value in content.items() if name not in REMARKS}
    require_known(settings, known, f"{path}: ")
    return {name: _listed(value) if name in plural else _joined(value) for name, value in settings.items()}


def require_known(names: Iterable[str], known: Iterable[str], place: str = "", prefix: str = "") -> None:
    """Raise ConfigError for the first name that is not known, with the nearest one that is."""
    known = sorted(known)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"{place}unknown setting {prefix + name!r}; {hint}")


def settings_of(part: type[S], settings: S | None, given: dict[str, Any]) -> S:
    """Return settings with some of them replaced; raise ConfigError for a name that there is not, or one missing."""
    known = declared(part)
    require_known(given, known)
    if settings is not None and not isinstance(settings, part):
        raise ConfigError(f"settings takes {part.__name__}, not {settings!r}")
    if settings is not None:
        return replace(settings, **given)
    missing = [name for name, setting in known.items() if name not in given and setting.default is MISSING]
    if missing:
        raise ConfigError(f"{', '.join(missing)} must be given")
    return part(**given)


def paths_of(files: File | Iterable[File]) -> list[Path]:
    """Return the paths of one file or several; raise ConfigError for what is none."""
    return [path_of(file) for file in ([files] if not isinstance(files, Iterable) or isinstance(files, str) else files)]


def path_of(file: object) -> Path:
    """Return the path of a file; raise ConfigError for what is neither text nor a path."""
    if not isinstance(file, str | os.PathLike):
        raise ConfigError(f"a file is given by its name or path, not by {_in_words(file)}")
    return Path(file)


def _in_words(value: object) -> str:
    return "None" if value is None else f"a value of the type {type(value).__name__}"


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [f"{name}={item}" for name, item in value.items()]
    return [value] if isinstance(value, str | int | float) else value


def _joined(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value


class _Loader(yaml.SafeLoader):
    """Takes the names of settings as they are written, ``on`` too, and refuses one that is given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return the mapping of a node."""
        first: dict[str, int] = {}
        for name, _ in node.value:
            if not isinstance(name, yaml.ScalarNode) or name.tag == MERGED:
                continue
            name.tag = TEXT
            line = name.start_mark.line + 1
            if first.setdefault(name.value, line) != line:
                problem = f"{name.value} is given twice, first in line {first[name.value]}"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=name.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the ``name: value`` pairs of a YAML file."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        what, mark = contents_of(path), getattr(error, "problem_mark", None)
        if what not in ("", "a YAML file"):
            raise ConfigError(f"{path} is {what}, not a YAML file") from error
        if isinstance(error, UnicodeDecodeError):
            raise ConfigError(f"{path} is not in UTF-8: save it in that encoding") from error
        place = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{place} is not valid YAML: {getattr(error, 'problem', None) or 'damaged'}") from error
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path} should hold lines of the form `name: value`")
    return dict(content)


def write_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write settings as YAML, by an atomic write; paths as text."""
    plain = {key: _plain(value) for key, value in settings.items()}
    write_text(path, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
