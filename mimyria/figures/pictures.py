"""The pictures of a folder of spectra, in every format that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mimyria.choices import PICTURES
from mimyria.figures.panels import panels_of
from mimyria.figures.reference import lay_over, read_reference
from mimyria.settings import Pictures
from mimyria.spectra.spectrum import Spectrum


def write_pictures(
    folder: Path,
    spectra: Mapping[str, Spectrum],
    settings: Pictures,
    notes: Sequence[str] = (),
    moving: Sequence[Spectrum] = (),
) -> None:
    """Write ``spectra.png`` and its like beside the text files, and remove those of an earlier run.

    The notes are lines for the page; those about the references follow. Those ``moving`` with time have a picture of
    their own, ``moving.png``.
    """
    panels, similarities = lay_over(panels_of(spectra), [read_reference(text) for text in settings.reference])
    for name in set(PICTURES) - set(settings.plot_format):
        (folder / f"spectra.{name}").unlink(missing_ok=True)
    figures = [folder / f"spectra.{name}" for name in settings.plot_format if name != "html"]
    for earlier in folder.glob("moving.*"):
        earlier.unlink()
    if figures and moving:
        from mimyria.figures.moving import plot_moving

        plot_moving([path.with_stem("moving") for path in figures], moving, settings.title)
    if figures:
        from mimyria.figures.plot import plot_spectra  # slow to import, as is the other

        plot_spectra(figures, panels, title=settings.title, width=settings.plot_width)
    if "html" in settings.plot_format:
        from mimyria.figures.page import write_page

        files = [*(folder / f"{kind}.csv" for kind in spectra), folder / "settings.yaml"]
        write_page(folder / "spectra.html", panels, files, title=settings.title, notes=[*notes, *similarities])
