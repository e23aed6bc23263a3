"""The pictures of a folder of spectra, in every format that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mimyria.figures.panels import panels_of
from mimyria.figures.reference import lay_over, read_reference
from mimyria.settings import PICTURES, Pictures
from mimyria.spectra.spectrum import Spectrum


def write_pictures(folder: Path, spectra: Mapping[str, Spectrum], how: Pictures, notes: Sequence[str] = ()) -> None:
    """Write ``spectra.png`` and its like beside the text files, and remove those of an earlier run.

    Parameters
    ----------
    folder
        With ``settings.yaml`` and the text file of each spectrum.
    spectra
        By kind.
    how
        What is asked for.
    notes
        Lines for the page; those about the references follow.
    """
    panels, said = lay_over(panels_of(spectra), [read_reference(text) for text in how.reference])
    paths = {name: folder / f"spectra.{name}" for name in PICTURES}
    for name in set(PICTURES) - set(how.plot_format):
        paths.pop(name).unlink(missing_ok=True)
    figures = [path for name, path in paths.items() if name != "html"]
    if figures:
        from mimyria.figures.plot import plot_spectra  # slow to import, as is the other

        plot_spectra(figures, panels, title=how.title, width=how.plot_width)
    if "html" in paths:
        from mimyria.figures.page import write_page

        files = [*(folder / f"{kind}.csv" for kind in spectra), folder / "settings.yaml"]
        write_page(paths["html"], panels, files, title=how.title, notes=[*notes, *said])
