"""`Room`: how much a device computes at once, as its memory holds; half as much after it has once been too little."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TypeVar

import torch

from mimyria.errors import ModelError, is_full
from mimyria.model.architecture import ARCHITECTURES, name_of
from mimyria.model.model import ResponseModel
from mimyria.process import give_back_memory

CPU_BYTES = 64 * 1024**2
"""More is slower: it does not stay in the caches."""
MPS_BYTES = 1024**3
"""The memory of an Apple GPU is that of the machine."""
FREE = 0.5
"""Part of the free memory of a card that a step may take; what is kept of all atoms needs some too."""
OF_CARD = re.compile(r"[\w ]*out of memory")
MOST_HALVINGS = 10
"""Where memory does not hold a thousandth either, it is something else that fills it."""

B = TypeVar("B")

log = logging.getLogger("mimyria")


class Room:
    """Runs computations that take as much memory as they are told to, on one device."""

    def __init__(self) -> None:
        self.halvings = 0

    def pairs(self, model: ResponseModel) -> int:
        """Return how many pairs of neighbours a step of a model's networks may have at once."""
        budget = free_bytes(model.mean.device) >> self.halvings
        return max(budget // ARCHITECTURES[name_of(model.settings)].pair_bytes, 1)

    def fit(self, compute: Callable[[], B]) -> B:
        """Return what a function computes that asks for `pairs`, again with half of them while memory is too small.

        A ModelError says that few of them are too many still.
        """
        while True:
            try:
                return compute()
            except (RuntimeError, MemoryError, OSError) as error:  # torch's own are RuntimeErrors, and few have a name
                if not is_full(error):
                    raise
                card = OF_CARD.search(str(error))
            message = card[0] if card else "the memory is full"
            if self.halvings >= MOST_HALVINGS:  # several threads halve
                remedy = "try --device cpu" if card else "give fewer --workers, or a machine with more memory"
                raise ModelError(f"{message}, however few atoms are computed at once; {remedy}")
            if not self.halvings:
                log.info(f"{message}: from here on fewer atoms are computed at once, with the same results")
            self.halvings += 1
            give_back_memory()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def free_bytes(device: torch.device) -> int:
    """Return the memory that a step should take at most on a device."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(FREE * (torch.cuda.mem_get_info(device)[0] + unused))
    return MPS_BYTES if device.type == "mps" else CPU_BYTES
