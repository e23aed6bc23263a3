"""The settings of all commands, each declared once.

A new one is a flag of the command, a name in YAML and in Python, an entry of ``settings.yaml``, and a part of the
identity of the result if it decides it.
"""

from mimyria.settings.of_app import AppSettings
from mimyria.settings.of_harmonic import HarmonicSettings
from mimyria.settings.of_identify import IdentifySettings
from mimyria.settings.of_label import LabelSettings
from mimyria.settings.of_spectrum import Experiment, Pictures, Reading, Sampled, SpectrumSettings
from mimyria.settings.of_table import BandsSettings, CompareSettings, OpticsSettings
from mimyria.settings.of_train import TrainSettings
from mimyria.settings.reading import EvaluateSettings, PredictSettings, Stored, Topology

__all__ = [
    "AppSettings",
    "BandsSettings",
    "CompareSettings",
    "EvaluateSettings",
    "Experiment",
    "HarmonicSettings",
    "IdentifySettings",
    "LabelSettings",
    "OpticsSettings",
    "Pictures",
    "PredictSettings",
    "Reading",
    "Sampled",
    "SpectrumSettings",
    "Stored",
    "Topology",
    "TrainSettings",
]
