"""The demo of an ion: spectra of aqueous sulfate from the bundled models, labels and excerpt of a run.

What is rare drowns in water, so everything is told by groups: the errors of the networks on labels that they were not
trained on, the spectra of the ion, of its shell, of sodium and of the other water, and the modes of the ion, split by
the motion that makes them.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.level import level_of
from mimyria.memory import make_folder
from mimyria.pipeline import make_spectra
from mimyria.settings import EvaluateSettings, SpectrumSettings
from mimyria.spectra.bands import measure_bands, text_table
from mimyria.spectra.spectrum import Spectra
from mimyria.training.intensities import groups_in

log = logging.getLogger("mimyria")

LABELS, RUN, MODELS = "sulfate_labels.extxyz.xz", "sulfate_run.extxyz.xz", "sulfate"
HELD_OUT = "held_out"
"""What the headers of the labels are marked with that no network was trained on."""
QUICK_FRAMES = 300
RESOLUTION, QUICK_RESOLUTION = 25.0, 40.0
"""cm⁻¹."""
SHELLS = ("shell 4.4 around element S", "sodium=element Na")
KINDS_OF_ATOMS = ("sulfate=byres element S", "sodium=element Na", "water=byres element H")
MODES = {
    "ν1, breathing": ("SO4_symmetric_stretch", (900.0, 1050.0), 981),
    "ν3, stretch": ("SO4_antisymmetric_stretch", (900.0, 1150.0), 1105),
    "ν2, bend": ("SO4_symmetric_bend", (330.0, 470.0), 450),
    "ν4, bend": ("SO4_antisymmetric_bend", (480.0, 640.0), 617),
}
"""Motion, range (cm⁻¹) on the potential of the run, and place in experiment, cm⁻¹."""


CAVEAT = "One short run: no errors are known, and an infrared strength is uncertain by tens of per cent."


def run_sulfate(out: Path, *, quick: bool = False) -> str:
    """Make spectra of aqueous sulfate in a folder; return the table of the modes of the ion."""
    make_folder(out)
    with ExitStack() as stack:
        labels, run = (stack.enter_context(as_file(files("mimyria") / "data" / name)) for name in (LABELS, RUN))
        log.info("1/3 errors on labels that were held out")
        labelled = list(read_frames(labels))
        predicted = level_of(labelled[-1].info)
        held_out = [frame for frame in labelled if frame.info[HELD_OUT] and level_of(frame.info) == predicted]
        for target in ("apt", "pgt"):
            log.info(errors(held_out, target))
        along = SpectrumSettings(
            apt=MODELS,
            pgt=MODELS,
            level=str(predicted),
            frames=(0, QUICK_FRAMES if quick else None),
            resolution=QUICK_RESOLUTION if quick else RESOLUTION,
            groups=SHELLS,
            title="Sulfate in water, 1.7 mol/L",
        )
        log.info("2/3 spectra of the ion, its shell, sodium, and the other water")
        make_spectra([run], out, along)
        log.info("3/3 spectra by motion")
        motions = make_spectra([run], out / "motions", along, groups=("motions",), plot_format=("png",))
    places = f"spectra: {out / 'spectra.png'}, {out / 'spectra.html'}, {out / 'motions'}"
    return f"{mode_table(motions)}\n{CAVEAT}\n\n{places}"


def errors(held_out: list[Frame], target: str) -> str:
    """Return the errors of a bundled network on labels of one level, by kind of atom, as text."""
    from mimyria.model.files import bundled, read_model
    from mimyria.training.evaluate import compare_with_labels, evaluate

    model = read_model(bundled(Path(MODELS), target), level=str(level_of(held_out[0].info)))
    report = evaluate(
        compare_with_labels(model, held_out, LABELS), groups_in(held_out, EvaluateSettings(groups=KINDS_OF_ATOMS))
    )
    rows = [
        [f"{group} {symbol}", f"{row['rmse']:.3f}", f"{100 * (row['of_size'] or 0):.1f} %"]
        for group, of_group in report["groups"].items()
        for symbol, row in of_group.items()
    ]
    return "\n" + text_table([target.upper(), f"RMSE, {report['unit']}", "of its size"], rows)


def mode_table(spectra: Spectra) -> str:
    """Return for each mode its place in the motion, in the infrared and in Raman, and ρ, beside experiment, as text."""
    rows = []
    for name, (motion, band, measured) in MODES.items():
        both = f"[{motion},{motion}]"
        moving, absorbing, isotropic, anisotropic = (
            measure_bands(spectra[kind], f"{quantity}{both}", [band])[0]
            for kind, quantity in (
                ("vdos", "vdos"),
                ("ir", "n_alpha"),
                ("raman", "isotropic"),
                ("raman", "anisotropic"),
            )
        )
        crossed = anisotropic.integral.value / 10
        ratio = crossed / (isotropic.integral.value + 2 / 15 * anisotropic.integral.value)
        rows.append([name, str(moving.centre), str(absorbing.integral.times(1e-3)), f"{ratio:.3f}", str(measured)])
    titles = ["mode", "moves at, cm⁻¹", "infrared, 10³ cm⁻²", "ρ", "experiment, cm⁻¹"]
    return text_table(titles, rows)
