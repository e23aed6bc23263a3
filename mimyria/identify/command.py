"""`identify`: from the spectra of a sample to the functional groups in it, with the bands of each."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mimyria import __version__
from mimyria.config import File, path_of, settings_of
from mimyria.errors import ConfigError
from mimyria.frame import Array
from mimyria.identify.channels import channels
from mimyria.identify.given import Given, absorbance_of, read_given
from mimyria.identify.marks import Band, find_bands, shares
from mimyria.identify.recogniser import Recogniser, probability, read_recogniser
from mimyria.memory import make_folder, require_folder, write_text
from mimyria.settings.of_identify import IdentifySettings

log = logging.getLogger("mimyria")

TABLE, PICTURE = "groups.csv", "groups"
MOST_BANDS = 3
"""Of a group that are told."""
LEAST_SHARE = 0.3
"""Of a band, that must be of a group, if it is there, to be told as its own: most bands are of several."""


@dataclass(frozen=True)
class Group:
    """A functional group, how probable it is, and its bands, those first of which most is its own."""

    name: str
    probability: float
    bands: tuple[Band, ...]

    def __str__(self) -> str:
        told = ", ".join(f"{band.centre:.0f}{' Raman' * (band.kind == 'raman')}" for band in self.bands)
        return f"{self.name:<20}{self.probability:>7.3f}  {told}"


@dataclass(frozen=True)
class Identified:
    """What spectra say of their sample."""

    groups: tuple[Group, ...]
    """All that the network knows, the most probable first."""
    strangeness: float
    """Distance from the spectra that were trained on, over the limit; above 1 it is unlike any."""
    given: tuple[Given, ...]
    remarks: tuple[str, ...]
    """What speaks against believing the numbers."""

    def __getitem__(self, name: str) -> Group:
        """Return a group by its name."""
        return next(group for group in self.groups if group.name == name)

    def as_dict(self) -> dict[str, Any]:
        """Return everything by name, as JSON has it."""
        groups = {
            group.name: {"probability": group.probability, "bands": [asdict(band) for band in group.bands]}
            for group in self.groups
        }
        spectra = {each.kind: each.origin for each in self.given}
        return {**spectra, "strangeness": self.strangeness, "warnings": list(self.remarks), "groups": groups}

    def table(self, least: float) -> str:
        """Return the groups from a probability on, as lines of text."""
        shown = [group for group in self.groups if group.probability >= least]
        head = f"{'group':<20}{'prob.':>7}  bands, cm⁻¹"
        return "\n".join([head, *map(str, shown)] if shown else [f"no group is as probable as {least:g}"])


def identify(spectra: File | Iterable[File], settings: IdentifySettings | None = None, **given: Any) -> Identified:
    """Return the functional groups in a sample by its infrared spectrum, its Raman spectrum, or both.

    Parameters
    ----------
    spectra
        One file or two, as `read_spectrum` takes them, each with ``ir=`` or ``raman=`` before its name where the file
        does not say what it is.
    settings, given
        See `IdentifySettings`: ``model``, ``quantity``, ``abscissa``, ...

    Raises
    ------
    ConfigError, ModelError, SpectrumError
        If a setting is wrong, there is no such model, or a spectrum is nothing that groups can be told from.
    """
    settings = settings_of(IdentifySettings, settings, given)
    files = [spectra] if isinstance(spectra, str | Path) else list(spectra)  # type: ignore[arg-type]
    read = read_given([str(path_of(file)) for file in files], settings)
    recogniser = read_recogniser(settings.model)
    seen = channels({each.kind: (each.wavenumber, each.values) for each in read})
    logits = recogniser.logits(seen[None])[0]
    strangeness = recogniser.strangeness(seen)
    known = len(recogniser.groups)
    transmitted = strangeness > 1 and is_transmittance(read, recogniser)
    remarks = remarks_of(read, strangeness, recogniser.looks_other(seen), transmitted)
    for remark in remarks:
        log.warning(remark)
    bands = find_bands(seen)
    likely = probability(logits[:known])
    rows = zip(recogniser.groups, likely, shares(recogniser, seen, bands, likely), strict=True)
    groups = [Group(name, float(p), told(bands, row)) for name, p, row in rows]
    ordered = tuple(sorted(groups, key=lambda group: -group.probability))
    return Identified(ordered, strangeness, tuple(read), remarks)


def is_transmittance(read: list[Given], recogniser: Recogniser) -> bool:
    """Return whether a spectrum of which nobody says the quantity is like those trained on as a transmittance."""
    if len(read) > 1 or not read[0].unsaid or read[0].values.max() <= 0:
        return False
    (one,) = read
    seen = channels({one.kind: (one.wavenumber, absorbance_of(one.values, one.origin))})
    return recogniser.strangeness(seen) <= 1


def remarks_of(read: list[Given], strangeness: float, other: bool, transmitted: bool = False) -> tuple[str, ...]:
    """Return what speaks against believing the numbers, one cause at a time.

    ``other`` says that it looks like the other kind, ``transmitted`` that as a transmittance it is like others.
    """
    names = " and ".join(each.origin for each in read)
    kind = read[0].kind
    flag, looks = ("raman", "a Raman") if kind == "infrared" else ("ir", "an infrared")
    reason = ", as the file says" if read[0].stated else f": {flag}={names} takes it as that"
    reads = f"looks like {looks} spectrum, but is read as {kind}{reason}"
    if strangeness > 1:
        far = (
            f"{names}: unlike anything that was trained on (distance {strangeness:.1f} times that of all but one in "
            "two hundred): the probabilities mean little"
        )
        likest = "as a transmittance it is like others: --quantity transmittance" if transmitted else f"it {reads}"
        return (f"{far}; {likest}" if transmitted or other else far,)
    return (f"{names} {reads}",) if other else ()


def told(bands: list[Band], share: Array) -> tuple[Band, ...]:
    """Return up to `MOST_BANDS` bands by falling share; of those that overlap, as the branches of a gas, the first."""
    chosen: list[Band] = []
    for k in np.argsort(-share, kind="stable"):
        if len(chosen) == MOST_BANDS or share[k] <= LEAST_SHARE:
            break
        if not any(bands[k].overlaps(other) for other in chosen):
            chosen.append(bands[k])
    return tuple(chosen)


def write_identified(out: File, made: Identified, settings: IdentifySettings) -> list[Path]:
    """Write ``groups.csv`` and the picture into a folder; return the files."""
    out = path_of(out)
    require_folder(out)
    table = out / TABLE
    if table.exists() and not table.read_text(encoding="utf-8", errors="replace").startswith("# mimyria"):
        raise ConfigError(f"{table} is not of `mimyria identify`, and would be written over; give another --out")
    make_folder(out)
    text = io.StringIO()
    text.write(f"# mimyria {__version__}: functional groups\n# model: {settings.model}\n")
    text.write("".join(f"# {each.kind}: {each.origin}\n" for each in made.given))
    text.write(f"# distance from what was trained on, over its limit: {made.strangeness:.3g}\n")
    text.write("".join(f"# warning: {remark}\n" for remark in made.remarks))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["group", "probability", "bands_cm-1"])
    for group in made.groups:
        told = "; ".join(f"{band.kind} {band.centre:.0f} ({band.low:.0f} to {band.high:.0f})" for band in group.bands)
        writer.writerow([group.name, f"{group.probability:.4f}", told])
    write_text(out / TABLE, text.getvalue())
    pictures = [out / f"{PICTURE}.{name}" for name in settings.plot_format]
    if pictures:
        from mimyria.figures.marked import Marked, plot_groups

        shown = [group for group in made.groups if group.probability >= settings.least]
        panels = [
            Marked(
                each.kind,
                each.wavenumber,
                each.values,
                [
                    (
                        f"{group.name} {group.probability:.2f}",
                        [(b.low, b.centre, b.high) for b in group.bands if b.kind == each.kind],
                    )
                    for group in shown
                ],
            )
            for each in made.given
        ]
        plot_groups(pictures, panels, settings.title, made.remarks)
    return [out / TABLE, *pictures]
