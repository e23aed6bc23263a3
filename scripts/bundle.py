"""Put a trained model into the package: with its card, its weights in half precision."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mimyria.model.files import FORMAT, read_content, read_model, write_content


def bundle(trained: Path, out: Path, target: str, card: Mapping[str, str]) -> None:
    """Write a model of a target with a card before the summary of its training, and read it once.

    Half precision is half the size; it changes the tensors by a thousandth of their error.
    """
    content = read_content(trained, FORMAT)
    content["summary"] = {**card, **content["summary"]}
    content["weights"] = {
        key: tensor.half() if key.startswith("members") else tensor for key, tensor in content["weights"].items()
    }
    write_content(out, content)
    read_model(out, target)
