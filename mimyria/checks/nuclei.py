"""What the nuclei of a trajectory are, classical or of a path integral, and what follows from it for its spectra.

Ring-polymer and centroid dynamics (RPMD, TRPMD, CMD), and dynamics on an effective potential made of these, approximate
Kubo-transformed correlation functions,

    K_AB(t) = 1/β ∫_0^β ⟨A(-iλħ) B(t)⟩ dλ

Like classical ones they are real and even in time, and linear response holds for them exactly as it does for classical
ones in classical mechanics. So the formulas of all spectra stay as they are, and the quantum correction ``harmonic``,
which these contain, is exact for every vibration: S(ω) = x/(1 - e^{-x}) · K(ω), x = βħω, is the spectrum of the quantum
correlation function. Velocities have K_vv(0) = k_B T/m, so the centroid has the temperature T in every mode, and its
density of states 3N - 3 modes. The velocities of the P beads of a ring polymer have P·T.

S. Habershon, D. E. Manolopoulos, T. E. Markland and T. F. Miller III, Annu. Rev. Phys. Chem. 64, 387 (2013);
I. R. Craig and D. E. Manolopoulos, J. Chem. Phys. 121, 3368 (2004); F. Musil, I. Zaporozhets, F. Noé, C. Clementi and
V. Kapil, J. Chem. Phys. 157, 181102 (2022).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from mimyria.checks.consistency import TEMPERATURE_TOLERANCE
from mimyria.checks.equipartition import SIGNIFICANT, exchange_error, few_blocks, species_temperatures
from mimyria.errors import ConfigError
from mimyria.frame import Frame
from mimyria.rates.series import ResponseSeries
from mimyria.settings import Experiment, SpectrumSettings

log = logging.getLogger("mimyria")

KUBO = "correlation functions are Kubo-transformed"
STATED = {
    "classical": "classical",
    "beads": f"path integral of {{n_beads}} beads, {KUBO}: rates are means over the beads, velocities the centroid's",
    "centroid": f"centroid of a path integral, {KUBO}: rates and velocities are those of the centroid",
    "effective": f"classical on an effective potential of quantum nuclei, {KUBO}",
}
"""The header entry, by the name in ``choices.NUCLEI``."""


def nuclei_header(nuclei: str, n_beads: int) -> dict[str, str]:
    """Return the header entry about the nuclei."""
    return {"nuclei": STATED[nuclei].format(n_beads=n_beads)}


def check_correction(nuclei: str, correction: str) -> None:
    """Raise ConfigError for a quantum correction that does not fit the dynamics of the nuclei."""
    if nuclei != "classical" and correction != Experiment.correction:
        raise ConfigError(
            f"--correction {correction} is for classical nuclei, not for --nuclei {nuclei}: {KUBO}, which the formulas "
            "turn exactly into quantum ones without any other factor; leave --correction out"
        )


def declared_nuclei(settings: SpectrumSettings) -> str:
    """Return the dynamics of the nuclei of a trajectory; raise ConfigError if settings contradict it."""
    nuclei = settings.nuclei or ("classical" if settings.beads is None else "beads")
    if nuclei != "beads" and settings.beads is not None:
        raise ConfigError(
            f"--nuclei {nuclei} takes a single trajectory, not --beads: give that one, or leave --nuclei out"
        )
    if nuclei == "beads" and settings.beads is None:
        raise ConfigError("--nuclei beads needs --beads PATTERN, the files of the beads")
    check_correction(nuclei, settings.correction)
    return nuclei


def told_nuclei(settings: SpectrumSettings, first: Frame) -> str:
    """Return `declared_nuclei`, or without a statement what the first frame of a file of i-PI tells.

    Raises
    ------
    ConfigError
        If the frame is one of several beads, but the others are not given.
    """
    if settings.nuclei is None and settings.beads is None:
        if "centroid" in str(first.info.get("quantity")):
            log.info("the trajectory is that of a centroid: --nuclei centroid")
            return "centroid"
        if bead := first.info.get("bead"):
            raise ConfigError(
                f"the trajectory is that of bead {bead} of a ring polymer alone: give all of them by --beads, or the "
                "trajectory of the centroid"
            )
    return declared_nuclei(settings)


def choose_nuclei(series: Sequence[ResponseSeries], settings: Experiment) -> str:
    """Return the dynamics of the nuclei that settings state, else that of the series.

    Raises
    ------
    ConfigError
        If both differ in whether the rates are means over beads, or the quantum correction does not fit.
    """
    stored, given = series[0].nuclei, settings.nuclei
    if given is not None and given != stored and "beads" in (given, stored):
        raise ConfigError(f"--nuclei {given} does not fit rates of --nuclei {stored}: leave it out")
    if given is not None and given != stored != "classical":
        log.warning(f"the rates were made with --nuclei {stored}, and are taken as {given}, as --nuclei says")
    check_correction(given or stored, settings.correction)
    return given or stored


def check_beads(series: Sequence[ResponseSeries]) -> None:
    """Log the kinetic temperature of the beads; warn if it does not fit that of the centroid."""
    n_beads = series[0].n_beads
    known = [(run.temperature, run.bead_temperature) for run in series if run.bead_temperature is not None]
    if len(known) < len(series) or series[0].differenced:
        return
    (centroid, beads), errors = species_temperatures([np.stack([one, each / n_beads], axis=1) for one, each in known])
    scatter = float(np.hypot(*errors)) * few_blocks(series, errors=2)
    error = max(scatter, float(exchange_error(series, centroid, series[0].total_freedom)))
    found = f"the velocities of the {n_beads} beads correspond to {n_beads} × {beads:.4g} K"
    if abs(beads - centroid) > max(TEMPERATURE_TOLERANCE * centroid, SIGNIFICANT * error):
        log.warning(
            f"{found}, those of the centroid to {centroid:.4g} K: this is no ring-polymer dynamics of atoms with their "
            "masses, but has scaled masses or a generalised Langevin thermostat; without its --beads, the centroid of "
            "CMD can be used"
        )
    else:
        log.info(f"{found}, those of the centroid to {centroid:.4g} K")
