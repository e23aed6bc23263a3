"""The three kinds of work: groups of a spectrum, normal modes of a molecule, spectra of a trajectory.

The endings are those of formats whose readers execute nothing and follow no links to other files: no pickles, no HDF5,
no topologies that include others.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec

from mimyria.app.drops import Drop, Example, Role
from mimyria.choices import ORGANIC
from mimyria.files.compression import SUFFIXES
from mimyria.settings import HarmonicSettings, IdentifySettings, SpectrumSettings

MEGABYTE = 1_000_000
MOST_ATOMS = {"tblite": 60, "pyscf": 12}
"""Of a structure, by what computes its forces: up to an hour on one core."""

TABLES = (".jdx", ".dx", ".jcm", ".jcamp", ".csv", ".tsv", ".txt", ".dat", ".asc", ".xy", ".dpt", ".npy")
XYZ = (".xyz", ".extxyz")
STRUCTURES = (*XYZ, ".cif", ".pdb", ".gro", ".gen", ".mol", ".sdf", ".xsf", ".in", ".poscar", ".contcar", ".vasp")
WITH_HESSIAN = (".fchk", ".fch", ".hess")
BINARY = (".trr", ".xtc", ".dcd", ".nc", ".ncdf")
TEXTS = tuple(f"{plain}{packed}" for plain in (*XYZ, ".lammpstrj", ".dump", ".lammps") for packed in ("", *SUFFIXES))
TRAJECTORIES = (*TEXTS, ".pdb", ".gro", *BINARY)
TOPOLOGIES = (".pdb", ".gro", ".psf", ".prmtop", ".parm7", ".data")
STRUCTURE_FIELDS = ("relax", "charge", "isotope", "scale", "width", "temperature", "laser", "fmax", "largest_force")
TRAJECTORY_FIELDS = (
    *("timestep", "cell", "temperature", "frames", "resolution", "stride", "velocity_unit", "species", "mass"),
    *("constraints", "nuclei", "correction", "epsilon_infinity", "laser"),
)
NO_CALCULATOR = (
    "Nothing that computes forces is installed: `pip install 'mimyria[tblite]'` and start the page again. A file of "
    "Gaussian (.fchk) or ORCA (.hess) that holds the Hessian needs none."
)
ORGANIC_FOR = "tblite"
"""With the forces of what: its own intensities are rough."""
HELP_OF_CALCULATOR = (
    "What computes the forces: tblite is GFN2-xTB, seconds, with intensities by the bundled networks, or rough ones of "
    "an ion or of elements other than H C N O F P S Cl Br; pyscf is PBE/def2-SVPD, minutes to hours."
)
HELP_OF_TRAINED = "The bundled networks: water, liquid; sulfate, in water."


def _installed() -> list[str]:
    return [name for name in MOST_ATOMS if find_spec(name) is not None]


def _bundled() -> list[str]:
    """Return the names of the bundled pairs of networks for liquids, water first."""
    stored = (each.name for each in (files("mimyria") / "data").iterdir())
    names = [name.removesuffix("_apt.mym") for name in stored if name.endswith("_apt.mym")]
    return sorted((name for name in names if name != ORGANIC), key=lambda name: (name != "water", name))


def drops(largest: float) -> dict[str, Drop]:
    """Return what may be dropped, by kind; the files of a trajectory may have ``largest`` MB."""
    calculators = _installed()
    return {
        each.kind: each
        for each in (
            Drop(
                kind="spectrum",
                title="A spectrum",
                words="Its functional groups, each with its bands.",
                roles=(
                    Role("any", "a spectrum of either kind, as it says", TABLES, (".npy",), most=2),
                    Role("infrared", "an infrared spectrum", TABLES, (".npy",)),
                    Role("raman", "a Raman spectrum", TABLES, (".npy",)),
                ),
                most_files=2,
                largest=20 * MEGABYTE,
                settings=IdentifySettings,
                fields=("quantity", "abscissa", "column", "least"),
                hours=0.25,
                examples=(Example("acetone.csv", "acetone, infrared, computed", "app/examples/acetone.csv"),),
            ),
            Drop(
                kind="structure",
                title="A molecule",
                words="Its normal modes, moving, with infrared and Raman spectra.",
                roles=(Role("structure", "a structure", (*STRUCTURES, *WITH_HESSIAN), needed=True),),
                most_files=1,
                largest=20 * MEGABYTE,
                settings=HarmonicSettings,
                fields=STRUCTURE_FIELDS,
                defaults={"relax": "true"},
                choices={"calculator": calculators} if calculators else {},
                hours=4,
                examples=(Example("ethanol.xyz", "ethanol", "app/examples/ethanol.xyz"),),
                help={"calculator": HELP_OF_CALCULATOR},
                missing="" if calculators else NO_CALCULATOR,
                spared=WITH_HESSIAN,
            ),
            Drop(
                kind="trajectory",
                title="A trajectory of water",
                words="Infrared and Raman spectra of the liquid, in absolute units.",
                roles=(
                    Role("trajectory", "a trajectory", TRAJECTORIES, BINARY, needed=True),
                    Role("velocities", "its velocities", TRAJECTORIES, BINARY),
                    Role("topology", "what names its atoms", TOPOLOGIES),
                    Role("cell", "its cell", (".cell",)),
                ),
                most_files=4,
                largest=largest * MEGABYTE,
                settings=SpectrumSettings,
                fields=TRAJECTORY_FIELDS,
                choices={"trained": _bundled()},
                help={"trained": HELP_OF_TRAINED},
                hours=24,
                examples=(
                    Example(
                        "water32.extxyz.xz",
                        "32 molecules of water, 5 ps",
                        "data/water32.extxyz.xz",
                        {"frames": "0:600", "resolution": "60"},
                    ),
                ),
            ),
        )
    }
