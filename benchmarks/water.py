"""Liquid water beside experiment: bands, similarity, and what keeps the infrared from the measured one.

    python benchmarks/water.py --reference bertie-lan.txt,1000 --reference hale.dat,1000 --limits TRPMD \
        --run TRPMD=trpmd-1.extxyz.xz --run TRPMD=trpmd-2.extxyz.xz --run classical=water64.trr,water64.pdb

Runs of one name are taken together; each is a trajectory (and its topology) or a `series.h5`. The bundled runs without
any. The rates of each stay in the folder: start it again, and it goes on, or makes the tables anew in seconds. A
reference is a table of n·α over cm⁻¹ with the factor that makes it cm⁻¹. ``--labels FILE`` compares the networks with
labels, of their own level or of another: by how much the bands of single molecules are too strong.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from mimyria import Spectrum, make_spectra, predict, read_frames, read_spectrum
from mimyria.demo import CLASSICAL, QUANTUM
from mimyria.elements import masses_of
from mimyria.frame import Array, Frame
from mimyria.neighbours import neighbour_pairs
from mimyria.settings import SpectrumSettings
from mimyria.spectra.bands import Measured, measure_bands
from mimyria.spectra.compare import similarity
from mimyria.spectra.spectrum import WAVENUMBER
from mimyria.units import BOHR

DATA = Path(__file__).parents[1] / "mimyria" / "data"
BUNDLED = [*(f"effective={DATA / name}" for name in QUANTUM), f"classical={DATA / CLASSICAL}"]
BANDS = {"libration": (350.0, 1000.0), "bend": (1500.0, 1800.0), "O-H stretch": (2800.0, 4000.0)}
STRETCH = BANDS["O-H stretch"]
REACH = 2.0
"""Å; every hydrogen of water is nearer to an oxygen."""
RANGE = (300.0, 4000.0)
PARTS = ((300, 1000), (1000, 1500), (1500, 1800), (1800, 2800), (2800, 3300), (3300, 3600), (3600, 4000))
RESOLUTIONS = (20.0, 40.0, 60.0, 80.0)
N_ALPHA = "n_alpha_cm-1"
SCALES = {"integral": 1e-6, "height": 1e-3}
"""Infrared integrals are printed in 10⁶ cm⁻², heights in 10³ cm⁻¹."""
LASER = 532.0
"""nm: Raman maxima are those of Stokes intensities, as they are measured."""

Curve = tuple[Array, Array]


def alike(first: Curve, second: Curve) -> float:
    """Return the similarity of two curves over RANGE."""
    return similarity((*first, None), (*second, None), *RANGE).similarity


def shown(number: Measured) -> str:
    """Return a number with its error, with four digits where that is not known."""
    return str(number) if np.isfinite(number.error) or not np.isfinite(number.value) else f"{number.value:.4g}"


def infrared_rows(spectra: dict[str, Spectrum], references: dict[str, Curve]) -> list[list[str]]:
    """Return the table of the infrared: a column for every reference and every name of runs."""
    measured = {name: Spectrum("ir", {WAVENUMBER: x, N_ALPHA: y}) for name, (x, y) in references.items()} | spectra
    rows = [["n·α", *measured]]
    for band, ends in BANDS.items():
        found = [measure_bands(one, N_ALPHA, [ends])[0] for one in measured.values()]
        for quantity in ("maximum", "height", "centre", "width", "integral"):
            values = [getattr(one, quantity).times(SCALES.get(quantity, 1.0)) for one in found]
            rows.append([f"{band}, {quantity}", *map(shown, values)])
    for name, curve in references.items():
        row = [f"similarity to {name}, {RANGE[0]:.0f} to {RANGE[1]:.0f} cm⁻¹"]
        row += [f"{alike(curve, other):.3f}" for other in references.values()]
        for ir in spectra.values():
            scores = np.array([alike(curve, (ir.wavenumber, line)) for line in ir.lines[N_ALPHA]])
            row.append(f"{scores[0]:.3f} ± {float(ir.replicates.interval(scores)):.3f}")
        rows.append(row)
    return rows


def raman_rows(spectra: dict[str, Spectrum]) -> list[list[str]]:
    """Return the table of Raman: maxima of Stokes intensities, and depolarisation ratios of integrated line shapes."""
    rows = [["Raman", *spectra]]
    for band, ends in list(BANDS.items())[1:]:
        for line in ("VV", "VH"):
            found = [measure_bands(raman, f"stokes_{line}", [ends])[0] for raman in spectra.values()]
            rows.append([f"{band}, {line}, maximum", *(str(one.maximum) for one in found)])
    for band, ends in {"10 to 300 cm⁻¹": (10.0, 300.0), **BANDS}.items():
        found = [measure_bands(raman, "VV", [ends])[0] for raman in spectra.values()]
        rows.append([f"{band}, depolarisation ratio", *(str(one.depolarisation_ratio) for one in found)])
    return rows


def moments(x: Array, y: Array) -> tuple[float, float, float]:
    """Return ∫ y dν of the stretch, the centre of ν, and the standard deviation about it."""
    nu = np.arange(STRETCH[0], STRETCH[1] + 0.5)
    line = np.interp(nu, x, y)
    middle = (nu * line).sum() / line.sum()
    return float(line.sum()), float(middle), float(np.sqrt(((nu - middle) ** 2 * line).sum() / line.sum()))


def limits_rows(name: str, runs: Sequence[Path], folder: Path, measured: Curve) -> list[list[str]]:
    """Return what the similarity of runs to one measured spectrum becomes when one thing is changed at a time."""

    def made(paths: Sequence[Path], resolution: float) -> Curve:
        along = SpectrumSettings(kinds=("ir",), resolution=resolution, plot_format=("png",))
        ir = make_spectra(paths, folder / "trial", along)["ir"]
        return ir.wavenumber, ir.values(N_ALPHA)

    rows = [[name, "similarity"]]
    for resolution in RESOLUTIONS:
        rows.append([f"resolution {resolution:.0f} cm⁻¹", f"{alike(measured, made(runs, resolution)):.3f}"])
    each = {run.parent.name: made([run], RESOLUTIONS[1]) for run in runs}
    for run, curve in each.items():
        rows.append([f"{run} alone, {RESOLUTIONS[1]:.0f} cm⁻¹, as all below", f"{alike(measured, curve):.3f}"])
    for (first, one), (second, other) in combinations(each.items(), 2):
        rows.append([f"{first} against {second}", f"{alike(one, other):.3f}"])
    x, y = made(runs, RESOLUTIONS[1])
    stretch = (x >= STRETCH[0]) & (x <= STRETCH[1])
    (area, middle, spread), (our_area, our_middle, our_spread) = moments(*measured), moments(x, y)
    scaled = np.where(stretch, y * area / our_area, y)
    rows.append(["integral of the stretch as measured", f"{alike(measured, (x, scaled)):.3f}"])
    moved = np.where(stretch, np.interp(x + our_middle - middle, x, scaled), scaled)
    rows.append([f"and the stretch moved by {middle - our_middle:.0f} cm⁻¹", f"{alike(measured, (x, moved)):.3f}"])
    factor = our_spread / spread
    narrowed = np.where(stretch, factor * np.interp((x - middle) * factor + our_middle, x, scaled), scaled)
    words = f"and its standard deviation {spread:.0f} in place of {our_spread:.0f} cm⁻¹"
    rows.append([words, f"{alike(measured, (x, narrowed)):.3f}"])
    rows.append(["stretch as measured", f"{alike(measured, (x, np.where(stretch, np.interp(x, *measured), y))):.3f}"])
    rest = np.where(stretch, y, np.interp(x, *measured))
    rows.append(["all but the stretch as measured", f"{alike(measured, (x, rest)):.3f}"])
    grid = np.arange(*RANGE, 2.0)
    ours, theirs = np.interp(grid, x, y), np.interp(grid, *measured)
    for low, high in PARTS:
        inside = (ours - theirs)[(grid >= low) & (grid < high)] / abs(ours + theirs).sum()
        words = f"lost from {low} to {high} cm⁻¹ (too much - too little)"
        rows.append([words, f"{abs(inside).sum():.3f} ({inside.sum():+.3f})"])
    return rows


def water_molecules(frame: Frame) -> tuple[Array, Array]:
    """Return the atoms O, H, H of every molecule (m, 3), and the vectors from O to both H (m, 2, 3), Å.

    A hydrogen belongs to the oxygen nearest to it, however far: in a bead of a path integral a bond may be stretched
    beyond what is one elsewhere. An oxygen to which not two belong, as of a shared proton, makes no molecule.
    """
    i, j, vectors = neighbour_pairs(frame, REACH)
    bonds = np.flatnonzero((frame.numbers[i] == 1) & (frame.numbers[j] == 8))
    bonds = bonds[np.argsort(np.linalg.norm(vectors[bonds], axis=1), kind="stable")]
    bonds = bonds[np.unique(i[bonds], return_index=True)[1]]  # of each hydrogen the first, which is the shortest
    bonds = bonds[np.bincount(j[bonds], minlength=len(frame))[j[bonds]] == 2]
    bonds = bonds[np.argsort(j[bonds], kind="stable")]
    return np.column_stack([j[bonds][::2], i[bonds].reshape(-1, 2)]), -vectors[bonds].reshape(-1, 2, 3)


def strengths(frame: Frame, tensors: Array) -> Array:
    """Return Σ |Σ_n T_n·u_n|² over the molecules, of translations, rotations, bends and stretches u; T (n, k, 3).

    The u are mass-weighted and orthonormal, so that the sum of a kind is what the integral of its band measures, as far
    as the molecules are rigid or vibrate by themselves.
    """
    atoms, bonds = water_molecules(frame)
    root = np.sqrt(masses_of([8, 1, 1]))[:, None]
    found = np.zeros(4)
    for of_molecule, (first, second) in zip(atoms, bonds, strict=True):
        places = np.array([0 * first, first, second])
        about = places - np.average(places, axis=0, weights=root[:, 0] ** 2)
        kinds = [
            [root * axis for axis in np.broadcast_to(np.eye(3)[:, None], (3, 3, 3))],
            [root * np.cross(axis, about) for axis in np.eye(3)],
            [np.array([-first, first, 0 * first]) / root, np.array([-second, 0 * second, second]) / root],
        ]
        bases = [np.linalg.qr(np.reshape(kind, (-1, 9)).T)[0].T for kind in kinds]
        bend = np.linalg.svd(np.concatenate(bases))[2][8:]
        for number, basis in enumerate((bases[0], bases[1], bend, bases[2])):
            derivatives = np.einsum("nax,knx->ka", tensors[of_molecule], basis.reshape(-1, 3, 3) / root)
            found[number] += np.square(derivatives).sum()
    return found


def parts_of(frame: Frame) -> dict[str, Array]:
    """Return what makes the infrared and both parts of Raman, each (n, k, 3), of the tensors in a frame."""
    found = {"infrared": frame.tensors["apt"]} if "apt" in frame.tensors else {}
    if "pgt" in frame.tensors:
        isotropic = np.einsum("naax->nx", frame.tensors["pgt"]) / 3
        rest = frame.tensors["pgt"] - np.einsum("ab,nx->nabx", np.eye(3), isotropic)
        found |= {"Raman, isotropic": isotropic[:, None], "Raman, anisotropic": rest.reshape(len(frame), 9, 3)}
    return found


def level_rows(labels: Sequence[Path], models: Sequence[str]) -> list[list[str]]:
    """Return ε∞ of labels, and how strong the models find the bands of single molecules, over what labels say."""
    rows = [["labels", "frames", "ε∞", "part", "translations", "rotations", "bends", "stretches"]]
    for path in labels:
        frames = list(read_frames(path))
        bare = [replace(frame, tensors={}) for frame in frames]
        predicted = [parts_of(frame) for frame in predict(models, bare)]
        polarizabilities = [np.reshape(frame.info["alpha"], (3, 3)) for frame in frames if "alpha" in frame.info]
        # ε∞ = 1 + 4π Tr(α)/3V, α in a0³
        volumes = [frame.volume / BOHR**3 for frame in frames if "alpha" in frame.info]
        epsilon = [1 + 4 * np.pi * np.trace(a) / 3 / v for a, v in zip(polarizabilities, volumes, strict=True)]
        mean = f"{np.mean(epsilon):.3f}" if epsilon else "-"
        for part in parts_of(frames[0]):
            theirs = sum(strengths(frame, parts_of(frame)[part]) for frame in frames)
            ours = sum(strengths(frame, found[part]) for frame, found in zip(frames, predicted, strict=True))
            ratios = np.divide(ours, theirs)
            rows.append([path.name, str(len(frames)), mean, part, *(f"{ratio:.2f}" for ratio in ratios)])
    return rows


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:], ""])


def rates_of(text: str, folder: Path, apt: str, pgt: str) -> tuple[str, Path]:
    """Return the name of a run and its ``series.h5``, made if it is not there."""
    name, _, files = text.partition("=")
    file, *topology = map(Path, files.split(","))
    if file.suffix == ".h5":
        return name, file
    rates = folder / file.name.split(".")[0] / "series.h5"
    if not rates.exists():
        along = SpectrumSettings(apt=apt, pgt=pgt, topology=topology[0] if topology else None, plot_format=("png",))
        make_spectra(file, rates.parent, along)
    return name, rates


def main() -> None:
    """Make what is not there, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="append", metavar="NAME=FILE[,TOPOLOGY]")
    parser.add_argument("--reference", action="append", default=[], metavar="FILE[,FACTOR]")
    parser.add_argument("--apt", default="water")
    parser.add_argument("--pgt", default="water")
    parser.add_argument("--labels", action="append", type=Path)
    parser.add_argument("--resolution", type=float, default=40.0)
    parser.add_argument("--limits", help="name of the runs whose similarity to the first reference is taken apart")
    parser.add_argument("--out", type=Path, default=Path("water-runs"))
    given = parser.parse_args()
    references: dict[str, Curve] = {}
    for text in given.reference:
        file, _, factor = text.partition(",")
        x, y, _ = read_spectrum(file).curve(None, float(factor or 1))
        references[Path(file).stem] = x, y
    runs: dict[str, list[Path]] = {}
    for text in given.run or BUNDLED:
        name, rates = rates_of(text, given.out, given.apt, given.pgt)
        runs.setdefault(name, []).append(rates)
    how = SpectrumSettings(resolution=given.resolution, laser=LASER, stokes=True, plot_format=("png",))
    made = {name: make_spectra(paths, given.out / name, how) for name, paths in runs.items()}
    print(table(infrared_rows({name: spectra["ir"] for name, spectra in made.items()}, references)))
    print(table(raman_rows({name: spectra["raman"] for name, spectra in made.items()})))
    if given.limits:
        print(table(limits_rows(given.limits, runs[given.limits], given.out, next(iter(references.values())))))
    print(table(level_rows(given.labels or [DATA / "water32_labels.extxyz.xz"], [given.apt, given.pgt])))


if __name__ == "__main__":
    main()
