"""The demo: spectra of liquid water from the DFT labels and the trajectory that come with the package.

It does what users do with their own data: train two networks, predict along the trajectory, look at the spectra. At the
end it sets the infrared bands beside experiment.
"""

from __future__ import annotations

import logging
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimyria.errors import Interrupted, ModelError
from mimyria.frame import Frame
from mimyria.memory import write_text
from mimyria.pipeline import make_spectra
from mimyria.progress import progress_table
from mimyria.settings import SpectrumSettings, TrainSettings
from mimyria.spectra.compare import band_maximum
from mimyria.spectra.spectrum import Spectrum

if TYPE_CHECKING:
    from mimyria.training.train import OnProgress

log = logging.getLogger("mimyria")

LABELS = "water32_labels.extxyz.xz"
TRAJECTORY = "water32.extxyz.xz"
EXPERIMENT = "experiment.csv"

MINUTES, QUICK_MINUTES = 2.0, 0.3
"""Training of each network."""
QUICK_FRAMES = 1500
RESOLUTION = 40.0
"""cm⁻¹: what ten picoseconds of 32 molecules show without drowning the bands in noise."""

BANDS = (
    ("hydrogen-bond stretch", 186.0, 1.93, (130.0, 300.0)),
    ("libration", 619.0, 4.61, (400.0, 900.0)),
    ("bend", 1645.0, 3.68, (1500.0, 1800.0)),
    ("bend + libration", 2121.0, 0.59, (1950.0, 2400.0)),
    ("O-H stretch", 3394.0, 17.3, (3000.0, 3800.0)),
)
"""Name, maximum (cm⁻¹) and n·α (10³ cm⁻¹) in experiment (Bertie & Lan 1996, 25 °C), range in which to look for it."""


def run_demo(out: Path, *, quick: bool = False) -> str:
    """Make models and spectra of liquid water in a folder; return the table of the bands."""
    from mimyria.formats import read_frames

    out.mkdir(parents=True, exist_ok=True)
    data = files("mimyria") / "data"
    with as_file(data / LABELS) as labels, as_file(data / TRAJECTORY) as trajectory:
        frames = list(read_frames(labels))
        for step, name in enumerate(("apt", "pgt"), 1):
            settings = TrainSettings(target=name, time_limit=QUICK_MINUTES if quick else MINUTES)
            with progress_table(f"{step}/3 {name.upper()} network") as advance:
                _train(frames, settings, out, advance)
        write_text(out / EXPERIMENT, experiment())
        spectra = make_spectra(
            [trajectory],
            out,
            SpectrumSettings(
                apt=str(out / "apt.mym"),
                pgt=str(out / "pgt.mym"),
                frames=(0, QUICK_FRAMES if quick else None),
                resolution=RESOLUTION,
                reference=(f"{out / EXPERIMENT},label=experiment, band maxima",),
                title="Liquid water, networks trained on DFT labels",
            ),
        )
    return band_table(spectra) + f"\n\nspectra: {out / 'spectra.png'}, {out / 'spectra.html'}, {out / 'ir.csv'}"


def experiment() -> str:
    """Return the measured band maxima as a table."""
    rows = (f"{position:g},{1000 * height:g}\n" for _, position, height, _ in BANDS)
    return "# liquid water, 25 °C: Bertie & Lan 1996\nwavenumber_cm-1,n_alpha_cm-1\n" + "".join(rows)


def _train(frames: list[Frame], settings: TrainSettings, out: Path, advance: OnProgress) -> None:
    """Train a network, or resume from what an interrupted demo left in the folder."""
    from mimyria.model.files import read_model
    from mimyria.training.history import checkpoint_of
    from mimyria.training.train import train

    path = out / f"{settings.target}.mym"
    stopped = checkpoint_of(path).exists()
    finished = path.exists() and not stopped and not (out / "ir.csv").exists()
    if finished and read_model(path).summary.get("time_limit") == settings.time_limit:
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


def band_table(spectra: dict[str, Spectrum]) -> str:
    """Return the infrared bands beside experiment, and the depolarisation ratio of the O-H stretch, as text."""
    infrared, raman = spectra["ir"], spectra["raman"]
    lines = [
        f"{'infrared band':<24}{'here':>16}{'experiment':>20}",
        f"{'':<24}{'cm⁻¹   n·α/10³':>16}{'cm⁻¹   n·α/10³':>20}",
    ]
    for name, position, height, (low, high) in BANDS:
        here, value = band_maximum(infrared.wavenumber, infrared.columns["n_alpha_cm-1"], low, high)
        lines.append(f"{name:<24}{here:8.0f}{value / 1000:8.2f}{position:12.0f}{height:8.2f}")
    top, _ = band_maximum(raman.wavenumber, raman.columns["VV"], 3000.0, 3800.0)
    ratio = float(np.interp(top, raman.wavenumber, raman.columns["depolarisation_ratio"]))
    lines.append(f"Raman VV of the O-H stretch: maximum at {top:.0f} cm⁻¹, depolarisation ratio there {ratio:.2f}")
    return "\n".join(lines)
