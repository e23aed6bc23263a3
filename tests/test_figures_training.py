"""Figures of a training: parity with the labels."""

from pathlib import Path

from mimyria.figures.training import plot_parity
from mimyria.frame import Frame
from mimyria.model.files import read_model
from mimyria.training.evaluate import compare_with_labels
from mimyria.training.train import train
from networks import quick


def test_parity_plot(labels: list[Frame], tmp_path: Path) -> None:
    train(labels[:2], quick("apt", epochs=1), tmp_path / "m")
    plot_parity(tmp_path / "parity.png", compare_with_labels(read_model(tmp_path / "m"), labels[:2], "labels"))
    assert (tmp_path / "parity.png").stat().st_size > 5000
