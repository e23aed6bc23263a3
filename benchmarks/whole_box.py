"""What it costs to hear the whole box: `far` beside `large`, by waves and by a mesh, in boxes of more and more atoms.

python benchmarks/whole_box.py [--most 4]

The bundled PGT of sulfate and the same network deaf to what is far, least processor time of one thread in turns; and
how far tensors by the mesh are from those by all waves, of the largest element. Boxes are the bundled one, repeated and
jittered.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from network import jittered, repeated

from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.model import whole_box
from mimyria.model.files import read_model
from mimyria.model.model import ResponseModel
from mimyria.model.predict import predict_together
from mimyria.process import set_up_memory

DATA = Path(__file__).parents[1] / "mimyria" / "data"
WAYS = {"large": 0, "waves": 10**9, "mesh": 0}
"""From how many waves on there is a mesh."""
ROUNDS = 3


def predicted(way: str, models: dict[str, ResponseModel], frame: Frame) -> tuple[float, np.ndarray]:
    """Return the seconds of the second of two predictions in one cell, and its tensors."""
    whole_box.MANY_WAVES = WAYS[way]
    whole_box._periodic.cache_clear()
    for _ in range(2):
        begin = time.process_time()
        ((prediction,),) = predict_together([models[way]], [frame])
        seconds = time.process_time() - begin
    return seconds, prediction.tensors


def main() -> None:
    """Print a line for each box."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=4, help="copies along each lattice vector of the largest box")
    most = parser.parse_args().most
    set_up_memory()
    torch.set_num_threads(1)
    far = read_model("sulfate", target="pgt")
    deaf = ResponseModel(replace(far.settings, far_channels=0))
    deaf.load_state_dict({name: value for name, value in far.state_dict().items() if ".far." not in name})
    models = {"large": deaf, "waves": far, "mesh": far}
    small = next(iter(read_frames(DATA / "sulfate_labels.extxyz.xz")))
    for copies in range(1, most + 1):
        frame = jittered(repeated(small, copies, copies, copies))
        found = [{way: predicted(way, models, frame) for way in WAYS} for _ in range(ROUNDS)]
        least = {way: min(of_round[way][0] for of_round in found) for way in WAYS}
        by_waves, by_mesh = found[0]["waves"][1], found[0]["mesh"][1]
        times = ", ".join(
            f"{way} {1000 * seconds:.0f} ms (ratio {seconds / least['large']:.1f})" for way, seconds in least.items()
        )
        print(
            f"{len(frame)} atoms: {times}; {abs(by_mesh - by_waves).max() / abs(by_waves).max():.0e} apart", flush=True
        )


if __name__ == "__main__":
    main()
