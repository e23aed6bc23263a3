"""How good spectra of molecules are that are made of learned tensors: a table beside the published marks.

    python benchmarks/organic.py dear-held-out.extxyz --hessians data --apt apt.mym --pgt pgt.mym
    python benchmarks/organic.py dear-held-out.extxyz --hessians data --labels cheap-held-out.extxyz

The first file holds labelled minima, `--hessians` their Hessians (`scripts/molecules`). Lines of the same modes are
made of the labels and of what a model predicts, or, with `--labels`, of labels of another level at the same geometries.
Infrared intensities and Raman activities become spectra of Lorentzian lines 10 cm⁻¹ wide (`--width`), 400 to 4000 cm⁻¹.

- Pearson: the correlation of the two spectra; the share of molecules above 0.9, published: 98 % (7 000 small molecules,
  a network for each group and property, Fundam. Res. 1, 488, 2021)
- SIS: spectral information similarity 1/(1 + Σ p ln p/q + q ln q/p) of spectra of the area one; the share above 0.85,
  which is the mean of the best networks for measured gas-phase infrared spectra (0.8523)
- intensities of O-H and C=O stretches: Σ|A - A'|/ΣA, published: 5 to 13 % (infrared 11 %, Raman 6 % for O-H)
- the time of a spectrum of a molecule whose modes are there: tensors, lines and the curve; the median

Published errors of wavenumbers (O-H 3.4, C=O 2.3 cm⁻¹) have no counterpart: the Hessian is the same for both.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mimyria.formats import read_frames
from mimyria.frame import Array, Frame
from mimyria.harmonic.broadened import PROFILES
from mimyria.harmonic.lines import Lines, lines_of
from mimyria.harmonic.modes import Modes, normal_modes
from mimyria.model.files import read_model
from mimyria.model.model import ResponseModel
from mimyria.model.predict import predict
from mimyria.molecules import find_bonds
from mimyria.targets import APT, PGT
from mimyria.training.evaluate import compare_with_labels, evaluate

AXIS = np.arange(400.0, 4000.5, 1.0)
PEARSON, SIMILAR = 0.9, 0.85
FAINT = 1e-4
"""Of the mean of a spectrum, which is added to it: where both are empty, no quotient of them counts."""
KINDS = {APT.name: "infrared", PGT.name: "Raman"}
FEWEST = 3
"""Molecules of a functional group that are worth a line."""


@dataclass(frozen=True)
class Molecule:
    """A minimum with its modes, and lines made of two kinds of tensors."""

    frame: Frame
    modes: Modes
    true: Lines
    found: Lines


def strengths(lines: Lines, target: str) -> Array:
    """Return infrared intensities or Raman activities, shape (modes,)."""
    values = lines.intensity if target == APT.name else lines.activity
    assert values is not None
    return values


def spectrum(modes: Modes, values: Array, width: float) -> Array:
    """Return the broadened spectrum on `AXIS`."""
    return np.asarray(values @ PROFILES["lorentzian"](AXIS - modes.wavenumbers[:, None], width))


def pearson(a: Array, b: Array) -> float:
    """Return the correlation of two spectra."""
    return float(np.corrcoef(a, b)[0, 1])


def information_similarity(a: Array, b: Array) -> float:
    """Return 1/(1 + Σ p ln p/q + q ln q/p) of two spectra of the area one."""
    p, q = (each + FAINT * each.mean() for each in (a, b))
    p, q = p / p.sum(), q / q.sum()
    return float(1 / (1 + ((p - q) * np.log(p / q)).sum()))


def stretches(frame: Frame, modes: Modes) -> dict[str, list[int]]:
    """Return the modes in which an O-H bond, or the C=O bond of an oxygen with no other, stretches most."""
    i, j, vectors = find_bonds(frame)
    partners = np.bincount(i, minlength=len(frame))
    found: dict[str, list[int]] = {"O-H": [], "C=O": []}
    for a, b, vector in zip(i, j, vectors, strict=True):
        numbers = frame.numbers[a], frame.numbers[b]
        name = {(1, 8): "O-H", (8, 6): "C=O"}.get(numbers)
        if name is None or partners[a] > 1:
            continue
        change = (modes.displacements[:, b] - modes.displacements[:, a]) @ vector
        found[name].append(int(abs(change).argmax()))
    return {name: sorted(set(places)) for name, places in found.items()}


def other_tensors(frames: Sequence[Frame], path: Path) -> list[Frame]:
    """Return the frames with the labels of another level, found by the number of the molecule."""
    stored = {
        frame.info["number"]: frame.tensors
        for frame in read_frames(path)
        if frame is not None and frame.info["geometry"] == "minimum"
    }
    return [replace(frame, tensors=stored[frame.info["number"]]) for frame in frames]


def seconds_each(model: ResponseModel, frames: Sequence[Frame], modes: Sequence[Modes], width: float) -> float:
    """Return how long a spectrum takes, the median of all molecules, one by one."""
    seconds = []
    for frame, own in zip(frames, modes, strict=True):
        began = time.perf_counter()
        (found,) = predict(model, [replace(frame, tensors={})])
        spectrum(own, strengths(lines_of(own, found.tensors), model.target.name), width)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def report(molecules: Sequence[Molecule], target: str, width: float, each: bool) -> None:
    """Print the table of a kind of spectra, and if asked for the scores of each molecule."""
    pairs = [
        [spectrum(one.modes, strengths(lines, target), width) for lines in (one.true, one.found)] for one in molecules
    ]
    scores = np.array([(pearson(a, b), information_similarity(a, b)) for a, b in pairs])
    print(f"\n{KINDS[target]}: {len(molecules)} molecules, lines {width:g} cm⁻¹ wide")
    if each:
        print(f"{'':<34}{'Pearson':>9}{'SIS':>9}")
        for one, score in zip(molecules, scores, strict=True):
            print(f"{one.frame.info['smiles']:<34}{score[0]:>9.3f}{score[1]:>9.3f}")
    print(f"{'':<24}{'molecules':>10}{'Pearson > 0.9':>15}{'median':>9}{'SIS > 0.85':>12}{'median':>9}")
    groups = sorted({name for one in molecules for name in str(one.frame.info["groups"]).split(",")})
    for name in ("all", *groups):
        chosen = [name in ("all", *str(one.frame.info["groups"]).split(",")) for one in molecules]
        if name != "all" and sum(chosen) < FEWEST:
            continue
        own = scores[chosen]
        shares = (own > (PEARSON, SIMILAR)).mean(axis=0)
        middle = np.median(own, axis=0)
        print(f"{name:<24}{len(own):>10}{shares[0]:>15.1%}{middle[0]:>9.3f}{shares[1]:>12.1%}{middle[1]:>9.3f}")
    for bond in ("O-H", "C=O"):
        both = [
            (strengths(one.true, target)[k], strengths(one.found, target)[k])
            for one in molecules
            for k in stretches(one.frame, one.modes)[bond]
        ]
        if both:
            true, found = np.array(both).T
            error, bias = abs(found - true).sum() / true.sum(), (found - true).sum() / true.sum()
            print(f"{bond} stretches: {len(both)}, error of intensities {error:.1%}, of their sum {bias:+.1%}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--hessians", type=Path, required=True)
    parser.add_argument("--apt")
    parser.add_argument("--pgt")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--level", help="of models of several levels")
    parser.add_argument("--each", action="store_true", help="the scores of each molecule, too")
    parser.add_argument("--width", type=float, default=10.0, help="cm⁻¹")
    given = parser.parse_args()
    labelled = [frame for frame in read_frames(given.reference) if frame is not None]
    frames = [frame for frame in labelled if frame.info["geometry"] == "minimum"]
    hessians = [np.load(given.hessians / f"{frame.info['number']:05d}.hessian.npy").astype(float) for frame in frames]
    modes = [normal_modes(frame, hessian) for frame, hessian in zip(frames, hessians, strict=True)]
    for target, name in ((APT.name, given.apt), (PGT.name, given.pgt)):
        if given.labels is not None:
            found = other_tensors(frames, given.labels)
        elif name is not None:
            model = read_model(name, target, level=given.level)
            print(evaluate(compare_with_labels(model, labelled, str(given.reference))))
            found = list(predict(model, [replace(frame, tensors={}) for frame in frames]))
            seconds = seconds_each(model, frames, modes, given.width)
            print(f"{1000 * seconds:.0f} ms a spectrum of a molecule whose modes are there")
        else:
            continue
        molecules = [
            Molecule(frame, each, lines_of(each, frame.tensors), lines_of(each, other.tensors))
            for frame, each, other in zip(frames, modes, found, strict=True)
            if len(each.wavenumbers)
        ]
        report(molecules, target, given.width, given.each)


if __name__ == "__main__":
    main()
