"""The demo: spectra of liquid water from the DFT labels and the trajectories that come with the package.

It does what users do with their own data: teach two networks the level of their labels, beginning from bundled models
of a cheaper level, predict along trajectories, look at the spectra. Dynamics on an effective potential of
quantum nuclei, made of path integrals, gives the spectra, and the infrared of classical nuclei on the bare potential is
laid over: what the two differ by, and how near they come to the measured bands, is in the picture and in the table at
the end.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from mimyria.errors import Interrupted, ModelError
from mimyria.frame import Frame
from mimyria.memory import make_folder, write_text
from mimyria.pipeline import make_spectra
from mimyria.progress import progress_table
from mimyria.settings import SpectrumSettings, TrainSettings
from mimyria.spectra.bands import measure_bands
from mimyria.spectra.spectrum import Spectra, Spectrum

if TYPE_CHECKING:
    from mimyria.training.train import OnProgress

log = logging.getLogger("mimyria")

LABELS = "water32_labels_production.extxyz.xz"
QUANTUM = ("water32_effective_1.extxyz.xz", "water32_effective_2.extxyz.xz")
CLASSICAL = "water32.extxyz.xz"
EXPERIMENT = "experiment.csv"

START = "water-pbe"
"""The bundled models that the networks begin from."""
EPOCHS, QUICK_EPOCHS = 20, 6
"""Training of each network."""
QUICK_FRAMES = 500
"""Of each trajectory."""
RESOLUTION = 60.0
"""cm⁻¹: what fifteen picoseconds of 32 molecules show without drowning the bands in noise."""

MAXIMA = ((186.0, 1.93), (619.0, 4.61), (1645.0, 3.68), (2121.0, 0.59), (3394.0, 17.3))
"""Of the infrared bands in experiment (Bertie & Lan 1996, 25 °C): cm⁻¹, n·α in 10³ cm⁻¹."""
BANDS = {
    "libration": ((350.0, 1000.0), 636, 2.05),
    "bend": ((1500.0, 1800.0), 1639, 0.48),
    "O-H stretch": ((2800.0, 4000.0), 3359, 6.84),
}
"""Range, centre (cm⁻¹) and integral of n·α (10⁶ cm⁻²) in the same experiment."""


def run_demo(out: Path, *, quick: bool = False) -> str:
    """Make models and spectra of liquid water in a folder; return the table of the bands."""
    from mimyria.formats import read_frames

    make_folder(out)
    with ExitStack() as stack:
        labels, classical, *quantum = (
            stack.enter_context(as_file(files("mimyria") / "data" / name)) for name in (LABELS, CLASSICAL, *QUANTUM)
        )
        frames = list(read_frames(labels))
        epochs = QUICK_EPOCHS if quick else EPOCHS
        for step, name in enumerate(("apt", "pgt"), 1):
            settings = TrainSettings(target=name, start=START, epochs=epochs)
            with progress_table(f"{step}/4 {name.upper()} network") as advance:
                _train(frames, settings, out, advance)
        write_text(out / EXPERIMENT, experiment())
        along = SpectrumSettings(
            apt=str(out / "apt.mym"),
            frames=(0, QUICK_FRAMES if quick else None),
            resolution=RESOLUTION,
            reference=(f"{out / EXPERIMENT},label=experiment, band maxima",),
            title="Liquid water, classical nuclei",
        )
        log.info("3/4 infrared of classical nuclei")
        beside = make_spectra([classical], out / "classical", along, kinds=("ir",), plot_format=("png",))
        log.info("4/4 spectra of quantum nuclei")
        spectra = make_spectra(
            quantum,
            out,
            along,
            pgt=str(out / "pgt.mym"),
            nuclei="effective",
            reference=(*along.reference, f"{out / 'classical' / 'ir.csv'},label=classical nuclei"),
            title="Liquid water, quantum nuclei",
        )
    table = band_table(spectra, beside["ir"])
    return f"{table}\n\nspectra: {out / 'spectra.png'}, {out / 'spectra.html'}, {out / 'ir.csv'}"


def experiment() -> str:
    """Return the measured band maxima as a table."""
    rows = (f"{position:g},{1000 * height:g}\n" for position, height in MAXIMA)
    return "# liquid water, 25 °C: Bertie & Lan 1996\nwavenumber_cm-1,n_alpha_cm-1\n" + "".join(rows)


def _train(frames: list[Frame], settings: TrainSettings, out: Path, advance: OnProgress) -> None:
    """Train a network, or resume from what an interrupted demo left in the folder."""
    from mimyria.model.files import read_model
    from mimyria.training.history import checkpoint_of
    from mimyria.training.train import train

    path = out / f"{settings.target}.mym"
    stopped = checkpoint_of(path).exists()
    finished = path.exists() and not stopped and not (out / "ir.csv").exists()
    if finished and read_model(path).summary.get("epochs") == settings.epochs:
        log.info(f"{path} of an interrupted demo is taken over")
        return
    try:
        train(frames, settings, path, resume=stopped, on_progress=advance, origin=LABELS)
    except Interrupted:
        raise Interrupted(f"stopped; run the demo again to resume in {out}") from None
    except ModelError:
        if not stopped:
            raise
        checkpoint_of(path).unlink()  # of another version, or damaged: train anew
        train(frames, settings, path, on_progress=advance, origin=LABELS)


def band_table(spectra: Spectra, classical: Spectrum) -> str:
    """Return the infrared bands beside experiment, and the depolarisation ratio of the O-H stretch, as text.

    Parameters
    ----------
    spectra
        Of quantum nuclei: infrared and Raman.
    classical
        Infrared of classical nuclei on the same potential.
    """
    headings, units = ("quantum nuclei", "classical nuclei", "experiment"), f"{'centre, cm⁻¹':>16}{'10⁶ cm⁻²':>14}"
    lines = [
        f"{'infrared band':<14}" + "".join(f"{heading:>30}" for heading in headings),
        f"{'':<14}" + units * len(headings),
    ]
    ranges = [ends for ends, *_ in BANDS.values()]
    found = [measure_bands(infrared, ranges=ranges) for infrared in (spectra["ir"], classical)]
    for (name, (_, centre, integral)), *of_both in zip(BANDS.items(), *found, strict=True):
        columns = [*((band.centre, band.integral.times(1e-6)) for band in of_both), (centre, integral)]
        lines.append(f"{name:<14}" + "".join(f"{middle!s:>16}{area!s:>14}" for middle, area in columns))
    (stretch,) = measure_bands(spectra["raman"], "VV", ranges[-1:])
    lines.append(
        f"Raman VV of the O-H stretch: maximum at {stretch.maximum} cm⁻¹, depolarisation ratio "
        f"{stretch.depolarisation_ratio}"
    )
    lines.append(
        "Both dynamics are of one potential, a neural network for revPBE0-D3. Classical nuclei leave the O-H stretch\n"
        "about 200 cm⁻¹ too high, and the bend 40; the zero-point motion of quantum nuclei, in an effective potential\n"
        "fitted to path integrals, takes both to where they are measured. That the stretch absorbs too much, 17 % in\n"
        "eight runs of 20 ps, is the potential's (benchmarks/RESULTS.md)."
    )
    return "\n".join(lines)
