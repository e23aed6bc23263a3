"""Put a trained model into the package: with its card, its weights packed.

python scripts/bundle.py MODEL.mym ...        packs models that have their card
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from mimyria.memory import file_facts
from mimyria.model.files import FORMAT, read_content, read_model, write_content
from mimyria.model.packing import pack


def bundle(trained: Path, out: Path, target: str, card: Mapping[str, str]) -> None:
    """Write a model of a target with a card before the summary of its training, and read it once.

    The card also tells the digest of the file as it was trained, which results may name.
    """
    content = read_content(trained, FORMAT)
    # Scales and units stay as they are: one that is rounded makes all tensors of an element too large or too small.
    learnt = {name for name, _ in read_model(trained, target).named_parameters()}
    content["summary"] = {**card, "packed_from": file_facts(trained)["digest"], **content["summary"]}
    content["weights"] = {
        name: pack(weights) if name in learnt and isinstance(weights, Tensor) else weights
        for name, weights in content["weights"].items()
    }
    write_content(out, content)
    read_model(out, target)


def main() -> None:
    """Pack the models that are named."""
    if not sys.argv[1:]:
        raise SystemExit(__doc__)
    for name in sys.argv[1:]:
        bundle(Path(name), Path(name), read_model(name).target.name, {})


if __name__ == "__main__":
    main()
