"""Numbers of the bands of sulfate, with errors, from two finished runs along the same trajectories.

    python bands.py shells motions --out bands.json

`shells` has the groups solute, sodium, shell and bulk; `motions` splits the motion of molecules, so that ν₁ and ν₃ are
told apart, of which 7net has one beside the other (docs/sulfate.md tells how both are made). What belongs to the ion is
its term with itself and all of its cross terms,

    I_ion(ν) = [ion,ion] + Σ_B [ion,B]          A = ∫ n·α_ion dν / c          ρ = ∫ VH dν / ∫ VV dν

One ion keeps the energy of a stiff mode for picoseconds, so that of few runs the strength of a band says how much of it
there was by chance. What is "at k_BT" is divided by that energy, ∫ g dν over the degeneracy, g the density of states of
the motion in the same frames: in the harmonic approximation that is exact.

Errors are of blocks and trajectories, 68 %; of what is at k_BT, of trajectories, as the density of states has other
blocks. The density of states tells where the dynamics has a mode, the infrared and
Raman terms of the same motion where the tensors put its band.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.spectra.bands import Measured, known_numbers, measure_bands
from mimyria.spectra.remade import remake_spectra, stored_run
from mimyria.spectra.spectrum import Spectra, Spectrum
from mimyria.statistics.replicates import Replicates
from mimyria.units import LITRE_PER_MOLE

Array = np.ndarray[Any, Any]
Range = tuple[float, float]

SOLUTE = "solute"
NU1, NU2, NU3, NU4 = (930.0, 1010.0), (330.0, 470.0), (900.0, 1150.0), (480.0, 640.0)
"""cm⁻¹; where 7net-mf-0, r2SCAN, has the bands of the ion. In experiment they are at 981, 450, 1105 and 617."""
MODES = {
    "ν₁": ("SO4_symmetric_stretch", NU1, 1),
    "ν₂": ("SO4_symmetric_bend", NU2, 2),
    "ν₃": ("SO4_antisymmetric_stretch", NU3, 3),
    "ν₄": ("SO4_antisymmetric_bend", NU4, 3),
}
"""Motion, range and degeneracy."""
STRETCH_OF_WATER = (2800.0, 4100.0)
TOTALS = (("ir", "n_alpha_cm-1", "n_alpha"), *(("raman", name, name) for name in ("isotropic", "anisotropic")))
STRENGTH, PLACE = 14.2, 1105.0
"""Of ν₃ in experiment: ∫ k dν / c, cm⁻¹ L mol⁻¹ (J. Opt. Soc. Am. 72, 893), and cm⁻¹."""
SLOPE, OFFSET = 0.01538, -0.00102
"""Measured area of ν₁ over that of the O-H stretch, by c (Acta Geologica Sinica, abstract, which names no unit)."""


def area(spectrum: Spectrum, lines: Array, band: Range) -> Array:
    """Return ∫ I dν of lines (1 + replicates, n), shape (1 + replicates,)."""
    inside = (spectrum.wavenumber >= band[0]) & (spectrum.wavenumber <= band[1])
    return np.asarray(np.trapezoid(lines[:, inside], spectrum.wavenumber[inside], axis=1))


def number(spectrum: Spectrum, values: Array) -> Measured:
    """Return a number and its error from its values (1 + replicates,)."""
    return Measured(float(values[0]), float(spectrum.replicates.interval(values)))


def ratio(known: Replicates, above: Array, below: Array) -> Measured:
    """Return the ratio of two numbers, each (1 + replicates,), without the bias of a ratio."""
    values = above / below
    return Measured(float(known.unbiased(values)), float(known.interval(values)))


def of_runs(spectrum: Spectrum, values: Array) -> Array:
    """Return a number and its replicates without one trajectory, (1 + trajectories,)."""
    return np.concatenate([values[:1], values[1 + spectrum.replicates.blocks :]])


def terms(spectrum: Spectrum, quantity: str) -> dict[tuple[str, ...], Array]:
    """Return the auto and cross terms of a quantity, (1 + replicates, n), by their groups."""
    names = [name for name in spectrum.lines if name.startswith(f"{quantity}[") and "," in name]
    return {tuple(name[len(quantity) + 1 : -1].split(",")): spectrum.lines[name] for name in names}


def of_ion(spectrum: Spectrum, quantity: str) -> Array:
    """Return I_ion, (1 + replicates, n)."""
    return np.asarray(sum(lines for pair, lines in terms(spectrum, quantity).items() if SOLUTE in pair))


def place(spectrum: Spectrum, lines: Array, band: Range) -> dict[str, Measured]:
    """Return centre, maximum, width and height of a band of lines."""
    part = replace(spectrum, columns={**spectrum.columns, "part": lines[0]}, lines={**spectrum.lines, "part": lines})
    (found,) = measure_bands(part, "part", [band])
    return {name: getattr(found, name) for name in ("centre", "maximum", "width", "height")}


def parallel(isotropic: Array, anisotropic: Array) -> Array:
    """Return VV from both parts."""
    return np.asarray(isotropic + 2 / 15 * anisotropic)


def depolarisation(spectrum: Spectrum, isotropic: Array, anisotropic: Array, band: Range) -> Measured:
    """Return ρ of lines in a range."""
    crossed = area(spectrum, anisotropic / 10, band)
    return ratio(spectrum.replicates, crossed, area(spectrum, parallel(isotropic, anisotropic), band))


def beside_water(raman: Spectrum, isotropic: Array, anisotropic: Array, band: Range) -> tuple[Array, Array]:
    """Return the areas of a band of lines and of the O-H stretch, VV + VH as Stokes intensities."""
    unpolarised = stokes(raman) * (parallel(isotropic, anisotropic) + anisotropic / 10)
    return area(raman, unpolarised, band), area(raman, raman.lines["stokes_unpolarised"], STRETCH_OF_WATER)


def open_sums(spectra: Spectra) -> float:
    """Return by how much the parts of n·α and of both Raman lines miss the totals at most, relative to their maxima."""
    found = []
    for kind, total, quantity in TOTALS:
        summed, whole = sum(terms(spectra[kind], quantity).values()), spectra[kind].lines[total]
        found.append(float(np.abs(summed - whole).max() / whole.max()))
    return max(found)


def of_solution(spectra: Spectra) -> dict[str, Any]:
    """Return the numbers that a spectrometer could measure, and those of all terms of the ion."""
    infrared, raman = spectra["ir"], spectra["raman"]
    concentration = 1 / (float(infrared.header["volume"].split()[0]) * LITRE_PER_MOLE)
    absorbing = of_ion(infrared, "n_alpha")
    isotropic, anisotropic = (of_ion(raman, name) for name in ("isotropic", "anisotropic"))
    return {
        "concentration, mol/L": concentration,
        "parts minus total": open_sums(spectra),
        "∫ n·α dν of ν₃ and ν₁ / c, km/mol": number(infrared, area(infrared, absorbing, NU3) / (100 * concentration)),
        "measured ∫ α dν of ν₃ / c, km/mol": 4 * np.pi * PLACE * STRENGTH / 100,
        "area of ν₁ over O-H": ratio(raman.replicates, *beside_water(raman, isotropic, anisotropic, NU1)),
        "measured area of ν₁ over O-H, c in mol/L": OFFSET + SLOPE * concentration,
        "infrared of ion, ν₃": place(infrared, absorbing, NU3),
        "isotropic of ion, ν₁": place(raman, isotropic, NU1),
        "ρ of ion at ν₁": depolarisation(raman, isotropic, anisotropic, NU1),
    }


def of_motions(spectra: Spectra, concentration: float) -> dict[str, Any]:
    """Return for each mode where the dynamics has it, where the tensors put it, and how strong it is."""
    infrared, raman, states = (spectra[kind] for kind in ("ir", "raman", "vdos"))
    found: dict[str, Any] = {}
    runs = Replicates(trajectories=states.replicates.trajectories)
    for mode, (motion, band, degeneracy) in MODES.items():
        absorbing, moving, isotropic, anisotropic = (
            terms(spectrum, name)[motion, motion]
            for spectrum, name in (
                (infrared, "n_alpha"),
                (states, "vdos"),
                (raman, "isotropic"),
                (raman, "anisotropic"),
            )
        )
        energy = area(states, moving, band) / degeneracy
        strength = area(infrared, absorbing, band) / (100 * concentration)
        found[mode] = {
            "energy, k_BT": number(states, energy),
            "density of states": place(states, moving, band),
            "infrared": place(infrared, absorbing, band),
            "VV": place(raman, parallel(isotropic, anisotropic), band),
            "infrared, km/mol": number(infrared, strength),
            "infrared at k_BT, km/mol": ratio(runs, of_runs(infrared, strength), of_runs(states, energy)),
            "ρ": depolarisation(raman, isotropic, anisotropic, band),
        }
        if mode == "ν₁":
            own, water = beside_water(raman, isotropic, anisotropic, band)
            at_energy = of_runs(raman, own) / of_runs(states, energy)
            found["area of ν₁ at k_BT over O-H"] = ratio(runs, at_energy, of_runs(raman, water))
    one, three = (
        of_runs(infrared, area(infrared, terms(infrared, "n_alpha")[motion, motion], NU3))
        / (of_runs(states, area(states, terms(states, "vdos")[motion, motion], NU3)) / degeneracy)
        for motion, _, degeneracy in (MODES["ν₁"], MODES["ν₃"])
    )
    found["infrared of ν₁ over ν₃ at k_BT"] = ratio(runs, one, three)
    bends = {MODES["ν₂"][0], MODES["ν₄"][0]}
    both = np.asarray(sum(lines for pair, lines in terms(infrared, "n_alpha").items() if bends.issuperset(pair)))
    found["both bends in the range of ν₂"] = {
        "infrared": place(infrared, both, NU2),
        "infrared, km/mol": number(infrared, area(infrared, both, NU2) / (100 * concentration)),
    }
    return found


def stokes(raman: Spectrum) -> Array:
    """Return the factor of Stokes intensities, (n,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(raman.columns["stokes_VV"] / raman.columns["VV"])


def networks(folder: Path) -> dict[str, str]:
    """Return the digest of each network that made the rates of a folder, by its file's name."""
    read = stored_run(folder)[0][0].origin["files"]
    return {Path(name).name: str(facts["digest"]) for name, facts in read.items() if name.endswith(".mym")}


def plain(value: Any) -> Any:
    """Return numbers and errors as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        return known_numbers(asdict(value))
    return {name: plain(each) for name, each in value.items()} if isinstance(value, Mapping) else value


def flat(numbers: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each number with its full name."""
    for name, value in numbers.items():
        if isinstance(value, Mapping) and "value" not in value:
            yield from flat(value, f"{before}{name}, ")
        else:
            yield f"{before}{name}", value


def main() -> None:
    """Measure, write, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shells", type=Path)
    parser.add_argument("motions", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bands.json"))
    options = parser.parse_args()
    series, conditions, settings = stored_run(options.shells)
    if networks(options.shells) != networks(options.motions):
        parser.error(f"{options.shells} and {options.motions} are of different networks")
    numbers: dict[str, Any] = {
        "networks": networks(options.shells),
        "trajectories": len(series),
        "picoseconds": sum(len(run) * run.timestep for run in series) / 1000,
        "temperature, K": conditions.temperature,
        "resolution, cm⁻¹": settings.resolution,
    }
    numbers |= of_solution(remake_spectra(options.shells))
    numbers |= of_motions(remake_spectra(options.motions), numbers["concentration, mol/L"])
    options.out.write_text(json.dumps(plain(numbers), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    rows = [f"| {name} | {f'{value:.4g}' if isinstance(value, float) else value} |" for name, value in flat(numbers)]
    print("\n".join(["| | |", "|---|---|", *rows]))


if __name__ == "__main__":
    main()
