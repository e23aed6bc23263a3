"""Infrared and polarised Raman spectra of liquids and solutions from molecular dynamics that already exists.

What a script or a notebook needs is here by name, and imported when it is first used.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Frame",
    "LabelSettings",
    "Spectrum",
    "SpectrumSettings",
    "TrainSettings",
    "compare",
    "evaluate",
    "label",
    "make_spectra",
    "optics",
    "predict",
    "read_frames",
    "read_model",
    "read_spectrum",
    "train",
    "write_frames",
]

if TYPE_CHECKING:
    from mimyria.commands import evaluate, label, predict, train
    from mimyria.formats import read_frames, write_frames
    from mimyria.frame import Frame
    from mimyria.model.files import read_model
    from mimyria.pipeline import make_spectra
    from mimyria.settings import LabelSettings, SpectrumSettings, TrainSettings
    from mimyria.spectra.compare import compare
    from mimyria.spectra.optics import optics
    from mimyria.spectra.spectrum import Spectrum, read_spectrum
else:  # which a type checker would take as leave to any name at all
    _HOMES = {
        "mimyria.commands": ("evaluate", "label", "predict", "train"),
        "mimyria.formats": ("read_frames", "write_frames"),
        "mimyria.frame": ("Frame",),
        "mimyria.model.files": ("read_model",),
        "mimyria.pipeline": ("make_spectra",),
        "mimyria.settings": ("LabelSettings", "SpectrumSettings", "TrainSettings"),
        "mimyria.spectra.compare": ("compare",),
        "mimyria.spectra.optics": ("optics",),
        "mimyria.spectra.spectrum": ("Spectrum", "read_spectrum"),
    }

    def __getattr__(name):
        from importlib import import_module

        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(home), name)
        raise AttributeError(f"module 'mimyria' has no attribute {name!r}")

    def __dir__():
        return [*__all__, "__version__"]
